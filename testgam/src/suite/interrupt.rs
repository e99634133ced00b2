//! Ctrl-C: signals that end the process become a stop that is asked for.
//!
//! What stopping means is left to `stop`. Invariant: no code runs in a signal handler; the signals are
//! blocked, and one thread waits for them.

use std::io;
use std::process;
use std::thread;

use nix::sys::signal::{SigSet, Signal};

use crate::stop::Stop;

/// The exit status of a suite that was interrupted, as a shell gives it for Ctrl-C.
pub const INTERRUPTED: u8 = 130;

/// Has SIGINT, SIGTERM and SIGHUP ask for a stop; a second one ends the process at once.
///
/// To be called before any thread is started: only threads that are started later leave the signals to this.
///
/// # Errors
/// The system's, when the signals cannot be blocked or the thread not be started.
pub fn stop_on_signals(stop: Stop) -> io::Result<()> {
    let signals: SigSet = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP].into_iter().collect();
    signals.thread_block()?;
    thread::Builder::new().name("signals".into()).spawn(move || {
        while signals.wait().is_ok() {
            if stop.is_asked() {
                process::exit(INTERRUPTED.into());
            }
            stop.ask();
        }
    })?;
    Ok(())
}
