//! The events that wait for the caller.
//!
//! When to read more of them is left to the driver, which does so only when there is none, or when its
//! caller asks for a barrier. Events of a cancelled request are not searched for: they are no longer
//! counted, and skipped when their turn comes.
//! Invariant: `deliverable` counts the events that [`Queue::pop`] will still give.

use std::collections::{BTreeMap, VecDeque};

use gamin_protocol::{Code, Tag};

use super::asked::Asked;
use crate::{Event, RequestNumber};

/// Events in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// Each with the fingerprint of the state that it tells, if the server gave one.
    events: VecDeque<(Event, Option<Tag>)>,
    deliverable: usize,
}

impl Queue {
    pub(super) fn is_empty(&self) -> bool {
        self.deliverable == 0
    }

    pub(super) fn push(&mut self, event: Event, tag: Option<Tag>, queued: &mut usize) {
        self.events.push_back((event, tag));
        self.deliverable += 1;
        *queued += 1;
    }

    /// Queues a request's last event, which no cancel takes back.
    pub(super) fn push_last(&mut self, event: Event) {
        self.events.push_back((event, None));
        self.deliverable += 1;
    }

    /// Withholds what is queued for a request that is being cancelled.
    pub(super) fn forget(&mut self, asked: &mut Asked) {
        self.deliverable -= std::mem::take(asked.queued_mut());
        if self.deliverable == 0 {
            self.events.clear();
        }
    }

    /// Gives the next event, and forgets the request that it is the last one of.
    pub(super) fn pop(
        &mut self,
        requests: &mut BTreeMap<RequestNumber, Asked>,
    ) -> Option<(Event, Option<Tag>)> {
        while let Some((event, tag)) = self.events.pop_front() {
            let Some(asked) = requests.get_mut(&event.request) else { continue };
            if event.code == Code::Acknowledge {
                requests.remove(&event.request);
            } else if asked.is_cancelled() {
                continue;
            } else {
                *asked.queued_mut() -= 1;
            }
            self.deliverable -= 1;
            return Some((event, tag));
        }
        None
    }
}
