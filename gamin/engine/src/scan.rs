//! A scan of a path: what it leads to, over which directory entries, and what is in it.

use crate::names::Names;
use crate::path::{Name, TreePath};
use crate::stamp::Stamp;

/// Names a scan in its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScanId(pub u64);

/// What to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanRequest {
    /// The path. Symbolic links in it are followed, the last one too.
    pub path: TreePath,
    /// How many of its leading components need no look, because they are known to be real directories.
    pub trusted: usize,
    /// What to find out if it is a directory.
    pub detail: Detail,
}

/// How closely to look at a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// At the directory itself only.
    Itself,
    /// At its entries; in a large directory only at their names. Of what is known already, no change is looked for.
    Names,
    /// At its entries and the stamp of each.
    Stamps,
}

/// What a scan found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    /// What the path's meaning hangs on, in the order in which it was walked. Left out are the directory that it leads to and those above
    /// that or another one: that they stay where they are goes without saying.
    pub dependencies: Vec<Dependency>,
    /// It ended on the way: behind the last of these the path goes on.
    pub stops_short: bool,
    /// What it leads to.
    pub found: Found,
}

impl Scan {
    /// How many entries it has listed.
    pub fn entries(&self) -> usize {
        match &self.found {
            Found::Directory { entries: Entries::Listed(listed), .. } => listed.len(),
            Found::Directory { entries: Entries::Named(names), .. } => names.len(),
            _ => 0,
        }
    }
}

/// A directory on which the meaning of a path hangs. Its path is free of symbolic links.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// The directory.
    pub directory: TreePath,
    /// With a name: it matters what that entry is (a symbolic link, the end of the path, or the first thing that
    /// is missing). Without: it matters only that the directory stays where it is, since the path leads on from there by `..`.
    pub entry: Option<Name>,
}

/// What a path leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Nothing: a component is missing, is no directory, or the links go in circles.
    Missing,
    /// It can't be known: permission to search a directory on the way was denied, or the look failed.
    Unknown(Unlisted),
    /// Something that is no directory.
    File(Stamp),
    /// A directory.
    Directory {
        /// Its real path.
        real: TreePath,
        /// Its own stamp.
        stamp: Stamp,
        /// Its entries.
        entries: Entries,
    },
}

/// The entries of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entries {
    /// They were not asked for.
    Unasked,
    /// All of them, in any order, without `.` and `..`. Without a stamp: not looked at closely.
    Listed(Vec<(Name, Option<Stamp>)>),
    /// The names of all of them in the same way: none was looked at.
    Named(Names),
    /// They could not be listed.
    Unlisted(Unlisted),
}

impl Entries {
    /// Sorts them by name.
    pub(crate) fn sort(&mut self) {
        match self {
            Entries::Listed(listed) => listed.sort_unstable_by(|(a, _), (b, _)| a.cmp(b)),
            Entries::Named(names) => names.sort(),
            Entries::Unasked | Entries::Unlisted(_) => {}
        }
    }

    /// Whether one is among them, which have been sorted, and its stamp.
    pub(crate) fn find(&self, name: &[u8]) -> Option<Option<Stamp>> {
        match self {
            Entries::Listed(listed) => {
                let at = listed.binary_search_by(|(other, _)| (**other).cmp(name)).ok()?;
                Some(listed[at].1)
            }
            Entries::Named(names) => names.has(name).then_some(None),
            Entries::Unasked | Entries::Unlisted(_) => None,
        }
    }

    /// All of them, each with its stamp.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], Option<Stamp>)> {
        let (listed, names) = match self {
            Entries::Listed(listed) => (Some(listed), None),
            Entries::Named(names) => (None, Some(names)),
            Entries::Unasked | Entries::Unlisted(_) => (None, None),
        };
        let listed = listed.into_iter().flatten().map(|(name, stamp)| (&**name, *stamp));
        listed.chain(names.into_iter().flat_map(Names::iter).map(|name| (name, None)))
    }
}

/// Why something could not be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unlisted {
    /// Permission denied.
    Denied,
    /// Any other error.
    Failed,
}
