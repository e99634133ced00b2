//! The world `abi`, tried with a small library that does what it is told, also the worst; and the corpus through our own.
//!
//! The small library is compiled here; without a C compiler its tests are ignored and say so. The original's library is left
//! to `ci/interop`. Invariant: whatever a library does, the scenario ends, and says what it was.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use tempfile::TempDir;
use testgam::play::WorldKind;
use testgam::suite::corpus::Corpus;
use testgam::suite::verdict::{Complaint, Verdict};
use testgam::suite::{SCENARIO_BOUND, SuiteOptions, play_all};
use testgam::{Outcome, PlayOptions, Script, play};

/// The folder that holds the corpus.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// As cargo names it.
const OUR_LIBRARY: &str = "libgamin_1.so";
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
    let mut tests = vec![
        trial("a_scenario_is_played_through_a_library", plays),
        trial("what_ends_the_process_ends_the_scenario", ends),
        trial("what_hangs_is_not_waited_for", hangs),
        trial("a_refusal_is_told_with_its_error", refuses),
        trial("user_data_of_another_request_is_noticed", mixes_up),
        trial("a_function_that_is_missing_skips_the_scenario", lacks),
        trial("what_is_no_such_library_says_so", |_| is_none()),
    ];
    tests.push(Trial::test("the_corpus_holds_through_our_library", || corpus_holds(our_library()?)));
    libtest_mimic::run(&arguments, tests).exit_code()
}

fn compile(folder: &Path) -> Result<PathBuf, String> {
    let library = folder.join("libfake.so");
    let compiled = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(SOURCE).output();
    let compiled = compiled.map_err(|why| format!("no C compiler: {why}"))?;
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    Ok(library)
}

/// Our library, where cargo puts it: beside the tests, or one folder above.
fn our_library() -> Result<PathBuf, Failed> {
    let program = std::env::current_exe()?;
    let mut places = program.ancestors().skip(1).take(2).map(|folder| folder.join(OUR_LIBRARY));
    places.find(|library| library.exists()).ok_or_else(|| format!("{OUR_LIBRARY} is not built").into())
}

fn corpus_holds(library: PathBuf) -> Result<(), Failed> {
    let scenarios = Corpus::new(ROOT).scenarios()?;
    let processors = std::thread::available_parallelism()?;
    let options = SuiteOptions {
        play: PlayOptions { world: WorldKind::Abi, library: Some(library), ..PlayOptions::default() },
        worlds: vec![WorldKind::Abi],
        // A scenario in which the server dies is asleep most of the time.
        jobs: processors.saturating_mul(NonZero::new(4).ok_or("four is not zero")?),
        repeat: NonZero::<u32>::MIN,
        accepts: false,
        bound: SCENARIO_BOUND,
    };
    let mut broken = String::new();
    play_all(
        &scenarios,
        &options,
        || {},
        |finding| {
            if let Verdict::Broken(Complaint { line, step, message, difference, .. }) = finding.verdict {
                let place = finding.scenario.place;
                broken.push_str(&format!("{place}:{line}: {step}\n{message}\n{difference}\n"));
            }
            Ok(())
        },
    )?;
    if broken.is_empty() { Ok(()) } else { Err(broken.into()) }
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
