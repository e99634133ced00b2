//! Starting a server on demand, and collecting what was started when it has ended.
//!
//! A started server outlives the connection, for other clients may have joined it. Which session it serves
//! and whether it can be reached is left to [`crate::link`]. Invariant: every server that was started is in
//! [`STARTED`] or in a [`Started`] until it has ended and was collected, which happens when this process
//! next starts or loses one. It has its own process group, so that a Ctrl-C meant for the host spares it.

use std::ffi::OsString;
use std::io::{self, ErrorKind, PipeReader, Read};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::epoll::{Epoll, EpollEvent, EpollFlags};

use crate::error::ConnectError;
use crate::options::Options;

/// The most that is kept of what a server says before it serves. The rest is taken in and forgotten, so that it can go on.
const SAID_MAX: usize = 4096;

/// The servers that this process started and that have not been collected.
static STARTED: Mutex<Vec<Child>> = Mutex::new(Vec::new());

/// A server that is to come up; when dropped it goes on, and is collected some time after it ends.
#[derive(Debug)]
pub(crate) struct Started {
    program: PathBuf,
    child: Option<Child>,
    /// Whether it ends as soon as it has left a server behind.
    pub(crate) detaches: bool,
    /// Where one that detaches says why it can't. It ends a moment before the process does.
    output: Option<Output>,
    said: Vec<u8>,
}

/// A pipe that makes `source` readable.
#[derive(Debug)]
struct Output {
    pipe: PipeReader,
    source: Arc<Epoll>,
}

/// How far a started server has come.
#[derive(Debug)]
pub(crate) enum Progress {
    /// It runs, and may listen or not.
    Running,
    /// It has ended well: another process serves in its place.
    Done,
    /// It has failed.
    Failed(ConnectError),
}

/// Starts the server of `options`, if it names one. Makes `source` readable when one that detaches has got somewhere.
///
/// It inherits the environment with the changes that `options` asks for, but no descriptor and no working
/// directory, so it keeps no file system busy.
pub(crate) fn start(options: &Options, source: &Arc<Epoll>) -> Result<Option<Started>, ConnectError> {
    let Some(server) = &options.server else { return Ok(None) };
    let mut command = Command::new(&server.program);
    command.args(&server.args).current_dir("/").stdin(Stdio::null()).process_group(0);
    set_environment(&mut command, options);
    let started = if server.detaches() {
        // The original's server takes any word for the session, and of several, as ours, the last.
        command.arg(options.client_id.clone().unwrap_or_default());
        Output::of(&mut command, source).and_then(|output| Ok((command.spawn()?, Some(output))))
    } else {
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().map(|child| (child, None))
    };
    let program = server.program.clone();
    match started {
        Ok((child, output)) => {
            tracing::info!(?program, pid = child.id(), "started a server");
            let (child, detaches) = (Some(child), output.is_some());
            Ok(Some(Started { program, child, detaches, output, said: Vec::new() }))
        }
        Err(source) => Err(ConnectError::Start { program, source }),
    }
}

fn set_environment(command: &mut Command, options: &Options) {
    let id = options.client_id.clone().filter(|id| !id.is_empty());
    let session = (OsString::from("GAM_CLIENT_ID"), id);
    for (name, value) in options.environment.iter().chain([&session]) {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
}

impl Output {
    /// What `command` will say.
    fn of(command: &mut Command, source: &Arc<Epoll>) -> io::Result<Output> {
        let (pipe, input) = io::pipe()?;
        fcntl(&pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        source.add(&pipe, EpollEvent::new(EpollFlags::EPOLLIN, 0))?;
        command.stdout(input.try_clone()?).stderr(input);
        Ok(Output { pipe, source: Arc::clone(source) })
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        // Closing is not enough where a child of the host process holds a copy of the descriptor.
        if let Err(errno) = self.source.delete(&self.pipe) {
            tracing::debug!(%errno, "cannot remove a descriptor");
        }
    }
}

impl Started {
    /// Looks how far it has come.
    pub(crate) fn progress(&mut self) -> Progress {
        self.hear();
        match self.child.as_mut().map(Child::try_wait) {
            Some(Ok(Some(status))) if status.success() => Progress::Done,
            Some(Ok(Some(status))) => Progress::Failed(self.failure(status)),
            // One that cannot be asked about was collected by the host process: it may be well.
            _ => Progress::Running,
        }
    }

    /// Whether it is one that ends as soon as it has left a server behind, and has not ended. One that cannot be asked about was
    /// collected by the host process.
    pub(crate) fn is_leaving(&mut self) -> bool {
        self.detaches && self.child.as_mut().is_some_and(still_runs)
    }

    /// Takes in what it says, to the end of it.
    fn hear(&mut self) {
        let Some(output) = &mut self.output else { return };
        let mut buffer = [0; SAID_MAX];
        loop {
            match output.pipe.read(&mut buffer) {
                Ok(count) if count > 0 => {
                    let room = SAID_MAX - self.said.len();
                    self.said.extend_from_slice(&buffer[..count.min(room)]);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Ok(_) | Err(_) => break,
            }
        }
        self.output = None;
    }

    fn failure(&self, status: ExitStatus) -> ConnectError {
        let program = self.program.clone();
        match String::from_utf8_lossy(&self.said).trim() {
            "" => ConnectError::Exited { program, status },
            said => ConnectError::Start { program, source: io::Error::other(said) },
        }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let mut started = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
        started.extend(self.child.take());
        started.retain_mut(still_runs);
    }
}

/// Collects the started servers that have ended.
pub(crate) fn collect() {
    STARTED.lock().unwrap_or_else(PoisonError::into_inner).retain_mut(still_runs);
}

fn still_runs(child: &mut Child) -> bool {
    matches!(child.try_wait(), Ok(None))
}
