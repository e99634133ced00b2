//! A libfam.so.0 or libgamin-1.so.0, loaded at run time, and one connection of it, behind calls that are safe.
//!
//! The one place in testgam where `unsafe` stands: the functions have the types that the original's fam.h gives them, and
//! whoever names a library vouches that it is one. What a library does to its process in spite of that, is left to `carrier`,
//! which runs this in a process of its own. Invariant: what is handed to the library lives as long as the connection.

#![allow(unsafe_code, reason = "calling C")]

use std::collections::BTreeMap;
use std::ffi::{CStr, CString, OsStr, c_char, c_int, c_void};
use std::mem::{ManuallyDrop, MaybeUninit};
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::NonNull;
use std::time::{Duration, Instant};

use gamin::Kind;
use libloading::Library;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigHandler, SigSet, Signal, signal};
use serde::{Deserialize, Serialize};

/// An event as the library gave it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Given {
    pub request: i32,
    pub code: i32,
    pub name: Vec<u8>,
}

/// What FamErrlist says, by FAMErrno.
const ERRORS: [&str; 7] = [
    "Okay",
    "Bad arguments",
    "Bad filename",
    "Connection failure",
    "Authentication failure",
    "Memory allocation failure",
    "Unimplemented function",
];

/// How long a descriptor may stay ready without an event coming of it.
const READY_MAX: Duration = Duration::from_secs(1);

/// `FAMConnection`.
#[repr(C)]
struct FamConnection {
    fd: c_int,
    client: *mut c_void,
}

/// `FAMRequest`.
#[repr(C)]
struct FamRequest {
    reqnum: c_int,
}

/// `FAMEvent`.
#[repr(C)]
struct FamEvent {
    fc: *mut FamConnection,
    fr: FamRequest,
    hostname: *mut c_char,
    filename: [c_char; 4096],
    userdata: *mut c_void,
    code: c_int,
}

// As the original's header has them on 64 bits (original.md 1.2).
#[cfg(target_pointer_width = "64")]
const _: () = {
    use std::mem::offset_of;
    assert!(size_of::<FamConnection>() == 16 && offset_of!(FamConnection, client) == 8);
    assert!(size_of::<FamEvent>() == 4136 && offset_of!(FamEvent, fr) == 8);
    assert!(offset_of!(FamEvent, hostname) == 16 && offset_of!(FamEvent, filename) == 24);
    assert!(offset_of!(FamEvent, userdata) == 4120 && offset_of!(FamEvent, code) == 4128);
};

type OfConnection = unsafe extern "C" fn(*mut FamConnection) -> c_int;
type Monitor = unsafe extern "C" fn(*mut FamConnection, *const c_char, *mut FamRequest, *mut c_void) -> c_int;
type MonitorNumbered = unsafe extern "C" fn(*mut FamConnection, *const c_char, *mut FamRequest) -> c_int;
type OfRequest = unsafe extern "C" fn(*mut FamConnection, *const FamRequest) -> c_int;
type Collect = unsafe extern "C" fn(
    *mut FamConnection,
    *const c_char,
    *mut FamRequest,
    *mut c_void,
    c_int,
    *const c_char,
) -> c_int;
type NextEvent = unsafe extern "C" fn(*mut FamConnection, *mut FamEvent) -> c_int;

/// The functions of a library that has been loaded.
struct Functions {
    open: OfConnection,
    close: OfConnection,
    pending: OfConnection,
    next_event: NextEvent,
    cancel: OfRequest,
    monitor: [Monitor; 2],
    monitor_numbered: [MonitorNumbered; 2],
    // Not every library has these.
    no_exists: Option<OfConnection>,
    collect: Option<Collect>,
    suspend: Option<OfRequest>,
    resume: Option<OfRequest>,
    errno: NonNull<c_int>,
    /// Stays loaded until the process ends, as a library does that a program is linked with.
    _library: ManuallyDrop<Library>,
}

/// An open connection.
pub(super) struct Fam {
    functions: Functions,
    connection: Box<FamConnection>,
    /// What was given as user data with each request: a number of its own, never used again.
    user_data: BTreeMap<c_int, usize>,
    last_user_data: usize,
}

/// Has signals do what they do in a program in C: none is blocked, as ours are, or ignored, as Rust does with SIGPIPE.
pub(super) fn be_like_c() -> Result<(), Errno> {
    SigSet::empty().thread_set_mask()?;
    // SAFETY: the default action runs no code of ours.
    unsafe { signal(Signal::SIGPIPE, SigHandler::SigDfl) }.map(drop)
}

/// Sets a variable of this process for the library to find.
///
/// Only for a process without a second thread.
pub(super) fn set_variable(name: &str, value: &OsStr) {
    // SAFETY: the carrier has one thread, and has loaded no library yet that could have started another.
    unsafe { std::env::set_var(name, value) }
}

impl Functions {
    fn load(path: &Path) -> Result<Functions, String> {
        // SAFETY: the library's own start-up code is trusted as that of a library which a program is linked with.
        let library = unsafe { Library::new(path) }.map_err(|why| format!("cannot load it: {why}"))?;
        // SAFETY: these are the types of the functions in the original's fam.h.
        unsafe {
            Ok(Functions {
                open: symbol(&library, "FAMOpen")?,
                close: symbol(&library, "FAMClose")?,
                pending: symbol(&library, "FAMPending")?,
                next_event: symbol(&library, "FAMNextEvent")?,
                cancel: symbol(&library, "FAMCancelMonitor")?,
                monitor: [symbol(&library, "FAMMonitorFile")?, symbol(&library, "FAMMonitorDirectory")?],
                monitor_numbered: [
                    symbol(&library, "FAMMonitorFile2")?,
                    symbol(&library, "FAMMonitorDirectory2")?,
                ],
                no_exists: symbol(&library, "FAMNoExists").ok(),
                collect: symbol(&library, "FAMMonitorCollection").ok(),
                suspend: symbol(&library, "FAMSuspendMonitor").ok(),
                resume: symbol(&library, "FAMResumeMonitor").ok(),
                errno: symbol(&library, "FAMErrno")?,
                _library: ManuallyDrop::new(library),
            })
        }
    }

    fn failure(&self, function: &str, gave: c_int) -> String {
        // SAFETY: FAMErrno is an int of a library that stays loaded, and nobody else runs.
        let errno = unsafe { self.errno.read() };
        let meaning = usize::try_from(errno).ok().and_then(|errno| ERRORS.get(errno)).unwrap_or(&"?");
        format!("{function} gave {gave}, FAMErrno {errno} ({meaning})")
    }

    /// Success is 0.
    fn check(&self, function: &str, gave: c_int) -> Result<(), String> {
        if gave == 0 { Ok(()) } else { Err(self.failure(function, gave)) }
    }
}

/// Looks a symbol up.
///
/// # Safety
/// The symbol has the type `T`, and the library stays loaded.
unsafe fn symbol<T: Copy>(library: &Library, name: &str) -> Result<T, String> {
    // SAFETY: the caller's.
    let symbol = unsafe { library.get::<T>(name) };
    symbol.map(|symbol| *symbol).map_err(|why| format!("it has no {name}: {why}"))
}

impl Fam {
    /// Loads a library and opens a connection. A name without a slash is looked for as the loader does.
    pub fn open(library: &Path) -> Result<Fam, String> {
        let functions = Functions::load(library)?;
        let mut connection = Box::new(FamConnection { fd: -1, client: std::ptr::null_mut() });
        // SAFETY: it is given a connection, which stays where it is until it is closed.
        let gave = unsafe { (functions.open)(&raw mut *connection) };
        functions.check("FAMOpen", gave)?;
        Ok(Fam { functions, connection, user_data: BTreeMap::new(), last_user_data: 0 })
    }

    pub fn close(mut self) -> Result<(), String> {
        // SAFETY: the connection is open, and is not used again.
        let gave = unsafe { (self.functions.close)(&raw mut *self.connection) };
        self.functions.check("FAMClose", gave)
    }

    /// Subscribes; with a number through the `2` functions, which take no user data.
    pub fn monitor(&mut self, kind: Kind, path: &OsStr, number: Option<c_int>) -> Result<c_int, String> {
        let Fam { functions, connection, .. } = self;
        let path = CString::new(path.as_bytes()).map_err(|why| why.to_string())?;
        let (at, function) = match kind {
            Kind::File => (0, "FAMMonitorFile"),
            Kind::Directory => (1, "FAMMonitorDirectory"),
        };
        let mut request = FamRequest { reqnum: number.unwrap_or(0) };
        let (connection, request_at) = (&raw mut **connection, &raw mut request);
        if number.is_some() {
            // SAFETY: the connection is open; path and request outlive the call.
            let gave = unsafe { (functions.monitor_numbered[at])(connection, path.as_ptr(), request_at) };
            functions.check(&format!("{function}2"), gave)?;
            self.user_data.insert(request.reqnum, 0);
        } else {
            self.last_user_data += 1;
            let user_data = std::ptr::without_provenance_mut(self.last_user_data);
            // SAFETY: as above; the user data is a number that nobody follows.
            let gave = unsafe { (functions.monitor[at])(connection, path.as_ptr(), request_at, user_data) };
            functions.check(function, gave)?;
            self.user_data.insert(request.reqnum, self.last_user_data);
        }
        Ok(request.reqnum)
    }

    /// Subscribes to a directory and what is below it. `None` if the library has no such function.
    pub fn collect(&mut self, path: &OsStr, depth: u32, mask: &[u8]) -> Option<Result<c_int, String>> {
        let collect = self.functions.collect?;
        Some(self.collect_with(collect, path, depth, mask))
    }

    fn collect_with(
        &mut self,
        collect: Collect,
        path: &OsStr,
        depth: u32,
        mask: &[u8],
    ) -> Result<c_int, String> {
        let path = CString::new(path.as_bytes()).map_err(|why| why.to_string())?;
        let mask = CString::new(mask).map_err(|why| why.to_string())?;
        let depth = c_int::try_from(depth).map_err(|why| why.to_string())?;
        let mut request = FamRequest { reqnum: 0 };
        self.last_user_data += 1;
        let user_data = std::ptr::without_provenance_mut(self.last_user_data);
        let (connection, request_at) = (&raw mut *self.connection, &raw mut request);
        // SAFETY: the connection is open; path, request and mask outlive the call; the user data is a number that nobody follows.
        let gave = unsafe { collect(connection, path.as_ptr(), request_at, user_data, depth, mask.as_ptr()) };
        self.functions.check("FAMMonitorCollection", gave)?;
        self.user_data.insert(request.reqnum, self.last_user_data);
        Ok(request.reqnum)
    }

    pub fn cancel(&mut self, number: c_int) -> Result<(), String> {
        self.of_request(self.functions.cancel, "FAMCancelMonitor", number)
    }

    /// `None` if the library has no such function.
    pub fn suspend(&mut self, number: c_int) -> Option<Result<(), String>> {
        Some(self.of_request(self.functions.suspend?, "FAMSuspendMonitor", number))
    }

    /// `None` if the library has no such function.
    pub fn resume(&mut self, number: c_int) -> Option<Result<(), String>> {
        Some(self.of_request(self.functions.resume?, "FAMResumeMonitor", number))
    }

    fn of_request(&mut self, function: OfRequest, name: &str, number: c_int) -> Result<(), String> {
        let request = FamRequest { reqnum: number };
        // SAFETY: the connection is open; the request outlives the call.
        let gave = unsafe { function(&raw mut *self.connection, &raw const request) };
        self.functions.check(name, gave)
    }

    /// `None` if the library has no such function.
    pub fn no_exists(&mut self) -> Option<Result<(), String>> {
        let no_exists = self.functions.no_exists?;
        // SAFETY: the connection is open.
        let gave = unsafe { no_exists(&raw mut *self.connection) };
        Some(self.functions.check("FAMNoExists", gave))
    }

    pub fn pending(&mut self) -> Result<bool, String> {
        // SAFETY: the connection is open.
        let gave = unsafe { (self.functions.pending)(&raw mut *self.connection) };
        if gave < 0 { Err(self.functions.failure("FAMPending", gave)) } else { Ok(gave > 0) }
    }

    /// Waits until an event is pending, as programs do: asks, then polls the descriptor, and asks again if that is ready.
    pub fn wait(&mut self, patience: Duration) -> Result<bool, String> {
        let deadline = Instant::now() + patience;
        loop {
            if self.pending()? {
                return Ok(true);
            }
            if self.connection.fd < 0 {
                return Err("the connection has no descriptor".into());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            // SAFETY: the library keeps the descriptor open while the connection is.
            let fd = unsafe { BorrowedFd::borrow_raw(self.connection.fd) };
            let wait = PollTimeout::try_from(left.as_millis()).unwrap_or(PollTimeout::MAX);
            // A signal is no event: then, too, the time that is left says whether to go on.
            let is_ready = poll(&mut [PollFd::new(fd, PollFlags::POLLIN)], wait).is_ok_and(|ready| ready > 0);
            // What the library read and did not hand out may be followed by more; but not for ever.
            let is_over = left.is_zero() && (!is_ready || deadline.elapsed() > READY_MAX);
            if is_over {
                return Ok(false);
            }
        }
    }

    /// The next event, and that it is about this connection and carries its request's user data.
    pub fn next(&mut self) -> Result<Given, String> {
        let mut event = MaybeUninit::<FamEvent>::zeroed();
        let connection = &raw mut *self.connection;
        // SAFETY: the connection is open; the event outlives the call.
        let gave = unsafe { (self.functions.next_event)(connection, event.as_mut_ptr()) };
        if gave != 1 {
            return Err(self.functions.failure("FAMNextEvent", gave));
        }
        // SAFETY: any bytes are an event, and these were zeroed.
        let event = unsafe { event.assume_init_ref() };
        let name: Vec<u8> = event.filename.iter().map(|byte| byte.to_ne_bytes()[0]).collect();
        let name = CStr::from_bytes_until_nul(&name).map_err(|_| "a file name does not end")?.to_bytes();
        let request = event.fr.reqnum;
        if event.fc != connection {
            return Err(format!("an event of request {request} has another connection"));
        }
        if self.user_data.get(&request).is_some_and(|data| *data != event.userdata.addr()) {
            return Err(format!("an event of request {request} has another request's user data"));
        }
        Ok(Given { request, code: event.code, name: name.to_vec() })
    }
}
