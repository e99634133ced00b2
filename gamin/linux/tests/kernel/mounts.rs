//! What needs mounts: one directory at two paths, unmounting, and file systems of different resolution.
//!
//! Each test has a mount namespace of its own; where the user may not have one, it passes without having tested.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use gamin_backend::{Lane, MountId, Mounts};
use gamin_engine::{Detail, Entries, FileType, Found, Level, Refusal, ScanRequest, Stamp};
use gamin_linux::MountTable;
use nix::mount::{MsFlags, mount, umount};
use nix::sched::{CloneFlags, unshare};

use crate::{Bench, Outcome, scan, scan_in, shows_change, tree};

const NONE: Option<&str> = None;

/// Runs a test on a thread with its own mounts.
fn with_mounts(test: fn() -> Outcome) -> Outcome {
    let in_namespace = move || {
        let private = MsFlags::MS_PRIVATE | MsFlags::MS_REC;
        match unshare(CloneFlags::CLONE_NEWNS).and_then(|()| mount(NONE, "/", NONE, private, NONE)) {
            Ok(()) => test(),
            Err(_) => Ok(()),
        }
    };
    thread::spawn(in_namespace).join().expect("because the test has not panicked")
}

#[test]
fn one_directory_at_two_paths_is_one_kernel_watch() -> Outcome {
    with_mounts(|| {
        let mut bench = Bench::new()?;
        fs::create_dir(bench.at("a"))?;
        fs::create_dir(bench.at("b"))?;
        mount(Some(&bench.at("a")), &bench.at("b"), NONE, MsFlags::MS_BIND, NONE)?;
        assert_eq!(bench.arm(1, "a", Level::Entries), Ok(()));
        assert_eq!(bench.arm(2, "b", Level::Itself), Ok(()));
        assert_eq!(bench.backend.watches(), 1);
        fs::create_dir(bench.at("b/x"))?;
        assert_eq!(bench.told(), ["1 x Created present"]);
        assert_eq!(bench.arm(2, "b", Level::Entries), Ok(()));
        bench.disarm(1);
        fs::remove_dir(bench.at("a/x"))?;
        assert_eq!(bench.told(), ["2 x Deleted absent"]);
        umount(&bench.at("b"))?;
        Ok(())
    })
}

#[test]
fn an_unmounted_directory_is_gone_once() -> Outcome {
    with_mounts(|| {
        let mut bench = Bench::new()?;
        fs::create_dir(bench.at("m"))?;
        mount(NONE, &bench.at("m"), Some("tmpfs"), MsFlags::empty(), NONE)?;
        assert_eq!(bench.arm(1, "m", Level::Entries), Ok(()));
        let request = ScanRequest { path: tree(&bench.at("m")), trusted: 0, detail: Detail::Stamps };
        assert!(matches!(scan(&request).found, Found::Directory { .. }));
        umount(&bench.at("m"))?;
        assert_eq!(bench.told(), ["1 Gone"]);
        assert_eq!(bench.backend.watches(), 0);
        Ok(())
    })
}

fn stamp(path: &Path) -> Stamp {
    match scan(&ScanRequest { path: tree(path), trusted: 0, detail: Detail::Itself }).found {
        Found::File(stamp) => stamp,
        found => panic!("{found:?}"),
    }
}

#[test]
fn a_new_file_is_fresh_unless_its_file_system_is_multigrain() -> Outcome {
    with_mounts(|| {
        let bench = Bench::new()?;
        fs::create_dir(bench.at("m"))?;
        let file = bench.at("m/file");
        for (system, multigrain) in [("tmpfs", true), ("ramfs", false)] {
            mount(NONE, &bench.at("m"), Some(system), MsFlags::empty(), NONE)?;
            fs::write(&file, "")?;
            let fresh = stamp(&file).fresh;
            assert!(fresh || multigrain, "{system}");
            for _ in 0..200 {
                let before = stamp(&file);
                fs::write(&file, "")?;
                assert!(shows_change(&before, &stamp(&file)), "{system}");
            }
            umount(&bench.at("m"))?;
        }
        Ok(())
    })
}

#[test]
fn the_table_tells_of_a_change_once() -> Outcome {
    with_mounts(|| {
        let bench = Bench::new()?;
        let point = bench.at("a name\\040 with\nescapes");
        fs::create_dir(&point)?;
        let table = MountTable::open()?;
        let device = table.read()?.of(&tree(&point)).map(|mount| mount.device);
        assert!(!table.is_changed());
        mount(NONE, &point, Some("tmpfs"), MsFlags::empty(), NONE)?;
        assert!(table.is_changed() && !table.is_changed());
        let mounts = table.read()?;
        let found = mounts.of(&tree(&point.join("x"))).expect("because / is mounted");
        assert_eq!((&found.point, found.file_system.as_str()), (&tree(&point), "tmpfs"));
        assert_ne!(Some(found.device), device);
        umount(&point)?;
        assert!(table.is_changed());
        assert_eq!(table.read()?.of(&tree(&point)).map(|mount| mount.device), device);
        Ok(())
    })
}

/// A bench on which the directory `far` is said to be mounted from elsewhere, which it need not be to be kept off.
fn with_far() -> io::Result<(Bench, Mounts)> {
    let bench = Bench::new()?;
    fs::create_dir_all(bench.at("far/d"))?;
    let point = bench.at("far");
    let table = format!("1 1 0:1 / / rw - ext4 a rw\n7 1 0:7 / {} rw - fuse.sshfs b rw\n", point.display());
    Ok((bench, Mounts::parse(table.as_bytes())))
}

#[test]
fn a_scan_steps_onto_a_remote_mount_only_in_its_lane() -> Outcome {
    let (bench, mounts) = with_far()?;
    symlink("far/d", bench.at("link"))?;
    let lane = Lane::SHORT.over(MountId(7));
    for (name, trusted) in [("far", 0), ("far/d", 0), ("far/d", usize::MAX), ("link", 0), ("far/none", 0)] {
        let request = ScanRequest { path: tree(&bench.at(name)), trusted, detail: Detail::Stamps };
        assert_eq!(scan_in(&Lane::SHORT, &request, &mounts), Err(lane.clone().into()), "{name}");
        assert_eq!(scan_in(&lane, &request, &mounts), Ok(scan(&request)), "{name}");
    }
    let request = ScanRequest { path: tree(&bench.root), trusted: 0, detail: Detail::Stamps };
    let beside = scan_in(&Lane::SHORT, &request, &mounts).expect("because it is local");
    let Found::Directory { entries: Entries::Listed(entries), .. } = beside.found else {
        panic!("{:?}", beside.found);
    };
    let far = entries.iter().find(|(name, _)| **name == *b"far").and_then(|(_, stamp)| *stamp);
    assert!(far.is_some_and(|stamp| stamp.dev == 7 && stamp.file_type == FileType::Directory), "{far:?}");
    Ok(())
}

#[test]
fn nothing_on_a_remote_mount_is_armed_or_looked_at_for_a_notice() -> Outcome {
    let (mut bench, mounts) = with_far()?;
    assert_eq!(bench.arm(1, "far/d", Level::Entries), Ok(()));
    assert_eq!(bench.arm(2, "", Level::Entries), Ok(()));
    bench.backend.set_mounts(Arc::new(mounts));
    assert_eq!(bench.arm(3, "far", Level::Entries), Err(Refusal::Remote));
    fs::write(bench.at("far/d/x"), "")?;
    fs::write(bench.at("x"), "")?;
    assert_eq!(
        bench.told(),
        ["1 x Created", "1 x Closed", "2 x Created present", "2 x Closed present"],
        "what was armed before is not looked at any more"
    );
    assert_eq!(bench.arm(1, "far/d", Level::Entries), Err(Refusal::Remote));
    assert_eq!(bench.backend.watches(), 1);
    Ok(())
}
