//! Each [`FileOperation`] as the system calls that its verb promises, on a [`Tree`]; and looking at the files as
//! testgam does.
//!
//! The twin of `disk`, which makes the same calls on real files. Invariant: for each operation the kernel is asked for
//! the same, in the same order; only `rmtree`, which goes by the order of a listing, goes by name here.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use gamin_core::engine::{FileType, Name};
use nix::errno::Errno;

use super::tree::{Access, Caller, DentryId, Fallible, Handle, Tree};
use crate::disk::{self, not_held, not_open};
use crate::sight::{Sight, Stamp};
use testgam_language::action::FileOperation;
use testgam_language::transcript::DIRECTORY_PLACEHOLDER;

/// Permissions of what is made, under the umask 022.
const FILE_MODE: u32 = 0o644;
const DIRECTORY_MODE: u32 = 0o755;

/// The files of a simulated scenario.
#[derive(Debug)]
pub struct Files {
    /// All files, and what is told of them.
    pub tree: Tree,
    directory: PathBuf,
    /// On the same file system, outside what is monitored.
    spare: PathBuf,
    open: BTreeMap<PathBuf, Handle>,
    held: BTreeMap<PathBuf, Handle>,
}

impl Files {
    /// An empty world, but for a scenario's directory and a spare one beside it, as deep as they lie in a real one.
    pub fn new() -> Files {
        let mut tree = Tree::new();
        let room = Path::new("/tmp/testgam-sim");
        let (directory, spare) = (room.join("dir"), room.join("spare"));
        for path in [Path::new("/tmp"), room, &directory, &spare] {
            tree.make_directory(bytes(path), DIRECTORY_MODE).expect("because the tree is empty");
        }
        Files { tree, directory, spare, open: BTreeMap::new(), held: BTreeMap::new() }
    }

    /// Where relative paths begin.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// A path as typed, made absolute and changed no further.
    pub fn spell(&self, path: &Path) -> PathBuf {
        disk::spell(&self.directory, path)
    }

    /// Performs an operation.
    ///
    /// # Errors
    /// The system's.
    pub fn perform(&mut self, operation: &FileOperation) -> io::Result<()> {
        match operation {
            FileOperation::Open(path) => {
                let path = self.spell(path);
                let handle = self.tree.open(bytes(&path), Access::Write)?;
                if let Some(before) = self.open.insert(path, handle) {
                    self.tree.close(before)?;
                }
                Ok(())
            }
            FileOperation::WriteOpen { path, text } => {
                let handle = *self.open.get(&self.spell(path)).ok_or_else(not_open)?;
                Ok(self.tree.write(handle, text.len() as u64, None)?)
            }
            FileOperation::Close(path) => {
                let handle = self.open.remove(&self.spell(path)).ok_or_else(not_open)?;
                Ok(self.tree.close(handle)?)
            }
            FileOperation::Hold(path) => {
                let path = self.spell(path);
                let handle = self.tree.open(bytes(&path), Access::Read)?;
                if let Some(before) = self.held.insert(path, handle) {
                    self.tree.close(before)?;
                }
                Ok(())
            }
            FileOperation::LetGo(path) => {
                let handle = self.held.remove(&self.spell(path)).ok_or_else(not_held)?;
                Ok(self.tree.close(handle)?)
            }
            _ => Ok(self.call(operation)?),
        }
    }

    fn call(&mut self, operation: &FileOperation) -> Fallible<()> {
        use FileOperation as Op;
        let at = |path: &Path| disk::spell(&self.directory, path).into_os_string().into_vec();
        let tree = &mut self.tree;
        match operation {
            Op::MakeDirectory(path) => tree.make_directory(&at(path), DIRECTORY_MODE),
            Op::RemoveDirectory(path) => tree.remove_directory(&at(path)),
            Op::MakeFile(path) => write(tree, &at(path), Access::Create(FILE_MODE), 0),
            Op::MakeFifo(path) => tree.make_fifo(&at(path), FILE_MODE),
            Op::RemoveFile(path) => tree.unlink(&at(path)),
            Op::Write { path, text } => write_in_place(tree, &at(path), text.len() as u64),
            Op::Rewrite { path, text } => write(tree, &at(path), Access::Empty(FILE_MODE), text.len() as u64),
            Op::Append { path, text } => write(tree, &at(path), Access::Create(FILE_MODE), text.len() as u64),
            Op::Truncate { path, size } => tree.truncate(&at(path), *size),
            Op::Touch { path, seconds } => touch(tree, &at(path), *seconds),
            Op::TouchAccess(path) => tree.set_access_time(&at(path)),
            Op::Read(path) => tree.open(&at(path), Access::Read).and_then(|handle| tree.close(handle)),
            Op::ChangeMode { path, mode } => tree.change_mode(&at(path), *mode),
            Op::ChangeOwner { path, uid } => tree.change_owner(&at(path), *uid),
            Op::Move { from, to } => tree.rename(&at(from), &at(to)),
            Op::Exchange { a, b } => tree.exchange(&at(a), &at(b)),
            Op::SymbolicLink { target, name } => tree.make_link(&target_of(target, at), &at(name)),
            Op::HardLink { target, name } => tree.link(&at(target), &at(name)),
            Op::Replace { path, text } => {
                let prepared = self.spare.join("prepared").into_os_string().into_vec();
                write(tree, &prepared, Access::Empty(FILE_MODE), text.len() as u64)?;
                tree.rename(&prepared, &at(path))
            }
            Op::Save { path, text } => save(tree, &at(path), text.len() as u64),
            Op::MakeFiles { directory, count } => {
                each(&at(directory), *count, |path| write(tree, path, Access::Create(FILE_MODE), 0))
            }
            Op::RemoveFiles { directory, count } => each(&at(directory), *count, |path| tree.unlink(path)),
            Op::AppendFiles { directory, count } => {
                each(&at(directory), *count, |path| write(tree, path, Access::Create(FILE_MODE), 1))
            }
            Op::Churn { directory, count } => each(&at(directory), *count, |path| {
                write(tree, path, Access::Create(FILE_MODE), 0)?;
                tree.unlink(path)
            }),
            Op::MakeTree { directory, depth } => make_tree(tree, &at(directory), *depth),
            Op::CopyTree { from, to } => copy_tree(tree, &at(from), &at(to)),
            Op::RemoveTree(path) => match tree.look_up(Caller::Root, &at(path), false) {
                Ok(entry) if tree.file_type(entry) != FileType::Directory => Err(Errno::ENOTDIR),
                _ => remove_tree(tree, &at(path)),
            },
            Op::Open(_) | Op::WriteOpen { .. } | Op::Close(_) | Op::Hold(_) | Op::LetGo(_) => {
                Err(Errno::ENOSYS)
            }
        }
    }

    /// Looks at a path, links followed. What `server` may not see is hidden.
    pub fn look(&self, server: Caller, path: &Path) -> Sight {
        let found = match self.tree.look_up(server, bytes(path), true) {
            Ok(found) => found,
            Err(Errno::EACCES) => return Sight::Hidden,
            Err(_) => return Sight::Missing,
        };
        let stamp = self.sight(found, true);
        if self.tree.file_type(found) != FileType::Directory {
            return Sight::File(stamp);
        }
        if !self.tree.may_read(server, found) {
            return Sight::Hidden;
        }
        let entry = |name: &Name| {
            let name = OsString::from_vec(name.to_vec());
            let stamp = self.look_at_entry(path, &name)?;
            Some((name, stamp))
        };
        Sight::Directory(stamp, self.tree.names(found).filter_map(entry).collect())
    }

    /// Looks at an entry of a directory, links not followed.
    pub fn look_at_entry(&self, directory: &Path, name: &OsStr) -> Option<Stamp> {
        let entry = self.tree.look_up(Caller::Root, bytes(&directory.join(name)), false).ok()?;
        Some(self.sight(entry, self.tree.file_type(entry) != FileType::Directory))
    }

    /// Whether a path is a directory, and no link to one.
    pub fn is_directory(&self, path: &Path) -> bool {
        let found = self.tree.look_up(Caller::Root, bytes(path), false);
        found.is_ok_and(|found| self.tree.file_type(found) == FileType::Directory)
    }

    fn sight(&self, dentry: DentryId, has_content: bool) -> Stamp {
        let seen = self.tree.stamp(dentry);
        // A file with several names may be written under another one, which this entry's watch does not see.
        let own = seen.file_type == FileType::Directory || self.tree.links(dentry) == 1;
        Stamp {
            inode: seen.ino,
            mode: seen.mode,
            owner: (seen.uid, seen.gid),
            content: (has_content && own).then_some((seen.size, i128::from(seen.mtime_ns))),
        }
    }
}

impl Default for Files {
    fn default() -> Files {
        Files::new()
    }
}

fn bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}

/// A target is stored as typed, but `$DIR` is resolved.
fn target_of(target: &OsStr, at: impl Fn(&Path) -> Vec<u8>) -> Vec<u8> {
    let target = Path::new(target);
    if target.starts_with(DIRECTORY_PLACEHOLDER) { at(target) } else { bytes(target).to_vec() }
}

/// Opens, writes behind the end, closes.
fn write(tree: &mut Tree, path: &[u8], access: Access, length: u64) -> Fallible<()> {
    let handle = tree.open(path, access)?;
    tree.write(handle, length, None)?;
    tree.close(handle)
}

fn write_in_place(tree: &mut Tree, path: &[u8], length: u64) -> Fallible<()> {
    let handle = tree.open(path, Access::Create(FILE_MODE))?;
    let before = tree.size(handle)?;
    tree.write(handle, length, Some(0))?;
    if before > length {
        tree.cut(handle, length)?;
    }
    tree.close(handle)
}

fn touch(tree: &mut Tree, path: &[u8], seconds: Option<i64>) -> Fallible<()> {
    match tree.set_times(path, seconds) {
        Err(Errno::ENOENT) => {
            write(tree, path, Access::Create(FILE_MODE), 0)?;
            if seconds.is_some() { tree.set_times(path, seconds) } else { Ok(()) }
        }
        done => done,
    }
}

fn save(tree: &mut Tree, path: &[u8], length: u64) -> Fallible<()> {
    let path = Path::new(OsStr::from_bytes(path));
    let name = path.file_name().ok_or(Errno::EINVAL)?;
    let temporary: OsString = [OsStr::new("."), name, OsStr::new(".tmp")].into_iter().collect();
    let temporary = path.with_file_name(temporary);
    write(tree, bytes(&temporary), Access::Empty(FILE_MODE), length)?;
    tree.rename(bytes(&temporary), bytes(path))
}

fn each(directory: &[u8], count: u32, mut act: impl FnMut(&[u8]) -> Fallible<()>) -> Fallible<()> {
    (0..count).try_for_each(|number| act(&join(directory, format!("name{number:06}").as_bytes())))
}

fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    [directory, b"/", name].concat()
}

fn make_tree(tree: &mut Tree, directory: &[u8], depth: u32) -> Fallible<()> {
    let mut directory = directory.to_owned();
    for level in 0..=depth {
        if level > 0 {
            directory = join(&directory, b"directory");
        }
        tree.make_directory(&directory, DIRECTORY_MODE)?;
        write(tree, &join(&directory, b"file"), Access::Create(FILE_MODE), 0)?;
    }
    Ok(())
}

fn copy_tree(tree: &mut Tree, from: &[u8], to: &[u8]) -> Fallible<()> {
    tree.make_directory(to, DIRECTORY_MODE)?;
    for name in names_in(tree, from)? {
        let (source, target) = (join(from, &name), join(to, &name));
        let entry = tree.look_up(Caller::Root, &source, false)?;
        match tree.file_type(entry) {
            FileType::Directory => copy_tree(tree, &source, &target)?,
            FileType::Link => {
                let link = tree.target(entry)?.to_vec();
                tree.make_link(&link, &target)?;
            }
            FileType::Other => {
                let seen = tree.stamp(entry);
                let handle = tree.open(&target, Access::Empty(seen.mode & 0o777 & !0o022))?;
                tree.change_open_mode(handle, seen.mode)?;
                tree.write(handle, seen.size, None)?;
                tree.close(handle)?;
            }
        }
    }
    Ok(())
}

fn remove_tree(tree: &mut Tree, path: &[u8]) -> Fallible<()> {
    let entry = tree.look_up(Caller::Root, path, false)?;
    if tree.file_type(entry) != FileType::Directory {
        return tree.unlink(path);
    }
    for name in names_in(tree, path)? {
        remove_tree(tree, &join(path, &name))?;
    }
    tree.remove_directory(path)
}

fn names_in(tree: &Tree, directory: &[u8]) -> Fallible<Vec<Name>> {
    let directory = tree.look_up(Caller::Root, directory, true)?;
    match tree.file_type(directory) {
        FileType::Directory => Ok(tree.names(directory).cloned().collect()),
        FileType::Link | FileType::Other => Err(Errno::ENOTDIR),
    }
}
