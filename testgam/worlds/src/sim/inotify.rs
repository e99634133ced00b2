//! The kernel's side of inotify(7): watches on inodes, and the queue of events.
//!
//! When something happens the tree calls it; what the events mean is left to `kernel`. Invariants: an inode has at most
//! one watch; no number of a watch is used again; what does not fit in the queue is lost, and one event says so.

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
    /// The entry it happened to.
    pub name: Option<Name>,
}

#[derive(Debug)]
struct Watch {
    inode: InodeId,
    mask: Mask,
}

/// An inotify instance.
#[derive(Debug)]
pub struct Inotify {
    watches: BTreeMap<Number, Watch>,
    by_inode: BTreeMap<InodeId, Number>,
    queue: VecDeque<RawRecord>,
    /// An overflow waits in the queue, so no other is put there.
    is_overflow_told: bool,
    last: Number,
    /// How many watches the user may have.
    pub watches_max: usize,
    /// How many events wait at most.
    pub queue_max: usize,
}

impl Inotify {
    /// An instance with the usual limits.
    pub fn new() -> Inotify {
        Inotify {
            watches: BTreeMap::new(),
            by_inode: BTreeMap::new(),
            queue: VecDeque::new(),
            is_overflow_told: false,
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
        self.queue.is_empty()
    }

    /// Ends a watch.
    ///
    /// # Errors
    /// `EINVAL` if there is none of this number.
    pub fn remove(&mut self, number: Number) -> Fallible<()> {
        let watch = self.watches.remove(&number).ok_or(Errno::EINVAL)?;
        self.by_inode.remove(&watch.inode);
        self.push(RawRecord { number, mask: Mask::IN_IGNORED, name: None });
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
        read
    }

    /// Takes the word of the tree that something happened to an inode, or to the entry `name` of a directory.
    pub(super) fn handle(&mut self, inode: InodeId, mask: Mask, name: Option<&Name>) {
        let Some(number) = self.by_inode.get(&inode).copied() else { return };
        let wanted =
            self.watches.get(&number).is_some_and(|watch| watch.mask.intersects(mask - Mask::IN_ISDIR));
        if wanted {
            self.push(RawRecord { number, mask, name: name.cloned() });
        }
    }

    /// Takes the word of the tree that an inode is no more.
    pub(super) fn handle_removed(&mut self, inode: InodeId) {
        self.handle(inode, Mask::IN_DELETE_SELF, None);
        self.end(inode);
    }

    /// Takes the word of the tree that an inode's file system is no more. This is told unasked.
    pub(super) fn handle_unmounted(&mut self, inode: InodeId) {
        if let Some(number) = self.by_inode.get(&inode).copied() {
            self.push(RawRecord { number, mask: Mask::IN_UNMOUNT, name: None });
            self.end(inode);
        }
    }

    fn end(&mut self, inode: InodeId) {
        if let Some(number) = self.by_inode.get(&inode).copied() {
            self.remove(number).expect("because both maps hold the same watches");
        }
    }

    fn push(&mut self, event: RawRecord) {
        if self.queue.len() >= self.queue_max {
            if !self.is_overflow_told {
                self.is_overflow_told = true;
                self.queue.push_back(RawRecord { number: -1, mask: Mask::IN_Q_OVERFLOW, name: None });
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
        self.last += 1;
        let number = self.last;
        self.watches.insert(number, Watch { inode, mask });
        self.by_inode.insert(inode, number);
        Ok(number)
    }
}

impl Default for Inotify {
    fn default() -> Inotify {
        Inotify::new()
    }
}

/// How many bytes an event takes: its name ends with a zero and fills up a multiple of the header.
fn size(event: &RawRecord) -> usize {
    let name = event.name.as_ref().map_or(0, |name| (name.len() + 1).next_multiple_of(HEADER_BYTES));
    HEADER_BYTES + name
}
