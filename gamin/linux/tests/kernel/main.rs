//! The backend on the running kernel: each test does something to a directory of its own and reads what was told.
//!
//! Nothing waits: the kernel queues an event before the call that caused it returns.

mod armings;
mod mounts;
mod notices;
mod scan;

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use gamin_backend::{Backend, Lane, Mounts, OffLane};
use gamin_engine::{ArmingId, Level, Notice, Refusal, Scan, ScanRequest, Seen, Stamp, TreePath};
use gamin_linux::{Disk, Inotify};
use tempfile::TempDir;

type Outcome = io::Result<()>;

/// A directory and a backend for one test.
struct Bench {
    root: PathBuf,
    inotify: Inotify,
    backend: Backend,
    _directory: TempDir,
}

impl Bench {
    fn new() -> io::Result<Bench> {
        let directory = tempfile::tempdir()?;
        let root = directory.path().canonicalize()?;
        Ok(Bench { root, inotify: Inotify::new()?, backend: Backend::new(), _directory: directory })
    }

    /// A bench whose root is armed as 1 and holds the file `old`.
    fn armed() -> io::Result<Bench> {
        let mut bench = Bench::new()?;
        fs::write(bench.at("old"), "")?;
        bench.arm(1, "", Level::Entries).expect("because the directory is there");
        Ok(bench)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    fn arm(&mut self, id: u32, name: &str, level: Level) -> Result<(), Refusal> {
        let directory = tree(&self.at(name));
        self.backend.arm(&mut self.inotify, ArmingId(id), &directory, level)
    }

    fn disarm(&mut self, id: u32) {
        self.backend.disarm(&mut self.inotify, ArmingId(id));
    }

    fn notices(&mut self) -> Vec<Notice> {
        let mut notices = Vec::new();
        self.backend
            .drain(&mut self.inotify, &mut |notice| notices.push(notice))
            .expect("because the descriptor is open");
        notices
    }

    /// All that has been told since, a line for each notice.
    fn told(&mut self) -> Vec<String> {
        self.notices().iter().map(line).collect()
    }
}

/// A scan where no mount is known to be remote.
fn scan(request: &ScanRequest) -> Scan {
    scan_in(&Lane::LONG, request, &Mounts::default()).expect("because there is no other lane")
}

fn scan_in(lane: &Lane, request: &ScanRequest, mounts: &Mounts) -> Result<Scan, OffLane> {
    gamin_backend::scan(&mut Disk::new(), request, mounts, lane)
}

fn tree(path: &Path) -> TreePath {
    TreePath::new(path.as_os_str().as_bytes()).expect("because it is absolute")
}

/// Whether stamps taken before and after a change tell them apart, or at least don't claim to.
fn shows_change(before: &Stamp, after: &Stamp) -> bool {
    before.fresh || before.tag() != after.tag()
}

fn line(notice: &Notice) -> String {
    match notice {
        Notice::Entry { watch, name, entry } => {
            let seen = match entry.seen {
                Seen::Nothing => "",
                Seen::Absent => " absent",
                Seen::Present(_) => " present",
            };
            format!("{} {} {:?}{seen}", watch.0, name.escape_ascii(), entry.change)
        }
        Notice::Attributes { watch } => format!("{} Attributes", watch.0),
        Notice::Gone { watch } => format!("{} Gone", watch.0),
        Notice::Refused { watch, why } => format!("{} Refused {why:?}", watch.0),
        Notice::Overflow => "Overflow".to_owned(),
    }
}
