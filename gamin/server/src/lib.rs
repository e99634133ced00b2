//! gam_server as a library: sessions, sockets and the life of the server.
//!
//! [`Core`] is the whole server without the outside world, for whoever brings a world of their own. [`run`] is
//! the program: it reads the command line and lets a host drive a core with real sockets and a real kernel.
//! What is watched and how is left to the engine, asking the kernel to the backend.
//! Invariant: no byte from a client can stop, delay or grow the server beyond the limits named here.

#![forbid(unsafe_code)]

mod cli;
mod core;
mod detach;
mod driver;
mod gather;
mod host;
mod lanes;
mod linux;
mod outbox;
mod session;
mod settings;
mod socket;
mod surroundings;
mod threads;

pub use self::core::{
    Census, Config, Core, Deadline, HANDSHAKE_MAX, MAX_ALL_SUBSCRIPTIONS, MAX_NEWCOMERS, MAX_SESSIONS, NOUNS,
    RING_MAX, Reason, SessionId,
};
pub use cli::{command, run};
pub use driver::{Driver, System};
/// What decides by which method a path is watched.
pub use gamin_config as config;
/// The vocabulary in which a [`Core`] speaks with its host.
pub use gamin_engine as engine;
pub use gamin_protocol::FULL;
pub use gather::Gather;
pub use lanes::{News, Word, WorkerId, Workers};
pub use outbox::BYTES_MAX;
pub use session::{MAX_REPLIES, MAX_SUBSCRIPTIONS, Peer};
