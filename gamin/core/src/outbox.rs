//! What one session is still to be told: bytes for its socket, and behind them events that wait.
//!
//! While the socket takes what it is given, an event is encoded at once. When it does not, events wait and are
//! merged by subscription and subject, so that a client which sleeps costs memory for what it watches, not for
//! how long it sleeps. How a subscription is made and ended is left to the session, the socket to the host.
//!
//! Invariant: merging keeps the stream consistent. What waits about a subject leads from what the client has
//! been told of it to what is true now, and the client comes to the same state as if it had read every event.

mod rename;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use gamin_engine::{Code, Coverage, Event, IdMap, Listing, Name, SharedBytes, Subject, SubscriptionId};
use gamin_protocol::{CREDENTIAL, EventPacket, MonitorOptions, Presence, Tag};
use smallvec::SmallVec;
use tracing::{trace, warn};

use rename::Rename;

/// How many bytes lie ready for a server's socket before further events wait. It is exceeded by less than two
/// packets, and by the hinges of listings: their roots and ends.
pub const BYTES_MAX: usize = 64 * 1024;

/// For how many bytes room is kept when there are none.
const ROOM_KEPT: usize = 4096;

/// Where something stands in the order in which it is to be told.
type Place = u64;

/// The bytes and the waiting events of one session.
#[derive(Debug)]
pub(crate) struct Outbox {
    /// How many bytes may lie ready.
    ready_max: usize,
    bytes: Vec<u8>,
    /// How many of `bytes` the socket has taken.
    taken: usize,
    /// The rename that the last of `bytes` tell of.
    rename: Rename,
    addressees: IdMap<SubscriptionId, Addressee>,
    /// Of each subscription of which something waits, where.
    places: BTreeMap<SubscriptionId, Places>,
    /// Empty unless `bytes` is or was full: everything in here comes after everything in there.
    waiting: BTreeMap<Place, Waiting>,
    next_place: Place,
    /// Nothing in front of this place may be moved behind it: an answer waits there.
    fence: Place,
    replies: usize,
}

/// A live subscription.
#[derive(Debug)]
struct Addressee {
    seq: u32,
    options: MonitorOptions,
    path: SharedBytes,
}

/// Where what is to be told of a subscription waits.
#[derive(Debug, Default)]
struct Places {
    /// At most two: a departure, and the arrival after it.
    root: Vec<Place>,
    /// At most two: the beginning of a long one, and the rest.
    listings: SmallVec<[Place; 2]>,
    end_of_listing: Option<Place>,
    coverage: Option<Place>,
    entries: BTreeMap<Name, Place>,
}

#[derive(Debug)]
enum Waiting {
    Word(Word),
    /// What is left of a listing. It shares with the engine what has not changed since, so it is no larger than that.
    Listing(SubscriptionId, Listing),
}

/// What one packet tells.
#[derive(Debug)]
enum Word {
    Event(Event),
    Coverage(SubscriptionId, Coverage),
    Reply { seq: u32, code: Code, text: Vec<u8> },
}

impl Outbox {
    /// Makes the outbox of a client that has shown its credentials: it is shown ours.
    pub fn new(ready_max: usize) -> Outbox {
        Outbox {
            ready_max,
            bytes: vec![CREDENTIAL],
            taken: 0,
            rename: Rename::default(),
            addressees: IdMap::default(),
            places: BTreeMap::new(),
            waiting: BTreeMap::new(),
            next_place: 0,
            fence: 0,
            replies: 0,
        }
    }

    /// The live subscriptions.
    pub fn subscriptions(&self) -> impl Iterator<Item = SubscriptionId> {
        self.addressees.keys()
    }

    /// How many they are.
    pub fn subscription_count(&self) -> usize {
        self.addressees.len()
    }

    /// The request number of a live subscription, and its path as it was asked for.
    pub fn addressee(&self, id: SubscriptionId) -> Option<(u32, &[u8])> {
        self.addressees.get(&id).map(|addressee| (addressee.seq, &*addressee.path))
    }

    /// How much waits behind the bytes.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// How many acknowledgements and answers wait. They can't be merged.
    pub fn replies(&self) -> usize {
        self.replies
    }

    /// The bytes that the socket is to be given.
    pub fn transmit(&self) -> &[u8] {
        &self.bytes[self.taken..]
    }

    /// Takes note that the socket has taken the first `count` bytes.
    pub fn sent(&mut self, count: usize) {
        self.taken = self.bytes.len().min(self.taken + count);
        self.rename.end();
        // What has been taken makes room once it is at least as much as what is moved.
        if self.taken == self.bytes.len() {
            self.bytes.clear();
            self.bytes.shrink_to(ROOM_KEPT);
            self.taken = 0;
        } else if self.taken >= self.ready_max {
            self.bytes.drain(..self.taken);
            self.taken = 0;
        }
        self.flow();
    }

    /// Lets what waits become bytes, as far as there is room.
    fn flow(&mut self) {
        while self.has_room()
            && let Some((place, next)) = self.waiting.pop_first()
        {
            let told = match next {
                Waiting::Listing(id, listing) => {
                    self.write_listing(place, id, listing);
                    continue;
                }
                Waiting::Word(told) => told,
            };
            match &told {
                Word::Reply { .. } => self.replies -= 1,
                Word::Coverage(id, _) => self.change(*id, |places| places.coverage = None),
                Word::Event(event) => self.change(event.subscription, |places| places.forget(place, event)),
            }
            self.write(&told);
        }
    }

    /// Begins to tell of a subscription.
    pub fn open(&mut self, id: SubscriptionId, seq: u32, path: SharedBytes, options: MonitorOptions) {
        self.addressees.insert(id, Addressee { seq, options, path });
    }

    /// Ends a subscription: nothing that waits is told of it any more but that it has ended.
    pub fn close(&mut self, id: SubscriptionId) {
        let Some(addressee) = self.addressees.remove(&id) else { return };
        let Addressee { seq, path, .. } = addressee;
        for place in self.places.remove(&id).unwrap_or_default().into_all() {
            self.waiting.remove(&place);
        }
        self.reply(seq, Code::Acknowledge, path.to_vec());
    }

    /// Answers a question, behind everything that is to be told already.
    pub fn answer(&mut self, seq: u32, answer: Vec<u8>) {
        self.reply(seq, Code::Answer, answer);
        self.fence = self.next_place;
    }

    /// Tells an event. One of a subscription that has ended, or that it did not ask for, is dropped.
    pub fn tell(&mut self, mut event: Event) {
        let Some(addressee) = self.addressees.get(&event.subscription) else { return };
        let listing = matches!(event.code, Code::Exists | Code::EndExist);
        if listing && addressee.options.contains(MonitorOptions::NO_EXISTS) {
            return;
        }
        if !addressee.options.contains(MonitorOptions::TAGGED) {
            event.tag = None;
        }
        trace!(seq = addressee.seq, code = ?event.code, subject = ?event.subject, "event");
        // The hinges of a listing need not wait for the socket: as bytes they are as small as they get, and only what happens
        // afterwards could be merged.
        if self.is_flowing() || listing && self.waiting.is_empty() {
            self.write_event(event);
        } else {
            self.merge(event);
        }
    }

    /// Tells a listing, as far as there is room, and the rest when there is.
    pub fn list(&mut self, id: SubscriptionId, listing: Listing) {
        let Some(addressee) = self.addressees.get(&id) else { return };
        if addressee.options.contains(MonitorOptions::NO_EXISTS) || listing.is_empty() {
            return;
        }
        let place = self.push(Waiting::Listing(id, listing));
        self.change(id, |places| places.listings.push(place));
        self.flow();
    }

    /// Tells how a subscription is covered, if it asked for that. Of what waits, only the last is true.
    pub fn tell_coverage(&mut self, id: SubscriptionId, coverage: Coverage) {
        let Some(addressee) = self.addressees.get(&id) else { return };
        if !addressee.options.contains(MonitorOptions::COVERAGE) {
            return;
        }
        let place = self.places.get(&id).and_then(|places| places.coverage);
        if let Some(Waiting::Word(Word::Coverage(_, waiting))) =
            place.and_then(|place| self.waiting.get_mut(&place))
        {
            *waiting = coverage;
        } else if self.waiting.is_empty() {
            self.write(&Word::Coverage(id, coverage));
        } else {
            let place = self.push(Waiting::Word(Word::Coverage(id, coverage)));
            self.change(id, |places| places.coverage = Some(place));
        }
    }

    fn reply(&mut self, seq: u32, code: Code, text: Vec<u8>) {
        let reply = Word::Reply { seq, code, text };
        if self.is_flowing() {
            self.write(&reply);
        } else {
            self.replies += 1;
            self.push(Waiting::Word(reply));
        }
    }

    /// Whether what is told now need not wait.
    fn is_flowing(&self) -> bool {
        self.waiting.is_empty() && self.has_room()
    }

    fn has_room(&self) -> bool {
        self.transmit().len() < self.ready_max
    }

    /// Writes of a listing what there is room for; the rest waits at its place.
    fn write_listing(&mut self, place: Place, id: SubscriptionId, mut listing: Listing) {
        let Some(Addressee { seq, options, .. }) = self.addressees.get(&id) else { return };
        let (seq, is_tagged) = (*seq, options.contains(MonitorOptions::TAGGED));
        while self.has_room() {
            let Some((name, tag)) = listing.take_next() else {
                return self.change(id, |places| places.listings.retain(|waiting| *waiting != place));
            };
            encode(&mut self.bytes, seq, Code::Exists, name, tag.filter(|_| is_tagged));
        }
        self.waiting.insert(place, Waiting::Listing(id, listing));
    }

    /// Writes an event. The other half of a rename is put behind the first, which says so then, for who wants that.
    fn write_event(&mut self, event: Event) {
        let wants_moves = |addressee: &Addressee| addressee.options.contains(MonitorOptions::MOVES);
        let is_half =
            event.cookie.is_some() && self.addressees.get(&event.subscription).is_some_and(wants_moves);
        if !is_half {
            return self.write(&Word::Event(event));
        }
        if event.code == Code::Deleted {
            let from = self.bytes.len();
            self.write(&Word::Event(event.clone()));
            return self.rename.begin(event, from..self.bytes.len());
        }
        if let Some((first, bytes)) = self.rename.complete(&event) {
            self.bytes.drain(bytes);
            self.write(&Word::Event(Event { code: Code::Moved, ..first }));
        }
        self.write(&Word::Event(event));
    }

    fn write(&mut self, told: &Word) {
        if !matches!(told, Word::Event(event) if self.rename.is_told_by(event)) {
            self.rename.end();
        }
        let (seq, code, subject, tag) = match told {
            Word::Event(Event { subscription, code, subject, tag, .. }) => {
                let Some(addressee) = self.addressees.get(subscription) else { return };
                let subject = match subject {
                    Subject::Root => &*addressee.path,
                    Subject::Entry(name) => name,
                };
                (addressee.seq, *code, subject, *tag)
            }
            Word::Coverage(subscription, coverage) => {
                let Some(addressee) = self.addressees.get(subscription) else { return };
                (addressee.seq, Code::Coverage, coverage.word().as_bytes(), None)
            }
            Word::Reply { seq, code, text } => (*seq, *code, &**text, None),
        };
        encode(&mut self.bytes, seq, code, subject, tag);
    }

    fn push(&mut self, waiting: Waiting) -> Place {
        let place = self.next_place;
        self.next_place += 1;
        self.waiting.insert(place, waiting);
        place
    }

    /// Changes what waits where of a subscription.
    fn change(&mut self, id: SubscriptionId, change: impl FnOnce(&mut Places)) {
        let places = self.places.entry(id).or_default();
        change(places);
        if places.is_empty() {
            self.places.remove(&id);
        }
    }

    /// Lets an event wait behind everything else.
    fn append(&mut self, event: Event) {
        let place = self.next_place;
        self.change(event.subscription, |places| places.note(place, &event));
        self.push(Waiting::Word(Word::Event(event)));
    }

    /// Lets an event wait, as one with what waits about its subject.
    fn merge(&mut self, event: Event) {
        if event.subject == Subject::Root && event.code == Code::Deleted {
            // A directory that is gone takes its entries along, without an event for each.
            let mut gone = Vec::new();
            self.change(event.subscription, |places| gone = places.take_entries());
            for place in gone {
                self.waiting.remove(&place);
            }
        }
        let place = self.places.get(&event.subscription).and_then(|places| places.of(&event));
        let Some(place) = place else { return self.append(event) };
        let Some(Waiting::Word(Word::Event(first))) = self.waiting.get_mut(&place) else {
            return self.append(event);
        };
        match merged(&event.subject, first.code, event.code) {
            Merged::Both => self.append(event),
            Merged::One(code) if place < self.fence || keeps_its_place(first) => {
                first.code = code;
                first.tag = event.tag;
            }
            merged => {
                self.change(event.subscription, |places| places.forget(place, &event));
                self.waiting.remove(&place);
                if let Merged::One(code) = merged {
                    self.append(Event { code, ..event });
                }
            }
        }
    }
}

/// Writes one packet.
fn encode(bytes: &mut Vec<u8>, seq: u32, code: Code, subject: &[u8], tag: Option<Tag>) {
    if let Err(error) = EventPacket::encode(bytes, seq, code, subject, tag) {
        let subject = subject.escape_ascii();
        warn!(seq, ?code, %subject, %error, "event dropped: no packet can hold it");
    }
}

impl Places {
    fn is_empty(&self) -> bool {
        let Places { root, listings, end_of_listing, coverage, entries } = self;
        root.is_empty()
            && listings.is_empty()
            && end_of_listing.is_none()
            && coverage.is_none()
            && entries.is_empty()
    }

    /// All places.
    fn into_all(mut self) -> impl Iterator<Item = Place> {
        let entries = self.take_entries();
        self.root.into_iter().chain(self.end_of_listing).chain(self.coverage).chain(entries)
    }

    /// The places of all that is about entries, which waits no longer.
    fn take_entries(&mut self) -> Vec<Place> {
        std::mem::take(&mut self.listings)
            .into_iter()
            .chain(std::mem::take(&mut self.entries).into_values())
            .collect()
    }

    /// Where the last of what waits about the event's subject stands.
    fn of(&self, event: &Event) -> Option<Place> {
        match &event.subject {
            Subject::Root if event.code == Code::EndExist => self.end_of_listing,
            Subject::Root => self.root.last().copied(),
            Subject::Entry(name) => self.entries.get(name).copied(),
        }
    }

    /// Takes note that `event` waits at `place`.
    fn note(&mut self, place: Place, event: &Event) {
        match &event.subject {
            Subject::Root if event.code == Code::EndExist => self.end_of_listing = Some(place),
            Subject::Root => self.root.push(place),
            Subject::Entry(name) => drop(self.entries.insert(name.clone(), place)),
        }
    }

    /// Takes note that the event at `place`, which is about the same as `event`, waits no longer.
    fn forget(&mut self, place: Place, event: &Event) {
        match &event.subject {
            Subject::Root if event.code == Code::EndExist => self.end_of_listing = None,
            Subject::Root => self.root.retain(|waiting| *waiting != place),
            Subject::Entry(name) => drop(self.entries.remove(name)),
        }
    }
}

/// What becomes of an event that waits and the next one about its subject.
enum Merged {
    Nothing,
    One(Code),
    Both,
}

/// Merges two events about one subject: a client that reads the result is told as much of what is true now as
/// if it had read both.
fn merged(subject: &Subject, first: Code, next: Code) -> Merged {
    if *subject == Subject::Root {
        match (first, next) {
            // A directory that comes back has other entries: that it was gone has to be said.
            (Code::Deleted, Code::Created) => return Merged::Both,
            // A listing always says what it found: now, nothing.
            (Code::Exists, Code::Deleted) => return Merged::One(Code::Deleted),
            (Code::EndExist, _) => return Merged::One(Code::EndExist),
            _ => {}
        }
    }
    // Whether the client has been told that the subject is there, and whether it is there now.
    let was_there = matches!(first, Code::Changed | Code::Deleted);
    let is_there = next.presence() != Some(Presence::Absent);
    match (was_there, is_there) {
        (false, false) => Merged::Nothing,
        (false, true) => Merged::One(first),
        (true, false) => Merged::One(Code::Deleted),
        (true, true) => Merged::One(Code::Changed),
    }
}

/// Whether a merged event stays where the first one stood, instead of going where the last one belongs: in a
/// listing, which has an end, and where a root's entries come after it.
fn keeps_its_place(first: &Event) -> bool {
    first.code == Code::Exists || first.subject == Subject::Root && first.code != Code::Changed
}
