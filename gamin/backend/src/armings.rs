//! Which kernel watches are held, and for whom.
//!
//! The kernel keeps one watch for an inode, whatever paths lead to it, so several armings may share one; a bind mount
//! is enough. What the watch then tells is left to the backend to sort.
//! Invariants: each arming has exactly one kernel watch and each kernel watch at least one arming; a kernel watch
//! tells at least what its armings want, without a gap while others come and go.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use gamin_engine::{KernelWatchId, Level, Refusal, TreePath};
use inotify::{WatchDescriptor, WatchMask, Watches};
use nix::errno::Errno;
use tracing::{debug, trace};

use crate::look::is_missing;
use crate::mounts::Mounts;

/// One use of a kernel watch.
#[derive(Clone)]
pub(crate) struct Arming {
    pub(crate) id: KernelWatchId,
    pub(crate) level: Level,
    pub(crate) directory: TreePath,
}

/// One kernel watch.
struct KernelWatch {
    descriptor: WatchDescriptor,
    /// What the kernel was asked to tell, at least what the armings want.
    level: Level,
    armings: Vec<Arming>,
}

/// The number by which the kernel names a watch in its events.
pub(crate) type Number = i32;

/// Whom to ask, and what is not to be asked about.
struct Kernel {
    watches: Watches,
    mounts: Arc<Mounts>,
}

impl Kernel {
    /// Asks for a watch, unless the way to its directory is over a remote mount: the kernel walks it too.
    fn ask(&mut self, directory: &TreePath, mask: WatchMask) -> Result<WatchDescriptor, Refusal> {
        if self.mounts.first_remote(directory).is_some() {
            return Err(Refusal::Remote);
        }
        let path = Path::new(OsStr::from_bytes(directory));
        self.watches.add(path, mask).map_err(|error| refusal(&error))
    }
}

/// The kernel watches of one inotify instance.
pub(crate) struct Armings {
    kernel: Kernel,
    watches: HashMap<Number, KernelWatch>,
    numbers: HashMap<KernelWatchId, Number>,
}

impl Armings {
    pub(crate) fn new(kernel: Watches) -> Armings {
        let kernel = Kernel { watches: kernel, mounts: Arc::default() };
        Armings { kernel, watches: HashMap::new(), numbers: HashMap::new() }
    }

    /// Takes what is mounted by now.
    pub(crate) fn set_mounts(&mut self, mounts: Arc<Mounts>) {
        self.kernel.mounts = mounts;
    }

    /// What is mounted.
    pub(crate) fn mounts(&self) -> &Mounts {
        &self.kernel.mounts
    }

    /// How many kernel watches are held.
    pub(crate) fn count(&self) -> usize {
        self.watches.len()
    }

    /// The armings that share a kernel watch; none if it has ended.
    pub(crate) fn sharing(&self, number: Number) -> &[Arming] {
        self.watches.get(&number).map_or(&[], |watch| &watch.armings)
    }

    /// The directory of an arming.
    pub(crate) fn directory(&self, id: KernelWatchId) -> Option<&TreePath> {
        let number = self.numbers.get(&id)?;
        self.sharing(*number).iter().find(|arming| arming.id == id).map(|arming| &arming.directory)
    }

    /// Arms a directory. What was held under the same id elsewhere, or is refused now, is given back.
    pub(crate) fn arm(
        &mut self,
        id: KernelWatchId,
        directory: &TreePath,
        level: Level,
    ) -> Result<(), Refusal> {
        let added = self.kernel.ask(directory, mask(level) | WatchMask::MASK_ADD);
        let added = added.inspect_err(|refusal| debug!(?id, ?directory, ?refusal, "no kernel watch"));
        let number = added.as_ref().map(WatchDescriptor::get_watch_descriptor_id).ok();
        if number != self.numbers.get(&id).copied() {
            self.disarm(id);
        }
        let descriptor = added?;
        let number = descriptor.get_watch_descriptor_id();
        let watch = self.watches.entry(number).or_insert_with(|| KernelWatch {
            descriptor,
            level,
            armings: Vec::new(),
        });
        watch.level = watch.level.max(level);
        watch.armings.retain(|arming| arming.id != id);
        watch.armings.push(Arming { id, level, directory: directory.clone() });
        self.numbers.insert(id, number);
        self.lower(number);
        Ok(())
    }

    /// Gives an arming back; one that has ended, or never was, is not missed.
    pub(crate) fn disarm(&mut self, id: KernelWatchId) {
        let Some(number) = self.numbers.remove(&id) else { return };
        let Some(watch) = self.watches.get_mut(&number) else { return };
        watch.armings.retain(|arming| arming.id != id);
        if watch.armings.is_empty() {
            self.end(number);
        } else {
            self.lower(number);
        }
    }

    /// Gives a kernel watch back, and tells whose it was.
    pub(crate) fn end(&mut self, number: Number) -> Vec<Arming> {
        let Some(watch) = self.watches.remove(&number) else { return Vec::new() };
        self.remove(watch.descriptor);
        for arming in &watch.armings {
            self.numbers.remove(&arming.id);
        }
        watch.armings
    }

    /// Gives back the armings whose directory is not at its path any more, and names them.
    ///
    /// After an overflow nothing else would tell: the notice may be lost, and a directory made anew at that path may
    /// have been given the inode number of the old one.
    pub(crate) fn end_stale(&mut self) -> Vec<KernelWatchId> {
        let held: Vec<_> = self
            .watches
            .iter()
            .flat_map(|(number, watch)| watch.armings.iter().map(|arming| (*number, arming.clone())))
            .collect();
        let mut stale: Vec<_> = held
            .into_iter()
            .filter_map(|(number, arming)| self.end_if_moved(number, &arming, false))
            .collect();
        stale.sort_unstable();
        stale
    }

    /// Gives back those armings of a kernel watch whose path does not lead to its directory, and names them.
    ///
    /// The kernel tells of a move when it is done: by then the directory may have been armed where it arrived. Where permission is
    /// lacking to see what a path leads to, it counts as moved if the kernel said so.
    pub(crate) fn end_moved(&mut self, number: Number, has_moved: bool) -> Vec<KernelWatchId> {
        let armings = self.sharing(number).to_vec();
        armings.iter().filter_map(|arming| self.end_if_moved(number, arming, has_moved)).collect()
    }

    fn end_if_moved(&mut self, number: Number, arming: &Arming, has_moved: bool) -> Option<KernelWatchId> {
        let Arming { id, level, directory } = arming;
        match self.kernel.ask(directory, mask(*level) | WatchMask::MASK_ADD) {
            Ok(same) if same.get_watch_descriptor_id() == number => return None,
            Ok(other) if self.watches.contains_key(&other.get_watch_descriptor_id()) => {}
            Ok(stranger) => self.remove(stranger),
            // Only its permissions have changed; the watch goes on telling.
            Err(Refusal::Denied) if !has_moved => return None,
            Err(_) => {}
        }
        self.disarm(*id);
        Some(*id)
    }

    /// Asks the kernel to tell no more than is wanted.
    fn lower(&mut self, number: Number) {
        let Some(watch) = self.watches.get_mut(&number) else { return };
        let Some(wanted) = watch.armings.iter().map(|arming| arming.level).max() else { return };
        if wanted == watch.level {
            return;
        }
        match self.kernel.ask(&watch.armings[0].directory, mask(wanted)) {
            Ok(same) if same.get_watch_descriptor_id() == number => watch.level = wanted,
            // Another directory has come to this path, and may have lost what others want to be told. When its
            // watch ends without their doing, they learn that they have to begin anew.
            Ok(stranger) => self.remove(stranger),
            // It tells more than is wanted, which is no harm.
            Err(refusal) => debug!(number, ?refusal, "a kernel watch could not be lowered"),
        }
    }

    fn remove(&mut self, descriptor: WatchDescriptor) {
        // It fails if the kernel has removed the watch already; that notice is on its way.
        if let Err(error) = self.kernel.watches.remove(descriptor) {
            trace!(%error, "a kernel watch had ended");
        }
    }
}

fn mask(level: Level) -> WatchMask {
    let itself = WatchMask::DELETE_SELF | WatchMask::MOVE_SELF | WatchMask::ONLYDIR | WatchMask::DONT_FOLLOW;
    match level {
        Level::Itself => itself,
        Level::Removals => itself | WatchMask::DELETE,
        Level::Entries => {
            itself
                | WatchMask::ATTRIB
                | WatchMask::CREATE
                | WatchMask::DELETE
                | WatchMask::MOVED_FROM
                | WatchMask::MOVED_TO
                | WatchMask::MODIFY
                | WatchMask::CLOSE_WRITE
                | WatchMask::EXCL_UNLINK
        }
    }
}

fn refusal(error: &io::Error) -> Refusal {
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::ENOSPC) => Refusal::Limit,
        Some(Errno::EACCES) => Refusal::Denied,
        Some(errno) if is_missing(errno) => Refusal::Missing,
        _ => Refusal::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_is_refused_by_its_name() {
        let refused = |errno: Errno| refusal(&errno.into());
        assert_eq!(refused(Errno::ENOSPC), Refusal::Limit);
        assert_eq!(refused(Errno::EACCES), Refusal::Denied);
        for errno in [Errno::ENOENT, Errno::ENOTDIR, Errno::ELOOP, Errno::ENAMETOOLONG] {
            assert_eq!(refused(errno), Refusal::Missing);
        }
        for errno in [Errno::ENOMEM, Errno::EPERM, Errno::EIO] {
            assert_eq!(refused(errno), Refusal::Failed);
        }
        assert_eq!(refusal(&io::ErrorKind::InvalidInput.into()), Refusal::Failed, "a NUL in the path");
    }

    #[test]
    fn reading_and_opening_are_never_asked_for() {
        let noise = WatchMask::ACCESS | WatchMask::OPEN | WatchMask::CLOSE_NOWRITE;
        assert!(!mask(Level::Itself).intersects(noise) && !mask(Level::Entries).intersects(noise));
        assert!(mask(Level::Removals).contains(mask(Level::Itself)), "raising a level loses nothing");
        assert!(mask(Level::Entries).contains(mask(Level::Removals)), "raising a level loses nothing");
    }
}
