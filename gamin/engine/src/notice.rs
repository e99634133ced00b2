//! What the kernel noticed, normalised: what a backend makes of a kernel's records.

use std::collections::BTreeMap;

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

    /// What this change and a later one come to.
    fn then(self, later: Change) -> Change {
        match (self, later) {
            (Change::Modified | Change::Written, Change::Closed | Change::Written) => Change::Written,
            (Change::Written, Change::Attributes) => Change::Written,
            (Change::Attributes, Change::Closed) => Change::Attributes,
            (Change::Attributes, Change::Written) => Change::Written,
            (Change::Modified, _) | (_, Change::Modified) => Change::Modified,
            (_, later) => later,
        }
    }
}

/// Merges changes of an entry that were read at once, each run of them into its last.
///
/// For backends: `notices[first..]` is what one reading of the kernel's queue gave.
pub fn merge_changes(notices: &mut Vec<Notice>, first: usize) {
    let mut is_merged = vec![false; notices.len()];
    let mut last_of_run: BTreeMap<(ArmingId, Name), usize> = BTreeMap::new();
    for index in (first..notices.len()).rev() {
        let Notice::Entry { watch, name, entry } = &notices[index] else { continue };
        let (key, change) = ((*watch, name.clone()), entry.change);
        if !change.is_within() {
            last_of_run.remove(&key);
            continue;
        }
        let last = *last_of_run.entry(key).or_insert(index);
        if last != index
            && let Notice::Entry { entry, .. } = &mut notices[last]
        {
            entry.change = change.then(entry.change);
            is_merged[index] = true;
        }
    }
    let mut is_merged = is_merged.into_iter();
    notices.retain(|_| !is_merged.next().unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

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

    fn merged(changes: &[(&str, Change)]) -> Vec<(String, Change)> {
        let entry = |(name, change): &(&str, Change)| Notice::Entry {
            watch: ArmingId(1),
            name: Name::from(name.as_bytes()),
            entry: EntryNotice { change: *change, seen: Seen::Nothing, is_last: false },
        };
        let mut notices: Vec<Notice> = changes.iter().map(entry).collect();
        merge_changes(&mut notices, 0);
        let said = |notice: Notice| match notice {
            Notice::Entry { name, entry, .. } => (String::from_utf8_lossy(&name).into_owned(), entry.change),
            other => panic!("{other:?}"),
        };
        notices.into_iter().map(said).collect()
    }

    #[test]
    fn changes_of_one_entry_become_one_where_the_last_was() {
        use Change::{Closed, Created, Modified, Written};
        let rewrite = [("a", Modified), ("a", Modified), ("b", Created), ("b", Closed), ("a", Closed)];
        let expected = [("b".to_owned(), Created), ("b".to_owned(), Closed), ("a".to_owned(), Written)];
        assert_eq!(merged(&rewrite), expected);
    }

    #[test]
    fn a_change_is_not_merged_over_a_removal() {
        use Change::{Created, Deleted, Modified};
        let steps = [("a", Modified), ("a", Deleted), ("a", Created), ("a", Modified)];
        assert_eq!(merged(&steps).len(), 4);
    }

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
            assert_eq!(merged(&[("a", first), ("a", second)]), [("a".to_owned(), both)]);
        }
    }
}
