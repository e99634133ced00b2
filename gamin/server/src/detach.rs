//! How a server leaves whoever started it, for a session of its own in surroundings made anew.
//!
//! Three processes: the starter; the one that it started, which starts the same program again and stays only to say
//! what came of it ([`start`]); and the server ([`leave_terminal`], [`let_go`]). What the server then makes of its own
//! directory, mask and limits is left to the command line.
//! Invariant: of the starter's descriptors, environment, terminal and process group the server has none, and it is nobody's
//! child; the starter learns that it listens, or that it does not and why, when the one it started ends.

use std::env;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::RawFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};

use nix::unistd::{User, close, dup2_stderr, dup2_stdout, getuid, setsid};
use tracing::warn;

/// The option that asks for it ...
pub(crate) const DETACH: &str = "--detach";
/// ... and the one that the server itself is started with.
pub(crate) const DETACHED: &str = "--detached";
/// What the server says to the one that started it.
const READY: &[u8] = b"ready\n";
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
    let mut words = env::args_os();
    let mut command = Command::new("/proc/self/exe");
    command.arg0(words.next().unwrap_or_default());
    let mut is_asked = false;
    command.args(words.map(|word| {
        // A second one would be no option, but stand behind the last.
        let is_option = !is_asked && word == DETACH;
        is_asked |= is_option;
        if is_option { DETACHED.into() } else { word }
    }));
    command.env_clear().env("GAM_CLIENT_ID", id);
    if let Ok(Some(user)) = User::from_uid(getuid()) {
        command.env("HOME", user.dir);
    }
    if let Some(value) = env::var_os("GAM_DEBUG") {
        command.env("GAM_DEBUG", value);
    }
    let mut server = command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let mut said = Vec::new();
    if let Some(mut stdout) = server.stdout.take() {
        // What could not be read was not said.
        let _ = stdout.read_to_end(&mut said);
    }
    if said == READY {
        return Ok(ExitCode::SUCCESS);
    }
    server.wait()?;
    Ok(ExitCode::FAILURE)
}

/// Closes what a careless starter has left open, which may be anything: a lock, a socket, a file on a mount.
fn close_inherited() {
    let Ok(entries) = fs::read_dir("/proc/self/fd") else { return };
    let descriptors: Vec<RawFd> =
        entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    for descriptor in descriptors.into_iter().filter(|descriptor| *descriptor >= FIRST_OTHER) {
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
