//! The language in which scenarios are written. Pure.
//!
//! Bytes fall into [`words`], a line's first word is a [`verb`], what it asks for an [`action`], and lines make a [`script`]; what
//! cannot be read is a [`ScriptError`]. Events are written down as a [`transcript`]. What an action does is left to the worlds. The
//! language is described in docs/testgam.md.

#![forbid(unsafe_code)]

pub mod action;
pub mod collection;
pub mod error;
pub mod language;
pub mod script;
pub mod transcript;
pub mod verb;
pub mod words;

pub use error::{ScriptError, ScriptErrorKind};
pub use language::{EXTENDED_HEADER, Language};
pub use script::{Script, Step};
