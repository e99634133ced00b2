//! The command line of `gamin`, which is also its manual.
//!
//! What the commands do is left to them.

mod watch;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

pub use watch::{Busy, ChangeKind, Names, WaitOptions, WatchOptions};

/// Watches files and directories, and shows what the file alteration monitor does.
///
/// The commands talk to gam_server, one per user and session id, which tells programs what happens to files. A server is
/// started when there is none; GAM_CLIENT_ID chooses a session other than the user's main one.
#[derive(Debug, Parser)]
#[command(name = "gamin", version, max_term_width = 100, after_long_help = ENVIRONMENT)]
pub struct CommandLine {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

const ENVIRONMENT: &str = "Environment:
  GAM_CLIENT_ID       the session; the user's main one if it is not set or empty
  GAMIN_DEBUG_SERVER  the program to start as the server, instead of the installed one
  GAM_MODE            who watches: server; embedded, this program itself; auto, a server if there is one
  GAM_DEBUG           if it is set, whatever it says, tell on standard error what is going on

Signal:
  SIGUSR2  switches a trace to a new file /tmp/gamin_debug_XXXXXX on and off

Exit status:
  0  it was done, and all is well
  1  it could not be done, or not all is well
  2  the command line was not understood
  watch and wait have more: gamin help watch";

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    Watch(Box<WatchOptions>),
    Wait(WaitOptions),
    Status(StatusOptions),
    Doctor(DoctorOptions),
    Report(ReportOptions),
    /// Print a completion script: gamin completions bash >>~/.bash_completion
    Completions {
        /// The shell that is to complete
        #[arg(value_enum)]
        shell: Shell,
    },
}

/// List the servers of this user and the programs they serve
///
/// Each program has a line that says how much it watches. With -v each path has a line too, which says how it is watched.
/// The command starts no server, and keeps none running that nobody else needs.
///
/// Exit status 1 means that no server runs, or that one gave no answer. The original's gam_server can't answer.
#[derive(Debug, Args)]
pub struct StatusOptions {
    /// List each path that a program watches
    #[arg(short, long)]
    pub verbose: bool,
    /// Show only the server of this session; the main session has an empty name
    #[arg(long, value_name = "ID")]
    pub session: Option<OsString>,
    /// Show only what this process watches
    #[arg(long, value_name = "PID", value_parser = clap::value_parser!(i32).range(1..))]
    pub pid: Option<i32>,
    /// Print each fact as a JSON object on a line of its own
    #[arg(long)]
    pub json: bool,
}

/// Check that everything works, and say what to change if not
///
/// It checks that a server answers, that its configuration has no mistakes, and how much this user has left of what the
/// kernel allows. As a test it watches a temporary directory, makes a file in it, and waits to be told. For each PATH it says
/// how the path is watched, and why.
///
/// Exit status 1 means that it found a problem. Below each problem it says what to do.
#[derive(Debug, Args)]
pub struct DoctorOptions {
    /// The paths to check
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
}

/// Write what a bug report should have into a new file, readable by you alone
///
/// It has versions, who watches, what the kernel allows, mounts, rules, and what each server of this user does and has done last.
#[derive(Debug, Args)]
pub struct ReportOptions {
    /// The file, which must not be there yet; - is standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// Leave names of files in it
    #[arg(long)]
    pub names: bool,
}
