//! A watcher at work: one process for one directory, what it has said so far, and when it has said everything.
//!
//! Reading lines is left to `hearing`, judging to `judge`. Invariant: it is asked for no more than its entry promises, and waited for no longer
//! than is said here.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::account::{Account, Turn};
use super::cost::Cost;
use super::entry::{Peer, Settle};
use super::ground::{self, Deeds, OnDisk, PROBE};
use super::hearing::Heard;
use super::judge::{Difference, Evidence, Judgement};
use super::process::{PeerProcess, START_MAX, Surrounding};
use super::says::Saying;
use crate::check::{Checker, Claim, Complaint};
use crate::stop::Stop;
use crate::world::StepError;

/// How long a probe is waited for, besides the watcher's own quiet time, before the next one is written.
const PROBE_MAX: Duration = Duration::from_secs(1);
/// How many probes nobody tells of before the watcher counts as deaf.
const PROBES_MAX: u32 = 5;
/// How much later than its own quiet time a watcher may tell of something.
const LATE: Duration = Duration::from_millis(500);
/// How long quiet is waited for from one that always has something to say.
const QUIET_MAX: Duration = Duration::from_secs(10);
/// How much of what it said last is kept for a message.
const LAST_WORDS_MAX: usize = 200;

/// What is watched, and by whom.
#[derive(Debug, Clone)]
pub struct Task {
    /// The watcher.
    pub peer: Arc<Peer>,
    /// The directory.
    pub directory: PathBuf,
    /// A folder that it may have for itself.
    pub home: PathBuf,
    /// How many levels are of interest.
    pub depth: u32,
    /// How many watches the kernel grants it, if that is limited.
    pub watches: Option<u32>,
    /// What was done to the files.
    pub deeds: Rc<Deeds>,
    /// Ends all waiting.
    pub stop: Stop,
}

/// All watchers of a scenario, shared by their clients and who disturbs them.
pub type Watchings = Rc<RefCell<Vec<Rc<RefCell<PeerWatch>>>>>;

/// A watcher at work.
#[derive(Debug)]
pub struct PeerWatch {
    task: Task,
    process: Option<PeerProcess>,
    account: Account,
    at_rest: BTreeMap<PathBuf, OnDisk>,
    judgement: Judgement,
    /// What became of names, and was not taken yet.
    turns: Vec<(PathBuf, Turn)>,
    /// Since when it has been wrong though it had time enough, and after how many deeds.
    wrong_since: Option<(Instant, u64)>,
    /// After how many deeds it was asked for everything.
    settled_after: Option<u64>,
    /// How much too late something was told.
    late: Option<Duration>,
    /// How long each probe took.
    latencies: Vec<Duration>,
    /// How long it took until it watched.
    start: Duration,
    /// What it had cost when it was ended.
    cost: Cost,
    /// Whether its output is not read.
    is_limited: bool,
    probes: u64,
    last_words: Vec<u8>,
}

impl PeerWatch {
    /// Starts a watcher, and waits until it watches.
    ///
    /// # Errors
    /// Says why it does not.
    pub fn start(task: Task) -> Result<PeerWatch, StepError> {
        let mut watching = PeerWatch {
            task,
            process: None,
            account: Account::default(),
            at_rest: BTreeMap::new(),
            judgement: Judgement::default(),
            turns: Vec::new(),
            wrong_since: None,
            settled_after: None,
            late: None,
            latencies: Vec::new(),
            start: Duration::ZERO,
            cost: Cost::default(),
            is_limited: false,
            probes: 0,
            last_words: Vec::new(),
        };
        watching.begin()?;
        Ok(watching)
    }

    /// Starts the process, and says so if it cannot do with as little as it was granted.
    ///
    /// # Errors
    /// Says why it does not watch.
    pub fn begin(&mut self) -> Result<(), StepError> {
        match self.begin_watching() {
            Err(StepError::Broken(Complaint { what: why, .. }) | StepError::Failed(why))
                if self.task.watches.is_some() =>
            {
                Err(StepError::Impossible(format!("granted so few watches, it does not begin: {why}")))
            }
            begun => begun,
        }
    }

    /// Starts the process, and takes what is there by then as told: who starts a watcher looks first.
    fn begin_watching(&mut self) -> Result<(), StepError> {
        self.settled_after = None;
        let began = Instant::now();
        let Task { peer, directory, home, watches, .. } = self.task.clone();
        let around = Surrounding { directory: &directory, home: &home, watches };
        self.process = Some(PeerProcess::start(&peer, &around)?);
        if let Some(ready) = &peer.ready {
            loop {
                let left = START_MAX.saturating_sub(began.elapsed());
                let heard = self.next(left)?;
                match heard {
                    Some(heard) if ready.is_match(&heard.line) => break,
                    Some(_) => {}
                    None if left.is_zero() => {
                        return Err(StepError::Failed(format!(
                            "{} is not ready after {START_MAX:?}",
                            peer.name
                        )));
                    }
                    None => self.alive()?,
                }
            }
            self.start = began.elapsed();
        }
        self.settle_within((START_MAX.as_secs() / PROBE_MAX.as_secs()) as u32)?;
        if self.start.is_zero() {
            self.start = began.elapsed();
        }
        self.latencies.clear();
        self.look_again();
        Ok(())
    }

    /// Ends the process.
    pub fn kill(&mut self) {
        self.cost = self.cost();
        self.process = None;
    }

    /// Whether it runs.
    pub fn is_running(&self) -> bool {
        self.process.is_some()
    }

    /// Its process.
    pub fn process(&self) -> Option<&PeerProcess> {
        self.process.as_ref()
    }

    /// Takes so many bytes more of its output, or all again.
    pub fn limit(&mut self, bytes: Option<usize>) {
        self.is_limited = bytes.is_some();
        self.task.deeds.hold_up(self.is_limited);
        if let Some(process) = &self.process {
            process.hearing.limit(bytes);
        }
    }

    /// What became of names since this was asked last.
    pub fn take_turns(&mut self) -> Vec<(PathBuf, Turn)> {
        std::mem::take(&mut self.turns)
    }

    /// What it costs, or has cost when it was ended.
    pub fn cost(&self) -> Cost {
        self.process.as_ref().map_or(self.cost, PeerProcess::cost)
    }

    /// How long it took until it watched.
    pub fn start_time(&self) -> Duration {
        self.start
    }

    /// How long after a file had been written it was told, each time.
    pub fn latencies(&self) -> &[Duration] {
        &self.latencies
    }

    /// Has it say everything.
    ///
    /// # Errors
    /// The complaint that it is deaf, or has died.
    pub fn settle(&mut self) -> Result<(), StepError> {
        let has_settled =
            self.settled_after == Some(self.task.deeds.count()) && self.judgement.claimed.is_empty();
        if self.process.is_none() || self.is_limited || has_settled {
            return Ok(());
        }
        self.settled_after = Some(self.task.deeds.count());
        self.settle_within(PROBES_MAX)?;
        if self.account.take_gap() {
            self.look_again();
        }
        self.judge();
        Ok(())
    }

    /// Hears what comes, and judges anew if anything did.
    ///
    /// # Errors
    /// The complaint that it has died.
    pub fn hear(&mut self, patience: Duration) -> Result<(), StepError> {
        if self.process.is_none() || self.is_limited {
            return Ok(());
        }
        if self.next(patience)?.is_some() {
            while self.next(Duration::ZERO)?.is_some() {}
            self.judge();
        }
        Ok(())
    }

    /// How long something that is still to come is waited for.
    pub fn grace(&self) -> Duration {
        LATE * 2 + self.task.peer.quiet
    }

    /// What it can be accused of.
    pub fn complaint(&self) -> Option<Complaint> {
        let late = |late: Duration| {
            let what = format!("something was told {} ms after it had happened", late.as_millis());
            Complaint::new(Checker::Claim(Claim::Late), what)
        };
        self.judgement.complaint(self.task.deeds.has_overflown()).or(self.late.map(late))
    }

    fn settle_within(&mut self, probes: u32) -> Result<(), StepError> {
        let is_late = |latency: Duration, quiet: Duration| latency > quiet + LATE;
        let quiet = self.task.peer.quiet;
        match self.task.peer.settle {
            Settle::Probe => {
                let latency = self.probe(probes)?;
                // What came before it may have been much. Once all of that is told, there is no excuse.
                if is_late(latency, quiet) {
                    self.await_quiet()?;
                    let again = self.probe(probes)?;
                    self.late = self.late.or(Some(again).filter(|again| is_late(*again, quiet)));
                }
            }
            Settle::Own => self.ask()?,
            Settle::Quiet => {}
        }
        self.await_quiet()?;
        self.alive()
    }

    fn await_quiet(&mut self) -> Result<(), StepError> {
        let began = Instant::now();
        while began.elapsed() < QUIET_MAX && self.next(self.task.peer.quiet)?.is_some() {}
        Ok(())
    }

    /// Writes a file, and waits until it is told; if it is not, another one. Gives how long that took.
    fn probe(&mut self, probes: u32) -> Result<Duration, StepError> {
        // What one that has gone told of this directory nobody promises.
        if !self.task.directory.is_dir() {
            let why = "what a watcher does when its directory goes is not judged";
            return Err(StepError::Impossible(why.into()));
        }
        let patience = self.task.peer.quiet + PROBE_MAX;
        let mut written = Vec::new();
        let mut told = None;
        for _ in 0..probes {
            self.probes += 1;
            let name = format!("{PROBE}{}", self.probes);
            let path = self.task.directory.join(&name);
            let failed = |why| StepError::Failed(format!("cannot write a probe: {why}"));
            let began = Instant::now();
            fs::write(&path, "probe").map_err(failed)?;
            written.push((path, began));
            told = self.await_probe(&written, patience)?;
            if told.is_some() {
                break;
            }
            self.alive()?;
            self.task.stop.check()?;
        }
        for (path, _) in &written {
            // One that cannot be removed is in nobody's way.
            let _ = fs::remove_file(path);
        }
        self.latencies.extend(told);
        told.ok_or_else(|| {
            let took = patience * probes;
            let what = format!(
                "of {probes} files that were written in {took:?}, one after the other, none was told"
            );
            Complaint::new(Checker::Claim(Claim::Deaf), what).into()
        })
    }

    /// Waits for a line about any of the probes; gives how long after its probe it came.
    fn await_probe(
        &mut self,
        written: &[(PathBuf, Instant)],
        patience: Duration,
    ) -> Result<Option<Duration>, StepError> {
        let deadline = Instant::now() + patience;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Some(heard) = self.next(left)? else { return Ok(None) };
            let told = |path: &Path| {
                heard.sayings.iter().any(|(saying, _)| match saying {
                    Saying::Present(told) | Saying::Look(told) | Saying::Move(_, told) => {
                        path.ends_with(told)
                    }
                    Saying::Poke => true,
                    Saying::Absent(_) | Saying::Gap => false,
                })
            };
            if let Some((_, began)) = written.iter().find(|(path, _)| told(path)) {
                return Ok(Some(heard.at.saturating_duration_since(*began)));
            }
        }
    }

    /// Asks it whether it has told everything.
    fn ask(&mut self) -> Result<(), StepError> {
        self.probes += 1;
        let (number, deadline) = (self.probes, Instant::now() + PROBE_MAX * PROBES_MAX);
        if let Some(process) = &mut self.process {
            process.say(&format!("sync {number}"))?;
        }
        let answer = format!("synced {number}");
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.next(left)? {
                Some(heard) if heard.line == answer.as_bytes() => return Ok(()),
                Some(_) => {}
                None if left.is_zero() => {
                    let what = format!("asked whether it has told everything, it did not answer `{answer}`");
                    return Err(Complaint::new(Checker::Claim(Claim::Deaf), what).into());
                }
                None => self.alive()?,
            }
        }
    }

    /// The next line, which the account has by then.
    fn next(&mut self, patience: Duration) -> Result<Option<Heard>, StepError> {
        self.task.stop.check()?;
        let Some(process) = &self.process else { return Ok(None) };
        let Some(heard) = process.hearing.next(self.task.stop.cap(patience)) else { return Ok(None) };
        for (saying, is_there) in &heard.sayings {
            if self.is_of_interest(saying) {
                self.turns.extend(self.account.handle(saying, *is_there));
            }
        }
        self.last_words = heard.line.iter().copied().take(LAST_WORDS_MAX).collect();
        Ok(Some(heard))
    }

    /// Whether it is about files of the scenario, and not too deep.
    fn is_of_interest(&self, saying: &Saying) -> bool {
        let is_seen = |path: &Path| {
            path.components().count() <= self.task.depth as usize
                && !path.file_name().is_some_and(ground::is_probe)
        };
        match saying {
            Saying::Present(path) | Saying::Absent(path) | Saying::Look(path) => is_seen(path),
            Saying::Move(from, to) => is_seen(from) && is_seen(to),
            Saying::Gap | Saying::Poke => true,
        }
    }

    /// Complains if it has died.
    fn alive(&mut self) -> Result<(), StepError> {
        let Some(process) = &mut self.process else { return Ok(()) };
        let status = match process.ended() {
            Some(status) => status.to_string(),
            // It is just ending, or might as well.
            None if process.hearing.has_ended() => "it prints no more".to_owned(),
            None => return Ok(()),
        };
        let last = String::from_utf8_lossy(&self.last_words).into_owned();
        let what = format!("it ended by itself: {status}; its last line was `{last}`");
        Err(Complaint::new(Checker::Claim(Claim::Died), what).into())
    }

    /// Takes what is on disk as told.
    fn look_again(&mut self) {
        let disk = self.disk();
        let gone: Vec<_> = self
            .account
            .names()
            .map(|(name, _)| name.clone())
            .filter(|name| !disk.contains_key(name))
            .collect();
        for name in gone {
            self.turns.extend(self.account.give_up(&name));
        }
        for name in disk.keys() {
            self.turns.extend(self.account.adopt(name));
        }
        self.rest(disk);
    }

    /// Compares what was said with what is there; what is excused is taken over.
    fn judge(&mut self) {
        let disk = self.disk();
        let evidence = Evidence {
            account: &self.account,
            disk: &disk,
            at_rest: &self.at_rest,
            deeds: &self.task.deeds,
            peer: &self.task.peer,
        };
        self.judgement = evidence.judge();
        for difference in self.judgement.excused.clone() {
            let turns = match &difference {
                Difference::Missing(name) | Difference::Unsaid(name) => self.account.adopt(name),
                Difference::Phantom(name) => self.account.give_up(name),
            };
            self.turns.extend(turns);
        }
        let deeds = self.task.deeds.count();
        let before = self.wrong_since.filter(|(_, count)| *count == deeds);
        if !self.judgement.claimed.is_empty() {
            self.wrong_since = before.or(Some((Instant::now(), deeds)));
            return;
        }
        let late = before.map(|(since, _)| since.elapsed()).filter(|late| *late > LATE);
        self.late = self.late.or(late);
        self.wrong_since = None;
        self.rest(disk);
    }

    fn rest(&mut self, disk: BTreeMap<PathBuf, OnDisk>) {
        self.judgement = Judgement::default();
        self.at_rest = disk;
        self.account.handle_rest();
        self.task.deeds.handle_rest();
    }

    fn disk(&self) -> BTreeMap<PathBuf, OnDisk> {
        ground::below(&self.task.directory, self.task.depth)
    }
}
