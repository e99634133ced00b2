//! Whether the server understands wide numbers, and what becomes of the directories that have one, or need one.
//!
//! A server is asked when a tree needs more than the narrow ones, and no sooner: by a question that those answer too that do not know
//! wide numbers, but for the original's, which is found out as with any question. Invariant: a directory that waits for the answer waits
//! no longer than until the answer is there, or can't come.

use gamin_protocol::Inquiry;

use super::State;
use super::asked::Asked;
use super::questions::{Outcome, Token};
use super::wire::{WIDE_MAX, Width};

/// What the server is asked: what it says of itself.
fn inquiry() -> Inquiry {
    Inquiry { noun: "server".to_owned(), after: 0 }
}

/// Whether this answer is that of a server which has room for all numbers that are used.
fn has_room(answer: &[u8]) -> bool {
    let facts = inquiry().parse_answer(answer).map(|page| page.facts).unwrap_or_default();
    let max = facts.first().and_then(|server| server.get("subscriptions-max")?.parse::<u64>().ok());
    max.is_some_and(|max| max > WIDE_MAX.into())
}

impl State {
    /// Asks the server, if that matters and was not done. Gives the question, if it is on its way.
    pub(super) fn ask_width(&mut self) -> Option<Token> {
        let matters = !self.starved.is_empty() || self.wire.has_wide();
        if !self.connected || !matters || self.wire.width != Width::Unknown {
            return None;
        }
        // Who can't be found out to be the original's might keep directories waiting for ever.
        let asked = self.questions.is_answered_by_all(&self.wire).then(|| {
            let question = inquiry().question();
            self.questions.ask(question, true, &mut self.wire, &mut self.output)
        });
        let Some(Ok(token)) = asked else {
            self.set_width(Width::Narrow);
            return None;
        };
        self.wire.width = Width::Asked;
        self.width_question = Some(token);
        Some(token)
    }

    /// Goes on as the server has said, if it has.
    pub(super) fn settle_width(&mut self) {
        let Some(token) = self.width_question else { return };
        let width = match self.questions.outcome(token) {
            Outcome::Open => return,
            Outcome::Answered(answer) if has_room(&answer) => Width::Wide,
            Outcome::Answered(_) | Outcome::Unsupported => Width::Narrow,
        };
        self.width_question = None;
        self.questions.forget(token);
        self.set_width(width);
    }

    /// The server that was asked is gone.
    pub(super) fn forget_width(&mut self) {
        if let Some(token) = self.width_question.take() {
            self.questions.forget(token);
        }
        self.wire.width = Width::Unknown;
    }

    /// What the server before has understood, this one is told now, or it is not followed any more.
    fn set_width(&mut self, width: Width) {
        tracing::debug!(?width, "wire numbers");
        self.wire.width = width;
        let wire = &self.wire;
        if width == Width::Wide {
            let live = self.requests.values().flat_map(Asked::live);
            for (_, request) in live.filter(|(wire, _)| *wire > gamin_protocol::NARROW_MAX) {
                self.branches += 1;
                self.output.request(&request);
            }
        } else if wire.has_wide() {
            let trees =
                self.requests.iter_mut().filter_map(|(number, asked)| Some((*number, asked.tree_mut()?)));
            let let_go = trees.filter_map(|(number, tree)| {
                tree.let_go(|number| wire.is_understood(number)).then_some(number)
            });
            for number in let_go.collect::<Vec<_>>() {
                self.starved.insert(number);
                self.settle_tree(number);
            }
        }
        self.feed();
    }

    /// Has those directories looked at again that wait for a number.
    pub(super) fn feed(&mut self) {
        for number in std::mem::take(&mut self.starved) {
            if let Some(tree) = self.requests.get_mut(&number).and_then(Asked::tree_mut) {
                tree.feed();
                self.curious.insert(number);
            }
        }
    }
}
