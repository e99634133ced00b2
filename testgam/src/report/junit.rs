//! The report for CI servers: JUnit's XML.
//!
//! The counts stand before the cases, so everything is written at the end.

use std::io::{self, Write};

use super::form::{Look, Report, Summary};
use crate::suite::verdict::{Finding, ScenarioFailure, Verdict};
use testgam_language::words::is_obeyed;

/// Gathers cases and writes them as one suite.
pub(super) struct Junit<W> {
    out: W,
    look: Look,
    cases: String,
}

impl<W: Write> Junit<W> {
    pub(super) fn new(out: W, look: Look) -> Junit<W> {
        Junit { out, look, cases: String::new() }
    }

    fn failure(&self, finding: &Finding, complaint: &ScenarioFailure) -> String {
        let mut text = self.look.place(finding, complaint);
        let replay = format!("to play it again: {}", self.look.replay(finding, complaint));
        let remedy = self.look.remedy(finding, complaint).map(|remedy| format!("to accept this: {remedy}"));
        let parts = [
            Some(complaint.step.clone()),
            Some(complaint.message.clone()),
            Some(complaint.difference.clone()),
            Some(replay),
            remedy,
        ];
        for part in parts.into_iter().flatten().filter(|part| !part.is_empty()) {
            text.push('\n');
            text.push_str(&part);
        }
        let (kind, message) = (complaint.kind.word(), escaped(&complaint.message));
        format!("<failure type=\"{kind}\" message=\"{message}\">{}</failure>", escaped(&text))
    }
}

impl<W: Write> Report for Junit<W> {
    fn begin(&mut self, _count: usize) -> io::Result<()> {
        Ok(())
    }

    fn tell(&mut self, finding: &Finding) -> io::Result<()> {
        let mut inside = match &finding.verdict {
            Verdict::Held | Verdict::Accepted(_) => String::new(),
            Verdict::Skipped(why) => format!("<skipped message=\"{}\"/>", escaped(why)),
            Verdict::Broken(complaint) => self.failure(finding, complaint),
        };
        if self.look.transcripts {
            inside.push_str(&format!("<system-out>{}</system-out>", escaped(&finding.transcript)));
        }
        self.cases.push_str(&format!(
            "    <testcase classname=\"{}\" name=\"{}\" file=\"{}\" time=\"{:.3}\">{inside}</testcase>\n",
            escaped(finding.scenario.area()),
            escaped(finding.scenario.behaviour()),
            escaped(&self.look.path(&finding.scenario.file)),
            finding.took.as_secs_f64(),
        ));
        Ok(())
    }

    fn end(&mut self, summary: &Summary) -> io::Result<()> {
        let Summary { held, accepted, skipped, broken, took, .. } = *summary;
        let tests = held + accepted + skipped + broken;
        let counts = format!(
            "tests=\"{tests}\" failures=\"{broken}\" errors=\"0\" skipped=\"{skipped}\" time=\"{:.3}\"",
            took.as_secs_f64()
        );
        writeln!(self.out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {counts}>")?;
        writeln!(self.out, "  <testsuite name=\"testgam\" {counts}>")?;
        writeln!(self.out, "{}  </testsuite>\n</testsuites>", self.cases)
    }
}

/// Text in XML, also between quotes. What XML cannot hold in any form is replaced.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\0'..='\x1f' if !"\n\t\r".contains(c) => escaped.push('\u{fffd}'),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            c if is_obeyed(c) => escaped.push_str(&format!("&#{};", u32::from(c))),
            c => escaped.push(c),
        }
    }
    escaped
}
