//! The kernel's side of inotify(7) and fanotify(7): watches on inodes, and the queue of events.
//!
//! When something happens the tree calls it; what the events mean is left to `kernel`. fanotify has no numbers: here it has those that
//! `gamin-linux` gives. Invariants: an inode has at most one watch; no number of a watch is used again; what does not fit in the queue is
//! lost, and one event says so.

use std::collections::{BTreeMap, VecDeque};

use gamin_core::engine::Name;
use nix::errno::Errno;
use nix::sys::inotify::AddWatchFlags as Mask;

use super::tree::node::{Fallible, InodeId};

/// How many events wait at most, by default (/proc/sys/fs/inotify/max_queued_events).
pub const QUEUE_MAX: usize = 16_384;
/// What an event takes of a reader's buffer, without its name.
const HEADER_BYTES: usize = 16;

/// The number of a watch.
pub type Number = i32;

/// Something that the kernel tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawRecord {
    /// The watch; -1 for an overflow.
    pub number: Number,
    /// What happened.
    pub mask: Mask,
    /// The inode on which the watch is, by which fanotify knows it.
    inode: Option<InodeId>,
    /// The entry it happened to.
    pub name: Option<Name>,
    /// What stands under that name, where that keeps events apart.
    target: Option<InodeId>,
}

/// Which of the two it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotifierKind {
    /// inotify(7): an event equal to the last is not put behind it.
    Inotify,
    /// fanotify(7): whatever happens to an entry is merged into the first event about it, however much stands between. It tells
    /// nothing of an unmount, nor when a watch ends.
    Fanotify,
}

#[derive(Debug)]
struct Watch {
    inode: InodeId,
    mask: Mask,
}

/// An instance of the one, or a group of the other.
#[derive(Debug)]
pub struct Notifier {
    /// Which it is.
    pub kind: NotifierKind,
    watches: BTreeMap<Number, Watch>,
    by_inode: BTreeMap<InodeId, Number>,
    /// The numbers that fanotify's marks were given, until they are given back.
    given: BTreeMap<InodeId, Number>,
    queue: VecDeque<RawRecord>,
    /// An overflow waits in the queue, so no other is put there.
    is_overflow_told: bool,
    /// Watches that an unmount ended of which nobody knows yet, and those of which the table of mounts has told.
    unmounted: Vec<Number>,
    ended: Vec<Number>,
    last: Number,
    /// How many watches the user may have.
    pub watches_max: usize,
    /// How many events wait at most.
    pub queue_max: usize,
}

impl Notifier {
    /// One with the usual limits.
    pub fn new(kind: NotifierKind) -> Notifier {
        Notifier {
            kind,
            watches: BTreeMap::new(),
            by_inode: BTreeMap::new(),
            given: BTreeMap::new(),
            queue: VecDeque::new(),
            is_overflow_told: false,
            unmounted: Vec::new(),
            ended: Vec::new(),
            last: 0,
            watches_max: usize::MAX,
            queue_max: QUEUE_MAX,
        }
    }

    /// How many watches there are.
    pub fn count(&self) -> usize {
        self.watches.len()
    }

    /// Whether there is nothing to read.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.ended.is_empty()
    }

    /// Takes the word that the table of mounts was read: what is not mounted any more has ended, though nobody told.
    pub fn handle_mounts(&mut self) {
        self.ended.append(&mut self.unmounted);
    }

    /// Takes out the watches that have ended without an event.
    pub fn take_ended(&mut self) -> impl Iterator<Item = Number> {
        self.ended.drain(..)
    }

    /// Ends a watch.
    ///
    /// # Errors
    /// `EINVAL` if there is none of this number.
    pub fn remove(&mut self, number: Number) -> Fallible<()> {
        self.given.retain(|_, given| *given != number);
        self.unmark(number)
    }

    fn unmark(&mut self, number: Number) -> Fallible<()> {
        let watch = self.watches.remove(&number).ok_or(Errno::EINVAL)?;
        self.by_inode.remove(&watch.inode);
        if self.kind == NotifierKind::Inotify {
            self.push(RawRecord { number, mask: Mask::IN_IGNORED, inode: None, name: None, target: None });
        }
        Ok(())
    }

    /// Takes out as many events as fit into so many bytes.
    pub fn read(&mut self, bytes: usize) -> Vec<RawRecord> {
        let mut left = bytes;
        let mut read = Vec::new();
        while let Some(event) = self.queue.front()
            && let Some(rest) = left.checked_sub(size(event))
        {
            left = rest;
            self.is_overflow_told &= !event.mask.contains(Mask::IN_Q_OVERFLOW);
            read.extend(self.queue.pop_front());
        }
        // Whoever has a mark on the inode by now is told.
        read.retain_mut(|event| {
            let given = event.inode.map(|inode| self.given.get(&inode));
            given.is_none_or(|given| {
                given.is_some_and(|number| {
                    event.number = *number;
                    true
                })
            })
        });
        read
    }

    /// Takes the word of the tree that something happened to an inode, or to the entry `name` of a directory, under which `target` stands.
    pub(super) fn handle(&mut self, inode: InodeId, mask: Mask, name: Option<&Name>, target: InodeId) {
        let Some(number) = self.by_inode.get(&inode).copied() else { return };
        let wanted =
            self.watches.get(&number).is_some_and(|watch| watch.mask.intersects(mask - Mask::IN_ISDIR));
        if wanted {
            let target = name.is_some().then_some(target).filter(|_| self.kind == NotifierKind::Fanotify);
            let inode = (self.kind == NotifierKind::Fanotify).then_some(inode);
            self.push(RawRecord { number, mask, inode, name: name.cloned(), target });
        }
    }

    /// Takes the word of the tree that an inode is no more.
    pub(super) fn handle_removed(&mut self, inode: InodeId) {
        self.handle(inode, Mask::IN_DELETE_SELF, None, inode);
        self.end(inode);
    }

    /// Takes the word of the tree that an inode's file system is no more. This is told unasked.
    pub(super) fn handle_unmounted(&mut self, inode: InodeId) {
        if let Some(number) = self.by_inode.get(&inode).copied() {
            match self.kind {
                NotifierKind::Inotify => {
                    let mask = Mask::IN_UNMOUNT;
                    self.push(RawRecord { number, mask, inode: None, name: None, target: None });
                }
                NotifierKind::Fanotify => self.unmounted.push(number),
            }
            self.end(inode);
        }
    }

    fn end(&mut self, inode: InodeId) {
        if let Some(number) = self.by_inode.get(&inode).copied() {
            self.unmark(number).expect("because both maps hold the same watches");
        }
    }

    fn push(&mut self, event: RawRecord) {
        if self.kind == NotifierKind::Fanotify
            && let Some(before) = self.queue.iter_mut().find(|before| before.is_about(&event))
        {
            before.mask |= event.mask;
        } else if self.queue.len() >= self.queue_max {
            if !self.is_overflow_told {
                self.is_overflow_told = true;
                let mask = Mask::IN_Q_OVERFLOW;
                self.queue.push_back(RawRecord { number: -1, mask, inode: None, name: None, target: None });
            }
        } else if self.queue.back() != Some(&event) || event.mask.contains(Mask::IN_IGNORED) {
            self.queue.push_back(event);
        }
    }

    /// Whether a watch is held on this.
    pub fn is_watched(&self, inode: InodeId) -> bool {
        self.by_inode.contains_key(&inode)
    }

    /// Asks to be told of this, besides what was asked for before if that `adds`.
    ///
    /// # Errors
    /// There are as many watches as there may be.
    pub fn watch(&mut self, inode: InodeId, mask: Mask, adds: bool) -> Fallible<Number> {
        if let Some(number) = self.by_inode.get(&inode).copied() {
            let watch = self.watches.get_mut(&number).ok_or(Errno::EINVAL)?;
            watch.mask = if adds { watch.mask | mask } else { mask };
            return Ok(number);
        }
        if self.watches.len() >= self.watches_max {
            return Err(Errno::ENOSPC);
        }
        let number = self.given.get(&inode).copied().unwrap_or_else(|| {
            self.last += 1;
            self.last
        });
        if self.kind == NotifierKind::Fanotify {
            self.given.insert(inode, number);
        }
        self.watches.insert(number, Watch { inode, mask });
        self.by_inode.insert(inode, number);
        Ok(number)
    }
}

impl RawRecord {
    /// Whether another is about the same. One about a directory is never about something else.
    fn is_about(&self, other: &RawRecord) -> bool {
        // The kernel names a directory whose attributes change, and not where it stands.
        let is_own = |mask: Mask| mask.contains(Mask::IN_ISDIR | Mask::IN_ATTRIB);
        let place = |record: &RawRecord| {
            let mask = record.mask;
            (record.inode, record.target, mask.contains(Mask::IN_ISDIR), is_own(mask))
        };
        place(self) == place(other) && self.name == other.name
    }
}

/// How many bytes an event takes: its name ends with a zero and fills up a multiple of the header.
fn size(event: &RawRecord) -> usize {
    let name = event.name.as_ref().map_or(0, |name| (name.len() + 1).next_multiple_of(HEADER_BYTES));
    HEADER_BYTES + name
}
