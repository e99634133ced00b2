//! Playing a script from its first step to the end, and what came of it.
//!
//! What the steps do is left to `interpreter`; comparing a transcript with a snapshot, to the suite.
//! Invariant: [`play`] leaves nothing behind, no process, no file, no descriptor, however the scenario
//! ends; and it changes nothing of the process it runs in, so that any number may play at once.

use std::io::{self, Write};
use std::thread;

use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::{Mode, umask};

use crate::interpreter::Interpreter;
use crate::options::{PlayOptions, WorldKind};
use testgam_language::action::Action;
use testgam_language::error::ScriptErrorKind;
use testgam_language::script::{Script, Step};
use testgam_language::verb;
use testgam_language::{EXTENDED_HEADER, Language};
use testgam_worlds::check::Checker;
use testgam_worlds::world::{StepError, World};

/// A scenario's fixed umask.
const UMASK: Mode = Mode::from_bits_truncate(0o022);

/// A script that was played.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Played {
    /// Everything it printed.
    pub transcript: String,
    /// How it ended.
    pub outcome: Outcome,
}

/// How a script ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Every step, expectation and promise held.
    Held,
    /// One did not.
    Failed(Failure),
    /// It cannot be played here, for this reason.
    Skipped(String),
}

/// What did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The line of the step, or 0 when it was none.
    pub line: usize,
    /// The step as typed.
    pub step: String,
    /// What is wrong.
    pub message: String,
    /// The promise that was broken, if it is one that is kept whatever a scenario is about.
    pub checker: Option<Checker>,
}

/// Plays a script of either language in a fresh directory of its world, with a server of its own.
pub fn play(script: &Script, options: &PlayOptions) -> Played {
    if options.world == WorldKind::Sim {
        return play_in_own_world(script, options);
    }
    let played = thread::scope(|scope| {
        let player = thread::Builder::new().name("scenario".into()).spawn_scoped(scope, || {
            // The umask belongs to this thread alone from here on.
            unshare(CloneFlags::CLONE_FS).map_err(|why| format!("cannot have an own umask: {why}"))?;
            umask(UMASK);
            Ok(play_in_own_world(script, options))
        });
        let player = player.map_err(|why| format!("cannot start a thread: {why}"))?;
        player.join().unwrap_or_else(|_| Err("testgam itself panicked".into()))
    });
    played.unwrap_or_else(|message| unplayed(&StepError::Failed(message)))
}

fn play_in_own_world(script: &Script, options: &PlayOptions) -> Played {
    let mut world = match options.scenario() {
        Ok(world) => world,
        Err(trouble) => return unplayed(&trouble),
    };
    let mut transcript = Vec::new();
    let outcome = run(script, &mut world, options, &mut transcript, &mut io::sink());
    Played { transcript: String::from_utf8_lossy(&transcript).into_owned(), outcome }
}

/// What came of a script that was not begun.
fn unplayed(trouble: &StepError) -> Played {
    Played { transcript: String::new(), outcome: failed(None, trouble) }
}

/// Plays a classic script as the original does: in the current directory, with the user's session, printing
/// as it goes.
pub fn play_here(
    script: &Script,
    options: &PlayOptions,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Outcome {
    match options.here() {
        Ok((stage, monitor)) => run(script, &mut World::new(stage, monitor), options, out, err),
        Err(trouble) => failed(None, &trouble),
    }
}

/// Plays a script in a world. What a classic script prints on standard error goes to `err`.
pub fn run(
    script: &Script,
    world: &mut World,
    options: &PlayOptions,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Outcome {
    let mut interpreter = Interpreter::new(world, out, script.language, options.patience);
    interpreter.name_clients(script.has_several_clients());
    for step in &script.steps {
        // Looked at afterwards, so that the step that took too long is the one to blame.
        let done = interpreter.perform(step).and_then(|()| options.stop.check());
        let Err(trouble) = done else { continue };
        if script.language == Language::Classic {
            complain(&mut interpreter, step, &trouble, err);
        }
        return match trouble {
            StepError::Impossible(why) => Outcome::Skipped(why),
            StepError::Failed(why) if matches!(step.action, Action::Mistaken(_)) => {
                let hint = extended(step).map(|hint| format!("; {hint}")).unwrap_or_default();
                failed(Some(step), &StepError::Failed(format!("{why}{hint}")))
            }
            trouble => failed(Some(step), &trouble),
        };
    }
    match interpreter.finish() {
        Ok(()) => Outcome::Held,
        Err(trouble) => match failed(script.steps.last(), &trouble) {
            Outcome::Failed(failure) => {
                let message = format!("at the end of the scenario: {}", failure.message);
                Outcome::Failed(Failure { message, ..failure })
            }
            outcome => outcome,
        },
    }
}

fn failed(step: Option<&Step>, trouble: &StepError) -> Outcome {
    let (line, step) = step.map_or((0, String::new()), |step| (step.line, step.text.clone()));
    let checker = match trouble {
        StepError::Broken(complaint) => Some(complaint.checker),
        StepError::Failed(_) | StepError::Unmet(_) | StepError::Impossible(_) => None,
    };
    Outcome::Failed(Failure { line, step, message: trouble.to_string(), checker })
}

/// What to do about a classic step that is one of the extended language.
fn extended(step: &Step) -> Option<String> {
    let verb = verb::find(Language::Extended, step.verb().as_bytes()).filter(|verb| !verb.classic)?;
    let name = verb.name;
    Some(format!("`{name}` is of the extended language: a script in that begins with `{EXTENDED_HEADER}`"))
}

/// Says what failed where the original says it: an expectation among the events, all else on `err`.
pub fn complain(interpreter: &mut Interpreter<'_>, step: &Step, trouble: &StepError, err: &mut dyn Write) {
    let line = step.line;
    let place = format!("{} line {line}", step.verb());
    let complaint = match (&step.action, trouble) {
        (Action::Mistaken(mistake), _) => match mistake.problem {
            ScriptErrorKind::UnknownVerb(..) | ScriptErrorKind::FourthWord => {
                let unread = format!("Unable to parse line {line}: {}", step.text);
                extended(step).map_or(unread.clone(), |hint| format!("{unread}\n{hint}"))
            }
            _ => format!("{place}: {}", mistake.problem),
        },
        (_, StepError::Unmet(why)) => {
            // If nobody reads what we print, nobody reads that either.
            let _ = interpreter.write(format!("{place}: {why}\n").as_bytes());
            return;
        }
        (_, trouble) => format!("{place}: {trouble}"),
    };
    let _ = writeln!(err, "{complaint}");
}
