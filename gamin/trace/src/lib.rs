//! Where the traces of a server and of its clients go: to standard error with GAM_DEBUG, and to a file of their own
//! while SIGUSR2 has switched that on.
//!
//! What is said is left to those who say it with `tracing`; what a file opens with, to whoever switches it on. How a
//! server takes signals is its own; [`follow_signal`] does it for other programs.
//! Invariants: a file of a trace is new, only its owner's and no link, and has a largest size; a program
//! that is not ours and has not been asked to by GAM_DEBUG is left without handler, thread and output.

#![forbid(unsafe_code)]

mod file;

use std::env;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use nix::sys::signal::{SigSet, SigmaskHow};
use nix::unistd::{getegid, geteuid, getgid, getuid};
use signal_hook::consts::SIGUSR2;
use signal_hook::iterator::Signals;
use tracing::level_filters::LevelFilter;
use tracing::{debug, info};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

use file::TraceFile;
pub use file::{TRACE_MAX, new_file};

/// Whether GAM_DEBUG asks for a trace, whatever it says. Of a program that runs with another user's or group's rights
/// (setuid, setgid) nobody may ask anything.
fn is_asked_for() -> bool {
    env::var_os("GAM_DEBUG").is_some() && getuid() == geteuid() && getgid() == getegid()
}

/// The traces of this process.
pub struct Traces {
    file: Arc<TraceFile>,
    set_level: SetLevel,
}

type SetLevel = Box<dyn Fn(LevelFilter) + Send>;

impl Traces {
    /// Begins to trace to standard error: everything but single notices, events and packets with GAM_DEBUG set, and
    /// otherwise what is at least as grave as `quiet`.
    ///
    /// A program that has a place for its traces already goes on with that.
    pub fn begin(quiet: LevelFilter) -> Traces {
        let level = if is_asked_for() { LevelFilter::DEBUG } else { quiet };
        let said = tracing_subscriber::fmt::layer()
            .with_writer(io::stderr)
            // Where it can't be written, that can't be said either.
            .log_internal_errors(false)
            .with_filter(level);
        let file = Arc::new(TraceFile::default());
        let (level, handle) = reload::Layer::<LevelFilter, Registry>::new(LevelFilter::OFF);
        let filed = tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .with_writer(Arc::clone(&file))
            .with_filter(level);
        let is_ours = tracing_subscriber::registry().with(filed).with(said).try_init().is_ok();
        let set_level: SetLevel = match is_ours {
            // It fails only when the subscriber is gone, and it never goes.
            true => Box::new(move |level| drop(handle.reload(level))),
            false => Box::new(|_| {}),
        };
        Traces { file, set_level }
    }

    /// Switches a trace of everything on, to the file that `make` makes ([`new_file`], or whoever may do that), or off again; gives the
    /// file's path when it was switched on. The file opens with what `dump` writes.
    ///
    /// # Errors
    /// The file could not be made or written; nothing is switched on then.
    pub fn switch(
        &self,
        make: impl FnOnce() -> io::Result<(File, PathBuf)>,
        dump: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<Option<PathBuf>> {
        if self.file.is_open() {
            info!("trace ends");
            (self.set_level)(LevelFilter::OFF);
            self.file.close();
            return Ok(None);
        }
        let (file, path) = make()?;
        if let Err(error) = self.file.open(file, dump) {
            // It says nothing. Who may not remove it leaves it.
            let _ = fs::remove_file(path);
            return Err(error);
        }
        (self.set_level)(LevelFilter::TRACE);
        info!(path = %path.display(), "trace begins");
        Ok(Some(path))
    }
}

/// In a program of somebody else's that uses the library: if GAM_DEBUG is set, as [`follow_signal`]. Without it nothing is done,
/// and the signal does what it does in any program.
pub fn follow_signal_if_asked() {
    if is_asked_for() {
        follow_signal();
    }
}

/// In a program of ours, begins to trace to standard error if GAM_DEBUG is set, and from now on takes SIGUSR2 as the word to
/// switch the trace to a file on or off.
///
/// The signal is left alone if the program handles or ignores it itself. A thread waits for it, which ends with
/// the program; a child made by a fork has none, and its signal is its parent's.
pub fn follow_signal() {
    let traces = Traces::begin(LevelFilter::OFF);
    if !is_default(SIGUSR2) {
        debug!("SIGUSR2 is left to the program");
        return;
    }
    let followed = Signals::new([SIGUSR2]).and_then(|mut signals| {
        let follow = move || {
            for _ in signals.forever() {
                if let Err(error) = traces.switch(new_file, tell_program) {
                    tracing::error!(%error, "can't switch the trace");
                }
            }
        };
        without_signals(|| thread::Builder::new().name("gamin trace".to_owned()).spawn(follow).map(drop))
    });
    if let Err(error) = followed {
        tracing::error!(%error, "can't follow SIGUSR2");
    }
}

/// Starts a thread that no signal ever interrupts: a program that blocks one, to wait for it, would be ended by it in there.
fn without_signals(start: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK)?;
    let started = start();
    before.thread_set_mask()?;
    started
}

/// What a client's trace opens with: which program it is of.
fn tell_program(out: &mut dyn Write) -> io::Result<()> {
    let program = env::current_exe().unwrap_or_default();
    writeln!(
        out,
        "client version={} pid={} program={program:?}",
        env!("CARGO_PKG_VERSION"),
        std::process::id()
    )
}

/// Whether a signal still does what it does in any program. What can't be found out is not touched.
fn is_default(signal: i32) -> bool {
    let Ok(status) = fs::read_to_string("/proc/self/status") else { return false };
    let is_in = |set: &str| {
        let mask = status.lines().find_map(|line| line.strip_prefix(set)?.strip_prefix(":\t"));
        mask.and_then(|mask| u64::from_str_radix(mask, 16).ok())
            .is_none_or(|mask| mask >> (signal - 1) & 1 == 1)
    };
    !is_in("SigCgt") && !is_in("SigIgn")
}
