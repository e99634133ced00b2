//! The host of a server in a simulated world: as `gamin_server`'s own, with [`Pipes`] in place of sockets and a virtual clock.
//!
//! What it all means is left to the core, in which order effects and answers follow each other to the driver: both are those that
//! ship. When time passes is left to the [`Sim`](super::Sim), what lies under it to [`System`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use gamin_core::config::{Mounts, Policy, Rules, Text};
use gamin_core::engine::{self, Time};
use gamin_core::{BYTES_MAX, Config, Core, Driver, FULL, Peer, SessionId};

use super::faults::Faults;
use super::files::Files;
use super::kernel::System;
use super::notifier::{Notifier, NotifierKind};
use super::pipe::{End, PipeId, Pipes, Transfer};
use super::tree::Caller;
use super::workers::Workers;
use testgam_language::action::Gaminrc;

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
    /// Who tells of changes otherwise.
    pub notifier: NotifierKind,
    /// How long after a rescan a path is looked at again where the kernel refuses.
    pub poll_interval: Duration,
    /// What is in the configuration files.
    pub gaminrc: BTreeMap<Gaminrc, Vec<u8>>,
    /// The table of what is mounted, as it was last read.
    pub mounts: Vec<u8>,
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
            notifier: NotifierKind::Inotify,
            poll_interval: Duration::from_secs(1),
            gaminrc: BTreeMap::new(),
            mounts: Vec::new(),
            idle_max: Some(Duration::from_secs(30)),
            caller: Caller::Root,
            watches_max: usize::MAX,
            queue_max: super::notifier::QUEUE_MAX,
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
        let mounts = Arc::new(Mounts::parse(&self.mounts));
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
    driver: Driver,
    workers: Workers,
    caller: Caller,
    /// How many effects were carried out at this time.
    effects: (Time, usize),
    waiting_to_connect: Vec<PipeId>,
    connections: BTreeSet<PipeId>,
}

impl Host {
    /// Starts a server.
    pub fn new(now: Time, setup: &Setup, files: &mut Files) -> Host {
        files.tree.journal_mut().handle_new_server(setup.caller);
        let notifier = files.tree.notifier.insert(Notifier::new(setup.notifier));
        (notifier.watches_max, notifier.queue_max) = (setup.watches_max, setup.queue_max);
        let policy = setup.policy();
        let engine = engine::Config { policy: Arc::new(policy.clone()), poll_interval: setup.poll_interval };
        let Setup { idle_max, ready_max, .. } = *setup;
        let config = Config { engine, uid: UID, idle_max, settings: Vec::new(), ready_max };
        Host {
            driver: Driver::new(Core::new(now, config), policy),
            workers: Workers::default(),
            caller: setup.caller,
            effects: (now, 0),
            waiting_to_connect: Vec::new(),
            connections: BTreeSet::new(),
        }
    }

    /// Takes a connection, which is accepted in the next turn.
    pub fn connect(&mut self, pipe: PipeId) {
        self.waiting_to_connect.push(pipe);
    }

    /// Whether it is to end, since nobody has needed it for long.
    pub fn is_finished(&self) -> bool {
        self.driver.core().is_finished()
    }

    /// Takes the configuration and the mounts as they are by now.
    pub fn handle_surroundings(&mut self, world: &mut World<'_>, setup: &Setup) {
        if let Some(notifier) = &mut world.files.tree.notifier {
            notifier.handle_mounts();
        }
        self.with_system(world, |driver, system, now| driver.handle_policy(system, now, setup.policy()));
    }

    /// Has the scans that take long look now.
    pub fn hasten(&mut self, world: &mut World<'_>) {
        self.with_system(world, |_, system, _| system.hasten());
    }

    /// How many kernel watches it holds.
    pub fn watches(&self) -> usize {
        self.driver.watches()
    }

    /// How many askings of the kernel are in force.
    pub fn armings(&self) -> usize {
        self.driver.armings()
    }

    /// The connections that it has accepted.
    pub fn connections(&self) -> impl Iterator<Item = PipeId> {
        self.connections.iter().copied()
    }

    /// Whether a scan is under way that takes long, but does not hang.
    pub fn has_slow_scans(&self) -> bool {
        self.workers.next_message().is_some()
    }

    /// The core.
    pub fn core(&self) -> &Core {
        self.driver.core()
    }

    /// When it has something to do, if nothing happens before.
    pub fn next_deadline(&self) -> Option<Time> {
        self.driver.next_deadline().into_iter().chain(self.workers.next_message()).min()
    }

    /// Ends as if killed.
    pub fn end(self, files: &mut Files, pipes: &mut Pipes) {
        files.tree.notifier = None;
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
        did |= self.take_words(world);
        did |= self.with_system(world, |driver, system, now| driver.handle_time(system, now));
        did |= self.settle(world);
        did |= self.close(world);
        did | self.send(world)
    }

    /// Lends the driver the system that is under it.
    fn with_system<T>(
        &mut self,
        world: &mut World<'_>,
        act: impl FnOnce(&mut Driver, &mut System<'_>, Time) -> T,
    ) -> T {
        let World { now, files, faults, .. } = world;
        let (workers, caller) = (&mut self.workers, self.caller);
        act(&mut self.driver, &mut System { now: *now, files, faults, workers, caller }, *now)
    }

    /// Reads the kernel's queue if its time has come.
    fn read_kernel(&mut self, world: &mut World<'_>) -> bool {
        let is_silent = world.files.tree.notifier.as_ref().is_none_or(Notifier::is_empty);
        let hears = world.faults.deaf_until.is_none_or(|until| until <= world.now);
        if self.driver.gather().is_resting() && hears && !is_silent {
            self.driver.gather_mut().handle_ready(world.now);
        }
        let read = self.with_system(world, |driver, system, now| driver.read_kernel(system, now));
        read.expect("because the queue is in memory").is_some()
    }

    /// Carries out effects and what comes of them.
    fn settle(&mut self, world: &mut World<'_>) -> bool {
        if self.effects.0 != world.now {
            self.effects = (world.now, 0);
        }
        let before = self.effects.1;
        while self.effects.1 < EFFECTS_MAX
            && let Some(effect) =
                self.with_system(world, |driver, system, now| driver.poll_effect(system, now))
        {
            self.effects.1 += 1;
            for operation in world.faults.on_effect() {
                // What cannot be done any more is not done.
                let _ = world.files.perform(&operation);
            }
            self.with_system(world, |driver, system, now| driver.carry_out(system, now, effect));
        }
        self.effects.1 > before || self.effects.1 == EFFECTS_MAX
    }

    /// Hands in the answers of scans that took long.
    fn take_words(&mut self, world: &mut World<'_>) -> bool {
        let mut did = false;
        while let Some(message) = self.with_system(world, |_, system, _| system.message()) {
            self.with_system(world, |driver, system, now| driver.handle_message(system, now, message));
            did = true;
        }
        did
    }

    fn accept(&mut self, world: &mut World<'_>) -> bool {
        let pipes = std::mem::take(&mut self.waiting_to_connect);
        for pipe in &pipes {
            self.connections.insert(*pipe);
            self.driver.core_mut().handle_connection(world.now, SessionId(pipe.0), Peer { uid: UID, pid: 1 });
        }
        !pipes.is_empty()
    }

    /// Reads once from each connection that has sent something.
    fn read(&mut self, world: &mut World<'_>) -> bool {
        let mut did = false;
        let mut bytes = Vec::new();
        for pipe in self.connections.clone() {
            let session = SessionId(pipe.0);
            if !self.driver.core().accepts_bytes(session) {
                continue;
            }
            match world.pipes.read(pipe, End::Server, READ_MAX, &mut bytes) {
                Transfer::Blocked => continue,
                Transfer::Bytes(_) => {
                    self.with_system(world, |driver, system, now| {
                        driver.handle_bytes(system, now, session, &bytes);
                    });
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
        while self.driver.core_mut().poll_send().is_some() {}
        for pipe in self.connections.clone() {
            loop {
                let bytes = self.driver.core().transmit(SessionId(pipe.0));
                if bytes.is_empty() {
                    break;
                }
                match world.pipes.write(pipe, End::Server, bytes) {
                    Transfer::Bytes(count) => self.driver.core_mut().sent(SessionId(pipe.0), count),
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
        self.driver.core_mut().handle_hangup(world.now, SessionId(pipe.0));
        self.disconnect(world, pipe);
    }

    fn close(&mut self, world: &mut World<'_>) -> bool {
        let mut did = false;
        while let Some(session) = self.driver.core_mut().poll_refuse() {
            world.pipes.write(PipeId(session.0), End::Server, &[FULL]);
        }
        while let Some(session) = self.driver.core_mut().poll_close() {
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
