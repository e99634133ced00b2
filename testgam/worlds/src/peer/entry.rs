//! An entry: how a watcher is started, when it is ready, what its lines say, and what it does not promise.
//!
//! Where entries lie is left to testgam. Invariant: an entry that was read can be played: its regular expressions are sound, its command has a
//! program.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use regex::bytes::{Regex, RegexBuilder};
use serde::Deserialize;
use toml::Spanned;

use super::command_words::{PLACEHOLDERS, unknown};
use super::says::{Form, Pointers, Reading, Sense};

/// How long nothing comes before a watcher has told everything, unless its entry says otherwise.
const QUIET_MS: u64 = 100;

/// How long a watcher may take until it says that it watches, and then until it tells of a file.
const PATIENCE: Duration = Duration::from_secs(30);

/// A watcher of others' making, as its entry describes it.
#[derive(Debug, Clone)]
pub struct Peer {
    /// What it is called.
    pub name: String,
    /// What it is, in one line.
    pub about: String,
    /// Prints its version.
    pub version: Vec<String>,
    /// Whether that ends with a status that means nothing.
    pub is_version_status_any: bool,
    /// Programs and files that have to be there.
    pub needs: Vec<String>,
    /// How it is installed.
    pub install: String,
    /// Starts it.
    pub command: Vec<String>,
    /// What is in its environment besides ours.
    pub environment: BTreeMap<String, String>,
    /// What it prints when it watches, if it says so.
    pub ready: Option<Regex>,
    /// How long it may take until it says that, and then until it tells of a file.
    pub patience: Duration,
    /// What its lines say.
    pub reading: Reading,
    /// How to know that it has told everything.
    pub settle: Settle,
    /// How long nothing comes then.
    pub quiet: Duration,
    /// What it watches.
    pub scope: PeerScope,
    /// What it does not promise.
    pub promises_not: Vec<Unpromised>,
    /// The folder of adapters.
    pub adapters: PathBuf,
}

/// How to know that a watcher has told everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Settle {
    /// A file that is made now is told, and then nothing comes for a while.
    #[default]
    Probe,
    /// It answers `sync N` with `synced N`.
    Own,
    /// Nothing comes for a while.
    Quiet,
}

/// What a watcher watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PeerScope {
    /// A directory and all below it.
    #[default]
    Tree,
    /// The entries of a directory.
    Directory,
    /// A directory and all below it, but it says only that something has happened: whoever hears that looks at everything.
    Poke,
}

/// What a watcher may leave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unpromised {
    /// What is there already; none is asked for it.
    Listing,
    /// Each step by itself; none is asked for it.
    Steps,
    /// What is below the entries.
    Recursion,
    /// Directories, as against the files in them.
    Directories,
    /// What is written later to a file that was told.
    Changes,
    /// That something is gone.
    Absence,
}

/// What is wrong with an entry.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// It is no such TOML.
    #[error("{0}")]
    Toml(#[from] toml::de::Error),
    /// A regular expression in it is none.
    #[error("{key} is no regular expression: {why}")]
    Regex {
        /// Where it stands.
        key: String,
        /// What is wrong with it.
        why: regex::Error,
    },
    /// A JSON pointer has no slash before its first step.
    #[error(
        "`json.{key}`: `{pointer}` is no JSON pointer, each step of which begins with a slash: write `/{pointer}`"
    )]
    Pointer {
        /// Where it stands.
        key: &'static str,
        /// As it stands there.
        pointer: String,
    },
    /// A word has something in braces that stands for nothing.
    #[error(
        "{key}, in the word `{word}`: `{{{name}}}` stands for nothing; what stands for something is {known}; `{{{{{name}}}}}` is the text \
         `{{{name}}}`",
        known = PLACEHOLDERS.map(|name| format!("`{{{name}}}`")).join(", ")
    )]
    Placeholder {
        /// Where it stands.
        key: String,
        /// All of the word.
        word: String,
        /// What is in the braces.
        name: String,
    },
    /// A quote in a command does not end.
    #[error("a quote in `{0}` does not end: close it, or put a backslash before it")]
    OpenQuote(String),
    /// It is sound, and cannot be played.
    #[error("{0}")]
    Unplayable(&'static str),
}

/// The file as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    #[serde(default)]
    about: String,
    #[serde(default)]
    version: Vec<String>,
    #[serde(default, rename = "any_status")]
    is_version_status_any: bool,
    #[serde(default)]
    needs: Vec<String>,
    #[serde(default)]
    install: String,
    command: Vec<String>,
    #[serde(default, rename = "env")]
    environment: BTreeMap<String, String>,
    ready: Option<String>,
    line: Option<String>,
    json: Option<Pointers>,
    #[serde(default)]
    settle: Settle,
    #[serde(default = "quiet_ms")]
    quiet_ms: u64,
    #[serde(default)]
    scope: PeerScope,
    #[serde(default)]
    promises_not: Vec<Unpromised>,
    #[serde(default)]
    says: BTreeMap<Sense, Spanned<String>>,
}

fn quiet_ms() -> u64 {
    QUIET_MS
}

impl Peer {
    /// Reads an entry; adapters lie in `adapters`.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(name: &str, text: &str, adapters: &Path) -> Result<Peer, EntryError> {
        Peer::new(name, toml::from_str(text)?, text, adapters)
    }

    fn new(name: &str, text: Text, source: &str, adapters: &Path) -> Result<Peer, EntryError> {
        if text.command.is_empty() {
            return Err(EntryError::Unplayable("`command` has no program"));
        }
        text.check_words()?;
        let form = match (&text.line, text.json) {
            (Some(_), Some(_)) => return Err(EntryError::Unplayable("both `line` and `json`")),
            (Some(line), None) => Form::Line(regex(|| "`line`".into(), line)?),
            (None, Some(pointers)) => Form::Json(checked(pointers)?),
            (None, None) => Form::Guess,
        };
        let mut says: Vec<_> = text.says.into_iter().collect();
        says.sort_by_key(|(_, words)| words.span().start);
        let senses = says.iter().map(|(sense, words)| {
            let line = source[..words.span().start].matches('\n').count() + 1;
            let key = || format!("`{}` of `[says]`, line {line},", sense.name());
            Ok((*sense, regex(key, words.get_ref())?))
        });
        let senses = senses.collect::<Result<_, EntryError>>()?;
        let ready = text.ready.filter(|ready| ready != "probe");
        let is_flat = text.promises_not.contains(&Unpromised::Recursion) && text.scope == PeerScope::Tree;
        Ok(Peer {
            name: name.to_owned(),
            about: text.about,
            version: text.version,
            is_version_status_any: text.is_version_status_any,
            needs: text.needs,
            install: text.install,
            command: text.command,
            environment: text.environment,
            ready: ready.map(|ready| regex(|| "`ready`".into(), &ready)).transpose()?,
            patience: PATIENCE,
            reading: Reading { form, senses },
            settle: text.settle,
            quiet: Duration::from_millis(text.quiet_ms),
            scope: if is_flat { PeerScope::Directory } else { text.scope },
            promises_not: text.promises_not,
            adapters: adapters.to_owned(),
        })
    }

    /// A command that prints paths, as words, of which nobody has said anything. The directory is its last argument, unless `{dir}`
    /// stands in it. `line` is the form of its lines, if somebody says that.
    ///
    /// # Errors
    /// Says that there is no command, or what is wrong with a word of it or with `line`.
    pub fn guess(mut words: Vec<String>, line: Option<&str>) -> Result<Peer, EntryError> {
        let program = words.first().ok_or(EntryError::Unplayable("there is no command"))?;
        let name = Path::new(program).file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !words.iter().any(|word| word.contains("{dir}")) {
            words.push("{dir}".into());
        }
        let text = Text { command: words, quiet_ms: QUIET_MS, ..Text::default() };
        let mut peer = Peer::new(&name, text, "", Path::new("adapters"))?;
        if let Some(line) = line {
            let line = regex(|| "`--line`".into(), line)?;
            if !line.capture_names().flatten().any(|name| name == "path") {
                return Err(EntryError::Unplayable(
                    "the regular expression of `--line` has no group `path`: write `(?<path>…)` around what finds the path",
                ));
            }
            peer.reading.form = Form::Line(line);
        }
        Ok(peer)
    }

    /// Whether it promises something.
    pub fn promises(&self, what: Unpromised) -> bool {
        !self.promises_not.contains(&what)
    }
}

impl Text {
    /// Complains of a word in which something stands for nothing.
    fn check_words(&self) -> Result<(), EntryError> {
        let words = |key: &str, words: &[String]| {
            let key = format!("`{key}`");
            words.iter().map(|word| (key.clone(), word.clone())).collect::<Vec<_>>()
        };
        let variables = self.environment.iter().map(|(name, word)| (format!("`env.{name}`"), word.clone()));
        let all = [
            words("command", &self.command),
            words("version", &self.version),
            words("needs", &self.needs),
            variables.collect(),
        ];
        for (key, word) in all.concat() {
            if let Some(name) = unknown(&word).map(str::to_owned) {
                return Err(EntryError::Placeholder { key, word, name });
            }
        }
        Ok(())
    }
}

/// Pointers each of which is one.
fn checked(pointers: Pointers) -> Result<Pointers, EntryError> {
    let all = [("what", &pointers.what), ("path", &pointers.path), ("to", &pointers.to)];
    for (key, pointer) in all {
        // The empty one leads to all of a line.
        if let Some(pointer) = pointer.as_ref().filter(|text| !text.is_empty() && !text.starts_with('/')) {
            return Err(EntryError::Pointer { key, pointer: pointer.clone() });
        }
    }
    Ok(pointers)
}

/// A regular expression over bytes, as names are. `key` says where it stands.
fn regex(key: impl FnOnce() -> String, text: &str) -> Result<Regex, EntryError> {
    let build = RegexBuilder::new(text).unicode(false).build();
    build.map_err(|why| EntryError::Regex { key: key(), why })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::says::Saying;

    fn parse(text: &str) -> Result<Peer, EntryError> {
        Peer::parse("x", text, Path::new("/adapters"))
    }

    #[test]
    fn an_entry_says_little_where_little_is_to_be_said() {
        let peer = parse("command = ['x', '{dir}']").expect("an entry");
        assert_eq!(
            (peer.settle, peer.scope, peer.quiet),
            (Settle::Probe, PeerScope::Tree, Duration::from_millis(100))
        );
        assert!(peer.ready.is_none() && peer.promises(Unpromised::Directories));
    }

    #[test]
    fn senses_have_the_order_of_the_file() {
        let peer =
            parse("command = ['x']\nline = '(?<what>.) (?<path>.*)'\n[says]\npresent = 'a'\nabsent = '.'")
                .expect("an entry");
        assert_eq!(peer.reading.read(b"a f", Path::new("/d")), [Saying::Present("f".into())]);
        assert_eq!(peer.reading.read(b"b f", Path::new("/d")), [Saying::Absent("f".into())]);
    }

    #[test]
    fn each_mistake_is_named() {
        for (text, why) in [
            ("command = []", "`command` has no program"),
            ("command = ['x']\nline = '('", "`line` is no regular expression"),
            ("command = ['x']\nline = 'a'\njson = { path = '/p' }", "both `line` and `json`"),
            ("command = ['x']\nwhat = 1", "unknown field `what`"),
            ("command = ['x']\n[says]\nhere = 'x'", "unknown variant `here`"),
            (
                "command = ['x']\n[says]\nabsent = 'a'\npresent = '('",
                "`present` of `[says]`, line 4, is no regular",
            ),
            ("command = ['x']\nready = '('", "`ready` is no regular expression"),
            ("command = ['x']\njson = { path = 'p/*' }", "`json.path`: `p/*` is no JSON pointer"),
            ("command = ['x']\njson = { path = 'p/*' }", "write `/p/*`"),
            ("command = ['x', '{dri}']", "`command`, in the word `{dri}`: `{dri}` stands for nothing"),
            (
                "command = ['{adaptors}/x']",
                "`{dir}`, `{home}`, `{id}`, `{adapters}`; `{{adaptors}}` is the text",
            ),
            ("command = ['x']\nenv = { A = '{dri}' }", "`env.A`, in the word `{dri}`"),
            ("command = ['x']\nwhat = 1", "`any_status`"),
        ] {
            let error = parse(text).expect_err("because it is wrong").to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn a_command_alone_gets_the_directory_last() {
        let words = |command: &[&str]| {
            let command = command.iter().map(|word| (*word).to_owned()).collect();
            Peer::guess(command, None).expect("a command").command
        };
        assert_eq!(words(&["./my-watcher", "--all"]), ["./my-watcher", "--all", "{dir}"]);
        assert_eq!(words(&["w", "{dir}/x"]), ["w", "{dir}/x"]);
    }

    #[test]
    fn a_form_of_lines_without_a_path_is_refused() {
        let why =
            |line| Peer::guess(vec!["w".into()], Some(line)).expect_err("because it is wrong").to_string();
        assert!(why("^x (.*)$").contains("`--line` has no group `path`"));
        assert!(why("(").contains("`--line` is no regular expression"));
    }
}
