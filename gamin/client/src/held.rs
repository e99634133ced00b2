//! A descriptor that is known again. The program in which we live may close it behind our back, as daemons close all that they find, and
//! open something else under its number.
//!
//! A socket or a pipe is known by its inode. All timers have the same one, so ours bear a seal, and an epoll instance is known by what was added to it. When to look is left to whoever
//! holds it: before a system call on it. Invariant: what stands under the number and is not ours is never closed.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};
use nix::libc::{dev_t, ino_t};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::fstat;
use nix::unistd::dup3;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_gettime,
    timerfd_settime,
};

/// What is as good as never for a timer: a hundred years, in seconds.
const NEVER_S: i64 = 100 * 365 * 24 * 60 * 60;
/// The soonest that a timer can be set to.
const NOW: Timespec = Timespec { tv_sec: 0, tv_nsec: 1 };
/// How long a timer that is set to the soonest may take at most; it takes microseconds.
const NOW_MAX_MS: u8 = 100;

/// How many timers there were.
static SEALS: AtomicU32 = AtomicU32::new(0);

/// A descriptor of ours.
#[derive(Debug)]
pub(crate) struct Held {
    /// `None` once it was found to be another's.
    descriptor: Option<OwnedFd>,
    mark: Mark,
}

/// By what it is known.
#[derive(Debug, Clone)]
enum Mark {
    /// Device and number of the inode.
    Inode(dev_t, ino_t),
    /// The interval between two expirations, which is longer than anybody waits for the second.
    Seal(Timespec),
    /// What an epoll instance has been told to tell of when it is readable. It is known in turn: another instance may have a member
    /// of the same number.
    Member(Arc<Held>),
}

impl Held {
    /// Takes a descriptor whose inode no other has.
    pub(crate) fn new(descriptor: OwnedFd) -> Result<Held, Errno> {
        let (device, number) = inode(descriptor.as_fd())?;
        Ok(Held { descriptor: Some(descriptor), mark: Mark::Inode(device, number) })
    }

    /// Takes an epoll instance, to which `member` was added, to be told when that is readable.
    pub(crate) fn epoll(descriptor: OwnedFd, member: Arc<Held>) -> Held {
        Held { descriptor: Some(descriptor), mark: Mark::Member(member) }
    }

    /// Makes a timer that does not expire.
    pub(crate) fn timer() -> Result<Held, Errno> {
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        let descriptor = timerfd_create(TimerfdClockId::Monotonic, flags).map_err(errno)?;
        // The code of this library may be in the process twice, and each copy counts for itself.
        let copy = (&raw const SEALS).addr() >> 4 & 0x0fff_ffff;
        let seal = Timespec {
            tv_sec: NEVER_S + i64::try_from(copy).unwrap_or_default(),
            tv_nsec: (SEALS.fetch_add(1, Ordering::Relaxed) % 1_000_000_000).into(),
        };
        let timer = Held { descriptor: Some(descriptor), mark: Mark::Seal(seal) };
        timer.set(None)?;
        Ok(timer)
    }

    /// Whether it is a timer.
    pub(crate) fn is_timer(&self) -> bool {
        matches!(self.mark, Mark::Seal(_))
    }

    /// Makes a timer expire after `delay`, or not at all. Expired it is readable until it is set again.
    pub(crate) fn set(&self, delay: Option<Duration>) -> Result<(), Errno> {
        let (&Mark::Seal(seal), Some(descriptor)) = (&self.mark, &self.descriptor) else { return Ok(()) };
        let it_value = match delay {
            None => seal,
            // A timer set to zero would never expire.
            Some(delay) => Timespec::try_from(delay).map_or(seal, |delay| delay.max(NOW)),
        };
        let spec = Itimerspec { it_interval: seal, it_value };
        timerfd_settime(descriptor, TimerfdTimerFlags::empty(), &spec).map_err(errno)?;
        if it_value == NOW {
            // Whoever looks right after this call is to find it so.
            let waiting = PollFd::new(descriptor.as_fd(), PollFlags::POLLIN);
            poll(&mut [waiting], PollTimeout::from(NOW_MAX_MS))?;
        }
        Ok(())
    }

    /// Its number.
    pub(crate) fn number(&self) -> RawFd {
        self.descriptor.as_ref().map_or(-1, AsRawFd::as_raw_fd)
    }

    /// The descriptor, unless it was found to be another's.
    pub(crate) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.descriptor.as_ref().map(AsFd::as_fd)
    }

    /// The number of its inode, which timers share.
    pub(crate) fn inode(&self) -> u64 {
        let found = self.descriptor().and_then(|descriptor| fstat(descriptor).ok());
        found.map_or(0, |found| found.st_ino)
    }

    /// Looks whether it is still ours.
    pub(crate) fn is_ours(&self) -> bool {
        let Some(descriptor) = self.descriptor() else { return false };
        match &self.mark {
            Mark::Inode(device, number) => inode(descriptor) == Ok((*device, *number)),
            Mark::Seal(seal) => timerfd_gettime(descriptor).is_ok_and(|spec| spec.it_interval == *seal),
            // To have it told as before changes nothing, and no other instance knows it.
            Mark::Member(member) => member.descriptor().is_some_and(|timer| {
                member.is_ours()
                    && epoll::modify(descriptor, timer, EventData::new_u64(0), EventFlags::IN).is_ok()
            }),
        }
    }

    /// Looks whether it is likely to be ours still: an epoll instance is, if what was added to it is. Who has closed all that there is
    /// has closed that too.
    pub(crate) fn seems_ours(&self) -> bool {
        match &self.mark {
            Mark::Member(member) => member.is_ours(),
            Mark::Inode(..) | Mark::Seal(_) => self.is_ours(),
        }
    }

    /// Puts another in its place: under its number, and with the flags that the program has set there.
    pub(crate) fn replace(&mut self, other: &Held) -> Result<(), Errno> {
        let (Some(old), Some(new)) = (&mut self.descriptor, &other.descriptor) else {
            return Err(Errno::EBADF);
        };
        let status = OFlag::from_bits_retain(fcntl(&*old, FcntlArg::F_GETFL)?);
        let is_inherited = fcntl(&*old, FcntlArg::F_GETFD)? & FdFlag::FD_CLOEXEC.bits() == 0;
        fcntl(new, FcntlArg::F_SETFL(status))?;
        dup3(new, old, if is_inherited { OFlag::empty() } else { OFlag::O_CLOEXEC })?;
        self.mark = other.mark.clone();
        Ok(())
    }

    /// Leaves it to whoever has it now.
    pub(crate) fn forget(&mut self) {
        if let Some(descriptor) = self.descriptor.take() {
            // That it is not closed is what this is for.
            let _ = descriptor.into_raw_fd();
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if !self.is_ours() {
            self.forget();
        }
    }
}

fn inode(descriptor: BorrowedFd<'_>) -> Result<(dev_t, ino_t), Errno> {
    fstat(descriptor).map(|found| (found.st_dev, found.st_ino))
}

fn errno(errno: rustix::io::Errno) -> Errno {
    Errno::from_raw(errno.raw_os_error())
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io;

    use nix::unistd::dup2;

    use super::*;

    fn is_readable(held: &Held) -> bool {
        let descriptor = held.descriptor().expect("it is ours");
        poll(&mut [PollFd::new(descriptor, PollFlags::POLLIN)], PollTimeout::ZERO) == Ok(1)
    }

    /// Does what a daemon does that closes all and opens something of its own.
    fn take(held: &mut Held, by: impl AsFd) {
        dup2(by, held.descriptor.as_mut().expect("it is ours")).expect("there is a descriptor");
    }

    #[test]
    fn what_took_its_number_is_not_closed() {
        let (pipe, _input) = io::pipe().expect("a pipe");
        let mut held = Held::new(pipe.into()).expect("an inode");
        assert!(held.is_ours());
        let number = held.number();
        let foreign = File::open("/dev/null").expect("it is there");
        take(&mut held, &foreign);
        assert!(!held.is_ours());
        drop(held);
        let left = fcntl_of(number);
        assert!(left.is_ok(), "{left:?}");
    }

    /// Whether something is open under a number, which only a path says without borrowing it.
    fn fcntl_of(number: RawFd) -> io::Result<std::path::PathBuf> {
        std::fs::read_link(format!("/proc/self/fd/{number}"))
    }

    #[test]
    fn another_timer_is_not_taken_for_ours() {
        let mut held = Held::timer().expect("a timer");
        let other = Held::timer().expect("a timer");
        assert!(held.is_ours());
        held.set(Some(Duration::ZERO)).expect("it is ours");
        assert!(held.is_ours() && is_readable(&held), "it is also when it has expired");
        take(&mut held, other.descriptor().expect("it is ours"));
        assert!(!held.is_ours());
    }

    #[test]
    fn another_epoll_instance_is_not_taken_for_ours_though_what_was_added_has_the_same_number() {
        let with_member = |member: Held| {
            let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).expect("a descriptor");
            let timer = member.descriptor().expect("it is open");
            epoll::add(&epoll, timer, EventData::new_u64(0), EventFlags::IN).expect("room");
            Held::epoll(epoll, Arc::new(member))
        };
        assert!(with_member(Held::timer().expect("a timer")).is_ours());
        // All was closed, and as much opened in the same order.
        let mut member = Held::timer().expect("a timer");
        let other = Held::timer().expect("a timer");
        take(&mut member, other.descriptor().expect("it is ours"));
        assert!(!with_member(member).is_ours());
    }

    #[test]
    fn a_timer_is_readable_from_its_expiry_until_it_is_set_again() {
        let timer = Held::timer().expect("a timer");
        assert!(!is_readable(&timer));
        timer.set(Some(Duration::ZERO)).expect("it is ours");
        assert!(is_readable(&timer));
        timer.set(None).expect("it is ours");
        assert!(!is_readable(&timer));
    }

    #[test]
    fn what_replaces_it_has_its_number_and_its_flags() {
        let (pipe, _input) = io::pipe().expect("a pipe");
        let mut held = Held::new(pipe.into()).expect("an inode");
        let number = held.number();
        let flags = |held: &Held| {
            let descriptor = held.descriptor().expect("it is ours");
            let status = fcntl(descriptor, FcntlArg::F_GETFL).expect("it is open");
            (
                status & OFlag::O_NONBLOCK.bits() != 0,
                fcntl(descriptor, FcntlArg::F_GETFD).expect("it is open"),
            )
        };
        let before = flags(&held);
        assert_eq!(before, (false, FdFlag::FD_CLOEXEC.bits()));
        held.replace(&Held::timer().expect("a timer")).expect("there is a descriptor");
        assert!(held.is_timer() && held.is_ours());
        assert_eq!((held.number(), flags(&held)), (number, before));
        fcntl(held.descriptor().expect("it is ours"), FcntlArg::F_SETFD(FdFlag::empty()))
            .expect("it is open");
        held.replace(&Held::timer().expect("a timer")).expect("there is a descriptor");
        assert_eq!(flags(&held), (false, 0));
    }
}
