//! The host of a core in a simulated world: as `gamin_server`'s own, with [`Files`], [`Pipes`] and a virtual clock.
//!
//! What it all means is left to the core; when time passes, to the [`Sim`](super::Sim). Invariant: as in the real host
//! the kernel's queue is drained before a client's bytes are handled and before the answer of a scan is handed in, and effects are carried
//! out in order; what a fault delays is handed in later, as the core's contract allows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use gamin_backend::{Backend, Lane, Number, glance, scan};
use gamin_server::config::{Mounts, Policy, Rules, Text};
use gamin_server::engine::{self, Effect, Entries, Found, Scan, ScanId, ScanRequest, Time, TreePath};
use gamin_server::{BYTES_MAX, Config, Core, FULL, Gather, Peer, SessionId};

use super::faults::Faults;
use super::files::Files;
use super::inotify::Inotify;
use super::kernel::{Eyes, System};
use super::pipe::{End, PipeId, Pipes, Transfer};
use super::tree::Caller;
use crate::action::{FileOperation, Gaminrc, ScanFault};

/// How many bytes are read from a session before others have their turn.
const READ_MAX: usize = 64 * 1024;
/// How many effects are carried out while no time passes: a server that wants more runs in circles, and is left there.
const EFFECTS_MAX: usize = 100_000;
/// The only user there is.
const UID: u32 = 0;

/// How a server is set up, for good.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Whether it does without the kernel's notices.
    pub is_poll_only: bool,
    /// How long after a look a path is looked at again where the kernel refuses.
    pub poll_interval: Duration,
    /// What is in the configuration files.
    pub gaminrc: BTreeMap<Gaminrc, Vec<u8>>,
    /// What is mounted over which directories, besides the file system of `/`.
    pub mounts: BTreeSet<TreePath>,
    /// How long it stays without a session.
    pub idle_max: Option<Duration>,
    /// Whose rights it has.
    pub caller: Caller,
    /// How many kernel watches it is granted.
    pub watches_max: usize,
    /// How many events the kernel keeps for it.
    pub queue_max: usize,
    /// How many bytes lie ready for a session before events wait.
    pub ready_max: usize,
}

impl Default for Setup {
    fn default() -> Setup {
        Setup {
            is_poll_only: false,
            poll_interval: Duration::from_secs(1),
            gaminrc: BTreeMap::new(),
            mounts: BTreeSet::new(),
            idle_max: Some(Duration::from_secs(30)),
            caller: Caller::Root,
            watches_max: usize::MAX,
            queue_max: super::inotify::QUEUE_MAX,
            ready_max: BYTES_MAX,
        }
    }
}

impl Setup {
    /// Whether there is a rule whose method is `none`: of such a path no change is told.
    pub fn may_tell_nothing(&self) -> bool {
        self.gaminrc.values().any(|text| text.split(u8::is_ascii_whitespace).any(|word| word == b"none"))
    }

    /// What decides about methods.
    pub fn policy(&self) -> Policy {
        let files = self.gaminrc.values().map(|text| Text { name: "gaminrc", text });
        let (rules, _) = Rules::read(files, None);
        let mut table = "1 0 0:1 / / rw - ext4 sim rw\n".to_owned().into_bytes();
        for (point, number) in self.mounts.iter().zip(2..) {
            let line = format!("{number} 1 0:{number} / {} rw - tmpfs sim rw\n", point.escape_ascii());
            table.extend_from_slice(line.as_bytes());
        }
        let mounts = Arc::new(Mounts::parse(&table));
        Policy { mounts, is_poll_only: self.is_poll_only, ..Policy::new(rules) }
    }
}

/// What a server is surrounded by.
pub struct World<'a> {
    /// The time since the world began.
    pub now: Time,
    /// The files.
    pub files: &'a mut Files,
    /// The connections.
    pub pipes: &'a mut Pipes,
    /// What goes wrong.
    pub faults: &'a mut Faults,
}

/// A server.
#[derive(Debug)]
pub struct Host {
    core: Core,
    backend: Backend<Number>,
    gather: Gather,
    mounts: Arc<Mounts>,
    caller: Caller,
    /// How many effects were carried out at this time.
    effects: (Time, usize),
    waiting_to_connect: Vec<PipeId>,
    connections: BTreeSet<PipeId>,
    /// Scans whose answer is still to come, by the time at which it does.
    underway: BTreeMap<(Time, ScanId), Answer>,
}

/// What a scan that takes long is going to say.
#[derive(Debug)]
enum Answer {
    Known(Scan),
    StillToLook(ScanRequest),
}

impl Host {
    /// Starts a server.
    pub fn new(now: Time, setup: &Setup, files: &mut Files) -> Host {
        files.tree.journal_mut().handle_new_server(setup.caller);
        let inotify = files.tree.inotify.insert(Inotify::new());
        (inotify.watches_max, inotify.queue_max) = (setup.watches_max, setup.queue_max);
        let policy = Arc::new(setup.policy());
        let mounts = Arc::clone(&policy.mounts);
        let engine = engine::Config { policy, poll_interval: setup.poll_interval };
        let Setup { idle_max, ready_max, .. } = *setup;
        let config = Config { engine, uid: UID, idle_max, settings: Vec::new(), ready_max };
        Host {
            core: Core::new(now, config),
            backend: Backend::new(),
            gather: Gather::new(),
            mounts,
            caller: setup.caller,
            effects: (now, 0),
            waiting_to_connect: Vec::new(),
            connections: BTreeSet::new(),
            underway: BTreeMap::new(),
        }
    }

    /// Takes a connection, which is accepted in the next turn.
    pub fn connect(&mut self, pipe: PipeId) {
        self.waiting_to_connect.push(pipe);
    }

    /// Whether it is to end, since nobody has needed it for long.
    pub fn is_finished(&self) -> bool {
        self.core.is_finished()
    }

    /// Takes the configuration as it is by now, and where something was mounted or unmounted.
    pub fn handle_surroundings(&mut self, world: &mut World<'_>, setup: &Setup, remounted: &[TreePath]) {
        self.drain(world);
        let policy = Arc::new(setup.policy());
        self.mounts = Arc::clone(&policy.mounts);
        self.backend.set_mounts(Arc::clone(&policy.mounts));
        self.core.handle_policy(world.now, policy);
        for point in remounted {
            self.core.handle_remount(point);
        }
    }

    /// How many kernel watches it holds.
    pub fn watches(&self) -> usize {
        self.backend.watches()
    }

    /// How many askings of the kernel are in force.
    pub fn armings(&self) -> usize {
        self.backend.armings()
    }

    /// The connections that it has accepted.
    pub fn connections(&self) -> impl Iterator<Item = PipeId> {
        self.connections.iter().copied()
    }

    /// The core.
    pub fn core(&self) -> &Core {
        &self.core
    }

    /// When it has something to do, if nothing happens before.
    pub fn next_deadline(&self) -> Option<Time> {
        let core = self.core.next_deadline().map(|deadline| deadline.at);
        let answer = self.underway.keys().next().map(|(at, _)| *at);
        [core, self.gather.next_deadline(), answer].into_iter().flatten().min()
    }

    /// Ends as if killed.
    pub fn end(self, files: &mut Files, pipes: &mut Pipes) {
        files.tree.inotify = None;
        for pipe in self.connections.into_iter().chain(self.waiting_to_connect) {
            pipes.close(pipe, End::Server);
        }
    }

    /// Does what there is to do, in the order of the real host's `turn`; gives whether there was anything.
    pub fn turn(&mut self, world: &mut World<'_>) -> bool {
        let mut did = self.read_kernel(world);
        did |= self.settle(world);
        did |= self.accept(world);
        did |= self.read(world);
        if self.core.next_deadline().is_some_and(|deadline| deadline.at <= world.now) {
            self.core.handle_time(world.now);
            did = true;
        }
        did |= self.answer(world);
        did |= self.settle(world);
        did |= self.close(world);
        did | self.send(world)
    }

    /// Reads the kernel's queue if its time has come.
    fn read_kernel(&mut self, world: &mut World<'_>) -> bool {
        let now = world.now;
        let is_silent = world.files.tree.inotify.as_ref().is_none_or(Inotify::is_empty);
        let hears = world.faults.deaf_until.is_none_or(|until| until <= now);
        if self.gather.is_resting() && hears && !is_silent {
            self.gather.handle_ready();
        }
        if !self.gather.is_due(now) {
            return false;
        }
        let count = self.drain(world);
        self.gather.handle_read(now, count);
        true
    }

    /// Hands in all that the kernel has noticed by now; gives how much that was.
    fn drain(&mut self, world: &mut World<'_>) -> usize {
        let mut system = System { files: world.files, caller: self.caller };
        let drained = self.backend.drain(&mut system, |notice| self.core.handle_notice(world.now, notice));
        drained.expect("because the queue is in memory")
    }

    /// Carries out effects and what comes of them.
    fn settle(&mut self, world: &mut World<'_>) -> bool {
        if self.effects.0 != world.now {
            self.effects = (world.now, 0);
        }
        let before = self.effects.1;
        while self.effects.1 < EFFECTS_MAX
            && let Some(effect) = self.core.poll_effect()
        {
            self.effects.1 += 1;
            for operation in world.faults.on_effect() {
                // What cannot be done any more is not done.
                let _ = world.files.perform(&operation);
            }
            self.carry_out(world, effect);
        }
        self.effects.1 > before || self.effects.1 == EFFECTS_MAX
    }

    fn carry_out(&mut self, world: &mut World<'_>, effect: Effect) {
        let mut system = System { files: world.files, caller: self.caller };
        match effect {
            Effect::Arm { id, directory, level } => {
                let answer = match world.faults.on_arm(&directory) {
                    Some(refusal) => {
                        self.backend.disarm(&mut system, id);
                        Err(refusal)
                    }
                    None => self.backend.arm(&mut system, id, &directory, level),
                };
                self.core.handle_armed(id, answer);
            }
            Effect::Disarm { id } => self.backend.disarm(&mut system, id),
            Effect::Forget { id } => {
                let is_wanted = |key: &(Time, ScanId), answer: &mut Answer| {
                    key.1 != id || matches!(answer, Answer::Known(_))
                };
                self.underway.retain(is_wanted);
            }
            Effect::Glance { id, request } => {
                let mut eyes = Eyes::new(world.files, self.caller, &[]);
                let doubts = glance(&mut eyes, &request, &self.mounts);
                self.core.handle_glance(id, &doubts);
            }
            Effect::Scan { id, request } => {
                self.scan(world, id, request);
            }
        }
    }

    fn scan(&mut self, world: &mut World<'_>, id: ScanId, request: ScanRequest) {
        let path = request.path.clone();
        let mut has_failed = false;
        let scan = match world.faults.on_scan() {
            None => self.look(world, &request, &[]),
            Some(ScanFault::Meanwhile(operations)) => self.look(world, &request, &operations),
            Some(ScanFault::Fails(why)) => {
                has_failed = true;
                let Scan { hinges, found } = self.look(world, &request, &[]);
                let found = match found {
                    Found::Directory { real, stamp, .. } => {
                        Found::Directory { real, stamp, entries: Entries::Unlisted(why) }
                    }
                    Found::Missing | Found::Unknown(_) | Found::File(_) => Found::Unknown(why),
                };
                Scan { hinges, found }
            }
            Some(ScanFault::Slow { takes, looks_late }) => {
                world.files.tree.journal_mut().has_slow_scans = true;
                let answer = match looks_late {
                    true => Answer::StillToLook(request),
                    false => Answer::Known(self.look(world, &request, &[])),
                };
                self.underway.insert((world.now + takes, id), answer);
                return;
            }
        };
        world.files.tree.journal_mut().handle_scan(&path, has_failed);
        self.drain(world);
        self.core.handle_scan(world.now, id, scan);
    }

    /// Makes a scan. When half of a directory's names are read, `meanwhile` is done.
    fn look(&self, world: &mut World<'_>, request: &ScanRequest, meanwhile: &[FileOperation]) -> Scan {
        let mut eyes = Eyes::new(world.files, self.caller, meanwhile);
        scan(&mut eyes, request, &self.mounts, &Lane::LONG).expect("because no mount is remote")
    }

    /// Hands in the answers of scans that took long.
    fn answer(&mut self, world: &mut World<'_>) -> bool {
        let mut did = false;
        while self.underway.keys().next().is_some_and(|(at, _)| *at <= world.now) {
            let Some(((_, id), answer)) = self.underway.pop_first() else { break };
            let found = match answer {
                Answer::Known(scan) => scan,
                Answer::StillToLook(request) => self.look(world, &request, &[]),
            };
            self.drain(world);
            self.core.handle_scan(world.now, id, found);
            did = true;
        }
        did
    }

    fn accept(&mut self, world: &mut World<'_>) -> bool {
        let pipes = std::mem::take(&mut self.waiting_to_connect);
        for pipe in &pipes {
            self.connections.insert(*pipe);
            self.core.handle_connection(world.now, SessionId(pipe.0), Peer { uid: UID, pid: 1 });
        }
        !pipes.is_empty()
    }

    /// Reads once from each connection that has sent something.
    fn read(&mut self, world: &mut World<'_>) -> bool {
        let mut did = false;
        let mut bytes = Vec::new();
        for pipe in self.connections.clone() {
            let session = SessionId(pipe.0);
            if !self.core.accepts_bytes(session) {
                continue;
            }
            match world.pipes.read(pipe, End::Server, READ_MAX, &mut bytes) {
                Transfer::Blocked => continue,
                Transfer::Bytes(_) => {
                    self.drain(world);
                    self.core.handle_bytes(world.now, session, &bytes);
                }
                Transfer::Ended => self.hang_up(world, pipe),
            }
            did = true;
        }
        did
    }

    /// Gives each connection as much as it takes of what there is for it.
    fn send(&mut self, world: &mut World<'_>) -> bool {
        let mut did = false;
        while self.core.poll_send().is_some() {}
        for pipe in self.connections.clone() {
            loop {
                let bytes = self.core.transmit(SessionId(pipe.0));
                if bytes.is_empty() {
                    break;
                }
                match world.pipes.write(pipe, End::Server, bytes) {
                    Transfer::Bytes(count) => self.core.sent(SessionId(pipe.0), count),
                    Transfer::Blocked => break,
                    Transfer::Ended => {
                        self.hang_up(world, pipe);
                        did = true;
                        break;
                    }
                }
                did = true;
            }
        }
        did
    }

    fn hang_up(&mut self, world: &mut World<'_>, pipe: PipeId) {
        self.core.handle_hangup(world.now, SessionId(pipe.0));
        self.disconnect(world, pipe);
    }

    fn close(&mut self, world: &mut World<'_>) -> bool {
        let mut did = false;
        while let Some(session) = self.core.poll_refuse() {
            world.pipes.write(PipeId(session.0), End::Server, &[FULL]);
        }
        while let Some(session) = self.core.poll_close() {
            self.disconnect(world, PipeId(session.0));
            did = true;
        }
        did
    }

    fn disconnect(&mut self, world: &mut World<'_>, pipe: PipeId) {
        if self.connections.remove(&pipe) {
            world.pipes.close(pipe, End::Server);
        }
    }
}
