//! How to play a suite. Data only.

use std::num::NonZero;
use std::time::Duration;

use crate::options::{PlayOptions, WorldKind};

/// How to play a suite.
#[derive(Debug, Clone)]
pub struct SuiteOptions {
    /// How to play each scenario; its `stop` ends the whole suite.
    pub play: PlayOptions,
    /// The worlds to play each scenario in, in this order.
    pub worlds: Vec<WorldKind>,
    /// How many scenarios play at once.
    pub jobs: NonZero<usize>,
    /// How often each is played in a world; all its transcripts have to be the same, in all worlds.
    pub repeat: NonZero<u32>,
    /// Whether transcripts become snapshots.
    pub accepts: bool,
    /// How long a scenario may take.
    pub bound: Duration,
}
