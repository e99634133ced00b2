//! What a line of a watcher says: by a regular expression or by JSON, and by what its words mean.
//!
//! Pure. Where lines come from is left to `hearing`, what becomes of what they say to `view`. Invariant: a line that cannot be read says
//! nothing; it is never a mistake.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use regex::bytes::Regex;
use serde_json::Value;

/// What a line says of files. Paths are relative to the directory that is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Saying {
    /// Something is there, or has changed.
    Present(PathBuf),
    /// It is gone, and so is all below it.
    Absent(PathBuf),
    /// One of both: who looks knows.
    Look(PathBuf),
    /// It has another name now, with all below it.
    Move(PathBuf, PathBuf),
    /// The watcher lost some.
    Gap,
    /// Something has happened, to whatever file.
    Poke,
}

impl Saying {
    /// Whether it tells that something is at this path, which ends with the path that it names.
    pub fn tells_of(&self, path: &Path) -> bool {
        match self {
            Saying::Present(told) | Saying::Look(told) | Saying::Move(_, told) => path.ends_with(told),
            Saying::Poke => true,
            Saying::Absent(_) | Saying::Gap => false,
        }
    }
}

/// What a word of a watcher means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "each is the saying of that name, but for the last, which is none")]
pub enum Sense {
    Absent,
    Present,
    Look,
    Move,
    Gap,
    Ignore,
}

impl Sense {
    /// How an entry spells it.
    pub fn name(self) -> &'static str {
        match self {
            Sense::Absent => "absent",
            Sense::Present => "present",
            Sense::Look => "look",
            Sense::Move => "move",
            Sense::Gap => "gap",
            Sense::Ignore => "ignore",
        }
    }
}

/// Where in a line the word and the paths are.
#[derive(Debug, Clone)]
pub enum Form {
    /// In the groups `what`, `path` and `to`.
    Line(Regex),
    /// At these JSON pointers, in which `*` stands for each element of an array.
    Json(Pointers),
    /// Nobody has said: whatever names a path in the directory.
    Guess,
}

/// JSON pointers to the word and the paths.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "each is where that is")]
pub struct Pointers {
    pub what: Option<String>,
    pub path: Option<String>,
    pub to: Option<String>,
}

/// How a watcher's lines are read.
#[derive(Debug, Clone)]
pub struct Reading {
    /// Where the words are.
    pub form: Form,
    /// What they mean: the first that is found in the word counts.
    pub senses: Vec<(Sense, Regex)>,
}

/// Why a line says nothing of files that should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Misreading {
    /// The regular expression finds nothing.
    #[error("`line` does not match it")]
    Line,
    /// The pointers lead nowhere.
    #[error("it is no JSON, or the pointers of `json` lead nowhere in it")]
    Json,
    /// None of the senses is found in its word.
    #[error("no word of `[says]` is in it")]
    Word,
    /// What it names lies elsewhere, or nothing is named.
    #[error("it names no path in the directory that is watched")]
    Place,
    /// It tells of the watcher itself.
    #[error("it stands on standard error, and paths are looked for on standard output")]
    Stream,
}

impl Form {
    /// Whether its lines say what they are about.
    fn has_path(&self) -> bool {
        match self {
            Form::Line(form) => form.capture_names().flatten().any(|name| name == "path"),
            Form::Json(pointers) => pointers.path.is_some(),
            Form::Guess => true,
        }
    }
}

impl Reading {
    /// What a line says of the files below a directory.
    pub fn read(&self, line: &[u8], directory: &Path) -> Vec<Saying> {
        let found = self.found(line, directory);
        if found.is_empty() {
            return self.tells_gap(line).then_some(Saying::Gap).into_iter().collect();
        }
        found.into_iter().filter_map(|found| self.saying(&found, directory)).collect()
    }

    /// Why nothing is read in a line of which that is not meant. An empty one, or one about the directory itself, says nothing.
    pub fn misreading(&self, line: &[u8], directory: &Path) -> Option<Misreading> {
        if line.trim_ascii().is_empty() || !self.read(line, directory).is_empty() {
            return None;
        }
        let found = self.found(line, directory);
        if found.is_empty() {
            return Some(match self.form {
                Form::Line(_) => Misreading::Line,
                Form::Json(_) => Misreading::Json,
                Form::Guess => Misreading::Place,
            });
        }
        found.iter().find_map(|found| match self.sense(found) {
            None => Some(Misreading::Word),
            Some(Sense::Ignore) => None,
            Some(_) => {
                let is_itself = |path: &Vec<u8>| directory.join(OsStr::from_bytes(path)) == directory;
                (!found.path.as_ref().is_some_and(is_itself)).then_some(Misreading::Place)
            }
        })
    }

    fn found(&self, line: &[u8], directory: &Path) -> Vec<Words> {
        match &self.form {
            Form::Line(form) => by_groups(form, line),
            Form::Json(pointers) => by_pointers(pointers, line),
            Form::Guess => guessed(line, directory),
        }
    }

    /// Whether a line of any form says that some was lost.
    pub fn tells_gap(&self, line: &[u8]) -> bool {
        self.senses.iter().any(|(sense, words)| *sense == Sense::Gap && words.is_match(line))
    }

    /// What the word means; `None` if nobody has said.
    fn sense(&self, found: &Words) -> Option<Sense> {
        match &found.what {
            None => Some(Sense::Look),
            Some(_) if self.senses.is_empty() => Some(Sense::Look),
            Some(what) => self.senses.iter().find(|(_, words)| words.is_match(what)).map(|(sense, _)| *sense),
        }
    }

    fn saying(&self, found: &Words, directory: &Path) -> Option<Saying> {
        let place = |bytes: &Option<Vec<u8>>| place(bytes.as_deref()?, directory);
        match self.sense(found)? {
            Sense::Ignore => None,
            Sense::Gap => Some(Saying::Gap),
            Sense::Present => place(&found.path).map(Saying::Present),
            Sense::Absent => place(&found.path).map(Saying::Absent),
            Sense::Look if !self.form.has_path() => Some(Saying::Poke),
            Sense::Look => place(&found.path).map(Saying::Look),
            // One of the two may lie outside.
            Sense::Move => match (place(&found.path), place(&found.to)) {
                (Some(from), Some(to)) => Some(Saying::Move(from, to)),
                (Some(from), None) => Some(Saying::Absent(from)),
                (None, Some(to)) => Some(Saying::Present(to)),
                (None, None) => None,
            },
        }
    }
}

/// What was found in a line.
#[derive(Debug, Default)]
struct Words {
    what: Option<Vec<u8>>,
    path: Option<Vec<u8>>,
    to: Option<Vec<u8>>,
}

fn by_groups(form: &Regex, line: &[u8]) -> Vec<Words> {
    let Some(groups) = form.captures(line) else { return Vec::new() };
    let group = |name| groups.name(name).map(|found| found.as_bytes().to_vec());
    vec![Words { what: group("what"), path: group("path"), to: group("to") }]
}

fn by_pointers(pointers: &Pointers, line: &[u8]) -> Vec<Words> {
    let Ok(value) = serde_json::from_slice::<Value>(line) else { return Vec::new() };
    let all =
        |pointer: &Option<String>| pointer.as_ref().map_or(Vec::new(), |pointer| texts(&value, pointer));
    let (whats, paths, tos) = (all(&pointers.what), all(&pointers.path), all(&pointers.to));
    // One word for all paths, or one for each.
    let at = |words: &[Vec<u8>], at: usize| words.get(at).or(words.first()).cloned();
    let count = paths.len().max(usize::from(!whats.is_empty()));
    let found = (0..count).map(|number| Words {
        what: at(&whats, number),
        path: paths.get(number).cloned(),
        to: tos.get(number).cloned(),
    });
    found.collect()
}

/// What a JSON pointer leads to, each as text.
fn texts<'a>(value: &'a Value, pointer: &str) -> Vec<Vec<u8>> {
    let mut values = vec![value];
    for step in pointer.split('/').skip(1) {
        let step = step.replace("~1", "/").replace("~0", "~");
        let next = |value: &'a Value| -> Vec<&'a Value> {
            match (value, &*step) {
                (Value::Array(elements), "*") => elements.iter().collect(),
                (Value::Array(elements), at) => {
                    at.parse().ok().and_then(|at: usize| elements.get(at)).into_iter().collect()
                }
                (Value::Object(members), name) => members.get(name).into_iter().collect(),
                _ => Vec::new(),
            }
        };
        values = values.into_iter().flat_map(next).collect();
    }
    let text = |value: &Value| match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone().into_bytes()),
        other => Some(other.to_string().into_bytes()),
    };
    values.into_iter().filter_map(text).collect()
}

/// A path where the directory is named, up to a quote; else the last word.
fn guessed(line: &[u8], directory: &Path) -> Vec<Words> {
    let directory = directory.as_os_str().as_bytes();
    let path = match line.windows(directory.len().max(1)).position(|window| window == directory) {
        Some(at) => line[at..].split(|byte| *byte == b'"').next(),
        None => line.rsplit(u8::is_ascii_whitespace).find(|word| !word.is_empty()),
    };
    path.map(|path| Words { path: Some(path.to_vec()), ..Words::default() }).into_iter().collect()
}

/// A path as a watcher spells it, relative to the directory; `None` for the directory itself, and for what lies outside.
fn place(path: &[u8], directory: &Path) -> Option<PathBuf> {
    let path = Path::new(OsStr::from_bytes(path));
    let path = if path.is_absolute() { path.strip_prefix(directory).ok()? } else { path };
    let mut place = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => place.push(name),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    (!place.as_os_str().is_empty()).then_some(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(form: Form, senses: &[(Sense, &str)]) -> Reading {
        let senses = senses.iter().map(|(sense, words)| (*sense, Regex::new(words).expect("a regex")));
        Reading { form, senses: senses.collect() }
    }

    fn read(reading: &Reading, line: &str) -> Vec<Saying> {
        reading.read(line.as_bytes(), Path::new("/w/dir"))
    }

    #[test]
    fn the_first_sense_that_is_found_counts() {
        let form = Form::Line(Regex::new("^(?<what>[A-Z,_]+) (?<path>.*)$").expect("a regex"));
        let senses =
            [(Sense::Gap, "OVERFLOW"), (Sense::Absent, "DELETE|FROM"), (Sense::Present, "CREATE|TO")];
        let reading = reading(form, &senses);
        assert_eq!(read(&reading, "CREATE,ISDIR /w/dir/a/b/"), [Saying::Present("a/b".into())]);
        assert_eq!(read(&reading, "MOVED_FROM ./a"), [Saying::Absent("a".into())]);
        assert_eq!(read(&reading, "queue OVERFLOW"), [Saying::Gap], "of whatever form");
        for nothing in ["CREATE /w/dir", "CREATE /w/dir2/a", "CREATE ../a", "OPEN a", "what?"] {
            assert_eq!(read(&reading, nothing), [], "{nothing}");
        }
    }

    #[test]
    fn why_a_line_says_nothing_is_known() {
        let form = Form::Line(Regex::new("^(?<what>[A-Z]+) (?<path>.*)$").expect("a regex"));
        let by_line = reading(form, &[(Sense::Ignore, "OPEN"), (Sense::Absent, "DELETE")]);
        let json = Pointers { what: None, path: Some("/p".into()), to: None };
        let by_json = reading(Form::Json(json), &[]);
        for (reading, line, why) in [
            (&by_line, "delete a", Some(Misreading::Line)),
            (&by_line, "CREATE a", Some(Misreading::Word)),
            (&by_line, "DELETE /elsewhere/a", Some(Misreading::Place)),
            (&by_json, "{\"q\": \"a\"}", Some(Misreading::Json)),
            (&by_line, "DELETE a", None),
            (&by_line, "OPEN a", None),
            (&by_line, "DELETE /w/dir/", None),
            (&by_line, " ", None),
        ] {
            assert_eq!(reading.misreading(line.as_bytes(), Path::new("/w/dir")), why, "{line}");
        }
    }

    #[test]
    fn a_move_over_the_edge_is_half_of_one() {
        let form = Form::Line(Regex::new("^(?<what>mv) (?<path>.*) > (?<to>.*)$").expect("a regex"));
        let reading = reading(form, &[(Sense::Move, "mv")]);
        assert_eq!(read(&reading, "mv a > b"), [Saying::Move("a".into(), "b".into())]);
        assert_eq!(read(&reading, "mv a > /w/b"), [Saying::Absent("a".into())]);
        assert_eq!(read(&reading, "mv /w/a > b"), [Saying::Present("b".into())]);
    }

    #[test]
    fn one_line_of_json_may_say_several_things() {
        let pointer = |text: &str| Some(text.to_owned());
        let pointers = Pointers { what: pointer("/kind"), path: pointer("/paths/*/name"), to: None };
        let reading = reading(Form::Json(pointers), &[(Sense::Look, "any")]);
        let line = r#"{"kind":"any","paths":[{"name":"/w/dir/a"},{"name":"b\n"},{"other":1}]}"#;
        assert_eq!(read(&reading, line), [Saying::Look("a".into()), Saying::Look("b\n".into())]);
        assert_eq!(read(&reading, r#"{"kind":"any"}"#), []);
        assert_eq!(read(&reading, "no JSON"), []);
    }

    #[test]
    fn lines_of_a_form_without_a_path_are_pokes() {
        let form = Form::Line(Regex::new("^(?<what>changed|sleeps)$").expect("a regex"));
        let reading = reading(form, &[(Sense::Look, "changed")]);
        assert_eq!(read(&reading, "changed"), [Saying::Poke]);
        assert_eq!(read(&reading, "sleeps"), []);
    }

    #[test]
    fn without_an_entry_a_path_is_where_the_directory_is_named_or_the_last_word() {
        let reading = reading(Form::Guess, &[]);
        for line in ["/w/dir/a", "Created  /w/dir/a", "a", "change ./a", r#"{"p":"/w/dir/a"}"#] {
            assert_eq!(read(&reading, line), [Saying::Look("a".into())], "{line}");
        }
        assert_eq!(read(&reading, ""), []);
    }
}
