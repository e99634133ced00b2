//! What the subscribers of one path have been told of it, or are going to be told at the next turn, and how notices and scans change
//! that.
//!
//! Pure bookkeeping: whom to tell, and when to look, is left to the engine. Invariant: Created is told only of what
//! is absent here, Deleted and Changed only of what is present; a notice that contradicts what is known is ignored.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU16;
use std::sync::Arc;

use gamin_protocol::{Code, Tag};

use crate::churn::Departure;
use crate::event::Subject;
use crate::notice::{Change, EntryNotice, Seen};
use crate::pace::Urgency;
use crate::path::Name;
use crate::scan::Entries;
use crate::stamp::{FileType, Stamp};
use crate::time::Time;

/// Something to tell every subscriber of the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Telling {
    pub code: Code,
    pub subject: Subject,
    pub tag: Option<Tag>,
}

impl Telling {
    pub(crate) fn root(code: Code, tag: Option<Tag>) -> Telling {
        Telling { code, subject: Subject::Root, tag }
    }

    fn entry(code: Code, name: &Name, tag: Option<Tag>) -> Telling {
        Telling { code, subject: Subject::Entry(name.clone()), tag }
    }
}

/// What was told of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct File {
    /// Its state when it was told; `None` when that is not known well enough to prove anything.
    pub tag: Option<Tag>,
    /// Its type, as far as it was seen.
    file_type: Option<FileType>,
    /// Only its creation was told. What happens next is a change, though the stamp may have seen it already.
    created: bool,
    /// It was told because of a scan. Of what led to that, the kernel's notices may be still to come.
    scanned: bool,
    /// A notice about it was left to the next rescan.
    doubted: bool,
    /// That it has come is still to be told.
    is_untold: bool,
    /// When that was noticed, if it was.
    came: Option<Coarse>,
}

/// A time in sixteenths of a second, as far as they fit, which is for 68 minutes: there is one of it for each entry. Whoever is as old
/// as that may be taken for young, which costs a turn of others and nothing else.
type Coarse = NonZeroU16;

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

    fn of_scan(stamp: Option<&Stamp>) -> File {
        File { scanned: true, ..File::of(stamp) }
    }

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

    fn changes_type(&self, stamp: &Stamp) -> bool {
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
    let EntryNotice { change, seen, is_last } = entry;
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

/// What was told of a path.
#[derive(Debug, Default)]
pub(crate) enum Known {
    /// Nothing yet.
    #[default]
    Nothing,
    /// That it is missing.
    Absent,
    /// A file subscription: that it is there, whatever it is.
    File(File),
    /// A directory subscription: that it is there, and what is in it.
    Directory(Directory),
}

/// What was told of the entries of a directory.
pub(crate) type EntriesKnown = BTreeMap<Name, File>;

/// What was told of a directory.
#[derive(Debug)]
pub(crate) struct Directory {
    itself: Itself,
    /// Shared with the revalidations of them that are under way; `None` if there are none.
    entries: Option<Arc<EntriesKnown>>,
    /// Whether the entries are what a listing showed; false while it can't be listed.
    pub is_listed: bool,
}

/// The directory itself, as it was when it was last listed.
#[derive(Debug)]
struct Itself {
    /// Which file it is, as a fingerprint.
    file: Tag,
    tag: Option<Tag>,
    /// Tells which directory it is, not what is in it.
    identity: Option<Tag>,
}

impl Itself {
    fn of(stamp: &Stamp) -> Itself {
        Itself { file: stamp.file(), tag: stamp.tag(), identity: stamp.of_entry().tag() }
    }

    fn is_same_file(&self, stamp: &Stamp) -> bool {
        self.file == stamp.file()
    }
}

impl Known {
    /// Whether subscribers believe that the path is there, or are going to be told so.
    pub(crate) fn is_present(&self) -> bool {
        matches!(self, Known::File(_) | Known::Directory(_))
    }

    /// Learns that nothing is there.
    pub(crate) fn learn_absent(&mut self, told: &mut Vec<Telling>) {
        let is_untold = matches!(self, Known::File(file) if file.is_untold);
        if self.is_present() && !is_untold {
            told.push(Telling::root(Code::Deleted, None));
        }
        *self = Known::Absent;
    }

    /// Learns, for a file subscription, what the path leads to now.
    pub(crate) fn learn_file(&mut self, stamp: &Stamp, told: &mut Vec<Telling>) {
        let code = match self {
            Known::Nothing => None,
            Known::File(file) if file.shows(stamp) => None,
            Known::File(_) => Some(Code::Changed),
            Known::Absent | Known::Directory(_) => Some(Code::Created),
        };
        *self = Known::File(File { created: code == Some(Code::Created), ..File::of_scan(Some(stamp)) });
        told.extend(code.map(|code| Telling::root(code, stamp.tag())));
    }

    /// Learns, for a directory subscription, what the directory is and holds now. Whether entries that are known have
    /// changed is made out only if that is in doubt. Those of which notices tell, which are still to be taken, are left to these: they
    /// may have been looked at between any two of them.
    pub(crate) fn learn_directory(
        &mut self,
        stamp: Stamp,
        entries: Entries,
        in_doubt: bool,
        noticed: &BTreeSet<Name>,
        told: &mut Vec<Telling>,
    ) {
        match self {
            Known::Directory(directory) if directory.itself.is_same_file(&stamp) => {
                if matches!(entries, Entries::Listed(_) | Entries::Named(_)) {
                    directory.itself = Itself::of(&stamp);
                }
                return directory.learn(entries, in_doubt, noticed, told);
            }
            Known::Directory(_) => self.learn_absent(told),
            Known::Nothing | Known::Absent | Known::File(_) => {}
        }
        let is_news = matches!(self, Known::Absent);
        let mut directory = Directory { itself: Itself::of(&stamp), entries: None, is_listed: false };
        if is_news {
            told.push(Telling::root(Code::Created, directory.identity()));
            directory.learn(entries, in_doubt, noticed, told);
        } else {
            directory.fill(entries);
        }
        *self = Known::Directory(directory);
    }

    /// Takes a notice about the entry `name`, for a directory subscription.
    pub(crate) fn note_entry(&mut self, name: &Name, entry: EntryNotice, now: Time) -> Reaction {
        let Known::Directory(directory) = self else { return Reaction::Nothing };
        let before = directory.entry(name);
        let mut file = before.copied();
        let reaction = react(&mut file, entry.of_entry(), now);
        match file {
            Some(file) if before != Some(&file) => drop(directory.entries_mut().insert(name.clone(), file)),
            None if before.is_some() => directory.remove_entry(name),
            _ => {}
        }
        reaction
    }

    /// Whether an entry was told to be there, or is going to be, for a directory subscription.
    pub(crate) fn has_entry(&self, name: &Name) -> bool {
        matches!(self, Known::Directory(directory) if directory.entry(name).is_some())
    }

    /// Whether an entry was told because a scan had found it, for a directory subscription.
    pub(crate) fn was_scanned(&self, name: &Name) -> bool {
        matches!(self, Known::Directory(directory) if directory.entry(name).is_some_and(|file| file.scanned))
    }

    /// Leaves a notice about an entry to the next rescan: unless it says nothing new, that makes out whether the entry has
    /// changed, however closely it looks otherwise.
    pub(crate) fn doubt_entry(&mut self, name: &Name, entry: EntryNotice) {
        let Known::Directory(directory) = self else { return };
        let is_news = |file| {
            !matches!(
                react(&mut Some(file), entry.of_entry(), Time::default()),
                Reaction::Nothing | Reaction::Closed
            )
        };
        if directory.entry(name).is_some_and(|file| !file.doubted && is_news(*file))
            && let Some(file) = directory.entries_mut().get_mut(name)
        {
            file.doubted = true;
        }
    }

    /// What a revalidation has to see so that nothing is to be told, for a directory subscription.
    pub(crate) fn listing(&self) -> Option<(Tag, Arc<EntriesKnown>)> {
        match self {
            Known::Directory(directory) if directory.is_listed => {
                Some((directory.itself.tag?, directory.entries.clone().unwrap_or_default()))
            }
            _ => None,
        }
    }

    /// Takes a notice about the path itself, for a file subscription.
    pub(crate) fn note_root(&mut self, entry: EntryNotice, now: Time) -> Reaction {
        let mut file = match self {
            Known::File(file) => Some(*file),
            Known::Absent => None,
            Known::Nothing | Known::Directory(_) => return Reaction::Nothing,
        };
        let reaction = react(&mut file, entry, now);
        *self = file.map_or(Known::Absent, Known::File);
        reaction
    }

    /// Takes note that everything is told of a subject; gives whether that it has come was still to be told.
    pub(crate) fn announce(&mut self, subject: &Subject) -> bool {
        let file = match (self, subject) {
            (Known::File(file), Subject::Root) => file,
            (Known::Directory(directory), Subject::Entry(name))
                if directory.entry(name).is_some_and(|file| file.is_untold) =>
            {
                let Some(file) = directory.entries_mut().get_mut(name) else { return false };
                file
            }
            _ => return false,
        };
        std::mem::take(&mut file.is_untold)
    }

    /// The state to tell with an event about `subject`, as far as it is known.
    pub(crate) fn tag(&self, subject: &Subject) -> Option<Tag> {
        match (self, subject) {
            (Known::File(file), Subject::Root) => file.tag,
            (Known::Directory(directory), Subject::Entry(name)) => directory.entry(name)?.tag,
            _ => None,
        }
    }

    /// The initial listing: what the path itself is, and the entries.
    pub(crate) fn list(&self) -> (Telling, Option<Arc<EntriesKnown>>) {
        let root = match self {
            Known::File(file) => Telling::root(Code::Exists, file.tag),
            Known::Directory(directory) => Telling::root(Code::Exists, directory.identity()),
            Known::Nothing | Known::Absent => Telling::root(Code::Deleted, None),
        };
        let entries = match self {
            Known::Directory(directory) => directory.entries.clone(),
            _ => None,
        };
        (root, entries)
    }
}

impl Directory {
    /// How many entries it has.
    pub(crate) fn len(&self) -> usize {
        self.entries.as_ref().map_or(0, |entries| entries.len())
    }

    fn entry(&self, name: &Name) -> Option<&File> {
        self.entries.as_ref()?.get(name)
    }

    fn entries_mut(&mut self) -> &mut EntriesKnown {
        Arc::make_mut(self.entries.get_or_insert_default())
    }

    fn remove_entry(&mut self, name: &Name) {
        self.entries_mut().remove(name);
        self.entries.take_if(|entries| entries.is_empty());
    }

    /// Tells which directory it is, not what is in it.
    fn identity(&self) -> Option<Tag> {
        self.itself.identity
    }

    /// Takes the first listing, which nobody has been told of.
    fn fill(&mut self, entries: Entries) {
        let file = |stamp: Option<Stamp>| File::of_scan(stamp.map(Stamp::of_entry).as_ref());
        let entries: EntriesKnown = match entries {
            Entries::Listed(listing) => {
                listing.into_iter().map(|(name, stamp)| (name, file(stamp))).collect()
            }
            Entries::Named(names) => names.into_iter().map(|name| (name, File::of_name())).collect(),
            Entries::Unasked | Entries::Unlisted(_) => return,
        };
        self.entries = (!entries.is_empty()).then(|| Arc::new(entries));
        self.is_listed = true;
    }

    /// Takes a listing and tells the difference: first what is gone, then what is new or different, by name.
    fn learn(&mut self, entries: Entries, in_doubt: bool, noticed: &BTreeSet<Name>, told: &mut Vec<Telling>) {
        let mut listing = match entries {
            Entries::Listed(listing) => BTreeMap::from_iter(listing),
            Entries::Named(names) => names.into_iter().map(|name| (name, None)).collect(),
            Entries::Unasked => return,
            Entries::Unlisted(_) => {
                self.is_listed = false;
                return;
            }
        };
        self.is_listed = true;
        listing.retain(|name, _| !noticed.contains(name));
        let entries = self.entries_mut();
        entries.retain(|name, file| {
            let stays = noticed.contains(name)
                || listing.get(name).is_some_and(|stamp| !stamp.is_some_and(|now| file.changes_type(&now)));
            if !stays {
                told.push(Telling::entry(Code::Deleted, name, None));
            }
            stays
        });
        for (name, stamp) in listing {
            let stamp = stamp.map(Stamp::of_entry);
            let tag = stamp.as_ref().and_then(Stamp::tag);
            match entries.get_mut(&name) {
                None => {
                    told.push(Telling::entry(Code::Created, &name, tag));
                    entries.insert(name, File { created: true, ..File::of_scan(stamp.as_ref()) });
                }
                Some(file)
                    if !(in_doubt || file.doubted) || stamp.is_some_and(|stamp| file.shows(&stamp)) =>
                {
                    file.doubted = false;
                }
                Some(file) => {
                    *file = File::of_scan(stamp.as_ref());
                    told.push(Telling::entry(Code::Changed, &name, tag));
                }
            }
        }
        self.entries.take_if(|entries| entries.is_empty());
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
        react(&mut known, EntryNotice { change, seen: present(1), is_last: true }, Time::default())
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

    #[test]
    fn what_a_scan_has_shown_already_is_not_doubted() {
        let name = Name::from(b"f".as_slice());
        let doubted = |change, size| {
            let stamp = Stamp { size: 1, ..Stamp::void(FileType::Other) };
            let mut known = Known::Nothing;
            let listed = Entries::Listed(vec![(name.clone(), Some(stamp))]);
            let root = Stamp::void(FileType::Directory);
            known.learn_directory(root, listed, false, &BTreeSet::new(), &mut Vec::new());
            known.doubt_entry(&name, EntryNotice { change, seen: present(size), is_last: true });
            matches!(known, Known::Directory(directory) if directory.entry(&name).is_some_and(|file| file.doubted))
        };
        assert!(!doubted(Change::Created, 1) && !doubted(Change::MovedTo, 1));
        assert!(doubted(Change::Created, 2) && doubted(Change::MovedTo, 2));
    }
}
