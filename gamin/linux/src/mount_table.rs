//! The kernel's table of mounts, and when it changes.
//!
//! What is in it is read by [`Mounts`]. Invariant: neither reading nor asking touches any of the file systems.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use gamin_backend::Mounts;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// The table of the thread that opens it, which in a server is that of the process.
const MOUNTINFO: &str = "/proc/thread-self/mountinfo";

/// The kernel's table, kept open to be told of changes.
///
/// It is open twice, for of what is open the kernel tells a change once, to whoever looks first. An event loop that is itself in another
/// is looked into by that one, and then has nothing to tell.
#[derive(Debug)]
pub struct MountTable {
    file: File,
    /// For event loops.
    told: File,
}

impl MountTable {
    /// Opens the table. What changes from now on [`is_changed`](MountTable::is_changed) tells.
    ///
    /// # Errors
    /// There is no `/proc`, or no descriptor left.
    pub fn open() -> io::Result<MountTable> {
        Ok(MountTable { file: File::open(MOUNTINFO)?, told: File::open(MOUNTINFO)? })
    }

    /// All descriptors that it has.
    pub fn descriptors(&self) -> [BorrowedFd<'_>; 2] {
        [self.file.as_fd(), self.told.as_fd()]
    }

    /// The same, which are no longer its own.
    pub fn into_descriptors(self) -> [OwnedFd; 2] {
        [self.file.into(), self.told.into()]
    }

    /// Whether anything was mounted or unmounted since the last time this was asked. What an event loop was told does not matter.
    pub fn is_changed(&self) -> bool {
        let mut asked = [PollFd::new(self.file.as_fd(), PollFlags::POLLPRI)];
        poll(&mut asked, PollTimeout::ZERO).is_ok_and(|count| count > 0)
    }

    /// Reads the table as it is now.
    ///
    /// # Errors
    /// Memory runs out in the kernel.
    pub fn read(&self) -> io::Result<Mounts> {
        let mut table = Vec::new();
        let mut file = &self.file;
        file.rewind()?;
        file.read_to_end(&mut table)?;
        Ok(Mounts::parse(&table))
    }
}

/// For an event loop: an edge of priority or error is a change, after which [`is_changed`](MountTable::is_changed) is to be asked. It is
/// always readable, which says nothing.
impl AsFd for MountTable {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.told.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use gamin_engine::TreePath;

    use super::*;

    fn tree(path: &str) -> TreePath {
        TreePath::new(path.as_bytes()).expect("because it is absolute")
    }

    #[test]
    fn the_table_of_this_process_can_be_read_again_and_again() -> io::Result<()> {
        let table = MountTable::open()?;
        let mounts = table.read()?;
        assert!(mounts.of(&tree("/proc/self")).is_some_and(|mount| mount.file_system == "proc"));
        assert_eq!(table.read()?.of(&tree("/proc")), mounts.of(&tree("/proc")));
        Ok(())
    }
}
