//! A map for ids that are given out in ascending order and mostly stay, each of which takes no room beside its value.
//!
//! Ids stand in rows of 128. A row says of each of its ids whether it is there, and keeps the values of those that are.
//! What the ids name is left to whoever keeps it; ids far apart cost a row each, and no more time. Invariants: no row is empty, and each
//! has as many values as ids.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use crate::event::SubscriptionId;
use crate::id::{ArmingId, WatchId};

/// How many ids a row has at most.
const ROW: u64 = 128;

/// What can be a key of an [`IdMap`]: a number by another name.
pub trait Id: Copy {
    /// The number.
    fn number(self) -> u64;

    /// The id of a number that [`Id::number`] gave; behind the last of these comes the first again.
    fn of(number: u64) -> Self;
}

macro_rules! named_by_a_number {
    ($($type:ident),*) => {
        $(impl Id for $type {
            fn number(self) -> u64 {
                self.0.number()
            }

            fn of(number: u64) -> $type {
                $type(Id::of(number))
            }
        })*
    };
}

named_by_a_number!(ArmingId, SubscriptionId, WatchId);

impl Id for u64 {
    fn number(self) -> u64 {
        self
    }

    fn of(number: u64) -> u64 {
        number
    }
}

impl Id for u32 {
    fn number(self) -> u64 {
        u64::from(self)
    }

    #[allow(clippy::cast_possible_truncation, reason = "it was one, or is the one behind the last")]
    fn of(number: u64) -> u32 {
        number as u32
    }
}

/// Negative ones come last.
impl Id for i32 {
    fn number(self) -> u64 {
        u64::from(self.cast_unsigned())
    }

    fn of(number: u64) -> i32 {
        u32::of(number).cast_signed()
    }
}

/// Values by ids, in the order of their numbers.
pub struct IdMap<K, V> {
    /// By the number of the first id of each, in rows.
    rows: BTreeMap<u64, Row<V>>,
    len: usize,
    ids: PhantomData<K>,
}

struct Row<V> {
    /// A bit for each id that is there.
    present: u128,
    values: Vec<V>,
}

/// Where an id is: its row, and its bit in there.
#[derive(Clone, Copy)]
struct Spot {
    at: u64,
    bit: u128,
}

impl Spot {
    fn of(id: impl Id) -> Spot {
        Spot { at: id.number() / ROW, bit: 1 << (id.number() % ROW) }
    }
}

impl<V> Row<V> {
    fn has(&self, spot: Spot) -> bool {
        self.present & spot.bit != 0
    }

    /// How many values stand before that of an id.
    fn before(&self, spot: Spot) -> usize {
        (self.present & (spot.bit - 1)).count_ones() as usize
    }

    /// Its ids that are there, if it stands at this place.
    fn ids<K: Id>(&self, at: u64) -> impl Iterator<Item = K> {
        let is_there = move |bit: &u64| self.present & (1 << bit) != 0;
        (0..ROW).filter(is_there).map(move |bit| K::of(at * ROW + bit))
    }

    fn iter<K: Id>(&self, at: u64) -> impl Iterator<Item = (K, &V)> {
        self.ids(at).zip(&self.values)
    }
}

impl<K, V> Default for IdMap<K, V> {
    fn default() -> Self {
        IdMap { rows: BTreeMap::new(), len: 0, ids: PhantomData }
    }
}

impl<K: Id + fmt::Debug, V: fmt::Debug> fmt::Debug for IdMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<K: Id, V> IdMap<K, V> {
    /// How many ids there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The value of an id.
    pub fn get(&self, id: &K) -> Option<&V> {
        let spot = Spot::of(*id);
        let row = self.rows.get(&spot.at)?;
        row.has(spot).then(|| &row.values[row.before(spot)])
    }

    /// The value of an id, to change it.
    pub fn get_mut(&mut self, id: &K) -> Option<&mut V> {
        let spot = Spot::of(*id);
        let row = self.rows.get_mut(&spot.at)?;
        row.has(spot).then(|| {
            let before = row.before(spot);
            &mut row.values[before]
        })
    }

    /// Whether there is a value of an id.
    pub fn contains_key(&self, id: &K) -> bool {
        self.get(id).is_some()
    }

    /// Sets the value of an id; gives the one that it had.
    pub fn insert(&mut self, id: K, value: V) -> Option<V> {
        let spot = Spot::of(id);
        let room = self.room_of_new(spot.at);
        let row =
            self.rows.entry(spot.at).or_insert_with(|| Row { present: 0, values: Vec::with_capacity(room) });
        let before = row.before(spot);
        if row.has(spot) {
            return Some(std::mem::replace(&mut row.values[before], value));
        }
        row.present |= spot.bit;
        row.values.insert(before, value);
        self.len += 1;
        None
    }

    /// How much room a new row takes at once: behind a full one it is to be full, too, and room that grows leaves pieces behind.
    fn room_of_new(&self, at: u64) -> usize {
        let before = at.checked_sub(1).and_then(|before| self.rows.get(&before));
        before.filter(|row| row.present == u128::MAX).map_or(0, |row| row.values.len())
    }

    /// Removes an id; gives its value.
    pub fn remove(&mut self, id: &K) -> Option<V> {
        let spot = Spot::of(*id);
        let row = self.rows.get_mut(&spot.at)?;
        if !row.has(spot) {
            return None;
        }
        row.present &= !spot.bit;
        let value = row.values.remove(row.before(spot));
        self.len -= 1;
        give_back(&mut row.values);
        if row.values.is_empty() {
            self.rows.remove(&spot.at);
        }
        Some(value)
    }

    /// The ids and their values in order.
    pub fn iter(&self) -> impl Iterator<Item = (K, &V)> {
        self.rows.iter().flat_map(|(at, row)| row.iter(*at))
    }

    /// The ids in order.
    pub fn keys(&self) -> impl Iterator<Item = K> {
        self.rows.iter().flat_map(|(at, row)| row.ids(*at))
    }

    /// The values in the order of their ids.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.rows.values().flat_map(|row| &row.values)
    }

    /// The ids behind a number and their values, in order.
    pub fn behind(&self, number: u64) -> impl Iterator<Item = (K, &V)> {
        self.rows
            .range(number / ROW..)
            .flat_map(|(at, row)| row.iter(*at))
            .skip_while(move |(id, _): &(K, _)| id.number() <= number)
    }

    /// The next id to give after the last that was given: one that is not there, nor 0, behind which all are.
    pub fn next_free(&self, last: K) -> K {
        let mut id = last;
        loop {
            id = K::of(id.number().wrapping_add(1));
            if id.number() != 0 && !self.contains_key(&id) {
                return id;
            }
        }
    }
}

/// Gives room back of which little is in use.
fn give_back<T>(items: &mut Vec<T>) {
    if items.len() <= items.capacity() / 4 {
        items.shrink_to(2 * items.len());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(map: &IdMap<u32, u32>, model: &BTreeMap<u32, u32>) {
        assert!(map.iter().eq(model.iter().map(|(id, value)| (*id, value))));
        assert!(map.keys().eq(model.keys().copied()) && map.values().eq(model.values()));
        assert_eq!((map.len(), map.is_empty()), (model.len(), model.is_empty()));
        for (at, Row { present, values }) in &map.rows {
            assert!(*present != 0 && present.count_ones() as usize == values.len());
            let is_new = values.capacity() == ROW as usize && map.room_of_new(*at) == ROW as usize;
            assert!(is_new || values.capacity() <= 4 * values.len().max(1), "room for what is no more");
        }
    }

    #[test]
    fn a_negative_number_is_one_too() {
        let mut map = IdMap::default();
        for number in [1, -1, i32::MIN, i32::MAX] {
            map.insert(number, number);
        }
        assert!(map.iter().eq([1, i32::MAX, i32::MIN, -1].iter().map(|number| (*number, number))));
    }

    proptest! {
        #[test]
        fn it_is_a_map_in_order(
            steps in proptest::collection::vec((any::<bool>(), 0_u32..400, any::<u32>()), 1..900),
            from in 0_u32..410,
        ) {
            let (mut map, mut model) = (IdMap::default(), BTreeMap::new());
            for (is_new, id, value) in steps {
                if is_new {
                    prop_assert_eq!(map.insert(id, value), model.insert(id, value));
                } else {
                    prop_assert_eq!(map.remove(&id), model.remove(&id));
                }
                prop_assert_eq!(map.get(&id), model.get(&id));
                prop_assert_eq!(map.get_mut(&id), model.get_mut(&id));
                prop_assert_eq!(map.contains_key(&id), model.contains_key(&id));
            }
            check(&map, &model);
            prop_assert!(map.behind(from.into()).eq(model.range(from + 1..).map(|(id, value)| (*id, value))));
        }
    }

    #[test]
    fn what_is_far_apart_is_found_and_the_last_number_is_one() {
        let mut map = IdMap::default();
        for number in [u32::MAX, 0, 127, 128, 1 << 30] {
            map.insert(SubscriptionId(number), number);
        }
        assert!(map.keys().eq([0, 127, 128, 1 << 30, u32::MAX].map(SubscriptionId)));
        assert!(map.behind(128).map(|(_, value)| *value).eq([1 << 30, u32::MAX]));
        assert_eq!(map.behind(u32::MAX.into()).count(), 0);
        assert_eq!(map.remove(&SubscriptionId(u32::MAX)), Some(u32::MAX));
        assert_eq!(map.get(&SubscriptionId(127)), Some(&127));
    }

    #[test]
    fn behind_the_last_id_comes_the_first_that_is_free() {
        let mut map = IdMap::default();
        for number in [1, u32::MAX] {
            map.insert(WatchId(number), ());
        }
        assert_eq!(map.next_free(WatchId(2)), WatchId(3));
        assert_eq!(map.next_free(WatchId(u32::MAX - 1)), WatchId(2));
    }

    #[test]
    fn ids_far_apart_that_come_and_go_in_any_order_take_no_longer() {
        let far = |number: u32| (200_000 - number) * 128;
        let mut map = IdMap::default();
        assert!((0..200_000).all(|number| map.insert(far(number), number).is_none()));
        assert!((0..200_000).rev().all(|number| map.remove(&far(number)) == Some(number)));
        assert!(map.is_empty());
    }

    #[test]
    fn what_goes_gives_its_room_back() {
        let (mut map, mut model) = (IdMap::default(), BTreeMap::new());
        for id in 0..10_000 {
            map.insert(id, id);
            model.insert(id, id);
        }
        assert_eq!(map.rows.len(), 10_000_usize.div_ceil(ROW as usize));
        for id in (0..10_000).filter(|id| id % 100 != 0) {
            assert_eq!(map.remove(&id), model.remove(&id));
        }
        check(&map, &model);
        for id in (0..10_000).step_by(100) {
            map.remove(&id);
        }
        check(&map, &BTreeMap::new());
        assert!(map.rows.is_empty());
    }
}
