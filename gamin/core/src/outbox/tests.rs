//! What an outbox does to a stream: the merges one by one, and what has to hold whatever the stream and whenever
//! the client reads.

use std::collections::BTreeMap;

use gamin_engine::{Cookie, Tag};
use gamin_protocol::{Decoder, PACKET_MAX, PATH_MAX};
use proptest::prelude::*;

use super::*;

mod moves;

const ROOT: &str = "/d";

/// Makes an outbox that has just sent its credential, with a subscription for each of `options`, from number 1.
fn outbox(options: &[MonitorOptions]) -> Outbox {
    let mut outbox = Outbox::new(BYTES_MAX);
    outbox.sent(1);
    for (seq, options) in (1..).zip(options) {
        outbox.open(SubscriptionId(seq), seq, ROOT.as_bytes().into(), *options);
    }
    outbox
}

/// Fills the buffer, and lets one answer wait, so that what is told next has to wait too, even a listing.
fn stall(outbox: &mut Outbox) {
    while outbox.waiting.is_empty() {
        outbox.answer(0, vec![b'x'; PATH_MAX]);
    }
}

/// Lets the client read `count` bytes, and gives what it understands of them by now.
fn read(outbox: &mut Outbox, client: &mut Decoder<EventPacket>, mut count: usize) -> Vec<EventPacket> {
    let mut packets = Vec::new();
    while count > 0 && !outbox.transmit().is_empty() {
        let part = &outbox.transmit()[..count.min(outbox.transmit().len())];
        count -= part.len();
        client.push(part);
        let len = part.len();
        outbox.sent(len);
        while let Some(packet) = client.next_message().expect("because the outbox encodes packets") {
            packets.push(packet);
        }
    }
    packets
}

fn read_all(outbox: &mut Outbox) -> Vec<EventPacket> {
    read(outbox, &mut Decoder::new(), usize::MAX)
}

/// An event of subscription 1, said as `Created a`, `Deleted /d` or `EndExist /d`.
fn event(said: &str) -> Event {
    let (code, path) = said.split_once(' ').expect("because tests say a code and a path");
    let code =
        (1..10).map(Code::from).find(|known| known.name() == Some(code)).expect("because it is a code");
    let subject = if path == ROOT { Subject::Root } else { Subject::Entry(Name::from(path.as_bytes())) };
    Event { subscription: SubscriptionId(1), code, subject, tag: None, cookie: None }
}

fn said(packet: &EventPacket) -> String {
    format!("{:?} {}", packet.code, packet.path.escape_ascii())
}

/// What is told after a stall of the events in `told`, which are separated by commas.
fn after_stall(outbox: &mut Outbox, told: &str) -> String {
    stall(outbox);
    for said in told.split(", ") {
        outbox.tell(event(said));
    }
    let packets = read_all(outbox);
    packets.iter().filter(|packet| packet.seq != 0).map(said).collect::<Vec<_>>().join(", ")
}

#[test]
fn waiting_events_merge_by_subject() {
    let table = [
        ("Exists a, Changed a", "Exists a"),
        ("Exists a, Deleted a", ""),
        ("Exists a, Deleted a, Created a", "Created a"),
        ("Created a, Changed a", "Created a"),
        ("Created a, Deleted a", ""),
        ("Changed a, Changed b, Changed a", "Changed b, Changed a"),
        ("Changed a, Deleted a", "Deleted a"),
        ("Deleted a, Created a", "Changed a"),
        ("Deleted a, Created a, Deleted a", "Deleted a"),
        ("Created a, Changed b, Changed a", "Changed b, Created a"),
        ("Deleted a, Created b", "Deleted a, Created b"),
        ("Changed a, Created b, Deleted /d", "Deleted /d"),
        ("Deleted /d, Created /d, Created a", "Deleted /d, Created /d, Created a"),
        ("Deleted /d, Created /d, Created a, Deleted /d", "Deleted /d"),
        ("Created /d, Created a, Deleted /d", ""),
        ("Deleted /d, EndExist /d, Created /d, Created a", "Deleted /d, EndExist /d, Created /d, Created a"),
        ("Deleted /d, EndExist /d, Created /d, Created a, Deleted /d", "Deleted /d, EndExist /d"),
        ("Exists /d, Exists a, Exists b, EndExist /d, Deleted /d", "Deleted /d, EndExist /d"),
        ("Exists a, Exists b, EndExist /d, Deleted /d", "EndExist /d, Deleted /d"),
        (
            "Exists /d, Exists a, EndExist /d, Changed a, Deleted a, Created b",
            "Exists /d, EndExist /d, Created b",
        ),
        ("Changed /d, Changed a, Changed /d", "Changed a, Changed /d"),
        ("Changed /d, Deleted /d", "Deleted /d"),
        ("Deleted /d, Created /d, Changed /d", "Deleted /d, Created /d"),
    ];
    for (told, expected) in table {
        assert_eq!(after_stall(&mut outbox(&[MonitorOptions::NONE]), told), expected, "of {told}");
    }
}

#[test]
fn of_coverage_only_the_last_word_is_told_to_who_asked() {
    let mut outbox = outbox(&[MonitorOptions::COVERAGE, MonitorOptions::NONE]);
    for subscription in [1, 2] {
        outbox.tell_coverage(SubscriptionId(subscription), Coverage::PolledLimit);
    }
    let packets = |outbox: &mut Outbox| {
        read_all(outbox).iter().filter(|packet| packet.seq != 0).map(said).collect::<Vec<_>>()
    };
    assert_eq!(packets(&mut outbox), ["Code(51) polled-limit"]);
    stall(&mut outbox);
    for coverage in [Coverage::Kernel, Coverage::Unreadable] {
        outbox.tell_coverage(SubscriptionId(1), coverage);
    }
    outbox.tell(event("Created unreadable"));
    assert_eq!(packets(&mut outbox), ["Code(51) unreadable", "Created unreadable"]);
    stall(&mut outbox);
    outbox.tell_coverage(SubscriptionId(1), Coverage::Kernel);
    outbox.close(SubscriptionId(1));
    assert_eq!(packets(&mut outbox), ["Acknowledge /d"]);
}

#[test]
fn without_a_stall_every_event_is_told() {
    let mut outbox = outbox(&[MonitorOptions::NONE]);
    for said in ["Created a", "Changed a", "Changed a", "Deleted a"] {
        outbox.tell(event(said));
    }
    let told: Vec<_> = read_all(&mut outbox).iter().map(said).collect();
    assert_eq!(told, ["Created a", "Changed a", "Changed a", "Deleted a"]);
}

#[test]
fn no_exists_leaves_out_the_listing_but_not_that_there_is_nothing() {
    let listing = "Exists /d, Exists a, EndExist /d, Deleted /d, EndExist /d";
    assert_eq!(after_stall(&mut outbox(&[MonitorOptions::NO_EXISTS]), listing), "Deleted /d");
}

#[test]
fn the_latest_tag_goes_to_those_who_want_it() {
    for (options, expected) in [(MonitorOptions::TAGGED, Some(Tag::new(2))), (MonitorOptions::NONE, None)] {
        let mut outbox = outbox(&[options]);
        stall(&mut outbox);
        outbox.tell(Event { tag: Some(Tag::new(1)), ..event("Created a") });
        outbox.tell(Event { tag: Some(Tag::new(2)), ..event("Changed a") });
        assert_eq!(read_all(&mut outbox).pop().and_then(|packet| packet.tag), expected);
    }
}

#[test]
fn a_cancelled_subscription_is_acknowledged_and_nothing_else() {
    let mut outbox = outbox(&[MonitorOptions::NONE, MonitorOptions::NONE]);
    stall(&mut outbox);
    for told in ["Exists /d", "Exists a", "EndExist /d", "Deleted /d", "Created /d", "Created b"] {
        outbox.tell(event(told));
    }
    outbox.tell(Event { subscription: SubscriptionId(2), ..event("Created c") });
    outbox.close(SubscriptionId(1));
    outbox.tell(event("Changed b"));
    let told: Vec<_> = read_all(&mut outbox).iter().filter(|told| told.seq != 0).map(said).collect();
    assert_eq!(told, ["Created c", "Acknowledge /d"]);
    assert_eq!((outbox.replies(), outbox.waiting.len()), (0, 0));
}

/// A listing of `a` to `c` in two parts, and what happens after it, told after a stall.
#[test]
fn a_listing_waits_whole_and_in_front_of_what_comes_later() {
    let part = |names: &[&str]| names.iter().map(|name| (Name::from(name.as_bytes()), None)).collect();
    let table = [
        ("", "Exists /d, Exists a, Exists b, Exists c, EndExist /d"),
        ("Deleted b", "Exists /d, Exists a, Exists b, Exists c, EndExist /d, Deleted b"),
        ("Deleted b, Created b", "Exists /d, Exists a, Exists b, Exists c, EndExist /d, Changed b"),
        ("Deleted /d", "Deleted /d, EndExist /d"),
    ];
    for (later, expected) in table {
        let mut outbox = outbox(&[MonitorOptions::NONE, MonitorOptions::NO_EXISTS]);
        stall(&mut outbox);
        outbox.tell(event("Exists /d"));
        for subscription in [SubscriptionId(1), SubscriptionId(2)] {
            outbox.list(subscription, part(&["a"]));
            outbox.list(subscription, part(&["b", "c"]));
        }
        outbox.tell(event("EndExist /d"));
        later.split(", ").filter(|said| !said.is_empty()).for_each(|said| outbox.tell(event(said)));
        let packets = read_all(&mut outbox);
        let told = packets.iter().filter(|packet| packet.seq != 0).map(said).collect::<Vec<_>>().join(", ");
        assert_eq!(told, expected, "after {later}");
        assert!(outbox.places.is_empty());
    }
}

#[test]
fn of_a_long_listing_only_what_there_is_room_for_becomes_bytes() {
    let mut outbox = outbox(&[MonitorOptions::NONE]);
    let name = |number: usize| Name::from(format!("{number:06}").as_bytes());
    outbox.list(SubscriptionId(1), (0..100_000).map(|number| (name(number), None)).collect());
    assert!(outbox.bytes.len() < BYTES_MAX + PACKET_MAX && outbox.waiting() == 1);
    let (mut client, mut told) = (Decoder::new(), 0);
    while !outbox.transmit().is_empty() {
        assert!(outbox.bytes.len() < 2 * BYTES_MAX + PACKET_MAX);
        for packet in read(&mut outbox, &mut client, 10_000) {
            assert_eq!(*packet.path, *name(told));
            told += 1;
        }
    }
    assert_eq!((told, outbox.waiting()), (100_000, 0));
}

#[test]
fn what_no_packet_can_hold_is_dropped() {
    let mut outbox = outbox(&[]);
    outbox.open(SubscriptionId(1), 1, [b'x'; PATH_MAX + 1].as_slice().into(), MonitorOptions::NONE);
    outbox.tell(event("Deleted /d"));
    outbox.tell(event("Created a"));
    assert_eq!(read_all(&mut outbox).iter().map(said).collect::<Vec<_>>(), ["Created a"]);
}

#[test]
fn a_hundred_thousand_entries_come_and_go_at_no_great_cost() {
    let mut outbox = outbox(&[MonitorOptions::NONE]);
    stall(&mut outbox);
    let stalled = outbox.waiting.len();
    let tell = |outbox: &mut Outbox, code, number: u32| {
        let subject = Subject::Entry(Name::from(number.to_string().as_bytes()));
        outbox.tell(Event { subscription: SubscriptionId(1), code, subject, tag: None, cookie: None });
    };
    const COUNT: u32 = 100_000;
    outbox.tell(event("Exists /d"));
    (0..COUNT).for_each(|number| tell(&mut outbox, Code::Exists, number));
    outbox.tell(event("EndExist /d"));
    assert!(outbox.transmit().len() < BYTES_MAX + PACKET_MAX);
    (0..COUNT).rev().for_each(|number| tell(&mut outbox, Code::Changed, number));
    (0..COUNT).for_each(|number| tell(&mut outbox, Code::Deleted, number));
    assert_eq!(outbox.waiting.len(), stalled + 2);
    (0..COUNT).for_each(|number| tell(&mut outbox, Code::Created, number));
    outbox.close(SubscriptionId(1));
    assert_eq!(outbox.waiting.len(), stalled + 1);
}

/// What one subscriber knows, or what is true: the tag of each thing that is there.
#[derive(Debug, Clone, Default, PartialEq)]
struct State {
    listed: bool,
    root: Option<Tag>,
    entries: BTreeMap<Vec<u8>, Tag>,
}

impl State {
    /// Applies an event; says what is wrong with one that can't have happened.
    fn apply(&mut self, code: Code, entry: Option<&[u8]>, tag: Tag) -> Result<(), TestCaseError> {
        let is_there = entry.map_or(self.root, |name| self.entries.get(name).copied()).is_some();
        match code {
            Code::EndExist => prop_assert!(!std::mem::replace(&mut self.listed, true), "listed twice"),
            Code::Exists => prop_assert!(!self.listed && !is_there, "told to exist again"),
            Code::Created => prop_assert!(!is_there, "created again"),
            Code::Deleted | Code::Moved => {
                prop_assert!(is_there || (entry.is_none() && !self.listed), "deleted again");
            }
            _ => prop_assert!(is_there, "changed while it is not there"),
        }
        prop_assert!(entry.is_none() || self.root.is_some(), "an entry without its directory");
        match (code, entry) {
            (Code::EndExist, _) => {}
            (Code::Deleted, None) => (self.root, self.entries) = (None, BTreeMap::new()),
            (_, None) => self.root = Some(tag),
            (Code::Deleted | Code::Moved, Some(name)) => drop(self.entries.remove(name)),
            (_, Some(name)) => drop(self.entries.insert(name.to_vec(), tag)),
        }
        Ok(())
    }
}

#[derive(Debug, Clone)]
enum Step {
    /// Something happens to the root (of every eighth step) or an entry of a subscription.
    Happen {
        subscription: usize,
        root: bool,
        name: u8,
        delete: bool,
    },
    /// An entry of one is renamed to be one of another, or the same.
    Rename {
        from: (usize, u8),
        to: (usize, u8),
    },
    Ask,
    Stall,
    Read(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let happen = (0..3_usize, prop::bool::weighted(0.12), 0..6_u8, any::<bool>())
        .prop_map(|(subscription, root, name, delete)| Step::Happen { subscription, root, name, delete });
    let entry = || (0..3_usize, 0..6_u8);
    let rename = (entry(), entry()).prop_map(|(from, to)| Step::Rename { from, to });
    let amount = prop_oneof![1..60_usize, 1..5_000_usize, Just(BYTES_MAX), Just(4 * BYTES_MAX)];
    prop_oneof![20 => happen, 8 => rename, 1 => Just(Step::Ask), 2 => Just(Step::Stall), 3 => amount.prop_map(Step::Read)]
}

/// Three subscribers of one session and what is true for each.
struct Stream {
    outbox: Outbox,
    client: Decoder<EventPacket>,
    truth: Vec<State>,
    told: Vec<State>,
    /// What was true at each question that has not been answered, and the last tag by then.
    asked: Vec<(Vec<State>, u64)>,
    last_tag: u64,
    renames: u32,
    /// What was read last was the first half of a rename.
    is_moving: bool,
}

/// Two that are told the listing, and one that takes it for granted.
const SUBSCRIBERS: [MonitorOptions; 3] =
    [MonitorOptions::TAGGED, MonitorOptions::TAGGED, MonitorOptions::NO_EXISTS];
/// To whom the entries are told as a listing, and not each as an event.
const LISTED: [bool; 3] = [true, false, true];
const QUESTION: &[u8] = b"sync";

fn id(subscriber: usize) -> SubscriptionId {
    SubscriptionId(u32::try_from(subscriber + 1).expect("because there are few"))
}

impl Stream {
    fn new(present: [bool; 3], entries: u8) -> Result<Stream, TestCaseError> {
        let asked = MonitorOptions::TAGGED.with(MonitorOptions::MOVES);
        let tagged = SUBSCRIBERS.map(|options| options.with(asked));
        let mut outbox = outbox(&tagged);
        stall(&mut outbox);
        let states = vec![State::default(); SUBSCRIBERS.len()];
        let mut stream = Stream {
            outbox,
            client: Decoder::new(),
            truth: states.clone(),
            told: states,
            asked: Vec::new(),
            last_tag: 0,
            renames: 0,
            is_moving: false,
        };
        for (subscriber, present) in present.into_iter().enumerate() {
            stream.tell(subscriber, if present { Code::Exists } else { Code::Deleted }, None)?;
            let entries = if present { entries } else { 0 };
            if LISTED[subscriber] {
                stream.list(subscriber, entries)?;
            } else {
                for name in 0..entries {
                    stream.tell(subscriber, Code::Exists, Some(&[b'a' + name]))?;
                }
            }
            stream.tell(subscriber, Code::EndExist, None)?;
            if SUBSCRIBERS[subscriber].contains(MonitorOptions::NO_EXISTS) {
                stream.told[subscriber] = stream.truth[subscriber].clone();
                // It is told only that the root is missing, which for it is news.
                stream.told[subscriber].root =
                    Some(Tag::new(0)).filter(|_| !present).or(stream.truth[subscriber].root);
            }
        }
        Ok(stream)
    }

    fn tell(&mut self, subscriber: usize, code: Code, entry: Option<&[u8]>) -> Result<(), TestCaseError> {
        self.tell_half(subscriber, code, entry, None)
    }

    fn tell_half(
        &mut self,
        subscriber: usize,
        code: Code,
        entry: Option<&[u8]>,
        cookie: Option<Cookie>,
    ) -> Result<(), TestCaseError> {
        self.last_tag += 1;
        let tag = Tag::new(self.last_tag);
        self.truth[subscriber].apply(code, entry, tag)?;
        let subject = entry.map_or(Subject::Root, |name| Subject::Entry(Name::from(name)));
        let subscription = id(subscriber);
        self.outbox.tell(Event { subscription, code, subject, tag: Some(tag), cookie });
        Ok(())
    }

    fn list(&mut self, subscriber: usize, entries: u8) -> Result<(), TestCaseError> {
        let mut listing = Vec::new();
        for name in (0..entries).map(|name| [b'a' + name]) {
            self.last_tag += 1;
            let tag = Tag::new(self.last_tag);
            self.truth[subscriber].apply(Code::Exists, Some(&name), tag)?;
            listing.push((Name::from(name.as_slice()), Some(tag)));
        }
        self.outbox.list(id(subscriber), listing.into_iter().collect());
        Ok(())
    }

    fn handle_step(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match *step {
            Step::Happen { subscription, root, name, delete } => {
                let state = &self.truth[subscription];
                let name = [b'a' + name];
                let entry = (!root).then_some(name.as_slice());
                let is_there = entry.map_or(state.root, |name| state.entries.get(name).copied()).is_some();
                let code = match (is_there, delete) {
                    (false, _) => Code::Created,
                    (true, false) => Code::Changed,
                    (true, true) => Code::Deleted,
                };
                if root || state.root.is_some() {
                    self.tell(subscription, code, entry)?;
                }
            }
            Step::Rename { from: (from, old), to: (to, new) } => {
                let (old, new) = ([b'a' + old], [b'a' + new]);
                let has = |of: usize, name: &[u8]| self.truth[of].entries.contains_key(name);
                let code = if has(to, &new) { Code::Changed } else { Code::Created };
                if (from, old) != (to, new) && has(from, &old) && self.truth[to].root.is_some() {
                    self.renames += 1;
                    let cookie = Cookie::of(self.renames);
                    self.tell_half(from, Code::Deleted, Some(&old), cookie)?;
                    self.tell_half(to, code, Some(&new), cookie)?;
                }
            }
            Step::Ask => {
                self.asked.push((self.truth.clone(), self.last_tag));
                self.outbox.answer(9, QUESTION.to_vec());
            }
            Step::Stall => stall(&mut self.outbox),
            Step::Read(count) => self.read(count)?,
        }
        Ok(())
    }

    fn read(&mut self, count: usize) -> Result<(), TestCaseError> {
        for packet in read(&mut self.outbox, &mut self.client, count) {
            let was_moving = std::mem::replace(&mut self.is_moving, packet.code == Code::Moved);
            prop_assert!(!was_moving || matches!(packet.code, Code::Created | Code::Changed), "{packet:?}");
            match packet.seq {
                0 => {}
                9 => self.check_answer()?,
                seq => {
                    let entry = (packet.path != ROOT.as_bytes()).then_some(&*packet.path);
                    let told = &mut self.told[seq as usize - 1];
                    told.apply(packet.code, entry, packet.tag.unwrap_or(Tag::new(0)))?;
                }
            }
        }
        Ok(())
    }

    /// All that was true when the question was asked has been told, unless it has become untrue since.
    fn check_answer(&mut self) -> Result<(), TestCaseError> {
        let (then, last_tag) = self.asked.remove(0);
        for ((then, now), told) in then.iter().zip(&self.truth).zip(&self.told) {
            prop_assert!(told.listed);
            if then.root != now.root {
                // With the root, whatever was to be told of its entries has gone.
                continue;
            }
            prop_assert_eq!(told.root, then.root);
            for (name, tag) in &then.entries {
                let lasts = now.entries.get(name) == Some(tag);
                prop_assert!(!lasts || told.entries.get(name) == Some(tag), "{name:?}");
            }
            for (name, tag) in &told.entries {
                prop_assert!(then.entries.contains_key(name) || tag.bits() > last_tag, "{name:?}");
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    /// The promise of a consistent stream, for a client that reads when it likes.
    #[test]
    fn what_comes_out_is_consistent_and_leads_to_what_is_true(
        present in any::<[bool; 3]>(),
        entries in 0..6_u8,
        steps in prop::collection::vec(step(), 0..300),
    ) {
        let mut stream = Stream::new(present, entries)?;
        for step in &steps {
            stream.handle_step(step)?;
            // For each subscriber six entries, the end of its listing, and a root that went and came back.
            let events = stream.outbox.waiting.len() - stream.outbox.replies();
            prop_assert!(events <= 3 * (6 + 1 + 2));
            prop_assert!(stream.outbox.transmit().len() < BYTES_MAX + 2 * PACKET_MAX);
            prop_assert!(stream.outbox.bytes.len() < 2 * BYTES_MAX + 2 * PACKET_MAX);
        }
        stream.read(usize::MAX)?;
        prop_assert_eq!(&stream.told, &stream.truth);
        prop_assert!(stream.asked.is_empty() && stream.outbox.waiting.is_empty());
    }
}
