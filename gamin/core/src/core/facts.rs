//! What a core says of itself: to a client that asks, and in a trace.
//!
//! How facts travel is left to the protocol, watches to the engine, what happened last to `ring`. Invariant: asking changes
//! nothing, and what is told of one noun is walked by numbers that are seldom used again.

use std::ops::Bound::{Excluded, Unbounded};

use gamin_engine::Time;
use gamin_protocol::Fact;

use super::Core;
use crate::session::{MAX_SUBSCRIPTIONS, SessionId};

/// All nouns, in the order in which a trace tells of them.
pub const NOUNS: &[&str] =
    &["server", "rule", "file-system", "mount", "session", "subscription", "watch", "kernel-watch", "ring"];

impl Core {
    /// The facts of one noun of [`NOUNS`] behind a number, each with its own; of another, none. Who asks can tell its own session.
    pub fn facts<'a>(
        &'a self,
        now: Time,
        asker: Option<SessionId>,
        noun: &'a str,
        after: u64,
    ) -> Box<dyn Iterator<Item = (u64, Fact)> + 'a> {
        match noun {
            "server" => Box::new((after == 0).then(|| (1, self.server_fact(now))).into_iter()),
            "rule" | "file-system" | "mount" => Box::new(self.engine.policy_facts(noun, after)),
            "session" => Box::new(self.session_facts(now, asker, after)),
            "subscription" => Box::new(self.subscription_facts(after)),
            "watch" => Box::new(self.engine.watch_facts(after)),
            "kernel-watch" => Box::new(self.engine.kernel_watch_facts(after)),
            "ring" => Box::new(self.ring.facts(after)),
            _ => Box::new(std::iter::empty()),
        }
    }

    /// Says a word more of itself from now on, or another: what its host knows. It has no blank.
    pub fn describe(&mut self, key: &'static str, word: String) {
        self.described.retain(|(known, _)| *known != key);
        self.described.push((key, word));
    }

    fn server_fact(&self, now: Time) -> Fact {
        let (watches, polled) = self.engine.watch_count();
        let fact = Fact::new("server")
            .word("version", env!("CARGO_PKG_VERSION"))
            .word("uptime", now.since(self.began).as_secs())
            .word("sessions", self.sessions.len())
            .word("subscriptions", self.owners.len())
            .word("subscriptions-max", MAX_SUBSCRIPTIONS)
            .word("watches", watches)
            .word("polled", polled)
            .word("kernel-watches", self.engine.kernel_watch_count());
        let described = self.described.iter().fold(fact, |fact, (key, word)| fact.word(key, word));
        self.ring.counts.tell(described)
    }

    fn session_facts(
        &self,
        now: Time,
        asker: Option<SessionId>,
        after: u64,
    ) -> impl Iterator<Item = (u64, Fact)> {
        let after = SessionId(u32::try_from(after).unwrap_or(u32::MAX));
        self.sessions.range((Excluded(after), Unbounded)).map(move |(id, session)| {
            let fact = Fact::new("session").word("id", id.0).word("pid", session.peer.pid);
            let fact = session.tell(fact.word("age", now.since(session.since).as_secs()));
            // By its number nobody knows it who is in another pid namespace than the server.
            (id.0.into(), if asker == Some(*id) { fact.word("asks", "yes") } else { fact })
        })
    }

    fn subscription_facts(&self, after: u64) -> impl Iterator<Item = (u64, Fact)> {
        self.owners.behind(after).filter_map(|(id, owner)| {
            let (number, path) = self.sessions.get(owner)?.subscription(id)?;
            let fact = Fact::new("subscription")
                .word("id", id.0)
                .word("session", owner.0)
                .word("number", number)
                .word("watch", self.engine.watch_number(id)?)
                .name("path", path);
            Some((id.0.into(), fact))
        })
    }
}
