//! Watches by what they watch.
//!
//! Their paths stand in the watches themselves, which are lent at each call. Invariant: of each path there is at most one of a kind.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use gamin_protocol::Kind;
use hashbrown::HashTable;

use crate::id::WatchId;
use crate::id_map::IdMap;
use crate::path::TreePath;
use crate::watch::Watch;

/// All watches.
pub(crate) type Watches = IdMap<WatchId, Watch>;

/// Finds watches by path and kind.
#[derive(Debug, Default)]
pub(crate) struct WatchIndex {
    watches: HashTable<WatchId>,
    hasher: FixedState,
}

impl WatchIndex {
    /// The watch of a path.
    pub(crate) fn get(&self, watches: &Watches, path: &TreePath, kind: Kind) -> Option<WatchId> {
        let is_it =
            |id: &WatchId| watches.get(id).is_some_and(|watch| watch.kind == kind && watch.path == *path);
        self.watches.find(self.hasher.hash_one((path, kind)), is_it).copied()
    }

    /// Adds a watch, unless there is one.
    pub(crate) fn add(&mut self, watches: &Watches, id: WatchId) {
        let Some(watch) = watches.get(&id) else { return };
        if self.get(watches, &watch.path, watch.kind).is_some() {
            return;
        }
        let hasher = &self.hasher;
        self.watches.insert_unique(hash(hasher, watches, &id), id, |id| hash(hasher, watches, id));
    }

    /// Gives back the room of those that were removed.
    pub(crate) fn give_back(&mut self, watches: &Watches) {
        let hasher = &self.hasher;
        self.watches.shrink_to_fit(|id| hash(hasher, watches, id));
    }

    /// Removes a watch, if it is the one that is found.
    pub(crate) fn remove(&mut self, id: WatchId, path: &TreePath, kind: Kind) {
        if let Ok(found) = self.watches.find_entry(self.hasher.hash_one((path, kind)), |other| *other == id) {
            found.remove();
        }
        if self.watches.is_empty() {
            self.watches = HashTable::new();
        }
    }
}

fn hash(hasher: &FixedState, watches: &Watches, id: &WatchId) -> u64 {
    watches.get(id).map_or(0, |watch| hasher.hash_one((&watch.path, watch.kind)))
}
