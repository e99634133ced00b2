//! From what `stat` tells to a [`Stamp`]: how much a look at a file proves.
//!
//! Invariant: a stamp that is not `fresh` can't stay equal over a later change. Whether that is so hangs on how
//! finely the file system counts time:
//! - Commonly it takes the time of the kernel's last tick, at most 10 ms ago.
//! - Since Linux 6.13 some keep *multigrain* timestamps: once a timestamp has been looked at, the next change takes
//!   a distinct one (Documentation/filesystems/multigrain-ts.rst).
//! - Some, such as FAT and ext3, keep seconds, or every other second.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gamin_engine::{FileType, Stamp};
use nix::sys::stat::{FileStat, SFlag, lstat, major};
use nix::sys::statfs::{
    BTRFS_SUPER_MAGIC, CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, EXT4_SUPER_MAGIC, F2FS_SUPER_MAGIC, FsType,
    OVERLAYFS_SUPER_MAGIC, PROC_SUPER_MAGIC, RDTGROUP_SUPER_MAGIC, SYSFS_MAGIC, TMPFS_MAGIC, TRACEFS_MAGIC,
    XFS_SUPER_MAGIC, statfs,
};
use nix::sys::time::TimeValLike;
use nix::time::{ClockId, clock_gettime};

const SECOND_NS: i64 = 1_000_000_000;
/// Two ticks of the slowest kernel, which has a hundred in a second.
const TICKS_NS: i64 = 20_000_000;
/// The coarsest resolution that a timestamp without a fraction may come from: FAT's.
const WHOLE_SECONDS_NS: i64 = 2 * SECOND_NS;
/// The first kernel with multigrain timestamps, and the file systems that had them from then on. ext2 and ext3
/// share a number with ext4.
const MULTIGRAIN_KERNEL: (u32, u32) = (6, 13);
const MULTIGRAIN: [FsType; 4] = [EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC, TMPFS_MAGIC];

/// The file systems of which it is known that a directory's times show that an entry came or went; ext2 and ext3 as above.
const KEEPS_DIRECTORY_TIMES: [FsType; 6] = [
    EXT4_SUPER_MAGIC,
    XFS_SUPER_MAGIC,
    BTRFS_SUPER_MAGIC,
    TMPFS_MAGIC,
    F2FS_SUPER_MAGIC,
    OVERLAYFS_SUPER_MAGIC,
];

/// The file systems that make up times, and some the numbers, of inodes when somebody looks at them: the same file looks
/// another when the kernel has forgotten it in between.
const MAKES_UP_TIMES: [FsType; 6] = [
    PROC_SUPER_MAGIC,
    SYSFS_MAGIC,
    CGROUP_SUPER_MAGIC,
    CGROUP2_SUPER_MAGIC,
    RDTGROUP_SUPER_MAGIC,
    TRACEFS_MAGIC,
];

/// What is on which device, as far as it was needed. To be forgotten whenever something is mounted or unmounted, since the number of a
/// device that is gone goes to another.
#[derive(Debug, Clone, Default)]
pub struct FileSystems(Arc<Mutex<BTreeMap<u64, FsType>>>);

impl FileSystems {
    /// Forgets all.
    pub fn forget(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, FsType>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is needed to judge stamps, for one short time, all of it later than its `now_ns`.
pub(crate) struct Judge {
    now_ns: i64,
    file_systems: FileSystems,
    /// The device of which nothing could be learnt last.
    unknown: Option<u64>,
}

impl Judge {
    /// Takes the time.
    pub(crate) fn new(file_systems: FileSystems) -> Judge {
        // Without a clock everything is fresh.
        let now_ns =
            clock_gettime(ClockId::CLOCK_REALTIME_COARSE).map_or(i64::MIN, |now| now.num_nanoseconds());
        Judge { now_ns, file_systems, unknown: None }
    }

    /// Reads what `stat` told of a file in `directory`, or of that directory itself.
    #[allow(clippy::useless_conversion)] // not useless where time or an inode number has 32 bits
    pub(crate) fn stamp(&mut self, stat: &FileStat, directory: &[u8]) -> Stamp {
        let dev = u64::from(stat.st_dev);
        // Of a block device they never are.
        if major(stat.st_dev) == 0
            && self.file_system(dev, directory).is_some_and(|of| MAKES_UP_TIMES.contains(&of))
        {
            return Stamp { dev, ..Stamp::void(file_type(stat)) };
        }
        let ctime_ns = nanoseconds(stat.st_ctime.into(), stat.st_ctime_nsec.into());
        Stamp {
            file_type: file_type(stat),
            dev,
            ino: u64::from(stat.st_ino),
            mode: stat.st_mode,
            uid: stat.st_uid,
            gid: stat.st_gid,
            size: stat.st_size.unsigned_abs().into(),
            mtime_ns: nanoseconds(stat.st_mtime.into(), stat.st_mtime_nsec.into()),
            ctime_ns,
            fresh: fresh(ctime_ns, self.now_ns, || self.is_multigrain(dev, directory)),
        }
    }

    /// Whether a device keeps multigrain timestamps; `directory` is likely to be on it.
    fn is_multigrain(&mut self, dev: u64, directory: &[u8]) -> bool {
        *KERNEL_IS_MULTIGRAIN
            && self.file_system(dev, directory).is_some_and(|file_system| MULTIGRAIN.contains(&file_system))
    }

    /// What is on a device; `directory` is likely to be on it. Of a device met at a mount point first nothing is known,
    /// and so nothing is promised.
    #[allow(clippy::useless_conversion)] // as above
    fn file_system(&mut self, dev: u64, directory: &[u8]) -> Option<FsType> {
        let mut known = self.file_systems.lock();
        if let Some(file_system) = known.get(&dev) {
            return Some(*file_system);
        }
        if self.unknown == Some(dev) {
            return None;
        }
        let is_on_it = lstat(directory).is_ok_and(|stat| u64::from(stat.st_dev) == dev);
        let file_system =
            is_on_it.then(|| statfs(directory).ok()).flatten().map(|system| system.filesystem_type());
        match file_system {
            Some(file_system) => drop(known.insert(dev, file_system)),
            None => self.unknown = Some(dev),
        }
        file_system
    }
}

/// Whether a directory of this file system that looks as before has the same entries as before.
pub(crate) fn keeps_directory_times(file_system: FsType) -> bool {
    KEEPS_DIRECTORY_TIMES.contains(&file_system)
}

static KERNEL_IS_MULTIGRAIN: LazyLock<bool> = LazyLock::new(|| {
    nix::sys::utsname::uname().is_ok_and(|name| name.release().to_str().is_some_and(is_multigrain_kernel))
});

/// The type of a file.
pub(crate) fn file_type(stat: &FileStat) -> FileType {
    match SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT {
        SFlag::S_IFDIR => FileType::Directory,
        SFlag::S_IFLNK => FileType::Link,
        _ => FileType::Other,
    }
}

/// Whether another change could follow without leaving a trace, at `now_ns` or later.
fn fresh(ctime_ns: i64, now_ns: i64, multigrain: impl FnOnce() -> bool) -> bool {
    let whole_seconds = ctime_ns % SECOND_NS == 0;
    let resolution_ns = if whole_seconds { WHOLE_SECONDS_NS + TICKS_NS } else { TICKS_NS };
    let recent = ctime_ns.saturating_add(resolution_ns) >= now_ns;
    recent && (whole_seconds || !multigrain())
}

fn is_multigrain_kernel(release: &str) -> bool {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) >= MULTIGRAIN_KERNEL,
        _ => false,
    }
}

fn nanoseconds(seconds: i64, nanoseconds: i64) -> i64 {
    seconds.saturating_mul(SECOND_NS).saturating_add(nanoseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_000 * SECOND_NS + 500_000_000;

    #[test]
    fn a_stamp_is_fresh_for_two_ticks_unless_multigrain() {
        for (age_ns, expected) in [(-1, true), (0, true), (TICKS_NS, true), (TICKS_NS + 1, false)] {
            assert_eq!(fresh(NOW - age_ns, NOW, || false), expected, "at the age of {age_ns} ns");
            assert!(!fresh(NOW - age_ns, NOW, || true));
        }
    }

    #[test]
    fn a_stamp_of_whole_seconds_is_fresh_for_two_of_them_even_if_multigrain() {
        for multigrain in [false, true] {
            let ctime_ns = 1_000 * SECOND_NS;
            let old_ns = ctime_ns + WHOLE_SECONDS_NS + TICKS_NS;
            assert!(fresh(ctime_ns, old_ns, || multigrain));
            assert!(!fresh(ctime_ns, old_ns + 1, || multigrain));
        }
    }

    #[test]
    fn the_device_is_asked_only_when_it_matters() {
        assert!(!fresh(NOW - SECOND_NS - 1, NOW, || unreachable!("the change is old")));
    }

    #[test]
    fn times_at_the_ends_of_the_range_do_not_overflow() {
        assert!(fresh(i64::MAX, NOW, || false) && !fresh(i64::MIN + 1, NOW, || false));
        assert!(fresh(i64::MIN + 1, i64::MIN, || false));
        assert_eq!(nanoseconds(i64::MAX, 999_999_999), i64::MAX);
        assert_eq!(nanoseconds(-1, 1), 1 - SECOND_NS);
    }

    #[test]
    fn kernels_since_6_13_are_multigrain() {
        for release in ["6.13.0", "6.18.44-fc-v509", "7.0-rc1", "10.1"] {
            assert!(is_multigrain_kernel(release), "{release}");
        }
        for release in ["6.12.99", "5.15.0-1-amd64", "6", "", "linux", "99999999999.1"] {
            assert!(!is_multigrain_kernel(release), "{release}");
        }
    }
}
