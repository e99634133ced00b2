//! The configuration files: where they are, what was read from them, and the policy that they begin with.
//!
//! When to read one again is the core's word, what is in them is understood by `gamin-config`. Invariants: a file is read
//! only as far as [`BYTES_MAX`], and only if it is a regular one, so that reading ends; a file that can't be read says
//! nothing; and what is wrong in a file is told once.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gamin_config::{LineError, Policy, Rules, Text};
use gamin_engine::TreePath;
use nix::fcntl::OFlag;
use nix::unistd::{User, getegid, geteuid, getgid, getuid};
use tracing::{info, warn};

/// Where the system's files are.
const SYSTEM: &str = "/etc/gamin";
/// How much of a file is read.
const BYTES_MAX: u64 = 1 << 20;

/// How a file is opened: by whoever may.
pub struct Opener(Box<OpenFile>);

type OpenFile = dyn FnMut(&TreePath) -> io::Result<fs::File> + Send;

/// All configuration files, the strongest first.
#[derive(Debug)]
pub struct Settings {
    files: Vec<File>,
    opener: Opener,
    home: Option<Vec<u8>>,
    /// What was wrong when they were last read.
    complaints: Vec<String>,
}

#[derive(Debug)]
struct File {
    path: TreePath,
    name: String,
    text: Vec<u8>,
    /// Why it can't be read.
    trouble: Option<String>,
}

impl Settings {
    /// The files of the system and of this user, which can be elsewhere than usual. None is read yet.
    pub fn new(system: Option<&Path>, home: Option<&Path>) -> Settings {
        let home = home.map(Path::to_owned).or_else(self::home);
        let system = system.unwrap_or(Path::new(SYSTEM));
        let user = home.as_ref().map(|home| home.join(".gaminrc"));
        let paths = [Some(system.join("mandatory_gaminrc")), user, Some(system.join("gaminrc"))];
        let file = |path: PathBuf| {
            let name = path.display().to_string();
            let path = TreePath::new(path.as_os_str().as_bytes())?;
            Some(File { path, name, text: Vec::new(), trouble: None })
        };
        let files: Vec<File> = paths.into_iter().flatten().filter_map(file).collect();
        let home = home.and_then(|home| TreePath::new(home.as_os_str().as_bytes()));
        let home = home.map(|home| home.to_vec());
        Settings { files, opener: Opener::new(open_setting), home, complaints: Vec::new() }
    }

    /// Has the files opened by another from now on.
    pub fn open_by(&mut self, opener: Opener) {
        self.opener = opener;
    }

    /// Where the files are.
    pub fn paths(&self) -> Vec<TreePath> {
        self.files.iter().map(|file| file.path.clone()).collect()
    }

    /// Reads all files.
    pub fn read_all(&mut self) {
        for path in self.paths() {
            self.read(&path);
        }
    }

    /// Reads one file again.
    pub fn read(&mut self, path: &TreePath) {
        let Some(file) = self.files.iter_mut().find(|file| file.path == *path) else { return };
        file.trouble = None;
        file.text = match (self.opener.0)(path).and_then(read) {
            Ok(text) => {
                info!(file = file.name, bytes = text.len(), "configuration read");
                text
            }
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                Vec::new()
            }
            Err(error) => {
                file.trouble = Some(format!("{}: can't be read: {error}", file.name.escape_debug()));
                Vec::new()
            }
        };
    }

    /// What the files say, and what is wrong in them.
    pub fn rules(&self) -> (Rules, Vec<String>) {
        let texts = self.files.iter().map(|file| Text { name: &file.name, text: &file.text });
        let (rules, mistakes) = Rules::read(texts, self.home.as_deref());
        let troubles = self.files.iter().filter_map(|file| file.trouble.clone());
        (rules, troubles.chain(mistakes.iter().map(LineError::to_string)).collect())
    }

    /// The policy before any of them was read, and before it is known what is mounted.
    pub fn policy(&self) -> Policy {
        Policy { settings: self.paths().into(), ..Policy::new(Rules::predefined()) }
    }

    /// What the files say. What is wrong in them, and was not before, is logged.
    pub fn apply(&mut self) -> Arc<Rules> {
        let (rules, complaints) = self.rules();
        for complaint in complaints.iter().filter(|complaint| !self.complaints.contains(complaint)) {
            warn!("configuration: {complaint}");
        }
        self.complaints = complaints;
        Arc::new(rules)
    }
}

/// The home directory: what the environment says, as the original has it, and else the user's.
fn home() -> Option<PathBuf> {
    home_of(env::var_os("HOME"), getuid() != geteuid() || getgid() != getegid())
}

/// As [`home`]. Whoever starts a program that has another user's or group's rights (setuid, setgid) does not get a file read with these.
fn home_of(said: Option<OsString>, is_privileged: bool) -> Option<PathBuf> {
    if is_privileged {
        return None;
    }
    let user = || User::from_uid(getuid()).ok().flatten().map(|user| user.dir);
    said.map(PathBuf::from).filter(|home| home.is_absolute()).or_else(user).filter(|home| home.is_absolute())
}

impl Opener {
    /// What opens files like this.
    pub fn new(open: impl FnMut(&TreePath) -> io::Result<fs::File> + Send + 'static) -> Opener {
        Opener(Box::new(open))
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opener")
    }
}

/// Opens a configuration file to be read.
///
/// # Errors
/// It can't be opened.
pub fn open_setting(path: &TreePath) -> io::Result<fs::File> {
    // A pipe of that name must not keep us waiting.
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    OpenOptions::new().read(true).custom_flags(flags.bits()).open(OsStr::from_bytes(path))
}

fn read(file: fs::File) -> io::Result<Vec<u8>> {
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "not a regular file"));
    }
    let mut text = Vec::new();
    file.take(BYTES_MAX + 1).read_to_end(&mut text)?;
    match text.len() as u64 > BYTES_MAX {
        true => Err(io::Error::new(ErrorKind::FileTooLarge, "larger than a megabyte")),
        false => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use gamin_engine::Method;
    use nix::sys::stat::Mode;
    use nix::unistd::mkfifo;
    use tempfile::TempDir;

    use super::*;

    fn settings() -> (Settings, TempDir) {
        let folder = tempfile::tempdir().expect("a temporary directory");
        (Settings::new(Some(folder.path()), None), folder)
    }

    #[test]
    fn the_mandatory_file_stands_first() {
        let (settings, folder) = settings();
        let paths = settings.paths();
        let at = |name| TreePath::new(folder.path().join(name).as_os_str().as_bytes());
        assert_eq!(paths.first().cloned(), at("mandatory_gaminrc"));
        assert_eq!(paths.last().cloned(), at("gaminrc"));
    }

    #[test]
    fn with_another_user_s_rights_no_user_s_file_is_read() {
        assert_eq!(home_of(Some("/said".into()), false), Some("/said".into()));
        assert_eq!(home_of(Some("/said".into()), true), None);
    }

    #[test]
    fn a_file_is_read_again_when_it_has_changed() {
        let (mut settings, folder) = settings();
        let paths = settings.paths();
        let path = paths.last().expect("there are files");
        let complaints = |settings: &Settings| settings.rules().1.len();
        fs::write(folder.path().join("gaminrc"), "bad\nworse\n").expect("a file");
        assert_eq!(complaints(&settings), 0);
        settings.read(path);
        assert_eq!(complaints(&settings), 2);
        fs::remove_file(folder.path().join("gaminrc")).expect("it is there");
        settings.read(path);
        assert_eq!(complaints(&settings), 0);
    }

    #[test]
    fn what_is_no_file_or_too_large_says_nothing_and_holds_up_nobody() {
        let (mut settings, folder) = settings();
        mkfifo(&folder.path().join("gaminrc"), Mode::S_IRWXU).expect("a pipe");
        fs::write(folder.path().join("mandatory_gaminrc"), "x\n".repeat(1 << 20)).expect("a file");
        settings.read_all();
        let user = settings.files.iter_mut().find(|file| file.name.ends_with("/.gaminrc"));
        user.into_iter().for_each(|file| (file.text, file.trouble) = (Vec::new(), None));
        let complaints = settings.rules().1;
        assert!(complaints.iter().all(|complaint| complaint.contains(": can't be read: ")), "{complaints:?}");
        assert!(complaints.len() >= 2);
        let policy = Policy::new(Rules::predefined());
        let tree = TreePath::new(b"/mnt/x").expect("it is absolute");
        assert!(matches!(policy.decision(&tree, &tree).method, Method::Poll { .. }));
    }
}
