//! News as a program wants to read them, and names as a terminal may be shown them.
//!
//! The JSON objects are those of docs/watch.schema.json. Invariant: a line is a line, and a terminal is never told to do
//! anything, whatever is in a name.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use gamin_follow::News;
use serde::Serialize;

/// News as a JSON object, but for the time.
#[derive(Debug, Default, Serialize)]
pub struct JsonLine {
    time: f64,
    event: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_hex: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to_hex: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replaces: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u8>,
}

impl JsonLine {
    /// The object for news.
    pub fn of(news: &News) -> JsonLine {
        let written = |path: &Path| {
            let bytes = path.as_os_str().as_bytes();
            let hex = || bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            (Some(path.to_string_lossy().into_owned()), path.to_str().is_none().then(hex))
        };
        let of_path = |event, path: &Path| {
            let (path, path_hex) = written(path);
            JsonLine { event, path, path_hex, ..JsonLine::default() }
        };
        match news {
            News::Change(change) => {
                let line = of_path(change.event.word(), &change.absolute);
                let Some(moved_to) = &change.moved_to else { return line };
                let (to, to_hex) = written(&moved_to.absolute);
                JsonLine { to, to_hex, replaces: Some(moved_to.replaces), ..line }
            }
            News::Missing(path) => of_path("Missing", &std::path::absolute(path).unwrap_or_default()),
            News::Listed => JsonLine { event: "Listed", ..JsonLine::default() },
            News::Gap(gap) => {
                let why = Some(gap.why.word().to_owned());
                JsonLine { why, ..of_path("Gap", &gap.absolute) }
            }
            News::GapEnds(gap) => of_path("GapEnds", &gap.absolute),
            News::BadRule(why) => {
                JsonLine { event: "BadRule", why: Some(why.clone()), ..JsonLine::default() }
            }
        }
    }

    /// The object that says that there will be no more.
    pub fn end(status: u8) -> JsonLine {
        JsonLine { event: "End", status: Some(status), ..JsonLine::default() }
    }

    /// The line.
    pub fn json(self, now: SystemTime) -> String {
        let time = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        serde_json::to_string(&JsonLine { time, ..self }).expect("because numbers and texts can be written")
    }
}

/// A path for a terminal: what is readable as it is, all else escaped as in C.
pub fn escape(path: &Path) -> String {
    escape_bytes(path.as_os_str().as_bytes())
}

/// The bytes of a name for a terminal.
pub fn escape_bytes(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' => text.push_str("\\\\"),
                _ if c.is_control() || is_invisible(c) => text.extend(c.escape_default()),
                _ => text.push(c),
            }
        }
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

/// Whether a character changes how others are shown: directions, breaks of lines.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::path::PathBuf;
    use std::time::Duration;

    use gamin_follow::{Change, What};

    use super::*;

    #[test]
    fn names_cannot_play_tricks_on_a_terminal() {
        for (name, shown) in [
            (&b"/a b"[..], "/a b"),
            ("/\u{fc}\u{4e2d}".as_bytes(), "/\u{fc}\u{4e2d}"),
            (b"/a\nDeleted /b", "/a\\nDeleted /b"),
            (b"/\x1b[2J", "/\\u{1b}[2J"),
            (b"/\xff\\", "/\\xff\\\\"),
            ("/\u{202e}x".as_bytes(), "/\\u{202e}x"),
        ] {
            assert_eq!(escape_bytes(name), shown);
        }
    }

    #[test]
    fn json_has_every_byte() {
        let now = UNIX_EPOCH + Duration::from_millis(1500);
        let object = |path: &[u8]| {
            let path = PathBuf::from(OsStr::from_bytes(path));
            let change = Change {
                event: What::Created,
                shown: path.clone(),
                absolute: path,
                relative: PathBuf::new(),
                moved_to: None,
            };
            let record = JsonLine::of(&News::Change(change));
            serde_json::from_str::<serde_json::Value>(&record.json(now)).expect("JSON")
        };
        let plain = object(b"/a\n\"");
        assert_eq!((&plain["time"], &plain["event"]), (&1.5.into(), &"Created".into()));
        assert_eq!((&plain["path"], &plain["path_hex"]), (&"/a\n\"".into(), &serde_json::Value::Null));
        assert_eq!(object(b"/\xff")["path_hex"], "2fff");
    }
}
