//! A model of a server and of a caller, and the world that both live in.
//!
//! The server reads what the state really sends and has one directory to tell about; the caller believes
//! what it is told and objects to what is impossible.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use gamin_protocol::{CREDENTIAL, Code, MonitorOptions, Tag};
use proptest::prelude::*;

use super::super::*;
use crate::Event;

pub(super) const ROOT: &str = "/watched//directory/";

/// What is on disk: a version for each name, or no directory.
pub(super) type Disk = Option<BTreeMap<u8, u64>>;

/// A server with one session.
pub(super) struct Server {
    tagged: bool,
    barrier: bool,
    requests: Decoder<Request>,
    pub(super) subscriptions: BTreeSet<u32>,
    outbox: VecDeque<Vec<u8>>,
}

impl Server {
    pub(super) fn new(tagged: bool) -> Server {
        Server {
            tagged,
            barrier: tagged,
            requests: Decoder::new(),
            subscriptions: BTreeSet::new(),
            outbox: VecDeque::from([vec![CREDENTIAL]]),
        }
    }

    /// Connects `state` to a new server.
    pub(super) fn connect(state: &mut State, tagged: bool) -> Server {
        state.handle_connected();
        assert_eq!(state.output().first(), Some(&CREDENTIAL));
        state.handle_sent(1);
        Server::new(tagged)
    }

    pub(super) fn send(&mut self, seq: u32, code: Code, path: &[u8], version: Option<u64>) {
        let mut packet = Vec::new();
        let tag = version.filter(|_| self.tagged).map(Tag::new);
        protocol::EventPacket::encode(&mut packet, seq, code, path, tag).expect("a good path");
        self.outbox.push_back(packet);
    }

    /// Takes what the state wants to send, and answers it.
    pub(super) fn take_requests(&mut self, state: &mut State, disk: &Disk) {
        self.requests.push(state.output());
        state.handle_sent(state.output().len());
        while let Some(request) = self.requests.next_message().expect("a good request") {
            match request {
                Request::Monitor { seq, options, path, .. } => {
                    assert!(
                        options.contains(MonitorOptions::TAGGED)
                            && !options.contains(MonitorOptions::NO_EXISTS)
                    );
                    assert!(self.subscriptions.insert(seq), "a wire number is used twice");
                    self.list(seq, &path, disk);
                }
                Request::Cancel { seq } => {
                    assert!(self.subscriptions.remove(&seq), "an unknown number is cancelled");
                    self.send(seq, Code::Acknowledge, ROOT.as_bytes(), None);
                }
                Request::Ask { seq, question } if self.barrier => {
                    self.send(seq, Code::Answer, &question, None);
                }
                Request::Ask { .. } => {}
            }
        }
    }

    fn list(&mut self, seq: u32, path: &[u8], disk: &Disk) {
        match disk {
            None => self.send(seq, Code::Deleted, path, None),
            Some(entries) => {
                self.send(seq, Code::Exists, path, Some(0));
                for (name, version) in entries {
                    self.send(seq, Code::Exists, &[*name], Some(*version));
                }
            }
        }
        self.send(seq, Code::EndExist, path, None);
    }

    fn report(&mut self, code: Code, name: Option<u8>, version: Option<u64>) {
        for seq in self.subscriptions.clone() {
            match name {
                Some(name) => self.send(seq, code, &[name], version),
                None => self.send(seq, code, ROOT.as_bytes(), version),
            }
        }
    }

    /// Sends the first packets, whole ones.
    pub(super) fn deliver(&mut self, state: &mut State, count: usize) {
        for packet in self.outbox.drain(..count.min(self.outbox.len())) {
            let (front, back) = packet.split_at(packet.len() / 2);
            state.handle_bytes(front).expect("a good packet");
            state.handle_bytes(back).expect("a good packet");
        }
    }

    pub(super) fn deliver_all(&mut self, state: &mut State, disk: &Disk) {
        self.take_requests(state, disk);
        self.deliver(state, usize::MAX);
    }

    /// Dies, perhaps in the middle of a packet.
    pub(super) fn kill(mut self, state: &mut State) {
        if let Some(packet) = self.outbox.pop_front() {
            state.handle_bytes(&packet[..packet.len() / 2]).expect("half a good packet");
        }
        state.handle_lost();
    }
}

/// Somebody who believes what it is told.
#[derive(Default)]
pub(super) struct Caller {
    pub(super) listed: bool,
    pub(super) acknowledged: bool,
    /// `None` until something is told about the root.
    pub(super) root: Option<bool>,
    /// The version that was on disk when the name was told.
    pub(super) entries: BTreeMap<Vec<u8>, Option<u64>>,
}

impl Caller {
    pub(super) fn take_events(&mut self, state: &mut State, disk: &Disk) {
        while state.has_event() {
            let event = state.poll_event().expect("has_event said so");
            self.take(&event, disk);
        }
        assert_eq!(state.poll_event(), None);
    }

    fn take(&mut self, event: &Event, disk: &Disk) {
        assert!(!self.acknowledged, "{event:?} after Acknowledge");
        let is_root = event.path == Path::new(ROOT);
        let name = event.path.as_os_str().as_bytes().to_vec();
        let version = disk.as_ref().and_then(|entries| entries.get(name.first()?).copied());
        let present = if is_root { self.root == Some(true) } else { self.entries.contains_key(&name) };
        match event.code {
            Code::Exists => assert!(!present && !self.listed, "{event:?}"),
            Code::Created => assert!(!present && self.listed, "{event:?}"),
            Code::Changed => assert!(present && !is_root, "{event:?}"),
            Code::Deleted if is_root => assert!(present || self.root.is_none(), "{event:?}"),
            Code::Deleted => assert!(present, "{event:?}"),
            Code::EndExist => {
                assert!(is_root && !self.listed && self.root.is_some(), "{event:?}");
                self.listed = true;
                return;
            }
            Code::Acknowledge => {
                assert!(is_root, "{event:?}");
                self.acknowledged = true;
                return;
            }
            code => panic!("{code:?}"),
        }
        assert!(is_root || self.root == Some(true), "{event:?} in no directory");
        match (is_root, event.code == Code::Deleted) {
            (true, gone) => {
                self.root = Some(!gone);
                self.entries.clear();
            }
            (false, true) => drop(self.entries.remove(&name)),
            (false, false) => drop(self.entries.insert(name, version)),
        }
    }
}

#[derive(Debug, Clone)]
pub(super) enum Step {
    Write(u8),
    Remove(u8),
    MakeRoot,
    RemoveRoot,
    Deliver(usize),
    Read,
    Kill,
    Connect,
    Suspend,
    Resume,
    Cancel,
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let name = || b'a'..b'f';
    prop_oneof![
        8 => name().prop_map(Step::Write),
        4 => name().prop_map(Step::Remove),
        1 => Just(Step::MakeRoot),
        1 => Just(Step::RemoveRoot),
        6 => (0usize..6).prop_map(Step::Deliver),
        3 => Just(Step::Read),
        2 => Just(Step::Kill),
        4 => Just(Step::Connect),
        2 => Just(Step::Suspend),
        3 => Just(Step::Resume),
    ]
}

/// A state, the servers that it has one after the other, its caller and the disk.
pub(super) struct World {
    pub(super) state: State,
    pub(super) server: Option<Server>,
    pub(super) caller: Caller,
    pub(super) disk: Disk,
    clock: u64,
    tagged: bool,
    pub(super) request: RequestNumber,
}

impl World {
    pub(super) fn new(disk: Disk, tagged: bool) -> World {
        let mut state = State::default();
        let request = state.monitor(Kind::Directory, Path::new(ROOT), None).expect("a good path");
        World { state, server: None, caller: Caller::default(), disk, clock: 10, tagged, request }
    }

    fn report(&mut self, code: Code, name: Option<u8>, version: Option<u64>) {
        if let Some(server) = &mut self.server {
            server.report(code, name, version);
        }
    }

    pub(super) fn play(&mut self, step: &Step) {
        self.clock += 1;
        let version = Some(self.clock);
        match *step {
            Step::Write(name) => {
                let Some(entries) = &mut self.disk else { return };
                let old = entries.insert(name, self.clock);
                let code = if old.is_some() { Code::Changed } else { Code::Created };
                self.report(code, Some(name), version);
            }
            Step::Remove(name) => {
                if self.disk.as_mut().is_some_and(|entries| entries.remove(&name).is_some()) {
                    self.report(Code::Deleted, Some(name), None);
                }
            }
            Step::MakeRoot if self.disk.is_none() => {
                self.disk = Some(BTreeMap::new());
                self.report(Code::Created, None, Some(0));
            }
            Step::RemoveRoot if self.disk.take().is_some() => self.report(Code::Deleted, None, None),
            Step::MakeRoot | Step::RemoveRoot => {}
            Step::Deliver(count) => {
                if let Some(server) = &mut self.server {
                    server.deliver(&mut self.state, count);
                }
            }
            Step::Read => self.caller.take_events(&mut self.state, &self.disk),
            Step::Kill => {
                if let Some(server) = self.server.take() {
                    server.kill(&mut self.state);
                }
            }
            Step::Connect if self.server.is_none() => {
                self.server = Some(Server::connect(&mut self.state, self.tagged));
            }
            Step::Connect => {}
            // They do nothing to what is cancelled.
            Step::Suspend => drop(self.state.suspend(self.request)),
            Step::Resume => drop(self.state.resume(self.request)),
            Step::Cancel => self.state.cancel(self.request).expect("it is known"),
        }
        if let Some(server) = &mut self.server {
            server.take_requests(&mut self.state, &self.disk);
        }
    }

    pub(super) fn finish(&mut self) {
        for step in [Step::Resume, Step::Connect, Step::Deliver(usize::MAX), Step::Read] {
            self.play(&step);
        }
    }
}

pub(super) fn disk() -> impl Strategy<Value = Disk> {
    proptest::option::weighted(0.8, proptest::collection::btree_map(b'a'..b'f', 0u64..3, 0..5))
}
