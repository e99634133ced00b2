//! gam_server as a library: the program around a [core](gamin_core::Core).
//!
//! [`run`] reads the command line and lets a host drive the core with real sockets, a real kernel and real time. What
//! clients may do and are told is left to the core, where it is found to the meeting.
//! Invariant: the loop waits for nothing but its descriptors; what may hang is looked at by a thread of its own.

#![forbid(unsafe_code)]

mod cli;
mod detach;
mod host;
mod linux;
mod settings;
mod socket;
mod surroundings;
mod threads;

pub use cli::{command, run};
