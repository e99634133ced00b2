//! Names and paths as bytes. What a path leads to is found out by a scan, never here.

use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;

use smallvec::SmallVec;
use triomphe::ThinArc;

macro_rules! bytes {
    ($type:ident) => {
        impl Deref for $type {
            type Target = [u8];
            fn deref(&self) -> &[u8] {
                &self.0
            }
        }

        impl Borrow<[u8]> for $type {
            fn borrow(&self) -> &[u8] {
                &self.0
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "\"{}\"", self.0.escape_ascii())
            }
        }
    };
}

/// The name of a directory entry: any bytes but `/` and NUL. As long as it is of common length, it is cheap to clone, and
/// to compare without going to the heap.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(SmallVec<[u8; COMMON_NAME_LEN]>);
bytes!(Name);

/// How long a path mostly is.
const COMMON_PATH_LEN: usize = 128;

/// How long a name can be without being kept on the heap.
const COMMON_NAME_LEN: usize = 24;

impl From<&[u8]> for Name {
    fn from(bytes: &[u8]) -> Name {
        Name(bytes.into())
    }
}

/// Bytes that never change, in one word where they are kept. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SharedBytes(ThinArc<(), u8>);

impl From<&[u8]> for SharedBytes {
    fn from(bytes: &[u8]) -> SharedBytes {
        SharedBytes(ThinArc::from_header_and_slice((), bytes))
    }
}

impl Deref for SharedBytes {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.0.slice
    }
}

impl fmt::Debug for SharedBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.escape_ascii())
    }
}

/// An absolute path without empty or `.` components and without a trailing slash. Cheap to clone.
///
/// Two spellings that differ only in these are one `TreePath`. `..` stays, since what it means depends on
/// symbolic links.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TreePath(SharedBytes);
bytes!(TreePath);

impl TreePath {
    /// Reads a spelling; `None` unless it is absolute.
    pub fn new(spelling: &[u8]) -> Option<TreePath> {
        if spelling.first() != Some(&b'/') {
            return None;
        }
        let mut path = SmallVec::<[u8; COMMON_PATH_LEN]>::new();
        for component in components(spelling) {
            path.push(b'/');
            path.extend_from_slice(component);
        }
        if path.is_empty() {
            path.push(b'/');
        }
        Some(TreePath(path.as_slice().into()))
    }

    /// `/`.
    pub fn root() -> TreePath {
        TreePath(b"/".as_slice().into())
    }

    /// The path of the entry `name` in this directory.
    #[must_use]
    pub fn join(&self, name: &[u8]) -> TreePath {
        let directory: &[u8] = if self.is_root() { b"" } else { &self.0 };
        TreePath(SharedBytes::from(&*[directory, b"/", name].concat()))
    }

    /// The directory that holds this path, and its name in there; `None` for `/`.
    pub fn split_last(&self) -> Option<(TreePath, Name)> {
        let slash = self.0.iter().rposition(|byte| *byte == b'/')?;
        let name = &self.0[slash + 1..];
        if name.is_empty() {
            return None;
        }
        Some((TreePath(self.0[..slash.max(1)].into()), Name::from(name)))
    }

    /// The directories above as they are spelled, from `/` down.
    pub(crate) fn above(&self) -> impl Iterator<Item = &[u8]> {
        let slashes = self.0.iter().enumerate().filter(|(_, byte)| **byte == b'/');
        slashes.map(|(at, _)| &self.0[..at.max(1)]).take_while(|directory| directory.len() < self.0.len())
    }

    /// This path, or the directory above it, that is so many bytes long.
    pub(crate) fn prefix(&self, len: usize) -> TreePath {
        if len == self.0.len() { self.clone() } else { TreePath(self.0[..len].into()) }
    }

    /// The directory to which its first `count` components lead as they are spelled, and what is left of it.
    pub fn split_at(&self, count: usize) -> (TreePath, &[u8]) {
        let ends = self.0.iter().enumerate().skip(1).filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        let end = match count {
            0 => 1,
            _ => ends.chain([self.0.len()]).nth(count - 1).unwrap_or(self.0.len()),
        };
        (self.prefix(end), &self.0[end..])
    }

    /// Its bytes, shared with it.
    pub fn shared(&self) -> SharedBytes {
        self.0.clone()
    }

    /// Whether this is `/`.
    pub fn is_root(&self) -> bool {
        self.0.len() == 1
    }

    /// The names from `/` down.
    pub fn components(&self) -> impl Iterator<Item = &[u8]> {
        components(&self.0)
    }
}

fn components(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|byte| *byte == b'/').filter(|component| !component.is_empty() && *component != b".")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(spelling: &str) -> TreePath {
        TreePath::new(spelling.as_bytes()).expect("because it is absolute")
    }

    #[test]
    fn spellings_of_one_path_are_one_path() {
        for spelling in ["/a//b/", "/a/./b", "//a/b/.", "/a/b"] {
            assert_eq!(tree(spelling), tree("/a/b"));
        }
        assert_eq!(tree("//"), TreePath::root());
        assert_eq!(&*tree("/a/../b"), b"/a/../b");
        assert!(TreePath::new(b"a").is_none() && TreePath::new(b"").is_none());
    }

    #[test]
    fn what_is_above_begins_at_the_root() {
        let above = |path: &str| tree(path).above().map(<[u8]>::to_vec).collect::<Vec<_>>();
        assert_eq!(above("/"), [b""; 0]);
        assert_eq!(above("/a"), [b"/"]);
        assert_eq!(above("/a/bc/d"), [b"/".to_vec(), b"/a".to_vec(), b"/a/bc".to_vec()]);
        assert_eq!(tree("/a/bc/d").prefix(2), tree("/a"));
    }

    #[test]
    fn components_are_counted_from_the_root() {
        let split = |path: &str, count| {
            let path = tree(path);
            let (directory, rest) = path.split_at(count);
            [directory.to_vec(), rest.to_vec()].map(|part| String::from_utf8(part).expect("it was text"))
        };
        assert_eq!(split("/a/bc", 0), ["/", "a/bc"]);
        assert_eq!(split("/a/bc", 1), ["/a", "/bc"]);
        for count in [2, 3, usize::MAX] {
            assert_eq!(split("/a/bc", count), ["/a/bc", ""]);
            assert_eq!(split("/", count), ["/", ""]);
        }
    }

    #[test]
    fn split_last_undoes_join() {
        for (directory, name) in [("/", "a"), ("/a", "b"), ("/a/b", "c")] {
            let joined = tree(directory).join(name.as_bytes());
            assert_eq!(joined.split_last(), Some((tree(directory), Name::from(name.as_bytes()))));
        }
        assert_eq!(TreePath::root().split_last(), None);
    }
}
