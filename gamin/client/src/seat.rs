//! The seat: the number under which a connection is waited for, whoever has it at the moment, a socket or a timer.
//!
//! When it is given to whom is left to [`crate::link`]. Where another descriptor does no harm, event loops don't look at the seat, but
//! at an epoll instance that watches it, for life. Invariant: what leaves the seat is readable from then on, so that nobody waits for it in vain.

use std::os::fd::{BorrowedFd, RawFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollEvent, EpollFlags};

use crate::held::Held;
use crate::registrations::Registrations;

/// The place of a descriptor.
#[derive(Debug)]
pub(crate) struct Seat {
    /// Nobody has it before the first link, or after it was lost to the program.
    held: Option<Held>,
    watcher: Option<Arc<Epoll>>,
    /// How the timer is set that has it, if one does.
    alarm: Option<Alarm>,
}

/// When a timer expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Alarm {
    Now,
    At(Instant),
    Never,
}

impl Seat {
    pub(crate) fn new(watcher: Option<Arc<Epoll>>) -> Seat {
        Seat { held: None, watcher, alarm: None }
    }

    /// Its number, which does not change.
    pub(crate) fn number(&self) -> Option<RawFd> {
        self.held.as_ref().map(Held::number)
    }

    /// What has it.
    pub(crate) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.held.as_ref().and_then(Held::descriptor)
    }

    /// Whether the program has left it alone.
    pub(crate) fn is_ours(&self) -> bool {
        self.held.as_ref().is_none_or(Held::is_ours)
    }

    /// The same by a glance ([`Held::seems_ours`]).
    pub(crate) fn seems_ours(&self) -> bool {
        self.held.as_ref().is_none_or(Held::seems_ours)
    }

    /// Leaves it to whoever has it now.
    pub(crate) fn forget(&mut self) {
        if let Some(held) = &mut self.held {
            held.forget();
        }
    }

    /// Gives it to another. A socket that had it has been shut down.
    pub(crate) fn give(&mut self, next: Held) -> Result<(), Errno> {
        match &mut self.held {
            None => self.held = Some(next),
            Some(held) => {
                let registrations = match &self.watcher {
                    Some(watcher) => {
                        unwatch(watcher, held);
                        Registrations::default()
                    }
                    None => Registrations::take(held)?,
                };
                held.set(Some(Duration::ZERO))?;
                self.alarm = None;
                let given = held.replace(&next);
                registrations.put_back();
                given?;
            }
        }
        self.watch(EpollFlags::EPOLLIN)
    }

    /// Whether a timer has it that is set so, or nobody.
    pub(crate) fn is_set(&self, alarm: Alarm) -> bool {
        self.held.is_none() || self.alarm == Some(alarm)
    }

    /// Gives it to a timer, unless nobody has it.
    pub(crate) fn set(&mut self, alarm: Alarm) -> Result<(), Errno> {
        let Some(held) = &self.held else { return Ok(()) };
        if !held.is_timer() {
            self.give(Held::timer()?)?;
        }
        let Some(timer) = &self.held else { return Ok(()) };
        timer.set(match alarm {
            Alarm::Now => Some(Duration::ZERO),
            Alarm::At(until) => Some(until.saturating_duration_since(Instant::now())),
            Alarm::Never => None,
        })?;
        self.alarm = Some(alarm);
        Ok(())
    }

    /// Wakes whoever waits for a timer, for good. A socket that has it has been shut down.
    pub(crate) fn vacate(&mut self) {
        if let Some(Err(errno)) = self.held.as_ref().map(|held| held.set(Some(Duration::ZERO))) {
            tracing::debug!(%errno, "cannot set a timer");
        }
        self.alarm = None;
    }

    /// Wakes event loops, those too that are woken only by what is new, if there is something or, should that be wanted, room; says
    /// whether it could.
    pub(crate) fn watch_again(&self, wants_room: bool) -> Result<bool, Errno> {
        let (Some(watcher), Some(held)) = (&self.watcher, &self.held) else { return Ok(false) };
        // What is only changed, and was ready before, wakes nobody.
        unwatch(watcher, held);
        let mut flags = EpollFlags::EPOLLIN;
        flags.set(EpollFlags::EPOLLOUT, wants_room);
        self.watch(flags).map(|()| true)
    }

    fn watch(&self, flags: EpollFlags) -> Result<(), Errno> {
        match (&self.watcher, self.descriptor()) {
            (Some(watcher), Some(descriptor)) => watcher.add(descriptor, EpollEvent::new(flags, 0)),
            _ => Ok(()),
        }
    }
}

fn unwatch(watcher: &Epoll, held: &Held) {
    // Closing is not enough where a child of the host process holds a copy of the descriptor.
    if let Some(Err(errno)) = held.descriptor().map(|descriptor| watcher.delete(descriptor)) {
        tracing::debug!(%errno, "cannot remove a descriptor");
    }
}
