//! Every scenario of the corpus as a test of its own in each world, all against one snapshot.
//!
//! In `live` insta asserts: what differs is left as `.snap.new` beside its snapshot for `cargo insta review`; `testgam run` asserts the
//! same files. In `sim` and, through our C library, in `abi` the same has to be printed; and where fanotify tells, but for the scenarios in
//! docs/compatibility/fanotify.toml, in which the checks alone have to hold. A scenario that cannot be played in
//! a world is ignored there and says why. Invariant: the tests are the files below tests/scenario when this runs, and nothing
//! else.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use similar::TextDiff;
use testgam::options::WorldKind;
use testgam::snapshot::{Snapshot, normal};
use testgam::suite::SCENARIO_BOUND;
use testgam::suite::corpus::{Corpus, Scenario};
use testgam::{Outcome, PlayOptions, Script, play};

/// The folder that holds the corpus.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// Our C library, as cargo names it.
const LIBRARY: &str = "libgamin_1.so";
/// How many play at once for each processor: those in which a server dies are asleep most of the time.
const AT_ONCE: usize = 4;

/// The worlds in which each is played, and what is said to the server.
const WORLDS: [(WorldKind, Option<&str>, &str); 5] = [
    (WorldKind::Live, None, "live"),
    (WorldKind::Live, Some(FANOTIFY), "fanotify"),
    (WorldKind::Sim, None, "sim"),
    (WorldKind::Abi, None, "abi"),
    (WorldKind::Embedded, None, "embedded"),
];

/// Has the server ask fanotify ...
const FANOTIFY: &str = "--fanotify";
/// ... of which some scenarios show other than of inotify.
const OTHERS: &str = include_str!("../../docs/compatibility/fanotify.toml");

#[derive(serde::Deserialize)]
struct Others {
    reason: Vec<Reason>,
}

#[derive(serde::Deserialize)]
struct Reason {
    scenarios: Vec<String>,
}

impl Others {
    fn have(&self, name: &str) -> bool {
        self.reason.iter().any(|reason| reason.scenarios.iter().any(|other| other == name))
    }
}

fn main() -> ExitCode {
    // The scenarios' servers, and the processes that carry the library, are this executable.
    if let Some(status) = testgam::become_another_if_asked() {
        return status;
    }
    let mut arguments = Arguments::from_args();
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    arguments.test_threads.get_or_insert(processors * AT_ONCE);
    let root = Path::new(ROOT).canonicalize().expect("because the workspace is there");
    let corpus = Corpus::new(root);
    let scenarios = corpus.scenarios().expect("because the corpus is readable");
    let others: Others = toml::from_str(OTHERS).expect("because the ledger is one of reasons");
    let named = others.reason.iter().flat_map(|reason| &reason.scenarios);
    for name in named {
        assert!(scenarios.iter().any(|scenario| scenario.name == *name), "the ledger has no scenario {name}");
    }
    let mut tests = Vec::new();
    for scenario in scenarios {
        for (world, option, word) in WORLDS {
            let scenario = scenario.clone();
            let name = format!("{word}::{}", scenario.name.replace('/', "::"));
            let is_other = option == Some(FANOTIFY) && others.have(&scenario.name);
            tests.push(Trial::ignorable_test(name, move || {
                assert_scenario(&scenario, world, option, is_other)
            }));
        }
    }
    tests.push(Trial::test("every_snapshot_has_its_scenario_and_every_scenario_its_snapshot", move || {
        assert_pairs(&corpus)
    }));
    libtest_mimic::run(&arguments, tests).exit_code()
}

/// Plays a scenario with a server that is given an option. Of one that `is_other` the transcript is not compared.
fn assert_scenario(
    scenario: &Scenario,
    world: WorldKind,
    option: Option<&str>,
    is_other: bool,
) -> Result<Completion, Failed> {
    let file = scenario.file.display();
    let text = std::fs::read(&scenario.file).map_err(|why| format!("{file}: {why}"))?;
    let script = Script::parse(&text).map_err(|mistakes| {
        mistakes.iter().map(|mistake| format!("{file}:{mistake}\n")).collect::<String>()
    })?;
    let library = (world == WorldKind::Abi).then(our_library).transpose()?;
    let mut options = PlayOptions::default();
    options.server.args.extend(option.map(Into::into));
    let stop = options.stop.within(SCENARIO_BOUND);
    let played = play(&script, &PlayOptions { world, library, stop, ..options });
    match played.outcome {
        Outcome::Skipped(why) => Ok(Completion::ignored_with(why)),
        Outcome::Failed(why) => {
            let (line, step, message) = (why.line, why.step, why.message);
            Err(format!("{file}:{line}: {step}\n{message}\n\n{}", played.transcript).into())
        }
        Outcome::Held if is_other => Ok(Completion::Completed),
        Outcome::Held if world == WorldKind::Live && option.is_none() => {
            assert_snapshot(scenario, &played.transcript)
        }
        Outcome::Held => assert_same(scenario, &played.transcript),
    }
}

fn assert_snapshot(scenario: &Scenario, transcript: &str) -> Result<Completion, Failed> {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(scenario.snapshot.parent().ok_or("a snapshot lies in a folder")?);
    settings.set_input_file(&scenario.file);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let behaviour = scenario.behaviour();
    settings.bind(|| insta::assert_snapshot!(behaviour, transcript));
    Ok(Completion::Completed)
}

fn assert_same(scenario: &Scenario, transcript: &str) -> Result<Completion, Failed> {
    let snapshot = Snapshot::parse(&std::fs::read_to_string(&scenario.snapshot)?)?;
    let (accepted, printed) = (snapshot.contents(), normal(transcript));
    if printed == accepted {
        return Ok(Completion::Completed);
    }
    let difference = TextDiff::from_lines(accepted, &printed);
    let difference = difference.unified_diff().header("accepted", "printed").to_string();
    Err(format!("{}\n{difference}", scenario.file.display()).into())
}

/// Where cargo puts it: beside the tests, or one folder above.
fn our_library() -> Result<PathBuf, Failed> {
    let program = std::env::current_exe()?;
    let mut places = program.ancestors().skip(1).take(2).map(|folder| folder.join(LIBRARY));
    places.find(|library| library.exists()).ok_or_else(|| format!("{LIBRARY} is not built").into())
}

fn assert_pairs(corpus: &Corpus) -> Result<(), Failed> {
    let orphans = corpus.orphans()?;
    let missing = corpus.scenarios()?.into_iter().filter(|scenario| !scenario.snapshot.exists());
    let alone = orphans.iter().map(|orphan| format!("{} has no scenario\n", orphan.snapshot.display()));
    let missing = missing.map(|scenario| format!("{} has no snapshot\n", scenario.file.display()));
    match alone.chain(missing).collect::<String>() {
        complaint if complaint.is_empty() => Ok(()),
        complaint => Err(complaint.into()),
    }
}
