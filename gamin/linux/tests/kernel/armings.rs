//! What arming, sharing, changing level, going and overflowing do to kernel watches.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};

use gamin_engine::{Level, Refusal};

use crate::{Bench, Outcome};

const OK: Result<(), Refusal> = Ok(());

#[test]
fn only_a_directory_can_be_armed() -> Outcome {
    let mut bench = Bench::armed()?;
    symlink(".", bench.at("link"))?;
    for name in ["missing", "missing/deeper", "old", "old/deeper", "link", &"n".repeat(256)] {
        assert_eq!(bench.arm(2, name, Level::Entries), Err(Refusal::Missing), "{name}");
    }
    assert_eq!(bench.backend.watches(), 1);
    Ok(())
}

#[test]
fn two_ids_share_a_kernel_watch_and_each_is_told() -> Outcome {
    let mut bench = Bench::armed()?;
    assert_eq!(bench.arm(2, "", Level::Entries), OK);
    assert_eq!(bench.backend.watches(), 1);
    fs::create_dir(bench.at("d"))?;
    assert_eq!(bench.told(), ["1 d Created present", "2 d Created present"]);
    bench.disarm(1);
    fs::remove_dir(bench.at("d"))?;
    assert_eq!(bench.told(), ["2 d Deleted absent"]);
    bench.disarm(2);
    assert_eq!(bench.backend.watches(), 0);
    fs::create_dir(bench.at("d"))?;
    assert!(bench.told().is_empty(), "neither the event nor IN_IGNORED");
    Ok(())
}

#[test]
fn each_id_is_told_at_its_own_level() -> Outcome {
    let mut bench = Bench::armed()?;
    assert_eq!(bench.arm(2, "", Level::Itself), OK);
    fs::set_permissions(bench.at("old"), Permissions::from_mode(0o600))?;
    fs::set_permissions(&bench.root, Permissions::from_mode(0o750))?;
    assert_eq!(bench.told(), ["1 old Attributes present", "1 Attributes", "2 Attributes"]);
    Ok(())
}

#[test]
fn arming_at_itself_keeps_quiet_about_entries() -> Outcome {
    let mut bench = Bench::new()?;
    fs::write(bench.at("old"), "")?;
    assert_eq!(bench.arm(1, "", Level::Itself), OK);
    File::create(bench.at("a"))?;
    fs::set_permissions(bench.at("old"), Permissions::from_mode(0o600))?;
    fs::remove_file(bench.at("old"))?;
    assert!(bench.told().is_empty());
    Ok(())
}

#[test]
fn the_level_goes_up_and_down() -> Outcome {
    let mut bench = Bench::new()?;
    for _ in 0..2 {
        assert_eq!(bench.arm(1, "", Level::Itself), OK);
        fs::create_dir(bench.at("d"))?;
        assert!(bench.told().is_empty());
        assert_eq!(bench.arm(1, "", Level::Entries), OK);
        fs::remove_dir(bench.at("d"))?;
        assert_eq!(bench.told(), ["1 d Deleted absent"]);
    }
    Ok(())
}

#[test]
fn a_lowered_kernel_watch_does_not_wake_anyone_for_entries() -> Outcome {
    let mut bench = Bench::armed()?;
    let mut notices = Vec::new();
    assert_eq!(bench.arm(2, "", Level::Itself), OK);
    bench.disarm(1);
    fs::create_dir(bench.at("d"))?;
    assert!(
        !bench.backend.read(&mut bench.inotify, &mut notices, |_, _| true)?,
        "the kernel's queue is empty"
    );
    Ok(())
}

#[test]
fn an_id_moves_to_another_directory_only_when_it_is_known_that_the_first_is_gone() -> Outcome {
    let mut bench = Bench::new()?;
    fs::create_dir(bench.at("a"))?;
    assert_eq!(bench.arm(1, "a", Level::Entries), OK);
    fs::rename(bench.at("a"), bench.at("b"))?;
    fs::create_dir(bench.at("a"))?;
    assert_eq!(bench.arm(1, "a", Level::Entries), Err(Refusal::Missing), "what it had to tell is lost");
    assert_eq!(bench.backend.watches(), 0);
    assert_eq!(bench.arm(1, "a", Level::Entries), OK);
    assert_eq!(bench.backend.watches(), 1);
    fs::create_dir(bench.at("b/x"))?;
    fs::create_dir(bench.at("a/y"))?;
    assert_eq!(bench.told(), ["1 y Created present"]);
    Ok(())
}

#[test]
fn a_refused_change_of_level_gives_the_watch_back() -> Outcome {
    let mut bench = Bench::new()?;
    fs::create_dir(bench.at("a"))?;
    assert_eq!(bench.arm(1, "a", Level::Itself), OK);
    fs::rename(bench.at("a"), bench.at("b"))?;
    assert_eq!(bench.arm(1, "a", Level::Entries), Err(Refusal::Missing));
    assert_eq!(bench.backend.watches(), 0);
    bench.disarm(1);
    assert!(bench.told().is_empty());
    Ok(())
}

#[test]
fn a_removed_directory_is_gone_once() -> Outcome {
    let mut bench = Bench::new()?;
    fs::create_dir(bench.at("d"))?;
    assert_eq!(bench.arm(1, "d", Level::Entries), OK);
    assert_eq!(bench.arm(2, "d", Level::Itself), OK);
    fs::remove_dir(bench.at("d"))?;
    assert_eq!(bench.told(), ["1 Gone", "2 Gone"]);
    assert_eq!(bench.backend.watches(), 0);
    bench.disarm(1);
    bench.disarm(2);
    assert!(bench.told().is_empty());
    Ok(())
}

#[test]
fn a_directory_that_is_back_at_its_path_is_not_gone() -> Outcome {
    let mut bench = Bench::new()?;
    fs::create_dir(bench.at("d"))?;
    assert_eq!(bench.arm(1, "d", Level::Entries), OK);
    fs::rename(bench.at("d"), bench.at("e"))?;
    fs::rename(bench.at("e"), bench.at("d"))?;
    assert!(bench.told().is_empty());
    fs::create_dir(bench.at("d/x"))?;
    assert_eq!(bench.told(), ["1 x Created present"]);
    Ok(())
}

#[test]
fn a_renamed_directory_is_gone_once_and_silent_then() -> Outcome {
    let mut bench = Bench::new()?;
    fs::create_dir(bench.at("d"))?;
    assert_eq!(bench.arm(1, "d", Level::Entries), OK);
    fs::rename(bench.at("d"), bench.at("e"))?;
    assert_eq!(bench.told(), ["1 Gone"]);
    assert_eq!(bench.backend.watches(), 0);
    fs::create_dir(bench.at("e/x"))?;
    assert!(bench.told().is_empty());
    fs::rename(bench.at("e"), bench.at("d"))?;
    bench.disarm(1);
    assert_eq!(bench.arm(2, "d", Level::Entries), OK);
    fs::remove_dir(bench.at("d/x"))?;
    assert_eq!(bench.told(), ["2 x Deleted absent"]);
    Ok(())
}

#[test]
fn what_happened_before_a_directory_went_is_told_before_it_is_gone() -> Outcome {
    let mut bench = Bench::new()?;
    fs::create_dir(bench.at("d"))?;
    assert_eq!(bench.arm(1, "d", Level::Entries), OK);
    fs::create_dir(bench.at("d/x"))?;
    fs::rename(bench.at("d"), bench.at("e"))?;
    fs::create_dir(bench.at("e/y"))?;
    assert_eq!(bench.told(), ["1 x Created", "1 Gone"]);
    Ok(())
}

#[test]
fn events_of_an_arming_given_back_are_dropped() -> Outcome {
    let mut bench = Bench::armed()?;
    fs::create_dir(bench.at("d"))?;
    bench.disarm(1);
    assert_eq!(bench.arm(2, "", Level::Entries), OK);
    assert!(bench.told().is_empty());
    fs::remove_dir(bench.at("d"))?;
    assert_eq!(bench.told(), ["2 d Deleted absent"]);
    Ok(())
}

/// Causes more events in the root than the kernel's queue holds: two for each rename.
fn flood(bench: &Bench) -> Outcome {
    let limit = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events")?;
    let limit: usize = limit.trim().parse().expect("because it is a number");
    for _ in 0..limit / 4 + 100 {
        fs::rename(bench.at("old"), bench.at("new"))?;
        fs::rename(bench.at("new"), bench.at("old"))?;
    }
    Ok(())
}

#[test]
fn an_overflow_is_told_once_and_the_watch_works_on() -> Outcome {
    let mut bench = Bench::armed()?;
    flood(&bench)?;
    let told = bench.told();
    assert_eq!(told.iter().filter(|line| *line == "Overflow").count(), 1);
    assert_eq!(told.last().map(String::as_str), Some("Overflow"));
    fs::remove_file(bench.at("old"))?;
    assert_eq!(bench.told(), ["1 old Deleted absent"]);
    Ok(())
}

#[test]
fn an_overflow_hides_no_directory_that_went() -> Outcome {
    let mut bench = Bench::armed()?;
    for (id, name) in [(2, "renamed"), (3, "removed"), (4, "anew"), (5, "stays")] {
        fs::create_dir(bench.at(name))?;
        assert_eq!(bench.arm(id, name, Level::Entries), OK);
    }
    flood(&bench)?;
    fs::rename(bench.at("renamed"), bench.at("elsewhere"))?;
    fs::remove_dir(bench.at("removed"))?;
    fs::remove_dir(bench.at("anew"))?;
    fs::create_dir(bench.at("anew"))?;
    let told = bench.told();
    let overflow = told.iter().position(|line| line == "Overflow").expect("because the queue was full");
    assert_eq!(told[overflow + 1..], ["2 Gone", "3 Gone", "4 Gone"]);
    assert_eq!(bench.backend.watches(), 2);
    fs::create_dir(bench.at("stays/x"))?;
    assert_eq!(bench.told(), ["5 x Created present"]);
    Ok(())
}
