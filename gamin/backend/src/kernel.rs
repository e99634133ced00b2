//! What the backend asks of a kernel, and what that tells: everything that differs between one source of notices and
//! another.
//!
//! What a kernel's word means for whom is left to `backend`. Invariant: nothing here waits; a kernel tells in the order in
//! which things happened, or says that it does not know it, and what it could not tell is told as [`Record::Overflow`].

use std::io;

use gamin_engine::{Change, Cookie, Level, Name, Refusal, TreePath};

use crate::files::Files;

/// The number by which a kernel names a watch in its records. Never used again while a record about it may be unread.
pub type Number = i32;

/// A source of notices: watches on directories, and a queue of records.
pub trait Kernel {
    /// How the files are seen that it tells of.
    type Files<'a>: Files
    where
        Self: 'a;

    /// Begins a short time of looking at the files.
    fn files(&mut self) -> Self::Files<'_>;

    /// Asks to be told of a directory; no symbolic link is followed at the end of its path. Asked again about the same
    /// directory, by whatever path, it gives the same watch.
    ///
    /// # Errors
    /// Why it refused. A watch that is held already stays what it is.
    fn watch(&mut self, directory: &TreePath, level: Level, extent: Extent) -> Result<Number, Refusal>;

    /// Gives a watch back, which may have ended by itself. What it had to tell may still be told.
    fn unwatch(&mut self, watch: Number);

    /// Takes records from the queue, in their order, and tells whether there may be more. Never waits for one.
    ///
    /// # Errors
    /// The queue is broken; nothing a caller does brings that about.
    fn read(&mut self, records: &mut Vec<Record>) -> io::Result<bool>;
}

/// How much a watch is to tell that is asked for anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// This, besides what it was asked for before.
    AtLeast,
    /// This, and nothing else.
    Exactly,
}

/// Something that a kernel tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// The queue was full, and records of any watch have been lost.
    Overflow,
    /// The directory was renamed. It is told when that is done.
    Moved(Number),
    /// The directory is no more, its file system unmounted, or the watch has ended for another reason.
    Ended(Number),
    /// The attributes of the directory itself have changed, or another was renamed over it.
    Attributes(Number),
    /// Something happened to an entry.
    Entry {
        /// The watch.
        number: Number,
        /// The entry.
        name: Name,
        /// What happened to it.
        change: Change,
        /// Whether it is a directory.
        is_directory: bool,
        /// Of which rename that is one half, if it is, and the kernel says so.
        cookie: Option<Cookie>,
    },
    /// An entry has both come and gone, nobody knows in which order.
    Unordered {
        /// The watch.
        number: Number,
        /// The entry.
        name: Name,
        /// How it came.
        comes: Change,
        /// How it went.
        goes: Change,
        /// Whether it is a directory.
        is_directory: bool,
    },
}

impl Record {
    /// Whether it says that a directory is elsewhere by now, or may be.
    pub(crate) fn is_of_a_moved_directory(&self) -> bool {
        match self {
            // Of what was lost nobody knows.
            Record::Moved(_) | Record::Overflow => true,
            Record::Entry { change, is_directory, .. } => {
                *is_directory && matches!(change, Change::MovedFrom | Change::MovedTo)
            }
            Record::Unordered { comes, goes, is_directory, .. } => {
                *is_directory && (*comes == Change::MovedTo || *goes == Change::MovedFrom)
            }
            Record::Ended(_) | Record::Attributes(_) => false,
        }
    }
}
