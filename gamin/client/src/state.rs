//! A connection without a socket: bytes in, events out; requests in, bytes out.
//!
//! Calling contract: `handle_connected` when there is a new server, `handle_bytes` with what it sends,
//! `handle_lost` when it is gone; after each call have [`State::explore`] look at new names, send
//! [`State::output`], say how much of it was sent (`handle_sent`), and take events with [`State::poll_event`].
//! The commands ([`State::monitor`] and so on) are allowed at any time; what is asked without a server is asked of
//! the next one.
//!
//! What is received stays where it is until its events are taken, and goes from there to the caller. Whatever else asks for
//! something has all of it handled first, and queued; with questions or trees there are, that is done as it comes.
//!
//! Invariants, through any number of servers: who has read the whole queue knows of each path exactly what
//! `told::Told` holds; each request has one EndExist, unless it asked for none; each cancel is followed by
//! one Acknowledge and silence. There is no clock, no I/O and no hash order here.

mod asked;
mod branches;
mod name_map;
mod output;
mod questions;
mod queue;
mod received;
mod subscription;
mod told;
mod tree;
mod width;
mod wire;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use gamin_protocol::{self as protocol, DecodeError, Decoder, Kind, Peeked, Request, SYNC};

use crate::RequestNumber;
use crate::error::Error;
use asked::{Asked, Monitored};
pub use asked::{MonitorRequest, Scope};
use output::Output;
use questions::Questions;
pub use questions::{Outcome, Token};
use queue::Queue;
use subscription::{Subscription, Wants};
use tree::Tree;
pub use tree::{Gaps, TreeOptions};
use wire::{Owner, WireNumbers};

/// Why a server cannot be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ServerError {
    /// Its first byte is another than the credential.
    #[error("it greets with {0:#04x}")]
    Greeting(u8),
    /// It serves as many clients as it can, and not this one.
    #[error("it has no room for another client")]
    Full,
    /// What it sends is no packet.
    #[error(transparent)]
    Packet(#[from] DecodeError),
}

/// The state of a connection.
#[derive(Debug, Default)]
pub struct State {
    requests: BTreeMap<RequestNumber, Asked>,
    /// Those that want to know which of their names are directories.
    curious: BTreeSet<RequestNumber>,
    /// Those that have directories which wait for a wire number, or for word whether there are more of them.
    starved: BTreeSet<RequestNumber>,
    /// How many directories trees have taken up, or let wait.
    branches: u64,
    last_number: i32,
    no_exists: bool,
    wire: WireNumbers,
    questions: Questions,
    /// The one whether the server understands wide numbers, while it is open.
    width_question: Option<Token>,
    queue: Queue,
    output: Output,
    connected: bool,
    greeted: bool,
    /// What came later than all that is queued.
    received: Decoder<protocol::EventPacket>,
    /// The first event in `received`, if it is the next and goes straight to its caller.
    next_received: Option<Peeked>,
    /// How many of the requests are trees.
    trees: usize,
    /// The wire number of a request whose Acknowledge is awaited for its own sake.
    nudge: Option<u32>,
    strays: u64,
}

// Getters.
impl State {
    /// Whether the server has shown that it serves this connection.
    pub fn is_greeted(&self) -> bool {
        self.greeted
    }

    /// Whether [`State::poll_event`] has an event.
    pub fn has_event(&self) -> bool {
        self.next_received.is_some() || !self.queue.is_empty()
    }

    /// Whether there is a server that may have nothing to say for long.
    pub fn is_silent(&self) -> bool {
        self.greeted && self.connected && self.nudge.is_none() && self.questions.open() == 0
    }

    /// What is to be sent.
    pub fn output(&self) -> &[u8] {
        self.output.bytes()
    }

    /// How often a server has spoken of a request that was over. The original's does; ours does not.
    pub fn strays(&self) -> u64 {
        self.strays
    }

    /// How many directories its trees have taken up so far, or have waiting: what was asked before does not cover them.
    pub fn branches(&self) -> u64 {
        self.branches
    }

    /// How many subscriptions it has had, as far as there are numbers: those of the first are used again.
    pub fn subscriptions(&self) -> usize {
        self.wire.taken()
    }

    /// How many questions the server has not answered.
    pub fn open_questions(&self) -> usize {
        self.questions.open()
    }

    /// What has become of a question.
    pub fn outcome(&self, token: Token) -> Outcome {
        self.questions.outcome(token)
    }
}

// Inputs.
impl State {
    /// There is a new server: greets it, subscribes to everything again, asks again.
    pub fn handle_connected(&mut self) {
        self.connected = true;
        self.greeted = false;
        self.received = Decoder::new();
        self.output.clear();
        self.output.credential();
        let live = self.requests.values().flat_map(Asked::live);
        for (_, request) in live.filter(|(wire, _)| self.wire.is_understood(*wire)) {
            self.output.request(&request);
        }
        // Its answer comes before that to a barrier, which is to cover what is asked for then.
        let first = self.ask_width();
        self.questions.ask_again(first, &mut self.wire, &mut self.output);
    }

    /// Takes what the server sent.
    ///
    /// # Errors
    /// The server cannot be understood; what came before that was taken. Where an event is to be polled before, only
    /// [`State::check`] says so afterwards.
    pub fn handle_bytes(&mut self, bytes: &[u8]) -> Result<(), ServerError> {
        let mut bytes = bytes;
        if !self.greeted
            && let Some((first, rest)) = bytes.split_first()
        {
            if *first == protocol::FULL {
                return Err(ServerError::Full);
            }
            if *first != protocol::CREDENTIAL {
                return Err(ServerError::Greeting(*first));
            }
            self.greeted = true;
            bytes = rest;
        }
        self.received.push(bytes);
        if self.trees > 0 || self.questions.open() > 0 {
            self.handle_received();
        } else {
            self.look_ahead();
        }
        self.check()
    }

    /// The server is gone, with everything that was sent to it and not yet answered.
    pub fn handle_lost(&mut self) {
        self.handle_received();
        self.queue.end_move();
        self.connected = false;
        self.output.clear();
        self.forget_width();
        self.questions.handle_lost(&mut self.wire);
        self.nudge.take().into_iter().for_each(|wire| self.wire.free(wire));
        for asked in self.requests.values_mut() {
            asked.handle_lost().into_iter().for_each(|wire| self.wire.free(wire));
            if let Some(last) = asked.end() {
                self.queue.push_last(last);
            }
        }
    }

    /// The first `count` bytes of the output have been sent.
    pub fn handle_sent(&mut self, count: usize) {
        self.output.consume(count);
    }

    fn handle_event(&mut self, event: protocol::EventPacket) {
        let is_first_half = event.code == protocol::Code::Moved;
        self.handle_message(event);
        if !is_first_half {
            self.queue.end_move();
        }
    }

    fn handle_message(&mut self, event: protocol::EventPacket) {
        tracing::trace!(?event, "received");
        if event.tag.is_some() {
            self.questions.handle_tag();
        }
        if event.code == protocol::Code::Answer {
            self.questions.handle_answer(event.seq, &event.path);
            return;
        }
        match self.wire.owner(event.seq) {
            Some(Owner::Request(number)) => self.handle_request_event(number, event),
            Some(Owner::Probe) if event.code == protocol::Code::Acknowledge => {
                self.questions.handle_probe_acknowledged(&mut self.wire);
            }
            Some(Owner::Nudge) if event.code == protocol::Code::Acknowledge => {
                self.nudge.take().into_iter().for_each(|wire| self.wire.free(wire));
            }
            // Their own listings.
            Some(Owner::Probe | Owner::Nudge) => {}
            // What the original's server still says of a cancelled request.
            None => self.strays += 1,
        }
    }

    fn handle_request_event(&mut self, number: RequestNumber, event: protocol::EventPacket) {
        let Some(asked) = self.requests.get_mut(&number) else { return };
        if event.code == protocol::Code::Acknowledge {
            if asked.acknowledge(event.seq) {
                self.wire.free(event.seq);
            }
            if let Some(last) = asked.end() {
                self.queue.push_last(last);
            }
        } else {
            asked.handle_event(event, &mut self.queue);
        }
        self.settle_tree(number);
    }

    /// Ends what a tree does not follow any more, and remembers whether it has something to explore.
    fn settle_tree(&mut self, number: RequestNumber) {
        let Some(asked) = self.requests.get_mut(&number) else { return };
        asked.deliver_tree(&mut self.queue);
        let Some(tree) = asked.tree_mut() else { return };
        while let Some(seq) = tree.poll_leaving() {
            if self.connected && self.wire.is_understood(seq) {
                self.output.request(&Request::Cancel { seq });
            } else if tree.acknowledge(seq) {
                self.wire.free(seq);
            }
        }
        if tree.is_curious() {
            self.curious.insert(number);
        }
    }

    /// Follows the directories among the names that trees have told of. `is_directory` looks at a path, without
    /// following a link.
    pub fn explore(&mut self, mut is_directory: impl FnMut(&Path) -> bool) {
        self.settle_width();
        if self.wire.has_room() {
            self.feed();
        }
        while !self.curious.is_empty() {
            while let Some(number) = self.curious.pop_first() {
                self.explore_tree(number, &mut is_directory);
            }
            // It ends, for when it is known that there are no wide numbers, nobody waits for one.
            self.ask_width();
        }
    }

    fn explore_tree(&mut self, number: RequestNumber, is_directory: &mut dyn FnMut(&Path) -> bool) {
        let Some(tree) = self.requests.get_mut(&number).and_then(Asked::tree_mut) else { return };
        let (wire, output, connected) = (&mut self.wire, &mut self.output, self.connected);
        let branches = &mut self.branches;
        tree.explore(is_directory, &mut || wire.allocate_branch(Owner::Request(number)), &mut |request| {
            *branches += 1;
            if let Some(request) = request
                && connected
            {
                output.request(&request);
            }
        });
        if tree.is_starved() {
            self.starved.insert(number);
        }
        self.settle_tree(number);
    }
}

// Commands.
impl State {
    /// Directory requests made from now on do not tell what exists.
    pub fn set_no_exists(&mut self) {
        self.no_exists = true;
    }

    /// Begins to monitor a path under `number`, or under the next free one.
    ///
    /// # Errors
    /// As [`State::ask`].
    pub fn monitor(
        &mut self,
        kind: Kind,
        path: &Path,
        number: Option<RequestNumber>,
    ) -> Result<RequestNumber, Error> {
        self.ask(&MonitorRequest { number, ..MonitorRequest::new(path, kind.into()) })
    }

    /// Begins a request.
    ///
    /// # Errors
    /// [`Error::BadPath`], [`Error::BadArgument`], [`Error::NumberInUse`], [`Error::TooManyRequests`].
    pub fn ask(&mut self, request: &MonitorRequest<'_>) -> Result<RequestNumber, Error> {
        let path = request.path;
        let bytes = path.as_os_str().as_bytes();
        if !bytes.starts_with(b"/") || bytes.len() >= protocol::PATH_MAX || bytes.contains(&0) {
            return Err(Error::BadPath(path.to_owned()));
        }
        self.handle_received();
        let number = self.number(request.number)?;
        let wire = self.wire.allocate(Owner::Request(number)).ok_or(Error::TooManyRequests)?;
        let wants = Wants { coverage: request.coverage, moves: request.moves };
        let subscription = |kind| Monitored::Path(Subscription::new(kind, wire, wants));
        let (what, quiet) = match &request.scope {
            Scope::File => (subscription(Kind::File), false),
            Scope::Directory => (subscription(Kind::Directory), self.no_exists),
            Scope::Tree(options) => (
                Monitored::Tree(Box::new(Tree::new(path, wire, options.clone(), request.moves))),
                self.no_exists,
            ),
        };
        let asked = Asked::new(number, request, quiet, what);
        if self.connected {
            asked.live().for_each(|(_, request)| self.output.request(&request));
        }
        tracing::debug!(%number, ?path, "monitors");
        self.trees += usize::from(asked.is_tree());
        self.requests.insert(number, asked);
        Ok(number)
    }

    fn number(&mut self, chosen: Option<RequestNumber>) -> Result<RequestNumber, Error> {
        if let Some(number) = chosen {
            return match number {
                RequestNumber(..0) => Err(Error::BadArgument(number)),
                _ if self.requests.contains_key(&number) => Err(Error::NumberInUse(number)),
                _ => Ok(number),
            };
        }
        loop {
            self.last_number = self.last_number.checked_add(1).unwrap_or(1);
            // It ends, for there are more numbers than can be in use.
            let number = RequestNumber(self.last_number);
            if !self.requests.contains_key(&number) {
                return Ok(number);
            }
        }
    }

    /// Ends a request: from now on it has no event but its Acknowledge.
    ///
    /// # Errors
    /// [`Error::UnknownRequest`].
    pub fn cancel(&mut self, number: RequestNumber) -> Result<(), Error> {
        self.handle_received();
        let asked = self.requests.get_mut(&number).ok_or(Error::UnknownRequest(number))?;
        if asked.is_cancelled() {
            // The original's server ends the connection at a second cancel (D15).
            return Ok(());
        }
        self.queue.forget(number);
        self.curious.remove(&number);
        tracing::debug!(%number, "cancelled");
        for seq in asked.cancel() {
            if self.connected && self.wire.is_understood(seq) {
                self.output.request(&Request::Cancel { seq });
            } else if asked.acknowledge(seq) {
                self.wire.free(seq);
            }
        }
        if let Some(last) = asked.end() {
            self.queue.push_last(last);
        }
        Ok(())
    }

    /// Holds back what happens to a request's path from now on; what is queued is still told.
    ///
    /// # Errors
    /// [`Error::UnknownRequest`], also for one that is cancelled.
    pub fn suspend(&mut self, number: RequestNumber) -> Result<(), Error> {
        self.handle_received();
        let asked = self.requests.get_mut(&number).filter(|asked| !asked.is_cancelled());
        asked.ok_or(Error::UnknownRequest(number))?.suspend();
        Ok(())
    }

    /// Tells what is different since a request was suspended, and from then on whatever happens.
    ///
    /// # Errors
    /// [`Error::UnknownRequest`], also for one that is cancelled.
    pub fn resume(&mut self, number: RequestNumber) -> Result<(), Error> {
        self.handle_received();
        let asked = self.requests.get_mut(&number).filter(|asked| !asked.is_cancelled());
        let asked = asked.ok_or(Error::UnknownRequest(number))?;
        self.queue.end_move();
        asked.resume(&mut self.queue);
        self.settle_tree(number);
        Ok(())
    }

    /// Asks a tree's [`TreeOptions`] again what is told, and what is followed. What is to be followed from now on is found by
    /// [`State::explore`].
    ///
    /// # Errors
    /// [`Error::UnknownRequest`], also for one that is cancelled; [`Error::NotATree`].
    pub fn revise(&mut self, number: RequestNumber) -> Result<(), Error> {
        let asked = self.requests.get_mut(&number).filter(|asked| !asked.is_cancelled());
        let tree = asked.ok_or(Error::UnknownRequest(number))?.tree_mut();
        let tree = tree.ok_or(Error::NotATree(number))?;
        self.queue.end_move();
        tree.revise();
        self.settle_tree(number);
        Ok(())
    }

    /// How many directories of a tree are not followed, and the first of them with the reason.
    ///
    /// # Errors
    /// As [`State::revise`].
    pub fn gaps(&mut self, number: RequestNumber) -> Result<Gaps, Error> {
        let asked = self.requests.get_mut(&number).filter(|asked| !asked.is_cancelled());
        let tree = asked.ok_or(Error::UnknownRequest(number))?.tree_mut();
        Ok(tree.ok_or(Error::NotATree(number))?.gaps())
    }

    /// Asks to be told when everything that has happened so far has been reported.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the server is known to have no barrier, [`Error::TooManyRequests`].
    pub fn ask_barrier(&mut self) -> Result<Token, Error> {
        self.ask_question(SYNC.to_vec())
    }

    /// Asks the server something else, in less than [`protocol::PATH_MAX`] bytes. One that does not know the
    /// question does not answer it.
    ///
    /// # Errors
    /// As [`State::ask_barrier`].
    pub fn ask_question(&mut self, question: Vec<u8>) -> Result<Token, Error> {
        self.handle_received();
        self.questions.ask(question, self.connected, &mut self.wire, &mut self.output)
    }

    /// Has the server say something soon, whatever server it is, unless it is about to do so anyway.
    pub fn nudge(&mut self) {
        if !self.is_silent() {
            return;
        }
        // When all numbers are taken, its many requests will keep it talking.
        self.nudge = self.wire.allocate(Owner::Nudge);
        if let Some(seq) = self.nudge {
            self.output.probe(seq);
        }
    }

    /// Forgets a question whose answer nobody waits for any more.
    pub fn forget_question(&mut self, token: Token) {
        self.questions.forget(token);
    }
}
