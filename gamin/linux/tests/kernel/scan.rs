//! What a scan finds, and over which dependencies, shape by shape.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};

use gamin_backend::{Lane, Mounts, NAMES_ONLY_OVER, OffLane};
use gamin_engine::{Detail, Entries, FileType, Found, Level, Scan, ScanRequest};

use crate::{Bench, Outcome, scan, scan_in, tree};

impl Bench {
    fn scan(&self, name: &str, detail: Detail) -> Scan {
        scan(&ScanRequest { path: tree(&self.at(name)), trusted: 0, detail })
    }

    /// The dependencies from the root of the bench down, and what was found.
    fn walk(&self, name: &str) -> (Vec<String>, String) {
        let scan = self.scan(name, Detail::Names);
        let root = self.root.to_str().expect("because tempfile gives it a plain name");
        let show = |path: &[u8]| path.escape_ascii().to_string().replacen(root, "", 1);
        let dependencies = scan.dependencies.iter().map(|dependency| match &dependency.entry {
            Some(name) => format!("{} has {}", show(&dependency.directory), name.escape_ascii()),
            None => show(&dependency.directory),
        });
        let found = match scan.found {
            Found::Missing => "missing".to_owned(),
            Found::Unknown(why) => format!("unknown, {why:?}"),
            Found::File(stamp) => format!("{:?} of {}", stamp.file_type, stamp.size),
            Found::Directory { real, entries, .. } => match entries {
                Entries::Unasked => format!("directory {}", show(&real)),
                Entries::Listed(entries) => format!("directory {} with {}", show(&real), entries.len()),
                Entries::Named(names) => format!("directory {} with {}", show(&real), names.len()),
                Entries::Unlisted(why) => format!("directory {}, {why:?}", show(&real)),
            },
        };
        (dependencies.collect(), found)
    }

    #[track_caller]
    fn expect(&self, name: &str, dependencies: &[&str], found: &str) {
        let (walked, what) = self.walk(name);
        assert_eq!(
            (walked.iter().map(String::as_str).collect::<Vec<_>>().as_slice(), &*what),
            (dependencies, found)
        );
    }
}

#[test]
fn plain_paths() -> Outcome {
    let bench = Bench::new()?;
    fs::create_dir_all(bench.at("d/e"))?;
    fs::write(bench.at("d/file"), "12345")?;
    bench.expect("d", &[], "directory /d with 2");
    bench.expect("d/e", &[], "directory /d/e with 0");
    bench.expect("d/file", &["/d has file"], "Other of 5");
    Ok(())
}

#[test]
fn missing_paths_hang_on_the_first_that_is_missing() -> Outcome {
    let bench = Bench::new()?;
    fs::create_dir(bench.at("d"))?;
    File::create(bench.at("d/file"))?;
    bench.expect("d/a", &["/d has a"], "missing");
    bench.expect("d/a/b/c", &["/d has a"], "missing");
    bench.expect("d/file/b", &["/d has file"], "missing");
    bench.expect("d/file/..", &["/d has file"], "missing");
    Ok(())
}

#[test]
fn names_and_paths_that_are_too_long_are_missing() -> Outcome {
    let bench = Bench::new()?;
    let name = "n".repeat(256);
    bench.expect(&name, &[&format!(" has {name}")], "missing");
    let name = "n".repeat(255);
    fs::create_dir(bench.at(&name))?;
    symlink(".", bench.at(&name).join("self"))?;
    let deep = format!("{name}/").repeat(17);
    assert_eq!(bench.walk(&deep).1, "missing");
    Ok(())
}

/// No call takes such a path at once.
#[test]
fn over_a_link_a_path_leads_deeper_than_a_call_can_go() -> Outcome {
    let mut bench = Bench::new()?;
    let half = "n".repeat(255) + "/";
    let half = half.repeat(9);
    fs::create_dir_all(bench.at(&half))?;
    symlink(&half, bench.at("half"))?;
    let path = format!("half/{half}");
    fs::create_dir_all(bench.at(&path))?;
    symlink("n", bench.at(&path).join("link"))?;
    File::create(bench.at(&path).join("n"))?;
    let scan = bench.scan(&path, Detail::Stamps);
    let Found::Directory { real, entries: Entries::Listed(entries), .. } = scan.found else {
        panic!("{scan:?}")
    };
    assert!(real.len() > 4096 && entries.len() == 2);
    assert_eq!(bench.walk(&format!("{path}link")).1, "Other of 0");
    let below = real.strip_prefix(&*tree(&bench.root)).expect("because no link leads out of the bench");
    let below = std::str::from_utf8(&below[1..]).expect("because the names are plain");
    bench.arm(1, below, Level::Entries).expect("because the directory is there");
    fs::remove_file(bench.at(&path).join("n"))?;
    assert_eq!(bench.told(), ["1 n Deleted absent"]);
    let missing = format!("{path}{half}");
    assert_eq!(bench.walk(&missing).1, "missing");
    Ok(())
}

#[test]
fn links_are_followed_and_each_is_a_dependency() -> Outcome {
    let bench = Bench::new()?;
    fs::create_dir_all(bench.at("d/e"))?;
    File::create(bench.at("d/e/file"))?;
    symlink("d", bench.at("relative"))?;
    symlink(bench.at("d/e"), bench.at("d/absolute"))?;
    symlink("../relative/e", bench.at("d/up"))?;
    symlink("nowhere/else", bench.at("dangling"))?;
    bench.expect("relative", &[" has relative"], "directory /d with 3");
    bench.expect("relative/e/file", &[" has relative", "/d/e has file"], "Other of 0");
    bench.expect("d/up/file", &["/d has up", "/d", " has relative", "/d/e has file"], "Other of 0");
    bench.expect("dangling", &[" has dangling", " has nowhere"], "missing");
    bench.expect("d/absolute", &["/d has absolute"], "directory /d/e with 1");
    Ok(())
}

#[test]
fn parent_directories_are_those_of_the_real_path() -> Outcome {
    let bench = Bench::new()?;
    fs::create_dir_all(bench.at("d/e"))?;
    symlink("d/e", bench.at("link"))?;
    bench.expect("d/e/..", &["/d/e"], "directory /d with 1");
    bench.expect("link/..", &[" has link", "/d/e"], "directory /d with 1");
    assert_eq!(
        bench.walk("../../../../../../../../..").1,
        format!("directory / with {}", fs::read_dir("/")?.count())
    );
    Ok(())
}

#[test]
fn forty_links_are_followed_and_circles_are_missing() -> Outcome {
    let bench = Bench::new()?;
    fs::create_dir(bench.at("0"))?;
    for index in 1..=41 {
        symlink((index - 1).to_string(), bench.at(&index.to_string()))?;
    }
    symlink("circle", bench.at("circle"))?;
    assert_eq!(bench.walk("40").1, "directory /0 with 0");
    assert_eq!(bench.walk("41").1, "missing");
    let (dependencies, found) = bench.walk("circle");
    assert_eq!((dependencies[0].as_str(), &*found), (" has circle", "missing"));
    assert!(
        fs::metadata(bench.at("40")).is_ok() && fs::metadata(bench.at("41")).is_err(),
        "as the kernel does"
    );
    Ok(())
}

#[test]
fn the_root_hangs_on_nothing() {
    let root = ScanRequest { path: gamin_engine::TreePath::root(), trusted: 0, detail: Detail::Itself };
    let Scan { dependencies, stops_short, found } = scan(&root);
    assert!(dependencies.is_empty() && !stops_short);
    assert!(matches!(found, Found::Directory { real, entries: Entries::Unasked, .. } if real.is_root()));
}

#[test]
fn trust_changes_nothing_but_the_cost() -> Outcome {
    let bench = Bench::new()?;
    fs::create_dir_all(bench.at("d/e"))?;
    File::create(bench.at("d/e/file"))?;
    symlink("e", bench.at("d/link"))?;
    let above = bench.root.components().count() - 1;
    for (name, real) in [("d", 1), ("d/e", 2), ("d/e/file", 2), ("d/link/file", 1), ("d/none/x", 1)] {
        for detail in [Detail::Itself, Detail::Names, Detail::Stamps] {
            for trusted in 0..=above + real {
                let request = ScanRequest { path: tree(&bench.at(name)), trusted, detail };
                assert_eq!(scan(&request), bench.scan(name, detail), "{request:?}");
            }
        }
    }
    Ok(())
}

#[test]
fn trust_that_is_misplaced_at_the_end_is_noticed() -> Outcome {
    let bench = Bench::new()?;
    fs::create_dir(bench.at("d"))?;
    File::create(bench.at("file"))?;
    symlink("d", bench.at("link"))?;
    for name in ["file", "link", "missing"] {
        for detail in [Detail::Itself, Detail::Names] {
            let request = ScanRequest { path: tree(&bench.at(name)), trusted: usize::MAX, detail };
            assert_eq!(scan(&request), bench.scan(name, detail), "{request:?}");
        }
    }
    Ok(())
}

#[test]
fn entries_are_stamped_as_they_are_themselves() -> Outcome {
    let bench = Bench::new()?;
    fs::create_dir(bench.at("d"))?;
    fs::write(bench.at("file"), "123")?;
    symlink("d", bench.at("link"))?;
    let Found::Directory { entries: Entries::Listed(mut entries), .. } = bench.scan("", Detail::Names).found
    else {
        panic!("the directory is there");
    };
    entries.sort_by(|(one, _), (other, _)| one.cmp(other));
    let types = entries.iter().map(|(name, stamp)| (&**name, stamp.map(|stamp| stamp.file_type)));
    let expected: [(&[u8], _); 3] = [
        (b"d", Some(FileType::Directory)),
        (b"file", Some(FileType::Other)),
        (b"link", Some(FileType::Link)),
    ];
    assert!(types.eq(expected), "{entries:?}");
    Ok(())
}

#[test]
fn a_large_directory_is_stamped_only_when_asked_for() -> Outcome {
    let stamped = |bench: &Bench, detail| match bench.scan("", detail).found {
        Found::Directory { entries: Entries::Listed(entries), .. } => {
            let stamps = entries.iter().filter(|(_, stamp)| stamp.is_some()).count();
            (entries.len(), stamps)
        }
        Found::Directory { entries: Entries::Named(names), .. } => (names.len(), 0),
        found => panic!("{found:?}"),
    };
    let bench = Bench::new()?;
    for index in 0..NAMES_ONLY_OVER {
        File::create(bench.at(&index.to_string()))?;
    }
    assert_eq!(stamped(&bench, Detail::Names), (NAMES_ONLY_OVER, NAMES_ONLY_OVER));
    File::create(bench.at("one more"))?;
    assert_eq!(stamped(&bench, Detail::Names), (NAMES_ONLY_OVER + 1, 0));
    assert_eq!(stamped(&bench, Detail::Stamps), (NAMES_ONLY_OVER + 1, NAMES_ONLY_OVER + 1));
    File::create(bench.at("and another"))?;
    for detail in [Detail::Names, Detail::Stamps] {
        let request = ScanRequest { path: tree(&bench.root), trusted: 0, detail };
        let Err(OffLane { lane, begun }) = scan_in(&Lane::SHORT, &request, &Mounts::default()) else {
            panic!("a long directory holds up the loop");
        };
        assert_eq!((lane, begun.map(|begun| begun.entries())), (Lane::LONG, Some(NAMES_ONLY_OVER + 1)));
    }
    Ok(())
}

/// Whether permissions don't bind the user of the tests.
fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

#[test]
fn what_may_not_be_read_is_told_as_denied() -> Outcome {
    let bench = Bench::new()?;
    fs::create_dir_all(bench.at("d/e"))?;
    let with_mode = |mode| fs::set_permissions(bench.at("d"), Permissions::from_mode(mode));
    if is_root() {
        return Ok(());
    }
    with_mode(0o300)?;
    bench.expect("d", &[], "directory /d, Denied");
    with_mode(0o600)?;
    bench.expect("d", &[], "directory /d with 1");
    bench.expect("d/e", &["/d", "/d has e"], "unknown, Denied");
    with_mode(0o700)
}

#[test]
fn no_descriptor_stays_open() -> Outcome {
    let bench = Bench::new()?;
    fs::create_dir(bench.at("d"))?;
    let open = || -> std::io::Result<bool> {
        let mut targets = fs::read_dir("/proc/self/fd")?.filter_map(|fd| fs::read_link(fd.ok()?.path()).ok());
        Ok(targets.any(|target| target == bench.at("d")))
    };
    bench.scan("d", Detail::Stamps);
    assert!(!open()?);
    Ok(())
}

#[test]
fn what_proc_says_of_its_files_proves_no_change() {
    let request = |path: &str| ScanRequest { path: tree(path.as_ref()), trusted: 0, detail: Detail::Stamps };
    let own = format!("/proc/{}", std::process::id());
    for path in [&own, "/proc/sys/kernel"] {
        let Found::Directory { entries: Entries::Listed(entries), .. } = scan(&request(path)).found else {
            panic!("{path} is a directory");
        };
        assert!(!entries.is_empty());
        for (name, stamp) in entries {
            let stamp = stamp.expect("each was looked at");
            let times = (stamp.ino, stamp.size, stamp.mtime_ns, stamp.ctime_ns, stamp.fresh);
            assert_eq!(times, (0, 0, 0, 0, false), "{path}/{}", name.escape_ascii());
        }
    }
}
