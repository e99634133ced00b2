//! What the kernel noticed, normalised: the engine's side of inotify.

use crate::effect::KernelWatchId;
use crate::path::Name;
use crate::stamp::Stamp;

/// One thing that the kernel noticed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Something happened to an entry of a directory.
    Entry {
        /// The arming that told.
        watch: KernelWatchId,
        /// The entry.
        name: Name,
        /// What happened.
        change: Change,
        /// What the entry looked like after all notices that were read together.
        seen: Seen,
    },
    /// The attributes of the directory itself have changed.
    Attributes {
        /// The arming that told.
        watch: KernelWatchId,
    },
    /// The directory itself was removed, moved, or its file system unmounted: its path leads there no more. The
    /// arming has ended, or is to be ended by the engine.
    Gone {
        /// The arming that told.
        watch: KernelWatchId,
    },
    /// The kernel's queue was full and notices, for any arming, have been lost. The backend makes sure of its armings
    /// itself: those that are not what they were are told as gone.
    Overflow,
}

/// What happened to an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Change {
    /// It came to be here.
    Created,
    /// It was removed.
    Deleted,
    /// It was renamed away; a [`Change::MovedTo`], here or elsewhere, may follow.
    MovedFrom,
    /// It was renamed to here, maybe over another.
    MovedTo,
    /// Its content was modified by someone who may be going on with it.
    Modified,
    /// Someone who could write to it has closed it.
    Closed,
    /// Its metadata have changed.
    Attributes,
}

/// What the backend saw of an entry after reading notices about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// It could not be looked at.
    Nothing,
    /// There is no such entry.
    Absent,
    /// It is there.
    Present(Stamp),
}
