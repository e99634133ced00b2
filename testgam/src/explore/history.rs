//! One history: random lines as a script, what came of playing it, and the least of it that still shows what is wrong.
//!
//! What is rolled is left to `dice`, playing to the interpreter. Invariant: what is played is the very script that is
//! printed, so whoever plays that sees the same.

use std::time::Duration;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, Reason, RngAlgorithm, TestRng, TestRunner};

use super::dice::{Dice, Lines};
use super::peer_dice;
use crate::options::{PlayOptions, WorldKind};
use crate::play::{Outcome, play};
use testgam_language::EXTENDED_HEADER;
use testgam_language::script::Script;
use testgam_worlds::check::{Checker, Claim};

/// How often a history is played to have proptest make it smaller, and how often it is gone through line by line.
const SIMPLIFICATIONS_MAX: u32 = 600;
const ROUNDS_MAX: u32 = 8;
/// How often a history is played where the same script may come to something else, before it counts as sound.
const REPLAYS: u32 = 5;
/// With a watcher, which takes its time for each.
const PEER_REPLAYS: u32 = 2;
/// How often the least of it is played with a watcher before it counts.
const PROOFS: u32 = 3;
/// What every history begins with: both clients are there, and read when they like ...
const BEGINNING: &[&str] = &[
    "client a",
    "connect",
    "suspend",
    "client b",
    "connect",
    "suspend",
    "try mkdir d",
    "try mkdir e",
    "client a",
    "try mondir d",
];
/// ... one of them is told of renames as such, the other if it comes to that ...
const MOVES: &[&str] = &["client b", "moves", "client a"];
/// ... and ends with: all is well, and they read what there is. What was told has to be true then.
const END: &[&str] = &["heal", "client a", "resume", "client b", "resume"];
/// For a watcher there is one client.
const END_IN_PEER: &[&str] = &["heal", "resume"];
/// The wait is longer than anything may take to be told: ten times the interval of polling, for a directory above that may not
/// be read.
const END_IN_SIM: &[&str] = &[
    "wait 15000",
    "converged",
    // One that nobody has needed for long has ended.
    "try server kill",
    "server start",
    "converged",
    "client a",
    "try disconnect",
    "client b",
    "try disconnect",
    "given-back",
];
/// Nobody is there who could begin anew.
const END_IN_EMBEDDED: &[&str] = &["converged", "client a", "try disconnect", "client b", "try disconnect"];
/// A new server looks at everything, and has nothing to add.
const END_IN_LIVE: &[&str] = &[
    "converged",
    "client a",
    "try connect",
    "events",
    "client b",
    "try connect",
    "events",
    "server restart",
    "client a",
    "expect none",
    "client b",
    "expect none",
    "converged",
];
/// Longer than a server can be killed again and again in a history: a client gives up those that never last.
const PATIENCE: Duration = Duration::from_secs(60);

/// A history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// How its server is set up.
    setup: Lines,
    /// What happens.
    steps: Vec<Lines>,
    /// Where it is from: what comes before and after goes by the world.
    dice: Dice,
}

/// What playing came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many operations on files were asked for, those that happened inside a fault too.
    pub operations: u64,
    /// How many faults were inflicted, and how often the server was signalled.
    pub faults: u64,
    /// How many events were told.
    pub events: u64,
    /// Why it can't be played here, if it can't.
    pub skipped: Option<String>,
}

/// What is wrong with a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// The promise that was broken, if it is one of those.
    pub checker: Option<Checker>,
    /// The step at which it was noticed.
    pub step: String,
    /// How it was broken.
    pub message: String,
}

impl Flaw {
    /// What it is called: the promise, or the step that did not hold. Two flaws of one name count as the same.
    pub fn name(&self) -> String {
        self.checker.map_or_else(|| self.step.clone(), |checker| checker.to_string())
    }

    /// Whether a watcher is accused of it.
    pub fn is_claim(&self) -> bool {
        matches!(self.checker, Some(Checker::Claim(_)))
    }

    /// Whether it was seen to the end, also where playing was cut short just then.
    pub fn is_certain(&self) -> bool {
        matches!(self.checker, Some(Checker::Claim(Claim::NotReady | Claim::Deaf | Claim::Died)))
    }
}

/// How often a flaw was shown again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Proof {
    /// So often.
    pub shown: u32,
    /// Of so many times.
    pub played: u32,
}

/// A history that is still to be rolled.
pub struct Roll<T: ValueTree<Value = Vec<Lines>>> {
    setup: Lines,
    steps: T,
    dice: Dice,
}

/// Rolls the history of this number: the same for the same seed, whoever asks and when.
///
/// # Errors
/// proptest's, when it finds no such history.
pub fn roll(
    dice: &Dice,
    seed: u64,
    number: u64,
) -> Result<Roll<impl ValueTree<Value = Vec<Lines>> + use<>>, Reason> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8..16].copy_from_slice(&number.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config { failure_persistence: None, ..Config::default() }, rng);
    let beginning = dice.beginning().new_tree(&mut runner)?.current();
    let steps = dice.steps(&beginning).new_tree(&mut runner)?;
    Ok(Roll { setup: beginning.0, steps, dice: dice.clone() })
}

impl<T: ValueTree<Value = Vec<Lines>>> Roll<T> {
    /// The history as it was rolled.
    pub fn history(&self) -> History {
        History { setup: self.setup.clone(), steps: self.steps.current(), dice: self.dice.clone() }
    }

    /// The least history that still has this flaw.
    pub fn least(mut self, flaw: &Flaw, options: &PlayOptions) -> History {
        let mut least = self.history();
        if least.is_before_steps(flaw) {
            least.steps.clear();
            return least;
        }
        let is_sim = self.dice.world == WorldKind::Sim;
        let is_same = |history: &History| {
            let mut plays = 0..match self.dice.world {
                WorldKind::Sim => 1,
                WorldKind::Peer => PEER_REPLAYS,
                _ => REPLAYS,
            };
            let shows = || {
                let found = history.play(options).1.filter(|found| found.name() == flaw.name());
                // What was cut short shows nothing.
                found.is_some_and(|found| options.stop.check().is_ok() || found.is_certain())
            };
            plays.any(|_| options.stop.check().is_ok() && shows())
        };
        // A step of proptest's may be small; where each takes its time, whole stretches are left out instead.
        let mut left = if is_sim { SIMPLIFICATIONS_MAX } else { 0 };
        let mut may_simplify = self.steps.simplify();
        while may_simplify && left > 0 && options.stop.check().is_ok() {
            left -= 1;
            let history = self.history();
            may_simplify = if is_same(&history) {
                least = history;
                self.steps.simplify()
            } else {
                self.steps.complicate()
            };
        }
        for _ in 0..ROUNDS_MAX {
            if options.stop.check().is_err() || !least.drop_lines(&is_same) {
                break;
            }
        }
        least.drop_tries(&is_same);
        least
    }
}

impl History {
    /// The script that plays it.
    pub fn text(&self) -> String {
        self.script(&[])
    }

    /// The script, with comments at its head.
    pub fn script(&self, comments: &[String]) -> String {
        let mut lines = vec![EXTENDED_HEADER.to_owned()];
        lines.extend(comments.iter().map(|comment| format!("# {comment}")));
        lines.extend(self.setup.iter().cloned());
        let owned = |lines: &[&str]| lines.iter().copied().map(str::to_owned).collect::<Lines>();
        let (beginning, end) = match self.dice.world {
            WorldKind::Peer => (peer_dice::beginning(self.dice.is_flat), END_IN_PEER),
            _ => (BEGINNING.to_vec(), END),
        };
        lines.extend(owned(&beginning));
        if self.dice.tells_moves() {
            lines.extend(owned(MOVES));
        }
        lines.extend(self.steps.iter().flatten().cloned());
        lines.extend(owned(end));
        lines.extend(owned(match self.dice.world {
            WorldKind::Sim => END_IN_SIM,
            WorldKind::Embedded => END_IN_EMBEDDED,
            WorldKind::Live | WorldKind::Abi => END_IN_LIVE,
            WorldKind::Peer => &["converged"],
        }));
        lines.join("\n") + "\n"
    }

    /// Plays it.
    pub fn play(&self, options: &PlayOptions) -> (Tally, Option<Flaw>) {
        let text = self.text();
        let script = match Script::parse(text.as_bytes()) {
            Ok(script) => script,
            Err(mistakes) => {
                let message = mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
                return (Tally::default(), Some(Flaw { checker: None, step: "the script".into(), message }));
            }
        };
        let patience = if self.dice.world == WorldKind::Sim { options.patience } else { PATIENCE };
        let played = play(&script, &PlayOptions { world: self.dice.world, patience, ..options.clone() });
        let tally = self.tally(&played.transcript);
        let flaw = match played.outcome {
            Outcome::Held => None,
            // A limit that this machine does not know, or this user may not set.
            Outcome::Skipped(why) if self.dice.world != WorldKind::Sim => {
                return (Tally { skipped: Some(why), ..Tally::default() }, None);
            }
            Outcome::Skipped(why) => Some(Flaw { checker: None, step: "skipped".into(), message: why }),
            Outcome::Failed(failure) => {
                Some(Flaw { checker: failure.checker, step: failure.step, message: failure.message })
            }
        };
        (tally, flaw)
    }

    /// Whether a watcher showed this flaw before any of the steps, which are not needed for it then.
    fn is_before_steps(&self, flaw: &Flaw) -> bool {
        let beginning = || peer_dice::beginning(self.dice.is_flat);
        self.dice.world == WorldKind::Peer && beginning().contains(&flaw.step.as_str())
    }

    /// How often this flaw shows when it is played a few times, how often that is, and what was seen last: for who is accused of
    /// something.
    pub fn prove(&self, flaw: &Flaw, options: &PlayOptions) -> (Proof, Option<Flaw>) {
        let (mut proof, mut last) = (Proof { shown: 0, played: 0 }, None);
        while proof.played < PROOFS && options.stop.check().is_ok() {
            let found = self.play(options).1;
            // What was cut short shows nothing, unless that was known before.
            if options.stop.check().is_err() && !found.as_ref().is_some_and(Flaw::is_certain) {
                break;
            }
            proof.played += 1;
            if let Some(found) = found.filter(|found| found.name() == flaw.name()) {
                proof.shown += 1;
                last = Some(found);
            }
        }
        (proof, last)
    }

    /// Counts what was asked for, and what was told.
    fn tally(&self, transcript: &str) -> Tally {
        let events = transcript.lines().filter(|line| line.starts_with("  ")).count() as u64;
        let mut tally = Tally { events, ..Tally::default() };
        for line in self.steps.iter().flatten() {
            match without_try(line).split(' ').next().unwrap_or_default() {
                "fault" | "server" => tally.faults += 1,
                verb if NO_OPERATIONS.contains(&verb) => {}
                _ => tally.operations += 1,
            }
        }
        tally
    }

    /// Leaves out what can be left out; gives whether that was anything.
    fn drop_lines(&mut self, is_same: &impl Fn(&History) -> bool) -> bool {
        let mut has_dropped = false;
        let mut length = self.steps.len().max(1);
        while length > 0 {
            let mut at = self.steps.len();
            while at > 0 {
                let from = at.saturating_sub(length);
                let mut fewer = self.clone();
                fewer.steps.drain(from..at);
                if is_same(&fewer) {
                    *self = fewer;
                    has_dropped = true;
                }
                at = from;
            }
            length /= 2;
        }
        for group in (0..self.steps.len()).rev() {
            for at in (0..self.steps[group].len()).rev() {
                let mut fewer = self.clone();
                fewer.steps[group].remove(at);
                if is_same(&fewer) {
                    *self = fewer;
                    has_dropped = true;
                }
            }
        }
        for at in (0..self.setup.len()).rev() {
            let mut fewer = self.clone();
            fewer.setup.remove(at);
            if is_same(&fewer) {
                *self = fewer;
                has_dropped = true;
            }
        }
        has_dropped
    }

    /// Says what has to succeed without `try`.
    fn drop_tries(&mut self, is_same: &impl Fn(&History) -> bool) {
        let mut plain = self.clone();
        for line in plain.steps.iter_mut().flatten() {
            *line = without_try(line).to_owned();
        }
        if is_same(&plain) {
            *self = plain;
        }
    }
}

/// Verbs that do nothing to files, and are no faults.
const NO_OPERATIONS: &[&str] = &[
    "client",
    "heal",
    "resume",
    "suspend",
    "suspend-monitor",
    "resume-monitor",
    "converged",
    "mondir",
    "moncollection",
    "monfile",
    "cancel",
    "events",
    "pending",
    "connect",
    "disconnect",
    "noexists",
    "moves",
    "wait",
    "concurrently",
    "writer",
    "end",
];

fn without_try(line: &str) -> &str {
    line.strip_prefix("try ").unwrap_or(line)
}
