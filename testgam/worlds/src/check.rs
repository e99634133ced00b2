//! The checkers: what must be true of every history, whatever it is about.
//!
//! Each promise of docs/semantics.md has one here, or in [`told`](crate::told) where a stream alone shows whether it was kept. They look at what
//! the world knows and a client cannot: when something happened, and what the server holds. Who calls them when is left to
//! the worlds. Invariant: a checker complains only of what was promised; what it cannot judge it passes over.

use std::fmt;

/// The promise that was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Checker {
    /// What was told in the end is what is there.
    Converged,
    /// Each event was possible after those before it.
    ConsistentStream,
    /// After a cancel one Acknowledge, then silence.
    OneAcknowledge,
    /// Nothing is told that no operation caused.
    NoPhantom,
    /// Of each name, what is told is told in the order in which it was done.
    Order,
    /// What ended before the barrier was asked for is told before it is answered.
    BarrierSound,
    /// Nothing is held back that could be told.
    Prompt,
    /// Nobody waits for what he did not ask for.
    NotHeldUp,
    /// Nothing is to be done later but for a reason.
    Quiet,
    /// Nothing that waits is more than what is watched.
    Bounded,
    /// What nobody needs any more is given back.
    GivenBack,
    /// The server comes to rest.
    AtRest,
    /// A server lasts until somebody ends it.
    Steady,
    /// What a watcher of others' making can be accused of.
    Claim(Claim),
}

/// What a watcher of others' making can be accused of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Claim {
    /// It did not say in time that it watches.
    NotReady,
    /// Of what is written nothing is told.
    Deaf,
    /// Something is there, or was written to, and was not told.
    Missing,
    /// Something was told, and is not there.
    Phantom,
    /// More happened than the kernel's queue holds, and it did not say that it lost some.
    GapNotSaid,
    /// It ended by itself.
    Died,
    /// It told of something when it had had time enough before.
    Late,
}

impl Claim {
    /// All of them.
    pub const ALL: [Claim; 7] = [
        Claim::NotReady,
        Claim::Deaf,
        Claim::Missing,
        Claim::Phantom,
        Claim::GapNotSaid,
        Claim::Died,
        Claim::Late,
    ];
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Claim::NotReady => "not ready",
            Claim::Deaf => "deaf",
            Claim::Missing => "missing",
            Claim::Phantom => "phantom",
            Claim::GapNotSaid => "gap not said",
            Claim::Died => "died",
            Claim::Late => "late",
        })
    }
}

impl Checker {
    /// Complains unless something holds.
    pub(crate) fn demand(self, holds: bool, what: impl FnOnce() -> String) -> Result<(), Complaint> {
        if holds { Ok(()) } else { Err(Complaint::new(self, what())) }
    }
}

impl fmt::Display for Checker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Checker::Claim(claim) => return claim.fmt(f),
            Checker::Converged => "converged",
            Checker::ConsistentStream => "consistent stream",
            Checker::OneAcknowledge => "one Acknowledge, then silence",
            Checker::NoPhantom => "no phantom",
            Checker::Order => "order",
            Checker::BarrierSound => "barrier sound",
            Checker::Prompt => "prompt",
            Checker::NotHeldUp => "not held up",
            Checker::Quiet => "quiet",
            Checker::Bounded => "bounded",
            Checker::GivenBack => "given back",
            Checker::AtRest => "at rest",
            Checker::Steady => "steady",
        })
    }
}

/// What a checker has found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct Complaint {
    /// Which promise was broken.
    pub checker: Checker,
    /// How.
    pub what: String,
}

impl Complaint {
    /// A complaint.
    pub fn new(checker: Checker, what: impl Into<String>) -> Complaint {
        Complaint { checker, what: what.into() }
    }
}
