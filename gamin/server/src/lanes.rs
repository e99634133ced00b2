//! Scans of remote mounts and of long directories, each on the thread of its lane: a mount that hangs holds up nobody but
//! those who ask for it.
//!
//! How a scan is made is left to the backend, what its answer means to the core. Decided here is which scan a thread is
//! given next, and when one is overdue.
//! Invariants: a thread has one scan at a time, and what waits is only what somebody waits for; there are never more
//! than [`THREADS_MAX`] threads, hung ones included; the answer of a scan that was given up is dropped.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use calloop::channel::Sender;
use gamin_backend::{Lane, Mounts, scan};
use gamin_engine::{Scan, ScanId, ScanRequest, Time, TreePath};
use gamin_linux::Disk;
use tracing::{debug, info, warn};

/// How long a lane may go without an answer before it is taken for one that hangs.
const OVERDUE: Duration = Duration::from_secs(1);
/// How long a thread stays without a scan.
const REST: Duration = Duration::from_secs(10);
/// How many threads there may be. A lane without one waits until another's ends; one that rests is let go for it.
const THREADS_MAX: usize = 64;
/// How long to wait when a thread could not be started.
const START_PAUSE: Duration = Duration::from_secs(1);
/// More than a scan needs: its paths are on the heap.
const STACK_BYTES: usize = 256 * 1024;

/// A scan to be made.
pub(crate) type Job = (ScanId, ScanRequest);

/// What a thread says.
#[derive(Debug)]
pub(crate) struct Word {
    lane: Lane,
    thread: ThreadId,
    news: News,
}

#[derive(Debug)]
enum News {
    /// It has made its scan, or met a mount that is not of its lane.
    Answer(Result<Scan, Lane>),
    /// It has had nothing to do for long.
    Rested,
    /// It is no more.
    Ended,
}

/// Names a thread. Never used again, so that the late word of one that was given up is taken for nobody else's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ThreadId(u64);

/// The lanes in which there is anything to do, or was not long ago.
pub(crate) struct Lanes {
    queues: BTreeMap<Lane, Queue>,
    threads: Threads,
    /// Not before then another thread is started.
    start_at: Option<Time>,
}

/// What is to be scanned in a lane, the oldest first.
#[derive(Default)]
struct Queue {
    thread: Option<Thread>,
    waiting: BTreeMap<ScanId, ScanRequest>,
    /// When there was something to do for the first time after a rest, or the last answer.
    since: Time,
    is_overdue: bool,
}

struct Thread {
    id: ThreadId,
    orders: mpsc::Sender<Order>,
    at_work: Option<Job>,
}

struct Order {
    request: ScanRequest,
    mounts: Arc<Mounts>,
}

impl Queue {
    fn at_work(&self) -> Option<&Job> {
        self.thread.as_ref()?.at_work.as_ref()
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
    /// Makes lanes whose threads speak through `words`.
    pub fn new(words: Sender<Word>) -> Lanes {
        let threads = Threads { words, last_id: 0, alive: Arc::new(()) };
        Lanes { queues: BTreeMap::new(), threads, start_at: None }
    }

    /// Takes a scan. Gives whether it waits behind one that is overdue.
    pub fn add(&mut self, now: Time, lane: Lane, (id, request): Job, mounts: &Arc<Mounts>) -> bool {
        let queue = self.queues.entry(lane).or_default();
        if queue.is_idle() {
            queue.since = now;
        }
        queue.waiting.insert(id, request);
        let is_overdue = queue.is_overdue;
        self.advance(now, mounts);
        is_overdue
    }

    /// Drops a scan that nobody waits for any more. One that has been begun ends by itself.
    pub fn forget(&mut self, id: ScanId) {
        for queue in self.queues.values_mut() {
            queue.waiting.remove(&id);
        }
    }

    /// Takes what a thread says. An answer comes back with what it answers.
    pub fn handle_word(
        &mut self,
        now: Time,
        word: Word,
        mounts: &Arc<Mounts>,
    ) -> Option<(Job, Result<Scan, Lane>)> {
        let answered = self.answered(now, word, mounts);
        self.advance(now, mounts);
        answered
    }

    fn answered(&mut self, now: Time, word: Word, mounts: &Mounts) -> Option<(Job, Result<Scan, Lane>)> {
        let Word { lane, thread: id, news } = word;
        let queue = self.queues.get_mut(&lane)?;
        let thread = queue.thread.as_mut().filter(|thread| thread.id == id)?;
        match news {
            News::Answer(answer) => {
                queue.since = now;
                if std::mem::take(&mut queue.is_overdue) {
                    info!(mounts = ?points(&lane, mounts), "answers again");
                }
                thread.at_work.take().map(|job| (job, answer))
            }
            News::Rested | News::Ended => {
                queue.thread.take_if(|thread| thread.at_work.is_none());
                None
            }
        }
    }

    /// Takes what is mounted by now. Gives back what was to be scanned over mounts that are no more: those paths lead
    /// elsewhere, and a thread that hangs there is left to itself.
    pub fn handle_mounts(&mut self, mounts: &Mounts) -> Vec<Job> {
        let is_gone = |lane: &Lane| lane.mounts().any(|mount| mounts.get(mount).is_none());
        let queues = std::mem::take(&mut self.queues).into_iter();
        let (gone, kept): (BTreeMap<_, _>, _) = queues.partition(|(lane, _)| is_gone(lane));
        self.queues = kept;
        let jobs = gone.into_values().flat_map(|queue| {
            let begun = queue.thread.and_then(|thread| thread.at_work);
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
    pub fn handle_time(&mut self, now: Time, mounts: &Arc<Mounts>) -> Vec<ScanId> {
        if self.start_at.take_if(|at| *at <= now).is_some() {
            self.advance(now, mounts);
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

    /// Gives each thread that has nothing to do a scan, and each lane that has something to do a thread.
    fn advance(&mut self, now: Time, mounts: &Arc<Mounts>) {
        self.queues.retain(|_, queue| queue.thread.is_some() || !queue.waiting.is_empty());
        let mut too_few = false;
        for (lane, queue) in &mut self.queues {
            if queue.at_work().is_some() || queue.waiting.is_empty() {
                continue;
            }
            if queue.thread.is_none() && self.start_at.is_none() {
                queue.thread = self.threads.start(lane).unwrap_or_else(|error| {
                    warn!(%error, "can't start a thread for scans");
                    self.start_at = Some(now + START_PAUSE);
                    None
                });
            }
            let Some(thread) = &mut queue.thread else {
                too_few = true;
                continue;
            };
            let Some((id, request)) = queue.waiting.pop_first() else { continue };
            let order = Order { request: request.clone(), mounts: Arc::clone(mounts) };
            // It listens as long as it is not let go.
            let _ = thread.orders.send(order);
            thread.at_work = Some((id, request));
        }
        if too_few && let Some(queue) = self.queues.values_mut().find(|queue| queue.is_idle()) {
            queue.thread = None;
        }
    }
}

/// Where the mounts of a lane are.
fn points<'a>(lane: &'a Lane, mounts: &'a Mounts) -> Vec<&'a TreePath> {
    lane.mounts().filter_map(|id| Some(&mounts.get(id)?.point)).collect()
}

/// What threads are made of.
struct Threads {
    words: Sender<Word>,
    last_id: u64,
    /// Each thread holds one of these.
    alive: Arc<()>,
}

impl Threads {
    /// Starts a thread for a lane; none if there are too many.
    fn start(&mut self, lane: &Lane) -> io::Result<Option<Thread>> {
        if Arc::strong_count(&self.alive) > THREADS_MAX {
            debug!(?lane, "waits for a thread: there are {THREADS_MAX}");
            return Ok(None);
        }
        self.last_id += 1;
        let id = ThreadId(self.last_id);
        let (orders, inbox) = mpsc::channel();
        let voice = Voice { lane: lane.clone(), thread: id, words: self.words.clone() };
        let alive = Arc::clone(&self.alive);
        let builder = thread::Builder::new().name("scans".to_owned()).stack_size(STACK_BYTES);
        builder.spawn(move || {
            work(&inbox, &voice);
            drop(alive);
            voice.say(News::Ended);
        })?;
        Ok(Some(Thread { id, orders, at_work: None }))
    }
}

/// How a thread speaks.
struct Voice {
    lane: Lane,
    thread: ThreadId,
    words: Sender<Word>,
}

impl Voice {
    fn say(&self, news: News) {
        // Nobody listens when the server is about to end.
        let _ = self.words.send(Word { lane: self.lane.clone(), thread: self.thread, news });
    }
}

/// Makes one scan after the other until let go.
fn work(inbox: &mpsc::Receiver<Order>, voice: &Voice) {
    loop {
        let order = match inbox.recv_timeout(REST) {
            Err(RecvTimeoutError::Timeout) => {
                voice.say(News::Rested);
                inbox.recv().ok()
            }
            order => order.ok(),
        };
        let Some(Order { request, mounts }) = order else { return };
        voice.say(News::Answer(scan(&mut Disk::new(), &request, &mounts, &voice.lane)));
    }
}

#[cfg(test)]
mod tests {
    use calloop::channel::{Channel, channel};
    use gamin_backend::MountId;
    use gamin_engine::{Detail, Found};

    use super::*;

    const NOW: Time = Time(Duration::ZERO);

    fn lanes() -> (Lanes, Channel<Word>, Arc<Mounts>) {
        let (sender, words) = channel();
        (Lanes::new(sender), words, Arc::default())
    }

    fn job(id: u64) -> Job {
        (ScanId(id), ScanRequest { path: TreePath::root(), trusted: 0, detail: Detail::Itself })
    }

    fn lane(mount: u64) -> Lane {
        Lane::SHORT.over(MountId(mount))
    }

    /// The next answer of any thread, and to what.
    fn answer(lanes: &mut Lanes, words: &Channel<Word>, mounts: &Arc<Mounts>) -> u64 {
        loop {
            let word = words.recv().expect("because the lanes hold a sender");
            if let Some(((id, _), answer)) = lanes.handle_word(NOW, word, mounts) {
                assert!(matches!(answer, Ok(Scan { found: Found::Directory { .. }, .. })), "{answer:?}");
                return id.0;
            }
        }
    }

    #[test]
    fn a_lane_makes_one_scan_after_the_other() {
        let (mut lanes, words, mounts) = lanes();
        for id in 1..=3 {
            assert!(!lanes.add(NOW, lane(1), job(id), &mounts));
        }
        let answers = [(); 3].map(|()| answer(&mut lanes, &words, &mounts));
        assert_eq!(answers, [1, 2, 3]);
        assert_eq!(Arc::strong_count(&lanes.threads.alive), 2, "one thread, and what counts them");
    }

    #[test]
    fn what_is_forgotten_is_not_begun() {
        let (mut lanes, words, mounts) = lanes();
        for id in 1..=3 {
            lanes.add(NOW, lane(1), job(id), &mounts);
        }
        lanes.forget(ScanId(2));
        let answers = [(); 2].map(|()| answer(&mut lanes, &words, &mounts));
        assert_eq!(answers, [1, 3]);
    }

    #[test]
    fn a_lane_without_an_answer_is_overdue_until_it_has_one() {
        let (mut lanes, words, mounts) = lanes();
        lanes.add(NOW, lane(1), job(1), &mounts);
        lanes.add(NOW, lane(1), job(2), &mounts);
        assert_eq!(lanes.next_deadline(), Some(NOW + OVERDUE));
        assert_eq!(lanes.handle_time(NOW + OVERDUE, &mounts), [ScanId(1), ScanId(2)]);
        assert_eq!(
            (lanes.next_deadline(), lanes.handle_time(NOW + OVERDUE * 2, &mounts)),
            (None, Vec::new())
        );
        assert!(lanes.add(NOW + OVERDUE * 2, lane(1), job(3), &mounts), "it waits behind one that is");
        assert!(!lanes.add(NOW, lane(2), job(4), &mounts), "another lane is not");
        let mut answers = [(); 4].map(|()| answer(&mut lanes, &words, &mounts));
        answers.sort_unstable();
        assert_eq!((answers, lanes.next_deadline()), ([1, 2, 3, 4], None));
    }

    #[test]
    fn a_long_scan_of_what_can_not_hang_is_never_overdue() {
        let (mut lanes, _words, mounts) = lanes();
        lanes.add(NOW, Lane::LONG, job(1), &mounts);
        assert_eq!(
            (lanes.next_deadline(), lanes.handle_time(NOW + OVERDUE * 100, &mounts)),
            (None, Vec::new())
        );
    }

    #[test]
    fn what_was_asked_of_a_mount_that_is_no_more_is_given_back_and_its_late_answer_dropped() {
        let (mut lanes, words, mounts) = lanes();
        lanes.add(NOW, lane(1), job(1), &mounts);
        lanes.add(NOW, lane(1), job(2), &mounts);
        lanes.add(NOW, Lane::LONG, job(3), &mounts);
        assert_eq!(lanes.handle_mounts(&mounts), [job(1), job(2)]);
        assert_eq!(answer(&mut lanes, &words, &mounts), 3);
        lanes.add(NOW, lane(1), job(4), &mounts);
        assert_eq!(answer(&mut lanes, &words, &mounts), 4);
    }

    #[test]
    fn more_lanes_than_threads_are_all_served() {
        let (mut lanes, words, mounts) = lanes();
        let all = 0..THREADS_MAX as u64 + 10;
        for id in all.clone() {
            lanes.add(NOW, lane(id), job(id), &mounts);
        }
        assert_eq!(lanes.queues.values().filter(|queue| queue.thread.is_some()).count(), THREADS_MAX);
        let mut answers: Vec<u64> = all.clone().map(|_| answer(&mut lanes, &words, &mounts)).collect();
        answers.sort_unstable();
        assert_eq!(answers, all.collect::<Vec<_>>());
    }
}
