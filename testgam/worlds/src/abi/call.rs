//! What is said to a carrier and what it answers, and the carrier's side of it.
//!
//! One JSON object a line, each call answered once before the next. Invariant: whatever the library gives back becomes an
//! answer; only a library that ends the process, or does not come back, leaves a call without one.

use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use gamin::Kind;
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};

use super::library::{self, Fam, Given};

/// The first argument that turns this executable into a carrier.
pub(super) const CARRIER_ARGUMENT: &str = "carry-library";
/// The most events in one answer.
const EVENTS_MAX: usize = 1000;

/// What a carrier is to do.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Call {
    /// Set variables, load the library and open the connection; the first call, and never again.
    Open {
        library: PathBuf,
        variables: Vec<(String, OsString)>,
    },
    Monitor {
        directory: bool,
        path: OsString,
        number: Option<i32>,
    },
    Collect {
        path: OsString,
        depth: u32,
        mask: Vec<u8>,
    },
    Cancel(i32),
    Suspend(i32),
    Resume(i32),
    NoExists,
    Pending,
    /// Wait for an event, and give all that are there.
    Next {
        patience: Duration,
    },
    Close,
}

/// What a carrier answers.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Answer {
    Done,
    Number(i32),
    Pending(bool),
    Events(Vec<Given>),
    /// The library refused, or broke a promise.
    Failed(String),
    /// The library has no such function.
    Unknown,
}

impl Call {
    /// The function that does it.
    pub fn function(&self) -> &'static str {
        match self {
            Call::Open { .. } => "FAMOpen",
            Call::Monitor { directory: true, .. } => "FAMMonitorDirectory",
            Call::Monitor { directory: false, .. } => "FAMMonitorFile",
            Call::Collect { .. } => "FAMMonitorCollection",
            Call::Cancel(_) => "FAMCancelMonitor",
            Call::Suspend(_) => "FAMSuspendMonitor",
            Call::Resume(_) => "FAMResumeMonitor",
            Call::NoExists => "FAMNoExists",
            Call::Pending => "FAMPending",
            Call::Next { .. } => "FAMNextEvent",
            Call::Close => "FAMClose",
        }
    }
}

/// Carries a library if the command line asks for it; to be called first in `main`.
pub fn become_carrier_if_asked() -> Option<ExitCode> {
    let is_asked = std::env::args_os().nth(1).as_deref() == Some(OsStr::new(CARRIER_ARGUMENT));
    is_asked.then(|| match carry() {
        Ok(()) => ExitCode::SUCCESS,
        // Nobody listens: whoever called is gone, or does not speak this.
        Err(_) => ExitCode::FAILURE,
    })
}

fn carry() -> io::Result<()> {
    // Who is gone cannot end a library that hangs.
    set_pdeathsig(Signal::SIGKILL)?;
    library::be_like_c()?;
    let stream = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut connection = None;
    for line in BufReader::new(&stream).lines() {
        let answer = answer(&mut connection, serde_json::from_str(&line?)?);
        let mut line = serde_json::to_vec(&answer)?;
        line.push(b'\n');
        (&stream).write_all(&line)?;
    }
    Ok(())
}

fn answer(connection: &mut Option<Fam>, call: Call) -> Answer {
    let done = |result: Result<(), String>| result.map_or_else(Answer::Failed, |()| Answer::Done);
    if let Call::Open { library, variables } = call {
        for (name, value) in &variables {
            library::set_variable(name, value);
        }
        return done(Fam::open(&library).map(|fam| *connection = Some(fam)));
    }
    if let Call::Close = call {
        return connection.take().map_or(Answer::Unknown, |fam| done(fam.close()));
    }
    let Some(fam) = connection else { return Answer::Failed("it is not open".into()) };
    match call {
        Call::Open { .. } | Call::Close => Answer::Unknown,
        Call::Monitor { directory, path, number } => {
            let kind = if directory { Kind::Directory } else { Kind::File };
            fam.monitor(kind, OsStr::from_bytes(path.as_bytes()), number)
                .map_or_else(Answer::Failed, Answer::Number)
        }
        Call::Collect { path, depth, mask } => fam
            .collect(&path, depth, &mask)
            .map_or(Answer::Unknown, |number| number.map_or_else(Answer::Failed, Answer::Number)),
        Call::Cancel(number) => done(fam.cancel(number)),
        Call::Suspend(number) => fam.suspend(number).map_or(Answer::Unknown, done),
        Call::Resume(number) => fam.resume(number).map_or(Answer::Unknown, done),
        Call::NoExists => fam.no_exists().map_or(Answer::Unknown, done),
        Call::Pending => fam.pending().map_or_else(Answer::Failed, Answer::Pending),
        Call::Next { patience } => events(fam, patience).map_or_else(Answer::Failed, Answer::Events),
    }
}

fn events(fam: &mut Fam, patience: Duration) -> Result<Vec<Given>, String> {
    let mut events = Vec::new();
    let mut is_pending = fam.wait(patience)?;
    while is_pending && events.len() < EVENTS_MAX {
        events.push(fam.next()?);
        is_pending = fam.pending()?;
    }
    Ok(events)
}
