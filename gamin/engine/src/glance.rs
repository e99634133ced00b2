//! A glance: whether something is still as it was told, at the cost of a `stat` for each name and nothing else.
//!
//! What is not provably the same is looked at in full; that, and whom to glance at, is left to the engine. Invariant: a glance
//! finds nothing new and tells nothing; it only saves the looks that would not either.

use std::sync::Arc;

use gamin_protocol::Tag;

use crate::known::EntriesKnown;
use crate::notice::Seen;
use crate::path::{Name, TreePath};
use crate::stamp::Stamp;

/// How many names one glance is about at most: it must not keep others waiting for long.
pub(crate) const NAMES_MAX: usize = 2048;

/// Names a glance in its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GlanceId(pub u64);

/// What to glance at: entries of one directory.
#[derive(Debug, Clone)]
pub struct GlanceRequest {
    /// The directory, by a path free of links.
    pub directory: TreePath,
    pub(crate) known: Sight,
}

/// What is known of it.
#[derive(Debug, Clone)]
pub(crate) enum Sight {
    /// What is in it, beginning with an entry, and what it looked like when that was listed.
    Listing { tag: Tag, entries: Arc<EntriesKnown>, begin: usize },
    /// Some names, and what stands there, if anything.
    Names(Vec<(Name, Option<Tag>)>),
}

/// How a host sees the directory of a glance.
pub trait Eye {
    /// The directory itself; `None` if it is not there, or looks the same whatever comes and goes in it.
    fn directory(&mut self) -> Option<Stamp>;
    /// An entry of it. No symbolic link is followed.
    fn entry(&mut self, name: &Name) -> Seen;
}

/// What a glance could not show to be unchanged, by its place in the request; empty if all is as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubts(pub(crate) Vec<usize>);

impl Doubts {
    /// Whether all is as it was.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl GlanceRequest {
    /// With which entry to go on, if this glance is not about all that is in the directory.
    pub(crate) fn rest(&self) -> Option<usize> {
        match &self.known {
            Sight::Listing { entries, begin, .. } => {
                Some(begin + NAMES_MAX).filter(|begin| *begin < entries.len())
            }
            Sight::Names(_) => None,
        }
    }

    /// The answer of a host that can't glance there.
    pub fn all_in_doubt(&self) -> Doubts {
        match &self.known {
            Sight::Listing { .. } => Doubts(vec![0]),
            Sight::Names(names) => Doubts((0..names.len()).collect()),
        }
    }

    /// Glances.
    pub fn glance(&self, eye: &mut impl Eye) -> Doubts {
        match &self.known {
            Sight::Listing { tag, entries, begin } => {
                let is_same = eye.directory().is_some_and(|stamp| stamp.fingerprint() == *tag)
                    && entries.iter().skip(*begin).take(NAMES_MAX).all(|(name, file)| {
                        match eye.entry(name) {
                            Seen::Present(stamp) => file.shows(&stamp.of_entry()),
                            Seen::Nothing | Seen::Absent => false,
                        }
                    });
                if is_same { Doubts(Vec::new()) } else { self.all_in_doubt() }
            }
            Sight::Names(names) => {
                let is_doubted = |(name, tag): &(Name, Option<Tag>)| match (eye.entry(name), tag) {
                    (Seen::Present(stamp), Some(tag)) => stamp.fingerprint() != *tag,
                    (Seen::Absent, None) => false,
                    (Seen::Nothing | Seen::Absent | Seen::Present(_), _) => true,
                };
                let doubted = names.iter().map(is_doubted).enumerate();
                Doubts(doubted.filter(|(_, is_doubted)| *is_doubted).map(|(at, _)| at).collect())
            }
        }
    }
}
