//! A change as a person or a program wants to read it.
//!
//! Invariant: a line is a line, and a terminal is never told to do anything, whatever is in a name.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use gamin::Code;
use serde::Serialize;

/// Something that happened to a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What: Exists, Created, Changed or Deleted.
    pub code: Code,
    /// The path, begun as its user spelled it.
    pub shown: PathBuf,
    /// The same path from `/` on.
    pub absolute: PathBuf,
}

/// A change as a JSON object.
#[derive(Serialize)]
struct Object<'a> {
    time: f64,
    event: &'a str,
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_hex: Option<String>,
}

impl Change {
    /// The word for what happened.
    pub fn event(&self) -> &'static str {
        self.code.name().unwrap_or("Unknown")
    }

    /// The line for a person.
    pub fn text(&self) -> String {
        format!("{:<8} {}", self.event(), escape(&self.shown))
    }

    /// The line for a program.
    pub fn json(&self, now: SystemTime) -> String {
        let path = self.absolute.as_os_str();
        let time = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let hex = || path.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        let object = Object {
            time,
            event: self.event(),
            path: &path.to_string_lossy(),
            path_hex: path.to_str().is_none().then(hex),
        };
        serde_json::to_string(&object).expect("because numbers and texts can be written")
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
    use std::time::Duration;

    use super::*;

    fn change(path: &[u8]) -> Change {
        let path = PathBuf::from(OsStr::from_bytes(path));
        Change { code: Code::Created, shown: path.clone(), absolute: path }
    }

    #[test]
    fn names_cannot_play_tricks_on_a_terminal() {
        for (name, shown) in [
            (&b"/a b"[..], "Created  /a b"),
            ("/\u{fc}\u{4e2d}".as_bytes(), "Created  /\u{fc}\u{4e2d}"),
            (b"/a\nDeleted /b", "Created  /a\\nDeleted /b"),
            (b"/\x1b[2J", "Created  /\\u{1b}[2J"),
            (b"/\xff\\", "Created  /\\xff\\\\"),
            ("/\u{202e}x".as_bytes(), "Created  /\\u{202e}x"),
        ] {
            assert_eq!(change(name).text(), shown);
        }
    }

    #[test]
    fn json_has_every_byte() {
        let now = UNIX_EPOCH + Duration::from_millis(1500);
        let object = |name| serde_json::from_str::<serde_json::Value>(&change(name).json(now)).expect("JSON");
        let plain = object(b"/a\n\"");
        assert_eq!((&plain["time"], &plain["event"]), (&1.5.into(), &"Created".into()));
        assert_eq!((&plain["path"], &plain["path_hex"]), (&"/a\n\"".into(), &serde_json::Value::Null));
        assert_eq!(object(b"/\xff")["path_hex"], "2fff");
    }
}
