//! The rename that is being told: which events tell its first half, so that the other half can be put behind one of them.
//!
//! What is written is left to the outbox. Invariant: all that is written behind the first of these events tells of the same rename,
//! so none of it comes to mean something else when one of them is put behind it.

use std::ops::Range;

use gamin_engine::{Cookie, Event, Subject};
use smallvec::SmallVec;

/// A rename of which some events have been written.
#[derive(Debug, Default)]
pub(super) struct Rename {
    cookie: Option<Cookie>,
    /// Those that tell that something has gone, and where they stand, in this order.
    first_halves: SmallVec<[(Event, Range<usize>); 1]>,
}

impl Rename {
    /// Whether an event tells of this rename.
    pub(super) fn is_told_by(&self, event: &Event) -> bool {
        self.cookie.is_some() && self.cookie == event.cookie
    }

    /// Takes note that something else was written, or that some of it was sent.
    #[inline]
    pub(super) fn end(&mut self) {
        if self.cookie.is_some() {
            *self = Rename::default();
        }
    }

    /// Takes note that an event, which tells a first half, was written there.
    pub(super) fn begin(&mut self, event: Event, bytes: Range<usize>) {
        self.cookie = event.cookie;
        self.first_halves.push((event, bytes));
    }

    /// Takes out the event that tells the first half of what `event` tells the other of, and where it stands: of the same subscription, if
    /// there is one, or of another that is told of it in the same way.
    pub(super) fn complete(&mut self, event: &Event) -> Option<(Event, Range<usize>)> {
        if !self.is_told_by(event) {
            return None;
        }
        let is_root = |event: &Event| event.subject == Subject::Root;
        let mut places = self.first_halves.iter();
        let own = places.position(|(first, _)| first.subscription == event.subscription);
        let place =
            own.or_else(|| self.first_halves.iter().position(|(first, _)| is_root(first) == is_root(event)))?;
        let (first, bytes) = self.first_halves.remove(place);
        for (_, others) in &mut self.first_halves[place..] {
            *others = others.start - bytes.len()..others.end - bytes.len();
        }
        Some((first, bytes))
    }
}
