//! Exploring: random histories, played one after the other, until one shows something wrong.
//!
//! Which lines are rolled is left to [`dice`], what one history is to [`history`], the command line to [`command`].
//! Invariant: a history depends on seed and number alone, not on how many are played at once.

pub mod command;
pub mod dice;
pub mod history;
mod peer_dice;

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use crate::options::{PlayOptions, WorldKind};
use dice::{Dice, Lines};
use history::{Flaw, History, Proof, Roll, Tally};
use proptest::strategy::ValueTree;
use testgam_worlds::stop::Stop;

/// How long a history that shows something wrong is made smaller, where nobody says.
pub const SIMPLIFYING_MAX: Duration = Duration::from_secs(60);
/// However little time is left, a watcher gets so much of it to show again what it is accused of.
const PROVING_MIN: Duration = Duration::from_secs(15);

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
    /// How each is played; its `stop` ends looking for one that shows something wrong.
    pub play: PlayOptions,
    /// Ends making smaller, too.
    pub stop: Stop,
    /// How long a history that shows something wrong is made smaller at most.
    pub simplifying: Duration,
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
    /// How often that showed it again, if it is about a watcher and there was time for it.
    pub proof: Option<Proof>,
}

impl Finding {
    /// The scenario that shows it; how it is played and found again stands at its head.
    pub fn scenario(&self, again: &[String]) -> String {
        let unproved = "There was no time to play this once more: that is what the history showed.";
        let proof = match self.proof {
            Some(proof) => {
                Some(format!("Played {} times, it showed that {} times.", proof.played, proof.shown))
            }
            None => self.flaw.is_claim().then(|| unproved.to_owned()),
        };
        let claim = [
            format!("History {} of the seed {}: {}:", self.number, self.seed, self.flaw.name()),
            self.flaw.message.replace('\n', " "),
        ];
        let comments = again.iter().cloned().chain(claim).chain(proof);
        self.history.script(&comments.collect::<Vec<_>>())
    }
}

/// Plays histories until one shows something wrong, all are played, or a stop is asked for. `played` hears the number of each, in
/// no order, and what is wrong with it, before it is made smaller.
pub fn explore(
    exploration: &Exploration,
    played: impl Fn(u64, &Tally, Option<&Flaw>) + Sync,
) -> Option<Finding> {
    let found: Mutex<Option<Finding>> = Mutex::new(None);
    let found_now = || found.lock().unwrap_or_else(PoisonError::into_inner);
    let is_over = |number: u64| found_now().as_ref().is_some_and(|finding| finding.number < number);
    side_by_side(exploration, is_over, |number| {
        let finding = play_one(exploration, number, &played);
        let mut found = found_now();
        if let Some(finding) = finding
            && found.as_ref().is_none_or(|first| finding.number < first.number)
        {
            *found = Some(finding);
        }
    });
    found.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Plays all histories, whatever they show, or until a stop is asked for; gives what came of each. `began` hears the number of each.
pub fn play_each(
    exploration: &Exploration,
    began: impl Fn(u64) + Sync,
) -> BTreeMap<u64, (Tally, Option<Flaw>)> {
    let all = Mutex::new(BTreeMap::new());
    side_by_side(
        exploration,
        |_| false,
        |number| {
            began(number);
            let played = roll(exploration, number).history().play(&exploration.play);
            if exploration.play.stop.check().is_ok() {
                all.lock().unwrap_or_else(PoisonError::into_inner).insert(number, played);
            }
        },
    );
    all.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// The least history that shows the flaw which the history of this number has shown; `None` if none shows it any more.
pub fn least_of(exploration: &Exploration, number: u64, flaw: Flaw) -> Option<Finding> {
    finding(exploration, number, roll(exploration, number), flaw)
}

/// Has each number taken by whoever is free, until it is over or a stop is asked for.
fn side_by_side(exploration: &Exploration, is_over: impl Fn(u64) -> bool + Sync, act: impl Fn(u64) + Sync) {
    let next = AtomicU64::new(exploration.first);
    thread::scope(|scope| {
        for _ in 0..exploration.jobs.get() {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let is_last = number - exploration.first >= exploration.histories;
                    if is_last || is_over(number) || exploration.play.stop.check().is_err() {
                        break;
                    }
                    act(number);
                }
            });
        }
    });
}

fn roll(exploration: &Exploration, number: u64) -> Roll<impl ValueTree<Value = Vec<Lines>> + use<>> {
    history::roll(&exploration.dice, exploration.seed, number).expect("because the dice have no filters")
}

fn play_one(
    exploration: &Exploration,
    number: u64,
    played: &impl Fn(u64, &Tally, Option<&Flaw>),
) -> Option<Finding> {
    let play = &exploration.play;
    let roll = roll(exploration, number);
    let history = roll.history();
    let (tally, flaw) = history.play(play);
    // What was cut short shows nothing, unless that was known before.
    if play.stop.check().is_err() && !flaw.as_ref().is_some_and(Flaw::is_certain) {
        return None;
    }
    played(number, &tally, flaw.as_ref());
    finding(exploration, number, roll, flaw?)
}

/// Makes a history that shows something wrong as small as can be. A watcher has to show it again, for it to count, unless there is no time
/// for that.
fn finding(
    exploration: &Exploration,
    number: u64,
    roll: Roll<impl ValueTree<Value = Vec<Lines>>>,
    flaw: Flaw,
) -> Option<Finding> {
    let Exploration { dice, seed, play, stop, simplifying, .. } = exploration;
    let with = |stop: Stop| PlayOptions { stop, ..play.clone() };
    let history = roll.least(&flaw, &with(stop.sooner(*simplifying)));
    let found = |flaw: Flaw, proof| Finding { number, seed: *seed, flaw, history: history.clone(), proof };
    if dice.world != WorldKind::Peer {
        let again = history.play(&with(stop.without_deadline())).1;
        let again = again.filter(|again| again.name() == flaw.name());
        return Some(found(again.unwrap_or(flaw), None));
    }
    let last = if flaw.is_certain() { stop.clone() } else { stop.later(PROVING_MIN) };
    let (proof, again) = history.prove(&flaw, &with(last));
    match again {
        Some(again) => Some(found(again, Some(proof))),
        // Nobody has seen that it does not show it any more.
        None if proof.played == 0 => Some(found(flaw, None)),
        None => None,
    }
}
