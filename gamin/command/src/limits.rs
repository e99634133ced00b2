//! What the kernel allows a user to watch, and how much of it this user uses.
//!
//! What follows from that is left to `doctor`. Invariant: what cannot be found out is missing, never a guess.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use nix::unistd::getuid;

/// How much of a limit may be used before something should be done about it, in percent.
const HIGH: u64 = 80;

/// What the kernel limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// Directories that are watched.
    Watches,
    /// Programs that watch.
    Instances,
}

impl Resource {
    /// What a system has if nobody has set anything. Less is soon used up.
    fn usual(self) -> u64 {
        match self {
            Resource::Watches => 65_536,
            Resource::Instances => 128,
        }
    }
}

/// A limit of the kernel's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// What is limited.
    pub what: &'static str,
    /// Of which kind that is.
    pub resource: Resource,
    /// Its name for `sysctl`.
    pub name: &'static str,
    /// How much there may be.
    pub max: u64,
    /// How much this user has, as far as it can be seen.
    pub used: Option<u64>,
}

impl Limit {
    /// Whether there soon will be no room.
    pub fn is_near(&self) -> bool {
        self.used.is_some_and(|used| used.saturating_mul(100) >= self.max.saturating_mul(HIGH))
    }

    /// How much more there may be, as far as it can be seen.
    pub fn room(&self) -> u64 {
        self.max.saturating_sub(self.used.unwrap_or(0))
    }

    /// A better value: larger than this one, and than what is used.
    pub fn better(&self) -> u64 {
        self.used.unwrap_or(self.max).max(self.max).saturating_mul(2).max(self.resource.usual())
    }
}

/// The limits, each that this kernel has; those of the user namespace come behind the system's.
pub fn limits() -> Vec<Limit> {
    let (watches, instances) = used();
    let limit = |what, resource, name: &'static str, used| {
        let path = Path::new("/proc/sys").join(name.replace('.', "/"));
        let max = fs::read_to_string(path).ok()?.trim().parse().ok()?;
        Some(Limit { what, resource, name, max, used })
    };
    [
        limit(
            "directories that all programs of a user may watch",
            Resource::Watches,
            "fs.inotify.max_user_watches",
            Some(watches),
        ),
        limit(
            "programs of a user that may watch",
            Resource::Instances,
            "fs.inotify.max_user_instances",
            Some(instances),
        ),
        limit(
            "the same in this user namespace: directories",
            Resource::Watches,
            "user.max_inotify_watches",
            Some(watches),
        ),
        limit(
            "the same in this user namespace: programs",
            Resource::Instances,
            "user.max_inotify_instances",
            Some(instances),
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// How many notices the kernel keeps for a program before it drops them.
pub fn queue_max() -> Option<u64> {
    fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").ok()?.trim().parse().ok()
}

/// How many inotify watches and instances this user's processes have.
fn used() -> (u64, u64) {
    let uid = getuid().as_raw();
    let is_number = |name: &std::ffi::OsStr| name.as_encoded_bytes().iter().all(u8::is_ascii_digit);
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ours = processes.filter(|process| {
        is_number(&process.file_name()) && process.metadata().is_ok_and(|metadata| metadata.uid() == uid)
    });
    ours.map(|process| used_by(&process.path())).fold((0, 0), |(a, b), (c, d)| (a + c, b + d))
}

/// The same for one process, which may end meanwhile.
///
/// Copies of a descriptor can't be told from descriptors but by what they watch, so those that watch the same count as one.
fn used_by(process: &Path) -> (u64, u64) {
    let mut instances = BTreeSet::new();
    for descriptor in fs::read_dir(process.join("fd")).into_iter().flatten().flatten() {
        let is_inotify = fs::read_link(descriptor.path())
            .is_ok_and(|target| target.as_os_str().as_encoded_bytes() == b"anon_inode:inotify");
        if is_inotify {
            let info = fs::read_to_string(process.join("fdinfo").join(descriptor.file_name()));
            let info = info.unwrap_or_default();
            let watched = info.lines().filter(|line| line.starts_with("inotify ")).map(str::to_owned);
            instances.insert(watched.collect::<Vec<_>>());
        }
    }
    (instances.iter().map(Vec::len).sum::<usize>() as u64, instances.len() as u64)
}

/// Whether this user may watch one more directory, with one more program: what the kernel says to the attempt.
pub fn try_one_more() -> Result<(), Errno> {
    let inotify = Inotify::init(InitFlags::IN_CLOEXEC)?;
    inotify.add_watch("/", AddWatchFlags::IN_DELETE_SELF).map(drop)
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn what_a_process_uses_is_counted() {
        let before = used_by(Path::new("/proc/self"));
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC).expect("the kernel has room");
        for path in ["/", "/proc"] {
            inotify.add_watch(path, AddWatchFlags::IN_DELETE_SELF).expect("the kernel has room");
        }
        let _copy = inotify.as_fd().try_clone_to_owned().expect("there is a descriptor left");
        let (watches, instances) = used_by(Path::new("/proc/self"));
        assert_eq!((watches - before.0, instances - before.1), (2, 1));
    }

    #[test]
    fn a_limit_is_near_at_four_fifths() {
        let limit = |used| Limit { what: "", resource: Resource::Instances, name: "", max: 100, used };
        assert!(!limit(None).is_near() && !limit(Some(79)).is_near());
        assert!(limit(Some(80)).is_near() && limit(Some(800)).is_near());
        assert_eq!((limit(Some(80)).better(), limit(Some(800)).better()), (200, 1600));
        assert_eq!((limit(Some(80)).room(), limit(Some(800)).room()), (20, 0));
        let none = Limit { max: 0, ..limit(Some(0)) };
        assert_eq!((none.is_near(), none.better()), (true, 128), "more than nothing");
    }
}
