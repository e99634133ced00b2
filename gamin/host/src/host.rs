//! The host of a core: sockets, the kernel and the clock in one event loop.
//!
//! What the loop finds ready is only noted; [`Host::turn`] then does everything in a fixed order. What it means
//! is left to the core, how effects and answers follow each other to the driver, where connections come from to whoever turns it.
//! Invariants: nothing but a local file system can block. Per turn, nobody takes more than a bounded share. Without
//! work, nothing wakes: after the kernel's queue was read that is to rest, not before the next notice.

mod notices;
mod within;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind, Read, Write};
use std::iter;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use gamin_config::Policy;
use gamin_core::{BYTES_MAX, Config, Core, Driver, FULL, Message, Peer, SessionId};
use gamin_engine::Time;
use gamin_linux::{FileSystems, MountTable, Notifier};
use mio::{Events, Interest, Poll};
use nix::unistd::getuid;
use tracing::{debug, warn};

use crate::linux::Linux;
use crate::settings::{Opener, Settings};
use crate::sources::{self, Guest, Source};

/// How often what the kernel does not tell of is looked at.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// How many sources are told of at once.
const EVENTS_MAX: usize = 256;
/// How many bytes are read from a session before others have their turn.
const READ_MAX: usize = 16 * 1024;
/// The word by which the core says who tells of changes.
const KERNEL: &str = "kernel";
/// How long to leave the kernel alone after it gave nobody who tells of changes: as long as what is polled meanwhile is left alone.
const ASK_PAUSE: Duration = POLL_INTERVAL;
/// How long after the end of a session what is free by then goes back to the system.
const GIVE_BACK_AFTER: Duration = Duration::from_secs(1);
/// How long effects are carried out before others have their turn.
const EFFECTS_MAX: Duration = Duration::from_millis(10);

/// What a host is made with.
#[derive(Debug, Clone, Default)]
pub struct HostOptions {
    /// Where the system's configuration files are, instead of `/etc/gamin`.
    pub config_dir: Option<PathBuf>,
    /// Where the user's configuration file is, instead of the user's home.
    pub home: Option<PathBuf>,
    /// The kernel is not asked: everything is looked at every second.
    pub is_poll_only: bool,
    /// Of the kernel's notices, those of inotify are not asked for: fanotify is.
    pub without_inotify: bool,
    /// After how long without a session it is finished; never if `None`.
    pub idle_max: Option<Duration>,
    /// What can't hang is done in turn, however long it takes, and not by a thread.
    pub is_in_place: bool,
}

/// A core, and the system on which it runs.
#[derive(Debug)]
pub struct Host {
    driver: Driver,
    system: Linux,
    poll: Poll,
    events: Events,
    /// What the threads say.
    inbox: mpsc::Receiver<Message>,
    /// Whether the event loop tells of the kernel's next notice.
    hears_kernel: bool,
    without_inotify: bool,
    /// When to ask again for notices of the kernel, if there are none though they are wanted.
    ask_kernel_at: Time,
    settings: Settings,
    origin: Instant,
    last_session: SessionId,
    connections: BTreeMap<SessionId, ClientSocket>,
    /// The session of whoever turns it, if there is one.
    own: Option<SessionId>,
    /// Connections that may have bytes for us, and those that may take some that they did not take before.
    readable: BTreeSet<SessionId>,
    sendable: BTreeSet<SessionId>,
    buffer: Vec<u8>,
    /// There may be effects left to carry out, whether or not anything happens.
    is_unsettled: bool,
    /// When a session ended last, and when to give back what sessions have left behind.
    ended_at: Time,
    give_back_at: Option<Time>,
}

#[derive(Debug)]
struct ClientSocket {
    stream: UnixStream,
    /// Whether the socket may take bytes.
    is_writable: bool,
    /// Whether the event loop is asked to tell when it does.
    waits_for_room: bool,
}

// Its making, and what can be asked about it.
impl Host {
    /// Makes a host without sessions.
    ///
    /// # Errors
    /// There is no event loop to be had, or it can't take what has to be in it.
    pub fn new(options: &HostOptions) -> io::Result<Host> {
        let settings = Settings::new(options.config_dir.as_deref(), options.home.as_deref());
        let mut policy = Policy { is_poll_only: options.is_poll_only, ..settings.policy() };
        let mut core = Core::new(
            Time::default(),
            Config {
                engine: gamin_engine::Config {
                    policy: Arc::new(policy.clone()),
                    poll_interval: POLL_INTERVAL,
                },
                uid: getuid().as_raw(),
                idle_max: options.idle_max,
                settings: settings.paths(),
                ready_max: BYTES_MAX,
            },
        );
        let poll = Poll::new()?;
        let registry = poll.registry();
        let (threads, inbox) = sources::add_threads(registry, options.is_in_place)?;
        let follows = |table: &MountTable| Source::Mounts.add(registry, table, Interest::PRIORITY);
        let table = MountTable::open().and_then(|table| follows(&table).map(|()| table));
        let table = table.inspect_err(|error| warn!(%error, "can't follow what is mounted")).ok();
        let mut notifier = None;
        if !policy.is_poll_only {
            match sources::add_notifier(registry, options.without_inotify) {
                Ok(found) => notifier = Some(found),
                Err(why) => {
                    warn!("the kernel gives no notices for now: everything is polled");
                    policy.without_kernel = Some(why);
                }
            }
        }
        let nobody = if policy.is_poll_only { "unasked" } else { "none" };
        core.describe(KERNEL, notifier.as_ref().map_or(nobody, Notifier::name).to_owned());
        let hears_kernel = notifier.is_some();
        let (is_remounted, file_systems) = (true, FileSystems::default());
        let system = Linux { notifier, is_told: false, table, is_remounted, threads, file_systems };
        Ok(Host {
            driver: Driver::new(core, policy),
            system,
            poll,
            events: Events::with_capacity(EVENTS_MAX),
            inbox,
            hears_kernel,
            ask_kernel_at: Time::default() + ASK_PAUSE,
            without_inotify: options.without_inotify,
            settings,
            origin: Instant::now(),
            last_session: SessionId(0),
            connections: BTreeMap::new(),
            own: None,
            readable: BTreeSet::new(),
            sendable: BTreeSet::new(),
            buffer: vec![0; READ_MAX],
            is_unsettled: false,
            ended_at: Time::default(),
            give_back_at: None,
        })
    }

    /// Its core, to be asked.
    pub fn core(&self) -> &Core {
        self.driver.core()
    }

    /// The time since it was made.
    pub fn now(&self) -> Time {
        Time(self.origin.elapsed())
    }

    /// Has the configuration files opened by another. To be called before the first turn.
    pub fn open_settings_by(&mut self, opener: Opener) {
        self.settings.open_by(opener);
    }

    /// Has its core say a word more of itself.
    pub fn describe(&mut self, key: &'static str, word: String) {
        self.driver.core_mut().describe(key, word);
    }

    /// Has the event loop tell of a descriptor of the caller's when that is readable, at its edges.
    ///
    /// # Errors
    /// There is no room for it.
    pub fn add_guest(&self, guest: Guest, descriptor: &impl AsFd) -> io::Result<()> {
        Source::Guest(guest).add(self.poll.registry(), descriptor, Interest::READABLE)
    }
}

// What turns it.
impl Host {
    /// Waits until there is something to do, but at most so long, and notes what it is. Of the caller's own sources, gives those
    /// that are ready to `welcome`. Gives whether anything was noted.
    ///
    /// # Errors
    /// The event loop is broken; nothing a client does brings that about.
    pub fn wait(&mut self, at_most: Option<Duration>, mut welcome: impl FnMut(Guest)) -> io::Result<bool> {
        let timeout = self.timeout().into_iter().chain(at_most).min();
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(false),
            waited => waited?,
        }
        let now = self.now();
        for event in &self.events {
            match Source::from(event.token()) {
                Source::Mounts => self.system.is_remounted = true,
                Source::Kernel => self.driver.gather_mut().handle_ready(now),
                Source::Guest(guest) => welcome(guest),
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
        Ok(!self.events.is_empty())
    }

    /// Takes in a connection, whose socket does not block.
    ///
    /// # Errors
    /// The event loop can't take it.
    pub fn connect(&mut self, stream: UnixStream, peer: Peer) -> io::Result<()> {
        let id = self.free_session();
        Source::Client(id).add(self.poll.registry(), &stream, Interest::READABLE)?;
        self.last_session = id;
        self.connections.insert(id, ClientSocket { stream, is_writable: true, waits_for_room: false });
        self.readable.insert(id);
        let now = self.now();
        self.driver.core_mut().handle_connection(now, id, peer);
        Ok(())
    }

    /// The next number to give to a session after the last that was given, one that none of them has.
    fn free_session(&self) -> SessionId {
        let next = |id: &SessionId| Some(SessionId(id.0.wrapping_add(1)));
        let is_free =
            |id: &SessionId| id.0 != 0 && self.own != Some(*id) && !self.connections.contains_key(id);
        let mut later = iter::successors(next(&self.last_session), next);
        later.find(is_free).expect("because there are fewer sockets than numbers")
    }

    /// Does what there is to do, each a bounded share.
    pub fn turn(&mut self) {
        let now = self.now();
        self.follow_mounts(now);
        self.find_notifier();
        self.read_kernel();
        self.act();
    }

    /// Does what follows from what the kernel has told, and all else.
    fn act(&mut self) {
        self.settle();
        self.read();
        let now = self.now();
        while let Ok(message) = self.inbox.try_recv() {
            self.driver.handle_message(&mut self.system, now, message);
        }
        self.driver.handle_time(&mut self.system, now);
        self.settle();
        self.close();
        self.send();
    }

    /// Gives back what sessions have left behind, if its time has come and all is done that their end brought about; says whether it
    /// has. If another has ended meanwhile, it is done once more when the time of that one has come.
    pub fn give_back(&mut self) -> bool {
        let (now, is_unsettled) = (self.now(), self.is_unsettled);
        let is_due = self.give_back_at.take_if(|at| *at <= now && !is_unsettled).is_some();
        if is_due {
            self.driver.give_back();
            let last = self.ended_at + GIVE_BACK_AFTER;
            self.give_back_at = (last > now).then_some(last);
        }
        is_due
    }

    /// How long the event loop may wait; `None`: until something happens.
    pub fn timeout(&self) -> Option<Duration> {
        let core = self.driver.core();
        if self.is_unsettled || self.system.is_told || self.readable.iter().any(|id| core.accepts_bytes(*id))
        {
            return Some(Duration::ZERO);
        }
        let deadlines = [
            self.driver.next_deadline(),
            self.give_back_at,
            // Only while something is polled; otherwise nothing is missed.
            core.next_deadline()
                .filter(|_| self.driver.policy().without_kernel.is_some())
                .map(|_| self.ask_kernel_at),
        ];
        let next = deadlines.into_iter().flatten().min()?;
        Some(next.since(self.now()))
    }
}

// Its sources.
impl Host {
    /// Carries out effects and what comes of them.
    fn settle(&mut self) {
        let start = self.now();
        let mut now = start;
        self.is_unsettled = true;
        while now.since(start) < EFFECTS_MAX {
            self.follow_settings();
            if let Some(effect) = self.driver.poll_effect(&mut self.system, now) {
                self.driver.carry_out(&mut self.system, now, effect);
            } else if !self.driver.has_work() {
                self.is_unsettled = false;
                return;
            }
            now = self.now();
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
        let connection = self.connections.remove(&id);
        if let Some(connection) = &connection {
            Source::remove(self.poll.registry(), &connection.stream);
            self.readable.remove(&id);
        }
        if connection.is_some() || self.own.take_if(|own| *own == id).is_some() {
            self.ended_at = self.now();
            self.give_back_at.get_or_insert(self.ended_at + GIVE_BACK_AFTER);
        }
    }
}

/// What is readable when something has happened of which [`Host::wait`] would tell.
impl AsFd for Host {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.poll.registry().as_fd()
    }
}

/// Tells a client that there is no room for it.
pub fn refuse(mut stream: &UnixStream) {
    // Whoever does not hear it learns it from the end.
    let _ = stream.write_all(&[FULL]);
}
