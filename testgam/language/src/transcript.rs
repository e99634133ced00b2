//! The transcript: how events are written. Pure.
//!
//! Which step an event belongs to is left to `interpreter`. Invariant: in the extended form every event is
//! one line of printable text, whatever bytes its name holds; two runs that report the same events in the
//! same order read the same, wherever they were played.

use std::path::Path;

use gamin::Code;

use crate::words::{plain_or_quoted, quote};

/// The most events of one step that are written one by one.
pub const FOLD_ABOVE: usize = 40;

/// The word that stands for the scenario's own directory.
pub const DIRECTORY_PLACEHOLDER: &str = "$DIR";

/// An event as a transcript shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The client that read it, if there are several.
    pub client: Option<String>,
    /// The request number.
    pub request: i32,
    /// The name, the scenario's directory replaced by its placeholder.
    pub name: Vec<u8>,
    /// The code.
    pub code: Code,
    /// The request and the name of what has moved, where it is now.
    pub to: Option<(i32, Vec<u8>)>,
    /// The request's user data.
    pub data: Option<Vec<u8>>,
}

/// Replaces the scenario's directory at the beginning of a name by its placeholder.
pub fn placed(name: &[u8], directory: Option<&Path>) -> Vec<u8> {
    let directory = directory.map(|directory| directory.as_os_str().as_encoded_bytes());
    match directory.and_then(|directory| name.strip_prefix(directory)) {
        Some(rest) if rest.is_empty() || rest[0] == b'/' => [DIRECTORY_PLACEHOLDER.as_bytes(), rest].concat(),
        _ => name.to_vec(),
    }
}

/// The name of a code; a number for one that FAM does not know.
pub fn code_name(code: Code) -> String {
    code.name().map_or_else(|| format!("Code{}", code.number()), str::to_owned)
}

impl Shown {
    /// The event as the original prints it, without an end of line.
    pub fn classic(&self) -> Vec<u8> {
        let number = format!("{}: ", self.request);
        let code = format!(" {}: ", code_name(self.code));
        [number.as_bytes(), &self.name, code.as_bytes(), self.data.as_deref().unwrap_or(b"NULL")].concat()
    }

    /// The event as an extended transcript has it, without indentation and end of line.
    pub fn extended(&self) -> String {
        self.line(&plain_or_quoted(&self.name), "")
    }

    fn line(&self, names: &str, count: &str) -> String {
        let client = self.client.as_deref().map(|name| format!("{name} ")).unwrap_or_default();
        let data = self.data.as_deref().map(|data| format!(" {}", quote(data))).unwrap_or_default();
        let to = self.to.as_ref().map(|(request, name)| match *request == self.request {
            true => format!(" -> {}", plain_or_quoted(name)),
            false => format!(" -> {request}: {}", plain_or_quoted(name)),
        });
        let to = to.unwrap_or_default();
        format!("{client}{}: {names} {}{to}{data}{count}", self.request, code_name(self.code))
    }

    fn is_alike(&self, other: &Shown) -> bool {
        let is_same = (&self.client, self.request, self.code) == (&other.client, other.request, other.code);
        // Where each has moved to is not told of many.
        is_same && self.to.is_none() && other.to.is_none()
    }
}

/// Writes the events of one step, each line indented and ended.
///
/// The entries of a listing are written in order of their names, since a directory has none. More than
/// [`FOLD_ABOVE`] events become one line for each client, request and code, in order of first appearance,
/// with the first and the last name and how many there were.
pub fn write_events(events: &[Shown]) -> String {
    let mut events = events.to_vec();
    for listing in events.chunk_by_mut(|a, b| a.code == Code::Exists && a.is_alike(b)) {
        let is_listing = |shown: &Shown| shown.code == Code::Exists && !shown.name.contains(&b'/');
        if let Some(first) = listing.iter().position(is_listing) {
            listing[first..].sort_by(|a, b| a.name.cmp(&b.name));
        }
    }
    let lines: Vec<String> = match events.len() {
        0..=FOLD_ABOVE => events.iter().map(Shown::extended).collect(),
        _ => fold(&events),
    };
    lines.iter().map(|line| format!("  {line}\n")).collect()
}

fn fold(events: &[Shown]) -> Vec<String> {
    let mut groups: Vec<(&Shown, &Shown, usize)> = Vec::new();
    for event in events {
        match groups.iter_mut().find(|(first, _, _)| first.is_alike(event)) {
            Some((_, last, count)) => (*last, *count) = (event, *count + 1),
            None => groups.push((event, event, 1)),
        }
    }
    let line = |(first, last, count): &(&Shown, &Shown, usize)| match count {
        1 => first.extended(),
        2.. if first.name == last.name => first.line(&plain_or_quoted(&first.name), &format!(" x{count}")),
        _ => {
            let names = format!("{} … {}", plain_or_quoted(&first.name), plain_or_quoted(&last.name));
            first.line(&names, &format!(" x{count}"))
        }
    };
    groups.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(name: &str, code: Code) -> Shown {
        Shown { client: None, request: 1, name: name.as_bytes().to_vec(), code, to: None, data: None }
    }

    #[test]
    fn the_classic_form_is_the_originals() {
        let event = shown("foo", Code::Exists);
        assert_eq!(event.classic(), b"1: foo Exists: NULL");
        let event = Shown { data: Some(b"x".to_vec()), request: 12, ..shown("\n", Code::EndExist) };
        assert_eq!(event.classic(), b"12: \n EndExist: x");
    }

    #[test]
    fn the_extended_form_names_client_and_data_and_quotes_odd_names() {
        assert_eq!(shown("bar", Code::Created).extended(), "1: bar Created");
        let event =
            Shown { client: Some("bob".into()), data: Some(b"a b".to_vec()), ..shown("a\nb", Code::Changed) };
        assert_eq!(event.extended(), r#"bob 1: "a\nb" Changed "a b""#);
        assert_eq!(shown("a", Code::Unknown(77)).extended(), "1: a Code77");
    }

    #[test]
    fn the_directory_is_replaced_at_a_boundary_only() {
        let directory = Some(Path::new("/tmp/x"));
        assert_eq!(placed(b"/tmp/x", directory), b"$DIR");
        assert_eq!(placed(b"/tmp/x/t//", directory), b"$DIR/t//");
        assert_eq!(placed(b"/tmp/xy", directory), b"/tmp/xy");
        assert_eq!(placed(b"/tmp/x", None), b"/tmp/x");
    }

    #[test]
    fn a_listing_is_sorted_and_what_follows_keeps_its_order() {
        let events = [
            shown("$DIR/t", Code::Exists),
            shown("b", Code::Exists),
            shown("#a", Code::Exists),
            shown("$DIR/t", Code::EndExist),
            shown("z", Code::Created),
            shown("y", Code::Created),
        ];
        let text = "  1: $DIR/t Exists\n  1: #a Exists\n  1: b Exists\n  1: $DIR/t EndExist\n  1: z Created\n  1: y Created\n";
        assert_eq!(write_events(&events), text);
    }

    #[test]
    fn only_more_events_than_the_limit_are_folded() {
        let mut events: Vec<_> = (0..FOLD_ABOVE).map(|n| shown(&format!("n{n:02}"), Code::Created)).collect();
        assert_eq!(write_events(&events).lines().count(), FOLD_ABOVE);
        events.push(shown("n07", Code::Changed));
        assert_eq!(write_events(&events), "  1: n00 … n39 Created x40\n  1: n07 Changed\n");
        events.push(shown("n07", Code::Changed));
        assert_eq!(write_events(&events), "  1: n00 … n39 Created x40\n  1: n07 Changed x2\n");
    }
}
