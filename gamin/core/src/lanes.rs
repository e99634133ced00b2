//! Scans of remote mounts and of long directories, each by the worker of its lane: a mount that hangs holds up nobody but
//! those who ask for it.
//!
//! What a worker is, a thread on a real system, is left to the [`Workers`]; what an answer means to the core. Decided here is
//! which scan a worker is given next, and when one is overdue.
//! Invariants: a worker has one scan at a time, and what waits is only what somebody waits for; the answer of a scan that was
//! given up is dropped.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use gamin_backend::{Lane, Mounts, OffLane};
use gamin_engine::{Scan, ScanId, ScanRequest, Time, TreePath};
use tracing::{info, warn};

/// How long a lane may go without an answer before it is taken for one that hangs.
pub const OVERDUE: Duration = Duration::from_secs(1);
/// How long to wait when a worker could not be started.
const START_PAUSE: Duration = Duration::from_secs(1);

/// A scan to be made.
pub type Job = (ScanId, ScanRequest);

/// Names a worker. Never used again, so that the late message of one that was given up is taken for nobody else's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkerId(pub u64);

/// Those who make scans away from the loop.
pub trait Workers {
    /// Takes on a worker for a lane. `None`: there are as many as there may be, those that hang included.
    ///
    /// # Errors
    /// There can't be another for now.
    fn start(&mut self, lane: &Lane) -> io::Result<Option<WorkerId>>;

    /// Has a worker that has nothing to do make a scan in its lane. Its answer is a [`Message`].
    fn order(&mut self, worker: WorkerId, request: &ScanRequest, mounts: &Arc<Mounts>);

    /// Lets a worker go. One that is at work, or hangs, is left to itself.
    fn dismiss(&mut self, worker: WorkerId);
}

/// What a worker says.
#[derive(Debug)]
pub struct Message {
    /// Its lane.
    pub lane: Lane,
    /// Who it is.
    pub worker: WorkerId,
    /// What it says.
    pub content: Content,
}

/// What there is to say.
#[derive(Debug)]
pub enum Content {
    /// It has made its scan, or met a mount that is not of its lane.
    Answer(Result<Scan, OffLane>),
    /// It has had nothing to do for long.
    Rested,
    /// It is no more, so that another can be started.
    Ended,
}

/// The lanes in which there is anything to do, or was not long ago.
#[derive(Debug, Default)]
pub struct Lanes {
    queues: BTreeMap<Lane, Queue>,
    /// Not before then another worker is started.
    start_at: Option<Time>,
}

/// What is to be scanned in a lane, the oldest first.
#[derive(Debug, Default)]
struct Queue {
    worker: Option<Worker>,
    waiting: BTreeMap<ScanId, ScanRequest>,
    /// When there was something to do for the first time after a rest, or the last answer.
    since: Time,
    is_overdue: bool,
}

#[derive(Debug)]
struct Worker {
    id: WorkerId,
    at_work: Option<Job>,
}

impl Queue {
    fn at_work(&self) -> Option<&Job> {
        self.worker.as_ref()?.at_work.as_ref()
    }

    fn is_idle(&self) -> bool {
        self.at_work().is_none() && self.waiting.is_empty()
    }

    /// When it is to be taken for hung, if it is that of this lane.
    fn overdue_at(&self, lane: &Lane) -> Option<Time> {
        (lane.may_hang() && !self.is_idle() && !self.is_overdue).then_some(self.since + OVERDUE)
    }
}

impl Lanes {
    /// Takes a scan. Gives whether it waits behind one that is overdue.
    pub fn add(
        &mut self,
        workers: &mut impl Workers,
        now: Time,
        lane: Lane,
        (id, request): Job,
        mounts: &Arc<Mounts>,
    ) -> bool {
        let queue = self.queues.entry(lane).or_default();
        if queue.is_idle() {
            queue.since = now;
        }
        queue.waiting.insert(id, request);
        let is_overdue = queue.is_overdue;
        self.advance(workers, now, mounts);
        is_overdue
    }

    /// Drops a scan that nobody waits for any more. One that has been begun ends by itself.
    pub fn forget(&mut self, id: ScanId) {
        for queue in self.queues.values_mut() {
            queue.waiting.remove(&id);
        }
    }

    /// Takes what a worker says. An answer comes back with what it answers.
    pub fn handle_message(
        &mut self,
        workers: &mut impl Workers,
        now: Time,
        message: Message,
        mounts: &Arc<Mounts>,
    ) -> Option<(Job, Result<Scan, OffLane>)> {
        let answered = self.answered(workers, now, message, mounts);
        self.advance(workers, now, mounts);
        answered
    }

    fn answered(
        &mut self,
        workers: &mut impl Workers,
        now: Time,
        message: Message,
        mounts: &Mounts,
    ) -> Option<(Job, Result<Scan, OffLane>)> {
        let Message { lane, worker: id, content } = message;
        let queue = self.queues.get_mut(&lane)?;
        let worker = queue.worker.as_mut().filter(|worker| worker.id == id)?;
        match content {
            Content::Answer(answer) => {
                queue.since = now;
                if std::mem::take(&mut queue.is_overdue) {
                    info!(mounts = ?points(&lane, mounts), "answers again");
                }
                worker.at_work.take().map(|job| (job, answer))
            }
            Content::Rested | Content::Ended => {
                if queue.worker.take_if(|worker| worker.at_work.is_none()).is_some() {
                    workers.dismiss(id);
                }
                None
            }
        }
    }

    /// Takes what is mounted by now. Gives back what was to be scanned over mounts that are no more, or covered by another: those
    /// paths lead elsewhere, and a worker that hangs there is left to itself.
    pub fn handle_mounts(&mut self, workers: &mut impl Workers, mounts: &Mounts) -> Vec<Job> {
        let is_gone = |lane: &Lane| lane.mounts().any(|mount| !mounts.is_in_sight(mount));
        let queues = std::mem::take(&mut self.queues).into_iter();
        let (gone, kept): (BTreeMap<_, _>, _) = queues.partition(|(lane, _)| is_gone(lane));
        self.queues = kept;
        let jobs = gone.into_values().flat_map(|queue| {
            let begun = queue.worker.and_then(|worker| {
                workers.dismiss(worker.id);
                worker.at_work
            });
            begun.into_iter().chain(queue.waiting)
        });
        jobs.collect()
    }

    /// When to call [`Lanes::handle_time`].
    pub fn next_deadline(&self) -> Option<Time> {
        let overdue = self.queues.iter().filter_map(|(lane, queue)| queue.overdue_at(lane));
        overdue.chain(self.start_at).min()
    }

    /// Gives the scans of lanes that hang since then: none of them may ever be answered.
    pub fn handle_time(
        &mut self,
        workers: &mut impl Workers,
        now: Time,
        mounts: &Arc<Mounts>,
    ) -> Vec<ScanId> {
        if self.start_at.take_if(|at| *at <= now).is_some() {
            self.advance(workers, now, mounts);
        }
        let mut overdue = Vec::new();
        for (lane, queue) in &mut self.queues {
            if queue.overdue_at(lane).is_some_and(|at| at <= now) {
                warn!(mounts = ?points(lane, mounts), "does not answer: what is there is not told until it does");
                queue.is_overdue = true;
                overdue.extend(queue.at_work().map(|(id, _)| *id));
                overdue.extend(queue.waiting.keys());
            }
        }
        overdue
    }

    /// Gives each worker that has nothing to do a scan, and each lane that has something to do a worker.
    fn advance(&mut self, workers: &mut impl Workers, now: Time, mounts: &Arc<Mounts>) {
        self.queues.retain(|_, queue| queue.worker.is_some() || !queue.waiting.is_empty());
        let mut too_few = false;
        for (lane, queue) in &mut self.queues {
            if queue.at_work().is_some() || queue.waiting.is_empty() {
                continue;
            }
            if queue.worker.is_none() && self.start_at.is_none() {
                let id = workers.start(lane).unwrap_or_else(|error| {
                    warn!(%error, "can't start a thread for scans");
                    self.start_at = Some(now + START_PAUSE);
                    None
                });
                queue.worker = id.map(|id| Worker { id, at_work: None });
            }
            let Some(worker) = &mut queue.worker else {
                too_few = true;
                continue;
            };
            let Some((id, request)) = queue.waiting.pop_first() else { continue };
            workers.order(worker.id, &request, mounts);
            worker.at_work = Some((id, request));
        }
        // A lane without a worker waits until another's ends; one that rests is let go for it.
        if too_few
            && let Some(queue) = self.queues.values_mut().find(|queue| queue.is_idle())
            && let Some(worker) = queue.worker.take()
        {
            workers.dismiss(worker.id);
        }
    }
}

/// Where the mounts of a lane are.
fn points<'a>(lane: &'a Lane, mounts: &'a Mounts) -> Vec<&'a TreePath> {
    lane.mounts().filter_map(|id| Some(&mounts.get(id)?.point)).collect()
}
