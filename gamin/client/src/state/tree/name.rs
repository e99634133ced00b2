//! Names in a tree, relative to its root, whose own is empty.
//!
//! Invariant: in the order of names, what is below a name comes behind it, and stands together.

use std::ffi::OsStr;
use std::ops::Bound;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// As what the options are asked about.
pub(super) fn as_path(name: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(name))
}

/// The name of an entry of a directory.
pub(super) fn join(directory: &[u8], entry: &[u8]) -> Vec<u8> {
    if directory.is_empty() { entry.to_vec() } else { [directory, b"/", entry].concat() }
}

/// The names below a name, in order.
pub(super) fn below(name: &[u8]) -> (Bound<Vec<u8>>, Bound<Vec<u8>>) {
    if name.is_empty() {
        return (Bound::Excluded(Vec::new()), Bound::Unbounded);
    }
    // 0 comes behind the slash.
    (Bound::Included(join(name, b"")), Bound::Excluded([name, b"0"].concat()))
}

/// The directory that a name stands in.
pub(super) fn parent(name: &[u8]) -> &[u8] {
    name.iter().rposition(|byte| *byte == b'/').map_or(&[], |end| &name[..end])
}

/// How many levels below the root a name stands.
pub(super) fn level(name: &[u8]) -> u32 {
    u32::try_from(name.split(|byte| *byte == b'/').count()).unwrap_or(u32::MAX)
}

/// The last part of a name.
pub(super) fn last(name: &[u8]) -> &[u8] {
    name.rsplit(|byte| *byte == b'/').next().unwrap_or(name)
}
