//! The polled watches, by how often they are looked at.
//!
//! What a rescan is, is left to the engine. Invariant: all watches of one interval are due at once, so that many of them cost
//! one wake-up, and no bookkeeping from one time to the next.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::id::WatchId;
use crate::time::Time;

#[derive(Debug)]
struct Round {
    at: Time,
    members: BTreeSet<WatchId>,
}

/// All rounds, by interval.
#[derive(Debug, Default)]
pub(crate) struct Rounds(BTreeMap<Duration, Round>);

impl Rounds {
    /// Has a watch looked at in this interval from now on, the first time no later than after one.
    pub(crate) fn join(&mut self, now: Time, interval: Duration, watch: WatchId) {
        let begin = || Round { at: now + interval, members: BTreeSet::new() };
        self.0.entry(interval).or_insert_with(begin).members.insert(watch);
    }

    /// Has it looked at no more.
    pub(crate) fn leave(&mut self, interval: Duration, watch: WatchId) {
        let Some(round) = self.0.get_mut(&interval) else { return };
        round.members.remove(&watch);
        if round.members.is_empty() {
            self.0.remove(&interval);
        }
    }

    /// The watches that are due. They are due again after their interval.
    pub(crate) fn take_due(&mut self, now: Time) -> Vec<WatchId> {
        let mut due = Vec::new();
        for (interval, round) in self.0.iter_mut().filter(|(_, round)| round.at <= now) {
            round.at = now + *interval;
            due.extend(round.members.iter().copied());
        }
        due
    }

    /// How many watches are in them.
    pub(crate) fn len(&self) -> usize {
        self.0.values().map(|round| round.members.len()).sum()
    }

    /// When the next ones are due.
    pub(crate) fn next_deadline(&self) -> Option<Time> {
        self.0.values().map(|round| round.at).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Time {
        Time(Duration::from_millis(ms))
    }

    #[test]
    fn each_interval_has_its_round_and_an_empty_one_has_none() {
        let mut rounds = Rounds::default();
        let (often, rarely) = (Duration::from_millis(1000), Duration::from_millis(5000));
        rounds.join(ms(0), often, WatchId(1));
        rounds.join(ms(300), often, WatchId(2));
        rounds.join(ms(300), rarely, WatchId(3));
        assert_eq!(rounds.next_deadline(), Some(ms(1000)));
        assert_eq!(rounds.take_due(ms(999)), []);
        assert_eq!(rounds.take_due(ms(1000)), [WatchId(1), WatchId(2)]);
        assert_eq!(rounds.next_deadline(), Some(ms(2000)));
        rounds.leave(often, WatchId(1));
        rounds.leave(often, WatchId(2));
        assert_eq!(rounds.next_deadline(), Some(ms(5300)));
        assert_eq!(rounds.take_due(ms(6000)), [WatchId(3)]);
        rounds.leave(rarely, WatchId(3));
        assert_eq!(rounds.next_deadline(), None);
    }
}
