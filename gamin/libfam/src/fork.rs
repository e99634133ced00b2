//! How a child process knows that it is one, without a system call, and finds no lock held.
//!
//! Invariant: the registry's lock is held by the forking thread while a process is made, so in the child it can be released.

use std::cell::Cell;
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::registry::{REGISTRY, Registered};

/// How many forks lie between this process and the one that loaded the library.
static FORKS: AtomicU32 = AtomicU32::new(0);

thread_local! {
    static HELD: Cell<Option<Registered>> = const { Cell::new(None) };
}

/// A number that is another one in a child process.
pub(crate) fn process() -> u32 {
    FORKS.load(Ordering::Relaxed)
}

/// Makes sure that forks are noticed from now on.
pub(crate) fn notice() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: the handlers neither unwind nor wait for anything that a thread holds for long, and the C library forgets them
        // when it unloads this one. It fails for want of memory alone; a fork is not noticed then, as by the original.
        unsafe { libc::pthread_atfork(Some(before), Some(after), Some(after_in_child)) };
    });
}

extern "C" fn before() {
    HELD.set(Some(REGISTRY.lock()));
}

extern "C" fn after() {
    drop(HELD.take());
}

extern "C" fn after_in_child() {
    FORKS.fetch_add(1, Ordering::Relaxed);
    if let Some(registered) = HELD.take() {
        REGISTRY.inherit(&registered);
    }
}
