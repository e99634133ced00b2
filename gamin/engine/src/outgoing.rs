//! What is to be told, in order. Of a listing only a part at a time is made ready, so that a long one takes no room.
//!
//! What is told, the engine knows. Invariant: a listing shows what was known when it was queued.

use std::collections::VecDeque;
use std::sync::Arc;

use gamin_protocol::Code;

use crate::entry_table::EntryTable;
use crate::event::{Event, Output, Subject, SubscriptionId};
use crate::path::Name;

/// For how much room is kept when there is nothing.
const ROOM_KEPT: usize = 1024;
/// How many entries of a listing are made ready at once.
const LISTED_AT_ONCE: usize = 256;

/// What nobody has taken yet.
#[derive(Debug, Default)]
pub(crate) struct Outgoing(VecDeque<Pending>);

#[derive(Debug)]
enum Pending {
    Output(Output),
    /// The entries of a directory behind a name, or all of them.
    Listing(SubscriptionId, Arc<EntryTable>, Option<Name>),
}

impl Outgoing {
    /// Queues an output.
    pub(crate) fn push(&mut self, output: Output) {
        self.0.push_back(Pending::Output(output));
    }

    /// Queues an Exists for each of these entries.
    pub(crate) fn push_listing(&mut self, subscription: SubscriptionId, entries: Arc<EntryTable>) {
        self.0.push_back(Pending::Listing(subscription, entries, None));
    }

    /// Gives the next output.
    pub(crate) fn pop(&mut self) -> Option<Output> {
        loop {
            match self.0.pop_front() {
                Some(Pending::Output(output)) => return Some(output),
                Some(Pending::Listing(subscription, entries, told)) => {
                    self.list(subscription, entries, told.as_ref());
                }
                None => {
                    if self.0.capacity() > ROOM_KEPT {
                        self.0 = VecDeque::new();
                    }
                    return None;
                }
            }
        }
    }

    /// Makes the next part of a listing ready.
    fn list(&mut self, subscription: SubscriptionId, entries: Arc<EntryTable>, told: Option<&Name>) {
        let part = entries.behind(told.map(|name| &**name)).take(LISTED_AT_ONCE);
        let part: Vec<Output> = part
            .map(|(name, file)| {
                let subject = Subject::Entry(Name::from(name));
                Output::Event(Event { subscription, code: Code::Exists, subject, tag: file.tag })
            })
            .collect();
        if let Some(Output::Event(Event { subject: Subject::Entry(last), .. })) = part.last()
            && part.len() == LISTED_AT_ONCE
        {
            let last = last.clone();
            self.0.push_front(Pending::Listing(subscription, entries, Some(last)));
        }
        for output in part.into_iter().rev() {
            self.0.push_front(Pending::Output(output));
        }
    }

    /// How much there is; a listing counts as one until it is begun.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Extend<Output> for Outgoing {
    fn extend<I: IntoIterator<Item = Output>>(&mut self, outputs: I) {
        self.0.extend(outputs.into_iter().map(Pending::Output));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::BarrierId;
    use crate::file::File;

    #[test]
    fn a_listing_is_told_whole_and_in_its_place() {
        for count in [0, 1, LISTED_AT_ONCE - 1, LISTED_AT_ONCE, LISTED_AT_ONCE + 1, 3 * LISTED_AT_ONCE] {
            let name = |number: usize| Name::from(format!("{number:05}").as_bytes());
            let mut entries = EntryTable::default();
            (0..count).for_each(|number| entries.update(&name(number), |file| *file = Some(File::of_name())));
            let mut outgoing = Outgoing::default();
            outgoing.push(Output::Reached(BarrierId(1)));
            outgoing.push_listing(SubscriptionId(7), Arc::new(entries));
            outgoing.push(Output::Reached(BarrierId(2)));
            assert_eq!(outgoing.pop(), Some(Output::Reached(BarrierId(1))));
            for number in 0..count {
                let subject = Subject::Entry(name(number));
                let event = Event { subscription: SubscriptionId(7), code: Code::Exists, subject, tag: None };
                assert_eq!(outgoing.pop(), Some(Output::Event(event)));
            }
            assert_eq!((outgoing.pop(), outgoing.pop()), (Some(Output::Reached(BarrierId(2))), None));
            assert_eq!(outgoing.len(), 0);
        }
    }
}
