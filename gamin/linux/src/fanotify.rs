//! fanotify(7) as a [`Kernel`], for where inotify has no instance left: without privilege since Linux 5.13.
//!
//! Packets are taken apart in `packet`, what they mean is in `meaning`, by what they name a directory in `place`. What a record means for
//! whom is left to the backend. fanotify has no numbers for its marks and says nothing of an unmount, so both are kept here. Invariants: no
//! descriptor is held on what is watched; a mark that can't be taken off any more, since its directory has gone elsewhere, tells nobody
//! anything, and there are never many of them.

mod children;
pub mod meaning;
pub mod packet;
#[allow(unsafe_code)]
mod place;

use std::collections::{BTreeMap, HashMap};
use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use gamin_backend::{Extent, Kernel, MountId, Mounts, Number, Record};
use gamin_engine::{Level, Name, Refusal, TreePath};
use libc::{
    FAN_ATTRIB, FAN_CREATE, FAN_DELETE_SELF, FAN_EVENT_ON_CHILD, FAN_MOVED_TO, FAN_ONDIR, FAN_Q_OVERFLOW,
    FAN_RENAME, FAN_REPORT_DFID_NAME, FAN_REPORT_FID, FAN_REPORT_TARGET_FID,
};
use nix::errno::Errno;
use nix::sys::fanotify::{EventFFlags, InitFlags, MarkFlags, MaskFlags};
use nix::unistd::read;
use tracing::{debug, trace};

use crate::disk::Disk;
use crate::inotify::{BUFFER_BYTES, refusal};
use children::{Children, Whereabouts};
use meaning::Renames;
use packet::{Malformed, Named, Packet};
use place::{open, place_in, place_of};

/// How long a packet is at most: its head, the entry's own handle, and of a rename both directories' with the longest names.
const PACKET_MAX: usize = 4096;
/// The name of the directory itself.
const ITSELF: &[u8] = b".";
/// How many marks there may be, besides as many as are watched, that can't be taken off any more.
const STRAYS_MAX: usize = 256;

/// A fanotify group. An event loop can wait for its records.
#[derive(Debug)]
pub struct Fanotify {
    group: nix::sys::fanotify::Fanotify,
    buffer: Box<[u8]>,
    watches: BTreeMap<Number, Mark>,
    numbers: HashMap<Box<[u8]>, Number>,
    last: Number,
    /// Watches that have ended without a word of the kernel's.
    ended: Vec<Number>,
    children: Children,
    renames: Renames,
    tells_renames: bool,
    /// Marks on directories that were not at their paths any more when they were given back.
    strays: usize,
}

/// A mark that is wanted.
#[derive(Debug)]
struct Mark {
    directory: TreePath,
    place: Box<[u8]>,
    mount: MountId,
    mask: u64,
    /// The kernel has taken it off, since the directory or its file system is no more.
    is_gone: bool,
}

impl Fanotify {
    /// Asks the kernel for a group.
    ///
    /// # Errors
    /// The user's limit of groups or descriptors is reached, or the kernel has none for users without privilege.
    pub fn new() -> io::Result<Fanotify> {
        let usual = InitFlags::FAN_CLOEXEC | InitFlags::FAN_NONBLOCK;
        let flags = |reports: u32| usual | InitFlags::from_bits_retain(reports);
        let init = |reports| nix::sys::fanotify::Fanotify::init(flags(reports), EventFFlags::O_RDONLY);
        // By entries, where Linux 5.17 tells them apart, so that one that went and another that came stay two.
        let newer = init(FAN_REPORT_DFID_NAME | FAN_REPORT_FID | FAN_REPORT_TARGET_FID);
        let tells_renames = newer.is_ok();
        Ok(Fanotify {
            group: newer.or_else(|_| init(FAN_REPORT_DFID_NAME))?,
            buffer: vec![0; BUFFER_BYTES].into(),
            watches: BTreeMap::new(),
            numbers: HashMap::new(),
            last: 0,
            ended: Vec::new(),
            children: Children::default(),
            renames: Renames::default(),
            tells_renames,
            strays: 0,
        })
    }

    /// Ends the watches on what was mounted and is not any more, of which the kernel says nothing. Gives whether there were any.
    pub fn end_unmounted(&mut self, mounts: &Mounts) -> bool {
        let mut is_mounted: BTreeMap<MountId, bool> = BTreeMap::new();
        let before = self.ended.len();
        for (number, watch) in &mut self.watches {
            let id = watch.mount;
            if !*is_mounted.entry(id).or_insert_with(|| mounts.get(id).is_some()) {
                watch.is_gone = true;
                self.ended.push(*number);
            }
        }
        self.ended.len() > before
    }

    fn mark(&self, flags: MarkFlags, mask: u64, directory: &OwnedFd) -> nix::Result<()> {
        self.group.mark::<_, [u8]>(flags, MaskFlags::from_bits_retain(mask), directory, None)
    }

    fn add(&mut self, directory: &TreePath, wanted: u64, extent: Extent) -> nix::Result<Number> {
        let open = open(directory)?;
        let (place, mount) = place_of(&open)?;
        let known = self.numbers.get(&place).copied();
        let held = known.and_then(|number| self.watches.get(&number)).map_or(0, |watch| watch.mask);
        self.mark(MarkFlags::FAN_MARK_ADD, wanted, &open)?;
        let (mask, surplus) = match extent {
            Extent::AtLeast => (held | wanted, 0),
            Extent::Exactly => (wanted, held & !wanted),
        };
        if surplus != 0
            && let Err(error) = self.mark(MarkFlags::FAN_MARK_REMOVE, surplus, &open)
        {
            debug!(%error, ?directory, "a mark tells more than is wanted");
        }
        let number = known.unwrap_or_else(|| self.free_number());
        self.numbers.insert(place.clone(), number);
        self.watches
            .insert(number, Mark { directory: directory.clone(), place, mount, mask, is_gone: false });
        Ok(number)
    }

    /// A number that no watch has. They come round after two billion.
    fn free_number(&mut self) -> Number {
        loop {
            self.last = self.last.checked_add(1).unwrap_or(1);
            if !self.watches.contains_key(&self.last) {
                return self.last;
            }
        }
    }

    /// Makes records of a packet.
    fn take(&mut self, packet: &Packet<'_>, records: &mut Vec<Record>) {
        let Packet { mask, entry, renamed, target } = *packet;
        if mask & FAN_Q_OVERFLOW != 0 {
            self.children.forget_all();
            records.push(Record::Overflow);
        }
        if mask & FAN_RENAME != 0 {
            let named = |Named { place, name }| Some((*self.numbers.get(place)?, Name::from(name)));
            return self.renames.handle_rename(renamed.map(|entry| entry.and_then(named)));
        }
        let first = records.len();
        if let Some(entry) = entry {
            self.take_entry(mask, entry, target, records);
        }
        self.renames.handle(records, first);
    }

    /// Makes records of a packet about an entry, or a directory itself.
    fn take_entry(
        &mut self,
        mask: u64,
        Named { place, name }: Named<'_>,
        target: Option<&[u8]>,
        records: &mut Vec<Record>,
    ) {
        let number = self.numbers.get(place).copied();
        if name == ITSELF {
            if mask & FAN_DELETE_SELF != 0
                && let Some(watch) = number.and_then(|number| self.watches.get_mut(&number))
            {
                watch.is_gone = true;
            }
            records.extend(number.into_iter().flat_map(|number| meaning::of_itself(number, mask)));
            if mask & FAN_ATTRIB != 0 {
                let watched = self.watches.iter().filter(|(_, watch)| watch.mask & FAN_EVENT_ON_CHILD != 0);
                let watched = watched.map(|(number, watch)| (*number, &watch.directory));
                match self.children.find(place, &watched) {
                    Whereabouts::In(number, name) => records.push(meaning::of_directory(number, name)),
                    Whereabouts::Elsewhere => {}
                    Whereabouts::Unknown => records.push(Record::Overflow),
                }
            }
        } else if let Some(number) = number {
            if mask & FAN_ONDIR != 0 && mask & (FAN_CREATE | FAN_MOVED_TO) != 0 {
                self.add_child(number, name, target);
            }
            let is_another = |target: &[u8]| self.child(number, name).is_ok_and(|there| *there != *target);
            if !(meaning::may_be_of_a_removed_file(mask) && target.is_some_and(is_another)) {
                records.extend(meaning::of_entry(number, &Name::from(name), mask));
            }
        }
    }

    /// A directory came to one that is watched.
    fn add_child(&mut self, number: Number, name: &[u8], target: Option<&[u8]>) {
        if let Some(target) = target {
            self.children.add(target, number, name);
        } else if let Ok(place) = self.child(number, name) {
            self.children.add(&place, number, name);
        }
    }

    /// What names an entry of a directory that is watched, if that is where it was.
    fn child(&self, number: Number, name: &[u8]) -> nix::Result<Box<[u8]>> {
        let watch = self.watches.get(&number).ok_or(Errno::ENOENT)?;
        let name = CString::new(name).map_err(|_| Errno::EINVAL)?;
        place_in(&open(&watch.directory)?, &name)
    }

    /// Puts a mark on its directory, or takes it off, if that is still where it was watched.
    fn mark_again(&self, flags: MarkFlags, watch: &Mark) -> nix::Result<()> {
        let open = open(&watch.directory)?;
        let (place, _) = place_of(&open)?;
        if place == watch.place { self.mark(flags, watch.mask, &open) } else { Err(Errno::ENOENT) }
    }

    /// Takes all marks off, those too that can't be reached, and puts those on again that are wanted. What was told meanwhile is lost.
    fn renew(&mut self, records: &mut Vec<Record>) -> nix::Result<()> {
        debug!(strays = self.strays, "all marks are made anew");
        self.group.mark::<_, [u8]>(
            MarkFlags::FAN_MARK_FLUSH,
            MaskFlags::empty(),
            nix::fcntl::AT_FDCWD,
            None,
        )?;
        self.strays = 0;
        for (number, watch) in &self.watches {
            let again = self.mark_again(MarkFlags::FAN_MARK_ADD, watch);
            if again.is_err() {
                self.ended.push(*number);
            }
        }
        records.push(Record::Overflow);
        Ok(())
    }
}

impl Kernel for Fanotify {
    type Files<'a> = Disk;

    fn files(&mut self) -> Disk {
        Disk::new()
    }

    fn watch(&mut self, directory: &TreePath, level: Level, extent: Extent) -> Result<Number, Refusal> {
        let unknown = if self.tells_renames { 0 } else { FAN_RENAME };
        self.add(directory, meaning::marked(level) & !unknown, extent).map_err(refusal)
    }

    fn unwatch(&mut self, number: Number) {
        let Some(watch) = self.watches.remove(&number) else { return };
        self.numbers.remove(&watch.place);
        self.children.forget(number);
        if watch.is_gone {
            return;
        }
        if let Err(error) = self.mark_again(MarkFlags::FAN_MARK_REMOVE, &watch) {
            trace!(%error, directory = ?watch.directory, "a mark was left");
            self.strays += 1;
        }
    }

    fn read(&mut self, records: &mut Vec<Record>) -> io::Result<bool> {
        if self.strays > STRAYS_MAX + self.watches.len() {
            self.renew(records)?;
        }
        records.extend(self.ended.drain(..).map(Record::Ended));
        let length = match read(&self.group, &mut self.buffer) {
            Ok(length) => length,
            Err(Errno::EAGAIN) => return Ok(false),
            Err(Errno::EINTR) => return Ok(true),
            Err(errno) => return Err(errno.into()),
        };
        let buffer = std::mem::take(&mut self.buffer);
        for packet in packet::packets(&buffer[..length]) {
            match packet {
                Ok(packet) => self.take(&packet, records),
                Err(Malformed) => {
                    debug!("the kernel's packets are not understood");
                    records.push(Record::Overflow);
                }
            }
        }
        self.buffer = buffer;
        // Had there been more, it would have been given too, as long as there was room.
        Ok(length + PACKET_MAX > self.buffer.len())
    }
}

impl AsFd for Fanotify {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.group.as_fd()
    }
}

impl From<Fanotify> for OwnedFd {
    fn from(fanotify: Fanotify) -> OwnedFd {
        fanotify.group.into()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use gamin_engine::Change;
    use tempfile::TempDir;

    use super::*;

    /// A group, and a directory that it tells of; nothing where the kernel has none for this user.
    fn marked() -> Option<(Fanotify, TempDir, Number)> {
        let mut group = Fanotify::new().ok()?;
        let room = TempDir::new().expect("because there is room for temporary files");
        let number = group.watch(&tree(room.path()), Level::Entries, Extent::AtLeast);
        Some((group, room, number.expect("because the directory can be watched")))
    }

    fn tree(path: &Path) -> TreePath {
        TreePath::new(path.as_os_str().as_encoded_bytes()).expect("because it is absolute")
    }

    fn told(group: &mut Fanotify) -> Vec<Record> {
        let mut records = Vec::new();
        while group.read(&mut records).expect("because the group is open") {}
        records
    }

    fn entry(number: Number, name: &str, change: Change) -> Record {
        Record::Entry { number, name: Name::from(name.as_bytes()), change, is_directory: false, cookie: None }
    }

    #[test]
    fn what_happens_to_an_entry_is_told_under_the_number_of_its_directory() {
        let Some((mut group, room, number)) = marked() else { return };
        fs::write(room.path().join("new"), "text").expect("because the directory is ours");
        let changes = [Change::Created, Change::Modified, Change::Closed];
        assert_eq!(told(&mut group), changes.map(|change| entry(number, "new", change)));
        fs::remove_file(room.path().join("new")).expect("because the directory is ours");
        let mut records = told(&mut group);
        assert_eq!(records.pop(), Some(entry(number, "new", Change::Deleted)));
    }

    #[test]
    fn a_directory_has_one_number_until_it_is_given_back_and_then_nothing_is_told() {
        let Some((mut group, room, number)) = marked() else { return };
        let again = group.watch(&tree(room.path()), Level::Itself, Extent::Exactly);
        assert_eq!(again, Ok(number));
        fs::write(room.path().join("quiet"), "").expect("because the directory is ours");
        assert_eq!(told(&mut group), []);
        group.unwatch(number);
        assert_eq!((group.strays, group.watches.len(), group.numbers.len()), (0, 0, 0));
        fs::write(room.path().join("unheard"), "").expect("because the directory is ours");
        assert_eq!(told(&mut group), []);
    }

    #[test]
    fn a_directory_that_moves_or_goes_says_so() {
        let Some((mut group, room, _)) = marked() else { return };
        let (here, there) = (room.path().join("here"), room.path().join("there"));
        fs::create_dir(&here).expect("because the directory is ours");
        let number = group.watch(&tree(&here), Level::Itself, Extent::AtLeast).expect("it can be watched");
        fs::rename(&here, &there).expect("because the directory is ours");
        assert!(told(&mut group).contains(&Record::Moved(number)));
        fs::remove_dir(&there).expect("because the directory is ours");
        assert!(told(&mut group).contains(&Record::Ended(number)));
        group.unwatch(number);
        assert_eq!(group.strays, 0, "its mark went with it");
    }

    #[test]
    fn a_directory_whose_attributes_change_is_told_where_it_stands() {
        let Some((mut group, room, number)) = marked() else { return };
        let (old, new) = (room.path().join("old"), room.path().join("new"));
        fs::create_dir(&old).expect("because the directory is ours");
        told(&mut group);
        let attributes = |name: &str| Record::Entry {
            number,
            name: Name::from(name.as_bytes()),
            change: Change::Attributes,
            is_directory: true,
            cookie: None,
        };
        let change = |path: &Path| {
            let mode = fs::Permissions::from_mode(0o700);
            fs::set_permissions(path, mode).expect("because the directory is ours");
        };
        change(&old);
        assert_eq!(told(&mut group), [attributes("old")], "it was there before anybody asked");
        fs::create_dir(&new).expect("because the directory is ours");
        change(&new);
        assert!(told(&mut group).contains(&attributes("new")), "it came since");
        fs::rename(&new, room.path().join("moved")).expect("because the directory is ours");
        told(&mut group);
        change(&room.path().join("moved"));
        assert_eq!(told(&mut group), [attributes("moved")]);
        // There and back: the kernel does not say in which order.
        let other = room.path().join("other");
        fs::create_dir(&other).expect("because the directory is ours");
        group.watch(&tree(&other), Level::Entries, Extent::AtLeast).expect("it can be watched");
        for (from, to) in [("moved", "other/moved"), ("other/moved", "moved")] {
            fs::rename(room.path().join(from), room.path().join(to)).expect("because both are ours");
        }
        told(&mut group);
        change(&room.path().join("moved"));
        assert_eq!(told(&mut group), [attributes("moved")]);
        let own = group.watch(&tree(&old), Level::Entries, Extent::AtLeast).expect("it can be watched");
        change(&old);
        assert_eq!(told(&mut group), [Record::Attributes(own), attributes("old")], "both ask for it");
    }

    #[test]
    fn marks_that_can_not_be_taken_off_are_never_many_and_what_is_watched_stays_so() {
        let Some((mut group, room, number)) = marked() else { return };
        for stray in 0..STRAYS_MAX + 2 {
            let (here, away) = (room.path().join("here"), room.path().join(stray.to_string()));
            fs::create_dir(&here).expect("because the directory is ours");
            let stray = group.watch(&tree(&here), Level::Itself, Extent::AtLeast).expect("it can be watched");
            fs::rename(&here, &away).expect("because the directory is ours");
            group.unwatch(stray);
        }
        assert!(told(&mut group).contains(&Record::Overflow), "what was told meanwhile may be lost");
        assert_eq!(group.strays, 0);
        fs::write(room.path().join("new"), "").expect("because the directory is ours");
        assert!(told(&mut group).contains(&entry(number, "new", Change::Created)));
    }

    #[test]
    fn what_is_unmounted_ends() {
        let Some((mut group, _room, number)) = marked() else { return };
        let table =
            crate::MountTable::open().and_then(|table| table.read()).expect("because there is procfs");
        assert!(!group.end_unmounted(&table));
        assert!(group.end_unmounted(&Mounts::parse(b"")));
        assert_eq!(told(&mut group), [Record::Ended(number)]);
    }
}
