//! What a connection leaves behind in the allocator of the program.
//!
//! When that is worth a look at all of the program's heap is left to the calls. Elsewhere than with the GNU C library nothing of it is
//! needed, or to be had.

/// Gives what is free back to the system. The allocator does so by itself only at the end of its heap, where as a rule some small thing
/// of the program stands.
pub(crate) fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: it gives back pages on which nothing is allocated, under the allocator's lock; nobody has pointers into these.
    unsafe {
        libc::malloc_trim(0);
    }
}
