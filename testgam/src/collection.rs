//! Collections: what FAM calls a directory with what is below it, down to a depth, as far as the names match a mask.
//!
//! What is told of one is left to `told`, how it is asked for to the worlds. Invariant: [`Collection::look`] shows what a client has to
//! have been told, by names relative to the directory, as those of events are.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gamin::{Scope, Shape};
use nix::sys::stat::SFlag;
use wildcard::{Wildcard, WildcardBuilder};

use crate::world::{Sight, Stamp};

/// How much of what is below a directory is monitored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collection {
    /// How many levels below the directory, from 1.
    pub depth: u32,
    /// Which bare names are told: a pattern of `*` and `?`.
    pub mask: Vec<u8>,
}

impl Collection {
    /// The same as the client library has it.
    pub fn scope(&self) -> Scope {
        let mask = self.pattern();
        let tells = move |name: &Path| name.file_name().is_some_and(|name| mask.is_match(name.as_bytes()));
        Scope::Tree(Shape { levels: self.depth, tells: Arc::new(tells), ..Shape::default() })
    }

    fn pattern(&self) -> Wildcard<'static, u8> {
        let pattern = WildcardBuilder::from_owned(self.mask.clone()).without_escape();
        pattern
            .build()
            .expect("because the special symbols differ, and without escape nothing can be malformed")
    }

    /// What is to be seen of the collection at `root`. `look` looks at a path.
    pub fn look(&self, root: &Path, look: impl Fn(&Path) -> Sight) -> Sight {
        let Sight::Directory(stamp, top) = look(root) else { return look(root) };
        let mask = self.pattern();
        let mut shown = BTreeMap::new();
        let mut directories = vec![(PathBuf::new(), top, 1)];
        while let Some((place, entries, level)) = directories.pop() {
            for (name, stamp) in entries {
                let place = place.join(&name);
                if is_directory(&stamp) && level < self.depth {
                    match look(&root.join(&place)) {
                        Sight::Directory(_, entries) => directories.push((place.clone(), entries, level + 1)),
                        // What the server may not see either, or what has gone meanwhile.
                        Sight::Hidden | Sight::Missing | Sight::File(_) => {}
                    }
                }
                if mask.is_match(name.as_bytes()) {
                    shown.insert(OsString::from(place), stamp);
                }
            }
        }
        Sight::Directory(stamp, shown)
    }
}

fn is_directory(stamp: &Stamp) -> bool {
    SFlag::from_bits_truncate(stamp.mode) & SFlag::S_IFMT == SFlag::S_IFDIR
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
            let sight = collection.look(folder.path(), |path| crate::disk::look(path, |_| true));
            let Sight::Directory(_, entries) = sight else { panic!("a directory") };
            entries.into_keys().map(|name| name.into_string().expect("text")).collect::<Vec<_>>()
        };
        assert_eq!(shown(1, "*"), ["a.c", "b", "x.c"]);
        assert_eq!(shown(2, "*.c"), ["a.c", "b/x.c", "x.c"]);
        assert_eq!(shown(3, "?.?"), ["a.c", "b/c/x.c", "b/x.c", "b/y.h", "x.c"]);
    }
}
