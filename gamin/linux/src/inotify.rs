//! inotify(7) as a [`Kernel`]: what it tells becomes [`Record`]s.
//!
//! What a record means for whom is left to the backend. Invariant: the kernel is never asked to tell about reading or
//! opening, which would never end: looking at a file would be told.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use gamin_backend::{Extent, Kernel, Number, Record};
use gamin_engine::{Change, Cookie, Level, Name, Refusal, TreePath};
use inotify::{EventMask, WatchMask};
use nix::errno::Errno;
use tracing::trace;

use crate::disk::{Disk, failure};
use crate::far::at_end_of;

/// How many bytes of records are read at once: of two thousand with common names.
pub const BUFFER_BYTES: usize = 64 * 1024;

/// How long a record is without its name.
const HEADER_BYTES: usize = 16;
/// How long a record is at most: with the longest name of any file system, and what ends it.
const RECORD_MAX: usize = HEADER_BYTES + 4096;

/// An inotify instance. An event loop can wait for its records.
#[derive(Debug)]
pub struct Inotify {
    instance: inotify::Inotify,
    buffer: Box<[u8]>,
}

impl Inotify {
    /// Asks the kernel for an instance.
    ///
    /// # Errors
    /// The user's limit of instances or descriptors is reached, or memory runs out.
    pub fn new() -> io::Result<Inotify> {
        Ok(Inotify { instance: inotify::Inotify::init()?, buffer: vec![0; BUFFER_BYTES].into() })
    }
}

impl From<Inotify> for OwnedFd {
    fn from(inotify: Inotify) -> OwnedFd {
        inotify.instance.into()
    }
}

impl AsFd for Inotify {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.instance.as_fd()
    }
}

impl Kernel for Inotify {
    type Files<'a> = Disk;

    fn files(&mut self) -> Disk {
        Disk::new()
    }

    fn watch(&mut self, directory: &TreePath, level: Level, extent: Extent) -> Result<Number, Refusal> {
        let mut watches = self.instance.watches();
        let mut add = |path: &Path| {
            let asked = watches.add(path, mask(level, extent));
            asked.map_err(|error| error.raw_os_error().map_or(Errno::UnknownErrno, Errno::from_raw))
        };
        let asked = at_end_of(directory, |from, rest| {
            let rest = Path::new(OsStr::from_bytes(rest));
            if rest.is_absolute() {
                return add(rest);
            }
            // There is no call that takes a directory to begin from.
            add(&Path::new("/proc/self/fd").join(from.as_raw_fd().to_string()).join(rest))
        });
        asked.map(|watch| watch.get_watch_descriptor_id()).map_err(refusal)
    }

    fn unwatch(&mut self, watch: Number) {
        // The crate's own way takes a descriptor of four times the size, and there may be many.
        // It fails if the kernel has removed the watch already; that record is on its way.
        if let Err(error) = rustix::fs::inotify::remove_watch(&self.instance, watch) {
            trace!(%error, "a kernel watch had ended");
        }
    }

    fn read(&mut self, records: &mut Vec<Record>) -> io::Result<bool> {
        match self.instance.read_events(&mut self.buffer) {
            Ok(events) => {
                let mut bytes = 0;
                records.extend(events.filter_map(|event| {
                    bytes += record_len(event.name);
                    let number = event.wd.get_watch_descriptor_id();
                    record(number, event.mask, event.cookie, event.name.map(OsStr::as_bytes))
                }));
                // Had there been more, it would have been given too, as long as there was room.
                Ok(bytes + RECORD_MAX > self.buffer.len())
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(true),
            Err(error) => Err(error),
        }
    }
}

/// How long the record was that had this name: names end with at least one NUL, and fill up their part of sixteen bytes.
fn record_len(name: Option<&OsStr>) -> usize {
    HEADER_BYTES + name.map_or(0, |name| (name.len() + 1).next_multiple_of(HEADER_BYTES))
}

/// What inotify is asked to tell of a directory.
pub fn mask(level: Level, extent: Extent) -> WatchMask {
    let itself = WatchMask::DELETE_SELF | WatchMask::MOVE_SELF | WatchMask::ONLYDIR | WatchMask::DONT_FOLLOW;
    let wanted = match level {
        Level::Itself => itself,
        Level::Removals => itself | WatchMask::DELETE,
        Level::Entries => {
            itself
                | WatchMask::ATTRIB
                | WatchMask::CREATE
                | WatchMask::DELETE
                | WatchMask::MOVED_FROM
                | WatchMask::MOVED_TO
                | WatchMask::MODIFY
                | WatchMask::CLOSE_WRITE
                | WatchMask::EXCL_UNLINK
        }
    };
    match extent {
        Extent::AtLeast => wanted | WatchMask::MASK_ADD,
        Extent::Exactly => wanted,
    }
}

/// What an event of inotify says. `None`: nothing that was asked for. `cookie`: zero, unless it is of a rename.
pub fn record(number: Number, mask: EventMask, cookie: u32, name: Option<&[u8]>) -> Option<Record> {
    if mask.contains(EventMask::Q_OVERFLOW) {
        Some(Record::Overflow)
    } else if mask.contains(EventMask::MOVE_SELF) {
        Some(Record::Moved(number))
    } else if mask.intersects(ENDED) {
        Some(Record::Ended(number))
    } else if let Some(name) = name {
        let (_, change) = CHANGES.into_iter().find(|(bit, _)| mask.contains(*bit))?;
        let is_directory = mask.contains(EventMask::ISDIR);
        Some(Record::Entry {
            number,
            name: Name::from(name),
            change,
            is_directory,
            cookie: Cookie::of(cookie),
        })
    } else {
        mask.contains(EventMask::ATTRIB).then_some(Record::Attributes(number))
    }
}

/// A directory is not at its path any more. A watch that the kernel ended for any other reason is gone as well.
const ENDED: EventMask = EventMask::DELETE_SELF.union(EventMask::UNMOUNT).union(EventMask::IGNORED);

const CHANGES: [(EventMask, Change); 7] = [
    (EventMask::CREATE, Change::Created),
    (EventMask::DELETE, Change::Deleted),
    (EventMask::MOVED_FROM, Change::MovedFrom),
    (EventMask::MOVED_TO, Change::MovedTo),
    (EventMask::MODIFY, Change::Modified),
    (EventMask::CLOSE_WRITE, Change::Closed),
    (EventMask::ATTRIB, Change::Attributes),
];

/// Why there is no instance of inotify: [`Refusal::Limit`] if the user, the process or the system has as many as it may
/// have, of instances or of descriptors.
pub fn no_instance(error: &io::Error) -> Refusal {
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EMFILE | Errno::ENFILE) => Refusal::Limit,
        _ => Refusal::Failed,
    }
}

/// Why inotify refused a watch.
pub fn refusal(errno: Errno) -> Refusal {
    match errno {
        Errno::ENOSPC => Refusal::Limit,
        Errno::EACCES => Refusal::Denied,
        _ if failure(errno).is_missing() => Refusal::Missing,
        _ => Refusal::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_is_refused_by_its_name() {
        assert_eq!(refusal(Errno::ENOSPC), Refusal::Limit);
        assert_eq!(refusal(Errno::EACCES), Refusal::Denied);
        for errno in [Errno::ENOENT, Errno::ENOTDIR, Errno::ELOOP, Errno::ENAMETOOLONG] {
            assert_eq!(refusal(errno), Refusal::Missing);
        }
        for errno in [Errno::ENOMEM, Errno::EPERM, Errno::EIO] {
            assert_eq!(refusal(errno), Refusal::Failed);
        }
        let mut inotify = Inotify::new().expect("because there is an instance left");
        let path = TreePath::new(b"/tmp\0").expect("because it is absolute");
        assert_eq!(
            inotify.watch(&path, Level::Itself, Extent::AtLeast),
            Err(Refusal::Failed),
            "a NUL in the path"
        );
    }

    #[test]
    fn only_a_limit_is_called_one() {
        for (errno, why) in [
            (Errno::EMFILE, Refusal::Limit),
            (Errno::ENFILE, Refusal::Limit),
            (Errno::ENOMEM, Refusal::Failed),
            (Errno::ENOSYS, Refusal::Failed),
        ] {
            assert_eq!(no_instance(&errno.into()), why, "{errno}");
        }
    }

    #[test]
    fn reading_and_opening_are_never_asked_for() {
        let mask = |level| mask(level, Extent::Exactly);
        let noise = WatchMask::ACCESS | WatchMask::OPEN | WatchMask::CLOSE_NOWRITE;
        assert!(!mask(Level::Itself).intersects(noise) && !mask(Level::Entries).intersects(noise));
        assert!(mask(Level::Removals).contains(mask(Level::Itself)), "raising a level loses nothing");
        assert!(mask(Level::Entries).contains(mask(Level::Removals)), "raising a level loses nothing");
    }
}
