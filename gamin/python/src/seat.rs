//! The one descriptor of a watcher: readable when its connection has something, when something has been taken from there that was not given
//! away yet, and when a batch ends.
//!
//! What there is to take is left to `watching`. Invariant: nothing is written or read unless something is different.

use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

/// A descriptor over several.
#[derive(Debug)]
pub(crate) struct Seat {
    all: Arc<Epoll>,
    bell: EventFd,
    is_rung: bool,
    timer: Option<TimerFd>,
    deadline: Option<Instant>,
}

impl Seat {
    /// Makes one over the connection, with a timer if something is gathered.
    pub(crate) fn new(connection: BorrowedFd<'_>, is_timed: bool) -> Result<Seat, Errno> {
        let all = Arc::new(Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?);
        let bell = bell()?;
        let flags = TimerFlags::TFD_CLOEXEC | TimerFlags::TFD_NONBLOCK;
        let timer = is_timed.then(|| TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)).transpose()?;
        let readable = || EpollEvent::new(EpollFlags::EPOLLIN, 0);
        all.add(connection, readable())?;
        all.add(&bell, readable())?;
        if let Some(timer) = &timer {
            all.add(timer, readable())?;
        }
        Ok(Seat { all, bell, is_rung: false, timer, deadline: None })
    }

    /// The descriptor, to wait for without the lock that guards the rest.
    pub(crate) fn descriptor(&self) -> Arc<Epoll> {
        Arc::clone(&self.all)
    }

    /// Has it be readable or not, apart from the connection, now and at a deadline.
    pub(crate) fn show(&mut self, is_ready: bool, deadline: Option<Instant>) -> Result<(), Errno> {
        if is_ready != self.is_rung {
            if is_ready { self.bell.write(1).map(drop) } else { self.bell.read().map(drop) }?;
            self.is_rung = is_ready;
        }
        if deadline != self.deadline
            && let Some(timer) = &self.timer
        {
            match deadline {
                None => timer.unset()?,
                Some(at) => {
                    // A timer of no time would be none.
                    let left = at.saturating_duration_since(Instant::now()).max(Duration::from_nanos(1));
                    timer.set(
                        Expiration::OneShot(TimeSpec::from_duration(left)),
                        TimerSetTimeFlags::empty(),
                    )?;
                }
            }
            self.deadline = deadline;
        }
        Ok(())
    }
}

/// A descriptor that one can have readable.
pub(crate) fn bell() -> Result<EventFd, Errno> {
    EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)
}
