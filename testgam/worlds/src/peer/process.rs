//! The process of a watcher, and all that it starts: how they are begun, stopped and ended, and what they cost.
//!
//! What it prints is left to `hearing`. Invariant: when this is dropped, no process that carries its mark is left.

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::unistd::Pid;

use super::command_words::filled;
use super::cost::Cost;
use super::entry::Peer;
use super::hearing::{Hearing, OutputKind};
use crate::forks;
use crate::marked;
use crate::session::{variable, with_limits};
use crate::stop::Stop;
use crate::world::StepError;

/// The variable that marks all processes of a watcher.
const MARK: &str = "TESTGAM_PEER";
/// How often those that are left are looked for: one that is just being started shows up a moment later.
const ROUNDS: usize = 3;
/// How long one that prints no more may take to end, and how often it is looked at meanwhile.
const ENDING_MAX: Duration = Duration::from_secs(1);
const ENDING_TICK: Duration = Duration::from_millis(5);

/// A running watcher.
#[derive(Debug)]
pub struct PeerProcess {
    child: Child,
    input: Option<ChildStdin>,
    mark: OsString,
    /// What it prints.
    pub hearing: Hearing,
}

/// Where a watcher is, and what it may use.
#[derive(Debug, Clone)]
pub struct Surrounding<'a> {
    /// The directory that it watches.
    pub directory: &'a Path,
    /// How many levels of it are of interest.
    pub depth: u32,
    /// Its own home, which nobody watches.
    pub home: &'a Path,
    /// How many watches the kernel grants it, if that is limited.
    pub watches: Option<u32>,
}

impl PeerProcess {
    /// Starts a watcher.
    ///
    /// # Errors
    /// Says that it is not there, or why it cannot be started.
    pub fn start(peer: &Peer, around: &Surrounding<'_>) -> Result<PeerProcess, StepError> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let id = format!("testgam-{}-{number}", std::process::id());
        let fill = |word: &str| fill(peer, word, around, &id);
        let mark = variable(MARK, &id);
        // We block the signals that end us, and what we start would have them blocked too.
        let mut words: Vec<OsString> = vec!["--default-signal".into(), mark.clone()];
        words.extend(peer.environment.iter().map(|(name, value)| variable(name, fill(value))));
        words.extend(around.watches.map(|count| with_limits(Some(count), None)).into_iter().flatten());
        words.extend(peer.command.iter().map(|word| fill(word).into()));
        let mut command = Command::new("env");
        command.args(words).current_dir(around.home).stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let failed = |why| StepError::Failed(format!("cannot start {}: {why}", peer.name));
        let mut child = {
            let _forks = forks::allowed();
            command.spawn().map_err(failed)?
        };
        let (input, output, error) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let process = PeerProcess { child, input, mark, hearing: Hearing::default() };
        let (reading, directory) = (|| peer.reading.clone(), || around.directory.to_owned());
        let Surrounding { depth, .. } = *around;
        if let Some(output) = output {
            let heard = process.hearing.hear(output, OutputKind::Output, reading(), directory(), depth);
            heard.map_err(failed)?;
        }
        if let Some(error) = error {
            let heard = process.hearing.hear(error, OutputKind::Error, reading(), directory(), depth);
            heard.map_err(failed)?;
        }
        Ok(process)
    }

    /// Says a line to it.
    ///
    /// # Errors
    /// Says that it does not read.
    pub fn say(&mut self, line: &str) -> Result<(), StepError> {
        let failed = |why| StepError::Failed(format!("cannot say `{line}` to the watcher: {why}"));
        let Some(input) = &mut self.input else { return Ok(()) };
        input.write_all(format!("{line}\n").as_bytes()).map_err(failed)
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// How it ended, of one that prints no more: it may be a moment until the kernel says so. `None` if it goes on.
    pub fn await_end(&mut self, stop: &Stop) -> Option<ExitStatus> {
        let began = Instant::now();
        loop {
            let ended = self.ended();
            if ended.is_some() || began.elapsed() >= ENDING_MAX || stop.check().is_err() {
                return ended;
            }
            stop.wait(ENDING_TICK);
        }
    }

    /// Signals all of its processes.
    pub fn signal(&self, signal: Signal) -> Vec<Pid> {
        marked::signal(&self.mark, signal)
    }

    /// What all of its processes use.
    pub fn cost(&self) -> Cost {
        Cost::of(&marked::processes(&self.mark))
    }
}

impl Drop for PeerProcess {
    fn drop(&mut self) {
        self.hearing.end();
        // Collected first, so that the last look finds what is not ours to collect.
        let _ = self.child.kill();
        let _ = self.child.wait();
        for _ in 0..ROUNDS {
            if self.signal(Signal::SIGKILL).is_empty() {
                break;
            }
        }
    }
}

/// Which of the programs and files is not there that a watcher needs, its own among them.
pub fn missing(peer: &Peer) -> Option<String> {
    let is_there = |need: &String| match need.contains('/') {
        true => Path::new(need).exists(),
        false => std::env::var_os("PATH")
            .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(need).is_file())),
    };
    let needs = peer.needs.iter().chain(peer.command.first());
    needs.map(|need| filled_anywhere(peer, need)).find(|need| !is_there(need))
}

/// Whether a watcher is here: the first word of its version, or what is missing.
///
/// # Errors
/// Says what is missing, or what came of asking for its version.
pub fn version(peer: &Peer) -> Result<String, String> {
    let put_in = |word: &String| filled_anywhere(peer, word);
    if let Some(need) = missing(peer) {
        return Err(format!("{need} is not there"));
    }
    let Some((program, arguments)) = peer.version.split_first() else { return Ok("unknown".into()) };
    let output = {
        let _forks = forks::allowed();
        Command::new(put_in(program)).args(arguments.iter().map(put_in)).stdin(Stdio::null()).output()
    };
    let output = output.map_err(|why| format!("{program}: {why}"))?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("unknown").to_owned();
    if !output.status.success() && !peer.is_version_status_any {
        return Err(format!("{program}: {line}"));
    }
    let is_number =
        |word: &&str| word.contains('.') && word.starts_with(|first: char| first.is_ascii_digit());
    let trimmed = |word: &str| {
        word.trim_matches(|c: char| !c.is_ascii_alphanumeric()).trim_start_matches('v').to_owned()
    };
    let words: Vec<_> = line.split_whitespace().map(trimmed).collect();
    Ok(words.iter().map(String::as_str).find(is_number).map_or(line.clone(), str::to_owned))
}

/// A word of an entry with all that stands for something else put in.
fn fill(peer: &Peer, word: &str, around: &Surrounding<'_>, id: &str) -> String {
    let text = |path: &Path| Some(path.to_string_lossy().into_owned());
    filled(word, |name| match name {
        "dir" => text(around.directory),
        "adapters" => text(&peer.adapters),
        "home" => text(around.home),
        "id" => Some(id.to_owned()),
        _ => None,
    })
}

/// The same for what does not depend on where it is started.
fn filled_anywhere(peer: &Peer, word: &str) -> String {
    let around =
        Surrounding { directory: Path::new("/nowhere"), depth: 1, home: Path::new("/"), watches: None };
    fill(peer, word, &around, "version")
}
