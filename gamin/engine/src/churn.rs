//! How busy a resource is: how much may be told of it at once, and when it has to wait.
//!
//! What waits, and how it is told, is left to `pace` and the engine. Invariants: what comes is told at once, but for a tenth of a second
//! where a dozen names went again as soon as they had come, and for more only as long as hardly any stays; whoever rests for a
//! while is prompt again.

use std::time::Duration;

use crate::time::Time;

/// What one turn costs: the time in which it is made up for.
const TURN: Duration = Duration::from_secs(1);
/// How many names may closely follow each other that are gone as soon as they have come.
const FLICKERS: u32 = 12;
/// How long what comes is gathered after that; twice as long each time that hardly anything of it stays, …
const GATHERING: Duration = Duration::from_millis(100);
/// … up to this.
const GATHERING_MAX: Duration = Duration::from_secs(1);
/// Rescans are of one time, whatever they are for, as long as no pause between them is longer than this …
const PAUSE: Duration = Duration::from_millis(25);
/// … and the whole takes no longer than this.
const OCCASION: Duration = Duration::from_millis(250);
/// How many such times may follow each other closely.
const OCCASIONS: u32 = 12;
/// How many notices a watch may have in a second for as long as it likes, …
const NOTICES_A_SECOND: u32 = 10_000;
/// … and how many more at once: a burst that comes to an end, many times as long as the kernel's queue.
const NOTICES_AT_ONCE: u32 = 200_000;
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

/// How something has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Departure {
    /// It had been there.
    Plain,
    /// It had only just come.
    Flicker,
    /// That it had come was not told yet. Nor need this be.
    Untold,
}

/// What comes for so long that it is told together, because much of it goes at once.
#[derive(Debug, Clone, Copy)]
struct Gathering {
    until: Time,
    lasts: Duration,
    came: u32,
    /// How much of that has gone before it was told.
    went: u32,
}

impl Gathering {
    /// The first, or the one that follows upon another.
    fn after(before: Option<Gathering>, now: Time) -> Gathering {
        let lasts = match before {
            // At least nine of ten.
            Some(Gathering { lasts, came, went, .. }) if went * 10 >= came * 9 => {
                GATHERING_MAX.min(lasts * 2)
            }
            _ => GATHERING,
        };
        Gathering { until: now + lasts, lasts, came: 0, went: 0 }
    }
}

/// How busy a watch is.
#[derive(Debug, Default)]
pub(crate) struct Churn {
    /// Spent by names that are gone as soon as they have come.
    flickers: Budget,
    gathering: Option<Gathering>,
    /// Spent by rescans.
    rescans: Budget,
    /// The time of rescans that goes on: when it began, and the last of them.
    occasion: Option<(Time, Time)>,
    /// Spent by notices of any kind.
    notices: Budget,
}

impl Churn {
    /// When to tell that something has come; `None`: at once.
    pub(crate) fn next_arrival(&mut self, now: Time) -> Option<Time> {
        if self.flickers.next_turn(FLICKERS) <= now {
            if self.flickers.is_rested(now) {
                self.gathering = None;
            }
            return None;
        }
        let goes_on = self.gathering.filter(|gathering| gathering.until > now);
        let gathering = goes_on.unwrap_or_else(|| Gathering::after(self.gathering, now));
        self.gathering = Some(Gathering { came: gathering.came.saturating_add(1), ..gathering });
        Some(gathering.until)
    }

    /// Takes note that something has gone.
    pub(crate) fn handle_departure(&mut self, now: Time, departure: Departure) {
        match departure {
            Departure::Plain => {}
            Departure::Flicker => self.flickers.spend_turn(now, FLICKERS),
            Departure::Untold => {
                if let Some(gathering) = &mut self.gathering {
                    gathering.went = gathering.went.saturating_add(1);
                }
            }
        }
    }

    /// Whether a rescan may be made now because of what happens. Otherwise it has to wait until [`Churn::next_turn`].
    pub(crate) fn admits_rescan(&mut self, now: Time) -> bool {
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

    /// When a rescan may be made that had to wait.
    pub(crate) fn next_turn(&self) -> Time {
        self.rescans.next_turn(OCCASIONS)
    }

    /// Takes note that a rescan is made that had to wait.
    pub(crate) fn take_turn(&mut self, now: Time) {
        self.rescans.spend_turn(now, OCCASIONS);
    }

    /// Takes note of a notice; gives whether there are so many that it would be cheaper to look now and then.
    pub(crate) fn is_stormy(&mut self, now: Time) -> bool {
        let cost = Duration::from_secs(1) / NOTICES_A_SECOND;
        self.notices.spend(now, cost);
        self.notices.0 > now + cost * NOTICES_AT_ONCE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Time {
        Time(Duration::from_millis(1_000_000 + ms))
    }

    /// How many of the rescans at these times may be made at once.
    fn admitted(times: impl Iterator<Item = u64>) -> usize {
        let mut churn = Churn::default();
        times.filter(|at| churn.admits_rescan(ms(*at))).count()
    }

    #[test]
    fn rescans_of_one_time_are_all_made() {
        assert_eq!(admitted((0..2500).map(|at| at / 10)), 2500);
    }

    #[test]
    fn rescans_without_end_are_made_for_a_while_and_then_once_a_second() {
        let made = admitted((0..150).map(|at| at * 30));
        assert_eq!(made, 12 + 4, "a dozen, and then one in each of the four seconds that are left");
    }

    #[test]
    fn who_rests_is_prompt_again() {
        let mut churn = Churn::default();
        assert!((0..100).any(|at| !churn.admits_rescan(ms(at * 100))));
        for at in [13_000, 13_100, 13_200] {
            assert!(churn.admits_rescan(ms(at)), "at {at} ms, three seconds after the last");
        }
    }

    #[test]
    fn what_comes_and_stays_never_waits() {
        let mut churn = Churn::default();
        for at in 0..60_000 {
            assert_eq!(churn.next_arrival(ms(at)), None);
            churn.handle_departure(ms(at), Departure::Plain);
        }
    }

    /// How long what comes waits at most, and how often it need not, while so many milliseconds lie between names of which each goes
    /// when it has come.
    fn flickering(every: u64, last: u64) -> (Duration, usize) {
        let mut churn = Churn::default();
        let (mut longest, mut prompt) = (Duration::ZERO, 0);
        for at in (0..last).step_by(usize::try_from(every).expect("small")) {
            match churn.next_arrival(ms(at)) {
                Some(until) => {
                    longest = longest.max(until.since(ms(at)));
                    churn.handle_departure(ms(at), Departure::Untold);
                }
                None => {
                    prompt += 1;
                    churn.handle_departure(ms(at), Departure::Flicker);
                }
            }
        }
        (longest, prompt)
    }

    #[test]
    fn what_flickers_is_told_a_dozen_times_and_then_once_a_second() {
        for every in [1, 15, 30] {
            let (longest, prompt) = flickering(every, 4500);
            assert_eq!(prompt, 12 + 4, "every {every} ms");
            assert!(longest <= GATHERING_MAX, "{longest:?}");
        }
        assert_eq!(flickering(1000, 60_000).1, 60, "and always, once a second");
    }

    #[test]
    fn among_what_flickers_what_stays_waits_for_a_tenth_of_a_second() {
        let mut churn = Churn::default();
        for at in 0..20_000 {
            match churn.next_arrival(ms(at)) {
                // Two of ten stay.
                Some(until) if at % 10 < 2 => assert!(until.since(ms(at)) <= GATHERING),
                Some(_) => churn.handle_departure(ms(at), Departure::Untold),
                None => churn.handle_departure(ms(at), Departure::Flicker),
            }
        }
    }

    #[test]
    fn a_burst_is_no_storm_and_what_goes_on_is_one() {
        let mut churn = Churn::default();
        assert!(!(0..200_000).any(|_| churn.is_stormy(ms(500))));
        let mut churn = Churn::default();
        assert!(!(0..300_000).any(|at| churn.is_stormy(ms(at / 10))), "ten thousand a second");
        assert!(
            (0..300_000).any(|at| churn.is_stormy(ms(200_000 + at / 100))),
            "a hundred thousand a second"
        );
    }
}
