//! What all configuration files say together.
//!
//! Order: the mandatory file, the user's, the system's, and what is predefined. Of the rules about paths the first that
//! matches wins; of the lines about a file system in one file the last. Invariant: whoever wins can be named, with file and
//! line.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use gamin_engine::Fact;

use crate::parse::{Choice, Directive, LineError, ParseError, Pattern, parse};

/// What is so unless a file says otherwise. `/dev/shm` is a file system like any other; the rest of `/dev`, and what the
/// kernel makes up as it is read, changes without a notice.
const PREDEFINED: &str = "\
notify /dev/shm /dev/shm/*
poll /media/* /run/media/* /mnt/* /dev/* /proc/*
fsset ext2 kernel
fsset ext3 kernel
fsset reiserfs kernel
fsset reiser4 kernel
fsset novfs poll 30
fsset nfs poll 5
fsset nfs4 poll 5
fsset proc poll
fsset sysfs poll
fsset debugfs poll
fsset tracefs poll
";

/// A configuration file: its name, and what is in it.
#[derive(Debug, Clone, Copy)]
pub struct Text<'a> {
    /// How it is named in reports.
    pub name: &'a str,
    /// What is in it.
    pub text: &'a [u8],
}

/// Where something is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The file; `None` for what is predefined.
    file: Option<Arc<str>>,
    /// The line, from 1.
    line: usize,
}

impl Origin {
    fn tell(&self, fact: Fact) -> Fact {
        match &self.file {
            Some(file) => fact.word("line", self.line).name("file", file.as_bytes()),
            None => fact.word("line", "predefined"),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => write!(f, "{}:{}", file.escape_debug(), self.line),
            None => write!(f, "predefined"),
        }
    }
}

/// A rule about paths.
#[derive(Debug, Clone)]
pub(crate) struct PathRule {
    pub pattern: Pattern,
    pub is_polled: bool,
    pub origin: Origin,
}

/// What is set for a type of file system.
#[derive(Debug, Clone)]
pub(crate) struct FileSystemRule {
    pub pattern: Pattern,
    pub choice: Choice,
    /// How long to wait between two rescans, if anybody said so.
    pub limit: Option<Duration>,
    pub origin: Origin,
}

/// The rules of all files, the strongest first.
#[derive(Debug, Clone)]
pub struct Rules {
    paths: Vec<PathRule>,
    file_systems: Vec<FileSystemRule>,
}

impl Rules {
    /// What is so without any file.
    pub fn predefined() -> Rules {
        Rules::read([], None).0
    }

    /// Reads the files that there are, the strongest first: the mandatory one, the user's, the system's. `~` stands for
    /// `home` in them.
    pub fn read<'a>(
        files: impl IntoIterator<Item = Text<'a>>,
        home: Option<&[u8]>,
    ) -> (Rules, Vec<LineError>) {
        let mut rules = Rules { paths: Vec::new(), file_systems: Vec::new() };
        let mut mistakes = Vec::new();
        for Text { name, text } in files {
            let name: Arc<str> = name.into();
            for (line, error) in rules.add(Some(&name), text, home) {
                mistakes.push(LineError { file: name.to_string(), line, error });
            }
        }
        let wrong = rules.add(None, PREDEFINED.as_bytes(), None);
        debug_assert!(wrong.is_empty(), "{wrong:?}");
        rules.inherit_limits();
        (rules, mistakes)
    }

    fn add(&mut self, name: Option<&Arc<str>>, text: &[u8], home: Option<&[u8]>) -> Vec<(usize, ParseError)> {
        let (directives, errors) = parse(text, home);
        let mut file_systems = Vec::new();
        for (line, directive) in directives {
            let origin = Origin { file: name.cloned(), line };
            match directive {
                Directive::Path { pattern, is_polled } => {
                    self.paths.push(PathRule { pattern, is_polled, origin });
                }
                Directive::FileSystem { pattern, choice, limit } => {
                    file_systems.push(FileSystemRule { pattern, choice, limit, origin });
                }
            }
        }
        self.file_systems.extend(file_systems.into_iter().rev());
        errors
    }

    /// Who says nothing of seconds means those that were set before for the same type.
    fn inherit_limits(&mut self) {
        for at in (0..self.file_systems.len()).rev() {
            let (rules, weaker) = self.file_systems.split_at_mut(at + 1);
            let Some(rule) = rules.last_mut() else { return };
            let before = weaker.iter().find(|weaker| weaker.pattern.text() == rule.pattern.text());
            rule.limit = rule.limit.or(before.and_then(|before| before.limit));
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.paths.len() + self.file_systems.len()
    }

    /// The rules for people, the strongest first, but for the first so many.
    pub(crate) fn facts(&self, skipped: usize) -> impl Iterator<Item = Fact> {
        let paths = self.paths.iter().skip(skipped).map(|rule| {
            let method = if rule.is_polled { "poll" } else { "kernel" };
            rule.origin.tell(Fact::new("rule").word("method", method)).name("pattern", rule.pattern.text())
        });
        let skipped = skipped.saturating_sub(self.paths.len());
        let file_systems = self.file_systems.iter().skip(skipped).map(|rule| {
            let fact = Fact::new("file-system")
                .word("type", rule.pattern.text().escape_ascii())
                .word("method", format_args!("{:?}", rule.choice));
            let seconds = rule.limit.map(|limit| limit.as_secs());
            rule.origin.tell(seconds.into_iter().fold(fact, |fact, seconds| fact.word("seconds", seconds)))
        });
        paths.chain(file_systems)
    }

    /// The rule that decides about a path, if any does.
    pub(crate) fn for_path(&self, path: &[u8]) -> Option<&PathRule> {
        self.paths.iter().find(|rule| rule.pattern.matches(path))
    }

    /// What is set for a type of file system.
    pub(crate) fn for_file_system(&self, file_system: &str) -> Option<&FileSystemRule> {
        self.file_systems.iter().find(|rule| rule.pattern.matches(file_system.as_bytes()))
    }
}
