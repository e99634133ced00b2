//! The events that wait for the caller.
//!
//! When to read more of them is left to the driver, which does so only when there is none, or when its
//! caller asks for a barrier. Events of a cancelled request are not searched for: they are no longer
//! counted, and skipped when their turn comes. The two halves of a rename stay two events until they are given, so that one may be left
//! without the other.
//! Invariants: `deliverable` counts the events that [`Queue::pop`] will still give, a rename as two; the first half of a rename is in
//! the queue only with the other right behind it.

use std::collections::{BTreeMap, VecDeque};

use gamin_protocol::{Code, Tag};

use crate::{Destination, Event, RequestNumber};

/// For how many events there is room when there are none.
const ROOM: usize = 1024;

/// Events in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Queue {
    events: VecDeque<Queued>,
    deliverable: usize,
    /// How many of them are of which request, but for the last one of each.
    by_request: BTreeMap<RequestNumber, usize>,
    /// The first half of a rename, of which the other is to come next.
    moving: Option<Event>,
}

#[derive(Debug)]
struct Queued {
    event: Event,
    /// The fingerprint of the state that it tells, if the server gave one.
    tag: Option<Tag>,
    /// It is the other half of what stands in front of it.
    is_other_half: bool,
}

impl Queue {
    pub(super) fn is_empty(&self) -> bool {
        self.deliverable == 0
    }

    /// Whether the other half of a rename is to come next.
    pub(super) fn is_moving(&self) -> bool {
        self.moving.is_some()
    }

    /// Queues an event; one of [`Code::Moved`] when it is known what comes next.
    pub(super) fn push(&mut self, event: Event, tag: Option<Tag>) {
        if event.code == Code::Moved {
            self.end_move();
            self.moving = Some(event);
            return;
        }
        let is_other_half = match (event.code, &self.moving) {
            (Code::Created | Code::Changed, Some(_)) => true,
            _ => {
                self.end_move();
                false
            }
        };
        if let Some(first) = self.moving.take() {
            self.append(Queued { event: first, tag: None, is_other_half: false });
        }
        self.append(Queued { event, tag, is_other_half });
    }

    /// Takes note that the other half of a rename does not come, or is not to be told: what was moved is gone.
    pub(super) fn end_move(&mut self) {
        if let Some(first) = self.moving.take() {
            let event = Event { code: Code::Deleted, ..first };
            self.append(Queued { event, tag: None, is_other_half: false });
        }
    }

    fn append(&mut self, queued: Queued) {
        *self.by_request.entry(queued.event.request).or_default() += 1;
        self.events.push_back(queued);
        self.deliverable += 1;
    }

    /// Queues a request's Acknowledge, which no cancel takes back.
    pub(super) fn push_last(&mut self, event: Event) {
        self.end_move();
        self.events.push_back(Queued { event, tag: None, is_other_half: false });
        self.deliverable += 1;
    }

    /// Withholds what is queued for a request that is being cancelled.
    pub(super) fn forget(&mut self, number: RequestNumber) {
        self.moving.take_if(|first| first.request == number);
        self.deliverable -= self.by_request.remove(&number).unwrap_or_default();
        if self.deliverable == 0 {
            self.events.clear();
        }
    }

    /// Gives the next event; both halves of a rename as one.
    pub(super) fn pop(&mut self) -> Option<(Event, Option<Tag>)> {
        while let Some(Queued { event, tag, .. }) = self.events.pop_front() {
            if !self.is_wanted(&event) {
                continue;
            }
            let popped = if event.code == Code::Moved { self.complete(event) } else { (event, tag) };
            if self.events.is_empty() {
                self.events.shrink_to(ROOM);
            }
            return Some(popped);
        }
        None
    }

    /// Whether an event that was taken out is still wanted; then it is counted no more.
    fn is_wanted(&mut self, event: &Event) -> bool {
        if event.code != Code::Acknowledge {
            let Some(left) = self.by_request.get_mut(&event.request) else { return false };
            *left -= 1;
        }
        self.deliverable -= 1;
        true
    }

    /// Joins the first half of a rename with the other, if that is still wanted; otherwise all there is to tell is that it is gone.
    fn complete(&mut self, first: Event) -> (Event, Option<Tag>) {
        if self.events.front().is_some_and(|next| next.is_other_half)
            && let Some(Queued { event, tag, .. }) = self.events.pop_front()
            && self.is_wanted(&event)
        {
            let Event { request, user_data, code, path, root, .. } = event;
            let replaces = code == Code::Changed;
            let moved_to = Some(Box::new(Destination { request, user_data, path, root, replaces }));
            return (Event { moved_to, ..first }, tag);
        }
        (Event { code: Code::Deleted, ..first }, None)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn event(request: i32, code: Code, path: &str) -> Event {
        Event {
            request: RequestNumber(request),
            user_data: 0,
            code,
            path: path.into(),
            root: Path::new("/dir").into(),
            coverage: None,
            moved_to: None,
        }
    }

    /// What is given: request, code and path, and where to.
    fn given(queue: &mut Queue) -> Vec<String> {
        let tell = |event: Event| {
            let to = event.moved_to.map(|to| format!(" -> {} {}", to.request, to.path.display()));
            format!("{} {:?} {}{}", event.request, event.code, event.path.display(), to.unwrap_or_default())
        };
        std::iter::from_fn(|| queue.pop()).map(|(event, _)| tell(event)).collect()
    }

    fn renamed() -> Queue {
        let mut queue = Queue::default();
        queue.push(event(1, Code::Moved, "old"), None);
        assert!(queue.is_empty() && queue.is_moving(), "what comes next may be the other half");
        queue.push(event(2, Code::Created, "new"), None);
        queue
    }

    #[test]
    fn both_halves_of_a_rename_are_given_as_one() {
        let mut queue = renamed();
        assert_eq!(given(&mut queue), ["1 Moved old -> 2 new"]);
        assert!(queue.is_empty() && !queue.is_moving());
    }

    #[test]
    fn of_a_rename_that_half_is_left_whose_request_is() {
        let mut queue = renamed();
        queue.forget(RequestNumber(1));
        assert_eq!(given(&mut queue), ["2 Created new"]);
        let mut queue = renamed();
        queue.forget(RequestNumber(2));
        assert_eq!(given(&mut queue), ["1 Deleted old"]);
        assert!(queue.is_empty());
    }

    #[test]
    fn what_moved_and_did_not_come_is_gone() {
        let mut queue = Queue::default();
        queue.push(event(1, Code::Moved, "a"), None);
        queue.push(event(1, Code::Moved, "b"), None);
        queue.push(event(1, Code::Deleted, "c"), None);
        queue.push(event(1, Code::Moved, "d"), None);
        queue.push_last(event(1, Code::Acknowledge, "/dir"));
        let expected = ["1 Deleted a", "1 Deleted b", "1 Deleted c", "1 Deleted d", "1 Acknowledge /dir"];
        assert_eq!(given(&mut queue), expected);
    }
}
