//! The directories that the kernel is asked about, each once however many watches need it.
//!
//! What follows from a notice is left to the engine. Invariants: a directory is armed at the highest level that
//! anyone needs and given back when nobody needs it; each arming has an id of its own, so what an ended one still
//! has to say is recognised and dropped.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::arming::{Level, Refusal};
use crate::effect::Effect;
use crate::id::{ArmingId, WatchId};
use crate::path::{Name, TreePath};

/// Why a watch needs the kernel to be asked about a directory. None asks for less than those before it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// The watch's path leads through it: it must stay.
    Passed,
    /// That, and the last directory that is there on the watch's path is in it.
    Above,
    /// This entry of it is a link, the end, or the first missing part of the watch's path.
    Entry(Name),
    /// It is what the watch's path leads to: all its entries matter.
    Listed,
}

impl Role {
    fn level(&self) -> Level {
        match self {
            Role::Passed => Level::Itself,
            Role::Above => Level::Removals,
            Role::Entry(_) | Role::Listed => Level::Entries,
        }
    }
}

/// One reason for asking about a directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Need {
    pub directory: TreePath,
    pub role: Role,
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

/// One directory that the kernel is asked about.
#[derive(Debug)]
pub(crate) struct KernelWatch {
    id: ArmingId,
    pub level: Level,
    pub state: ArmingState,
    /// How often the kernel had been asked for something new when it was last asked about this.
    asked: u64,
    users: BTreeSet<(Role, WatchId)>,
}

impl KernelWatch {
    /// How many reasons there are for it.
    pub(crate) fn needs(&self) -> usize {
        self.users.len()
    }

    /// The level of the role that asks for most.
    fn needed_level(&self) -> Level {
        self.users.last().map_or(Level::Itself, |(role, _)| role.level())
    }
}

/// How the asking for a need stands.
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
    /// Notes that `watch` needs this, and asks the kernel if it has not been asked for that much.
    pub(crate) fn hold(&mut self, watch: WatchId, need: &Need, effects: &mut VecDeque<Effect>) -> Standing {
        let level = need.role.level();
        if !self.watches.contains_key(&need.directory) {
            let id = self.next_id(&need.directory);
            self.asked += 1;
            let users = BTreeSet::from([(need.role.clone(), watch)]);
            self.watches.insert(
                need.directory.clone(),
                KernelWatch { id, level, state: ArmingState::Asked, asked: self.asked, users },
            );
            effects.push_back(Effect::Arm { id, directory: need.directory.clone(), level });
            return Standing::Asked;
        }
        let Some(held) = self.watches.get_mut(&need.directory) else { return Standing::Asked };
        held.users.insert((need.role.clone(), watch));
        if level > held.level {
            held.level = level;
            held.state = ArmingState::Asked;
            self.asked += 1;
            held.asked = self.asked;
            effects.push_back(Effect::Arm { id: held.id, directory: need.directory.clone(), level });
        }
        match held.state {
            ArmingState::Asked => Standing::Asked,
            ArmingState::Armed => Standing::Armed,
            ArmingState::Refused(why) => Standing::Refused(why),
        }
    }

    /// Asks again for what the kernel refused, if it did.
    pub(crate) fn retry(&mut self, directory: &TreePath, effects: &mut VecDeque<Effect>) {
        let Some(held) = self.watches.get_mut(directory) else { return };
        if matches!(held.state, ArmingState::Refused(_)) {
            held.state = ArmingState::Asked;
            self.asked += 1;
            held.asked = self.asked;
            effects.push_back(Effect::Arm { id: held.id, directory: directory.clone(), level: held.level });
        }
    }

    /// Notes that `watch` needs this no more.
    pub(crate) fn release(&mut self, watch: WatchId, need: &Need, effects: &mut VecDeque<Effect>) {
        let Some(held) = self.watches.get_mut(&need.directory) else { return };
        held.users.remove(&(need.role.clone(), watch));
        let (id, level) = (held.id, held.needed_level());
        if held.users.is_empty() {
            self.watches.remove(&need.directory);
            self.directories.remove(&id);
            effects.push_back(Effect::Disarm { id });
        } else if level < held.level {
            held.level = level;
            if held.state == ArmingState::Armed {
                effects.push_back(Effect::Arm { id, directory: need.directory.clone(), level });
            }
        }
    }

    /// Takes the kernel's answer. Gives the watches that it is about.
    pub(crate) fn answered(&mut self, id: ArmingId, answer: Result<(), Refusal>) -> Vec<WatchId> {
        let Some(held) = self.directories.get(&id).and_then(|directory| self.watches.get_mut(directory))
        else {
            return Vec::new();
        };
        held.state = answer.map_or_else(ArmingState::Refused, |()| ArmingState::Armed);
        users(held).collect()
    }

    /// Why the kernel is not asked about a directory, if it refused.
    pub(crate) fn refusal(&self, directory: &TreePath) -> Option<Refusal> {
        match self.watches.get(directory)?.state {
            ArmingState::Refused(why) => Some(why),
            ArmingState::Asked | ArmingState::Armed => None,
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.watches.len()
    }

    /// All whose ids are behind a number.
    pub(crate) fn after(&self, number: u64) -> impl Iterator<Item = (ArmingId, &TreePath, &KernelWatch)> {
        let behind = self.directories.range(ArmingId(number.saturating_add(1))..);
        behind.filter_map(|(id, directory)| Some((*id, directory, self.watches.get(directory)?)))
    }

    /// Whether a directory is armed, but was not yet so when the kernel had been asked so often.
    pub(crate) fn is_armed_since(&self, directory: &TreePath, asked: u64) -> bool {
        self.watches.get(directory).is_some_and(|held| held.state == ArmingState::Armed && held.asked > asked)
    }

    /// The directory that was armed, while the arming lasts.
    pub(crate) fn directory(&self, id: ArmingId) -> Option<TreePath> {
        self.directories.get(&id).cloned()
    }

    /// The watches that an entry notice concerns, in the order in which they are told: those for which `name` is a dependency,
    /// and those that list it all. None while the kernel is being asked for more: it tells what it was asked for before, and
    /// not what followed; they will rescan.
    pub(crate) fn concerned(&self, id: ArmingId, name: &Name) -> BTreeSet<(WatchId, Role)> {
        let mut concerned = BTreeSet::new();
        for role in [Role::Entry(name.clone()), Role::Listed] {
            let first = (role.clone(), WatchId(0));
            let held = self.watch(id).filter(|held| held.state == ArmingState::Armed);
            let users = held.map(|held| held.users.range(first..));
            let users = users.into_iter().flatten().take_while(|(of, _)| *of == role);
            concerned.extend(users.map(|(role, watch)| (*watch, role.clone())));
        }
        concerned
    }

    /// The watches that an arming serves.
    pub(crate) fn users(&self, id: ArmingId) -> Vec<WatchId> {
        self.watch(id).into_iter().flat_map(users).collect()
    }

    /// Ends the arming of a directory that is at its path no more, and with it those of all paths below: none of them
    /// leads where it led. Gives the watches that they served.
    pub(crate) fn gone(&mut self, directory: &TreePath, effects: &mut VecDeque<Effect>) -> BTreeSet<WatchId> {
        let below = directory.join(b"");
        let paths = self
            .watches
            .range(below.clone()..)
            .map(|(path, _)| path)
            .take_while(|path| path.starts_with(&below));
        let paths: Vec<TreePath> = [directory].into_iter().chain(paths).cloned().collect();
        let mut served = BTreeSet::new();
        for held in paths.iter().filter_map(|path| self.watches.remove(path)) {
            self.directories.remove(&held.id);
            effects.push_back(Effect::Disarm { id: held.id });
            served.extend(users(&held));
        }
        served
    }

    /// The arming of a directory that the kernel has confirmed.
    pub(crate) fn armed_at(&self, directory: &TreePath) -> Option<ArmingId> {
        self.watches.get(directory).filter(|held| held.state == ArmingState::Armed).map(|held| held.id)
    }

    /// How many leading components of `path` are known to be real directories.
    pub(crate) fn trusted(&self, path: &TreePath) -> usize {
        let Some((parent, _)) = path.split_last() else { return 0 };
        let mut directory = TreePath::root();
        let mut trusted = 0;
        for component in parent.components() {
            directory = directory.join(component);
            if self.armed_at(&directory).is_none() {
                break;
            }
            trusted += 1;
        }
        trusted
    }

    fn watch(&self, id: ArmingId) -> Option<&KernelWatch> {
        self.watches.get(self.directories.get(&id)?)
    }

    fn next_id(&mut self, directory: &TreePath) -> ArmingId {
        self.last_id += 1;
        let id = ArmingId(self.last_id);
        self.directories.insert(id, directory.clone());
        id
    }
}

fn users(held: &KernelWatch) -> impl Iterator<Item = WatchId> {
    held.users.iter().map(|(_, watch)| *watch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_role_asks_for_less_than_those_before_it() {
        let roles = [Role::Passed, Role::Above, Role::Entry(Name::from(b"a".as_slice())), Role::Listed];
        assert!(roles.is_sorted());
        assert!(roles.iter().map(Role::level).is_sorted());
    }
}
