//! Names, each with something that is known of it.
//!
//! The names stand one behind the other as they came, so that one more is no allocation, and those that are told of in the order of
//! last time are found without a search. Invariant: less than half of what is kept, but for [`SLACK`] bytes, is of names that have gone.

use std::hash::{BuildHasher, Hasher};

use foldhash::fast::RandomState;
use hashbrown::HashTable;

/// How many bytes may be kept of names that have gone, however few there are left.
const SLACK: usize = 4096;

/// Names, in no order.
#[derive(Debug, Clone, Default)]
pub(super) struct NameMap<V> {
    text: Vec<u8>,
    entries: Vec<Slot<V>>,
    /// Where in `entries` a name is.
    places: HashTable<u32>,
    hasher: RandomState,
    /// The entry behind the one that was looked up last.
    next: usize,
    /// How many bytes are of names that have gone.
    stale: usize,
}

#[derive(Debug, Clone, Copy)]
struct Slot<V> {
    start: usize,
    len: u16,
    /// Nothing, if the name has gone.
    value: Option<V>,
}

impl<V> Slot<V> {
    fn name<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        &text[self.start..self.start + usize::from(self.len)]
    }

    fn size(&self) -> usize {
        size_of::<Self>() + usize::from(self.len)
    }
}

impl<V: Copy + Default> NameMap<V> {
    pub(super) fn get(&self, name: &[u8]) -> Option<V> {
        self.entries[self.find(name)?].value
    }

    /// Sets what is known of a name, which is shorter than a packet.
    #[inline]
    pub(super) fn set(&mut self, name: &[u8], value: V) {
        match self.look_up(name) {
            Some(entry) => entry.value = Some(value),
            None => self.add(name, value),
        }
    }

    pub(super) fn remove(&mut self, name: &[u8]) {
        let Some(place) = self.find(name) else { return };
        let hash = hash(&self.hasher, name);
        if let Ok(found) = self.places.find_entry(hash, |other| *other as usize == place) {
            found.remove();
        }
        self.entries[place].value = None;
        self.next = place + 1;
        self.stale += self.entries[place].size();
        if self.stale >= SLACK && self.stale * 2 >= self.text.len() + size_of_val(&*self.entries) {
            self.tidy();
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], V)> {
        self.entries.iter().filter_map(|entry| Some((entry.name(&self.text), entry.value?)))
    }

    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.entries.iter_mut().filter_map(|entry| entry.value.as_mut())
    }

    #[inline]
    fn look_up(&mut self, name: &[u8]) -> Option<&mut Slot<V>> {
        let place = self.find(name)?;
        self.next = place + 1;
        self.entries.get_mut(place)
    }

    /// The place of a name that has not gone.
    #[inline]
    fn find(&self, name: &[u8]) -> Option<usize> {
        let is_next = self
            .entries
            .get(self.next)
            .is_some_and(|next| next.value.is_some() && next.name(&self.text) == name);
        if is_next { Some(self.next) } else { self.search(name) }
    }

    fn search(&self, name: &[u8]) -> Option<usize> {
        let is_it = |place: &u32| self.entries[*place as usize].name(&self.text) == name;
        self.places.find(hash(&self.hasher, name), is_it).map(|place| *place as usize)
    }

    fn add(&mut self, name: &[u8], value: V) {
        // Before there are too many to be counted there is no memory left.
        let (Ok(len), Ok(place)) = (u16::try_from(name.len()), u32::try_from(self.entries.len())) else {
            return;
        };
        self.entries.push(Slot { start: self.text.len(), len, value: Some(value) });
        self.text.extend_from_slice(name);
        let NameMap { text, entries, hasher, .. } = self;
        let hash_of = |place: &u32| hash(hasher, entries[*place as usize].name(text));
        self.places.insert_unique(hash(hasher, name), place, hash_of);
        self.next = 0;
    }

    /// Gives back what is of names that have gone.
    fn tidy(&mut self) {
        let mut kept = NameMap::default();
        self.iter().for_each(|(name, value)| kept.add(name, value));
        *self = kept;
    }
}

fn hash(hasher: &RandomState, name: &[u8]) -> u64 {
    let mut hasher = hasher.build_hasher();
    hasher.write(name);
    hasher.finish()
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
                match value {
                    Some(value) => {
                        names.set(&name, value);
                        map.insert(name.clone(), value);
                    }
                    None => {
                        names.remove(&name);
                        map.remove(&name);
                    }
                }
                prop_assert_eq!(names.get(&name), value);
                let live: usize = names.entries.iter().filter(|entry| entry.value.is_some()).map(Slot::size).sum();
                prop_assert_eq!(names.text.len() + size_of_val(&*names.entries), live + names.stale);
                prop_assert!(names.stale < SLACK || names.stale < live);
            }
            prop_assert_eq!(names.places.len(), map.len());
            let kept: BTreeMap<_, _> = names.iter().map(|(name, value)| (name.to_vec(), value)).collect();
            prop_assert_eq!(kept, map);
        }
    }

    #[test]
    fn what_a_million_names_took_is_given_back() {
        let mut names = NameMap::default();
        let name = |number: u32| format!("name-{number}").into_bytes();
        (0..1_000_000).for_each(|number| names.set(&name(number), ()));
        (0..999_990).for_each(|number| names.remove(&name(number)));
        assert_eq!(names.iter().count(), 10);
        assert!(names.text.capacity() < 4 * SLACK && names.entries.capacity() < SLACK / 8);
        // One name that comes and goes takes no more.
        (0..100_000).for_each(|number| {
            names.set(&name(number), ());
            names.remove(&name(number));
        });
        assert!(names.text.capacity() < 4 * SLACK && names.entries.capacity() < SLACK / 8);
    }
}
