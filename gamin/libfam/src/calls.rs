//! FAM's functions: check what C gives, call, give the result as C wants it.
//!
//! The checks come in the original's order (original.md 1.4). Invariant: a pointer is followed only where fam.h wants one,
//! and a connection's number never.

use std::ffi::{CStr, OsStr, c_char, c_int, c_void};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};
use std::path::Path;
use std::sync::{Arc, Once};

use gamin::{Connection, Error, MonitorRequest, Options, RequestNumber, Scope, TreeOptions};

use crate::abi::{self, FAMConnection, FAMEvent, FAMGap, FAMRequest, Fields, PATH_MAX};
use crate::errno::{self, FamError};
use crate::registry::{REGISTRY, Remains, Slot};
use crate::{fork, memory};

/// How many subscriptions leave so much memory behind that all of the heap is looked through for it.
const MANY: usize = 1000;

/// Gives what a call gives, or -1 and the reason in [`crate::FAMErrno`].
fn answer(call: impl FnOnce() -> Result<c_int, FamError>) -> c_int {
    let result = catch_unwind(AssertUnwindSafe(call)).unwrap_or(Err(FamError::Connection));
    result.unwrap_or_else(|failure| {
        errno::set(failure);
        -1
    })
}

/// Where the connection of a structure is.
///
/// # Safety
/// As [`Fields::of`].
#[inline]
unsafe fn slot(fc: *mut FAMConnection) -> Result<&'static Slot, FamError> {
    // SAFETY: as the caller promises.
    let fields = unsafe { Fields::of(fc) }.ok_or(FamError::BadArguments)?;
    if fields.fd() < 0 || fields.client() == 0 {
        return Err(FamError::BadArguments);
    }
    let slot = REGISTRY.find(fields.client()).ok_or(FamError::BadArguments)?;
    if slot.is_inherited() { Err(FamError::Connection) } else { Ok(slot) }
}

/// Calls with the connection of a structure.
///
/// # Safety
/// As [`Fields::of`].
unsafe fn with<T>(
    fc: *mut FAMConnection,
    call: impl FnOnce(&Connection) -> Result<T, Error>,
) -> Result<T, FamError> {
    // SAFETY: as the caller promises.
    let slot = unsafe { slot(fc) }?;
    Ok(slot.with(|connection| call(connection)).ok_or(FamError::BadArguments)??)
}

/// The number of a request.
///
/// # Safety
/// `fr` is NULL or points to a request.
unsafe fn request(fr: *const FAMRequest) -> Result<RequestNumber, FamError> {
    // SAFETY: as the caller promises.
    unsafe { fr.as_ref() }.map(|fr| RequestNumber(fr.reqnum)).ok_or(FamError::BadArguments)
}

/// A path that may be monitored.
///
/// # Safety
/// `path` points to a string that ends, or to at least [`PATH_MAX`] bytes.
unsafe fn absolute<'a>(path: *const c_char) -> Result<&'a Path, FamError> {
    // SAFETY: it is read up to its NUL or to the limit, whichever comes first.
    let bytes = unsafe {
        let length = libc::strnlen(path, PATH_MAX);
        std::slice::from_raw_parts(path.cast::<u8>(), length)
    };
    let is_good = bytes.first() == Some(&b'/') && bytes.len() < PATH_MAX;
    if is_good { Ok(Path::new(OsStr::from_bytes(bytes))) } else { Err(FamError::BadFilename) }
}

/// Opens a connection.
///
/// # Safety
/// `fc` is NULL or points to a structure to fill.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn FAMOpen(fc: *mut FAMConnection) -> c_int {
    answer(|| {
        // SAFETY: as the caller promises.
        let fields = unsafe { Fields::of(fc) }.ok_or(FamError::BadArguments)?;
        begin();
        let connection = Options::from_env().one_descriptor(true).open_in(fork::process)?;
        let fd = connection.as_raw_fd();
        fields.open(fd, REGISTRY.insert(connection));
        Ok(0)
    })
}

/// What is done once, before there is a connection.
fn begin() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // A panic would print; it is answered instead. The hook is that of this library's own copy of Rust's runtime.
        set_hook(Box::new(|_| {}));
        gamin_trace::follow_signal_if_asked();
    });
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
        let fields = unsafe { Fields::of(fc) }.ok_or(FamError::BadArguments)?;
        let client = fields.client();
        if fields.fd() < 0 || client == 0 {
            return Err(FamError::BadArguments);
        }
        let slot = REGISTRY.find(client).ok_or(FamError::BadArguments)?;
        let Remains { had_descriptor, subscriptions } = slot.close(client).ok_or(FamError::BadArguments)?;
        fields.close();
        if subscriptions >= MANY {
            memory::give_back();
        }
        if had_descriptor { Ok(0) } else { Err(FamError::Connection) }
    })
}

/// Asks for a path.
///
/// # Safety
/// As the functions of fam.h: each pointer is NULL or points to what its type says.
unsafe fn monitor(
    fc: *mut FAMConnection,
    path: *const c_char,
    fr: *mut FAMRequest,
    scope: &Scope,
    number: NumberChoice,
) -> c_int {
    answer(|| {
        if fc.is_null() || path.is_null() || fr.is_null() {
            return Err(FamError::BadArguments);
        }
        // SAFETY: none is NULL, and all are as the caller promises.
        let (path, fr) = unsafe { (absolute(path)?, &raw mut (*fr).reqnum) };
        let ask = |connection: &Connection| {
            let (number, user_data) = match number {
                NumberChoice::Next(user_data) => (None, user_data.expose_provenance()),
                // SAFETY: as above.
                NumberChoice::Given => (Some(RequestNumber(unsafe { fr.read() })), 0),
            };
            let request = MonitorRequest::new(path, scope.clone());
            connection.ask(&MonitorRequest { number, user_data, ..request })
        };
        // SAFETY: as the caller promises.
        let number = unsafe { with(fc, ask) }?;
        // SAFETY: as above.
        unsafe { fr.write(number.0) };
        Ok(0)
    })
}

/// Where the number of a request is from.
#[derive(Clone, Copy)]
enum NumberChoice {
    /// It is the next; the program wants this back with each event.
    Next(*mut c_void),
    /// The program has put it there.
    Given,
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
    unsafe { monitor(fc, path, fr, &Scope::Directory, NumberChoice::Next(user_data)) }
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
    unsafe { monitor(fc, path, fr, &Scope::File, NumberChoice::Next(user_data)) }
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
    unsafe { monitor(fc, path, fr, &Scope::Directory, NumberChoice::Given) }
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
    unsafe { monitor(fc, path, fr, &Scope::File, NumberChoice::Given) }
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
    let levels = u32::try_from(depth).ok().filter(|levels| *levels > 0);
    let (Some(levels), false) = (levels, mask.is_null()) else {
        return answer(|| Err(FamError::BadArguments));
    };
    // SAFETY: it is a string, as the caller promises.
    let mask = unsafe { CStr::from_ptr(mask) }.to_owned();
    let tells = move |name: &Path| name.file_name().is_some_and(|name| matches(&mask, name));
    let options = TreeOptions { levels, tells: Arc::new(tells), ..TreeOptions::default() };
    // SAFETY: as the caller promises.
    unsafe { monitor(fc, path, fr, &Scope::Tree(options), NumberChoice::Next(user_data)) }
}

/// Whether the shell would take `name` for `mask`; unlike there, `*` and `?` take a leading dot too.
fn matches(mask: &CStr, name: &OsStr) -> bool {
    let mut text = name.as_bytes().to_vec();
    text.push(0);
    // SAFETY: both strings end with a NUL.
    unsafe { libc::fnmatch(mask.as_ptr(), text.as_ptr().cast(), 0) == 0 }
}

/// Gives how many gaps a collection has, and the first of them.
///
/// # Safety
/// Each pointer is NULL or points to what its type says; the gap may hold anything.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn FAMCollectionGaps(
    fc: *mut FAMConnection,
    fr: *const FAMRequest,
    first: *mut FAMGap,
) -> c_int {
    answer(|| {
        // SAFETY: as the caller promises.
        let number = unsafe { request(fr) }?;
        // SAFETY: as the caller promises.
        let gaps = unsafe { with(fc, |connection| connection.gaps(number)) }?;
        if !first.is_null() {
            // SAFETY: it is not NULL, hence there.
            unsafe { abi::fill_gap(first, gaps.first.as_ref()) };
        }
        Ok(c_int::try_from(gaps.count).unwrap_or(c_int::MAX))
    })
}

/// Calls with the connection and the number of a request.
///
/// # Safety
/// Each pointer is NULL or points to what its type says.
unsafe fn with_request(
    fc: *mut FAMConnection,
    fr: *const FAMRequest,
    call: impl Fn(&Connection, RequestNumber) -> Result<(), Error>,
) -> c_int {
    answer(|| {
        // SAFETY: as the caller promises.
        let number = unsafe { request(fr) }?;
        // SAFETY: as the caller promises.
        unsafe { with(fc, |connection| call(connection, number)) }?;
        Ok(0)
    })
}

/// Holds back what happens to a request's path.
///
/// # Safety
/// As [`FAMMonitorDirectory`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn FAMSuspendMonitor(fc: *mut FAMConnection, fr: *const FAMRequest) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { with_request(fc, fr, Connection::suspend) }
}

/// Tells what is different since a request was suspended, and goes on.
///
/// # Safety
/// As [`FAMMonitorDirectory`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn FAMResumeMonitor(fc: *mut FAMConnection, fr: *const FAMRequest) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { with_request(fc, fr, Connection::resume) }
}

/// Ends a request; its last event is FAMAcknowledge.
///
/// # Safety
/// As [`FAMMonitorDirectory`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn FAMCancelMonitor(fc: *mut FAMConnection, fr: *const FAMRequest) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { with_request(fc, fr, Connection::cancel) }
}

/// Gives the next event, and 1; waits for it.
///
/// # Safety
/// Each pointer is NULL or points to what its type says; the event may hold anything.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn FAMNextEvent(fc: *mut FAMConnection, fe: *mut FAMEvent) -> c_int {
    answer(|| {
        if fe.is_null() {
            return Err(FamError::BadArguments);
        }
        // SAFETY: as the caller promises.
        let done = unsafe { slot(fc) }.and_then(|slot| {
            // SAFETY: it is not NULL, hence there.
            let done = slot.read_event(|event| unsafe { abi::fill(fe, fc, event) });
            match done {
                Some(Ok(())) => Ok(1),
                Some(Err(why)) => Err(why.into()),
                None => Err(FamError::BadArguments),
            }
        });
        if matches!(done, Err(FamError::Connection | FamError::Memory)) {
            // SAFETY: as above.
            unsafe { abi::clear(fe) };
        }
        done
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
        let slot = unsafe { slot(fc) }?;
        let is_pending = slot.is_ready()
            || slot.with(|connection| connection.pending()).ok_or(FamError::BadArguments)??;
        Ok(c_int::from(is_pending))
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
        unsafe { with(fc, Connection::no_exists) }?;
        Ok(0)
    })
}

/// Does nothing, as FAM's of late, and gives 1.
#[unsafe(no_mangle)]
pub extern "C" fn FAMDebugLevel(_fc: *mut FAMConnection, _level: c_int) -> c_int {
    1
}
