//! The native part of Python's module `gamin`: connections and watchers, to be had from Python.
//!
//! What people see of it is left to the Python files beside it. Invariants: no call holds the interpreter while it waits, nor while it waits
//! for a lock; no lock is held while Python is called; a signal ends a wait as soon as its handler raises something; a descriptor is
//! readable for as long as there is something to take.

#![forbid(unsafe_code)]

mod connect;
mod connection;
mod error;
mod saying;
mod seat;
mod settling;
mod shared;
mod told;
mod waiting;
mod watcher;
mod watching;

use pyo3::prelude::*;

/// The module `gamin._native`.
#[pymodule(gil_used = false)]
mod _native {
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::connection::MonitorConnection;
    #[pymodule_export]
    use super::settling::Sync;
    #[pymodule_export]
    use super::watcher::Watcher;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
