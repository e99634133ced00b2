//! Carries out a glance: one `stat` a name.
//!
//! What is to be seen is the engine's word, and so is what follows if it is not. Invariants: off the local file systems nothing
//! is touched, and all is in doubt; a directory is open only as long as the glance takes, which holds no mount for longer.

use std::os::fd::{AsFd, OwnedFd};

use gamin_engine::{Doubts, Eye, GlanceRequest, Name, Seen, Stamp, TreePath};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open};
use nix::sys::stat::{Mode, fstat, fstatat};
use nix::sys::statfs::fstatfs;

use crate::look::{Look, keeps_directory_times, stamp_of_mount};
use crate::mounts::{Mount, Mounts};

/// Glances at entries of a local directory.
pub fn glance(request: &GlanceRequest, mounts: &Mounts) -> Doubts {
    let directory = &request.directory;
    if mounts.first_remote(directory).is_some() {
        return request.all_in_doubt();
    }
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    match open(&**directory, flags, Mode::empty()) {
        Ok(open) => {
            let remote = mounts.remote_in(directory);
            request.glance(&mut OpenDirectory { open, directory, remote, look: Look::begin() })
        }
        Err(_) => request.all_in_doubt(),
    }
}

struct OpenDirectory<'a> {
    open: OwnedFd,
    directory: &'a TreePath,
    remote: Vec<(Name, &'a Mount)>,
    look: Look,
}

impl Eye for OpenDirectory<'_> {
    fn directory(&mut self) -> Option<Stamp> {
        let tells = fstatfs(&self.open).is_ok_and(|system| keeps_directory_times(system.filesystem_type()));
        let stat = fstat(&self.open).ok().filter(|_| tells)?;
        Some(self.look.stamp(&stat, self.directory))
    }

    fn entry(&mut self, name: &Name) -> Seen {
        if let Some((_, mount)) = self.remote.iter().find(|(point, _)| point == name) {
            return Seen::Present(stamp_of_mount(mount));
        }
        match fstatat(self.open.as_fd(), &**name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(stat) => Seen::Present(self.look.stamp(&stat, self.directory)),
            Err(Errno::ENOENT) => Seen::Absent,
            Err(_) => Seen::Nothing,
        }
    }
}
