//! What the backend asks of a file system: everything that differs between real files and others.
//!
//! Which paths are looked at, and what an answer means, is left to `scan` and `revalidation`. A path may be longer than a call of the
//! system takes. Invariants: nothing here follows a
//! symbolic link at the end of a path, keeps anything open for longer than it is held, or changes a file.

use gamin_engine::{FileType, Name, Names, Stamp, TreePath};

/// One short time of looking at files.
pub trait Files {
    /// What is told of a file at a look.
    type Status;
    /// An open directory, which stays the same wherever it goes meanwhile.
    type Directory;

    /// Looks at a path.
    ///
    /// # Errors
    /// Why it could not be seen.
    fn look(&mut self, path: &[u8]) -> Result<Self::Status, FileError>;

    /// Reads what a symbolic link leads to.
    ///
    /// # Errors
    /// Why it could not be read.
    fn target(&mut self, link: &TreePath) -> Result<Vec<u8>, FileError>;

    /// Opens a directory.
    ///
    /// # Errors
    /// Why it could not be opened.
    fn open(&mut self, directory: &TreePath, access: Access) -> Result<Self::Directory, FileError>;

    /// Looks at an open directory itself.
    ///
    /// # Errors
    /// Why it could not be seen.
    fn look_at(&mut self, open: &Self::Directory) -> Result<Self::Status, FileError>;

    /// Looks at an entry of an open directory.
    ///
    /// # Errors
    /// Why it could not be seen.
    fn look_in(&mut self, open: &Self::Directory, name: &Name) -> Result<Self::Status, FileError>;

    /// All names in a directory that was opened to be listed, without `.` and `..`; of more than `max`, so many and one.
    ///
    /// # Errors
    /// Why they could not be read; [`FileError::Absent`] if the directory has been removed.
    fn names(&mut self, open: &mut Self::Directory, max: usize) -> Result<Names, FileError>;

    /// Whether the times of an open directory show that an entry came or went.
    fn keeps_times(&mut self, open: &Self::Directory) -> bool;

    /// The type of a file.
    fn file_type(status: &Self::Status) -> FileType;

    /// How much a look proves of a file in `directory`, or of that directory itself.
    fn stamp(&mut self, status: &Self::Status, directory: &[u8]) -> Stamp;
}

/// What a directory is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// To list it.
    List,
    /// To look at it and its entries, which takes no permission to read it.
    Look,
}

/// Why something could not be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileError {
    /// There is nothing of that name (`ENOENT`).
    Absent,
    /// Something on the way is no directory (`ENOTDIR`).
    NoDirectory,
    /// The path leads in circles, or a name in it is too long (`ELOOP`, `ENAMETOOLONG`).
    Endless,
    /// Permission to search a directory on the way was denied, or to read it (`EACCES`).
    Denied,
    /// Any other reason.
    Failed,
}

impl FileError {
    /// Whether it means that there is no such file.
    pub fn is_missing(self) -> bool {
        matches!(self, FileError::Absent | FileError::NoDirectory | FileError::Endless)
    }
}
