//! The files of the running system, looked at with lstat(2) and its kin.
//!
//! How much a look proves is left to `stamp`. Invariant: nothing is opened but directories, and those without waiting.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;

use gamin_backend::{Access, FileError, Files};
use gamin_engine::{FileType, Name, Names, Stamp, TreePath};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat, readlinkat};
use nix::sys::stat::{FileStat, Mode, fstat, fstatat};
use nix::sys::statfs::fstatfs;
use rustix::fs::RawDir;

use crate::far::at_end_of;
use crate::stamp::{FileSystems, Judge, file_type, keeps_directory_times};

/// How many bytes of a directory are read at once: of a thousand common names.
const NAMES_BYTES: usize = 32 * 1024;

/// One short time of looking at real files.
pub struct Disk {
    judge: Judge,
}

impl Disk {
    /// Begins to look.
    pub fn new() -> Disk {
        Disk::knowing(&FileSystems::default())
    }

    /// Begins to look, as one who knows what is on which device.
    pub fn knowing(file_systems: &FileSystems) -> Disk {
        Disk { judge: Judge::new(file_systems.clone()) }
    }
}

impl Default for Disk {
    fn default() -> Disk {
        Disk::new()
    }
}

/// A directory that is held open.
pub struct OpenDirectory(OwnedFd);

impl AsFd for OpenDirectory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Files for Disk {
    type Status = FileStat;
    type Directory = OpenDirectory;

    fn look(&mut self, path: &[u8]) -> Result<FileStat, FileError> {
        at_end_of(path, |from, rest| fstatat(from, rest, AtFlags::AT_SYMLINK_NOFOLLOW)).map_err(failure)
    }

    fn target(&mut self, link: &TreePath) -> Result<Vec<u8>, FileError> {
        at_end_of(link, |from, rest| readlinkat(from, rest)).map(OsStringExt::into_vec).map_err(failure)
    }

    fn open(&mut self, directory: &TreePath, access: Access) -> Result<OpenDirectory, FileError> {
        let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let access = match access {
            Access::List => OFlag::O_RDONLY | OFlag::O_NONBLOCK,
            Access::Look => OFlag::O_PATH,
        };
        at_end_of(directory, |from, rest| openat(from, rest, flags | access, Mode::empty()))
            .map(OpenDirectory)
            .map_err(failure)
    }

    fn look_at(&mut self, open: &OpenDirectory) -> Result<FileStat, FileError> {
        fstat(open).map_err(failure)
    }

    fn look_in(&mut self, open: &OpenDirectory, name: &Name) -> Result<FileStat, FileError> {
        fstatat(open, &**name, AtFlags::AT_SYMLINK_NOFOLLOW).map_err(failure)
    }

    fn names(&mut self, open: &mut OpenDirectory, max: usize) -> Result<Names, FileError> {
        let mut names = Names::default();
        let mut buffer = Vec::with_capacity(NAMES_BYTES);
        let mut entries = RawDir::new(open, buffer.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            let entry = entry.map_err(|errno| failure(Errno::from_raw(errno.raw_os_error())))?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(name);
            }
            if names.len() > max {
                break;
            }
        }
        Ok(names)
    }

    fn keeps_times(&mut self, open: &OpenDirectory) -> bool {
        fstatfs(open).is_ok_and(|system| keeps_directory_times(system.filesystem_type()))
    }

    fn file_type(status: &FileStat) -> FileType {
        file_type(status)
    }

    fn stamp(&mut self, status: &FileStat, directory: &[u8]) -> Stamp {
        self.judge.stamp(status, directory)
    }
}

/// Why something could not be seen.
pub fn failure(errno: Errno) -> FileError {
    match errno {
        Errno::ENOENT => FileError::Absent,
        Errno::ENOTDIR => FileError::NoDirectory,
        Errno::ELOOP | Errno::ENAMETOOLONG => FileError::Endless,
        Errno::EACCES => FileError::Denied,
        _ => FileError::Failed,
    }
}
