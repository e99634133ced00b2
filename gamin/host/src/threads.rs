//! The workers of a real system: a thread for each lane, or, where that is wanted and nothing can hang, nobody but the caller.
//!
//! Which scan a thread is given, and when one is overdue, is left to `lanes`. Invariants: there are never more than
//! [`THREADS_MAX`] threads, hung ones included; a thread that is let go ends, as soon as it does not hang.

use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use gamin_backend::{Lane, Mounts, scan};
use gamin_core::{Content, Message, WorkerId, Workers};
use gamin_engine::ScanRequest;
use gamin_linux::Disk;
use nix::sys::eventfd::EventFd;
use nix::sys::signal::{SigSet, SigmaskHow};
use tracing::debug;

/// How long a thread stays without a scan.
const REST: Duration = Duration::from_secs(10);
/// How many threads there may be.
const THREADS_MAX: usize = 64;
/// More than a scan needs: its paths are on the heap.
const STACK_BYTES: usize = 256 * 1024;

#[derive(Debug)]
struct Order {
    request: ScanRequest,
    mounts: Arc<Mounts>,
}

/// The way from the threads to the event loop.
#[derive(Debug, Clone)]
pub(crate) struct Messages {
    pub sender: mpsc::Sender<Message>,
    /// Of which the event loop tells when it is rung.
    pub bell: Arc<EventFd>,
}

impl Messages {
    fn send(&self, message: Message) {
        // Nobody listens when the server is about to end.
        if self.sender.send(message).is_ok()
            && let Err(error) = self.bell.write(1)
        {
            debug!(%error, "can't wake the event loop");
        }
    }
}

/// The threads that there are.
#[derive(Debug)]
pub(crate) struct Threads {
    messages: Messages,
    last_id: u64,
    orders: HashMap<WorkerId, mpsc::Sender<Order>>,
    /// Each thread holds one of these.
    alive: Arc<()>,
    /// What can't hang is scanned by whoever orders it, without a thread ...
    is_in_place: bool,
    /// ... who is known as this worker then.
    in_place: Option<WorkerId>,
}

impl Threads {
    /// None so far. They will speak through `messages`.
    pub fn new(messages: Messages, is_in_place: bool) -> Threads {
        Threads {
            messages,
            last_id: 0,
            orders: HashMap::new(),
            alive: Arc::new(()),
            is_in_place,
            in_place: None,
        }
    }

    /// What they ring.
    pub fn bell(&self) -> &EventFd {
        &self.messages.bell
    }

    /// Lets them all go; gives what they rang, unless one may still do that.
    pub fn into_bell(self) -> Option<OwnedFd> {
        match Arc::try_unwrap(self.messages.bell) {
            Ok(bell) => Some(bell.into()),
            Err(shared) => {
                // Whoever is last would close what may be another's by then.
                std::mem::forget(shared);
                None
            }
        }
    }
}

impl Workers for Threads {
    fn start(&mut self, lane: &Lane) -> io::Result<Option<WorkerId>> {
        if self.is_in_place && !lane.may_hang() {
            self.last_id += 1;
            self.in_place = Some(WorkerId(self.last_id));
            return Ok(self.in_place);
        }
        if Arc::strong_count(&self.alive) > THREADS_MAX {
            debug!(?lane, "waits for a thread: there are {THREADS_MAX}");
            return Ok(None);
        }
        self.last_id += 1;
        let id = WorkerId(self.last_id);
        let (orders, inbox) = mpsc::channel();
        let voice = Voice { lane: lane.clone(), worker: id, messages: self.messages.clone() };
        let alive = Arc::clone(&self.alive);
        let builder = thread::Builder::new().name("scans".to_owned()).stack_size(STACK_BYTES);
        spawn_without_signals(builder, move || {
            work(&inbox, &voice);
            drop(alive);
            voice.say(Content::Ended);
        })?;
        self.orders.insert(id, orders);
        Ok(Some(id))
    }

    fn order(&mut self, worker: WorkerId, request: &ScanRequest, mounts: &Arc<Mounts>) {
        if self.in_place == Some(worker) {
            let voice = Voice { lane: Lane::LONG, worker, messages: self.messages.clone() };
            voice.scan(request, mounts);
        } else if let Some(orders) = self.orders.get(&worker) {
            // It listens as long as it is not let go.
            let _ = orders.send(Order { request: request.clone(), mounts: Arc::clone(mounts) });
        }
    }

    fn dismiss(&mut self, worker: WorkerId) {
        self.orders.remove(&worker);
        self.in_place.take_if(|in_place| *in_place == worker);
    }
}

/// Starts a thread that takes no signal: they are the business of the program, whose thread it is not.
///
/// # Errors
/// There is no thread to be had.
pub fn spawn_without_signals(
    builder: thread::Builder,
    work: impl FnOnce() + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    let signals = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK)?;
    let spawned = builder.spawn(work);
    signals.thread_set_mask()?;
    spawned
}

/// How a thread speaks.
struct Voice {
    lane: Lane,
    worker: WorkerId,
    messages: Messages,
}

impl Voice {
    fn scan(&self, request: &ScanRequest, mounts: &Mounts) {
        self.say(Content::Answer(scan(&mut Disk::new(), request, mounts, &self.lane)));
    }

    fn say(&self, content: Content) {
        self.messages.send(Message { lane: self.lane.clone(), worker: self.worker, content });
    }
}

/// Makes one scan after the other until let go.
fn work(inbox: &mpsc::Receiver<Order>, voice: &Voice) {
    loop {
        let order = match inbox.recv_timeout(REST) {
            Err(RecvTimeoutError::Timeout) => {
                voice.say(Content::Rested);
                inbox.recv().ok()
            }
            order => order.ok(),
        };
        let Some(Order { request, mounts }) = order else { return };
        voice.scan(&request, &mounts);
    }
}

#[cfg(test)]
mod tests {
    use gamin_backend::MountId;
    use gamin_engine::{Detail, Found, Scan, ScanId, Time, TreePath};
    use nix::sys::eventfd::EfdFlags;

    use super::*;
    use gamin_core::{Job, Lanes, OVERDUE};

    const NOW: Time = Time(Duration::ZERO);

    /// Lanes whose workers are threads.
    struct Bench {
        lanes: Lanes,
        threads: Threads,
        messages: mpsc::Receiver<Message>,
        mounts: Arc<Mounts>,
    }

    impl Bench {
        fn new() -> Bench {
            Bench::with(false)
        }

        fn with(is_in_place: bool) -> Bench {
            let (sender, messages) = mpsc::channel();
            let bell = EventFd::from_flags(EfdFlags::EFD_CLOEXEC).expect("a descriptor");
            let threads = Threads::new(Messages { sender, bell: Arc::new(bell) }, is_in_place);
            Bench { lanes: Lanes::default(), threads, messages, mounts: Arc::default() }
        }

        fn add(&mut self, now: Time, lane: Lane, job: Job) -> bool {
            self.lanes.add(&mut self.threads, now, lane, job, &self.mounts)
        }

        fn handle_time(&mut self, now: Time) -> Vec<ScanId> {
            self.lanes.handle_time(&mut self.threads, now, &self.mounts)
        }

        /// The next answer of any thread, and to what.
        fn answer(&mut self) -> u64 {
            loop {
                let message = self.messages.recv().expect("because the threads hold a sender");
                let answered = self.lanes.handle_message(&mut self.threads, NOW, message, &self.mounts);
                if let Some(((id, _), answer)) = answered {
                    assert!(matches!(answer, Ok(Scan { found: Found::Directory { .. }, .. })), "{answer:?}");
                    return id.0;
                }
            }
        }
    }

    fn job(id: u64) -> Job {
        (ScanId(id), ScanRequest { path: TreePath::root(), trusted: 0, detail: Detail::Itself })
    }

    fn lane(mount: u64) -> Lane {
        Lane::SHORT.over(MountId(mount))
    }

    #[test]
    fn a_lane_makes_one_scan_after_the_other() {
        let mut bench = Bench::new();
        for id in 1..=3 {
            assert!(!bench.add(NOW, lane(1), job(id)));
        }
        let answers = [(); 3].map(|()| bench.answer());
        assert_eq!(answers, [1, 2, 3]);
        assert_eq!(Arc::strong_count(&bench.threads.alive), 2, "one thread, and what counts them");
    }

    #[test]
    fn what_is_forgotten_is_not_begun() {
        let mut bench = Bench::new();
        for id in 1..=3 {
            bench.add(NOW, lane(1), job(id));
        }
        bench.lanes.forget(ScanId(2));
        let answers = [(); 2].map(|()| bench.answer());
        assert_eq!(answers, [1, 3]);
    }

    #[test]
    fn a_lane_without_an_answer_is_overdue_until_it_has_one() {
        let mut bench = Bench::new();
        bench.add(NOW, lane(1), job(1));
        bench.add(NOW, lane(1), job(2));
        assert_eq!(bench.lanes.next_deadline(), Some(NOW + OVERDUE));
        assert_eq!(bench.handle_time(NOW + OVERDUE), [ScanId(1), ScanId(2)]);
        assert_eq!((bench.lanes.next_deadline(), bench.handle_time(NOW + OVERDUE * 2)), (None, Vec::new()));
        assert!(bench.add(NOW + OVERDUE * 2, lane(1), job(3)), "it waits behind one that is");
        assert!(!bench.add(NOW, lane(2), job(4)), "another lane is not");
        let mut answers = [(); 4].map(|()| bench.answer());
        answers.sort_unstable();
        assert_eq!((answers, bench.lanes.next_deadline()), ([1, 2, 3, 4], None));
    }

    #[test]
    fn a_long_scan_of_what_can_not_hang_is_never_overdue() {
        let mut bench = Bench::new();
        bench.add(NOW, Lane::LONG, job(1));
        assert_eq!((bench.lanes.next_deadline(), bench.handle_time(NOW + OVERDUE * 100)), (None, Vec::new()));
    }

    #[test]
    fn what_was_asked_of_a_mount_that_is_no_more_is_given_back_and_its_late_answer_dropped() {
        let mut bench = Bench::new();
        bench.add(NOW, lane(1), job(1));
        bench.add(NOW, lane(1), job(2));
        bench.add(NOW, Lane::LONG, job(3));
        assert_eq!(bench.lanes.handle_mounts(&mut bench.threads, &bench.mounts), [job(1), job(2)]);
        assert_eq!(bench.answer(), 3);
        bench.add(NOW, lane(1), job(4));
        assert_eq!(bench.answer(), 4);
    }

    #[test]
    fn where_it_is_wanted_only_what_may_hang_has_a_thread() {
        let mut bench = Bench::with(true);
        bench.add(NOW, Lane::LONG, job(1));
        bench.add(NOW, Lane::LONG, job(2));
        assert_eq!(Arc::strong_count(&bench.threads.alive), 1, "nobody but what counts them");
        assert_eq!([(); 2].map(|()| bench.answer()), [1, 2]);
        bench.add(NOW, lane(1), job(3));
        assert_eq!((bench.answer(), Arc::strong_count(&bench.threads.alive)), (3, 2));
    }

    #[test]
    fn more_lanes_than_threads_are_all_served() {
        let mut bench = Bench::new();
        let all = 0..THREADS_MAX as u64 + 10;
        for id in all.clone() {
            bench.add(NOW, lane(id), job(id));
        }
        assert_eq!(bench.threads.orders.len(), THREADS_MAX);
        let mut answers: Vec<u64> = all.clone().map(|_| bench.answer()).collect();
        answers.sort_unstable();
        assert_eq!(answers, all.collect::<Vec<_>>());
    }
}
