//! A session's configuration files: the scenario's lines, and below them one rule for the scenario's own folder.
//!
//! Without that rule it would depend on where the folder lies whether its changes are told by the kernel: what is below `/mnt`
//! or `/media` is polled. Invariant: the rule is weaker than every line of the scenario, and absent where the scenario is about
//! file systems, which any rule about paths would outdo.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::world::StepError;
use testgam_language::action::Gaminrc;

/// How a line about file systems begins.
const FILE_SYSTEMS: &[u8] = b"fsset ";
/// Where the server has predefined rules about paths, so that no line about file systems reaches what is below.
const PREDEFINED: [&str; 5] = ["/dev", "/media", "/mnt", "/proc", "/run/media"];

/// The configuration files of a session.
#[derive(Debug)]
pub(super) struct Settings {
    home: PathBuf,
    /// What the scenario wrote into each.
    lines: BTreeMap<Gaminrc, Vec<u8>>,
    /// The rule for the scenario's folder, unless it must not be.
    own: Option<Vec<u8>>,
}

impl Settings {
    /// Those in this home, of which none is written yet.
    pub fn new(home: PathBuf) -> Settings {
        Settings { home, lines: BTreeMap::new(), own: None }
    }

    /// Has the kernel tell what happens in this folder, unless the scenario says otherwise.
    ///
    /// # Errors
    /// Says why that cannot be written.
    pub fn notify(&mut self, folder: &Path) -> Result<(), StepError> {
        let folder = folder.as_os_str().as_bytes();
        self.own = Some([b"notify ", folder, b" ", folder, b"/*\n"].concat());
        self.write(Gaminrc::User)
    }

    /// Adds a line to a file.
    ///
    /// # Errors
    /// Says why it cannot be written, or that it would have no effect where the scenario's folder lies.
    pub fn add(&mut self, whose: Gaminrc, line: &[u8]) -> Result<(), StepError> {
        if line.starts_with(FILE_SYSTEMS) {
            if let Some(above) = PREDEFINED.into_iter().find(|above| self.home.starts_with(above)) {
                let why =
                    format!("predefined rules stand above `fsset` below {above}; set TMPDIR to elsewhere");
                return Err(StepError::Impossible(why));
            }
            self.own = None;
        }
        let had_system_files = self.has_system_files();
        self.lines.entry(whose).or_default().extend_from_slice(&[line, b"\n"].concat());
        if self.has_system_files() && !had_system_files {
            fs::create_dir_all(self.system_files()).map_err(|why| failed(&self.system_files(), &why))?;
        }
        // The rule is in the weakest file, and goes there with the first that is weaker than where it was.
        [Gaminrc::System, Gaminrc::User, Gaminrc::Mandatory].into_iter().try_for_each(|file| self.write(file))
    }

    /// Whether the scenario has system files of its own.
    pub fn has_system_files(&self) -> bool {
        self.lines.keys().any(|whose| *whose != Gaminrc::User)
    }

    /// The folder of the system files.
    pub fn system_files(&self) -> PathBuf {
        self.home.join("system")
    }

    /// What a file has to say; `None` if it is not needed.
    fn text(&self, whose: Gaminrc) -> Option<Vec<u8>> {
        let weakest = if self.has_system_files() { Gaminrc::System } else { Gaminrc::User };
        let own = self.own.as_deref().filter(|_| whose == weakest);
        let lines = self.lines.get(&whose).map(Vec::as_slice);
        (lines.is_some() || own.is_some())
            .then(|| [lines.unwrap_or_default(), own.unwrap_or_default()].concat())
    }

    /// Puts a file in place at once, so that the server never reads half of it.
    fn write(&self, whose: Gaminrc) -> Result<(), StepError> {
        let path = match whose {
            Gaminrc::User => self.home.join(".gaminrc"),
            Gaminrc::System => self.system_files().join("gaminrc"),
            Gaminrc::Mandatory => self.system_files().join("mandatory_gaminrc"),
        };
        let text = self.text(whose);
        if fs::read(&path).ok() == text {
            return Ok(());
        }
        let written = match text {
            Some(text) => {
                let fresh = self.home.join("fresh");
                fs::write(&fresh, text).and_then(|()| fs::rename(&fresh, &path))
            }
            None => fs::remove_file(&path),
        };
        written.map_err(|why| failed(&path, &why))
    }
}

fn failed(path: &Path, why: &io::Error) -> StepError {
    StepError::Failed(format!("cannot write {}: {why}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(home: &Path, file: &str) -> Option<String> {
        fs::read_to_string(home.join(file)).ok()
    }

    fn settings() -> (tempfile::TempDir, Settings) {
        let home = tempfile::tempdir().expect("a folder");
        let mut settings = Settings::new(home.path().to_owned());
        settings.notify(Path::new("/f")).expect("it is written");
        (home, settings)
    }

    #[test]
    fn the_own_rule_stands_below_every_line_of_the_scenario() {
        let (home, mut settings) = settings();
        assert_eq!(text(home.path(), ".gaminrc").as_deref(), Some("notify /f /f/*\n"));
        settings.add(Gaminrc::User, b"poll /f/t").expect("it is written");
        assert_eq!(text(home.path(), ".gaminrc").as_deref(), Some("poll /f/t\nnotify /f /f/*\n"));
        settings.add(Gaminrc::Mandatory, b"# none").expect("it is written");
        assert_eq!(text(home.path(), ".gaminrc").as_deref(), Some("poll /f/t\n"));
        assert_eq!(text(home.path(), "system/gaminrc").as_deref(), Some("notify /f /f/*\n"));
        assert_eq!(text(home.path(), "system/mandatory_gaminrc").as_deref(), Some("# none\n"));
    }

    #[test]
    fn a_scenario_about_file_systems_has_no_rule_about_paths() {
        let (home, mut settings) = settings();
        match settings.add(Gaminrc::User, b"fsset * none") {
            Ok(()) => assert_eq!(text(home.path(), ".gaminrc").as_deref(), Some("fsset * none\n")),
            // Where temporary files lie below a predefined rule.
            Err(why) => assert!(matches!(why, StepError::Impossible(_)), "{why}"),
        }
        let mut settings = Settings::new("/mnt/home".into());
        let added = settings.add(Gaminrc::User, b"fsset * none");
        assert!(matches!(added, Err(StepError::Impossible(_))), "{added:?}");
    }
}
