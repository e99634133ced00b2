//! How events get from what was received to the caller: as a rule from one to the other, without a place in between.
//!
//! What becomes of those that can't is left to [`super::asked`]. Invariants: what is queued came before what is received; while there
//! is an event, it is found without a look at what comes behind it.

use gamin_protocol::{Code, Peeked, Tag};

use super::wire::Owner;
use super::{ServerError, State};
use crate::{Event, EventRef};

impl State {
    /// Whether what comes next can be understood: what [`State::handle_bytes`] says, once what came before that has been polled.
    ///
    /// # Errors
    /// It can't.
    pub fn check(&self) -> Result<(), ServerError> {
        Ok(self.received.peek().map(drop)?)
    }

    /// Handles everything that was received.
    pub(super) fn handle_received(&mut self) {
        self.next_received = None;
        while let Ok(Some(event)) = self.received.next_message() {
            self.handle_event(event);
        }
    }

    /// Handles what was received up to the next event.
    #[inline(never)]
    pub(super) fn look_ahead(&mut self) {
        while !self.has_event()
            && let Ok(Some(next)) = self.received.peek()
        {
            let asked = match self.wire.owner(next.seq) {
                Some(Owner::Request(number)) => self.requests.get(&number),
                _ => None,
            };
            if asked.is_some_and(|asked| asked.is_passed_on(next.code)) && !self.queue.is_moving() {
                self.next_received = Some(next);
            } else {
                self.handle_next();
            }
        }
    }

    #[cold]
    fn handle_next(&mut self) {
        if let Ok(Some(event)) = self.received.next_message() {
            self.handle_event(event);
        }
    }

    /// Gives the next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.poll_tagged().map(|(event, _)| event)
    }

    /// Gives the next event with the fingerprint of the state that it tells, as far as the server gave one: for whoever
    /// checks what the events stand for.
    pub fn poll_tagged(&mut self) -> Option<(Event, Option<Tag>)> {
        self.poll_in_place(|event, tag| (Event::of(event), tag))
    }

    /// Has the next event read where it is, with its fingerprint.
    pub fn poll_in_place<T>(&mut self, read: impl FnOnce(EventRef<'_>, Option<Tag>) -> T) -> Option<T> {
        if self.next_received.is_some() {
            return self.poll_received(read).map(|(read, _)| read);
        }
        let read = self.poll_queue(read);
        self.look_ahead();
        read
    }

    /// As [`State::poll_in_place`], if the next event lies where it was received; says whether another lies right behind it, so that
    /// nothing else has changed.
    #[inline]
    pub fn poll_received<T>(
        &mut self,
        read: impl FnOnce(EventRef<'_>, Option<Tag>) -> T,
    ) -> Option<(T, bool)> {
        let next = self.next_received.take()?;
        let read = self.pass_on(next, read);
        let has_another = self.next_received.is_some();
        if !has_another {
            self.look_ahead();
        }
        read.map(|read| (read, has_another))
    }

    #[inline]
    fn pass_on<T>(&mut self, next: Peeked, read: impl FnOnce(EventRef<'_>, Option<Tag>) -> T) -> Option<T> {
        let Some(Owner::Request(number)) = self.wire.owner(next.seq) else { return None };
        let asked = self.requests.get_mut(&number)?;
        let event = self.received.take(next);
        tracing::trace!(?event, "received");
        if event.tag.is_some() {
            self.questions.handle_tag();
        }
        let read = read(asked.pass_on(&event), event.tag);
        // As a rule what comes next is of the same request.
        if let Ok(Some(behind)) = self.received.peek()
            && behind.seq == next.seq
            && asked.is_passed_on(behind.code)
        {
            self.next_received = Some(behind);
        }
        Some(read)
    }

    fn poll_queue<T>(&mut self, read: impl FnOnce(EventRef<'_>, Option<Tag>) -> T) -> Option<T> {
        let (event, tag) = self.pop()?;
        Some(read(event.lend(), tag))
    }

    #[cold]
    fn pop(&mut self) -> Option<(Event, Option<Tag>)> {
        let (event, tag) = self.queue.pop()?;
        if event.code == Code::Acknowledge
            && let Some(asked) = self.requests.remove(&event.request)
        {
            self.trees -= usize::from(asked.is_tree());
        }
        Some((event, tag))
    }
}
