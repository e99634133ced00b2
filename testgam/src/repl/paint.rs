//! Colour: what was done dim, what was told by its code, what went wrong red. Pure.
//!
//! Whether there is colour is decided once, by who makes the [`Paint`]. Invariant: paint taken off, the
//! text is what it was.

use testgam_language::words::{printable, split_extended};

const DIM: &str = "2";
const RED: &str = "31";
const GREEN: &str = "32";
const YELLOW: &str = "33";

/// Colours, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paint {
    /// Whether there are any.
    pub is_on: bool,
}

impl Paint {
    /// A transcript: echoes flush left, events indented.
    pub fn transcript(self, text: &str) -> String {
        text.lines().map(|line| self.put(colour(line), line) + "\n").collect()
    }

    /// What went wrong, which may name what a terminal would obey.
    pub fn error(self, text: &str) -> String {
        text.lines().map(|line| self.put(Some(RED), &printable(line)) + "\n").collect()
    }

    /// What is only by the way.
    pub fn aside(self, text: &str) -> String {
        self.put(Some(DIM), text)
    }

    fn put(self, colour: Option<&str>, text: &str) -> String {
        match colour {
            Some(colour) if self.is_on => format!("\x1b[{colour}m{text}\x1b[0m"),
            _ => text.to_owned(),
        }
    }
}

fn colour(line: &str) -> Option<&'static str> {
    if !line.starts_with(' ') {
        return Some(DIM);
    }
    match code(line)?.as_slice() {
        b"Created" => Some(GREEN),
        b"Deleted" => Some(RED),
        b"Changed" => Some(YELLOW),
        _ => None,
    }
}

/// The code of an event's line: behind the number and the name, or the two names of folded events.
fn code(line: &str) -> Option<Vec<u8>> {
    let words = split_extended(line.as_bytes()).ok()?;
    let mut words = words.into_iter().map(|word| word.bytes).skip_while(|word| !word.ends_with(b":")).skip(2);
    let code = words.next()?;
    if code == "…".as_bytes() { words.nth(1) } else { Some(code) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_coloured_by_their_code_wherever_it_stands() {
        for (line, expected) in [
            ("  1: foo Created", Some(GREEN)),
            ("  bob 12: \"Created Deleted\" Changed \"Created\"", Some(YELLOW)),
            ("  1: Deleted Exists", None),
            ("  1: name000000 … name000099 Deleted x100", Some(RED)),
            ("mkfile Created", Some(DIM)),
        ] {
            assert_eq!(colour(line), expected, "{line}");
        }
    }

    #[test]
    fn without_colour_nothing_is_added() {
        let text = "mkdir a\n  1: a Created\n";
        assert_eq!(Paint { is_on: false }.transcript(text), text);
        assert_eq!(Paint { is_on: false }.error("no\n\x1b[2J"), "no\n\\u{1b}[2J\n");
        let painted = Paint { is_on: true }.transcript(text);
        assert_eq!(painted, "\x1b[2mmkdir a\x1b[0m\n\x1b[32m  1: a Created\x1b[0m\n");
    }
}
