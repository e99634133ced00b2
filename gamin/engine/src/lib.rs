//! What is watched and what to tell whom: the file alteration monitor as a pure state machine.
//!
//! The engine knows no descriptor, socket or clock. A host carries out its [`Effect`]s on a real or simulated
//! system, hands in what comes of them ([`Notice`]s, answers to arming, [`Scan`]s, the [`Time`]), and takes out
//! [`Event`]s. Who the subscribers are, and how events reach them, is left to the core.
//! Invariant: with the same inputs in the same order it gives the same outputs, on every machine.

#![forbid(unsafe_code)]

mod arming;
mod begun;
mod census;
mod churn;
mod directory_tree;
mod effect;
mod engine;
mod entry_table;
mod event;
mod file;
mod id;
mod id_map;
mod kernel_watch;
mod known;
mod listing;
mod names;
mod need;
mod notice;
mod output;
mod pace;
mod path;
mod policy;
mod revalidating;
mod revalidation;
mod rounds;
mod scan;
mod stamp;
mod subscribers;
mod time;
mod users;
mod watch;
mod watch_index;

pub use arming::{Level, Refusal};
pub use census::Census;
pub use effect::Effect;
pub use engine::{Config, Deadline, Engine, Reason};
pub use event::{BarrierId, Event, Subject, SubscriptionId};
pub use gamin_protocol::{Code, Coverage, Fact, Kind, Tag};
pub use id::ArmingId;
pub use id_map::{Id, IdMap};
pub use listing::Listing;
pub use names::Names;
pub use notice::{Change, Cookie, EntryNotice, Notice, Seen};
pub use output::Output;
pub use path::{Name, SharedBytes, TreePath};
pub use policy::{Method, Policy};
pub use revalidation::{Doubts, Eye, RevalidationId, RevalidationRequest};
pub use scan::{Dependency, Detail, Entries, Found, Scan, ScanId, ScanRequest, Unlisted};
pub use stamp::{FileType, Stamp};
pub use time::Time;
