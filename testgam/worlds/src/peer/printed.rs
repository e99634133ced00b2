//! What a watcher has printed, as far as a message has to say it: how much, how it began and ended, and what was not understood.
//!
//! Pure. Invariant: a few short lines are kept, however much it prints, and nothing in them that a terminal obeys.

use testgam_language::words::printable_lines;

use super::says::Misreading;
use crate::check::{Checker, Claim, Complaint};

/// How much of a line is kept.
const LINE_MAX: usize = 200;
/// How many of the first lines are kept.
const FIRST_MAX: usize = 3;

/// What was printed since the process began, on either stream.
#[derive(Debug, Default)]
pub struct Printed {
    count: u64,
    first: Vec<String>,
    /// As it is: it is another one soon.
    last: Option<Vec<u8>>,
    /// Those of which nothing was understood, since everything had been told last.
    misread: u64,
    first_misread: Option<(Misreading, String)>,
}

impl Printed {
    /// Takes a line, and why nothing in it was understood, if that is so.
    pub fn handle(&mut self, line: &[u8], misreading: Option<Misreading>) {
        self.count += 1;
        if self.first.len() < FIRST_MAX {
            self.first.push(shown(line));
        }
        if let Some(misreading) = misreading {
            self.handle_misread(misreading, line);
        }
        // One byte more, to see that there was more.
        self.last = Some(line[..line.len().min(LINE_MAX + 1)].to_vec());
    }

    /// What a watcher says of itself counts only if it says nothing else.
    fn handle_misread(&mut self, misreading: Misreading, line: &[u8]) {
        let is_aside = |misreading| misreading == Misreading::Stream;
        match self.first_misread {
            Some((first, _)) if is_aside(misreading) && !is_aside(first) => return,
            Some((first, _)) if is_aside(first) == is_aside(misreading) => {}
            _ => {
                self.misread = 0;
                self.first_misread = Some((misreading, shown(line)));
            }
        }
        self.misread += 1;
    }

    /// Whatever was not understood did no harm: it watches, or has told everything.
    pub fn handle_rest(&mut self) {
        self.misread = 0;
        self.first_misread = None;
    }

    /// How it ended.
    pub fn last(&self) -> String {
        self.last
            .as_ref()
            .map_or("it had printed nothing".into(), |last| format!("its last line was `{}`", shown(last)))
    }

    /// How much it was, and how it began.
    pub fn beginning(&self) -> String {
        let first = self.first.iter().map(|line| format!("`{line}`")).collect::<Vec<_>>().join(", ");
        match self.count {
            0 => "it printed nothing".into(),
            1 => format!("it printed one line, {first}"),
            count if count as usize <= FIRST_MAX => format!("it printed {count} lines, {first}"),
            count => format!("it printed {count} lines, the first of them {first}"),
        }
    }

    /// How much of it was not understood, and why the first of that was not.
    pub fn misread(&self) -> Option<String> {
        let (misreading, line) = self.first_misread.as_ref()?;
        Some(match self.misread {
            1 => format!("it printed a line that was not understood, `{line}`: {misreading}"),
            count => {
                format!(
                    "it printed {count} lines that were not understood, the first of them `{line}`: {misreading}"
                )
            }
        })
    }

    /// The same, where a watcher is accused of having told nothing.
    pub fn silence(&self) -> String {
        self.misread().unwrap_or_else(|| self.beginning())
    }

    /// A complaint that something was not told, and that it may have been in a line that was not understood.
    pub fn explain(&self, complaint: Complaint) -> Complaint {
        let is_aside = self.first_misread.as_ref().is_some_and(|(why, _)| *why == Misreading::Stream);
        match self.misread() {
            Some(misread) if complaint.checker == Checker::Claim(Claim::Missing) && !is_aside => {
                Complaint { what: format!("{complaint}; {misread}"), ..complaint }
            }
            _ => complaint,
        }
    }
}

/// The beginning of a line, for a terminal.
fn shown(line: &[u8]) -> String {
    let text = printable_lines(&line[..line.len().min(LINE_MAX)]);
    if line.len() > LINE_MAX { text + "…" } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_printed_nothing_has_no_last_line() {
        let mut printed = Printed::default();
        assert_eq!(
            [printed.last(), printed.beginning(), printed.silence()],
            ["it had printed nothing", "it printed nothing", "it printed nothing"]
        );
        printed.handle(b"\x1b[2J", None);
        assert_eq!(printed.last(), "its last line was `\\u{1b}[2J`");
        assert_eq!(printed.beginning(), "it printed one line, `\\u{1b}[2J`");
    }

    #[test]
    fn what_was_not_understood_is_counted_and_the_first_of_it_kept() {
        let mut printed = Printed::default();
        printed.handle(b"warning", Some(Misreading::Stream));
        let missing = || Complaint::new(Checker::Claim(Claim::Missing), "a is there");
        assert_eq!(printed.explain(missing()), missing());
        let why = printed.silence();
        assert!(why.contains("`warning`: it stands on standard error"), "{why}");
        printed.handle(b"a", Some(Misreading::Line));
        printed.handle(b"more", Some(Misreading::Stream));
        printed.handle(b"b", Some(Misreading::Word));
        assert_eq!(
            printed.misread().as_deref(),
            Some(
                "it printed 2 lines that were not understood, the first of them `a`: `line` does not match it"
            )
        );
        assert!(printed.explain(missing()).what.starts_with("a is there; it printed 2 lines"));
        printed.handle_rest();
        assert_eq!(printed.misread(), None);
        assert_eq!(printed.silence(), "it printed 4 lines, the first of them `warning`, `a`, `more`");
    }

    #[test]
    fn little_is_kept_of_much() {
        let mut printed = Printed::default();
        for _ in 0..100 {
            printed.handle(&[b'x'; 10_000], None);
        }
        assert!(printed.beginning().starts_with("it printed 100 lines, the first of them `xxx"));
        assert!(printed.beginning().len() < 1000 && printed.last().len() < 300);
    }
}
