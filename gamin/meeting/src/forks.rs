//! Keeps tests that run programs apart from tests that close descriptors.
//!
//! Between its fork and its exec a new process holds a copy of every descriptor. For as long, a socket that was closed listens on, and a
//! lock that was let go is held. Invariant: while a test has said that it closes something, no other starts a program.

use std::process::{Child, Command};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

static FORKS: RwLock<()> = RwLock::new(());

/// While this lives, no program is started.
pub fn none() -> RwLockReadGuard<'static, ()> {
    FORKS.read().unwrap_or_else(PoisonError::into_inner)
}

/// Starts a program as soon as it may be, and returns when it runs.
pub fn spawn(command: &mut Command) -> std::io::Result<Child> {
    let _alone = FORKS.write().unwrap_or_else(PoisonError::into_inner);
    command.spawn()
}
