//! Carries out a scan: walks a path link by link and looks at what it leads to.
//!
//! What the answer means is left to the engine; the listing of a directory and the reading of a `stat` to their own
//! files. Invariants: the hinges are what the answer hangs on, all of it: as long as none of those directories moves
//! and none of those entries changes, the path leads to the same place. No descriptor stays open. Off its [`Lane`] a scan
//! touches no remote mount.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;

use gamin_engine::{Detail, Entries, FileType, Found, Hinge, Name, Scan, ScanRequest, TreePath, Unlisted};
use nix::errno::Errno;
use nix::fcntl::readlink;
use nix::sys::stat::{fstat, lstat};

use crate::listing::{NAMES_ONLY_OVER, list, open};
use crate::look::{Look, file_type, is_missing};
use crate::mounts::{Mount, MountId, Mounts};

/// How many symbolic links a path may lead over, as in the kernel (path_resolution(7)).
const MAX_LINKS: usize = 40;

/// What a scan may have to wait for.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lane {
    /// The remote mounts that it may step onto.
    mounts: BTreeSet<MountId>,
    /// Whether it may read a directory that is longer than [`NAMES_ONLY_OVER`].
    is_long: bool,
}

impl Lane {
    /// The lane in which a scan neither hangs nor takes long.
    pub const SHORT: Lane = Lane { mounts: BTreeSet::new(), is_long: false };

    /// The lane in which a scan may take long, but does not hang.
    pub const LONG: Lane = Lane { mounts: BTreeSet::new(), is_long: true };

    /// Whether a scan may hang here.
    pub fn may_hang(&self) -> bool {
        !self.mounts.is_empty()
    }

    /// The mounts that it may hang on.
    pub fn mounts(&self) -> impl Iterator<Item = MountId> {
        self.mounts.iter().copied()
    }

    /// This lane, and another mount.
    #[must_use]
    pub fn over(&self, mount: MountId) -> Lane {
        let mounts = self.mounts().chain([mount]).collect();
        Lane { mounts, is_long: true }
    }

    fn long(&self) -> Lane {
        Lane { is_long: true, ..self.clone() }
    }
}

/// Looks at a path, as `stat` and `readdir` would, and tells what the answer hangs on.
///
/// It takes as long as its lane allows. The first `trusted` components cost no system call; should what they lead to
/// be no directory after all, they are looked at too. Components and real paths that are too long for the kernel are
/// missing. Of an entry on which a remote mount is, the mount is told, and nothing else.
///
/// # Errors
/// It leads onto another remote mount, or to a long directory: it has to be made in this lane instead.
pub fn scan(request: &ScanRequest, mounts: &Mounts, lane: &Lane) -> Result<Scan, Lane> {
    let mut walk = Walk::new(&request.path, mounts, lane);
    let found = match walk.arrive(request.trusted).and_then(|()| walk.look_into(request.detail)) {
        Err(Stop::Vanished(_)) if request.trusted > 0 => {
            return scan(&ScanRequest { trusted: 0, ..request.clone() }, mounts, lane);
        }
        Err(Stop::Vanished(errno)) => walk.vanished(errno),
        Ok(found) | Err(Stop::Found(found)) => found,
        Err(Stop::OffLane(lane)) => return Err(lane),
    };
    Ok(Scan { hinges: walk.hinges, found })
}

/// Why a walk ended elsewhere than in a directory.
enum Stop {
    /// This is what is there.
    Found(Found),
    /// The directory that was reached has just been taken away.
    Vanished(Errno),
    /// The way goes on in this lane.
    OffLane(Lane),
}

impl From<Errno> for Stop {
    fn from(errno: Errno) -> Stop {
        Stop::Vanished(errno)
    }
}

impl From<Found> for Stop {
    fn from(found: Found) -> Stop {
        Stop::Found(found)
    }
}

/// A walk along a path, from `/` down.
struct Walk<'a> {
    mounts: &'a Mounts,
    lane: &'a Lane,
    /// The directory reached, over no symbolic link and no `..`.
    real: TreePath,
    /// The components still to walk, the next one last.
    pending: Vec<Name>,
    hinges: Vec<Hinge>,
    links: usize,
    look: Look,
}

impl Walk<'_> {
    fn new<'a>(path: &TreePath, mounts: &'a Mounts, lane: &'a Lane) -> Walk<'a> {
        let mut walk = Walk {
            mounts,
            lane,
            real: TreePath::root(),
            pending: Vec::new(),
            hinges: Vec::new(),
            links: 0,
            look: Look::begin(),
        };
        walk.pend(path);
        walk
    }

    fn pend(&mut self, spelling: &[u8]) {
        let components = spelling.split(|byte| *byte == b'/').filter(|name| !matches!(*name, b"" | b"."));
        self.pending.extend(components.rev().map(Name::from));
    }

    /// Walks all the way to a directory.
    fn arrive(&mut self, mut trusted: usize) -> Result<(), Stop> {
        while let Some(name) = self.pending.pop() {
            if &*name == b".." {
                self.real = self.real.split_last().map_or_else(TreePath::root, |(parent, _)| parent);
            } else {
                let path = self.real.join(&name);
                self.keep_to_lane(&path)?;
                if trusted > 0 { self.enter(path) } else { self.step(path, name)? }
            }
            trusted = trusted.saturating_sub(1);
        }
        Ok(())
    }

    /// Looking at what is mounted is asking its file system already.
    fn keep_to_lane(&self, path: &TreePath) -> Result<(), Stop> {
        match self.mounts.remote_at(path) {
            Some(Mount { id, .. }) if !self.lane.mounts.contains(id) => {
                Err(Stop::OffLane(self.lane.over(*id)))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn enter(&mut self, directory: TreePath) {
        self.real = directory;
        self.hinges.push(Hinge { directory: self.real.clone(), entry: None });
    }

    fn step(&mut self, path: TreePath, name: Name) -> Result<(), Stop> {
        let looked = lstat(&*path);
        if looked.is_ok_and(|stat| file_type(&stat) == FileType::Directory) {
            self.enter(path);
            return Ok(());
        }
        self.hinges.push(Hinge { directory: self.real.clone(), entry: Some(name) });
        let stat = looked.map_err(unreached)?;
        if file_type(&stat) == FileType::Link {
            self.follow(&path)
        } else if self.pending.is_empty() {
            Err(Found::File(self.look.stamp(&stat, &self.real)).into())
        } else {
            Err(Found::Missing.into())
        }
    }

    fn follow(&mut self, link: &TreePath) -> Result<(), Stop> {
        self.links += 1;
        if self.links > MAX_LINKS {
            return Err(Found::Missing.into());
        }
        let target = readlink(&**link).map_err(unreached)?;
        if target.as_bytes().first() == Some(&b'/') {
            self.real = TreePath::root();
        }
        self.pend(target.as_bytes());
        Ok(())
    }

    /// Looks at the directory that was reached; an error if there is none any more.
    fn look_into(&mut self, detail: Detail) -> Result<Found, Stop> {
        let (stat, entries) = match detail {
            Detail::Itself => (lstat(&*self.real)?, Entries::Unasked),
            Detail::Names | Detail::Stamps => match open(&self.real) {
                Ok(mut open) => {
                    let stat = fstat(&open)?;
                    let entries_max = if self.lane.is_long { usize::MAX } else { NAMES_ONLY_OVER };
                    match list(&mut open, &self.real, detail, entries_max, self.mounts, &mut self.look) {
                        // What readdir(2) says of a directory removed meanwhile.
                        Err(Errno::ENOENT) => return Err(Errno::ENOENT.into()),
                        Err(errno) => (stat, Entries::Unlisted(unlisted(errno))),
                        Ok(Some(entries)) => (stat, Entries::Listed(entries)),
                        Ok(None) => return Err(Stop::OffLane(self.lane.long())),
                    }
                }
                Err(errno) if is_missing(errno) => return Err(errno.into()),
                Err(errno) => (lstat(&*self.real)?, Entries::Unlisted(unlisted(errno))),
            },
        };
        if file_type(&stat) != FileType::Directory {
            return Err(Errno::ENOTDIR.into());
        }
        let stamp = self.look.stamp(&stat, &self.real);
        Ok(Found::Directory { real: self.real.clone(), stamp, entries })
    }

    /// The directory that was reached has just been taken away.
    fn vanished(&mut self, errno: Errno) -> Found {
        if let Some((directory, name)) = self.real.split_last() {
            self.hinges.pop_if(|last| last.directory == self.real);
            self.hinges.push(Hinge { directory, entry: Some(name) });
        }
        unreached(errno)
    }
}

fn unreached(errno: Errno) -> Found {
    if is_missing(errno) { Found::Missing } else { Found::Unknown(unlisted(errno)) }
}

fn unlisted(errno: Errno) -> Unlisted {
    if errno == Errno::EACCES { Unlisted::Denied } else { Unlisted::Failed }
}
