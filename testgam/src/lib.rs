//! testgam: plays scenarios against a file alteration monitor and writes down what it reports.
//!
//! One parser ([`script`], [`verb`]), one interpreter ([`interpreter`]) and one transcript ([`transcript`])
//! for scripts, suites and sessions at a terminal. The interpreter acts on a [`world`]; [`live`] is the one
//! with real files and a real server, `abi` the same through any library. The language is in docs/testgam.md. What a monitor has to report is
//! left to the scenarios, except what must always be true of a stream of events, which [`told`] checks.

mod abi;
pub mod action;
pub mod check;
pub mod collection;
mod command_line;
pub mod disk;
pub mod explore;
mod forks;
pub mod interactive;
pub mod interpreter;
pub mod live;
pub mod play;
pub mod repl;
pub mod report;
mod say;
pub mod script;
pub mod server;
mod session;
pub mod sim;
pub mod snapshot;
pub mod stop;
pub mod subscriber;
pub mod suite;
pub mod told;
pub mod transcript;
pub mod verb;
pub mod words;
pub mod world;

pub use command_line::{command, run};
pub use play::{Failure, Outcome, PlayOptions, Played, play};
pub use script::{Language, Mistake, Script};
pub use server::server_command;

/// Turns this executable into a server, or into the process that carries a library, if its command line asks for that; to be
/// called first in `main` of every program that plays.
pub fn become_another_if_asked() -> Option<std::process::ExitCode> {
    server::become_server_if_asked().or_else(abi::become_carrier_if_asked)
}
