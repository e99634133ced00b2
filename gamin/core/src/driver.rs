//! Drives a core: carries out its effects, hands in what the system says, in the order on which the promises hang.
//!
//! What it all means is left to the core; bytes and sockets to the host, when to wait and for what too. The system is
//! handed in at each call: a real one, or a simulated one, so that what is proven of the one is true of the other.
//! Invariants: the kernel's queue is drained before a client's bytes are handled and before the answer of a scan is handed
//! in, so that what happened before a request is told before its answer, and a scan of what moved meanwhile is made again;
//! and whatever is looked at is looked at by what is mounted by then.

use std::io;
use std::sync::Arc;

use gamin_backend::{Backend, Kernel, Lane, Listener, Mounts, OffLane, revalidate, scan};
use gamin_config::Policy;
use gamin_engine::{ArmingId, Effect, Name, Notice, Scan, ScanRequest, Time};
use tracing::debug;

use crate::core::Core;
use crate::gather::Gather;
use crate::lanes::{Job, Lanes, Message, Workers};
use crate::session::SessionId;

/// How many scans, and entries found by them, are handed in at once: the kernel's queue is drained once for all of them.
const SCANNED_MAX: usize = 64;
const ENTRIES_MAX: usize = 1024;

/// The system under a server: its kernel, its files, and those who look at them away from the loop.
pub trait System: Kernel + Workers {
    /// What is mounted by now, if that is not as it was when last asked, or may be at other places, of which the kernel says nothing.
    fn remounted(&mut self, may_have_moved: bool) -> Option<Arc<Mounts>>;

    /// Makes a scan, as far as it can be made in this lane.
    ///
    /// # Errors
    /// The lane in which it has to be made.
    fn scan(&mut self, request: &ScanRequest, mounts: &Mounts, lane: &Lane) -> Result<Scan, OffLane> {
        scan(&mut self.files(), request, mounts, lane)
    }
}

/// A core that takes what the kernel noticed by this time.
struct Listening<'a> {
    core: &'a mut Core,
    now: Time,
}

impl Listener for Listening<'_> {
    fn wants_look(&self, watch: ArmingId, name: &Name) -> bool {
        self.core.wants_look(watch, name)
    }

    fn handle_notice(&mut self, notice: Notice) {
        self.core.handle_notice(self.now, notice);
    }
}

/// A core, and all that it has under way.
#[derive(Debug)]
pub struct Driver {
    core: Core,
    backend: Backend,
    gather: Gather,
    lanes: Lanes,
    policy: Policy,
    /// Scans that are to be made again, since what they were about is not mounted any more.
    returned: Vec<Job>,
    /// What scans have found that is still to be handed in, and how many entries that are.
    scanned: Vec<(Job, Result<Scan, OffLane>)>,
    entries: usize,
}

impl Driver {
    /// Drives a core that was made with this policy.
    pub fn new(core: Core, policy: Policy) -> Driver {
        let mut backend = Backend::new();
        backend.set_mounts(Arc::clone(&policy.mounts));
        let (gather, lanes) = (Gather::new(), Lanes::default());
        let (returned, scanned, entries) = (Vec::new(), Vec::new(), 0);
        Driver { core, backend, gather, lanes, policy, returned, scanned, entries }
    }

    /// The core.
    pub fn core(&self) -> &Core {
        &self.core
    }

    /// The core, for all that is no byte of a client and no answer of the system.
    pub fn core_mut(&mut self) -> &mut Core {
        &mut self.core
    }

    /// Gives back the room of what sessions have left behind. It takes as long as that was much, so not with each that ends.
    pub fn give_back(&mut self) {
        self.core.give_back();
        self.backend.give_back();
    }

    /// When the kernel's queue is read.
    pub fn gather_mut(&mut self) -> &mut Gather {
        &mut self.gather
    }

    /// When the kernel's queue is read.
    pub fn gather(&self) -> &Gather {
        &self.gather
    }

    /// What decides about methods.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// How many kernel watches are held.
    pub fn watches(&self) -> usize {
        self.backend.watches()
    }

    /// How many armings there are.
    pub fn armings(&self) -> usize {
        self.backend.armings()
    }

    /// When there is something to do, if nothing happens before.
    pub fn next_deadline(&self) -> Option<Time> {
        let core = self.core.next_deadline().map(|deadline| deadline.at);
        let returned = (!self.returned.is_empty()).then(Time::default);
        [core, self.gather.next_deadline(), self.lanes.next_deadline(), returned].into_iter().flatten().min()
    }

    /// Reads the kernel's queue if its time has come. Gives whether it was read, and if so, whether to wait for the next
    /// notice: then [`Gather::handle_ready`] tells of it.
    ///
    /// # Errors
    /// The queue is broken. It is left alone for a while.
    pub fn read_kernel<S: System>(&mut self, system: &mut S, now: Time) -> io::Result<Option<bool>> {
        if !self.gather.is_due(now) {
            return Ok(None);
        }
        let drained = self.drain(system, now);
        match drained {
            Ok(count) => Ok(Some(self.gather.handle_read(now, count))),
            Err(error) => {
                self.gather.handle_failure(now);
                Err(error)
            }
        }
    }

    /// Reads the kernel's queue though nobody has told of a notice, unless it is read at set times. Gives whether there was any.
    ///
    /// # Errors
    /// As [`Driver::read_kernel`].
    pub fn look_at_kernel<S: System>(&mut self, system: &mut S, now: Time) -> io::Result<bool> {
        if !self.gather.is_resting() {
            return Ok(false);
        }
        let drained = self.drain(system, now);
        match drained {
            Ok(0) => Ok(false),
            Ok(count) => {
                self.gather.handle_ready(now);
                self.gather.handle_read(now, count);
                Ok(true)
            }
            Err(error) => {
                self.gather.handle_failure(now);
                Err(error)
            }
        }
    }

    /// Whether there may be an effect to carry out, or a setting to read.
    pub fn has_work(&self) -> bool {
        self.core.has_work() || !self.scanned.is_empty()
    }

    /// The next effect to carry out. There is none before what scans have found is handed in.
    pub fn poll_effect<S: System>(&mut self, system: &mut S, now: Time) -> Option<Effect> {
        let effect = self.core.poll_effect();
        if effect.is_some() || self.scanned.is_empty() {
            return effect;
        }
        self.hand_in_scanned(system, now);
        self.core.poll_effect()
    }

    /// Carries out an effect.
    pub fn carry_out<S: System>(&mut self, system: &mut S, now: Time, effect: Effect) {
        match effect {
            Effect::Arm { id, directory, level } => {
                let answer = self.backend.arm(system, id, &directory, level);
                self.core.handle_armed(id, answer);
            }
            Effect::Disarm { id } => self.backend.disarm(system, id),
            Effect::Scan { id, request } => self.scan(system, now, (id, request)),
            Effect::Revalidate { id, request } => {
                let doubts = revalidate(&mut system.files(), &request, &self.policy.mounts);
                self.core.handle_revalidated(id, &doubts);
            }
            Effect::Forget { id } => self.lanes.forget(id),
        }
    }

    /// Takes bytes of a client.
    pub fn handle_bytes<S: System>(&mut self, system: &mut S, now: Time, session: SessionId, bytes: &[u8]) {
        self.catch_up(system, now);
        self.core.handle_bytes(now, session, bytes);
    }

    /// Takes what a worker says.
    pub fn handle_message<S: System>(&mut self, system: &mut S, now: Time, message: Message) {
        self.catch_up(system, now);
        if let Some((job, answer)) = self.lanes.handle_message(system, now, message, &self.policy.mounts) {
            self.hand_in(system, now, job, answer);
        }
    }

    /// Does what is due. Gives whether there was anything.
    pub fn handle_time<S: System>(&mut self, system: &mut S, now: Time) -> bool {
        let is_due = self.core.next_deadline().is_some_and(|deadline| deadline.at <= now);
        if is_due {
            self.core.handle_time(now);
        }
        let overdue = self.lanes.handle_time(system, now, &self.policy.mounts);
        let returned = std::mem::take(&mut self.returned);
        let did = is_due || !overdue.is_empty() || !returned.is_empty();
        for id in overdue {
            self.core.handle_overdue(now, id);
        }
        for job in returned {
            self.scan(system, now, job);
        }
        did
    }

    /// Takes what decides about methods, and what is mounted, by now.
    pub fn handle_policy<S: System>(&mut self, system: &mut S, now: Time, policy: Policy) {
        let before = std::mem::replace(&mut self.policy, policy);
        let mounts = Arc::clone(&self.policy.mounts);
        self.backend.set_mounts(Arc::clone(&mounts));
        self.returned.extend(self.lanes.handle_mounts(system, &mounts));
        self.core.handle_policy(now, Arc::new(self.policy.clone()));
        for point in mounts.changed_since(&before.mounts) {
            debug!(?point, "mounted or unmounted");
            self.core.handle_remount(&point);
        }
        // Before or after that, nobody can say: where a path may lead elsewhere by now, what was noticed waits until that is looked
        // into. An error will show again.
        let _ = self.drain(system, now);
    }

    /// Takes in what is mounted by now.
    pub fn follow_mounts<S: System>(&mut self, system: &mut S, now: Time) {
        let may_have_moved = self.backend.take_moved() && self.policy.mounts.has_remote();
        if let Some(mounts) = system.remounted(may_have_moved)
            && mounts != self.policy.mounts
        {
            let policy = Policy { mounts, ..self.policy.clone() };
            self.handle_policy(system, now, policy);
        }
    }

    fn scan<S: System>(&mut self, system: &mut S, now: Time, (id, request): Job) {
        self.follow_mounts(system, now);
        let answer = system.scan(&request, &self.policy.mounts, &Lane::SHORT);
        let found = answer.as_ref().map_or_else(|elsewhere| elsewhere.begun.as_deref(), Some);
        self.entries += found.map_or(0, Scan::entries);
        self.scanned.push(((id, request), answer));
        if self.scanned.len() >= SCANNED_MAX || self.entries >= ENTRIES_MAX {
            self.hand_in_scanned(system, now);
        }
    }

    /// Hands in what scans have found.
    fn hand_in_scanned<S: System>(&mut self, system: &mut S, now: Time) {
        // What they looked at may have moved meanwhile, and then is listed under a name that is no longer its own.
        self.catch_up(system, now);
        self.entries = 0;
        for (job, answer) in std::mem::take(&mut self.scanned) {
            self.hand_in(system, now, job, answer);
        }
    }

    /// Hands in what a scan has found, or has it made in the lane that it turned out to need.
    fn hand_in<S: System>(
        &mut self,
        system: &mut S,
        now: Time,
        (id, request): Job,
        answer: Result<Scan, OffLane>,
    ) {
        match answer {
            Ok(found) => self.core.handle_scan(now, id, found),
            Err(OffLane { lane, begun }) => {
                if let Some(begun) = begun {
                    self.core.handle_begun(now, id, *begun);
                }
                if self.lanes.add(system, now, lane, (id, request), &self.policy.mounts) {
                    self.core.handle_overdue(now, id);
                }
            }
        }
    }

    /// Hands in all that the system says of what has happened so far.
    fn catch_up<S: System>(&mut self, system: &mut S, now: Time) {
        self.follow_mounts(system, now);
        // An error will show again, and be told, when the queue's own time comes.
        let _ = self.drain(system, now);
    }

    /// Hands in all that the kernel has noticed by now; gives how much that was.
    fn drain<S: System>(&mut self, system: &mut S, now: Time) -> io::Result<usize> {
        self.backend.drain(system, &mut Listening { core: &mut self.core, now })
    }
}
