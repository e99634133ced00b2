//! Which kernel watches are held, and for whom.
//!
//! The kernel keeps one watch for an inode, whatever paths lead to it, so several armings may share one; a bind mount
//! is enough. What the watch then tells is left to the backend to sort.
//! Invariants: each arming has exactly one kernel watch and each kernel watch at least one arming; a kernel watch
//! tells at least what its armings want, without a gap while others come and go.

use std::slice;
use std::sync::Arc;

use gamin_engine::{ArmingId, IdMap, Level, Notice, Refusal, TreePath};
use smallvec::SmallVec;
use tracing::debug;

use crate::kernel::{Extent, Kernel, Number};
use crate::mounts::Mounts;
use crate::way::{Way, way};

/// One use of a kernel watch.
#[derive(Debug, Clone)]
pub(crate) struct Arming {
    pub(crate) id: ArmingId,
    pub(crate) level: Level,
    pub(crate) directory: TreePath,
}

/// What one kernel watch is used for: mostly once, for which little room is taken.
#[derive(Debug)]
#[allow(clippy::box_collection, reason = "more than one is rare, and would take the room of a word in each")]
enum KernelWatch {
    One(Arming),
    Many(Box<Vec<Arming>>),
}

impl KernelWatch {
    /// `None` without armings.
    fn new(armings: SmallVec<[Arming; 1]>) -> Option<KernelWatch> {
        match armings.len() {
            0 | 1 => armings.into_iter().next().map(KernelWatch::One),
            _ => Some(KernelWatch::Many(Box::new(armings.into_vec()))),
        }
    }

    fn armings(&self) -> &[Arming] {
        match self {
            KernelWatch::One(arming) => slice::from_ref(arming),
            KernelWatch::Many(armings) => armings,
        }
    }
}

/// The kernel watches of one source of notices.
#[derive(Debug)]
pub(crate) struct Armings {
    mounts: Arc<Mounts>,
    watches: IdMap<Number, KernelWatch>,
    numbers: IdMap<ArmingId, Number>,
}

impl Armings {
    pub(crate) fn new() -> Armings {
        Armings { mounts: Arc::default(), watches: IdMap::default(), numbers: IdMap::default() }
    }

    /// Takes what is mounted by now.
    pub(crate) fn set_mounts(&mut self, mounts: Arc<Mounts>) {
        self.mounts = mounts;
    }

    /// What is mounted.
    pub(crate) fn mounts(&self) -> &Mounts {
        &self.mounts
    }

    /// How many kernel watches are held.
    pub(crate) fn watches(&self) -> usize {
        self.watches.len()
    }

    /// How many armings there are.
    pub(crate) fn count(&self) -> usize {
        self.numbers.len()
    }

    /// The armings that share a kernel watch; none if it has ended.
    pub(crate) fn sharing(&self, number: Number) -> &[Arming] {
        self.watches.get(&number).map_or(&[], KernelWatch::armings)
    }

    /// What they want to be told, in one.
    fn level(&self, number: Number) -> Option<Level> {
        self.sharing(number).iter().map(|arming| arming.level).max()
    }

    /// Puts an arming, or none, in the place of the one with this id.
    fn replace(&mut self, number: Number, id: ArmingId, arming: Option<Arming>) {
        let others = self.sharing(number).iter().filter(|other| other.id != id).cloned();
        match KernelWatch::new(others.chain(arming).collect()) {
            Some(watch) => self.watches.insert(number, watch),
            None => self.watches.remove(&number),
        };
    }

    /// The directory of an arming.
    pub(crate) fn directory(&self, id: ArmingId) -> Option<&TreePath> {
        let number = self.numbers.get(&id)?;
        self.sharing(*number).iter().find(|arming| arming.id == id).map(|arming| &arming.directory)
    }

    /// Arms a directory. What is refused now is given back; so is what was held under the same id, if another directory has come to
    /// this path since: what the first had still to tell is lost with it, so that counts as refused as well.
    pub(crate) fn arm<K: Kernel>(
        &mut self,
        kernel: &mut K,
        id: ArmingId,
        directory: &TreePath,
        level: Level,
    ) -> Result<(), Refusal> {
        let added = self.ask(kernel, directory, level, Extent::AtLeast);
        let added = added.inspect_err(|refusal| debug!(?id, ?directory, ?refusal, "no kernel watch"));
        let before = self.numbers.get(&id).copied();
        if added.ok() != before {
            self.disarm(kernel, id);
        }
        let number = added?;
        if before.is_some_and(|before| before != number) {
            if !self.watches.contains_key(&number) {
                kernel.unwatch(number);
            }
            return Err(Refusal::Missing);
        }
        let arming = Arming { id, level, directory: directory.clone() };
        let told = self.level(number).max(Some(level));
        self.replace(number, id, Some(arming));
        self.numbers.insert(id, number);
        self.lower(kernel, number, told);
        Ok(())
    }

    /// Gives an arming back; one that has ended, or never was, is not missed.
    pub(crate) fn disarm<K: Kernel>(&mut self, kernel: &mut K, id: ArmingId) {
        let Some(number) = self.numbers.remove(&id) else { return };
        let told = self.level(number);
        self.replace(number, id, None);
        if self.watches.contains_key(&number) {
            self.lower(kernel, number, told);
        } else {
            kernel.unwatch(number);
        }
    }

    /// Gives a kernel watch back, and tells whose it was.
    pub(crate) fn end<K: Kernel>(&mut self, kernel: &mut K, number: Number) -> SmallVec<[Arming; 1]> {
        let Some(watch) = self.watches.remove(&number) else { return SmallVec::new() };
        kernel.unwatch(number);
        for arming in watch.armings() {
            self.numbers.remove(&arming.id);
        }
        watch.armings().iter().cloned().collect()
    }

    /// Gives back the armings whose directory is not at its path any more, or may not be, and says so of each.
    ///
    /// After an overflow nothing else would tell: the notice may be lost, and a directory made anew at that path may
    /// have been given the inode number of the old one.
    pub(crate) fn end_stale<K: Kernel>(&mut self, kernel: &mut K) -> Vec<Notice> {
        let of_watch = |number| self.sharing(number).iter().map(move |arming| (number, arming.clone()));
        let held: Vec<_> = self.watches.keys().flat_map(of_watch).collect();
        let end = |(number, arming): (Number, Arming)| self.end_unless_there(kernel, number, &arming, false);
        let mut stale: Vec<_> = held.into_iter().filter_map(end).collect();
        stale.sort_unstable_by_key(|(id, _)| *id);
        stale.into_iter().map(|(_, notice)| notice).collect()
    }

    /// Gives back those armings of a kernel watch whose path does not lead to its directory, or may not, and says so of each.
    ///
    /// The kernel tells of a move when it is done: by then the directory may have been armed where it arrived.
    pub(crate) fn end_moved<K: Kernel>(
        &mut self,
        kernel: &mut K,
        number: Number,
        has_moved: bool,
    ) -> Vec<Notice> {
        let sharing = self.sharing(number).to_vec();
        let end = |arming| self.end_unless_there(kernel, number, arming, has_moved);
        sharing.iter().filter_map(end).map(|(_, notice)| notice).collect()
    }

    /// Gives back an arming whose path does not lead to the directory of its kernel watch, and says so. Where permission is
    /// lacking to see what a path leads to, it counts as moved if the kernel said so; if not, nobody knows.
    fn end_unless_there<K: Kernel>(
        &mut self,
        kernel: &mut K,
        number: Number,
        arming: &Arming,
        has_moved: bool,
    ) -> Option<(ArmingId, Notice)> {
        let watch = arming.id;
        let notice = match self.check(kernel, number, arming) {
            Ok(()) => return None,
            Err(why @ Refusal::Denied) if !has_moved => Notice::Refused { watch, why },
            Err(_) => Notice::Gone { watch },
        };
        self.disarm(kernel, watch);
        Some((watch, notice))
    }

    /// Makes sure that the path of an arming leads to the directory of its kernel watch.
    fn check<K: Kernel>(
        &self,
        kernel: &mut K,
        number: Number,
        Arming { level, directory, .. }: &Arming,
    ) -> Result<(), Refusal> {
        let found = self.ask(kernel, directory, *level, Extent::AtLeast)?;
        if found == number {
            return Ok(());
        }
        if !self.watches.contains_key(&found) {
            kernel.unwatch(found);
        }
        Err(Refusal::Missing)
    }

    /// Asks the kernel to tell no more than is wanted, if it tells something else.
    fn lower<K: Kernel>(&mut self, kernel: &mut K, number: Number, told: Option<Level>) {
        let Some(wanted) = self.level(number).filter(|wanted| Some(*wanted) != told) else { return };
        let Some(Arming { directory, .. }) = self.sharing(number).first() else { return };
        match self.ask(kernel, directory, wanted, Extent::Exactly) {
            Ok(same) if same == number => {}
            // Another directory has come to this path, and may have lost what others want to be told. When its
            // watch ends without their doing, they learn that they have to begin anew.
            Ok(stranger) => kernel.unwatch(stranger),
            // It tells more than is wanted, which is no harm.
            Err(refusal) => debug!(number, ?refusal, "a kernel watch could not be lowered"),
        }
    }

    /// Asks for a watch, unless the way to its directory is over a remote mount, or may be: the kernel walks it too.
    fn ask<K: Kernel>(
        &self,
        kernel: &mut K,
        directory: &TreePath,
        level: Level,
        extent: Extent,
    ) -> Result<Number, Refusal> {
        let way = way(&mut kernel.files(), &self.mounts, directory);
        match way {
            Way::Near => kernel.watch(directory, level, extent),
            Way::Remote => Err(Refusal::Remote),
            Way::Linked => Err(Refusal::Missing),
        }
    }
}
