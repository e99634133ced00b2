//! The world `peer`: a watcher with deliberate faults is found in each, and in no other; and entries read what their watchers print.
//!
//! This executable also is that watcher.

mod counterexamples;
mod kit;
mod messages;
mod program;
mod recorded;
mod watcher;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};
use testgam::explore::history;
use testgam::options::Players;
use testgam::world_choice::WorldChoice;
use testgam::{Outcome, Script, play};

use kit::{HISTORIES, LATE_HISTORIES, WATCH, dice, options, poke_options};

/// How many tests run at once: they wait more than they compute.
const AT_ONCE: usize = 8;
/// More than the kernel's queue holds, while nobody reads it; and files that come later.
const OVERFLOW: &str = "#! testgam extended\nconnect\nmondir .\nsuspend\nserver stop\nmkfiles . 20000\nmkfile last\n\
                        server continue\nresume\nconverged\nappend last\nmkfile later\nconverged\n";

fn main() -> ExitCode {
    let words: Vec<_> = std::env::args().collect();
    if let [_, word, fault, directory] = &words[..]
        && word == WATCH
    {
        // Nobody reads any more.
        let _ = watcher::watch(fault, Path::new(directory));
        return ExitCode::SUCCESS;
    }
    let mut tests: Vec<_> = watcher::FAULTS
        .into_iter()
        .map(|fault| {
            Trial::test(format!("a_watcher_with_the_fault_{}", fault.replace('-', "_")), move || found(fault))
        })
        .collect();
    tests.push(Trial::test("the_least_history_is_small_and_plays_again", least));
    tests.push(Trial::test("what_a_watcher_does_not_promise_is_skipped", skipped));
    tests.push(Trial::test("a_watcher_that_only_pokes_is_found_when_it_does_not", poked));
    tests.push(Trial::test("a_command_without_an_entry_is_understood", guessed));
    tests.push(Trial::test("entries_read_what_was_recorded", recorded::check));
    tests.push(Trial::test("counterexamples_can_be_played_again", counterexamples::check));
    tests.extend(messages::TESTS.map(|(name, test)| Trial::test(name, test)));
    tests.extend(program::TESTS.map(|(name, test)| Trial::test(name, test)));
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_ONCE);
    libtest_mimic::run(&arguments, tests).exit_code()
}

/// What a watcher is accused of, in histories and when the queue overflows.
fn claims(fault: &str) -> Result<BTreeSet<String>, Failed> {
    let options = options(fault, "")?;
    let histories = if fault == "tells-late" { LATE_HISTORIES } else { HISTORIES };
    let mut claims = BTreeSet::new();
    for number in 0..histories {
        let roll = history::roll(&dice(), 0, number)?;
        claims.extend(roll.history().play(&options).1.map(|flaw| flaw.name()));
    }
    if matches!(fault, "none" | "swallows-a-gap") {
        let script = Script::parse(OVERFLOW.as_bytes()).map_err(|why| format!("{why:?}"))?;
        if let Outcome::Failed(failure) = play(&script, &options).outcome {
            claims.insert(failure.checker.map_or(failure.message, |checker| checker.to_string()));
        }
    }
    Ok(claims)
}

fn found(fault: &str) -> Result<(), Failed> {
    let expected = match fault {
        "drops" => Some("missing"),
        "tells-late" => Some("late"),
        "dies" => Some("died"),
        "tells-phantoms" => Some("phantom"),
        "swallows-a-gap" => Some("gap not said"),
        _ => None,
    };
    let claims = claims(fault)?;
    if claims != expected.into_iter().map(str::to_owned).collect() {
        return Err(format!("it was accused of {claims:?}").into());
    }
    Ok(())
}

fn least() -> Result<(), Failed> {
    let options = options("tells-phantoms", "")?;
    for number in 0..HISTORIES {
        let roll = history::roll(&dice(), 0, number)?;
        let Some(flaw) = roll.history().play(&options).1 else { continue };
        let least = roll.least(&flaw, &options);
        let lines = least.text().lines().count();
        let (proof, _) = least.prove(&flaw, &options);
        if lines > 10 || proof.shown != proof.played {
            return Err(format!("{proof:?}\n{}", least.text()).into());
        }
        return Ok(());
    }
    Err("nothing was found".into())
}

fn skipped() -> Result<(), Failed> {
    let is_skipped = |steps: &str, more: &str| -> Result<bool, Failed> {
        let text = format!("#! testgam extended\n{steps}\n");
        let script = Script::parse(text.as_bytes()).map_err(|why| format!("{why:?}"))?;
        match play(&script, &options("none", more)?).outcome {
            Outcome::Skipped(_) => Ok(true),
            Outcome::Held => Ok(false),
            Outcome::Failed(failure) => Err(failure.message.into()),
        }
    };
    for steps in ["moncollection . 9 *", "monfile a", "mondir .\nexpect 1", "mondir nowhere"] {
        assert!(is_skipped(&format!("connect\n{steps}"), "")?, "{steps}");
    }
    let steps = "connect\nmondir .\nmkdir a\nmkfile b\nappend b\nmv a c\nrmfile b\nconverged";
    assert!(!is_skipped(steps, "")?);
    // A watcher that tells nothing of directories, which this one does, is none the worse for it.
    assert!(!is_skipped(steps, "promises_not = ['directories', 'absence', 'changes']")?);
    Ok(())
}

/// Whoever is poked looks at everything. So only what happened after the last poke can be missing.
fn poked() -> Result<(), Failed> {
    let claim = |fault, steps: &str| -> Result<Option<String>, Failed> {
        let text = format!("#! testgam extended\nconnect\nmkfile a\nmondir .\n{steps}\nconverged\n");
        let script = Script::parse(text.as_bytes()).map_err(|why| format!("{why:?}"))?;
        match play(&script, &poke_options(fault)?).outcome {
            Outcome::Held => Ok(None),
            Outcome::Failed(failure) => Ok(Some(failure.message)),
            Outcome::Skipped(why) => Err(why.into()),
        }
    };
    let (much, unsaid) = ("mkdir d\nmkfile b\nmv a c\nrmfile b\nconverged\nappend c", "append a");
    for steps in [much, unsaid] {
        assert_eq!(claim("none", steps)?, None, "{steps}");
    }
    // A probe at the start makes three lines; the fourth is the one that it drops.
    let missing = claim("drops", unsaid)?;
    assert!(missing.as_ref().is_some_and(|what| what.contains("a was written to")), "{missing:?}");
    let died = claim("dies", much)?;
    assert!(died.as_ref().is_some_and(|what| what.contains("it ended by itself")), "{died:?}");
    Ok(())
}

fn guessed() -> Result<(), Failed> {
    let program = std::env::current_exe()?.display().to_string();
    let command = format!("{program} {WATCH} none {{dir}}");
    let options = Players::default().options(Some(WorldChoice::Peer(command)))?;
    let steps = "#! testgam extended\nconnect\nmondir .\nmkfile a\nmv a b\nconverged\n";
    let script = Script::parse(steps.as_bytes()).map_err(|why| format!("{why:?}"))?;
    let played = play(&script, &options);
    if played.outcome != Outcome::Held {
        return Err(format!("{:?}\n{}", played.outcome, played.transcript).into());
    }
    Ok(())
}
