//! What a connection that watches by itself has besides its seat, known again: the program may close some of it, and open its own there.
//!
//! A file of procfs is known by its inode. The other kinds share one, so they are members of an epoll instance that nobody waits for: a
//! member is known by its number and by what is open there, and to ask for it once more changes nothing. When to look is left to whoever
//! uses them. Invariant: a look neither reads nor writes, whatever is under a number.

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::libc::{dev_t, ino_t};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};
use nix::sys::stat::{SFlag, fstat};

/// Descriptors that are known again.
#[derive(Debug)]
pub(crate) struct Belongings {
    members: Epoll,
    all: Vec<Belonging>,
}

/// One of them: its number, and its inode unless it is a member.
#[derive(Debug)]
struct Belonging {
    number: RawFd,
    inode: Option<(dev_t, ino_t)>,
}

impl Belongings {
    /// Nothing so far.
    ///
    /// # Errors
    /// There is no descriptor left.
    pub(crate) fn new() -> Result<Belongings, Errno> {
        Ok(Belongings { members: Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?, all: Vec::new() })
    }

    /// Knows these too from now on.
    ///
    /// # Errors
    /// The kernel has no room for a member.
    pub(crate) fn know<'a>(
        &mut self,
        descriptors: impl IntoIterator<Item = BorrowedFd<'a>>,
    ) -> Result<(), Errno> {
        for descriptor in descriptors {
            let number = descriptor.as_raw_fd();
            if self.find(number).is_some() {
                continue;
            }
            let inode = inode(descriptor)?;
            if inode.is_none() {
                self.members.add(descriptor, EpollEvent::new(EpollFlags::empty(), 0))?;
            }
            self.all.push(Belonging { number, inode });
        }
        Ok(())
    }

    /// The instance that knows them, and them no more.
    pub(crate) fn into_descriptor(self) -> OwnedFd {
        self.members.0
    }

    /// Whether these are all as they were, but for those that are not known.
    pub(crate) fn are_ours<'a>(&self, mut descriptors: impl Iterator<Item = BorrowedFd<'a>>) -> bool {
        descriptors.all(|descriptor| match self.find(descriptor.as_raw_fd()) {
            None => true,
            Some(Belonging { inode: Some(known), .. }) => inode(descriptor) == Ok(Some(*known)),
            // Whatever has the number of the instance by now does not have this member, unless it is the instance.
            Some(_) => {
                let none = &mut EpollEvent::new(EpollFlags::empty(), 0);
                self.members.modify(descriptor, none).is_ok()
            }
        })
    }

    fn find(&self, number: RawFd) -> Option<&Belonging> {
        self.all.iter().find(|one| one.number == number)
    }
}

/// Where a file is, if it is one.
fn inode(descriptor: BorrowedFd<'_>) -> Result<Option<(dev_t, ino_t)>, Errno> {
    let found = fstat(descriptor)?;
    let is_file = SFlag::from_bits_truncate(found.st_mode) & SFlag::S_IFMT == SFlag::S_IFREG;
    Ok(is_file.then_some((found.st_dev, found.st_ino)))
}
