//! What needs mounts: one directory at two paths, unmounting, and file systems of different resolution.
//!
//! Each test has a mount namespace of its own; where the user may not have one, it passes without having tested.

use std::fs;
use std::path::Path;
use std::thread;

use gamin_backend::MountTable;
use gamin_engine::{Detail, Found, Level, ScanRequest, Stamp};
use nix::mount::{MsFlags, mount, umount};
use nix::sched::{CloneFlags, unshare};

use crate::{Bench, Outcome, scan, shows_change, tree};

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
        assert_eq!(bench.backend.armed(), 1);
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
        assert_eq!(bench.backend.armed(), 0);
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
