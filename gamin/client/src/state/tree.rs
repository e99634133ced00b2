//! A tree of directories to a depth, made of one subscription for each directory in it.
//!
//! What is a directory, it is told ([`Tree::explore`]); links are not followed. How one directory's events
//! make sense, also through a change of server and a suspension, is left to [`super::subscription`], and what hangs on what to
//! [`super::branches`].
//! Invariants: what the subscription of a directory that is followed knows is there is told, unless it is among what is `untold`; a name, relative to the root, is Created only while it is not told, Changed and Deleted only while it
//! is; when a directory goes, each name that was told below it is Deleted before it is itself; when the root goes,
//! everything goes with it, without an event each.

mod name;
mod options;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ffi::OsString;
use std::ops::RangeBounds;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use gamin_protocol::{self as protocol, Code, Coverage, Kind, Presence, Request};

use super::branches::{Branch, Branches};
use super::name_map::NameMap;
use super::subscription::{News, Subscription, Wants};
use super::told::{BareEvent, Before, Subject, Version};
use super::wire::Allocation;
use name::{as_path, below, join, last, level, parent};
pub use options::TreeOptions;

/// For how many names there is room that wait to be explored.
const ROOM: usize = 64;

/// A name that may be a directory to follow.
#[derive(Debug)]
struct Lead {
    name: Vec<u8>,
    is_old: bool,
}

/// The gaps in a tree: what is not followed, or only looked at now and then.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gaps {
    /// How many directories.
    pub count: usize,
    /// The first of them by name, and why.
    pub first: Option<(PathBuf, Coverage)>,
}

/// Something that a tree tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TreeEvent {
    /// What happened.
    Happened(BareEvent),
    /// How what happens in a directory becomes known from now on.
    Covered(Subject, Coverage),
}

/// A tree. Names in it are relative to the root.
#[derive(Debug)]
pub(super) struct Tree {
    root: Vec<u8>,
    options: TreeOptions,
    /// Whether renames are told as such.
    moves: bool,
    /// Those that have left stay until they are acknowledged.
    branches: Branches,
    /// What is there in directories that are followed, and was not to be told.
    untold: BTreeSet<Vec<u8>>,
    /// Those that would be followed if that were possible, and why it is not.
    gaps: BTreeMap<Vec<u8>, Coverage>,
    unexplored: VecDeque<Lead>,
    /// Those that are to be looked at again when it is known whether there are more wire numbers.
    waiting: Vec<Lead>,
    events: Vec<TreeEvent>,
    leaving: Vec<u32>,
    suspended: bool,
    /// How many branches have not been listed.
    unlisted: usize,
    owes_end: bool,
}

impl Tree {
    pub(super) fn new(root: &Path, wire: u32, options: TreeOptions, moves: bool) -> Tree {
        let root = root.as_os_str().as_bytes();
        let root = root.strip_suffix(b"/").unwrap_or(root).to_vec();
        let mut tree = Tree {
            root,
            options,
            moves,
            branches: Branches::default(),
            untold: BTreeSet::new(),
            gaps: BTreeMap::new(),
            unexplored: VecDeque::new(),
            waiting: Vec::new(),
            events: Vec::new(),
            leaving: Vec::new(),
            suspended: false,
            unlisted: 1,
            owes_end: true,
        };
        tree.branches.add_root(Branch::new(tree.subscription(wire), false));
        tree
    }

    /// The wire numbers that a server should know, each with the request that makes it known.
    pub(super) fn live(&self) -> impl Iterator<Item = (u32, Request)> {
        self.branches.live().map(|Branch { subscription, .. }| {
            let path = self.path(&self.branches.name(subscription.wire));
            (subscription.wire, subscription.request(path.into_os_string().into_vec()))
        })
    }

    pub(super) fn subscriptions_mut(&mut self) -> impl Iterator<Item = &mut Subscription> {
        self.branches.iter_mut().map(|branch| &mut branch.subscription)
    }

    /// Takes an event of one of the branches.
    pub(super) fn handle_event(&mut self, event: protocol::EventPacket) {
        let wire = event.seq;
        let Some(branch) = self.branches.get_mut(wire) else { return };
        if let Some(coverage) = branch.subscription.handle_coverage(&event) {
            self.cover(self.branches.name(wire), coverage);
        }
        let Some(branch) = self.branches.get_mut(wire) else { return };
        let mut heard = Vec::new();
        branch.subscription.handle_event(event, &mut |news| heard.push(news));
        self.hear(wire, heard);
    }

    pub(super) fn suspend(&mut self) {
        self.suspended = true;
        self.subscriptions_mut().for_each(Subscription::suspend);
    }

    pub(super) fn resume(&mut self) {
        self.suspended = false;
        let wires: Vec<_> = self.branches.iter().map(|branch| branch.subscription.wire).collect();
        for wire in wires {
            let Some(branch) = self.branches.get_mut(wire) else { continue };
            let coverage = branch.subscription.resume();
            let mut heard = Vec::new();
            branch.subscription.catch_up(&mut |news| heard.push(news));
            if let Some(coverage) = coverage {
                self.cover(self.branches.name(wire), coverage);
            }
            self.hear(wire, heard);
        }
    }

    /// Takes the Acknowledge of a branch; says whether it has it.
    pub(super) fn acknowledge(&mut self, wire: u32) -> bool {
        let Some(branch) = self.branches.get_mut(wire) else { return false };
        if !branch.subscription.is_live() {
            return self.branches.remove(wire);
        }
        // A server that ends what nobody cancelled: the rest of the tree goes on.
        let new = branch.subscription.acknowledge();
        let name = self.branches.name(wire);
        self.leave(&name);
        self.finish();
        self.leaving.retain(|leaving| *leaving != wire);
        self.branches.remove(wire);
        new
    }

    /// Gives what is to be told.
    pub(super) fn poll_events(&mut self) -> Vec<TreeEvent> {
        std::mem::take(&mut self.events)
    }

    /// The directories that are not followed.
    pub(super) fn gaps(&self) -> Gaps {
        let unread = self.branches.live().map(|branch| &branch.subscription);
        let unread = unread.filter(|subscription| subscription.coverage().is_gap());
        let unread = unread.map(|one| (self.branches.name(one.wire), one.coverage()));
        let gaps: Vec<_> = self.gaps.iter().map(|(name, why)| (name.clone(), *why)).chain(unread).collect();
        let first = gaps.iter().min().map(|(name, why)| (self.path(name), *why));
        Gaps { count: gaps.len(), first }
    }

    /// Gives the wire number of a branch that is to be cancelled.
    pub(super) fn poll_leaving(&mut self) -> Option<u32> {
        self.leaving.pop()
    }

    /// Whether there is something to [`Tree::explore`].
    pub(super) fn is_curious(&self) -> bool {
        !self.unexplored.is_empty()
    }

    /// Whether a directory waits for a wire number.
    pub(super) fn is_starved(&self) -> bool {
        !self.waiting.is_empty() || self.gaps.values().any(|why| *why == Coverage::TooMany)
    }

    /// Tries again to follow what there was no wire number for.
    pub(super) fn feed(&mut self) {
        // They were found before what is still to be explored.
        self.waiting.extend(std::mem::take(&mut self.unexplored));
        self.unexplored = std::mem::take(&mut self.waiting).into();
        let starved = self.gaps.iter().filter(|(_, why)| **why == Coverage::TooMany);
        self.unexplored.extend(starved.map(|(name, _)| Lead { name: name.clone(), is_old: false }));
    }

    /// Stops following, with what is below, directories whose wire number is not `understood`; says whether there are any. What was told of them
    /// is forgotten without a word: it is not gone.
    pub(super) fn let_go(&mut self, understood: impl Fn(u32) -> bool) -> bool {
        let lost = self.branches.by_name(|wire| !understood(wire));
        for (name, wire) in &lost {
            if self.forget(name, *wire) {
                self.cover(name.clone(), Coverage::TooMany);
            }
        }
        self.finish();
        !lost.is_empty()
    }

    /// Asks the options again about everything that is known.
    ///
    /// What is to be told no longer is forgotten, without a word: it is not gone. What is to be told from now on was there, and
    /// so it Exists.
    pub(super) fn revise(&mut self) {
        let mut let_go = self.branches.by_name(|wire| !self.branches.is_root(wire));
        let_go.retain(|(name, _)| !(self.options.follows)(as_path(name)));
        for (name, wire) in let_go {
            self.forget(&name, wire);
        }
        let kept = |name: &Vec<u8>| (self.options.follows)(as_path(name));
        let ended: Vec<_> = self.gaps.keys().filter(|name| !kept(name)).cloned().collect();
        ended.into_iter().for_each(|name| self.cover(name, Coverage::Kernel));
        let mut names = Vec::new();
        for Branch { subscription, .. } in self.branches.live() {
            let directory = self.branches.name(subscription.wire);
            names.extend(subscription.entries().map(|entry| join(&directory, entry)));
        }
        names.sort_unstable();
        for name in names.into_iter().filter(|_| self.options.levels > 0) {
            if !(self.options.tells)(as_path(&name)) {
                self.untold.insert(name.clone());
            } else if self.untold.remove(&name) {
                self.events.push(TreeEvent::Happened((Code::Exists, Subject::Entry(name.clone()))));
            }
            if level(&name) < self.options.levels && self.branches.find(&name).is_none() {
                self.unexplored.push_back(Lead { name, is_old: true });
            }
        }
        self.finish();
    }

    /// Takes up the directories among the names that are new, each with a wire number of its own, and says so for each that it takes up,
    /// or lets wait.
    pub(super) fn explore(
        &mut self,
        is_directory: &mut dyn FnMut(&Path) -> bool,
        allocate: &mut dyn FnMut() -> Allocation,
        subscribe: &mut dyn FnMut(Option<Request>),
    ) {
        while let Some(lead) = self.unexplored.pop_front() {
            let path = self.path(&lead.name);
            let above = self.branches.find(parent(&lead.name));
            if !(self.options.follows)(as_path(&lead.name)) || !is_directory(&path) {
                self.leave(&lead.name);
                self.cover(lead.name, Coverage::Kernel);
                continue;
            }
            let Some(above) = above.filter(|_| self.branches.find(&lead.name).is_none()) else {
                // It is followed; or what stands above it has gone, or will say so.
                continue;
            };
            if path.as_os_str().len() >= protocol::PATH_MAX {
                self.cover(lead.name, Coverage::TooDeep);
                continue;
            }
            match allocate() {
                Allocation::Number(wire) => {
                    self.cover(lead.name.clone(), Coverage::Kernel);
                    subscribe(Some(self.follow(&lead, above, wire)));
                }
                Allocation::Later => {
                    subscribe(None);
                    self.waiting.push(lead);
                }
                Allocation::Never => self.cover(lead.name, Coverage::TooMany),
            }
        }
        // After the first listings there are never as many again.
        self.unexplored.shrink_to(ROOM);
        self.finish();
    }

    /// Says how what happens below a name becomes known, if that is new. What is not followed is kept in mind.
    fn cover(&mut self, name: Vec<u8>, coverage: Coverage) {
        let is_followed = self.branches.find(&name).is_some();
        let before = match coverage {
            Coverage::TooDeep | Coverage::TooMany => self.gaps.insert(name.clone(), coverage),
            _ if is_followed => None,
            _ => match self.gaps.remove(&name) {
                None => return,
                before => before,
            },
        };
        if before == Some(coverage) {
            return;
        }
        let subject = if name.is_empty() { Subject::Root } else { Subject::Entry(name) };
        self.events.push(TreeEvent::Covered(subject, coverage));
    }

    /// Follows an entry of a directory; gives the request that makes the server know it.
    fn follow(&mut self, lead: &Lead, above: u32, wire: u32) -> Request {
        let mut subscription = self.subscription(wire);
        if self.suspended {
            subscription.suspend();
        }
        let request = subscription.request(self.path(&lead.name).into_os_string().into_vec());
        self.unlisted += 1;
        self.branches.add(above, last(&lead.name), Branch::new(subscription, lead.is_old));
        request
    }

    fn path(&self, name: &[u8]) -> PathBuf {
        let bytes = if name.is_empty() && !self.root.is_empty() {
            self.root.clone()
        } else {
            [&self.root, b"/".as_slice(), name].concat()
        };
        PathBuf::from(OsString::from_vec(bytes))
    }

    /// Takes what a branch tells of its directory.
    fn hear(&mut self, wire: u32, heard: Vec<News>) {
        let (directory, is_root) = (self.branches.name(wire), self.branches.is_root(wire));
        for News { event: (code, subject), before, .. } in heard {
            let Some(branch) = self.branches.get_mut(wire) else { break };
            if !branch.subscription.is_live() {
                break;
            }
            match (subject, before) {
                (Subject::Root, _) if code == Code::EndExist => {
                    if !std::mem::replace(&mut branch.listed, true) {
                        self.unlisted -= 1;
                    }
                    self.finish();
                }
                (Subject::Root, _) if is_root => self.hear_of_root(code),
                (Subject::Root, Before::Entries(gone)) => self.drop_below(&directory, wire, &gone),
                // What stands above it tells of it.
                (Subject::Root, _) => {}
                (Subject::Entry(entry), before) => {
                    // What is listed of an old directory was there, and so was what is in it.
                    let is_old = branch.is_old && code == Code::Exists;
                    let lead = Lead { name: join(&directory, &entry), is_old };
                    self.hear_of_entry(code, lead, matches!(before, Before::Something));
                }
            }
        }
        self.finish();
    }

    fn hear_of_root(&mut self, code: Code) {
        if code.presence() == Some(Presence::Absent) {
            self.untold.clear();
            self.unfollow_all(self.branches.by_name(|wire| !self.branches.is_root(wire)));
            self.end_gaps(..);
        }
        self.events.push(TreeEvent::Happened((code, Subject::Root)));
    }

    fn hear_of_entry(&mut self, code: Code, lead: Lead, was_there: bool) {
        if self.options.levels == 0 || code.presence().is_none() {
            return;
        }
        let name = &lead.name;
        let was_told = was_there && !self.untold.contains(name);
        if code.presence() == Some(Presence::Absent) {
            self.leave(name);
            self.cover(lead.name.clone(), Coverage::Kernel);
            self.untold.remove(name);
            if was_told {
                self.events.push(TreeEvent::Happened((code, Subject::Entry(lead.name))));
            }
            return;
        }
        if (self.options.tells)(as_path(name)) {
            self.untold.remove(name);
            let code = match (was_told, code) {
                (false, Code::Exists) if self.owes_end || lead.is_old => Code::Exists,
                (false, _) => Code::Created,
                (true, _) => Code::Changed,
            };
            self.events.push(TreeEvent::Happened((code, Subject::Entry(name.clone()))));
        } else if !was_there {
            self.untold.insert(name.clone());
        }
        if level(name) < self.options.levels {
            self.unexplored.push_back(lead);
        }
    }

    /// Ends what is followed of `name` and below, and tells that what was told below it is gone.
    fn leave(&mut self, name: &[u8]) {
        if let Some(wire) = self.branches.find(name) {
            self.drop_below(name, wire, &NameMap::default());
            self.unfollow(wire);
        }
    }

    /// Ends what is followed below a directory, and tells that what was told there is gone: `gone`, and what its subscription knows.
    fn drop_below(&mut self, name: &[u8], wire: u32, gone: &NameMap<Version>) {
        let below = self.branches.below(wire);
        let mut told: Vec<_> = gone.names().map(|entry| join(name, entry)).collect();
        for (name, wire) in below.iter().map(|(name, wire)| (&**name, *wire)).chain([(name, wire)]) {
            let subscription = self.branches.get(wire).map(|branch| &branch.subscription);
            told.extend(
                subscription.into_iter().flat_map(Subscription::entries).map(|entry| join(name, entry)),
            );
        }
        told.retain(|name| self.options.levels > 0 && !self.untold.contains(name));
        told.sort_unstable();
        self.forget_below(name, below);
        // What is below a name comes after it, and is to go before it.
        for name in told.into_iter().rev() {
            self.events.push(TreeEvent::Happened((Code::Deleted, Subject::Entry(name))));
        }
    }

    /// Ends what is followed of a name and below, if it still is, without a word of what was told there; says whether it was.
    fn forget(&mut self, name: &[u8], wire: u32) -> bool {
        let is_followed = self.branches.find(name) == Some(wire);
        if is_followed {
            self.forget_below(name, self.branches.below(wire));
            self.unfollow(wire);
        }
        is_followed
    }

    /// Ends what is followed below a name, and what there is to know of what is not.
    fn forget_below(&mut self, name: &[u8], branches: Vec<(Vec<u8>, u32)>) {
        self.unfollow_all(branches);
        self.end_gaps(below(name));
        // What goes is looked up, so that it costs nothing what else there is.
        for name in self.untold.range(below(name)).cloned().collect::<Vec<_>>() {
            self.untold.remove(&name);
        }
    }

    /// Ends the gaps with these names: there is nothing to follow any more.
    fn end_gaps(&mut self, names: impl RangeBounds<Vec<u8>>) {
        for name in self.gaps.range(names).map(|(name, _)| name.clone()).collect::<Vec<_>>() {
            self.cover(name, Coverage::Kernel);
        }
    }

    /// Ends branches, which stand in the order of their names, and on which no others hang.
    fn unfollow_all(&mut self, branches: Vec<(Vec<u8>, u32)>) {
        // What hangs on another goes before it, while it still has its name.
        branches.into_iter().rev().for_each(|(_, wire)| self.unfollow(wire));
    }

    /// Ends a branch on which nothing hangs.
    fn unfollow(&mut self, wire: u32) {
        let name = self.branches.name(wire);
        self.branches.end(wire);
        let Some(branch) = self.branches.get_mut(wire) else { return };
        if !branch.listed {
            self.unlisted -= 1;
        }
        let was_gap = branch.subscription.coverage().is_gap();
        if branch.subscription.cancel() {
            self.leaving.push(wire);
        }
        if was_gap {
            self.events.push(TreeEvent::Covered(Subject::Entry(name), Coverage::Kernel));
        }
    }

    /// The subscription of a directory. Whether or not its caller is told how it is covered, it may ask.
    fn subscription(&self, wire: u32) -> Subscription {
        Subscription::new(Kind::Directory, wire, Wants { coverage: true, moves: self.moves })
    }

    /// Tells that the listing is complete, once it is.
    fn finish(&mut self) {
        let is_explored = self.unexplored.is_empty() && self.waiting.is_empty();
        if self.unlisted == 0 && is_explored && std::mem::take(&mut self.owes_end) {
            self.events.push(TreeEvent::Happened((Code::EndExist, Subject::Root)));
        }
    }
}
