//! Why the last call that failed did so: one number for the whole program, as it always was.
//!
//! Invariants: success does not touch it; it is reached by its symbol, so that a program that was linked to hold it itself (by a
//! copy relocation), or another library that came first, sees what is written.

use std::ffi::{CStr, c_char, c_int};
use std::ptr;
use std::sync::atomic::{AtomicI32, Ordering};

use gamin::Error;
use nix::errno::Errno;

/// The number of the last error: an index of [`FamErrlist`].
#[unsafe(no_mangle)]
pub static mut FAMErrno: c_int = 0;

/// Words for each error number, then NULL.
#[unsafe(no_mangle)]
pub static mut FamErrlist: [*const c_char; 8] = [
    words(c"Okay"),
    words(c"Bad arguments"),
    words(c"Bad filename"),
    words(c"Connection failure"),
    words(c"Authentication failure"),
    words(c"Memory allocation failure"),
    words(c"Unimplemented function"),
    ptr::null(),
];

const fn words(text: &'static CStr) -> *const c_char {
    text.as_ptr()
}

/// Why a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FamError {
    BadArguments = 1,
    BadFilename = 2,
    Connection = 3,
    /// No room: of memory, or of numbers for requests.
    Memory = 5,
}

impl From<Error> for FamError {
    fn from(error: Error) -> FamError {
        match error {
            Error::BadPath(_) => FamError::BadFilename,
            Error::UnknownRequest(_) | Error::NotATree(_) => FamError::BadArguments,
            // As the original, which finds no place for them.
            Error::BadArgument(_) | Error::NumberInUse(_) | Error::TooManyRequests => FamError::Memory,
            Error::System(Errno::ENOMEM) => FamError::Memory,
            _ => FamError::Connection,
        }
    }
}

/// Writes it down.
pub(crate) fn set(failure: FamError) {
    // SAFETY: it is there for as long as the library is, and aligned; threads write it at once, hence atomically.
    unsafe { AtomicI32::from_ptr(&raw mut FAMErrno) }.store(failure as c_int, Ordering::Relaxed);
}
