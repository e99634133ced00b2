//! Reads the kernel's events and makes notices of them.
//!
//! Which kernel watch serves whom is left to `armings`, what a `stat` proves to `look`.
//! Invariants: what an arming wants to hear becomes notices in the kernel's order, changes of an entry that were read
//! at once merged into the last of them; each says what the entry looked like after all of them; and no arming is
//! heard of after it is [`Notice::Gone`].

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

use gamin_engine::{
    Change, EntryNotice, KernelWatchId, Level, Name, Notice, Refusal, Seen, TreePath, merge_changes,
};
use inotify::{EventMask, Inotify};
use nix::errno::Errno;
use nix::sys::stat::lstat;
use tracing::{trace, warn};

use crate::armings::{Arming, Armings};
use crate::look::{Look, stamp_of_mount};
use crate::mounts::Mounts;

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

    /// Takes what is mounted by now: no remote mount is touched, and none of its directories armed.
    pub fn set_mounts(&mut self, mounts: Arc<Mounts>) {
        self.armings.set_mounts(mounts);
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
        let mut overflowed = false;
        for event in events {
            let number = event.wd.get_watch_descriptor_id();
            if event.mask.contains(EventMask::Q_OVERFLOW) {
                if !overflowed {
                    warn!("the kernel's queue overflowed");
                    notices.push(Notice::Overflow);
                }
                overflowed = true;
            } else if event.mask.contains(EventMask::MOVE_SELF) {
                let moved = self.armings.end_moved(number, true);
                notices.extend(moved.into_iter().map(|watch| Notice::Gone { watch }));
            } else if event.mask.intersects(GONE) {
                let ended = self.armings.end(number);
                notices.extend(ended.into_iter().map(|arming| Notice::Gone { watch: arming.id }));
            } else if let Some(name) = event.name {
                add_entry(notices, self.armings.sharing(number), name.as_bytes(), event.mask);
            } else if event.mask.contains(EventMask::ATTRIB) {
                // Of a directory that another was renamed over, this is all that is told while somebody holds it open.
                let moved = self.armings.end_moved(number, false);
                notices.extend(moved.into_iter().map(|watch| Notice::Gone { watch }));
                let armings = self.armings.sharing(number).iter();
                notices.extend(armings.map(|arming| Notice::Attributes { watch: arming.id }));
            }
        }
        look_at_entries(&mut notices[first..], &self.armings);
        merge_changes(notices, first);
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
const GONE: EventMask = EventMask::DELETE_SELF.union(EventMask::UNMOUNT).union(EventMask::IGNORED);

const CHANGES: [(EventMask, Change); 7] = [
    (EventMask::CREATE, Change::Created),
    (EventMask::DELETE, Change::Deleted),
    (EventMask::MOVED_FROM, Change::MovedFrom),
    (EventMask::MOVED_TO, Change::MovedTo),
    (EventMask::MODIFY, Change::Modified),
    (EventMask::CLOSE_WRITE, Change::Closed),
    (EventMask::ATTRIB, Change::Attributes),
];

/// Makes notices of an event about an entry.
fn add_entry(notices: &mut Vec<Notice>, armings: &[Arming], name: &[u8], mask: EventMask) {
    let Some((_, change)) = CHANGES.into_iter().find(|(bit, _)| mask.contains(*bit)) else { return };
    let is_removed_directory = change == Change::Deleted && mask.contains(EventMask::ISDIR);
    let wants = |arming: &&Arming| match arming.level {
        Level::Entries => true,
        Level::Removals => is_removed_directory,
        Level::Itself => false,
    };
    for Arming { id, .. } in armings.iter().filter(wants) {
        let entry = EntryNotice { change, seen: Seen::Nothing, is_last: false };
        notices.push(Notice::Entry { watch: *id, name: Name::from(name), entry });
    }
}

/// Looks at each entry once, for all notices about it.
fn look_at_entries(notices: &mut [Notice], armings: &Armings) {
    let mut look = Look::begin();
    let mut path = Vec::new();
    let mut sights: HashMap<(KernelWatchId, Name), Seen> = HashMap::new();
    for notice in notices.iter_mut().rev() {
        let Notice::Entry { watch, name, entry } = notice else { continue };
        entry.seen = *sights.entry((*watch, name.clone())).or_insert_with(|| {
            entry.is_last = true;
            // An arming that is gone by now supersedes all that it told.
            let Some(directory) = armings.directory(*watch) else { return Seen::Nothing };
            path.clear();
            path.extend_from_slice(directory);
            path.push(b'/');
            path.extend_from_slice(name);
            if let Some(mount) = armings.mounts().first_remote(&path) {
                let is_it = *mount.point == *path;
                return if is_it { Seen::Present(stamp_of_mount(mount)) } else { Seen::Nothing };
            }
            match lstat(&*path) {
                Ok(stat) => Seen::Present(look.stamp(&stat, directory)),
                Err(Errno::ENOENT | Errno::ENOTDIR) => Seen::Absent,
                Err(_) => Seen::Nothing,
            }
        });
    }
}
