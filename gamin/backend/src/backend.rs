//! Reads the kernel's events and makes notices of them.
//!
//! Which kernel watch serves whom is left to `armings`, what a `stat` proves to `look`.
//! Invariants: every event that an arming wants becomes a notice, in the kernel's order; of the notices about one
//! entry that were read at once, the last one says what the entry looked like after all of them; and no arming is
//! heard of after it is [`Notice::Gone`].

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;

use gamin_engine::{Change, KernelWatchId, Level, Name, Notice, Refusal, Seen, TreePath};
use inotify::{EventMask, Inotify};
use nix::errno::Errno;
use nix::sys::stat::lstat;
use tracing::{trace, warn};

use crate::armings::{Arming, Armings};
use crate::look::Look;

/// How many bytes of events are read at once: of two thousand events with common names.
const BUFFER_BYTES: usize = 64 * 1024;

/// One inotify instance: the kernel watches of all sessions.
///
/// Wait until its descriptor is readable, then [`read`](Backend::read) until there is no more.
pub struct Backend {
    inotify: Inotify,
    armings: Armings,
    buffer: Box<[u8]>,
}

impl Backend {
    /// Asks the kernel for an inotify instance.
    ///
    /// # Errors
    /// The user's limit of instances or descriptors is reached, or memory runs out.
    pub fn new() -> io::Result<Backend> {
        let inotify = Inotify::init()?;
        let armings = Armings::new(inotify.watches());
        Ok(Backend { inotify, armings, buffer: vec![0; BUFFER_BYTES].into() })
    }

    /// Asks the kernel about a directory, or with the same id about more or less of it.
    ///
    /// If the path has come to lead to another directory, the id moves there. No symbolic link is followed at its
    /// end.
    ///
    /// # Errors
    /// Why the kernel refused. The id is not armed then, even if it was before.
    pub fn arm(&mut self, id: KernelWatchId, directory: &TreePath, level: Level) -> Result<(), Refusal> {
        self.armings.arm(id, directory, level)
    }

    /// Gives an arming back: there will be no more notices for it. After [`Notice::Gone`] it need not be, but may.
    pub fn disarm(&mut self, id: KernelWatchId) {
        self.armings.disarm(id);
    }

    /// How many kernel watches are held, of those that the user's limit counts.
    pub fn armed(&self) -> usize {
        self.armings.count()
    }

    /// Reads once from the kernel's queue, appends the notices, and tells whether there may be more. Never waits for
    /// a notice, but looks at each entry that it names.
    ///
    /// After [`Notice::Overflow`], which comes at most once in a read, it makes sure of each arming, so that even
    /// then every arming whose directory has left its path is [`Notice::Gone`].
    ///
    /// # Errors
    /// The descriptor is broken; nothing a caller does brings that about.
    pub fn read(&mut self, notices: &mut Vec<Notice>) -> io::Result<bool> {
        let events = match self.inotify.read_events(&mut self.buffer) {
            Ok(events) => events,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(true),
            Err(error) => return Err(error),
        };
        let first = notices.len();
        let mut batch = Batch { notices, last: HashMap::new() };
        let mut overflowed = false;
        for event in events {
            let number = event.wd.get_watch_descriptor_id();
            if event.mask.contains(EventMask::Q_OVERFLOW) {
                if !overflowed {
                    warn!("the kernel's queue overflowed");
                    batch.notices.push(Notice::Overflow);
                }
                overflowed = true;
            } else if event.mask.intersects(GONE) {
                let ended = self.armings.end(number);
                batch.notices.extend(ended.into_iter().map(|arming| Notice::Gone { watch: arming.id }));
            } else if let Some(name) = event.name {
                batch.add_entry(self.armings.sharing(number), name.as_bytes(), event.mask);
            } else if event.mask.contains(EventMask::ATTRIB) {
                let armings = self.armings.sharing(number).iter();
                batch.notices.extend(armings.map(|arming| Notice::Attributes { watch: arming.id }));
            }
        }
        batch.look(&self.armings);
        if overflowed {
            let stale = self.armings.end_stale();
            notices.extend(stale.into_iter().map(|watch| Notice::Gone { watch }));
        }
        for notice in &notices[first..] {
            trace!(?notice);
        }
        Ok(true)
    }
}

impl AsFd for Backend {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
}

/// A directory is not at its path any more. A watch that the kernel ended for any other reason is gone as well.
const GONE: EventMask =
    EventMask::DELETE_SELF.union(EventMask::MOVE_SELF).union(EventMask::UNMOUNT).union(EventMask::IGNORED);

const CHANGES: [(EventMask, Change); 7] = [
    (EventMask::CREATE, Change::Created),
    (EventMask::DELETE, Change::Deleted),
    (EventMask::MOVED_FROM, Change::MovedFrom),
    (EventMask::MOVED_TO, Change::MovedTo),
    (EventMask::MODIFY, Change::Modified),
    (EventMask::CLOSE_WRITE, Change::Closed),
    (EventMask::ATTRIB, Change::Attributes),
];

/// The notices of one read.
struct Batch<'a> {
    notices: &'a mut Vec<Notice>,
    /// Where the last notice about each entry is.
    last: HashMap<(KernelWatchId, &'a [u8]), usize>,
}

impl<'a> Batch<'a> {
    fn add_entry(&mut self, armings: &[Arming], name: &'a [u8], mask: EventMask) {
        let Some((_, change)) = CHANGES.into_iter().find(|(bit, _)| mask.contains(*bit)) else { return };
        let is_removed_directory = change == Change::Deleted && mask.contains(EventMask::ISDIR);
        let wants = |arming: &&Arming| arming.level == Level::Entries || is_removed_directory;
        for Arming { id: watch, .. } in armings.iter().filter(wants) {
            let earlier = self.last.insert((*watch, name), self.notices.len());
            let name = match earlier.map(|index| &self.notices[index]) {
                Some(Notice::Entry { name, .. }) => name.clone(),
                _ => Name::from(name),
            };
            self.notices.push(Notice::Entry { watch: *watch, name, change, seen: Seen::Superseded });
        }
    }

    /// Looks at each entry once, for the last notice about it.
    fn look(&mut self, armings: &Armings) {
        let mut look = Look::begin();
        let mut path = Vec::new();
        for ((id, name), index) in self.last.drain() {
            let (Some(directory), Some(Notice::Entry { seen, .. })) =
                (armings.directory(id), self.notices.get_mut(index))
            else {
                // Gone in the same read, which supersedes what happened before.
                continue;
            };
            path.clear();
            path.extend_from_slice(directory);
            path.push(b'/');
            path.extend_from_slice(name);
            *seen = match lstat(&*path) {
                Ok(stat) => Seen::Present(look.stamp(&stat, directory)),
                Err(Errno::ENOENT | Errno::ENOTDIR) => Seen::Absent,
                Err(_) => Seen::Superseded,
            };
        }
    }
}
