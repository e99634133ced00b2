//! The backend of the simulated world: as `gamin-backend`, with a [`Tree`] in the place of the kernel.
//!
//! What the kernel tells is left to `inotify`, when to read it to `host`. Invariant: for the same operations it gives
//! the same notices as the real backend, which `tests/sim_kernel.rs` proves by playing both.

use std::collections::BTreeMap;

use gamin_server::engine::{
    Change, EntryNotice, KernelWatchId, Level, Name, Notice, Refusal, Seen, TreePath, merge_changes,
};
use nix::errno::Errno;
use nix::sys::inotify::AddWatchFlags as Mask;

use super::inotify::{Event, Inotify, Number};
use super::tree::{Caller, Tree};

/// How many bytes of events are read at once, as the real backend.
const BUFFER_BYTES: usize = 64 * 1024;

/// One use of a kernel watch.
#[derive(Debug, Clone)]
struct Arming {
    id: KernelWatchId,
    level: Level,
    directory: TreePath,
}

/// One kernel watch, asked to tell at least what its armings want.
#[derive(Debug)]
struct KernelWatch {
    level: Level,
    armings: Vec<Arming>,
}

/// The kernel watches of one server.
#[derive(Debug)]
pub struct Kernel {
    caller: Caller,
    watches: BTreeMap<Number, KernelWatch>,
    numbers: BTreeMap<KernelWatchId, Number>,
}

impl Kernel {
    /// Asks for an inotify instance, in the place of any there was.
    pub fn new(tree: &mut Tree, caller: Caller) -> Kernel {
        tree.inotify = Some(Inotify::new());
        Kernel { caller, watches: BTreeMap::new(), numbers: BTreeMap::new() }
    }

    /// How many kernel watches are held.
    pub fn count(&self) -> usize {
        self.watches.len()
    }

    /// How many armings there are.
    pub fn armings(&self) -> usize {
        self.numbers.len()
    }

    /// Asks about a directory, or with the same id about more or less of it.
    ///
    /// # Errors
    /// Why it was refused. The id is not armed then, even if it was before.
    pub fn arm(
        &mut self,
        tree: &mut Tree,
        id: KernelWatchId,
        directory: &TreePath,
        level: Level,
    ) -> Result<(), Refusal> {
        let added = tree.add_watch(self.caller, directory, mask(level), true);
        if added.ok() != self.numbers.get(&id).copied() {
            self.disarm(tree, id);
        }
        let number = added.map_err(refusal)?;
        let watch = self.watches.entry(number).or_insert_with(|| KernelWatch { level, armings: Vec::new() });
        watch.level = watch.level.max(level);
        watch.armings.retain(|arming| arming.id != id);
        watch.armings.push(Arming { id, level, directory: directory.clone() });
        self.numbers.insert(id, number);
        self.lower(tree, number);
        Ok(())
    }

    /// Gives an arming back; one that has ended, or never was, is not missed.
    pub fn disarm(&mut self, tree: &mut Tree, id: KernelWatchId) {
        let Some(number) = self.numbers.remove(&id) else { return };
        let Some(watch) = self.watches.get_mut(&number) else { return };
        watch.armings.retain(|arming| arming.id != id);
        if watch.armings.is_empty() {
            self.end(tree, number);
        } else {
            self.lower(tree, number);
        }
    }

    /// Reads once, appends the notices, and tells whether there was anything.
    pub fn read(&mut self, tree: &mut Tree, notices: &mut Vec<Notice>) -> bool {
        let events = tree.inotify.as_mut().map(|inotify| inotify.read(BUFFER_BYTES)).unwrap_or_default();
        if events.is_empty() {
            return false;
        }
        let first = notices.len();
        let mut overflowed = false;
        for Event { number, mask, name } in events {
            if mask.contains(Mask::IN_Q_OVERFLOW) {
                notices.extend((!overflowed).then_some(Notice::Overflow));
                overflowed = true;
            } else if mask.contains(Mask::IN_MOVE_SELF) {
                let moved = self.end_moved(tree, number, true);
                notices.extend(moved.into_iter().map(|watch| Notice::Gone { watch }));
            } else if mask.intersects(GONE) {
                let ended = self.end(tree, number);
                notices.extend(ended.into_iter().map(|arming| Notice::Gone { watch: arming.id }));
            } else if let Some(name) = name {
                self.add_entry(notices, number, &name, mask);
            } else if mask.contains(Mask::IN_ATTRIB) {
                let moved = self.end_moved(tree, number, false);
                notices.extend(moved.into_iter().map(|watch| Notice::Gone { watch }));
                let armings = self.sharing(number).iter();
                notices.extend(armings.map(|arming| Notice::Attributes { watch: arming.id }));
            }
        }
        self.look_at_entries(tree, &mut notices[first..]);
        merge_changes(notices, first);
        if overflowed {
            let stale = self.end_stale(tree);
            notices.extend(stale.into_iter().map(|watch| Notice::Gone { watch }));
        }
        true
    }

    /// The armings that share a kernel watch.
    fn sharing(&self, number: Number) -> &[Arming] {
        self.watches.get(&number).map_or(&[], |watch| &watch.armings)
    }

    fn directory(&self, id: KernelWatchId) -> Option<&TreePath> {
        let number = self.numbers.get(&id)?;
        self.sharing(*number).iter().find(|arming| arming.id == id).map(|arming| &arming.directory)
    }

    fn add_entry(&self, notices: &mut Vec<Notice>, number: Number, name: &Name, mask: Mask) {
        let Some((_, change)) = CHANGES.into_iter().find(|(bit, _)| mask.contains(*bit)) else { return };
        let is_removed_directory = change == Change::Deleted && mask.contains(Mask::IN_ISDIR);
        let wants = |arming: &&Arming| match arming.level {
            Level::Entries => true,
            Level::Removals => is_removed_directory,
            Level::Itself => false,
        };
        for Arming { id, .. } in self.sharing(number).iter().filter(wants) {
            let entry = EntryNotice { change, seen: Seen::Nothing, is_last: false };
            notices.push(Notice::Entry { watch: *id, name: name.clone(), entry });
        }
    }

    /// Looks at each entry once, for all notices about it.
    fn look_at_entries(&self, tree: &Tree, notices: &mut [Notice]) {
        let mut sights: BTreeMap<(KernelWatchId, Name), Seen> = BTreeMap::new();
        for notice in notices.iter_mut().rev() {
            let Notice::Entry { watch, name, entry } = notice else { continue };
            entry.seen = *sights.entry((*watch, name.clone())).or_insert_with(|| {
                entry.is_last = true;
                let Some(directory) = self.directory(*watch) else { return Seen::Nothing };
                let path = [&**directory, b"/", &**name].concat();
                match tree.look_up(self.caller, &path, false) {
                    Ok(entry) => Seen::Present(tree.stamp(entry)),
                    Err(Errno::ENOENT | Errno::ENOTDIR) => Seen::Absent,
                    Err(_) => Seen::Nothing,
                }
            });
        }
    }

    /// Gives a kernel watch back, and tells whose it was.
    fn end(&mut self, tree: &mut Tree, number: Number) -> Vec<Arming> {
        let Some(watch) = self.watches.remove(&number) else { return Vec::new() };
        remove_watch(tree, number);
        for arming in &watch.armings {
            self.numbers.remove(&arming.id);
        }
        watch.armings
    }

    /// Gives back the armings whose directory is not at its path any more, and names them.
    fn end_stale(&mut self, tree: &mut Tree) -> Vec<KernelWatchId> {
        let held: Vec<_> = self
            .watches
            .iter()
            .flat_map(|(number, watch)| watch.armings.iter().map(|arming| (*number, arming.clone())))
            .collect();
        let end = |(number, arming)| self.end_if_moved(tree, number, &arming, false);
        let mut stale: Vec<_> = held.into_iter().filter_map(end).collect();
        stale.sort_unstable();
        stale
    }

    /// Gives back those armings of a kernel watch whose path does not lead to its directory, and names them.
    fn end_moved(&mut self, tree: &mut Tree, number: Number, has_moved: bool) -> Vec<KernelWatchId> {
        let armings = self.sharing(number).to_vec();
        armings.iter().filter_map(|arming| self.end_if_moved(tree, number, arming, has_moved)).collect()
    }

    fn end_if_moved(
        &mut self,
        tree: &mut Tree,
        number: Number,
        arming: &Arming,
        has_moved: bool,
    ) -> Option<KernelWatchId> {
        let Arming { id, level, directory } = arming;
        match tree.add_watch(self.caller, directory, mask(*level), true).map_err(refusal) {
            Ok(same) if same == number => return None,
            Ok(other) if self.watches.contains_key(&other) => {}
            Ok(stranger) => remove_watch(tree, stranger),
            Err(Refusal::Denied) if !has_moved => return None,
            Err(_) => {}
        }
        self.disarm(tree, *id);
        Some(*id)
    }

    /// Asks to be told no more than is wanted.
    fn lower(&mut self, tree: &mut Tree, number: Number) {
        let Some(watch) = self.watches.get_mut(&number) else { return };
        let Some(wanted) = watch.armings.iter().map(|arming| arming.level).max() else { return };
        if wanted == watch.level {
            return;
        }
        match tree.add_watch(self.caller, &watch.armings[0].directory, mask(wanted), false) {
            Ok(same) if same == number => watch.level = wanted,
            // Another directory has come to this path.
            Ok(stranger) => remove_watch(tree, stranger),
            // It tells more than is wanted, which is no harm.
            Err(_) => {}
        }
    }
}

/// A directory is not at its path any more. A watch that the kernel ended for any other reason is gone as well.
const GONE: Mask = Mask::IN_DELETE_SELF.union(Mask::IN_UNMOUNT).union(Mask::IN_IGNORED);

const CHANGES: [(Mask, Change); 7] = [
    (Mask::IN_CREATE, Change::Created),
    (Mask::IN_DELETE, Change::Deleted),
    (Mask::IN_MOVED_FROM, Change::MovedFrom),
    (Mask::IN_MOVED_TO, Change::MovedTo),
    (Mask::IN_MODIFY, Change::Modified),
    (Mask::IN_CLOSE_WRITE, Change::Closed),
    (Mask::IN_ATTRIB, Change::Attributes),
];

fn remove_watch(tree: &mut Tree, number: Number) {
    if let Some(inotify) = &mut tree.inotify {
        // It fails if the kernel has removed the watch already; that event is on its way.
        let _ = inotify.remove(number);
    }
}

fn mask(level: Level) -> Mask {
    let itself = Mask::IN_DELETE_SELF | Mask::IN_MOVE_SELF;
    match level {
        Level::Itself => itself,
        Level::Removals => itself | Mask::IN_DELETE,
        Level::Entries => {
            itself
                | Mask::IN_ATTRIB
                | Mask::IN_CREATE
                | Mask::IN_DELETE
                | Mask::IN_MOVED_FROM
                | Mask::IN_MOVED_TO
                | Mask::IN_MODIFY
                | Mask::IN_CLOSE_WRITE
        }
    }
}

fn refusal(errno: Errno) -> Refusal {
    match errno {
        Errno::ENOSPC => Refusal::Limit,
        Errno::EACCES => Refusal::Denied,
        Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP | Errno::ENAMETOOLONG => Refusal::Missing,
        _ => Refusal::Failed,
    }
}
