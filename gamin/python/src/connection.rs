//! A connection for the original's interface: requests by number, events one by one.
//!
//! Who is called for an event is left to `gamin/_session.py`. Invariant: a connection that is closed holds no descriptor, as soon as nobody waits
//! in it any more.

use std::ffi::OsStr;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gamin::{Error, Event, MonitorRequest, OpenBarrier, RequestNumber, Scope};
use pyo3::exceptions::PyTimeoutError;
use pyo3::prelude::*;

use crate::connect::open;
use crate::error::exception_of_monitor;
use crate::waiting::{deadline, wait_until};

/// How long who waits at the barrier may not notice that another thread has read the answer.
const GLANCE: Duration = Duration::from_millis(100);

/// An event: the number of its request, its code, its path.
type Tuple = (i32, u16, Vec<u8>);

/// A connection to a server.
#[pyclass(frozen, module = "gamin._native")]
pub struct MonitorConnection {
    /// Until it is closed.
    connection: Mutex<Option<Arc<gamin::Connection>>>,
}

impl MonitorConnection {
    fn get(&self, py: Python<'_>) -> PyResult<Arc<gamin::Connection>> {
        // It is never held but for a moment, and not while Python is called.
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        connection.clone().ok_or_else(|| exception_of_monitor(py, &Error::Closed))
    }

    /// Does something that does not wait, but for others who do the like.
    fn with<T: Send>(
        &self,
        py: Python<'_>,
        call: impl FnOnce(&gamin::Connection) -> Result<T, Error> + Send,
    ) -> PyResult<T> {
        let connection = self.get(py)?;
        py.detach(|| call(&connection)).map_err(|error| exception_of_monitor(py, &error))
    }
}

#[pymethods]
impl MonitorConnection {
    /// Opens a connection; starts a server if none answers.
    #[new]
    fn new(py: Python<'_>) -> PyResult<MonitorConnection> {
        Ok(MonitorConnection { connection: Mutex::new(Some(Arc::new(open(py)?))) })
    }

    /// Begins to monitor a path from / on under a number.
    fn monitor(&self, py: Python<'_>, path: &[u8], is_directory: bool, number: i32) -> PyResult<()> {
        let path = Path::new(OsStr::from_bytes(path));
        let scope = if is_directory { Scope::Directory } else { Scope::File };
        self.with(py, |connection| {
            let number = Some(RequestNumber(number));
            connection.ask(&MonitorRequest { number, ..MonitorRequest::new(path, scope) }).map(drop)
        })
    }

    /// Ends a request; its Acknowledge will still come.
    fn cancel(&self, py: Python<'_>, number: i32) -> PyResult<()> {
        self.with(py, |connection| connection.cancel(RequestNumber(number)))
    }

    /// Leaves out what exists at the beginning of all directory requests from now on.
    fn no_exists(&self, py: Python<'_>) -> PyResult<()> {
        self.with(py, gamin::Connection::no_exists)
    }

    /// The descriptor that is readable when there is an event.
    fn fileno(&self, py: Python<'_>) -> PyResult<RawFd> {
        Ok(self.get(py)?.as_raw_fd())
    }

    /// Whether this process watches by itself.
    fn is_embedded(&self, py: Python<'_>) -> PyResult<bool> {
        self.with(py, |connection| Ok(connection.is_embedded()))
    }

    /// The server's process, if there is one and it can be seen.
    fn server_pid(&self, py: Python<'_>) -> PyResult<Option<i32>> {
        self.with(py, |connection| Ok(connection.server_pid()))
    }

    /// Whether there is an event.
    fn pending(&self, py: Python<'_>) -> PyResult<bool> {
        self.with(py, gamin::Connection::pending)
    }

    /// Gives the next event if there is one.
    fn poll(&self, py: Python<'_>) -> PyResult<Option<Tuple>> {
        Ok(self.with(py, gamin::Connection::try_next_event)?.map(tuple))
    }

    /// Gives the next event; waits for it.
    fn next(&self, py: Python<'_>) -> PyResult<Option<Tuple>> {
        let connection = self.get(py)?;
        let event = wait_until(py, &[connection.as_fd()], (None, None), exception_of_monitor, || {
            connection.try_next_event()
        })?;
        Ok(event.map(tuple))
    }

    /// Waits until everything that happened before the call can be had with poll.
    #[pyo3(signature = (timeout=None))]
    fn sync(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<()> {
        let (connection, deadline) = (self.get(py)?, deadline(timeout)?);
        let mut barrier = self.with(py, gamin::Connection::begin_barrier)?;
        let times = (deadline, Some(GLANCE));
        let reached = wait_until(py, &[connection.as_fd()], times, exception_of_monitor, || {
            is_reached(&connection, &mut barrier)
        });
        py.detach(|| connection.forget_barrier(&barrier));
        reached?.ok_or_else(|| PyTimeoutError::new_err("not everything was told in time"))
    }

    /// Closes it, for those who wait in it too.
    fn close(&self, py: Python<'_>) {
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(connection) = connection {
            py.detach(|| {
                connection.close();
                drop(connection);
            });
        }
    }
}

fn is_reached(connection: &gamin::Connection, barrier: &mut OpenBarrier) -> Result<Option<()>, Error> {
    Ok(connection.poll_barrier(barrier)?.then_some(()))
}

fn tuple(event: Event) -> Tuple {
    (event.request.0, event.code.number(), event.path.into_os_string().into_vec())
}
