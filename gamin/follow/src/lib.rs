//! What stands between a connection and who watches files: roots that come and go, what is ignored, and changes gathered
//! into batches.
//!
//! - [`Follower`] watches paths whatever they are: a path that is missing is waited for, a file that becomes a directory is
//!   followed as one, each change is told once however often its path was asked for, and a [`Gap`] is named.
//! - [`Ignoring`] says what is left out, as git does; what is left out costs no watch.
//! - [`Gather`] makes one batch of changes that come together.
//! - [`Feedback`] tells whether a command runs only for what it did itself.
//!
//! What happens to files is left to the connection, what is done about it to the caller. Invariants: no call waits; time is an
//! argument; what is not followed is named before [`News::Listed`] is told.
//!
//! ```no_run
//! use gamin_follow::{Follower, News, Options};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let options = Options { recursive: true, ..Options::default() };
//! let mut follower = Follower::new(gamin::Connection::open()?, options)?;
//! follower.add("src".as_ref())?;
//! loop {
//!     while let Some(news) = follower.poll()? {
//!         if let News::Change(change) = news {
//!             println!("{:?} {}", change.event, change.shown.display());
//!         }
//!     }
//!     // Wait until `follower.connection()` is readable.
//! }
//! # }
//! ```

#![forbid(unsafe_code)]

mod feedback;
mod follower;
mod gather;
mod ignoring;
mod options;
mod root;

use std::fmt;
use std::path::{Path, PathBuf};

use gamin::Code;

pub use feedback::Feedback;
pub use follower::{Follower, Settling};
pub use gather::Gather;
pub use ignoring::{Ignoring, PatternError, Patterns};
pub use options::Options;

/// What happened to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum What {
    /// It was there at the beginning.
    Exists,
    /// It has come to be.
    Created,
    /// Its content or its attributes are different.
    Changed,
    /// It is gone.
    Deleted,
    /// It is at another path now, where it is followed too. Told if [`Options::moves`] asks for it; otherwise it is Deleted here and Created
    /// there.
    Moved,
}

impl What {
    /// What an event tells of its path, if it is that something happened.
    pub fn of(code: Code) -> Option<What> {
        match code {
            Code::Exists => Some(What::Exists),
            Code::Created => Some(What::Created),
            Code::Changed => Some(What::Changed),
            Code::Deleted => Some(What::Deleted),
            _ => None,
        }
    }

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            What::Exists => "Exists",
            What::Created => "Created",
            What::Changed => "Changed",
            What::Deleted => "Deleted",
            What::Moved => "Moved",
        }
    }
}

/// Something that happened to a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What.
    pub event: What,
    /// The path, begun as its root was spelled.
    pub shown: PathBuf,
    /// The same path from `/` on.
    pub absolute: PathBuf,
    /// The same path from its root on; empty for the root itself.
    pub relative: PathBuf,
    /// Where it is now, if it has moved.
    pub moved_to: Option<Box<Destination>>,
}

/// Where something has moved to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// As [`Change::shown`].
    pub shown: PathBuf,
    /// As [`Change::absolute`].
    pub absolute: PathBuf,
    /// As [`Change::relative`].
    pub relative: PathBuf,
    /// Whether something was there, of which it took the place.
    pub replaces: bool,
}

impl Change {
    /// The same without moves: what has moved has gone from one path and come to another.
    pub fn halves(self) -> (Change, Option<Change>) {
        let Some(to) = self.moved_to else { return (self, None) };
        let Destination { shown, absolute, relative, replaces } = *to;
        let event = if replaces { What::Changed } else { What::Created };
        let come = Change { event, shown, absolute, relative, moved_to: None };
        (Change { event: What::Deleted, moved_to: None, ..self }, Some(come))
    }

    /// The paths that it is about, from `/` on.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        let to = self.moved_to.iter().map(|to| &*to.absolute);
        std::iter::once(&*self.absolute).chain(to)
    }
}

/// A path of which something may be told late, or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The path, begun as its root was spelled.
    pub shown: PathBuf,
    /// The same path from `/` on.
    pub absolute: PathBuf,
    /// Why.
    pub why: Why,
}

/// Why there is a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// What the server or the connection says.
    Coverage(gamin::Coverage),
    /// It is on another file system than its root, and those are left out.
    OtherFileSystem,
}

impl Why {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Why::Coverage(coverage) => coverage.word(),
            Why::OtherFileSystem => "other-file-system",
        }
    }

    /// Whether it is a gap because somebody asked for it.
    pub fn is_wanted(self) -> bool {
        self == Why::OtherFileSystem
    }
}

/// In words for people, to stand behind a path and a colon.
impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::Coverage(coverage) => coverage.fmt(f),
            Why::OtherFileSystem => f.write_str("not followed: on another file system"),
        }
    }
}

/// What a [`Follower`] has to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// Something happened.
    Change(Change),
    /// Nothing is there at a path that was asked for; it is waited for.
    Missing(PathBuf),
    /// Everything that was asked for so far is watched, but for the gaps.
    Listed,
    /// A gap has begun, or is another now.
    Gap(Gap),
    /// A gap has ended: the path is followed, or gone.
    GapEnds(Gap),
    /// Something about a file of rules that could not be read or understood. The rest of it counts.
    BadRule(String),
}
