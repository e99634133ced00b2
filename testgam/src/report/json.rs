//! The report for programs: one JSON object a line.

use std::io::{self, Write};

use serde::Serialize;

use super::form::{Look, Report, Summary, json};
use crate::suite::verdict::{Finding, SnapshotChange, Verdict};

/// Writes objects.
pub(super) struct Json<W> {
    out: W,
    look: Look,
}

/// One scenario. What it has not is left out.
#[derive(Serialize)]
struct ScenarioLine<'a> {
    r#type: &'static str,
    name: &'a str,
    file: String,
    snapshot: String,
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    difference: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replay: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    accept: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transcript: Option<&'a str>,
    seconds: f64,
}

/// The last line.
#[derive(Serialize)]
struct Total {
    r#type: &'static str,
    held: usize,
    accepted: usize,
    skipped: usize,
    broken: usize,
    unplayed: usize,
    seconds: f64,
}

impl<W: Write> Json<W> {
    pub(super) fn new(out: W, look: Look) -> Json<W> {
        Json { out, look }
    }

    fn write(&mut self, record: &impl Serialize) -> io::Result<()> {
        writeln!(self.out, "{}", json(record)?)
    }
}

impl<W: Write> Report for Json<W> {
    fn begin(&mut self, _count: usize) -> io::Result<()> {
        Ok(())
    }

    fn tell(&mut self, finding: &Finding) -> io::Result<()> {
        let complaint = match &finding.verdict {
            Verdict::Broken(complaint) => Some(complaint),
            _ => None,
        };
        let verdict = match &finding.verdict {
            Verdict::Held => "held",
            Verdict::Accepted(SnapshotChange::Added | SnapshotChange::Updated) => "accepted",
            Verdict::Accepted(SnapshotChange::Removed) => "removed",
            Verdict::Skipped(_) => "skipped",
            Verdict::Broken(complaint) => complaint.kind.word(),
        };
        let message = match &finding.verdict {
            Verdict::Skipped(why) => Some(why.as_str()),
            _ => complaint.map(|complaint| complaint.message.as_str()),
        };
        let text = |text: &'_ str| !text.is_empty();
        self.write(&ScenarioLine {
            r#type: "scenario",
            name: &finding.scenario.name,
            file: self.look.path(&finding.scenario.file),
            snapshot: self.look.path(&finding.scenario.snapshot),
            verdict,
            line: complaint.map(|complaint| complaint.line).filter(|line| *line > 0),
            step: complaint.map(|complaint| complaint.step.as_str()).filter(|step| text(step)),
            message,
            difference: complaint.map(|complaint| complaint.difference.as_str()).filter(|shown| text(shown)),
            replay: complaint.map(|complaint| self.look.replay(finding, complaint)),
            accept: complaint.and_then(|complaint| self.look.remedy(finding, complaint)),
            transcript: self.look.transcripts.then_some(finding.transcript.as_str()),
            seconds: finding.took.as_secs_f64(),
        })
    }

    fn end(&mut self, summary: &Summary) -> io::Result<()> {
        let Summary { held, accepted, skipped, broken, unplayed, took } = *summary;
        let seconds = took.as_secs_f64();
        self.write(&Total { r#type: "summary", held, accepted, skipped, broken, unplayed, seconds })
    }
}
