//! The sessions of a core: who becomes one, that what each asks for is carried out, and who has to go.
//!
//! What a request means is left to the session, what comes of it to the engine; what the engine tells is brought to them by the core.
//! Invariants: there are never more than [`MAX_SESSIONS`], nor for long more than [`MAX_ALL_SUBSCRIPTIONS`]; and with a session everything
//! is given back that it had of the engine.

use std::collections::BTreeMap;

use gamin_engine::{BarrierId, Time};
use gamin_protocol::CREDENTIAL;
use tracing::{debug, info, warn};

use super::ring::Happening;
use super::{Core, next_free};
use crate::session::{Demand, MAX_SUBSCRIPTIONS, Session, SessionId};

/// How many sessions there may be. One more is told so and closed as soon as it has shown its credentials.
pub const MAX_SESSIONS: usize = 4096;
/// How many subscriptions all sessions may have: beside a session that has all it may, the others can have as much again as four trees
/// of narrow numbers. When there are more, by less than what is read from a client at once, the process
/// that has the most loses the session in which it has the most.
pub const MAX_ALL_SUBSCRIPTIONS: usize = MAX_SUBSCRIPTIONS + (1 << 18);

impl Core {
    /// Lets a newcomer in if its first byte is what it has to be, and gives the bytes behind that.
    pub(super) fn authenticate<'a>(&mut self, now: Time, id: SessionId, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let Some((peer, _)) = self.newcomers.get(&id).copied() else { return Some(bytes) };
        let (first, rest) = bytes.split_first()?;
        self.newcomers.remove(&id);
        if *first != CREDENTIAL {
            debug!(session = id.0, byte = *first, "wrong credential byte");
            self.to_close.push_back(id);
            return None;
        }
        if self.sessions.len() == MAX_SESSIONS {
            warn!(session = id.0, "refused: there are {MAX_SESSIONS} sessions already");
            self.to_refuse.push_back(id);
            self.to_close.push_back(id);
            return None;
        }
        info!(session = id.0, "session begins");
        self.ring.handle_time(now);
        self.ring.note(Happening::SessionBegan(id, peer));
        self.sessions.insert(id, Session::new(peer, now, self.ready_max));
        self.to_send.insert(id);
        self.finished = false;
        Some(rest)
    }

    /// Carries out what a session asks for by now.
    pub(super) fn carry_out(&mut self, now: Time, id: SessionId) {
        self.carry_out_demands(now, id);
        if let Some(session) = self.sessions.get_mut(&id) {
            session.note_subscriptions();
        }
    }

    fn carry_out_demands(&mut self, now: Time, id: SessionId) {
        // What needs no word of the engine, such as an acknowledgement, is there at once.
        self.to_send.insert(id);
        while let Some(session) = self.sessions.get_mut(&id) {
            let fresh_id = || {
                self.last_subscription = next_free(&self.owners, &self.settings, self.last_subscription);
                self.last_subscription
            };
            match session.poll_demand(fresh_id) {
                Ok(None) => return,
                Ok(Some(Demand::Subscribe(subscription, path, kind))) => {
                    self.owners.insert(subscription, id);
                    self.engine.subscribe(now, subscription, path, kind);
                }
                Ok(Some(Demand::Cancel(subscription))) => {
                    if self.owners.remove(&subscription).is_some() {
                        self.engine.cancel(subscription);
                    }
                }
                Ok(Some(Demand::Barrier(seq))) => {
                    self.next_barrier += 1;
                    let barrier = BarrierId(self.next_barrier);
                    self.barriers.insert(barrier, (id, seq));
                    self.ask_barrier(now, barrier);
                    return;
                }
                Ok(Some(Demand::Tell(seq, inquiry))) => {
                    let answer = inquiry.answer(self.facts(now, Some(id), &inquiry.noun, inquiry.after));
                    if let Some(session) = self.sessions.get_mut(&id) {
                        session.answer(seq, answer);
                    }
                    return;
                }
                Err(breach) => {
                    info!(session = id.0, %breach, "session closed");
                    self.to_close.push_back(id);
                    self.end(now, id);
                    return;
                }
            }
        }
    }

    /// Ends sessions while there are too many subscriptions.
    pub(super) fn make_room(&mut self, now: Time) {
        let count = |core: &Core| core.sessions.values().map(Session::subscription_count).sum::<usize>();
        while count(self) > MAX_ALL_SUBSCRIPTIONS {
            // Of each process how many it has, and the session in which it has the most.
            let mut processes: BTreeMap<i32, (usize, Option<(usize, SessionId)>)> = BTreeMap::new();
            for (id, session) in &self.sessions {
                let count = session.subscription_count();
                let (all, most) = processes.entry(session.peer.pid).or_default();
                *all += count;
                *most = (*most).max(Some((count, *id)));
            }
            let Some((all, Some((_, id)))) = processes.into_values().max() else { return };
            warn!(
                session = id.0,
                "closed: more than {MAX_ALL_SUBSCRIPTIONS} subscriptions, and its process has {all}"
            );
            self.to_close.push_back(id);
            self.end(now, id);
        }
    }

    /// Forgets a session.
    pub(super) fn end(&mut self, now: Time, id: SessionId) {
        let Some(session) = self.sessions.remove(&id) else { return };
        info!(session = id.0, "session ends");
        self.ring.handle_time(now);
        self.ring.note(Happening::SessionEnded(id));
        for subscription in session.subscriptions() {
            if self.owners.remove(&subscription).is_some() {
                self.engine.cancel(subscription);
            }
        }
        self.to_send.remove(&id);
        self.turns.remove(&id);
        if session.is_needing() {
            self.idle_since = now;
        }
        self.deliver();
    }
}
