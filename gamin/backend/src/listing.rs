//! Lists an open directory and looks at its entries.
//!
//! Which directory, and what a failure means for its path, is left to the scan.
//! Invariant: a listing is whole or it is an error.

use std::os::fd::AsFd;

use gamin_engine::{Detail, Name, Stamp, TreePath};
use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag};
use nix::sys::stat::{Mode, fstatat};

use crate::look::{Look, stamp_of_mount};
use crate::mounts::Mounts;

/// A directory with more entries than this is listed without stamps, unless they are asked for.
pub const NAMES_ONLY_OVER: usize = 4096;

/// Opens a directory, and nothing else.
pub(crate) fn open(directory: &TreePath) -> nix::Result<Dir> {
    let flags =
        OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK;
    Dir::open(&**directory, flags, Mode::empty())
}

/// The entries of a directory.
type Listing = Vec<(Name, Option<Stamp>)>;

/// Lists an open directory, whose path is `directory`. An entry that goes meanwhile may be left out. On one where a
/// remote mount is, only the mount is looked at. `None`: there are more than `entries_max`.
pub(crate) fn list(
    open: &mut Dir,
    directory: &TreePath,
    detail: Detail,
    entries_max: usize,
    mounts: &Mounts,
    look: &mut Look,
) -> nix::Result<Option<Listing>> {
    let mut entries = Vec::new();
    for entry in open.iter() {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            entries.push((Name::from(name), None));
        }
        if entries.len() > entries_max {
            return Ok(None);
        }
    }
    if detail == Detail::Stamps || entries.len() <= NAMES_ONLY_OVER {
        let remote = mounts.remote_in(directory);
        entries.retain_mut(|(name, stamp)| {
            if let Some((_, mount)) = remote.iter().find(|(point, _)| point == name) {
                *stamp = Some(stamp_of_mount(mount));
                return true;
            }
            match fstatat(open.as_fd(), &**name, AtFlags::AT_SYMLINK_NOFOLLOW) {
                Ok(stat) => {
                    *stamp = Some(look.stamp(&stat, directory));
                    true
                }
                // Without permission to search the directory its names are all there is to know.
                Err(errno) => errno != Errno::ENOENT,
            }
        });
    }
    Ok(Some(entries))
}
