//! A map for keys that mostly come in ascending order, as ids do that are never used again.
//!
//! It takes little more room than what is in it: chunks are filled one after the other, and each is searched by halves. What the keys
//! are is left to whoever keeps it. Invariants: keys ascend through all chunks; no chunk is empty or longer than [`CHUNK_MAX`], and no
//! two that stand side by side would fit into half of one.

use std::fmt;

/// How many items a chunk has at most.
const CHUNK_MAX: usize = 64;

/// Values by ascending keys, in the order of the keys.
pub struct IdMap<K, V> {
    chunks: Vec<Chunk<K, V>>,
    len: usize,
}

struct Chunk<K, V> {
    /// The key of its first item.
    first: K,
    items: Vec<(K, V)>,
}

impl<K, V> Default for IdMap<K, V> {
    fn default() -> Self {
        IdMap { chunks: Vec::new(), len: 0 }
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for IdMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let items = self.chunks.iter().flat_map(|chunk| &chunk.items);
        f.debug_map().entries(items.map(|(key, value)| (key, value))).finish()
    }
}

impl<K: Copy + Ord, V> IdMap<K, V> {
    /// How many items there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The value of a key.
    pub fn get(&self, key: &K) -> Option<&V> {
        let items = &self.chunks.get(self.chunk_of(key))?.items;
        find(items, key).ok().map(|at| &items[at].1)
    }

    /// The value of a key, to change it.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let chunk = self.chunk_of(key);
        let items = &mut self.chunks.get_mut(chunk)?.items;
        find(items, key).ok().map(|at| &mut items[at].1)
    }

    /// Whether there is a value of a key.
    pub fn contains_key(&self, key: &K) -> bool {
        self.get(key).is_some()
    }

    /// Sets the value of a key; gives the one that it had.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let (chunk, chunks) = (self.chunk_of(&key), self.chunks.len());
        let Some(Chunk { first, items }) = self.chunks.get_mut(chunk) else {
            self.chunks.push(Chunk { first: key, items: vec![(key, value)] });
            self.len = 1;
            return None;
        };
        let at = match find(items, &key) {
            Ok(at) => return Some(std::mem::replace(&mut items[at].1, value)),
            Err(at) => at,
        };
        self.len += 1;
        if items.len() < CHUNK_MAX {
            items.insert(at, (key, value));
            *first = items[0].0;
            return None;
        }
        // What comes behind all others begins a chunk, so that what ascends fills them.
        let is_behind_all = at == CHUNK_MAX && chunk + 1 == chunks;
        let mut behind = if is_behind_all { Vec::new() } else { items.split_off(CHUNK_MAX / 2) };
        match at.checked_sub(items.len()) {
            Some(at) => behind.insert(at, (key, value)),
            None => items.insert(at, (key, value)),
        }
        *first = items[0].0;
        self.chunks.insert(chunk + 1, Chunk { first: behind[0].0, items: behind });
        None
    }

    /// Removes a key; gives its value.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let at = self.chunk_of(key);
        let chunk = self.chunks.get_mut(at)?;
        let (_, value) = chunk.items.remove(find(&chunk.items, key).ok()?);
        self.len -= 1;
        match chunk.items.first() {
            Some((first, _)) => {
                chunk.first = *first;
                self.join(at);
                self.join(at.saturating_sub(1));
            }
            None => drop(self.chunks.remove(at)),
        }
        if self.chunks.len() < self.chunks.capacity() / 4 {
            self.chunks.shrink_to_fit();
        }
        Some(value)
    }

    /// Joins a chunk with the next, if both are small.
    fn join(&mut self, at: usize) {
        let [chunk, next, ..] = &mut self.chunks[at..] else { return };
        if chunk.items.len() + next.items.len() <= CHUNK_MAX / 2 {
            chunk.items.append(&mut next.items);
            self.chunks.remove(at + 1);
        }
    }

    /// The items in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.chunks.iter().flat_map(|chunk| &chunk.items).map(|(key, value)| (key, value))
    }

    /// The keys in order.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.iter().map(|(key, _)| key)
    }

    /// The values in the order of their keys.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// The items from a key on, in order.
    pub fn from(&self, key: K) -> impl Iterator<Item = (&K, &V)> {
        let chunks = &self.chunks[self.chunk_of(&key)..];
        let at = chunks.first().map_or(0, |chunk| find(&chunk.items, &key).unwrap_or_else(|at| at));
        chunks.iter().flat_map(|chunk| &chunk.items).skip(at).map(|(key, value)| (key, value))
    }

    /// The chunk in which a key is, if it is there, or would belong.
    fn chunk_of(&self, key: &K) -> usize {
        self.chunks.partition_point(|chunk| chunk.first <= *key).saturating_sub(1)
    }
}

/// Where a key is among items, or would be.
fn find<K: Ord, V>(items: &[(K, V)], key: &K) -> Result<usize, usize> {
    items.binary_search_by(|(other, _)| other.cmp(key))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn check(map: &IdMap<u16, u32>, model: &BTreeMap<u16, u32>) {
        assert_eq!(map.iter().collect::<Vec<_>>(), model.iter().collect::<Vec<_>>());
        assert_eq!((map.len(), map.is_empty()), (model.len(), model.is_empty()));
        for chunk in &map.chunks {
            assert!((1..=CHUNK_MAX).contains(&chunk.items.len()) && chunk.first == chunk.items[0].0);
        }
        for pair in map.chunks.windows(2) {
            assert!(pair[0].items.len() + pair[1].items.len() > CHUNK_MAX / 2);
        }
    }

    proptest! {
        #[test]
        fn it_is_a_map_in_order(
            steps in proptest::collection::vec((any::<bool>(), 0_u16..400, any::<u32>()), 1..900),
            from in 0_u16..410,
        ) {
            let (mut map, mut model) = (IdMap::default(), BTreeMap::new());
            for (is_new, key, value) in steps {
                if is_new {
                    prop_assert_eq!(map.insert(key, value), model.insert(key, value));
                } else {
                    prop_assert_eq!(map.remove(&key), model.remove(&key));
                }
                prop_assert_eq!(map.get(&key), model.get(&key));
                prop_assert_eq!(map.get_mut(&key), model.get_mut(&key));
            }
            check(&map, &model);
            prop_assert!(map.from(from).eq(model.range(from..)));
        }
    }

    #[test]
    fn what_comes_behind_a_full_chunk_but_before_others_makes_no_chunk_of_its_own() {
        let (mut map, mut model) = (IdMap::default(), BTreeMap::new());
        let keys = (0..64).chain([200]).chain([100]);
        for key in keys {
            map.insert(key, 0);
            model.insert(key, 0);
        }
        check(&map, &model);
    }

    #[test]
    fn what_ascends_fills_the_chunks_and_what_goes_gives_them_back() {
        let (mut map, mut model) = (IdMap::default(), BTreeMap::new());
        for key in 0..10_000 {
            map.insert(key, u32::from(key));
            model.insert(key, u32::from(key));
        }
        assert_eq!(map.chunks.len(), 10_000_usize.div_ceil(CHUNK_MAX));
        for key in (0..10_000).filter(|key| key % 100 != 0) {
            assert_eq!(map.remove(&key), model.remove(&key));
        }
        check(&map, &model);
        assert!(map.chunks.len() <= 8, "{} chunks for 100 items", map.chunks.len());
        for key in (0..10_000).step_by(100) {
            map.remove(&key);
        }
        check(&map, &BTreeMap::new());
    }
}
