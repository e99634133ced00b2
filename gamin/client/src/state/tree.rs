//! A tree of directories to a depth, made of one subscription for each directory in it.
//!
//! What is a directory, it is told ([`Tree::explore`]); links are not followed. How one directory's events
//! make sense, also through a change of server and a suspension, is left to [`super::subscription`].
//! Invariants: a name, relative to the root, is Created only while it is not told, Changed and Deleted only while it
//! is; when a directory goes, each name that was told below it is Deleted before it is itself; when the root goes,
//! everything goes with it, without an event each.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::ops::{Range, RangeBounds};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gamin_protocol::{self as protocol, Code, Coverage, Kind};

use super::subscription::Subscription;
use super::told::{BareEvent, Subject};
use super::wire::Allocation;

/// What is said of a name in a tree, which is relative to its root.
type Says = Arc<dyn Fn(&Path) -> bool + Send + Sync>;

/// A tree to monitor: how deep, which names in it are told, and which directories in it are followed.
///
/// When an answer of `tells` or `follows` has become another, [`crate::Connection::revise`] asks for all of them again. They are asked
/// by the calls that receive events, while these hold the connection: they are not to call it, nor to wait.
#[derive(Clone)]
pub struct TreeOptions {
    /// How many levels below the root are told: 1 for its entries, 2 also for theirs, and so on; 0 for the root alone.
    pub levels: u32,
    /// Says of an entry, a directory too, whether it is told.
    pub tells: Says,
    /// Says of a directory whether it is followed. What is in one that is not costs no watch and is not told. The root is
    /// followed in any case.
    pub follows: Says,
}

impl Default for TreeOptions {
    /// All of it.
    fn default() -> TreeOptions {
        TreeOptions { levels: u32::MAX, tells: Arc::new(|_| true), follows: Arc::new(|_| true) }
    }
}

impl fmt::Debug for TreeOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TreeOptions").field("levels", &self.levels).finish_non_exhaustive()
    }
}

/// One directory that is followed.
#[derive(Debug)]
struct Branch {
    /// Its name relative to the root, which is empty for the root itself.
    name: Vec<u8>,
    subscription: Subscription,
    listed: bool,
    /// It was there before the caller wanted to know about it, and so was what it lists.
    is_old: bool,
}

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
    /// By wire number; those that have left stay until they are acknowledged.
    branches: BTreeMap<u32, Branch>,
    /// The wire numbers of those that are followed, by name.
    followed: BTreeMap<Vec<u8>, u32>,
    told: BTreeSet<Vec<u8>>,
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
    pub(super) fn new(root: &Path, wire: u32, options: TreeOptions) -> Tree {
        let root = root.as_os_str().as_bytes();
        let root = root.strip_suffix(b"/").unwrap_or(root).to_vec();
        let mut tree = Tree {
            root,
            options,
            branches: BTreeMap::new(),
            followed: BTreeMap::new(),
            told: BTreeSet::new(),
            gaps: BTreeMap::new(),
            unexplored: VecDeque::new(),
            waiting: Vec::new(),
            events: Vec::new(),
            leaving: Vec::new(),
            suspended: false,
            unlisted: 0,
            owes_end: true,
        };
        tree.follow(Lead { name: Vec::new(), is_old: false }, wire);
        tree
    }

    pub(super) fn subscriptions(&self) -> impl Iterator<Item = &Subscription> {
        self.branches.values().map(|branch| &branch.subscription)
    }

    pub(super) fn subscriptions_mut(&mut self) -> impl Iterator<Item = &mut Subscription> {
        self.branches.values_mut().map(|branch| &mut branch.subscription)
    }

    /// Takes an event of one of the branches.
    pub(super) fn handle_event(&mut self, event: protocol::EventPacket) {
        let wire = event.seq;
        let Some(branch) = self.branches.get_mut(&wire) else { return };
        if let Some(coverage) = branch.subscription.handle_coverage(&event) {
            let name = branch.name.clone();
            self.cover(name, coverage);
        }
        let Some(branch) = self.branches.get_mut(&wire) else { return };
        let mut heard = Vec::new();
        branch.subscription.handle_event(event, &mut |news, _| heard.push(news));
        self.hear(wire, heard);
    }

    pub(super) fn suspend(&mut self) {
        self.suspended = true;
        self.subscriptions_mut().for_each(Subscription::suspend);
    }

    pub(super) fn resume(&mut self) {
        self.suspended = false;
        for wire in self.branches.keys().copied().collect::<Vec<_>>() {
            let Some(branch) = self.branches.get_mut(&wire) else { continue };
            let (coverage, heard) = branch.subscription.resume();
            let name = branch.name.clone();
            if let Some(coverage) = coverage {
                self.cover(name, coverage);
            }
            self.hear(wire, heard);
        }
    }

    /// Takes the Acknowledge of a branch; says whether it has it.
    pub(super) fn acknowledge(&mut self, wire: u32) -> bool {
        let Some(branch) = self.branches.get_mut(&wire) else { return false };
        if !branch.subscription.is_live() {
            return self.branches.remove(&wire).is_some();
        }
        // A server that ends what nobody cancelled: the rest of the tree goes on.
        let (name, new) = (branch.name.clone(), branch.subscription.acknowledge());
        self.leave(&name);
        self.finish();
        self.leaving.retain(|leaving| *leaving != wire);
        self.branches.remove(&wire);
        new
    }

    /// Gives what is to be told.
    pub(super) fn poll_events(&mut self) -> Vec<TreeEvent> {
        std::mem::take(&mut self.events)
    }

    /// The directories that are not followed.
    pub(super) fn gaps(&self) -> Gaps {
        let unread = self.branches.values().filter(|branch| branch.subscription.is_live());
        let unread = unread.map(|branch| (&branch.name, branch.subscription.coverage()));
        let gaps = self.gaps.iter().map(|(name, why)| (name, *why)).chain(unread);
        let gaps = gaps.filter(|(_, why)| why.is_gap());
        let first = gaps.clone().min().map(|(name, why)| (self.path(name), why));
        Gaps { count: gaps.count(), first }
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
        let lost = self.followed.iter().filter(|(_, wire)| !understood(**wire));
        let lost: Vec<_> = lost.map(|(name, _)| name.clone()).collect();
        for name in &lost {
            if self.followed.contains_key(name) {
                self.forget_below(name);
                self.unfollow(name);
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
        let let_go = |name: &&Vec<u8>| !name.is_empty() && !(self.options.follows)(as_path(name));
        for name in self.followed.keys().filter(let_go).cloned().collect::<Vec<_>>() {
            self.forget_below(&name);
            self.unfollow(&name);
        }
        let kept = |name: &Vec<u8>| (self.options.follows)(as_path(name));
        let ended: Vec<_> = self.gaps.keys().filter(|name| !kept(name)).cloned().collect();
        ended.into_iter().for_each(|name| self.cover(name, Coverage::Kernel));
        let tells = Arc::clone(&self.options.tells);
        self.told.retain(|name| tells(as_path(name)));
        let live = self.branches.values().filter(|branch| branch.subscription.is_live());
        let names =
            live.flat_map(|branch| branch.subscription.entries().map(|entry| join(&branch.name, entry)));
        for name in names.collect::<BTreeSet<_>>() {
            if tells(as_path(&name)) && self.options.levels > 0 && self.told.insert(name.clone()) {
                self.events.push(TreeEvent::Happened((Code::Exists, Subject::Entry(name.clone()))));
            }
            if level(&name) < self.options.levels && !self.followed.contains_key(&name) {
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
        subscribe: &mut dyn FnMut(Option<&Subscription>),
    ) {
        while let Some(lead) = self.unexplored.pop_front() {
            let path = self.path(&lead.name);
            let is_followed = self.followed.contains_key(&lead.name);
            if !(self.options.follows)(as_path(&lead.name)) || !is_directory(&path) {
                self.leave(&lead.name);
                self.cover(lead.name, Coverage::Kernel);
            } else if is_followed || !self.followed.contains_key(parent(&lead.name)) {
                // What stands above it has gone, or will say so.
            } else if path.as_os_str().len() >= protocol::PATH_MAX {
                self.cover(lead.name, Coverage::TooDeep);
            } else {
                match allocate() {
                    Allocation::Number(wire) => {
                        self.cover(lead.name.clone(), Coverage::Kernel);
                        subscribe(Some(self.follow(lead, wire)));
                    }
                    Allocation::Later => {
                        subscribe(None);
                        self.waiting.push(lead);
                    }
                    Allocation::Never => self.cover(lead.name, Coverage::TooMany),
                }
            }
        }
        self.finish();
    }

    /// Says how what happens below a name becomes known, if that is new. What is not followed is kept in mind.
    fn cover(&mut self, name: Vec<u8>, coverage: Coverage) {
        let is_followed = self.followed.contains_key(&name);
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

    fn follow(&mut self, Lead { name, is_old }: Lead, wire: u32) -> &Subscription {
        // Whether or not its caller is told, it may ask.
        let mut subscription = Subscription::new(Kind::Directory, self.path(&name), wire, true);
        if self.suspended {
            subscription.suspend();
        }
        self.unlisted += 1;
        self.followed.insert(name.clone(), wire);
        let branch = Branch { name, subscription, listed: false, is_old };
        &self.branches.entry(wire).or_insert(branch).subscription
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
    fn hear(&mut self, wire: u32, heard: Vec<BareEvent>) {
        for (code, subject) in heard {
            let Some(branch) = self.branches.get_mut(&wire) else { break };
            if !branch.subscription.is_live() {
                break;
            }
            let (is_root, is_old) = (branch.name.is_empty(), branch.is_old);
            match subject {
                Subject::Root if code == Code::EndExist => {
                    if !std::mem::replace(&mut branch.listed, true) {
                        self.unlisted -= 1;
                    }
                    self.finish();
                }
                Subject::Root if is_root => self.hear_of_root(code),
                Subject::Root if code == Code::Deleted => {
                    let name = branch.name.clone();
                    self.drop_below(&name);
                }
                // What stands above it tells of it.
                Subject::Root => {}
                Subject::Entry(entry) => {
                    // What is listed of an old directory was there, and so was what is in it.
                    let is_old = is_old && code == Code::Exists;
                    let name = join(&branch.name, &entry);
                    self.hear_of_entry(code, Lead { name, is_old });
                }
            }
        }
        self.finish();
    }

    fn hear_of_root(&mut self, code: Code) {
        if code == Code::Deleted {
            self.told.clear();
            for name in self.followed.keys().filter(|name| !name.is_empty()).cloned().collect::<Vec<_>>() {
                self.unfollow(&name);
            }
            self.end_gaps(..);
        }
        self.events.push(TreeEvent::Happened((code, Subject::Root)));
    }

    fn hear_of_entry(&mut self, code: Code, lead: Lead) {
        if self.options.levels == 0 {
            return;
        }
        let name = &lead.name;
        if code == Code::Deleted {
            self.leave(name);
            self.cover(lead.name.clone(), Coverage::Kernel);
            if self.told.remove(name) {
                self.events.push(TreeEvent::Happened((Code::Deleted, Subject::Entry(lead.name))));
            }
            return;
        }
        if (self.options.tells)(as_path(name)) {
            let code = match (self.told.insert(name.clone()), code) {
                (true, Code::Exists) if self.owes_end || lead.is_old => Code::Exists,
                (true, _) => Code::Created,
                (false, _) => Code::Changed,
            };
            self.events.push(TreeEvent::Happened((code, Subject::Entry(name.clone()))));
        }
        if level(name) < self.options.levels {
            self.unexplored.push_back(lead);
        }
    }

    /// Ends what is followed of `name` and below, and tells that what was told below is gone.
    fn leave(&mut self, name: &[u8]) {
        if self.followed.contains_key(name) {
            self.drop_below(name);
            self.unfollow(name);
        }
    }

    fn drop_below(&mut self, name: &[u8]) {
        // What is below a name comes after it, and is to go before it.
        for name in self.forget_below(name).into_iter().rev() {
            self.events.push(TreeEvent::Happened((Code::Deleted, Subject::Entry(name))));
        }
    }

    /// Ends what is followed below a name; gives what was told below it, and is told no more.
    fn forget_below(&mut self, name: &[u8]) -> BTreeSet<Vec<u8>> {
        for name in self.followed.range(below(name)).map(|(name, _)| name.clone()).collect::<Vec<_>>() {
            self.unfollow(&name);
        }
        self.end_gaps(below(name));
        // What goes is looked up, so that it costs nothing what else there is.
        let gone: BTreeSet<_> = self.told.range(below(name)).cloned().collect();
        for name in &gone {
            self.told.remove(name);
        }
        gone
    }

    /// Ends the gaps with these names: there is nothing to follow any more.
    fn end_gaps(&mut self, names: impl RangeBounds<Vec<u8>>) {
        for name in self.gaps.range(names).map(|(name, _)| name.clone()).collect::<Vec<_>>() {
            self.cover(name, Coverage::Kernel);
        }
    }

    fn unfollow(&mut self, name: &[u8]) {
        let Some(wire) = self.followed.remove(name) else { return };
        let Some(branch) = self.branches.get_mut(&wire) else { return };
        if !branch.listed {
            self.unlisted -= 1;
        }
        let was_gap = branch.subscription.coverage().is_gap();
        if branch.subscription.cancel() {
            self.leaving.push(wire);
        }
        if was_gap {
            let subject = Subject::Entry(name.to_vec());
            self.events.push(TreeEvent::Covered(subject, Coverage::Kernel));
        }
    }

    /// Tells that the listing is complete, once it is.
    fn finish(&mut self) {
        let is_explored = self.unexplored.is_empty() && self.waiting.is_empty();
        if self.unlisted == 0 && is_explored && std::mem::take(&mut self.owes_end) {
            self.events.push(TreeEvent::Happened((Code::EndExist, Subject::Root)));
        }
    }
}

fn as_path(name: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(name))
}

fn join(directory: &[u8], entry: &[u8]) -> Vec<u8> {
    if directory.is_empty() { entry.to_vec() } else { [directory, b"/", entry].concat() }
}

/// The names below a name, in order.
fn below(name: &[u8]) -> Range<Vec<u8>> {
    // 0 comes behind the slash.
    join(name, b"")..[name, b"0"].concat()
}

fn parent(name: &[u8]) -> &[u8] {
    name.iter().rposition(|byte| *byte == b'/').map_or(&[], |end| &name[..end])
}

fn level(name: &[u8]) -> u32 {
    u32::try_from(name.split(|byte| *byte == b'/').count()).unwrap_or(u32::MAX)
}
