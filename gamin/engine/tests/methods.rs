//! How a path is watched: by which method, how it goes over to another, what polling costs at rest, and what becomes of one that
//! changes without pause.

mod world;

use std::sync::Arc;
use std::time::Duration;

use gamin_engine::{Change, FileType, Kind, Level, Method, Notice, Policy, Seen, SubscriptionId, TreePath};
use world::{MS, POLL, World, path};

/// `/poll` is polled, `/slow` less often, `/none` not watched at all; and so is what leads there.
#[derive(Debug)]
struct ByPlace;

impl Policy for ByPlace {
    fn method(&self, path: &TreePath, real: &TreePath) -> Method {
        let begins = |with: &[u8]| path.starts_with(with) || real.starts_with(with);
        match () {
            () if begins(b"/poll") => POLL,
            () if begins(b"/slow") => Method::Poll { interval: MS * 5000 },
            () if begins(b"/none") => Method::None,
            () => Method::Kernel,
        }
    }
}

fn world() -> World {
    let mut world = World::new(ByPlace);
    for directory in ["/poll", "/slow", "/none"] {
        world.put(directory, FileType::Directory);
    }
    world
}

#[test]
fn only_what_the_kernel_watches_is_asked_of_it() {
    let mut world = world();
    for (subscription, at) in [(1, "/poll"), (2, "/slow"), (3, "/none")] {
        world.subscribe(subscription, at, Kind::Directory);
    }
    assert!(world.armed.is_empty());
    world.subscribe(4, "/d", Kind::Directory);
    assert!(!world.armings("/d", Level::Entries).is_empty());
}

#[test]
fn each_is_looked_at_when_it_is_due() {
    let mut world = world();
    world.subscribe(1, "/poll", Kind::Directory);
    world.subscribe(2, "/slow", Kind::Directory);
    world.take();
    world.put("/poll/a", FileType::Other);
    world.put("/slow/a", FileType::Other);
    world.pass(MS * 999);
    assert_eq!(world.take(), [""; 0]);
    world.pass(MS);
    assert_eq!(world.take(), ["1 a Created"]);
    world.pass(MS * 3999);
    assert_eq!(world.take(), [""; 0]);
    world.pass(MS);
    assert_eq!(world.take(), ["2 a Created"]);
}

#[test]
fn at_rest_polling_revalidates_and_scans_nothing() {
    let mut world = world();
    for file in 0..100 {
        world.put(&format!("/poll/f{file}"), FileType::Other);
    }
    world.subscribe(1, "/poll", Kind::Directory);
    for file in 0..100 {
        world.subscribe(2 + file, &format!("/poll/f{file}"), Kind::File);
    }
    world.subscribe(200, "/poll/missing/way", Kind::File);
    world.subscribe(201, "/poll", Kind::File);
    world.take();
    let scanned = world.scanned;
    world.pass(MS * 1000);
    assert_eq!((world.scanned - scanned, world.revalidating), (0, 101), "each name once, and the directory");
    world.modify("/poll/f7");
    world.pass(MS * 1000);
    assert_eq!(world.take(), ["1 f7 Changed", "9 - Changed"]);
    assert_eq!(world.scanned - scanned, 2, "of the directory, and of the file");
    let scanned = world.scanned;
    world.put("/poll/missing", FileType::Directory);
    world.put("/poll/missing/way", FileType::Other);
    world.pass(MS * 1000);
    let mut told = world.take();
    told.sort();
    assert_eq!(told, ["1 missing Created", "200 - Created", "201 - Changed"]);
    assert_eq!(world.scanned - scanned, 3);
}

#[test]
fn a_polled_directory_is_looked_at_for_what_comes_and_goes() {
    let mut world = world();
    world.put("/poll/a", FileType::Other);
    world.subscribe(1, "/poll", Kind::Directory);
    world.take();
    world.remove("/poll/a");
    world.put("/poll/b", FileType::Other);
    world.pass(MS * 1000);
    assert_eq!(world.take(), ["1 a Deleted", "1 b Created"]);
    world.remove("/poll");
    world.pass(MS * 1000);
    assert_eq!(world.take(), ["1 - Deleted"]);
    world.pass(MS * 1000);
    world.put("/poll", FileType::Directory);
    world.put("/poll/c", FileType::Other);
    world.pass(MS * 1000);
    assert_eq!(world.take(), ["1 - Created", "1 c Created"]);
}

#[test]
fn of_method_none_the_listing_is_told_to_each_as_it_is_then() {
    let mut world = world();
    world.put("/none/a", FileType::Other);
    world.subscribe(1, "/none", Kind::Directory);
    assert_eq!(world.take(), ["1 - Exists", "1 a Exists", "1 - EndExist"]);
    world.remove("/none/a");
    world.put("/none/b", FileType::Other);
    world.pass(MS * 60_000);
    world.barrier(&[1]);
    assert_eq!(world.take(), ["reached"]);
    world.subscribe(2, "/none", Kind::Directory);
    assert_eq!(world.take(), ["2 - Exists", "2 b Exists", "2 - EndExist"]);
    world.engine.handle_notice(world.now, Notice::Overflow);
    world.carry_out();
    assert_eq!(world.engine.next_deadline(), None);
    world.engine.handle_policy(world.now, Arc::new(Method::Kernel));
    world.carry_out();
    let told = world.take();
    assert_eq!(told, ["1 a Deleted", "1 b Created"], "each was told something else");
}

#[test]
fn a_watch_that_goes_over_to_another_method_misses_nothing() {
    let mut world = World::new(Method::Kernel);
    world.put("/d/f", FileType::Other);
    world.subscribe(1, "/d", Kind::Directory);
    world.subscribe(2, "/d/f", Kind::File);
    world.take();
    let slow = Method::Poll { interval: MS * 5000 };
    let methods = [POLL, Method::Kernel, slow, POLL, Method::None, Method::Kernel, Method::None, slow];
    for (at, method) in methods.into_iter().enumerate() {
        // Nobody tells of this.
        let name = format!("n{at}");
        world.put(&format!("/d/{name}"), FileType::Other);
        world.modify("/d/f");
        world.engine.handle_policy(world.now, Arc::new(method));
        world.carry_out();
        let told = world.take();
        match method {
            Method::None => {
                assert_eq!(told, [""; 0]);
                world.remove(&format!("/d/{name}"));
            }
            _ => {
                assert!(told.contains(&format!("1 {name} Created")), "{told:?} by {method:?}");
                assert!(told.contains(&"1 f Changed".to_owned()), "{told:?} by {method:?}");
                assert!(told.contains(&"2 - Changed".to_owned()), "{told:?} by {method:?}");
            }
        }
        assert_eq!(world.armed.is_empty(), method != Method::Kernel);
        let is_polled = matches!(method, Method::Poll { .. });
        assert_eq!(world.engine.next_deadline().is_some(), is_polled, "{method:?}");
    }
    for subscription in [1, 2] {
        world.engine.cancel(SubscriptionId(subscription));
    }
    world.carry_out();
    assert!(world.armed.is_empty() && world.engine.next_deadline().is_none());
}

#[test]
fn what_is_mounted_over_or_away_is_looked_at() {
    for method in [Method::Kernel, POLL] {
        let mut world = World::new(method);
        world.put("/d/m", FileType::Directory);
        world.put("/d/m/a", FileType::Other);
        world.put("/d/other", FileType::Directory);
        world.subscribe(1, "/d/m", Kind::Directory);
        world.subscribe(2, "/d/m/a", Kind::File);
        world.subscribe(3, "/d/other", Kind::Directory);
        world.take();
        world.remove("/d/m");
        world.put("/d/m", FileType::Directory);
        world.put("/d/m/b", FileType::Other);
        let scanned = world.scanned;
        world.engine.handle_remount(&path("/d/m"));
        world.carry_out();
        assert_eq!(world.take(), ["1 - Deleted", "1 - Created", "1 b Created", "2 - Deleted"]);
        assert!(world.scanned > scanned);
        let stamp = world.put("/d/m/c", FileType::Other);
        world.notice("/d/m", "c", Change::Created, Seen::Present(stamp));
        world.pass(MS * 1000);
        assert_eq!(world.take(), ["1 c Created"]);
        world.engine.handle_remount(&path("/d/m"));
        world.carry_out();
        assert_eq!(world.take(), [""; 0], "nothing is another than it was");
    }
}

/// Makes and removes a name, as the kernel tells it.
fn come_and_go(world: &mut World, name: &str) {
    let at = format!("/d/{name}");
    let stamp = world.put(&at, FileType::Other);
    world.notice("/d", name, Change::Created, Seen::Present(stamp));
    world.remove(&at);
    world.notice("/d", name, Change::Deleted, Seen::Absent);
}

#[test]
fn names_that_come_and_go_without_pause_are_told_for_a_while_and_then_as_a_difference() {
    for is_fresh in [true, false] {
        let mut world = World::new(Method::Kernel);
        world.subscribe(1, "/d", Kind::Directory);
        world.take();
        for round in 0..150 {
            come_and_go(&mut world, &if is_fresh { format!("n{round}") } else { "n".into() });
            world.pass(MS * 30);
        }
        let stamp = world.put("/d/last", FileType::Other);
        world.notice("/d", "last", Change::Created, Seen::Present(stamp));
        world.pass(MS * 1000);
        let told = world.take();
        assert!(told.len() < 55, "{}: {told:?}", told.len());
        assert_eq!(told.last().map(String::as_str), Some("1 last Created"));
        world.pass(MS * 3000);
        come_and_go(&mut world, "after");
        assert_eq!(world.take(), ["1 after Created", "1 after Deleted"], "it is calm again");
        assert_eq!(world.engine.next_deadline(), None);
    }
}

#[test]
fn a_barrier_does_not_wait_for_the_turn_of_what_comes_and_goes() {
    let mut world = World::new(Method::Kernel);
    world.subscribe(1, "/d", Kind::Directory);
    for round in 0..30 {
        come_and_go(&mut world, &format!("n{round}"));
        world.pass(MS * 30);
    }
    world.take();
    let stamp = world.put("/d/a", FileType::Other);
    world.notice("/d", "a", Change::Created, Seen::Present(stamp));
    assert_eq!(world.take(), [""; 0]);
    world.barrier(&[1]);
    assert_eq!(world.take(), ["1 a Created", "reached"]);
}

/// A directory with the entry `a`, in which so much has come and gone that what comes has to wait.
fn overdrawn() -> World {
    let mut world = World::new(Method::Kernel);
    world.put("/d/a", FileType::Other);
    world.subscribe(1, "/d", Kind::Directory);
    for round in 0..12 {
        come_and_go(&mut world, &format!("n{round}"));
    }
    world.take();
    world
}

#[test]
fn that_an_entry_has_gone_does_not_wait_where_what_comes_has_to() {
    let mut world = overdrawn();
    world.remove("/d/a");
    world.notice("/d", "a", Change::Deleted, Seen::Absent);
    let stamp = world.put("/d/a", FileType::Other);
    world.notice("/d", "a", Change::Created, Seen::Present(stamp));
    assert_eq!(world.take(), ["1 a Deleted"]);
    world.pass(MS * 99);
    assert_eq!(world.take(), [""; 0]);
    world.pass(MS);
    assert_eq!(world.take(), ["1 a Created"]);
    assert_eq!(world.engine.census().held, 0);
}

#[test]
fn what_has_to_wait_is_told_once_and_as_it_is_by_then() {
    let mut world = overdrawn();
    let stamp = world.put("/d/b", FileType::Other);
    world.notice("/d", "b", Change::Created, Seen::Present(stamp));
    let stamp = world.modify("/d/b");
    world.notice("/d", "b", Change::Written, Seen::Present(stamp));
    come_and_go(&mut world, "c");
    world.pass(MS * 100);
    assert_eq!(world.take(), ["1 b Created"]);
    world.pass(MS * 5);
    let stamp = world.modify("/d/b");
    world.notice("/d", "b", Change::Written, Seen::Present(stamp));
    assert_eq!(world.take(), ["1 b Changed"]);
}

#[test]
fn that_a_file_is_closed_does_not_end_the_wait_of_what_has_come() {
    let mut world = overdrawn();
    for round in 0..20 {
        let (name, at) = (format!("file{round}"), format!("/d/file{round}"));
        let stamp = world.put(&at, FileType::Other);
        for change in [Change::Created, Change::Closed] {
            world.notice("/d", &name, change, Seen::Present(stamp));
        }
        world.remove(&at);
        world.notice("/d", &name, Change::Deleted, Seen::Absent);
    }
    assert_eq!(world.take(), [""; 0]);
    world.pass(MS * 100);
    assert_eq!(world.take(), [""; 0]);
    assert_eq!(world.engine.census().paces, 0, "and nothing is kept of it");
}

#[test]
fn a_newcomer_is_listed_what_others_wait_for_and_told_nothing_of_it_again() {
    let mut world = overdrawn();
    let stamp = world.put("/d/b", FileType::Other);
    world.notice("/d", "b", Change::Created, Seen::Present(stamp));
    world.subscribe(2, "/d", Kind::Directory);
    assert_eq!(world.take(), ["1 b Created", "2 - Exists", "2 a Exists", "2 b Exists", "2 - EndExist"]);
    world.pass(MS * 1000);
    assert_eq!(world.take(), [""; 0]);
}

#[test]
fn what_waits_goes_with_its_directory() {
    let mut world = overdrawn();
    let stamp = world.put("/d/b", FileType::Other);
    world.notice("/d", "b", Change::Created, Seen::Present(stamp));
    for path in ["/d/a", "/d/b", "/d"] {
        world.remove(path);
    }
    world.gone("/d");
    assert_eq!(world.take(), ["1 - Deleted"]);
    world.pass(MS * 1000);
    assert_eq!(world.take(), [""; 0]);
}

#[test]
fn a_burst_of_thousands_of_names_is_told_at_once() {
    let mut world = World::new(Method::Kernel);
    world.subscribe(1, "/d", Kind::Directory);
    world.take();
    for round in 0..500 {
        for at in 0..10 {
            let name = format!("n{round}-{at}");
            let stamp = world.put(&format!("/d/{name}"), FileType::Other);
            world.notice("/d", &name, Change::Created, Seen::Present(stamp));
        }
        world.pass(MS);
        assert_eq!(world.take().len(), 10);
    }
    for round in 0..500 {
        for at in 0..10 {
            let name = format!("n{round}-{at}");
            world.remove(&format!("/d/{name}"));
            world.notice("/d", &name, Change::Deleted, Seen::Absent);
        }
        world.pass(MS);
        assert_eq!(world.take().len(), 10);
    }
}

#[test]
fn a_file_that_comes_and_goes_without_pause_is_told_now_and_then() {
    let mut world = World::new(Method::Kernel);
    world.subscribe(1, "/d/f", Kind::File);
    world.take();
    for _ in 0..150 {
        come_and_go(&mut world, "f");
        world.pass(MS * 30);
    }
    world.pass(MS * 1000);
    let told = world.take();
    assert!((8..55).contains(&told.len()), "{}: {told:?}", told.len());
    assert_eq!(world.engine.next_deadline(), None);
}

#[test]
fn a_storm_is_taken_off_the_kernel_until_it_calms() {
    let mut world = World::new(Method::Kernel);
    world.put("/d/f", FileType::Other);
    world.put("/d/quiet", FileType::Other);
    world.subscribe(1, "/d", Kind::Directory);
    world.take();
    let mut notices = 0;
    while !world.armed.is_empty() {
        let stamp = world.modify("/d/f");
        world.notice("/d", "f", Change::Written, Seen::Present(stamp));
        notices += 1;
        if notices % 100 == 0 {
            world.pass(MS);
        }
    }
    assert!((200_000..230_000).contains(&notices), "{notices}");
    let told = world.take();
    assert!(told.len() < 15, "{told:?}");
    world.pass(MS * 1000);
    world.take();
    for _ in 0..5 {
        world.modify("/d/f");
        world.pass(MS * 1000);
        assert!(world.armed.is_empty());
        assert_eq!(world.take(), ["1 f Changed"]);
    }
    world.modify("/d/quiet");
    world.barrier(&[1]);
    assert_eq!(world.take(), ["1 quiet Changed", "reached"]);
    for _ in 0..5 {
        world.pass(Duration::from_secs(1));
    }
    assert!(!world.armings("/d", Level::Entries).is_empty(), "it is calm");
    assert_eq!(world.engine.next_deadline(), None);
    let stamp = world.modify("/d/f");
    world.notice("/d", "f", Change::Written, Seen::Present(stamp));
    assert_eq!(world.take(), ["1 f Changed"]);
}

#[test]
fn a_large_directory_is_revalidated_bit_by_bit() {
    let mut world = world();
    for file in 0..5000 {
        world.put(&format!("/poll/f{file:04}"), FileType::Other);
    }
    world.subscribe(1, "/poll", Kind::Directory);
    world.take();
    world.pass(MS * 1000);
    assert_eq!(world.revalidating, 5000);
    for file in ["f0000", "f2500", "f4999"] {
        world.modify(&format!("/poll/{file}"));
        world.pass(MS * 1000);
        assert_eq!(world.take(), [format!("1 {file} Changed")]);
    }
}

#[test]
fn a_revalidation_of_a_directory_serves_those_who_ask_for_its_entries_as_long_as_nothing_is_in_doubt() {
    let mut world = world();
    let files: Vec<String> = (0..5000).map(|file| format!("/poll/f{file:04}")).collect();
    for file in &files {
        world.put(file, FileType::Other);
    }
    world.subscribe(1, "/poll", Kind::Directory);
    for (file, subscription) in files.iter().zip(10..) {
        world.subscribe(subscription, file, Kind::File);
    }
    world.subscribe(2, "/poll/none", Kind::File);
    world.take();
    world.pass(MS * 1000);
    assert_eq!(world.revalidating, 5000, "each name once");
    // In the first part of the revalidation, in a later one, and in the last.
    for (at, subscription) in [(0, 10), (2500, 2510), (4999, 5009)] {
        world.modify(&files[at]);
        world.modify(&files[1]);
        world.pass(MS * 1000);
        let mut told = world.take();
        told.sort();
        let mut expected = [
            "1 f0001 Changed".into(),
            "11 - Changed".into(),
            format!("1 f{at:04} Changed"),
            format!("{subscription} - Changed"),
        ];
        expected.sort();
        assert_eq!(told, expected);
    }
    // Without who asks for the directory, each is revalidated by its name.
    world.revalidating = 0;
    world.engine.cancel(SubscriptionId(1));
    world.put("/poll/none", FileType::Other);
    world.pass(MS * 1000);
    assert_eq!(world.take(), ["2 - Created"]);
    assert_eq!(world.revalidating, 5001);
}
