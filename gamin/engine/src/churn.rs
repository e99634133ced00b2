//! How busy a resource is: how much may be told of it at once, and when it has to wait.
//!
//! What waits, and how it is told, is left to `pace` and the engine. Invariants: whoever rests for a while is prompt again; who
//! goes on without pause gets a turn about once a second; none of it is remembered for longer than it matters.

use std::time::Duration;

use crate::time::Time;

/// What one turn costs: the time in which it is made up for.
const TURN: Duration = Duration::from_secs(1);
/// Names come and go at one time, whatever happens to each, as long as no pause between them is longer than this …
const PAUSE: Duration = Duration::from_millis(25);
/// … and the whole takes no longer than this.
const OCCASION: Duration = Duration::from_millis(250);
/// How many such times may follow each other closely.
const OCCASIONS: u32 = 12;
/// How many notices a watch may have in a second for as long as it likes, …
const NOTICES_A_SECOND: u32 = 1000;
/// … and how many more at once: a burst that comes to an end, several times as long as the kernel's queue.
const NOTICES_AT_ONCE: u32 = 50_000;
/// How long nothing may have changed before the kernel is asked again about one that was too busy for it.
pub(crate) const CALM: Duration = Duration::from_secs(3);

/// What was spent lately, as the moment at which all of it is made up for.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Budget(Time);

impl Budget {
    pub(crate) fn spend_turn(&mut self, now: Time, turns_max: u32) {
        self.spend(now, TURN);
        // Turns that were forced are not held against anybody for ever.
        self.0 = self.0.min(now + TURN * turns_max);
    }

    /// From when on a turn may be taken, of so many that may follow each other closely.
    pub(crate) fn next_turn(self, turns_max: u32) -> Time {
        Time(self.0.0.saturating_sub(TURN * turns_max.saturating_sub(1)))
    }

    pub(crate) fn is_rested(self, now: Time) -> bool {
        self.0 <= now
    }

    fn spend(&mut self, now: Time, cost: Duration) {
        self.0 = self.0.max(now) + cost;
    }
}

/// How busy a watch is.
#[derive(Debug, Default)]
pub(crate) struct Churn {
    /// Spent by what comes and goes.
    coming_and_going: Budget,
    /// The time at which names come and go that goes on: when it began, and the last of them.
    occasion: Option<(Time, Time)>,
    /// Spent by notices of any kind.
    notices: Budget,
}

impl Churn {
    /// Whether something that comes or goes now is told at once. Otherwise it has to wait until [`Churn::next_turn`].
    pub(crate) fn admits(&mut self, now: Time) -> bool {
        let goes_on = |(began, last): &(Time, Time)| now.since(*last) < PAUSE && now.since(*began) < OCCASION;
        if let Some((began, _)) = self.occasion.filter(goes_on) {
            self.occasion = Some((began, now));
            return true;
        }
        self.occasion = None;
        if self.next_turn() > now {
            return false;
        }
        self.take_turn(now);
        self.occasion = Some((now, now));
        true
    }

    /// When something that came or went may be told.
    pub(crate) fn next_turn(&self) -> Time {
        self.coming_and_going.next_turn(OCCASIONS)
    }

    /// Takes note that what waited is told.
    pub(crate) fn take_turn(&mut self, now: Time) {
        self.coming_and_going.spend_turn(now, OCCASIONS);
    }

    /// Takes note of a notice; gives whether there are so many that it would be cheaper to look now and then.
    pub(crate) fn is_stormy(&mut self, now: Time) -> bool {
        let cost = Duration::from_secs(1) / NOTICES_A_SECOND;
        self.notices.spend(now, cost);
        self.notices.0 > now + cost * NOTICES_AT_ONCE
    }

    /// Begins to count anew.
    pub(crate) fn forget(&mut self) {
        *self = Churn::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Time {
        Time(Duration::from_millis(1_000_000 + ms))
    }

    /// How many of the changes at these times are told at once.
    fn admitted(times: impl Iterator<Item = u64>) -> usize {
        let mut churn = Churn::default();
        times.filter(|at| churn.admits(ms(*at))).count()
    }

    #[test]
    fn a_burst_of_half_a_second_is_admitted_whole() {
        assert_eq!(admitted((0..5000).map(|at| at / 10)), 5000);
    }

    #[test]
    fn a_long_trickle_is_told_for_a_while_and_then_once_a_second() {
        let told = admitted((0..150).map(|at| at * 30));
        assert_eq!(told, 12 + 4, "a dozen, and then one in each of the four seconds that are left");
    }

    #[test]
    fn a_flood_is_not_told_for_longer_than_a_few_seconds() {
        let told = admitted((0..60_000).map(|at| at / 2));
        assert!((6_000..24_000).contains(&told), "{told} of sixty thousand in half a minute");
    }

    #[test]
    fn who_rests_is_prompt_again() {
        let mut churn = Churn::default();
        assert!((0..100).any(|at| !churn.admits(ms(at * 100))));
        for at in [13_000, 13_100, 13_200] {
            assert!(churn.admits(ms(at)), "at {at} ms, three seconds after the last");
        }
    }

    #[test]
    fn a_burst_is_no_storm_and_what_goes_on_is_one() {
        let mut churn = Churn::default();
        assert!(!(0..50_000).any(|_| churn.is_stormy(ms(500))));
        let mut churn = Churn::default();
        assert!(!(0..100_000).any(|at| churn.is_stormy(ms(at))), "a thousand a second");
        assert!((0..100_000).any(|at| churn.is_stormy(ms(200_000 + at / 10))), "ten thousand a second");
    }
}
