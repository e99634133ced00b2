//! The barrier: a question to the server, answered once everything that happened before it was reported.
//!
//! The original's server ignores the question. So the first one to a server of unknown ability is followed
//! by a probe, a request that every server acknowledges: if its Acknowledge comes before the answer, no
//! answer will. Requests are answered in order, so this needs no clock. Invariant: a barrier is open,
//! reached or known to be unsupported, and an open one is asked again of each new server.

use std::collections::BTreeMap;

use gamin_protocol::{Kind, Options, Request, SYNC};

use super::output::Output;
use super::wire::{Owner, WireNumbers};
use crate::error::Error;

/// Names a barrier, also on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Token(u16);

#[cfg(test)]
impl Token {
    pub(super) fn wire(self) -> u16 {
        self.0
    }
}

/// What has become of a barrier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The server has not answered yet.
    Open,
    /// Everything that happened before has been reported.
    Reached,
    /// The server will never answer.
    Unsupported,
}

/// Whether the server answers.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Ability {
    #[default]
    Unknown,
    Present,
    Missing,
}

/// The barriers that somebody waits for.
#[derive(Debug, Default)]
pub(super) struct Barriers {
    outcomes: BTreeMap<Token, Outcome>,
    last: u16,
    ability: Ability,
    /// The wire number of the probe, until it is acknowledged.
    probe: Option<u16>,
}

impl Barriers {
    pub(super) fn outcome(&self, token: Token) -> Outcome {
        self.outcomes.get(&token).copied().unwrap_or(Outcome::Open)
    }

    pub(super) fn open(&self) -> usize {
        self.outcomes.values().filter(|outcome| **outcome == Outcome::Open).count()
    }

    /// Opens a barrier; without a server it is asked of the next one.
    pub(super) fn ask(
        &mut self,
        connected: bool,
        wire: &mut WireNumbers,
        output: &mut Output,
    ) -> Result<Token, Error> {
        if self.ability == Ability::Missing {
            return Err(Error::Unsupported);
        }
        if self.outcomes.len() > usize::from(u16::MAX) {
            return Err(Error::TooManyRequests);
        }
        loop {
            self.last = self.last.wrapping_add(1);
            // It ends, for not all are taken.
            if !self.outcomes.contains_key(&Token(self.last)) {
                break;
            }
        }
        let token = Token(self.last);
        self.outcomes.insert(token, Outcome::Open);
        if connected {
            self.send(token, wire, output);
        }
        Ok(token)
    }

    pub(super) fn forget(&mut self, token: Token) {
        self.outcomes.remove(&token);
    }

    /// Asks a new server what is open.
    pub(super) fn ask_again(&mut self, wire: &mut WireNumbers, output: &mut Output) {
        let open = self.outcomes.iter().filter(|(_, outcome)| **outcome == Outcome::Open);
        for token in open.map(|(token, _)| *token).collect::<Vec<_>>() {
            self.send(token, wire, output);
        }
    }

    fn send(&mut self, token: Token, wire: &mut WireNumbers, output: &mut Output) {
        output.request(&Request::Ask { seq: token.0, question: SYNC.to_vec() });
        if self.ability != Ability::Unknown || self.probe.is_some() {
            return;
        }
        // When all numbers are taken the question is asked without a probe, and the caller's timeout rules.
        if let Some(seq) = wire.allocate(Owner::Probe) {
            let (kind, options, path) = (Kind::File, Options::TAGGED, b"/".to_vec());
            output.request(&Request::Monitor { seq, kind, options, path });
            output.request(&Request::Cancel { seq });
            self.probe = Some(seq);
        }
    }

    /// The server is gone, and its ability with it.
    pub(super) fn handle_lost(&mut self, wire: &mut WireNumbers) {
        self.ability = Ability::Unknown;
        if let Some(seq) = self.probe.take() {
            wire.free(seq);
        }
    }

    /// The server has answered.
    pub(super) fn handle_answer(&mut self, seq: u16) {
        self.ability = Ability::Present;
        if let Some(outcome) = self.outcomes.get_mut(&Token(seq)) {
            *outcome = Outcome::Reached;
        }
    }

    /// The server tags events, so it is one that answers.
    pub(super) fn handle_tag(&mut self) {
        self.ability = Ability::Present;
    }

    /// The server has come past the question.
    pub(super) fn handle_probe_acknowledged(&mut self, wire: &mut WireNumbers) {
        if let Some(seq) = self.probe.take() {
            wire.free(seq);
        }
        if self.ability == Ability::Unknown {
            self.ability = Ability::Missing;
            for outcome in self.outcomes.values_mut().filter(|outcome| **outcome == Outcome::Open) {
                *outcome = Outcome::Unsupported;
            }
        }
    }
}
