//! The whole server without the outside world.
//!
//! [`Core`] is sessions and engine as one state machine: bytes and notices in, bytes and effects out, time as an argument.
//! [`Driver`] carries out its effects on a [`System`], real or simulated, and hands in what that says in the order on which
//! the promises hang. Sockets, threads and the loop that waits are left to whoever has them: gam_server's host, and the
//! simulated world.
//! Invariant: no byte from a client can stop, delay or grow a core beyond the limits named here.

#![forbid(unsafe_code)]

mod core;
mod driver;
mod gather;
mod lanes;
mod outbox;
mod session;

pub use self::core::{
    Census, Config, Core, Deadline, HANDSHAKE_MAX, MAX_ALL_SUBSCRIPTIONS, MAX_NEWCOMERS, MAX_SESSIONS, NOUNS,
    RING_MAX, Reason,
};
pub use driver::{Driver, System};
/// What decides by which method a path is watched.
pub use gamin_config as config;
/// The vocabulary in which a [`Core`] speaks with its host.
pub use gamin_engine as engine;
pub use gamin_protocol::FULL;
pub use gather::Gather;
pub use lanes::{Content, Job, Lanes, Message, OVERDUE, WorkerId, Workers};
pub use outbox::BYTES_MAX;
pub use session::{MAX_REPLIES, MAX_SUBSCRIPTIONS, Peer, SessionId};
