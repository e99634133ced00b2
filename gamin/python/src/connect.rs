//! How a connection is opened: the one place that decides it, for all of the module.
//!
//! Who watches is left to the environment. Invariant: what is traced, or said of the environment, is so once, before the first connection.

use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::prelude::*;

use crate::error::exception;
use crate::saying::say;

/// Opens a connection to the session that the environment names, and starts its server if there is none.
pub(crate) fn open(py: Python<'_>) -> PyResult<gamin::Connection> {
    begin(py)?;
    py.detach(gamin::Connection::open).map_err(|error| exception(py, &error))
}

/// What is done once.
fn begin(py: Python<'_>) -> PyResult<()> {
    static HAS_BEGUN: AtomicBool = AtomicBool::new(false);
    if HAS_BEGUN.swap(true, Ordering::Relaxed) {
        return Ok(());
    }
    py.detach(gamin_trace::follow_signal_if_asked);
    let note = gamin::Mode::misnamed()
        .map(|name| format!("GAM_MODE is {name:?}, none of {}: taken for auto", gamin::Mode::NAMES));
    say(py, note.into_iter().collect())
}
