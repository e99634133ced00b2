//! Be told when files change, by the Gamin file alteration monitor.
//!
//! A [`Connection`] leads to `gam_server`, which is started if it does not run: `/usr/libexec/gam_server`, or the program that
//! `GAMIN_DEBUG_SERVER` names ([`Options`] has other ways). Where none is installed, or [`Mode::Embedded`] is chosen, the program watches by itself:
//! the same connection does a server's work within its calls ([`Connection::background`] has a thread do it). Ask it for files, directories or whole trees; it first tells what is there,
//! and from then on what changes.
//!
//! # A first program
//! ```no_run
//! # fn main() -> Result<(), gamin::Error> {
//! let connection = gamin::Connection::open()?;
//! connection.monitor_directory("/etc")?;
//! loop {
//!     let event = connection.next_event()?;
//!     println!("{:?} {:?}", event.code, event.full_path());
//! }
//! # }
//! ```
//! It prints `Exists` for `/etc` and each entry, `EndExist` when that was all, then `Created`, `Changed` and `Deleted` as it
//! happens. What they mean, [`Code`] says. A path that is not there yet is awaited.
//!
//! # Beside other things
//! A connection is one descriptor ([`AsFd`](std::os::fd::AsFd), [`AsRawFd`](std::os::fd::AsRawFd)) for any event loop, and holds a second, the socket,
//! unless [`Options::one_descriptor`] makes them one. When it is readable, take events with [`Connection::try_next_event`], which never waits, until there is none. The folder `examples` has a
//! loop of its own (`events.rs`), one of mio (`with_mio.rs`), and one of tokio (`with_tokio.rs`).
//!
//! # What is never lost
//! Apply the events to what was told first, and you have what is on disk as soon as that has been quiet for a moment. That
//! holds when the kernel loses notices, when it refuses to watch, while you do not read, and when the server is killed: the
//! connection finds or starts another, asks for everything again, and tells the difference. Changes that follow one another closely
//! may be told as one; the last is always told. [`Connection::barrier`] waits until everything that happened before the call
//! has been told.
//!
//! # Trees, and gaps in them
//! [`Connection::monitor_tree`] follows a directory and everything below it. [`Connection::ask`] takes a request with options: how deep,
//! which names are told, and which directories are left alone and cost nothing ([`TreeOptions`]).
//!
//! Not everything can be followed: a directory may be unreadable, its path too long, or a limit of the kernel reached, so that it is
//! looked at every second. Such a **gap** is never silent. [`Connection::gaps`] names those of a request, and who asks
//! with [`MonitorRequest::coverage`] is told of each as it begins and ends:
//! ```no_run
//! # use std::path::Path;
//! use gamin::{Code, MonitorRequest, Scope, TreeOptions};
//! # fn main() -> Result<(), gamin::Error> {
//! let connection = gamin::Connection::open()?;
//! let options = TreeOptions { follows: std::sync::Arc::new(|name| !name.ends_with("target")), ..TreeOptions::default() };
//! connection.ask(&MonitorRequest { coverage: true, ..MonitorRequest::new(Path::new("src"), Scope::Tree(options)) })?;
//! loop {
//!     let event = connection.next_event()?;
//!     match (event.code, event.coverage) {
//!         (Code::Coverage, Some(coverage)) => eprintln!("{:?}: {coverage}", event.full_path()),
//!         (code, _) => println!("{code:?} {:?}", event.full_path()),
//!     }
//! }
//! # }
//! ```
//!
//! # What it leaves alone
//! There is no signal handler, no output, and no thread but for a mount that may hang, where there is no server. Nothing outlives the connection but the server that it may have started. What it
//! does, it says with the crate `tracing`. No call waits, except those that say so.

// Two layers that know nothing of each other: `state` is the connection without a socket, `link` the socket without a
// meaning. `driver` joins them, `connection` adds the lock and the waiting.

mod belongings;
mod connection;
mod driver;
mod embedded;
mod error;
mod held;
mod launch;
mod link;
mod options;
mod outage;
mod registrations;
mod seat;
pub mod state;
mod transfer;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use connection::{Awaited, Background, Connection, OpenBarrier};
pub use error::{ConnectError, Error, explain};
pub use gamin_meeting::Sight;
pub use gamin_protocol::{Code, Coverage, Fact, Kind, Presence, Value};
pub use options::{EmbeddedOptions, Mode, Options, ServerCommand};
pub use state::{Gaps, MonitorRequest, Scope, TreeOptions};

/// A connection's name for one request, until its Acknowledge has been read.
///
/// Connections count them from 1; a caller may also choose its own (see
/// [`Connection::monitor_with_number`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestNumber(pub i32);

impl fmt::Display for RequestNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Something that happened to a monitored path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The request that it belongs to.
    pub request: RequestNumber,
    /// The word that was given with the request ([`MonitorRequest::user_data`]).
    pub user_data: usize,
    /// What happened.
    pub code: Code,
    /// The monitored path in exactly the caller's spelling (a relative one was made absolute), or the name of an entry, relative
    /// to that.
    pub path: PathBuf,
    /// The monitored path.
    pub root: Arc<Path>,
    /// How what happens there becomes known from now on, if the code is [`Code::Coverage`].
    pub coverage: Option<Coverage>,
    /// Where it is now, if the code is [`Code::Moved`]: no other event says that it has come there, or taken the place of something.
    pub moved_to: Option<Box<Destination>>,
}

/// Where something has moved to: the same directory, or another that is monitored ([`MonitorRequest::moves`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// The request that it belongs to there.
    pub request: RequestNumber,
    /// The word that was given with that request.
    pub user_data: usize,
    /// As [`Event::path`], by that request.
    pub path: PathBuf,
    /// The path that is monitored there.
    pub root: Arc<Path>,
    /// Whether something was there, of which it took the place.
    pub replaces: bool,
}

impl Destination {
    /// The path from `/` on.
    pub fn full_path(&self) -> PathBuf {
        self.root.join(&self.path)
    }
}

/// An event that is still where it was received: an [`Event`] that owns nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventRef<'a> {
    /// As [`Event::request`].
    pub request: RequestNumber,
    /// As [`Event::user_data`].
    pub user_data: usize,
    /// As [`Event::code`].
    pub code: Code,
    /// As [`Event::path`].
    pub path: &'a Path,
    /// As [`Event::root`].
    pub root: &'a Arc<Path>,
    /// As [`Event::coverage`].
    pub coverage: Option<Coverage>,
    /// As [`Event::moved_to`].
    pub moved_to: Option<&'a Destination>,
}

impl Event {
    /// The same event with a path of its own.
    pub fn of(event: EventRef<'_>) -> Event {
        let EventRef { request, user_data, code, path, root, coverage, moved_to } = event;
        let moved_to = moved_to.cloned().map(Box::new);
        Event { request, user_data, code, path: path.to_owned(), root: Arc::clone(root), coverage, moved_to }
    }

    /// The same event, lent.
    pub fn lend(&self) -> EventRef<'_> {
        let Event { request, user_data, code, coverage, .. } = *self;
        let moved_to = self.moved_to.as_deref();
        EventRef { request, user_data, code, path: &self.path, root: &self.root, coverage, moved_to }
    }

    /// The path from `/` on.
    pub fn full_path(&self) -> PathBuf {
        self.root.join(&self.path)
    }

    /// The same without moves: what has moved was Deleted at one path, and Created at another or Changed.
    pub fn halves(self) -> (Event, Option<Event>) {
        let Some(to) = self.moved_to else { return (self, None) };
        let Destination { request, user_data, path, root, replaces } = *to;
        let code = if replaces { Code::Changed } else { Code::Created };
        let other = Event { request, user_data, code, path, root, coverage: None, moved_to: None };
        (Event { code: Code::Deleted, moved_to: None, ..self }, Some(other))
    }
}
