//! The stage of a live world: real files below a directory.
//!
//! How files are changed is left to `disk`. Invariant: what is seen is what the server may see, which is less than we do where it has
//! fewer rights; and a scenario's folder goes with its stage, whatever was done to its permissions.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use nix::unistd::{Gid, Uid};
use testgam_language::action::FileOperation;

use super::past::Past;
use crate::disk::{self, Disk};
use crate::sight::{Sight, Stamp};
use crate::stop::Stop;
use crate::world::{Stage, StepError};

/// The bits that let somebody list a directory: its owner, its group, others.
const MAY_LIST: u32 = 0o444;
/// The bits that let somebody pass through a directory.
const MAY_PASS: u32 = 0o111;

/// Real files.
#[derive(Debug)]
pub struct RealFiles {
    disk: Disk,
    began: Instant,
    past: Rc<Past>,
    stop: Stop,
    /// What only this scenario uses, kept for as long as the files.
    _own: Option<OwnFolder>,
}

/// A fresh folder that is removed whatever a scenario did to its permissions.
#[derive(Debug)]
pub(super) struct OwnFolder(pub tempfile::TempDir);

impl RealFiles {
    /// Those of a disk, and of a folder that is to go with them.
    pub(super) fn new(disk: Disk, past: Rc<Past>, stop: Stop, own: Option<OwnFolder>) -> RealFiles {
        RealFiles { disk, began: Instant::now(), past, stop, _own: own }
    }

    /// The same files for one who may touch those below the directory alone.
    #[must_use]
    pub fn fenced(self) -> RealFiles {
        RealFiles { disk: self.disk.fenced(), ..self }
    }

    /// Whether our own rights show more than the server sees.
    fn is_server_unprivileged(&self) -> bool {
        self.past.server_obeys_permissions.get() && Uid::effective().is_root()
    }

    fn is_hidden(&self, path: &Path) -> bool {
        let above = path.ancestors().skip(1).take_while(|path| path.starts_with(self.disk.directory()));
        let is_closed = |path| fs::metadata(path).is_ok_and(|seen| !is_allowed(&seen, MAY_PASS));
        self.is_server_unprivileged() && { above }.any(is_closed)
    }
}

impl Stage for RealFiles {
    fn perform(&mut self, operation: &FileOperation) -> Result<(), StepError> {
        self.past.deed();
        self.disk.perform(operation).map_err(|why| match (operation, why.kind()) {
            (FileOperation::ChangeOwner { .. }, std::io::ErrorKind::PermissionDenied) => {
                StepError::Impossible("only root gives files away".into())
            }
            _ => StepError::Failed(why.to_string()),
        })
    }

    fn perform_concurrently(&mut self, writers: &[Vec<FileOperation>]) -> Result<(), StepError> {
        self.past.deed();
        let started = self.disk.perform_concurrently(writers);
        started.map_err(|why| StepError::Failed(format!("cannot start a thread: {why}")))
    }

    fn spell(&self, path: &Path) -> PathBuf {
        self.disk.spell(path)
    }

    fn directory(&self) -> Option<&Path> {
        self.disk.is_fenced().then(|| self.disk.directory())
    }

    fn look(&self, path: &Path) -> Sight {
        if self.is_hidden(path) {
            return Sight::Hidden;
        }
        let unprivileged = self.is_server_unprivileged();
        disk::look(path, |seen| !unprivileged || is_allowed(seen, MAY_LIST))
    }

    fn look_at_entry(&self, directory: &Path, name: &OsStr) -> Option<Stamp> {
        disk::look_at_entry(directory, name)
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    fn wait(&mut self, time: Duration) {
        self.past.deed();
        // The one wait that is for nothing: the verb says so.
        self.stop.wait(time);
    }
}

/// Whether one of these bits allows it to this user, privilege apart.
fn is_allowed(seen: &fs::Metadata, bits: u32) -> bool {
    let ours = match (Uid::effective().as_raw() == seen.uid(), Gid::effective().as_raw() == seen.gid()) {
        (true, _) => 0o700,
        (false, true) => 0o070,
        (false, false) => 0o007,
    };
    seen.mode() & bits & ours != 0
}

impl Drop for OwnFolder {
    fn drop(&mut self) {
        unlock(self.0.path());
    }
}

/// Lets the owner into every directory, so that they can be removed.
fn unlock(directory: &Path) {
    // What cannot be unlocked stays; that its removal fails is all that can be said.
    let _ = fs::set_permissions(directory, fs::Permissions::from_mode(0o700));
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            unlock(&entry.path());
        }
    }
}
