//! How a server leaves whoever started it, for a session of its own in surroundings made anew.
//!
//! Three processes: the starter; the one that it started, which starts the same program again and stays only to say
//! what came of it ([`start`]); and the server ([`leave_terminal`], [`let_go`]). What the server then makes of its own
//! directory, mask and limits is left to `surroundings`.
//! Invariant: of the starter's descriptors, environment, terminal, process group and signals the server has none, and it is
//! nobody's child; the starter learns that it listens, or that it does not and why, when the one it started ends.

use std::env;
use std::ffi::{CString, OsStr};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use nix::fcntl::OFlag;
use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, PosixSpawnFlags, posix_spawn};
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::signal::SigSet;
use nix::sys::stat::Mode;
use nix::unistd::{Pid, User, close, dup2_stderr, dup2_stdout, getuid, pipe2, setsid};
use tracing::warn;

use crate::surroundings::DESCRIPTORS_MAX;

/// The option that asks for it ...
pub(crate) const DETACH: &str = "--detach";
/// ... and the one that the server itself is started with.
pub(crate) const DETACHED: &str = "--detached";
/// What the server says to the one that started it.
const READY: &[u8] = b"ready\n";
/// This program, under whatever name.
const SELF: &str = "/proc/self/exe";
/// The first descriptor that has no meaning of its own.
const FIRST_OTHER: RawFd = 3;

/// Starts this program again as the detached server of session `id`, and waits until it listens or ends.
///
/// Until then the server has our standard error to say what goes wrong. To be called before anything is opened.
///
/// # Errors
/// The program can't be started.
pub(crate) fn start(id: &OsStr) -> io::Result<ExitCode> {
    close_inherited();
    let (said, saying) = pipe2(OFlag::O_CLOEXEC)?;
    spawn(id, &saying)?;
    drop(saying);
    let mut text = Vec::new();
    // What could not be read was not said.
    let _ = File::from(said).read_to_end(&mut text);
    Ok(if text == READY { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Starts this program again, with `saying` as its standard output, and with no signal ignored or blocked and no policy of
/// scheduling but the usual one.
fn spawn(id: &OsStr, saying: &OwnedFd) -> io::Result<()> {
    let program = program();
    let mut files = PosixSpawnFileActions::init()?;
    files.add_open(0, "/dev/null", OFlag::O_RDONLY, Mode::empty())?;
    files.add_dup2(saying.as_raw_fd(), 1)?;
    let (arguments, environment) = (arguments()?, environment(id)?);
    let start = |flags: PosixSpawnFlags| -> nix::Result<Pid> {
        let mut attributes = PosixSpawnAttr::init()?;
        attributes.set_sigdefault(&SigSet::all())?;
        attributes.set_sigmask(&SigSet::empty())?;
        attributes.set_flags(flags)?;
        posix_spawn(program.as_path(), &files, &attributes, &arguments, &environment)
    };
    let signals = PosixSpawnFlags::POSIX_SPAWN_SETSIGDEF | PosixSpawnFlags::POSIX_SPAWN_SETSIGMASK;
    // The policy of new attributes is the usual one; nix has no name for the flag. Who may not have it stays as it is.
    let scheduler = PosixSpawnFlags::from_bits_retain(libc::POSIX_SPAWN_SETSCHEDULER as _);
    start(signals | scheduler).or_else(|_| start(signals))?;
    Ok(())
}

/// This program's file: by its own name, if it still has it, for that is what it is called by those who list processes. Where there is no
/// procfs, it is as its starter has called it.
fn program() -> PathBuf {
    let called = || env::args_os().next().map(PathBuf::from);
    let own = env::current_exe().ok().filter(|path| path.exists());
    own.or_else(|| called().filter(|_| !Path::new(SELF).exists())).unwrap_or_else(|| SELF.into())
}

/// The command line of the detached server: ours, with another option.
fn arguments() -> io::Result<Vec<CString>> {
    let mut is_asked = false;
    let words = env::args_os().map(|word| {
        // A second one would be no option, but stand behind the last.
        let is_option = !is_asked && word == DETACH;
        is_asked |= is_option;
        CString::new(if is_option { DETACHED.into() } else { word.into_vec() })
    });
    Ok(words.collect::<Result<_, _>>()?)
}

/// The environment of the detached server.
fn environment(id: &OsStr) -> io::Result<Vec<CString>> {
    let home = User::from_uid(getuid()).ok().flatten().map(|user| user.dir.into_os_string());
    let debug = env::var_os("GAM_DEBUG");
    let variables = [("GAM_CLIENT_ID", Some(id.to_owned())), ("HOME", home), ("GAM_DEBUG", debug)];
    let set = variables.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let words = set.map(|(name, value)| CString::new([name.as_bytes(), b"=", value.as_bytes()].concat()));
    Ok(words.collect::<Result<_, _>>()?)
}

/// Closes what a careless starter has left open, which may be anything: a lock, a socket, a file on a mount.
fn close_inherited() {
    close_others(-1);
}

/// Closes all descriptors but the first three and this one, whoever thinks that they are his.
pub(crate) fn close_others(kept: RawFd) {
    let descriptors: Vec<RawFd> = match fs::read_dir("/proc/self/fd") {
        Ok(entries) => {
            entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
        }
        // Without a procfs, all that there may be.
        Err(_) => {
            let limit = getrlimit(Resource::RLIMIT_NOFILE).map_or(DESCRIPTORS_MAX, |(soft, _)| soft);
            (0..RawFd::try_from(limit.min(DESCRIPTORS_MAX)).unwrap_or(RawFd::MAX)).collect()
        }
    };
    for descriptor in
        descriptors.into_iter().filter(|descriptor| *descriptor >= FIRST_OTHER && *descriptor != kept)
    {
        // One of them was the listing's own.
        let _ = close(descriptor);
    }
}

/// Leaves the starter's session and its terminal: the detached server's first step.
pub(crate) fn leave_terminal() {
    if let Err(error) = setsid() {
        warn!(%error, "can't leave the session of processes");
    }
}

/// Tells the one who waits that the server listens, and lets go of its standard output and error: its last step.
pub(crate) fn let_go() {
    let detached = File::options().write(true).open("/dev/null").and_then(|null| {
        dup2_stderr(&null)?;
        // Whoever waited may have given up.
        let _ = io::stdout().write_all(READY);
        Ok(dup2_stdout(&null)?)
    });
    if let Err(error) = detached {
        warn!(%error, "can't let go of the standard output");
    }
}
