//! Tests that run programs beside tests that close descriptors: a child has its parent's open until its own
//! program runs, so that for this long a socket listens on and a lock is held after they were closed.

use std::process::{Child, Command};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

static SPAWNING: RwLock<()> = RwLock::new(());

/// Starts `command`, while no test holds what [`nobody_spawns`] gives.
pub fn spawn(command: &mut Command) -> std::io::Result<Child> {
    let _alone = SPAWNING.write().unwrap_or_else(PoisonError::into_inner);
    // It is back when the program runs.
    command.spawn()
}

/// As long as the guard lives, what is closed is closed: no test starts a program.
pub fn nobody_spawns() -> RwLockReadGuard<'static, ()> {
    SPAWNING.read().unwrap_or_else(PoisonError::into_inner)
}
