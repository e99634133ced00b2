//! One authenticated client: what its requests mean, and what it is told.
//!
//! Keeps the client's request numbers and turns requests into [`Demand`]s. Carrying these out in the engine,
//! and bringing what comes of them back, is left to the core; the order of what is told, to the outbox.
//! Invariant: every subscription that began is acknowledged exactly once when it is cancelled, and nothing is
//! told of it after that.

use std::collections::BTreeSet;

use gamin_engine::{Code, Coverage, Event, IdMap, Kind, Listing, Subject, SubscriptionId, Time, TreePath};
use gamin_protocol::{DecodeError, Decoder, Fact, Inquiry, MonitorOptions, Request, SYNC};
use tracing::debug;

use crate::outbox::Outbox;

/// The most subscriptions that one session may have: as many directories as the kernel lets a user watch, however much memory there
/// is (`inotify_user_setup`). Clients are told ([`crate::NOUNS`]), and use their request numbers accordingly. The request beyond it ends the session.
pub const MAX_SUBSCRIPTIONS: usize = 1 << 20;

/// How many acknowledgements and answers may wait for a client. While so many wait, it is not read from.
pub const MAX_REPLIES: usize = 1 << 16;

/// What stands in an event for an empty path, which no packet can hold. As absolute as that one: not at all.
const EMPTY_PATH: &[u8] = b".";

/// Names a session; chosen by the host, which gives a number again only after four thousand million others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u32);

/// Who is at the other end of a connection, as the kernel says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// The user.
    pub uid: u32,
    /// The process that connected.
    pub pid: i32,
}

/// Something for the core to carry out in the engine.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Demand {
    /// Begin a subscription under this id.
    Subscribe(SubscriptionId, TreePath, Kind),
    /// End a subscription, which may be one that never came to the engine.
    Cancel(SubscriptionId),
    /// Call [`Session::handle_reached`] with this number once all that has happened by now is told.
    Barrier(u32),
    /// Call [`Session::answer`] with this number and the answer to this.
    Tell(u32, Inquiry),
}

/// Why a session can't go on.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Breach {
    #[error(transparent)]
    DecodeError(#[from] DecodeError),
    #[error("more than {MAX_SUBSCRIPTIONS} subscriptions")]
    TooManySubscriptions,
}

/// An authenticated client.
#[derive(Debug)]
pub(crate) struct Session {
    /// Who it is.
    pub peer: Peer,
    /// When it began.
    pub since: Time,
    decoder: Decoder<Request>,
    /// The live subscriptions by their request numbers, of each the oldest.
    numbers: IdMap<u32, SubscriptionId>,
    /// Those that came under a number that was in use.
    repeated: BTreeSet<(u32, SubscriptionId)>,
    /// Whether requests behind a question wait: until it is answered, so answers keep their order; and then for another turn, since
    /// a question may be dear.
    is_waiting: bool,
    /// The question was answered.
    is_answered: bool,
    outbox: Outbox,
    /// Whether it has had a subscription, and whether it has asked what the server says of itself.
    has_subscribed: bool,
    has_asked: bool,
}

impl Session {
    pub fn new(peer: Peer, since: Time, ready_max: usize) -> Session {
        Session {
            peer,
            since,
            decoder: Decoder::new(),
            numbers: IdMap::default(),
            repeated: BTreeSet::new(),
            is_waiting: false,
            is_answered: false,
            outbox: Outbox::new(ready_max),
            has_subscribed: false,
            has_asked: false,
        }
    }

    /// Whether the server is to stay for its sake, and for a while when it has gone. Who only asked what the server does is content
    /// with none.
    pub fn is_needing(&self) -> bool {
        self.has_subscribed || !self.has_asked
    }

    /// Takes note of whether it has a subscription. One that is cancelled in the same breath was a question.
    pub fn note_subscriptions(&mut self) {
        let has_one = self.subscription_count() > 0;
        self.has_subscribed |= has_one;
    }

    /// The live subscriptions.
    pub fn subscriptions(&self) -> impl Iterator<Item = SubscriptionId> {
        self.outbox.subscriptions()
    }

    /// How many they are.
    pub fn subscription_count(&self) -> usize {
        self.outbox.subscription_count()
    }

    /// The request number of a live subscription, and its path as it was asked for.
    pub fn subscription(&self, id: SubscriptionId) -> Option<(u32, &[u8])> {
        self.outbox.addressee(id)
    }

    /// Adds to a fact what waits for the client.
    pub fn tell(&self, fact: Fact) -> Fact {
        fact.word("subscriptions", self.subscription_count())
            .word("unsent", self.outbox.transmit().len())
            .word("waiting", self.outbox.waiting())
    }

    /// Whether the client reads what it asked for well enough to be read from.
    pub fn accepts_bytes(&self) -> bool {
        !self.is_waiting && self.outbox.replies() < MAX_REPLIES
    }

    /// Takes bytes from the client; what they ask for comes out of [`Session::poll_demand`].
    pub fn handle_bytes(&mut self, bytes: &[u8]) {
        self.decoder.push(bytes);
    }

    /// Takes an event from the engine.
    pub fn handle_event(&mut self, event: Event) {
        self.outbox.tell(event);
    }

    /// Takes a listing from the engine.
    pub fn handle_listing(&mut self, subscription: SubscriptionId, listing: Listing) {
        self.outbox.list(subscription, listing);
    }

    /// Takes the engine's word on how a subscription is covered.
    pub fn handle_coverage(&mut self, subscription: SubscriptionId, coverage: Coverage) {
        self.outbox.tell_coverage(subscription, coverage);
    }

    /// Takes the word that a barrier has been reached.
    pub fn handle_reached(&mut self, seq: u32) {
        self.answer(seq, SYNC.to_vec());
    }

    /// Answers a question.
    pub fn answer(&mut self, seq: u32, answer: Vec<u8>) {
        self.is_answered = true;
        self.outbox.answer(seq, answer);
    }

    /// Whether it may go on behind a question in the next turn: answers that nobody reads do not pile up.
    pub fn wants_turn(&self) -> bool {
        self.is_answered && self.outbox.replies() == 0
    }

    /// Goes on behind a question that was answered.
    pub fn take_turn(&mut self) {
        (self.is_waiting, self.is_answered) = (false, false);
    }

    /// Gives the next thing that the client wants of the engine; nothing behind a question until its turn. `fresh_id` makes a
    /// new id.
    pub fn poll_demand(
        &mut self,
        mut fresh_id: impl FnMut() -> SubscriptionId,
    ) -> Result<Option<Demand>, Breach> {
        while !self.is_waiting
            && let Some(request) = self.decoder.next_message()?
        {
            let command = match request {
                Request::Monitor { seq, kind, options, path } => {
                    if self.subscription_count() == MAX_SUBSCRIPTIONS {
                        return Err(Breach::TooManySubscriptions);
                    }
                    self.begin(fresh_id(), seq, kind, options, path)
                }
                Request::Cancel { seq } => self.end(seq),
                Request::Ask { seq, question } if question == SYNC => {
                    self.is_waiting = true;
                    Some(Demand::Barrier(seq))
                }
                Request::Ask { seq, question } => {
                    let inquiry = Inquiry::parse(&question);
                    if inquiry.is_none() {
                        debug!(question = %question.escape_ascii(), "unknown question ignored");
                    }
                    self.is_waiting = inquiry.is_some();
                    self.has_asked |= inquiry.is_some();
                    inquiry.map(|inquiry| Demand::Tell(seq, inquiry))
                }
            };
            if command.is_some() {
                return Ok(command);
            }
        }
        Ok(None)
    }

    /// How many events wait behind these bytes, merged by name.
    pub fn waiting(&self) -> usize {
        self.outbox.waiting() - self.outbox.replies()
    }

    /// The bytes for the client's socket.
    pub fn transmit(&self) -> &[u8] {
        self.outbox.transmit()
    }

    /// Takes note that the socket has taken the first `count` bytes.
    pub fn sent(&mut self, count: usize) {
        self.outbox.sent(count);
    }

    fn begin(
        &mut self,
        id: SubscriptionId,
        seq: u32,
        kind: Kind,
        options: MonitorOptions,
        mut path: Vec<u8>,
    ) -> Option<Demand> {
        debug!(?id, seq, ?kind, ?options, path = %path.escape_ascii(), "monitor");
        if path.is_empty() {
            path = EMPTY_PATH.to_vec();
        }
        let tree_path = TreePath::new(&path);
        if self.numbers.contains_key(&seq) {
            self.repeated.insert((seq, id));
        } else {
            self.numbers.insert(seq, id);
        }
        // Mostly the spelling is that of the path itself.
        let spelling = tree_path.as_ref().map(TreePath::shared).filter(|plain| **plain == *path);
        self.outbox.open(id, seq, spelling.unwrap_or_else(|| path.as_slice().into()), options);
        if tree_path.is_none() {
            // A server has no directory to take a relative path from: there is nothing there.
            for code in [Code::Deleted, Code::EndExist] {
                self.outbox.tell(Event {
                    subscription: id,
                    code,
                    subject: Subject::Root,
                    tag: None,
                    cookie: None,
                });
            }
        }
        Some(Demand::Subscribe(id, tree_path?, kind))
    }

    fn end(&mut self, seq: u32) -> Option<Demand> {
        let Some(id) = self.numbers.remove(&seq) else {
            debug!(seq, "cancel of an unknown number ignored");
            return None;
        };
        let next = self.repeated.range((seq, SubscriptionId(0))..).next().copied();
        if let Some((_, next)) = next.filter(|(number, _)| *number == seq) {
            self.repeated.remove(&(seq, next));
            self.numbers.insert(seq, next);
        }
        debug!(?id, seq, "cancel");
        self.outbox.close(id);
        Some(Demand::Cancel(id))
    }
}
