//! Questions to the server: the barrier, answered once everything that happened before it was reported, and
//! inquiries.
//!
//! What is asked and what an answer means is left to [`crate::connection`]. The original's server ignores
//! questions. So the first one to a server of unknown ability is followed by a probe, a request that every
//! server acknowledges: if its Acknowledge comes before the answer, no answer will. Requests are answered in
//! order, so this needs no clock. Invariant: a question is open, answered or known to be unsupported, and
//! an open one is asked again of each new server.

use std::collections::BTreeMap;

use gamin_protocol::Request;

use super::output::Output;
use super::wire::{Owner, WireNumbers};
use crate::error::Error;

/// Names a question, also on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Token(u16);

#[cfg(test)]
impl Token {
    pub(super) fn wire(self) -> u32 {
        self.0.into()
    }
}

/// What has become of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The server has not answered yet.
    Open,
    /// It has, with this behind the question. Everything that happened before the question has been
    /// reported, if it was the barrier.
    Answered(Vec<u8>),
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

#[derive(Debug)]
struct Question {
    text: Vec<u8>,
    outcome: Outcome,
}

/// The questions whose answers somebody waits for.
#[derive(Debug, Default)]
pub(super) struct Questions {
    questions: BTreeMap<Token, Question>,
    last: u16,
    ability: Ability,
    /// The wire number of the probe, until it is acknowledged.
    probe: Option<u32>,
}

impl Questions {
    /// What has become of a question. Its probe belongs to it: an Acknowledge that came after all was told would wake for nothing.
    pub(super) fn outcome(&self, token: Token) -> Outcome {
        let question = self.questions.get(&token).filter(|_| self.probe.is_none());
        question.map_or(Outcome::Open, |question| question.outcome.clone())
    }

    pub(super) fn open(&self) -> usize {
        self.questions.values().filter(|one| self.probe.is_some() || one.outcome == Outcome::Open).count()
    }

    /// Asks a question; without a server it is asked of the next one.
    pub(super) fn ask(
        &mut self,
        text: Vec<u8>,
        connected: bool,
        wire: &mut WireNumbers,
        output: &mut Output,
    ) -> Result<Token, Error> {
        if self.ability == Ability::Missing {
            return Err(Error::Unsupported);
        }
        if self.questions.len() > usize::from(u16::MAX) {
            return Err(Error::TooManyRequests);
        }
        loop {
            self.last = self.last.wrapping_add(1);
            // It ends, for not all are taken.
            if !self.questions.contains_key(&Token(self.last)) {
                break;
            }
        }
        let token = Token(self.last);
        if connected {
            self.send(token, &text, wire, output);
        }
        self.questions.insert(token, Question { text, outcome: Outcome::Open });
        Ok(token)
    }

    pub(super) fn forget(&mut self, token: Token) {
        self.questions.remove(&token);
    }

    /// Whether what is asked now is answered by a server that answers, and found out to be in vain with another.
    pub(super) fn is_answered_by_all(&self, wire: &WireNumbers) -> bool {
        self.ability != Ability::Unknown || self.probe.is_some() || wire.has_any()
    }

    /// Asks a new server what is open, but for the question that it was asked already.
    pub(super) fn ask_again(&mut self, first: Option<Token>, wire: &mut WireNumbers, output: &mut Output) {
        let open = self
            .questions
            .iter()
            .filter(|(token, question)| Some(**token) != first && question.outcome == Outcome::Open);
        let open: Vec<_> = open.map(|(token, question)| (*token, question.text.clone())).collect();
        for (token, text) in open {
            self.send(token, &text, wire, output);
        }
    }

    fn send(&mut self, token: Token, text: &[u8], wire: &mut WireNumbers, output: &mut Output) {
        output.request(&Request::Ask { seq: token.0.into(), question: text.to_vec() });
        if self.ability != Ability::Unknown || self.probe.is_some() {
            return;
        }
        // When all numbers are taken the question is asked without a probe, and the caller's timeout rules.
        if let Some(seq) = wire.allocate(Owner::Probe) {
            output.probe(seq);
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

    /// The server has answered something. An answer is its question, and maybe more lines.
    pub(super) fn handle_answer(&mut self, seq: u32, answer: &[u8]) {
        // Also if nobody waits for it any more, it shows that the server answers.
        self.ability = Ability::Present;
        if let Ok(seq) = u16::try_from(seq)
            && let Some(question) = self.questions.get_mut(&Token(seq))
            && let Some(rest) = answer.strip_prefix(&*question.text)
            && (rest.is_empty() || rest.starts_with(b"\n"))
        {
            question.outcome = Outcome::Answered(rest.to_vec());
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
            for question in self.questions.values_mut().filter(|question| question.outcome == Outcome::Open) {
                question.outcome = Outcome::Unsupported;
            }
        }
    }
}
