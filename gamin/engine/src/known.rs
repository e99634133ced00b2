//! What the subscribers of one path have been told of it, or are going to be told at the next turn, and how notices and scans change
//! that.
//!
//! Pure bookkeeping: whom to tell, and when to look, is left to the engine. Invariant: Created is told only of what
//! is absent here, Deleted and Changed only of what is present; a notice that contradicts what is known is ignored.

use std::collections::BTreeSet;
use std::sync::Arc;

use gamin_protocol::{Code, Tag};

use crate::entry_table::EntryTable;
use crate::event::Subject;
use crate::file::{File, Reaction, react};
use crate::notice::EntryNotice;
use crate::path::Name;
use crate::scan::Entries;
use crate::stamp::Stamp;
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

    pub(crate) fn entry(code: Code, name: &[u8], tag: Option<Tag>) -> Telling {
        Telling { code, subject: Subject::Entry(Name::from(name)), tag }
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

/// What was told of a directory.
#[derive(Debug)]
pub(crate) struct Directory {
    /// Which file it is, as a fingerprint of half a word. If another that takes its place has the same, which is one in four thousand
    /// million, what is told is what the one holds and the other does not.
    file: u32,
    /// Whether the entries are what a listing showed; false while it can't be listed.
    pub is_listed: bool,
    /// Tells which directory it is, not what is in it.
    identity: Option<Tag>,
    /// Shared with the revalidations of them that are under way. `None` if there are none, unless that was seen twice: who is looked
    /// at again and again has something to be revalidated by.
    entries: Option<Arc<EntryTable>>,
}

impl Known {
    /// Whether subscribers believe that the path is there, or are going to be told so.
    pub(crate) fn is_present(&self) -> bool {
        matches!(self, Known::File(_) | Known::Directory(_))
    }

    /// Whether it is the directory that has this stamp.
    pub(crate) fn is_directory(&self, stamp: &Stamp) -> bool {
        matches!(self, Known::Directory(directory) if directory.file == stamp.file())
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
            Known::Directory(directory) if directory.file == stamp.file() => {
                if matches!(entries, Entries::Listed(_) | Entries::Named(_)) {
                    directory.identity = stamp.of_entry().tag();
                }
                return directory.learn(&stamp, entries, in_doubt, noticed, told);
            }
            Known::Directory(_) => self.learn_absent(told),
            Known::Nothing | Known::Absent | Known::File(_) => {}
        }
        let is_news = matches!(self, Known::Absent);
        let mut directory = Directory::of(&stamp);
        if is_news {
            told.push(Telling::root(Code::Created, directory.identity));
            directory.learn(&stamp, entries, in_doubt, noticed, told);
        } else {
            directory.fill(&stamp, entries);
        }
        *self = Known::Directory(directory);
    }

    /// Takes a notice about the entry `name`, for a directory subscription.
    pub(crate) fn note_entry(&mut self, name: &Name, entry: EntryNotice, now: Time) -> Reaction {
        let Known::Directory(directory) = self else { return Reaction::Nothing };
        directory.update(name, |file| react(file, entry.of_entry(), now))
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
        directory.update(name, |file| {
            if let Some(file) = file {
                file.doubted |= is_news(*file);
            }
        });
    }

    /// What a revalidation has to see so that nothing is to be told, for a directory subscription.
    pub(crate) fn listing(&self) -> Option<(Tag, Arc<EntryTable>)> {
        match self {
            Known::Directory(Directory { is_listed: true, entries: Some(entries), .. }) => {
                Some((entries.tag?, Arc::clone(entries)))
            }
            _ => None,
        }
    }

    /// Forgets what was seen of an entry but that it is there, for a directory subscription.
    pub(crate) fn forget_stamp(&mut self, name: &Name) {
        if let Known::Directory(directory) = self {
            directory.update(name, |file| *file = file.map(|_| File::of_scan(None)));
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
        match (self, subject) {
            (Known::File(file), Subject::Root) => std::mem::take(&mut file.is_untold),
            (Known::Directory(directory), Subject::Entry(name)) => directory
                .update(name, |file| file.as_mut().is_some_and(|file| std::mem::take(&mut file.is_untold))),
            _ => false,
        }
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
    pub(crate) fn list(&self) -> (Telling, Option<Arc<EntryTable>>) {
        let root = match self {
            Known::File(file) => Telling::root(Code::Exists, file.tag),
            Known::Directory(directory) => Telling::root(Code::Exists, directory.identity),
            Known::Nothing | Known::Absent => Telling::root(Code::Deleted, None),
        };
        (root, self.shared_entries())
    }

    /// The entries, for a directory subscription.
    pub(crate) fn entries(&self) -> Arc<EntryTable> {
        self.shared_entries().unwrap_or_default()
    }

    fn shared_entries(&self) -> Option<Arc<EntryTable>> {
        match self {
            Known::Directory(directory) => directory.entries.clone(),
            _ => None,
        }
    }
}

impl Directory {
    fn of(stamp: &Stamp) -> Directory {
        let (file, identity) = (stamp.file(), stamp.of_entry().tag());
        Directory { file, is_listed: false, identity, entries: None }
    }

    /// How many entries it has.
    pub(crate) fn len(&self) -> usize {
        self.entries.as_ref().map_or(0, |entries| entries.len())
    }

    fn entry(&self, name: &Name) -> Option<File> {
        self.entries.as_ref()?.get(name)
    }

    fn entries_mut(&mut self) -> &mut EntryTable {
        Arc::make_mut(self.entries.get_or_insert_default())
    }

    fn update<T>(&mut self, name: &Name, change: impl FnOnce(&mut Option<File>) -> T) -> T {
        let changed = self.entries_mut().update(name, change);
        self.entries.take_if(|entries| entries.is_empty());
        changed
    }

    /// Takes the first listing, which nobody has been told of.
    fn fill(&mut self, stamp: &Stamp, mut entries: Entries) {
        if matches!(entries, Entries::Unasked | Entries::Unlisted(_)) {
            return;
        }
        entries.sort();
        let mut table = EntryTable::default();
        table.tag = stamp.tag();
        for (name, stamp) in entries.iter() {
            table.push(name, File::of_scan(stamp.map(Stamp::of_entry).as_ref()));
        }
        self.is_listed = true;
        self.entries = (!table.is_empty()).then(|| Arc::new(table));
    }

    /// Takes a listing and tells the difference: first what is gone, then what is new or different, by name.
    fn learn(
        &mut self,
        stamp: &Stamp,
        mut listing: Entries,
        in_doubt: bool,
        noticed: &BTreeSet<Name>,
        told: &mut Vec<Telling>,
    ) {
        match listing {
            Entries::Listed(_) | Entries::Named(_) => listing.sort(),
            Entries::Unasked => return,
            Entries::Unlisted(_) => {
                self.is_listed = false;
                return;
            }
        }
        self.is_listed = true;
        let entries = self.entries_mut();
        entries.tag = stamp.tag();
        let gone = |(name, file): &(&[u8], File)| {
            !noticed.contains(*name)
                && listing.find(name).is_none_or(|stamp| stamp.is_some_and(|now| file.changes_type(&now)))
        };
        let gone: Vec<Name> = entries.iter().filter(gone).map(|(name, _)| Name::from(name)).collect();
        for name in gone {
            entries.update(&name, |file| *file = None);
            told.push(Telling::entry(Code::Deleted, &name, None));
        }
        for (name, stamp) in listing.iter().filter(|(name, _)| !noticed.contains(*name)) {
            let stamp = stamp.map(Stamp::of_entry);
            let tag = stamp.as_ref().and_then(Stamp::tag);
            let code = match entries.get(name) {
                None => Code::Created,
                Some(file)
                    if !(in_doubt || file.doubted) || stamp.is_some_and(|stamp| file.shows(&stamp)) =>
                {
                    if file.doubted {
                        let file = File { doubted: false, ..file };
                        entries.update(name, |known| *known = Some(file));
                    }
                    continue;
                }
                Some(_) => Code::Changed,
            };
            let file = File { created: code == Code::Created, ..File::of_scan(stamp.as_ref()) };
            entries.update(name, |known| *known = Some(file));
            told.push(Telling::entry(code, name, tag));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notice::{Change, Seen};
    use crate::stamp::FileType;

    #[test]
    fn what_a_scan_has_shown_already_is_not_doubted() {
        let name = Name::from(b"f".as_slice());
        let doubted = |change, size| {
            let stamp = Stamp { size: 1, ..Stamp::void(FileType::Other) };
            let mut known = Known::Nothing;
            let listed = Entries::Listed(vec![(name.clone(), Some(stamp))]);
            let root = Stamp::void(FileType::Directory);
            known.learn_directory(root, listed, false, &BTreeSet::new(), &mut Vec::new());
            known.doubt_entry(
                &name,
                EntryNotice {
                    change,
                    seen: Seen::Present(Stamp { size, ..Stamp::void(FileType::Other) }),
                    is_last: true,
                    cookie: None,
                },
            );
            matches!(known, Known::Directory(directory) if directory.entry(&name).is_some_and(|file| file.doubted))
        };
        assert!(!doubted(Change::Created, 1) && !doubted(Change::MovedTo, 1));
        assert!(doubted(Change::Created, 2) && doubted(Change::MovedTo, 2));
    }
}
