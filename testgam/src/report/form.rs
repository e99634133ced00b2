//! What the forms of a report share: what each is told, what is counted, how it is to look.
//!
//! The forms themselves are left to the files beside this. Invariant: what a reader is to type is what a shell takes as it is
//! meant.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use testgam_language::words::is_obeyed;

use crate::suite::verdict::{Finding, Kind, ScenarioFailure, Verdict};

/// How a report is to look.
#[derive(Debug, Clone, Default)]
pub struct Look {
    /// Whether with colours, where the form has any.
    pub colors: bool,
    /// Whether each scenario's transcript is part of it.
    pub transcripts: bool,
    /// The folder that paths are written from.
    pub base: PathBuf,
    /// The options that play a scenario once more as it was played, each with a blank before it.
    pub again: String,
}

/// How many of the scenarios came out how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Held as accepted.
    pub held: usize,
    /// Held, and accepted now.
    pub accepted: usize,
    /// Cannot be played here.
    pub skipped: usize,
    /// Did not hold.
    pub broken: usize,
    /// Were left out, because one before them did not hold.
    pub unplayed: usize,
    /// The time from the first to the last.
    pub took: Duration,
}

/// Writes findings down.
pub trait Report {
    /// Is told how many findings will come.
    ///
    /// # Errors
    /// The writer's.
    fn begin(&mut self, count: usize) -> io::Result<()>;

    /// Takes the next finding.
    ///
    /// # Errors
    /// The writer's.
    fn tell(&mut self, finding: &Finding) -> io::Result<()>;

    /// Is told that this was all.
    ///
    /// # Errors
    /// The writer's.
    fn end(&mut self, summary: &Summary) -> io::Result<()>;
}

impl Summary {
    /// Counts one more.
    pub fn count(&mut self, verdict: &Verdict) {
        *match verdict {
            Verdict::Held => &mut self.held,
            Verdict::Accepted(_) => &mut self.accepted,
            Verdict::Skipped(_) => &mut self.skipped,
            Verdict::Broken(_) => &mut self.broken,
        } += 1;
    }
}

impl Look {
    /// A path as a reader in the base folder would write it.
    pub(super) fn path(&self, path: &Path) -> String {
        path.strip_prefix(&self.base).unwrap_or(path).display().to_string()
    }

    /// Where a complaint points: `FILE:LINE`, or the file alone.
    pub(super) fn place(&self, finding: &Finding, complaint: &ScenarioFailure) -> String {
        let path = self.path(&finding.scenario.file);
        match complaint.line {
            0 => path,
            line => format!("{path}:{line}"),
        }
    }

    /// The command that plays a scenario once more.
    pub(super) fn replay(&self, finding: &Finding, complaint: &ScenarioFailure) -> String {
        match complaint.kind {
            // Only a run of everything looks for them.
            Kind::Orphaned => "testgam run".to_owned(),
            _ => format!("testgam run{} {}", self.again, shell_word(&self.path(&finding.scenario.file))),
        }
    }

    /// The command that accepts what a scenario printed, if accepting makes it right.
    pub(super) fn remedy(&self, finding: &Finding, complaint: &ScenarioFailure) -> Option<String> {
        complaint.kind.is_acceptable().then(|| match complaint.kind {
            // Only a run of everything knows that no scenario is there.
            Kind::Orphaned => "testgam run --accept".to_owned(),
            _ => format!("testgam run --accept {}", shell_word(&self.path(&finding.scenario.file))),
        })
    }
}

/// JSON on a line, in which a terminal finds nothing to obey.
pub(super) fn json(value: &impl Serialize) -> serde_json::Result<String> {
    let spelled = |c: char| if is_obeyed(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() };
    Ok(serde_json::to_string(value)?.chars().map(spelled).collect())
}

/// A word as a shell takes it for one.
pub fn shell_word(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+,:@%=".contains(c);
    match word.chars().all(is_plain) {
        true if !word.is_empty() => word.to_owned(),
        _ => format!("'{}'", word.replace('\'', r"'\''")),
    }
}
