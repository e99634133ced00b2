//! What is told when something happens, operation by operation.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};

use gamin_engine::{EntryNotice, Level, Notice, Seen};

use crate::{Bench, Outcome, shows_change};

#[test]
fn creating_a_file_tells_created_and_closed() -> Outcome {
    let mut bench = Bench::armed()?;
    File::create(bench.at("a"))?;
    assert_eq!(bench.told(), ["1 a Created present", "1 a Closed present"]);
    Ok(())
}

#[test]
fn writing_tells_modified_and_closed() -> Outcome {
    let mut bench = Bench::armed()?;
    let mut file = OpenOptions::new().append(true).open(bench.at("old"))?;
    assert!(bench.told().is_empty(), "opening is not told");
    file.write_all(b"x")?;
    assert_eq!(bench.told(), ["1 old Modified present"]);
    drop(file);
    assert_eq!(bench.told(), ["1 old Closed present"]);
    Ok(())
}

#[test]
fn reading_and_listing_are_not_told() -> Outcome {
    let mut bench = Bench::armed()?;
    fs::read(bench.at("old"))?;
    assert_eq!(fs::read_dir(&bench.root)?.count(), 1);
    assert!(bench.told().is_empty());
    Ok(())
}

#[test]
fn changing_the_mode_tells_attributes() -> Outcome {
    let mut bench = Bench::armed()?;
    fs::set_permissions(bench.at("old"), Permissions::from_mode(0o600))?;
    assert_eq!(bench.told(), ["1 old Attributes present"]);
    fs::set_permissions(&bench.root, Permissions::from_mode(0o750))?;
    assert_eq!(bench.told(), ["1 Attributes"]);
    Ok(())
}

#[test]
fn removing_tells_deleted() -> Outcome {
    let mut bench = Bench::armed()?;
    fs::remove_file(bench.at("old"))?;
    assert_eq!(bench.told(), ["1 old Deleted absent"]);
    Ok(())
}

#[test]
fn directories_and_links_come_and_go_like_files() -> Outcome {
    let mut bench = Bench::armed()?;
    fs::create_dir(bench.at("d"))?;
    symlink("nowhere", bench.at("l"))?;
    fs::hard_link(bench.at("old"), bench.at("h"))?;
    assert_eq!(bench.told(), ["1 d Created present", "1 l Created present", "1 h Created present"]);
    fs::remove_dir(bench.at("d"))?;
    fs::remove_file(bench.at("l"))?;
    assert_eq!(bench.told(), ["1 d Deleted absent", "1 l Deleted absent"]);
    Ok(())
}

#[test]
fn a_rename_within_tells_both_names() -> Outcome {
    let mut bench = Bench::armed()?;
    fs::rename(bench.at("old"), bench.at("new"))?;
    assert_eq!(bench.told(), ["1 old MovedFrom absent", "1 new MovedTo present"]);
    Ok(())
}

#[test]
fn a_rename_over_another_tells_what_is_there_then() -> Outcome {
    let mut bench = Bench::armed()?;
    fs::write(bench.at("new"), "longer")?;
    bench.told();
    fs::rename(bench.at("new"), bench.at("old"))?;
    let notices = bench.notices();
    let Some(Notice::Entry { entry: EntryNotice { seen: Seen::Present(stamp), .. }, .. }) = notices.last()
    else {
        panic!("{notices:?}");
    };
    assert_eq!(stamp.size, 6);
    Ok(())
}

#[test]
fn a_rename_in_and_a_rename_out_tell_one_name_each() -> Outcome {
    let mut bench = Bench::new()?;
    fs::create_dir(bench.at("in"))?;
    fs::write(bench.at("file"), "")?;
    bench.arm(1, "in", Level::Entries).expect("because it is there");
    fs::rename(bench.at("file"), bench.at("in/file"))?;
    assert_eq!(bench.told(), ["1 file MovedTo present"]);
    fs::rename(bench.at("in/file"), bench.at("file"))?;
    assert_eq!(bench.told(), ["1 file MovedFrom absent"]);
    Ok(())
}

#[test]
fn every_notice_says_how_the_name_was_after_all_of_them() -> Outcome {
    let mut bench = Bench::armed()?;
    for _ in 0..3 {
        File::create(bench.at("a"))?;
        fs::remove_file(bench.at("a"))?;
        fs::create_dir(bench.at("b"))?;
        fs::remove_dir(bench.at("b"))?;
    }
    let told = bench.told();
    assert_eq!(told.len(), 15, "{told:?}");
    assert!(told.iter().all(|line| line.ends_with("absent")), "{told:?}");
    Ok(())
}

#[test]
fn a_name_may_be_any_bytes() -> Outcome {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
    let mut bench = Bench::armed()?;
    let long = [b'n'; 255];
    fs::create_dir(bench.root.join(OsStr::from_bytes(b"\xff\n ")))?;
    fs::create_dir(bench.root.join(OsStr::from_bytes(&long)))?;
    assert_eq!(
        bench.told(),
        [r"1 \xff\n  Created present".to_owned(), format!("1 {} Created present", "n".repeat(255))]
    );
    Ok(())
}

#[test]
fn a_stamp_that_is_not_fresh_shows_the_next_change() -> Outcome {
    let mut bench = Bench::armed()?;
    let mut before = None;
    for _ in 0..500 {
        fs::write(bench.at("old"), "same")?;
        let notices = bench.notices();
        let Some(Notice::Entry { entry: EntryNotice { seen: Seen::Present(now), .. }, .. }) = notices.last()
        else {
            panic!("{notices:?}");
        };
        assert!(before.is_none_or(|before| shows_change(&before, now)));
        before = Some(*now);
    }
    Ok(())
}
