//! A connection without a server: the work of one is done in this process, within the connection's calls.
//!
//! A [`Host`] has the other end of a pair of sockets, so that nothing else is different: the bytes are those that a server would
//! send, and stay in the socket until they are taken. The seat is an epoll instance, readable when there are bytes, when something has
//! happened that the host has to look at, or when it has to do something by now. Invariants: nothing is done but in
//! [`Embedded::turn`], and no thread is started but for a mount that may hang; after a turn nothing is left to do before the seat
//! is readable.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use gamin_host::{Host, HostOptions, Peer};
use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};
use nix::unistd::{getpid, getuid};

use crate::held::Held;

/// How often the host is turned before the caller has its turn.
const TURNS_MAX: usize = 16;

/// A host in this process.
#[derive(Debug)]
pub(crate) struct Embedded {
    host: Host,
    /// Our end of the pair.
    socket: OwnedFd,
    /// The seat's epoll instance, under another number.
    epoll: Epoll,
    /// Expires when the host has something to do.
    timer: Arc<Held>,
    is_timer_set: bool,
}

impl Embedded {
    /// Makes one, and what is to have the seat.
    ///
    /// # Errors
    /// There are not enough descriptors.
    pub(crate) fn new(options: &HostOptions) -> io::Result<(Embedded, Held)> {
        let mut host = Host::new(options)?;
        let (socket, other) = UnixStream::pair()?;
        for end in [&socket, &other] {
            end.set_nonblocking(true)?;
        }
        host.connect(other, Peer { uid: getuid().as_raw(), pid: getpid().as_raw() })?;
        let timer = Arc::new(Held::timer()?);
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        epoll.add(&socket, EpollEvent::new(EpollFlags::EPOLLIN, 0))?;
        let seat = Held::epoll(epoll.0.as_fd().try_clone_to_owned()?, Arc::clone(&timer));
        let embedded = Embedded { host, socket: socket.into(), epoll, timer, is_timer_set: false };
        embedded.wake(&embedded.epoll)?;
        Ok((embedded, seat))
    }

    /// Where the host's bytes come, and where it gets its own.
    pub(crate) fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Does what there is to do now.
    pub(crate) fn turn(&mut self) -> io::Result<()> {
        for _ in 0..TURNS_MAX {
            self.host.wait(Some(Duration::ZERO), |_| {})?;
            self.host.turn();
            self.host.give_back();
            if self.host.timeout() != Some(Duration::ZERO) {
                break;
            }
        }
        self.set_timer()
    }

    /// Has the timer expire when the host has something to do.
    fn set_timer(&mut self) -> io::Result<()> {
        let timeout = self.host.timeout();
        if timeout.is_none() && !self.is_timer_set {
            return Ok(());
        }
        self.timer.set(timeout)?;
        self.is_timer_set = timeout.is_some();
        Ok(())
    }

    /// Has an epoll instance be readable when there is something to do.
    pub(crate) fn wake(&self, epoll: &Epoll) -> Result<(), Errno> {
        let timer = self.timer.descriptor().ok_or(Errno::EBADF)?;
        let readable = || EpollEvent::new(EpollFlags::EPOLLIN, 0);
        epoll.add(timer, readable())?;
        epoll.add(&self.host, readable())
    }

    /// Sets whether the seat is readable also when the host takes bytes.
    pub(crate) fn want_room(&self, wanted: bool) -> Result<(), Errno> {
        let mut flags = EpollFlags::EPOLLIN;
        flags.set(EpollFlags::EPOLLOUT, wanted);
        self.epoll.modify(&self.socket, &mut EpollEvent::new(flags, 0))
    }
}
