//! What is said to a person at a terminal.
//!
//! What there is to say is left to the commands. Invariant: a terminal is shown whatever a name or a script holds, and told to do
//! none of it.

use std::io::{self, IsTerminal, Write};

use testgam_language::words::printable_lines;

/// Says something on standard error.
pub fn say(message: &str) {
    // If standard error is closed, nobody listens.
    let _ = writeln!(io::stderr(), "{}", printable_lines(message.trim_end().as_bytes()));
}

/// Writes bytes as they are, but spells for a terminal what it would obey.
pub fn spelled_at_terminal<'a>(out: impl Write + IsTerminal + 'a) -> Box<dyn Write + 'a> {
    if out.is_terminal() { Box::new(Spelled(out)) } else { Box::new(out) }
}

/// Spells what a terminal would obey. A character is written as a whole.
struct Spelled<W>(W);

impl<W: Write> Write for Spelled<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write_all(printable_lines(bytes).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_spelled() {
        let mut shown = Vec::new();
        Spelled(&mut shown).write_all(b"1: \x1b[2J Created: NULL\n").expect("there is room");
        assert_eq!(String::from_utf8_lossy(&shown), "1: \\u{1b}[2J Created: NULL\n");
    }
}
