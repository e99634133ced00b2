//! The files of this world: real ones, and what has to be known of what was done to them before a watcher can be accused of anything.
//!
//! Changing them is left to `live`. Invariant: what testgam itself writes to be told of is never seen by a scenario.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, UNIX_EPOCH};

use testgam_language::action::FileOperation;

use crate::live::RealFiles;
use crate::sight::{Sight, Stamp};
use crate::world::{Stage, StepError};

/// How the names begin of files that are written only to be told of.
pub const PROBE: &str = "testgam-probe-";

/// Which file it is: its inode, and when that was made, for its number may be used again.
pub type Identity = (u64, u128);

/// What is on disk under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OnDisk {
    /// Which file it is.
    pub identity: Identity,
    /// Whether it is a directory.
    pub is_directory: bool,
    /// How many bytes a file has.
    pub size: u64,
}

/// What was done to the files.
#[derive(Debug, Default)]
pub struct Deeds {
    /// How often something was done.
    count: Cell<u64>,
    /// What got another path because a directory above it was moved. Of that nobody has to tell: the move says it.
    carried: RefCell<BTreeSet<Identity>>,
    /// Whether nobody reads the kernel's queue.
    is_held_up: Cell<bool>,
    /// How many names came or went meanwhile.
    untaken: Cell<u64>,
}

impl Deeds {
    /// How often something was done.
    pub fn count(&self) -> u64 {
        self.count.get()
    }

    /// Whether a file came along with a directory that was moved.
    pub fn is_carried(&self, identity: Identity) -> bool {
        self.carried.borrow().contains(&identity)
    }

    /// From now on nobody reads the kernel's queue, or somebody does again.
    pub fn hold_up(&self, is_held_up: bool) {
        self.is_held_up.set(is_held_up);
    }

    /// Whether more happened than the kernel's queue holds, while nobody read it.
    pub fn has_overflown(&self) -> bool {
        self.untaken.get() >= queue_limit()
    }

    /// Everything was told, or looked at again.
    pub fn handle_rest(&self) {
        self.untaken.set(0);
    }

    fn note(&self, operation: &FileOperation) {
        use FileOperation as Op;
        self.count.set(self.count.get() + 1);
        if self.is_held_up.get() {
            let count = match operation {
                Op::MakeFiles { count, .. } | Op::RemoveFiles { count, .. } | Op::Churn { count, .. } => {
                    *count
                }
                _ => 0,
            };
            self.untaken.set(self.untaken.get() + u64::from(count));
        }
    }

    fn carry(&self, directory: &Path) {
        self.carried
            .borrow_mut()
            .extend(below(directory, u32::MAX).into_values().map(|found| found.identity));
    }
}

/// How many events the kernel keeps for who does not take them.
fn queue_limit() -> u64 {
    let text = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events");
    text.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(16384)
}

/// What is on disk below a directory, so many levels deep, by relative paths; links are not followed.
pub fn below(directory: &Path, depth: u32) -> BTreeMap<PathBuf, OnDisk> {
    let mut all = BTreeMap::new();
    let mut left = vec![(PathBuf::new(), depth)];
    while let Some((place, depth)) = left.pop() {
        for entry in fs::read_dir(directory.join(&place)).into_iter().flatten().flatten() {
            if is_probe(&entry.file_name()) {
                continue;
            }
            let name = place.join(entry.file_name());
            let Some(found) = found(&directory.join(&name)) else { continue };
            if found.is_directory && depth > 1 {
                left.push((name.clone(), depth - 1));
            }
            all.insert(name, found);
        }
    }
    all
}

fn found(path: &Path) -> Option<OnDisk> {
    let seen = fs::symlink_metadata(path).ok()?;
    let made = seen.created().ok().and_then(|made| made.duration_since(UNIX_EPOCH).ok());
    let identity = (seen.ino(), made.unwrap_or_default().as_nanos());
    Some(OnDisk { identity, is_directory: seen.is_dir(), size: if seen.is_file() { seen.len() } else { 0 } })
}

/// Whether this is a file that was written only to be told of.
pub fn is_probe(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(PROBE.as_bytes())
}

/// The files, for a scenario.
#[derive(Debug)]
pub struct Ground {
    files: RealFiles,
    deeds: Rc<Deeds>,
}

impl Ground {
    /// These files, of which is noted what is done.
    pub fn new(files: RealFiles, deeds: Rc<Deeds>) -> Ground {
        Ground { files, deeds }
    }

    /// Notes what a move took along.
    fn note_moves(&self, operations: &[FileOperation]) {
        for operation in operations {
            let moved = match operation {
                FileOperation::Move { to, .. } => vec![to],
                FileOperation::Exchange { a, b } => vec![a, b],
                _ => Vec::new(),
            };
            moved.into_iter().for_each(|path| self.deeds.carry(&self.files.spell(path)));
        }
    }
}

impl Stage for Ground {
    fn perform(&mut self, operation: &FileOperation) -> Result<(), StepError> {
        self.deeds.note(operation);
        self.files.perform(operation)?;
        self.note_moves(std::slice::from_ref(operation));
        Ok(())
    }

    fn perform_concurrently(&mut self, writers: &[Vec<FileOperation>]) -> Result<(), StepError> {
        writers.iter().flatten().for_each(|operation| self.deeds.note(operation));
        self.files.perform_concurrently(writers)?;
        let moves = |operation: &FileOperation| {
            matches!(operation, FileOperation::Move { .. } | FileOperation::Exchange { .. })
        };
        // What was moved where in which order nobody knows.
        if let (true, Some(directory)) = (writers.iter().flatten().any(moves), self.files.directory()) {
            self.deeds.carry(directory);
        }
        Ok(())
    }

    fn spell(&self, path: &Path) -> PathBuf {
        self.files.spell(path)
    }

    fn directory(&self) -> Option<&Path> {
        self.files.directory()
    }

    /// Only the names: what else has to be told, each watcher says for itself.
    fn look(&self, path: &Path) -> Sight {
        match self.files.look(path) {
            Sight::File(stamp) => Sight::File(bare(&stamp)),
            Sight::Directory(stamp, entries) => {
                let entries = entries.into_iter().filter(|(name, _)| !is_probe(name));
                Sight::Directory(bare(&stamp), entries.map(|(name, stamp)| (name, bare(&stamp))).collect())
            }
            sight @ (Sight::Missing | Sight::Hidden) => sight,
        }
    }

    fn look_at_entry(&self, directory: &Path, name: &OsStr) -> Option<Stamp> {
        self.files.look_at_entry(directory, name).map(|stamp| bare(&stamp))
    }

    fn now(&self) -> Duration {
        self.files.now()
    }

    fn wait(&mut self, time: Duration) {
        self.files.wait(time);
    }
}

/// A stamp that says no more than what kind of entry it is.
fn bare(stamp: &Stamp) -> Stamp {
    let kind = if stamp.is_directory() { nix::sys::stat::SFlag::S_IFDIR.bits() } else { 0 };
    Stamp { inode: 0, mode: kind, owner: (0, 0), content: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stop::Stop;

    #[test]
    fn what_a_directory_takes_along_is_carried_and_what_is_made_there_later_is_not() {
        let deeds = Rc::<Deeds>::default();
        let files = crate::live::files(&Stop::default()).expect("a folder");
        let mut ground = Ground::new(files, Rc::clone(&deeds));
        let path = |name: &str| PathBuf::from(name);
        for operation in [
            FileOperation::MakeDirectory(path("d")),
            FileOperation::MakeFile(path("d/a")),
            FileOperation::Move { from: path("d"), to: path("e") },
            FileOperation::MakeFile(path("e/b")),
        ] {
            ground.perform(&operation).expect("it can be done");
        }
        let found = below(ground.directory().expect("a directory"), u32::MAX);
        let carried: Vec<_> = found.iter().filter(|(_, found)| deeds.is_carried(found.identity)).collect();
        assert_eq!(carried.iter().map(|(name, _)| name.as_path()).collect::<Vec<_>>(), [Path::new("e/a")]);
        assert_eq!((deeds.count(), found.len()), (4, 3));
    }
}
