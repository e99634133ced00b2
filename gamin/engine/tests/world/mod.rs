//! A host for tests of the engine: a file system without links, a kernel that can refuse, paths that can hang.

#![allow(dead_code, reason = "each test uses what it needs")]

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use gamin_engine::{
    ArmingId, BarrierId, Change, Config, Dependency, Detail, Effect, Engine, Entries, EntryNotice, Eye,
    FileType, Found, Kind, Level, Method, Name, Notice, Output, Policy, Refusal, RevalidationRequest, Scan,
    ScanId, ScanRequest, Seen, Stamp, Subject, SubscriptionId, Tag, Time, TreePath,
};

/// A host whose file system has no links.
pub struct World {
    pub engine: Engine,
    pub now: Time,
    pub tree: BTreeMap<TreePath, Stamp>,
    pub armed: BTreeMap<ArmingId, (TreePath, Level)>,
    pub refused: BTreeSet<TreePath>,
    /// Paths that no scan gets an answer from, and the scans that wait for one.
    pub hung: BTreeSet<TreePath>,
    pub held: BTreeMap<ScanId, ScanRequest>,
    pub clock: i64,
    /// How many paths were scanned, and how many names were revalidated.
    pub scanned: usize,
    pub revalidating: usize,
    pub told: Vec<String>,
    /// The entries of the last listing, each with the state that it tells.
    pub listed: BTreeMap<String, Option<Tag>>,
    /// Whether directories are so large that their names are listed without stamps, where that is enough.
    pub is_large: bool,
}

/// A revalidation of the world.
struct Revalidation<'a> {
    tree: &'a BTreeMap<TreePath, Stamp>,
    request: &'a RevalidationRequest,
    looked: &'a Cell<usize>,
}

impl Eye for Revalidation<'_> {
    fn directory(&mut self) -> Option<Stamp> {
        self.tree.get(&self.request.directory).copied()
    }

    fn entry(&mut self, name: &Name) -> Seen {
        self.looked.set(self.looked.get() + 1);
        self.tree.get(&self.request.directory.join(name)).map_or(Seen::Absent, |stamp| Seen::Present(*stamp))
    }
}

pub fn path(text: &str) -> TreePath {
    TreePath::new(text.as_bytes()).expect("because tests name absolute paths")
}

impl World {
    pub fn new(policy: impl Policy + 'static) -> World {
        let engine = Engine::new(Config { policy: Arc::new(policy), poll_interval: MS * 1000 });
        let (tree, armed, refused, hung, held, told, listed) = Default::default();
        let mut world = World {
            engine,
            now: Time::default(),
            tree,
            armed,
            refused,
            hung,
            held,
            clock: 0,
            scanned: 0,
            revalidating: 0,
            told,
            listed,
            is_large: false,
        };
        world.put("/d", FileType::Directory);
        world
    }

    pub fn put(&mut self, at: &str, file_type: FileType) -> Stamp {
        self.clock += 1;
        let ns = self.clock;
        let stamp = Stamp {
            file_type,
            dev: 1,
            ino: ns as u64,
            mode: 0,
            uid: 0,
            gid: 0,
            size: 0,
            mtime_ns: ns,
            ctime_ns: ns,
            fresh: false,
        };
        self.tree.insert(path(at), stamp);
        self.touch_parent(at);
        stamp
    }

    /// Something came or went in a directory.
    pub fn touch_parent(&mut self, at: &str) {
        let Some((parent, _)) = path(at).split_last() else { return };
        if let Some(stamp) = self.tree.get_mut(&parent) {
            (stamp.mtime_ns, stamp.ctime_ns) = (self.clock, self.clock);
        }
    }

    pub fn modify(&mut self, at: &str) -> Stamp {
        self.clock += 1;
        let stamp = self.tree.get_mut(&path(at)).expect("because it was put there");
        stamp.ctime_ns = self.clock;
        *stamp
    }

    pub fn remove(&mut self, at: &str) {
        self.clock += 1;
        self.touch_parent(at);
        let at = path(at);
        self.tree.retain(|place, _| *place != at && !place.starts_with(&at.join(b"")));
    }

    pub fn subscribe(&mut self, subscription: u32, at: &str, kind: Kind) {
        self.engine.subscribe(self.now, SubscriptionId(subscription), path(at), kind);
        self.carry_out();
    }

    pub fn barrier(&mut self, subscriptions: &[u32]) {
        let subscriptions: Vec<_> = subscriptions.iter().copied().map(SubscriptionId).collect();
        self.engine.barrier(self.now, BarrierId(1), &subscriptions);
        self.carry_out();
    }

    /// Hands in a notice of the directory, as every arming of it tells it.
    pub fn notice(&mut self, directory: &str, name: &str, change: Change, seen: Seen) {
        for watch in self.armings(directory, Level::Entries) {
            let name = Name::from(name.as_bytes());
            let entry = EntryNotice { change, seen, is_last: true, cookie: None };
            self.engine.handle_notice(self.now, Notice::Entry { watch, name, entry });
        }
        self.carry_out();
    }

    pub fn gone(&mut self, directory: &str) {
        for watch in self.armings(directory, Level::Itself) {
            self.engine.handle_notice(self.now, Notice::Gone { watch });
        }
        self.carry_out();
    }

    /// Has every path answer again, beginning with what it was asked while it hung.
    pub fn recover(&mut self) {
        self.hung.clear();
        for (id, request) in std::mem::take(&mut self.held) {
            let scan = self.scan(&request);
            self.engine.handle_scan(self.now, id, scan);
        }
        self.carry_out();
    }

    pub fn pass(&mut self, span: Duration) {
        self.now = self.now + span;
        self.engine.handle_time(self.now);
        self.carry_out();
    }

    pub fn armings(&self, directory: &str, level: Level) -> Vec<ArmingId> {
        let directory = path(directory);
        let all = self.armed.iter().filter(|(_, (at, of))| *at == directory && *of >= level);
        all.map(|(id, _)| *id).collect()
    }

    pub fn carry_out(&mut self) {
        while let Some(effect) = self.engine.poll_effect() {
            match effect {
                Effect::Arm { id, directory, level } => {
                    let is_directory =
                        self.tree.get(&directory).is_some_and(|stamp| stamp.file_type == FileType::Directory);
                    let answer = if self.refused.contains(&directory) {
                        Err(Refusal::Limit)
                    } else if is_directory || directory.is_root() {
                        self.armed.insert(id, (directory, level));
                        Ok(())
                    } else {
                        Err(Refusal::Missing)
                    };
                    self.engine.handle_armed(id, answer);
                }
                Effect::Disarm { id } => drop(self.armed.remove(&id)),
                Effect::Forget { id } => drop(self.held.remove(&id)),
                Effect::Scan { id, request } if self.hung.contains(&request.path) => {
                    self.held.insert(id, request);
                }
                Effect::Revalidate { id, request } => {
                    let looked = Cell::new(0);
                    let doubts = request.revalidate(&mut Revalidation {
                        tree: &self.tree,
                        request: &request,
                        looked: &looked,
                    });
                    self.revalidating += looked.get();
                    self.engine.handle_revalidated(id, &doubts);
                }
                Effect::Scan { id, request } => {
                    self.scanned += 1;
                    let scan = self.scan(&request);
                    self.engine.handle_scan(self.now, id, scan);
                }
            }
        }
        while let Some(output) = self.engine.poll_output() {
            self.told.push(match output {
                Output::Listing(subscription, mut listing) => {
                    self.listed.clear();
                    while let Some((name, tag)) = listing.take_next() {
                        let name = String::from_utf8_lossy(name).into_owned();
                        self.told.push(format!("{} {name} Exists", subscription.0));
                        self.listed.insert(name, tag);
                    }
                    continue;
                }
                Output::Reached(_) => "reached".into(),
                Output::Coverage(subscription, coverage) => format!("{} {}", subscription.0, coverage.word()),
                Output::Event(event) => {
                    let subject = match event.subject {
                        Subject::Root => "-".into(),
                        Subject::Entry(name) => String::from_utf8_lossy(&name).into_owned(),
                    };
                    format!("{} {subject} {:?}", event.subscription.0, event.code)
                }
            });
        }
    }

    pub fn scan(&self, request: &ScanRequest) -> Scan {
        let mut dependencies = Vec::new();
        let mut at = TreePath::root();
        for component in request.path.components() {
            let next = at.join(component);
            match self.tree.get(&next) {
                Some(stamp) if stamp.file_type == FileType::Directory => {
                    dependencies.push(Dependency { directory: next.clone(), entry: None });
                }
                found => {
                    dependencies.push(Dependency { directory: at, entry: Some(Name::from(component)) });
                    let stops_short = next != request.path;
                    let found = found.filter(|_| !stops_short).copied();
                    return Scan {
                        dependencies,
                        stops_short,
                        found: found.map_or(Found::Missing, Found::File),
                    };
                }
            }
            at = next;
        }
        let is_stamped = !self.is_large || request.detail == Detail::Stamps;
        let entries = match request.detail {
            Detail::Itself => Entries::Unasked,
            _ => Entries::Listed(
                self.tree
                    .iter()
                    .filter_map(|(place, stamp)| {
                        place.split_last().map(|(parent, name)| (parent, name, *stamp))
                    })
                    .filter(|(parent, ..)| *parent == at)
                    .map(|(_, name, stamp)| (name, is_stamped.then_some(stamp)))
                    .collect(),
            ),
        };
        let stamp = self.tree.get(&at).copied().expect("because it was walked into");
        Scan { dependencies, stops_short: false, found: Found::Directory { real: at, stamp, entries } }
    }

    pub fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.told)
    }
}

pub const MS: Duration = Duration::from_millis(1);
pub const POLL: Method = Method::Poll { interval: Duration::from_secs(1) };
