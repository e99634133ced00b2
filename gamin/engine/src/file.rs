//! What was told of one file, and what a notice about it comes to.
//!
//! Where the file stands is left to `known`. Invariant: what is told of a file that is not there is that it has come, and of one that is
//! there, never that.

use std::num::NonZeroU16;

use gamin_protocol::Tag;

use crate::churn::Departure;
use crate::notice::{Change, EntryNotice, Seen};
use crate::pace::Urgency;
use crate::stamp::{FileType, Stamp};
use crate::time::Time;

/// What was told of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct File {
    /// Its state when it was told; `None` when that is not known well enough to prove anything.
    pub tag: Option<Tag>,
    /// Its type, as far as it was seen.
    pub(crate) file_type: Option<FileType>,
    /// Only its creation was told. What happens next is a change, though the stamp may have seen it already.
    pub(crate) created: bool,
    /// It was told because of a scan. Of what led to that, the kernel's notices may be still to come.
    pub(crate) scanned: bool,
    /// A notice about it was left to the next rescan.
    pub(crate) doubted: bool,
    /// That it has come is still to be told.
    pub(crate) is_untold: bool,
    /// When that was noticed, if it was.
    pub(crate) came: Option<Coarse>,
}

/// A time in sixteenths of a second, as far as they fit, which is for 68 minutes: there is one of it for each entry. Whoever is as old
/// as that may be taken for young, which costs a turn of others and nothing else.
pub(crate) type Coarse = NonZeroU16;

/// How soon after that was noticed a name that has come has to be gone for it to be called a flicker: a second.
const FLICKER: u16 = 16;

#[allow(clippy::cast_possible_truncation, reason = "what does not fit is left out")]
fn coarse(time: Time) -> Coarse {
    NonZeroU16::new((time.0.as_millis() * 16 / 1000) as u16).unwrap_or(NonZeroU16::MIN)
}

impl File {
    fn of(stamp: Option<&Stamp>) -> File {
        File {
            tag: stamp.and_then(Stamp::tag),
            file_type: stamp.map(|stamp| stamp.file_type),
            created: false,
            scanned: false,
            doubted: false,
            is_untold: false,
            came: None,
        }
    }

    pub(crate) fn of_scan(stamp: Option<&Stamp>) -> File {
        File { scanned: true, ..File::of(stamp) }
    }

    #[cfg(test)]
    /// What a scan shows that takes only names.
    pub(crate) fn of_name() -> File {
        File::of_scan(None)
    }

    fn of_seen(seen: Seen) -> File {
        match seen {
            Seen::Present(stamp) => File::of(Some(&stamp)),
            Seen::Nothing | Seen::Absent => File::of(None),
        }
    }

    /// How it goes, at this time.
    fn departure(&self, now: Time) -> Departure {
        let age = |came: Coarse| coarse(now).get().wrapping_sub(came.get());
        match self.came {
            _ if self.is_untold => Departure::Untold,
            Some(came) if age(came) < FLICKER => Departure::Flicker,
            _ => Departure::Plain,
        }
    }

    /// Takes what a notice has seen of it; gives how soon to tell that it has changed.
    fn take(&mut self, seen: Seen, urgency: Urgency) -> Reaction {
        *self = File { is_untold: self.is_untold, came: self.came, ..File::of_seen(seen) };
        if self.is_untold { Reaction::Nothing } else { Reaction::Changed(urgency) }
    }

    /// Whether `stamp` proves that nothing has changed since the file was told.
    pub(crate) fn shows(&self, stamp: &Stamp) -> bool {
        self.tag == Some(stamp.fingerprint())
    }

    fn is_shown_by(&self, seen: Seen) -> bool {
        matches!(seen, Seen::Present(stamp) if self.shows(&stamp))
    }

    /// Whether it is what a notice says has come: a scan that took only its name has seen it before the notice was read. Had it
    /// gone since, that would have been noticed first.
    fn has_come(&self, change: Change) -> bool {
        change == Change::Created && self.scanned && self.tag.is_none()
    }

    pub(crate) fn changes_type(&self, stamp: &Stamp) -> bool {
        self.file_type.is_some_and(|known| known != stamp.file_type)
    }
}

/// What a notice about one file comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reaction {
    /// It says nothing new.
    Nothing,
    /// The file has come to be.
    Created,
    /// The file is gone.
    Deleted(Departure),
    /// The file was renamed away, and yet there is one of that name: another has come, of which the kernel will tell,
    /// or two have changed places, of which it has told already. It is gone, and a rescan is needed.
    DeletedRescan(Departure),
    /// What is not known to be there is said to have changed: a rescan is needed.
    Rescan,
    /// The file has changed.
    Changed(Urgency),
    /// A writer has closed the file; a change that waits for that need not wait any longer.
    Closed,
}

/// Works out what a notice comes to for a file that was told as `known`, and notes it there.
pub(crate) fn react(known: &mut Option<File>, entry: EntryNotice, now: Time) -> Reaction {
    let EntryNotice { change, seen, is_last, .. } = entry;
    let Some(file) = known else {
        return match change {
            Change::Created | Change::MovedTo => {
                let came = Some(coarse(now));
                *known = Some(File { created: true, is_untold: true, came, ..File::of_seen(seen) });
                Reaction::Created
            }
            // Two have changed places, and it came before the other went; or a rescan was first to see that it has gone since.
            _ if is_last && change.is_within() && matches!(seen, Seen::Present(_)) => Reaction::Rescan,
            _ => Reaction::Nothing,
        };
    };
    let is_shown = file.is_shown_by(seen);
    match change {
        Change::Deleted | Change::MovedFrom if is_shown && file.scanned => Reaction::Nothing,
        // Two have changed places: the other half was told before.
        Change::MovedFrom if is_shown && is_last => Reaction::Nothing,
        Change::Deleted | Change::MovedFrom => {
            let departure = file.departure(now);
            *known = None;
            match (change, seen) {
                (Change::MovedFrom, Seen::Present(_) | Seen::Nothing) if is_last => {
                    Reaction::DeletedRescan(departure)
                }
                _ => Reaction::Deleted(departure),
            }
        }
        Change::Created if is_shown || file.has_come(change) || !matches!(seen, Seen::Present(_)) => {
            Reaction::Nothing
        }
        Change::MovedTo if is_shown => Reaction::Nothing,
        Change::Attributes if is_shown && !file.created => Reaction::Nothing,
        Change::Created | Change::MovedTo | Change::Attributes => file.take(seen, Urgency::Now),
        // Even if the stamp is the one that was told: it is set when a write begins, and this is told when it ends.
        Change::Modified | Change::Written => {
            file.take(seen, if change == Change::Written { Urgency::Now } else { Urgency::Soon })
        }
        // It has not come any more for that.
        Change::Closed if file.is_untold => Reaction::Nothing,
        Change::Closed => {
            // Writing through a memory mapping gives no notice but this one.
            let is_seen = File::of_seen(seen).tag.is_some();
            let unnoticed = file.tag.is_some() && is_seen && !is_shown && !file.created;
            if !unnoticed {
                // What it looks like now may be due to something that is told next.
                return Reaction::Closed;
            }
            file.take(seen, Urgency::Now)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn present(size: u64) -> Seen {
        Seen::Present(Stamp { size, ..Stamp::void(FileType::Other) })
    }

    /// What a notice comes to for a file of which a scan has told the stamp, or the name alone.
    fn after_scan(stamp: Option<Seen>, change: Change) -> Reaction {
        let stamp = stamp.map(|seen| match seen {
            Seen::Present(stamp) => stamp,
            Seen::Nothing | Seen::Absent => unreachable!("it was seen"),
        });
        let mut known = Some(File { created: true, ..File::of_scan(stamp.as_ref()) });
        react(
            &mut known,
            EntryNotice { change, seen: present(1), is_last: true, cookie: None },
            Time::default(),
        )
    }

    #[test]
    fn that_a_file_has_come_is_no_news_after_a_scan_that_has_told_its_name() {
        assert_eq!(after_scan(None, Change::Created), Reaction::Nothing);
        assert_eq!(after_scan(Some(present(1)), Change::Created), Reaction::Nothing);
        assert_eq!(after_scan(Some(present(2)), Change::Created), Reaction::Changed(Urgency::Now));
    }

    #[test]
    fn what_replaces_a_file_is_news_though_only_its_name_is_known() {
        assert_eq!(after_scan(None, Change::MovedTo), Reaction::Changed(Urgency::Now));
        assert_eq!(after_scan(None, Change::Written), Reaction::Changed(Urgency::Now));
        assert_eq!(after_scan(None, Change::Deleted), Reaction::Deleted(Departure::Plain));
    }
}
