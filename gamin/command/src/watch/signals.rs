//! The signals that end a watch, or tell that a command has ended, as something to wait for.
//!
//! What follows from one is left to the watch. Invariants: a signal that was ignored when the process began stays ignored; one
//! that came is not lost, whenever it is looked for.

use std::fs;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use nix::sys::signal::Signal;

/// The signals that end a process if nothing is done about them, and that a person or a service manager sends to end it.
const ENDING: [Signal; 4] = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT];

/// Signals of this process.
#[derive(Debug)]
pub(super) struct Signals {
    /// A stream for each, into which a byte is put when it comes.
    streams: Vec<(Signal, UnixStream)>,
}

impl Signals {
    /// Takes over the signals that end the process, and SIGCHLD.
    pub fn new() -> io::Result<Signals> {
        let ignored = ignored();
        let ending = ENDING.into_iter().filter(|signal| ignored >> (*signal as i32 - 1) & 1 == 0);
        let streams = ending.chain([Signal::SIGCHLD]).map(|signal| {
            let (ours, theirs) = UnixStream::pair()?;
            ours.set_nonblocking(true)?;
            signal_hook::low_level::pipe::register(signal as i32, theirs)?;
            Ok((signal, ours))
        });
        Ok(Signals { streams: streams.collect::<io::Result<_>>()? })
    }

    /// What to wait for.
    pub fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.streams.iter().map(|(_, stream)| stream.as_fd())
    }

    /// Gives a signal that has come and ends the process.
    pub fn poll_ending(&mut self) -> Option<Signal> {
        let ending = self.streams.iter_mut().filter(|(signal, _)| *signal != Signal::SIGCHLD);
        ending.filter_map(|(signal, stream)| drained(stream).then_some(*signal)).last()
    }

    /// Forgets that a child has changed its state: it is to be looked at.
    pub fn forget_children(&mut self) {
        for (signal, stream) in &mut self.streams {
            if *signal == Signal::SIGCHLD {
                drained(stream);
            }
        }
    }
}

/// Reads what is in a stream, once: one who sends signals without end would be read for ever. Says whether there was anything.
fn drained(stream: &mut UnixStream) -> bool {
    stream.read(&mut [0; 1024]).is_ok_and(|count| count > 0)
}

/// The signals that this process ignores, as a set of bits; none if that can't be found out.
fn ignored() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}
