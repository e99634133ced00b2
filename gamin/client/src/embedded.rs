//! A connection without a server: the work of one is done in this process, within the connection's calls.
//!
//! The bytes are those that a server would take and send; they go to a [`Host`] and come from it by a call, so that nothing else is
//! different. The seat is an epoll instance, readable when something has happened that the host has to look at, when it has to do
//! something by now, or while a flag is shown, that there is something to take. Invariants: nothing is done but in
//! [`Embedded::turn`], and no thread is started but for a mount that may hang; after a turn nothing is left to do before the seat
//! is readable, once the flag is as [`Embedded::has_more`] says.

use std::os::fd::{AsFd, BorrowedFd, IntoRawFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;
use std::{io, iter};

use gamin_host::{Host, HostOptions, Peer};
use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::unistd::{getpid, getuid};

use crate::belongings::Belongings;
use crate::held::Held;
use crate::transfer::Transfer;

/// How often the host is turned before the caller has its turn.
const TURNS_MAX: usize = 16;

/// A host in this process.
#[derive(Debug)]
pub(crate) struct Embedded {
    host: Host,
    /// Readable while it is shown.
    flag: EventFd,
    is_shown: bool,
    /// The host has something to give, or room for what it had none for, or it is over.
    has_more: bool,
    wants_room: bool,
    /// Whoever looks next is told that this is over.
    is_shut_down: bool,
    /// Expires when the host has something to do.
    timer: Arc<Held>,
    is_timer_set: bool,
    /// Which of its descriptors were known to be its own after the last turn.
    belongings: Belongings,
}

impl Embedded {
    /// Makes one, and what is to have the seat.
    ///
    /// # Errors
    /// There are not enough descriptors.
    pub(crate) fn new(options: &HostOptions) -> io::Result<(Embedded, Held)> {
        let mut host = Host::new(options)?;
        host.join(Peer { uid: getuid().as_raw(), pid: getpid().as_raw() });
        let flag = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?;
        let timer = Arc::new(Held::timer()?);
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        epoll.add(flag.as_fd(), EpollEvent::new(EpollFlags::EPOLLIN, 0))?;
        let mut embedded = Embedded {
            host,
            flag,
            is_shown: false,
            has_more: false,
            wants_room: false,
            is_shut_down: false,
            timer: Arc::clone(&timer),
            is_timer_set: false,
            belongings: Belongings::new()?,
        };
        embedded.wake(&epoll)?;
        embedded.know()?;
        Ok((embedded, Held::epoll(epoll.0, timer)))
    }

    /// Whether the program has left its descriptors alone; that of the timer is known by the seat.
    pub(crate) fn is_ours(&self) -> bool {
        self.belongings.are_ours(self.descriptors())
    }

    /// Ends it, and leaves alone what the program has under its numbers by now.
    pub(crate) fn leave(self) {
        let Embedded { host, flag, belongings, .. } = self;
        let is_ours = |descriptor: BorrowedFd<'_>| belongings.are_ours(iter::once(descriptor));
        host.leave(is_ours);
        if is_ours(flag.as_fd()) {
            // What has it for a member is the instance.
            drop((flag, belongings));
        } else {
            // That they are not closed is what this is for.
            let _ = (OwnedFd::from(flag).into_raw_fd(), belongings.into_descriptor().into_raw_fd());
        }
    }

    fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        iter::once(self.flag.as_fd()).chain(self.host.descriptors())
    }

    /// Takes note of the descriptors that it has by now.
    fn know(&mut self) -> Result<(), Errno> {
        self.belongings.know(iter::once(self.flag.as_fd()).chain(self.host.descriptors()))
    }

    /// Hands in some of `bytes`.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> Transfer {
        if self.has_ended() {
            return Transfer::Lost(Errno::EPIPE);
        }
        match self.host.take_own(bytes) {
            0 => Transfer::Blocked,
            count => Transfer::Bytes(count),
        }
    }

    /// Does what there is to do, and takes what there is to be had then.
    pub(crate) fn look(&mut self, room: &mut [u8]) -> Transfer {
        if let Err(error) = self.turn() {
            return Transfer::Lost(Errno::try_from(error).unwrap_or(Errno::EIO));
        }
        match self.host.give_own(room) {
            0 if self.has_ended() => Transfer::Lost(Errno::ECONNRESET),
            0 => Transfer::Blocked,
            count => {
                self.count_up();
                Transfer::Bytes(count)
            }
        }
    }

    /// Whether it is over.
    fn has_ended(&self) -> bool {
        self.is_shut_down || !self.host.has_own()
    }

    /// Ends it: whoever looks next is told so.
    pub(crate) fn shut_down(&mut self) {
        self.is_shut_down = true;
        self.count_up();
        if let Err(errno) = self.show(true) {
            tracing::debug!(%errno, "cannot show the end");
        }
    }

    /// Whether there is something to take or to hand in without a turn.
    pub(crate) fn has_more(&self) -> bool {
        self.has_more
    }

    /// Whether the flag is shown.
    pub(crate) fn is_shown(&self) -> bool {
        self.is_shown
    }

    /// Shows the flag, also to those who are woken by what is new alone, or takes it down.
    pub(crate) fn show(&mut self, is_shown: bool) -> Result<(), Errno> {
        if is_shown {
            self.flag.write(1)?;
        } else if self.is_shown {
            self.flag.read()?;
        }
        self.is_shown = is_shown;
        Ok(())
    }

    /// Finds out whether there is more.
    fn count_up(&mut self) {
        let has_room = self.wants_room && self.host.accepts_own();
        self.has_more = has_room || self.host.has_for_own() || self.has_ended();
    }

    /// Does what there is to do now.
    pub(crate) fn turn(&mut self) -> io::Result<()> {
        let mut timeout = None;
        for _ in 0..TURNS_MAX {
            // Nothing else is looked for while the kernel has something: whoever takes it comes back.
            let has_noticed = self.host.turn_at_once();
            let is_woken = !has_noticed && self.host.wait(Some(Duration::ZERO), |_| {})?;
            self.host.give_back();
            timeout = self.host.timeout();
            if !is_woken && timeout != Some(Duration::ZERO) {
                break;
            }
        }
        self.count_up();
        self.know()?;
        self.set_timer(timeout)
    }

    /// Has the timer expire when the host has something to do.
    fn set_timer(&mut self, timeout: Option<Duration>) -> io::Result<()> {
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

    /// Sets whether there is more to do also when the host takes bytes.
    pub(crate) fn want_room(&mut self, wanted: bool) {
        self.wants_room = wanted;
        self.count_up();
    }
}
