//! The world `abi`, tried with a small library that does what it is told, also the worst.
//!
//! The small library is compiled here; without a C compiler its tests are ignored and say so. The corpus through our own
//! library is `tests/scenarios.rs`'s, through the original's `ci/interop`'s. Invariant: whatever a library does, the scenario ends, and says what it was.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use tempfile::TempDir;
use testgam::options::WorldKind;
use testgam::{Outcome, PlayOptions, Script, play};

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/abi/fake.c");

fn main() -> ExitCode {
    // Servers and the processes that carry the library are this executable.
    if let Some(status) = testgam::become_another_if_asked() {
        return status;
    }
    let arguments = Arguments::from_args();
    let folder = TempDir::new().expect("because there is room for a folder");
    let library = compile(folder.path());
    let trial = |name: &str, test: fn(&Path) -> Result<(), Failed>| {
        let library = library.clone();
        Trial::ignorable_test(name, move || match &library {
            Ok(library) => test(library).map(|()| Completion::Completed),
            Err(why) => Ok(Completion::ignored_with(why.clone())),
        })
    };
    let tests = vec![
        trial("a_scenario_is_played_through_a_library", plays),
        trial("what_ends_the_process_ends_the_scenario", ends),
        trial("what_hangs_is_not_waited_for", hangs),
        trial("a_refusal_is_told_with_its_error", refuses),
        trial("user_data_of_another_request_is_noticed", mixes_up),
        trial("a_function_that_is_missing_skips_the_scenario", lacks),
        trial("what_is_no_such_library_says_so", |_| is_none()),
    ];
    libtest_mimic::run(&arguments, tests).exit_code()
}

fn compile(folder: &Path) -> Result<PathBuf, String> {
    let library = folder.join("libfake.so");
    let compiled = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(SOURCE).output();
    let compiled = compiled.map_err(|why| format!("no C compiler: {why}"))?;
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    Ok(library)
}

/// Plays steps; gives the transcript and how they ended.
fn played(library: &Path, steps: &str, patience: Duration) -> Result<(String, Outcome), Failed> {
    let script = Script::parse(format!("#! testgam extended\n{steps}").as_bytes());
    let script = script.map_err(|mistakes| format!("{mistakes:?}"))?;
    let options = PlayOptions {
        world: WorldKind::Abi,
        library: Some(library.to_owned()),
        patience,
        ..PlayOptions::default()
    };
    let played = play(&script, &options);
    Ok((played.transcript, played.outcome))
}

const PATIENCE: Duration = Duration::from_secs(10);

fn assert_fails(library: &Path, steps: &str, patience: Duration, expected: &str) -> Result<(), Failed> {
    match played(library, steps, patience)?.1 {
        Outcome::Failed(why) if why.message == expected => Ok(()),
        other => Err(format!("{steps}\nexpected: {expected}\ncame: {other:?}").into()),
    }
}

fn plays(library: &Path) -> Result<(), Failed> {
    let steps = "mkdir t\nconnect\nmondir t\nmonfile t 9\nexpect 4\ncancel 0\npending\ndisconnect\n";
    let (transcript, outcome) = played(library, steps, PATIENCE)?;
    let expected = "mkdir t\nconnected\nmondir t 0\n  1: $DIR/t Exists\n  1: $DIR/t EndExist\nmonfile t 1\n  9: $DIR/t Exists\n  \
                    9: $DIR/t EndExist\nexpect 4\ncancel 0 2\n  1: $DIR/t Acknowledge\npending 0\ndisconnected\n";
    assert_eq!(outcome, Outcome::Held);
    assert_eq!(transcript, expected);
    Ok(())
}

fn ends(library: &Path) -> Result<(), Failed> {
    let ends = [("abort", "signal 6 (SIGABRT)"), ("pipe", "signal 13 (SIGPIPE)"), ("exit", "exit status 3")];
    ends.into_iter().try_for_each(|(name, how)| {
        let message = format!("the library ended its process in FAMMonitorDirectory: {how}");
        assert_fails(library, &format!("connect\nmondir {name}\n"), PATIENCE, &message)
    })
}

fn hangs(library: &Path) -> Result<(), Failed> {
    let message = "the library did not come back from FAMMonitorFile within 2s";
    assert_fails(library, "connect\nmonfile hang\n", Duration::from_secs(2), message)
}

fn refuses(library: &Path) -> Result<(), Failed> {
    let message = "the library: FAMMonitorDirectory gave -1, FAMErrno 2 (Bad filename)";
    assert_fails(library, "connect\nmondir refuse\n", PATIENCE, message)
}

fn mixes_up(library: &Path) -> Result<(), Failed> {
    let message = "the library: an event of request 1 has another request's user data";
    assert_fails(library, "connect\nmondir mixup\n", PATIENCE, message)
}

fn lacks(library: &Path) -> Result<(), Failed> {
    let (_, outcome) = played(library, "connect\nnoexists\n", PATIENCE)?;
    assert_eq!(outcome, Outcome::Skipped("the library has no FAMNoExists".into()));
    Ok(())
}

fn is_none() -> Result<(), Failed> {
    match played(Path::new("libc.so.6"), "connect\n", PATIENCE)?.1 {
        Outcome::Failed(why) if why.message.starts_with("the library: it has no FAMOpen") => Ok(()),
        other => Err(format!("{other:?}").into()),
    }
}
