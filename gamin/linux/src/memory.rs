//! How the C library's allocator deals with memory: what is free goes back to the system.
//!
//! When that is worth its while is left to the server. Elsewhere than with the GNU C library nothing of it is needed, or to be had.

#[cfg(target_env = "gnu")]
use libc::{M_ARENA_MAX, M_MMAP_THRESHOLD, c_int, mallopt};

/// Blocks of this many bytes and more are the system's again as soon as they are free.
#[cfg(target_env = "gnu")]
const MAPPED_FROM: c_int = 128 * 1024;

/// Has all threads share one heap, and large blocks have none. To be called before there are threads.
pub fn share() {
    #[cfg(target_env = "gnu")]
    // SAFETY: it takes numbers, touches nothing but the allocator's own state, and takes the allocator's lock.
    unsafe {
        // What it does not know of it leaves as it is.
        mallopt(M_ARENA_MAX, 1);
        mallopt(M_MMAP_THRESHOLD, MAPPED_FROM);
    }
}

/// Gives what is free back to the system. It takes a while if that is much: milliseconds.
pub fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: it gives back pages on which nothing is allocated, under the allocator's lock; nobody has pointers into these.
    unsafe {
        libc::malloc_trim(0);
    }
}
