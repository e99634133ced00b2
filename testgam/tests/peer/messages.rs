//! What is said of a watcher, or of an entry, that does not do what somebody hoped: enough to see which of the two it is.

use std::fs;
use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use libtest_mimic::Failed;
use testgam::explore::history::{self, Flaw};
use testgam::explore::{Exploration, SIMPLIFYING_MAX, explore};
use testgam::options::{Players, WorldKind};
use testgam::world_choice::WorldChoice;
use testgam::{Outcome, PlayOptions, Script, play};
use testgam_worlds::stop::Stop;

use crate::kit::{Check, HISTORIES, LATE_HISTORIES, WATCH, dice, options};

/// All of them.
pub const TESTS: [Check; 9] = [
    ("lines_that_no_form_matches_are_counted_and_shown", unmatched),
    ("a_line_that_never_comes_is_not_ready", not_ready),
    ("who_prints_nothing_is_said_to", silent),
    ("what_was_late_is_named", late),
    ("who_died_has_its_exit_status_each_time", died),
    ("what_was_found_is_there_after_an_interrupt", interrupted),
    ("making_smaller_ends_with_the_time", bounded),
    ("a_watcher_that_never_begins_is_told_of_however_little_time_there_is", hurried),
    ("a_script_without_its_header_is_told_which", headless),
];

/// The watcher with an entry that says this of its lines; it may take half a second to begin.
fn with_entry(entry: &str) -> Result<PlayOptions, Failed> {
    let program = std::env::current_exe()?.display().to_string();
    let command = format!("command = ['{program}', '{WATCH}', 'none', '{{dir}}']");
    let text = format!("{command}\nquiet_ms = 30\nscope = 'directory'\n{entry}\n");
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("mine.toml"), text)?;
    let players = Players { peers: Some(folder.path().to_owned()), ..Players::default() };
    let mut options = players.options(Some(WorldChoice::Peer("mine".into())))?;
    let contender = options.contender.as_mut().ok_or("no watcher")?;
    Arc::make_mut(&mut contender.peer).patience = Duration::from_millis(500);
    Ok(options)
}

fn flaw(options: &PlayOptions) -> Result<Flaw, Failed> {
    let (_, flaw) = history::roll(&dice(), 0, 0)?.history().play(options);
    Ok(flaw.ok_or("nothing was found")?)
}

fn has(flaw: &Flaw, name: &str, parts: &[&str]) -> Result<(), Failed> {
    if flaw.name() == name && parts.iter().all(|part| flaw.message.contains(part)) {
        return Ok(());
    }
    Err(format!("{}: {}", flaw.name(), flaw.message).into())
}

fn unmatched() -> Result<(), Failed> {
    let first = "lines that were not understood, the first of them `+ testgam-probe-1`: ";
    for (entry, why) in [
        ("ready = '^ready$'\nline = '^never (?<path>.*)$'", "`line` does not match it"),
        ("ready = '^ready$'\njson = { path = '/path' }", "the pointers of `json` lead nowhere in it"),
        (
            "ready = '^ready$'\nline = '^(?<what>.) (?<path>.*)$'\n[says]\npresent = 'x'",
            "no word of `[says]` is in it",
        ),
    ] {
        has(&flaw(&with_entry(entry)?)?, "deaf", &[first, why])?;
    }
    Ok(())
}

fn not_ready() -> Result<(), Failed> {
    let flaw = flaw(&with_entry("ready = \"^never\\u001b$\"")?)?;
    has(&flaw, "not ready", &["in 500ms no line came", "`^never\\u{1b}$`", "it printed one line, `ready`"])
}

fn silent() -> Result<(), Failed> {
    for (command, name, part) in [
        ("sh -c 'exit 3' sh {dir}", "died", "it ended by itself: exit status: 3; it had printed nothing"),
        ("sh -c 'echo; exit 3' sh {dir}", "died", "exit status: 3; its last line was ``"),
        (
            "sh -c 'exec >&- 2>&-; exec sleep 60' sh {dir}",
            "died",
            "it has closed its output; it had printed nothing",
        ),
    ] {
        let options = Players::default().options(Some(WorldChoice::Peer(command.into())))?;
        has(&flaw(&options)?, name, &[part])?;
    }
    Ok(())
}

fn late() -> Result<(), Failed> {
    let options = options("tells-late", "")?;
    for number in 0..LATE_HISTORIES {
        let Some(flaw) = history::roll(&dice(), 0, number)?.history().play(&options).1 else { continue };
        let what = flaw.message.split(" was told ").next().unwrap_or_default();
        if what.is_empty() || what.starts_with("something") {
            return Err(flaw.message.into());
        }
        return has(&flaw, "late", &[" ms after it had happened"]);
    }
    Err("nothing was found".into())
}

fn died() -> Result<(), Failed> {
    let options = options("dies", "")?;
    for number in 0..HISTORIES {
        let history = history::roll(&dice(), 0, number)?.history();
        let Some(flaw) = history.play(&options).1 else { continue };
        let (_, again) = history.prove(&flaw, &options);
        for flaw in [flaw, again.ok_or("it lives")?] {
            has(&flaw, "died", &["it ended by itself: exit status: 0; its last line was `"])?;
        }
        return Ok(());
    }
    Err("nothing was found".into())
}

fn exploration(play: PlayOptions, stop: Stop) -> Exploration {
    let jobs = NonZero::<usize>::MIN;
    let simplifying = SIMPLIFYING_MAX;
    Exploration { dice: dice(), seed: 0, first: 0, histories: HISTORIES, jobs, play, stop, simplifying }
}

fn interrupted() -> Result<(), Failed> {
    let (stop, options) = (Stop::default(), options("tells-phantoms", "")?);
    let exploration = exploration(PlayOptions { stop: stop.clone(), ..options }, stop.clone());
    // Somebody interrupts when the first is found, and is being made smaller.
    let found = explore(&exploration, |_, _, flaw| {
        if flaw.is_some() {
            stop.ask();
        }
    });
    let found = found.ok_or("what was found is lost")?;
    has(&found.flaw, "phantom", &["was told, and is not there"])?;
    let text = found.scenario(&[]);
    assert!(
        found.proof.is_none() && text.contains("mkfile") && text.contains("# There was no time"),
        "{text}"
    );
    Ok(())
}

fn bounded() -> Result<(), Failed> {
    let over = Stop::default().within(Duration::ZERO);
    let found = explore(&exploration(options("tells-phantoms", "")?, over), |_, _, _| {});
    let found = found.ok_or("nothing was found")?;
    assert_eq!(found.history, history::roll(&dice(), 0, found.number)?.history());
    assert!(found.proof.is_some_and(|proof| proof.played > 0), "{:?}", found.proof);
    Ok(())
}

fn hurried() -> Result<(), Failed> {
    for (entry, name) in [("ready = '^never$'", "not ready"), ("line = '^never (?<path>.*)$'", "deaf")] {
        // It is over when it begins to watch, and not before the first history is begun.
        let soon = Stop::default().within(Duration::from_millis(400));
        let play = PlayOptions { stop: soon.clone(), ..with_entry(entry)? };
        let found = explore(&exploration(play, soon), |_, _, _| {}).ok_or("nothing was found")?;
        has(&found.flaw, name, &[])?;
        let steps: Vec<_> = found.history.text().lines().skip(1).map(str::to_owned).collect();
        assert_eq!(steps, ["connect", "mondir .", "suspend", "heal", "resume", "converged"]);
    }
    Ok(())
}

fn headless() -> Result<(), Failed> {
    let script = Script::parse(b"connect\nmoncollection . 9 *\n").map_err(|why| format!("{why:?}"))?;
    for world in [WorldKind::Peer, WorldKind::Sim] {
        let options = PlayOptions { world, ..options("none", "")? };
        let Outcome::Failed(failure) = play(&script, &options).outcome else {
            return Err("it was played".into());
        };
        let hint = "of the extended language: a script in that begins with `#! testgam extended`";
        assert!(failure.message.contains(hint), "{}", failure.message);
    }
    Ok(())
}
