//! What an engine holds, counted: for whoever wants to know whether it is at rest, and whether everything was given back.
//!
//! Nothing depends on it. Invariant: an engine without subscriptions counts nothing.

use crate::engine::Engine;
use crate::known::Known;

/// What an engine holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Census {
    /// Subscriptions.
    pub subscriptions: usize,
    /// Paths.
    pub watches: usize,
    /// Names of entries that were told.
    pub names: usize,
    /// Paths that are looked at just now.
    pub rescans: usize,
    /// Paths that are looked at again and again, or have to be looked at once.
    pub polled: usize,
    /// Looks that are due at a certain time.
    pub polls: usize,
    /// Changes that wait to be told.
    pub held: usize,
    /// Subjects that changed lately.
    pub paces: usize,
    /// Notices that wait for a rescan.
    pub waiting: usize,
    /// The most of them that wait for one rescan.
    pub waiting_max: usize,
    /// Directories that the kernel is asked about.
    pub kernel_watches: usize,
    /// Barriers that were not reached.
    pub barriers: usize,
    /// Effects and outputs that nobody has taken.
    pub untaken: usize,
}

impl Engine {
    /// Counts what it holds.
    pub fn census(&self) -> Census {
        let names = |known: &Known| match known {
            Known::Directory(directory) => directory.len(),
            Known::Nothing | Known::Absent | Known::File(_) => 0,
        };
        let waiting = || self.watches.values().filter_map(|watch| Some(watch.rescan()?.waiting.len()));
        Census {
            subscriptions: self.by_subscription.len(),
            watches: self.watches.len(),
            names: self.watches.values().map(|watch| names(&watch.known)).sum(),
            rescans: self.watches.values().filter(|watch| watch.rescan().is_some()).count(),
            polled: self.watches.values().filter(|watch| watch.is_owed_a_rescan()).count(),
            polls: self.polls.len() + self.rounds.len(),
            held: self.paces.held(),
            paces: self.paces.count(),
            waiting: waiting().sum(),
            waiting_max: waiting().max().unwrap_or(0),
            kernel_watches: self.kernel.len(),
            barriers: self.barriers.len(),
            untaken: self.effects.len() + self.outputs.len(),
        }
    }
}
