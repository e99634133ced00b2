//! Reports: what a suite says, in the form that its reader wants.
//!
//! What there is to say is left to `suite`. Invariant: a report writes to the writer it was given and
//! nowhere else, and the same findings give the same report but for the times they took.

mod form;
mod json;
mod junit;
mod pretty;
mod tap;

use std::io::Write;

pub use form::{Look, Report, Summary, shell_word};

/// The forms of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// A line for each scenario and the differences, for people
    #[default]
    Pretty,
    /// The Test Anything Protocol, version 14
    Tap,
    /// The XML that CI servers read
    Junit,
    /// A JSON object a line: one for each scenario, then the summary
    Json,
}

impl Format {
    /// A report of this form.
    pub fn report<'a>(self, out: impl Write + 'a, look: Look) -> Box<dyn Report + 'a> {
        match self {
            Format::Pretty => Box::new(pretty::Pretty::new(out, look)),
            Format::Tap => Box::new(tap::Tap::new(out, look)),
            Format::Junit => Box::new(junit::Junit::new(out, look)),
            Format::Json => Box::new(json::Json::new(out, look)),
        }
    }
}
