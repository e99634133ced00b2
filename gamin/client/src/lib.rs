//! The client library of the Gamin file alteration monitor: asks a server to monitor files and
//! directories and hands out the events it reports.
//!
//! Two layers that know nothing of each other: [`state`] is the connection without a socket (request numbers,
//! what each caller was told, the difference after a reconnect, the barrier) and `link` is the socket
//! without a meaning (address, credentials, starting a server on demand). `driver` joins them, `connection`
//! adds the lock and the waiting. What a change *is*, is left to the server; the C names and their
//! oddities, to libfam.
//!
//! Invariants: no call waits except those that say so, and those wait with the lock released; no thread,
//! no signal handler, no output, nothing that outlives the connection but the server it may have started,
//! so that any process can host it.
//!
//! ```no_run
//! # fn main() -> Result<(), gamin::Error> {
//! let connection = gamin::Connection::open()?;
//! connection.monitor_directory("/etc")?;
//! loop {
//!     let event = connection.next_event()?;
//!     println!("{}: {} {:?}", event.request, event.path.display(), event.code);
//! }
//! # }
//! ```

#![forbid(unsafe_code)]

mod connection;
mod driver;
mod error;
mod launch;
mod link;
mod options;
pub mod state;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use connection::Connection;
pub use error::{ConnectError, Error};
pub use gamin_protocol::{Code, Coverage, Fact, Kind, Value};
pub use options::{Options, ServerCommand};
pub use state::{Gaps, Scope, Shape, Wish};

/// A connection's name for one subscription, from the request until its Acknowledge has been read.
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
    /// The word that was given with the request ([`Wish::cookie`]).
    pub cookie: usize,
    /// What happened.
    pub code: Code,
    /// The monitored path in exactly the caller's spelling, or the name of an entry, relative to that.
    pub path: PathBuf,
    /// The monitored path.
    pub root: Arc<Path>,
    /// How what happens there becomes known from now on, if the code is [`Code::Coverage`].
    pub coverage: Option<Coverage>,
}

impl Event {
    /// The path from `/` on.
    pub fn full_path(&self) -> PathBuf {
        self.root.join(&self.path)
    }
}
