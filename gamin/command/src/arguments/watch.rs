//! The command lines of `gamin watch` and `gamin wait`.
//!
//! What the options do is left to those commands. Invariant: what can't be understood is refused here, with status 2.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use nix::sys::signal::Signal;

/// Print what happens to files and directories, or run a command for it
///
/// Of a directory, what happens to its entries is told; of anything else, what happens to itself. A path that is missing
/// is waited for. When everything is watched, a line on standard error says so. A directory that can't be followed, or is
/// looked at only now and then, is named on standard error before that, or as soon as it is found, and again when it is
/// followed.
///
/// An event is a line: Created, Changed, Deleted or (with --moves) Moved, and the path. In a path, control characters, bytes that are no
/// UTF-8, and backslashes are escaped as in C.
#[derive(Debug, Args)]
#[command(override_usage = "gamin watch [OPTIONS] PATH...\n       gamin watch [OPTIONS] PATH... -x COMMAND\n       gamin watch [OPTIONS] PATH... -- PROGRAM [ARGUMENT]...",
    after_long_help = AFTER_WATCH)]
pub struct WatchOptions {
    /// What to watch; - reads paths from standard input, a line each
    #[arg(value_name = "PATH", required_unless_present = "files_from")]
    pub paths: Vec<PathBuf>,
    /// Read paths to watch from a file as well, a line each; - is standard input
    #[arg(long, value_name = "FILE")]
    pub files_from: Option<PathBuf>,
    /// Watch everything below directories, too; symbolic links are not followed
    #[arg(short, long)]
    pub recursive: bool,
    /// Do not follow directories on other file systems than their root's
    #[arg(long)]
    pub one_file_system: bool,

    /// Leave out what matches, as a line of .gitignore would; can be given more than once
    #[arg(short, long, value_name = "GLOB", help_heading = "What to tell")]
    pub ignore: Vec<String>,
    /// Leave out what the lines of a file say, written as .gitignore; - is standard input
    #[arg(long, value_name = "FILE", help_heading = "What to tell")]
    pub ignore_file: Vec<PathBuf>,
    /// Leave out what .gitignore and .ignore say, and the folders of version control; with a command this is the default
    #[arg(long, overrides_with = "no_ignore", help_heading = "What to tell")]
    pub gitignore: bool,
    /// Leave out nothing but what --ignore and --ignore-file say
    #[arg(long, help_heading = "What to tell")]
    pub no_ignore: bool,
    /// Only tell of what matches, as a line of .gitignore would; can be given more than once
    #[arg(long, value_name = "GLOB", help_heading = "What to tell")]
    pub only: Vec<String>,
    /// Only tell of this; can be given more than once
    #[arg(long, value_name = "KIND", value_enum, ignore_case = true, help_heading = "What to tell")]
    pub event: Vec<ChangeKind>,
    /// Tell first what is there, as Exists
    #[arg(short, long, help_heading = "What to tell")]
    pub existing: bool,
    /// Tell of a rename within what is watched as one event, Moved, with both paths
    ///
    /// Without this, or where the two halves of a rename are not seen together, something is Deleted and something else Created.
    #[arg(long, conflicts_with_all = ["exec", "program"], help_heading = "What to tell")]
    pub moves: bool,

    /// Print each event as a JSON object on a line of its own; docs/watch.schema.json describes them
    #[arg(long, help_heading = "How to print")]
    pub json: bool,
    /// Print each event in a form of your own: {event}, {path}, {absolute}, {to}, {time}, \n, \t, {{ and }}
    #[arg(long, value_name = "FORM", conflicts_with = "json", help_heading = "How to print")]
    pub format: Option<String>,
    /// Print the time before each event, in a form of strftime(3) if one is given with =
    #[arg(long, value_name = "FORM", num_args = 0..=1, require_equals = true, default_missing_value = "%H:%M:%S",
        conflicts_with = "json", help_heading = "How to print")]
    pub time: Option<String>,
    /// End what is printed, and paths that are read, with NUL instead of a newline; nothing is escaped
    #[arg(short = '0', long, conflicts_with = "json", help_heading = "How to print")]
    pub null: bool,

    /// Run a command of the shell for what has changed, instead of printing events
    ///
    /// It runs once for changes that come together. The paths are its arguments: "$@" in the command. Of a single path,
    /// GAMIN_PATH is the path and GAMIN_EVENT is Created, Changed or Deleted; GAMIN_COUNT is the number of paths. What happens
    /// while it runs leads to one more run.
    #[arg(short = 'x', long, value_name = "COMMAND", conflicts_with_all = ["json", "existing", "format", "time"],
        help_heading = "Running a command")]
    pub exec: Option<String>,
    /// Run a program without a shell: the paths take the place of an argument {}
    #[arg(last = true, value_name = "PROGRAM", conflicts_with_all = ["exec", "json", "existing", "format", "time"])]
    pub program: Vec<OsString>,
    /// Run it for each change, one after the other, instead of once for changes that come together
    #[arg(long, help_heading = "Running a command")]
    pub each: bool,
    /// Changes come together until nothing happens for this long, and for a second at most
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "50ms", help_heading = "Running a command")]
    pub gather: Duration,
    /// Run it once at the beginning, too
    #[arg(long, help_heading = "Running a command")]
    pub run_first: bool,
    /// What to do when something changes while it runs
    ///
    /// If this is not given, it waits; and if three runs in a row come of nothing but what the run before them changed, it waits
    /// for a change that comes while nothing runs, and says so.
    #[arg(long, value_name = "WHAT", value_enum, help_heading = "Running a command")]
    pub on_busy: Option<Busy>,
    /// The signal that ends it, or that --on-busy signal sends
    #[arg(long, value_name = "SIGNAL", value_parser = signal, default_value = "TERM", help_heading = "Running a command")]
    pub signal: Signal,
    /// How long it may take to end before it is killed
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "10s", help_heading = "Running a command")]
    pub stop_timeout: Duration,
    /// Write the paths to its standard input: a line each, escaped as they are printed, or each ended by NUL
    #[arg(long, value_name = "HOW", value_enum, help_heading = "Running a command")]
    pub stdin: Option<Names>,
    /// Clear the screen before each run, or before the first event
    #[arg(long, help_heading = "Running a command")]
    pub clear: bool,

    /// End after the first change, or after the first run with the status of the command
    #[arg(long, help_heading = "When to end")]
    pub once: bool,
    /// End after this time, with status 124
    #[arg(long, value_name = "TIME", value_parser = duration, help_heading = "When to end")]
    pub timeout: Option<Duration>,
}

const AFTER_WATCH: &str = "A TIME is a number of seconds, or has a unit: 50ms, 1.5s, 2m, 1h.

Too many paths for the arguments of a program are all written to its standard input instead, each ended by NUL, or as
--stdin says. GAMIN_PATHS says where they are: arguments, lines or nul.

Exit status:
  0    it ended because nobody reads its output, or with --once
  1    it could not go on; or it ended, and something could not be followed to the end
  2    the command line was not understood
  124  --timeout has passed
  128+N  it was ended by the signal N, which was handed to the command
  with --once and a command, the status of the command";

/// What to do when something changes while a command runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Busy {
    /// Run it once more afterwards
    Wait,
    /// End it and run it anew
    Restart,
    /// Send it the signal, and leave the rest to it
    Signal,
    /// Forget what changes until it ends
    Drop,
}

/// What may be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ChangeKind {
    /// It has come to be
    Created,
    /// Its content or attributes are different
    Changed,
    /// It is gone
    Deleted,
    /// It was renamed; this is --moves, too
    Moved,
}

/// How names are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Names {
    /// A line each, escaped
    Lines,
    /// Each ended by NUL
    Nul,
}

/// Wait until a path is there, is gone, has changed, or has come to rest
///
/// Exit status 124 means that it has not come to that in time.
#[derive(Debug, Args)]
pub struct WaitOptions {
    /// What to wait for
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Until none of them is there
    #[arg(long, group = "until")]
    pub gone: bool,
    /// Until something happens to one of them, or to an entry
    #[arg(long, group = "until")]
    pub changed: bool,
    /// Until nothing has happened to them for this long
    ///
    /// What happened before is waited for as well: whoever watches the same paths can be told of it by then.
    #[arg(long, value_name = "TIME", value_parser = duration, num_args = 0..=1, require_equals = true,
        default_missing_value = "100ms", group = "until")]
    pub settled: Option<Duration>,
    /// With everything below directories
    #[arg(short, long)]
    pub recursive: bool,
    /// Give up after this time
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub timeout: Option<Duration>,
}

/// Understands a time.
fn duration(text: &str) -> Result<Duration, String> {
    let number_len = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(number_len);
    let seconds = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err(format!("`{unit}` is none of ms, s, m, h")),
    };
    let number: f64 = number.parse().map_err(|_| "not a time, such as 50ms, 1.5s or 2m".to_owned())?;
    Duration::try_from_secs_f64(number * seconds).map_err(|error| error.to_string())
}

/// Understands a signal: a name with or without SIG, or a number.
fn signal(text: &str) -> Result<Signal, String> {
    let upper = text.to_ascii_uppercase();
    let number = text.parse().ok().and_then(|number: i32| Signal::try_from(number).ok());
    let named = || format!("SIG{}", upper.trim_start_matches("SIG")).parse().ok();
    number.or_else(named).ok_or_else(|| "no signal has this name or number; kill -l lists them".to_owned())
}

impl WatchOptions {
    /// Whether renames are to be told as such.
    pub fn tells_moves(&self) -> bool {
        self.moves || self.event.contains(&ChangeKind::Moved) && !self.runs()
    }

    /// Whether it runs a command instead of printing.
    pub fn runs(&self) -> bool {
        self.exec.is_some() || !self.program.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units_and_are_seconds_without() {
        for (text, ms) in
            [("50ms", 50), ("1.5s", 1500), ("2", 2000), ("0", 0), ("1m", 60_000), ("1h", 3_600_000)]
        {
            assert_eq!(duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for text in ["", "ms", "1 s", "-1", "1d", "1.2.3", "99999999999999999999h"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn signals_are_names_or_numbers() {
        for text in ["HUP", "hup", "SIGHUP", "1"] {
            assert_eq!(signal(text), Ok(Signal::SIGHUP), "{text}");
        }
        assert!(signal("FROBNICATE").is_err() && signal("0").is_err() && signal("999").is_err());
    }
}
