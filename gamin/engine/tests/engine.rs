//! The engine over a tree in memory: each test says what happens to the tree and which notices come of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use gamin_engine::{
    BarrierId, Change, Code, Config, Detail, Effect, Engine, Entries, EntryNotice, FileType, Found, Hinge,
    KernelWatchId, Kind, Level, Method, Name, Notice, Output, Refusal, Scan, ScanId, ScanRequest, Seen,
    Stamp, Subject, SubscriptionId, Time, TreePath,
};

/// A host whose file system has no links.
struct World {
    engine: Engine,
    now: Time,
    tree: BTreeMap<TreePath, Stamp>,
    armed: BTreeMap<KernelWatchId, (TreePath, Level)>,
    refused: BTreeSet<TreePath>,
    /// Paths that no scan gets an answer from, and the scans that wait for one.
    hung: BTreeSet<TreePath>,
    held: BTreeMap<ScanId, ScanRequest>,
    clock: i64,
    told: Vec<String>,
}

fn path(text: &str) -> TreePath {
    TreePath::new(text.as_bytes()).expect("because tests name absolute paths")
}

impl World {
    fn new(method: Method) -> World {
        let engine = Engine::new(Config { method, poll_interval: Duration::from_secs(1) });
        let (tree, armed, refused, hung, held, told) = Default::default();
        let mut world =
            World { engine, now: Time::default(), tree, armed, refused, hung, held, clock: 0, told };
        world.put("/d", FileType::Directory);
        world
    }

    fn put(&mut self, at: &str, file_type: FileType) -> Stamp {
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
        stamp
    }

    fn modify(&mut self, at: &str) -> Stamp {
        self.clock += 1;
        let stamp = self.tree.get_mut(&path(at)).expect("because it was put there");
        stamp.ctime_ns = self.clock;
        *stamp
    }

    fn remove(&mut self, at: &str) {
        let at = path(at);
        self.tree.retain(|place, _| *place != at && !place.starts_with(&at.join(b"")));
    }

    fn subscribe(&mut self, subscription: u64, at: &str, kind: Kind) {
        self.engine.subscribe(self.now, SubscriptionId(subscription), path(at), kind);
        self.carry_out();
    }

    fn barrier(&mut self, subscriptions: &[u64]) {
        let subscriptions: Vec<_> = subscriptions.iter().copied().map(SubscriptionId).collect();
        self.engine.barrier(self.now, BarrierId(1), &subscriptions);
        self.carry_out();
    }

    /// Hands in a notice of the directory, as every arming of it tells it.
    fn notice(&mut self, directory: &str, name: &str, change: Change, seen: Seen) {
        for watch in self.armings(directory, Level::Entries) {
            let name = Name::from(name.as_bytes());
            let entry = EntryNotice { change, seen, is_last: true };
            self.engine.handle_notice(self.now, Notice::Entry { watch, name, entry });
        }
        self.carry_out();
    }

    fn gone(&mut self, directory: &str) {
        for watch in self.armings(directory, Level::Itself) {
            self.engine.handle_notice(self.now, Notice::Gone { watch });
        }
        self.carry_out();
    }

    /// Has every path answer again, beginning with what it was asked while it hung.
    fn recover(&mut self) {
        self.hung.clear();
        for (id, request) in std::mem::take(&mut self.held) {
            let scan = self.scan(&request);
            self.engine.handle_scan(self.now, id, scan);
        }
        self.carry_out();
    }

    fn pass(&mut self, span: Duration) {
        self.now = self.now + span;
        self.engine.handle_time(self.now);
        self.carry_out();
    }

    fn armings(&self, directory: &str, level: Level) -> Vec<KernelWatchId> {
        let directory = path(directory);
        let all = self.armed.iter().filter(|(_, (at, of))| *at == directory && *of >= level);
        all.map(|(id, _)| *id).collect()
    }

    fn carry_out(&mut self) {
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
                Effect::Scan { id, request } => {
                    let scan = self.scan(&request);
                    self.engine.handle_scan(self.now, id, scan);
                }
            }
        }
        while let Some(output) = self.engine.poll_output() {
            self.told.push(match output {
                Output::Reached(_) => "reached".into(),
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

    fn scan(&self, request: &ScanRequest) -> Scan {
        let mut hinges = Vec::new();
        let mut at = TreePath::root();
        for component in request.path.components() {
            let next = at.join(component);
            match self.tree.get(&next) {
                Some(stamp) if stamp.file_type == FileType::Directory => {
                    hinges.push(Hinge { directory: next.clone(), entry: None });
                }
                found => {
                    hinges.push(Hinge { directory: at, entry: Some(Name::from(component)) });
                    let found = found.filter(|_| next == request.path).copied();
                    return Scan { hinges, found: found.map_or(Found::Missing, Found::File) };
                }
            }
            at = next;
        }
        let entries = match request.detail {
            Detail::Itself => Entries::Unasked,
            _ => Entries::Listed(
                self.tree
                    .iter()
                    .filter_map(|(place, stamp)| {
                        place.split_last().map(|(parent, name)| (parent, name, *stamp))
                    })
                    .filter(|(parent, ..)| *parent == at)
                    .map(|(_, name, stamp)| (name, Some(stamp)))
                    .collect(),
            ),
        };
        let stamp = self.tree.get(&at).copied().expect("because it was walked into");
        Scan { hinges, found: Found::Directory { real: at, stamp, entries } }
    }

    fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.told)
    }
}

const MS: Duration = Duration::from_millis(1);

#[test]
fn a_listing_comes_first_and_in_order_of_names() {
    let mut world = World::new(Method::Kernel);
    world.put("/d/b", FileType::Other);
    world.put("/d/a", FileType::Other);
    world.subscribe(1, "/d", Kind::Directory);
    assert_eq!(world.take(), ["1 - Exists", "1 a Exists", "1 b Exists", "1 - EndExist"]);
}

#[test]
fn a_notice_that_contradicts_what_is_known_is_ignored() {
    let mut world = World::new(Method::Kernel);
    let stamp = world.put("/d/a", FileType::Other);
    world.subscribe(1, "/d", Kind::Directory);
    world.take();
    world.notice("/d", "a", Change::Created, Seen::Present(stamp));
    world.notice("/d", "b", Change::Deleted, Seen::Absent);
    world.notice("/d", "b", Change::Modified, Seen::Absent);
    world.notice("/d", "a", Change::Attributes, Seen::Present(stamp));
    assert_eq!(world.take(), [""; 0]);
}

#[test]
fn an_open_file_is_told_changed_when_it_settles_or_closes_once() {
    let mut world = World::new(Method::Kernel);
    world.put("/d/a", FileType::Other);
    world.subscribe(1, "/d", Kind::Directory);
    world.take();
    world.modify("/d/a");
    world.notice("/d", "a", Change::Modified, Seen::Nothing);
    assert_eq!(world.take(), [""; 0]);
    let stamp = world.modify("/d/a");
    world.notice("/d", "a", Change::Modified, Seen::Nothing);
    world.notice("/d", "a", Change::Closed, Seen::Present(stamp));
    assert_eq!(world.take(), ["1 a Changed"]);
    assert_eq!(world.engine.next_deadline(), None);

    world.pass(MS * 10);
    let stamp = world.modify("/d/a");
    world.notice("/d", "a", Change::Modified, Seen::Present(stamp));
    world.pass(MS * 5);
    assert_eq!(world.take(), ["1 a Changed"]);
}

#[test]
fn overflow_ends_in_a_rescan_and_the_difference() {
    let mut world = World::new(Method::Kernel);
    for name in ["a", "b", "c"] {
        world.put(&format!("/d/{name}"), FileType::Other);
    }
    world.subscribe(1, "/d", Kind::Directory);
    world.take();
    world.remove("/d/a");
    world.modify("/d/b");
    world.put("/d/new", FileType::Other);
    world.engine.handle_notice(world.now, Notice::Overflow);
    world.carry_out();
    assert_eq!(world.take(), ["1 a Deleted", "1 b Changed", "1 new Created"]);
}

#[test]
fn a_directory_removed_and_made_again_goes_on_being_watched() {
    let mut world = World::new(Method::Kernel);
    world.put("/d/e", FileType::Directory);
    world.put("/d/e/a", FileType::Other);
    world.subscribe(1, "/d/e", Kind::Directory);
    world.take();
    for _ in 0..3 {
        world.remove("/d/e");
        world.gone("/d/e");
        assert_eq!(world.take(), ["1 - Deleted"]);
        let stamp = world.put("/d/e", FileType::Directory);
        world.put("/d/e/b", FileType::Other);
        world.notice("/d", "e", Change::Created, Seen::Present(stamp));
        assert_eq!(world.take(), ["1 - Created", "1 b Created"]);
    }
    assert_eq!(world.armings("/d", Level::Entries), [], "the ancestor is asked only about itself again");
}

#[test]
fn a_removed_directory_that_is_held_open_is_gone_when_its_parent_says_so() {
    let mut world = World::new(Method::Kernel);
    world.put("/d/e", FileType::Directory);
    world.subscribe(1, "/d/e", Kind::Directory);
    world.take();
    world.remove("/d/e");
    for watch in world.armings("/d", Level::Itself) {
        let notice = Notice::Entry {
            watch,
            name: Name::from(b"e".as_slice()),
            entry: EntryNotice { change: Change::Deleted, seen: Seen::Absent, is_last: true },
        };
        world.engine.handle_notice(world.now, notice);
    }
    world.carry_out();
    assert_eq!(world.take(), ["1 - Deleted"]);
}

#[test]
fn a_path_with_two_missing_levels_is_awaited_at_its_nearest_ancestor() {
    let mut world = World::new(Method::Kernel);
    world.subscribe(1, "/d/e/f", Kind::File);
    assert_eq!(world.take(), ["1 - Deleted", "1 - EndExist"]);
    let stamp = world.put("/d/e", FileType::Directory);
    world.notice("/d", "e", Change::Created, Seen::Present(stamp));
    assert_eq!(world.take(), [""; 0]);
    let stamp = world.put("/d/e/f", FileType::Other);
    world.notice("/d/e", "f", Change::Created, Seen::Present(stamp));
    assert_eq!(world.take(), ["1 - Created"]);
}

#[test]
fn a_refused_watch_is_polled_until_the_kernel_has_room() {
    let mut world = World::new(Method::Kernel);
    world.refused.insert(path("/d"));
    world.subscribe(1, "/d", Kind::Directory);
    world.take();
    world.put("/d/a", FileType::Other);
    world.pass(MS * 1000);
    assert_eq!(world.take(), ["1 a Created"]);
    world.refused.clear();
    world.pass(MS * 1000);
    assert_eq!(world.engine.next_deadline(), None, "nothing is polled any more");
    let stamp = world.put("/d/b", FileType::Other);
    world.notice("/d", "b", Change::Created, Seen::Present(stamp));
    assert_eq!(world.take(), ["1 b Created"]);
}

#[test]
fn a_barrier_looks_at_what_is_polled() {
    let mut world = World::new(Method::Poll);
    world.subscribe(1, "/d", Kind::Directory);
    world.take();
    world.put("/d/a", FileType::Other);
    world.barrier(&[1]);
    assert_eq!(world.take(), ["1 a Created", "reached"]);
    assert!(world.armed.is_empty());
}

#[test]
fn a_barrier_flushes_what_is_held() {
    let mut world = World::new(Method::Kernel);
    world.put("/d/a", FileType::Other);
    world.subscribe(1, "/d", Kind::Directory);
    world.take();
    let stamp = world.modify("/d/a");
    world.notice("/d", "a", Change::Modified, Seen::Present(stamp));
    world.barrier(&[1]);
    assert_eq!(world.take(), ["1 a Changed", "reached"]);
}

#[test]
fn two_names_that_change_places_are_both_still_there() {
    let mut world = World::new(Method::Kernel);
    let a = world.put("/d/a", FileType::Other);
    let b = world.put("/d/b", FileType::Other);
    world.subscribe(1, "/d", Kind::Directory);
    world.take();
    let (a, b) = (Stamp { ctime_ns: 90, ..b }, Stamp { ctime_ns: 90, ..a });
    world.tree.insert(path("/d/a"), a);
    world.tree.insert(path("/d/b"), b);
    world.notice("/d", "a", Change::MovedFrom, Seen::Nothing);
    world.notice("/d", "b", Change::MovedTo, Seen::Nothing);
    world.notice("/d", "b", Change::MovedFrom, Seen::Present(b));
    world.notice("/d", "a", Change::MovedTo, Seen::Present(a));
    let mut present = BTreeSet::from(["a".to_owned(), "b".to_owned()]);
    for told in world.take() {
        let [_, name, code] = told.split(' ').collect::<Vec<_>>()[..] else { panic!("{told}") };
        match code {
            "Created" => assert!(present.insert(name.to_owned()), "{told}"),
            "Deleted" => assert!(present.remove(name), "{told}"),
            _ => assert!(present.contains(name), "{told}"),
        }
    }
    assert_eq!(present.len(), 2);
}

#[test]
fn everything_is_given_back() {
    let mut world = World::new(Method::Kernel);
    world.put("/d/e", FileType::Directory);
    world.subscribe(1, "/d/e", Kind::Directory);
    world.subscribe(2, "/d/e/missing/file", Kind::File);
    world.subscribe(3, "/d/e", Kind::File);
    assert!(!world.armed.is_empty());
    for subscription in 1..=3 {
        world.engine.cancel(SubscriptionId(subscription));
    }
    world.carry_out();
    assert_eq!(world.armed, BTreeMap::new());
    assert_eq!(world.engine.next_deadline(), None);
}

#[test]
fn a_directory_subscription_on_a_file_waits_for_a_directory() {
    let mut world = World::new(Method::Kernel);
    world.put("/d/f", FileType::Other);
    world.subscribe(1, "/d/f", Kind::Directory);
    assert_eq!(world.take(), ["1 - Deleted", "1 - EndExist"]);
    world.remove("/d/f");
    world.notice("/d", "f", Change::Deleted, Seen::Absent);
    let stamp = world.put("/d/f", FileType::Directory);
    world.notice("/d", "f", Change::Created, Seen::Present(stamp));
    assert_eq!(world.take(), ["1 - Created"]);
    assert_eq!(Code::CREATED.name(), Some("Created"));
}

#[test]
fn a_file_subscription_on_a_directory_tells_that_entries_come_and_go() {
    let mut world = World::new(Method::Kernel);
    world.subscribe(1, "/d", Kind::File);
    assert_eq!(world.take(), ["1 - Exists", "1 - EndExist"]);
    let stamp = world.put("/d/a", FileType::Other);
    world.modify("/d");
    world.notice("/d", "a", Change::Created, Seen::Present(stamp));
    assert_eq!(world.take(), ["1 - Changed"]);
    let stamp = world.modify("/d/a");
    world.notice("/d", "a", Change::Modified, Seen::Present(stamp));
    assert_eq!(world.take(), [""; 0], "what an entry holds is no change of the directory");
}

/// A world in which `/d` is watched as 1, and `/h`, of which the kernel does not tell, hangs and is watched as 2.
fn hung_world() -> World {
    let mut world = World::new(Method::Kernel);
    world.put("/h", FileType::Directory);
    world.put("/h/a", FileType::Other);
    world.refused.insert(path("/h"));
    world.hung.insert(path("/h"));
    world.subscribe(1, "/d", Kind::Directory);
    world.subscribe(2, "/h", Kind::Directory);
    assert_eq!(world.take(), ["1 - Exists", "1 - EndExist"]);
    world
}

#[test]
fn a_path_that_hangs_holds_up_no_other() {
    let mut world = hung_world();
    let stamp = world.put("/d/a", FileType::Other);
    world.notice("/d", "a", Change::Created, Seen::Present(stamp));
    world.barrier(&[1]);
    assert_eq!(world.take(), ["1 a Created", "reached"]);
    world.recover();
    assert_eq!(world.take(), ["2 - Exists", "2 a Exists", "2 - EndExist"]);
}

#[test]
fn a_barrier_waits_for_a_scan_until_that_is_overdue() {
    let mut world = hung_world();
    world.barrier(&[1, 2]);
    assert_eq!(world.take(), [""; 0]);
    let scan = *world.held.keys().next().expect("because /h hangs");
    world.engine.handle_overdue(scan);
    world.carry_out();
    assert_eq!(world.take(), ["reached"]);
    world.barrier(&[1, 2]);
    assert_eq!(world.take(), ["reached"], "it does not wait again for the same");
    world.recover();
    assert_eq!(world.take(), ["2 - Exists", "2 a Exists", "2 - EndExist"]);
    world.put("/h/b", FileType::Other);
    world.barrier(&[2]);
    assert_eq!(world.take(), ["2 b Created", "reached"], "but for one that gets an answer");
}

#[test]
fn one_scan_waits_for_a_path_that_hangs_whatever_is_asked() {
    let mut world = hung_world();
    for subscription in 3..10 {
        world.subscribe(subscription, "/h", Kind::Directory);
        world.pass(Duration::from_secs(1));
        world.barrier(&[1, subscription]);
        world.engine.handle_notice(world.now, Notice::Overflow);
        world.carry_out();
    }
    assert_eq!(world.held.len(), 1);
    assert_eq!(world.engine.next_deadline(), None);
}

#[test]
fn what_nobody_waits_for_any_more_is_forgotten_and_its_late_answer_ignored() {
    let mut world = hung_world();
    let (&scan, request) = world.held.iter().next().expect("because /h hangs");
    let late = world.scan(request);
    world.barrier(&[2]);
    world.engine.cancel(SubscriptionId(2));
    world.carry_out();
    assert_eq!(world.take(), ["reached"]);
    assert_eq!(world.held, BTreeMap::new());
    world.engine.handle_scan(world.now, scan, late);
    world.engine.handle_overdue(scan);
    world.carry_out();
    assert_eq!(world.take(), [""; 0]);
    assert!(world.armings("/h", Level::Itself).is_empty() && world.engine.next_deadline().is_none());
}
