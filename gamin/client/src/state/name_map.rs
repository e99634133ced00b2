//! Names, each with something that is known of it.
//!
//! The names stand one behind the other as they came, so that one more is no allocation, and those that are told of in the order of
//! last time are found without a search. Where there are none, as in most directories of a tree, nothing is kept; among a few they are
//! searched for one by one. Invariants: less than half of what is kept, but for [`SLACK`] bytes, is of names that have gone; where there is
//! no table, there are at most [`FEW`] entries.

use std::hash::{BuildHasher, Hasher};

use foldhash::fast::RandomState;
use hashbrown::HashTable;

/// How many bytes may be kept of names that have gone, however few there are left.
const SLACK: usize = 4096;

/// How many entries there may be, those of names that have gone too, without a table.
const FEW: usize = 16;

/// Names, in no order.
#[derive(Debug, Clone)]
pub(super) struct NameMap<V>(Option<Box<Kept<V>>>);

#[derive(Debug, Clone)]
struct Kept<V> {
    text: Vec<u8>,
    entries: Vec<Slot<V>>,
    table: Option<Box<Table>>,
    /// The entry behind the one that was looked up last.
    next: usize,
    /// How many bytes are of names that have gone.
    stale: usize,
}

/// Where in the entries a name is.
#[derive(Debug, Clone, Default)]
struct Table {
    places: HashTable<u32>,
    hasher: RandomState,
}

#[derive(Debug, Clone, Copy)]
struct Slot<V> {
    start: u32,
    len: u16,
    /// Nothing, if the name has gone.
    value: Option<V>,
}

impl<V> Default for NameMap<V> {
    fn default() -> NameMap<V> {
        NameMap(None)
    }
}

impl<V: Copy> NameMap<V> {
    pub(super) fn get(&self, name: &[u8]) -> Option<V> {
        let names = self.0.as_ref()?;
        names.entries[names.find(name)?].value
    }

    /// Sets what is known of a name, which is shorter than a packet; says whether something was known.
    #[inline]
    pub(super) fn set(&mut self, name: &[u8], value: V) -> bool {
        self.0.get_or_insert_default().set(name, value)
    }

    /// Forgets a name; says whether something was known of it.
    pub(super) fn remove(&mut self, name: &[u8]) -> bool {
        self.0.as_mut().is_some_and(|names| names.remove(name))
    }

    /// Gives back the room for more of them, where they are few: of such maps there may be many.
    pub(super) fn settle(&mut self) {
        if let Some(names) = self.0.as_mut().filter(|names| names.table.is_none()) {
            names.text.shrink_to_fit();
            names.entries.shrink_to_fit();
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], V)> {
        self.0.iter().flat_map(|names| names.iter())
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.iter().map(|(name, _)| name)
    }

    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.0.iter_mut().flat_map(|names| &mut names.entries).filter_map(|entry| entry.value.as_mut())
    }
}

impl<V> Slot<V> {
    fn name<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        let start = self.start as usize;
        &text[start..start + usize::from(self.len)]
    }

    fn size(&self) -> usize {
        size_of::<Self>() + usize::from(self.len)
    }
}

impl<V> Default for Kept<V> {
    fn default() -> Kept<V> {
        Kept { text: Vec::new(), entries: Vec::new(), table: None, next: 0, stale: 0 }
    }
}

impl<V: Copy> Kept<V> {
    #[inline]
    fn set(&mut self, name: &[u8], value: V) -> bool {
        match self.find(name) {
            Some(place) => {
                self.next = place + 1;
                self.entries[place].value = Some(value);
                true
            }
            None => {
                self.add(name, value);
                false
            }
        }
    }

    fn remove(&mut self, name: &[u8]) -> bool {
        let Some(place) = self.find(name) else { return false };
        if let Some(table) = &mut self.table {
            let hash = table.hash(name);
            if let Ok(found) = table.places.find_entry(hash, |other| *other as usize == place) {
                found.remove();
            }
        }
        self.entries[place].value = None;
        self.next = place + 1;
        self.stale += self.entries[place].size();
        if self.stale >= SLACK && self.stale * 2 >= self.text.len() + size_of_val(&*self.entries) {
            self.tidy();
        }
        true
    }

    fn iter(&self) -> impl Iterator<Item = (&[u8], V)> {
        self.entries.iter().filter_map(|entry| Some((entry.name(&self.text), entry.value?)))
    }

    /// The place of a name that has not gone.
    #[inline(always)]
    fn find(&self, name: &[u8]) -> Option<usize> {
        let is_next = self.entries.get(self.next).is_some_and(|next| self.is(next, name));
        if is_next { Some(self.next) } else { self.search(name) }
    }

    #[inline]
    fn is(&self, entry: &Slot<V>, name: &[u8]) -> bool {
        entry.value.is_some() && entry.name(&self.text) == name
    }

    #[inline(never)]
    fn search(&self, name: &[u8]) -> Option<usize> {
        let Some(table) = &self.table else { return self.entries.iter().position(|one| self.is(one, name)) };
        let is_it = |place: &u32| self.entries[*place as usize].name(&self.text) == name;
        table.places.find(table.hash(name), is_it).map(|place| *place as usize)
    }

    fn add(&mut self, name: &[u8], value: V) {
        let (len, start) = (u16::try_from(name.len()), u32::try_from(self.text.len()));
        // Before there are too many to be counted no kernel has room for them in one directory.
        let (Ok(len), Ok(start), Ok(place)) = (len, start, u32::try_from(self.entries.len())) else { return };
        self.entries.push(Slot { start, len, value: Some(value) });
        self.text.extend_from_slice(name);
        self.next = 0;
        let has_room = self.table.as_ref().map(|table| table.places.len() < table.places.capacity());
        match &mut self.table {
            Some(table) if has_room == Some(true) => table.add(name, place),
            None if self.entries.len() <= FEW => {}
            _ => self.make_table(),
        }
    }

    /// Makes a table with room for twice as many as there are. Names are read in the order in which they stand, which for many is faster by far
    /// than in that of a table that grows.
    fn make_table(&mut self) {
        let mut table = self.table.take().unwrap_or_default();
        table.places = HashTable::with_capacity(2 * (table.places.len() + 1).max(FEW));
        for (place, entry) in (0..).zip(&self.entries) {
            if entry.value.is_some() {
                table.add(entry.name(&self.text), place);
            }
        }
        self.table = Some(table);
    }

    /// Gives back what is of names that have gone.
    fn tidy(&mut self) {
        let mut kept = Kept::default();
        self.iter().for_each(|(name, value)| kept.add(name, value));
        *self = kept;
    }
}

impl Table {
    fn hash(&self, name: &[u8]) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(name);
        hasher.finish()
    }

    /// Adds a name that it does not have, for which there is room.
    fn add(&mut self, name: &[u8], place: u32) {
        let hash = self.hash(name);
        self.places.insert_unique(hash, place, |_| unreachable!("because there is room"));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn they_are_a_map_whatever_comes_and_goes(
            steps in prop::collection::vec(("[a-d]{1,3}", prop::option::of(any::<u8>())), 0..300),
        ) {
            let (mut names, mut map) = (NameMap::default(), BTreeMap::new());
            // Long ones, so that what has gone is given back now and then.
            for (name, value) in steps {
                let name = name.repeat(40).into_bytes();
                let before = match value {
                    Some(value) => (names.set(&name, value), map.insert(name.clone(), value)),
                    None => (names.remove(&name), map.remove(&name)),
                };
                prop_assert_eq!(before.0, before.1.is_some());
                prop_assert_eq!(names.get(&name), value);
                let Some(names) = &names.0 else { continue };
                prop_assert!(names.table.is_some() || names.entries.len() <= FEW);
                let live: usize = names.entries.iter().filter(|entry| entry.value.is_some()).map(Slot::size).sum();
                prop_assert_eq!(names.text.len() + size_of_val(&*names.entries), live + names.stale);
                prop_assert!(names.stale < SLACK || names.stale < live);
            }
            if let Some(table) = names.0.as_ref().and_then(|names| names.table.as_ref()) {
                prop_assert_eq!(table.places.len(), map.len());
            }
            let kept: BTreeMap<_, _> = names.iter().map(|(name, value)| (name.to_vec(), value)).collect();
            prop_assert_eq!(kept, map);
        }
    }

    #[test]
    fn what_a_million_names_took_is_given_back() {
        let mut names = NameMap::default();
        let name = |number: u32| format!("name-{number}").into_bytes();
        (0..1_000_000).for_each(|number| assert!(!names.set(&name(number), ())));
        (0..999_990).for_each(|number| assert!(names.remove(&name(number))));
        let is_small = |names: &NameMap<()>| {
            let names = names.0.as_ref().expect("there are names");
            names.text.capacity() < 4 * SLACK && names.entries.capacity() * size_of::<Slot<()>>() < 2 * SLACK
        };
        assert!(names.iter().count() == 10 && is_small(&names));
        // One name that comes and goes takes no more.
        (0..100_000).for_each(|number| {
            names.set(&name(number), ());
            names.remove(&name(number));
        });
        assert!(is_small(&names));
    }
}
