//! A [core](gamin_core::Core) on a real system.
//!
//! A [`Host`] lets a core have its sessions' sockets, the kernel, the clock and threads, in one event loop that is turned from outside: by
//! gam_server, which also takes in connections and signals, or by a program that watches without a server. Invariant: the loop waits for
//! nothing but its descriptors; what may hang is looked at by a thread of its own.

#![forbid(unsafe_code)]

mod host;
mod linux;
mod settings;
mod sources;
mod threads;

/// Who is at the other end of a connection.
pub use gamin_core::Peer;
pub use host::{Host, HostOptions, refuse};
pub use settings::{Opener, Settings, open_setting};
pub use sources::Guest;
pub use threads::spawn_without_signals;
