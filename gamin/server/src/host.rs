//! The host of a core on a real system: sockets, the kernel, the clock and signals in one event loop.
//!
//! What the loop finds ready is only noted; [`Host::turn`] then does everything in a fixed order. What it means
//! is left to the core, how effects and answers follow each other to the driver, how sockets are made and accepted to
//! `socket`.
//! Invariants: nothing but a local file system can block. Per turn, nobody takes more than a bounded share. Without
//! work, nothing wakes: after the kernel's queue was read that is to rest, not before the next notice.

mod serve;
mod sources;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::{Duration, Instant};

use calloop::generic::Generic;
use calloop::{Dispatcher, Interest, LoopHandle, Mode, PostAction, Readiness, RegistrationToken};
use gamin_config::Policy;
use gamin_engine::Time;
use gamin_linux::memory;
use gamin_trace::Traces;
use tracing::{debug, error, warn};

use crate::linux::{InotifyWatch, Linux};
use crate::settings::Settings;
use crate::socket::{Accepted, Listener, refuse};
use gamin_core::{Driver, Message, NOUNS, Peer, SessionId};
pub(crate) use serve::serve;
pub(crate) use sources::hold_signals;

/// How many bytes are read from a session before others have their turn.
const READ_MAX: usize = 64 * 1024;
/// How many connections are taken in before others have their turn.
const ACCEPT_MAX: usize = 64;
/// How long to wait when there is nothing left to take a connection in with.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long to leave the kernel alone after it gave no inotify instance.
const INOTIFY_PAUSE: Duration = Duration::from_secs(5);
/// How long after the end of a session what is free by then goes back to the system.
const GIVE_BACK_AFTER: Duration = Duration::from_secs(1);
/// How long effects are carried out before others have their turn.
const EFFECTS_MAX: Duration = Duration::from_millis(10);

/// Everything that the event loop's sources work on.
pub(crate) struct Host {
    driver: Driver<InotifyWatch>,
    system: Linux,
    /// By which the event loop is asked to wait for the kernel's next notice; `None` without an instance of inotify.
    inotify: Option<RegistrationToken>,
    /// When to ask again for notices of the kernel, if there are none though they are wanted.
    inotify_at: Time,
    settings: Settings,
    /// What the threads have said.
    messages: Vec<Message>,
    origin: Instant,
    handle: LoopHandle<'static, Host>,
    listener: Listener,
    /// Whether there may be connections to take in, and not before when.
    acceptable: bool,
    accept_at: Time,
    next_session: u64,
    connections: BTreeMap<SessionId, ClientSocket>,
    /// Connections that may have bytes for us, and those that may take some that they did not take before.
    readable: BTreeSet<SessionId>,
    sendable: BTreeSet<SessionId>,
    buffer: Vec<u8>,
    /// There may be effects left to carry out, whether or not anything happens.
    unsettled: bool,
    /// When to give back what sessions have left behind.
    give_back_at: Option<Time>,
    stopped: bool,
}

struct ClientSocket {
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
        system: Linux,
        inotify: Option<RegistrationToken>,
        driver: Driver<InotifyWatch>,
        settings: Settings,
    ) -> Host {
        Host {
            driver,
            system,
            inotify,
            inotify_at: Time::default() + INOTIFY_PAUSE,
            settings,
            messages: Vec::new(),
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
            give_back_at: None,
            stopped: false,
        }
    }

    /// Switches the trace to a file on or off. The file opens with all that the core says of itself.
    fn switch_trace(&self, traces: &Traces) {
        let switched = traces.switch(|out| {
            let mut facts = NOUNS.iter().flat_map(|noun| self.driver.core().facts(self.now(), None, noun, 0));
            facts.try_for_each(|(_, fact)| writeln!(out, "{fact}"))
        });
        if let Err(error) = switched {
            warn!(%error, "can't trace to a file in /tmp");
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
        let core = self.driver.core();
        if self.unsettled || self.readable.iter().any(|id| core.accepts_bytes(*id)) {
            return Some(Duration::ZERO);
        }
        let deadlines = [
            self.driver.next_deadline(),
            self.acceptable.then_some(self.accept_at),
            self.give_back_at,
            // Only while something is polled; otherwise nothing is missed.
            core.next_deadline()
                .filter(|_| self.driver.policy().without_kernel.is_some())
                .map(|_| self.inotify_at),
        ];
        let next = deadlines.into_iter().flatten().min()?;
        Some(next.since(self.now()))
    }

    /// Does what there is to do.
    fn turn(&mut self) {
        let now = self.now();
        self.driver.follow_mounts(&mut self.system, now);
        self.find_inotify();
        self.read_kernel();
        self.settle();
        self.accept();
        self.read();
        let now = self.now();
        for message in std::mem::take(&mut self.messages) {
            self.driver.handle_message(&mut self.system, now, message);
        }
        self.driver.handle_time(&mut self.system, now);
        self.settle();
        self.close();
        self.send();
        if self.give_back_at.take_if(|at| *at <= now).is_some() {
            memory::give_back();
        }
    }

    /// Reads the kernel's queue if its time has come, and waits for the next notice if it is to rest.
    fn read_kernel(&mut self) {
        let now = self.now();
        match self.driver.read_kernel(&mut self.system, now) {
            Ok(Some(true)) => {
                let Some(token) = &self.inotify else { return };
                if let Err(error) = self.handle.update(token) {
                    warn!(%error, "can't wait for the kernel's notices");
                    self.driver.gather_mut().handle_failure(now);
                }
            }
            Ok(Some(false) | None) => {}
            Err(error) => error!(%error, "can't read the kernel's notices"),
        }
    }

    /// Carries out effects and what comes of them.
    fn settle(&mut self) {
        let start = self.now();
        self.unsettled = true;
        while self.now().since(start) < EFFECTS_MAX {
            self.follow_settings();
            let now = self.now();
            let Some(effect) = self.driver.poll_effect(&mut self.system, now) else {
                self.unsettled = false;
                return;
            };
            self.driver.carry_out(&mut self.system, now, effect);
        }
    }

    /// Takes in what the settings say by now, if they have changed.
    fn follow_settings(&mut self) {
        let mut is_changed = false;
        while let Some(path) = self.driver.core_mut().poll_setting() {
            self.settings.read(&path);
            is_changed = true;
        }
        if is_changed {
            let rules = self.settings.apply();
            let (now, policy) = (self.now(), Policy { rules, ..self.driver.policy().clone() });
            self.driver.handle_policy(&mut self.system, now, policy);
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
                self.connections.insert(id, ClientSocket { stream, source, token, writable: true });
                self.readable.insert(id);
                let now = self.now();
                self.driver.core_mut().handle_connection(now, id, peer);
            }
            Err(error) => warn!(%error, "connection closed: the event loop can't take it"),
        }
    }

    /// Reads from each connection that may have sent something: once, so that nobody has to wait for a flood.
    fn read(&mut self) {
        for id in std::mem::take(&mut self.readable) {
            let Some(connection) = self.connections.get(&id) else { continue };
            if !self.driver.core().accepts_bytes(id) {
                self.readable.insert(id);
                continue;
            }
            match (&*connection.stream).read(&mut self.buffer) {
                Ok(0) => self.hang_up(id),
                Ok(count) => {
                    self.readable.insert(id);
                    let now = self.now();
                    self.driver.handle_bytes(&mut self.system, now, id, &self.buffer[..count]);
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
        while let Some(id) = self.driver.core_mut().poll_send() {
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
            let bytes = self.driver.core().transmit(id);
            if bytes.is_empty() {
                break;
            }
            match (&*connection.stream).write(bytes) {
                Ok(count) => self.driver.core_mut().sent(id, count),
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
        let now = self.now();
        self.driver.core_mut().handle_hangup(now, id);
        self.unsettled = true;
        self.disconnect(id);
    }

    fn close(&mut self) {
        while let Some(id) = self.driver.core_mut().poll_refuse() {
            if let Some(connection) = self.connections.get(&id) {
                refuse(&connection.stream);
            }
        }
        while let Some(id) = self.driver.core_mut().poll_close() {
            self.disconnect(id);
        }
    }

    fn disconnect(&mut self, id: SessionId) {
        if let Some(connection) = self.connections.remove(&id) {
            self.handle.remove(connection.token);
            self.readable.remove(&id);
            let at = self.now() + GIVE_BACK_AFTER;
            self.give_back_at.get_or_insert(at);
        }
    }
}
