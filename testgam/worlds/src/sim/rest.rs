//! What a server may hold at rest: prompt, not held up, quiet, bounded, given back.
//!
//! At rest is when it has done all that it could at this moment. What it holds then is counted by a world and judged here.
//! Invariant: the limits in here are those of docs/semantics.md, not those that the code happens to have.

use std::time::Duration;

use gamin_core::engine::Time;
use gamin_core::{Census, Deadline, Reason, engine};

use crate::check::{Checker, Complaint};

/// The longest that a change is held: of a name that changes without pause.
const HELD_MAX: Duration = Duration::from_secs(1);
/// The most notices that wait for one look.
const NOTICES_MAX: usize = 4096;

/// What a server holds at rest.
#[derive(Debug, Clone, Default)]
pub struct Rest {
    /// The time.
    pub now: Time,
    /// What the core counts.
    pub census: Census,
    /// When it wants to be told the time, and why.
    pub deadline: Option<Deadline>,
    /// How many askings of the kernel are in force.
    pub armings: usize,
    /// Whether the kernel's queue holds notices that the server can hear.
    pub has_notices: bool,
    /// When the server wakes.
    pub wakes_at: Option<Time>,
    /// How many looks may be under way: of paths that lead onto a mount which does not answer. `None`: any number, since some take
    /// long.
    pub rescans_max: Option<usize>,
    /// What waits for each session.
    pub links: Vec<Link>,
}

/// What waits for a session.
#[derive(Debug, Clone, Copy, Default)]
pub struct Link {
    /// Bytes that its socket was not given.
    pub ready: usize,
    /// Whether that has room.
    pub has_room: bool,
    /// Events behind them.
    pub waiting: usize,
    /// How many of these there may be, for what it watches.
    pub waiting_max: usize,
}

impl Rest {
    /// Whether every promise about a server at rest is kept.
    ///
    /// # Errors
    /// The first that is not.
    pub fn check(&self) -> Result<(), Complaint> {
        self.prompt()?;
        self.not_held_up()?;
        self.quiet()?;
        self.bounded()?;
        self.given_back()
    }

    /// *Prompt*: nothing that could be told is held back, and a change for a second at most.
    fn prompt(&self) -> Result<(), Complaint> {
        let promise = Checker::Prompt;
        for Link { ready, has_room, waiting, .. } in &self.links {
            promise.demand(*ready == 0 || !has_room, || {
                format!("{ready} bytes wait for a socket that has room")
            })?;
            promise.demand(*waiting == 0 || *ready > 0, || {
                format!("{waiting} events wait, and nothing is in front of them")
            })?;
        }
        let reads_in = self.wakes_at.map(|at| at.since(self.now));
        promise.demand(!self.has_notices || reads_in.is_some_and(|time| time <= HELD_MAX), || {
            format!("there are notices, and the server wakes only in {reads_in:?}")
        })?;
        let untaken = self.census.engine.untaken;
        promise
            .demand(untaken == 0, || format!("{untaken} effects or outputs of the engine were not taken"))?;
        let held = self.census.engine.held;
        let wakes_in = self.deadline.map(|due| due.at.since(self.now));
        promise.demand(held == 0 || wakes_in.is_some_and(|time| time <= HELD_MAX), || {
            format!("{held} changes are held, and the time matters only in {wakes_in:?}")
        })
    }

    /// *Not held up*: only who asks for what is on a mount that does not answer waits for it.
    fn not_held_up(&self) -> Result<(), Complaint> {
        let rescans = self.census.engine.rescans;
        Checker::NotHeldUp.demand(self.rescans_max.is_none_or(|max| rescans <= max), || {
            let max = self.rescans_max.unwrap_or_default();
            format!(
                "{rescans} paths wait to be looked at, though only {max} lead onto a mount that does not answer"
            )
        })
    }

    /// *Quiet*: there is no deadline but for a change that is held, a path that is polled, a stranger, or the server's end.
    fn quiet(&self) -> Result<(), Complaint> {
        let promise = Checker::Quiet;
        let Census { engine, newcomers, sessions, .. } = &self.census;
        let (polls, polled, rescans) = (engine.polls, engine.polled, engine.rescans);
        promise.demand(polls <= polled, || {
            format!("{polls} rescans are due, though only {polled} paths are polled")
        })?;
        promise.demand(polls + rescans >= polled, || {
            format!("{polled} paths are polled, but only {polls} rescans are due")
        })?;
        let is_due = |reason| self.deadline.is_some_and(|due| due.reason == reason);
        promise.demand(*newcomers > 0 || !is_due(Reason::Handshake), || {
            "a stranger is waited for, and there is none".into()
        })?;
        promise.demand(*sessions == 0 || !is_due(Reason::Idle), || {
            "it is about to end, though it has sessions".into()
        })?;
        promise.demand(engine.held > 0 || !is_due(Reason::Engine(engine::Reason::Settle)), || {
            "a change is due, and none is held".into()
        })
    }

    /// *Bounded*: what waits is no more than what is watched.
    fn bounded(&self) -> Result<(), Complaint> {
        let promise = Checker::Bounded;
        for Link { waiting, waiting_max, .. } in &self.links {
            promise.demand(waiting <= waiting_max, || {
                format!("{waiting} events wait for a client that watches {waiting_max} names")
            })?;
        }
        let waiting = self.census.engine.waiting_max;
        promise.demand(waiting <= NOTICES_MAX, || format!("{waiting} notices wait for one look"))
    }

    /// *Given back*: nothing is held for a session, subscription or path that is no more.
    fn given_back(&self) -> Result<(), Complaint> {
        let promise = Checker::GivenBack;
        let Census { engine, sessions, subscriptions, barriers, .. } = &self.census;
        promise.demand(engine.subscriptions == *subscriptions, || {
            format!("the engine has {} subscriptions, the sessions {subscriptions}", engine.subscriptions)
        })?;
        promise.demand(engine.watches <= engine.subscriptions, || {
            format!("{} paths are watched for {} subscriptions", engine.watches, engine.subscriptions)
        })?;
        let (armings, kernel_watches) = (self.armings, engine.kernel_watches);
        promise.demand(armings <= kernel_watches, || {
            format!("{armings} askings of the kernel for {kernel_watches} directories")
        })?;
        if *sessions == 0 {
            let held = [
                *subscriptions,
                *barriers,
                engine.names,
                engine.rescans,
                engine.polls,
                engine.held,
                kernel_watches,
                armings,
            ];
            promise.demand(held.iter().all(|count| *count == 0), || {
                format!(
                    "there is no session, but there are {engine:?}, {barriers} barriers, {armings} askings of the kernel"
                )
            })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(rest: &Rest) -> Option<Checker> {
        rest.check().err().map(|complaint| complaint.checker)
    }

    fn counted(engine: engine::Census) -> Rest {
        let census = Census { sessions: 1, subscriptions: engine.subscriptions, engine, ..Census::default() };
        Rest { census, ..Rest::default() }
    }

    fn due(reason: Reason, after: Duration) -> Rest {
        let census = Census {
            engine: engine::Census { held: 1, ..Default::default() },
            sessions: 1,
            ..Census::default()
        };
        let now = Time(Duration::from_secs(9));
        Rest { now, census, deadline: Some(Deadline { at: now + after, reason }), ..Rest::default() }
    }

    #[test]
    fn a_server_that_holds_nothing_is_at_rest() {
        assert_eq!(complaint(&Rest::default()), None);
        let link = Link { ready: 9, has_room: false, waiting: 2, waiting_max: 2 };
        assert_eq!(complaint(&Rest { links: vec![link], ..Rest::default() }), None);
    }

    #[test]
    fn what_is_held_back_is_not_prompt() {
        let held = [
            Link { ready: 1, has_room: true, ..Link::default() },
            Link { waiting: 1, waiting_max: 1, has_room: true, ..Link::default() },
        ];
        for link in held {
            assert_eq!(
                complaint(&Rest { links: vec![link], ..Rest::default() }),
                Some(Checker::Prompt),
                "{link:?}"
            );
        }
        assert_eq!(
            complaint(&counted(engine::Census { untaken: 1, ..Default::default() })),
            Some(Checker::Prompt)
        );
        let settle = Reason::Engine(engine::Reason::Settle);
        assert_eq!(complaint(&due(settle, HELD_MAX)), None);
        assert_eq!(complaint(&due(settle, HELD_MAX * 2)), Some(Checker::Prompt));
        let unread =
            Rest { has_notices: true, wakes_at: Some(Time::default() + HELD_MAX * 2), ..Rest::default() };
        assert_eq!(complaint(&unread), Some(Checker::Prompt));
        assert_eq!(complaint(&Rest { wakes_at: Some(Time::default()), ..unread }), None);
        let forgotten = Rest { deadline: None, ..due(settle, HELD_MAX) };
        assert_eq!(complaint(&forgotten), Some(Checker::Prompt));
    }

    #[test]
    fn a_look_that_waits_for_nothing_is_held_up() {
        let waits = counted(engine::Census { rescans: 2, ..Default::default() });
        assert_eq!(complaint(&waits), None, "a scan may take long");
        assert_eq!(complaint(&Rest { rescans_max: Some(2), ..waits.clone() }), None);
        assert_eq!(complaint(&Rest { rescans_max: Some(1), ..waits }), Some(Checker::NotHeldUp));
    }

    #[test]
    fn a_deadline_without_a_reason_is_not_quiet() {
        let polled = |polls, polled| counted(engine::Census { polls, polled, ..Default::default() });
        assert_eq!(complaint(&polled(1, 1)), None);
        assert_eq!(complaint(&polled(1, 0)), Some(Checker::Quiet));
        assert_eq!(complaint(&polled(0, 1)), Some(Checker::Quiet));
        for reason in [Reason::Handshake, Reason::Idle] {
            assert_eq!(complaint(&due(reason, Duration::ZERO)), Some(Checker::Quiet));
        }
    }

    #[test]
    fn what_grows_beyond_what_is_watched_is_not_bounded() {
        let link = Link { ready: 1, has_room: false, waiting: 4, waiting_max: 3 };
        assert_eq!(complaint(&Rest { links: vec![link], ..Rest::default() }), Some(Checker::Bounded));
        let crowded = counted(engine::Census { waiting_max: NOTICES_MAX + 1, ..Default::default() });
        assert_eq!(complaint(&crowded), Some(Checker::Bounded));
    }

    #[test]
    fn what_nobody_needs_has_to_be_given_back() {
        let watched = engine::Census { watches: 1, ..Default::default() };
        assert_eq!(complaint(&counted(watched)), Some(Checker::GivenBack));
        let armed = Rest { armings: 1, ..Rest::default() };
        assert_eq!(complaint(&armed), Some(Checker::GivenBack));
        let mut left = counted(engine::Census { kernel_watches: 1, ..Default::default() });
        left.census.sessions = 0;
        assert_eq!(complaint(&left), Some(Checker::GivenBack));
        left.census.engine.kernel_watches = 0;
        left.census.subscriptions = 1;
        assert_eq!(complaint(&left), Some(Checker::GivenBack));
    }
}
