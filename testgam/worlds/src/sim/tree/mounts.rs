//! Mounting: file systems over directories, and the table that lists them.
//!
//! How a path leads into one is left to `walk`, which type of file system is remote to the backend that ships. Invariant: what is
//! mounted is over a directory, and nobody who looks for its name finds that directory.

use gamin_backend::{Mount as Line, Mounts};
use nix::errno::Errno;

use super::Tree;
use super::node::{Caller, Dentry, DentryId, Fallible, Mount, Passed};

/// The number of the mount of `/`.
const ROOT_MOUNT: u64 = 1;
/// The type of what is shown at another place.
const BOUND: &str = "ext4";

impl Tree {
    /// Mounts a new, empty file system of a type over a directory.
    ///
    /// # Errors
    /// As mount(2).
    pub fn mount(&mut self, path: &[u8], file_system: &str) -> Fallible<()> {
        let covered = self.directory_at(path)?;
        let root = self.new_file_system();
        self.cover(covered, root, file_system);
        Ok(())
    }

    /// Shows a directory at another place too (`mount --bind`).
    ///
    /// # Errors
    /// As mount(2).
    pub fn bind(&mut self, from: &[u8], to: &[u8]) -> Fallible<()> {
        let (shown, covered) = (self.directory_at(from)?, self.directory_at(to)?);
        self.cover(covered, shown, BOUND);
        Ok(())
    }

    /// Takes away what is mounted over a directory.
    ///
    /// # Errors
    /// As umount(2): `EBUSY` while something in it is held open, or mounted over.
    pub fn unmount(&mut self, path: &[u8]) -> Fallible<()> {
        let cover = self.look_up(Caller::Root, path, true)?;
        let covered = self.covered_by(cover).ok_or(Errno::EINVAL)?;
        let device = self.inode_of(cover).device;
        // A file system goes with the last place at which it is shown.
        let is_shown = self.dentry(cover).parent.is_some()
            || self.inode_of(self.root).device == device
            || self.mounts.values().filter(|mount| self.inode_of(mount.root).device == device).count() > 1;
        if !is_shown && self.is_busy(device) {
            return Err(Errno::EBUSY);
        }
        let mount = self.mounts.remove(&covered);
        self.lost.extend(mount.filter(|mount| mount.hangs).map(|mount| mount.id));
        if !is_shown {
            self.remove_file_system(device);
        }
        self.remounted();
        Ok(())
    }

    /// Has a remote mount not answer those who look, or answer again.
    ///
    /// # Errors
    /// `EINVAL` if there is none.
    pub fn hang(&mut self, path: &[u8], hangs: bool) -> Fallible<()> {
        let cover = self.look_up(Caller::Root, path, true)?;
        let covered = self.covered_by(cover).ok_or(Errno::EINVAL)?;
        let mount = self.mounts.get_mut(&covered).filter(|mount| mount.is_remote).ok_or(Errno::EINVAL)?;
        mount.hangs = hangs;
        self.remounted();
        Ok(())
    }

    /// Has every mount answer; of one that is gone, that it is.
    pub fn answer(&mut self) {
        self.lost.clear();
        self.mounts.values_mut().for_each(|mount| mount.hangs = false);
        self.remounted();
    }

    /// What /proc/self/mountinfo has.
    pub fn mount_table(&self) -> Vec<u8> {
        let device = self.inode_of(self.root).device;
        let mut table = format!("{ROOT_MOUNT} 0 0:{device} / / rw - ext4 sim rw\n").into_bytes();
        for (covered, Mount { id, root, file_system, .. }) in &self.mounts {
            let (point, on) = self.place(*covered);
            let device = self.inode_of(*root).device;
            table.extend_from_slice(format!("{id} {on} 0:{device} / ").as_bytes());
            table.extend_from_slice(&point);
            table.extend_from_slice(format!(" rw - {file_system} sim rw\n").as_bytes());
        }
        table
    }

    /// The remote mounts that whoever looks at a path asks, in the order in which he comes to them.
    pub fn remote_on(&self, caller: Caller, path: &[u8], follow: bool) -> Vec<Passed> {
        let mut passed = Vec::new();
        if !self.mounts.values().any(|mount| mount.is_remote) {
            return passed;
        }
        // Also on the way to nothing.
        let _ = self.walk_over(caller, path, follow, &mut passed);
        passed
    }

    /// The remote mount that is on an entry of a directory.
    pub fn remote_in(&self, directory: DentryId, name: &[u8]) -> Option<Passed> {
        self.over(self.entry(directory, name)?).1
    }

    /// Whether a mount does not answer; `None` when it is no more. Who waited for it then goes on waiting, as when umount(8) is `--lazy`.
    pub fn hung(&self, id: u64) -> Option<bool> {
        if self.lost.contains(&id) {
            return Some(true);
        }
        self.mounts.values().find(|mount| mount.id == id).map(|mount| mount.hangs)
    }

    /// Whether a look at a path, links followed, is not answered.
    pub fn hangs(&self, caller: Caller, path: &[u8]) -> bool {
        self.remote_on(caller, path, true).iter().any(|mount| mount.hangs)
    }

    /// What is mounted over a dentry, or itself; and the mount, if that is remote.
    pub(super) fn over(&self, mut dentry: DentryId) -> (DentryId, Option<Passed>) {
        let mut remote = None;
        while let Some(cover) = self.mounts.get(&dentry) {
            dentry = cover.root;
            remote = cover.is_remote.then_some(Passed { id: cover.id, hangs: cover.hangs });
        }
        (dentry, remote)
    }

    fn cover(&mut self, covered: DentryId, root: DentryId, file_system: &str) {
        self.last_mount = self.last_mount.max(ROOT_MOUNT) + 1;
        let id = self.last_mount;
        let line = format!("{id} {ROOT_MOUNT} 0:0 / /point rw - {file_system} sim rw\n");
        let is_remote = Mounts::parse(line.as_bytes()).all().any(Line::is_remote);
        let file_system = file_system.to_owned();
        self.mounts.insert(covered, Mount { id, root, file_system, is_remote, hangs: false });
        self.remounted();
    }

    fn covered_by(&self, cover: DentryId) -> Option<DentryId> {
        self.mounts.iter().find(|(_, mount)| mount.root == cover).map(|(covered, _)| *covered)
    }

    /// Where a dentry is, as the table spells it, and the number of the mount that it is on.
    fn place(&self, dentry: DentryId) -> (Vec<u8>, u64) {
        let mut names = Vec::new();
        let mut on = None;
        let mut here = dentry;
        loop {
            let Dentry { parent, name, .. } = self.dentry(here);
            if let Some(parent) = parent {
                names.push(spelling(name));
                here = *parent;
            } else if let Some((covered, mount)) = self.mounts.iter().find(|(_, mount)| mount.root == here) {
                on = on.or(Some(mount.id));
                here = *covered;
            } else {
                break;
            }
        }
        names.push(Vec::new());
        names.reverse();
        (names.join(&b'/'), on.unwrap_or(ROOT_MOUNT))
    }

    fn remounted(&mut self) {
        self.has_changed = true;
        self.write_journal();
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
            if let Some(notifier) = &mut self.notifier {
                notifier.handle_unmounted(*id);
            }
            self.inodes.remove(id);
        }
        let inodes = &self.inodes;
        self.dentries.retain(|_, dentry| inodes.contains_key(&dentry.inode));
        self.devices.remove(&device);
    }
}

/// A name as the table has it: what would end a field or a line is escaped, and the backslash itself.
fn spelling(name: &[u8]) -> Vec<u8> {
    let escape = |byte: &u8| match byte {
        b' ' | b'\t' | b'\n' | b'\\' => format!("\\{byte:03o}").into_bytes(),
        byte => vec![*byte],
    };
    name.iter().flat_map(escape).collect()
}

#[cfg(test)]
mod tests {
    use gamin_backend::MountId;

    use super::*;

    #[test]
    fn the_table_says_what_the_way_along_a_path_leads_over() {
        let mut tree = Tree::new();
        let names: [&[u8]; 4] = [b"/a b", b"/a b/\xff\\", b"/c", b"/a b/d"];
        for name in [names[0], names[2]] {
            tree.make_directory(name, 0o755).expect("because nothing is there");
        }
        tree.mount(names[0], "tmpfs").expect("because it is a directory");
        for name in [names[1], names[3]] {
            tree.make_directory(name, 0o755).expect("because nothing is there");
        }
        tree.mount(names[1], "nfs").expect("because it is a directory");
        tree.mount(names[2], "fuse.sshfs").expect("because it is a directory");
        tree.mount(names[2], "nfs").expect("because one may be above the other");
        let mounts = Mounts::parse(&tree.mount_table());
        for name in names {
            let remote = tree.remote_on(Caller::Root, name, true);
            let remote = remote.first().map(|mount| MountId(mount.id));
            assert_eq!(mounts.first_remote(name).map(|mount| mount.id), remote, "{}", name.escape_ascii());
        }
        assert_eq!(mounts.of(names[2]).map(|mount| mount.file_system.as_str()), Some("nfs"));
        assert!(mounts.remote_at(names[1]).is_some() && mounts.remote_at(names[3]).is_none());
    }
}
