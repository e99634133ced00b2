//! The journal: which states a path, and each name in it, really had, one after the other.
//!
//! The tree writes it whenever it changes; what was told is compared with it by `check::witness`. Only paths that somebody
//! asked for are followed. Invariant: between two states of a name that are of different files, or to which different ways
//! lead, it was absent, if only for no time at all.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use gamin::Kind;
use gamin_core::engine::{Name, Tag, TreePath};

use super::tree::Caller;

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
    Present(Sight),
}

/// A file as it is to be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sight {
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
}

/// What is followed: a path, as a file or as a directory.
pub type Subject = (TreePath, Kind);

/// How the tree came to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// By an operation on files.
    Operation,
    /// Something was mounted over a directory.
    Mount,
    /// What was mounted has gone.
    Unmount,
}

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
    is_void: bool,
    is_crowded: bool,
    /// When a new server saw what was mounted.
    void_until: Moment,
    /// Whether the last scan of it failed.
    pub is_doubted: bool,
    began: Moment,
}

/// The chronicles of all paths that are followed.
#[derive(Debug)]
pub struct Journal {
    paths: BTreeMap<Subject, Chronicle>,
    moment: Moment,
    /// Whether something was mounted since the server was started: what it is told of directories that it has asked about before
    /// is not of those that are there now.
    was_mounted: bool,
    /// With whose rights it is looked.
    pub caller: Caller,
    /// Whether a scan has taken long, so that what was noticed meanwhile may be older than what it found.
    pub has_slow_scans: bool,
    /// Whether a file can change without a trace, so that one which was told just now may have to be told again.
    pub has_coarse_clock: bool,
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
        self.0
            .iter()
            .any(|(_, state)| matches!(state, State::Hidden | State::Present(Sight { is_vague: true, .. })))
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

    /// Takes the next state; gives whether it is another.
    fn take(&mut self, moment: Moment, state: State) -> bool {
        let last = self.last();
        if last == state {
            return false;
        }
        if let (State::Present(before), State::Present(after)) = (last, state)
            && before.identity != after.identity
        {
            self.0.push((moment, State::Absent));
        }
        self.0.push((moment, state));
        true
    }
}

impl Chronicle {
    /// Whether something was mounted over it since the server was started, which is not promised to be noticed.
    pub fn is_mounted_over(&self) -> bool {
        self.is_void
    }

    /// Whether the events of a request that was made at a moment can be laid beside the states.
    pub fn is_known_since(&self, began: Moment) -> bool {
        !self.is_void() && self.void_until <= began
    }

    /// Whether nothing can be said of it: something was mounted over it, or it held too many entries to follow.
    pub fn is_void(&self) -> bool {
        self.is_void || self.is_crowded
    }

    fn take(&mut self, moment: Moment, sighting: Sighting, cause: Cause) {
        self.is_crowded |= sighting.is_crowded;
        let root_differs = self.root.take(moment, sighting.root);
        let entries_differ = self.take_entries(moment, sighting);
        self.is_void |= match cause {
            Cause::Operation => false,
            // Also where nothing is: the way may be another now.
            Cause::Mount => true,
            // That what was monitored goes is told; that there is another name below it, or none, is not.
            Cause::Unmount => entries_differ && !root_differs,
        };
    }

    fn take_entries(&mut self, moment: Moment, sighting: Sighting) -> bool {
        let mut differ = false;
        let mut seen = sighting.entries.into_iter().peekable();
        let mut fresh = Vec::new();
        for (name, life) in &mut self.entries {
            while let Some(new) = seen.next_if(|(seen, _)| seen < name) {
                fresh.push(new);
            }
            let state = seen.next_if(|(seen, _)| seen == name).map_or(sighting.others, |(_, state)| state);
            differ |= life.take(moment, state);
        }
        for (name, state) in fresh.into_iter().chain(seen) {
            let mut life = Life::new(self.began);
            differ |= life.take(moment, state);
            self.entries.insert(name, life);
        }
        differ
    }
}

impl Sighting {
    /// Of a path without entries.
    pub fn of(root: State) -> Sighting {
        Sighting { root, entries: Vec::new(), others: State::Absent, is_crowded: false }
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
            was_mounted: false,
            caller: Caller::Root,
            has_slow_scans: false,
            has_coarse_clock: false,
        }
    }

    /// Now.
    pub fn now(&self) -> Moment {
        self.moment
    }

    /// Whether something was mounted since the server was started.
    pub fn was_mounted(&self) -> bool {
        self.was_mounted
    }

    /// What is known of a path.
    pub fn chronicle(&self, subject: &Subject) -> Option<&Chronicle> {
        self.paths.get(subject)
    }

    /// What is followed.
    pub fn subjects(&self) -> impl Iterator<Item = &Subject> {
        self.paths.keys()
    }

    /// Takes note that a scan of a path failed: what the server makes of that is nobody's fault. Or that it went well.
    pub fn handle_scan(&mut self, path: &TreePath, failed: bool) {
        self.moment += 1;
        let moment = self.moment;
        for chronicle in
            self.paths.iter_mut().filter(|((of, _), _)| of == path).map(|(_, chronicle)| chronicle)
        {
            chronicle.is_doubted = failed;
            if failed {
                let lives = chronicle.entries.values_mut().chain([&mut chronicle.root]);
                lives.for_each(|life| life.doubt(moment));
            }
        }
    }

    /// Takes note that a new server looks at everything anew.
    pub fn handle_new_server(&mut self, caller: Caller) {
        self.caller = caller;
        self.was_mounted = false;
        for chronicle in self.paths.values_mut() {
            if std::mem::take(&mut chronicle.is_void) {
                chronicle.void_until = self.moment;
            }
            chronicle.is_doubted = false;
        }
    }

    /// Follows a path from now on. `sighting` is what is to be seen there.
    pub fn follow(&mut self, subject: Subject, sighting: Sighting) {
        let began = self.moment;
        if let Entry::Vacant(place) = self.paths.entry(subject) {
            let (root, entries) = (Life::new(began), BTreeMap::new());
            let mut chronicle = Chronicle {
                root,
                entries,
                is_void: self.was_mounted,
                is_crowded: false,
                void_until: 0,
                is_doubted: false,
                began,
            };
            chronicle.take(began, sighting, Cause::Operation);
            place.insert(chronicle);
        }
    }

    /// Takes note that the last change was one of these names at once, which the kernel tells, and a scan may see, one after the
    /// other: of a path that came or went by that, both may be told.
    pub fn handle_rename(&mut self, names: [&Name; 2]) {
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
    pub fn take(&mut self, cause: Cause, look: impl Fn(&Subject) -> Sighting) {
        self.moment += 1;
        self.was_mounted |= cause == Cause::Mount;
        for (subject, chronicle) in &mut self.paths {
            chronicle.take(self.moment, look(subject), cause);
        }
    }
}

impl Default for Journal {
    fn default() -> Journal {
        Journal::new()
    }
}
