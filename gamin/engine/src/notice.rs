//! What the kernel noticed, normalised: what a backend makes of a kernel's records.

use std::num::NonZeroU32;

use crate::arming::Refusal;
use crate::id::ArmingId;
use crate::path::Name;
use crate::stamp::Stamp;

/// One thing that the kernel noticed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Something happened to an entry of a directory.
    Entry {
        /// The arming that told.
        watch: ArmingId,
        /// The entry.
        name: Name,
        /// What happened.
        entry: EntryNotice,
    },
    /// The attributes of the directory itself have changed.
    Attributes {
        /// The arming that told.
        watch: ArmingId,
    },
    /// The directory itself was removed, moved, or its file system unmounted: its path leads there no more. The
    /// arming has ended, or is to be ended by the engine.
    Gone {
        /// The arming that told.
        watch: ArmingId,
    },
    /// The kernel refuses to say whether the directory is still the one that was armed. The arming has ended; what is there is
    /// to be found by looking.
    Refused {
        /// The arming.
        watch: ArmingId,
        /// Why.
        why: Refusal,
    },
    /// The kernel's queue was full and notices, for any arming, have been lost. The backend makes sure of its armings
    /// itself: those that are not what they were are told as gone, those that can't be asked about as refused.
    Overflow,
}

/// What is noticed of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryNotice {
    /// What happened.
    pub change: Change,
    /// What the entry looked like after all notices that were read together.
    pub seen: Seen,
    /// Whether no later one of these is about it.
    pub is_last: bool,
    /// Of which rename it is one half, if it is, and the kernel says so.
    pub cookie: Option<Cookie>,
}

/// The number by which a kernel names a rename, in what it tells of both halves. It comes back after four thousand million others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cookie(pub NonZeroU32);

impl Cookie {
    /// What a kernel's number says, of which zero is none.
    pub fn of(number: u32) -> Option<Cookie> {
        NonZeroU32::new(number).map(Cookie)
    }
}

impl EntryNotice {
    /// The notice as the directory's subscribers count it: see [`Stamp::of_entry`].
    pub(crate) fn of_entry(self) -> EntryNotice {
        let seen = match self.seen {
            Seen::Present(stamp) => Seen::Present(stamp.of_entry()),
            Seen::Nothing | Seen::Absent => self.seen,
        };
        EntryNotice { seen, ..self }
    }
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
    /// Its content was modified, and whoever did it has closed it.
    Written,
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

impl Change {
    /// Whether the entry is the same before and after, but for what is in it.
    pub(crate) fn is_within(self) -> bool {
        matches!(self, Change::Modified | Change::Closed | Change::Written | Change::Attributes)
    }

    /// Whether it can be the next thing that happened to what was there, or was not, and is told if so.
    pub(crate) fn goes_on_from(self, was_there: bool) -> bool {
        match self {
            Change::Created => !was_there,
            Change::MovedTo => true,
            Change::Deleted | Change::MovedFrom => was_there,
            Change::Modified | Change::Written | Change::Attributes => was_there,
            // Maybe nothing was changed.
            Change::Closed => false,
        }
    }

    /// What this change and a later one come to, if they can be told as one: for backends.
    pub fn then(self, later: Change) -> Option<Change> {
        let both = match (self, later) {
            (Change::Modified | Change::Written, Change::Closed | Change::Written) => Change::Written,
            (Change::Written, Change::Attributes) => Change::Written,
            (Change::Attributes, Change::Closed) => Change::Attributes,
            (Change::Attributes, Change::Written) => Change::Written,
            (Change::Modified, _) | (_, Change::Modified) => Change::Modified,
            (_, later) => later,
        };
        (self.is_within() && later.is_within()).then_some(both)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_still_open_is_waited_for() {
        use Change::{Attributes, Closed, Modified, Written};
        for (first, second, both) in [
            (Modified, Closed, Written),
            (Closed, Modified, Modified),
            (Written, Modified, Modified),
            (Attributes, Modified, Modified),
            (Modified, Attributes, Modified),
            (Attributes, Closed, Attributes),
            (Closed, Attributes, Attributes),
            (Written, Attributes, Written),
            (Closed, Closed, Closed),
        ] {
            assert_eq!(first.then(second), Some(both), "{first:?}, {second:?}");
        }
    }

    #[test]
    fn what_comes_or_goes_is_told_by_itself() {
        for change in [Change::Created, Change::Deleted, Change::MovedFrom, Change::MovedTo] {
            assert_eq!((change.then(Change::Modified), Change::Modified.then(change)), (None, None));
        }
    }

    #[test]
    fn a_scan_is_left_to_a_notice_only_if_that_tells_what_has_happened_since() {
        assert!(Change::Created.goes_on_from(false) && !Change::Created.goes_on_from(true));
        assert!(Change::Deleted.goes_on_from(true) && !Change::Deleted.goes_on_from(false));
        assert!(
            Change::MovedTo.goes_on_from(true) && Change::MovedTo.goes_on_from(false),
            "over another, too"
        );
        assert!(Change::Modified.goes_on_from(true) && !Change::Modified.goes_on_from(false));
        assert!(!Change::Closed.goes_on_from(true), "it may tell nothing, though the scan shows a change");
    }
}
