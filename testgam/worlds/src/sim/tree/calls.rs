//! The system calls that change files, each with the times it sets and what the kernel tells of it.
//!
//! Whoever changes files is stopped by no permission; only who looks is. Invariant: what is told, and in which order,
//! is what Linux 6.18 tells; `tests/sim/kernel.rs` compares the two. (Before Linux 5.17 a directory said that it was removed
//! after its parent had said so.)

use gamin_core::engine::Name;
use nix::errno::Errno;
use nix::sys::inotify::AddWatchFlags as Mask;
use nix::sys::stat::SFlag;

use super::Tree;
use super::node::{Access, Body, Caller, DentryId, Fallible, Handle, InodeId, Open};
use super::walk::Spot;

/// The permissions of a new link, which nobody looks at.
const LINK_MODE: u32 = 0o777;
/// The bits that chmod sets.
const PERMISSIONS: u32 = 0o7777;

/// What is made.
impl Tree {
    /// Makes a directory.
    ///
    /// # Errors
    /// As mkdir(2).
    pub fn make_directory(&mut self, path: &[u8], permissions: u32) -> Fallible<()> {
        let spot = self.walk(Caller::Root, path, false)?;
        let mode = SFlag::S_IFDIR.bits() | permissions;
        self.add(&spot, mode, Body::Directory(Default::default())).map(drop)
    }

    /// Makes a named pipe.
    ///
    /// # Errors
    /// As mkfifo(3).
    pub fn make_fifo(&mut self, path: &[u8], permissions: u32) -> Fallible<()> {
        let spot = self.walk(Caller::Root, path, false)?;
        self.add(&spot, SFlag::S_IFIFO.bits() | permissions, Body::Other).map(drop)
    }

    /// Makes a symbolic link.
    ///
    /// # Errors
    /// As symlink(2).
    pub fn make_link(&mut self, target: &[u8], path: &[u8]) -> Fallible<()> {
        if target.is_empty() {
            return Err(Errno::ENOENT);
        }
        let spot = self.walk(Caller::Root, path, false)?;
        self.add(&spot, SFlag::S_IFLNK.bits() | LINK_MODE, Body::Link(target.to_vec())).map(drop)
    }

    /// Gives a file, or a link itself, one more name.
    ///
    /// # Errors
    /// As link(2).
    pub fn link(&mut self, target: &[u8], path: &[u8]) -> Fallible<()> {
        let target = self.look_up(Caller::Root, target, false)?;
        let spot = self.walk(Caller::Root, path, false)?;
        let name = free_name(&spot, self.is_directory(target))?;
        if self.is_directory(target) {
            return Err(Errno::EPERM);
        }
        self.same_device(target, spot.directory())?;
        let now = self.time();
        self.inode_of_mut(target).ctime_ns = now;
        self.tell_inode(target, Mask::IN_ATTRIB);
        let inode = self.inode_id(target);
        self.enter(spot.directory(), &name, inode).map(drop)
    }

    /// Opens a file or directory.
    ///
    /// # Errors
    /// As open(2); `ENXIO` for a pipe that is to be written, where open(2) would wait.
    pub fn open(&mut self, path: &[u8], access: Access) -> Fallible<Handle> {
        let writes = access != Access::Read;
        let mut spot = self.walk(Caller::Root, path, true)?;
        let dentry = match (spot.entry.take(), access) {
            (Some(entry), _) if self.is_directory(entry) && writes => return Err(Errno::EISDIR),
            (Some(entry), _) if spot.slash && !self.is_directory(entry) => return Err(Errno::ENOTDIR),
            (Some(entry), _) if writes && self.is_fifo(entry) => return Err(Errno::ENXIO),
            (Some(entry), Access::Empty(_)) => {
                self.set_size(entry, 0);
                self.tell_dentry(entry, Mask::IN_MODIFY);
                entry
            }
            (Some(entry), _) => entry,
            (None, Access::Create(_) | Access::Empty(_)) if spot.slash => return Err(Errno::EISDIR),
            (None, Access::Create(permissions) | Access::Empty(permissions)) => {
                self.add(&spot, SFlag::S_IFREG.bits() | permissions, Body::Other)?
            }
            (None, Access::Read | Access::Write) => return Err(Errno::ENOENT),
        };
        Ok(self.handle(dentry, writes))
    }

    /// Opens a directory that was found before, to read it.
    pub fn hold(&mut self, directory: DentryId) -> Handle {
        self.handle(directory, false)
    }

    fn handle(&mut self, dentry: DentryId, writes: bool) -> Handle {
        self.dentry_mut(dentry).holders += 1;
        let handle = Handle(self.next_id());
        self.handles.insert(handle, Open { dentry, writes });
        handle
    }

    /// Puts a new inode into a directory.
    fn add(&mut self, spot: &Spot, mode: u32, body: Body) -> Fallible<DentryId> {
        let name = free_name(spot, matches!(body, Body::Directory(_)))?;
        let device = self.inode_of(spot.directory()).device;
        let inode = self.new_inode(device, mode, body);
        self.enter(spot.directory(), &name, inode)
    }

    /// Gives an inode a name.
    fn enter(&mut self, directory: DentryId, name: &Name, inode: InodeId) -> Fallible<DentryId> {
        let dentry = self.new_dentry(inode, Some(directory), name.clone());
        let entered = self.inode_of_mut(dentry);
        entered.links += 1;
        entered.was_shared |= entered.links > 1;
        let kind = if self.is_directory(dentry) { Mask::IN_ISDIR } else { Mask::empty() };
        self.entries_mut(directory)?.insert(name.clone(), dentry);
        self.touch_directory(directory);
        self.tell_name(directory, name, inode, Mask::IN_CREATE | kind);
        Ok(dentry)
    }
}

/// What is done with what is open.
impl Tree {
    /// Writes so many bytes, at `offset` or behind the end.
    ///
    /// # Errors
    /// `EBADF` if it is not open for writing.
    pub fn write(&mut self, handle: Handle, length: u64, offset: Option<u64>) -> Fallible<()> {
        let Some(Open { dentry, writes: true }) = self.handles.get(&handle) else { return Err(Errno::EBADF) };
        let dentry = *dentry;
        if length > 0 {
            let size = self.inode_of(dentry).size;
            let end = offset.unwrap_or(size).saturating_add(length);
            self.set_size(dentry, size.max(end));
            self.tell_dentry(dentry, Mask::IN_MODIFY);
        }
        Ok(())
    }

    /// Cuts or extends what is open.
    ///
    /// # Errors
    /// `EBADF` if it is not open for writing.
    pub fn cut(&mut self, handle: Handle, size: u64) -> Fallible<()> {
        let Some(Open { dentry, writes: true }) = self.handles.get(&handle) else { return Err(Errno::EBADF) };
        let dentry = *dentry;
        self.set_size(dentry, size);
        self.tell_dentry(dentry, Mask::IN_MODIFY);
        Ok(())
    }

    /// Sets the permissions of what is open.
    ///
    /// # Errors
    /// `EBADF` if it is not open.
    pub fn change_open_mode(&mut self, handle: Handle, permissions: u32) -> Fallible<()> {
        let dentry = self.handles.get(&handle).ok_or(Errno::EBADF)?.dentry;
        self.set_mode(dentry, permissions);
        Ok(())
    }

    /// How long the open file is.
    ///
    /// # Errors
    /// `EBADF` if it is not open.
    pub fn size(&self, handle: Handle) -> Fallible<u64> {
        self.handles.get(&handle).map(|open| self.inode_of(open.dentry).size).ok_or(Errno::EBADF)
    }

    /// Closes.
    ///
    /// # Errors
    /// `EBADF` if it is not open.
    pub fn close(&mut self, handle: Handle) -> Fallible<()> {
        let Open { dentry, writes } = self.handles.remove(&handle).ok_or(Errno::EBADF)?;
        if writes {
            self.tell_dentry(dentry, Mask::IN_CLOSE_WRITE);
        }
        self.dentry_mut(dentry).holders -= 1;
        self.release(dentry);
        Ok(())
    }
}

/// What is changed in place.
impl Tree {
    /// Cuts or extends a file.
    ///
    /// # Errors
    /// As truncate(2).
    pub fn truncate(&mut self, path: &[u8], size: u64) -> Fallible<()> {
        let file = self.look_up(Caller::Root, path, true)?;
        if self.is_directory(file) {
            return Err(Errno::EISDIR);
        }
        if self.is_fifo(file) {
            return Err(Errno::EINVAL);
        }
        self.set_size(file, size);
        self.tell_dentry(file, Mask::IN_MODIFY);
        Ok(())
    }

    /// Sets the times of access and modification, to now or to seconds since 1970.
    ///
    /// # Errors
    /// As utimensat(2).
    pub fn set_times(&mut self, path: &[u8], seconds: Option<i64>) -> Fallible<()> {
        let file = self.look_up(Caller::Root, path, true)?;
        let now = self.time();
        let inode = self.inode_of_mut(file);
        inode.ctime_ns = now;
        inode.mtime_ns = seconds.map_or(now, |seconds| seconds.saturating_mul(1_000_000_000));
        self.tell_dentry(file, Mask::IN_ATTRIB);
        Ok(())
    }

    /// Sets the time of access, which is kept nowhere here and told to nobody; but it is a change of metadata.
    ///
    /// # Errors
    /// As utimensat(2).
    pub fn set_access_time(&mut self, path: &[u8]) -> Fallible<()> {
        let file = self.look_up(Caller::Root, path, true)?;
        let now = self.time();
        let inode = self.inode_of_mut(file);
        inode.ctime_ns = now;
        inode.was_accessed = true;
        self.write_journal();
        Ok(())
    }

    /// Changes permissions.
    ///
    /// # Errors
    /// As chmod(2).
    pub fn change_mode(&mut self, path: &[u8], permissions: u32) -> Fallible<()> {
        let file = self.look_up(Caller::Root, path, true)?;
        self.set_mode(file, permissions);
        Ok(())
    }

    /// Changes the owner, of a link itself.
    ///
    /// # Errors
    /// As lchown(2).
    pub fn change_owner(&mut self, path: &[u8], uid: u32) -> Fallible<()> {
        let file = self.look_up(Caller::Root, path, false)?;
        let now = self.time();
        let inode = self.inode_of_mut(file);
        (inode.uid, inode.ctime_ns) = (uid, now);
        self.tell_dentry(file, Mask::IN_ATTRIB);
        Ok(())
    }

    fn set_mode(&mut self, dentry: DentryId, permissions: u32) {
        let now = self.time();
        let inode = self.inode_of_mut(dentry);
        inode.mode = inode.mode & !PERMISSIONS | permissions & PERMISSIONS;
        inode.ctime_ns = now;
        self.tell_dentry(dentry, Mask::IN_ATTRIB);
    }

    fn set_size(&mut self, dentry: DentryId, size: u64) {
        let now = self.time();
        let inode = self.inode_of_mut(dentry);
        inode.size = size;
        (inode.mtime_ns, inode.ctime_ns) = (now, now);
    }

    fn touch_directory(&mut self, directory: DentryId) {
        let now = self.time();
        let inode = self.inode_of_mut(directory);
        (inode.mtime_ns, inode.ctime_ns) = (now, now);
    }

    fn is_fifo(&self, dentry: DentryId) -> bool {
        self.inode_of(dentry).mode & SFlag::S_IFMT.bits() == SFlag::S_IFIFO.bits()
    }
}

/// What is removed and renamed.
impl Tree {
    /// Removes a file's name.
    ///
    /// # Errors
    /// As unlink(2).
    pub fn unlink(&mut self, path: &[u8]) -> Fallible<()> {
        let spot = self.walk(Caller::Root, path, false)?;
        let entry = spot.entry.ok_or(Errno::ENOENT)?;
        if self.is_directory(entry) {
            return Err(Errno::EISDIR);
        }
        if spot.slash {
            return Err(Errno::ENOTDIR);
        }
        self.remove(&spot, entry)
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    /// As rmdir(2).
    pub fn remove_directory(&mut self, path: &[u8]) -> Fallible<()> {
        let spot = self.walk(Caller::Root, path, false)?;
        let entry = spot.entry.ok_or(Errno::ENOENT)?;
        if !self.is_directory(entry) {
            return Err(Errno::ENOTDIR);
        }
        if self.entries(entry).next().is_some() {
            return Err(Errno::ENOTEMPTY);
        }
        self.remove(&spot, entry)
    }

    fn remove(&mut self, spot: &Spot, entry: DentryId) -> Fallible<()> {
        let name = spot.name.clone().ok_or(Errno::EBUSY)?;
        self.is_movable(spot, entry)?;
        let is_directory = self.is_directory(entry);
        self.entries_mut(spot.directory())?.remove(&name);
        self.touch_directory(spot.directory());
        let now = self.time();
        self.inode_of_mut(entry).ctime_ns = now;
        let kind = if is_directory { Mask::IN_ISDIR } else { Mask::empty() };
        if !is_directory {
            self.tell_inode(entry, Mask::IN_ATTRIB);
        }
        let inode = self.inode_id(entry);
        self.unlink_dentry(entry);
        self.tell_name(spot.directory(), &name, inode, Mask::IN_DELETE | kind);
        Ok(())
    }

    /// Renames, over what is there.
    ///
    /// # Errors
    /// As rename(2).
    pub fn rename(&mut self, from: &[u8], to: &[u8]) -> Fallible<()> {
        let (from, to) = (self.walk(Caller::Root, from, false)?, self.walk(Caller::Root, to, false)?);
        let source = from.entry.ok_or(Errno::ENOENT)?;
        self.check_rename(&from, source, &to)?;
        let moves_directory = self.is_directory(source);
        if (from.slash || to.slash) && !moves_directory {
            return Err(Errno::ENOTDIR);
        }
        if let Some(target) = to.entry {
            if self.inode_id(target) == self.inode_id(source) {
                return Ok(());
            }
            if from.stack.contains(&target) {
                return Err(Errno::ENOTEMPTY);
            }
            match (moves_directory, self.is_directory(target)) {
                (true, false) => return Err(Errno::ENOTDIR),
                (false, true) => return Err(Errno::EISDIR),
                _ if self.entries(target).next().is_some() => return Err(Errno::ENOTEMPTY),
                _ => self.is_movable(&to, target)?,
            }
        }
        let (from_name, to_name) =
            (from.name.clone().ok_or(Errno::EBUSY)?, to.name.clone().ok_or(Errno::EBUSY)?);
        self.entries_mut(from.directory())?.remove(&from_name);
        self.settle(source, &to, &to_name)?;
        self.touch_directory(from.directory());
        self.tell_move(source, (from.directory(), &from_name), (to.directory(), &to_name));
        if let Some(target) = to.entry {
            let now = self.time();
            self.inode_of_mut(target).ctime_ns = now;
            let kind = if moves_directory { Mask::IN_ISDIR } else { Mask::empty() };
            self.tell_inode(target, Mask::IN_ATTRIB | kind);
            self.tell_inode(source, Mask::IN_MOVE_SELF);
            self.unlink_dentry(target);
        } else {
            self.tell_inode(source, Mask::IN_MOVE_SELF);
        }
        Ok(())
    }

    /// Has two names change places.
    ///
    /// # Errors
    /// As renameat2(2) with `RENAME_EXCHANGE`.
    pub fn exchange(&mut self, a: &[u8], b: &[u8]) -> Fallible<()> {
        let (a, b) = (self.walk(Caller::Root, a, false)?, self.walk(Caller::Root, b, false)?);
        let (first, second) = (a.entry.ok_or(Errno::ENOENT)?, b.entry.ok_or(Errno::ENOENT)?);
        self.check_rename(&a, first, &b)?;
        self.check_rename(&b, second, &a)?;
        if a.slash && !self.is_directory(first) || b.slash && !self.is_directory(second) {
            return Err(Errno::ENOTDIR);
        }
        if self.inode_id(first) == self.inode_id(second) {
            return Ok(());
        }
        self.is_movable(&b, second)?;
        let (a_name, b_name) = (a.name.clone().ok_or(Errno::EBUSY)?, b.name.clone().ok_or(Errno::EBUSY)?);
        self.settle(first, &b, &b_name)?;
        self.settle(second, &a, &a_name)?;
        self.tell_move(first, (a.directory(), &a_name), (b.directory(), &b_name));
        self.tell_inode(first, Mask::IN_MOVE_SELF);
        self.tell_move(second, (b.directory(), &b_name), (a.directory(), &a_name));
        self.tell_inode(second, Mask::IN_MOVE_SELF);
        Ok(())
    }

    fn check_rename(&self, from: &Spot, source: DentryId, to: &Spot) -> Fallible<()> {
        if from.name.is_none() || to.name.is_none() {
            return Err(Errno::EBUSY);
        }
        self.same_device(from.directory(), to.directory())?;
        if to.stack.contains(&source) {
            return Err(Errno::EINVAL);
        }
        self.is_movable(from, source)
    }

    /// Puts what is renamed to its new place.
    fn settle(&mut self, moved: DentryId, to: &Spot, name: &Name) -> Fallible<()> {
        self.entries_mut(to.directory())?.insert(name.clone(), moved);
        let dentry = self.dentry_mut(moved);
        (dentry.parent, dentry.name) = (Some(to.directory()), name.clone());
        let now = self.time();
        self.inode_of_mut(moved).ctime_ns = now;
        self.touch_directory(to.directory());
        Ok(())
    }

    fn tell_move(&mut self, moved: DentryId, from: (DentryId, &Name), to: (DentryId, &Name)) {
        self.write_journal();
        self.journal.handle_rename([from.1, to.1]);
        let kind = if self.is_directory(moved) { Mask::IN_ISDIR } else { Mask::empty() };
        let inode = self.inode_id(moved);
        let halves = [from, to].map(|(directory, name)| (self.inode_id(directory), name));
        if let Some(notifier) = &mut self.notifier {
            notifier.handle_rename(halves, inode, kind);
        }
        self.tell_name(from.0, from.1, inode, Mask::IN_MOVED_FROM | kind);
        self.tell_name(to.0, to.1, inode, Mask::IN_MOVED_TO | kind);
    }

    /// Nothing moves that is mounted, or mounted over.
    fn is_movable(&self, spot: &Spot, entry: DentryId) -> Fallible<()> {
        let uncovered = spot.name.as_ref().and_then(|name| self.entry(spot.directory(), name));
        if uncovered == Some(entry) { Ok(()) } else { Err(Errno::EBUSY) }
    }

    fn same_device(&self, a: DentryId, b: DentryId) -> Fallible<()> {
        if self.inode_of(a).device == self.inode_of(b).device { Ok(()) } else { Err(Errno::EXDEV) }
    }
}

/// The name under which something new can be made.
fn free_name(spot: &Spot, is_directory: bool) -> Fallible<Name> {
    match (&spot.name, spot.entry) {
        (Some(name), None) if is_directory || !spot.slash => Ok(name.clone()),
        (Some(_), None) => Err(Errno::ENOENT),
        _ => Err(Errno::EEXIST),
    }
}
