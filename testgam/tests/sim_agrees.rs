//! Every scenario of the corpus in the simulated world, against the snapshot of the live one.
//!
//! A scenario that has no snapshot yet is compared with its live play; one that needs the real kernel is ignored and says
//! why. Invariant: both worlds print the same.

use std::io::ErrorKind;
use std::path::Path;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use similar::TextDiff;
use testgam::play::WorldKind;
use testgam::snapshot::{Snapshot, normal};
use testgam::suite::corpus::{Corpus, Scenario};
use testgam::{Outcome, PlayOptions, Script, play};

/// The folder that holds the corpus.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

fn main() -> ExitCode {
    // The live scenarios' servers are this executable.
    if let Some(status) = testgam::become_another_if_asked() {
        return status;
    }
    let arguments = Arguments::from_args();
    let root = Path::new(ROOT).canonicalize().expect("because the workspace is there");
    let scenarios = Corpus::new(root).scenarios().expect("because the corpus is readable");
    let tests = scenarios.into_iter().map(|scenario| {
        Trial::ignorable_test(scenario.name.replace('/', "::"), move || assert_agreement(&scenario))
    });
    libtest_mimic::run(&arguments, tests.collect()).exit_code()
}

fn assert_agreement(scenario: &Scenario) -> Result<Completion, Failed> {
    let file = scenario.file.display();
    let text = std::fs::read(&scenario.file)?;
    let script = Script::parse(&text).map_err(|mistakes| format!("{file}: {mistakes:?}"))?;
    let played = play(&script, &PlayOptions { world: WorldKind::Sim, ..PlayOptions::default() });
    match played.outcome {
        Outcome::Skipped(why) => return Ok(Completion::ignored_with(why)),
        Outcome::Failed(why) => {
            let (line, step, message) = (why.line, why.step, why.message);
            return Err(format!("{file}:{line}: {step}\n{message}\n\n{}", played.transcript).into());
        }
        Outcome::Held => {}
    }
    let live = match std::fs::read_to_string(&scenario.snapshot) {
        Ok(snapshot) => Snapshot::parse(&snapshot)?.contents().to_owned(),
        Err(why) if why.kind() == ErrorKind::NotFound => {
            normal(&play(&script, &PlayOptions::default()).transcript)
        }
        Err(why) => return Err(why.into()),
    };
    let simulated = normal(&played.transcript);
    if simulated == live {
        return Ok(Completion::Completed);
    }
    let difference = TextDiff::from_lines(&live, &simulated);
    Err(format!("{file}\n{}", difference.unified_diff().header("live", "sim")).into())
}
