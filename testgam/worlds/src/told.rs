//! The told state: what a client knows from the events of one request, and whether they could be true.
//!
//! Pure; looking at the disk is left to the world, and when to compare to the interpreter. Invariant: after
//! each event that [`Told::handle`] accepts, the state is what a program that believed every event of the
//! request would hold (original.md 4.1, 4.7, 8.3, 8.4, 8.5).

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use gamin::{Code, Kind};

use crate::check::Checker;
use crate::sight::is_relative;
use crate::sight::{Sight, Stamp};
use testgam_language::collection::Collection;

/// What the events of one request have said so far.
#[derive(Debug, Clone)]
pub struct Told {
    kind: Kind,
    path: PathBuf,
    phase: Phase,
    root: Presence,
    entries: BTreeMap<OsString, Presence>,
    /// Whether a name that was never told is known to be absent: not so without a listing.
    is_complete: bool,
    /// How much of what is below the directory is told, if not its entries alone.
    collection: Option<Collection>,
    /// Whether its events are held back.
    is_suspended: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Listing,
    Live,
    Cancelled { listed: bool },
    Acknowledged,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Presence {
    Unknown,
    Absent,
    /// With what was to be seen when the last event about it was read.
    Present(Glimpse),
}

/// What was to be seen of a name when an event about it was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Glimpse {
    /// What it was, if it was there.
    pub stamp: Option<Stamp>,
    /// Whether the event may have been told long before, so that it was about something else.
    pub is_late: bool,
}

/// What an event says that cannot be true after what was said before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "each says in its message what it is")]
pub enum Violation {
    #[error("no request has this number")]
    Unknown,
    #[error("an event after Acknowledge")]
    AfterAcknowledge,
    #[error("Acknowledge without a cancel")]
    Unasked,
    #[error("the path is not spelled as it was asked for")]
    Spelling,
    #[error("no such event is promised")]
    Code,
    #[error("a second EndExist, or one without a listing")]
    SecondEndExist,
    #[error("EndExist before it was said whether the path exists")]
    EarlyEndExist,
    #[error("EndExist and Acknowledge are about the monitored path itself")]
    NotTheRoot,
    #[error("Exists outside the listing")]
    ExistsOutsideListing,
    #[error("the listing holds this name twice")]
    ExistsTwice,
    #[error("a change inside the listing")]
    ChangeInListing,
    #[error("an entry of a directory that is not there")]
    NoDirectory,
    #[error("Created for what is present")]
    CreatedPresent,
    #[error("Changed for what is absent")]
    ChangedAbsent,
    #[error("Deleted for what is absent")]
    DeletedAbsent,
}

impl Violation {
    /// The promise that it breaks.
    pub fn checker(self) -> Checker {
        match self {
            Violation::AfterAcknowledge | Violation::Unasked => Checker::OneAcknowledge,
            _ => Checker::ConsistentStream,
        }
    }
}

impl Told {
    /// The state of a request that was just made.
    pub fn new(kind: Kind, path: &Path, no_exists: bool) -> Told {
        let is_silent = no_exists && kind == Kind::Directory;
        Told {
            kind,
            path: path.to_owned(),
            phase: if is_silent { Phase::Live } else { Phase::Listing },
            root: Presence::Unknown,
            entries: BTreeMap::new(),
            is_complete: !is_silent,
            collection: None,
            is_suspended: false,
        }
    }

    /// The state of a request about a collection.
    pub fn of_collection(path: &Path, collection: Collection, no_exists: bool) -> Told {
        Told { collection: Some(collection), ..Told::new(Kind::Directory, path, no_exists) }
    }

    /// What is to be seen of what was asked for. `look` looks at a path.
    pub fn sight(&self, look: impl Fn(&Path) -> Sight) -> Sight {
        match &self.collection {
            Some(collection) => Sight::of_collection(collection, &self.path, look),
            None => look(&self.path),
        }
    }

    /// Whether it is about more than one directory.
    pub fn is_collection(&self) -> bool {
        self.collection.is_some()
    }

    /// The path as it was asked for.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the name of an event means the monitored path itself.
    pub fn is_root(&self, name: &OsStr) -> bool {
        let is_below = self.is_collection() && is_relative(name);
        let is_path = name.as_encoded_bytes().contains(&b'/') && !is_below;
        self.kind == Kind::File || name == self.path.as_os_str() || is_path
    }

    /// Whether a file or a directory was asked for.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether the request is still of interest: neither cancelled nor acknowledged.
    pub fn is_live(&self) -> bool {
        matches!(self.phase, Phase::Listing | Phase::Live)
    }

    /// Whether its events are held back, so that what was told may be less than what is.
    pub fn is_suspended(&self) -> bool {
        self.is_suspended
    }

    /// Takes note that its events are held back, or no more.
    pub fn suspend(&mut self, is_suspended: bool) {
        self.is_suspended = is_suspended;
    }

    /// Whether EndExist has yet to come.
    pub fn is_listing(&self) -> bool {
        self.phase == Phase::Listing
    }

    /// Whether Acknowledge has yet to come.
    pub fn awaits_acknowledge(&self) -> bool {
        matches!(self.phase, Phase::Cancelled { .. })
    }

    /// Takes note that the client cancelled the request.
    pub fn handle_cancel(&mut self) {
        self.phase = match self.phase {
            Phase::Listing => Phase::Cancelled { listed: false },
            Phase::Live => Phase::Cancelled { listed: true },
            phase @ (Phase::Cancelled { .. } | Phase::Acknowledged) => phase,
        };
    }

    /// Takes an event. `seen` is what is to be seen of the name now.
    ///
    /// # Errors
    /// Says why the event cannot be true.
    pub fn handle(&mut self, code: Code, name: &OsStr, seen: Glimpse) -> Result<(), Violation> {
        if self.phase == Phase::Acknowledged {
            return Err(Violation::AfterAcknowledge);
        }
        let is_root = self.is_root(name);
        if is_root && name != self.path.as_os_str() {
            return Err(Violation::Spelling);
        }
        match code {
            Code::EndExist | Code::Acknowledge if !is_root => Err(Violation::NotTheRoot),
            Code::EndExist => self.end_listing(),
            Code::Acknowledge => self.acknowledge(),
            _ if is_root => self.handle_root(code, seen),
            _ => self.handle_entry(code, name, seen),
        }
    }

    fn in_listing(&self) -> bool {
        matches!(self.phase, Phase::Listing | Phase::Cancelled { listed: false })
    }

    fn end_listing(&mut self) -> Result<(), Violation> {
        if self.in_listing() && self.root == Presence::Unknown {
            return Err(Violation::EarlyEndExist);
        }
        self.phase = match self.phase {
            Phase::Listing => Phase::Live,
            Phase::Cancelled { listed: false } => Phase::Cancelled { listed: true },
            Phase::Live | Phase::Cancelled { listed: true } | Phase::Acknowledged => {
                return Err(Violation::SecondEndExist);
            }
        };
        Ok(())
    }

    fn acknowledge(&mut self) -> Result<(), Violation> {
        if !matches!(self.phase, Phase::Cancelled { .. }) {
            return Err(Violation::Unasked);
        }
        self.phase = Phase::Acknowledged;
        Ok(())
    }

    fn handle_root(&mut self, code: Code, seen: Glimpse) -> Result<(), Violation> {
        let initial = self.in_listing() && self.root == Presence::Unknown;
        self.root = match code {
            Code::Deleted if initial => Presence::Absent,
            _ => step(&self.root, self.in_listing(), code, seen)?,
        };
        if code == Code::Deleted {
            self.entries.clear();
            self.is_complete = true;
        }
        Ok(())
    }

    fn handle_entry(&mut self, code: Code, name: &OsStr, seen: Glimpse) -> Result<(), Violation> {
        let has_directory = match self.root {
            Presence::Present(_) => true,
            Presence::Absent => false,
            Presence::Unknown => !self.is_complete,
        };
        if !has_directory {
            return Err(Violation::NoDirectory);
        }
        let before = self.entries.get(name).cloned().unwrap_or(self.untold());
        let after = step(&before, self.in_listing(), code, seen)?;
        if after == Presence::Absent && self.is_complete {
            self.entries.remove(name);
        } else {
            self.entries.insert(name.to_owned(), after);
        }
        Ok(())
    }

    /// What is known of a name that no event was about.
    fn untold(&self) -> Presence {
        if self.is_complete { Presence::Absent } else { Presence::Unknown }
    }

    /// Compares with what is to be seen now; gives the first difference. With `by_stamps`, what is there also has to be
    /// what it was when the last event about it was read.
    ///
    /// # Errors
    /// Gives the name, `None` for the monitored path itself, and what is wrong about it.
    pub fn compare(&self, sight: &Sight, by_stamps: bool) -> Result<(), (Option<OsString>, &'static str)> {
        let compare = |told: &Presence, seen: Option<&Stamp>| compare(told, seen, by_stamps);
        let entries = match (sight, self.kind) {
            (Sight::Hidden, _) => return Ok(()),
            (Sight::File(_), Kind::Directory) | (Sight::Missing, _) => {
                return compare(&self.root, None).map_err(|why| (None, why));
            }
            (Sight::File(stamp) | Sight::Directory(stamp, _), Kind::File) => {
                return compare(&self.root, Some(stamp)).map_err(|why| (None, why));
            }
            (Sight::Directory(_, entries), Kind::Directory) => entries,
        };
        if self.root == Presence::Absent {
            return Err((None, "is on disk, but was told to be absent"));
        }
        let untold = self.untold();
        for (name, stamp) in entries {
            let told = self.entries.get(name).unwrap_or(&untold);
            compare(told, Some(stamp)).map_err(|why| (Some(name.clone()), why))?;
        }
        for (name, told) in self.entries.iter().filter(|(name, _)| !entries.contains_key(*name)) {
            compare(told, None).map_err(|why| (Some(name.clone()), why))?;
        }
        Ok(())
    }
}

/// Whether there is something at the path of an event once that has been told; `None` if the event says nothing of it.
///
/// What a code says is read here on purpose, and not with `Code::presence`, as client and server do: their word is no proof of
/// their word.
pub fn tells_presence(code: Code) -> Option<bool> {
    match code {
        Code::Exists | Code::Created | Code::Changed => Some(true),
        Code::Deleted => Some(false),
        _ => None,
    }
}

/// What an event makes of what was known of its name.
fn step(before: &Presence, listing: bool, code: Code, seen: Glimpse) -> Result<Presence, Violation> {
    match (code, before) {
        (Code::Exists, _) if !listing => Err(Violation::ExistsOutsideListing),
        (Code::Exists, Presence::Present(_)) => Err(Violation::ExistsTwice),
        (Code::Exists, _) => Ok(Presence::Present(seen)),
        (Code::Created | Code::Changed | Code::Deleted, _) if listing => Err(Violation::ChangeInListing),
        (Code::Created, Presence::Present(_)) => Err(Violation::CreatedPresent),
        (Code::Changed, Presence::Absent) => Err(Violation::ChangedAbsent),
        (Code::Deleted, Presence::Absent) => Err(Violation::DeletedAbsent),
        (Code::Created | Code::Changed, _) => Ok(Presence::Present(seen)),
        (Code::Deleted, _) => Ok(Presence::Absent),
        _ => Err(Violation::Code),
    }
}

/// Compares what was told with what is there.
fn compare(told: &Presence, seen: Option<&Stamp>, by_stamps: bool) -> Result<(), &'static str> {
    match (told, seen) {
        (Presence::Present(_), None) => Err("is told to be present, but is not on disk"),
        (Presence::Absent, Some(_)) => Err("is on disk, but was told to be absent"),
        (Presence::Present(then), Some(now)) if by_stamps && !same(then, now) => {
            Err("has changed on disk since it was last told")
        }
        _ => Ok(()),
    }
}

fn same(then: &Glimpse, now: &Stamp) -> bool {
    if then.is_late && now.is_directory() {
        // It may have been like this when it was told: a directory that was away and is back is as if it had never gone.
        return true;
    }
    let Some(then) = &then.stamp else { return false };
    let content_differs = matches!((then.content, now.content), (Some(then), Some(now)) if then != now);
    (then.inode, then.mode, then.owner) == (now.inode, now.mode, now.owner) && !content_differs
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIR: &str = "/d";

    fn seen(inode: u64) -> Glimpse {
        Glimpse { stamp: Some(stamp(inode)), is_late: false }
    }

    fn stamp(inode: u64) -> Stamp {
        Stamp { inode, mode: 0o644, owner: (0, 0), content: Some((0, 0)) }
    }

    fn handle(told: &mut Told, events: &[(Code, &str)]) -> Result<(), Violation> {
        events.iter().try_for_each(|(code, name)| told.handle(*code, OsStr::new(name), seen(1)))
    }

    fn directory(events: &[(Code, &str)]) -> Result<Told, Violation> {
        let mut told = Told::new(Kind::Directory, Path::new(DIR), false);
        handle(&mut told, events).map(|()| told)
    }

    /// A directory with one entry, told completely.
    fn live() -> Told {
        directory(&[(Code::Exists, DIR), (Code::Exists, "a"), (Code::EndExist, DIR)]).expect("a true listing")
    }

    #[test]
    fn a_life_of_a_directory_is_accepted() {
        let mut told = live();
        let events = [
            (Code::Changed, "a"),
            (Code::Deleted, "a"),
            (Code::Created, "a"),
            (Code::Deleted, DIR),
            (Code::Created, DIR),
            (Code::Created, "a"),
        ];
        assert_eq!(handle(&mut told, &events), Ok(()));
        told.handle_cancel();
        assert_eq!(handle(&mut told, &[(Code::Changed, "a"), (Code::Acknowledge, DIR)]), Ok(()));
    }

    #[test]
    fn each_violation_of_a_live_request_is_caught() {
        let cases = [
            (Code::Created, "a", Violation::CreatedPresent),
            (Code::Created, DIR, Violation::CreatedPresent),
            (Code::Changed, "b", Violation::ChangedAbsent),
            (Code::Deleted, "b", Violation::DeletedAbsent),
            (Code::Exists, "b", Violation::ExistsOutsideListing),
            (Code::EndExist, DIR, Violation::SecondEndExist),
            (Code::EndExist, "a", Violation::NotTheRoot),
            (Code::Acknowledge, DIR, Violation::Unasked),
            (Code::Changed, "/d/", Violation::Spelling),
            (Code::Moved, "a", Violation::Code),
        ];
        for (code, name, violation) in cases {
            assert_eq!(handle(&mut live(), &[(code, name)]), Err(violation), "{code:?} {name}");
        }
    }

    #[test]
    fn each_violation_of_a_listing_is_caught() {
        let cases: [(&[(Code, &str)], Violation); 6] = [
            (&[(Code::EndExist, DIR)], Violation::EarlyEndExist),
            (&[(Code::Exists, "a")], Violation::NoDirectory),
            (&[(Code::Exists, DIR), (Code::Exists, DIR)], Violation::ExistsTwice),
            (&[(Code::Exists, DIR), (Code::Exists, "a"), (Code::Exists, "a")], Violation::ExistsTwice),
            (&[(Code::Exists, DIR), (Code::Created, "a")], Violation::ChangeInListing),
            (&[(Code::Exists, DIR), (Code::Deleted, DIR)], Violation::ChangeInListing),
        ];
        for (events, violation) in cases {
            assert_eq!(directory(events).err(), Some(violation), "{events:?}");
        }
    }

    #[test]
    fn after_deleted_of_the_root_its_entries_count_as_gone() {
        let mut told = live();
        assert_eq!(handle(&mut told, &[(Code::Deleted, DIR)]), Ok(()));
        assert_eq!(handle(&mut told, &[(Code::Deleted, "a")]), Err(Violation::NoDirectory));
        assert_eq!(handle(&mut told, &[(Code::Created, DIR)]), Ok(()));
        assert_eq!(handle(&mut told, &[(Code::Deleted, "a")]), Err(Violation::DeletedAbsent));
    }

    #[test]
    fn after_acknowledge_there_is_silence() {
        let mut told = live();
        told.handle_cancel();
        assert!(told.awaits_acknowledge());
        assert_eq!(handle(&mut told, &[(Code::Acknowledge, DIR)]), Ok(()));
        for code in [Code::Acknowledge, Code::Deleted, Code::EndExist] {
            assert_eq!(handle(&mut told, &[(code, DIR)]), Err(Violation::AfterAcknowledge));
        }
    }

    #[test]
    fn without_a_listing_untold_names_are_unknown_and_end_exist_is_wrong() {
        let mut told = Told::new(Kind::Directory, Path::new(DIR), true);
        assert_eq!(handle(&mut told, &[(Code::Deleted, "a"), (Code::Changed, "b")]), Ok(()));
        assert_eq!(handle(&mut told, &[(Code::Deleted, "a")]), Err(Violation::DeletedAbsent));
        assert_eq!(handle(&mut told, &[(Code::EndExist, DIR)]), Err(Violation::SecondEndExist));
        assert_eq!(handle(&mut told, &[(Code::Deleted, DIR)]), Ok(()));
    }

    #[test]
    fn a_missing_path_is_deleted_then_ends_its_listing() {
        let mut told = Told::new(Kind::File, Path::new("/f"), true);
        assert_eq!(handle(&mut told, &[(Code::Deleted, "/f"), (Code::EndExist, "/f")]), Ok(()));
        assert_eq!(handle(&mut told, &[(Code::Created, "f")]), Err(Violation::Spelling));
        assert_eq!(told.compare(&Sight::Missing, true), Ok(()));
        assert!(told.compare(&Sight::File(stamp(1)), true).is_err());
    }

    #[test]
    fn convergence_compares_names_and_what_changed_since() {
        let sight = |entries: &[(&str, Stamp)]| {
            let entries = entries.iter().map(|(name, stamp)| (OsString::from(name), stamp.clone())).collect();
            Sight::Directory(stamp(9), entries)
        };
        let told = live();
        assert_eq!(told.compare(&sight(&[("a", stamp(1))]), true), Ok(()));
        assert!(told.compare(&sight(&[]), true).is_err());
        assert!(told.compare(&sight(&[("a", stamp(2))]), true).is_err());
        assert!(told.compare(&sight(&[("a", stamp(1)), ("b", stamp(1))]), true).is_err());
        assert!(told.compare(&Sight::Missing, true).is_err());
        let shared = Stamp { content: None, ..stamp(1) };
        assert_eq!(told.compare(&sight(&[("a", shared)]), true), Ok(()));
    }

    #[test]
    fn a_directory_of_which_was_read_late_may_have_been_away_meanwhile() {
        let directory = Stamp { mode: 0o40_755, content: None, ..stamp(1) };
        for (now, is_late, as_told) in
            [(&directory, true, true), (&directory, false, false), (&stamp(1), true, false)]
        {
            let mut told = live();
            let away = Glimpse { stamp: None, is_late };
            assert_eq!(told.handle(Code::Changed, OsStr::new("a"), away), Ok(()));
            let entries = [("a".into(), now.clone())].into_iter().collect();
            let sight = Sight::Directory(stamp(9), entries);
            assert_eq!(told.compare(&sight, true).is_ok(), as_told);
        }
    }
}
