//! The report for harnesses: the Test Anything Protocol, version 14.

use std::io::{self, Write};

use super::form::{Look, Report, Summary, json};
use crate::suite::verdict::{Finding, ScenarioFailure, Verdict};
use testgam_language::words::printable;

/// Writes TAP.
pub(super) struct Tap<W> {
    out: W,
    look: Look,
    number: usize,
}

impl<W: Write> Tap<W> {
    pub(super) fn new(out: W, look: Look) -> Tap<W> {
        Tap { out, look, number: 0 }
    }

    /// What is wrong, as the YAML block that belongs to a test point. Strings of JSON are YAML's as well.
    fn explain(&mut self, finding: &Finding, complaint: &ScenarioFailure) -> io::Result<()> {
        let mut fields = vec![
            ("kind", complaint.kind.word().to_owned()),
            ("message", complaint.message.clone()),
            ("at", self.look.place(finding, complaint)),
        ];
        fields.extend((!complaint.step.is_empty()).then(|| ("step", complaint.step.clone())));
        fields
            .extend((!complaint.difference.is_empty()).then(|| ("difference", complaint.difference.clone())));
        fields.push(("replay", self.look.replay(finding, complaint)));
        fields.extend(self.look.remedy(finding, complaint).map(|remedy| ("accept", remedy)));
        writeln!(self.out, "  ---")?;
        for (name, text) in fields {
            writeln!(self.out, "  {name}: {}", json(&text)?)?;
        }
        writeln!(self.out, "  ...")
    }
}

impl<W: Write> Report for Tap<W> {
    fn begin(&mut self, count: usize) -> io::Result<()> {
        writeln!(self.out, "TAP version 14\n1..{count}")
    }

    fn tell(&mut self, finding: &Finding) -> io::Result<()> {
        self.number += 1;
        let point = format!("{} - {}", self.number, escaped(&finding.scenario.name));
        match &finding.verdict {
            Verdict::Held => writeln!(self.out, "ok {point}")?,
            Verdict::Accepted(_) => writeln!(self.out, "ok {point} (accepted)")?,
            Verdict::Skipped(why) => writeln!(self.out, "ok {point} # SKIP {}", escaped(why))?,
            Verdict::Broken(complaint) => {
                writeln!(self.out, "not ok {point}")?;
                self.explain(finding, complaint)?;
            }
        }
        if self.look.transcripts {
            for line in finding.transcript.lines() {
                writeln!(self.out, "# {}", printable(line))?;
            }
        }
        Ok(())
    }

    fn end(&mut self, summary: &Summary) -> io::Result<()> {
        let Summary { held, accepted, skipped, broken, unplayed, .. } = summary;
        if *unplayed > 0 {
            writeln!(self.out, "Bail out! {unplayed} not played, for one did not hold")?;
        }
        writeln!(self.out, "# {held} held, {accepted} accepted, {skipped} skipped, {broken} did not hold")
    }
}

/// Text in a line of TAP, where `#` begins a directive.
fn escaped(text: &str) -> String {
    printable(&text.replace('\n', " ").replace('\\', r"\\").replace('#', r"\#"))
}
