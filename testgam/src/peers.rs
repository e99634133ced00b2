//! Entries of watchers: where they lie, and how one is found by what somebody calls it.
//!
//! What they say is left to `testgam-worlds`. Invariant: what this program carries is found from everywhere, its adapters too; a folder that is
//! named stands for all of it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use include_dir::{Dir, include_dir};
use tempfile::TempDir;
use testgam_worlds::peer::Bill;
use testgam_worlds::peer::command_words::for_shell;
use testgam_worlds::peer::entry::{EntryError, Peer, PeerScope};

/// The entries that come with this program, and their adapters.
static OWN: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/peers");
/// Where adapters lie beside entries.
const ADAPTERS: &str = "adapters";
/// How an entry's name ends.
const ENDING: &str = "toml";

/// A watcher that is played with.
#[derive(Debug, Clone)]
pub struct Contender {
    /// How it is started and read.
    pub peer: Arc<Peer>,
    /// How it is named on a command line, from whatever directory.
    pub arguments: String,
    /// What it has cost.
    pub bill: Bill,
    /// Its adapters, unpacked.
    _adapters: Option<Arc<TempDir>>,
}

impl Contender {
    /// Whether it tells of the entries of a directory alone.
    pub fn is_flat(&self) -> bool {
        self.peer.scope == PeerScope::Directory
    }
}

/// Entries in a folder.
#[derive(Debug)]
pub struct Peers {
    /// The text of each by its name.
    entries: Vec<(String, String)>,
    /// The folder, if it is not this program's own.
    folder: Option<PathBuf>,
    adapters: PathBuf,
    unpacked: Option<Arc<TempDir>>,
}

/// Why there is no such watcher.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// A folder or file cannot be read or written.
    #[error("{}: {why}", .path.display())]
    Unreadable {
        /// Which one.
        path: PathBuf,
        /// Why not.
        why: io::Error,
    },
    /// Nobody has described it.
    #[error(
        "`{name}` is no world and no watcher: there is no entry of that name, nor such a file or command; entries are: {known}"
    )]
    Unknown {
        /// As it was named.
        name: String,
        /// Those that there are.
        known: String,
    },
    /// It is not installed, or not all that it needs.
    #[error("{name} can't be started: {need} is not there{install}")]
    Missing {
        /// Whose it is.
        name: String,
        /// The program or file.
        need: String,
        /// How to have it, behind a semicolon, if its entry says so.
        install: String,
    },
    /// Its entry is wrong.
    #[error("the entry {name}: {why}")]
    Entry {
        /// Whose it is.
        name: String,
        /// What is wrong.
        why: EntryError,
    },
    /// The command is wrong, or what was said of its lines.
    #[error("the command `{command}`: {why}")]
    Command {
        /// As it was typed.
        command: String,
        /// What is wrong.
        why: EntryError,
    },
    /// Its entry says already what its lines are like.
    #[error(
        "--line is for a command without an entry, and {name} is an entry: write `line` there, or name the command"
    )]
    Line {
        /// Whose it is.
        name: String,
    },
}

impl PeerError {
    pub(crate) fn missing(peer: &Peer, need: String) -> PeerError {
        let install = if peer.install.is_empty() { String::new() } else { format!("; {}", peer.install) };
        PeerError::Missing { name: peer.name.clone(), need, install }
    }
}

impl Peers {
    /// The entries in a folder, or those that come with this program.
    ///
    /// # Errors
    /// Says what cannot be read, or unpacked.
    pub fn new(folder: Option<&Path>) -> Result<Peers, PeerError> {
        let Some(folder) = folder else { return Peers::own() };
        let unreadable = |path: &Path| {
            let path = path.to_owned();
            move |why| PeerError::Unreadable { path, why }
        };
        let folder = folder.canonicalize().map_err(unreadable(folder))?;
        let mut entries = Vec::new();
        for entry in fs::read_dir(&folder).map_err(unreadable(&folder))?.flatten() {
            let path = entry.path();
            if let Some(name) = name_of(&path) {
                entries.push((name, fs::read_to_string(&path).map_err(unreadable(&path))?));
            }
        }
        entries.sort();
        Ok(Peers { entries, adapters: folder.join(ADAPTERS), folder: Some(folder), unpacked: None })
    }

    fn own() -> Result<Peers, PeerError> {
        let cannot = |why| PeerError::Unreadable { path: std::env::temp_dir(), why };
        let entries =
            OWN.files().filter_map(|file| Some((name_of(file.path())?, file.contents_utf8()?.to_owned())));
        let mut entries: Vec<_> = entries.collect();
        entries.sort();
        let unpacked = tempfile::Builder::new().prefix("testgam-adapters-").tempdir().map_err(cannot)?;
        let adapters = unpacked.path().join(ADAPTERS);
        if let Some(carried) = OWN.get_dir(ADAPTERS) {
            unpack(carried, unpacked.path()).map_err(cannot)?;
        }
        Ok(Peers { entries, folder: None, adapters, unpacked: Some(Arc::new(unpacked)) })
    }

    /// What the entries are called.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|(name, _)| name.as_str())
    }

    /// The watcher of this name; else the one that an entry at this path describes; else a command that prints paths, in lines of
    /// the form `line`, if that is given.
    ///
    /// # Errors
    /// Says that there is none, or what is wrong with its entry.
    pub fn find(&self, name: &str, line: Option<&str>) -> Result<Contender, PeerError> {
        let path = Path::new(name);
        let known = self.entries.iter().find(|(known, _)| known == name);
        let parse = |stem: &str, text: &str, adapters: &Path| {
            let wrong = |why| PeerError::Entry { name: name.to_owned(), why };
            Peer::parse(stem, text, adapters).map_err(wrong)
        };
        let (peer, arguments) = match (known, name_of(path)) {
            (None, None) if is_command(name) => command(name, line)?,
            (None, None) => {
                let known = self.names().collect::<Vec<_>>().join(", ");
                return Err(PeerError::Unknown { name: name.to_owned(), known });
            }
            _ if line.is_some() => return Err(PeerError::Line { name: name.to_owned() }),
            (Some((_, text)), _) => {
                let folder = self.folder.iter().map(|folder| format!(" --peers {}", shown(folder)));
                let arguments = format!("--world {}{}", for_shell([name]), folder.collect::<String>());
                (parse(name, text, &self.adapters)?, arguments)
            }
            (None, Some(stem)) => {
                let unreadable = |why| PeerError::Unreadable { path: path.to_owned(), why };
                let text = fs::read_to_string(path).map_err(unreadable)?;
                let path = std::path::absolute(path).map_err(unreadable)?;
                let arguments = format!("--world {}", shown(&path));
                (parse(&stem, &text, &path.with_file_name(ADAPTERS))?, arguments)
            }
        };
        let adapters = self.unpacked.clone();
        Ok(Contender { peer: Arc::new(peer), arguments, bill: Bill::default(), _adapters: adapters })
    }
}

/// What an entry is called, if the path is one's.
fn name_of(path: &Path) -> Option<String> {
    let is_entry = path.extension().is_some_and(|ending| ending == ENDING);
    is_entry.then(|| path.file_stem().unwrap_or_default().to_string_lossy().into_owned())
}

/// Whether it is a command rather than a name: it says where its program is, or has arguments.
fn is_command(name: &str) -> bool {
    name.contains('/') || name.split_whitespace().count() > 1
}

/// A watcher that is a command, and how it is named. Its program is found from everywhere.
fn command(command: &str, line: Option<&str>) -> Result<(Peer, String), PeerError> {
    let wrong = |why| PeerError::Command { command: command.to_owned(), why };
    let mut words = shlex::split(command).ok_or_else(|| wrong(EntryError::OpenQuote(command.to_owned())))?;
    if let Some(program) = words.first_mut().filter(|program| program.contains('/')) {
        let absolute = std::path::absolute(&*program);
        *program = absolute.map_or_else(|_| program.clone(), |path| path.display().to_string());
    }
    let line_too = line.map_or(String::new(), |line| format!(" --line {}", for_shell([line])));
    let arguments =
        format!("--world {}{line_too}", for_shell([&*for_shell(words.iter().map(String::as_str))]));
    Ok((Peer::guess(words, line).map_err(wrong)?, arguments))
}

fn shown(path: &Path) -> String {
    for_shell([&*path.display().to_string()])
}

/// Writes what is carried into a folder. What begins as a script does may be run.
fn unpack(carried: &Dir<'_>, folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::create_dir_all(folder.join(carried.path()))?;
    carried.extract(folder)?;
    for file in carried.files().filter(|file| file.contents().starts_with(b"#!")) {
        fs::set_permissions(folder.join(file.path()), fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watcher_is_found_by_name_by_file_and_by_command() {
        let folder = tempfile::tempdir().expect("a folder");
        let entry = folder.path().join("mine.toml");
        fs::write(&entry, "command = ['{adapters}/mine']").expect("it can be written");
        let peers = Peers::new(Some(folder.path())).expect("it is readable");
        let found = |name: &str| peers.find(name, None).map(|found| found.peer.name.clone());
        assert_eq!(found("mine").expect("an entry"), "mine");
        assert_eq!(found(entry.to_str().expect("text")).expect("an entry"), "mine");
        assert_eq!(found("./my-watcher").expect("a command"), "my-watcher");
        let why = found("yours").expect_err("nobody has described it").to_string();
        assert!(why.ends_with("entries are: mine"), "{why}");
    }

    #[test]
    fn how_a_watcher_is_named_again_holds_from_everywhere() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().canonicalize().expect("it is there");
        let entry = path.join("it's.toml");
        fs::write(&entry, "command = ['w', '{dir}']").expect("it can be written");
        let (own, peers) = (Peers::new(None).expect("a folder"), Peers::new(Some(&path)).expect("a folder"));
        let named = |peers: &Peers, name: &str, line| {
            let arguments = peers.find(name, line).expect("a watcher").arguments;
            shlex::split(&arguments).expect("a shell takes it apart")
        };
        let path = path.display().to_string();
        assert_eq!(named(&own, "fswatch", None), ["--world", "fswatch"]);
        assert_eq!(named(&peers, "it's", None), ["--world", "it's", "--peers", &path]);
        let file = entry.to_str().expect("text");
        assert_eq!(named(&own, file, None), ["--world", file]);
        let here = std::env::current_dir().expect("a directory");
        let command = named(&own, "./w '{dir} x' -a", Some("(?<path>.*)"));
        assert_eq!((&*command[0], &command[2..]), ("--world", &["--line".into(), "(?<path>.*)".into()][..]));
        let words = shlex::split(&command[1]).expect("a shell takes it apart");
        assert_eq!(words, [&*format!("{}/w", here.display()), "{dir} x", "-a"]);
    }

    #[test]
    fn what_is_wrong_with_a_name_or_a_command_is_said() {
        let peers = Peers::new(None).expect("a scratch folder");
        let why = |name, line| peers.find(name, line).expect_err("because it is wrong").to_string();
        for (name, line, expected) in [
            (
                "fswatch",
                Some("(?<path>.*)"),
                "--line is for a command without an entry, and fswatch is an entry",
            ),
            ("./w 'a b", None, "a quote in `./w 'a b` does not end"),
            ("./w {dri}", None, "`{dri}` stands for nothing"),
            ("./w", Some("x"), "`--line` has no group `path`"),
        ] {
            let why = why(name, line);
            assert!(why.contains(expected), "{name}: {why}");
        }
    }

    #[test]
    fn every_entry_that_comes_along_can_be_played() {
        let peers = Peers::new(None).expect("a scratch folder");
        for name in peers.names() {
            peers.find(name, None).unwrap_or_else(|why| panic!("{why}"));
        }
    }
}
