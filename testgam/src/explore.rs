//! Exploring: random histories, played one after the other, until one shows something wrong.
//!
//! Which lines are rolled is left to [`dice`], what one history is to [`history`], the command line to [`command`].
//! Invariant: a history depends on seed and number alone, not on how many are played at once.

pub mod command;
pub mod dice;
pub mod history;

use std::num::NonZero;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use crate::options::PlayOptions;
use dice::Dice;
use history::{Flaw, History, Tally};
use testgam_worlds::stop::Stop;

/// How long a history that shows something wrong is made smaller at most.
const SIMPLIFYING_MAX: Duration = Duration::from_secs(60);

/// What to explore.
#[derive(Debug, Clone)]
pub struct Exploration {
    /// Which histories, of which world.
    pub dice: Dice,
    /// Where the dice begin.
    pub seed: u64,
    /// The number of the first history.
    pub first: u64,
    /// How many histories at most.
    pub histories: u64,
    /// How many are played at once.
    pub jobs: NonZero<usize>,
    /// How each is played; its `stop` ends it all.
    pub play: PlayOptions,
}

/// A history that shows something wrong.
#[derive(Debug, Clone)]
pub struct Finding {
    /// Its number.
    pub number: u64,
    /// The seed that it came from.
    pub seed: u64,
    /// What is wrong with the least of it.
    pub flaw: Flaw,
    /// The least of it.
    pub history: History,
}

impl Finding {
    /// The scenario that shows it.
    pub fn scenario(&self) -> String {
        self.history.script(&[
            format!("History {} of the seed {}: {}:", self.number, self.seed, self.flaw.name()),
            self.flaw.message.replace('\n', " "),
        ])
    }
}

/// Plays histories until one shows something wrong, all are played, or a stop is asked for. `played` hears the number of each, in
/// no order, and what is wrong with it, before it is made smaller.
pub fn explore(
    exploration: &Exploration,
    played: impl Fn(u64, &Tally, Option<&Flaw>) + Sync,
) -> Option<Finding> {
    let next = AtomicU64::new(exploration.first);
    let found: Mutex<Option<Finding>> = Mutex::new(None);
    let is_over = |number: u64| {
        let first =
            found.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|finding| finding.number);
        first.is_some_and(|first| first < number) || exploration.play.stop.check().is_err()
    };
    thread::scope(|scope| {
        for _ in 0..exploration.jobs.get() {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number - exploration.first >= exploration.histories || is_over(number) {
                        break;
                    }
                    let finding = play_one(exploration, number, &played);
                    let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                    if let Some(finding) = finding
                        && found.as_ref().is_none_or(|first| finding.number < first.number)
                    {
                        *found = Some(finding);
                    }
                }
            });
        }
    });
    found.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn play_one(
    exploration: &Exploration,
    number: u64,
    played: &impl Fn(u64, &Tally, Option<&Flaw>),
) -> Option<Finding> {
    let Exploration { dice, seed, play, .. } = exploration;
    let seed = *seed;
    let roll = history::roll(dice, seed, number).expect("because the dice have no filters");
    let history = roll.history();
    let (tally, flaw) = history.play(play);
    if play.stop.check().is_err() {
        return None;
    }
    played(number, &tally, flaw.as_ref());
    let flaw = flaw?;
    // However little time is left, what was found is worth some more.
    let with = |stop: Stop| PlayOptions { stop, ..play.clone() };
    let least = roll.least(&flaw, &with(play.stop.within(SIMPLIFYING_MAX)));
    let flaw = least.play(&with(play.stop.without_deadline())).1.unwrap_or(flaw);
    Some(Finding { number, seed, flaw, history: least })
}
