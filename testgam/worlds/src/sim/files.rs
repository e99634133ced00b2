//! Simulated files: the `Calls` that operations are made of, on a [`Tree`]; and looking at the files as testgam does.
//!
//! What `disk` is for real ones. Invariant: each call asks the tree for what the real one asks the kernel for.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use gamin_core::engine::{FileType, Name};
use nix::errno::Errno;

use super::tree::{Access, Caller, DentryId, Handle, Tree};
use crate::calls::{self, Calls, Entry, Keeping, Opening, Times};
use crate::disk;
use crate::sight::{Sight, Stamp};
use testgam_language::action::FileOperation;

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
    /// What is kept open.
    kept: BTreeMap<(Keeping, PathBuf), <Files as Calls>::File>,
    /// What somebody has looked at over a remote mount who must not wait for it.
    pub trespass: Option<Vec<u8>>,
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
        Files { tree, directory, spare, kept: BTreeMap::new(), trespass: None }
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
        calls::perform(self, operation)
    }

    /// Looks at a path, links followed. What `server` may not see is hidden, and what does not answer.
    pub fn look(&self, server: Caller, path: &Path) -> Sight {
        if self.tree.hangs(server, bytes(path)) {
            return Sight::Hidden;
        }
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

impl Calls for Files {
    /// The handle, and where the next write goes, if not behind the end.
    type File = (Handle, Option<u64>);

    fn spell(&self, path: &Path) -> PathBuf {
        disk::spell(&self.directory, path)
    }

    fn spare(&mut self) -> io::Result<PathBuf> {
        Ok(self.spare.join("prepared"))
    }

    fn make_directory(&mut self, path: &Path) -> io::Result<()> {
        Ok(self.tree.make_directory(bytes(path), DIRECTORY_MODE)?)
    }

    fn remove_directory(&mut self, path: &Path) -> io::Result<()> {
        Ok(self.tree.remove_directory(bytes(path))?)
    }

    fn make_fifo(&mut self, path: &Path) -> io::Result<()> {
        Ok(self.tree.make_fifo(bytes(path), FILE_MODE)?)
    }

    fn unlink(&mut self, path: &Path) -> io::Result<()> {
        Ok(self.tree.unlink(bytes(path))?)
    }

    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        Ok(self.tree.rename(bytes(from), bytes(to))?)
    }

    fn exchange(&mut self, a: &Path, b: &Path) -> io::Result<()> {
        Ok(self.tree.exchange(bytes(a), bytes(b))?)
    }

    fn link(&mut self, target: &Path, name: &Path) -> io::Result<()> {
        Ok(self.tree.link(bytes(target), bytes(name))?)
    }

    fn symlink(&mut self, target: &Path, name: &Path) -> io::Result<()> {
        Ok(self.tree.make_link(bytes(target), bytes(name))?)
    }

    fn truncate(&mut self, path: &Path, size: u64) -> io::Result<()> {
        Ok(self.tree.truncate(bytes(path), size)?)
    }

    fn set_times(&mut self, path: &Path, times: Times) -> io::Result<()> {
        Ok(match times {
            Times::Access => self.tree.set_access_time(bytes(path)),
            Times::Now => self.tree.set_times(bytes(path), None),
            Times::Seconds(seconds) => self.tree.set_times(bytes(path), Some(seconds)),
        }?)
    }

    fn change_mode(&mut self, path: &Path, mode: u32) -> io::Result<()> {
        Ok(self.tree.change_mode(bytes(path), mode)?)
    }

    fn change_owner(&mut self, path: &Path, uid: u32) -> io::Result<()> {
        Ok(self.tree.change_owner(bytes(path), uid)?)
    }

    fn open(&mut self, path: &Path, opening: Opening) -> io::Result<Self::File> {
        let access = match opening {
            Opening::Read => Access::Read,
            Opening::Extend => Access::Write,
            Opening::Append | Opening::Overwrite => Access::Create(FILE_MODE),
            Opening::Empty => Access::Empty(FILE_MODE),
        };
        let place = (opening == Opening::Overwrite).then_some(0);
        Ok((self.tree.open(bytes(path), access)?, place))
    }

    fn write(&mut self, (handle, place): &mut Self::File, text: &[u8]) -> io::Result<()> {
        let length = text.len() as u64;
        self.tree.write(*handle, length, *place)?;
        *place = place.map(|place| place + length);
        Ok(())
    }

    fn size(&mut self, (handle, _): &Self::File) -> io::Result<u64> {
        Ok(self.tree.size(*handle)?)
    }

    fn cut(&mut self, (handle, _): &Self::File, size: u64) -> io::Result<()> {
        Ok(self.tree.cut(*handle, size)?)
    }

    fn close(&mut self, (handle, _): Self::File) -> io::Result<()> {
        Ok(self.tree.close(handle)?)
    }

    fn read(&mut self, path: &Path) -> io::Result<()> {
        let handle = self.tree.open(bytes(path), Access::Read)?;
        Ok(self.tree.close(handle)?)
    }

    fn entry(&mut self, path: &Path) -> io::Result<Entry> {
        let entry = self.tree.look_up(Caller::Root, bytes(path), false)?;
        Ok(match self.tree.file_type(entry) {
            FileType::Directory => Entry::Directory,
            FileType::Link => Entry::Link(OsStr::from_bytes(self.tree.target(entry)?).into()),
            FileType::Other => Entry::File,
        })
    }

    fn names(&mut self, directory: &Path) -> io::Result<Vec<OsString>> {
        let directory = self.tree.look_up(Caller::Root, bytes(directory), true)?;
        match self.tree.file_type(directory) {
            FileType::Directory => {
                Ok(self.tree.names(directory).map(|name| OsStr::from_bytes(name).to_owned()).collect())
            }
            FileType::Link | FileType::Other => Err(Errno::ENOTDIR.into()),
        }
    }

    fn copy(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let source = self.tree.look_up(Caller::Root, bytes(from), false)?;
        let seen = self.tree.stamp(source);
        let handle = self.tree.open(bytes(to), Access::Empty(seen.mode & 0o777 & !0o022))?;
        self.tree.change_open_mode(handle, seen.mode)?;
        self.tree.write(handle, seen.size, None)?;
        Ok(self.tree.close(handle)?)
    }

    fn keep(&mut self, path: PathBuf, keeping: Keeping, file: Self::File) -> Option<Self::File> {
        self.kept.insert((keeping, path), file)
    }

    fn kept(&mut self, path: &Path, keeping: Keeping) -> Option<Self::File> {
        self.kept.remove(&(keeping, path.to_owned()))
    }

    fn write_kept(&mut self, path: &Path, text: &[u8]) -> Option<io::Result<()>> {
        let mut file = *self.kept.get(&(Keeping::ToWrite, path.to_owned()))?;
        Some(self.write(&mut file, text))
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
