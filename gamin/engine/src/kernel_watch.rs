//! The directories that the kernel is asked about, each once however many watches need it.
//!
//! A watch says where its path ends ([`Need`]); the directories on the way there follow from that. So activity of one path costs nothing
//! for those who pass through the same directories, and an ancestor that moves finds whom it concerns below it.
//! What follows from a notice is left to the engine. Invariants: each directory above one that is needed is needed too; a directory is
//! armed at the highest level that anyone needs and given back when nobody needs it; each arming has an id of its own, so what an
//! ended one still has to say is recognised and dropped.

use std::collections::{BTreeSet, VecDeque};

use smallvec::SmallVec;

use crate::arming::{Level, Refusal};
use crate::directory_tree::{DirectoryTree, Node};
use crate::effect::Effect;
use crate::id::{ArmingId, WatchId};
use crate::id_map::IdMap;
use crate::need::{Need, Role};
use crate::path::{Name, TreePath};
use crate::users::{Lister, Users};

/// What the kernel has answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ArmingState {
    /// Nothing yet.
    Asked,
    /// Yes.
    Armed,
    /// No.
    Refused(Refusal),
}

/// What the kernel is asked about a directory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arming {
    id: ArmingId,
    pub level: Level,
    pub state: ArmingState,
    /// How often the kernel had been asked for something new when it was last asked about this; as far as that fits.
    asked: u16,
}

/// One directory that is needed.
#[derive(Debug, Default)]
pub(crate) struct KernelWatch {
    /// `None` once it was at its path no more, until it is asked about again.
    arming: Option<Arming>,
    lister: Lister,
    /// How many users the directories in it have.
    users_in_it: u32,
}

impl KernelWatch {
    fn is_armed(&self) -> bool {
        self.arming.is_some_and(|arming| arming.state == ArmingState::Armed)
    }

    fn standing(&self) -> Standing {
        match self.arming.map(|arming| arming.state) {
            None | Some(ArmingState::Asked) => Standing::Asked,
            Some(ArmingState::Armed) => Standing::Armed,
            Some(ArmingState::Refused(why)) => Standing::Refused(why),
        }
    }
}

/// How the asking for a directory stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The kernel has been asking for it since before this call.
    Armed,
    /// It was asked for in this call, or not long ago: what a scan saw before may be out of date.
    Asked,
    /// The kernel will not.
    Refused(Refusal),
}

impl Standing {
    /// Why the kernel is not asked, if it refused.
    pub(crate) fn refusal(self) -> Option<Refusal> {
        match self {
            Standing::Refused(why) => Some(why),
            Standing::Armed | Standing::Asked => None,
        }
    }
}

/// Watches in the order of their ids, each once; mostly one.
pub(crate) type UserIds = SmallVec<[WatchId; 4]>;

/// All kernel watches.
#[derive(Debug, Default)]
pub(crate) struct KernelWatches {
    tree: DirectoryTree<KernelWatch>,
    users: Users,
    armings: IdMap<ArmingId, Node>,
    last_id: ArmingId,
    /// How often the kernel was asked for something new.
    pub(crate) asked: u64,
}

impl KernelWatches {
    /// Gives back the room of what was released.
    pub(crate) fn give_back(&mut self) {
        self.tree.give_back();
    }

    /// Notes that `watch` needs this, and asks the kernel about each directory on the way, from `/` down, if it has not been
    /// asked for that much.
    pub(crate) fn hold(&mut self, watch: WatchId, need: &Need, effects: &mut VecDeque<Effect>) {
        let node = self.tree.insert(&need.directory);
        let is_new = self.users.insert(node, &mut self.tree[node].lister, need.role.clone(), watch);
        if is_new && let Some(above) = self.tree.above(node) {
            self.tree[above].users_in_it += 1;
        }
        for node in self.tree.way(node) {
            self.ask(node, effects);
        }
    }

    /// The role in which most is needed of a directory itself.
    fn needed_role(&self, node: Node) -> Option<&Role> {
        self.users.last(node, self.tree[node].lister)
    }

    /// How much is needed. Where the last directory on a watch's path is in it, that removals are told: of a removed directory that
    /// somebody holds open the kernel says nothing else.
    fn needed_level(&self, node: Node) -> Level {
        let least = if self.tree[node].users_in_it > 0 { Level::Removals } else { Level::Itself };
        self.needed_role(node).map_or(least, |role| role.level().max(least))
    }

    /// Asks the kernel about a directory, if it has not been asked for as much as is needed.
    fn ask(&mut self, node: Node, effects: &mut VecDeque<Effect>) {
        let level = self.needed_level(node);
        let held = &mut self.tree[node];
        if held.arming.is_some_and(|arming| arming.level >= level) {
            return;
        }
        self.asked += 1;
        let id = held.arming.map_or_else(|| self.armings.next_free(self.last_id), |arming| arming.id);
        if held.arming.is_none() {
            self.last_id = id;
        }
        held.arming = Some(Arming { id, level, state: ArmingState::Asked, asked: low_bits(self.asked) });
        self.armings.insert(id, node);
        effects.push_back(Effect::Arm { id, directory: self.tree.path(node).clone(), level });
    }

    /// How the asking stands for each directory on the way of a need, from its own up to `/`.
    pub(crate) fn standings(&self, need: &Need) -> impl Iterator<Item = Standing> {
        self.tree.upwards(&need.directory).map(|node| self.tree[node].standing())
    }

    /// Asks again for what the kernel refused on the way of a need, from `/` down: all of it, or only what was not there.
    pub(crate) fn retry(&mut self, need: &Need, only_missing: bool, effects: &mut VecDeque<Effect>) {
        let Some(node) = self.tree.find(&need.directory) else { return };
        for node in self.tree.way(node) {
            let Standing::Refused(why) = self.tree[node].standing() else { continue };
            if only_missing && why != Refusal::Missing {
                continue;
            }
            self.asked += 1;
            if let Some(arming) = &mut self.tree[node].arming {
                (arming.state, arming.asked) = (ArmingState::Asked, low_bits(self.asked));
                let Arming { id, level, .. } = *arming;
                effects.push_back(Effect::Arm { id, directory: self.tree.path(node).clone(), level });
            }
        }
    }

    /// Notes that `watch` needs this no more, and gives back what nobody needs.
    pub(crate) fn release(&mut self, watch: WatchId, need: &Need, effects: &mut VecDeque<Effect>) {
        let Some(node) = self.tree.find(&need.directory) else { return };
        if !self.users.remove(node, &mut self.tree[node].lister, need.role.clone(), watch) {
            return;
        }
        let above = self.tree.above(node);
        if let Some(above) = above {
            self.tree[above].users_in_it -= 1;
        }
        // Up to the first that is needed all the same. That one, and the one above it, may be needed for less.
        let mut next = Some(node);
        while let Some(node) = next
            && self.needed_role(node).is_none()
            && !self.tree.has_below(node)
        {
            next = self.tree.above(node);
            if let Some(arming) = self.tree.remove(node).arming {
                self.armings.remove(&arming.id);
                effects.push_back(Effect::Disarm { id: arming.id });
            }
        }
        let above = next.and_then(|needed| self.tree.above(needed));
        for node in next.into_iter().chain(above) {
            self.lower(node, effects);
        }
    }

    /// Asks the kernel for less, if less is needed.
    fn lower(&mut self, node: Node, effects: &mut VecDeque<Effect>) {
        let level = self.needed_level(node);
        let held = &mut self.tree[node];
        if let Some(arming) = held.arming.as_mut().filter(|arming| level < arming.level) {
            arming.level = level;
            if arming.state == ArmingState::Armed {
                let id = arming.id;
                effects.push_back(Effect::Arm { id, directory: self.tree.path(node).clone(), level });
            }
        }
    }

    /// Takes the kernel's answer. Gives the watches that it is about.
    pub(crate) fn answered(&mut self, id: ArmingId, answer: Result<(), Refusal>) -> UserIds {
        let Some(node) = self.armings.get(&id) else { return UserIds::new() };
        if let Some(arming) = &mut self.tree[*node].arming {
            arming.state = answer.map_or_else(ArmingState::Refused, |()| ArmingState::Armed);
        }
        self.users(id)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.armings.len()
    }

    /// All whose ids are behind a number, and how many reasons there are for each, but for those that lead through it.
    pub(crate) fn after(&self, number: u64) -> impl Iterator<Item = (ArmingId, &TreePath, usize, Arming)> {
        self.armings.behind(number).filter_map(|(id, node)| {
            let held = &self.tree[*node];
            Some((id, self.tree.path(*node), self.users.of(*node, held.lister).count(), held.arming?))
        })
    }

    /// Whether a directory on the way of a need is armed, but was not yet so when the kernel had been asked so often.
    pub(crate) fn is_armed_since(&self, need: &Need, asked: u64) -> bool {
        let is_late =
            |arming: Arming| u64::from(low_bits(self.asked).wrapping_sub(arming.asked)) < self.asked - asked;
        let mut armings = self.tree.upwards(&need.directory).filter_map(|node| self.tree[node].arming);
        armings.any(|arming| arming.state == ArmingState::Armed && is_late(arming))
    }

    /// The directory that was armed, while the arming lasts.
    pub(crate) fn directory(&self, id: ArmingId) -> Option<TreePath> {
        self.armings.get(&id).map(|node| self.tree.path(*node).clone())
    }

    /// The watches that an entry notice concerns, in the order in which they are told: those for which `name` is a dependency,
    /// and those that list it all. None while the kernel is being asked for more: it tells what it was asked for before, and
    /// not what followed; they will rescan.
    pub(crate) fn concerned(&self, id: ArmingId, name: &Name) -> SmallVec<[(WatchId, Role); 2]> {
        let mut concerned = SmallVec::new();
        let Some(node) = self.armings.get(&id).filter(|node| self.tree[**node].is_armed()) else {
            return concerned;
        };
        for role in [Role::Entry(name.clone()), Role::Listed] {
            let users = self.users.with(*node, self.tree[*node].lister, &role);
            concerned.extend(users.map(|watch| (watch, role.clone())));
        }
        concerned.sort_unstable();
        concerned
    }

    /// The watches that an arming serves: those whose path ends there, and those whose path leads through.
    pub(crate) fn users(&self, id: ArmingId) -> UserIds {
        let Some(node) = self.armings.get(&id) else { return UserIds::new() };
        let mut users: UserIds = self.tree.downwards(*node).flat_map(|node| self.users_of(node)).collect();
        users.sort_unstable();
        users.dedup();
        users
    }

    fn users_of(&self, node: Node) -> impl Iterator<Item = WatchId> {
        self.users.of(node, self.tree[node].lister).map(|(_, watch)| watch)
    }

    /// Ends the arming of a directory that is at its path no more, and with it those of all paths below: none of them
    /// leads where it led. Gives the watches that they served, which need them until they are released.
    pub(crate) fn gone(&mut self, directory: &TreePath, effects: &mut VecDeque<Effect>) -> BTreeSet<WatchId> {
        let mut served = BTreeSet::new();
        let Some(node) = self.tree.find(directory) else { return served };
        let nodes: Vec<Node> = self.tree.downwards(node).collect();
        for node in nodes {
            served.extend(self.users_of(node));
            let held = &mut self.tree[node];
            if let Some(arming) = held.arming.take() {
                self.armings.remove(&arming.id);
                effects.push_back(Effect::Disarm { id: arming.id });
            }
        }
        served
    }

    /// The arming of a directory that the kernel has confirmed.
    pub(crate) fn armed_at(&self, directory: &[u8]) -> Option<ArmingId> {
        let held = &self.tree[self.tree.find(directory)?];
        held.arming.filter(|_| held.is_armed()).map(|arming| arming.id)
    }

    /// The arming of a directory in one that is armed itself.
    pub(crate) fn armed_in(&self, id: ArmingId, name: &Name) -> Option<ArmingId> {
        let node = *self.armings.get(&id)?;
        if !self.tree.has_below(node) {
            return None;
        }
        self.armed_at(&self.tree.path(node).join(name))
    }

    /// How many leading components of `path` are known to be real directories.
    pub(crate) fn trusted(&self, path: &TreePath) -> usize {
        let directories = path.above().chain([&**path]).skip(1);
        directories.take_while(|directory| self.armed_at(directory).is_some()).count()
    }
}

/// A count as it is kept with each arming. One that is a multiple of 65,536 counts old may be taken for new, which costs a scan.
#[allow(clippy::cast_possible_truncation, reason = "what does not fit is left out")]
fn low_bits(count: u64) -> u16 {
    count as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> TreePath {
        TreePath::new(text.as_bytes()).expect("because it is absolute")
    }

    fn entry(directory: &str, name: &str) -> Need {
        Need { directory: path(directory), role: Role::Entry(Name::from(name.as_bytes())) }
    }

    fn listed(directory: &str) -> Need {
        Need { directory: path(directory), role: Role::Listed }
    }

    /// What the kernel is asked about, each with its level.
    fn asked(watches: &KernelWatches) -> Vec<(String, Level)> {
        let all = watches
            .after(0)
            .map(|(_, path, _, arming)| (String::from_utf8_lossy(path).into_owned(), arming.level));
        let mut all: Vec<_> = all.collect();
        all.sort();
        all
    }

    #[test]
    fn there_may_be_many() {
        assert_eq!(size_of::<KernelWatch>(), 16);
    }

    #[test]
    fn all_on_the_way_is_asked_for_and_given_back_with_the_last_who_needs_it() {
        let (mut watches, mut effects) = (KernelWatches::default(), VecDeque::new());
        watches.hold(WatchId(1), &listed("/a/b"), &mut effects);
        watches.hold(WatchId(1), &listed("/a/b"), &mut effects);
        let levels = |levels: &[(&str, Level)]| {
            levels.iter().map(|(path, level)| ((*path).to_owned(), *level)).collect::<Vec<_>>()
        };
        let first = levels(&[("/", Level::Itself), ("/a", Level::Removals), ("/a/b", Level::Entries)]);
        assert_eq!(asked(&watches), first);
        watches.hold(WatchId(2), &entry("/a", "x"), &mut effects);
        watches.hold(WatchId(3), &listed("/a/b/c"), &mut effects);
        let all = levels(&[
            ("/", Level::Removals),
            ("/a", Level::Entries),
            ("/a/b", Level::Entries),
            ("/a/b/c", Level::Entries),
        ]);
        assert_eq!(asked(&watches), all);
        watches.release(WatchId(3), &listed("/a/b/c"), &mut effects);
        watches.release(WatchId(2), &entry("/a", "x"), &mut effects);
        watches.release(WatchId(2), &entry("/a", "x"), &mut effects);
        assert_eq!(asked(&watches), first);
        watches.release(WatchId(1), &listed("/a/b"), &mut effects);
        assert_eq!(asked(&watches), []);
        assert!(watches.tree.is_empty() && watches.users.is_empty() && watches.armings.is_empty());
    }

    #[test]
    fn what_is_gone_is_asked_for_again_when_it_is_held_and_given_back_when_it_is_not() {
        let (mut watches, mut effects) = (KernelWatches::default(), VecDeque::new());
        watches.hold(WatchId(1), &listed("/a/b"), &mut effects);
        watches.hold(WatchId(2), &listed("/ab"), &mut effects);
        assert_eq!(watches.gone(&path("/a"), &mut effects), BTreeSet::from([WatchId(1)]));
        assert_eq!(watches.len(), 2, "/ and /ab");
        watches.hold(WatchId(1), &listed("/a/b"), &mut effects);
        assert_eq!(watches.len(), 4);
        watches.gone(&path("/a"), &mut effects);
        watches.release(WatchId(1), &listed("/a/b"), &mut effects);
        assert_eq!(watches.tree.len(), 2);
        watches.release(WatchId(2), &listed("/ab"), &mut effects);
        assert!(watches.tree.is_empty() && watches.users.is_empty() && watches.armings.is_empty());
    }

    #[test]
    fn whom_an_arming_serves_is_found_below_it() {
        let (mut watches, mut effects) = (KernelWatches::default(), VecDeque::new());
        let needs = [listed("/a/b"), entry("/a", "x"), listed("/a b"), entry("/", "y")];
        for (number, need) in (1..).zip(&needs) {
            watches.hold(WatchId(number), need, &mut effects);
        }
        let users = |directory: &str| {
            let id = watches.after(0).find(|(_, path, ..)| ***path == *directory.as_bytes());
            watches
                .users(id.expect("because it is asked about").0)
                .iter()
                .map(|watch| watch.0)
                .collect::<Vec<_>>()
        };
        assert_eq!(users("/"), [1, 2, 3, 4]);
        assert_eq!(users("/a"), [1, 2]);
        assert_eq!(users("/a/b"), [1]);
        assert_eq!(users("/a b"), [3]);
    }
}
