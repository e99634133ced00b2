//! The report for people: one line a scenario, and what is needed to act on it.

use std::io::{self, Write};

use super::form::{Look, Report, Summary};
use crate::suite::verdict::{Finding, ScenarioFailure, SnapshotChange, Verdict};
use testgam_language::words::printable;

/// How far what belongs to a scenario is indented.
const INDENT: &str = "    ";

/// The colours, as terminals understand them.
#[derive(Debug, Clone, Copy)]
enum Color {
    Red = 31,
    Green = 32,
    Yellow = 33,
    Blue = 36,
}

/// Writes lines for people.
pub(super) struct Pretty<W> {
    out: W,
    look: Look,
    /// What did not hold, and the command that plays it again, for the end.
    broken: Vec<String>,
}

impl<W: Write> Pretty<W> {
    pub(super) fn new(out: W, look: Look) -> Pretty<W> {
        Pretty { out, look, broken: Vec::new() }
    }

    fn paint(&self, color: Color, text: &str) -> String {
        match self.look.colors {
            true => format!("\x1b[{}m{text}\x1b[0m", color as u8),
            false => text.to_owned(),
        }
    }

    fn line(&mut self, color: Color, word: &str, finding: &Finding, note: &str) -> io::Result<()> {
        let word = self.paint(color, &format!("{word:<8}"));
        let note = if note.is_empty() { String::new() } else { format!(": {}", printable(note)) };
        let seconds = finding.took.as_secs_f64();
        writeln!(self.out, "{word} {}{note} ({seconds:.2} s)", printable(&finding.scenario.name))
    }

    fn explain(&mut self, finding: &Finding, complaint: &ScenarioFailure) -> io::Result<()> {
        let place = self.look.place(finding, complaint);
        let step = if complaint.step.is_empty() { String::new() } else { format!(": {}", complaint.step) };
        writeln!(self.out, "{INDENT}{}", printable(&format!("{place}{step}")))?;
        for line in complaint.message.lines() {
            writeln!(self.out, "{INDENT}{}", printable(line))?;
        }
        for line in complaint.difference.lines().map(printable) {
            let line = match line.as_bytes().first() {
                Some(b'-') => self.paint(Color::Red, &line),
                Some(b'+') => self.paint(Color::Green, &line),
                Some(b'@') => self.paint(Color::Blue, &line),
                _ => line,
            };
            writeln!(self.out, "{INDENT}{line}")?;
        }
        if let Some(remedy) = self.look.remedy(finding, complaint) {
            writeln!(self.out, "{INDENT}to accept this: {}", self.paint(Color::Blue, &printable(&remedy)))?;
        }
        Ok(())
    }
}

impl<W: Write> Report for Pretty<W> {
    fn begin(&mut self, _count: usize) -> io::Result<()> {
        Ok(())
    }

    fn tell(&mut self, finding: &Finding) -> io::Result<()> {
        match &finding.verdict {
            Verdict::Held => self.line(Color::Green, "held", finding, "")?,
            Verdict::Accepted(SnapshotChange::Removed) => self.line(Color::Blue, "removed", finding, "")?,
            Verdict::Accepted(SnapshotChange::Added) => self.line(Color::Blue, "accepted", finding, "new")?,
            Verdict::Accepted(SnapshotChange::Updated) => {
                self.line(Color::Blue, "accepted", finding, "updated")?;
            }
            Verdict::Skipped(why) => self.line(Color::Yellow, "skipped", finding, why)?,
            Verdict::Broken(complaint) => self.line(Color::Red, complaint.kind.word(), finding, "")?,
        }
        if self.look.transcripts {
            for line in finding.transcript.lines() {
                writeln!(self.out, "{INDENT}{}", printable(line))?;
            }
        }
        match &finding.verdict {
            Verdict::Broken(complaint) => {
                let (kind, replay) = (complaint.kind.word(), self.look.replay(finding, complaint));
                self.broken.push(printable(&format!("{kind:<8} {}: {replay}", finding.scenario.name)));
                self.explain(finding, complaint)
            }
            _ => Ok(()),
        }
    }

    fn end(&mut self, summary: &Summary) -> io::Result<()> {
        let Summary { held, accepted, skipped, broken, unplayed, took } = *summary;
        if !self.broken.is_empty() {
            writeln!(self.out, "what did not hold, and how to play it again:")?;
        }
        for line in &self.broken {
            writeln!(self.out, "{INDENT}{line}")?;
        }
        let counts = [
            (held, "held", Color::Green),
            (accepted, "accepted", Color::Blue),
            (skipped, "skipped", Color::Yellow),
            (broken, "did not hold", Color::Red),
            (unplayed, "not played", Color::Yellow),
        ];
        let told = counts.iter().filter(|(count, ..)| *count > 0);
        let told: Vec<_> =
            told.map(|(count, word, color)| self.paint(*color, &format!("{count} {word}"))).collect();
        let all = held + accepted + skipped + broken + unplayed;
        let scenarios = if all == 1 { "scenario" } else { "scenarios" };
        writeln!(self.out, "{all} {scenarios}: {} ({:.2} s)", told.join(", "), took.as_secs_f64())
    }
}
