//! The command that is run after events: one at a time, and merged what happened meanwhile.
//!
//! Invariants: no name is ever read as a part of the command; of each path at most one event waits, and running the
//! command for it leaves nothing out that is true now.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use gamin::Code;

use crate::change::Change;

/// A command, and the events that it is to be run for.
#[derive(Debug)]
pub struct Exec {
    script: String,
    /// What waits about each path, and its place in the order.
    waiting: BTreeMap<PathBuf, (u64, Code)>,
    next_place: u64,
}

impl Exec {
    /// Makes one that runs `command` with the shell.
    pub fn new(command: &str) -> Exec {
        // The shell does not read what a variable holds as a command, wherever it stands.
        let script = command.replace("{}", "\"$GAMIN_PATH\"");
        Exec { script, waiting: BTreeMap::new(), next_place: 0 }
    }

    /// Takes an event: it waits, as one with what waits about its path.
    pub fn handle_change(&mut self, change: &Change) {
        let first = self.waiting.remove(&change.absolute).map(|(_, code)| code);
        let Some(code) = merged(first, change.code) else { return };
        self.next_place += 1;
        self.waiting.insert(change.absolute.clone(), (self.next_place, code));
    }

    /// Gives the event that waits longest.
    pub fn poll(&mut self) -> Option<(PathBuf, Code)> {
        let (path, _) = self.waiting.iter().min_by_key(|(_, (place, _))| *place)?;
        let path = path.clone();
        self.waiting.remove(&path).map(|(_, code)| (path, code))
    }

    /// Runs the command for an event, and waits for it.
    pub fn run(&self, path: &Path, code: Code) -> io::Result<ExitStatus> {
        Command::new("/bin/sh")
            .args(["-c", &self.script])
            .env("GAMIN_PATH", path)
            .env("GAMIN_EVENT", code.name().unwrap_or("Unknown"))
            .status()
    }
}

/// What the event that waits, if any, and the next one about the same path come to.
fn merged(first: Option<Code>, next: Code) -> Option<Code> {
    match (first, next) {
        (None, next) => Some(next),
        (Some(Code::Created), Code::Deleted) => None,
        (Some(Code::Deleted), Code::Created) => Some(Code::Changed),
        (Some(_), Code::Deleted) => Some(Code::Deleted),
        (Some(first), _) => Some(first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merge(changes: &[(&str, Code)]) -> Vec<(String, &'static str)> {
        let mut exec = Exec::new("true");
        for (path, code) in changes {
            let path = PathBuf::from(path);
            exec.handle_change(&Change { code: *code, shown: path.clone(), absolute: path });
        }
        let waiting = std::iter::from_fn(|| exec.poll());
        waiting.map(|(path, code)| (path.display().to_string(), code.name().unwrap_or("?"))).collect()
    }

    #[test]
    fn what_waits_is_merged_by_path() {
        use gamin::Code as C;
        let b = ("/b".to_owned(), "Changed");
        for (codes, outcome) in [
            (vec![C::Created, C::Changed], Some("Created")),
            (vec![C::Created, C::Deleted], None),
            (vec![C::Changed, C::Deleted], Some("Deleted")),
            (vec![C::Deleted, C::Created], Some("Changed")),
            (vec![C::Deleted, C::Created, C::Deleted], Some("Deleted")),
            (vec![C::Created, C::Deleted, C::Created], Some("Created")),
        ] {
            let (first, rest) = codes.split_first().expect("there are some");
            let steps =
                [("/a", *first), ("/b", C::Changed)].into_iter().chain(rest.iter().map(|c| ("/a", *c)));
            let expected = [b.clone()].into_iter().chain(outcome.map(|code| ("/a".to_owned(), code)));
            assert_eq!(merge(&steps.collect::<Vec<_>>()), expected.collect::<Vec<_>>());
        }
    }
}
