//! Mounting: file systems over directories.
//!
//! How a path leads into one is left to `walk`. Invariant: what is mounted is over a directory, and nobody who looks
//! for its name finds that directory.

use nix::errno::Errno;

use super::{Caller, DentryId, Fallible, Tree};
use crate::sim::journal::Cause;

impl Tree {
    /// Mounts a new, empty file system over a directory.
    ///
    /// # Errors
    /// As mount(2).
    pub fn mount(&mut self, path: &[u8]) -> Fallible<()> {
        let covered = self.directory_at(path)?;
        let root = self.new_file_system();
        self.mounts.insert(covered, root);
        self.remounted(Cause::Mount);
        Ok(())
    }

    /// Shows a directory at another place too (`mount --bind`).
    ///
    /// # Errors
    /// As mount(2).
    pub fn bind(&mut self, from: &[u8], to: &[u8]) -> Fallible<()> {
        let (shown, covered) = (self.directory_at(from)?, self.directory_at(to)?);
        self.mounts.insert(covered, shown);
        self.remounted(Cause::Mount);
        Ok(())
    }

    /// Takes away what is mounted over a directory.
    ///
    /// # Errors
    /// As umount(2): `EBUSY` while something in it is held open, or mounted over.
    pub fn unmount(&mut self, path: &[u8]) -> Fallible<()> {
        let cover = self.look_up(Caller::Root, path, true)?;
        let covered = self.mounts.iter().find(|(_, root)| **root == cover).map(|(covered, _)| *covered);
        let covered = covered.ok_or(Errno::EINVAL)?;
        let device = self.inode_of(cover).device;
        // A file system goes with the last place at which it is shown.
        let is_shown = self.dentry(cover).parent.is_some()
            || self.inode_of(self.root).device == device
            || self.mounts.values().filter(|root| self.inode_of(**root).device == device).count() > 1;
        if !is_shown && self.is_busy(device) {
            return Err(Errno::EBUSY);
        }
        self.mounts.remove(&covered);
        if !is_shown {
            self.remove_file_system(device);
        }
        self.remounted(Cause::Unmount);
        Ok(())
    }

    fn remounted(&mut self, cause: Cause) {
        self.has_changed = true;
        self.write_journal(cause);
    }

    fn directory_at(&self, path: &[u8]) -> Fallible<DentryId> {
        let directory = self.look_up(Caller::Root, path, true)?;
        if self.is_directory(directory) { Ok(directory) } else { Err(Errno::ENOTDIR) }
    }

    fn is_busy(&self, device: u64) -> bool {
        let is_in = |dentry: DentryId| self.inode_of(dentry).device == device;
        self.handles.values().any(|open| is_in(open.dentry))
            || self.mounts.keys().any(|covered| is_in(*covered))
    }

    fn remove_file_system(&mut self, device: u64) {
        let inodes: Vec<_> =
            self.inodes.iter().filter(|(_, inode)| inode.device == device).map(|(id, _)| *id).collect();
        for id in &inodes {
            if let Some(inotify) = &mut self.inotify {
                inotify.handle_unmounted(*id);
            }
            self.inodes.remove(id);
        }
        let inodes = &self.inodes;
        self.dentries.retain(|_, dentry| inodes.contains_key(&dentry.inode));
        self.devices.remove(&device);
    }
}
