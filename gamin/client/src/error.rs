//! What can go wrong, one variant for each thing that a caller can do about it.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use nix::errno::Errno;

use crate::RequestNumber;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Ask for another path: from `/` on it must be shorter than 4,096 bytes, without NUL and not empty.
    #[error("cannot monitor {0:?}: a path has 1 to 4095 bytes, none of them NUL")]
    BadPath(PathBuf),
    /// Choose another number: this one is negative.
    #[error("request number {0} is negative")]
    BadArgument(RequestNumber),
    /// Choose another number: this one is taken until its Acknowledge has been read.
    #[error("request number {0} is in use")]
    NumberInUse(RequestNumber),
    /// There is nothing to cancel: no such request was made, or its Acknowledge has been read.
    #[error("no request has the number {0}")]
    UnknownRequest(RequestNumber),
    /// Ask this of a tree only: the request is for something else.
    #[error("request {0} is for no tree")]
    NotATree(RequestNumber),
    /// Cancel something, and read events until it is acknowledged: 65,535 requests are open, not counting directories in trees that have
    /// wide numbers.
    #[error("too many open requests")]
    TooManyRequests,
    /// No connection could be opened.
    #[error("cannot connect to a server")]
    Connect(#[source] ConnectError),
    /// The server was lost and could not be replaced. All requests are kept, and the next call that needs a
    /// server tries again.
    #[error("lost the server")]
    ServiceLost(#[source] ConnectError),
    /// Do without: the server is one that does not know the barrier, or another question, such as the
    /// original's.
    #[error("the server does not know what it was asked")]
    Unsupported,
    /// The time that the caller gave was over first.
    #[error("timed out")]
    TimedOut,
    /// Open a connection of your own: this one belongs to the parent process.
    #[error("the connection was opened before a fork")]
    Forked,
    /// Open another connection: this one was closed, by [`crate::Connection::close`].
    #[error("the connection was closed")]
    Closed,
    /// Open another connection: the program has closed a descriptor of this one, and has something else in its place by now, or nothing. That was
    /// left alone. The server, if there is one, forgets the connection.
    #[error("a descriptor of the connection was closed behind its back")]
    DescriptorLost,
    /// The system refused a descriptor or the like.
    #[error("system call failed")]
    System(#[from] Errno),
}

/// Why no server could be reached.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The program of the server cannot be run.
    #[error("cannot start {program:?}")]
    Start {
        /// The program.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The server ended before it could be reached.
    #[error("{program:?} ended with {status}")]
    Exited {
        /// The program.
        program: PathBuf,
        /// How it ended.
        status: ExitStatus,
    },
    /// Somebody else listens where our server should. It was sent nothing.
    #[error("the server at session {client_id:?} belongs to uid {uid}")]
    Foreign {
        /// The session.
        client_id: OsString,
        /// The uid of the process that listens.
        uid: u32,
    },
    /// The server is one for programs that see other files: it is in another mount namespace, or has another root directory. None was
    /// to be started, or could be.
    #[error("the server at session {client_id:?} sees other files")]
    OtherFiles {
        /// The session.
        client_id: OsString,
    },
    /// The server serves as many clients as it can, and not this one.
    #[error("the server at session {client_id:?} has no room for another client")]
    Full {
        /// The session.
        client_id: OsString,
    },
    /// This process was to watch by itself, and can't.
    #[error("cannot watch without a server")]
    Embed {
        /// Why: mostly no descriptor is left.
        source: io::Error,
    },
    /// None answered in time.
    #[error("no server at session {client_id:?} within {patience:?}")]
    NoAnswer {
        /// The session.
        client_id: OsString,
        /// How long was tried.
        patience: Duration,
        /// What the last attempt failed with.
        source: Errno,
    },
}

/// An error and all that is behind it, in one line.
pub fn explain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

impl ConnectError {
    /// Whether there is no program to be started.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, ConnectError::Start { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}
