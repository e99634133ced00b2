//! gam_server as a library: the program around a [core](gamin_core::Core).
//!
//! [`run`] reads the command line and lets a [host](gamin_host::Host) drive the core. What
//! clients may do and are told is left to the core, where it is found to the meeting.
//! Invariant: the loop waits for nothing but its descriptors; what may hang is looked at by a thread of its own.

#[allow(unsafe_code)]
mod broker;
mod cli;
mod detach;
mod sandbox;
mod server;
mod socket;
mod surroundings;

pub use cli::{command, run};
