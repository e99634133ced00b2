//! What came of a watcher in the league. Data only.
//!
//! It is written as JSON, and read again by who goes on. Invariant: it says how it can be had again: seed, number of histories, command, version.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use testgam_worlds::peer::cost::Cost;

use crate::explore::history::Proof;

/// What came of a watcher.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// What it is called.
    pub name: String,
    /// How it is named on a command line.
    #[serde(default)]
    pub arguments: String,
    /// What it is.
    pub about: String,
    /// How it says which version it is.
    pub version: String,
    /// How it was started.
    pub command: Vec<String>,
    /// Its own delay.
    pub quiet_ms: u64,
    /// Where the dice began.
    pub seed: u64,
    /// How many histories it was asked to play.
    pub histories: u64,
    /// How many it played, and how many could not be.
    pub played: u64,
    /// How many could not be played with it.
    pub skipped: u64,
    /// What it was accused of in histories, and how often.
    pub claims: BTreeMap<String, Charge>,
    /// What came of each ordeal.
    pub ordeals: BTreeMap<String, Ending>,
    /// What it costs, if that was looked at.
    pub expenses: Option<Expenses>,
    /// How long histories and ordeals took.
    pub took_s: f64,
}

/// One claim.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Charge {
    /// In how many histories.
    pub count: u64,
    /// The numbers of these. They have the claim in common, and may have nothing else; the first that showed it again became the least.
    #[serde(default)]
    pub numbers: Vec<u64>,
    /// What was wrong with the least.
    pub message: String,
    /// The least.
    pub scenario: String,
    /// How often that showed it.
    pub proof: Option<Proof>,
}

/// What came of an ordeal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// It kept what it promises.
    Held,
    /// It cannot be played, for this reason.
    Skipped(String),
    /// It was accused.
    Broken {
        /// Of this.
        claim: String,
        /// What was seen.
        message: String,
        /// How often it was shown.
        proof: Proof,
    },
}

/// What a watcher costs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Expenses {
    /// How long after a file had been written it was told, in microseconds: the median.
    pub latency_p50_us: u64,
    /// Of a hundred, the worst but one.
    pub latency_p99_us: u64,
    /// The worst.
    pub latency_max_us: u64,
    /// How long it took to watch an empty directory.
    pub start_ms: u64,
    /// What it used then, with a few files.
    pub small: Cost,
    /// How long it took to watch 10,000 directories; `None` if it did not.
    pub start_large_ms: Option<u64>,
    /// What it used then.
    pub large: Cost,
}
