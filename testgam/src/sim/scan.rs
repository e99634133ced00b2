//! The scanner of the simulated world: as `gamin_backend::scan`, on [`Files`] that may change while it looks.
//!
//! What the answer means is left to the engine. Invariant: on files at rest it finds what the real scanner finds on
//! the same files, which `tests/sim_scan.rs` proves; and what changes while a directory is listed is seen as readdir(2)
//! would see it, whole or not at all for each name.

use std::ops::Bound;

use gamin_server::engine::{
    Detail, Doubts, Entries, Eye, FileType, Found, GlanceRequest, Hinge, Name, Scan, ScanRequest, Seen,
    Stamp, TreePath, Unlisted,
};
use nix::errno::Errno;

use super::files::Files;
use super::tree::{Access, Caller, DentryId, Fallible};
use crate::action::FileOperation;

/// How many symbolic links a path may lead over.
const MAX_LINKS: usize = 40;
/// A directory with more entries than this is listed without stamps, unless they are asked for.
const NAMES_ONLY_OVER: usize = 4096;

/// Looks at a path. When half of a directory's names are read, `meanwhile` is done.
pub fn scan(files: &mut Files, caller: Caller, request: &ScanRequest, meanwhile: &[FileOperation]) -> Scan {
    let mut walk =
        Walk { files, caller, real: TreePath::root(), pending: Vec::new(), hinges: Vec::new(), links: 0 };
    walk.pend(&request.path);
    let found = match walk.arrive(request.trusted).map(|()| walk.look_into(request.detail, meanwhile)) {
        Ok(Err(_)) if request.trusted > 0 => {
            let request = ScanRequest { trusted: 0, ..request.clone() };
            return scan(files, caller, &request, meanwhile);
        }
        Ok(Err(errno)) => walk.vanished(errno),
        Ok(Ok(found)) | Err(found) => found,
    };
    Scan { hinges: walk.hinges, found }
}

/// Glances at entries of a directory.
pub fn glance(files: &Files, caller: Caller, request: &GlanceRequest) -> Doubts {
    request.glance(&mut Glance { files, caller, directory: &request.directory })
}

struct Glance<'a> {
    files: &'a Files,
    caller: Caller,
    directory: &'a TreePath,
}

impl Eye for Glance<'_> {
    fn directory(&mut self) -> Option<Stamp> {
        let tree = &self.files.tree;
        tree.look_up(self.caller, self.directory, false).ok().map(|found| tree.stamp(found))
    }

    fn entry(&mut self, name: &Name) -> Seen {
        let tree = &self.files.tree;
        match tree.look_up(self.caller, &self.directory.join(name), false) {
            Ok(found) => Seen::Present(tree.stamp(found)),
            Err(Errno::ENOENT) if tree.look_up(self.caller, self.directory, false).is_ok() => Seen::Absent,
            Err(_) => Seen::Nothing,
        }
    }
}

/// A walk along a path, from `/` down.
struct Walk<'a> {
    files: &'a mut Files,
    caller: Caller,
    /// The directory reached, over no symbolic link and no `..`.
    real: TreePath,
    /// The components still to walk, the next one last.
    pending: Vec<Name>,
    hinges: Vec<Hinge>,
    links: usize,
}

impl Walk<'_> {
    fn pend(&mut self, spelling: &[u8]) {
        let components = spelling.split(|byte| *byte == b'/').filter(|name| !matches!(*name, b"" | b"."));
        self.pending.extend(components.rev().map(Name::from));
    }

    /// Walks all the way; an error is what was found when the way ends elsewhere than in a directory.
    fn arrive(&mut self, mut trusted: usize) -> Result<(), Found> {
        while let Some(name) = self.pending.pop() {
            if &*name == b".." {
                self.real = self.real.split_last().map_or_else(TreePath::root, |(parent, _)| parent);
            } else if trusted > 0 {
                self.enter(self.real.join(&name));
            } else {
                self.step(name)?;
            }
            trusted = trusted.saturating_sub(1);
        }
        Ok(())
    }

    fn enter(&mut self, directory: TreePath) {
        self.real = directory;
        self.hinges.push(Hinge { directory: self.real.clone(), entry: None });
    }

    fn step(&mut self, name: Name) -> Result<(), Found> {
        let path = self.real.join(&name);
        let looked = self.look(&path);
        if looked.is_ok_and(|(_, stamp)| stamp.file_type == FileType::Directory) {
            self.enter(path);
            return Ok(());
        }
        self.hinges.push(Hinge { directory: self.real.clone(), entry: Some(name) });
        let (dentry, stamp) = looked.map_err(unreached)?;
        if stamp.file_type == FileType::Link {
            self.follow(dentry)
        } else if self.pending.is_empty() {
            Err(Found::File(stamp))
        } else {
            Err(Found::Missing)
        }
    }

    fn follow(&mut self, link: DentryId) -> Result<(), Found> {
        self.links += 1;
        if self.links > MAX_LINKS {
            return Err(Found::Missing);
        }
        let target = self.files.tree.target(link).map_err(unreached)?.to_vec();
        if target.first() == Some(&b'/') {
            self.real = TreePath::root();
        }
        self.pend(&target);
        Ok(())
    }

    /// Looks at the directory that was reached; an error if there is none any more.
    fn look_into(&mut self, detail: Detail, meanwhile: &[FileOperation]) -> Fallible<Found> {
        let (directory, stamp) = self.look(&self.real)?;
        if stamp.file_type != FileType::Directory {
            return Err(Errno::ENOTDIR);
        }
        let entries = if detail == Detail::Itself {
            Entries::Unasked
        } else if self.files.tree.may_read(self.caller, directory) {
            // It is held open while it is listed, and so stays what it is wherever it goes meanwhile.
            let handle = self.files.tree.open(&self.real, Access::Read)?;
            let listed = self.list(directory, detail, meanwhile);
            self.files.tree.close(handle)?;
            Entries::Listed(listed)
        } else {
            Entries::Unlisted(Unlisted::Denied)
        };
        Ok(Found::Directory { real: self.real.clone(), stamp, entries })
    }

    fn list(
        &mut self,
        directory: DentryId,
        detail: Detail,
        meanwhile: &[FileOperation],
    ) -> Vec<(Name, Option<Stamp>)> {
        let mut names: Vec<Name> = self.files.tree.names(directory).cloned().collect();
        if !meanwhile.is_empty() {
            names.truncate(names.len() / 2);
            for operation in meanwhile {
                // What cannot be done any more is not done.
                let _ = self.files.perform(operation);
            }
            let last = names.last().cloned();
            let rest = (last.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
            names.extend(self.files.tree.names_within(directory, rest).cloned());
        }
        let is_close = detail == Detail::Stamps || names.len() <= NAMES_ONLY_OVER;
        let stamp = |name: Name| {
            if !is_close {
                return Some((name, None));
            }
            match self.files.tree.look_up_at(self.caller, directory, &name) {
                Ok(entry) => Some((name, Some(self.files.tree.stamp(entry)))),
                Err(Errno::ENOENT) => None,
                // Without permission to search the directory its names are all there is to know.
                Err(_) => Some((name, None)),
            }
        };
        names.into_iter().filter_map(stamp).collect()
    }

    fn look(&self, path: &TreePath) -> Fallible<(DentryId, Stamp)> {
        let dentry = self.files.tree.look_up(self.caller, path, false)?;
        Ok((dentry, self.files.tree.stamp(dentry)))
    }

    /// The directory that was reached has just been taken away.
    fn vanished(&mut self, errno: Errno) -> Found {
        if let Some((directory, name)) = self.real.split_last() {
            self.hinges.pop_if(|last| last.directory == self.real);
            self.hinges.push(Hinge { directory, entry: Some(name) });
        }
        unreached(errno)
    }
}

fn unreached(errno: Errno) -> Found {
    match errno {
        Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP | Errno::ENAMETOOLONG => Found::Missing,
        Errno::EACCES => Found::Unknown(Unlisted::Denied),
        _ => Found::Unknown(Unlisted::Failed),
    }
}
