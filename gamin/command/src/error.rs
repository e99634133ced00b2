//! What can go wrong in a command, in words for the person who gave it.
//!
//! Invariant: each says what it is about, and where something can be done about it, what.

use std::io::{self, Write};
use std::path::PathBuf;

use gamin::{ConnectError, explain};

use crate::change::escape;

/// Why a command could not go on.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// Whoever read the output has closed it.
    #[error("nobody reads the output")]
    Unread,
    /// The output can't be written.
    #[error("can't write to standard output: {0}")]
    Output(io::Error),
    /// There is no server, or it does not do what it should.
    #[error("{}\n  {}", explain(.0), CommandError::advice(.0))]
    Server(#[from] gamin::Error),
    /// A file could not be read or written.
    #[error("{}: {error}", escape(path))]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The command line can't be understood.
    #[error("{0}")]
    Usage(String),
    /// The system refused something else.
    #[error("can't {what}: {error}")]
    System {
        /// What was wanted of it.
        what: &'static str,
        /// Why.
        error: io::Error,
    },
}

impl CommandError {
    /// The status to end with.
    pub fn status(&self) -> u8 {
        if matches!(self, CommandError::Usage(_)) { 2 } else { 1 }
    }

    /// What can be done about a server that is not there, or does not do what it should.
    pub fn advice(error: &gamin::Error) -> &'static str {
        let (gamin::Error::Connect(why) | gamin::Error::ServiceLost(why)) = error else {
            return "gamin doctor may find out why";
        };
        match why {
            ConnectError::Start { .. } => "install gam_server there, or name another in GAMIN_DEBUG_SERVER",
            ConnectError::Exited { .. } => "run it in a shell with GAM_DEBUG= to see what it says",
            ConnectError::Foreign { .. } => {
                "set GAM_CLIENT_ID to a name of your own, here and for the programs that are to share the server"
            }
            ConnectError::OtherFiles { .. } => {
                "start a program of your own here: it gets a server that sees the files that it sees"
            }
            ConnectError::Full { .. } => {
                "gamin status shows whom it serves; set GAM_CLIENT_ID to a name of your own for a server of your own"
            }
            ConnectError::Embed { .. } => "let the program have more descriptors open (ulimit -n)",
            ConnectError::NoAnswer { .. } => "gamin status shows which servers there are",
        }
    }
}

impl From<gamin_follow::PatternError> for CommandError {
    fn from(error: gamin_follow::PatternError) -> CommandError {
        CommandError::Usage(error.to_string())
    }
}

impl From<io::Error> for CommandError {
    fn from(error: io::Error) -> CommandError {
        match error.kind() {
            io::ErrorKind::BrokenPipe => CommandError::Unread,
            _ => CommandError::Output(error),
        }
    }
}

/// Says something to the person at the terminal.
pub fn complain(message: &str) {
    // If standard error is closed, nobody listens.
    let _ = writeln!(io::stderr(), "gamin: {message}");
}
