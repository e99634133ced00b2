//! An in-memory file system with the semantics of Linux: inodes, the dentries that name them, mounts, a clock.
//!
//! The way along a path is left to `walk`, the system calls to `calls`, mounting to `mounts`; what is told of it all
//! to a [`Notifier`], which is called at the very place at which the kernel calls it. Contents are lengths alone.
//! Invariants: every dentry has an inode and every inode a dentry; each time that is taken from the clock is another
//! one, as with multigrain timestamps, unless the tree is made with a coarse clock.

mod calls;
mod mounts;
pub mod node;
mod sight;
mod walk;
mod watches;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use gamin_core::engine::{FileType, Name, Stamp};
use nix::errno::Errno;
use nix::sys::inotify::AddWatchFlags as Mask;
use nix::sys::stat::SFlag;

use super::journal::Journal;
use super::notifier::{Notifier, NotifierKind};
pub use node::{Access, Caller, DentryId, Fallible, Handle, InodeId, Passed};
use node::{Body, Dentry, Device, Inode, Mount, Open};

/// The wall clock when a simulated world begins.
const BEGIN_NS: i64 = 1_700_000_000_000_000_001;
/// How long the number of a removed inode is not given to another: as ext4, which spares those in its journal.
const INODE_REST_NS: i64 = 35_000_000_000;
/// Two ticks of a coarse clock: for so long a timestamp proves nothing, as in the backend.
const COARSE_TICKS: u32 = 2;
/// The length that ext4 shows of a directory.
const DIRECTORY_SIZE: u64 = 4096;

/// The files of a world.
#[derive(Debug)]
pub struct Tree {
    inodes: BTreeMap<InodeId, Inode>,
    dentries: BTreeMap<DentryId, Dentry>,
    handles: BTreeMap<Handle, Open>,
    devices: BTreeMap<u64, Device>,
    /// From the dentry that is covered to what covers it.
    mounts: BTreeMap<DentryId, Mount>,
    last_mount: u64,
    /// The mounts that hung when they were taken away.
    lost: BTreeSet<u64>,
    root: DentryId,
    last_id: u64,
    wall_ns: i64,
    /// How many times were taken from the clock.
    ticks: i64,
    coarse_tick_ns: Option<i64>,
    /// Whether anything has changed since the journal was written.
    has_changed: bool,
    journal: Journal,
    /// How long the number of a removed inode is not given to another.
    pub inode_rest_ns: i64,
    /// The kernel's side of the one process that asks to be told.
    pub notifier: Option<Notifier>,
}

impl Tree {
    /// An empty tree: a root directory, and the clock at its beginning.
    pub fn new() -> Tree {
        let mut tree = Tree {
            inodes: BTreeMap::new(),
            dentries: BTreeMap::new(),
            handles: BTreeMap::new(),
            devices: BTreeMap::new(),
            mounts: BTreeMap::new(),
            last_mount: 0,
            lost: BTreeSet::new(),
            root: DentryId(0),
            last_id: 0,
            wall_ns: BEGIN_NS,
            ticks: 0,
            coarse_tick_ns: None,
            has_changed: false,
            journal: Journal::new(),
            inode_rest_ns: INODE_REST_NS,
            notifier: None,
        };
        tree.root = tree.new_file_system();
        tree
    }

    /// Has timestamps come from a clock that ticks so rarely, as before Linux 6.13.
    pub fn set_coarse_clock(&mut self, tick: Duration) {
        self.coarse_tick_ns = i64::try_from(tick.as_nanos()).ok().filter(|tick_ns| *tick_ns > 0);
        self.journal.has_coarse_clock |= self.coarse_tick_ns.is_some();
    }

    /// Lets time pass.
    pub fn advance(&mut self, time: Duration) {
        self.set_wall(i64::try_from(time.as_nanos()).unwrap_or(i64::MAX));
    }

    /// Sets the wall clock forward or back.
    pub fn set_wall(&mut self, by_ns: i64) {
        self.wall_ns = self.wall_ns.saturating_add(by_ns);
    }

    /// What `lstat` shows.
    pub fn stamp(&self, dentry: DentryId) -> Stamp {
        let inode = self.inode_of(dentry);
        let fresh_ns = self.coarse_tick_ns.map(|tick_ns| tick_ns.saturating_mul(i64::from(COARSE_TICKS)));
        Stamp {
            file_type: self.file_type(dentry),
            dev: inode.device,
            ino: inode.number,
            mode: inode.mode,
            uid: inode.uid,
            gid: 0,
            size: inode.size,
            mtime_ns: inode.mtime_ns,
            ctime_ns: inode.ctime_ns,
            fresh: fresh_ns.is_some_and(|fresh_ns| inode.ctime_ns.saturating_add(fresh_ns) >= self.wall_ns),
        }
    }

    /// How many names a file has.
    pub fn links(&self, dentry: DentryId) -> u32 {
        self.inode_of(dentry).links
    }

    /// The type of what a dentry names.
    pub fn file_type(&self, dentry: DentryId) -> FileType {
        match self.inode_of(dentry).body {
            Body::Directory(_) => FileType::Directory,
            Body::Link(_) => FileType::Link,
            Body::Other => FileType::Other,
        }
    }

    /// The inode that a dentry names.
    pub fn inode_id(&self, dentry: DentryId) -> InodeId {
        self.dentry(dentry).inode
    }

    /// How many inodes, dentries and handles there are: what a world that was taken down gives back.
    pub fn population(&self) -> (usize, usize, usize) {
        (self.inodes.len(), self.dentries.len(), self.handles.len())
    }

    fn is_directory(&self, dentry: DentryId) -> bool {
        self.file_type(dentry) == FileType::Directory
    }

    fn dentry(&self, id: DentryId) -> &Dentry {
        self.dentries.get(&id).expect("because nobody keeps the id of a dentry that is gone")
    }

    fn dentry_mut(&mut self, id: DentryId) -> &mut Dentry {
        self.dentries.get_mut(&id).expect("because nobody keeps the id of a dentry that is gone")
    }

    fn inode_of(&self, dentry: DentryId) -> &Inode {
        let id = self.inode_id(dentry);
        self.inodes.get(&id).expect("because a dentry keeps its inode")
    }

    fn inode_of_mut(&mut self, dentry: DentryId) -> &mut Inode {
        let id = self.inode_id(dentry);
        self.inodes.get_mut(&id).expect("because a dentry keeps its inode")
    }

    /// The entries of a directory; of anything else, none.
    fn entries(&self, dentry: DentryId) -> impl Iterator<Item = (&Name, DentryId)> {
        let entries = match &self.inode_of(dentry).body {
            Body::Directory(entries) => Some(entries),
            Body::Link(_) | Body::Other => None,
        };
        entries.into_iter().flatten().map(|(name, dentry)| (name, *dentry))
    }

    fn entry(&self, directory: DentryId, name: &[u8]) -> Option<DentryId> {
        match &self.inode_of(directory).body {
            Body::Directory(entries) => entries.get(name).copied(),
            Body::Link(_) | Body::Other => None,
        }
    }

    fn entries_mut(&mut self, directory: DentryId) -> Fallible<&mut BTreeMap<Name, DentryId>> {
        match &mut self.inode_of_mut(directory).body {
            Body::Directory(entries) => Ok(entries),
            Body::Link(_) | Body::Other => Err(Errno::ENOTDIR),
        }
    }

    /// Takes a time from the clock.
    fn time(&mut self) -> i64 {
        self.has_changed = true;
        if let Some(tick_ns) = self.coarse_tick_ns {
            return self.wall_ns - self.wall_ns.rem_euclid(tick_ns);
        }
        self.ticks += 1;
        self.wall_ns.saturating_add(self.ticks)
    }

    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }
}

/// The life of inodes and dentries.
impl Tree {
    /// Makes the root of a file system on a device of its own.
    fn new_file_system(&mut self) -> DentryId {
        let device = self.devices.keys().next_back().map_or(1, |last| last + 1);
        // As ext4, whose root is the inode 2.
        self.devices.insert(device, Device { last_number: 1, freed: VecDeque::new() });
        let mode = SFlag::S_IFDIR.bits() | 0o755;
        let inode = self.new_inode(device, mode, Body::Directory(BTreeMap::new()));
        let dentry = self.new_dentry(inode, None, Name::from(b"/".as_slice()));
        self.inode_of_mut(dentry).links = 2;
        dentry
    }

    fn new_inode(&mut self, device: u64, mode: u32, body: Body) -> InodeId {
        let rested = self.wall_ns.saturating_sub(self.inode_rest_ns);
        let numbers = self.devices.entry(device).or_default();
        let is_rested = numbers.freed.front().is_some_and(|(freed_at, _)| *freed_at <= rested);
        let number = match is_rested.then(|| numbers.freed.pop_front()).flatten() {
            Some((_, number)) => number,
            None => {
                numbers.last_number += 1;
                numbers.last_number
            }
        };
        let now = self.time();
        let size = match &body {
            Body::Directory(_) => DIRECTORY_SIZE,
            Body::Link(target) => target.len() as u64,
            Body::Other => 0,
        };
        let id = InodeId(self.next_id());
        let (mtime_ns, ctime_ns) = (now, now);
        let inode = Inode {
            device,
            number,
            mode,
            uid: 0,
            size,
            mtime_ns,
            ctime_ns,
            links: 0,
            was_shared: false,
            was_accessed: false,
            told: 0,
            dentries: 0,
            body,
        };
        self.inodes.insert(id, inode);
        id
    }

    fn new_dentry(&mut self, inode: InodeId, parent: Option<DentryId>, name: Name) -> DentryId {
        let id = DentryId(self.next_id());
        self.dentries.insert(id, Dentry { inode, parent, name, is_linked: true, holders: 0 });
        self.inode_of_mut(id).dentries += 1;
        id
    }

    /// Takes a name off the file system; whoever holds it open keeps it.
    fn unlink_dentry(&mut self, id: DentryId) {
        let is_directory = self.is_directory(id);
        let inode = self.inode_of_mut(id);
        inode.links = if is_directory { 0 } else { inode.links - 1 };
        let dentry = self.dentry_mut(id);
        dentry.is_linked = false;
        if let Some(parent) = dentry.parent {
            self.dentry_mut(parent).holders += 1;
        }
        self.release(id);
    }

    /// Frees a removed dentry that nobody holds any more, and what only it held.
    fn release(&mut self, id: DentryId) {
        let dentry = self.dentry(id);
        if dentry.is_linked || dentry.holders > 0 {
            return;
        }
        let (inode_id, parent) = (dentry.inode, dentry.parent);
        let inode = self.inode_of_mut(id);
        inode.dentries -= 1;
        let is_last = inode.dentries == 0;
        self.dentries.remove(&id);
        if is_last && let Some(inode) = self.inodes.remove(&inode_id) {
            if let Some(notifier) = &mut self.notifier {
                notifier.handle_removed(inode_id);
            }
            if let Some(numbers) = self.devices.get_mut(&inode.device) {
                numbers.freed.push_back((self.wall_ns, inode.number));
            }
        }
        if let Some(parent) = parent {
            self.dentry_mut(parent).holders -= 1;
            self.release(parent);
        }
    }
}

/// What the kernel tells.
impl Tree {
    /// Tells of a name in a directory.
    fn tell_name(&mut self, directory: DentryId, name: &Name, target: InodeId, mask: Mask) {
        self.write_journal();
        let inode = self.inode_id(directory);
        if let Some(notifier) = &mut self.notifier {
            notifier.handle(inode, mask, Some(name), target);
        }
    }

    /// Tells of an inode itself.
    fn tell_inode(&mut self, dentry: DentryId, mask: Mask) {
        self.write_journal();
        let inode = self.inode_id(dentry);
        if let Some(notifier) = &mut self.notifier {
            notifier.handle(inode, mask, None, inode);
        }
    }

    /// Tells of a dentry: first those who watch the directory that it is in, then those who watch itself.
    fn tell_dentry(&mut self, id: DentryId, mask: Mask) {
        if mask.intersects(Mask::IN_MODIFY | Mask::IN_ATTRIB) {
            let inode = self.inode_of_mut(id);
            inode.told += 1;
            inode.was_accessed = false;
        }
        let mask = if self.is_directory(id) { mask | Mask::IN_ISDIR } else { mask };
        let dentry = self.dentry(id);
        // Every watch of entries is asked not to tell of those that were removed (IN_EXCL_UNLINK), which fanotify can't be.
        let tells_removed =
            self.notifier.as_ref().is_some_and(|notifier| notifier.kind == NotifierKind::Fanotify);
        if let (Some(parent), true) = (dentry.parent, dentry.is_linked || tells_removed) {
            let (name, target) = (dentry.name.clone(), dentry.inode);
            self.tell_name(parent, &name, target, mask);
        }
        self.tell_inode(id, mask);
    }
}

impl Default for Tree {
    fn default() -> Tree {
        Tree::new()
    }
}
