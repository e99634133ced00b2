//! Where the program has registered a descriptor with epoll. The kernel goes by what stands under the number, not by the number: when
//! something else comes there, the program would never hear of it. So each registration is made again as it was.
//!
//! What comes under the number, and when, is left to [`crate::seat`]. The kernel says where the registrations are only by procfs: without
//! that, they are lost. Invariant: no registration is made that was not there.

use std::fs;
use std::io;
use std::os::fd::RawFd;
use std::path::Path;

use nix::errno::Errno;
use nix::sys::epoll::{EpollEvent, EpollFlags, EpollOp};

use crate::held::Held;

/// What the kernel calls an epoll instance.
const EPOLL: &str = "anon_inode:[eventpoll]";

/// The registrations of one descriptor.
#[derive(Debug, Default)]
pub(crate) struct Registrations {
    number: RawFd,
    all: Vec<Registration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Registration {
    epoll: RawFd,
    events: EpollFlags,
    data: u64,
}

impl Registrations {
    /// Takes a descriptor's registrations back.
    ///
    /// # Errors
    /// There is no descriptor left to look for them with.
    pub(crate) fn take(held: &Held) -> Result<Registrations, Errno> {
        let (number, inode) = (held.number(), held.inode());
        let mut all = find(number, inode)?;
        // One that the program has taken back meanwhile is not made again.
        all.retain(|registration| control(registration.epoll, EpollOp::EpollCtlDel, number, None).is_ok());
        Ok(Registrations { number, all })
    }

    /// Makes them again, for what stands under the number now.
    pub(crate) fn put_back(&self) {
        for Registration { epoll, events, data } in &self.all {
            let mut event = EpollEvent::new(*events, *data);
            if let Err(errno) = control(*epoll, EpollOp::EpollCtlAdd, self.number, Some(&mut event)) {
                tracing::debug!(%errno, "cannot register a descriptor again");
            }
        }
    }
}

#[allow(deprecated, reason = "what is to replace it wants to own the instance, which is the program's")]
fn control(epoll: RawFd, what: EpollOp, number: RawFd, event: Option<&mut EpollEvent>) -> Result<(), Errno> {
    // On what is no epoll instance any more it does nothing but fail.
    nix::sys::epoll::epoll_ctl(epoll, what, number, event)
}

fn find(number: RawFd, inode: u64) -> Result<Vec<Registration>, Errno> {
    let mut found = Vec::new();
    let Some(open) = unless_short(fs::read_dir("/proc/self/fd"))? else { return Ok(found) };
    for entry in open.flatten() {
        let is_epoll = fs::read_link(entry.path()).is_ok_and(|what| what == Path::new(EPOLL));
        let epoll = entry.file_name().to_str().and_then(|name| name.parse().ok());
        let Some(epoll) = epoll.filter(|_| is_epoll) else { continue };
        let info = fs::read_to_string(Path::new("/proc/self/fdinfo").join(entry.file_name()));
        let Some(info) = unless_short(info)? else { continue };
        found.extend(info.lines().find_map(|line| parse(line, epoll, number, inode)));
    }
    Ok(found)
}

/// What was read, unless it is not there.
///
/// # Errors
/// What is lacking may be had later.
fn unless_short<T>(read: io::Result<T>) -> Result<Option<T>, Errno> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(error) => match error.raw_os_error().map(Errno::from_raw) {
            Some(errno @ (Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM)) => Err(errno),
            _ => Ok(None),
        },
    }
}

/// Reads what an epoll instance says of one registration, if it is that of this descriptor.
fn parse(line: &str, epoll: RawFd, number: RawFd, inode: u64) -> Option<Registration> {
    let mut words = line.split_whitespace().flat_map(|word| word.split(':')).filter(|word| !word.is_empty());
    let mut value = |name| words.by_ref().find(|word| *word == name).and_then(|_| words.next());
    let is_it = value("tfd")?.parse() == Ok(number);
    let events = u32::from_str_radix(value("events")?, 16).ok()?;
    let data = u64::from_str_radix(value("data")?, 16).ok()?;
    let is_it = is_it && u64::from_str_radix(value("ino")?, 16) == Ok(inode);
    is_it.then(|| Registration { epoll, events: EpollFlags::from_bits_retain(events.cast_signed()), data })
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;

    use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollTimeout};

    use super::*;

    fn ready(epoll: &Epoll) -> Option<u64> {
        let mut ready = [EpollEvent::empty()];
        let count = epoll.wait(&mut ready, EpollTimeout::ZERO).expect("epoll");
        (count > 0).then(|| ready[0].data())
    }

    #[test]
    fn what_comes_under_a_number_is_registered_where_what_stood_there_was() {
        let (socket, _peer) = UnixStream::pair().expect("sockets");
        let mut held = Held::new(socket.into()).expect("an inode");
        let epolls = [(); 2].map(|()| Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).expect("epoll"));
        let flags = [EpollFlags::EPOLLIN | EpollFlags::EPOLLRDHUP, EpollFlags::EPOLLIN | EpollFlags::EPOLLET];
        for ((epoll, flags), data) in epolls.iter().zip(flags).zip([7, u64::MAX]) {
            epoll.add(held.descriptor().expect("ours"), EpollEvent::new(flags, data)).expect("epoll");
        }
        let kept = Registrations::take(&held).expect("there are descriptors left");
        let mut found = kept.all.clone();
        found.sort_by_key(|registration| registration.data);
        let expected = [(0, 7), (1, u64::MAX)].map(|(at, data)| Registration {
            epoll: epolls[at].0.as_raw_fd(),
            // These the kernel adds to all.
            events: flags[at] | EpollFlags::EPOLLERR | EpollFlags::EPOLLHUP,
            data,
        });
        assert_eq!(found, expected);
        let timer = Held::timer().expect("a timer");
        timer.set(Some(std::time::Duration::ZERO)).expect("ours");
        held.replace(&timer).expect("a descriptor");
        assert_eq!([ready(&epolls[0]), ready(&epolls[1])], [None, None]);
        kept.put_back();
        assert_eq!([ready(&epolls[0]), ready(&epolls[1])], [Some(7), Some(u64::MAX)]);
        assert_eq!([ready(&epolls[0]), ready(&epolls[1])], [Some(7), None], "one is woken at edges");
    }

    #[test]
    fn another_s_registration_is_left_alone() {
        let line = "tfd:        3 events:        1 data: 5  pos:0 ino:e137 sdev:9";
        assert_eq!(parse(line, 9, 3, 0xe137).map(|found| found.data), Some(5));
        assert_eq!(parse(line, 9, 4, 0xe137), None);
        assert_eq!(parse(line, 9, 3, 0xe138), None);
        assert_eq!(parse("flags:\t02000002", 9, 3, 0xe137), None);
    }
}
