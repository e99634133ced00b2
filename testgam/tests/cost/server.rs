//! A server without a socket over simulated files: the driver that ships, with every call counted that it makes.

use std::cell::Cell;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use gamin_backend::{Access, Extent, FileError, Files, Kernel, Lane, Mounts, Number, Record};
use gamin_core::config::{Policy, Rules};
use gamin_core::engine::{self, FileType, Level, Name, Names, Refusal, ScanRequest, Stamp, Time, TreePath};
use gamin_core::{BYTES_MAX, Config, Core, Driver, Message, Peer, SessionId, System, WorkerId, Workers};
use gamin_protocol::{CREDENTIAL, Kind, MonitorOptions, Request};
use testgam_language::action::FileOperation;
use testgam_worlds::sim;
use testgam_worlds::sim::kernel::Eyes;
use testgam_worlds::sim::notifier::{self, Notifier};
use testgam_worlds::sim::tree::Caller;

use crate::book::{self, Cost, uncounted};

/// How many calls were made.
type Calls = Rc<Cell<u64>>;

/// A server, its only client, and the files.
pub struct Server {
    driver: Driver,
    files: sim::files::Files,
    faults: sim::faults::Faults,
    workers: sim::workers::Workers,
    now: Time,
    calls: Calls,
    session: SessionId,
}

impl Server {
    /// A server that nobody has connected to yet, over an empty directory.
    pub fn new() -> Server {
        let mut files = sim::files::Files::new();
        files.tree.notifier = Some(Notifier::new(notifier::NotifierKind::Inotify));
        let policy = Policy::new(Rules::read([], None).0);
        let engine =
            engine::Config { policy: Arc::new(policy.clone()), poll_interval: Duration::from_secs(1) };
        let config = Config { engine, uid: 0, idle_max: None, settings: Vec::new(), ready_max: BYTES_MAX };
        Server {
            driver: Driver::new(Core::new(Time::default(), config), policy),
            files,
            faults: sim::faults::Faults::default(),
            workers: sim::workers::Workers::default(),
            now: Time::default(),
            calls: Calls::default(),
            session: SessionId(0),
        }
    }

    /// A path as a client says it.
    pub fn spell(&self, path: &Path) -> PathBuf {
        self.files.spell(path)
    }

    /// Changes files. What is to be done is said by a function, for to say it takes memory too.
    pub fn perform(&mut self, operation: impl FnOnce() -> FileOperation) {
        uncounted(|| self.files.perform(&operation())).expect("because nothing is in its way");
    }

    /// Changes files, if that can be.
    pub fn try_perform(&mut self, operation: impl FnOnce() -> FileOperation) {
        // As said above.
        let _ = uncounted(|| self.files.perform(&operation()));
    }

    /// Counts what the server does.
    pub fn count(&mut self, act: impl FnOnce(&mut Server)) -> Cost {
        let before = self.calls.get();
        let cost = book::count(|| act(self));
        Cost { calls: self.calls.get() - before, ..cost }
    }

    /// Has a client watch directories.
    pub fn register(&mut self, directories: &[PathBuf]) {
        self.ask(directories, MonitorOptions::NO_EXISTS);
    }

    /// Has a client watch directories, and be told what is in them.
    pub fn register_and_list(&mut self, directories: &[PathBuf]) {
        self.ask(directories, MonitorOptions::NONE);
    }

    fn ask(&mut self, directories: &[PathBuf], options: MonitorOptions) {
        self.session = SessionId(self.session.0 + 1);
        self.driver.core_mut().handle_connection(self.now, self.session, Peer { uid: 0, pid: 1 });
        let bytes = uncounted(|| {
            let mut bytes = vec![CREDENTIAL];
            for (seq, directory) in (1..).zip(directories) {
                let path = directory.as_os_str().as_bytes().to_vec();
                let request = Request::Monitor { seq, kind: Kind::Directory, options, path };
                request.encode(&mut bytes).expect("because it fits in a packet");
            }
            bytes
        });
        for piece in bytes.chunks(64 * 1024) {
            let session = self.session;
            self.with_system(|driver, system, now| driver.handle_bytes(system, now, session, piece));
            self.turn();
        }
        uncounted(|| drop(bytes));
        self.pass(Duration::from_millis(100));
    }

    /// Has the client go.
    pub fn hang_up(&mut self) {
        self.driver.core_mut().handle_hangup(self.now, self.session);
        self.turn();
    }

    /// Lets time pass, and the server do in it what it does.
    pub fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        self.turn();
        loop {
            let next = self.driver.next_deadline().into_iter().chain(self.workers.next_message()).min();
            let next = next.filter(|at| *at < end).unwrap_or(end).max(self.now);
            uncounted(|| self.files.tree.advance(next.since(self.now)));
            self.now = next;
            self.turn();
            if next == end {
                return;
            }
        }
    }

    /// Does what there is to do, in the order of the host that ships, but for sockets and settings.
    fn turn(&mut self) {
        if self.driver.gather().is_resting()
            && !self.files.tree.notifier.as_ref().is_none_or(Notifier::is_empty)
        {
            self.driver.gather_mut().handle_ready(self.now);
        }
        self.with_system(|driver, system, now| {
            driver.read_kernel(system, now).expect("because the queue is in memory");
        });
        self.settle();
        while let Some(message) = self.with_system(|_, system, _| system.message()) {
            self.with_system(|driver, system, now| driver.handle_message(system, now, message));
        }
        self.with_system(|driver, system, now| driver.handle_time(system, now));
        self.settle();
        let core = self.driver.core_mut();
        while core.poll_send().is_some() {}
        loop {
            let ready = core.transmit(self.session).len();
            if ready == 0 {
                break;
            }
            core.sent(self.session, ready);
        }
    }

    fn settle(&mut self) {
        while let Some(effect) = self.with_system(|driver, system, now| driver.poll_effect(system, now)) {
            self.with_system(|driver, system, now| driver.carry_out(system, now, effect));
        }
    }

    fn with_system<T>(&mut self, act: impl FnOnce(&mut Driver, &mut Counted<'_>, Time) -> T) -> T {
        let Server { driver, files, faults, workers, now, calls, .. } = self;
        let system = sim::kernel::System { now: *now, files, faults, workers, caller: Caller::Root };
        act(driver, &mut Counted { system, calls: calls.clone() }, *now)
    }
}

/// A system, and how many calls were made of it. Of what the simulation allocates, names, targets and workers count, as they would be kept by a
/// real one too.
struct Counted<'a> {
    system: sim::kernel::System<'a>,
    calls: Calls,
}

impl Counted<'_> {
    fn call(&self) {
        self.calls.set(self.calls.get() + 1);
    }

    fn message(&mut self) -> Option<Message> {
        self.system.message()
    }
}

impl Kernel for Counted<'_> {
    type Files<'b>
        = CountedFiles<'b>
    where
        Self: 'b;

    fn files(&mut self) -> CountedFiles<'_> {
        CountedFiles { eyes: self.system.files(), calls: self.calls.clone() }
    }

    fn watch(&mut self, directory: &TreePath, level: Level, extent: Extent) -> Result<Number, Refusal> {
        self.call();
        uncounted(|| self.system.watch(directory, level, extent))
    }

    fn unwatch(&mut self, watch: Number) {
        self.call();
        uncounted(|| self.system.unwatch(watch));
    }

    fn read(&mut self, records: &mut Vec<Record>) -> io::Result<bool> {
        self.call();
        let mut read = Vec::new();
        let more = uncounted(|| self.system.read(&mut read));
        records.extend(read.iter().cloned());
        uncounted(|| drop(read));
        more
    }
}

impl Workers for Counted<'_> {
    fn start(&mut self, lane: &Lane) -> io::Result<Option<WorkerId>> {
        self.call();
        self.system.start(lane)
    }

    fn order(&mut self, worker: WorkerId, request: &ScanRequest, mounts: &Arc<Mounts>) {
        self.call();
        self.system.order(worker, request, mounts);
    }

    fn dismiss(&mut self, worker: WorkerId) {
        self.call();
        self.system.dismiss(worker);
    }
}

impl System for Counted<'_> {
    fn remounted(&mut self, may_have_moved: bool) -> Option<Arc<Mounts>> {
        self.call();
        self.system.remounted(may_have_moved)
    }
}

/// A look at the files, every call of it counted.
struct CountedFiles<'a> {
    eyes: Eyes<'a>,
    calls: Calls,
}

impl<'a> CountedFiles<'a> {
    fn eyes(&mut self) -> &mut Eyes<'a> {
        self.calls.set(self.calls.get() + 1);
        &mut self.eyes
    }
}

impl<'a> Files for CountedFiles<'a> {
    type Status = <Eyes<'a> as Files>::Status;
    type Directory = <Eyes<'a> as Files>::Directory;

    fn look(&mut self, path: &[u8]) -> Result<Self::Status, FileError> {
        let eyes = self.eyes();
        uncounted(|| eyes.look(path))
    }

    fn target(&mut self, link: &TreePath) -> Result<Vec<u8>, FileError> {
        self.eyes().target(link)
    }

    fn open(&mut self, directory: &TreePath, access: Access) -> Result<Self::Directory, FileError> {
        let eyes = self.eyes();
        uncounted(|| eyes.open(directory, access))
    }

    fn look_at(&mut self, open: &Self::Directory) -> Result<Self::Status, FileError> {
        let eyes = self.eyes();
        uncounted(|| eyes.look_at(open))
    }

    fn look_in(&mut self, open: &Self::Directory, name: &Name) -> Result<Self::Status, FileError> {
        let eyes = self.eyes();
        uncounted(|| eyes.look_in(open, name))
    }

    fn names(&mut self, open: &mut Self::Directory, max: usize) -> Result<Names, FileError> {
        self.eyes().names(open, max)
    }

    fn keeps_times(&mut self, open: &Self::Directory) -> bool {
        self.eyes().keeps_times(open)
    }

    fn file_type(status: &Self::Status) -> FileType {
        Eyes::file_type(status)
    }

    fn stamp(&mut self, status: &Self::Status, directory: &[u8]) -> Stamp {
        self.eyes.stamp(status, directory)
    }
}
