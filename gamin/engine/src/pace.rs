//! How soon a Changed is told. The first change after a rest is told at once, or as soon as its writer closes the
//! file; those that follow within [`SETTLE`] are merged into one. A subject that goes on changing is told a few times, and
//! then once a second, until it has rested; but the last change of all does not wait that long.
//!
//! What has changed, and whom to tell, is left to the engine; how much may be told at once, to `churn`. Invariant: each change
//! that is held has a deadline, at most a second ahead, so the last state is always told; a subject at rest costs no memory.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::churn::Budget;
use crate::event::Subject;
use crate::id::WatchId;
use crate::time::Time;

/// How long changes of one subject are gathered.
pub(crate) const SETTLE: Duration = Duration::from_millis(5);
/// How many changes of one subject may be told closely one after the other.
const PROMPT: u32 = 4;
/// How long a change that has to wait for its turn waits at most, while nothing follows it. Each time that it is told for that
/// reason it has to wait twice as long the next time, …
const PATIENCE: Duration = Duration::from_millis(200);
/// … up to this.
const PATIENCE_MAX: Duration = Duration::from_secs(1);
/// How often those that rest are looked for.
const SWEEP: Duration = Duration::from_secs(1);

/// Whether another change can be expected right behind this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// It is complete: tell it at once.
    Now,
    /// Its author is likely to go on: a file is open for writing, a rename has its other half to come.
    Soon,
}

type Key = (WatchId, Subject);

#[derive(Debug)]
struct Pace {
    told: Option<Time>,
    spent: Budget,
    held_until: Option<Time>,
    patience: Duration,
}

impl Default for Pace {
    fn default() -> Pace {
        Pace { told: None, spent: Budget::default(), held_until: None, patience: PATIENCE }
    }
}

impl Pace {
    fn is_rested(&self, now: Time) -> bool {
        let is_settled = self.told.is_none_or(|told| told + SETTLE <= now);
        self.held_until.is_none() && is_settled && self.spent.is_rested(now)
    }

    /// This moment, or that until which something is held already.
    fn earlier(&self, at: Time) -> Time {
        self.held_until.map_or(at, |held_until| held_until.min(at))
    }
}

/// The paces of all subjects that changed lately.
#[derive(Debug, Default)]
pub(crate) struct Paces {
    paces: BTreeMap<Key, Pace>,
    held: BTreeSet<(Time, Key)>,
    swept: Time,
}

impl Paces {
    /// Takes note of a change; true if it is to be told now, otherwise it is held.
    pub(crate) fn change(&mut self, now: Time, key: Key, urgency: Urgency) -> bool {
        self.forget_rested(now);
        let pace = self.paces.entry(key.clone()).or_default();
        if pace.spent.is_rested(now) {
            pace.patience = PATIENCE;
        }
        let (settled, turn) = (pace.told.map_or(now, |told| told + SETTLE), pace.spent.next_turn(PROMPT));
        let at = match urgency {
            // Each change that follows begins the wait for the next anew.
            _ if turn > now => turn.min(now + pace.patience),
            Urgency::Now => pace.earlier(settled),
            Urgency::Soon => pace.earlier(settled.max(now + SETTLE)),
        };
        if at <= now {
            self.tell(now, key);
            return true;
        }
        self.hold(key, at);
        false
    }

    /// Holds what is to be told of a subject until then.
    pub(crate) fn hold(&mut self, key: Key, at: Time) {
        let pace = self.paces.entry(key.clone()).or_default();
        if let Some(before) = pace.held_until.replace(at) {
            self.held.remove(&(before, key.clone()));
        }
        self.held.insert((at, key));
    }

    /// The writer has closed the file: what is held need not wait for it any longer. True if it is to be told now.
    pub(crate) fn close(&mut self, now: Time, key: Key) -> bool {
        self.is_held(&key) && self.change(now, key, Urgency::Now)
    }

    /// Drops what is held of a subject, because something else is told of it.
    pub(crate) fn drop_held(&mut self, key: &Key) {
        let Some(pace) = self.paces.get_mut(key) else { return };
        let held_until = pace.held_until.take();
        if pace.told.is_none() {
            self.paces.remove(key);
        }
        if let Some(at) = held_until {
            self.held.remove(&(at, key.clone()));
        }
    }

    /// Drops what is held of a whole watch.
    pub(crate) fn drop_watch(&mut self, watch: WatchId) {
        for key in self.held_of(watch) {
            self.drop_held(&key);
        }
    }

    /// Forgets a watch that is no more.
    pub(crate) fn forget_watch(&mut self, watch: WatchId) {
        self.drop_watch(watch);
        self.paces.retain(|(of, _), _| *of != watch);
    }

    /// Takes out what is due, a change or an arrival; it is to be told now.
    pub(crate) fn pop_due(&mut self, now: Time) -> Option<Key> {
        let (at, key) = self.held.first()?;
        if *at > now {
            return None;
        }
        let key = key.clone();
        if let Some(pace) = self.paces.get_mut(&key).filter(|pace| pace.spent.next_turn(PROMPT) > now) {
            pace.patience = PATIENCE_MAX.min(pace.patience * 2);
        }
        self.tell(now, key.clone());
        Some(key)
    }

    /// Takes out all that is held of a watch, in the order of deadlines; it is to be told now.
    pub(crate) fn flush(&mut self, now: Time, watch: WatchId) -> Vec<Subject> {
        let keys = self.held_of(watch);
        for key in &keys {
            self.tell(now, key.clone());
        }
        keys.into_iter().map(|(_, subject)| subject).collect()
    }

    /// What is held of a watch, in the order of deadlines.
    pub(crate) fn subjects_held(&self, watch: WatchId) -> Vec<Subject> {
        self.held_of(watch).into_iter().map(|(_, subject)| subject).collect()
    }

    /// When the next of what is held is due.
    pub(crate) fn next_deadline(&self) -> Option<Time> {
        self.held.first().map(|(at, _)| *at)
    }

    /// How many changes and arrivals are held.
    pub(crate) fn held(&self) -> usize {
        self.held.len()
    }

    /// How many subjects changed lately.
    pub(crate) fn count(&self) -> usize {
        self.paces.len()
    }

    fn is_held(&self, key: &Key) -> bool {
        self.paces.get(key).is_some_and(|pace| pace.held_until.is_some())
    }

    fn held_of(&self, watch: WatchId) -> Vec<Key> {
        let all = self.paces.range((watch, Subject::Root)..).take_while(|((of, _), _)| *of == watch);
        let mut held: Vec<_> =
            all.filter_map(|(key, pace)| pace.held_until.map(|at| (at, key.clone()))).collect();
        held.sort();
        held.into_iter().map(|(_, key)| key).collect()
    }

    fn tell(&mut self, now: Time, key: Key) {
        self.forget_rested(now);
        let pace = self.paces.entry(key.clone()).or_default();
        pace.told = Some(now);
        pace.spent.spend_turn(now, PROMPT);
        if let Some(at) = pace.held_until.take() {
            self.held.remove(&(at, key));
        }
    }

    fn forget_rested(&mut self, now: Time) {
        if now.since(self.swept) >= SWEEP {
            self.swept = now;
            self.paces.retain(|_, pace| !pace.is_rested(now));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Key = (WatchId(1), Subject::Root);

    fn ms(ms: u64) -> Time {
        Time(Duration::from_millis(ms))
    }

    #[test]
    fn the_first_change_after_a_rest_is_told_at_once() {
        let mut paces = Paces::default();
        assert!(paces.change(ms(0), KEY, Urgency::Now));
        assert!(paces.change(ms(5), KEY, Urgency::Now));
        assert_eq!(paces.next_deadline(), None);
    }

    #[test]
    fn changes_without_pause_are_merged_and_the_last_is_told() {
        let mut paces = Paces::default();
        assert!(paces.change(ms(0), KEY, Urgency::Now));
        assert!(!paces.change(ms(1), KEY, Urgency::Now));
        assert!(!paces.change(ms(2), KEY, Urgency::Now));
        assert_eq!(paces.pop_due(ms(4)), None);
        assert_eq!(paces.pop_due(ms(5)), Some(KEY));
        assert_eq!(paces.pop_due(ms(5)), None);
    }

    #[test]
    fn an_open_file_is_waited_for_until_it_is_closed_or_settled() {
        let mut paces = Paces::default();
        assert!(!paces.change(ms(0), KEY, Urgency::Soon));
        assert!(!paces.change(ms(1), KEY, Urgency::Soon));
        assert!(paces.close(ms(2), KEY));
        assert!(!paces.close(ms(3), KEY));
        assert!(!paces.change(ms(10), KEY, Urgency::Soon));
        assert_eq!(paces.next_deadline(), Some(ms(15)));
        assert_eq!(paces.flush(ms(11), WatchId(1)), [Subject::Root]);
        assert_eq!(paces.next_deadline(), None);
    }

    #[test]
    fn a_file_written_every_100_ms_is_told_about_once_a_second() {
        assert_eq!(told((0..5000).step_by(100)), [0, 100, 200, 300, 1000, 2000, 3000, 4000, 5000].map(ms));
    }

    /// When changes at these times are told, and the wait for what is held at last.
    fn told(changes: impl Iterator<Item = u64>) -> Vec<Time> {
        let mut paces = Paces::default();
        let mut told = Vec::new();
        for at in changes.chain([1_000_000]) {
            while let Some(due) = paces.next_deadline().filter(|due| *due <= ms(at)) {
                told.extend(paces.pop_due(due).map(|_| due));
            }
            if at < 1_000_000 && paces.change(ms(at), KEY, Urgency::Now) {
                told.push(ms(at));
            }
        }
        told
    }

    #[test]
    fn the_last_of_a_few_changes_waits_for_a_fifth_of_a_second() {
        assert_eq!(told((0..60).step_by(10)), [0, 10, 20, 30, 250].map(ms));
    }

    #[test]
    fn a_log_appended_three_times_a_second_is_told_about_once_a_second() {
        let told = told((0..60).map(|line| line * 333));
        assert!((20..=25).contains(&told.len()), "{told:?}");
    }

    #[test]
    fn a_busy_subject_slows_no_other() {
        let mut paces = Paces::default();
        let other = (WatchId(1), Subject::Entry(b"other".as_slice().into()));
        assert!((0..10).any(|at| !paces.change(ms(at * 100), KEY, Urgency::Now)));
        assert!(paces.change(ms(1000), other, Urgency::Now));
    }

    #[test]
    fn subjects_at_rest_cost_nothing() {
        let mut paces = Paces::default();
        for watch in 0..1000 {
            paces.change(ms(u64::from(watch) * 500), (WatchId(watch), Subject::Root), Urgency::Now);
        }
        assert!(paces.paces.len() <= 6, "{}", paces.paces.len());
    }
}
