//! The directories that the kernel is asked about, each once however many watches need it.
//!
//! A watch says where its path ends ([`Need`]); the directories on the way there follow from that. So activity of one path costs nothing
//! for those who pass through the same directories, and an ancestor that moves finds whom it concerns below it.
//! What follows from a notice is left to the engine. Invariants: each directory above one that is needed is needed too; a directory is
//! armed at the highest level that anyone needs and given back when nobody needs it; each arming has an id of its own, so what an
//! ended one still has to say is recognised and dropped.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound;

use smallvec::SmallVec;

use crate::arming::{Level, Refusal};
use crate::effect::Effect;
use crate::id::{ArmingId, WatchId};
use crate::path::{Name, TreePath};

/// Why a watch needs the kernel to be asked about a directory. None asks for less than those before it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// The watch's path leads through it: it must stay.
    Passed,
    /// This entry of it is a link, the end, or the first missing part of the watch's path.
    Entry(Name),
    /// It is what the watch's path leads to: all its entries matter.
    Listed,
}

impl Role {
    fn level(&self) -> Level {
        match self {
            Role::Passed => Level::Itself,
            Role::Entry(_) | Role::Listed => Level::Entries,
        }
    }
}

/// One reason for asking about a directory, and for that about those above it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Need {
    pub directory: TreePath,
    pub role: Role,
}

impl Need {
    /// Whether another leads there too.
    pub(crate) fn is_implied_by(&self, other: &Need) -> bool {
        let is_here = self.directory == other.directory && other.role != Role::Passed;
        self.role == Role::Passed
            && (is_here || other.directory.above().any(|above| above == &*self.directory))
    }

    /// All directories about which the kernel is asked for it, from `/` down.
    pub(crate) fn way(&self) -> impl Iterator<Item = &[u8]> {
        self.directory.above().chain([&*self.directory])
    }
}

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
    /// How often the kernel had been asked for something new when it was last asked about this.
    asked: u64,
}

/// One directory that is needed.
#[derive(Debug, Default)]
pub(crate) struct KernelWatch {
    /// `None` once it was at its path no more, until it is asked about again.
    arming: Option<Arming>,
    users: Users,
    /// How many users the directories in it have.
    users_in_it: u32,
}

impl KernelWatch {
    /// How many reasons there are for it, but for those that lead through it.
    pub(crate) fn needs(&self) -> usize {
        self.users.iter().count()
    }

    /// How much is needed. Where the last directory on a watch's path is in it, that removals are told: of a removed directory that
    /// somebody holds open the kernel says nothing else.
    fn needed_level(&self) -> Level {
        let least = if self.users_in_it > 0 { Level::Removals } else { Level::Itself };
        self.users.last().map_or(least, |(role, _)| role.level().max(least))
    }
}

/// The reasons for a directory, in order, and whose they are. Mostly one, which is kept in place.
#[derive(Debug, Default)]
enum Users {
    #[default]
    None,
    One((Role, WatchId)),
    Many(BTreeSet<(Role, WatchId)>),
}

impl Users {
    /// Adds one; gives whether it is new.
    fn insert(&mut self, user: (Role, WatchId)) -> bool {
        match self {
            Users::None => *self = Users::One(user),
            Users::One(one) if *one == user => return false,
            Users::One(_) => {
                let Users::One(one) = std::mem::take(self) else { return false };
                *self = Users::Many(BTreeSet::from([one, user]));
            }
            Users::Many(many) => return many.insert(user),
        }
        true
    }

    /// Removes one; gives whether it was there.
    fn remove(&mut self, user: &(Role, WatchId)) -> bool {
        match self {
            Users::One(one) if one == user => *self = Users::None,
            Users::None | Users::One(_) => return false,
            Users::Many(many) => {
                let removed = many.remove(user);
                if many.is_empty() {
                    *self = Users::None;
                }
                return removed;
            }
        }
        true
    }

    fn is_empty(&self) -> bool {
        matches!(self, Users::None)
    }

    fn last(&self) -> Option<&(Role, WatchId)> {
        match self {
            Users::None => None,
            Users::One(one) => Some(one),
            Users::Many(many) => many.last(),
        }
    }

    fn iter(&self) -> impl Iterator<Item = &(Role, WatchId)> {
        let (one, many) = match self {
            Users::None => (None, None),
            Users::One(one) => (Some(one), None),
            Users::Many(many) => (None, Some(many.iter())),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }

    /// Those with a role.
    fn with<'a>(&'a self, role: &'a Role) -> impl Iterator<Item = WatchId> + 'a {
        let (one, many) = match self {
            Users::None => (None, None),
            Users::One(one) => (Some(one), None),
            Users::Many(many) => (None, Some(many.range((role.clone(), WatchId(0))..))),
        };
        let users = one.into_iter().filter(move |(of, _)| of == role);
        let users = users.chain(many.into_iter().flatten().take_while(move |(of, _)| of == role));
        users.map(|(_, watch)| *watch)
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

/// All kernel watches.
#[derive(Debug, Default)]
pub(crate) struct KernelWatches {
    watches: BTreeMap<TreePath, KernelWatch>,
    directories: BTreeMap<ArmingId, TreePath>,
    last_id: u64,
    /// How often the kernel was asked for something new.
    pub(crate) asked: u64,
}

impl KernelWatches {
    /// Notes that `watch` needs this, and asks the kernel about each directory on the way, from `/` down, if it has not been
    /// asked for that much.
    pub(crate) fn hold(&mut self, watch: WatchId, need: &Need, effects: &mut VecDeque<Effect>) {
        for directory in need.way() {
            if !self.watches.contains_key(directory) {
                self.watches.insert(need.directory.prefix(directory.len()), KernelWatch::default());
            }
        }
        let is_new = self
            .watches
            .get_mut(&need.directory)
            .is_some_and(|held| held.users.insert((need.role.clone(), watch)));
        if is_new
            && let Some(above) = need.directory.above().last().and_then(|above| self.watches.get_mut(above))
        {
            above.users_in_it += 1;
        }
        for directory in need.way() {
            self.ask(directory, effects);
        }
    }

    /// Asks the kernel about a directory, if it has not been asked for as much as is needed.
    fn ask(&mut self, directory: &[u8], effects: &mut VecDeque<Effect>) {
        let Some(held) = self.watches.get_mut(directory) else { return };
        let level = held.needed_level();
        if held.arming.is_some_and(|arming| arming.level >= level) {
            return;
        }
        self.asked += 1;
        let id = held.arming.map_or_else(
            || {
                self.last_id += 1;
                ArmingId(self.last_id)
            },
            |arming| arming.id,
        );
        held.arming = Some(Arming { id, level, state: ArmingState::Asked, asked: self.asked });
        let Some((directory, _)) = self.watches.get_key_value(directory) else { return };
        self.directories.insert(id, directory.clone());
        effects.push_back(Effect::Arm { id, directory: directory.clone(), level });
    }

    /// How the asking for a directory stands.
    pub(crate) fn standing(&self, directory: &[u8]) -> Standing {
        match self.arming(directory).map(|arming| arming.state) {
            None | Some(ArmingState::Asked) => Standing::Asked,
            Some(ArmingState::Armed) => Standing::Armed,
            Some(ArmingState::Refused(why)) => Standing::Refused(why),
        }
    }

    /// Asks again for what the kernel refused, if it did.
    pub(crate) fn retry(&mut self, directory: &[u8], effects: &mut VecDeque<Effect>) {
        if !matches!(self.standing(directory), Standing::Refused(_)) {
            return;
        }
        self.asked += 1;
        let asked = self.asked;
        let Some((path, _)) = self.watches.get_key_value(directory) else { return };
        let path = path.clone();
        if let Some(arming) = self.watches.get_mut(directory).and_then(|held| held.arming.as_mut()) {
            (arming.state, arming.asked) = (ArmingState::Asked, asked);
            effects.push_back(Effect::Arm { id: arming.id, directory: path, level: arming.level });
        }
    }

    /// Notes that `watch` needs this no more, and gives back what nobody needs.
    pub(crate) fn release(&mut self, watch: WatchId, need: &Need, effects: &mut VecDeque<Effect>) {
        let Some(held) = self.watches.get_mut(&need.directory) else { return };
        if !held.users.remove(&(need.role.clone(), watch)) {
            return;
        }
        let above: Vec<&[u8]> = need.directory.above().collect();
        if let Some(above) = above.last().and_then(|above| self.watches.get_mut(*above)) {
            above.users_in_it -= 1;
        }
        let mut directories = [&*need.directory].into_iter().chain(above.into_iter().rev());
        // Up to the first that is needed all the same. That one, and the one above it, may be needed for less.
        let needed = directories.by_ref().find(|directory| !self.give_back_unneeded(directory, effects));
        for directory in needed.into_iter().chain(directories.next()) {
            self.lower(directory, effects);
        }
    }

    /// Gives a directory back if nobody needs it; gives whether that was so.
    fn give_back_unneeded(&mut self, directory: &[u8], effects: &mut VecDeque<Effect>) -> bool {
        let is_needed = self.watches.get(directory).is_some_and(|held| !held.users.is_empty())
            || self.below(directory).next().is_some();
        if !is_needed && let Some(arming) = self.watches.remove(directory).and_then(|held| held.arming) {
            self.directories.remove(&arming.id);
            effects.push_back(Effect::Disarm { id: arming.id });
        }
        !is_needed
    }

    /// Asks the kernel for less, if less is needed.
    fn lower(&mut self, directory: &[u8], effects: &mut VecDeque<Effect>) {
        let Some((path, _)) = self.watches.get_key_value(directory) else { return };
        let path = path.clone();
        let Some(held) = self.watches.get_mut(directory) else { return };
        let level = held.needed_level();
        if let Some(arming) = held.arming.as_mut().filter(|arming| level < arming.level) {
            arming.level = level;
            if arming.state == ArmingState::Armed {
                effects.push_back(Effect::Arm { id: arming.id, directory: path, level });
            }
        }
    }

    /// Takes the kernel's answer. Gives the watches that it is about.
    pub(crate) fn answered(&mut self, id: ArmingId, answer: Result<(), Refusal>) -> Vec<WatchId> {
        let Some(held) = self.directories.get(&id).and_then(|directory| self.watches.get_mut(directory))
        else {
            return Vec::new();
        };
        if let Some(arming) = &mut held.arming {
            arming.state = answer.map_or_else(ArmingState::Refused, |()| ArmingState::Armed);
        }
        self.users(id)
    }

    /// Why the kernel is not asked about a directory, if it refused.
    pub(crate) fn refusal(&self, directory: &[u8]) -> Option<Refusal> {
        match self.arming(directory)?.state {
            ArmingState::Refused(why) => Some(why),
            ArmingState::Asked | ArmingState::Armed => None,
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.directories.len()
    }

    /// All whose ids are behind a number.
    pub(crate) fn after(
        &self,
        number: u64,
    ) -> impl Iterator<Item = (ArmingId, &TreePath, &KernelWatch, Arming)> {
        let behind = self.directories.range(ArmingId(number.saturating_add(1))..);
        behind.filter_map(|(id, directory)| {
            let held = self.watches.get(directory)?;
            Some((*id, directory, held, held.arming?))
        })
    }

    /// Whether a directory is armed, but was not yet so when the kernel had been asked so often.
    pub(crate) fn is_armed_since(&self, directory: &[u8], asked: u64) -> bool {
        self.arming(directory)
            .is_some_and(|arming| arming.state == ArmingState::Armed && arming.asked > asked)
    }

    /// The directory that was armed, while the arming lasts.
    pub(crate) fn directory(&self, id: ArmingId) -> Option<TreePath> {
        self.directories.get(&id).cloned()
    }

    /// The watches that an entry notice concerns, in the order in which they are told: those for which `name` is a dependency,
    /// and those that list it all. None while the kernel is being asked for more: it tells what it was asked for before, and
    /// not what followed; they will rescan.
    pub(crate) fn concerned(&self, id: ArmingId, name: &Name) -> SmallVec<[(WatchId, Role); 2]> {
        let mut concerned = SmallVec::new();
        let held = self.watch(id).filter(|held| held.is_armed());
        for role in [Role::Entry(name.clone()), Role::Listed] {
            let users = held.into_iter().flat_map(|held| held.users.with(&role));
            concerned.extend(users.map(|watch| (watch, role.clone())));
        }
        concerned.sort_unstable();
        concerned
    }

    /// The watches that an arming serves: those whose path ends there, and those whose path leads through.
    pub(crate) fn users(&self, id: ArmingId) -> Vec<WatchId> {
        let Some(directory) = self.directories.get(&id) else { return Vec::new() };
        let here = self.watches.get(directory).into_iter();
        let held = here.chain(self.below(directory).map(|(_, held)| held));
        let users: BTreeSet<WatchId> =
            held.flat_map(|held| held.users.iter().map(|(_, watch)| *watch)).collect();
        users.into_iter().collect()
    }

    /// Ends the arming of a directory that is at its path no more, and with it those of all paths below: none of them
    /// leads where it led. Gives the watches that they served, which need them until they are released.
    pub(crate) fn gone(&mut self, directory: &TreePath, effects: &mut VecDeque<Effect>) -> BTreeSet<WatchId> {
        let below = self.below(directory).map(|(path, _)| path);
        let paths: Vec<TreePath> = [directory].into_iter().chain(below).cloned().collect();
        let mut served = BTreeSet::new();
        for path in paths {
            let Some(held) = self.watches.get_mut(&path) else { continue };
            served.extend(held.users.iter().map(|(_, watch)| *watch));
            if let Some(arming) = held.arming.take() {
                self.directories.remove(&arming.id);
                effects.push_back(Effect::Disarm { id: arming.id });
            }
        }
        served
    }

    /// The arming of a directory that the kernel has confirmed.
    pub(crate) fn armed_at(&self, directory: &[u8]) -> Option<ArmingId> {
        self.arming(directory).filter(|arming| arming.state == ArmingState::Armed).map(|arming| arming.id)
    }

    /// How many leading components of `path` are known to be real directories.
    pub(crate) fn trusted(&self, path: &TreePath) -> usize {
        let directories = path.above().chain([&**path]).skip(1);
        directories.take_while(|directory| self.armed_at(directory).is_some()).count()
    }

    /// Those below a directory, in the order of their paths.
    fn below(&self, directory: &[u8]) -> impl Iterator<Item = (&TreePath, &KernelWatch)> {
        let below = if directory == b"/" { directory.to_vec() } else { [directory, b"/"].concat() };
        let behind = self.watches.range::<[u8], _>((Bound::Excluded(&*below), Bound::Unbounded));
        behind.take_while(move |(path, _)| path.starts_with(&below))
    }

    fn arming(&self, directory: &[u8]) -> Option<Arming> {
        self.watches.get(directory)?.arming
    }

    fn watch(&self, id: ArmingId) -> Option<&KernelWatch> {
        self.watches.get(self.directories.get(&id)?)
    }
}

impl KernelWatch {
    fn is_armed(&self) -> bool {
        self.arming.is_some_and(|arming| arming.state == ArmingState::Armed)
    }
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
    fn no_role_asks_for_less_than_those_before_it() {
        let roles = [Role::Passed, Role::Entry(Name::from(b"a".as_slice())), Role::Listed];
        assert!(roles.is_sorted());
        assert!(roles.iter().map(Role::level).is_sorted());
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
        assert!(watches.watches.is_empty() && watches.directories.is_empty());
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
        assert_eq!(watches.watches.len(), 2);
        watches.release(WatchId(2), &listed("/ab"), &mut effects);
        assert!(watches.watches.is_empty() && watches.directories.is_empty());
    }

    #[test]
    fn whom_an_arming_serves_is_found_below_it() {
        let (mut watches, mut effects) = (KernelWatches::default(), VecDeque::new());
        for (number, need) in
            [listed("/a/b"), entry("/a", "x"), listed("/a b"), entry("/", "y")].iter().enumerate()
        {
            watches.hold(WatchId(number as u64), need, &mut effects);
        }
        let users = |directory: &str| {
            let id = watches
                .directories
                .iter()
                .find(|(_, path)| ***path == *directory.as_bytes())
                .map(|(id, _)| *id);
            watches
                .users(id.expect("because it is asked about"))
                .iter()
                .map(|watch| watch.0)
                .collect::<Vec<_>>()
        };
        assert_eq!(users("/"), [0, 1, 2, 3]);
        assert_eq!(users("/a"), [0, 1]);
        assert_eq!(users("/a/b"), [0]);
        assert_eq!(users("/a b"), [2]);
    }
}
