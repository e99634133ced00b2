//! What a packet of fanotify(7) means: a hint, of which a look at the name decides.
//!
//! The queue merges whatever happens to one entry into the first packet about it, however much stands between. So a mask says what
//! happened, not in which order. Public, so that a model of this kernel goes through it too. Invariant: where the order matters, the record
//! says that it is not known.

use gamin_backend::{Number, Record};
use gamin_engine::{Change, Cookie, Level, Name};
use libc::{
    FAN_ATTRIB, FAN_CLOSE_WRITE, FAN_CREATE, FAN_DELETE, FAN_DELETE_SELF, FAN_EVENT_ON_CHILD, FAN_MODIFY,
    FAN_MOVE_SELF, FAN_MOVED_FROM, FAN_MOVED_TO, FAN_ONDIR, FAN_RENAME,
};

/// What an entry that comes does, ...
const COMES: [(u64, Change); 2] = [(FAN_CREATE, Change::Created), (FAN_MOVED_TO, Change::MovedTo)];
/// ... what one does that stays, in the order in which a writer does it, ...
const STAYS: [(u64, Change); 3] =
    [(FAN_MODIFY, Change::Modified), (FAN_CLOSE_WRITE, Change::Closed), (FAN_ATTRIB, Change::Attributes)];
/// ... and one that goes.
const GOES: [(u64, Change); 2] = [(FAN_DELETE, Change::Deleted), (FAN_MOVED_FROM, Change::MovedFrom)];

/// What fanotify is asked to tell of a directory. Before Linux 5.17 it does not know FAN_RENAME.
pub fn marked(level: Level) -> u64 {
    let itself = FAN_DELETE_SELF | FAN_MOVE_SELF | FAN_ONDIR;
    let told = |changes: &[(u64, Change)]| changes.iter().fold(0, |mask, (bit, _)| mask | bit);
    match level {
        Level::Itself => itself,
        Level::Removals => itself | FAN_DELETE,
        Level::Entries => {
            itself | told(&COMES) | told(&STAYS) | told(&GOES) | FAN_RENAME | FAN_EVENT_ON_CHILD
        }
    }
}

/// What a packet about a directory itself says.
pub fn of_itself(number: Number, mask: u64) -> impl Iterator<Item = Record> {
    let records = [
        (FAN_MOVE_SELF, Record::Moved(number)),
        (FAN_ATTRIB, Record::Attributes(number)),
        (FAN_DELETE_SELF, Record::Ended(number)),
    ];
    records.into_iter().filter(move |(bit, _)| mask & bit != 0).map(|(_, record)| record)
}

/// What a packet says about the attributes of a directory, where it stands.
pub fn of_directory(number: Number, name: Name) -> Record {
    Record::Entry { number, name, change: Change::Attributes, is_directory: true, cookie: None }
}

/// Whether a packet about an entry may be about a file that was removed, and that somebody holds open: it is told under the name that it
/// had, which may be another's by now.
pub fn may_be_of_a_removed_file(mask: u64) -> bool {
    let comes_or_goes = COMES.iter().chain(&GOES).any(|(bit, _)| mask & bit != 0);
    !comes_or_goes && mask & FAN_ONDIR == 0
}

/// What a packet about an entry says.
pub fn of_entry(number: Number, name: &Name, mask: u64) -> impl Iterator<Item = Record> {
    let of = move |changes: &[(u64, Change)]| {
        changes.iter().find(|(bit, _)| mask & bit != 0).map(|(_, change)| *change)
    };
    let is_directory = mask & FAN_ONDIR != 0;
    let entry = {
        let name = name.clone();
        move |change| Record::Entry { number, name: name.clone(), change, is_directory, cookie: None }
    };
    let (first, last) = match (of(&COMES), of(&GOES)) {
        (Some(comes), Some(goes)) => {
            (None, Some(Record::Unordered { number, name: name.clone(), comes, goes, is_directory }))
        }
        (comes, goes) => (comes.map(&entry), goes.map(&entry)),
    };
    let stays =
        STAYS.into_iter().filter(move |(bit, _)| mask & bit != 0).map(move |(_, change)| entry(change));
    first.into_iter().chain(stays).chain(last)
}

/// Makes out which records are of one rename: those of both its names, where they and the packet about it stand together. That packet is
/// the first of the three, or the second if what has gone was told of before, and nothing since.
#[derive(Debug, Default)]
pub struct Renames {
    /// From where to where.
    halves: Option<[(Number, Name); 2]>,
    count: u32,
}

impl Renames {
    /// Takes a packet about a rename: from which entry to which, if they are in watched directories.
    pub fn handle_rename(&mut self, halves: [Option<(Number, Name)>; 2]) {
        let [from, to] = halves;
        self.halves = from.zip(to).map(<[_; 2]>::from);
    }

    /// Takes another packet, of which the records from `first` on were made.
    pub fn handle(&mut self, records: &mut [Record], first: usize) {
        let Some(halves) = self.halves.take() else { return };
        let Some((before, of_packet)) = records.split_at_mut_checked(first) else { return };
        let [from, to] = &halves;
        if let [.., last] = of_packet
            && half(last, Change::MovedFrom, from).is_some()
        {
            self.halves = Some(halves);
        } else if let ([.., last], [next, ..]) = (before, of_packet)
            && let Some(gone) = half(last, Change::MovedFrom, from)
            && let Some(come) = half(next, Change::MovedTo, to)
        {
            self.count = self.count.wrapping_add(1);
            (*gone, *come) = (Cookie::of(self.count), Cookie::of(self.count));
        }
    }
}

/// The cookie of a record that says of this entry that it moved.
fn half<'a>(
    record: &'a mut Record,
    moves: Change,
    (directory, entry): &(Number, Name),
) -> Option<&'a mut Option<Cookie>> {
    match record {
        Record::Entry { number, name, change, cookie, .. }
            if *change == moves && number == directory && name == entry =>
        {
            Some(cookie)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of an entry: each change, or the two of which the order is not known.
    fn said(mask: u64) -> Vec<(Change, Option<Change>)> {
        let change = |record| match record {
            Record::Entry { change, .. } => (change, None),
            Record::Unordered { comes, goes, .. } => (comes, Some(goes)),
            other => panic!("{other:?}"),
        };
        of_entry(1, &Name::from(b"name".as_slice()), mask).map(change).collect()
    }

    #[test]
    fn what_both_came_and_went_is_said_so() {
        use Change::{Attributes, Closed, Created, Deleted, Modified, MovedFrom, MovedTo};
        assert_eq!(said(FAN_CREATE | FAN_DELETE), [(Created, Some(Deleted))]);
        assert_eq!(said(FAN_MOVED_FROM | FAN_MOVED_TO), [(MovedTo, Some(MovedFrom))]);
        let written = FAN_CREATE | FAN_MODIFY | FAN_CLOSE_WRITE;
        assert_eq!(said(written), [Created, Modified, Closed].map(|change| (change, None)));
        assert_eq!(said(FAN_ATTRIB | FAN_DELETE), [Attributes, Deleted].map(|change| (change, None)));
        assert_eq!(
            said(written | FAN_MOVED_FROM),
            [(Modified, None), (Closed, None), (Created, Some(MovedFrom))]
        );
    }

    #[test]
    fn raising_a_level_loses_nothing_and_reading_is_never_asked_for() {
        let levels = [Level::Itself, Level::Removals, Level::Entries].map(marked);
        assert!(levels.is_sorted_by(|lower, higher| lower & !higher == 0));
        let noise = libc::FAN_ACCESS | libc::FAN_OPEN | libc::FAN_CLOSE_NOWRITE;
        assert!(levels.iter().all(|mask| mask & noise == 0));
    }

    /// A packet: of a rename from one entry to another, as far as they are watched, or the record that was made of it.
    enum Told {
        Renamed([Option<&'static str>; 2]),
        Entry(&'static str, Change),
    }

    /// Of which rename each record is one half.
    fn paired(packets: &[Told]) -> Vec<Option<Cookie>> {
        let (mut renames, mut records) = (Renames::default(), Vec::new());
        let name = |name: &str| Name::from(name.as_bytes());
        for packet in packets {
            match packet {
                Told::Renamed(halves) => {
                    renames.handle_rename(halves.map(|half| half.map(|half| (1, name(half)))));
                }
                Told::Entry(entry, change) => {
                    let first = records.len();
                    let (name, change) = (name(entry), *change);
                    records.push(Record::Entry {
                        number: 1,
                        name,
                        change,
                        is_directory: false,
                        cookie: None,
                    });
                    renames.handle(&mut records, first);
                }
            }
        }
        let cookie = |record| match record {
            Record::Entry { cookie, .. } => cookie,
            other => panic!("{other:?}"),
        };
        records.into_iter().map(cookie).collect()
    }

    #[test]
    fn what_a_rename_says_of_itself_and_of_its_names_stands_together() {
        use Told::{Entry, Renamed};
        let renamed = || Renamed([Some("a"), Some("b")]);
        let (gone, come) = (|| Entry("a", Change::MovedFrom), || Entry("b", Change::MovedTo));
        let back =
            [Renamed([Some("b"), Some("a")]), Entry("b", Change::MovedFrom), Entry("a", Change::MovedTo)];
        let [one, other] = [1, 2].map(Cookie::of);
        assert_eq!(paired(&[renamed(), gone(), come()]), [one, one]);
        assert_eq!(paired(&[gone(), renamed(), come()]), [one, one], "something else had been told of it");
        let to_and_fro: Vec<_> = [renamed(), gone(), come()].into_iter().chain(back).collect();
        assert_eq!(paired(&to_and_fro), [one, one, other, other]);
    }

    #[test]
    fn what_stands_together_otherwise_is_no_rename() {
        use Told::{Entry, Renamed};
        let renamed = || Renamed([Some("a"), Some("b")]);
        let (gone, come) = (|| Entry("a", Change::MovedFrom), || Entry("b", Change::MovedTo));
        let noise = || Entry("c", Change::Modified);
        for apart in [
            vec![gone(), come()],
            vec![Renamed([Some("a"), None]), gone(), come()],
            vec![renamed(), gone(), noise(), come()],
            vec![renamed(), noise(), gone(), come()],
            vec![renamed(), Entry("c", Change::MovedFrom), come()],
            vec![renamed(), gone(), Entry("c", Change::MovedTo)],
            vec![renamed(), come(), gone()],
        ] {
            let told = paired(&apart);
            assert!(told.iter().all(Option::is_none), "{told:?}");
        }
    }
}
