//! The simulated world: engine, sessions and client connections, joined over files in memory and a virtual clock.
//!
//! [`tree`] is the file system and [`notifier`] what it tells, each as Linux has it; [`kernel`] is how the backend asks
//! them, [`host`] the server around its core, [`client`] the library around its state, [`pipe`] what lies between them. [`faults`] are
//! the things that can go wrong, and [`world`] is all of it as scenarios see it. Here they are put together, and time passes.
//! Invariants: nothing in here is read from the machine it runs on, so the same steps give the same history everywhere; time
//! passes only where it is said so, and costs nothing.

mod checks;
pub mod client;
mod clients;
pub mod faults;
pub mod files;
pub mod host;
pub mod journal;
pub mod kernel;
pub mod notifier;
pub mod pipe;
mod rest;
pub mod tree;
mod witness;
pub mod workers;
pub mod world;

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use gamin::Error;
use gamin_core::engine::{Time, TreePath};

use crate::check::{Checker, Complaint};
use client::{ClientId, SimClient};
use faults::Faults;
use files::Files;
use host::{Host, Setup};
use notifier::Notifier;
use pipe::Pipes;
use testgam_language::action::{Fault, Gaminrc};
use witness::Witness;

/// How long an operation takes: enough for times to differ, little enough for a burst to be one.
pub const OPERATION_TIME: Duration = Duration::from_micros(20);
/// How often the server may have something to do without time passing, until it counts as running in circles.
const TURNS_MAX: usize = 100_000;

/// Why a simulated world does not go on.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// The server finds something to do for ever.
    #[error("the server does not come to rest after {TURNS_MAX} turns")]
    Restless,
    /// The barrier was not answered in time.
    #[error("waited {0:?} for the server to report everything")]
    Unanswered(Duration),
    /// There is no server, and none is started.
    #[error("there is no server")]
    NoServer,
    /// A client that has disconnected is asked for something.
    #[error("not connected")]
    Disconnected,
    /// The client library refuses.
    #[error(transparent)]
    Client(#[from] Error),
}

/// A world.
#[derive(Debug)]
pub struct Sim {
    now: Time,
    /// The files.
    pub files: Files,
    /// How each server is set up.
    pub setup: Setup,
    /// Whether a client that needs a server starts one.
    pub starts_on_demand: bool,
    pipes: Pipes,
    faults: Faults,
    server: Option<Host>,
    is_stopped: bool,
    /// Whether the server has still to learn of its configuration, or of what is mounted.
    has_new_surroundings: bool,
    clients: Vec<Option<SimClient>>,
    witness: Witness<ClientId>,
    complaint: Option<Complaint>,
}

/// Time.
impl Sim {
    /// A world with a scenario's directory in it, no server and no client.
    pub fn new() -> Sim {
        Sim {
            now: Time::default(),
            files: Files::new(),
            setup: Setup::default(),
            starts_on_demand: true,
            pipes: Pipes::new(),
            faults: Faults::default(),
            server: None,
            is_stopped: false,
            has_new_surroundings: false,
            clients: Vec::new(),
            witness: Witness::default(),
            complaint: None,
        }
    }

    /// The time since the world began.
    pub fn now(&self) -> Time {
        self.now
    }

    /// Has the server do what there is to do at this moment.
    ///
    /// # Errors
    /// [`SimError::Restless`].
    pub fn run_until_quiet(&mut self) -> Result<(), SimError> {
        for _ in 0..TURNS_MAX {
            if !self.turn() {
                self.check_rest();
                return Ok(());
            }
        }
        Err(self.restless())
    }

    fn restless(&mut self) -> SimError {
        self.note(Err(Complaint::new(Checker::AtRest, SimError::Restless.to_string())));
        SimError::Restless
    }

    /// Lets time pass, and the server do in it what it does.
    ///
    /// # Errors
    /// [`SimError::Restless`].
    pub fn advance(&mut self, time: Duration) -> Result<(), SimError> {
        let end = self.now + time;
        self.run_until_quiet()?;
        while self.step(None, end) {
            self.run_until_quiet()?;
        }
        self.run_until_quiet()
    }

    /// Lets time pass in which the server does not come to do anything.
    pub fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        self.files.tree.advance(time);
        self.files.tree.journal_mut().time = self.now.0;
    }

    /// When the server has something to do, if nothing happens before.
    pub fn next_deadline(&self) -> Option<Time> {
        let server = self.server.as_ref().filter(|_| !self.is_stopped)?;
        let has_notices = self.files.tree.notifier.as_ref().is_some_and(|notifier| !notifier.is_empty());
        let heard = self.faults.deaf_until.filter(|at| has_notices && *at > self.now);
        server.next_deadline().into_iter().chain(heard).min()
    }

    /// Lets time pass until the server, or the client that waits, has something to do, but not beyond `end`; gives
    /// whether it has.
    fn step(&mut self, waiting: Option<ClientId>, end: Time) -> bool {
        let client = waiting.and_then(|id| self.clients.get(id.0)?.as_ref()?.next_attempt());
        let next = self.next_deadline().into_iter().chain(client).min().filter(|at| *at <= end);
        let until = next.unwrap_or(end);
        self.pass(until.since(self.now));
        next.is_some()
    }

    fn turn(&mut self) -> bool {
        let Some(server) = self.server.as_mut().filter(|_| !self.is_stopped) else { return false };
        let (now, files, pipes, faults) = (self.now, &mut self.files, &mut self.pipes, &mut self.faults);
        let mut world = host::World { now, files, pipes, faults };
        if std::mem::take(&mut self.has_new_surroundings) {
            self.setup.mounts = world.files.tree.mount_table();
            server.handle_surroundings(&mut world, &self.setup);
        }
        let did = server.turn(&mut world);
        if server.is_finished() {
            self.kill();
        }
        self.check_trespass();
        did
    }
}

/// The server.
impl Sim {
    /// The server, if one runs.
    pub fn server(&self) -> Option<&Host> {
        self.server.as_ref()
    }

    /// Starts a server, if none runs.
    pub fn start(&mut self) {
        if self.server.is_none() {
            self.is_stopped = false;
            self.has_new_surroundings = false;
            self.setup.mounts = self.files.tree.mount_table();
            self.server = Some(Host::new(self.now, &self.setup, &mut self.files));
        }
    }

    /// Adds a line to a configuration file.
    pub fn configure(&mut self, whose: Gaminrc, line: &[u8]) {
        let text = self.setup.gaminrc.entry(whose).or_default();
        text.extend_from_slice(line);
        text.push(b'\n');
        self.has_new_surroundings = true;
    }

    /// Kills the server; gives whether there was one.
    pub fn kill(&mut self) -> bool {
        self.is_stopped = false;
        let server = self.server.take();
        let was_there = server.is_some();
        if let Some(server) = server {
            server.end(&mut self.files, &mut self.pipes);
        }
        was_there
    }

    /// Has the server do nothing from now on, or go on.
    pub fn stop(&mut self, is_stopped: bool) {
        self.is_stopped = is_stopped;
    }

    /// How many connections there are.
    pub fn connections(&self) -> usize {
        self.pipes.count()
    }
}

/// Faults.
impl Sim {
    /// Has something go wrong.
    ///
    /// # Errors
    /// The system's, for what changes files.
    pub fn inflict(&mut self, fault: &Fault) -> io::Result<()> {
        match fault {
            Fault::Delay(time) => self.faults.deaf_until = Some(self.now + *time),
            Fault::QueueMax(count) => {
                self.setup.queue_max = *count;
                self.with_notifier(|notifier| notifier.queue_max = *count);
            }
            Fault::WatchesMax(count) => {
                self.setup.watches_max = *count;
                self.with_notifier(|notifier| notifier.watches_max = *count);
            }
            Fault::Refuse { directory, times, refusal } => {
                let path = directory.as_ref().map(|path| self.files.spell(path));
                let path = path.and_then(|path| TreePath::new(path.as_os_str().as_bytes()));
                self.faults.refuse(path, *times, *refusal);
            }
            Fault::Scan(fault) => self.faults.spoil_scan(fault.clone()),
            Fault::Between { effects, operations } => self.faults.interrupt(*effects, operations.clone()),
            Fault::Capacity(bytes) => self.pipes.capacity = *bytes,
            Fault::Outbox(bytes) => self.setup.ready_max = *bytes,
            Fault::ClockJump(by_ms) => self.files.tree.set_wall(by_ms.saturating_mul(1_000_000)),
            Fault::CoarseClock(tick) => self.files.tree.set_coarse_clock(*tick),
            Fault::Mount { directory, file_system } => {
                // Whoever looks later than he was told what is mounted has looked by then.
                let (now, files, pipes, faults) =
                    (self.now, &mut self.files, &mut self.pipes, &mut self.faults);
                if let Some(server) = &mut self.server {
                    server.hasten(&mut host::World { now, files, pipes, faults });
                }
                self.files.tree.mount(self.spelled(directory).as_bytes(), file_system)?;
                self.remount();
            }
            Fault::Unmount(directory) => {
                self.files.tree.unmount(self.spelled(directory).as_bytes())?;
                self.remount();
            }
            Fault::Hang(directory) => self.files.tree.hang(self.spelled(directory).as_bytes(), true)?,
            Fault::Answer(directory) => self.files.tree.hang(self.spelled(directory).as_bytes(), false)?,
        }
        Ok(())
    }

    fn spelled(&self, path: &Path) -> OsString {
        self.files.spell(path).into_os_string()
    }

    /// Has the server read what is mounted by now.
    fn remount(&mut self) {
        self.has_new_surroundings = true;
    }

    /// Has everything go right from now on: lasting faults end, waiting ones are forgotten, and a server runs. What was
    /// lost stays lost.
    pub fn heal(&mut self) {
        self.faults = Faults::default();
        self.files.tree.answer();
        let healthy = Setup::default();
        for fault in [Fault::QueueMax(healthy.queue_max), Fault::WatchesMax(healthy.watches_max)] {
            self.inflict(&fault).expect("because it changes no files");
        }
        self.pipes.heal();
        self.stop(false);
        self.start();
    }

    /// Has a client's socket take so many bytes more from the server, or again as many as it has room for.
    pub fn limit(&mut self, id: ClientId, bytes: Option<usize>) {
        if let Some(pipe) = self.clients.get(id.0).and_then(|client| client.as_ref()?.pipe) {
            self.pipes.limit(pipe, bytes);
        }
    }

    /// Whether no fault waits for something to go wrong.
    pub fn is_healthy(&self) -> bool {
        self.faults.is_empty()
    }

    fn with_notifier(&mut self, change: impl FnOnce(&mut Notifier)) {
        if let Some(notifier) = &mut self.files.tree.notifier {
            change(notifier);
        }
    }
}

impl Default for Sim {
    fn default() -> Sim {
        Sim::new()
    }
}
