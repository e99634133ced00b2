//! gaminrc: by which method a path is watched, and why.
//!
//! [`Rules`] are what the configuration files say, read from their text; a [`Policy`] joins them with what is mounted where, and
//! answers for a path. Reading files and following their changes is left to the server, what a method means to the engine.
//! Invariant: any bytes are a configuration; what can't be understood of them is told as a [`LineError`], and the rest is used.

#![forbid(unsafe_code)]

mod parse;
mod policy;
mod rules;

/// What is mounted where, on which a [`Policy`] hangs too.
pub use gamin_backend::Mounts;
pub use parse::{LineError, ParseError};
pub use policy::{Decision, MethodReason, Policy};
pub use rules::{Origin, Rules, Text};
