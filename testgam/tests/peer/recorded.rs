//! Entries and what their watchers were recorded to print: each line has to be read as what stands below it.
//!
//! So that an entry is checked where its watcher is not. Invariant: a record without an entry fails.

use std::fs;
use std::path::Path;

use libtest_mimic::Failed;
use testgam::peers::Peers;
use testgam_worlds::peer::says::Saying;

/// Where entries lie.
const PEERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers");
/// What stands in a record for the directory that is watched, and what it is read as.
const PLACEHOLDER: &str = "{dir}";
const DIRECTORY: &str = "/watched/dir";

/// Reads all that was recorded.
pub fn check() -> Result<(), Failed> {
    let peers = Peers::new(Some(Path::new(PEERS)))?;
    let Ok(records) = fs::read_dir(Path::new(PEERS).join("recorded")) else { return Ok(()) };
    let mut complaints = String::new();
    for record in records.flatten() {
        let path = record.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let peer = peers.find(&name, None)?.peer;
        let text = fs::read_to_string(&path)?.replace(PLACEHOLDER, DIRECTORY);
        for (line, expected) in recorded(&text) {
            let read = peer.reading.read(line.as_bytes(), Path::new(DIRECTORY));
            let read: Vec<_> = read.iter().map(written).collect();
            let read = if read.is_empty() { vec!["ignore".to_owned()] } else { read };
            if read != expected {
                complaints += &format!("{name}: `{line}` is read as {read:?}, and should be {expected:?}\n");
            }
        }
    }
    if complaints.is_empty() { Ok(()) } else { Err(complaints.into()) }
}

/// Each line, and what stands below it, indented.
fn recorded(text: &str) -> Vec<(&str, Vec<String>)> {
    let mut all: Vec<(&str, Vec<String>)> = Vec::new();
    for line in text.lines() {
        match (line.strip_prefix("  "), all.last_mut()) {
            (Some(expected), Some((_, read))) => read.push(expected.to_owned()),
            _ if line.starts_with('#') => {}
            _ => all.push((line, Vec::new())),
        }
    }
    // An empty line is one of the watcher's only if something stands below it.
    all.retain(|(line, read)| !(line.is_empty() && read.is_empty()));
    all
}

fn written(saying: &Saying) -> String {
    match saying {
        Saying::Present(path) => format!("present {}", path.display()),
        Saying::Absent(path) => format!("absent {}", path.display()),
        Saying::Look(path) => format!("look {}", path.display()),
        Saying::Move(from, to) => format!("move {} -> {}", from.display(), to.display()),
        Saying::Gap => "gap".to_owned(),
        Saying::Poke => "poke".to_owned(),
    }
}
