//! `testgam league`: the arguments, the line that shows how far it is, and where results go.
//!
//! Playing is left to `league`. Invariant: what was played is written at once, so that who is interrupted goes on where he was.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use nix::sys::utsname::uname;

use super::ordeals::Ordeals;
use super::page::html;
use super::standing::{Ending, Standing};
use super::table::{Absent, Machine, file_name, markdown};
use super::{Fixture, play};
use crate::peers::{Contender, PeerError, Peers};
use crate::say::say;
use crate::suite::interrupt::{INTERRUPTED, stop_on_signals};
use testgam_worlds::peer::command_words::for_shell;
use testgam_worlds::peer::process::version;
use testgam_worlds::stop::Stop;

/// How many histories are played at once for each processor.
const JOBS: NonZero<usize> = NonZero::<usize>::MIN.saturating_add(2);
/// The exit status when nothing was played.
const UNPLAYED: u8 = 2;

/// Play the same histories and ordeals with each file watcher that is installed, and write what came of it: a table, and a scenario for
/// each accusation.
///
/// What is missing is named, and how it is installed. Who is interrupted goes on where he was: what is in the folder of results
/// already is not played again, if version, command, seed and number of histories are the same.
#[derive(Debug, Clone, clap::Args)]
#[command(
    after_help = "Exit status: 0 if something was played, whatever came of it, 2 if nothing was, 130 if interrupted."
)]
pub struct LeagueArguments {
    /// Watchers: names of entries, paths of entries, or commands; without any, all entries
    #[arg(value_name = "WATCHER")]
    pub watchers: Vec<String>,
    /// Where the dice begin: the same seed gives the same histories
    #[arg(long, value_name = "S", default_value = "1")]
    pub seed: u64,
    /// How many histories each watcher plays
    #[arg(long, value_name = "N", default_value = "50")]
    pub histories: u64,
    /// How many histories of a watcher are played at once; most of the time they wait [default: three times the number of processors]
    #[arg(short, long, value_name = "N")]
    pub jobs: Option<NonZero<usize>>,
    /// How many watchers play at once; what each costs is looked at afterwards, one after the other [default: as many as there are
    /// processors]
    #[arg(long, value_name = "N")]
    pub at_once: Option<NonZero<usize>>,
    /// The folder of results: table.md, table.html, results.json, and for each watcher a folder of scenarios
    #[arg(short, long, value_name = "FOLDER", default_value = "league")]
    pub output: PathBuf,
    /// Play everything again
    #[arg(long)]
    pub again: bool,
    /// The folder of entries of watchers, and of their adapters, instead of those in this program
    #[arg(long, value_name = "FOLDER")]
    pub peers: Option<PathBuf>,
}

/// Why there are no results.
#[derive(Debug, thiserror::Error)]
enum LeagueError {
    #[error(transparent)]
    Peer(#[from] PeerError),
    #[error("{}: {why}", .path.display())]
    Unwritable { path: PathBuf, why: io::Error },
}

/// Does what the arguments say. To be called before any thread is started.
pub fn run(arguments: &LeagueArguments) -> ExitCode {
    let stop = Stop::default();
    if let Err(why) = stop_on_signals(stop.clone()) {
        say(&format!("testgam: signals are not heard: {why}"));
    }
    match try_run(arguments, &stop) {
        Ok(_) if stop.is_asked() => ExitCode::from(INTERRUPTED),
        Ok(0) => ExitCode::from(UNPLAYED),
        Ok(_) => ExitCode::SUCCESS,
        Err(why) => {
            say(&format!("testgam: {why}"));
            ExitCode::from(UNPLAYED)
        }
    }
}

/// Plays, and gives how many watchers have a result.
fn try_run(arguments: &LeagueArguments, stop: &Stop) -> Result<usize, LeagueError> {
    let peers = Peers::new(arguments.peers.as_deref())?;
    let mut names = arguments.watchers.clone();
    if names.is_empty() {
        names = peers.names().map(str::to_owned).collect();
    }
    let processors = thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
    let league = League {
        contenders: contenders(&peers, &names)?,
        fixture: Fixture {
            seed: arguments.seed,
            histories: arguments.histories,
            jobs: arguments.jobs.unwrap_or_else(|| processors.saturating_mul(JOBS)),
            stop: stop.clone(),
        },
        output: arguments.output.clone(),
        again: arguments.again,
    };
    let at_once =
        arguments.at_once.unwrap_or(processors).min(NonZero::new(names.len()).unwrap_or(processors));
    let next = AtomicUsize::new(0);
    let players = || {
        let each = || std::iter::from_fn(|| league.contenders.get(next.fetch_add(1, Ordering::Relaxed)));
        each().map(|contender| Ok((contender.peer.name.clone(), league.stand(contender)?))).collect()
    };
    let played: Vec<Result<Vec<(String, Turn)>, LeagueError>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..at_once.get()).map(|_| scope.spawn(players)).collect();
        threads.into_iter().map(|thread| thread.join().expect("because no thread panics")).collect()
    });
    let mut outcomes = BTreeMap::new();
    for played in played {
        outcomes.extend(played?);
    }
    let (mut results, mut absent) = (Vec::new(), Vec::new());
    for contender in &league.contenders {
        match outcomes.remove(&contender.peer.name) {
            Some(Turn::Stood(standing)) => results.push(league.weigh(contender, *standing)?),
            Some(Turn::Absent(one)) => absent.push(one),
            Some(Turn::Interrupted) | None => {}
        }
    }
    write_tables(&arguments.output, &results, &absent)?;
    Ok(results.len())
}

/// What comes of a watcher's turn, before it is looked at what it costs.
enum Turn {
    Stood(Box<Standing>),
    Absent(Absent),
    Interrupted,
}

/// Who plays what, and where results go.
struct League {
    contenders: Vec<Contender>,
    fixture: Fixture,
    output: PathBuf,
    again: bool,
}

impl League {
    /// Has a watcher play, unless it has already.
    fn stand(&self, contender: &Contender) -> Result<Turn, LeagueError> {
        let (peer, stop) = (&contender.peer, &self.fixture.stop);
        if stop.is_asked() {
            return Ok(Turn::Interrupted);
        }
        if let Some(before) = self.before(contender) {
            say(&format!("testgam: {}: played already", peer.name));
            write_counterexamples(&self.output, &before, &Ordeals::new(contender, stop))?;
            return Ok(Turn::Stood(Box::new(before)));
        }
        if let Err(why) = version(peer) {
            say(&format!("testgam: {}: not here: {why}; {}", peer.name, peer.install));
            let (name, install) = (peer.name.clone(), peer.install.clone());
            return Ok(Turn::Absent(Absent { name, why, install }));
        }
        let number = self.contenders.iter().position(|other| other.peer.name == peer.name);
        let at = format!("{} ({} of {})", peer.name, number.map_or(0, |at| at + 1), self.contenders.len());
        let progress = Progress { at: &at, is_seen: io::stderr().is_terminal() };
        say(&format!("testgam: {at} begins"));
        let played = play(contender, &self.fixture, &|what| progress.tell(what));
        progress.end();
        let Ok(result) = played else { return Ok(Turn::Interrupted) };
        if stop.is_asked() {
            return Ok(Turn::Interrupted);
        }
        say(&format!("testgam: {at}: {:.0} s", result.took_s));
        write_counterexamples(&self.output, &result, &Ordeals::new(contender, stop))?;
        self.keep(&result)?;
        Ok(Turn::Stood(Box::new(result)))
    }

    /// Looks at what a watcher costs, unless that is known. Nothing else is played meanwhile.
    fn weigh(&self, contender: &Contender, standing: Standing) -> Result<Standing, LeagueError> {
        if standing.expenses.is_some() || self.fixture.stop.is_asked() {
            return Ok(standing);
        }
        let progress = Progress { at: &standing.name, is_seen: io::stderr().is_terminal() };
        progress.tell("what it costs");
        let expenses = Ordeals::new(contender, &self.fixture.stop).expenses();
        progress.end();
        if self.fixture.stop.is_asked() {
            return Ok(standing);
        }
        let standing = Standing { expenses: Some(expenses), ..standing };
        self.keep(&standing)?;
        Ok(standing)
    }

    /// What came of it when it played last, if the same would be played now.
    fn before(&self, contender: &Contender) -> Option<Standing> {
        let text = fs::read(self.file(&contender.peer.name)).ok().filter(|_| !self.again)?;
        let before = serde_json::from_slice::<Standing>(&text).ok()?;
        let arguments = contender.arguments.clone();
        before.is_of(contender, &self.fixture).then_some(Standing { arguments, ..before })
    }

    fn keep(&self, standing: &Standing) -> Result<(), LeagueError> {
        write(&self.file(&standing.name), &json(standing))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.output.join(name).join("result.json")
    }
}

/// Those that are named, each once, and each with a name of its own: under that its results lie.
fn contenders(peers: &Peers, names: &[String]) -> Result<Vec<Contender>, PeerError> {
    let mut all: Vec<Contender> = Vec::new();
    for name in names {
        let mut contender = peers.find(name, None)?;
        if all.iter().any(|other| other.arguments == contender.arguments) {
            continue;
        }
        let own = contender.peer.name.clone();
        let is_taken = |name: &str| all.iter().any(|other| other.peer.name == name);
        if is_taken(&own) {
            let free = (2..).map(|number| format!("{own}-{number}")).find(|name| !is_taken(name));
            let free = free.expect("because there are more numbers than watchers");
            say(&format!("testgam: {name} is called {free} here: another one is called {own}"));
            Arc::make_mut(&mut contender.peer).name = free;
        }
        all.push(contender);
    }
    Ok(all)
}

/// Writes a scenario for each claim, and one for each ordeal that was not stood.
fn write_counterexamples(folder: &Path, result: &Standing, ordeals: &Ordeals) -> Result<(), LeagueError> {
    let Standing { name, arguments, .. } = result;
    let claims = result.claims.iter().map(|(claim, charge)| (claim, charge.scenario.clone()));
    let broken = result.ordeals.iter().filter(|(_, ending)| matches!(ending, Ending::Broken { .. }));
    let broken = broken.map(|(ordeal, _)| (ordeal, ordeals.scenario(ordeal)));
    for (what, scenario) in claims.chain(broken) {
        let path = folder.join(file_name(name, what));
        let absolute = std::path::absolute(&path).unwrap_or_else(|_| path.clone());
        let absolute = for_shell([&*absolute.display().to_string()]);
        let again = format!("\n# {}\n", format!("testgam {arguments} {absolute}").replace('\n', " "));
        write(&path, scenario.replacen('\n', &again, 1).as_bytes())?;
    }
    Ok(())
}

fn write_tables(folder: &Path, results: &[Standing], absent: &[Absent]) -> Result<(), LeagueError> {
    write(&folder.join("table.md"), markdown(results, absent, &machine()).as_bytes())?;
    write(&folder.join("table.html"), html(results, absent, &machine()).as_bytes())?;
    write(&folder.join("results.json"), &json(&(machine(), results, absent)))
}

fn json(value: &impl serde::Serialize) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(value).expect("because all of it is text and numbers");
    text.push(b'\n');
    text
}

fn write(path: &Path, text: &[u8]) -> Result<(), LeagueError> {
    let unwritable = |why| LeagueError::Unwritable { path: path.to_owned(), why };
    fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).map_err(unwritable)?;
    fs::write(path, text).map_err(unwritable)
}

/// Where this is played.
fn machine() -> Machine {
    let kernel = uname().map(|name| name.release().to_string_lossy().into_owned()).unwrap_or_default();
    let folder = std::env::temp_dir();
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let lines = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        Some((words.next()?.to_owned(), words.next()?.to_owned()))
    });
    let file_system = lines.filter(|(at, _)| folder.starts_with(at)).max_by_key(|(at, _)| at.len());
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    Machine { kernel, file_system: file_system.map(|(_, kind)| kind).unwrap_or_default(), processors }
}

/// A line on standard error, if somebody looks at it.
struct Progress<'a> {
    at: &'a str,
    is_seen: bool,
}

impl Progress<'_> {
    fn tell(&self, what: &str) {
        if self.is_seen {
            // Nobody is told that nobody could be told.
            let _ = write!(io::stderr(), "\r\x1b[K{}: {what}", self.at);
        }
    }

    fn end(&self) {
        self.tell("");
        if self.is_seen {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::league::standing::Charge;

    #[test]
    fn watchers_of_one_name_are_told_apart() {
        let folder = tempfile::tempdir().expect("a folder");
        let entry = |place: &str, command: &str| {
            let path = folder.path().join(place).join("mine.toml");
            write(&path, format!("command = ['{command}']").as_bytes()).expect("it can be written");
            path.display().to_string()
        };
        let names = [entry("a", "a"), entry("b", "b"), entry("a", "a"), "./mine".into(), "fswatch".into()];
        let peers = Peers::new(None).expect("a scratch folder");
        let all = contenders(&peers, &names).expect("each is there");
        let named: Vec<_> = all.iter().map(|found| found.peer.name.as_str()).collect();
        assert_eq!(named, ["mine", "mine-2", "mine-3", "fswatch"]);
        assert_eq!(all[1].peer.command, ["b"]);
        assert!(all[1].arguments.ends_with("/b/mine.toml"), "{}", all[1].arguments);
    }

    #[test]
    fn the_second_line_of_a_counterexample_plays_it_from_everywhere() {
        let folder = tempfile::tempdir().expect("a folder");
        let entry = folder.path().join("mine.toml");
        write(&entry, b"command = ['mine']").expect("it can be written");
        let contender = Peers::new(None).and_then(|peers| peers.find(&entry.to_string_lossy(), None));
        let contender = contender.expect("an entry");
        let scenario = "#! testgam extended\n# History 1\n".to_owned();
        let charge = Charge { count: 1, numbers: vec![1], message: String::new(), scenario, proof: None };
        let claims = [("missing".to_owned(), charge)].into();
        let arguments = contender.arguments.clone();
        let result = Standing { name: "mine".into(), arguments, claims, ..Standing::default() };
        let output = folder.path().join("the results");
        let ordeals = Ordeals::new(&contender, &Stop::default());
        write_counterexamples(&output, &result, &ordeals).expect("it can be written");
        let file = output.join("mine/missing.tst");
        let text = fs::read_to_string(&file).expect("it was written");
        let again = format!("# testgam --world {} '{}'", entry.display(), file.display());
        assert_eq!(text.lines().nth(1), Some(&*again));
    }
}
