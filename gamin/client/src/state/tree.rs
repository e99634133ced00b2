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
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gamin_protocol::{self as protocol, Code, Kind};

use super::subscription::Subscription;
use super::told::{News, Subject};

/// A tree to monitor: how deep, and which names in it are told.
#[derive(Clone)]
pub struct Shape {
    /// How many levels below the root are told: 1 for its entries, 2 also for theirs, and so on; 0 for the root alone.
    pub levels: u32,
    /// Says of the bare name of an entry, a directory's too, whether it is told. Directories are followed whatever it says.
    pub tells: Arc<dyn Fn(&OsStr) -> bool + Send + Sync>,
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shape").field("levels", &self.levels).finish_non_exhaustive()
    }
}

/// One directory that is followed.
#[derive(Debug)]
struct Branch {
    /// Its name relative to the root, which is empty for the root itself.
    name: Vec<u8>,
    subscription: Subscription,
    listed: bool,
}

/// A tree. Names in it are relative to the root.
#[derive(Debug)]
pub(super) struct Tree {
    root: Vec<u8>,
    shape: Shape,
    /// By wire number; those that have left stay until they are acknowledged.
    branches: BTreeMap<u16, Branch>,
    /// The wire numbers of those that are followed, by name.
    followed: BTreeMap<Vec<u8>, u16>,
    told: BTreeSet<Vec<u8>>,
    unexplored: VecDeque<Vec<u8>>,
    news: Vec<News>,
    leaving: Vec<u16>,
    suspended: bool,
    /// How many branches have not been listed.
    unlisted: usize,
    owes_end: bool,
}

impl Tree {
    pub(super) fn new(root: &Path, wire: u16, shape: Shape) -> Tree {
        let root = root.as_os_str().as_bytes();
        let root = root.strip_suffix(b"/").unwrap_or(root).to_vec();
        let mut tree = Tree {
            root,
            shape,
            branches: BTreeMap::new(),
            followed: BTreeMap::new(),
            told: BTreeSet::new(),
            unexplored: VecDeque::new(),
            news: Vec::new(),
            leaving: Vec::new(),
            suspended: false,
            unlisted: 0,
            owes_end: true,
        };
        tree.follow(Vec::new(), wire);
        tree
    }

    pub(super) fn subscriptions(&self) -> impl Iterator<Item = &Subscription> {
        self.branches.values().map(|branch| &branch.subscription)
    }

    pub(super) fn subscriptions_mut(&mut self) -> impl Iterator<Item = &mut Subscription> {
        self.branches.values_mut().map(|branch| &mut branch.subscription)
    }

    /// Takes an event of one of the branches.
    pub(super) fn handle_event(&mut self, event: protocol::Event) {
        let wire = event.seq;
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
            let heard = self.branches.get_mut(&wire).map(|branch| branch.subscription.resume());
            self.hear(wire, heard.unwrap_or_default());
        }
    }

    /// Takes the Acknowledge of a branch; says whether it has it.
    pub(super) fn acknowledge(&mut self, wire: u16) -> bool {
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
    pub(super) fn poll_news(&mut self) -> Vec<News> {
        std::mem::take(&mut self.news)
    }

    /// Gives the wire number of a branch that is to be cancelled.
    pub(super) fn poll_leaving(&mut self) -> Option<u16> {
        self.leaving.pop()
    }

    /// Whether there is something to [`Tree::explore`].
    pub(super) fn is_curious(&self) -> bool {
        !self.unexplored.is_empty()
    }

    /// Takes up the directories among the names that are new, each with a wire number of its own.
    pub(super) fn explore(
        &mut self,
        is_directory: &mut dyn FnMut(&Path) -> bool,
        allocate: &mut dyn FnMut() -> Option<u16>,
        subscribe: &mut dyn FnMut(&Subscription),
    ) {
        while let Some(name) = self.unexplored.pop_front() {
            let path = self.path(&name);
            let is_followed = self.followed.contains_key(&name);
            if !is_directory(&path) {
                self.leave(&name);
                continue;
            }
            if is_followed || !self.followed.contains_key(parent(&name)) {
                continue;
            }
            if path.as_os_str().len() >= protocol::PATH_MAX {
                tracing::warn!(?path, "too long to be followed");
            } else if let Some(wire) = allocate() {
                subscribe(self.follow(name, wire));
            } else {
                tracing::warn!(?path, "no request number is free to follow it");
            }
        }
        self.finish();
    }

    fn follow(&mut self, name: Vec<u8>, wire: u16) -> &Subscription {
        let mut subscription = Subscription::new(Kind::Directory, self.path(&name), wire);
        if self.suspended {
            subscription.suspend();
        }
        self.unlisted += 1;
        self.followed.insert(name.clone(), wire);
        let branch = Branch { name, subscription, listed: false };
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
    fn hear(&mut self, wire: u16, heard: Vec<News>) {
        for (code, subject) in heard {
            let Some(branch) = self.branches.get_mut(&wire) else { break };
            if !branch.subscription.is_live() {
                break;
            }
            let is_root = branch.name.is_empty();
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
                    let name = join(&branch.name, &entry);
                    self.hear_of_entry(code, name, &entry);
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
        }
        self.news.push((code, Subject::Root));
    }

    fn hear_of_entry(&mut self, code: Code, name: Vec<u8>, entry: &[u8]) {
        if self.shape.levels == 0 {
            return;
        }
        if code == Code::Deleted {
            self.leave(&name);
            if self.told.remove(&name) {
                self.news.push((Code::Deleted, Subject::Entry(name)));
            }
            return;
        }
        if (self.shape.tells)(OsStr::from_bytes(entry)) {
            let code = match (self.told.insert(name.clone()), code) {
                (true, Code::Exists) if self.owes_end => Code::Exists,
                (true, _) => Code::Created,
                (false, _) => Code::Changed,
            };
            self.news.push((code, Subject::Entry(name.clone())));
        }
        if level(&name) < self.shape.levels {
            self.unexplored.push_back(name);
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
        let (first, end) = (join(name, b""), [name, b"0"].concat());
        for name in
            self.followed.range(first.clone()..end.clone()).map(|(name, _)| name.clone()).collect::<Vec<_>>()
        {
            self.unfollow(&name);
        }
        // What is below a name comes after it, and is to go before it.
        let gone: Vec<_> = self.told.range(first..end).rev().cloned().collect();
        for name in gone {
            self.told.remove(&name);
            self.news.push((Code::Deleted, Subject::Entry(name)));
        }
    }

    fn unfollow(&mut self, name: &[u8]) {
        let Some(wire) = self.followed.remove(name) else { return };
        let Some(branch) = self.branches.get_mut(&wire) else { return };
        if !branch.listed {
            self.unlisted -= 1;
        }
        if branch.subscription.cancel() {
            self.leaving.push(wire);
        }
    }

    /// Tells that the listing is complete, once it is.
    fn finish(&mut self) {
        if self.unlisted == 0 && self.unexplored.is_empty() && std::mem::take(&mut self.owes_end) {
            self.news.push((Code::EndExist, Subject::Root));
        }
    }
}

fn join(directory: &[u8], entry: &[u8]) -> Vec<u8> {
    if directory.is_empty() { entry.to_vec() } else { [directory, b"/", entry].concat() }
}

fn parent(name: &[u8]) -> &[u8] {
    name.iter().rposition(|byte| *byte == b'/').map_or(&[], |end| &name[..end])
}

fn level(name: &[u8]) -> u32 {
    u32::try_from(name.split(|byte| *byte == b'/').count()).unwrap_or(u32::MAX)
}
