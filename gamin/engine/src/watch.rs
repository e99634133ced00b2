//! One path that someone subscribed to, shared by all its subscribers, and the rescan that finds out what it leads to.
//!
//! Data with its small conversions; the steps of a rescan are the engine's. Invariant: while a rescan is under way,
//! notices wait for its result, so none is taken for older or newer than it is.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use gamin_protocol::{Coverage, Kind};
use smallvec::SmallVec;

use crate::begun::{Begun, Doubts};
use crate::churn::Churn;
use crate::known::Known;
use crate::need::{Need, Role};
use crate::notice::{Change, EntryNotice, Seen};
use crate::path::{Name, TreePath};
use crate::policy::Method;
use crate::scan::{Detail, Found, Scan, ScanId};
use crate::stamp::FileType;
use crate::subscribers::Subscribers;
use crate::time::Time;

/// How many notices wait for a rescan before it is simply repeated.
pub(crate) const WAITING_MAX: usize = 4096;

/// Why the kernel is asked about which directories, for one path, the end of it last. Mostly that is all.
pub(crate) type Needs = SmallVec<[Need; 1]>;

/// A path and what is known of it.
#[derive(Debug)]
pub(crate) struct Watch {
    pub path: TreePath,
    pub kind: Kind,
    pub subscribers: Subscribers,
    pub known: Known,
    pub reliance: Reliance,
    /// What its subscribers were told of how it is covered.
    pub coverage: Coverage,
    /// `None` as long as it has nothing of this.
    rare: Option<Box<Rare>>,
}

/// What few watches have, or not for long.
#[derive(Debug, Default)]
struct Rare {
    /// Why the kernel is asked about which directory, for this path; `None`: it is that of a directory, of which it is asked.
    needs: Option<Vec<Need>>,
    method: Method,
    rescan: Option<Rescan>,
    plan: Plan,
    /// How busy it is; `None` until something happens.
    churn: Option<Box<Churn>>,
}

impl Rare {
    fn is_empty(&self) -> bool {
        let is_plain = self.needs.is_none() && self.method == Method::Kernel && self.plan == Plan::default();
        is_plain && self.rescan.is_none() && self.churn.is_none()
    }
}

/// The room of watches that have nothing rare any more, for others: each new one takes some for its first rescan, and where that
/// comes and goes between what stays, it leaves holes.
#[derive(Debug, Default)]
#[allow(clippy::vec_box, reason = "the boxes are what is kept")]
pub(crate) struct SpareRoom(Vec<Box<Rare>>);

/// How much of it is kept.
const SPARE_MAX: usize = 256;

/// What is planned for a watch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// When it is to be looked at again, if nothing happens before; it stands in the engine's `polls` then.
    pub rescan_at: Option<Time>,
    /// The way to it changed too often to look at once; the next rescan has to look this closely.
    pub postponed: Option<Detail>,
    /// There were too many notices: the kernel is not asked until nothing has changed up to this time.
    pub calm_at: Option<Time>,
}

/// How far the kernel's notices can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reliance {
    /// They tell everything.
    Full,
    /// They tell everything but that a directory above, which this user may not read, moves.
    AllButAncestors,
    /// They do not: the path has to be looked at again and again.
    None,
}

impl Reliance {
    /// How long after a rescan to look again.
    pub(crate) fn interval(self, poll: Duration) -> Option<Duration> {
        match self {
            Reliance::Full => None,
            Reliance::AllButAncestors => Some(poll * 10),
            Reliance::None => Some(poll),
        }
    }
}

/// A rescan under way: arm what is needed, scan, and if that shows that more is needed, again.
#[derive(Debug)]
pub(crate) struct Rescan {
    pub scan: ScanId,
    pub detail: Detail,
    /// How many scans the rescan took so far.
    pub rounds: u32,
    /// The result will be out of date: look once more.
    pub again: bool,
    pub waiting: VecDeque<Waiting>,
    /// How many of these had come when the scan that is under way began: it has seen what they are about.
    pub overtaken: usize,
    /// The kernel's queue has overflowed: what waits when the next scan is answered may lack what followed it. The
    /// kernel says so once, although it goes on losing events until that is read.
    pub doubted: bool,
    /// The scan takes so long that it may never be answered.
    pub overdue: bool,
    /// How many notices had been taken, and how much asked of the kernel, in one sum, when the scan was asked for.
    pub since: u64,
    /// How much had been asked of the kernel by then.
    pub asked: u64,
    /// Some of its subscribers have been told the beginning of the listing.
    pub begun: Option<Box<Begun>>,
}

impl Rescan {
    /// Gives up what waits: the next scan tells it.
    pub(crate) fn drop_waiting(&mut self) {
        if let Some(begun) = &mut self.begun {
            self.waiting.iter().filter_map(Waiting::entry_at_stake).for_each(|name| begun.doubt(name));
        }
        self.waiting.clear();
        self.overtaken = 0;
    }

    /// Takes note that notices about anything may have been lost.
    pub(crate) fn doubt_all(&mut self) {
        if let Some(begun) = &mut self.begun {
            begun.doubts = Doubts::All;
        }
    }

    /// Whether the path may lead elsewhere than where the scan that is under way went.
    pub(crate) fn may_lead_elsewhere(&self) -> bool {
        self.again || self.waiting.iter().any(|notice| matches!(notice, Waiting::Dependency(..)))
    }
}

/// What notices that wait tell, so that the scan need not: it may have looked between any two of them.
#[derive(Debug, Default)]
pub(crate) struct Noticed {
    /// The file itself that is watched.
    pub root: bool,
    /// Entries of the directory.
    pub entries: BTreeSet<Name>,
}

/// What a notice says about one watch.
#[derive(Debug)]
pub(crate) enum Waiting {
    /// About an entry that is a dependency of its path.
    Dependency(Need, EntryNotice),
    /// About an entry of the directory that it leads to.
    Entry(Need, Name, EntryNotice),
    /// The attributes of a directory on the path, or at its end, changed.
    Attributes,
}

impl Waiting {
    /// The entry of the directory that may be another, or have changed.
    pub(crate) fn entry_at_stake(&self) -> Option<&Name> {
        match self {
            // That a file was closed says nothing of what it was before.
            Waiting::Entry(.., entry) if entry.change == Change::Closed => None,
            Waiting::Entry(_, name, _) => Some(name),
            Waiting::Dependency(..) | Waiting::Attributes => None,
        }
    }
}

impl Watch {
    pub(crate) fn new(path: TreePath, kind: Kind) -> Watch {
        let mut watch = Watch {
            path,
            kind,
            subscribers: Subscribers::default(),
            known: Known::Nothing,
            reliance: Reliance::Full,
            coverage: Coverage::Kernel,
            rare: None,
        };
        watch.set_needs(&watch.likely_needs());
        watch
    }

    /// Why the kernel is asked about which directory, for this path.
    pub(crate) fn needs(&self) -> Needs {
        match self.rare.as_ref().and_then(|rare| rare.needs.as_ref()) {
            Some(needs) => needs.iter().cloned().collect(),
            None => Needs::from_iter([self.plain_need()]),
        }
    }

    /// Takes why it is to be asked from now on.
    pub(crate) fn set_needs(&mut self, needs: &[Need]) {
        let is_plain = matches!(needs, [need] if *need == self.plain_need());
        if self.rare.is_some() || !is_plain {
            self.change_rare(|rare| rare.needs = (!is_plain).then(|| needs.to_vec()));
        }
    }

    fn plain_need(&self) -> Need {
        Need { directory: self.path.clone(), role: Role::Listed }
    }

    /// What a path needs if it is what it seems to be: no links in it, and at its end what was asked for.
    fn likely_needs(&self) -> Needs {
        if self.path.components().any(|component| component == b"..") {
            return Needs::new();
        }
        let above = if self.kind == Kind::File { self.path.split_last() } else { None };
        let end = match above {
            Some((directory, name)) => Need { directory, role: Role::Entry(name) },
            None => self.plain_need(),
        };
        Needs::from_iter([end])
    }

    /// What the path needs, now that a scan has shown what it is.
    pub(crate) fn needs_of(&self, scan: &Scan) -> Needs {
        let dependencies = scan.dependencies.iter().map(|dependency| Need {
            directory: dependency.directory.clone(),
            role: dependency.entry.clone().map_or(Role::Passed, Role::Entry),
        });
        let end = match &scan.found {
            Found::Directory { real, .. } => {
                // Mostly it leads where it says: then it is kept once.
                let directory = if *real == self.path { self.path.clone() } else { real.clone() };
                Some(Need { directory, role: Role::Listed })
            }
            Found::Missing | Found::Unknown(_) | Found::File(_) => None,
        };
        let all: Needs = dependencies.chain(end).collect();
        // Every path leads through `/`; and who leads through a directory to another need not say so.
        let is_implied = |need: &Need| all.iter().any(|other| need.is_implied_by(other));
        let mut needs: Needs = all.iter().filter(|need| !is_implied(need)).cloned().collect();
        needs.dedup();
        if needs.is_empty() {
            needs.push(Need { directory: TreePath::root(), role: Role::Passed });
        }
        needs
    }

    /// Where the path leads, or would lead, as far as that was found out: a path free of links.
    pub(crate) fn real(&self) -> TreePath {
        Watch::end_of(&self.needs(), &self.path)
    }

    /// Where a path leads, or would lead, that needs these.
    pub(crate) fn end_of(needs: &[Need], path: &TreePath) -> TreePath {
        match needs.last() {
            Some(Need { directory, role: Role::Entry(name) }) => directory.join(name),
            Some(Need { directory, role: Role::Listed }) => directory.clone(),
            _ => path.clone(),
        }
    }

    /// What it relies on.
    pub(crate) fn method(&self) -> Method {
        self.rare.as_ref().map_or_else(Method::default, |rare| rare.method)
    }

    /// Relies on something else.
    pub(crate) fn set_method(&mut self, method: Method) {
        self.change_rare(|rare| rare.method = method);
    }

    /// The rescan that is under way.
    pub(crate) fn rescan(&self) -> Option<&Rescan> {
        self.rare.as_ref()?.rescan.as_ref()
    }

    /// The same, to change it.
    pub(crate) fn rescan_mut(&mut self) -> Option<&mut Rescan> {
        self.rare.as_mut()?.rescan.as_mut()
    }

    /// Begins a rescan.
    pub(crate) fn begin_rescan(&mut self, rescan: Rescan, spare: &mut SpareRoom) {
        let rare = self.rare.get_or_insert_with(|| spare.0.pop().unwrap_or_default());
        rare.rescan = Some(rescan);
    }

    /// Ends the rescan that is under way, which it gives.
    pub(crate) fn end_rescan(&mut self, spare: &mut SpareRoom) -> Option<Rescan> {
        let rescan = self.rare.as_mut()?.rescan.take();
        spare.0.extend(self.rare.take_if(|rare| rare.is_empty()));
        spare.0.truncate(SPARE_MAX);
        rescan
    }

    /// What is planned for it.
    pub(crate) fn plan(&self) -> Plan {
        self.rare.as_ref().map_or_else(Plan::default, |rare| rare.plan)
    }

    /// Plans otherwise.
    pub(crate) fn change_plan<T>(&mut self, change: impl FnOnce(&mut Plan) -> T) -> T {
        let before = self.plan();
        let mut plan = before;
        let changed = change(&mut plan);
        if plan != before {
            self.change_rare(|rare| rare.plan = plan);
        }
        changed
    }

    /// How busy it is.
    pub(crate) fn churn(&mut self) -> &mut Churn {
        self.rare.get_or_insert_default().churn.get_or_insert_default()
    }

    /// Forgets how busy it was.
    pub(crate) fn calm(&mut self) {
        if self.rare.is_some() {
            self.change_rare(|rare| rare.churn = None);
        }
    }

    fn change_rare<T>(&mut self, change: impl FnOnce(&mut Rare) -> T) -> T {
        let rare = self.rare.get_or_insert_default();
        let changed = change(rare);
        self.rare.take_if(|rare| rare.is_empty());
        changed
    }

    /// Whether the kernel is asked about it.
    pub(crate) fn asks_kernel(&self) -> bool {
        self.method() == Method::Kernel && self.plan().calm_at.is_none()
    }

    /// Whether it is to be looked at, once or again and again.
    pub(crate) fn is_owed_a_rescan(&self) -> bool {
        match self.method() {
            Method::Kernel => {
                let is_overdue = self.rescan().is_some_and(|rescan| rescan.overdue);
                let Plan { postponed, calm_at, .. } = self.plan();
                let is_doubtful = self.reliance != Reliance::Full || postponed.is_some();
                is_doubtful || is_overdue || calm_at.is_some()
            }
            Method::Poll { .. } => true,
            Method::None => false,
        }
    }

    /// Whether what is known is all that there is to know, without another rescan.
    pub(crate) fn is_certain(&self) -> bool {
        let is_certain = match self.method() {
            Method::Kernel => self.reliance == Reliance::Full && self.plan().postponed.is_none(),
            Method::Poll { .. } => false,
            Method::None => true,
        };
        is_certain && self.rescan().is_none()
    }

    /// Whether a notice says that the way to it changed, or something else of which only a rescan can tell.
    pub(crate) fn is_about_the_way(&self, notice: &Waiting) -> bool {
        match notice {
            Waiting::Dependency(need, entry) => {
                !self.is_itself(need, *entry) && (!entry.change.is_within() || !self.known.is_present())
            }
            Waiting::Entry(_, _, entry) => self.kind == Kind::File && !entry.change.is_within(),
            Waiting::Attributes => true,
        }
    }

    /// What the notices that wait tell by themselves. The first of them has to go on from what is known. `is_moved`: the path leads
    /// elsewhere since the last scan.
    pub(crate) fn noticed<'a>(
        &self,
        waiting: impl IntoIterator<Item = &'a Waiting>,
        is_moved: bool,
    ) -> Noticed {
        let mut entries = BTreeMap::new();
        let mut root = None;
        for notice in waiting {
            let (goes_on, entry) = match notice {
                // That a file was closed says nothing of what it was before.
                Waiting::Entry(.., entry) | Waiting::Dependency(_, entry)
                    if entry.change == Change::Closed =>
                {
                    continue;
                }
                // Those about a directory that the path has led to are not taken.
                Waiting::Entry(need, name, entry) if self.needs().contains(need) => {
                    let goes_on = || entry.change.goes_on_from(self.known.has_entry(name));
                    (entries.entry(name.clone()).or_insert_with(goes_on), entry)
                }
                Waiting::Dependency(need, entry) if !is_moved && self.is_itself(need, *entry) => {
                    let goes_on = || entry.change.goes_on_from(self.known.is_present());
                    (root.get_or_insert_with(goes_on), entry)
                }
                Waiting::Entry(..) | Waiting::Dependency(..) | Waiting::Attributes => continue,
            };
            // If the backend could not look at it for the notice, the scan knows more.
            *goes_on &= entry.seen != Seen::Nothing;
        }
        let entries = entries.into_iter().filter(|(_, goes_on)| *goes_on).map(|(name, _)| name).collect();
        Noticed { root: root.unwrap_or_default(), entries }
    }

    /// Whether a notice tells what has happened, and not only that there is something to look into. Of entries it does only while the
    /// directory is there.
    pub(crate) fn is_told_by(&self, notice: &Waiting) -> bool {
        match notice {
            Waiting::Entry(..) => !matches!(self.known, Known::Absent),
            Waiting::Dependency(need, entry) => self.is_itself(need, *entry),
            Waiting::Attributes => false,
        }
    }

    /// Whether a notice about an entry on the way is about the file itself that is watched, and tells all of it.
    pub(crate) fn is_itself(&self, need: &Need, entry: EntryNotice) -> bool {
        let is_plain = !matches!(entry.seen, Seen::Present(stamp) if stamp.file_type != FileType::Other);
        self.kind == Kind::File && self.is_end(need) && is_plain
    }

    /// Whether a need is about an entry that has the path's own name.
    pub(crate) fn is_named_by(&self, need: &Need) -> bool {
        let Role::Entry(name) = &need.role else { return false };
        self.path.split_last().is_some_and(|(_, last)| last == *name)
    }

    /// Whether a need is the end of the path. The last one of a path that is missing may be what is missing on the way
    /// there.
    pub(crate) fn is_end(&self, need: &Need) -> bool {
        let Role::Entry(name) = &need.role else { return false };
        let is_reached = self.known.is_present() || need.directory.join(name) == self.path;
        is_reached && self.needs().last() == Some(need)
    }

    /// How closely to look when the attributes of a directory on the way have changed: for a directory subscription only at
    /// the way there, unless its entries are still unknown. `None`: as closely as ever.
    pub(crate) fn detail_of_attributes(&self) -> Option<Detail> {
        match &self.known {
            Known::Directory(directory) if directory.is_listed => Some(Detail::Itself),
            _ => None,
        }
    }

    /// How closely the next rescan has to look.
    pub(crate) fn detail(&self) -> Detail {
        match (self.kind, &self.known) {
            (Kind::File, _) => Detail::Itself,
            (Kind::Directory, Known::Nothing | Known::Absent)
                if self.reliance < Reliance::None || self.method() == Method::None =>
            {
                Detail::Names
            }
            (Kind::Directory, _) => Detail::Stamps,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_may_be_many() {
        assert_eq!(size_of::<Watch>(), 64);
    }
}
