//! Completion and hints: what may stand where the cursor is.
//!
//! Pure but for looking at directories. When it is asked for and how it is shown is left to `editor`.
//! Invariant: a candidate, put where the word began, is one word that reads back as what it stands for.

use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use gamin::Code;

use super::help::{SESSION_VERBS, topics};
use super::usage::{Argument, argument, arguments, choices};
use testgam_language::Language;
use testgam_language::transcript::DIRECTORY_PLACEHOLDER;
use testgam_language::verb::{self, VERBS};
use testgam_language::words::{Word, plain_or_quoted, split_extended};

/// The most entries of a directory that are looked at.
const ENTRIES_MAX: usize = 10_000;

/// What the session knows that completion needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Where relative paths begin.
    pub directory: PathBuf,
    /// The clients that were named.
    pub clients: Vec<String>,
    /// How many requests the current client has made.
    pub requests: usize,
    /// The name of the block that is open, or nothing.
    pub block: &'static str,
}

/// Something that may stand there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// What is shown in a list.
    pub shown: String,
    /// What takes the place of the word.
    pub text: String,
}

/// What may take the place of the last word of `line`, and the byte at which that word begins.
pub fn candidates(line: &str, facts: &Facts) -> (usize, Vec<Candidate>) {
    let Some((before, last)) = words(line) else { return (line.len(), Vec::new()) };
    let start = last.column - 1;
    let found = match before.split_first() {
        None => verbs(),
        Some((name, rest)) => of_arguments(&name.bytes, rest.len(), &last.bytes, facts),
    };
    let fits = |candidate: &Candidate| match split_extended(candidate.text.as_bytes()) {
        Ok(words) => words.first().is_some_and(|word| word.bytes.starts_with(&last.bytes)),
        Err(_) => false,
    };
    (start, found.into_iter().filter(fits).collect())
}

/// What is still to be typed behind `line`, in the words of the verb's usage.
pub fn hint(line: &str) -> Option<String> {
    let words = split_extended(line.as_bytes()).ok()?;
    let (name, given) = words.split_first()?;
    let usage = match verb::find(Language::Extended, &name.bytes) {
        Some(verb) => arguments(verb),
        None => {
            let verb = SESSION_VERBS.iter().find(|verb| verb.name.as_bytes() == name.bytes)?;
            verb.usage.split_whitespace().collect()
        }
    };
    let rest = usage.get(given.len()..)?.join(" ");
    let gap = if line.ends_with(' ') { "" } else { " " };
    (!rest.is_empty()).then(|| format!("{gap}{rest}"))
}

/// The words of a line that is being typed: those that are complete, and the last, which may be empty.
fn words(line: &str) -> Option<(Vec<Word>, Word)> {
    let is_open = split_extended(line.as_bytes()).is_err();
    let closed = if is_open { format!("{line}\"") } else { line.to_owned() };
    let mut words = split_extended(closed.as_bytes()).ok()?;
    let is_between = !is_open && line.ends_with([' ', '\t']);
    let last = match words.pop_if(|_| !is_between) {
        Some(last) => last,
        None => Word { column: line.len() + 1, bytes: Vec::new() },
    };
    Some((words, last))
}

fn verbs() -> Vec<Candidate> {
    let language = VERBS.iter().map(|verb| (verb.name, verb.usage));
    let session = SESSION_VERBS.iter().map(|verb| (verb.name, verb.usage));
    let mut names: Vec<_> = language.chain(session).collect();
    names.sort_unstable();
    // `save` is a verb of both.
    names.dedup_by_key(|(name, _)| *name);
    let candidate = |(name, usage): (&str, &str)| Candidate {
        shown: name.to_owned(),
        text: if usage.is_empty() { name.to_owned() } else { format!("{name} ") },
    };
    names.into_iter().map(candidate).collect()
}

fn of_arguments(verb: &[u8], index: usize, typed: &[u8], facts: &Facts) -> Vec<Candidate> {
    match verb {
        b"help" if index == 0 => return plain(topics()),
        b"save!" if index == 0 => return paths(typed, &facts.directory),
        _ => {}
    }
    let Some(verb) = verb::find(Language::Extended, verb) else { return Vec::new() };
    match argument(verb, index) {
        Some(Argument::Path | Argument::Target | Argument::Shown) => paths(typed, &facts.directory),
        Some(Argument::Client) => plain(facts.clients.iter()),
        Some(Argument::Index) => plain((0..facts.requests).map(|index| index.to_string())),
        Some(Argument::Request) => plain((1..=facts.requests).map(|number| number.to_string())),
        Some(Argument::Code) => plain((1..=9).filter_map(|code| Code::from(code).name())),
        Some(Argument::Choice) => plain(choices(verb.usage)),
        Some(Argument::Free) | None => Vec::new(),
    }
}

fn plain(texts: impl Iterator<Item = impl ToString>) -> Vec<Candidate> {
    let candidate = |text: String| Candidate { shown: text.clone(), text };
    texts.map(|text| candidate(text.to_string())).collect()
}

/// The entries of the directory that `typed` names so far; a directory among them ends with a slash.
fn paths(typed: &[u8], directory: &Path) -> Vec<Candidate> {
    let end = typed.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
    let (parent, name) = typed.split_at(end);
    let place = match parent.strip_prefix(DIRECTORY_PLACEHOLDER.as_bytes()) {
        Some([b'/', rest @ ..]) => directory.join(path(rest)),
        _ => directory.join(path(parent)),
    };
    let entries = fs::read_dir(place).into_iter().flatten().flatten().take(ENTRIES_MAX);
    let mut names: Vec<_> = entries
        .filter(|entry| entry.file_name().as_bytes().first() != Some(&b'.') || name.starts_with(b"."))
        .map(|entry| {
            let is_directory = entry.path().is_dir();
            [entry.file_name().as_bytes(), if is_directory { b"/" } else { b"" }].concat()
        })
        .collect();
    names.sort_unstable();
    let candidate = |name: &Vec<u8>| Candidate {
        shown: plain_or_quoted(name),
        text: plain_or_quoted(&[parent, name].concat()),
    };
    names.iter().map(candidate).collect()
}

fn path(bytes: &[u8]) -> PathBuf {
    std::ffi::OsString::from_vec(bytes.to_vec()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(directory: &Path) -> Facts {
        let clients = vec!["main".into(), "bob".into()];
        Facts { directory: directory.to_owned(), clients, requests: 2, block: "" }
    }

    fn texts(line: &str, facts: &Facts) -> Vec<String> {
        candidates(line, facts).1.into_iter().map(|candidate| candidate.text).collect()
    }

    #[test]
    fn verbs_of_language_and_session_stand_first_on_a_line() {
        let facts = Facts::default();
        assert_eq!(texts("mkd", &facts), ["mkdir "]);
        assert_eq!(texts("  conv", &facts), ["converged"]);
        assert_eq!(texts("save", &facts), ["save ", "save! "]);
        assert_eq!(texts("", &facts).len(), VERBS.len() + SESSION_VERBS.len() - 1);
        assert_eq!(candidates("  mkd", &facts).0, 2);
    }

    #[test]
    fn arguments_are_offered_by_what_they_are() {
        let facts = facts(Path::new("/nowhere"));
        assert_eq!(texts("server st", &facts), ["stop", "start"]);
        assert_eq!(texts("client ", &facts), ["main", "bob"]);
        assert_eq!(texts("cancel ", &facts), ["0", "1"]);
        assert_eq!(texts("expect-event ", &facts), ["1", "2"]);
        assert_eq!(texts("expect-event 1 a Ex", &facts), ["Exists"]);
        assert_eq!(texts("expect n", &facts), ["none"]);
        assert_eq!(texts("help mondi", &facts), ["mondir"]);
        assert!(texts("wait ", &facts).is_empty() && texts("frob ", &facts).is_empty());
    }

    #[test]
    fn paths_are_offered_from_the_sessions_directory_and_quoted_where_they_must_be() {
        let own = tempfile::tempdir().expect("a temporary directory");
        let facts = facts(own.path());
        fs::create_dir_all(own.path().join("a b/c")).expect("directories");
        for name in ["a b/file", "apple", ".hidden"] {
            fs::write(own.path().join(name), "").expect("a file");
        }
        assert_eq!(texts("mkdir ", &facts), [r#""a b/""#, "apple"]);
        assert_eq!(texts("move apple ap", &facts), ["apple"]);
        assert_eq!(texts("mkdir .", &facts), [".hidden"]);
        assert_eq!(texts("mkdir $DIR/ap", &facts), ["$DIR/apple"]);
        let line = r#"mkdir "a b/"f"#;
        assert_eq!(candidates(line, &facts).0, 6);
        assert_eq!(texts(line, &facts), [r#""a b/file""#]);
        assert_eq!(texts(r#"mkdir "a "#, &facts), [r#""a b/""#]);
        let absolute = own.path().join("ap");
        let whole = own.path().join("apple").display().to_string();
        assert_eq!(texts(&format!("monfile {}", absolute.display()), &facts), [whole]);
        assert_eq!(texts("save! ap", &facts), ["apple"]);
    }

    #[test]
    fn hints_say_what_is_still_to_be_typed() {
        assert_eq!(hint("mondir").as_deref(), Some(" PATH [REQNUM] [data=TEXT]"));
        assert_eq!(hint("move a").as_deref(), Some(" TO"));
        assert_eq!(hint("move a ").as_deref(), Some("TO"));
        assert_eq!(hint("help ").as_deref(), Some("[VERB]"));
        assert_eq!(hint("server ").map(|hint| hint.starts_with("pollonly |")), Some(true));
        for line in ["", "frob", "move a b", "move a b c", "server stop", "disconnect"] {
            assert_eq!(hint(line), None, "{line}");
        }
    }
}
