//! Keeps the start of a process apart from files being written.
//!
//! Scenarios play side by side in one process. Between its fork and its exec a new process holds a copy of every
//! descriptor, also of a file that another scenario has just written and closed; the kernel tells of the close only when the
//! last copy is gone. Invariant: while anything is done to files, nothing is forked, so a close is told when it is made.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

static FORKS: RwLock<()> = RwLock::new(());

/// While this lives, no process is started.
pub(crate) fn none() -> RwLockReadGuard<'static, ()> {
    FORKS.read().unwrap_or_else(PoisonError::into_inner)
}

/// While this lives, processes may be started.
pub(crate) fn allowed() -> RwLockWriteGuard<'static, ()> {
    FORKS.write().unwrap_or_else(PoisonError::into_inner)
}
