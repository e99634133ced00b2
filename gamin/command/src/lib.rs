//! `gamin`, the command for people: watch files from a shell, see what servers do, find out what is wrong.
//!
//! What a command does is left to its file, what is said on the command line to `arguments`. Invariants: standard output
//! has what was asked for and nothing else; who closes it ends the command quietly; every complaint goes to standard
//! error and says what it is about.

mod arguments;
mod change;
mod deadline;
mod doctor;
mod error;
mod exec;
mod limits;
mod report;
mod status;
mod verdict;
mod wait;
mod watch;

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::{CommandFactory, Parser};
use nix::sys::signal::{SigSet, SigmaskHow, Signal};

use arguments::{Command, CommandLine};
use error::{CommandError, complain};
use verdict::Verdict;

/// The command line as data, for its manual pages.
pub fn command() -> clap::Command {
    CommandLine::command()
}

/// Runs `gamin` with the command line of the process.
pub fn run() -> ExitCode {
    gamin_trace::follow_signal();
    let arguments = match CommandLine::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return show(&error),
    };
    // A watch takes signals for itself.
    if !matches!(arguments.command, Command::Watch(_))
        && let Err(error) = end_on_signals()
    {
        complain(&format!("can't take signals: {error}"));
    }
    let verdict = match arguments.command {
        Command::Watch(options) => watch::run(&options),
        Command::Wait(options) => wait::run(&options),
        Command::Status(options) => status::run(&options),
        Command::Doctor(options) => doctor::run(&options),
        Command::Report(options) => report::run(&options),
        Command::Completions { shell } => complete(shell),
    };
    match verdict {
        Ok(Verdict::Well) => ExitCode::SUCCESS,
        Ok(Verdict::NotWell) => ExitCode::FAILURE,
        Ok(Verdict::Status(status)) => ExitCode::from(status),
        // Nobody reads any more, and so there is nothing left to do.
        Err(CommandError::Unread) => ExitCode::SUCCESS,
        Err(complaint) => {
            complain(&complaint.to_string());
            ExitCode::from(complaint.status())
        }
    }
}

/// Has the signals that end a process end this one also if it is process 1, which the kernel otherwise spares.
fn end_on_signals() -> io::Result<()> {
    if std::process::id() != 1 {
        return Ok(());
    }
    let ending = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP];
    // What comes before all is in place waits for it.
    let held: SigSet = ending.into_iter().collect();
    let before = held.thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
    for signal in ending.map(|signal| signal as i32) {
        let always = Arc::new(AtomicBool::new(true));
        signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, always)?;
    }
    before.thread_set_mask()?;
    Ok(())
}

/// Shows what is wrong with the command line, or the help that it asks for.
fn show(error: &clap::Error) -> ExitCode {
    match error.print().and_then(|()| io::stdout().flush()) {
        Ok(()) => ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(1)),
        Err(why) => {
            complain(&format!("can't write to standard output: {why}"));
            ExitCode::FAILURE
        }
    }
}

fn complete(shell: clap_complete::Shell) -> Result<Verdict, CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command(), "gamin", &mut script);
    io::stdout().write_all(&script)?;
    Ok(Verdict::Well)
}
