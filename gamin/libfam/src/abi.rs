//! What C programs were compiled with: the structures of fam.h, field by field.
//!
//! Invariant: sizes and offsets are those of Gamin 0.1.10, whatever the program was linked with.

use std::ffi::{c_char, c_int, c_void};
use std::mem::{offset_of, size_of};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::ptr;
use std::sync::atomic::{AtomicI32, AtomicPtr, Ordering};

use gamin::{Coverage, EventRef};

/// The room for a name in an event.
pub(crate) const PATH_MAX: usize = 4096;

/// A program's connection. Programs read `fd`, and leave `client` alone.
#[repr(C)]
pub struct FAMConnection {
    fd: c_int,
    client: *mut c_void,
}

/// The number of a request.
#[repr(C)]
pub struct FAMRequest {
    pub(crate) reqnum: c_int,
}

/// What a program is told.
#[repr(C)]
pub struct FAMEvent {
    fc: *mut FAMConnection,
    fr: FAMRequest,
    hostname: *mut c_char,
    filename: [c_char; PATH_MAX],
    userdata: *mut c_void,
    code: c_int,
}

/// A gap of a collection.
#[repr(C)]
pub struct FAMGap {
    filename: [c_char; PATH_MAX],
    reason: [c_char; REASON_MAX],
}

/// The room for the reason of a gap.
const REASON_MAX: usize = 256;

const _: () = {
    assert!(size_of::<FAMConnection>() == 2 * size_of::<usize>());
    assert!(size_of::<FAMRequest>() == 4);
    assert!(offset_of!(FAMEvent, filename) == 3 * size_of::<usize>());
    assert!(offset_of!(FAMEvent, code) == PATH_MAX + 4 * size_of::<usize>());
};

/// The fields of a connection as threads may read and write them at the same time.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a> {
    fd: &'a AtomicI32,
    client: &'a AtomicPtr<c_void>,
}

impl Fields<'_> {
    /// # Safety
    /// `fc` is NULL, or points to a structure that stays during `'a`.
    pub(crate) unsafe fn of<'a>(fc: *mut FAMConnection) -> Option<Fields<'a>> {
        if fc.is_null() {
            return None;
        }
        // SAFETY: the structure is there, as the caller promises, and the fields are aligned and as large as their atomic
        // types. A program that touches them itself meanwhile does what C does not define, as with the original.
        unsafe {
            Some(Fields {
                fd: AtomicI32::from_ptr(&raw mut (*fc).fd),
                client: AtomicPtr::from_ptr(&raw mut (*fc).client),
            })
        }
    }

    pub(crate) fn fd(self) -> c_int {
        self.fd.load(Ordering::Relaxed)
    }

    /// The number under which the connection is known; 0 when there is none.
    pub(crate) fn client(self) -> usize {
        self.client.load(Ordering::Acquire).addr()
    }

    pub(crate) fn open(self, fd: c_int, client: usize) {
        self.fd.store(fd, Ordering::Relaxed);
        self.client.store(ptr::without_provenance_mut(client), Ordering::Release);
    }

    pub(crate) fn close(self) {
        self.open(-1, 0);
    }
}

/// Makes an event one that tells nothing.
///
/// # Safety
/// `fe` points to an event, which may hold anything.
pub(crate) unsafe fn clear(fe: *mut FAMEvent) {
    // SAFETY: each field is written, not read, in place, and there, as the caller promises.
    unsafe {
        (&raw mut (*fe).fc).write(ptr::null_mut());
        (&raw mut (*fe).fr.reqnum).write(0);
        (&raw mut (*fe).hostname).write(ptr::null_mut());
        (&raw mut (*fe).filename).cast::<c_char>().write(0);
        (&raw mut (*fe).userdata).write(ptr::null_mut());
        (&raw mut (*fe).code).write(0);
    }
}

/// Fills an event. Of the name's room, what is behind its NUL stays as it was: to clear all of it costs more than
/// everything else.
///
/// # Safety
/// `fe` points to an event, which may hold anything.
pub(crate) unsafe fn fill(fe: *mut FAMEvent, fc: *mut FAMConnection, event: EventRef<'_>) {
    // SAFETY: each field is written in place.
    unsafe {
        (&raw mut (*fe).fc).write(fc);
        (&raw mut (*fe).fr.reqnum).write(event.request.0);
        (&raw mut (*fe).hostname).write(ptr::null_mut());
        copy(&raw mut (*fe).filename, event.path.as_os_str().as_bytes());
        (&raw mut (*fe).userdata).write(ptr::with_exposed_provenance_mut(event.user_data));
        (&raw mut (*fe).code).write(c_int::from(event.code.number()));
    }
}

/// Fills a gap; one that is none has no name and no reason.
///
/// # Safety
/// `gap` points to a gap, which may hold anything.
pub(crate) unsafe fn fill_gap(gap: *mut FAMGap, found: Option<&(PathBuf, Coverage)>) {
    let (path, reason) = match found {
        Some((path, coverage)) => (path.as_os_str().as_bytes(), coverage.to_string()),
        None => (b"".as_slice(), String::new()),
    };
    // SAFETY: each field is written in place.
    unsafe {
        copy(&raw mut (*gap).filename, path);
        copy(&raw mut (*gap).reason, reason.as_bytes());
    }
}

/// Makes text a string, cut off where there is no more room.
///
/// # Safety
/// `room` may be written.
unsafe fn copy<const N: usize>(room: *mut [c_char; N], text: &[u8]) {
    let length = text.len().min(N - 1);
    let room = room.cast::<u8>();
    // SAFETY: `length` bytes and a NUL fit.
    unsafe {
        room.copy_from_nonoverlapping(text.as_ptr(), length);
        room.add(length).write(0);
    }
}
