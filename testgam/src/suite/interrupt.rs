//! Ctrl-C: signals that end the process become a stop that is asked for, or end it where the kernel would not.
//!
//! What stopping means is left to `stop`. Invariant: no code runs in a signal handler; the signals are
//! blocked, and one thread waits for them.

use std::io;
use std::process;
use std::thread;

use nix::sys::signal::{SigSet, Signal};

use testgam_worlds::stop::Stop;

/// The exit status of a suite that was interrupted, as a shell gives it for Ctrl-C.
pub const INTERRUPTED: u8 = 130;

/// The signals that end a process unless it takes them.
const ENDING: [Signal; 3] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP];

/// Has them ask for a stop; a second one ends the process at once.
///
/// To be called before any thread is started: only threads that are started later leave the signals to this.
///
/// # Errors
/// The system's, when the signals cannot be blocked or the thread not be started.
pub fn stop_on_signals(stop: Stop) -> io::Result<()> {
    take(&ENDING, move |_| {
        if stop.is_asked() {
            process::exit(INTERRUPTED.into());
        }
        stop.ask();
    })
}

/// Has SIGINT ask for a stop, each time. The others end the process as ever.
///
/// # Errors
/// As [`stop_on_signals`], and to be called as that is.
pub fn stop_on_interrupts(stop: Stop) -> io::Result<()> {
    let signals = if is_process_1() { &ENDING[..] } else { &[Signal::SIGINT] };
    take(signals, move |signal| match signal {
        Signal::SIGINT => stop.ask(),
        _ => end(signal),
    })
}

/// Has the signals end the process as ever, also if it is process 1.
///
/// # Errors
/// As [`stop_on_signals`], and to be called as that is.
pub fn end_on_signals() -> io::Result<()> {
    if is_process_1() { take(&ENDING, end) } else { Ok(()) }
}

/// Whether it is the first process of a container, which the kernel spares the signals that it does not take.
fn is_process_1() -> bool {
    process::id() == 1
}

/// Ends the process with the status that a shell gives for who was ended so.
fn end(signal: Signal) {
    process::exit(128 + signal as i32)
}

fn take(signals: &[Signal], hear: impl Fn(Signal) + Send + 'static) -> io::Result<()> {
    let signals: SigSet = signals.iter().copied().collect();
    signals.thread_block()?;
    thread::Builder::new().name("signals".into()).spawn(move || {
        while let Ok(signal) = signals.wait() {
            hear(signal);
        }
    })?;
    Ok(())
}
