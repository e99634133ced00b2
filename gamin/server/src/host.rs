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
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use gamin_config::Policy;
use gamin_engine::Time;
use gamin_linux::{FileSystems, MountTable, memory};
use gamin_trace::Traces;
use mio::{Events, Interest, Poll};
use nix::sys::signal::Signal;
use nix::sys::signalfd::SignalFd;
use tracing::{debug, error, info, warn};

use crate::linux::Linux;
use crate::settings::Settings;
use crate::socket::{Accepted, Listener, refuse};
use gamin_core::{Core, Driver, Message, NOUNS, Peer, SessionId};
pub(crate) use serve::serve;
use sources::Source;
pub(crate) use sources::hold_signals;

/// How many bytes are read from a session before others have their turn.
const READ_MAX: usize = 16 * 1024;
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

/// What the server is, beside its core.
pub(crate) struct Host {
    driver: Driver,
    system: Linux,
    poll: Poll,
    signals: SignalFd,
    traces: Traces,
    /// What the threads say.
    inbox: mpsc::Receiver<Message>,
    /// Whether the event loop tells of the kernel's next notice.
    hears_kernel: bool,
    /// When to ask again for notices of the kernel, if there are none though they are wanted.
    inotify_at: Time,
    settings: Settings,
    origin: Instant,
    listener: Listener,
    /// Whether there may be connections to take in, and not before when.
    is_acceptable: bool,
    accept_at: Time,
    next_session: u64,
    connections: BTreeMap<SessionId, ClientSocket>,
    /// Connections that may have bytes for us, and those that may take some that they did not take before.
    readable: BTreeSet<SessionId>,
    sendable: BTreeSet<SessionId>,
    buffer: Vec<u8>,
    /// There may be effects left to carry out, whether or not anything happens.
    is_unsettled: bool,
    /// When a session ended last, and when to give back what sessions have left behind.
    ended_at: Time,
    give_back_at: Option<Time>,
    is_stopped: bool,
}

struct ClientSocket {
    stream: UnixStream,
    /// Whether the socket may take bytes.
    is_writable: bool,
    /// Whether the event loop is asked to tell when it does.
    waits_for_room: bool,
}

impl Host {
    /// Makes ready to serve.
    ///
    /// # Errors
    /// There is no event loop to be had, or it can't take what has to be in it.
    fn new(
        listener: Listener,
        core: Core,
        settings: Settings,
        mut policy: Policy,
        traces: Traces,
    ) -> Result<Host, Box<dyn Error>> {
        let poll = Poll::new()?;
        let registry = poll.registry();
        let signals = sources::add_signals(registry)?;
        let (threads, inbox) = sources::add_threads(registry)?;
        for socket in &listener.sockets {
            Source::Listener.add(registry, socket, Interest::READABLE)?;
        }
        let follows = |table: &MountTable| Source::Mounts.add(registry, table, Interest::PRIORITY);
        let table = MountTable::open().and_then(|table| follows(&table).map(|()| table));
        let table = table.inspect_err(|error| warn!(%error, "can't follow what is mounted")).ok();
        let mut inotify = None;
        if !policy.is_poll_only {
            match sources::add_inotify(registry) {
                Ok(instance) => inotify = Some(instance),
                Err(why) => {
                    warn!("the kernel gives no notices for now: everything is polled");
                    policy.without_kernel = Some(why);
                }
            }
        }
        let hears_kernel = inotify.is_some();
        let system =
            Linux { inotify, table, is_remounted: true, threads, file_systems: FileSystems::default() };
        Ok(Host {
            driver: Driver::new(core, policy),
            system,
            poll,
            signals,
            traces,
            inbox,
            hears_kernel,
            inotify_at: Time::default() + INOTIFY_PAUSE,
            settings,
            origin: Instant::now(),
            listener,
            is_acceptable: true,
            accept_at: Time::default(),
            next_session: 0,
            connections: BTreeMap::new(),
            readable: BTreeSet::new(),
            sendable: BTreeSet::new(),
            buffer: vec![0; READ_MAX],
            is_unsettled: false,
            ended_at: Time::default(),
            give_back_at: None,
            is_stopped: false,
        })
    }

    /// Whether there is nothing left to do.
    fn is_finished(&self) -> bool {
        self.is_stopped || self.driver.core().is_finished()
    }

    /// Waits until there is something to do, and notes what it is.
    ///
    /// # Errors
    /// The event loop is broken; nothing a client does brings that about.
    fn wait(&mut self, events: &mut Events) -> io::Result<()> {
        let timeout = self.timeout();
        match self.poll.poll(events, timeout) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
            waited => waited?,
        }
        for event in &*events {
            match Source::from(event.token()) {
                Source::Signals => self.take_signals(),
                Source::Mounts => self.system.is_remounted = true,
                Source::Kernel => {
                    let now = self.now();
                    self.driver.gather_mut().handle_ready(now);
                }
                Source::Listener => self.is_acceptable = true,
                Source::Client(id) => {
                    if event.is_readable() || event.is_error() {
                        self.readable.insert(id);
                    }
                    if event.is_writable()
                        && let Some(connection) = self.connections.get_mut(&id)
                    {
                        connection.is_writable = true;
                        self.sendable.insert(id);
                    }
                }
                // What they say is looked for in each turn.
                Source::Threads => {}
            }
        }
        Ok(())
    }

    /// Switches the trace to a file on or off. The file opens with all that the core says of itself.
    fn switch_trace(&self) {
        let switched = self.traces.switch(|out| {
            let mut facts = NOUNS.iter().flat_map(|noun| self.driver.core().facts(self.now(), None, noun, 0));
            facts.try_for_each(|(_, fact)| writeln!(out, "{fact}"))
        });
        if let Err(error) = switched {
            warn!(%error, "can't trace to a file in /tmp");
        }
    }

    fn now(&self) -> Time {
        Time(self.origin.elapsed())
    }

    /// How long the event loop may wait; `None` until something happens.
    fn timeout(&self) -> Option<Duration> {
        let core = self.driver.core();
        if self.is_unsettled || self.readable.iter().any(|id| core.accepts_bytes(*id)) {
            return Some(Duration::ZERO);
        }
        let deadlines = [
            self.driver.next_deadline(),
            self.is_acceptable.then_some(self.accept_at),
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
        while let Ok(message) = self.inbox.try_recv() {
            self.driver.handle_message(&mut self.system, now, message);
        }
        self.driver.handle_time(&mut self.system, now);
        self.settle();
        self.close();
        self.send();
        self.give_back(now);
    }

    /// Gives back what sessions have left behind, if its time has come and all is done that their end brought about. If another has ended
    /// meanwhile, it is done once more when the time of that one has come.
    fn give_back(&mut self, now: Time) {
        let is_unsettled = self.is_unsettled;
        if self.give_back_at.take_if(|at| *at <= now && !is_unsettled).is_some() {
            self.driver.give_back();
            memory::give_back();
            let last = self.ended_at + GIVE_BACK_AFTER;
            self.give_back_at = (last > now).then_some(last);
        }
    }

    /// Reads the kernel's queue if its time has come, and hears of the next notice if it is to rest.
    fn read_kernel(&mut self) {
        let now = self.now();
        if let Err(error) = self.driver.read_kernel(&mut self.system, now) {
            error!(%error, "can't read the kernel's notices");
        }
        self.hear_kernel();
    }

    /// Asks again for notices of the kernel, if there are none though they are wanted. What is polled for want of them goes
    /// over to the kernel.
    fn find_inotify(&mut self) {
        let now = self.now();
        if self.driver.policy().without_kernel.is_none() || now < self.inotify_at {
            return;
        }
        self.inotify_at = now + INOTIFY_PAUSE;
        let Ok(inotify) = sources::add_inotify(self.poll.registry()) else { return };
        info!("the kernel gives notices again");
        self.system.inotify = Some(inotify);
        self.hears_kernel = true;
        let policy = Policy { without_kernel: None, ..self.driver.policy().clone() };
        self.driver.handle_policy(&mut self.system, now, policy);
    }

    /// Hears of the kernel's next notice if its queue rests. While it is read at set times, its notices wake nobody.
    fn hear_kernel(&mut self) {
        let Some(inotify) = &self.system.inotify else { return };
        let is_resting = self.driver.gather().is_resting();
        if is_resting == self.hears_kernel {
            return;
        }
        if !is_resting {
            Source::remove(self.poll.registry(), inotify);
        } else if let Err(error) = Source::Kernel.add(self.poll.registry(), inotify, Interest::READABLE) {
            warn!(%error, "can't wait for the kernel's notices");
            let now = self.now();
            return self.driver.gather_mut().handle_failure(now);
        }
        self.hears_kernel = is_resting;
    }

    /// Does what signals ask for.
    fn take_signals(&mut self) {
        while let Ok(Some(taken)) = self.signals.read_signal() {
            match Signal::try_from(taken.ssi_signo as i32) {
                Ok(Signal::SIGUSR2) => self.switch_trace(),
                ending => {
                    info!(signal = ?ending, "ended by signal");
                    self.is_stopped = true;
                }
            }
        }
    }

    /// Carries out effects and what comes of them.
    fn settle(&mut self) {
        let start = self.now();
        self.is_unsettled = true;
        while self.now().since(start) < EFFECTS_MAX {
            self.follow_settings();
            let now = self.now();
            let Some(effect) = self.driver.poll_effect(&mut self.system, now) else {
                self.is_unsettled = false;
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
        if !self.is_acceptable || self.now() < self.accept_at {
            return;
        }
        for _ in 0..ACCEPT_MAX {
            match self.listener.accept() {
                Accepted::Connection(stream, peer) => self.connect(stream, peer),
                Accepted::Lost => {}
                Accepted::Nothing => {
                    self.is_acceptable = false;
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
        match Source::Client(id).add(self.poll.registry(), &stream, Interest::READABLE) {
            Ok(()) => {
                let connection = ClientSocket { stream, is_writable: true, waits_for_room: false };
                self.connections.insert(id, connection);
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
            match (&connection.stream).read(&mut self.buffer) {
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
    fn offer(&mut self, id: SessionId) -> io::Result<()> {
        let Some(connection) = self.connections.get_mut(&id) else { return Ok(()) };
        while connection.is_writable {
            let bytes = self.driver.core().transmit(id);
            if bytes.is_empty() {
                break;
            }
            match (&connection.stream).write(bytes) {
                Ok(count) => self.driver.core_mut().sent(id, count),
                Err(error) if error.kind() == ErrorKind::WouldBlock => connection.is_writable = false,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let waits = !connection.is_writable;
        if connection.waits_for_room != waits {
            let room = waits.then_some(Interest::WRITABLE);
            let interest = room.map_or(Interest::READABLE, |room| Interest::READABLE | room);
            Source::Client(id).change(self.poll.registry(), &connection.stream, interest)?;
            connection.waits_for_room = waits;
        }
        Ok(())
    }

    fn hang_up(&mut self, id: SessionId) {
        let now = self.now();
        self.driver.core_mut().handle_hangup(now, id);
        self.is_unsettled = true;
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
            Source::remove(self.poll.registry(), &connection.stream);
            self.readable.remove(&id);
            self.ended_at = self.now();
            self.give_back_at.get_or_insert(self.ended_at + GIVE_BACK_AFTER);
        }
    }
}
