//! The barrier of a watcher, to be had from Python: waited for, or looked at beside other things.
//!
//! What passes it is left to `watching`. Invariant: it is forgotten when nobody has it any more.

use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::sync::Arc;

use nix::sys::eventfd::EventFd;
use pyo3::exceptions::PyTimeoutError;
use pyo3::prelude::*;

use crate::error::{exception, system};
use crate::seat::bell;
use crate::shared::Shared;
use crate::waiting::{deadline, wait_until};

/// A barrier.
#[pyclass(frozen, module = "gamin._native")]
pub struct Sync {
    shared: Arc<Shared>,
    number: u64,
    /// The answer comes here, unless somebody else reads it: then the bell is rung.
    connection: OwnedFd,
    bell: Arc<EventFd>,
}

impl Sync {
    pub(crate) fn begin(py: Python<'_>, shared: Arc<Shared>) -> PyResult<Sync> {
        let bell = Arc::new(bell().map_err(|errno| system(py, errno))?);
        let begun = py.detach(|| {
            let mut watching = shared.lock();
            let connection = watching.connection()?;
            Ok((watching.begin_barrier(&bell)?, connection))
        });
        let (number, connection) = begun.map_err(|error| exception(py, &error))?;
        Ok(Sync { shared, number, connection, bell })
    }
}

#[pymethods]
impl Sync {
    /// The descriptors one of which is readable when it may be passed.
    fn filenos(&self) -> (RawFd, RawFd) {
        (self.connection.as_raw_fd(), self.bell.as_raw_fd())
    }

    /// Says, once, that everything that happened before it began can be had.
    fn poll(&self, py: Python<'_>) -> PyResult<bool> {
        let passed = py.detach(|| self.shared.lock().poll_barrier(self.number));
        self.shared.say_notes(py)?;
        passed.map(|passed| passed.is_some()).map_err(|error| exception(py, &error))
    }

    /// Waits until everything that happened before it began can be had.
    #[pyo3(signature = (timeout=None))]
    fn wait(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<()> {
        let (descriptors, times) = ([self.connection.as_fd(), self.bell.as_fd()], (deadline(timeout)?, None));
        let passed =
            wait_until(py, &descriptors, times, exception, || self.shared.lock().poll_barrier(self.number))?;
        self.shared.say_notes(py)?;
        passed.ok_or_else(|| PyTimeoutError::new_err("not everything was told in time"))
    }
}
