//! The simulated files against real ones, under one scanner: random trees made both of real files and of simulated ones, and every
//! path looked at in both, for whoever is privileged. Times and numbers of inodes and devices are left out.

use std::path::PathBuf;

use crate::twins::{Twins, operation, tree_path};
use gamin_backend::{Lane, Mounts, scan};
use gamin_core::engine::{
    Dependency, Detail, Entries, FileType, Found, Name, Scan, ScanRequest, Stamp, TreePath,
};
use gamin_linux::Disk;
use proptest::prelude::*;
use testgam_language::action::FileOperation;
use testgam_worlds::sim::kernel::Eyes;
use testgam_worlds::sim::tree::Caller;

const PATHS: [&str; 12] =
    ["", "a", "d", "d/a", "d/s", "d/s/a", "l", "l/a", "d/l", "e/l/s", "d/../e", "nowhere/at/all"];
const DETAILS: [Detail; 3] = [Detail::Itself, Detail::Names, Detail::Stamps];

/// A scan without what is bound to differ, its paths as seen from the scenario's directory.
fn shown(scan: Scan, directory: &TreePath) -> String {
    let place = |path: &TreePath| {
        let text = path.escape_ascii().to_string();
        match text.strip_prefix(&directory.escape_ascii().to_string()) {
            Some(rest) => format!("$DIR{rest}"),
            None => "above".to_owned(),
        }
    };
    let dependency = |Dependency { directory, entry }: Dependency| format!("{} {entry:?}", place(&directory));
    let mut dependencies: Vec<String> = scan.dependencies.into_iter().map(dependency).collect();
    // Where the two directories lie differs, and how deep.
    dependencies.dedup_by(|a, b| a == "above None" && a == b);
    let found = match scan.found {
        Found::Directory { real, stamp, entries } => {
            format!("{} {} {}", place(&real), stamped(&stamp), listed(entries))
        }
        Found::File(stamp) => stamped(&stamp),
        other @ (Found::Missing | Found::Unknown(_)) => format!("{other:?}"),
    };
    format!("{dependencies:?} {found}")
}

fn listed(entries: Entries) -> String {
    match entries {
        Entries::Listed(mut entries) => {
            entries.sort_by(|(a, _), (b, _)| a.cmp(b));
            let entry = |(name, stamp): (Name, Option<Stamp>)| {
                format!("{name:?} {}", stamp.map_or("unseen".into(), |stamp| stamped(&stamp)))
            };
            entries.into_iter().map(entry).collect::<Vec<_>>().join(", ")
        }
        Entries::Named(names) => {
            listed(Entries::Listed(names.iter().map(|name| (Name::from(name), None)).collect()))
        }
        other @ (Entries::Unasked | Entries::Unlisted(_)) => format!("{other:?}"),
    }
}

fn stamped(stamp: &Stamp) -> String {
    let size = if stamp.file_type == FileType::Directory { 0 } else { stamp.size };
    format!("{:?} {:o} {} {} {size}", stamp.file_type, stamp.mode, stamp.uid, stamp.gid)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn simulated_scans_find_what_real_ones_find(operations in proptest::collection::vec(operation(), 1..40)) {
        let mut twins = Twins::new();
        for operation in &operations {
            let [real, simulated] = twins.perform(operation);
            prop_assert_eq!(real, simulated);
        }
        let [real_root, simulated_root] = twins.spell("$DIR").map(|path| tree_path(&path));
        for path in PATHS {
            for detail in DETAILS {
                for trusted in [0, 3] {
                    let [real, simulated] = twins.spell(path).map(|path| tree_path(&path));
                    let request = |path| ScanRequest { path, trusted, detail };
                    let mut eyes = Eyes::new(&mut twins.simulated, Caller::Root, &[]);
                    let scans = [
                        scan(&mut Disk::new(), &request(real), &Mounts::default(), &Lane::LONG),
                        scan(&mut eyes, &request(simulated), &Mounts::default(), &Lane::LONG),
                    ];
                    let [real, simulated] = scans.map(|scan| scan.expect("because there is no other lane"));
                    drop(eyes);
                    prop_assert_eq!(shown(real, &real_root), shown(simulated, &simulated_root), "{}", path);
                }
            }
        }
    }
}

#[test]
fn nobody_waits_for_the_other_end_of_a_pipe() {
    let mut twins = Twins::new();
    let (path, text) = (PathBuf::from("p"), b"x".to_vec());
    let [real, simulated] = twins.perform(&FileOperation::MakeFifo(path.clone()));
    assert_eq!((real, simulated), (Ok(()), Ok(())));
    for (operation, is_refused) in [
        (FileOperation::Open(path.clone()), true),
        (FileOperation::Write { path: path.clone(), text: text.clone() }, true),
        (FileOperation::Rewrite { path: path.clone(), text: text.clone() }, true),
        (FileOperation::Append { path: path.clone(), text }, true),
        (FileOperation::MakeFile(path.clone()), true),
        (FileOperation::Read(path.clone()), false),
        (FileOperation::Hold(path), false),
    ] {
        let [real, simulated] = twins.perform(&operation);
        assert_eq!(real, simulated, "{operation:?}");
        assert_eq!(real.is_err(), is_refused, "{operation:?}: {real:?}");
    }
}
