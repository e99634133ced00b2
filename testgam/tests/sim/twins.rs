//! Two worlds of files, a real and a simulated one, in which the same is done; and random things to do.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use gamin_core::engine::TreePath;
use proptest::prelude::*;
use tempfile::TempDir;
use testgam::explore::dice;
use testgam_language::action::{Action, FileOperation};
use testgam_language::{Language, Step};
use testgam_worlds::disk::Disk;
use testgam_worlds::sim::files::Files;

/// The same files twice.
pub struct Twins {
    real: Disk,
    _room: TempDir,
    /// The simulated ones.
    pub simulated: Files,
}

impl Twins {
    /// Two empty directories.
    pub fn new() -> Twins {
        let room = tempfile::tempdir().expect("a temporary directory");
        let root = room.path().canonicalize().expect("its path");
        for name in ["dir", "spare"] {
            fs::create_dir(root.join(name)).expect("a directory");
        }
        let real = Disk::new(root.join("dir"), Some(root.join("spare")));
        Twins { real, _room: room, simulated: Files::new() }
    }

    /// Does the same in both, and gives what came of it.
    pub fn perform(&mut self, operation: &FileOperation) -> [Result<(), String>; 2] {
        let real = self.real.perform(operation).map_err(|why| why.to_string());
        let simulated = self.simulated.perform(operation).map_err(|why| why.to_string());
        [real, simulated]
    }

    /// A path as it is called in each.
    pub fn spell(&self, path: impl AsRef<Path>) -> [PathBuf; 2] {
        [self.real.spell(path.as_ref()), self.simulated.spell(path.as_ref())]
    }
}

/// The path as the engine has it.
pub fn tree_path(path: &Path) -> TreePath {
    TreePath::new(path.as_os_str().as_bytes()).expect("it is absolute")
}

/// Any operation that the dice of `explore` roll.
pub fn operation() -> impl Strategy<Value = FileOperation> {
    dice::operation(dice::Limits { is_plain: false, is_sim: true }).prop_map(|line| {
        match Step::parse(Language::Extended, 1, line.as_bytes()) {
            Ok(Some(Step { action: Action::File(operation), .. })) => operation,
            other => panic!("`{line}` is no operation: {other:?}"),
        }
    })
}
