//! All sessions and the engine as one whole, without socket, clock or file system.
//!
//! Who may connect, how long a newcomer is waited for, which event is whose, and when nobody needs the server
//! any more is decided here; who has a session, in `sessions`; what a request means, in the session; what happens to files, in the engine. What is
//! to be done outside is left to a host: sockets, kernel, scans and time, real or simulated.
//! Invariant: only a connection that has shown its credentials has a decoder, an outbox or a subscription.

mod facts;
mod ring;
mod sessions;
/// The next number to give to a subscription after the last that was given, one that neither a client's has nor the server's own.
fn next_free(
    owners: &IdMap<SubscriptionId, SessionId>,
    settings: &BTreeMap<SubscriptionId, TreePath>,
    last: SubscriptionId,
) -> SubscriptionId {
    let mut id = owners.next_free(last);
    while settings.contains_key(&id) {
        id = owners.next_free(id);
    }
    id
}

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use gamin_engine::{
    ArmingId, BarrierId, Doubts, Effect, Engine, IdMap, Kind, Name, Notice, Output, Policy, Refusal,
    RevalidationId, Scan, ScanId, SubscriptionId, Time, TreePath,
};
use tracing::{debug, info};

use crate::session::{Peer, Session, SessionId};
pub use facts::NOUNS;
pub use ring::RING_MAX;
use ring::{Asking, Happening, Ring};
pub use sessions::{MAX_ALL_SUBSCRIPTIONS, MAX_SESSIONS};

/// How long a connection may take to show its credentials.
pub const HANDSHAKE_MAX: Duration = Duration::from_secs(5);
/// How many connections may be about to show their credentials. One more closes the oldest of them.
pub const MAX_NEWCOMERS: usize = 64;
/// How a core is to behave.
#[derive(Debug, Clone)]
pub struct Config {
    /// How the engine is to behave.
    pub engine: gamin_engine::Config,
    /// The only user who may connect.
    pub uid: u32,
    /// How long the server stays without a session; for ever if `None`.
    pub idle_max: Option<Duration>,
    /// The files on which the engine's policy hangs. The server watches them for itself.
    pub settings: Vec<TreePath>,
    /// How many bytes may lie ready for a session before further events wait and are merged: a server's are
    /// [`BYTES_MAX`](crate::BYTES_MAX).
    pub ready_max: usize,
}

/// A moment at which a core wants to be told the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    /// The moment.
    pub at: Time,
    /// What happens then.
    pub reason: Reason,
}

/// Why a core wants to be told the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// A connection has not shown its credentials.
    Handshake,
    /// Nobody needs the server.
    Idle,
    /// At once: a client has more requests, and others have had their turn.
    Turn,
    /// The engine's own.
    Engine(gamin_engine::Reason),
}

/// What a core holds, counted: for whoever wants to know whether everything was given back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Census {
    /// What its engine holds.
    pub engine: gamin_engine::Census,
    /// Connections that have shown no credentials.
    pub newcomers: usize,
    /// Sessions.
    pub sessions: usize,
    /// Subscriptions of sessions that are in the engine.
    pub subscriptions: usize,
    /// Barriers that were not answered.
    pub barriers: usize,
}

/// Sessions and engine as a state machine. It does nothing by itself:
///
/// 1. The host hands in what happened through one of the `handle_*` methods. All that the kernel noticed goes in
///    before any bytes of a client and before the answer of any scan, so that a client is told of what happened
///    before its request before it is answered. [`Driver`](crate::Driver) does so.
/// 2. It then carries out what [`Core::poll_effect`] gives, in that order, and hands in the answers, until there
///    is no more. An answer may come late, but must come if it can: of a scan that may never
///    end [`Core::handle_overdue`] tells.
/// 3. It closes what [`Core::poll_close`] names, offers each socket that [`Core::poll_send`] names the bytes of
///    [`Core::transmit`], and reports with [`Core::sent`] how many it took.
/// 4. It ends if [`Core::is_finished`], and otherwise waits for the next thing to happen, but no longer than
///    until [`Core::next_deadline`]; then it calls [`Core::handle_time`].
///
/// `now` never goes back. Inputs for sessions that have ended are ignored.
#[derive(Debug)]
pub struct Core {
    engine: Engine,
    uid: u32,
    /// What its host says of it.
    described: Vec<(&'static str, String)>,
    /// How long to stay without a session; for ever if `None`.
    idle_max: Option<Duration>,
    /// When the last session ended that needed the server.
    idle_since: Time,
    finished: bool,
    /// Connections that have shown no credentials, whose they are, and how long they may go on so.
    newcomers: BTreeMap<SessionId, (Peer, Time)>,
    /// How many bytes may lie ready for a session before events wait.
    ready_max: usize,
    sessions: BTreeMap<SessionId, Session>,
    /// The sessions' subscriptions in the engine.
    owners: IdMap<SubscriptionId, SessionId>,
    /// The server's own.
    settings: BTreeMap<SubscriptionId, TreePath>,
    /// The settings that are to be read.
    unread: BTreeSet<TreePath>,
    /// The policy is not yet what the settings say; and the barriers that wait for that.
    is_outdated: bool,
    postponed: Vec<BarrierId>,
    barriers: BTreeMap<BarrierId, (SessionId, u32)>,
    last_subscription: SubscriptionId,
    next_barrier: u64,
    /// Sessions that go on in the next turn, behind a question that was answered.
    turns: BTreeSet<SessionId>,
    to_send: BTreeSet<SessionId>,
    to_close: VecDeque<SessionId>,
    to_refuse: VecDeque<SessionId>,
    began: Time,
    ring: Ring,
}

impl Core {
    /// Makes a core without sessions.
    pub fn new(now: Time, config: Config) -> Core {
        let mut core = Core {
            engine: Engine::new(config.engine),
            uid: config.uid,
            described: Vec::new(),
            idle_max: config.idle_max,
            idle_since: now,
            finished: false,
            newcomers: BTreeMap::new(),
            ready_max: config.ready_max,
            sessions: BTreeMap::new(),
            owners: IdMap::default(),
            settings: BTreeMap::new(),
            unread: BTreeSet::new(),
            is_outdated: false,
            postponed: Vec::new(),
            barriers: BTreeMap::new(),
            last_subscription: SubscriptionId::default(),
            next_barrier: 0,
            turns: BTreeSet::new(),
            to_send: BTreeSet::new(),
            to_close: VecDeque::new(),
            to_refuse: VecDeque::new(),
            began: now,
            ring: Ring::default(),
        };
        for path in config.settings {
            let id = next_free(&core.owners, &core.settings, core.last_subscription);
            core.last_subscription = id;
            core.engine.subscribe(now, id, path.clone(), Kind::File);
            core.settings.insert(id, path);
        }
        core
    }

    /// Whether the server is to end, since nobody has needed it for long.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// Whether bytes of a session are wanted now. They are not while too many answers wait for a client that
    /// does not read them.
    pub fn accepts_bytes(&self, id: SessionId) -> bool {
        self.sessions.get(&id).is_none_or(Session::accepts_bytes)
    }

    /// Takes a new connection.
    pub fn handle_connection(&mut self, now: Time, id: SessionId, peer: Peer) {
        if peer.uid != self.uid {
            info!(session = id.0, uid = peer.uid, pid = peer.pid, "connection of another user refused");
            self.to_close.push_back(id);
            return;
        }
        if self.newcomers.len() == MAX_NEWCOMERS
            && let Some((oldest, _)) = self.newcomers.pop_first()
        {
            debug!(session = oldest.0, "too many connections without credentials");
            self.to_close.push_back(oldest);
        }
        debug!(session = id.0, pid = peer.pid, "connection");
        self.newcomers.insert(id, (peer, now + HANDSHAKE_MAX));
    }

    /// Takes bytes that a client sent.
    pub fn handle_bytes(&mut self, now: Time, id: SessionId, bytes: &[u8]) {
        let Some(bytes) = self.authenticate(now, id, bytes) else { return };
        let Some(session) = self.sessions.get_mut(&id) else { return };
        session.handle_bytes(bytes);
        self.carry_out(now, id);
        self.deliver();
        self.make_room(now);
    }

    /// Takes the word that a connection is no more.
    pub fn handle_hangup(&mut self, now: Time, id: SessionId) {
        self.newcomers.remove(&id);
        self.end(now, id);
    }

    /// Gives back the room of what sessions have left behind: [`Driver::give_back`](crate::Driver::give_back) does.
    pub fn give_back(&mut self) {
        self.engine.give_back();
    }

    /// Whether it matters what is by now at the place of an entry that was removed.
    pub fn wants_look(&self, watch: ArmingId, name: &Name) -> bool {
        self.engine.wants_look(watch, name)
    }

    /// Takes what the kernel noticed.
    pub fn handle_notice(&mut self, now: Time, notice: Notice) {
        self.ring.handle_time(now);
        self.ring.note(Happening::Noticed((&notice).into()));
        self.engine.handle_notice(now, notice);
        self.deliver();
    }

    /// Takes the answer to [`Effect::Arm`].
    pub fn handle_armed(&mut self, id: ArmingId, answer: Result<(), Refusal>) {
        self.ring.note(Happening::Armed(id, answer));
        self.engine.handle_armed(id, answer);
    }

    /// Takes the answer to [`Effect::Scan`].
    pub fn handle_scan(&mut self, now: Time, id: ScanId, scan: Scan) {
        self.ring.handle_time(now);
        self.ring.note(Happening::Scanned(id, ring::ScanOutcome::from(&scan)));
        self.engine.handle_scan(now, id, scan);
        self.deliver();
    }

    /// Takes the beginning of the answer to [`Effect::Scan`].
    pub fn handle_begun(&mut self, now: Time, id: ScanId, begun: Scan) {
        self.ring.handle_time(now);
        self.ring.note(Happening::Begun(id, begun.entries()));
        self.engine.handle_begun(id, begun);
        self.deliver();
    }

    /// Takes the answer to [`Effect::Revalidate`].
    pub fn handle_revalidated(&mut self, id: RevalidationId, doubts: &Doubts) {
        if !doubts.is_empty() {
            self.ring.note(Happening::Doubted(id));
        }
        self.engine.handle_revalidated(id, doubts);
    }

    /// Takes the policy that follows from the settings as they are by now, or from what is mounted.
    pub fn handle_policy(&mut self, now: Time, policy: Arc<dyn Policy>) {
        self.engine.handle_policy(now, policy);
        self.is_outdated = !self.unread.is_empty();
        for barrier in std::mem::take(&mut self.postponed) {
            self.ask_barrier(now, barrier);
        }
        self.deliver();
    }

    /// Takes the word that something was mounted at a path, or unmounted from it.
    pub fn handle_remount(&mut self, point: &TreePath) {
        self.engine.handle_remount(point);
        self.deliver();
    }

    /// Takes the word that a scan takes so long that it may never be answered: no barrier waits for it.
    pub fn handle_overdue(&mut self, now: Time, id: ScanId) {
        self.engine.handle_overdue(now, id);
        self.deliver();
    }

    /// Takes the time.
    pub fn handle_time(&mut self, now: Time) {
        // The front is the oldest, and so has the earliest deadline.
        while let Some(oldest) = self.newcomers.first_entry()
            && oldest.get().1 <= now
        {
            debug!(session = oldest.key().0, "no credentials in time");
            self.to_close.push_back(oldest.remove_entry().0);
        }
        let is_idle = self.idle_deadline().is_some_and(|at| at <= now);
        if is_idle && !self.finished {
            info!("idle");
        }
        self.finished = is_idle;
        if self.engine.next_deadline().is_some_and(|deadline| deadline.at <= now) {
            self.engine.handle_time(now);
        }
        for id in std::mem::take(&mut self.turns) {
            if let Some(session) = self.sessions.get_mut(&id) {
                session.take_turn();
                self.carry_out(now, id);
            }
        }
        self.deliver();
    }

    /// Gives the next thing to carry out.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        let effect = self.engine.poll_effect()?;
        if let Some(asking) = Asking::of(&effect) {
            self.ring.note(Happening::Asked(asking));
        }
        Some(effect)
    }

    /// Whether there is something to carry out, or a setting to read.
    pub fn has_work(&self) -> bool {
        self.engine.has_effects() || !self.unread.is_empty()
    }

    /// Gives the next of the settings to read; when all are, [`Core::handle_policy`] is to be called.
    pub fn poll_setting(&mut self) -> Option<TreePath> {
        self.unread.pop_first()
    }

    /// Gives the next connection that is to be sent [`gamin_protocol::FULL`], and nothing else, before it is closed.
    pub fn poll_refuse(&mut self) -> Option<SessionId> {
        self.to_refuse.pop_front()
    }

    /// Gives the next connection to close. It must not be handed in any more.
    pub fn poll_close(&mut self) -> Option<SessionId> {
        self.to_close.pop_front()
    }

    /// Gives the next session for which there are new bytes since it was last named here.
    pub fn poll_send(&mut self) -> Option<SessionId> {
        self.to_send.pop_first()
    }

    /// The bytes that a session's socket is to be given: not all that are to be sent, if they are many.
    pub fn transmit(&self, id: SessionId) -> &[u8] {
        self.sessions.get(&id).map_or(&[], Session::transmit)
    }

    /// Takes note that a session's socket has taken the first `count` bytes. Others may take their place.
    pub fn sent(&mut self, id: SessionId, count: usize) {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.sent(count);
            if session.wants_turn() {
                self.turns.insert(id);
            }
        }
    }

    /// Whether a session goes on in the next turn.
    pub fn has_turns(&self) -> bool {
        !self.turns.is_empty()
    }

    /// How many events wait for a session behind the bytes of [`Core::transmit`], merged by name.
    pub fn waiting(&self, id: SessionId) -> usize {
        self.sessions.get(&id).map_or(0, Session::waiting)
    }

    /// Counts what it holds.
    pub fn census(&self) -> Census {
        Census {
            engine: self.engine.census(),
            newcomers: self.newcomers.len(),
            sessions: self.sessions.len(),
            subscriptions: self.owners.len(),
            barriers: self.barriers.len(),
        }
    }

    /// The moment at which to call [`Core::handle_time`], if nothing else happens before.
    pub fn next_deadline(&self) -> Option<Deadline> {
        let handshake = self.newcomers.values().next().map(|(_, at)| *at);
        let engine = self.engine.next_deadline();
        [
            (!self.turns.is_empty()).then_some(Deadline { at: Time::default(), reason: Reason::Turn }),
            handshake.map(|at| Deadline { at, reason: Reason::Handshake }),
            self.idle_deadline().map(|at| Deadline { at, reason: Reason::Idle }),
            engine.map(|deadline| Deadline { at: deadline.at, reason: Reason::Engine(deadline.reason) }),
        ]
        .into_iter()
        .flatten()
        .min_by_key(|deadline| deadline.at)
    }

    fn idle_deadline(&self) -> Option<Time> {
        let is_needed = self.sessions.values().any(Session::is_needing);
        self.idle_max.filter(|_| !is_needed).map(|idle_max| self.idle_since + idle_max)
    }

    /// Asks the engine whether everything is told that a session, and the server itself, want to know.
    fn ask_barrier(&mut self, now: Time, barrier: BarrierId) {
        let Some((id, _)) = self.barriers.get(&barrier) else { return };
        let Some(session) = self.sessions.get(id) else { return };
        let theirs = session.subscriptions().filter(|id| self.owners.contains_key(id));
        let all: Vec<_> = self.settings.keys().copied().chain(theirs).collect();
        self.engine.barrier(now, barrier, &all);
    }

    /// Brings what the engine tells to those whom it concerns, and goes on with the requests that waited for it.
    fn deliver(&mut self) {
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Event(event) => {
                    if let Some(path) = self.settings.get(&event.subscription) {
                        self.unread.insert(path.clone());
                        self.is_outdated = true;
                        continue;
                    }
                    let Some(&id) = self.owners.get(&event.subscription) else { continue };
                    let Some(session) = self.sessions.get_mut(&id) else { continue };
                    self.ring.note(Happening::Told(event.subscription, event.code, event.subject.clone()));
                    session.handle_event(event);
                    self.to_send.insert(id);
                }
                Output::Listing(subscription, listing) => {
                    let Some(&id) = self.owners.get(&subscription) else { continue };
                    let Some(session) = self.sessions.get_mut(&id) else { continue };
                    self.ring.note(Happening::Listed(subscription, listing.len()));
                    session.handle_listing(subscription, listing);
                    self.to_send.insert(id);
                }
                Output::Coverage(subscription, coverage) => {
                    let Some(&id) = self.owners.get(&subscription) else { continue };
                    let Some(session) = self.sessions.get_mut(&id) else { continue };
                    session.handle_coverage(subscription, coverage);
                    self.to_send.insert(id);
                }
                Output::Reached(barrier) if self.is_outdated => self.postponed.push(barrier),
                Output::Reached(barrier) => {
                    let Some((id, seq)) = self.barriers.remove(&barrier) else { continue };
                    let Some(session) = self.sessions.get_mut(&id) else { continue };
                    session.handle_reached(seq);
                    self.to_send.insert(id);
                }
            }
        }
    }
}
