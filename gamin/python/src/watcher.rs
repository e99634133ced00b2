//! A watcher, to be had from Python: paths in, changes out.
//!
//! What it knows is left to `watching`, what people see of it to `gamin/_watch.py`. Invariant: the lock is not held while anything is awaited, nor
//! while Python is called.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gamin::Error;
use gamin_follow::{Follower, Ignoring, Options};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::connect::open;
use crate::error::{closed, exception};
use crate::saying::say;
use crate::settling::Sync;
use crate::shared::Shared;
use crate::told::{Reported, list};
use crate::waiting::{deadline, wait_until};
use crate::watching::Watching;

/// The longest pause of a batch: with more, moments could not be reckoned.
const PAUSE_MAX: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Watches paths.
#[pyclass(frozen, module = "gamin._native")]
pub struct Watcher {
    /// Until it is closed.
    shared: Mutex<Option<Arc<Shared>>>,
    gathers: bool,
}

impl Watcher {
    fn get(&self) -> PyResult<Arc<Shared>> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or_else(closed)
    }

    /// Does something that does not wait, but for others who do the like.
    fn with<T: Send>(
        &self,
        py: Python<'_>,
        call: impl FnOnce(&mut Watching) -> Result<T, Error> + Send,
    ) -> PyResult<T> {
        let shared = self.get()?;
        let (done, notes) = py.detach(|| {
            let mut watching = shared.lock();
            (call(&mut watching), watching.take_notes())
        });
        say(py, notes)?;
        done.map_err(|error| exception(py, &error))
    }

    /// A batch for Python: a list, or the one change that it has where nothing is gathered.
    fn given(&self, py: Python<'_>, mut batch: Vec<Reported>) -> PyResult<Py<PyAny>> {
        match batch.pop() {
            Some(told) if !self.gathers => Ok(told.values(py).into_pyobject(py)?.into_any().unbind()),
            last => {
                batch.extend(last);
                list(py, batch)
            }
        }
    }
}

/// What is left out, as a dict.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Ignored {
    patterns: Vec<String>,
    files: Vec<Vec<u8>>,
    standard: bool,
}

impl From<Ignored> for Ignoring {
    fn from(Ignored { patterns, files, standard }: Ignored) -> Ignoring {
        let files = files.into_iter().map(|file| PathBuf::from(OsString::from_vec(file)));
        Ignoring { patterns, files: files.collect(), standard }
    }
}

#[pymethods]
impl Watcher {
    /// Makes one that watches nothing yet.
    #[new]
    #[pyo3(signature = (*, recursive, initial, moves, gather, ignored))]
    fn new(
        py: Python<'_>,
        recursive: bool,
        initial: bool,
        moves: bool,
        gather: Option<f64>,
        ignored: Ignored,
    ) -> PyResult<Watcher> {
        let pause = match gather.map(Duration::try_from_secs_f64) {
            Some(Err(why)) => return Err(PyValueError::new_err(format!("gather: {why}"))),
            pause => pause.and_then(Result::ok).map(|pause| pause.min(PAUSE_MAX)),
        };
        let options = Options { recursive, one_file_system: false, moves, ignoring: ignored.into() };
        let follower =
            Follower::new(open(py)?, options).map_err(|why| PyValueError::new_err(why.to_string()))?;
        let watching = Watching::new(follower, initial, pause);
        let watching = watching.map_err(|errno| exception(py, &errno.into()))?;
        let shared = Shared::new(watching);
        Ok(Watcher { shared: Mutex::new(Some(Arc::new(shared))), gathers: gather.is_some() })
    }

    /// Watches a path as well; `root` comes back with each change there.
    fn add(&self, py: Python<'_>, path: &[u8], root: Py<PyAny>) -> PyResult<()> {
        let path = PathBuf::from(OsStr::from_bytes(path));
        self.with(py, |watching| watching.add(path, Arc::new(root)))
    }

    /// Watches a path no more. Says whether it did.
    fn remove(&self, py: Python<'_>, path: &[u8]) -> PyResult<bool> {
        let path = Path::new(OsStr::from_bytes(path));
        self.with(py, |watching| watching.remove(path))
    }

    /// Gives the next change, or batch, if there is one.
    fn poll(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        self.with(py, Watching::next)?.map(|batch| self.given(py, batch)).transpose()
    }

    /// Gives the next change, or batch; waits for it, at most so long.
    #[pyo3(signature = (timeout=None))]
    fn next(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<Option<Py<PyAny>>> {
        let (shared, deadline) = (self.get()?, deadline(timeout)?);
        loop {
            let news = wait_until(py, &[shared.seat().0.as_fd()], (deadline, None), exception, || {
                let mut watching = shared.lock();
                let (batch, notes) = (watching.next()?, watching.take_notes());
                Ok((batch.is_some() || !notes.is_empty()).then_some((batch, notes)))
            })?;
            let Some((batch, notes)) = news else { return Ok(None) };
            say(py, notes)?;
            if let Some(batch) = batch {
                return self.given(py, batch).map(Some);
            }
        }
    }

    /// Waits until there is something to take, at most so long. Says whether there is.
    #[pyo3(signature = (timeout=None))]
    fn wait(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<bool> {
        let (shared, deadline) = (self.get()?, deadline(timeout)?);
        let ready = wait_until(py, &[shared.seat().0.as_fd()], (deadline, None), exception, || {
            Ok(shared.lock().is_ready()?.then_some(()))
        })?;
        shared.say_notes(py)?;
        Ok(ready.is_some())
    }

    /// Gives all changes that there are, as a list.
    fn take(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let all = self.with(py, Watching::take)?;
        list(py, all)
    }

    /// The gaps: paths, and why.
    fn gaps(&self, py: Python<'_>) -> PyResult<Vec<(Vec<u8>, String)>> {
        let gaps = self.with(py, |watching| Ok(watching.gaps()))?;
        Ok(gaps.into_iter().map(|(path, why)| (path.into_os_string().into_vec(), why)).collect())
    }

    /// Whether this process watches by itself.
    fn is_embedded(&self, py: Python<'_>) -> PyResult<bool> {
        self.with(py, |watching| watching.is_embedded())
    }

    /// Begins a barrier.
    fn begin_sync(&self, py: Python<'_>) -> PyResult<Sync> {
        Sync::begin(py, self.get()?)
    }

    /// The descriptor that is readable when there is something.
    fn fileno(&self) -> PyResult<RawFd> {
        Ok(self.get()?.seat().0.as_raw_fd())
    }

    /// Closes it, for those who wait in it too.
    fn close(&self, py: Python<'_>) {
        let shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(shared) = shared {
            py.detach(|| {
                shared.lock().close();
                drop(shared);
            });
        }
    }
}
