//! How a change is printed: a line, a form of the user's, or JSON.
//!
//! What is printed is left to the watch. Invariant: one change is one record, whatever is in a name.

use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::time::SystemTime;

use gamin_follow::{Change, News};

use crate::arguments::WatchOptions;
use crate::change::{JsonLine, escape};
use crate::error::CommandError;

/// Prints changes.
#[derive(Debug)]
pub(super) enum Printer {
    Json,
    Form { parts: Vec<Part>, end: u8, is_raw: bool },
}

/// A part of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    Text(String),
    Event,
    /// So wide that paths stand below each other.
    PaddedEvent,
    Path,
    Absolute,
    /// Where it is now.
    To,
    /// The same behind an arrow, if there is such a place.
    ArrowTo,
    Time(String),
}

/// The time where a form does not say how it is to look.
const TIME: &str = "%Y-%m-%dT%H:%M:%S%.3f%:z";

impl Printer {
    /// Makes the one that the options ask for.
    ///
    /// # Errors
    /// A form that is not understood.
    pub fn new(options: &WatchOptions) -> Result<Printer, CommandError> {
        if options.json {
            return Ok(Printer::Json);
        }
        let mut parts = match &options.format {
            Some(form) => parse(form, options.time.as_deref().unwrap_or(TIME))?,
            None => vec![Part::PaddedEvent, Part::Text(" ".to_owned()), Part::Path, Part::ArrowTo],
        };
        if let (Some(time), None) = (&options.time, &options.format) {
            parts.splice(..0, [Part::Time(time.clone()), Part::Text(" ".to_owned())]);
        }
        for part in &parts {
            if let Part::Time(form) = part {
                show_time(form).map_err(|why| CommandError::Usage(format!("{form}: {why}")))?;
            }
        }
        let end = if options.null { 0 } else { b'\n' };
        Ok(Printer::Form { parts, end, is_raw: options.null })
    }

    /// Prints news, if they are for standard output.
    pub fn print(&self, out: &mut impl Write, news: &News) -> io::Result<()> {
        match (self, news) {
            (Printer::Json, news) => writeln!(out, "{}", JsonLine::of(news).json(SystemTime::now())),
            (Printer::Form { parts, end, is_raw }, News::Change(change)) => {
                let mut line = Vec::new();
                parts.iter().for_each(|part| part.write(&mut line, change, *is_raw));
                line.push(*end);
                out.write_all(&line)
            }
            (Printer::Form { .. }, _) => Ok(()),
        }
    }

    /// Prints that there will be no more, for programs.
    pub fn print_end(&self, out: &mut impl Write, status: u8) -> io::Result<()> {
        match self {
            Printer::Json => writeln!(out, "{}", JsonLine::end(status).json(SystemTime::now())),
            Printer::Form { .. } => Ok(()),
        }
    }
}

impl Part {
    fn write(&self, line: &mut Vec<u8>, change: &Change, is_raw: bool) {
        let name = |path: &std::path::Path| match is_raw {
            true => path.as_os_str().as_bytes().to_vec(),
            false => escape(path).into_bytes(),
        };
        match self {
            Part::Text(text) => line.extend(text.as_bytes()),
            Part::PaddedEvent => line.extend(format!("{:<8}", change.event.word()).as_bytes()),
            Part::Event => line.extend(change.event.word().as_bytes()),
            Part::Path => line.extend(name(&change.shown)),
            Part::Absolute => line.extend(name(&change.absolute)),
            Part::To => line.extend(change.moved_to.iter().flat_map(|to| name(&to.shown))),
            Part::ArrowTo => {
                if let Some(to) = &change.moved_to {
                    line.extend(b" -> ");
                    line.extend(name(&to.shown));
                }
            }
            // That it can be shown was seen when it was asked for.
            Part::Time(form) => line.extend(show_time(form).unwrap_or_default().as_bytes()),
        }
    }
}

/// The time now in a form of strftime(3).
fn show_time(form: &str) -> Result<String, String> {
    jiff::fmt::strtime::format(form, &jiff::Zoned::now()).map_err(|why| why.to_string())
}

/// Understands a form.
fn parse(form: &str, time: &str) -> Result<Vec<Part>, CommandError> {
    let mut parts = vec![];
    let mut text = String::new();
    let mut rest = form;
    while let Some(c) = rest.chars().next() {
        let part = [
            ("{event}", Part::Event),
            ("{path}", Part::Path),
            ("{absolute}", Part::Absolute),
            ("{to}", Part::To),
            ("{time}", Part::Time(time.to_owned())),
        ];
        let plain = [("{{", "{"), ("}}", "}"), ("\\n", "\n"), ("\\t", "\t"), ("\\\\", "\\")];
        if let Some((word, part)) = part.into_iter().find(|(word, _)| rest.starts_with(word)) {
            if !text.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut text)));
            }
            parts.push(part);
            rest = &rest[word.len()..];
        } else if let Some((word, meant)) = plain.into_iter().find(|(word, _)| rest.starts_with(word)) {
            text.push_str(meant);
            rest = &rest[word.len()..];
        } else if matches!(c, '{' | '}' | '\\') {
            let known = "{event}, {path}, {absolute}, {to}, {time}, \\n, \\t, \\\\, {{ and }}";
            return Err(CommandError::Usage(format!("--format: `{rest}` begins with none of {known}")));
        } else {
            text.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    if !text.is_empty() {
        parts.push(Part::Text(text));
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use gamin_follow::What;

    use super::*;

    fn printed(form: &str, is_raw: bool) -> String {
        let parts = parse(form, "%Y").expect("it is understood");
        let path = PathBuf::from("a\nb");
        let change = Change {
            event: What::Created,
            shown: path.clone(),
            absolute: PathBuf::from("/").join(&path),
            relative: path,
            moved_to: None,
        };
        let mut out = Vec::new();
        let printer = Printer::Form { parts, end: b'|', is_raw };
        printer.print(&mut out, &News::Change(change)).expect("there is room");
        String::from_utf8(out).expect("it is text")
    }

    #[test]
    fn a_form_is_filled_in() {
        assert_eq!(printed("{path}", false), "a\\nb|");
        assert_eq!(printed("{absolute}", true), "/a\nb|");
        assert_eq!(printed("{{{event}}}\\t{path}", false), "{Created}\ta\\nb|");
        assert_eq!(printed("{event}", false), "Created|");
        assert_eq!(printed("{time}", false).len(), 5);
    }

    #[test]
    fn what_is_no_form_is_named() {
        for form in ["{Path}", "}", "\\x", "a {"] {
            assert!(parse(form, "").is_err(), "{form}");
        }
    }
}
