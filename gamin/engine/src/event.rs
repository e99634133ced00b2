//! What the engine tells its subscribers.

use gamin_protocol::{Code, Tag};

use crate::notice::Cookie;
use crate::path::Name;

/// Names a subscription; chosen by the host, which gives a number again only after four thousand million others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubscriptionId(pub u32);

/// Names a barrier; chosen by the host and never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BarrierId(pub u64);

/// Something told to one subscriber.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Whom it is told to.
    pub subscription: SubscriptionId,
    /// What happened: Exists, EndExist, Created, Changed or Deleted.
    pub code: Code,
    /// What it happened to.
    pub subject: Subject,
    /// The state that is told, where it is known and there is one.
    pub tag: Option<Tag>,
    /// Of which rename it tells one half: the first as Deleted, the other as Created, or as Changed if it took the place of something.
    /// What stands between the two tells of the same rename, or they are no pair.
    pub cookie: Option<Cookie>,
}

/// What an event is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// The path that was subscribed to.
    Root,
    /// An entry of the directory that was subscribed to.
    Entry(Name),
}
