//! `testgam run`: the arguments, and the exit status they come to.
//!
//! Playing is left to `suite`, writing to `report`. Invariant: the status is 0 only if at least one scenario
//! was played or accepted and none was found broken.

use std::env;
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::num::NonZero;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::corpus::{Corpus, CorpusError, SCENARIOS, Scenario};
use super::interrupt::{INTERRUPTED, stop_on_signals};
use super::{SCENARIO_BOUND, SuiteOptions, play_all, verdict};
use crate::options::{OptionsError, Players, WorldKind};
use crate::report::{Format, Look, Summary, shell_word};
use crate::say::say;
use crate::world_choice::{WorldChoice, WorldParser};
use testgam_language::words::printable;

/// The exit status when something did not hold.
const BROKEN: u8 = 1;
/// The exit status when nothing was played.
const UNPLAYED: u8 = 2;
/// How often the progress bar is drawn while nothing happens.
const TICK: Duration = Duration::from_millis(200);

/// Plays scenarios, each in a fresh directory with a server of its own, and compares what they print with
/// the accepted snapshots.
///
/// The corpus is the folder, here or above, that holds tests/scenario. The scenario
/// tests/scenario/AREA/behaviour.tst has its snapshot at snapshots/AREA/behaviour.snap; these are insta's
/// files, so `cargo test` asserts them too and `cargo insta review` accepts what differs there.
#[derive(Debug, Clone, clap::Args)]
#[command(
    after_help = "Exit status: 0 if everything held (skipped scenarios do no harm), 1 if something did \
    not, 2 if there was nothing to play, 130 if interrupted."
)]
pub struct RunArguments {
    /// Scenarios or folders of them; without any, the whole corpus, where a snapshot without scenario is
    /// an error as well
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Play only scenarios with TEXT in their name AREA/behaviour; can be given more than once, then any
    /// of the texts will do
    #[arg(short, long, value_name = "TEXT")]
    pub filter: Vec<String>,
    /// Write what each scenario prints to its snapshot, as the right result from now on. If the whole corpus
    /// is played, remove snapshots that have no scenario. A scenario that fails keeps its old snapshot
    #[arg(long, conflicts_with = "library")]
    pub accept: bool,
    /// Show what each scenario printed: every step, and under it the events that it caused
    #[arg(short, long)]
    pub show: bool,
    /// The world to play in; with `both`, each scenario has to print the same in either. What needs the real
    /// kernel is skipped in the simulated world. Or a watcher: its name, the path of its entry, or a command that prints paths. What it
    /// prints is compared with the disk, and not with snapshots [default: live, or abi if a library is named]
    #[arg(long, value_parser = WorldParser::<Worlds>::default())]
    pub world: Option<WorldChoice<Worlds>>,
    /// How many scenarios play at once [default: twice the number of processors]
    #[arg(short, long, value_name = "N")]
    pub jobs: Option<NonZero<usize>>,
    /// Play each scenario N times; it has to print the same each time
    #[arg(long, value_name = "N", default_value = "1")]
    pub repeat: NonZero<u32>,
    /// How long a scenario may take. With a server that has no barrier each step takes a second and more
    #[arg(long, value_name = "SECONDS", default_value_t = SCENARIO_BOUND.as_secs())]
    pub bound: u64,
    /// The form of the report
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Write the report into FILE; `-` is standard output
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    pub output: PathBuf,
    /// End with the first scenario that does not hold
    #[arg(long)]
    pub fail_fast: bool,
    /// Play nothing: print the names of what would be played, one a line
    #[arg(long, conflicts_with_all = ["accept", "show"])]
    pub list: bool,
    /// Whom to play with.
    #[command(flatten)]
    pub players: Players,
}

/// The worlds that can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Worlds {
    /// Real files, the running kernel, a server for each scenario.
    Live,
    /// Files in memory, a simulated kernel, a clock that only waiting moves.
    Sim,
    /// Live and sim, one after the other.
    Both,
    /// As live, but clients go through the library that is named.
    Abi,
    /// As live, but without a server: each client watches by itself.
    Embedded,
}

/// What to play.
struct Selection {
    scenarios: Vec<Scenario>,
    orphans: Vec<Scenario>,
}

/// Why nothing was played, or not everything told.
#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error(transparent)]
    Corpus(#[from] CorpusError),
    #[error(transparent)]
    Options(#[from] OptionsError),
    #[error("no scenario{0} in {1}")]
    NoMatch(String, String),
    #[error("cannot begin: {0}")]
    Begin(io::Error),
    #[error("cannot write the report to {0}: {1}")]
    Open(String, io::Error),
    #[error("cannot write the report: {0}")]
    Report(io::Error),
}

/// Does what the arguments say. To be called before any thread is started.
pub fn run(arguments: &RunArguments) -> ExitCode {
    match try_run(arguments) {
        Ok(status) => ExitCode::from(status),
        // Whoever read the report has seen enough.
        Err(RunError::Report(why)) if why.kind() == io::ErrorKind::BrokenPipe => ExitCode::from(BROKEN),
        Err(problem) => {
            say(&format!("testgam: {problem}"));
            ExitCode::from(UNPLAYED)
        }
    }
}

fn try_run(arguments: &RunArguments) -> Result<u8, RunError> {
    let options = arguments.suite_options()?;
    let stop = options.play.stop.clone();
    stop_on_signals(stop.clone()).map_err(RunError::Begin)?;
    let base = env::current_dir().map_err(RunError::Begin)?;
    let selection = arguments.select(&base)?;
    let (mut out, colors) = arguments.open_output()?;
    if arguments.list {
        return selection.list(&mut out).map(|()| 0).map_err(RunError::Report);
    }
    let look = Look { colors, transcripts: arguments.show, base, again: arguments.again() };
    let mut report = arguments.format.report(out, look);
    let mut summary = Summary::default();
    let began = Instant::now();
    let count = selection.scenarios.len() + selection.orphans.len();
    report.begin(count).map_err(RunError::Report)?;
    let bar = progress(selection.scenarios.len());
    let (mut told, mut ends_early) = (0, false);
    let mut tell = |finding: verdict::Finding| {
        told += 1;
        summary.count(&finding.verdict);
        bar.suspend(|| report.tell(&finding))?;
        ends_early = arguments.fail_fast && summary.broken > 0;
        Ok(if ends_early { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    };
    let mut written = play_all(&selection.scenarios, &options, || bar.inc(1), &mut tell);
    for orphan in &selection.orphans {
        if !stop.is_asked() {
            let finding = verdict::judge_orphan(orphan, options.accepts);
            written = written.and_then(|()| {
                tell(finding).map(|flow| {
                    if flow.is_break() {
                        stop.ask();
                    }
                })
            });
        }
    }
    bar.finish_and_clear();
    written.map_err(RunError::Report)?;
    if stop.is_asked() && !ends_early {
        say("testgam: interrupted");
        return Ok(INTERRUPTED);
    }
    summary.unplayed = count - told;
    summary.took = began.elapsed();
    report.end(&summary).map_err(RunError::Report)?;
    Ok(if summary.broken == 0 { 0 } else { BROKEN })
}

impl Selection {
    /// Writes the names of the scenarios.
    fn list(&self, out: &mut dyn Write) -> io::Result<()> {
        self.scenarios.iter().try_for_each(|scenario| writeln!(out, "{}", printable(&scenario.name)))?;
        out.flush()
    }
}

impl RunArguments {
    fn suite_options(&self) -> Result<SuiteOptions, RunError> {
        let processors = thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
        let jobs = self.jobs.unwrap_or_else(|| processors.saturating_add(processors.get()));
        let chosen = self.world.clone().map(|choice| match choice {
            WorldChoice::World(Worlds::Live | Worlds::Both) => WorldChoice::World(WorldKind::Live),
            WorldChoice::World(Worlds::Sim) => WorldChoice::World(WorldKind::Sim),
            WorldChoice::World(Worlds::Abi) => WorldChoice::World(WorldKind::Abi),
            WorldChoice::World(Worlds::Embedded) => WorldChoice::World(WorldKind::Embedded),
            WorldChoice::Peer(name) => WorldChoice::Peer(name),
        });
        let play = self.players.options(chosen)?;
        let also = (self.world == Some(WorldChoice::World(Worlds::Both))).then_some(WorldKind::Sim);
        let worlds = [play.world].into_iter().chain(also).collect();
        Ok(SuiteOptions {
            play,
            worlds,
            jobs,
            repeat: self.repeat,
            accepts: self.accept,
            bound: Duration::from_secs(self.bound),
        })
    }

    /// Where the report goes, and whether colours are seen there.
    fn open_output(&self) -> Result<(Box<dyn Write>, bool), RunError> {
        if self.output == Path::new("-") {
            let out = io::stdout();
            let colors = out.is_terminal() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
            return Ok((Box::new(out), colors));
        }
        let file = File::create(&self.output);
        let file = file.map_err(|why| RunError::Open(self.output.display().to_string(), why))?;
        Ok((Box::new(file), false))
    }

    /// The options that play a scenario once more in the same way, each with a blank before it.
    fn again(&self) -> String {
        let mut again = String::new();
        let world = self.world.as_ref().and_then(|world| match world {
            WorldChoice::World(world) => Some(world.to_possible_value()?.get_name().to_owned()),
            WorldChoice::Peer(name) => Some(shell_word(name)),
        });
        if let Some(world) = world {
            again.push_str(&format!(" --world {world}"));
        }
        let Players { library, server, peers, .. } = &self.players;
        for (name, path) in [("library", library), ("server", server), ("peers", peers)] {
            if let Some(path) = path {
                again.push_str(&format!(" --{name} {}", shell_word(&path.display().to_string())));
            }
        }
        if self.repeat.get() > 1 {
            again.push_str(&format!(" --repeat {}", self.repeat));
        }
        again
    }

    fn select(&self, base: &Path) -> Result<Selection, RunError> {
        let is_whole = self.paths.is_empty() && self.filter.is_empty();
        let first = self.paths.first().map(|path| {
            path.canonicalize().map_err(|why| CorpusError::Unreadable { path: path.clone(), why })
        });
        let corpus = Corpus::above(&first.transpose()?.unwrap_or_else(|| base.to_owned()))?;
        let mut scenarios = match self.paths.is_empty() {
            true => corpus.scenarios()?,
            false => corpus.scenarios_in(&self.paths)?,
        };
        let is_wanted = |scenario: &Scenario| self.filter.iter().any(|text| scenario.name.contains(text));
        scenarios.retain(|scenario| self.filter.is_empty() || is_wanted(scenario));
        if scenarios.is_empty() {
            return Err(self.no_match());
        }
        let orphans = if is_whole { corpus.orphans()? } else { Vec::new() };
        Ok(Selection { scenarios, orphans })
    }

    fn no_match(&self) -> RunError {
        let wanted = self.filter.iter().map(|text| format!("`{text}`")).collect::<Vec<_>>().join(" or ");
        let wanted = if wanted.is_empty() { wanted } else { format!(" is named like {wanted}") };
        let places: Vec<_> = self.paths.iter().map(|path| path.display().to_string()).collect();
        RunError::NoMatch(wanted, if places.is_empty() { SCENARIOS.to_owned() } else { places.join(", ") })
    }
}

/// A bar on standard error, if somebody looks at it.
fn progress(count: usize) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(count as u64), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(TICK);
    bar
}
