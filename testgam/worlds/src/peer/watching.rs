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
use super::entry::{Peer, PeerScope, Settle};
use super::ground::{self, Deeds, OnDisk, PROBE};
use super::hearing::Heard;
use super::judge::{self, Difference, Evidence, Judgement};
use super::printed::Printed;
use super::process::{PeerProcess, Surrounding};
use super::says::Saying;
use regex::bytes::Regex;
use testgam_language::words::printable;

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
    /// What was told too late, and how much.
    late: Option<(String, Duration)>,
    /// How long each probe took.
    latencies: Vec<Duration>,
    /// How long it took until it watched.
    start: Duration,
    /// What it had cost when it was ended.
    cost: Cost,
    /// Whether its output is not read.
    is_limited: bool,
    probes: u64,
    printed: Printed,
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
            printed: Printed::default(),
        };
        watching.begin()?;
        Ok(watching)
    }

    /// Starts the process, and says so if it cannot do with as little as it was granted.
    ///
    /// # Errors
    /// Says why it does not watch.
    pub fn begin(&mut self) -> Result<(), StepError> {
        // Whether it begins is known when it has had its time, however little a scenario has left.
        let stop = self.task.stop.clone();
        self.task.stop = stop.without_deadline();
        let begun = self.begin_watching();
        self.task.stop = stop;
        match begun {
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
        let Task { peer, directory, home, depth, watches, .. } = self.task.clone();
        let around = Surrounding { directory: &directory, depth, home: &home, watches };
        self.process = Some(PeerProcess::start(&peer, &around)?);
        self.printed = Printed::default();
        if let Some(ready) = &peer.ready {
            self.await_ready(ready, began)?;
            self.start = began.elapsed();
        }
        let probes = peer.patience.div_duration_f32(PROBE_MAX + peer.quiet) as u32;
        self.settle_within(probes.max(PROBES_MAX))?;
        if self.start.is_zero() {
            self.start = began.elapsed();
        }
        self.latencies.clear();
        self.look_again();
        Ok(())
    }

    /// Waits for the line by which it says that it watches.
    fn await_ready(&mut self, ready: &Regex, began: Instant) -> Result<(), StepError> {
        let patience = self.task.peer.patience;
        loop {
            let left = patience.saturating_sub(began.elapsed());
            match self.next(left)? {
                Some(heard) if ready.is_match(&heard.line) => break,
                Some(_) => {}
                None if left.is_zero() => {
                    let what = format!(
                        "in {patience:?} no line came that its `ready` matches, `{}`; {}",
                        printable(ready.as_str()),
                        self.printed.beginning()
                    );
                    return Err(Complaint::new(Checker::Claim(Claim::NotReady), what).into());
                }
                None => self.alive()?,
            }
        }
        // What it said before was not about files.
        self.printed.handle_rest();
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
        match (self.task.peer.scope, self.task.peer.settle) {
            // What it says of a probe would count for everything.
            (PeerScope::Poke, Settle::Probe) => self.await_rest()?,
            _ => self.settle_within(PROBES_MAX)?,
        }
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
        let late = |(what, late): &(String, Duration)| {
            let what = format!("{what} was told {} ms after it had happened", late.as_millis());
            Complaint::new(Checker::Claim(Claim::Late), what)
        };
        let complaint = self.judgement.complaint(self.task.deeds.has_overflown());
        complaint.map(|complaint| self.printed.explain(complaint)).or(self.late.as_ref().map(late))
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
                    if self.late.is_none() && is_late(again, quiet) {
                        self.late =
                            Some((format!("a file that testgam wrote, {PROBE}{},", self.probes), again));
                    }
                }
            }
            Settle::Own => self.ask()?,
            Settle::Quiet => {}
        }
        self.await_rest()
    }

    /// Waits until it is quiet, and makes sure that it lives.
    fn await_rest(&mut self) -> Result<(), StepError> {
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
                "of {probes} files that were written in {took:?}, one after the other, none was told; {}",
                self.printed.silence()
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
            let told = |path: &Path| heard.sayings.iter().any(|(saying, _)| saying.tells_of(path));
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
                    let silence = self.printed.silence();
                    let what = format!(
                        "asked whether it has told everything, it did not answer `{answer}`; {silence}"
                    );
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
        let Some(mut heard) = process.hearing.next(self.task.stop.cap(patience)) else { return Ok(None) };
        for (saying, is_there) in &heard.sayings {
            if self.is_of_interest(saying) {
                self.turns.extend(self.account.handle(saying, *is_there));
            }
        }
        if let Some(disk) = heard.seen.take() {
            self.turns.extend(self.account.take_over(&disk));
            self.at_rest = disk;
            self.account.handle_rest();
        }
        self.printed.handle(&heard.line, heard.misreading);
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
        let ended = match process.ended() {
            None if !process.hearing.has_ended() => return Ok(()),
            None => process.await_end(&self.task.stop),
            ended => ended,
        };
        // What is left of it is printed by now.
        while self.next(Duration::ZERO)?.is_some() {}
        let how = match ended {
            Some(status) => format!("it ended by itself: {status}"),
            // It might as well have ended.
            None => "it runs, but prints no more: it has closed its output".to_owned(),
        };
        let what = format!("{how}; {}", self.printed.last());
        Err(Complaint::new(Checker::Claim(Claim::Died), what).into())
    }

    /// Takes what is on disk as told.
    fn look_again(&mut self) {
        let disk = self.disk();
        self.turns.extend(self.account.take_over(&disk));
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
        let judgement = evidence.judge();
        let wrong = std::mem::replace(&mut self.judgement, judgement).claimed;
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
        if let (None, Some(late)) = (&self.late, late) {
            self.late = Some((judge::names(&wrong), late));
        }
        self.wrong_since = None;
        self.rest(disk);
    }

    fn rest(&mut self, disk: BTreeMap<PathBuf, OnDisk>) {
        self.judgement = Judgement::default();
        self.printed.handle_rest();
        self.at_rest = disk;
        self.account.handle_rest();
        self.task.deeds.handle_rest();
    }

    fn disk(&self) -> BTreeMap<PathBuf, OnDisk> {
        ground::below(&self.task.directory, self.task.depth)
    }
}
