//! Carries out a revalidation: one look a name.
//!
//! What is to be seen is the engine's word, and so is what follows if it is not. Invariants: off the local file systems nothing
//! is touched, and all is in doubt; a directory is open only as long as the revalidation takes, which holds no mount for longer.

use gamin_engine::{Doubts, Eye, Name, RevalidationRequest, Seen, Stamp, TreePath};

use crate::files::{Access, FileError, Files};
use crate::mounts::{Mount, Mounts};
use crate::way::{Way, way};

/// Revalidates entries of a local directory.
pub fn revalidate(files: &mut impl Files, request: &RevalidationRequest, mounts: &Mounts) -> Doubts {
    let directory = &request.directory;
    if way(files, mounts, directory) != Way::Near {
        return request.all_in_doubt();
    }
    match files.open(directory, Access::Look) {
        Ok(open) => {
            let remote = mounts.remote_in(directory);
            request.revalidate(&mut OpenDirectory { files, open, directory, remote })
        }
        Err(_) => request.all_in_doubt(),
    }
}

struct OpenDirectory<'a, F: Files> {
    files: &'a mut F,
    open: F::Directory,
    directory: &'a TreePath,
    remote: Vec<(Name, &'a Mount)>,
}

impl<F: Files> Eye for OpenDirectory<'_, F> {
    fn directory(&mut self) -> Option<Stamp> {
        let tells = self.files.keeps_times(&self.open);
        let status = self.files.look_at(&self.open).ok().filter(|_| tells)?;
        Some(self.files.stamp(&status, self.directory))
    }

    fn entry(&mut self, name: &Name) -> Seen {
        if let Some((_, mount)) = self.remote.iter().find(|(point, _)| point == name) {
            return Seen::Present(mount.stamp());
        }
        match self.files.look_in(&self.open, name) {
            Ok(status) => Seen::Present(self.files.stamp(&status, self.directory)),
            Err(FileError::Absent) => Seen::Absent,
            Err(_) => Seen::Nothing,
        }
    }
}
