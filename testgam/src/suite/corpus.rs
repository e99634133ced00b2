//! The corpus: which scenarios there are, and where each one's snapshot lies.
//!
//! What they say is left to `verdict`. Invariant: a scenario `tests/scenario/AREA/behaviour.tst` has its
//! snapshot at `snapshots/AREA/behaviour.snap` of the same folder, and nowhere else.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

/// Where scenarios lie in the folder that holds a corpus.
pub const SCENARIOS: &str = "tests/scenario";
/// Where their snapshots lie.
pub const SNAPSHOTS: &str = "snapshots";
/// How a scenario's name ends.
const SCENARIO_ENDING: &str = "tst";
/// How a snapshot's name ends.
const SNAPSHOT_ENDING: &str = "snap";

/// A folder with scenarios and their snapshots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Corpus {
    root: PathBuf,
}

/// A scenario of a corpus.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Scenario {
    /// `AREA/behaviour`.
    pub name: String,
    /// Its path in the folder that holds the corpus.
    pub place: String,
    /// Its file.
    pub file: PathBuf,
    /// The file of its snapshot.
    pub snapshot: PathBuf,
}

/// Why there is nothing to play.
#[derive(Debug, thiserror::Error)]
pub enum CorpusError {
    /// No folder of scenarios is here or above.
    #[error(
        "there is no corpus here: neither {} nor a folder above it holds {SCENARIOS}; \
         `testgam FILE` plays a scenario that has no snapshot",
        .0.display()
    )]
    NoCorpus(PathBuf),
    /// The path is of no scenario.
    #[error("{0} is no scenario: its name does not end in .{SCENARIO_ENDING}")]
    NoScenario(String),
    /// The path is not in the corpus.
    #[error("{path} is not in the corpus {} (to play it without a snapshot: testgam {path})", .corpus.display())]
    Outside {
        /// What was asked for.
        path: String,
        /// The corpus.
        corpus: PathBuf,
    },
    /// A file or folder cannot be read.
    #[error("{}: {why}", .path.display())]
    Unreadable {
        /// Which one.
        path: PathBuf,
        /// Why.
        why: io::Error,
    },
}

impl Corpus {
    /// The corpus in this folder.
    pub fn new(root: impl Into<PathBuf>) -> Corpus {
        Corpus { root: root.into() }
    }

    /// The corpus in a folder or the nearest one above it.
    ///
    /// # Errors
    /// [`CorpusError::NoCorpus`] if there is none.
    pub fn above(folder: &Path) -> Result<Corpus, CorpusError> {
        let root = folder.ancestors().find(|folder| folder.join(SCENARIOS).is_dir());
        root.map(Corpus::new).ok_or_else(|| CorpusError::NoCorpus(folder.to_owned()))
    }

    /// Every scenario, in order of their names.
    ///
    /// # Errors
    /// Names the folder that cannot be read.
    pub fn scenarios(&self) -> Result<Vec<Scenario>, CorpusError> {
        let folder = self.root.join(SCENARIOS);
        let files = files_below(&folder, SCENARIO_ENDING)?;
        let mut scenarios: Vec<_> = files.into_iter().filter_map(|file| self.scenario(&file)).collect();
        scenarios.sort();
        Ok(scenarios)
    }

    /// The scenarios that are, or lie below, one of these files and folders.
    ///
    /// # Errors
    /// Names the path that is missing, or has nothing to do with the corpus.
    pub fn scenarios_in(&self, paths: &[PathBuf]) -> Result<Vec<Scenario>, CorpusError> {
        let folder = self.root.join(SCENARIOS);
        let folder = folder.canonicalize().map_err(|why| unreadable(&folder, why))?;
        let mut chosen = Vec::new();
        for path in paths {
            let full = path.canonicalize().map_err(|why| unreadable(path, why))?;
            let shown = path.display().to_string();
            if full.is_file() && full.extension() != Some(SCENARIO_ENDING.as_ref()) {
                return Err(CorpusError::NoScenario(shown));
            }
            if !full.starts_with(&folder) && !folder.starts_with(&full) {
                return Err(CorpusError::Outside { path: shown, corpus: self.root.clone() });
            }
            chosen.push(full);
        }
        let mut scenarios = self.scenarios()?;
        scenarios.retain(|scenario| {
            let full = scenario.file.canonicalize();
            full.is_ok_and(|full| chosen.iter().any(|path| full.starts_with(path)))
        });
        Ok(scenarios)
    }

    /// The scenarios whose snapshot has outlived them: their files are missing.
    ///
    /// # Errors
    /// Names the folder that cannot be read.
    pub fn orphans(&self) -> Result<Vec<Scenario>, CorpusError> {
        let folder = self.root.join(SNAPSHOTS);
        if !folder.exists() {
            return Ok(Vec::new());
        }
        let snapshots = files_below(&folder, SNAPSHOT_ENDING)?;
        let below = |file: &Path| {
            let place = file.strip_prefix(&folder).ok()?.with_extension(SCENARIO_ENDING);
            self.scenario(&self.root.join(SCENARIOS).join(place))
        };
        let mut orphans: Vec<_> = snapshots
            .iter()
            .filter_map(|file| below(file))
            .filter(|scenario| !scenario.file.exists())
            .collect();
        orphans.sort();
        Ok(orphans)
    }

    /// The scenario in this file, if it lies where scenarios lie.
    fn scenario(&self, file: &Path) -> Option<Scenario> {
        let below = file.strip_prefix(self.root.join(SCENARIOS)).ok()?;
        let name = spelled(&below.with_extension(""));
        let place = format!("{SCENARIOS}/{}", spelled(below));
        let snapshot = self.root.join(SNAPSHOTS).join(below).with_extension(SNAPSHOT_ENDING);
        Some(Scenario { name, place, file: file.to_owned(), snapshot })
    }
}

impl Scenario {
    /// The folder it lies in, by name.
    pub fn area(&self) -> &str {
        self.name.rsplit_once('/').map_or("", |(area, _)| area)
    }

    /// Its name in its folder.
    pub fn behaviour(&self) -> &str {
        self.name.rsplit_once('/').map_or(&self.name, |(_, behaviour)| behaviour)
    }
}

/// A path's names with `/` between them.
fn spelled(path: &Path) -> String {
    let names = path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_string_lossy()),
        _ => None,
    });
    names.collect::<Vec<_>>().join("/")
}

fn files_below(folder: &Path, ending: &str) -> Result<Vec<PathBuf>, CorpusError> {
    let mut found = Vec::new();
    let failed = |why| unreadable(folder, why);
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        if entry.file_type().map_err(failed)?.is_dir() {
            found.extend(files_below(&path, ending)?);
        } else if path.extension() == Some(ending.as_ref()) {
            found.push(path);
        }
    }
    Ok(found)
}

fn unreadable(path: &Path, why: io::Error) -> CorpusError {
    CorpusError::Unreadable { path: path.to_owned(), why }
}
