//! Two worlds of files, a real and a simulated one, in which the same is done; and random things to do.

#![allow(dead_code, reason = "each test uses what it needs")]

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use gamin_server::engine::TreePath;
use proptest::prelude::*;
use tempfile::TempDir;
use testgam::action::FileOperation;
use testgam::disk::Disk;
use testgam::sim::files::Files;

/// Few names, so that they collide; and links, whose names nothing else has.
const PATHS: [&str; 12] = ["a", "b", "d", "e", "d/a", "d/b", "d/s", "d/s/a", "e/a", "e/s", "l", "d/l"];
const LINKS: [&str; 3] = ["l", "d/l", "e/l"];
const TARGETS: [&str; 6] = ["a", "d", "nowhere", "d/a", ".", "../e"];

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
    pub fn spell(&self, path: &str) -> [PathBuf; 2] {
        [self.real.spell(Path::new(path)), self.simulated.spell(Path::new(path))]
    }
}

/// The path as the engine has it.
pub fn tree_path(path: &Path) -> TreePath {
    TreePath::new(path.as_os_str().as_bytes()).expect("it is absolute")
}

fn path() -> impl Strategy<Value = PathBuf> {
    proptest::sample::select(&PATHS).prop_map(PathBuf::from)
}

fn directory() -> impl Strategy<Value = PathBuf> {
    proptest::sample::select(&["d", "e", "d/s"]).prop_map(PathBuf::from)
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    (0..4usize).prop_map(|length| vec![b'x'; length])
}

/// Any operation, but one on a pipe that would wait, and copying into itself.
pub fn operation() -> BoxedStrategy<FileOperation> {
    prop_oneof![4 => making(), 4 => changing(), 3 => removing(), 1 => many()].boxed()
}

fn making() -> impl Strategy<Value = FileOperation> {
    use FileOperation as Op;
    prop_oneof![
        path().prop_map(Op::MakeDirectory),
        path().prop_map(Op::MakeFile),
        Just(Op::MakeFifo("p".into())),
        (proptest::sample::select(&TARGETS), proptest::sample::select(&LINKS))
            .prop_map(|(target, name)| Op::SymbolicLink { target: target.into(), name: name.into() }),
        (path(), path()).prop_map(|(target, name)| Op::HardLink { target, name }),
        (path(), text()).prop_map(|(path, text)| Op::Write { path, text }),
        (path(), text()).prop_map(|(path, text)| Op::Append { path, text }),
        (path(), text()).prop_map(|(path, text)| Op::Save { path, text }),
        (path(), text()).prop_map(|(path, text)| Op::Replace { path, text }),
    ]
}

fn changing() -> impl Strategy<Value = FileOperation> {
    use FileOperation as Op;
    prop_oneof![
        (path(), text()).prop_map(|(path, text)| Op::Rewrite { path, text }),
        (path(), 0..3u64).prop_map(|(path, size)| Op::Truncate { path, size }),
        (path(), proptest::option::of(0..2i64)).prop_map(|(path, seconds)| Op::Touch { path, seconds }),
        path().prop_map(Op::TouchAccess),
        path().prop_map(Op::Read),
        (path(), proptest::sample::select(&[0o600, 0o644, 0o755]))
            .prop_map(|(path, mode)| Op::ChangeMode { path, mode }),
        (path(), 0..2u32).prop_map(|(path, uid)| Op::ChangeOwner { path, uid }),
        (path(), path()).prop_map(|(a, b)| Op::Exchange { a, b }),
        path().prop_map(Op::Open),
        (path(), text()).prop_map(|(path, text)| Op::WriteOpen { path, text }),
        path().prop_map(Op::Close),
    ]
}

fn removing() -> impl Strategy<Value = FileOperation> {
    use FileOperation as Op;
    prop_oneof![
        path().prop_map(Op::RemoveDirectory),
        path().prop_map(Op::RemoveFile),
        Just(Op::RemoveFile("p".into())),
        (path(), path()).prop_map(|(from, to)| Op::Move { from, to }),
        (path(), path()).prop_map(|(from, to)| Op::Move { from, to }),
        directory().prop_map(Op::RemoveTree),
    ]
}

fn many() -> impl Strategy<Value = FileOperation> {
    use FileOperation as Op;
    prop_oneof![
        (directory(), 0..4u32).prop_map(|(directory, count)| Op::MakeFiles { directory, count }),
        (directory(), 0..4u32).prop_map(|(directory, count)| Op::RemoveFiles { directory, count }),
        (directory(), 0..4u32).prop_map(|(directory, count)| Op::AppendFiles { directory, count }),
        (directory(), 0..4u32).prop_map(|(directory, count)| Op::Churn { directory, count }),
        (directory(), 0..2u32).prop_map(|(directory, depth)| Op::MakeTree { directory, depth }),
        Just(Op::CopyTree { from: "d".into(), to: "c".into() }),
        Just(Op::RemoveTree("c".into())),
    ]
}
