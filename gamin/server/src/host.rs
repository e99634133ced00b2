//! The host of a core on a real system: sockets, the kernel, the clock and signals in one event loop.
//!
//! What the loop finds ready is only noted; [`Host::turn`] then does everything in a fixed order. What it means
//! is left to the core, how sockets are made and accepted to `socket`, when the kernel's queue is read to
//! `kernel`, what has to be scanned away from the loop to `lanes`.
//! Invariants: the kernel's queue is drained before a client's bytes are handled and before the answer of a scan is
//! handed in, so that what happened before a request is told before its answer, and a scan of what moved meanwhile is
//! made again. Nothing but a local file system can block. Per turn, nobody takes more than a bounded share. Without
//! work, nothing wakes.

mod sources;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use calloop::generic::Generic;
use calloop::{Dispatcher, EventLoop, Interest, LoopHandle, Mode, PostAction, Readiness, RegistrationToken};
use gamin_backend::{Lane, glance, scan};
use gamin_engine::{Effect, Refusal, Scan, Time};
use gamin_linux::{Disk, MountTable};
use gamin_trace::Traces;
use tracing::{debug, info, warn};

use crate::core::{Config, Core, NOUNS, Peer, SessionId};
use crate::kernel::Kernel;
use crate::lanes::{Job, Lanes, Word};
use crate::settings::Settings;
use crate::socket::{Accepted, Listener, refuse};
pub(crate) use sources::hold_signals;
use sources::{insert_lanes, insert_mounts, insert_signals};

/// How many bytes are read from a session before others have their turn.
const READ_MAX: usize = 64 * 1024;
/// How many connections are taken in before others have their turn.
const ACCEPT_MAX: usize = 64;
/// How long to wait when there is nothing left to take a connection in with.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long to leave the kernel alone after it gave no inotify instance.
const KERNEL_PAUSE: Duration = Duration::from_secs(5);
/// How long effects are carried out before others have their turn.
const EFFECTS_MAX: Duration = Duration::from_millis(10);

/// Serves the clients of `listener` until a signal ends it or the core is finished.
pub(crate) fn serve(
    listener: Listener,
    config: Config,
    mut settings: Settings,
    traces: Traces,
) -> Result<(), Box<dyn Error>> {
    let mut event_loop: EventLoop<'static, Host> = EventLoop::try_new()?;
    let handle = event_loop.handle();
    insert_signals(&handle, traces)?;
    let mut kernel = None;
    if !settings.policy.is_poll_only {
        kernel = Kernel::new(&handle)
            .inspect_err(|error| warn!(%error, "the kernel gives no notices for now: everything is polled"))
            .ok();
        settings.policy.is_without_kernel = kernel.is_none();
    }
    for socket in &listener.sockets {
        let socket = Generic::new(Rc::clone(socket), Interest::READ, Mode::Edge);
        handle
            .insert_source(socket, |_, _, host| {
                host.acceptable = true;
                Ok(PostAction::Continue)
            })
            .map_err(|error| error.error)?;
    }
    let table = insert_mounts(&handle).inspect_err(|error| warn!(error, "can't follow what is mounted")).ok();
    let lanes = insert_lanes(&handle)?;
    let mut host =
        Host::new(handle, listener, kernel, table, lanes, Core::new(Time::default(), config), settings);
    while !host.stopped && !host.core.is_finished() {
        let timeout = host.timeout();
        event_loop.dispatch(timeout, &mut host)?;
        host.turn();
    }
    Ok(())
}

/// Everything that the event loop's sources work on.
pub(crate) struct Host {
    core: Core,
    kernel: Option<Kernel>,
    /// When to ask again for notices of the kernel, if there are none though they are wanted.
    kernel_at: Time,
    table: Option<Rc<MountTable>>,
    /// The event loop has found that the table has changed.
    remounted: bool,
    settings: Settings,
    lanes: Lanes,
    /// What the threads of the lanes have said, and what they have to give back.
    words: Vec<Word>,
    returned: Vec<Job>,
    origin: Instant,
    handle: LoopHandle<'static, Host>,
    listener: Listener,
    /// Whether there may be connections to take in, and not before when.
    acceptable: bool,
    accept_at: Time,
    next_session: u64,
    connections: BTreeMap<SessionId, Connection>,
    /// Connections that may have bytes for us, and those that may take some that they did not take before.
    readable: BTreeSet<SessionId>,
    sendable: BTreeSet<SessionId>,
    buffer: Vec<u8>,
    /// There may be effects left to carry out, whether or not anything happens.
    unsettled: bool,
    stopped: bool,
}

struct Connection {
    /// Shared with the event loop.
    stream: Rc<UnixStream>,
    source: Dispatcher<'static, Generic<Rc<UnixStream>>, Host>,
    token: RegistrationToken,
    /// Whether the socket may take bytes. While it does not, the event loop is asked to tell when it does.
    writable: bool,
}

impl Host {
    fn new(
        handle: LoopHandle<'static, Host>,
        listener: Listener,
        kernel: Option<Kernel>,
        table: Option<Rc<MountTable>>,
        lanes: Lanes,
        core: Core,
        settings: Settings,
    ) -> Host {
        Host {
            core,
            kernel,
            kernel_at: Time::default() + KERNEL_PAUSE,
            table,
            remounted: true,
            settings,
            lanes,
            words: Vec::new(),
            returned: Vec::new(),
            origin: Instant::now(),
            handle,
            listener,
            acceptable: true,
            accept_at: Time::default(),
            next_session: 0,
            connections: BTreeMap::new(),
            readable: BTreeSet::new(),
            sendable: BTreeSet::new(),
            buffer: vec![0; READ_MAX],
            unsettled: false,
            stopped: false,
        }
    }

    /// Switches the trace to a file on or off. The file opens with all that the core says of itself.
    fn switch_trace(&self, traces: &Traces) {
        let switched = traces.switch(|out| {
            let mut facts = NOUNS.iter().flat_map(|noun| self.core.facts(self.now(), noun, 0));
            facts.try_for_each(|(_, fact)| writeln!(out, "{fact}"))
        });
        if let Err(error) = switched {
            warn!(%error, "can't trace to a file in /tmp");
        }
    }

    /// Takes the event loop's word that the kernel has noticed something.
    pub fn handle_kernel_ready(&mut self) {
        if let Some(kernel) = &mut self.kernel {
            kernel.handle_ready();
        }
    }

    fn handle_connection_ready(&mut self, id: SessionId, readiness: Readiness) {
        if readiness.readable {
            self.readable.insert(id);
        }
        if readiness.writable
            && let Some(connection) = self.connections.get_mut(&id)
        {
            connection.writable = true;
            self.sendable.insert(id);
        }
    }

    fn now(&self) -> Time {
        Time(self.origin.elapsed())
    }

    /// How long the event loop may wait; `None` until something happens.
    fn timeout(&self) -> Option<Duration> {
        let is_busy = self.unsettled || !self.returned.is_empty();
        if is_busy || self.readable.iter().any(|id| self.core.accepts_bytes(*id)) {
            return Some(Duration::ZERO);
        }
        let deadlines = [
            self.core.next_deadline().map(|deadline| deadline.at),
            self.kernel.as_ref().and_then(Kernel::next_deadline),
            self.lanes.next_deadline(),
            self.acceptable.then_some(self.accept_at),
            // Only while something is polled; otherwise nothing is missed.
            self.core
                .next_deadline()
                .filter(|_| self.settings.policy.is_without_kernel)
                .map(|_| self.kernel_at),
        ];
        let next = deadlines.into_iter().flatten().min()?;
        Some(next.since(self.now()))
    }

    /// Does what there is to do.
    fn turn(&mut self) {
        self.follow_mounts();
        self.find_kernel();
        if let Some(kernel) = &mut self.kernel {
            kernel.handle_time(Time(self.origin.elapsed()), &mut self.core);
        }
        self.settle();
        self.accept();
        self.read();
        self.core.handle_time(self.now());
        self.take_words();
        self.settle();
        self.close();
        self.send();
    }

    /// Carries out effects and what comes of them.
    fn settle(&mut self) {
        let start = self.now();
        self.unsettled = true;
        while self.now().since(start) < EFFECTS_MAX {
            self.follow_settings();
            let Some(effect) = self.core.poll_effect() else {
                self.unsettled = false;
                return;
            };
            self.carry_out(effect);
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Arm { id, directory, level } => {
                let answer = match &mut self.kernel {
                    Some(kernel) => kernel.arm(id, &directory, level),
                    None => Err(Refusal::Failed),
                };
                self.core.handle_armed(id, answer);
            }
            Effect::Disarm { id } => {
                if let Some(kernel) = &mut self.kernel {
                    kernel.disarm(id);
                }
            }
            Effect::Scan { id, request } => {
                self.follow_mounts();
                let answer = scan(&mut Disk::new(), &request, &self.settings.policy.mounts, &Lane::SHORT);
                // What it looked at may have moved meanwhile, and then is listed under a name that is no longer its own.
                self.drain_kernel();
                self.hand_in((id, request), answer);
            }
            Effect::Glance { id, request } => {
                let doubts = glance(&mut Disk::new(), &request, &self.settings.policy.mounts);
                self.core.handle_glance(id, &doubts);
            }
            Effect::Forget { id } => self.lanes.forget(id),
        }
    }

    /// Hands in what a scan has found, or has it made in the lane that it turned out to need.
    fn hand_in(&mut self, job: Job, answer: Result<Scan, Lane>) {
        let (now, id) = (self.now(), job.0);
        match answer {
            Ok(found) => self.core.handle_scan(now, id, found),
            Err(lane) => {
                if self.lanes.add(now, lane, job, &self.settings.policy.mounts) {
                    self.core.handle_overdue(id);
                }
            }
        }
    }

    /// Takes what the threads of the lanes say, and which of them do not say anything in time.
    fn take_words(&mut self) {
        for word in std::mem::take(&mut self.words) {
            self.drain_kernel();
            if let Some((job, answer)) =
                self.lanes.handle_word(self.now(), word, &self.settings.policy.mounts)
            {
                self.hand_in(job, answer);
            }
        }
        for id in self.lanes.handle_time(self.now(), &self.settings.policy.mounts) {
            self.core.handle_overdue(id);
        }
        for (id, request) in std::mem::take(&mut self.returned) {
            self.carry_out(Effect::Scan { id, request });
        }
    }

    /// Asks again for notices of the kernel, if there are none though they are wanted. What is polled for want of them goes
    /// over to the kernel.
    fn find_kernel(&mut self) {
        if !self.settings.policy.is_without_kernel || self.now() < self.kernel_at {
            return;
        }
        self.kernel_at = self.now() + KERNEL_PAUSE;
        let Ok(mut kernel) = Kernel::new(&self.handle) else { return };
        info!("the kernel gives notices again");
        kernel.set_mounts(Arc::clone(&self.settings.policy.mounts));
        self.kernel = Some(kernel);
        self.settings.policy.is_without_kernel = false;
        self.core.handle_policy(self.now(), Arc::new(self.settings.policy.clone()));
    }

    /// Takes in what is mounted by now.
    fn follow_mounts(&mut self) {
        let Some(table) = &self.table else { return };
        self.remounted |= table.is_changed();
        if !std::mem::take(&mut self.remounted) {
            return;
        }
        let before = match table.read() {
            Ok(mounts) => std::mem::replace(&mut self.settings.policy.mounts, Arc::new(mounts)),
            Err(error) => return warn!(%error, "can't read what is mounted"),
        };
        let mounts = Arc::clone(&self.settings.policy.mounts);
        let now = self.now();
        if let Some(kernel) = &mut self.kernel {
            // What was noticed of a mount that is no more was noticed before it went.
            let _ = kernel.drain(now, &mut self.core);
            kernel.set_mounts(Arc::clone(&mounts));
        }
        self.returned.extend(self.lanes.handle_mounts(&mounts));
        self.core.handle_policy(now, Arc::new(self.settings.policy.clone()));
        for point in mounts.changed_since(&before) {
            debug!(?point, "mounted or unmounted");
            self.core.handle_remount(&point);
        }
    }

    /// Takes in what the settings say by now, if they have changed.
    fn follow_settings(&mut self) {
        let mut is_changed = false;
        while let Some(path) = self.core.poll_setting() {
            self.settings.read(&path);
            is_changed = true;
        }
        if is_changed {
            self.settings.apply();
            self.core.handle_policy(self.now(), Arc::new(self.settings.policy.clone()));
        }
    }

    fn drain_kernel(&mut self) {
        self.follow_mounts();
        if let Some(kernel) = &mut self.kernel {
            // An error will show again, and be told, when the event loop has the queue read.
            let _ = kernel.drain(Time(self.origin.elapsed()), &mut self.core);
        }
    }

    fn accept(&mut self) {
        if !self.acceptable || self.now() < self.accept_at {
            return;
        }
        for _ in 0..ACCEPT_MAX {
            match self.listener.accept() {
                Accepted::Connection(stream, peer) => self.connect(stream, peer),
                Accepted::Lost => {}
                Accepted::Nothing => {
                    self.acceptable = false;
                    return;
                }
                Accepted::Exhausted => {
                    self.accept_at = self.now() + ACCEPT_PAUSE;
                    return;
                }
            }
        }
    }

    fn connect(&mut self, stream: UnixStream, peer: Peer) {
        self.next_session += 1;
        let id = SessionId(self.next_session);
        let stream = Rc::new(stream);
        let source = Generic::new(Rc::clone(&stream), Interest::READ, Mode::Edge);
        let source = Dispatcher::new(source, move |readiness, _, host: &mut Host| {
            host.handle_connection_ready(id, readiness);
            Ok(PostAction::Continue)
        });
        match self.handle.register_dispatcher(source.clone()) {
            Ok(token) => {
                self.connections.insert(id, Connection { stream, source, token, writable: true });
                self.readable.insert(id);
                self.core.handle_connection(self.now(), id, peer);
            }
            Err(error) => warn!(%error, "connection closed: the event loop can't take it"),
        }
    }

    /// Reads from each connection that may have sent something: once, so that nobody has to wait for a flood.
    fn read(&mut self) {
        for id in std::mem::take(&mut self.readable) {
            let Some(connection) = self.connections.get(&id) else { continue };
            if !self.core.accepts_bytes(id) {
                self.readable.insert(id);
                continue;
            }
            match (&*connection.stream).read(&mut self.buffer) {
                Ok(0) => self.hang_up(id),
                Ok(count) => {
                    self.readable.insert(id);
                    self.drain_kernel();
                    self.core.handle_bytes(self.now(), id, &self.buffer[..count]);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {
                    self.readable.insert(id);
                }
                Err(error) => {
                    debug!(session = id.0, %error, "connection lost");
                    self.hang_up(id);
                }
            }
        }
    }

    /// Gives each socket as much as it takes of what there is for it.
    fn send(&mut self) {
        while let Some(id) = self.core.poll_send() {
            self.sendable.insert(id);
        }
        for id in std::mem::take(&mut self.sendable) {
            if let Err(error) = self.offer(id) {
                debug!(session = id.0, %error, "connection lost");
                self.hang_up(id);
            }
        }
    }

    /// Gives one socket as much as it takes, and has the event loop tell when it takes more.
    fn offer(&mut self, id: SessionId) -> Result<(), Box<dyn Error>> {
        let Some(connection) = self.connections.get_mut(&id) else { return Ok(()) };
        while connection.writable {
            let bytes = self.core.transmit(id);
            if bytes.is_empty() {
                break;
            }
            match (&*connection.stream).write(bytes) {
                Ok(count) => self.core.sent(id, count),
                Err(error) if error.kind() == ErrorKind::WouldBlock => connection.writable = false,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        let waits = !connection.writable;
        if connection.source.as_source_ref().interest.writable != waits {
            connection.source.as_source_mut().interest.writable = waits;
            self.handle.update(&connection.token)?;
        }
        Ok(())
    }

    fn hang_up(&mut self, id: SessionId) {
        self.core.handle_hangup(self.now(), id);
        self.unsettled = true;
        self.disconnect(id);
    }

    fn close(&mut self) {
        while let Some(id) = self.core.poll_refuse() {
            if let Some(connection) = self.connections.get(&id) {
                refuse(&connection.stream);
            }
        }
        while let Some(id) = self.core.poll_close() {
            self.disconnect(id);
        }
    }

    fn disconnect(&mut self, id: SessionId) {
        if let Some(connection) = self.connections.remove(&id) {
            self.handle.remove(connection.token);
            self.readable.remove(&id);
        }
    }
}
