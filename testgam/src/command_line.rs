//! The command line of testgam. What the commands do is left to the other modules.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

use crate::options::{Players, WorldKind};
use crate::play::play_here;
use crate::say::{say, spelled_at_terminal};
use crate::server::SERVER_ARGUMENT;
use crate::suite::interrupt;
use crate::world_choice::{WorldChoice, WorldParser};
use crate::{
    Language, Outcome, PlayOptions, Script, become_another_if_asked, explore, interactive, league, play,
    repl, suite,
};

/// Plays scenarios against the file alteration monitor and prints the events it reports.
#[derive(Debug, Parser)]
#[command(
    name = "testgam",
    version,
    args_conflicts_with_subcommands = true,
    after_help = "Exit status: 0 if every command, expectation and promise held, 1 if something did not hold or could not be \
    done, 2 if the command line is wrong, 130 if interrupted."
)]
struct Arguments {
    /// Scripts to play; `-` reads commands from standard input, as testgam alone does at a terminal.
    ///
    /// A script whose first line is `#! testgam extended` plays in a fresh directory with a server of its
    /// own, any other in the current directory with the user's session.
    files: Vec<PathBuf>,
    /// The world to play scripts in, or a watcher: its name, the path of its entry, or a command that prints paths [default: live,
    /// or abi if a library is named]
    #[arg(long, value_parser = WorldParser::<WorldKind>::default(), value_name = "WORLD")]
    world: Option<WorldChoice<WorldKind>>,
    #[command(flatten)]
    players: Players,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(suite::command::RunArguments),
    Explore(explore::command::ExploreArguments),
    League(league::command::LeagueArguments),
    /// Print a completion script: testgam completions bash >>~/.bash_completion
    Completions {
        /// The shell that is to complete.
        #[arg(value_enum)]
        shell: Shell,
    },
    /// Be the server, as `gam_server` would: [--detach] [--notimeout] [--pollonly] [ID]
    #[command(name = SERVER_ARGUMENT)]
    GamServer {
        /// The server's own arguments.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

/// The command line as data, for its manual page.
pub fn command() -> clap::Command {
    Arguments::command()
}

/// Runs testgam with the command line of the process; to be called first in `main`.
pub fn run() -> ExitCode {
    if let Some(status) = become_another_if_asked() {
        return status;
    }
    gamin_trace::follow_signal();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let status = u8::try_from(error.exit_code()).unwrap_or(1);
            return written(error.print().and_then(|()| io::stdout().flush()), status);
        }
    };
    let options = match arguments.players.options(arguments.world) {
        Ok(options) => options,
        Err(why) => Arguments::command().error(ErrorKind::ArgumentConflict, why).exit(),
    };
    match arguments.command {
        Some(Command::GamServer { arguments }) => gamin_server::run(arguments),
        Some(Command::Run(arguments)) => suite::command::run(&arguments),
        Some(Command::Explore(arguments)) => explore::command::run(&arguments),
        Some(Command::League(arguments)) => league::command::run(&arguments),
        Some(Command::Completions { shell }) => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut command(), "testgam", &mut script);
            written(io::stdout().write_all(&script).and_then(|()| io::stdout().flush()), 0)
        }
        None if arguments.files.is_empty() && !repl::is_possible() => usage(),
        None => {
            let mut all_held = true;
            let session = [PathBuf::from("-")];
            let files = if arguments.files.is_empty() { &session[..] } else { &arguments.files };
            let has_session = files.iter().any(|file| file == Path::new("-"));
            let taken = match has_session {
                // At a terminal it takes them itself.
                true if repl::is_possible() => Ok(()),
                true => interrupt::end_on_signals(),
                false => interrupt::stop_on_signals(options.stop.clone()),
            };
            if let Err(why) = taken {
                say(&format!("signals are not heard: {why}"));
            }
            for file in files {
                all_held &= play_file(file, &options).unwrap_or_else(|why| {
                    say(&format!("{}: {why}", file.display()));
                    false
                });
                // In a session it is asked for a step.
                if !has_session && options.stop.is_asked() {
                    return ExitCode::from(interrupt::INTERRUPTED);
                }
            }
            if all_held { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
    }
}

/// The exit status after writing to standard output. Who has closed it has read enough.
fn written(is_written: io::Result<()>, status: u8) -> ExitCode {
    match is_written {
        Err(why) if why.kind() != io::ErrorKind::BrokenPipe => {
            say(&format!("testgam: can't write to standard output: {why}"));
            ExitCode::FAILURE
        }
        _ => ExitCode::from(status),
    }
}

fn usage() -> ExitCode {
    say(&command().render_help().to_string());
    ExitCode::from(2)
}

/// Plays one file; gives whether all of it held.
fn play_file(file: &Path, options: &PlayOptions) -> io::Result<bool> {
    let (mut out, mut err) = (spelled_at_terminal(io::stdout()), spelled_at_terminal(io::stderr()));
    if file == Path::new("-") && repl::is_possible() {
        return repl::converse(options).map(|()| true);
    }
    if file == Path::new("-") {
        return interactive::converse(&mut io::stdin().lock(), options, &mut out, &mut err);
    }
    let script = match Script::parse(&fs::read(file)?) {
        Ok(script) => script,
        Err(mistakes) => {
            for mistake in mistakes {
                say(&format!("{}:{mistake}", file.display()));
            }
            return Ok(false);
        }
    };
    if script.language == Language::Classic && !matches!(options.world, WorldKind::Sim | WorldKind::Peer) {
        return Ok(play_here(&script, options, &mut out, &mut err) == Outcome::Held);
    }
    let played = play(&script, options);
    out.write_all(played.transcript.as_bytes())?;
    match played.outcome {
        Outcome::Held => return Ok(true),
        Outcome::Skipped(why) => say(&format!("{}: skipped: {why}", file.display())),
        Outcome::Failed(failure) => {
            say(&format!("{}:{}: {}: {}", file.display(), failure.line, failure.step, failure.message));
        }
    }
    Ok(false)
}
