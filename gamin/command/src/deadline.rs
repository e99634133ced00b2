//! A deadline that a person has set: how long to wait for it, and how a command ends that has waited in vain.
//!
//! What is waited for is left to the command.

use std::time::{Duration, Instant};

use nix::poll::PollTimeout;

/// The status of a command whose time is up, as of timeout(1).
pub const TIMED_OUT: u8 = 124;

/// How long poll(2) may wait until then. It is rounded up, so that the last wait is not a busy one.
pub fn timeout_until(deadline: Option<Instant>, now: Instant) -> PollTimeout {
    deadline.map_or(PollTimeout::NONE, |deadline| {
        let left = deadline.saturating_duration_since(now) + Duration::from_micros(999);
        PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)
    })
}
