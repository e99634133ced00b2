//! `testgam explore`: the arguments, the line that shows how far it is, and the exit status.
//!
//! Playing is left to `explore`. Invariant: the status is 0 only if histories were played and none showed anything wrong.

use std::io::{self, IsTerminal, Write};
use std::num::NonZero;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::dice::Dice;
use super::history::Tally;
use super::{Exploration, Finding, SIMPLIFYING_MAX, explore};
use crate::options::{OptionsError, PlayOptions, Players, WorldKind};
use crate::peers::Contender;
use crate::say::say;
use crate::suite::interrupt::{INTERRUPTED, stop_on_signals};
use crate::world_choice::{WorldChoice, WorldParser};
use testgam_worlds::stop::Stop;

/// The exit status when a history showed something wrong.
const BROKEN: u8 = 1;
/// The exit status when nothing was played.
const UNPLAYED: u8 = 2;
/// How often the line is drawn.
const TICK: Duration = Duration::from_millis(200);
/// How long to go on if neither a time nor a number is given.
const SECONDS: u64 = 60;

/// Play random histories, until one breaks a promise: random operations on few names, subscriptions of several clients,
/// and faults of every kind. That one is made as small as can be and printed as a scenario that shows it again.
#[derive(Debug, Clone, clap::Args)]
#[command(
    after_help = "Exit status: 0 if every promise was kept, 1 if one was broken, 2 if nothing was played. \
    Ctrl-C ends with the least \
    that was found so far, or else with 130."
)]
pub struct ExploreArguments {
    /// Go on for so long, with making smaller what was found [default: 60, unless a number of histories is given, and then as much again for
    /// making smaller]. A watcher that does not begin to watch gets its half minute
    #[arg(long, value_name = "N")]
    pub seconds: Option<u64>,
    /// Play so many histories at most
    #[arg(long, value_name = "N")]
    pub histories: Option<u64>,
    /// Begin with the history of this number
    #[arg(long, value_name = "N", default_value = "0")]
    pub first: u64,
    /// Where the dice begin: the same seed gives the same histories [default: another each time]
    #[arg(long, value_name = "S")]
    pub seed: Option<u64>,
    /// The world to play in, or a watcher: its name, the path of its entry, or a command that prints paths [default: sim]
    #[arg(long, value_parser = WorldParser::<Explored>::default())]
    pub world: Option<WorldChoice<Explored>>,
    /// Without a server, have each client watch in a thread of its own, and not only when it reads
    #[arg(long)]
    pub background: bool,
    /// How many steps a history has [default: 160, or 10 for a watcher]
    #[arg(long, value_name = "N")]
    pub steps: Option<NonZero<u16>>,
    /// With a watcher, have nothing go wrong: it is not stopped or killed, and nobody writes at the same time
    #[arg(long)]
    pub calm: bool,
    /// Have each server ask fanotify, not inotify, in the worlds sim and live [default: one of five does]
    #[arg(long)]
    pub fanotify: bool,
    /// How many histories are played at once [default: the number of processors]
    #[arg(short, long, value_name = "N")]
    pub jobs: Option<NonZero<usize>>,
    /// The folder of entries of watchers, and of their adapters, instead of those in this program
    #[arg(long, value_name = "FOLDER")]
    pub peers: Option<PathBuf>,
    /// Where in the lines of a watcher without an entry the path is: a regular expression with a group `path`
    #[arg(long, value_name = "REGEX")]
    pub line: Option<String>,
}

/// The worlds that can be explored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Explored {
    /// Files in memory, a simulated kernel, and faults.
    #[default]
    Sim,
    /// Real files, the running kernel, a server for each history that is stopped and killed, four who write at once.
    Live,
    /// As live, but without a server: each client watches by itself.
    Embedded,
}

/// What was played, added up by whoever plays.
#[derive(Default)]
struct Sum {
    histories: AtomicU64,
    operations: AtomicU64,
    /// Of the history that had the fewest.
    fewest_operations: AtomicU64,
    faults: AtomicU64,
    events: AtomicU64,
    skipped: AtomicU64,
    /// Why the last one was that was skipped.
    why_skipped: Mutex<Option<String>>,
}

impl Sum {
    fn new() -> Sum {
        Sum { fewest_operations: AtomicU64::new(u64::MAX), ..Sum::default() }
    }

    fn add(&self, tally: &Tally) {
        if let Some(why) = &tally.skipped {
            self.skipped.fetch_add(1, Ordering::Relaxed);
            *self.why_skipped.lock().unwrap_or_else(PoisonError::into_inner) = Some(why.clone());
            return;
        }
        self.histories.fetch_add(1, Ordering::Relaxed);
        self.operations.fetch_add(tally.operations, Ordering::Relaxed);
        self.fewest_operations.fetch_min(tally.operations, Ordering::Relaxed);
        self.faults.fetch_add(tally.faults, Ordering::Relaxed);
        self.events.fetch_add(tally.events, Ordering::Relaxed);
    }

    fn line(&self, took: Duration) -> String {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let [histories, operations, faults] = [&self.histories, &self.operations, &self.faults].map(load);
        let [fewest, events, skipped] = [&self.fewest_operations, &self.events, &self.skipped].map(load);
        let fewest = if histories > 0 { format!(" of {fewest} operations and more") } else { String::new() };
        let skipped = if skipped > 0 { format!(" ({skipped} skipped)") } else { String::new() };
        let rate = events as f64 / took.as_secs_f64().max(0.001);
        format!(
            "{histories} histories{skipped}{fewest}, {operations} operations, {faults} faults, {rate:.0} events a second"
        )
    }
}

/// Does what the arguments say. To be called before any thread is started.
pub fn run(arguments: &ExploreArguments) -> ExitCode {
    let stop = Stop::default();
    if let Err(why) = stop_on_signals(stop.clone()) {
        say(&format!("testgam: signals are not heard: {why}"));
    }
    if arguments.background && arguments.world != Some(WorldChoice::World(Explored::Embedded)) {
        say("testgam: --background is for --world embedded alone: with a server, that watches");
        return ExitCode::from(UNPLAYED);
    }
    let seed = arguments.seed.unwrap_or_else(any_seed);
    let exploration = match arguments.exploration(seed, &stop) {
        Ok(exploration) => exploration,
        Err(why) => {
            say(&format!("testgam: {why}"));
            return ExitCode::from(UNPLAYED);
        }
    };
    let (sum, began) = (Sum::new(), Instant::now());
    let bar = progress();
    let found = explore(&exploration, |number, tally, flaw| {
        sum.add(tally);
        let after = began.elapsed();
        bar.set_message(sum.line(after));
        if let Some(flaw) = flaw {
            let after = after.as_secs_f64();
            let what =
                format!("testgam: history {number}, after {after:.1} s: {}: {}", flaw.name(), flaw.message);
            bar.suspend(|| say(&what));
        }
    });
    bar.finish_and_clear();
    let took = began.elapsed();
    say(&format!("testgam: seed {seed}: {} in {:.1} s", sum.line(took), took.as_secs_f64()));
    if let Some(finding) = found {
        say(&format!("testgam: the least of history {}: {}", finding.number, finding.flaw.message));
        // If nobody reads it, the seed still says which it was.
        let again = arguments.again(&exploration, &finding);
        let _ = io::stdout().write_all(finding.scenario(&again).as_bytes());
        return ExitCode::from(BROKEN);
    }
    match sum.histories.load(Ordering::Relaxed) {
        _ if stop.is_asked() => ExitCode::from(INTERRUPTED),
        0 => {
            let why = sum.why_skipped.into_inner().unwrap_or_else(PoisonError::into_inner);
            let why = why.unwrap_or_else(|| "there was no history to play".into());
            say(&format!("testgam: nothing could be played: {why}"));
            ExitCode::from(UNPLAYED)
        }
        histories => {
            let events = sum.events.load(Ordering::Relaxed);
            say(&format!(
                "testgam: every promise held, in each of {histories} histories, with {events} events"
            ));
            ExitCode::SUCCESS
        }
    }
}

impl ExploreArguments {
    fn exploration(&self, seed: u64, stop: &Stop) -> Result<Exploration, OptionsError> {
        let world = match self.world.clone() {
            None | Some(WorldChoice::World(Explored::Sim)) => WorldChoice::World(WorldKind::Sim),
            Some(WorldChoice::World(Explored::Live)) => WorldChoice::World(WorldKind::Live),
            Some(WorldChoice::World(Explored::Embedded)) => WorldChoice::World(WorldKind::Embedded),
            Some(WorldChoice::Peer(name)) => WorldChoice::Peer(name),
        };
        let players = Players { peers: self.peers.clone(), line: self.line.clone(), ..Players::default() };
        let play = players.options(Some(world))?;
        let is_flat = play.contender.as_ref().is_some_and(Contender::is_flat);
        if self.fanotify && !matches!(play.world, WorldKind::Sim | WorldKind::Live) {
            return Err(OptionsError::Fanotify);
        }
        let dice = Dice::new(play.world);
        let steps = self.steps.map_or(dice.steps, |steps| steps.get().into());
        let dice = Dice { steps, is_flat, is_calm: self.calm, is_fanotify: self.fanotify, ..dice };
        let seconds = self.seconds.or(self.histories.is_none().then_some(SECONDS));
        let within = |seconds: Option<u64>| {
            seconds.map_or(stop.clone(), |seconds| stop.within(Duration::from_secs(seconds)))
        };
        Ok(Exploration {
            dice,
            seed,
            first: self.first,
            histories: self.histories.unwrap_or(u64::MAX),
            jobs: self.jobs.or(thread::available_parallelism().ok()).unwrap_or(NonZero::<usize>::MIN),
            simplifying: SIMPLIFYING_MAX,
            // Who has named no time gets what was found made smaller, however late that was.
            stop: within(self.seconds),
            play: PlayOptions { stop: within(seconds), has_background: self.background, ..play },
        })
    }

    /// The command lines that play what was found, and that find it.
    fn again(&self, exploration: &Exploration, finding: &Finding) -> Vec<String> {
        let world = match (&exploration.play.contender, &self.world) {
            (Some(contender), _) => contender.arguments.clone(),
            (None, Some(WorldChoice::World(Explored::Live))) => "--world live".into(),
            (None, Some(WorldChoice::World(Explored::Embedded))) => "--world embedded".into(),
            (None, _) => "--world sim".into(),
        };
        let Exploration { seed, dice, .. } = exploration;
        let (number, steps) = (finding.number, dice.steps);
        let background = if self.background { " --background" } else { "" };
        let calm = if dice.is_calm { " --calm" } else { "" };
        let fanotify = if dice.is_fanotify { " --fanotify" } else { "" };
        let find = format!(
            "testgam explore {world}{background}{calm}{fanotify} --steps {steps} --seed {seed} --first {number} --histories 1"
        );
        // A file alone is not played in the background.
        let play = (!self.background).then(|| format!("testgam {world} FILE"));
        play.into_iter().chain([find]).map(|line| line.replace('\n', " ")).collect()
    }
}

fn any_seed() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_micros() as u64
}

/// A line on standard error, if somebody looks at it.
fn progress() -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{spinner} {elapsed} {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar.enable_steady_tick(TICK);
    bar
}
