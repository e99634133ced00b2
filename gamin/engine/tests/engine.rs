//! The engine over a tree in memory: each test says what happens to the tree and which notices come of it.

mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use gamin_engine::{
    Change, Code, EntryNotice, FileType, Kind, Level, Method, Name, Notice, Seen, Stamp, SubscriptionId,
};
use world::{MS, POLL, World, path};

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
            entry: EntryNotice { change: Change::Deleted, seen: Seen::Absent, is_last: true, cookie: None },
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
    assert_eq!(world.take(), ["1 polled-limit", "1 - Exists", "1 - EndExist"]);
    world.put("/d/a", FileType::Other);
    world.pass(MS * 1000);
    assert_eq!(world.take(), ["1 a Created"]);
    world.subscribe(2, "/d", Kind::Directory);
    assert_eq!(world.take(), ["2 polled-limit", "2 - Exists", "2 a Exists", "2 - EndExist"]);
    world.refused.clear();
    world.pass(MS * 1000);
    assert_eq!(world.take(), ["1 kernel", "2 kernel"]);
    world.engine.cancel(SubscriptionId(2));
    assert_eq!(world.engine.next_deadline(), None, "nothing is polled any more");
    let stamp = world.put("/d/b", FileType::Other);
    world.notice("/d", "b", Change::Created, Seen::Present(stamp));
    assert_eq!(world.take(), ["1 b Created"]);
}

#[test]
fn a_newcomer_is_not_told_of_a_file_as_it_was_before_he_asked() {
    let mut world = World::new(Method::Kernel);
    world.put("/d/a", FileType::Other);
    world.refused.insert(path("/d"));
    world.subscribe(1, "/d", Kind::Directory);
    let before = world.listed["a"].expect("because it was seen");
    world.modify("/d/a");
    world.refused.clear();
    world.hung.insert(path("/d"));
    world.subscribe(2, "/d", Kind::Directory);
    let (id, request) = world.held.pop_first().expect("because it is looked at for him");
    let scan = world.scan(&request);
    let after = world.modify("/d/a");
    world.notice("/d", "a", Change::Modified, Seen::Present(after));
    world.take();
    world.hung.clear();
    world.engine.handle_scan(world.now, id, scan);
    world.carry_out();
    assert_eq!(world.take(), ["1 kernel", "2 - Exists", "2 a Exists", "2 - EndExist"]);
    assert_ne!(world.listed["a"], Some(before));
    world.pass(MS * 5);
    assert_eq!(world.take(), ["1 a Changed", "2 a Changed"]);
}

#[test]
fn a_barrier_looks_at_what_is_polled() {
    let mut world = World::new(POLL);
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
fn a_barrier_during_a_newcomers_look_casts_no_doubt_on_a_large_directory() {
    let mut world = World::new(Method::Kernel);
    world.is_large = true;
    world.put("/d/a", FileType::Other);
    world.subscribe(1, "/d", Kind::Directory);
    world.take();
    world.engine.subscribe(world.now, SubscriptionId(2), path("/d"), Kind::Directory);
    world.barrier(&[1, 2]);
    assert_eq!(world.take(), ["2 - Exists", "2 a Exists", "2 - EndExist", "reached"]);
}

#[test]
fn what_came_to_a_large_directory_without_pause_is_created_once_and_not_changed() {
    let mut world = World::new(Method::Kernel);
    world.is_large = true;
    world.subscribe(1, "/d", Kind::Directory);
    world.take();
    let names: Vec<String> = (10..90).map(|n| format!("n{n}")).collect();
    for name in &names {
        let stamp = world.put(&format!("/d/{name}"), FileType::Other);
        world.notice("/d", name, Change::Created, Seen::Present(stamp));
        world.pass(MS * 30);
    }
    // Too much to be told one by one: a rescan has it, before the notice of the last is read.
    let stamp = world.put("/d/n90", FileType::Other);
    world.barrier(&[1]);
    world.notice("/d", "n90", Change::Created, Seen::Present(stamp));
    world.barrier(&[1]);
    world.pass(MS * 2000);
    let told: Vec<_> = world.take().into_iter().filter(|told| told != "reached").collect();
    let expected: Vec<_> = (10..=90).map(|n| format!("1 n{n} Created")).collect();
    assert_eq!(told, expected);
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
    assert_eq!(Code::Created.name(), Some("Created"));
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
    assert_eq!(world.take(), ["2 polled-limit", "2 - Exists", "2 a Exists", "2 - EndExist"]);
}

#[test]
fn a_barrier_waits_for_a_scan_until_that_is_overdue() {
    let mut world = hung_world();
    world.barrier(&[1, 2]);
    assert_eq!(world.take(), [""; 0]);
    let scan = *world.held.keys().next().expect("because /h hangs");
    world.engine.handle_overdue(world.now, scan);
    world.carry_out();
    assert_eq!(world.take(), ["reached"]);
    world.barrier(&[1, 2]);
    let anew = *world.held.keys().next_back().expect("because /h hangs");
    assert_ne!(anew, scan, "the path may lead elsewhere by now");
    // The lane has one that is overdue at work, and says so at once.
    world.engine.handle_overdue(world.now, anew);
    world.carry_out();
    assert_eq!(world.take(), ["reached"], "it does not wait again for the same");
    world.recover();
    assert_eq!(world.take(), ["2 polled-limit", "2 - Exists", "2 a Exists", "2 - EndExist"]);
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
    world.engine.handle_overdue(world.now, scan);
    world.carry_out();
    assert_eq!(world.take(), [""; 0]);
    assert!(world.armings("/h", Level::Itself).is_empty() && world.engine.next_deadline().is_none());
}
