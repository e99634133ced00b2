//! What is said to people, by Python's logger.
//!
//! How it gets there is left to `gamin/_watch.py`. Invariant: where nothing is to be said, Python is not called.

use pyo3::prelude::*;

/// Has Python say something to people.
pub(crate) fn say(py: Python<'_>, notes: Vec<String>) -> PyResult<()> {
    if notes.is_empty() {
        return Ok(());
    }
    py.import("gamin._watch")?.call_method1("say", (notes,)).map(drop)
}
