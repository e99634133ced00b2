//! What goes wrong, as exceptions.
//!
//! What they look like is left to `gamin/_errors.py`. Invariant: an error has the number that the C library has for it, and all that is known of
//! why.

use gamin::Error;
use nix::errno::Errno;
use pyo3::exceptions::{PyTimeoutError, PyValueError};
use pyo3::prelude::*;

/// GAM_ARG and so on, by their names there.
const ARG: u8 = 1;
const FILE: u8 = 2;
const CONNECT: u8 = 3;
const MEM: u8 = 5;
const UNIMPLEM: u8 = 6;
/// What the original's monitor says after its end.
const DISCONNECTED: &str = "Already disconnected";

/// The exception for an error.
pub(crate) fn exception(py: Python<'_>, error: &Error) -> PyErr {
    let number = match error {
        Error::TimedOut => return PyTimeoutError::new_err("not everything was told in time"),
        Error::Closed => return closed(),
        Error::BadPath(_) => FILE,
        Error::UnknownRequest(_) | Error::NotATree(_) => ARG,
        Error::BadArgument(_) | Error::NumberInUse(_) | Error::TooManyRequests => MEM,
        Error::System(Errno::ENOMEM) => MEM,
        Error::Unsupported => UNIMPLEM,
        _ => CONNECT,
    };
    made(py, number, &gamin::explain(error))
}

fn made(py: Python<'_>, number: u8, why: &str) -> PyErr {
    let made = py.import("gamin._errors").and_then(|errors| errors.call_method1("failure", (number, why)));
    made.map_or_else(|error| error, PyErr::from_value)
}

/// The exception for what the system refused.
pub(crate) fn system(py: Python<'_>, errno: Errno) -> PyErr {
    exception(py, &Error::System(errno))
}

/// The exception for a use after the end.
pub(crate) fn closed() -> PyErr {
    PyValueError::new_err("the watch is closed")
}

/// The exception for an error of a monitor, which says of its end what the original's would.
pub(crate) fn exception_of_monitor(py: Python<'_>, error: &Error) -> PyErr {
    match error {
        Error::Closed => made(py, ARG, DISCONNECTED),
        error => exception(py, error),
    }
}
