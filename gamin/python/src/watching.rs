//! What a watcher knows, without Python: a follower, what was taken from it, and who waits at the barrier.
//!
//! Following and gathering are left to `gamin-follow`, waiting and the lock to `watcher` and `settling`. Invariants, after each call: the seat is
//! readable if there is something to take; who waits for an answer that was read has been rung for. A failure is told after all that came
//! before it.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use gamin::{Coverage, Error};
use gamin_follow::{Change, Follower, Gap, Gather, News, Settling, What, Why};
use nix::errno::Errno;
use nix::sys::epoll::Epoll;
use nix::sys::eventfd::EventFd;

use crate::seat::Seat;
use crate::told::{Location, Reported, Spelling};

/// How much is taken from the connection at once, unless all is asked for.
const READY_MAX: usize = 256;
/// How long a batch may last if its changes never pause.
const LONGEST: Duration = Duration::from_secs(1);

/// A follower and what was taken from it.
#[derive(Debug)]
pub(crate) struct Watching {
    follower: Follower,
    seat: Seat,
    /// What Python knows of them, by the paths that were asked for.
    roots: HashMap<PathBuf, Spelling>,
    tells_existing: bool,
    gather: Option<Gather>,
    /// Batches that can be had; without gathering, of one change each.
    ready: VecDeque<Vec<Reported>>,
    /// The follower was left before it had given everything, which its connection may not show any more.
    is_cut_short: bool,
    /// Gaps and why, by their paths.
    gaps: BTreeMap<PathBuf, String>,
    /// What is to be said to people.
    notes: Vec<String>,
    failure: Option<Error>,
    barriers: Vec<AtBarrier>,
    last_barrier: u64,
    is_closed: bool,
}

/// One who waits at the barrier.
#[derive(Debug)]
struct AtBarrier {
    number: u64,
    /// Until it is answered.
    settling: Option<Settling>,
    outcome: Option<Result<(), Error>>,
    /// What wakes it if somebody else reads the answer. It lasts as long as it waits.
    bell: Weak<EventFd>,
}

impl Watching {
    /// Makes one of a follower.
    pub(crate) fn new(
        follower: Follower,
        tells_existing: bool,
        pause: Option<Duration>,
    ) -> Result<Watching, Errno> {
        let gather = pause.map(|pause| Gather::new(pause, LONGEST.max(pause)));
        Ok(Watching {
            seat: Seat::new(follower.connection().as_fd(), gather.is_some())?,
            follower,
            roots: HashMap::new(),
            tells_existing,
            gather,
            ready: VecDeque::new(),
            is_cut_short: false,
            gaps: BTreeMap::new(),
            notes: Vec::new(),
            failure: None,
            barriers: Vec::new(),
            last_barrier: 0,
            is_closed: false,
        })
    }

    /// The descriptor to wait for.
    pub(crate) fn descriptor(&self) -> Arc<Epoll> {
        self.seat.descriptor()
    }

    /// Another descriptor for the connection's.
    pub(crate) fn connection(&self) -> Result<OwnedFd, Errno> {
        nix::unistd::dup(self.follower.connection())
    }

    /// Whether this process watches by itself.
    pub(crate) fn is_embedded(&self) -> Result<bool, Error> {
        self.check()?;
        Ok(self.follower.connection().is_embedded())
    }

    /// Watches a path as well, unless it does already.
    pub(crate) fn add(&mut self, path: PathBuf, root: Spelling) -> Result<(), Error> {
        self.check()?;
        if !self.roots.contains_key(&path) {
            self.follower.add(&path)?;
            self.roots.insert(path, root);
        }
        self.settle()
    }

    /// Watches a path no more. Says whether it did.
    pub(crate) fn remove(&mut self, path: &Path) -> Result<bool, Error> {
        self.check()?;
        // What was told before is still that root's.
        self.take_news(usize::MAX);
        self.end_batch();
        let is_found = self.follower.remove(path)?;
        self.roots.remove(path);
        self.settle()?;
        Ok(is_found)
    }

    /// Gives the next batch, if there is one.
    pub(crate) fn next(&mut self) -> Result<Option<Vec<Reported>>, Error> {
        self.check()?;
        if self.ready.is_empty() {
            self.advance(Instant::now());
        }
        let batch = self.ready.pop_front();
        let failure = if batch.is_none() { self.failure.take() } else { None };
        self.settle()?;
        failure.map_or(Ok(batch), Err)
    }

    /// Says whether there is something to take: a batch, or a failure.
    pub(crate) fn is_ready(&mut self) -> Result<bool, Error> {
        self.check()?;
        if self.ready.is_empty() {
            self.advance(Instant::now());
        }
        self.settle()?;
        Ok(!self.ready.is_empty() || self.failure.is_some())
    }

    /// Gives all that there is, whether or not a batch has ended.
    pub(crate) fn take(&mut self) -> Result<Vec<Reported>, Error> {
        self.check()?;
        self.take_news(usize::MAX);
        self.end_batch();
        self.look_at_barriers();
        let all: Vec<Reported> = self.ready.drain(..).flatten().collect();
        let failure = if all.is_empty() { self.failure.take() } else { None };
        self.settle()?;
        failure.map_or(Ok(all), Err)
    }

    /// The gaps, and why they are.
    pub(crate) fn gaps(&mut self) -> Vec<(PathBuf, String)> {
        self.gaps.iter().map(|(path, why)| (path.clone(), why.clone())).collect()
    }

    /// What is to be said to people.
    pub(crate) fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }

    /// Begins a barrier, with the bell that is rung when it is answered.
    pub(crate) fn begin_barrier(&mut self, bell: &Arc<EventFd>) -> Result<u64, Error> {
        self.check()?;
        let settling = Some(self.follower.begin_barrier()?);
        self.last_barrier += 1;
        let number = self.last_barrier;
        self.barriers.push(AtBarrier { number, settling, outcome: None, bell: Arc::downgrade(bell) });
        self.settle()?;
        Ok(number)
    }

    /// Says whether a barrier has been answered: then all that happened before it began can be had.
    pub(crate) fn poll_barrier(&mut self, number: u64) -> Result<Option<()>, Error> {
        self.check()?;
        self.look_at_barriers();
        self.settle()?;
        let barrier = self.barriers.iter_mut().find(|barrier| barrier.number == number);
        barrier.and_then(|barrier| barrier.outcome.take()).transpose()
    }

    /// Ends it for all who use it.
    pub(crate) fn close(&mut self) {
        self.is_closed = true;
        self.follower.connection().close();
        for barrier in &self.barriers {
            ring(&barrier.bell);
        }
        // Whoever waits finds that it is closed; if that can't be shown, its descriptor is readable by the connection's end.
        let _ = self.seat.show(true, None);
    }
}

impl Watching {
    fn check(&self) -> Result<(), Error> {
        if self.is_closed { Err(Error::Closed) } else { Ok(()) }
    }

    /// Takes what the connection has, ends a batch whose time has come, and looks who may pass the barrier.
    fn advance(&mut self, now: Instant) {
        self.take_news(READY_MAX);
        if let Some(batch) = self.gather.as_mut().and_then(|gather| gather.poll(now)) {
            self.put_batch(batch);
        }
        self.look_at_barriers();
    }

    fn take_news(&mut self, most: usize) {
        self.is_cut_short = true;
        while self.ready.len() < most && self.failure.is_none() {
            match self.follower.poll() {
                Ok(Some(news)) => self.handle_news(news),
                Ok(None) => {
                    self.is_cut_short = false;
                    break;
                }
                Err(error) => self.failure = Some(error),
            }
        }
    }

    fn handle_news(&mut self, news: News) {
        match news {
            News::Change(change) => self.handle_change(change),
            News::Missing(path) if self.tells_existing => {
                let place = Location { root: self.roots.get(&path).cloned(), path };
                self.ready.push_back(vec![Reported { event: What::Deleted, place, moved_to: None }]);
            }
            News::Gap(gap) => self.handle_gap(gap),
            News::GapEnds(gap) => drop(self.gaps.remove(&gap.shown)),
            News::BadRule(why) => self.notes.push(why),
            News::Missing(_) | News::Listed => {}
        }
    }

    fn handle_gap(&mut self, gap: Gap) {
        let why = gap.why.to_string();
        // A limit that is reached is so for all that comes: one word is enough.
        let is_said =
            gap.why == Why::Coverage(Coverage::PolledLimit) && self.gaps.values().any(|known| *known == why);
        if !is_said {
            self.notes.push(format!("{}: {why}", gap.shown.display()));
        }
        self.gaps.insert(gap.shown, why);
    }

    fn handle_change(&mut self, change: Change) {
        if change.event == What::Exists && !self.tells_existing {
            return;
        }
        match &mut self.gather {
            Some(gather) => gather.handle_change(Instant::now(), change),
            None => {
                let told = self.told(change);
                self.ready.push_back(vec![told]);
            }
        }
    }

    fn end_batch(&mut self) {
        let batch = self.gather.as_mut().map(Gather::take).unwrap_or_default();
        self.put_batch(batch);
    }

    fn put_batch(&mut self, batch: Vec<Change>) {
        if !batch.is_empty() {
            let batch = batch.into_iter().map(|change| self.told(change)).collect();
            self.ready.push_back(batch);
        }
    }

    fn told(&self, change: Change) -> Reported {
        let Change { event, shown, relative, moved_to, .. } = change;
        let moved_to = moved_to.map(|to| self.place(to.shown, &to.relative));
        Reported { event, place: self.place(shown, &relative), moved_to }
    }

    fn place(&self, path: PathBuf, relative: &Path) -> Location {
        let root = path.ancestors().nth(relative.components().count());
        let root = root.and_then(|root| self.roots.get(root)).cloned();
        Location { root, path }
    }

    fn look_at_barriers(&mut self) {
        let mut has_passed = false;
        let left = self.barriers.extract_if(.., |barrier| barrier.bell.strong_count() == 0);
        left.filter_map(|barrier| barrier.settling)
            .for_each(|settling| self.follower.forget_barrier(&settling));
        for barrier in &mut self.barriers {
            let Some(settling) = &mut barrier.settling else { continue };
            let outcome = match self.follower.poll_barrier(settling) {
                Ok(false) => continue,
                Ok(true) => Ok(()),
                Err(error) => Err(error),
            };
            barrier.outcome = Some(outcome);
            has_passed = true;
            ring(&barrier.bell);
            if let Some(settling) = barrier.settling.take() {
                self.follower.forget_barrier(&settling);
            }
        }
        if has_passed {
            self.take_news(usize::MAX);
            self.end_batch();
        }
    }

    fn settle(&mut self) -> Result<(), Error> {
        let deadline = self.gather.as_ref().and_then(Gather::deadline);
        let is_ready = !self.ready.is_empty() || self.failure.is_some() || self.is_cut_short;
        Ok(self.seat.show(is_ready, deadline)?)
    }
}

fn ring(bell: &Weak<EventFd>) {
    // It fails only where it is rung already.
    let _ = bell.upgrade().map(|bell| bell.write(1));
}
