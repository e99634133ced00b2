//! The way along a path, as path_resolution(7) has it.
//!
//! What is done at its end is left to `calls`. Invariant: where a walk has been is a stack of directories, so `..`
//! leads back over links and mounts to where it came from.

use std::ops::Bound;

use gamin_core::engine::{FileType, Name};
use nix::errno::Errno;

use super::Tree;
use super::node::{Body, Caller, DentryId, Fallible, Passed};

/// The longest path, with its end.
const PATH_MAX: usize = 4096;
/// The longest name.
const NAME_MAX: usize = 255;
/// How many symbolic links a path may lead over.
const MAX_LINKS: usize = 40;

/// Where a path ends.
#[derive(Debug)]
pub(super) struct Spot {
    /// The directories from the root to the one in which it ends.
    pub(super) stack: Vec<DentryId>,
    /// The name in there; `None` for the root, and for what ends in `..`.
    pub(super) name: Option<Name>,
    /// What is there, and mounted over it.
    pub(super) entry: Option<DentryId>,
    /// Whether only a directory will do.
    pub(super) slash: bool,
    /// Which way led here: another number for each sequence of dentries.
    pub(super) way: u64,
}

impl Spot {
    /// The directory in which the path ends.
    pub(super) fn directory(&self) -> DentryId {
        *self.stack.last().expect("because a stack begins with the root")
    }
}

impl Tree {
    /// Looks at what is at a path; with `follow`, at what a link at its end leads to.
    ///
    /// # Errors
    /// As lstat(2) and stat(2).
    pub fn look_up(&self, caller: Caller, path: &[u8], follow: bool) -> Fallible<DentryId> {
        let spot = self.walk(caller, path, follow)?;
        let entry = spot.entry.ok_or(Errno::ENOENT)?;
        if spot.slash && !self.is_directory(entry) { Err(Errno::ENOTDIR) } else { Ok(entry) }
    }

    /// As [`Tree::look_up`] for the path itself, however long it is: for one who goes it in pieces.
    ///
    /// # Errors
    /// As fstatat(2).
    pub fn look_far(&self, caller: Caller, path: &[u8]) -> Fallible<DentryId> {
        let spot = self.walk_over(caller, path, false, &mut Vec::new())?;
        let entry = spot.entry.ok_or(Errno::ENOENT)?;
        if spot.slash && !self.is_directory(entry) { Err(Errno::ENOTDIR) } else { Ok(entry) }
    }

    /// Looks at an entry of a directory that was found before, itself.
    ///
    /// # Errors
    /// As fstatat(2).
    pub fn look_up_at(&self, caller: Caller, directory: DentryId, name: &[u8]) -> Fallible<DentryId> {
        self.may_search(caller, directory)?;
        self.entry(directory, name).map(|entry| self.over(entry).0).ok_or(Errno::ENOENT)
    }

    /// What a link points to.
    ///
    /// # Errors
    /// As readlink(2).
    pub fn target(&self, link: DentryId) -> Fallible<&[u8]> {
        match &self.inode_of(link).body {
            Body::Link(target) => Ok(target),
            Body::Directory(_) | Body::Other => Err(Errno::EINVAL),
        }
    }

    /// Whether the caller may read a directory or file.
    pub fn may_read(&self, caller: Caller, dentry: DentryId) -> bool {
        self.permits(caller, dentry, 0o4)
    }

    /// The names in a directory, in order.
    pub fn names(&self, directory: DentryId) -> impl Iterator<Item = &Name> {
        self.entries(directory).map(|(name, _)| name)
    }

    /// The names in a directory that lie within bounds, in order.
    pub fn names_within(
        &self,
        directory: DentryId,
        bounds: (Bound<Name>, Bound<Name>),
    ) -> impl Iterator<Item = &Name> {
        let entries = match &self.inode_of(directory).body {
            Body::Directory(entries) => Some(entries.range(bounds)),
            Body::Link(_) | Body::Other => None,
        };
        entries.into_iter().flatten().map(|(name, _)| name)
    }

    /// Walks a path to where it ends, whether or not something is there.
    pub(super) fn walk(&self, caller: Caller, path: &[u8], follow: bool) -> Fallible<Spot> {
        if path.len() >= PATH_MAX {
            return Err(Errno::ENAMETOOLONG);
        }
        self.walk_over(caller, path, follow, &mut Vec::new())
    }

    /// Walks a path of any length, and notes the remote mounts to which it comes.
    pub(super) fn walk_over(
        &self,
        caller: Caller,
        path: &[u8],
        follow: bool,
        passed: &mut Vec<Passed>,
    ) -> Fallible<Spot> {
        let mut pending: Vec<&[u8]> = Vec::new();
        let mut slash = false;
        pend(&mut pending, &mut slash, path);
        let mut stack = vec![self.over(self.root).0];
        let mut links = 0;
        let mut way = 0;
        while let Some(name) = pending.pop() {
            let here = *stack.last().unwrap_or(&self.root);
            self.may_search(caller, here)?;
            if name == b".." {
                stack.truncate((stack.len() - 1).max(1));
                continue;
            }
            if name.len() > NAME_MAX {
                return Err(Errno::ENAMETOOLONG);
            }
            let is_last = pending.is_empty();
            let Some((entry, remote)) = self.entry(here, name).map(|entry| self.over(entry)) else {
                let spot = Spot { stack, name: Some(Name::from(name)), entry: None, slash, way };
                return if is_last { Ok(spot) } else { Err(Errno::ENOENT) };
            };
            passed.extend(remote);
            way = hash_step(way, entry);
            match self.file_type(entry) {
                FileType::Link if !is_last || follow || slash => {
                    links += 1;
                    if links > MAX_LINKS {
                        return Err(Errno::ELOOP);
                    }
                    let target = self.target(entry)?;
                    if target.first() == Some(&b'/') {
                        stack.truncate(1);
                    }
                    pend(&mut pending, &mut slash, target);
                }
                _ if is_last => {
                    return Ok(Spot { stack, name: Some(Name::from(name)), entry: Some(entry), slash, way });
                }
                FileType::Directory => stack.push(entry),
                FileType::Link | FileType::Other => return Err(Errno::ENOTDIR),
            }
        }
        let entry = stack.last().copied();
        Ok(Spot { stack, name: None, entry, slash: true, way })
    }

    fn may_search(&self, caller: Caller, directory: DentryId) -> Fallible<()> {
        if self.permits(caller, directory, 0o1) { Ok(()) } else { Err(Errno::EACCES) }
    }

    pub(super) fn permits(&self, caller: Caller, dentry: DentryId, right: u32) -> bool {
        let inode = self.inode_of(dentry);
        // Everybody is in the group 0, and no file is in another.
        let shift = if inode.uid == 0 { 6 } else { 3 };
        caller == Caller::Root || inode.mode >> shift & right != 0
    }
}

/// The number of a way that goes on over a dentry.
pub(super) fn hash_step(way: u64, DentryId(dentry): DentryId) -> u64 {
    // The finaliser of SplitMix64: every bit reaches every other.
    let mut bits = way.rotate_left(5) ^ dentry;
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// Puts the components of a path before those that are still to walk.
fn pend<'a>(pending: &mut Vec<&'a [u8]>, slash: &mut bool, path: &'a [u8]) {
    *slash |= pending.is_empty() && (path.ends_with(b"/") || path.ends_with(b"/."));
    let components = path.split(|byte| *byte == b'/').filter(|name| !matches!(*name, b"" | b"."));
    pending.extend(components.rev());
}
