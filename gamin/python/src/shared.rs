//! A watcher's state under its lock, and the descriptor that is waited for without it.
//!
//! Invariant: nobody who has the lock calls Python or waits.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nix::sys::epoll::Epoll;
use pyo3::prelude::*;

use crate::saying::say;
use crate::watching::Watching;

/// What the calls of all threads share.
pub(crate) struct Shared {
    watching: Mutex<Watching>,
    seat: Arc<Epoll>,
}

impl Shared {
    pub(crate) fn new(watching: Watching) -> Shared {
        Shared { seat: watching.descriptor(), watching: Mutex::new(watching) }
    }

    /// The descriptor to wait for.
    pub(crate) fn seat(&self) -> &Epoll {
        &self.seat
    }

    /// Says to people what is to be said by now.
    pub(crate) fn say_notes(&self, py: Python<'_>) -> PyResult<()> {
        say(py, py.detach(|| self.lock().take_notes()))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Watching> {
        // Nothing panics while it holds the lock; and if it did, what is known would be as good as before.
        self.watching.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
