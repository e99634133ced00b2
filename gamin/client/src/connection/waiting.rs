//! How something is awaited: without the lock, on the link's seat.
//!
//! What is done in between is left to whoever waits. Invariant: whatever ends a wait makes the seat readable for as long as it is so, or rings, also if
//! another thread does it: what was to be waited for under the number may have gone from there by then.

use std::os::fd::{AsFd, BorrowedFd, RawFd};
use std::time::Instant;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::eventfd::EventFd;
use nix::sys::time::TimeSpec;

use super::{Connection, For};
use crate::driver::Driver;
use crate::error::Error;
use crate::link::Wait;

impl Connection {
    /// Makes steps until one gives something, and waits in between; gives `None` when the deadline has passed.
    pub(super) fn wait_until<T>(
        &self,
        what: For,
        deadline: Option<Instant>,
        mut step: impl FnMut(&mut Driver) -> Result<Option<T>, Error>,
    ) -> Result<Option<T>, Error> {
        let mut has_waited = false;
        loop {
            let mut bell = None;
            let check = match what {
                For::Events => Driver::glance_at_end,
                // They are looked for also where an event is queued.
                For::Answers => Driver::check_end,
            };
            let (done, link) = self.with_checked(check, |driver| {
                if has_waited {
                    driver.handle_waited();
                }
                let done = step(driver)?;
                if done.is_some() {
                    return Ok((done, None));
                }
                driver.confirm()?;
                if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                    return Ok((None, None));
                }
                let mut wait = driver.wait();
                if what == For::Answers {
                    bell = driver.bell().ok();
                    if bell.is_none() {
                        wait.shorten();
                    }
                }
                Ok((None, Some(wait)))
            })?;
            let Some(link) = link else { return Ok(done) };
            has_waited = true;
            if let Err(errno) = wait(&link, bell.as_deref(), deadline) {
                self.with(|driver| {
                    driver.handle_waited();
                    Ok(())
                })?;
                return Err(errno.into());
            }
        }
    }

    /// Lends the seat out of the lock.
    #[allow(unsafe_code, reason = "what the lock guards can't be borrowed without it")]
    pub(super) fn lend(&self, seat: RawFd) -> BorrowedFd<'_> {
        // SAFETY: from the first link on the driver keeps a descriptor open under this number, whichever it is, until it is dropped with
        // the connection. What else the program may do to it, it is looked at for before it is used.
        unsafe { BorrowedFd::borrow_raw(seat) }
    }
}

/// Waits for what there is to wait for.
pub(super) fn wait(link: &Wait, bell: Option<&EventFd>, deadline: Option<Instant>) -> Result<(), Errno> {
    let until = deadline.into_iter().chain(link.until).min();
    let left = until.map(|until| TimeSpec::from_duration(until.saturating_duration_since(Instant::now())));
    let mut flags = PollFlags::POLLIN;
    flags.set(PollFlags::POLLOUT, link.wants_room);
    let seat = link.seat.as_ref().map(|seat| PollFd::new(seat.as_fd(), flags));
    let output = link.output.as_ref().and_then(|output| output.descriptor());
    let others = output.into_iter().chain(bell.map(AsFd::as_fd));
    let others = others.map(|descriptor| PollFd::new(descriptor, PollFlags::POLLIN));
    match ppoll(&mut seat.into_iter().chain(others).collect::<Vec<_>>(), left, None) {
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(errno) => Err(errno),
    }
}
