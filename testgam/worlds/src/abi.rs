//! The world `abi`: the live one, whose clients go through a libfam.so.0 or libgamin-1.so.0 that is loaded at run time.
//!
//! Files and server are left to `live`, the library to its `carrier`. The library has no barrier to ask for, so a client
//! has a *shadow*: a connection of our own that asks for the same paths at the same server. When the shadow's barrier is
//! reached, the server has told both; with a server that has no barrier, silence is awaited. Invariant: what the shadow is
//! told is never shown.

mod call;
mod carrier;
mod library;

use std::collections::{BTreeMap, VecDeque};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Write;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use gamin::{Code, Connection, Event, Kind, RequestNumber, ServerCommand};
use tempfile::TempPath;

pub use call::become_carrier_if_asked;
use call::{Answer, Call};
use carrier::Carrier;
use library::Given;

use crate::forks;
use crate::live::connection::LiveClient;
use crate::live::past::{Past, Silence, await_silence};
use crate::live::{ClientLibrary, LiveOptions, Surroundings};
use crate::stop;
use crate::world::{Client, StepError};
use testgam_language::collection::Collection;

/// How often in a row the library must have nothing to tell after a barrier. Once is too little: the server may answer the
/// shadow first, and send the library what its socket did not take before only when it is read.
const EMPTY_ROUNDS: u32 = 2;

/// A libfam.so.0 or libgamin-1.so.0 that is loaded at run time, each time in a process of its own. A name without a slash is
/// looked for as the loader does.
#[derive(Debug)]
pub struct LoadedLibrary(pub PathBuf);

impl ClientLibrary for LoadedLibrary {
    fn open(&self, connection: Connection, around: Surroundings) -> Result<Box<dyn Client>, StepError> {
        Ok(Box::new(AbiClient::open(&self.0, connection, around)?))
    }
}

/// What the library was asked for, and its shadow was not.
#[derive(Debug)]
enum Owed {
    Monitor(i32, Kind, PathBuf),
    Collect(i32, PathBuf, Collection),
    Cancel(i32),
}

/// A connection of a foreign library.
#[derive(Debug)]
struct AbiClient {
    carrier: Carrier,
    shadow: LiveClient,
    /// Whether the server has a barrier, so that there is use for the shadow.
    has_barrier: bool,
    /// The shadow's numbers of the requests.
    shadows: BTreeMap<i32, i32>,
    /// How deep the deepest collection is: each level is found in a round of its own, and may have nothing to tell.
    deepest: u32,
    /// What the shadow has yet to do, so that the library goes first.
    owed: Vec<Owed>,
    /// What was read and not yet asked for.
    came: VecDeque<Event>,
    silence: Silence,
    past: Rc<Past>,
    /// The server's deaths that the library has had time to find a new one after.
    deaths: u32,
    options: LiveOptions,
    /// What the library starts as its server.
    _launcher: TempPath,
}

impl AbiClient {
    /// Loads a library and opens a connection to the server that `shadow` is connected to.
    fn open(library: &Path, shadow: Connection, around: Surroundings) -> Result<AbiClient, StepError> {
        let Surroundings { environment, id, server, past, options, is_own: _ } = around;
        // Which server it meets is the library's business: that another one is met is no promise broken.
        let mut shadow = LiveClient::new(shadow, false, Rc::clone(&past), &options);
        // The original's server, when it has nothing to ask the kernel with, hangs up on whoever asks it for a barrier.
        let has_barrier = shadow.barrier().unwrap_or(false);
        let launcher = launcher(&server)
            .map_err(|why| StepError::Failed(format!("cannot write how the server is started: {why}")))?;
        let mut variables = vec![("GAMIN_DEBUG_SERVER".to_owned(), launcher.as_os_str().to_owned())];
        variables.extend(id.map(|id| ("GAM_CLIENT_ID".to_owned(), id)));
        let mut carrier = Carrier::start(options.patience, &environment)?;
        // Not in its environment from the start: what carries the session's id there is taken for a server.
        carrier.call(&Call::Open { library: library.to_owned(), variables })?;
        Ok(AbiClient {
            carrier,
            shadow,
            has_barrier,
            shadows: BTreeMap::new(),
            deepest: 0,
            owed: Vec::new(),
            came: VecDeque::new(),
            silence: Silence::new(options.silence, Rc::clone(&past)),
            deaths: past.server_deaths.get(),
            past,
            options,
            _launcher: launcher,
        })
    }

    fn owe(&mut self, owed: Owed) {
        self.owed.extend(self.has_barrier.then_some(owed));
    }

    /// Has the shadow do what the library did.
    fn follow(&mut self) -> Result<(), StepError> {
        for owed in std::mem::take(&mut self.owed) {
            match owed {
                Owed::Monitor(number, kind, path) => {
                    self.shadows.insert(number, self.shadow.monitor(kind, &path, None)?);
                }
                Owed::Collect(number, path, collection) => {
                    self.shadows.insert(number, self.shadow.collect(&path, &collection)?);
                }
                Owed::Cancel(number) => {
                    if let Some(shadow) = self.shadows.remove(&number) {
                        self.shadow.cancel(shadow)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Reads what is there, or waits for it; gives whether there was anything.
    fn fetch(&mut self, patience: Duration) -> Result<bool, StepError> {
        let count = self.came.len();
        let deadline = Instant::now() + patience;
        loop {
            self.options.stop.check()?;
            let left = deadline.saturating_duration_since(Instant::now());
            let call = Call::Next { patience: left.min(stop::LATENCY) };
            let Answer::Events(events) = self.carrier.call(&call)? else { return Err(misunderstood(&call)) };
            for told in events {
                self.came.push_back(event(told)?);
            }
            if self.came.len() > count || left <= stop::LATENCY {
                return Ok(self.came.len() > count);
            }
        }
    }

    fn call(&mut self, call: &Call) -> Result<(), StepError> {
        match self.carrier.call(call)? {
            Answer::Done => Ok(()),
            _ => Err(misunderstood(call)),
        }
    }
}

impl Client for AbiClient {
    fn monitor(&mut self, kind: Kind, path: &Path, number: Option<i32>) -> Result<i32, StepError> {
        let call =
            Call::Monitor { directory: kind == Kind::Directory, path: path.as_os_str().to_owned(), number };
        let Answer::Number(number) = self.carrier.call(&call)? else { return Err(misunderstood(&call)) };
        self.owe(Owed::Monitor(number, kind, path.to_owned()));
        Ok(number)
    }

    fn collect(&mut self, path: &Path, collection: &Collection) -> Result<i32, StepError> {
        let Collection { depth, mask } = collection.clone();
        let call = Call::Collect { path: path.as_os_str().to_owned(), depth, mask };
        let Answer::Number(number) = self.carrier.call(&call)? else { return Err(misunderstood(&call)) };
        self.deepest = self.deepest.max(depth);
        self.owe(Owed::Collect(number, path.to_owned(), collection.clone()));
        Ok(number)
    }

    fn suspend_monitor(&mut self, number: i32) -> Result<(), StepError> {
        self.call(&Call::Suspend(number))
    }

    fn resume_monitor(&mut self, number: i32) -> Result<(), StepError> {
        self.call(&Call::Resume(number))
    }

    fn cancel(&mut self, number: i32) -> Result<(), StepError> {
        self.call(&Call::Cancel(number))?;
        self.owe(Owed::Cancel(number));
        Ok(())
    }

    fn no_exists(&mut self) -> Result<(), StepError> {
        self.call(&Call::NoExists)
    }

    fn pending(&mut self) -> Result<bool, StepError> {
        if !self.came.is_empty() {
            return Ok(true);
        }
        match self.carrier.call(&Call::Pending)? {
            Answer::Pending(is_pending) => Ok(is_pending),
            _ => Err(misunderstood(&Call::Pending)),
        }
    }

    fn next(&mut self, patience: Duration) -> Result<Option<Event>, StepError> {
        if self.came.is_empty() {
            self.fetch(patience)?;
        }
        Ok(self.came.pop_front())
    }

    fn sync(&mut self) -> Result<(), StepError> {
        self.fetch(Duration::ZERO)?;
        let deaths = self.past.server_deaths.get();
        if !self.has_barrier || self.deaths != deaths {
            // Nobody can say when a library has found a new server and asked it for everything again.
            await_silence(self.silence.length(), |time| self.fetch(time))?;
            self.deaths = deaths;
        }
        if !self.has_barrier {
            return Ok(());
        }
        self.follow()?;
        let mut empty_rounds = 0;
        while empty_rounds < EMPTY_ROUNDS + self.deepest {
            self.shadow.barrier()?;
            while self.shadow.next(Duration::ZERO)?.is_some() {}
            empty_rounds = if self.fetch(Duration::ZERO)? { 0 } else { empty_rounds + 1 };
        }
        Ok(())
    }

    fn kill_server(&mut self) -> Result<(), StepError> {
        self.shadow.kill_server()
    }

    fn close(mut self: Box<Self>) -> Result<(), StepError> {
        self.call(&Call::Close)
    }
}

fn event(told: Given) -> Result<Event, StepError> {
    let code = u16::try_from(told.code).map(Code::from);
    let code = code.map_err(|_| StepError::Failed(format!("the library: an event of code {}", told.code)))?;
    Ok(Event {
        request: RequestNumber(told.request),
        // User data is the subscriber's own business in every world.
        user_data: 0,
        code,
        path: PathBuf::from(OsString::from_vec(told.name)),
        // Nor does a library say any more.
        root: Path::new("/").into(),
        coverage: None,
        moved_to: None,
    })
}

fn misunderstood(call: &Call) -> StepError {
    StepError::Failed(format!("the library's process did not answer {call:?}"))
}

/// A program without arguments that does what `server` says, since that is how the library starts one.
fn launcher(server: &ServerCommand) -> std::io::Result<TempPath> {
    let _no_forks = forks::none();
    let mut file = tempfile::Builder::new()
        .prefix("testgam-server-")
        .permissions(fs::Permissions::from_mode(0o700))
        .tempfile()?;
    file.write_all(b"#!/bin/sh\nexec")?;
    for word in [server.program.as_os_str()].into_iter().chain(server.args.iter().map(OsString::as_os_str)) {
        file.write_all(&[b" ", &quoted(word)[..]].concat())?;
    }
    file.write_all(b"\n")?;
    Ok(file.into_temp_path())
}

/// A word as a shell takes it for one.
fn quoted(word: &OsStr) -> Vec<u8> {
    let parts: Vec<&[u8]> = word.as_bytes().split(|byte| *byte == b'\'').collect();
    [b"'", &parts.join(&br"'\''"[..])[..], b"'"].concat()
}
