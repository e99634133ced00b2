//! What is told to Python of one change.
//!
//! How it looks there is left to `gamin/_watch.py`. Invariant: until it is told, nothing of Python is touched: what Python gave is only carried.

use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::sync::Arc;

use gamin::Code;
use gamin_follow::What;
use pyo3::prelude::*;

/// What Python gave with a path that it asked for, and gets back with each change there.
pub(crate) type Spelling = Arc<Py<PyAny>>;

/// A change: its event, where, and where it is now if it has moved.
#[derive(Debug)]
pub(crate) struct Reported {
    pub event: What,
    pub place: Location,
    pub moved_to: Option<Location>,
}

/// A path, and its root unless that is watched no more.
#[derive(Debug)]
pub(crate) struct Location {
    pub root: Option<Spelling>,
    pub path: PathBuf,
}

/// The same as values of Python.
type LocationValues = (Option<Py<PyAny>>, Vec<u8>);
type Values = (u16, Option<Py<PyAny>>, Vec<u8>, Option<LocationValues>);

impl Location {
    fn values(self, py: Python<'_>) -> LocationValues {
        (self.root.map(|root| root.clone_ref(py)), self.path.into_os_string().into_vec())
    }
}

impl Reported {
    /// The event's number, the root, the path; root and path where it is now.
    pub(crate) fn values(self, py: Python<'_>) -> Values {
        let code = match self.event {
            What::Exists => Code::Exists,
            What::Created => Code::Created,
            What::Changed => Code::Changed,
            What::Deleted => Code::Deleted,
            What::Moved => Code::Moved,
        };
        let (root, path) = self.place.values(py);
        (code.number(), root, path, self.moved_to.map(|place| place.values(py)))
    }
}

/// A batch of changes as a list of Python.
pub(crate) fn list(py: Python<'_>, batch: Vec<Reported>) -> PyResult<Py<PyAny>> {
    Ok(batch
        .into_iter()
        .map(|told| told.values(py))
        .collect::<Vec<_>>()
        .into_pyobject(py)?
        .into_any()
        .unbind())
}
