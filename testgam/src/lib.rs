//! testgam: plays scenarios against a file alteration monitor and writes down what it reports.
//!
//! One [`interpreter`] for scripts, [suites](suite), [sessions at a terminal](repl) and [random histories](explore). The language
//! in which it is spoken to is `testgam-language`; where it acts is one of the worlds of `testgam-worlds`, which the
//! [`options`] name. What a monitor has to report is left to the scenarios, except what must always be true of a stream of events,
//! which the worlds' checkers judge.

mod command_line;
pub mod explore;
pub mod interactive;
pub mod interpreter;
pub mod league;
pub mod options;
pub mod peers;
pub mod play;
pub mod repl;
pub mod report;
mod say;
pub mod server;
pub mod snapshot;
pub mod subscriber;
pub mod suite;
pub mod world_choice;

pub use command_line::{command, run};
pub use options::PlayOptions;
pub use play::{Failure, Outcome, Played, play};
pub use server::server_command;
pub use testgam_language::{Language, Script, ScriptError};

/// Turns this executable into a server, or into the process that carries a library, if its command line asks for that; to be
/// called first in `main` of every program that plays.
pub fn become_another_if_asked() -> Option<std::process::ExitCode> {
    server::become_server_if_asked().or_else(testgam_worlds::abi::become_carrier_if_asked)
}
