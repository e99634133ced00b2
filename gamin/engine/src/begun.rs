//! The beginning of a listing that was told before the rest of a long directory was read.
//!
//! When that may be told, and how it goes on, is left to the engine. Invariant: of everything that may have happened to one of those
//! entries since, a notice waits for the rescan, or the entry is in doubt here.

use std::collections::BTreeSet;

use crate::event::SubscriptionId;
use crate::known::Known;
use crate::path::Name;
use crate::scan::{Entries, Found};

/// What was told before the whole was known.
#[derive(Debug)]
pub(crate) struct Begun {
    /// The directory, with the first of its entries.
    pub known: Known,
    /// Whom it was told.
    pub told: Vec<SubscriptionId>,
    /// Which of them may have changed without a notice that waits.
    pub doubts: Doubts,
}

/// Which entries are in doubt.
#[derive(Debug)]
pub(crate) enum Doubts {
    Only(BTreeSet<Name>),
    All,
}

impl Doubts {
    pub(crate) fn contain(&self, name: &[u8]) -> bool {
        match self {
            Doubts::Only(names) => names.contains(name),
            Doubts::All => true,
        }
    }
}

impl Begun {
    pub(crate) fn new(known: Known, told: Vec<SubscriptionId>) -> Begun {
        Begun { known, told, doubts: Doubts::Only(BTreeSet::new()) }
    }

    /// Takes note that a notice about an entry waits no longer.
    pub(crate) fn doubt(&mut self, name: &Name) {
        if let Doubts::Only(names) = &mut self.doubts {
            names.insert(name.clone());
        }
    }

    /// Whether what was found at last is the same directory, with all that is in it.
    pub(crate) fn goes_on_in(&self, found: &Found) -> bool {
        match found {
            Found::Directory { stamp, entries: Entries::Listed(_) | Entries::Named(_), .. } => {
                self.known.is_directory(stamp)
            }
            _ => false,
        }
    }
}
