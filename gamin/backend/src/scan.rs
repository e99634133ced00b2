//! Carries out a scan: walks a path link by link and looks at what it leads to.
//!
//! What the answer means is left to the engine; how a file is looked at to the [`Files`]. Invariants: the dependencies are what
//! the answer hangs on, all of it: as long as none of those directories moves and none of those entries changes, the path
//! leads to the same place. A listing is whole, or it is an error, which may show its beginning. Nothing stays open. Off its [`Lane`] a scan touches no
//! remote mount.

use std::collections::BTreeSet;

use gamin_engine::{
    Dependency, Detail, Entries, FileType, Found, Name, Scan, ScanRequest, Stamp, TreePath, Unlisted,
};

use crate::files::{Access, FileError, Files};
use crate::mounts::{Mount, MountId, Mounts};

/// A directory with more entries than this is listed without stamps, unless they are asked for.
pub const NAMES_ONLY_OVER: usize = 4096;

/// How many symbolic links a path may lead over, as in the kernel (path_resolution(7)).
const MAX_LINKS: usize = 40;

/// How often a scan begins again because its directory has moved meanwhile. One that moves all the time is told as unknown.
const MOVES_MAX: usize = 8;

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

/// What has to be scanned in another lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OffLane {
    /// The lane in which it has to be made.
    pub lane: Lane,
    /// Of a long directory, what a scan would have found, but of its names only the first: [`NAMES_ONLY_OVER`], and one.
    pub begun: Option<Box<Scan>>,
}

impl From<Lane> for OffLane {
    fn from(lane: Lane) -> OffLane {
        OffLane { lane, begun: None }
    }
}

/// Looks at a path, as `stat` and `readdir` would, and tells what the answer hangs on.
///
/// It takes as long as its lane allows. The first `trusted` components cost no system call, unless there are remote mounts; should
/// what they lead to be no directory after all, they are looked at too. Components that are too long for the kernel are
/// missing. Of an entry on which a remote mount is, the mount is told, and nothing else.
///
/// # Errors
/// It leads onto another remote mount, or to a long directory: it has to be made in this lane instead.
pub fn scan(
    files: &mut impl Files,
    request: &ScanRequest,
    mounts: &Mounts,
    lane: &Lane,
) -> Result<Scan, OffLane> {
    if request.trusted > 0 && mounts.has_remote() {
        // What was a directory may be a link to there by now.
        return scan(files, &ScanRequest { trusted: 0, ..request.clone() }, mounts, lane);
    }
    let mut moves = 0;
    loop {
        let mut walk = Walk::new(files, request, mounts, lane);
        let found = match walk.arrive().and_then(|()| walk.look_into(request.detail)) {
            Err(Stop::Vanished(_)) if request.trusted > 0 => {
                return scan(files, &ScanRequest { trusted: 0, ..request.clone() }, mounts, lane);
            }
            Err(Stop::Moved) if moves < MOVES_MAX => {
                moves += 1;
                continue;
            }
            Err(Stop::Moved) => Found::Unknown(Unlisted::Failed),
            Err(Stop::Vanished(why)) => walk.vanished(why),
            Ok(found) | Err(Stop::Found(found)) => found,
            Err(Stop::OffLane(lane)) => return Err(lane.into()),
        };
        let stops_short = !walk.pending.is_empty();
        let scan = Scan { dependencies: walk.dependencies, stops_short, found };
        let is_begun = !lane.is_long && scan.entries() > NAMES_ONLY_OVER;
        return if is_begun {
            Err(OffLane { lane: lane.long(), begun: Some(Box::new(scan)) })
        } else {
            Ok(scan)
        };
    }
}

/// Why a walk ended elsewhere than in a directory.
enum Stop {
    /// This is what is there.
    Found(Found),
    /// The directory that was reached has just been taken away.
    Vanished(FileError),
    /// The directory that was listed is not at its path any more.
    Moved,
    /// The way goes on in this lane.
    OffLane(Lane),
}

impl From<FileError> for Stop {
    fn from(why: FileError) -> Stop {
        Stop::Vanished(why)
    }
}

impl From<Found> for Stop {
    fn from(found: Found) -> Stop {
        Stop::Found(found)
    }
}

/// A walk along a path, from `/` down.
struct Walk<'a, F> {
    files: &'a mut F,
    mounts: &'a Mounts,
    lane: &'a Lane,
    /// The directory reached, over no symbolic link and no `..`.
    real: TreePath,
    /// The components still to walk, the next one last.
    pending: Vec<Name>,
    dependencies: Vec<Dependency>,
    links: usize,
    /// The directory reached was not looked at: it is known to be one as long as nothing else is told.
    is_trusted: bool,
}

impl<'a, F: Files> Walk<'a, F> {
    fn new(files: &'a mut F, request: &ScanRequest, mounts: &'a Mounts, lane: &'a Lane) -> Walk<'a, F> {
        let (real, rest) = request.path.split_at(request.trusted);
        let is_trusted = request.trusted > 0;
        let (pending, dependencies) = (Vec::new(), Vec::new());
        let mut walk = Walk { files, mounts, lane, real, pending, dependencies, links: 0, is_trusted };
        walk.pend(rest);
        walk
    }

    fn pend(&mut self, spelling: &[u8]) {
        let components = spelling.split(|byte| *byte == b'/').filter(|name| !matches!(*name, b"" | b"."));
        self.pending.extend(components.rev().map(Name::from));
    }

    /// Walks all the way to a directory.
    fn arrive(&mut self) -> Result<(), Stop> {
        while let Some(name) = self.pending.pop() {
            self.is_trusted = false;
            if &*name == b".." {
                if let Some((parent, _)) = self.real.split_last() {
                    let passed = std::mem::replace(&mut self.real, parent);
                    self.dependencies.push(Dependency { directory: passed, entry: None });
                }
            } else {
                let path = self.real.join(&name);
                self.keep_to_lane(&path)?;
                self.step(path, name)?;
            }
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

    fn step(&mut self, path: TreePath, name: Name) -> Result<(), Stop> {
        let looked = self.files.look(&path);
        let file_type = looked.as_ref().ok().map(F::file_type);
        if file_type == Some(FileType::Directory) {
            self.real = path;
            return Ok(());
        }
        self.dependencies.push(Dependency { directory: self.real.clone(), entry: Some(name) });
        let status = looked.map_err(unreached)?;
        if file_type == Some(FileType::Link) {
            self.follow(&path)
        } else if self.pending.is_empty() {
            Err(Found::File(self.files.stamp(&status, &self.real)).into())
        } else {
            Err(Found::Missing.into())
        }
    }

    fn follow(&mut self, link: &TreePath) -> Result<(), Stop> {
        self.links += 1;
        if self.links > MAX_LINKS {
            return Err(Found::Missing.into());
        }
        let target = self.files.target(link).map_err(unreached)?;
        if target.first() == Some(&b'/') {
            self.real = TreePath::root();
        }
        self.pend(&target);
        Ok(())
    }

    /// Looks at the directory that was reached; an error if there is none any more.
    fn look_into(&mut self, detail: Detail) -> Result<Found, Stop> {
        let (status, entries) = match detail {
            Detail::Itself => (self.files.look(&self.real)?, Entries::Unasked),
            Detail::Names | Detail::Stamps => match self.files.open(&self.real, Access::List) {
                Ok(mut open) => {
                    let status = self.files.look_at(&open)?;
                    let entries = self.list(&mut open, detail)?;
                    if !self.is_trusted {
                        self.make_sure(&status)?;
                    }
                    (status, entries)
                }
                Err(why) if why.is_missing() => return Err(why.into()),
                Err(why) => (self.files.look(&self.real)?, Entries::Unlisted(unlisted(why))),
            },
        };
        if F::file_type(&status) != FileType::Directory {
            return Err(FileError::NoDirectory.into());
        }
        let stamp = self.files.stamp(&status, &self.real);
        Ok(Found::Directory { real: self.real.clone(), stamp, entries })
    }

    /// Makes sure that the directory which was listed is still at its path: what is in it is in there by then.
    fn make_sure(&mut self, listed: &F::Status) -> Result<(), Stop> {
        let listed = self.files.stamp(listed, &self.real);
        let status = self.files.look(&self.real).map_err(|_| Stop::Moved)?;
        if self.files.stamp(&status, &self.real).same_file(&listed) { Ok(()) } else { Err(Stop::Moved) }
    }

    /// Lists the directory that was reached. An entry that goes meanwhile may be left out. On one where a remote mount is,
    /// only the mount is looked at.
    fn list(&mut self, open: &mut F::Directory, detail: Detail) -> Result<Entries, Stop> {
        let max = if self.lane.is_long { usize::MAX } else { NAMES_ONLY_OVER };
        let names = match self.files.names(open, max) {
            Ok(names) => names,
            Err(FileError::Absent) => return Err(FileError::Absent.into()),
            Err(why) => return Ok(Entries::Unlisted(unlisted(why))),
        };
        if names.len() > max || detail != Detail::Stamps && names.len() > NAMES_ONLY_OVER {
            return Ok(Entries::Named(names));
        }
        let mounts = self.mounts;
        let remote = mounts.remote_in(&self.real);
        let entry = |name: Name| {
            let stamp = match remote.iter().find(|(point, _)| *point == name) {
                Some((_, mount)) => Ok(mount.stamp()),
                None => self.look_in(open, &name),
            };
            match stamp {
                Ok(stamp) => Some((name, Some(stamp))),
                Err(FileError::Absent) => None,
                // Without permission to search the directory its names are all there is to know.
                Err(_) => Some((name, None)),
            }
        };
        Ok(Entries::Listed(names.iter().map(Name::from).filter_map(entry).collect()))
    }

    fn look_in(&mut self, open: &F::Directory, name: &Name) -> Result<Stamp, FileError> {
        let status = self.files.look_in(open, name)?;
        Ok(self.files.stamp(&status, &self.real))
    }

    /// The directory that was reached has just been taken away.
    fn vanished(&mut self, why: FileError) -> Found {
        if let Some((directory, name)) = self.real.split_last() {
            self.dependencies.push(Dependency { directory, entry: Some(name) });
        }
        unreached(why)
    }
}

fn unreached(why: FileError) -> Found {
    if why.is_missing() { Found::Missing } else { Found::Unknown(unlisted(why)) }
}

fn unlisted(why: FileError) -> Unlisted {
    if why == FileError::Denied { Unlisted::Denied } else { Unlisted::Failed }
}
