//! The events that wait for the caller.
//!
//! When to read more of them is left to the driver, which does so only when there is none, or when its
//! caller asks for a barrier. Events of a cancelled request are not searched for: they are no longer
//! counted, and skipped when their turn comes.
//! Invariant: `deliverable` counts the events that [`Queue::pop`] will still give.

use std::collections::{BTreeMap, VecDeque};

use gamin_protocol::{Code, Tag};

use crate::{Event, RequestNumber};

/// For how many events there is room when there are none.
const ROOM: usize = 1024;

/// Events in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// Each with the fingerprint of the state that it tells, if the server gave one.
    events: VecDeque<(Event, Option<Tag>)>,
    deliverable: usize,
    /// How many of them are of which request, but for the last one of each.
    by_request: BTreeMap<RequestNumber, usize>,
}

impl Queue {
    pub(super) fn is_empty(&self) -> bool {
        self.deliverable == 0
    }

    pub(super) fn push(&mut self, event: Event, tag: Option<Tag>) {
        *self.by_request.entry(event.request).or_default() += 1;
        self.events.push_back((event, tag));
        self.deliverable += 1;
    }

    /// Queues a request's Acknowledge, which no cancel takes back.
    pub(super) fn push_last(&mut self, event: Event) {
        self.events.push_back((event, None));
        self.deliverable += 1;
    }

    /// Withholds what is queued for a request that is being cancelled.
    pub(super) fn forget(&mut self, number: RequestNumber) {
        self.deliverable -= self.by_request.remove(&number).unwrap_or_default();
        if self.deliverable == 0 {
            self.events.clear();
        }
    }

    /// Gives the next event.
    pub(super) fn pop(&mut self) -> Option<(Event, Option<Tag>)> {
        while let Some((event, tag)) = self.events.pop_front() {
            if event.code != Code::Acknowledge {
                let Some(left) = self.by_request.get_mut(&event.request) else { continue };
                *left -= 1;
            }
            self.deliverable -= 1;
            if self.events.is_empty() {
                self.events.shrink_to(ROOM);
            }
            return Some((event, tag));
        }
        None
    }
}
