//! What comes out of the engine for those whom it tells.

use gamin_protocol::Coverage;

use crate::event::{BarrierId, Event, SubscriptionId};
use crate::listing::Listing;

/// What comes out of the engine for its subscribers, in the order in which it is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Tell a subscriber.
    Event(Event),
    /// Tell a subscriber of each of these entries that it is there.
    Listing(SubscriptionId, Listing),
    /// Tell a subscriber how what happens becomes known from now on. Until the first of these, everything is told as it
    /// happens.
    Coverage(SubscriptionId, Coverage),
    /// Everything that had happened when the barrier was asked for is in the outputs before this one.
    Reached(BarrierId),
}
