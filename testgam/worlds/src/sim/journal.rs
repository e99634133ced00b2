//! The journal: which states a path, and each name in it, really had, one after the other.
//!
//! The tree writes it whenever it changes; what was told is compared with it by `check::witness`. Only paths that somebody
//! asked for are followed. Invariant: between two states of a name that are of different files, or to which different ways
//! lead, it was absent, if only for no time at all.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::time::Duration;

use gamin::Kind;
use gamin_core::engine::{Name, Tag, TreePath};

use super::tree::node::Caller;

/// How rarely a remote mount is looked at, at most, and how long it takes until one counts as hung.
const POLLED_EVERY_MAX: Duration = Duration::from_secs(5 + 1);

/// A moment, counted in changes of the tree.
pub type Moment = u64;

/// What is to be seen of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Nothing.
    Absent,
    /// The server can't know.
    Hidden,
    /// A file or directory.
    Present(FileSight),
}

/// A file as it is to be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileSight {
    /// The fingerprint of the file; as an entry of a directory has it, unless it is the path itself.
    pub tag: Tag,
    /// Which file it is, and which way leads to it.
    pub identity: u64,
    /// How often the kernel has told that it changed.
    pub told: u64,
    /// Whether it may have changed in a way that nobody promises to notice.
    pub is_vague: bool,
}

/// What is to be seen at a path at one moment.
#[derive(Debug)]
pub struct Sighting {
    /// Of the path itself.
    pub root: State,
    /// Of each entry, by name.
    pub entries: Vec<(Name, State)>,
    /// Of all other names.
    pub others: State,
    /// Whether there are too many entries to follow.
    pub is_crowded: bool,
    /// Whether whoever looks is not answered.
    pub hangs: bool,
}

/// What is followed: a path, as a file or as a directory.
pub type FollowedPath = (TreePath, Kind);

/// The states of one name, each with the moment at which it began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Life(Vec<(Moment, State)>);

/// What a path, and everything in it, was.
#[derive(Debug)]
pub struct Chronicle {
    /// The path itself.
    pub root: Life,
    /// What was in it at any time.
    pub entries: BTreeMap<Name, Life>,
    is_crowded: bool,
    /// Whether whoever looks is not answered; and until when that was so.
    pub hangs: bool,
    hung_until: Option<Duration>,
    /// Whether a rescan has ever shown the server where it leads.
    is_seen: bool,
    /// Whether the last scan of it failed, or is not answered.
    pub is_doubted: bool,
    /// From when to when scans of it were under way away from the server's loop, and how many still are.
    long_scans: Vec<RangeInclusive<Moment>>,
    underway: usize,
    began: Moment,
}

/// The chronicles of all paths that are followed.
#[derive(Debug)]
pub struct Journal {
    paths: BTreeMap<FollowedPath, Chronicle>,
    moment: Moment,
    /// The time since the world began.
    pub time: Duration,
    /// With whose rights it is looked.
    pub caller: Caller,
    /// Whether a file can change without a trace, so that one which was told just now may have to be told again.
    pub has_coarse_clock: bool,
    /// From which name to which something was ever renamed.
    renames: BTreeSet<[Name; 2]>,
}

impl Life {
    /// A name that nothing had at a moment.
    pub fn new(began: Moment) -> Life {
        Life(vec![(began, State::Absent)])
    }

    /// The states from the beginning.
    pub fn states(&self) -> &[(Moment, State)] {
        &self.0
    }

    /// The states, each with the moments from its beginning to its end.
    pub fn spans(&self) -> impl Iterator<Item = (RangeInclusive<Moment>, &State)> {
        let ends = self.0.iter().skip(1).map(|(began, _)| *began).chain([Moment::MAX]);
        self.0.iter().zip(ends).map(|((began, state), end)| (*began..=end, state))
    }

    /// Where the state stands that it was in at a moment.
    pub fn at(&self, moment: Moment) -> usize {
        self.0.partition_point(|(began, _)| *began <= moment).saturating_sub(1)
    }

    /// What it is now.
    pub fn last(&self) -> State {
        self.0.last().map_or(State::Absent, |(_, state)| *state)
    }

    /// Whether it was ever in a state that nobody promises to notice.
    pub fn is_vague(&self) -> bool {
        self.0.iter().any(|(_, state)| {
            matches!(state, State::Hidden | State::Present(FileSight { is_vague: true, .. }))
        })
    }

    /// When the last state began.
    fn began(&self) -> Moment {
        self.0.last().map_or(0, |(began, _)| *began)
    }

    /// Takes note that the server may have taken it for anything at a moment.
    fn doubt(&mut self, moment: Moment) {
        let state = self.last();
        self.0.extend([(moment, State::Hidden), (moment, state)]);
    }

    /// Takes the next state, if it is another.
    fn take(&mut self, moment: Moment, state: State) {
        let last = self.last();
        if last == state {
            return;
        }
        if let (State::Present(before), State::Present(after)) = (last, state)
            && before.identity != after.identity
        {
            self.0.push((moment, State::Absent));
        }
        self.0.push((moment, state));
    }
}

impl Chronicle {
    /// Whether nothing can be said of it: it held too many entries to follow.
    pub fn is_void(&self) -> bool {
        self.is_crowded
    }

    /// Whether nobody has come to look again since it hung. Before the first look nobody knows when to.
    fn may_wait(&self, time: Duration) -> bool {
        self.hangs || !self.is_seen || self.hung_until.is_some_and(|until| until + POLLED_EVERY_MAX > time)
    }

    /// Whether a scan of it was under way, away from the server's loop, while something was so. What is noticed meanwhile is told
    /// afterwards, and may be older than what the scan found.
    pub fn had_long_scan(&self, while_so: &RangeInclusive<Moment>) -> bool {
        { self.long_scans.iter() }
            .any(|scan| scan.start() <= while_so.end() && while_so.start() <= scan.end())
    }

    /// Takes note how many scans of it are under way away from the server's loop.
    fn set_underway(&mut self, moment: Moment, underway: usize) {
        match (std::mem::replace(&mut self.underway, underway), self.long_scans.last_mut()) {
            (0, _) if underway > 0 => self.long_scans.push(moment..=Moment::MAX),
            (1.., Some(last)) if underway == 0 => *last = *last.start()..=moment,
            _ => {}
        }
    }

    fn take(&mut self, moment: Moment, time: Duration, sighting: Sighting) {
        self.is_crowded |= sighting.is_crowded;
        if self.hangs {
            self.hung_until = Some(time);
        }
        self.hangs = sighting.hangs;
        // Until somebody has looked again.
        self.is_doubted |= sighting.hangs;
        self.root.take(moment, sighting.root);
        self.take_entries(moment, sighting);
    }

    fn take_entries(&mut self, moment: Moment, sighting: Sighting) {
        let mut seen = sighting.entries.into_iter().peekable();
        let mut fresh = Vec::new();
        for (name, life) in &mut self.entries {
            while let Some(new) = seen.next_if(|(seen, _)| seen < name) {
                fresh.push(new);
            }
            let state = seen.next_if(|(seen, _)| seen == name).map_or(sighting.others, |(_, state)| state);
            life.take(moment, state);
        }
        for (name, state) in fresh.into_iter().chain(seen) {
            let mut life = Life::new(self.began);
            life.take(moment, state);
            self.entries.insert(name, life);
        }
    }
}

impl Sighting {
    /// Of a path without entries.
    pub fn of(root: State) -> Sighting {
        Sighting { root, entries: Vec::new(), others: State::Absent, is_crowded: false, hangs: false }
    }

    /// The same, where the server may not look.
    #[must_use]
    pub fn hidden(mut self) -> Sighting {
        (self.root, self.others) = (State::Hidden, State::Hidden);
        for (_, state) in &mut self.entries {
            *state = State::Hidden;
        }
        self
    }
}

impl Journal {
    /// A journal of nothing.
    pub fn new() -> Journal {
        Journal {
            paths: BTreeMap::new(),
            moment: 0,
            time: Duration::ZERO,
            caller: Caller::Root,
            has_coarse_clock: false,
            renames: BTreeSet::new(),
        }
    }

    /// Whether anything was ever renamed from one name to another.
    pub fn has_renamed(&self, names: &[Name; 2]) -> bool {
        self.renames.contains(names)
    }

    /// Now.
    pub fn now(&self) -> Moment {
        self.moment
    }

    /// What is known of a path.
    pub fn chronicle(&self, subject: &FollowedPath) -> Option<&Chronicle> {
        self.paths.get(subject)
    }

    /// How many paths lead onto a mount that does not answer, or did when they were looked at last.
    pub fn count_waiting(&self) -> usize {
        self.paths.values().filter(|chronicle| chronicle.may_wait(self.time)).count()
    }

    /// What is followed.
    pub fn subjects(&self) -> impl Iterator<Item = &FollowedPath> {
        self.paths.keys()
    }

    /// Takes note that a scan of a path failed: what the server makes of that is nobody's fault. Or that it went well.
    pub fn handle_scan(&mut self, path: &TreePath, failed: bool) {
        self.moment += 1;
        let moment = self.moment;
        for chronicle in
            self.paths.iter_mut().filter(|((of, _), _)| of == path).map(|(_, chronicle)| chronicle)
        {
            // What an answer shows that comes when the path has begun to hang again is of another mount, or of before.
            chronicle.is_doubted = failed || chronicle.hangs;
            chronicle.is_seen = true;
            if failed {
                let lives = chronicle.entries.values_mut().chain([&mut chronicle.root]);
                lives.for_each(|life| life.doubt(moment));
            }
        }
    }

    /// What a directory that is followed is, and which way leads to it.
    pub fn leads_to(&self, path: &TreePath) -> Option<u64> {
        match self.paths.get(&(path.clone(), Kind::Directory))?.root.last() {
            State::Present(FileSight { identity, .. }) => Some(identity),
            State::Absent | State::Hidden => None,
        }
    }

    /// Takes note that a path came to lead elsewhere while the directory to which it led was read: what came into that meanwhile was found
    /// there, though it was never at that path.
    pub fn handle_torn_scan(&mut self, path: &TreePath, found: Vec<Name>) {
        let moment = self.moment;
        let Some(chronicle) = self.paths.get_mut(&(path.clone(), Kind::Directory)) else { return };
        for name in found {
            let began = chronicle.began;
            chronicle.entries.entry(name).or_insert_with(|| Life::new(began)).doubt(moment);
        }
    }

    /// Takes note that a scan of a path is to be made away from the server's loop, or that one which was is answered.
    pub fn handle_long_scan(&mut self, path: &TreePath, is_answered: bool) {
        for (_, chronicle) in self.paths.iter_mut().filter(|((of, _), _)| of == path) {
            let underway =
                if is_answered { chronicle.underway.saturating_sub(1) } else { chronicle.underway + 1 };
            chronicle.set_underway(self.moment, underway);
        }
    }

    /// Takes note that a new server looks at everything anew.
    pub fn handle_new_server(&mut self, caller: Caller) {
        self.caller = caller;
        for chronicle in self.paths.values_mut() {
            chronicle.is_doubted = chronicle.hangs;
            chronicle.is_seen = false;
            chronicle.set_underway(self.moment, 0);
        }
    }

    /// Follows a path from now on. `sighting` is what is to be seen there.
    pub fn follow(&mut self, subject: FollowedPath, sighting: Sighting) {
        let began = self.moment;
        if let Entry::Vacant(place) = self.paths.entry(subject) {
            let (root, entries) = (Life::new(began), BTreeMap::new());
            let mut chronicle = Chronicle {
                root,
                entries,
                is_crowded: false,
                hangs: false,
                hung_until: None,
                is_seen: false,
                is_doubted: false,
                long_scans: Vec::new(),
                underway: 0,
                began,
            };
            chronicle.take(began, self.time, sighting);
            place.insert(chronicle);
        }
    }

    /// Takes note that the last change was one of these names at once, which the kernel tells, and a scan may see, one after the
    /// other: of a path that came or went by that, both may be told.
    pub fn handle_rename(&mut self, names: [&Name; 2]) {
        self.renames.insert(names.map(Name::clone));
        let moment = self.moment;
        for chronicle in self.paths.values_mut().filter(|chronicle| chronicle.root.began() == moment) {
            let began = chronicle.began;
            for name in names {
                let life = chronicle.entries.entry(name.clone());
                life.or_insert_with(|| Life::new(began)).doubt(moment);
            }
        }
    }

    /// Takes what is to be seen of everything after something has changed.
    pub fn take(&mut self, look: impl Fn(&FollowedPath) -> Sighting) {
        self.moment += 1;
        for (subject, chronicle) in &mut self.paths {
            chronicle.take(self.moment, self.time, look(subject));
        }
    }
}

impl Default for Journal {
    fn default() -> Journal {
        Journal::new()
    }
}
