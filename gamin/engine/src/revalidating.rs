//! The revalidations under way: what each is about, and for which watches.
//!
//! When to revalidate, and what follows from what is seen, is left to the engine's rounds. Invariant: watches of entries and what is known of
//! them stand in the same order, which is that of the names in a request about them.

use crate::id::WatchId;
use crate::revalidation::{NameKnown, RevalidationRequest};

/// A revalidation under way, and whom it is about.
#[derive(Debug)]
pub(crate) struct Revalidating {
    pub(crate) request: RevalidationRequest,
    pub(crate) whom: Whom,
}

#[derive(Debug)]
pub(crate) enum Whom {
    /// A directory; and entries of it that are served by the same, as long as nothing is in doubt.
    Directory(WatchId, EntryWatches),
    /// Entries, in the order of their names in the request.
    Entries(Vec<WatchId>),
}

/// Watches of entries of one directory, and what is known of each.
#[derive(Debug, Default)]
pub(crate) struct EntryWatches {
    pub(crate) ids: Vec<WatchId>,
    pub(crate) names: Vec<NameKnown>,
}

impl EntryWatches {
    pub(crate) fn push(&mut self, id: WatchId, known: NameKnown) {
        self.ids.push(id);
        self.names.push(known);
    }

    /// Those of whom it holds, and the others.
    pub(crate) fn partition(self, holds: impl Fn(&NameKnown) -> bool) -> (EntryWatches, EntryWatches) {
        let (mut those, mut others) = (EntryWatches::default(), EntryWatches::default());
        for (id, known) in self.ids.into_iter().zip(self.names) {
            let into = if holds(&known) { &mut those } else { &mut others };
            into.push(id, known);
        }
        (those, others)
    }
}
