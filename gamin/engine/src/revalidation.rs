//! A revalidation: whether something is still as it was told, at the cost of a `stat` for each name and nothing else.
//!
//! What is not provably the same is looked at in full; that, and whom to revalidate, is left to the engine. Invariant: a revalidation
//! finds nothing new and tells nothing; it only saves the rescans that would not either.

use std::sync::Arc;

use gamin_protocol::Tag;

use crate::entry_table::EntryTable;
use crate::notice::Seen;
use crate::path::{Name, TreePath};
use crate::stamp::Stamp;

/// How many names are revalidated before others have their turn.
const NAMES_MAX: usize = 2048;

/// Names a revalidation in its answers: one that is about many names is asked for bit by bit, each when the one before is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RevalidationId(pub u64);

/// What to revalidate: entries of one directory, a part of them at a time. Cheap to clone.
#[derive(Debug, Clone)]
pub struct RevalidationRequest {
    /// The directory, by a path free of links.
    pub directory: TreePath,
    known: Expected,
    /// With which entry to begin.
    begin: usize,
}

/// What is known of it.
#[derive(Debug, Clone)]
enum Expected {
    /// What is in it, and what it looked like when that was listed.
    Listing { tag: Tag, entries: Arc<EntryTable> },
    /// Some names, and what stands there, if anything.
    Names(Arc<Vec<NameKnown>>),
}

/// A name, and the tag of what stands there, if anything.
pub(crate) type NameKnown = (Name, Option<Tag>);

/// How a host sees the directory of a revalidation.
pub trait Eye {
    /// The directory itself; `None` if it is not there, or looks the same whatever comes and goes in it.
    fn directory(&mut self) -> Option<Stamp>;
    /// An entry of it. No symbolic link is followed.
    fn entry(&mut self, name: &Name) -> Seen;
}

/// What a revalidation could not show to be unchanged, by its place in the request; empty if all is as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubts(pub(crate) Vec<usize>);

impl Doubts {
    /// Whether all is as it was.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl RevalidationRequest {
    /// A revalidation of all that is in a directory, which looked like this when it was listed.
    pub(crate) fn at_listing(directory: TreePath, tag: Tag, entries: Arc<EntryTable>) -> RevalidationRequest {
        RevalidationRequest { directory, known: Expected::Listing { tag, entries }, begin: 0 }
    }

    /// A revalidation of some names in a directory.
    pub(crate) fn at_names(directory: TreePath, names: Vec<NameKnown>) -> RevalidationRequest {
        RevalidationRequest { directory, known: Expected::Names(Arc::new(names)), begin: 0 }
    }

    /// With what to go on behind this part.
    pub(crate) fn next(&self) -> Option<RevalidationRequest> {
        let count = match &self.known {
            Expected::Listing { entries, .. } => entries.len(),
            Expected::Names(names) => names.len(),
        };
        let begin = self.begin + NAMES_MAX;
        (begin < count).then(|| RevalidationRequest { begin, ..self.clone() })
    }

    /// Whether a revalidation of all that is in the directory would show that a name is still as it is known.
    pub(crate) fn serves(&self, (name, tag): &NameKnown) -> bool {
        match &self.known {
            Expected::Listing { entries, .. } => match (entries.get(name), tag) {
                (Some(file), Some(tag)) => file.tag == Some(*tag),
                (None, None) => true,
                (Some(_), None) | (None, Some(_)) => false,
            },
            Expected::Names(_) => false,
        }
    }

    /// The answer of a host that can't revalidate there.
    pub fn all_in_doubt(&self) -> Doubts {
        match &self.known {
            Expected::Listing { .. } => Doubts(vec![0]),
            Expected::Names(names) => Doubts((self.begin..names.len().min(self.begin + NAMES_MAX)).collect()),
        }
    }

    /// Revalidates.
    pub fn revalidate(&self, eye: &mut impl Eye) -> Doubts {
        match &self.known {
            Expected::Listing { tag, entries } => {
                let is_same = eye.directory().is_some_and(|stamp| stamp.fingerprint() == *tag)
                    && entries.iter().skip(self.begin).take(NAMES_MAX).all(|(name, file)| {
                        match eye.entry(&Name::from(name)) {
                            Seen::Present(stamp) => file.shows(&stamp.of_entry()),
                            Seen::Nothing | Seen::Absent => false,
                        }
                    });
                if is_same { Doubts(Vec::new()) } else { self.all_in_doubt() }
            }
            Expected::Names(names) => {
                let is_doubted = |(name, tag): &NameKnown| match (eye.entry(name), tag) {
                    (Seen::Present(stamp), Some(tag)) => stamp.fingerprint() != *tag,
                    (Seen::Absent, None) => false,
                    (Seen::Nothing | Seen::Absent | Seen::Present(_), _) => true,
                };
                let part = names.iter().skip(self.begin).take(NAMES_MAX);
                let doubted = (self.begin..).zip(part.map(is_doubted));
                Doubts(doubted.filter(|(_, is_doubted)| *is_doubted).map(|(at, _)| at).collect())
            }
        }
    }
}
