//! The kernel's side of inotify(7) and fanotify(7): watches on inodes, and the queue of events.
//!
//! When something happens the tree calls it; what the events mean is left to `kernel`. fanotify has no numbers: here it has those that
//! `gamin-linux` gives. Invariants: an inode has at most one watch; no number of a watch is used again; what does not fit in the queue is
//! lost, and one event says so.

use std::collections::{BTreeMap, VecDeque};

use gamin_core::engine::Name;
use gamin_linux::fanotify::meaning::Renames;
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
    pub(super) target: Option<InodeId>,
    /// Of which rename inotify tells one half; zero: of none.
    pub cookie: u32,
    /// From where to where something was renamed, as far as either is watched, if fanotify tells of that.
    pub renamed: [Option<Half>; 2],
}

/// One name of what is renamed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Half {
    inode: InodeId,
    /// The watch on its directory.
    pub number: Number,
    /// The entry.
    pub name: Name,
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
    /// By which it was asked for last.
    path: Box<[u8]>,
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
    /// How many renames there were.
    renames: u32,
    /// What whoever reads has made out of fanotify's packets so far.
    pub told_renames: Renames,
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
            renames: 0,
            told_renames: Renames::default(),
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

    /// By which path a watch was asked for, and what is watched.
    pub fn watched(&self, number: Number) -> Option<(&[u8], InodeId)> {
        self.watches.get(&number).map(|watch| (&*watch.path, watch.inode))
    }

    /// Ends a watch. If its path leads there no more, fanotify goes on telling, and nobody knows of whom.
    ///
    /// # Errors
    /// `EINVAL` if there is none of this number.
    pub fn remove(&mut self, number: Number, is_there: bool) -> Fallible<()> {
        self.given.retain(|_, given| *given != number);
        if self.kind == NotifierKind::Inotify || is_there { self.unmark(number) } else { Ok(()) }
    }

    fn unmark(&mut self, number: Number) -> Fallible<()> {
        let watch = self.watches.remove(&number).ok_or(Errno::EINVAL)?;
        self.by_inode.remove(&watch.inode);
        if self.kind == NotifierKind::Inotify {
            self.push(RawRecord::new(number, Mask::IN_IGNORED));
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
        for half in read.iter_mut().flat_map(|event| &mut event.renamed) {
            *half = half.take().and_then(|half| Some(Half { number: *self.given.get(&half.inode)?, ..half }));
        }
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
            let is_half = mask.intersects(Mask::IN_MOVED_FROM | Mask::IN_MOVED_TO);
            let cookie = if is_half && self.kind == NotifierKind::Inotify { self.renames } else { 0 };
            let name = name.cloned();
            self.push(RawRecord { inode, name, target, cookie, ..RawRecord::new(number, mask) });
        }
    }

    /// Takes the word of the tree that `target` is renamed, from one entry of a directory to another: it tells of both halves next.
    pub(super) fn handle_rename(&mut self, halves: [(InodeId, &Name); 2], target: InodeId, mask: Mask) {
        self.renames += 1;
        if self.kind == NotifierKind::Inotify {
            return;
        }
        let renamed = halves.map(|(inode, name)| {
            let number = *self.by_inode.get(&inode)?;
            let is_asked = self.watches.get(&number).is_some_and(|watch| watch.mask.contains(Mask::IN_MOVE));
            is_asked.then(|| Half { inode, number, name: name.clone() })
        });
        if renamed.iter().any(Option::is_some) {
            self.push(RawRecord { target: Some(target), renamed, ..RawRecord::new(-1, mask) });
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
                    self.push(RawRecord::new(number, Mask::IN_UNMOUNT));
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
                self.queue.push_back(RawRecord::new(-1, Mask::IN_Q_OVERFLOW));
            }
        } else if event.mask.contains(Mask::IN_IGNORED)
            || self.queue.back().is_none_or(|before| !before.is_the_same(&event))
        {
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
    pub fn watch(&mut self, inode: InodeId, path: &[u8], mask: Mask, adds: bool) -> Fallible<Number> {
        let held = self.by_inode.get(&inode).copied();
        if held.is_none() && self.watches.len() >= self.watches_max {
            return Err(Errno::ENOSPC);
        }
        let given = self.given.get(&inode).copied();
        let known = if self.kind == NotifierKind::Fanotify { given } else { held };
        let number = known.unwrap_or_else(|| {
            self.last += 1;
            self.last
        });
        if self.kind == NotifierKind::Fanotify {
            self.given.insert(inode, number);
        }
        // Of what is left of a mark that was given back nobody knows, so none of it is taken off.
        let held = held.and_then(|held| self.watches.remove(&held)).filter(|_| adds || known.is_none());
        let mask = held.map_or(mask, |held| held.mask | mask);
        self.watches.insert(number, Watch { inode, path: path.into(), mask });
        self.by_inode.insert(inode, number);
        Ok(number)
    }
}

impl RawRecord {
    /// One that says no more than this.
    fn new(number: Number, mask: Mask) -> RawRecord {
        RawRecord { number, mask, inode: None, name: None, target: None, cookie: 0, renamed: [None, None] }
    }

    /// Whether it is not put behind another of inotify's, which does not look at the cookie.
    fn is_the_same(&self, other: &RawRecord) -> bool {
        (self.number, self.mask, &self.name) == (other.number, other.mask, &other.name)
    }

    /// Whether another is about the same. One about a directory is never about something else.
    fn is_about(&self, other: &RawRecord) -> bool {
        // The kernel names a directory whose attributes change, and not where it stands.
        let is_own = |mask: Mask| mask.contains(Mask::IN_ISDIR | Mask::IN_ATTRIB);
        let place = |record: &RawRecord| {
            let mask = record.mask;
            (record.inode, record.target, mask.contains(Mask::IN_ISDIR), is_own(mask))
        };
        let halves =
            |record: &RawRecord| record.renamed.clone().map(|half| half.map(|half| (half.inode, half.name)));
        place(self) == place(other) && self.name == other.name && halves(self) == halves(other)
    }
}

/// How many bytes an event takes: its name ends with a zero and fills up a multiple of the header.
fn size(event: &RawRecord) -> usize {
    let name = event.name.as_ref().map_or(0, |name| (name.len() + 1).next_multiple_of(HEADER_BYTES));
    HEADER_BYTES + name
}
