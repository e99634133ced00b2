//! Watches: asking to be told of a directory.
//!
//! What is told is left to the [`Notifier`](crate::sim::notifier::Notifier). Invariant: a watch is on an inode, whatever it is called.

use gamin_core::engine::FileType;
use nix::errno::Errno;
use nix::sys::inotify::AddWatchFlags as Mask;

use super::Tree;
use super::node::{Caller, Fallible, InodeId};
use crate::sim::notifier::Number;

impl Tree {
    /// Whether a watch is held on what a path leads to, no link at its end followed.
    pub fn is_watched(&self, caller: Caller, path: &[u8]) -> bool {
        let is_watched = |inode| self.notifier.as_ref().is_some_and(|notifier| notifier.is_watched(inode));
        self.look_far(caller, path).is_ok_and(|found| is_watched(self.inode_id(found)))
    }

    /// Asks to be told of a directory, which no link at the end of its path leads to, as `inotify_add_watch` with
    /// `IN_ONLYDIR` and `IN_DONT_FOLLOW`; if it `adds` (`IN_MASK_ADD`), besides what was asked for before.
    ///
    /// # Errors
    /// As inotify_add_watch(2); `EBADF` without an instance.
    pub fn add_watch(&mut self, caller: Caller, path: &[u8], mask: Mask, adds: bool) -> Fallible<Number> {
        let inode = self.watchable(caller, path)?;
        self.notifier.as_mut().ok_or(Errno::EBADF)?.watch(inode, path, mask, adds)
    }

    /// Gives a watch back.
    ///
    /// # Errors
    /// As inotify_rm_watch(2).
    pub fn remove_watch(&mut self, caller: Caller, number: Number) -> Fallible<()> {
        let watched = self.notifier.as_ref().and_then(|notifier| notifier.watched(number));
        let is_there = watched.is_some_and(|(path, inode)| self.watchable(caller, path) == Ok(inode));
        self.notifier.as_mut().ok_or(Errno::EBADF)?.remove(number, is_there)
    }

    /// The directory at a path.
    fn watchable(&self, caller: Caller, path: &[u8]) -> Fallible<InodeId> {
        let directory = self.look_far(caller, path)?;
        if self.file_type(directory) != FileType::Directory {
            return Err(Errno::ENOTDIR);
        }
        if !self.may_read(caller, directory) {
            return Err(Errno::EACCES);
        }
        Ok(self.inode_id(directory))
    }
}
