//! What is left out, as git does it: patterns, files of patterns, and the folders of version control.
//!
//! How a pattern is read is left to the crate `ignore`. Rules are read when they are first asked for, and again when
//! [`Rules::forget`] is called. Invariant: a path is ignored if the strongest rule that matches it says so: what was given
//! explicitly, then the folders of version control, then the nearest file.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// The folders in which systems for version control keep what is theirs.
const VCS_FOLDERS: [&str; 8] = [".git", ".hg", ".svn", ".jj", ".bzr", "_darcs", ".pijul", "CVS"];
/// The files of rules in a folder, the stronger one first.
const RULE_FILES: [&str; 2] = [".ignore", ".gitignore"];

/// A pattern that can't be understood.
#[derive(Debug, thiserror::Error)]
#[error("{pattern}: {why}")]
pub struct PatternError {
    /// The pattern.
    pub pattern: String,
    /// What is wrong with it.
    pub why: String,
}

/// What is to be left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ignoring {
    /// Patterns as in .gitignore, relative to each root. The last that matches counts.
    pub patterns: Vec<String>,
    /// Files of such patterns, also relative to each root. The last counts most.
    pub files: Vec<PathBuf>,
    /// Whether to leave out what .gitignore and .ignore say, in the root, below it and above it up to the top of its repository;
    /// what git is told to leave out everywhere; and the folders of version control.
    pub standard: bool,
}

/// Patterns as in .gitignore, to ask about.
#[derive(Debug, Clone)]
pub struct Patterns(Gitignore);

impl Patterns {
    /// Understands patterns.
    ///
    /// # Errors
    /// Names the first that can't be understood.
    pub fn new(patterns: &[String]) -> Result<Patterns, PatternError> {
        let bad = |pattern: &str, why: ignore::Error| PatternError {
            pattern: pattern.to_owned(),
            why: why.to_string(),
        };
        let mut builder = GitignoreBuilder::new("");
        for pattern in patterns {
            builder.add_line(None, pattern).map_err(|why| bad(pattern, why))?;
        }
        builder.build().map(Patterns).map_err(|why| bad(&patterns.join(" "), why))
    }

    /// Whether a path, relative to the root of the patterns, or a folder that it is in matches.
    pub fn matches(&self, path: &Path, is_directory: bool) -> bool {
        !path.as_os_str().is_empty() && self.0.matched_path_or_any_parents(path, is_directory).is_ignore()
    }
}

/// The rules for one root.
#[derive(Debug)]
pub(crate) struct Rules {
    root: PathBuf,
    ignoring: Ignoring,
    patterns: Patterns,
    outer: Mutex<Outer>,
    /// The files of rules in each folder below the root, by its relative name.
    nested: Mutex<HashMap<PathBuf, Arc<Vec<Gitignore>>>>,
    bad: Mutex<Vec<String>>,
}

/// The rules that are not in or below the root, the strongest first.
#[derive(Debug, Default)]
struct Outer {
    explicit: Vec<Gitignore>,
    above: Vec<Gitignore>,
}

impl Rules {
    /// Reads the rules for `root`, an absolute path.
    ///
    /// # Errors
    /// Names a pattern that can't be understood.
    pub(crate) fn new(root: &Path, ignoring: &Ignoring) -> Result<Rules, PatternError> {
        let rules = Rules {
            root: root.to_owned(),
            ignoring: ignoring.clone(),
            patterns: Patterns::new(&ignoring.patterns)?,
            outer: Mutex::default(),
            nested: Mutex::default(),
            bad: Mutex::default(),
        };
        rules.forget(None);
        Ok(rules)
    }

    /// Whether a file is one that the rules are read from: a name below the root, relative to it.
    pub(crate) fn is_rule_file(&self, path: &Path) -> bool {
        self.ignoring.standard
            && path.file_name().is_some_and(|name| RULE_FILES.iter().any(|file| name == *file))
    }

    /// The files outside the root that the rules are read from, there or not.
    pub(crate) fn outer_files(&self) -> Vec<PathBuf> {
        let mut files = self.ignoring.files.clone();
        if self.ignoring.standard {
            let folders = above(&self.root);
            files.extend(folders.iter().flat_map(|folder| RULE_FILES.iter().map(|file| folder.join(file))));
            files.extend(repository(&self.root).map(|top| exclude(&top)));
            files.extend(ignore::gitignore::gitconfig_excludes_path());
        }
        files.retain(|file| file.is_absolute());
        files
    }

    /// Forgets what was read in a folder below the root, or everything, to read it again.
    pub(crate) fn forget(&self, folder: Option<&Path>) {
        match folder {
            Some(folder) => drop(lock(&self.nested).remove(folder)),
            None => {
                lock(&self.nested).clear();
                let outer = self.read_outer();
                *lock(&self.outer) = outer;
            }
        }
    }

    /// Gives what is wrong with the rules that were read since the last call.
    pub(crate) fn take_bad(&self) -> Vec<String> {
        std::mem::take(&mut *lock(&self.bad))
    }

    /// Whether a path below the root, relative to it, is left out, provided that the folder that it is in is not.
    pub(crate) fn ignores(&self, path: &Path, is_directory: bool) -> bool {
        let decide = |rules: &Gitignore, path: &Path| match rules.matched(path, is_directory) {
            Match::None => None,
            Match::Ignore(_) => Some(true),
            Match::Whitelist(_) => Some(false),
        };
        let absolute = self.root.join(path);
        let outer = lock(&self.outer);
        let explicit = decide(&self.patterns.0, path)
            .or_else(|| outer.explicit.iter().find_map(|rules| decide(rules, &absolute)));
        if let Some(decision) = explicit {
            return decision;
        }
        if !self.ignoring.standard {
            return false;
        }
        if path.file_name().is_some_and(|name| VCS_FOLDERS.iter().any(|folder| name == *folder)) {
            return true;
        }
        let folders = path.ancestors().skip(1);
        let mut levels = folders.map(|folder| self.level(folder));
        let nested = levels.find_map(|rules| rules.iter().find_map(|rules| decide(rules, &absolute)));
        nested.or_else(|| outer.above.iter().find_map(|rules| decide(rules, &absolute))).unwrap_or(false)
    }

    fn level(&self, folder: &Path) -> Arc<Vec<Gitignore>> {
        if let Some(level) = lock(&self.nested).get(folder) {
            return Arc::clone(level);
        }
        let level = Arc::new(self.read_folder(&self.root.join(folder)));
        lock(&self.nested).insert(folder.to_owned(), Arc::clone(&level));
        level
    }

    fn read_outer(&self) -> Outer {
        let root = &self.root;
        let explicit = self.ignoring.files.iter().rev().map(|file| self.read(root, file));
        let mut outer = Outer { explicit: explicit.collect(), above: Vec::new() };
        if self.ignoring.standard {
            outer.above = above(root).iter().flat_map(|folder| self.read_folder(folder)).collect();
            if let Some(top) = repository(root) {
                outer.above.push(self.read(&top, &exclude(&top)));
            }
            if let Some(file) = ignore::gitignore::gitconfig_excludes_path() {
                outer.above.push(self.read(root, &file));
            }
        }
        outer
    }

    fn read_folder(&self, folder: &Path) -> Vec<Gitignore> {
        let files = RULE_FILES.iter().map(|file| folder.join(file)).filter(|file| file.is_file());
        files.map(|file| self.read(folder, &file)).collect()
    }

    /// Reads a file of rules that hold below a folder. What is not understood is left out, and said.
    fn read(&self, folder: &Path, file: &Path) -> Gitignore {
        let mut builder = GitignoreBuilder::new(folder);
        let is_there = file.symlink_metadata().is_ok() || self.ignoring.files.iter().any(|own| own == file);
        let wrong = is_there.then(|| builder.add(file)).flatten();
        let built = builder.build().unwrap_or_else(|why| {
            lock(&self.bad).push(format!("{}: {why}", file.display()));
            Gitignore::empty()
        });
        lock(&self.bad).extend(wrong.map(|why| why.to_string()));
        built
    }
}

/// The folders above a path up to the top of the repository that it is in, the nearest first; none if it is in none.
fn above(path: &Path) -> Vec<PathBuf> {
    let Some(top) = repository(path) else { return Vec::new() };
    path.ancestors().skip(1).take_while(|folder| folder.starts_with(&top)).map(Path::to_owned).collect()
}

/// The top of the repository that a path is in.
fn repository(path: &Path) -> Option<PathBuf> {
    path.ancestors().find(|folder| folder.join(".git").exists()).map(Path::to_owned)
}

/// Where a repository says what to leave out beside its files.
fn exclude(top: &Path) -> PathBuf {
    top.join(".git/info/exclude")
}

/// Nothing panics while it holds the lock; and if it did, the rules would be as good as before.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    fn put(folder: &TempDir, file: &str, text: &str) {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().expect("it is below the folder")).expect("there is room");
        fs::write(path, text).expect("there is room");
    }

    fn rules(root: &Path, patterns: &[&str], standard: bool) -> Rules {
        let patterns = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
        Rules::new(root, &Ignoring { patterns, files: Vec::new(), standard }).expect("the patterns are good")
    }

    fn ignores(rules: &Rules, path: &str) -> bool {
        rules.ignores(Path::new(path.trim_end_matches('/')), path.ends_with('/'))
    }

    #[test]
    fn the_nearest_file_counts_and_explicit_patterns_count_more() {
        let folder = TempDir::new().expect("there is room");
        put(&folder, ".git/HEAD", "");
        put(&folder, ".git/info/exclude", "*.private\n");
        put(&folder, ".gitignore", "*.o\nbuild/\n/only-top\n");
        put(&folder, "sub/.gitignore", "!keep.o\n");
        put(&folder, "sub/.ignore", "*.log\n!build/\n");
        for root in ["", "sub"] {
            let rules = rules(&folder.path().join(root), &["*.tmp", "!a.tmp", "keep.c"], true);
            let seen = |path: &str| {
                let path = format!("sub/{path}");
                ignores(&rules, path.strip_prefix(&format!("{root}/")).unwrap_or(&path))
            };
            for (path, expected) in [
                ("a.o", true),
                ("keep.o", false),
                ("deep/a.o", true),
                ("a.log", true),
                ("build/", false),
                ("build", false),
                ("only-top", false),
                (".git/", true),
                ("x.private", true),
                ("b.tmp", true),
                ("a.tmp", false),
                ("keep.c", true),
                ("main.c", false),
            ] {
                assert_eq!(seen(path), expected, "{path} from {root:?}");
            }
        }
    }

    #[test]
    fn a_pattern_for_directories_takes_no_file() {
        let folder = TempDir::new().expect("there is room");
        let rules = rules(folder.path(), &["target/"], false);
        assert!(ignores(&rules, "target/") && ignores(&rules, "a/target/"));
        assert!(!ignores(&rules, "target") && !ignores(&rules, ".git/"));
    }

    #[test]
    fn rules_are_read_again_when_they_are_forgotten() {
        let folder = TempDir::new().expect("there is room");
        put(&folder, "sub/.gitignore", "a\n");
        let rules = rules(folder.path(), &[], true);
        assert!(ignores(&rules, "sub/a") && rules.is_rule_file(Path::new("sub/.gitignore")));
        put(&folder, "sub/.gitignore", "b\n{x\n");
        assert!(ignores(&rules, "sub/a"), "it need not look each time");
        rules.forget(Some(Path::new("sub")));
        assert!(!ignores(&rules, "sub/a") && ignores(&rules, "sub/b"));
        let bad = rules.take_bad();
        assert!(bad.len() == 1 && bad[0].contains("sub/.gitignore"), "{bad:?}");
    }

    #[test]
    fn a_bad_pattern_is_named() {
        let refused = Patterns::new(&["*.c".to_owned(), "{a".to_owned()]).expect_err("it is not closed");
        assert_eq!(refused.pattern, "{a");
        let missing = Ignoring { files: vec!["/nowhere/to/be/found".into()], ..Ignoring::default() };
        let rules = Rules::new(Path::new("/"), &missing).expect("a file may come");
        assert!(rules.take_bad()[0].contains("/nowhere/to/be/found"));
    }
}
