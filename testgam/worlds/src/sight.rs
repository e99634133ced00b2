//! What is to be seen in a world: what an entry is, a directory and what is in it, a collection.
//!
//! Who looks is left to the worlds, what has to be told of it to `told`. Invariant: two equal [`Stamp`]s mean that nothing had
//! to be reported in between.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::sys::stat::SFlag;
use testgam_language::collection::Collection;

/// What an entry is, as far as a monitor has to report it.
///
/// Two equal stamps mean that nothing had to be reported in between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// The inode's number.
    pub inode: u64,
    /// Type and permissions.
    pub mode: u32,
    /// User and group.
    pub owner: (u32, u32),
    /// Size and time of modification in nanoseconds, where a change of them is a change of this entry: not
    /// for a directory seen from its parent, nor for a file that may be written under another name.
    pub content: Option<(u64, i128)>,
}

impl Stamp {
    /// Whether it is a directory.
    pub fn is_directory(&self) -> bool {
        SFlag::from_bits_truncate(self.mode) & SFlag::S_IFMT == SFlag::S_IFDIR
    }
}

/// What is to be seen at a path, links followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sight {
    /// Nothing.
    Missing,
    /// The server may not look there, so nothing can be said.
    Hidden,
    /// Something that is no directory.
    File(Stamp),
    /// A directory and the entries in it, links not followed.
    Directory(Stamp, BTreeMap<OsString, Stamp>),
}

impl Sight {
    /// What is to be seen of a collection at `root`, by names relative to it. `look` looks at a path.
    pub fn of_collection(collection: &Collection, root: &Path, look: impl Fn(&Path) -> Sight) -> Sight {
        let Sight::Directory(stamp, top) = look(root) else { return look(root) };
        let tells = collection.tells();
        let mut shown = BTreeMap::new();
        let mut directories = vec![(PathBuf::new(), top, 1)];
        while let Some((place, entries, level)) = directories.pop() {
            for (name, stamp) in entries {
                let place = place.join(&name);
                if stamp.is_directory() && level < collection.depth {
                    match look(&root.join(&place)) {
                        Sight::Directory(_, entries) => directories.push((place.clone(), entries, level + 1)),
                        // What the server may not see either, or what has gone meanwhile.
                        Sight::Hidden | Sight::Missing | Sight::File(_) => {}
                    }
                }
                if tells(&name) {
                    shown.insert(OsString::from(place), stamp);
                }
            }
        }
        Sight::Directory(stamp, shown)
    }
}

/// Whether a name is that of something below the directory of a collection, and not a path.
pub fn is_relative(name: &OsStr) -> bool {
    !name.as_bytes().starts_with(b"/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_deeper_or_does_not_match_is_not_shown() {
        let folder = tempfile::tempdir().expect("a folder");
        for directory in ["a.c", "b", "b/c"] {
            std::fs::create_dir(folder.path().join(directory)).expect("a directory");
        }
        for file in ["x.c", "b/x.c", "b/y.h", "b/c/x.c"] {
            std::fs::write(folder.path().join(file), "").expect("a file");
        }
        let shown = |depth, mask: &str| {
            let collection = Collection { depth, mask: mask.into() };
            let sight =
                Sight::of_collection(&collection, folder.path(), |path| crate::disk::look(path, |_| true));
            let Sight::Directory(_, entries) = sight else { panic!("a directory") };
            entries.into_keys().map(|name| name.into_string().expect("text")).collect::<Vec<_>>()
        };
        assert_eq!(shown(1, "*"), ["a.c", "b", "x.c"]);
        assert_eq!(shown(2, "*.c"), ["a.c", "b/x.c", "x.c"]);
        assert_eq!(shown(3, "?.?"), ["a.c", "b/c/x.c", "b/x.c", "b/y.h", "x.c"]);
    }
}
