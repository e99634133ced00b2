//! The directories of a tree that are followed: which wire number each has, what it hangs on, and what hangs on it.
//!
//! What is told of them is left to [`super::tree`]. There may be a million: each takes a place among its neighbours by number, keeps no more of
//! its name than the directory above it does not, and is found by it without another copy of it. Invariants: whatever is followed hangs, by
//! way of what is followed, on the root; what has been ended hangs on nothing, has no name, and stays until it is removed.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher};

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::subscription::Subscription;

/// How many wire numbers stand in a row.
const ROW: u32 = 64;

/// The wire number that nothing has.
const NONE: u32 = 0;

/// One directory that is followed.
#[derive(Debug)]
pub(super) struct Branch {
    name: EntryName,
    /// What it hangs on, one of those that hang on it, and those that hang on the same as it, before and behind it.
    parent: u32,
    first: u32,
    previous: u32,
    next: u32,
    pub(super) subscription: Subscription,
    pub(super) listed: bool,
    /// It was there before the caller wanted to know about it, and so was what it lists.
    pub(super) is_old: bool,
}

impl Branch {
    /// One that is still to be hung up.
    pub(super) fn new(subscription: Subscription, is_old: bool) -> Branch {
        let (name, listed) = (EntryName::of(&[]), false);
        Branch { name, parent: NONE, first: NONE, previous: NONE, next: NONE, subscription, listed, is_old }
    }
}

/// The name of an entry, which as a rule takes no block of its own.
#[derive(Debug)]
enum EntryName {
    Short { len: u8, bytes: [u8; EntryName::SHORT] },
    Long(Box<[u8]>),
}

impl EntryName {
    /// How long one may be that takes no more room than a long one does.
    const SHORT: usize = 22;

    fn of(name: &[u8]) -> EntryName {
        let mut bytes = [0; EntryName::SHORT];
        match (u8::try_from(name.len()), bytes.get_mut(..name.len())) {
            (Ok(len), Some(place)) => {
                place.copy_from_slice(name);
                EntryName::Short { len, bytes }
            }
            _ => EntryName::Long(name.into()),
        }
    }

    fn as_slice(&self) -> &[u8] {
        match self {
            EntryName::Short { len, bytes } => &bytes[..usize::from(*len)],
            EntryName::Long(name) => name,
        }
    }
}

/// In the order of their numbers, and of those of their rows.
type Rows = BTreeMap<u32, Vec<Branch>>;

/// The directories of one tree.
#[derive(Debug, Default)]
pub(super) struct Branches {
    rows: Rows,
    /// Where those are that are followed, but for the root: by what they hang on, and their name.
    places: HashTable<u32>,
    hasher: RandomState,
    /// [`NONE`], if it is not followed.
    root: u32,
}

impl Branches {
    pub(super) fn get(&self, wire: u32) -> Option<&Branch> {
        in_rows(&self.rows, wire)
    }

    pub(super) fn get_mut(&mut self, wire: u32) -> Option<&mut Branch> {
        let row = self.rows.get_mut(&(wire / ROW))?;
        let place = place(row, wire).ok()?;
        row.get_mut(place)
    }

    /// All of them, those too that have been ended, in the order of their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Branch> {
        self.rows.values().flatten()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Branch> {
        self.rows.values_mut().flatten()
    }

    /// Those that are followed.
    pub(super) fn live(&self) -> impl Iterator<Item = &Branch> {
        self.iter().filter(|branch| branch.subscription.is_live())
    }

    /// Whether this is the root's number.
    pub(super) fn is_root(&self, wire: u32) -> bool {
        wire == self.root
    }

    /// The number of the one that is followed under a name, which is relative to the root.
    pub(super) fn find(&self, name: &[u8]) -> Option<u32> {
        let root = Some(self.root).filter(|root| *root != NONE)?;
        if name.is_empty() {
            return Some(root);
        }
        name.split(|byte| *byte == b'/').try_fold(root, |parent, entry| self.find_in(parent, entry))
    }

    fn find_in(&self, parent: u32, entry: &[u8]) -> Option<u32> {
        let is_it = |wire: &u32| {
            let branch = self.get(*wire);
            branch.is_some_and(|branch| branch.parent == parent && branch.name.as_slice() == entry)
        };
        self.places.find(hash(&self.hasher, parent, entry), is_it).copied()
    }

    /// The name of one that is followed, relative to the root.
    pub(super) fn name(&self, wire: u32) -> Vec<u8> {
        let mut entries = Vec::new();
        let mut at = wire;
        while at != self.root
            && let Some(branch) = self.get(at)
        {
            entries.push(branch.name.as_slice());
            at = branch.parent;
        }
        entries.reverse();
        entries.join(&b'/')
    }

    /// The names and numbers of those that are followed and `wanted`, in the order of their names.
    pub(super) fn by_name(&self, wanted: impl Fn(u32) -> bool) -> Vec<(Vec<u8>, u32)> {
        self.named(self.live().map(|branch| branch.subscription.wire).filter(|wire| wanted(*wire)))
    }

    /// Those that hang on one, nearer or farther, in the order of their names.
    pub(super) fn below(&self, wire: u32) -> Vec<(Vec<u8>, u32)> {
        let mut found = Vec::new();
        let mut at = self.get(wire).map_or(NONE, |branch| branch.first);
        let mut behind = Vec::new();
        while let Some(branch) = self.get(at) {
            found.push(at);
            behind.push(branch.next);
            at = branch.first;
            while at == NONE
                && let Some(next) = behind.pop()
            {
                at = next;
            }
        }
        self.named(found.into_iter())
    }

    fn named(&self, wires: impl Iterator<Item = u32>) -> Vec<(Vec<u8>, u32)> {
        let mut named: Vec<_> = wires.map(|wire| (self.name(wire), wire)).collect();
        named.sort_unstable();
        named
    }

    /// Follows the root.
    pub(super) fn add_root(&mut self, branch: Branch) {
        self.root = branch.subscription.wire;
        self.put(branch);
    }

    /// Follows an entry of one that is followed, as which it was not.
    pub(super) fn add(&mut self, parent: u32, entry: &[u8], branch: Branch) {
        let wire = branch.subscription.wire;
        let Some(above) = self.get_mut(parent) else { return };
        let next = std::mem::replace(&mut above.first, wire);
        if let Some(next) = self.get_mut(next) {
            next.previous = wire;
        }
        self.put(Branch { name: EntryName::of(entry), parent, next, ..branch });
        let Branches { rows, places, hasher, .. } = self;
        places.insert_unique(hash(hasher, parent, entry), wire, |wire| hash_of(rows, hasher, *wire));
    }

    fn put(&mut self, branch: Branch) {
        let wire = branch.subscription.wire;
        let row = self.rows.entry(wire / ROW).or_default();
        let place = place(row, wire).unwrap_or_else(|place| place);
        row.insert(place, branch);
    }

    /// Follows one no more, on which nothing hangs; it stays until it is removed.
    pub(super) fn end(&mut self, wire: u32) {
        if wire == self.root {
            self.root = NONE;
            return;
        }
        let Some(branch) = self.get_mut(wire) else { return };
        let name = std::mem::replace(&mut branch.name, EntryName::of(&[]));
        let parent = std::mem::replace(&mut branch.parent, NONE);
        let previous = std::mem::replace(&mut branch.previous, NONE);
        let next = std::mem::replace(&mut branch.next, NONE);
        let hash = hash(&self.hasher, parent, name.as_slice());
        if let Ok(found) = self.places.find_entry(hash, |other| *other == wire) {
            found.remove();
        }
        let Branches { rows, places, hasher, .. } = self;
        if places.len() <= places.capacity() / 8 {
            places.shrink_to(2 * places.len(), |wire| hash_of(rows, hasher, *wire));
        }
        if let Some(next) = self.get_mut(next) {
            next.previous = previous;
        }
        match self.get_mut(previous) {
            Some(previous) => previous.next = next,
            None => self.get_mut(parent).into_iter().for_each(|parent| parent.first = next),
        }
    }

    /// Forgets one that has been ended; says whether it was there.
    pub(super) fn remove(&mut self, wire: u32) -> bool {
        let Some(row) = self.rows.get_mut(&(wire / ROW)) else { return false };
        let Ok(place) = place(row, wire) else { return false };
        row.remove(place);
        if row.is_empty() {
            self.rows.remove(&(wire / ROW));
        } else if row.len() <= row.capacity() / 4 {
            row.shrink_to(2 * row.len());
        }
        true
    }
}

/// Where in its row a number is, or would be.
fn place(row: &[Branch], wire: u32) -> Result<usize, usize> {
    // Mostly a row is full.
    let guess = (wire % ROW) as usize;
    if row.get(guess).is_some_and(|branch| branch.subscription.wire == wire) {
        return Ok(guess);
    }
    row.binary_search_by_key(&wire, |branch| branch.subscription.wire)
}

/// The branch with a number.
fn in_rows(rows: &Rows, wire: u32) -> Option<&Branch> {
    let row = rows.get(&(wire / ROW))?;
    row.get(place(row, wire).ok()?)
}

/// The hash by which a branch is found.
fn hash_of(rows: &Rows, hasher: &RandomState, wire: u32) -> u64 {
    in_rows(rows, wire).map_or(0, |branch| hash(hasher, branch.parent, branch.name.as_slice()))
}

fn hash(hasher: &RandomState, parent: u32, entry: &[u8]) -> u64 {
    let mut hasher = hasher.build_hasher();
    hasher.write_u32(parent);
    hasher.write(entry);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::state::subscription::Wants;
    use gamin_protocol::Kind;
    use proptest::prelude::*;

    use super::*;

    fn branch(wire: u32) -> Branch {
        Branch::new(Subscription::new(Kind::Directory, wire, Wants { coverage: true, moves: true }), false)
    }

    #[test]
    fn many_take_little_room() {
        assert!(size_of::<Branch>() <= 96, "{} bytes", size_of::<Branch>());
    }

    proptest! {
        #[test]
        fn they_are_a_tree_whatever_comes_and_goes(
            steps in prop::collection::vec((0_usize..30, "[a-c]{1,2}", any::<bool>(), 2_u32..300), 1..200),
        ) {
            let mut branches = Branches::default();
            branches.add_root(branch(1));
            let mut model = BTreeMap::from([(Vec::new(), 1)]);
            for (above, entry, is_long, wire) in steps {
                let entry = if is_long { entry.repeat(20) } else { entry }.into_bytes();
                let (above, parent) = model.iter().nth(above % model.len()).map(|(name, wire)| (name.clone(), *wire))
                    .expect("the root is there");
                let name = [above.clone(), entry.clone()].into_iter().skip(usize::from(above.is_empty()));
                let name = name.collect::<Vec<_>>().join(&b'/');
                if let Some(wire) = model.get(&name).copied() {
                    // With what is below it goes.
                    let below: Vec<_> = branches.below(wire);
                    for (_, wire) in below.iter().cloned().chain([(name.clone(), wire)]) {
                        branches.get_mut(wire).expect("it is there").subscription.cancel();
                        branches.end(wire);
                        prop_assert!(branches.get(wire).is_some() && branches.remove(wire) && !branches.remove(wire));
                    }
                    let prefix = [&name[..], b"/"].concat();
                    let gone: Vec<_> = model.iter().filter(|(name, _)| name.starts_with(&prefix))
                        .map(|(name, wire)| (name.clone(), *wire)).collect();
                    prop_assert_eq!(&below, &gone);
                    model.retain(|other, _| *other != name && !other.starts_with(&prefix));
                } else if branches.get(wire).is_none() {
                    branches.add(parent, &entry, branch(wire));
                    model.insert(name, wire);
                }
                prop_assert!(branches.by_name(|_| true).into_iter().eq(model.clone()));
                for (name, wire) in &model {
                    prop_assert_eq!(branches.find(name), Some(*wire));
                    prop_assert_eq!(&branches.name(*wire), name);
                }
                prop_assert_eq!(branches.find(b"d"), None);
                let wires: Vec<_> = branches.iter().map(|branch| branch.subscription.wire).collect();
                prop_assert!(wires.iter().copied().eq(model.values().copied().collect::<BTreeSet<_>>()));
                prop_assert_eq!(branches.places.len() + 1, model.len());
            }
        }
    }
}
