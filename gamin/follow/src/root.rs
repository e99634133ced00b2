//! One path that was asked for, and what is asked of the connection for it.
//!
//! What the answers mean is left to the follower. Invariant: what is asked for fits what was there when it was asked: a directory
//! or a tree where there is a directory, else the path itself, whatever it will be.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use gamin::{Scope, TreeOptions};

use crate::ignoring::Rules;
use crate::options::Options;
use crate::{Gap, Why};

/// How much of a root is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// The path itself, whatever it is.
    Itself,
    /// A directory and its entries.
    Entries,
    /// A directory and everything below it.
    Tree,
}

/// Directories on other file systems than their root's that have come up.
type Elsewhere = Arc<Mutex<Vec<PathBuf>>>;

/// A path that was asked for.
#[derive(Debug)]
pub(crate) struct Root {
    pub shown: PathBuf,
    pub absolute: PathBuf,
    /// The path without symbolic links, if it is there: by it, roots are compared.
    pub real: PathBuf,
    pub reach: Reach,
    /// Whether what was asked for last has been listed.
    pub is_listed: bool,
    /// Whether anything that was asked for has been.
    pub was_listed: bool,
    /// Whether it was told that it is there.
    pub is_there: bool,
    pub rules: Option<Arc<Rules>>,
    /// What is told to be a gap, by its name relative to the root.
    pub gaps: BTreeMap<PathBuf, Gap>,
    device: Option<u64>,
    elsewhere: Elsewhere,
}

impl Root {
    pub(crate) fn new(shown: &Path, absolute: PathBuf, rules: Option<Arc<Rules>>) -> Root {
        Root {
            shown: shown.to_owned(),
            real: absolute.clone(),
            absolute,
            reach: Reach::Itself,
            is_listed: false,
            was_listed: false,
            is_there: false,
            rules,
            gaps: BTreeMap::new(),
            device: None,
            elsewhere: Elsewhere::default(),
        }
    }

    /// What to ask for, by what is there now.
    pub(crate) fn scope(&mut self, options: &Options) -> Scope {
        self.is_listed = false;
        self.real = self.absolute.canonicalize().unwrap_or_else(|_| self.absolute.clone());
        let found = fs::metadata(&self.absolute).ok().filter(fs::Metadata::is_dir);
        self.device = found.as_ref().filter(|_| options.one_file_system).map(MetadataExt::dev);
        self.reach = match (found.is_some(), options.recursive) {
            (false, _) => Reach::Itself,
            (true, false) => Reach::Entries,
            (true, true) => Reach::Tree,
        };
        match self.reach {
            Reach::Itself => Scope::File,
            Reach::Entries => Scope::Directory,
            Reach::Tree => Scope::Tree(self.options()),
        }
    }

    fn options(&self) -> TreeOptions {
        let mut options = TreeOptions::default();
        if let Some(rules) = &self.rules {
            let (rules, root) = (Arc::clone(rules), self.absolute.clone());
            options.tells = Arc::new(move |name| rules.is_rule_file(name) || !ignores(&rules, &root, name));
        }
        if self.rules.is_some() || self.device.is_some() {
            let (rules, root, device) = (self.rules.clone(), self.absolute.clone(), self.device);
            let elsewhere = Arc::clone(&self.elsewhere);
            options.follows = Arc::new(move |name| {
                if rules.as_ref().is_some_and(|rules| rules.ignores(name, true)) {
                    return false;
                }
                let found = device.and_then(|_| fs::symlink_metadata(root.join(name)).ok());
                let is_elsewhere = found.is_some_and(|found| found.is_dir() && Some(found.dev()) != device);
                if is_elsewhere {
                    elsewhere.lock().unwrap_or_else(PoisonError::into_inner).push(name.to_owned());
                }
                !is_elsewhere
            });
        }
        options
    }

    /// Gives the directories on other file systems that have come up since the last call.
    pub(crate) fn take_elsewhere(&self) -> Vec<PathBuf> {
        std::mem::take(&mut *self.elsewhere.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether a name was left out for its file system, and is on the root's by now.
    pub(crate) fn has_come_home(&self, name: &Path) -> bool {
        let was_elsewhere = self.gaps.get(name).is_some_and(|gap| gap.why == Why::OtherFileSystem);
        let device = || fs::symlink_metadata(self.absolute.join(name)).ok().map(|found| found.dev());
        was_elsewhere && device().is_none_or(|device| Some(device) == self.device)
    }

    /// Whether an entry that was told is to be left out.
    pub(crate) fn leaves_out(&self, name: &Path) -> bool {
        self.rules.as_ref().is_some_and(|rules| ignores(rules, &self.absolute, name))
    }

    /// Whether it tells of a path, which has no symbolic links.
    pub(crate) fn covers(&self, real: &Path) -> bool {
        let Ok(name) = real.strip_prefix(&self.real) else { return false };
        let levels = name.components().count();
        let reaches = match self.reach {
            Reach::Itself => levels == 0,
            Reach::Entries => levels <= 1,
            Reach::Tree => true,
        };
        let is_followed = |folder: &Path| {
            folder.as_os_str().is_empty()
                || !self.rules.as_ref().is_some_and(|rules| rules.ignores(folder, true))
        };
        let elsewhere = |folder: &Path| self.gaps.contains_key(folder);
        self.is_there
            && reaches
            && !(levels > 0 && self.leaves_out(name))
            && name.ancestors().skip(1).all(|folder| is_followed(folder) && !elsewhere(folder))
    }

    /// How a name is shown.
    pub(crate) fn shown(&self, name: &Path) -> PathBuf {
        join(&self.shown, name)
    }

    /// The path of a name from `/` on.
    pub(crate) fn absolute(&self, name: &Path) -> PathBuf {
        join(&self.absolute, name)
    }
}

/// Joins without a slash behind a root.
pub(crate) fn join(root: &Path, name: &Path) -> PathBuf {
    if name.as_os_str().is_empty() { root.to_owned() } else { root.join(name) }
}

/// Whether rules leave out a name, of which it is looked up what it is if that matters.
fn ignores(rules: &Rules, root: &Path, name: &Path) -> bool {
    match (rules.ignores(name, false), rules.ignores(name, true)) {
        (of_file, of_directory) if of_file == of_directory => of_file,
        (of_file, of_directory) => {
            let is_directory = root.join(name).symlink_metadata().is_ok_and(|found| found.is_dir());
            if is_directory { of_directory } else { of_file }
        }
    }
}
