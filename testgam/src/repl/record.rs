//! The record: what was done in a session, and the scenario that does it again.
//!
//! Performing steps is left to `conversation`. A session begins in a directory that may hold anything, a
//! scenario in an empty one; so the record looks, before each step, whether what it relies on was made by a
//! step, and puts what was not before the first one. Invariant: every line of [`Record::text`] is a
//! comment or a step of the extended language, so that the text is always a script that can be read.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs::{self, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;
use std::path::{Component, Path, PathBuf};

use super::usage::{Argument, argument};
use testgam_language::script::{Step, UNSAID_PROMISE};
use testgam_language::transcript::DIRECTORY_PLACEHOLDER;
use testgam_language::verb;
use testgam_language::words::{Word, plain_or_quoted};
use testgam_language::{EXTENDED_HEADER, Language};

/// The most entries of a monitored directory that are made again.
const ENTRIES_MAX: usize = 100;

/// What was done, ready to be written down.
#[derive(Debug)]
pub struct Record {
    directory: PathBuf,
    lines: Vec<Line>,
    known: BTreeMap<PathBuf, Origin>,
    /// Monitored directories that held more than [`ENTRIES_MAX`] entries.
    crowded: BTreeSet<PathBuf>,
}

/// A line that was typed, and the events that it caused as they were shown.
#[derive(Debug)]
struct Line {
    text: String,
    told: Vec<String>,
}

/// Where an entry comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Origin {
    /// It was not there when a step first named it, so steps make it.
    Made,
    /// It was there before.
    Found(Found),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Found {
    Directory,
    File(u64),
    Link(OsString),
    Fifo,
    Other,
}

/// What was seen before a step, to be kept if the step holds.
#[derive(Debug, Default)]
pub struct Seen {
    origins: BTreeMap<PathBuf, Origin>,
    crowded: Option<PathBuf>,
}

impl Record {
    /// An empty record of a session in `directory`.
    pub fn new(directory: PathBuf) -> Record {
        Record { directory, lines: Vec::new(), known: BTreeMap::new(), crowded: BTreeSet::new() }
    }

    /// Looks at what a step names, before it is performed.
    pub fn look(&self, step: &Step) -> Seen {
        let mut seen = Seen::default();
        let monitors = matches!(step.verb().as_str(), "mondir" | "monfile");
        for operand in operands(step) {
            self.look_at(&operand, &mut seen);
            if monitors {
                self.look_into(&operand, &mut seen);
            }
        }
        seen
    }

    /// Adds a step that held, or a comment, with what was seen before it, and the events that it caused.
    pub fn add(&mut self, text: String, seen: Seen, told: Vec<String>) {
        self.lines.push(Line { text, told });
        self.known.extend(seen.origins);
        self.crowded.extend(seen.crowded);
    }

    /// Adds events that came without a step: something else has changed what is monitored, and does not do so again when
    /// the scenario is played.
    pub fn add_others(&mut self, told: &[String]) {
        if !told.is_empty() && !self.lines.is_empty() {
            let text = ["# By another program, or late:".to_owned()]
                .into_iter()
                .chain(told.iter().map(|told| comment(told)));
            let lines = text.map(|text| Line { text, told: Vec::new() });
            self.lines.extend(lines);
        }
    }

    /// Whether there is something to write down.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The steps as a script, without what has to be there before.
    pub fn steps(&self) -> String {
        self.lines.iter().map(|line| format!("{}\n", line.text)).collect()
    }

    /// The steps, and behind each what was observed: as a comment, and as an expectation unless the person has expected things
    /// already, whose expectations would find them read.
    fn observed(&self) -> String {
        let reads = |line: &Line| {
            let step = Step::parse(Language::Extended, 1, line.text.as_bytes());
            step.is_ok_and(|step| step.is_some_and(|step| step.action.reads_events()))
        };
        let expects = !self.lines.iter().any(reads);
        let mut text = String::new();
        for line in &self.lines {
            text.push_str(&format!("{}\n", line.text));
            for told in &line.told {
                text.push_str(&format!("{}\n", comment(told)));
            }
            for told in line.told.iter().filter(|_| expects) {
                text.extend(expectation(told).map(|expectation| format!("{expectation}\n")));
            }
        }
        text
    }

    /// The scenario.
    pub fn text(&self) -> String {
        let mut text = format!("{EXTENDED_HEADER}\n# {UNSAID_PROMISE}\n\n");
        let found: Vec<_> = self.known.iter().filter_map(|(path, origin)| made_again(path, origin)).collect();
        if !found.is_empty() {
            text.push_str("# There before the session began:\n");
            text.extend(found);
            text.push('\n');
        }
        for path in &self.crowded {
            let path = Path::new(DIRECTORY_PLACEHOLDER).join(path);
            let path = plain_or_quoted(path.as_os_str().as_bytes());
            text.push_str(&format!("# {path} held more than {ENTRIES_MAX} entries; none is made here.\n\n"));
        }
        text + &self.observed()
    }

    /// Looks at a path and all above it, from the session's directory down.
    fn look_at(&self, path: &Path, seen: &mut Seen) {
        let mut way: Vec<_> = path.ancestors().filter(|above| !above.as_os_str().is_empty()).collect();
        way.reverse();
        for place in way {
            let known = self.known.get(place).or_else(|| seen.origins.get(place)).cloned();
            let origin = known.unwrap_or_else(|| self.origin(place));
            let is_made = origin == Origin::Made;
            seen.origins.insert(place.to_owned(), origin);
            if is_made {
                // So is all that is in it.
                break;
            }
        }
    }

    fn origin(&self, place: &Path) -> Origin {
        let full = self.directory.join(place);
        match fs::symlink_metadata(&full) {
            Ok(metadata) if !is_numbered(place) => Origin::Found(found(&full, &metadata)),
            Ok(_) | Err(_) => Origin::Made,
        }
    }

    /// Looks at the entries of a monitored directory that was there before, which its listing will tell.
    fn look_into(&self, path: &Path, seen: &mut Seen) {
        let is_own = path.as_os_str().is_empty();
        let is_made = |place: &Path| {
            matches!(self.known.get(place).or_else(|| seen.origins.get(place)), Some(Origin::Made))
        };
        if !is_own && path.ancestors().any(is_made) {
            return;
        }
        let Ok(entries) = fs::read_dir(self.directory.join(path)) else { return };
        let places: Vec<_> = entries.flatten().take(ENTRIES_MAX + 1).map(|entry| entry.file_name()).collect();
        if places.len() > ENTRIES_MAX {
            seen.crowded = Some(path.to_owned());
            return;
        }
        for name in places {
            self.look_at(&path.join(name), seen);
        }
    }
}

/// An event, as a comment.
fn comment(told: &str) -> String {
    format!("#   {}", told.trim())
}

/// An event of a session's only client, as a step that expects it.
fn expectation(told: &str) -> Option<String> {
    let (number, event) = told.trim().split_once(": ")?;
    number.parse::<u32>().ok()?;
    let expectation = format!("expect-any {number} {event}");
    Step::parse(Language::Extended, 1, expectation.as_bytes()).ok()??;
    Some(expectation)
}

/// Whether it is an entry as `mkfiles` makes them.
fn is_numbered(place: &Path) -> bool {
    let number = place.file_name().and_then(|name| name.as_bytes().strip_prefix(b"name"));
    number.is_some_and(|number| number.len() == 6 && number.iter().all(u8::is_ascii_digit))
}

fn found(place: &Path, metadata: &Metadata) -> Found {
    let kind = metadata.file_type();
    if kind.is_dir() {
        Found::Directory
    } else if kind.is_file() {
        Found::File(metadata.len())
    } else if kind.is_fifo() {
        Found::Fifo
    } else {
        fs::read_link(place).map_or(Found::Other, |target| Found::Link(target.into()))
    }
}

/// The lines that make again what was found.
fn made_again(path: &Path, origin: &Origin) -> Option<String> {
    let Origin::Found(found) = origin else { return None };
    let path = plain_or_quoted(path.as_os_str().as_bytes());
    Some(match found {
        Found::Directory => format!("mkdir {path}\n"),
        Found::File(0) => format!("mkfile {path}\n"),
        Found::File(size) => {
            format!(
                "# {path} held {size} bytes; here as many zeros.\nmkfile {path}\ntruncate {path} {size}\n"
            )
        }
        Found::Link(target) if Path::new(target).is_relative() => {
            format!("link {} {path}\n", plain_or_quoted(target.as_bytes()))
        }
        Found::Link(target) => {
            format!("# {path} was a link to {}, which no scenario has.\n", plain_or_quoted(target.as_bytes()))
        }
        Found::Fifo => format!("mkfifo {path}\n"),
        Found::Other => format!("# {path} was no file and no directory; nothing makes it here.\n"),
    })
}

/// The paths inside the session's directory that a step names, from there; the directory itself is empty.
fn operands(step: &Step) -> Vec<PathBuf> {
    let Some(verb) = verb::find(Language::Extended, step.verb().as_bytes()) else { return Vec::new() };
    let paths = step.words.iter().skip(1).enumerate();
    let paths = paths.filter(|(index, _)| argument(verb, *index) == Some(Argument::Path));
    paths.filter_map(|(_, word)| inside(&word.bytes)).collect()
}

fn inside(word: &[u8]) -> Option<PathBuf> {
    let path = Path::new(OsStr::from_bytes(word));
    let path = path.strip_prefix(DIRECTORY_PLACEHOLDER).unwrap_or(path);
    let plain = |part| match part {
        Component::Normal(name) => Some(Path::new(name)),
        Component::CurDir => Some(Path::new("")),
        Component::ParentDir | Component::RootDir | Component::Prefix(_) => None,
    };
    let mut place = PathBuf::new();
    for part in path.components() {
        let part = plain(part)?;
        if !part.as_os_str().is_empty() {
            place.push(part);
        }
    }
    Some(place)
}

/// A line with absolute paths under `directory` written as a scenario can have them; `None` if it has none.
///
/// Texts stay as they are; what a link holds and what an expectation names stays absolute, by `$DIR`.
pub fn relative_line(words: &[Word], directory: &Path) -> Option<String> {
    let verb = verb::find(Language::Extended, &words.first()?.bytes)?;
    let mut has_changed = false;
    let mut line = verb.name.to_owned();
    for (index, word) in words.iter().skip(1).enumerate() {
        let changed = match argument(verb, index) {
            Some(Argument::Path) => under(&word.bytes, directory, true),
            Some(Argument::Target | Argument::Shown) => under(&word.bytes, directory, false),
            _ => None,
        };
        has_changed |= changed.is_some();
        line.push(' ');
        line.push_str(&plain_or_quoted(changed.as_deref().unwrap_or(&word.bytes)));
    }
    has_changed.then_some(line)
}

/// A path under `directory`, spelled from there so that a world makes the same absolute path of it.
fn under(path: &[u8], directory: &Path, as_relative: bool) -> Option<Vec<u8>> {
    match path.strip_prefix(directory.as_os_str().as_bytes())? {
        [b'/', rest @ ..] if as_relative && !rest.is_empty() && !matches!(rest[0], b'/' | b'$') => {
            Some(rest.to_vec())
        }
        rest if rest.is_empty() || rest[0] == b'/' => Some([DIRECTORY_PLACEHOLDER.as_bytes(), rest].concat()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use testgam_language::script::Script;
    use testgam_language::words::split_extended;

    fn rewritten(line: &str) -> Option<String> {
        relative_line(&split_extended(line.as_bytes()).expect("words"), Path::new("/home/me/x"))
    }

    /// Performs nothing but looks, as if every step held.
    fn recorded(directory: &Path, lines: &[&str]) -> Record {
        let mut record = Record::new(directory.to_owned());
        for line in lines {
            let step = Step::parse(Language::Extended, 1, line.as_bytes()).expect("a line").expect("a step");
            let seen = record.look(&step);
            record.add((*line).to_owned(), seen, Vec::new());
        }
        record
    }

    #[test]
    fn paths_under_the_directory_lose_it_and_nothing_else_changes() {
        for (line, expected) in [
            ("mkdir /home/me/x/a", Some("mkdir a")),
            ("mondir /home/me/x/a 5 data=\"a b\"", Some("mondir a 5 \"data=a b\"")),
            ("mondir /home/me/x", Some("mondir $DIR")),
            ("mondir /home/me/x/", Some("mondir $DIR/")),
            ("mondir /home/me/x//a/", Some("mondir $DIR//a/")),
            ("move \"/home/me/x/a b\" c", Some("move \"a b\" c")),
            ("mkdir /home/me/xy", None),
            ("write a /home/me/x/a", None),
            ("link /home/me/x/a b", Some("link $DIR/a b")),
            ("expect-event 1 /home/me/x Exists", Some("expect-event 1 $DIR Exists")),
            ("frob /home/me/x/a", None),
        ] {
            assert_eq!(rewritten(line).as_deref(), expected, "{line}");
        }
    }

    #[test]
    fn what_steps_make_is_not_made_before() {
        let own = tempfile::tempdir().expect("a temporary directory");
        let mut record = recorded(own.path(), &["mkdir a"]);
        fs::create_dir(own.path().join("a")).expect("a directory");
        fs::write(own.path().join("a/b"), "").expect("a file in it");
        let step = Step::parse(Language::Extended, 1, b"mondir a").expect("a line").expect("a step");
        let seen = record.look(&step);
        record.add("mondir a".into(), seen, Vec::new());
        assert_eq!(record.text(), format!("{EXTENDED_HEADER}\n# {UNSAID_PROMISE}\n\nmkdir a\nmondir a\n"));
    }

    #[test]
    fn what_was_there_is_made_first_parents_before_entries() {
        let own = tempfile::tempdir().expect("a temporary directory");
        fs::create_dir_all(own.path().join("old/in side")).expect("directories");
        fs::write(own.path().join("old/empty"), "").expect("a file");
        fs::write(own.path().join("old/full"), "full").expect("a file");
        std::os::unix::fs::symlink("empty", own.path().join("old/link")).expect("a link");
        let record = recorded(own.path(), &["mondir old", "mkfile \"old/in side/x\""]);
        let setup = "# There before the session began:\nmkdir old\nmkfile old/empty\n\
                     # old/full held 4 bytes; here as many zeros.\nmkfile old/full\ntruncate old/full 4\n\
                     mkdir \"old/in side\"\nlink empty old/link\n\n";
        let text = record.text();
        assert!(text.contains(setup), "{text}");
        Script::parse(text.as_bytes()).expect("the text is a script");
    }

    #[test]
    fn what_was_observed_is_kept_as_comments_and_expectations() {
        let own = tempfile::tempdir().expect("a temporary directory");
        let mut record = Record::new(own.path().to_owned());
        record.add_others(&["  1: early Created".to_owned()]);
        let told = ["  1: $DIR/d Exists", "  1: \"a b\" Exists"].map(str::to_owned).to_vec();
        record.add("mondir d".to_owned(), Seen::default(), told);
        record.add_others(&["  1: x Created".to_owned()]);
        let observed = "mondir d\n#   1: $DIR/d Exists\n#   1: \"a b\" Exists\n";
        let expected = "expect-any 1 $DIR/d Exists\nexpect-any 1 \"a b\" Exists\n";
        let others = "# By another program, or late:\n#   1: x Created\n";
        assert!(record.text().ends_with(&format!("{observed}{expected}{others}")), "{}", record.text());
        Script::parse(record.text().as_bytes()).expect("the text is a script");
        record.add("expect 2".to_owned(), Seen::default(), Vec::new());
        assert!(record.text().ends_with(&format!("{observed}{others}expect 2\n")), "{}", record.text());
    }

    #[test]
    fn a_crowded_directory_is_only_mentioned() {
        let own = tempfile::tempdir().expect("a temporary directory");
        for number in 0..=ENTRIES_MAX {
            fs::write(own.path().join(number.to_string()), "").expect("a file");
        }
        let text = recorded(own.path(), &["mondir ."]).text();
        assert!(text.contains("# $DIR/ held more than 100 entries"), "{text}");
        assert_eq!(Script::parse(text.as_bytes()).expect("a script").steps.len(), 1);
    }
}
