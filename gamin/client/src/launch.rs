//! Starting a server on demand, and collecting what was started when it has ended.
//!
//! A started server outlives the connection, for other clients may have joined it. Which session it serves
//! and whether it can be reached is left to [`crate::link`]. Invariant: every server that was started is in
//! [`STARTED`] or in a [`Started`] until it has ended and was collected, which happens when this process
//! next starts or loses one. It has its own process group, so that a Ctrl-C meant for the host spares it.

use std::collections::BTreeMap;
use std::env;
use std::ffi::{CString, OsStr, OsString};
use std::fs;
use std::io::{self, PipeWriter};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, PosixSpawnFlags, posix_spawn};
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::stat::Mode;
use nix::sys::wait::waitpid;
use nix::unistd::{AccessFlags, Pid, access, read};

use crate::error::ConnectError;
use crate::held::Held;
use crate::options::{Options, ServerCommand};

/// The most that is kept of what a server says before it serves. The rest is taken in and forgotten, so that it can go on.
const SAID_MAX: usize = 4096;

/// Starts a program behind a shell that ends at once, so that it is nobody's child, and says with which status it ends.
const LEAVE: &str = r#"cd /; { "$@" </dev/null >/dev/null 2>&1; echo "$?"; } &"#;
/// The first descriptor that has no meaning of its own.
const FIRST_OTHER: RawFd = 3;

/// How many descriptors are closed that may be open.
const DESCRIPTORS_MAX: RawFd = 1 << 16;

/// The servers that this process started and that have not been collected.
static STARTED: Mutex<Vec<Child>> = Mutex::new(Vec::new());

/// A server that is to come up; when dropped it goes on, and is collected some time after it ends.
#[derive(Debug)]
pub(crate) struct Started {
    program: PathBuf,
    child: Option<Child>,
    /// Whether it ends as soon as it has left a server behind.
    pub(crate) detaches: bool,
    /// Whether it was left behind: what is said is the status with which it has ended.
    is_left: bool,
    /// Where one that detaches says why it can't. It ends a moment before the process does.
    output: Option<Arc<Held>>,
    said: Vec<u8>,
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

/// Starts the server of `options`, if it names one.
///
/// It inherits the environment with the changes that `options` asks for, but no descriptor and no working
/// directory, so it keeps no file system busy.
pub(crate) fn start(options: &Options) -> Result<Option<Started>, ConnectError> {
    let Some(server) = &options.server else { return Ok(None) };
    if options.leaves_server && !server.detaches() {
        let program = server.program.clone();
        return match leave(options, server) {
            Ok(started) => Ok(Some(started)),
            Err(source) => Err(ConnectError::Start { program, source }),
        };
    }
    let mut command = Command::new(&server.program);
    command.args(&server.args).current_dir("/").stdin(Stdio::null()).process_group(0);
    set_environment(&mut command, options);
    let started = if server.detaches() {
        // The original's server takes any word for the session, and of several, as ours, the last.
        command.arg(options.client_id.clone().unwrap_or_default());
        output_of(&mut command).and_then(|output| Ok((command.spawn()?, Some(output))))
    } else {
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().map(|child| (child, None))
    };
    let program = server.program.clone();
    match started {
        Ok((child, output)) => {
            tracing::info!(?program, pid = child.id(), "started a server");
            let (child, detaches) = (Some(child), output.is_some());
            Ok(Some(Started { program, child, detaches, is_left: false, output, said: Vec::new() }))
        }
        Err(source) => Err(ConnectError::Start { program, source }),
    }
}

/// Starts a program and leaves it behind.
fn leave(options: &Options, server: &ServerCommand) -> io::Result<Started> {
    let program = &server.program;
    access(program, AccessFlags::X_OK)?;
    let (output, input) = output_pipe()?;
    let mut files = PosixSpawnFileActions::init()?;
    files.add_open(0, "/dev/null", OFlag::O_RDONLY, Mode::empty())?;
    files.add_dup2(input.as_raw_fd(), 1)?;
    files.add_open(2, "/dev/null", OFlag::O_WRONLY, Mode::empty())?;
    // Whatever the host process has open is no business of a server that outlives it.
    for descriptor in descriptors()?.into_iter().filter(|descriptor| *descriptor >= FIRST_OTHER) {
        files.add_close(descriptor)?;
    }
    let mut attributes = PosixSpawnAttr::init()?;
    attributes.set_pgroup(Pid::from_raw(0))?;
    attributes.set_flags(PosixSpawnFlags::POSIX_SPAWN_SETPGROUP)?;
    let words =
        [OsStr::new("sh"), OsStr::new("-c"), OsStr::new(LEAVE), OsStr::new("sh"), program.as_os_str()];
    let words = words.into_iter().chain(server.args.iter().map(OsString::as_os_str));
    let words = words.map(|word| CString::new(word.as_bytes())).collect::<Result<Vec<_>, _>>()?;
    let shell = posix_spawn("/bin/sh", &files, &attributes, &words, &environment(options)?)?;
    // It ends at once. If somebody else has collected it, that is as good.
    while waitpid(shell, None) == Err(Errno::EINTR) {}
    tracing::info!(?program, "started a server");
    let program = program.to_owned();
    Ok(Started {
        program,
        child: None,
        detaches: false,
        is_left: true,
        output: Some(output),
        said: Vec::new(),
    })
}

/// The descriptors of this process; where no procfs shows them, all that it may have, as far as that is few. To close one that is
/// not open harms nobody.
fn descriptors() -> io::Result<Vec<RawFd>> {
    match fs::read_dir("/proc/self/fd") {
        Ok(entries) => {
            Ok(entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect())
        }
        Err(_) => {
            let (limit, _) = getrlimit(Resource::RLIMIT_NOFILE)?;
            Ok((0..RawFd::try_from(limit).unwrap_or(DESCRIPTORS_MAX).min(DESCRIPTORS_MAX)).collect())
        }
    }
}

/// Our environment with the changes that `options` asks for.
fn environment(options: &Options) -> io::Result<Vec<CString>> {
    let mut variables: BTreeMap<OsString, OsString> = env::vars_os().collect();
    for (name, value) in changes(options) {
        match value {
            Some(value) => drop(variables.insert(name, value)),
            None => drop(variables.remove(&name)),
        }
    }
    let words = variables.iter().map(|(name, value)| [name.as_bytes(), b"=", value.as_bytes()].concat());
    Ok(words.map(CString::new).collect::<Result<_, _>>()?)
}

/// What a server's environment has that is different from ours.
fn changes(options: &Options) -> Vec<(OsString, Option<OsString>)> {
    let id = options.client_id.clone().filter(|id| !id.is_empty());
    let session = (OsString::from("GAM_CLIENT_ID"), id);
    options.environment.iter().cloned().chain([session]).collect()
}

fn set_environment(command: &mut Command, options: &Options) {
    for (name, value) in changes(options) {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
}

/// What `command` will say.
fn output_of(command: &mut Command) -> io::Result<Arc<Held>> {
    let (output, input) = output_pipe()?;
    command.stdout(input.try_clone()?).stderr(input);
    Ok(output)
}

/// A pipe, and its end for whoever says something.
fn output_pipe() -> io::Result<(Arc<Held>, PipeWriter)> {
    let (pipe, input) = io::pipe()?;
    fcntl(&pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    Ok((Arc::new(Held::new(OwnedFd::from(pipe))?), input))
}

impl Started {
    /// Looks how far it has come.
    pub(crate) fn progress(&mut self) -> Progress {
        self.hear();
        if self.is_left {
            return match (&self.output, String::from_utf8_lossy(&self.said).trim().parse::<i32>()) {
                (None, Ok(status)) => Progress::Failed(ConnectError::Exited {
                    program: self.program.clone(),
                    status: as_of_shell(status),
                }),
                _ => Progress::Running,
            };
        }
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

    /// What is readable when it has got somewhere, if it is one that says so.
    pub(crate) fn output(&self) -> Option<Arc<Held>> {
        self.output.clone()
    }

    /// Takes in what it says, to the end of it.
    fn hear(&mut self) {
        let Some(output) = &self.output else { return };
        let mut buffer = [0; SAID_MAX];
        while output.is_ours()
            && let Some(pipe) = output.descriptor()
        {
            match read(pipe, &mut buffer) {
                Ok(count) if count > 0 => {
                    let room = SAID_MAX - self.said.len();
                    self.said.extend_from_slice(&buffer[..count.min(room)]);
                }
                Err(Errno::EAGAIN) => return,
                Err(Errno::EINTR) => {}
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

/// What a shell says of the end of a program.
fn as_of_shell(status: i32) -> ExitStatus {
    // Of one that was killed by a signal it says 128 and the signal.
    ExitStatus::from_raw(if status > 128 { status - 128 } else { status << 8 })
}

/// Collects the started servers that have ended.
pub(crate) fn collect() {
    STARTED.lock().unwrap_or_else(PoisonError::into_inner).retain_mut(still_runs);
}

fn still_runs(child: &mut Child) -> bool {
    matches!(child.try_wait(), Ok(None))
}
