//! FAM's functions: check what C gives, call, give the result as C wants it.
//!
//! The checks come in the original's order (BEHAVIOUR 1.4). Invariant: a pointer is followed only where fam.h wants one,
//! and a connection's number never.

use std::ffi::{CStr, OsStr, c_char, c_int, c_void};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::OsStrExt;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};
use std::path::Path;
use std::sync::{Arc, Once};

use gamin::{Code, Error, Kind, Options, RequestNumber, Shape};

use crate::abi::{self, FAMConnection, FAMEvent, FAMRequest, Fields, PATH_MAX};
use crate::errno::{self, Failure};
use crate::fork;
use crate::registry::{Handle, REGISTRY, UserData};

/// Gives what a call gives, or -1 and the reason in [`crate::FAMErrno`].
fn answer(call: impl FnOnce() -> Result<c_int, Failure>) -> c_int {
    let result = catch_unwind(AssertUnwindSafe(call)).unwrap_or(Err(Failure::Connection));
    result.unwrap_or_else(|failure| {
        errno::set(failure);
        -1
    })
}

/// The connection of a structure.
///
/// # Safety
/// As [`Fields::of`].
unsafe fn handle(fc: *mut FAMConnection) -> Result<Arc<Handle>, Failure> {
    // SAFETY: as the caller promises.
    let fields = unsafe { Fields::of(fc) }.ok_or(Failure::BadArguments)?;
    if fields.fd() < 0 || fields.client() == 0 {
        return Err(Failure::BadArguments);
    }
    let handle = REGISTRY.find(fields.client()).ok_or(Failure::BadArguments)?;
    // In a child nothing more is asked of it: a lock may be held by a thread that is not there.
    if handle.is_own() { Ok(handle) } else { Err(Failure::Connection) }
}

/// The number of a request.
///
/// # Safety
/// `fr` is NULL or points to a request.
unsafe fn request(fr: *const FAMRequest) -> Result<RequestNumber, Failure> {
    // SAFETY: as the caller promises.
    unsafe { fr.as_ref() }.map(|fr| RequestNumber(fr.reqnum)).ok_or(Failure::BadArguments)
}

/// A path that may be monitored.
///
/// # Safety
/// `path` points to a string that ends, or to at least [`PATH_MAX`] bytes.
unsafe fn absolute<'a>(path: *const c_char) -> Result<&'a Path, Failure> {
    // SAFETY: it is read up to its NUL or to the limit, whichever comes first.
    let bytes = unsafe {
        let length = libc::strnlen(path, PATH_MAX);
        std::slice::from_raw_parts(path.cast::<u8>(), length)
    };
    let is_good = bytes.first() == Some(&b'/') && bytes.len() < PATH_MAX;
    if is_good { Ok(Path::new(OsStr::from_bytes(bytes))) } else { Err(Failure::BadFilename) }
}

/// Opens a connection.
///
/// # Safety
/// `fc` is NULL or points to a structure to fill.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn FAMOpen(fc: *mut FAMConnection) -> c_int {
    answer(|| {
        // SAFETY: as the caller promises.
        let fields = unsafe { Fields::of(fc) }.ok_or(Failure::BadArguments)?;
        begin();
        let connection = Options::from_env().open_in(fork::process)?;
        let fd = connection.as_fd().as_raw_fd();
        fields.open(fd, REGISTRY.insert(connection));
        Ok(0)
    })
}

/// What is done once, before there is a connection.
fn begin() {
    static ONCE: Once = Once::new();
    // A panic would print; it is answered instead. The hook is that of this library's own copy of Rust's runtime.
    ONCE.call_once(|| set_hook(Box::new(|_| {})));
    fork::notice();
}

/// Opens a connection. The name of the program means nothing.
///
/// # Safety
/// As [`FAMOpen`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn FAMOpen2(fc: *mut FAMConnection, _name: *const c_char) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { FAMOpen(fc) }
}

/// Closes a connection; whoever waits for its events in another thread waits no longer.
///
/// # Safety
/// `fc` is NULL or points to a structure, which may hold anything.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn FAMClose(fc: *mut FAMConnection) -> c_int {
    answer(|| {
        // SAFETY: as the caller promises.
        let fields = unsafe { Fields::of(fc) }.ok_or(Failure::BadArguments)?;
        let client = fields.client();
        if fields.fd() < 0 || client == 0 {
            return Err(Failure::BadArguments);
        }
        let handle = REGISTRY.remove(client).ok_or(Failure::BadArguments)?;
        fields.close();
        handle.connection.close();
        Ok(0)
    })
}

/// Asks for a path under a number of the caller's, or the next free one, and remembers what belongs to it.
///
/// # Safety
/// As the functions of fam.h: each pointer is NULL or points to what its type says.
unsafe fn monitor(
    fc: *mut FAMConnection,
    path: *const c_char,
    fr: *mut FAMRequest,
    user_data: *mut c_void,
    ask: impl FnOnce(&Handle, &Path) -> Result<RequestNumber, Error>,
) -> Result<c_int, Failure> {
    if fc.is_null() || path.is_null() || fr.is_null() {
        return Err(Failure::BadArguments);
    }
    // SAFETY: both are as the caller promises, and not NULL.
    let (path, handle) = unsafe { (absolute(path)?, handle(fc)?) };
    // Held, so that no thread gets an event of the request before its data is known.
    let mut all = handle.user_data();
    let number = ask(&handle, path)?;
    if !user_data.is_null() {
        all.insert(number, UserData(user_data));
    }
    // SAFETY: it is not NULL, hence there.
    unsafe { (&raw mut (*fr).reqnum).write(number.0) };
    Ok(0)
}

/// Asks for a path under the number that `fr` holds.
///
/// # Safety
/// As [`monitor`].
unsafe fn monitor_numbered(
    fc: *mut FAMConnection,
    path: *const c_char,
    fr: *mut FAMRequest,
    kind: Kind,
) -> Result<c_int, Failure> {
    // SAFETY: as the caller promises.
    unsafe {
        monitor(fc, path, fr, std::ptr::null_mut(), |handle, path| {
            let number = RequestNumber((&raw const (*fr).reqnum).read());
            handle.connection.monitor_with_number(kind, path, number).map(|()| number)
        })
    }
}

/// Begins to monitor a directory and its entries.
///
/// # Safety
/// Each pointer is NULL or points to what its type says; `user_data` may be anything.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn FAMMonitorDirectory(
    fc: *mut FAMConnection,
    path: *const c_char,
    fr: *mut FAMRequest,
    user_data: *mut c_void,
) -> c_int {
    // SAFETY: as the caller promises.
    answer(|| unsafe {
        monitor(fc, path, fr, user_data, |handle, path| handle.connection.monitor_directory(path))
    })
}

/// Begins to monitor a path.
///
/// # Safety
/// As [`FAMMonitorDirectory`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn FAMMonitorFile(
    fc: *mut FAMConnection,
    path: *const c_char,
    fr: *mut FAMRequest,
    user_data: *mut c_void,
) -> c_int {
    // SAFETY: as the caller promises.
    answer(|| unsafe {
        monitor(fc, path, fr, user_data, |handle, path| handle.connection.monitor_file(path))
    })
}

/// Begins to monitor a directory and its entries, under the number in `fr`.
///
/// # Safety
/// As [`FAMMonitorDirectory`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn FAMMonitorDirectory2(
    fc: *mut FAMConnection,
    path: *const c_char,
    fr: *mut FAMRequest,
) -> c_int {
    // SAFETY: as the caller promises.
    answer(|| unsafe { monitor_numbered(fc, path, fr, Kind::Directory) })
}

/// Begins to monitor a path, under the number in `fr`.
///
/// # Safety
/// As [`FAMMonitorDirectory`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn FAMMonitorFile2(
    fc: *mut FAMConnection,
    path: *const c_char,
    fr: *mut FAMRequest,
) -> c_int {
    // SAFETY: as the caller promises.
    answer(|| unsafe { monitor_numbered(fc, path, fr, Kind::File) })
}

/// Begins to monitor a directory and what is below it, `depth` levels deep, as far as the names match `mask`.
///
/// # Safety
/// As [`FAMMonitorDirectory`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn FAMMonitorCollection(
    fc: *mut FAMConnection,
    path: *const c_char,
    fr: *mut FAMRequest,
    user_data: *mut c_void,
    depth: c_int,
    mask: *const c_char,
) -> c_int {
    answer(|| {
        let levels = u32::try_from(depth).ok().filter(|levels| *levels > 0);
        let (Some(levels), false) = (levels, mask.is_null()) else { return Err(Failure::BadArguments) };
        // SAFETY: it is a string, as the caller promises.
        let mask = unsafe { CStr::from_ptr(mask) }.to_owned();
        let shape = Shape { levels, tells: Arc::new(move |name| matches(&mask, name)) };
        // SAFETY: as the caller promises.
        unsafe {
            monitor(fc, path, fr, user_data, |handle, path| handle.connection.monitor_tree(path, &shape))
        }
    })
}

/// Whether the shell would take `name` for `mask`; unlike there, `*` and `?` take a leading dot too.
fn matches(mask: &CStr, name: &OsStr) -> bool {
    let mut text = name.as_bytes().to_vec();
    text.push(0);
    // SAFETY: both strings end with a NUL.
    unsafe { libc::fnmatch(mask.as_ptr(), text.as_ptr().cast(), 0) == 0 }
}

/// Calls with the connection and the number of a request.
///
/// # Safety
/// Each pointer is NULL or points to what its type says.
unsafe fn with_request(
    fc: *mut FAMConnection,
    fr: *const FAMRequest,
    call: impl FnOnce(&Handle, RequestNumber) -> Result<(), Error>,
) -> c_int {
    answer(|| {
        // SAFETY: as the caller promises.
        let (number, handle) = unsafe { (request(fr)?, handle(fc)?) };
        call(&handle, number)?;
        Ok(0)
    })
}

/// Holds back what happens to a request's path.
///
/// # Safety
/// As [`with_request`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn FAMSuspendMonitor(fc: *mut FAMConnection, fr: *const FAMRequest) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { with_request(fc, fr, |handle, number| handle.connection.suspend(number)) }
}

/// Tells what is different since a request was suspended, and goes on.
///
/// # Safety
/// As [`with_request`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn FAMResumeMonitor(fc: *mut FAMConnection, fr: *const FAMRequest) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { with_request(fc, fr, |handle, number| handle.connection.resume(number)) }
}

/// Ends a request; its last event is FAMAcknowledge.
///
/// # Safety
/// As [`with_request`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn FAMCancelMonitor(fc: *mut FAMConnection, fr: *const FAMRequest) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { with_request(fc, fr, |handle, number| handle.connection.cancel(number)) }
}

/// Gives the next event, and 1; waits for it.
///
/// # Safety
/// Each pointer is NULL or points to what its type says; the event may hold anything.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn FAMNextEvent(fc: *mut FAMConnection, fe: *mut FAMEvent) -> c_int {
    answer(|| {
        if fe.is_null() {
            return Err(Failure::BadArguments);
        }
        // SAFETY: as the caller promises.
        let handle = unsafe { handle(fc) }?;
        // SAFETY: it is not NULL, hence there.
        unsafe { abi::clear(fe) };
        let event = handle.connection.next_event()?;
        let mut all = handle.user_data();
        let user_data = match event.code {
            Code::ACKNOWLEDGE => all.remove(&event.request),
            _ => all.get(&event.request).copied(),
        };
        drop(all);
        let user_data = user_data.map_or(std::ptr::null_mut(), |data| data.0);
        // SAFETY: it is not NULL, hence there.
        unsafe { abi::fill(fe, fc, &event, user_data) };
        Ok(1)
    })
}

/// Says whether [`FAMNextEvent`] would answer without waiting: 1 or 0.
///
/// # Safety
/// `fc` is NULL or points to a structure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn FAMPending(fc: *mut FAMConnection) -> c_int {
    answer(|| {
        // SAFETY: as the caller promises.
        let handle = unsafe { handle(fc) }?;
        Ok(c_int::from(handle.connection.pending()?))
    })
}

/// Leaves out FAMExists and FAMEndExist of the directories asked for from now on.
///
/// # Safety
/// As [`FAMPending`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn FAMNoExists(fc: *mut FAMConnection) -> c_int {
    answer(|| {
        // SAFETY: as the caller promises.
        unsafe { handle(fc) }?.connection.no_exists()?;
        Ok(0)
    })
}

/// Does nothing, as FAM's of late, and gives 1.
#[unsafe(no_mangle)]
pub extern "C" fn FAMDebugLevel(_fc: *mut FAMConnection, _level: c_int) -> c_int {
    1
}
