//! Waiting, as Python does it: without the interpreter, and until a signal handler raises something.
//!
//! What is awaited is left to whoever waits. Invariant: nothing is taken that is not given to the caller, so that an exception loses nothing.

use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use gamin::Error;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// A moment from the seconds that a caller gave; none if it gave none, or more than can be waited.
pub(crate) fn deadline(seconds: Option<f64>) -> PyResult<Option<Instant>> {
    match seconds {
        Some(seconds) if seconds.is_nan() => Err(PyValueError::new_err("a timeout is a number")),
        Some(seconds) => {
            let timeout = Duration::try_from_secs_f64(seconds.max(0.0));
            Ok(timeout.ok().and_then(|timeout| Instant::now().checked_add(timeout)))
        }
        None => Ok(None),
    }
}

/// Makes steps until one gives something, and waits for one of the descriptors in between, at most `longest` at a time; gives `None` when the
/// deadline has passed. `exception` makes the exception for what fails.
pub(crate) fn wait_until<T: Send>(
    py: Python<'_>,
    descriptors: &[BorrowedFd<'_>],
    (deadline, longest): (Option<Instant>, Option<Duration>),
    exception: fn(Python<'_>, &Error) -> PyErr,
    mut step: impl FnMut() -> Result<Option<T>, Error> + Send,
) -> PyResult<Option<T>> {
    loop {
        py.check_signals()?;
        let (done, is_over) = py
            .detach(|| {
                let done = step()?;
                let is_over = done.is_some() || deadline.is_some_and(|deadline| deadline <= Instant::now());
                if !is_over {
                    wait(descriptors, deadline, longest)?;
                }
                Ok((done, is_over))
            })
            .map_err(|error: Error| exception(py, &error))?;
        if is_over {
            return Ok(done);
        }
    }
}

fn wait(
    descriptors: &[BorrowedFd<'_>],
    deadline: Option<Instant>,
    longest: Option<Duration>,
) -> Result<(), Errno> {
    let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
    let timeout = left.into_iter().chain(longest).min().map_or(PollTimeout::NONE, |left| {
        // Rounded up, so that the last wait is not a busy one.
        PollTimeout::try_from(left + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX)
    });
    let mut ready: Vec<_> = descriptors.iter().map(|one| PollFd::new(*one, PollFlags::POLLIN)).collect();
    match poll(&mut ready, timeout) {
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(errno) => Err(errno),
    }
}
