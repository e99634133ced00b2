//! What wakes the host: its clients, the kernel, signals, the mount table, threads that scan.
//!
//! What a source has is only noted; the host does what follows from it in its turn. Invariant: each is told at its edges, so whoever is
//! told takes all there is, or remembers that there is more.

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::{Arc, mpsc};

use gamin_engine::Refusal;
use gamin_linux::{Inotify, no_instance};
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token, Waker};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use tracing::{debug, info};

use crate::threads::{Messages, Threads};
use gamin_core::{Message, SessionId};

/// The signals that the event loop takes.
const TAKEN: [Signal; 5] =
    [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM, Signal::SIGUSR2];

/// What wakes the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Signals,
    Threads,
    Mounts,
    Kernel,
    Listener,
    Client(SessionId),
}

/// How many sources are no clients.
const OTHERS: usize = 5;

impl From<Source> for Token {
    fn from(source: Source) -> Token {
        Token(match source {
            Source::Signals => 0,
            Source::Threads => 1,
            Source::Mounts => 2,
            Source::Kernel => 3,
            Source::Listener => 4,
            // Sessions are counted one by one, so that no server lives long enough for a number to be cut off.
            Source::Client(SessionId(number)) => OTHERS + number as usize,
        })
    }
}

impl From<Token> for Source {
    fn from(Token(number): Token) -> Source {
        match number {
            0 => Source::Signals,
            1 => Source::Threads,
            2 => Source::Mounts,
            3 => Source::Kernel,
            4 => Source::Listener,
            number => Source::Client(SessionId((number - OTHERS) as u64)),
        }
    }
}

impl Source {
    /// Has the event loop tell of a descriptor.
    pub(super) fn add(
        self,
        registry: &Registry,
        descriptor: &impl AsFd,
        interest: Interest,
    ) -> io::Result<()> {
        registry.register(&mut SourceFd(&descriptor.as_fd().as_raw_fd()), self.into(), interest)
    }

    /// Has it tell of something else.
    pub(super) fn change(
        self,
        registry: &Registry,
        descriptor: &impl AsFd,
        interest: Interest,
    ) -> io::Result<()> {
        registry.reregister(&mut SourceFd(&descriptor.as_fd().as_raw_fd()), self.into(), interest)
    }

    /// Has it tell of a descriptor no more.
    pub(super) fn remove(registry: &Registry, descriptor: &impl AsFd) {
        if let Err(error) = registry.deregister(&mut SourceFd(&descriptor.as_fd().as_raw_fd())) {
            debug!(%error, "the event loop did not know a descriptor");
        }
    }
}

/// Keeps the signals that the event loop takes until it does, and no other, whatever the starter did. To be called before anybody can
/// know of the server: to process 1 of a container the kernel gives only what it waits for.
pub(crate) fn hold_signals() -> nix::Result<()> {
    TAKEN.into_iter().collect::<SigSet>().thread_set_mask()
}

/// Lets the signals that end the server, or switch its trace, come through the event loop.
pub(super) fn add_signals(registry: &Registry) -> io::Result<SignalFd> {
    let taken: SigSet = TAKEN.into_iter().collect();
    let signals = SignalFd::with_flags(&taken, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?;
    Source::Signals.add(registry, &signals, Interest::READABLE)?;
    Ok(signals)
}

/// Lets what is scanned away from the event loop come back through it.
pub(super) fn add_threads(registry: &Registry) -> io::Result<(Threads, mpsc::Receiver<Message>)> {
    let waker = Waker::new(registry, Source::Threads.into())?;
    let (sender, inbox) = mpsc::channel();
    Ok((Threads::new(Messages { sender, waker: Arc::new(waker) }), inbox))
}

/// Asks the kernel for an inotify instance, and lets the event loop tell when it has something to say.
pub(super) fn add_inotify(registry: &Registry) -> Result<Inotify, Refusal> {
    let failed = |error: io::Error| {
        info!(%error, "no inotify instance");
        no_instance(&error)
    };
    let inotify = Inotify::new().map_err(failed)?;
    Source::Kernel.add(registry, &inotify, Interest::READABLE).map_err(failed)?;
    Ok(inotify)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_source_has_a_token_of_its_own() {
        let clients = [0, 1, 77].map(|number| Source::Client(SessionId(number)));
        let others = [Source::Signals, Source::Threads, Source::Mounts, Source::Kernel, Source::Listener];
        assert_eq!(others.len(), OTHERS);
        for source in others.into_iter().chain(clients) {
            assert_eq!(Source::from(Token::from(source)), source);
        }
    }
}
