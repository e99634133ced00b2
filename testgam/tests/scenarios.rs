//! Every scenario of the corpus as a test of its own, asserted by insta.
//!
//! What differs is left as `.snap.new` beside its snapshot for `cargo insta review`; `testgam run` asserts
//! the same files. A scenario that cannot be played here is ignored and says why. Invariant: the tests are
//! the files below tests/scenario when this runs, and nothing else.

use std::path::Path;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use testgam::suite::SCENARIO_BOUND;
use testgam::suite::corpus::{Corpus, Scenario};
use testgam::{Outcome, PlayOptions, Script, play};

/// The folder that holds the corpus.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

fn main() -> ExitCode {
    // The scenarios' servers are this executable.
    if let Some(status) = testgam::become_another_if_asked() {
        return status;
    }
    let arguments = Arguments::from_args();
    let root = Path::new(ROOT).canonicalize().expect("because the workspace is there");
    let corpus = Corpus::new(root);
    let scenarios = corpus.scenarios().expect("because the corpus is readable");
    let scenario_tests = scenarios.into_iter().map(|scenario| {
        Trial::ignorable_test(scenario.name.replace('/', "::"), move || assert_scenario(&scenario))
    });
    let mut tests: Vec<_> = scenario_tests.collect();
    tests.push(Trial::test("every_snapshot_has_its_scenario_and_every_scenario_its_snapshot", move || {
        assert_pairs(&corpus)
    }));
    libtest_mimic::run(&arguments, tests).exit_code()
}

fn assert_scenario(scenario: &Scenario) -> Result<Completion, Failed> {
    let file = scenario.file.display();
    let text = std::fs::read(&scenario.file).map_err(|why| format!("{file}: {why}"))?;
    let script = Script::parse(&text).map_err(|mistakes| {
        mistakes.iter().map(|mistake| format!("{file}:{mistake}\n")).collect::<String>()
    })?;
    let options = PlayOptions::default();
    let played = play(&script, &PlayOptions { stop: options.stop.within(SCENARIO_BOUND), ..options });
    match played.outcome {
        Outcome::Skipped(why) => return Ok(Completion::ignored_with(why)),
        Outcome::Failed(why) => {
            let (line, step, message) = (why.line, why.step, why.message);
            return Err(format!("{file}:{line}: {step}\n{message}\n\n{}", played.transcript).into());
        }
        Outcome::Held => {}
    }
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(scenario.snapshot.parent().ok_or("a snapshot lies in a folder")?);
    settings.set_input_file(&scenario.file);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let behaviour = scenario.behaviour();
    settings.bind(|| insta::assert_snapshot!(behaviour, played.transcript));
    Ok(Completion::Completed)
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
