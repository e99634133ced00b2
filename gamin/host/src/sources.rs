//! What wakes the host: its clients, the kernel, the mount table, threads that scan, and what its user has besides.
//!
//! What a source has is only noted; the host does what follows from it in its turn. Invariant: each is told at its edges, so whoever is
//! told takes all there is, or remembers that there is more.

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::{Arc, mpsc};

use gamin_core::{Message, SessionId};
use gamin_engine::Refusal;
use gamin_linux::{Notifier, no_instance};
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use nix::sys::eventfd::{EfdFlags, EventFd};
use tracing::{debug, info};

use crate::threads::{Messages, Threads};

/// A source of its user's in the event loop, by a number of its choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guest(pub u8);

/// What wakes the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Threads,
    Mounts,
    Kernel,
    Guest(Guest),
    Client(SessionId),
}

/// The number of the first guest, and of the first client.
const GUESTS: usize = 3;
const CLIENTS: usize = GUESTS + u8::MAX as usize + 1;

impl From<Source> for Token {
    fn from(source: Source) -> Token {
        Token(match source {
            Source::Threads => 0,
            Source::Mounts => 1,
            Source::Kernel => 2,
            Source::Guest(Guest(number)) => GUESTS + usize::from(number),
            Source::Client(SessionId(number)) => CLIENTS + number as usize,
        })
    }
}

impl From<Token> for Source {
    fn from(Token(number): Token) -> Source {
        match number {
            0 => Source::Threads,
            1 => Source::Mounts,
            2 => Source::Kernel,
            number => match u8::try_from(number - GUESTS) {
                Ok(guest) => Source::Guest(Guest(guest)),
                Err(_) => Source::Client(SessionId((number - CLIENTS) as u32)),
            },
        }
    }
}

impl Source {
    /// Has the event loop tell of a descriptor.
    pub(crate) fn add(
        self,
        registry: &Registry,
        descriptor: &impl AsFd,
        interest: Interest,
    ) -> io::Result<()> {
        registry.register(&mut SourceFd(&descriptor.as_fd().as_raw_fd()), self.into(), interest)
    }

    /// Has it tell of something else.
    pub(crate) fn change(
        self,
        registry: &Registry,
        descriptor: &impl AsFd,
        interest: Interest,
    ) -> io::Result<()> {
        registry.reregister(&mut SourceFd(&descriptor.as_fd().as_raw_fd()), self.into(), interest)
    }

    /// Has it tell of a descriptor no more.
    pub(crate) fn remove(registry: &Registry, descriptor: &impl AsFd) {
        if let Err(error) = registry.deregister(&mut SourceFd(&descriptor.as_fd().as_raw_fd())) {
            debug!(%error, "the event loop did not know a descriptor");
        }
    }
}

/// Lets what is scanned away from the event loop come back through it.
pub(crate) fn add_threads(
    registry: &Registry,
    is_in_place: bool,
) -> io::Result<(Threads, mpsc::Receiver<Message>)> {
    let bell = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?;
    // Each ring is an edge, so it need not be read.
    Source::Threads.add(registry, &bell, Interest::READABLE)?;
    let (sender, inbox) = mpsc::channel();
    Ok((Threads::new(Messages { sender, bell: Arc::new(bell) }, is_in_place), inbox))
}

/// Asks the kernel for somebody who tells of changes, and lets the event loop tell when there is something said.
pub(crate) fn add_notifier(registry: &Registry, without_inotify: bool) -> Result<Notifier, Refusal> {
    let failed = |error: io::Error| {
        info!(%error, "no notices of the kernel");
        no_instance(&error)
    };
    let notifier = Notifier::new(without_inotify).map_err(failed)?;
    Source::Kernel.add(registry, &notifier, Interest::READABLE).map_err(failed)?;
    Ok(notifier)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_source_has_a_token_of_its_own() {
        let clients = [0, 1, 77].map(|number| Source::Client(SessionId(number)));
        let guests = [0, 1, u8::MAX].map(|number| Source::Guest(Guest(number)));
        let others = [Source::Threads, Source::Mounts, Source::Kernel];
        for source in others.into_iter().chain(guests).chain(clients) {
            assert_eq!(Source::from(Token::from(source)), source);
        }
    }
}
