//! Verdicts: plays one scenario and says whether it holds.
//!
//! How it is played is left to `play`, how the verdict looks to `report`. Invariant: a snapshot is written
//! only if accepting was asked for, the scenario says what it promises, and it held each time it was played, with the same transcript.

use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::options::{PlayOptions, WorldKind};
use crate::play::{Failure, Outcome, play};
use crate::snapshot::{Snapshot, normal};
use testgam_language::script::{Script, UNSAID_PROMISE};

use super::corpus::Scenario;
use super::difference::{Difference, difference, difference_until_failure, unified};
use super::options::SuiteOptions;

/// What came of a scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which one.
    pub scenario: Scenario,
    /// What it printed, the last time it was played.
    pub transcript: String,
    /// How long all of it took.
    pub took: Duration,
    /// Whether it holds.
    pub verdict: Verdict,
}

/// Whether a scenario holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It does, and prints what was accepted.
    Held,
    /// It does, and what it printed is accepted now.
    Accepted(SnapshotChange),
    /// It cannot be played here, for this reason.
    Skipped(String),
    /// It does not.
    Broken(ScenarioFailure),
}

/// What accepting did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnapshotChange {
    /// There is a snapshot where none was.
    Added,
    /// The snapshot is another one.
    Updated,
    /// The snapshot of a scenario that is gone is gone too.
    Removed,
}

/// What is wrong with a scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScenarioFailure {
    /// The kind of wrong.
    pub kind: Kind,
    /// The line of the step to look at, or 0.
    pub line: usize,
    /// The step as typed.
    pub step: String,
    /// What is wrong.
    pub message: String,
    /// The unified difference from what was accepted, or nothing.
    pub difference: String,
}

/// The kinds of wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A step, an expectation or a promise did not hold.
    Failed,
    /// The transcript is not what was accepted.
    Differs,
    /// The transcript is not the same each time.
    Wavers,
    /// Nothing was accepted yet.
    Missing,
    /// A snapshot has no scenario any more.
    Orphaned,
    /// Nobody has said yet what it shows, so it cannot be accepted.
    Unpromised,
    /// Scenario or snapshot cannot be read or written.
    Unreadable,
}

impl Kind {
    /// The kind in one word.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Failed => "failed",
            Kind::Differs => "differs",
            Kind::Wavers => "wavers",
            Kind::Missing => "missing",
            Kind::Orphaned => "orphaned",
            Kind::Unpromised => "unpromised",
            Kind::Unreadable => "unreadable",
        }
    }

    /// Whether `--accept` makes it right.
    pub fn is_acceptable(self) -> bool {
        matches!(self, Kind::Differs | Kind::Missing | Kind::Orphaned)
    }
}

/// Plays a scenario as often as asked and judges it.
pub fn judge(scenario: &Scenario, options: &SuiteOptions) -> Finding {
    let began = Instant::now();
    let mut transcript = String::new();
    let verdict = verdict(scenario, options, &mut transcript).unwrap_or_else(Verdict::Broken);
    Finding { scenario: scenario.clone(), transcript, took: began.elapsed(), verdict }
}

/// Judges the snapshot of a scenario that is gone; accepting removes it.
pub fn judge_orphan(orphan: &Scenario, accepts: bool) -> Finding {
    let verdict = match accepts.then(|| fs::remove_file(&orphan.snapshot)) {
        Some(Ok(())) => {
            // The area's folder, if that was the last in it; one that holds more stays.
            let _ = orphan.snapshot.parent().map(fs::remove_dir);
            Verdict::Accepted(SnapshotChange::Removed)
        }
        Some(Err(why)) => Verdict::Broken(unreadable(&orphan.snapshot, &why)),
        None => Verdict::Broken(complaint(
            Kind::Orphaned,
            format!("the snapshot has no scenario: {} does not exist", orphan.place),
        )),
    };
    Finding { scenario: orphan.clone(), transcript: String::new(), took: Duration::ZERO, verdict }
}

fn verdict(
    scenario: &Scenario,
    options: &SuiteOptions,
    transcript: &mut String,
) -> Result<Verdict, ScenarioFailure> {
    if options.worlds == [WorldKind::Peer] {
        return verdict_by_peer(scenario, options, transcript);
    }
    let script = read_script(scenario)?;
    let accepted = read_snapshot(&scenario.snapshot)?;
    let mut expected = accepted.as_ref().map(|(_, snapshot)| snapshot.contents().to_owned());
    let (mut skipped, mut was_played) = (None, false);
    for (world, time) in turns(options) {
        let mut play_options = PlayOptions { world, ..options.play.clone() };
        play_options.stop = play_options.stop.within(options.bound);
        let played = play(&script, &play_options);
        match &played.outcome {
            Outcome::Held => played.transcript.clone_into(transcript),
            Outcome::Skipped(why) => {
                skipped.get_or_insert(why.clone());
                continue;
            }
            Outcome::Failed(why) => {
                played.transcript.clone_into(transcript);
                return Err(failed(&script, expected.as_deref(), transcript, why));
            }
        }
        // What is about to be accepted, or was never, has only itself to be compared with.
        if !was_played && (options.accepts || expected.is_none()) {
            expected = Some(normal(transcript));
        }
        was_played = true;
        let found = expected.as_deref().and_then(|expected| difference(&script, expected, transcript));
        if let Some(found) = found {
            return Err(differs(found, world, time));
        }
    }
    if let (false, Some(why)) = (was_played, skipped) {
        return Ok(Verdict::Skipped(why));
    }
    match (options.accepts, accepted) {
        (true, _) if script.lacks_promise() => Err(unpromised(transcript)),
        (true, accepted) => accept(scenario, accepted, transcript),
        (false, Some(_)) => Ok(Verdict::Held),
        (false, None) => Err(ScenarioFailure {
            difference: unified("", transcript),
            ..complaint(Kind::Missing, "there is no snapshot of it yet".into())
        }),
    }
}

/// Plays with a watcher of others' making: what it told in the end has to be what is there. How it tells of each step is its own.
fn verdict_by_peer(
    scenario: &Scenario,
    options: &SuiteOptions,
    transcript: &mut String,
) -> Result<Verdict, ScenarioFailure> {
    let mut text = fs::read(&scenario.file).map_err(|why| unreadable(&scenario.file, &why))?;
    text.extend_from_slice(b"\nheal\nconverged\n");
    let script = script(&text)?;
    for _ in 0..options.repeat.get() {
        let stop = options.play.stop.within(options.bound);
        let played = play(&script, &PlayOptions { world: WorldKind::Peer, stop, ..options.play.clone() });
        played.transcript.clone_into(transcript);
        match &played.outcome {
            Outcome::Held => {}
            Outcome::Skipped(why) => return Ok(Verdict::Skipped(why.clone())),
            Outcome::Failed(why) => return Err(failed(&script, None, transcript, why)),
        }
    }
    Ok(Verdict::Held)
}

/// In which world to play, and for the how manieth time there.
fn turns(options: &SuiteOptions) -> impl Iterator<Item = (WorldKind, u32)> {
    let times = options.repeat.get();
    options.worlds.iter().flat_map(move |world| (1..=times).map(|time| (*world, time)))
}

fn read_script(scenario: &Scenario) -> Result<Script, ScenarioFailure> {
    let text = fs::read(&scenario.file).map_err(|why| unreadable(&scenario.file, &why))?;
    script(&text)
}

fn script(text: &[u8]) -> Result<Script, ScenarioFailure> {
    Script::parse(text).map_err(|mistakes| {
        let all: Vec<_> = mistakes.iter().map(ToString::to_string).collect();
        let line = mistakes.first().map_or(0, |mistake| mistake.line);
        ScenarioFailure { line, ..complaint(Kind::Unreadable, all.join("\n")) }
    })
}

/// The text of a snapshot and what it says, if there is one.
fn read_snapshot(path: &Path) -> Result<Option<(String, Snapshot)>, ScenarioFailure> {
    let text = match fs::read_to_string(path) {
        Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(None),
        text => text.map_err(|why| unreadable(path, &why))?,
    };
    let snapshot = Snapshot::parse(&text);
    let snapshot = snapshot.map_err(|why| unreadable(path, &io::Error::other(why)))?;
    Ok(Some((text, snapshot)))
}

fn accept(
    scenario: &Scenario,
    accepted: Option<(String, Snapshot)>,
    transcript: &str,
) -> Result<Verdict, ScenarioFailure> {
    let path = &scenario.snapshot;
    let (old, snapshot) = accepted.unzip();
    let new = snapshot.unwrap_or_default().with_contents(transcript).render(&scenario.place);
    // What insta left for review is decided by this.
    let _ = fs::remove_file(path.with_extension("snap.new"));
    if old.as_ref() == Some(&new) {
        return Ok(Verdict::Held);
    }
    let folder = path.parent().map_or(Ok(()), fs::create_dir_all);
    folder.and_then(|()| fs::write(path, new)).map_err(|why| unreadable(path, &why))?;
    Ok(Verdict::Accepted(if old.is_none() { SnapshotChange::Added } else { SnapshotChange::Updated }))
}

fn failed(script: &Script, expected: Option<&str>, transcript: &str, why: &Failure) -> ScenarioFailure {
    let found = expected.and_then(|expected| difference_until_failure(script, expected, transcript));
    ScenarioFailure {
        line: why.line,
        step: why.step.clone(),
        difference: found.map(|found| found.text).unwrap_or_default(),
        ..complaint(Kind::Failed, why.message.clone())
    }
}

fn differs(found: Difference, world: WorldKind, time: u32) -> ScenarioFailure {
    let complaint = match (world, time) {
        (WorldKind::Live, 1) => complaint(Kind::Differs, "the transcript is not what was accepted".into()),
        (WorldKind::Sim, 1) => {
            complaint(Kind::Differs, "the transcript of the simulated world is not what was accepted".into())
        }
        (WorldKind::Embedded, 1) => {
            complaint(Kind::Differs, "the transcript without a server is not what was accepted".into())
        }
        (WorldKind::Abi, 1) => {
            complaint(Kind::Differs, "the transcript through the library is not what was accepted".into())
        }
        _ => complaint(Kind::Wavers, format!("played {time} times, it printed something else the last time")),
    };
    ScenarioFailure { line: found.line, step: found.step, difference: found.text, ..complaint }
}

fn unpromised(transcript: &str) -> ScenarioFailure {
    let why = format!("its comment still says `{UNSAID_PROMISE}`; write that sentence, then accept it");
    ScenarioFailure { difference: unified("", transcript), ..complaint(Kind::Unpromised, why) }
}

fn unreadable(path: &Path, why: &io::Error) -> ScenarioFailure {
    complaint(Kind::Unreadable, format!("{}: {why}", path.display()))
}

fn complaint(kind: Kind, message: String) -> ScenarioFailure {
    ScenarioFailure { kind, line: 0, step: String::new(), message, difference: String::new() }
}
