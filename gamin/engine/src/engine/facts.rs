//! What the engine says of itself to people: its policy, its watches and kernel watches, as facts.
//!
//! Who asks, and how it gets there, is left to the core. Invariant: nothing changes by being asked, and a walk that
//! goes on behind a number costs what is left of it.

use gamin_protocol::{Fact, Kind};

use super::Engine;
use crate::event::SubscriptionId;
use crate::id::WatchId;
use crate::id_map::Id;
use crate::kernel_watch::ArmingState;
use crate::known::Known;
use crate::policy::Method;
use crate::watch::{Reliance, Watch};

impl Engine {
    /// The number under which [`Engine::watch_facts`] tells of a subscription's watch.
    pub fn watch_number(&self, subscription: SubscriptionId) -> Option<u64> {
        self.by_subscription.get(&subscription).map(|id| id.number())
    }

    /// How many watches there are, and how many of them rely on looking again and again.
    pub fn watch_count(&self) -> (usize, usize) {
        let is_polled = |watch: &Watch| watch.method() != Method::None && watch.reliance == Reliance::None;
        (self.watches.len(), self.watches.values().filter(|watch| is_polled(watch)).count())
    }

    /// How many directories the kernel is asked about.
    pub fn kernel_watch_count(&self) -> usize {
        self.kernel.len()
    }

    /// On what it hangs how a path is watched: the facts of one noun behind a number, each with its own.
    pub fn policy_facts(&self, noun: &str, after: u64) -> impl Iterator<Item = (u64, Fact)> {
        let facts = self.config.policy.facts(usize::try_from(after).unwrap_or(usize::MAX));
        (after.saturating_add(1)..).zip(facts).filter(move |(_, fact)| fact.noun() == noun)
    }

    /// The watches behind a number, each with its own.
    pub fn watch_facts(&self, after: u64) -> impl Iterator<Item = (u64, Fact)> {
        self.watches.behind(after).map(|(id, watch)| {
            let why = self.config.policy.explain(&watch.path, &watch.real());
            (id.number(), watch.fact(id).name("why", why.as_bytes()))
        })
    }

    /// The directories behind a number that the kernel is asked about, each with its own.
    pub fn kernel_watch_facts(&self, after: u64) -> impl Iterator<Item = (u64, Fact)> {
        self.kernel.after(after).map(|(id, directory, needs, arming)| {
            let state = match arming.state {
                ArmingState::Asked => "asked".to_owned(),
                ArmingState::Armed => "armed".to_owned(),
                ArmingState::Refused(why) => format!("refused:{why:?}"),
            };
            let fact = Fact::new("kernel-watch")
                .word("id", id.0)
                .word("level", format_args!("{:?}", arming.level))
                .word("state", state)
                .word("needs", needs)
                .name("directory", directory);
            (id.number(), fact)
        })
    }
}

impl Watch {
    fn fact(&self, id: WatchId) -> Fact {
        let kind = match self.kind {
            Kind::File => "file",
            Kind::Directory => "directory",
        };
        let method = match (self.method(), self.reliance) {
            (Method::None, _) => "none",
            (Method::Poll { .. }, _) => "poll",
            (Method::Kernel, _) if self.plan().calm_at.is_some() => "storm",
            (Method::Kernel, Reliance::Full) => "kernel",
            (Method::Kernel, Reliance::AllButAncestors) => "kernel+look",
            (Method::Kernel, Reliance::None) => "refused",
        };
        let (state, entries) = match &self.known {
            Known::Nothing => ("unknown", 0),
            Known::Absent => ("absent", 0),
            Known::File(_) => ("file", 0),
            Known::Directory(directory) => ("directory", directory.len()),
        };
        Fact::new("watch")
            .word("id", id.0)
            .word("kind", kind)
            .word("method", method)
            .word("coverage", self.coverage.word())
            .word("state", state)
            .word("entries", entries)
            .word("subscriptions", self.subscribers.len())
            .word("looking", if self.rescan().is_some() { "yes" } else { "no" })
            .name("path", &self.path)
    }
}
