//! What is mounted where, as the kernel says in `/proc/self/mountinfo` (proc_pid_mountinfo(5)), and which of it is remote.
//!
//! How the table is read, and that it has changed, is left to whoever runs on a system that has one; what follows for a path to
//! whoever walks or watches it.
//! Invariants: paths are compared name by name, never as text; a mount that is covered by another is not found;
//! neither reading nor asking touches any of the file systems.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use gamin_engine::{FileType, Name, Stamp, TreePath};

/// The types of remote file systems, besides the family of `fuse.*`.
const REMOTE: [&str; 26] = [
    "9p", "afs", "autofs", "beegfs", "ceph", "cifs", "coda", "fuse", "fuseblk", "gfs", "gfs2", "gpfs",
    "lustre", "ncp", "ncpfs", "nfs", "nfs4", "novfs", "ocfs2", "orangefs", "pvfs2", "smb3", "smbfs",
    "vboxsf", "virtiofs", "vmhgfs",
];

/// Names a mount. While anything is held of it the kernel gives the number to no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MountId(pub u64);

/// One line of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Its name.
    pub id: MountId,
    /// Where it is mounted, from the root directory of this process.
    pub point: TreePath,
    /// The numbers of the device, major and minor.
    pub device: (u32, u32),
    /// The type of the file system, such as `ext4` or `fuse.sshfs`.
    pub file_system: String,
    /// The mount on which `point` is; `None` if that is outside the root directory.
    parent: Option<MountId>,
}

impl Mount {
    /// Whether the file system lives by another machine or program: it may never answer, and what others do to it the
    /// kernel does not tell.
    pub fn is_remote(&self) -> bool {
        REMOTE.contains(&self.file_system.as_str()) || self.file_system.starts_with("fuse.")
    }

    /// What is shown of the entry that it is on, without asking its file system: that this is mounted there.
    pub(crate) fn stamp(&self) -> Stamp {
        let (major, minor) = self.device;
        Stamp {
            dev: u64::from(major) << 32 | u64::from(minor),
            ino: self.id.0,
            ..Stamp::void(FileType::Directory)
        }
    }
}

/// What is mounted where. Paths given to it are spelled as a [`TreePath`] is, free of links and `..`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mounts {
    by_point: BTreeMap<TreePath, Vec<Mount>>,
    /// Where remote mounts are. That of `/` does not count: if it hangs, so does this program.
    remote: BTreeSet<TreePath>,
}

impl Mounts {
    /// Reads the table. What is no line of it is passed over.
    pub fn parse(table: &[u8]) -> Mounts {
        let lines: Vec<Mount> = table.split(|byte| *byte == b'\n').filter_map(parse_line).collect();
        let listed: HashSet<MountId> = lines.iter().map(|mount| mount.id).collect();
        let mut mounts = Mounts::default();
        for mut mount in lines {
            mount.parent = mount.parent.filter(|parent| *parent != mount.id && listed.contains(parent));
            if mount.is_remote() && !mount.point.is_root() {
                mounts.remote.insert(mount.point.clone());
            }
            mounts.by_point.entry(mount.point.clone()).or_default().push(mount);
        }
        mounts
    }

    /// All mounts, by their points; of those at one point, in the order of the table.
    pub fn all(&self) -> impl Iterator<Item = &Mount> {
        self.by_point.values().flatten()
    }

    /// The mount that a path is on, be there anything at it or not. `None` if that is outside the root directory.
    pub fn of(&self, path: &[u8]) -> Option<&Mount> {
        self.passed(path).pop()
    }

    /// The first remote mount on the way down a path, what is mounted at its end included; but for that of `/`.
    pub fn first_remote(&self, path: &[u8]) -> Option<&Mount> {
        if self.remote.is_empty() {
            return None;
        }
        self.passed(path).into_iter().find(|mount| mount.is_remote() && !mount.point.is_root())
    }

    /// Whether there is any remote mount, but for that of `/`.
    pub fn has_remote(&self) -> bool {
        !self.remote.is_empty()
    }

    /// The remote mount at just this path, if one is there.
    pub fn remote_at(&self, path: &[u8]) -> Option<&Mount> {
        if !self.remote.contains(path) {
            return None;
        }
        self.of(path).filter(|mount| mount.is_remote() && *mount.point == *path)
    }

    /// The remote mounts that are on entries of a directory.
    pub fn remote_in(&self, directory: &TreePath) -> Vec<(Name, &Mount)> {
        let entry = |point: &TreePath| {
            point.split_last().filter(|(above, _)| above == directory).map(|(_, name)| name)
        };
        self.remote.iter().filter_map(|point| Some((entry(point)?, self.remote_at(point)?))).collect()
    }

    /// A mount, in sight or covered; `None` when it is no more.
    pub fn get(&self, id: MountId) -> Option<&Mount> {
        self.by_point.values().flatten().find(|mount| mount.id == id)
    }

    /// Whether a mount is what its point leads to.
    pub fn is_in_sight(&self, id: MountId) -> bool {
        let point = self.get(id).map(|mount| &mount.point);
        point.and_then(|point| self.of(point)).is_some_and(|mount| mount.id == id)
    }

    /// Where other mounts are than before.
    pub fn changed_since(&self, before: &Mounts) -> BTreeSet<TreePath> {
        let points = self.by_point.keys().chain(before.by_point.keys());
        points.filter(|point| self.by_point.get(*point) != before.by_point.get(*point)).cloned().collect()
    }

    /// The mounts that the way down a path leads over, in that order.
    fn passed(&self, path: &[u8]) -> Vec<&Mount> {
        let mut passed: Vec<&Mount> = Vec::new();
        for point in prefixes(path) {
            let before = passed.len();
            let here = self.by_point.get(point).map_or([].as_slice(), Vec::as_slice);
            // What is mounted on `/` later covers it only for those who come from outside.
            let deepest = if point.len() == 1 { 1 } else { here.len() };
            for _ in 0..deepest {
                let on = passed.last().map(|mount| mount.id);
                let Some(mount) = here.iter().rfind(|mount| mount.parent == on) else { break };
                // It covers the one that was found before it at the same place.
                passed.truncate(before);
                passed.push(mount);
            }
        }
        passed
    }
}

/// A path and all above it, from `/` down.
pub(crate) fn prefixes(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let slashes = path.iter().enumerate().skip(1).filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
    let whole = (path.len() > 1).then_some(path.len());
    [1].into_iter().chain(slashes).chain(whole).map(|end| &path[..end])
}

/// Reads `36 35 98:0 /root /point options optional-field… - type source options`.
fn parse_line(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|byte| *byte == b' ');
    let mut text = || fields.next().and_then(|field| str::from_utf8(field).ok());
    let id = MountId(text()?.parse().ok()?);
    let parent = Some(MountId(text()?.parse().ok()?));
    let (major, minor) = text()?.split_once(':')?;
    let device = (major.parse().ok()?, minor.parse().ok()?);
    let point = TreePath::new(&unescape(fields.nth(1)?))?;
    fields.find(|field| *field == b"-")?;
    let file_system = String::from_utf8_lossy(&unescape(fields.next()?)).into_owned();
    Some(Mount { id, point, device, file_system, parent })
}

/// Undoes the table's escapes: a backslash and three octal digits stand for a byte that would end the field or the line.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, behind)) = rest.split_first() {
        let code = behind.get(..3).filter(|_| *first == b'\\').and_then(|digits| str::from_utf8(digits).ok());
        let escaped = code.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &behind[3..] } else { behind };
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = r"
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
22 27 0:21 / /proc rw,relatime shared:5 master:1 - proc proc rw
30 27 0:31 / /home rw - nfs4 server:/home rw,vers=4.2
31 30 0:32 / /home/u/my\040disk\134 rw - fuse.sshfs host:/ rw
33 27 8:1 /sub /home/u/local rw unbindable - ext4 /dev/sda1 rw
not a line
40 27 0:40 / /mnt/a rw - tmpfs tmpfs rw
41 40 0:41 / /mnt/a rw - fuse any rw
42 41 0:42 / /mnt/a/b rw - tmpfs tmpfs rw
43 40 0:43 / /mnt/a/hidden rw - tmpfs tmpfs rw
50 27 0:50 / / rw - nfs covers:/everything rw
";

    fn tree(path: &str) -> TreePath {
        TreePath::new(path.as_bytes()).expect("because it is absolute")
    }

    fn number(mount: Option<&Mount>) -> u64 {
        mount.map_or(0, |mount| mount.id.0)
    }

    #[test]
    fn a_path_is_on_the_mount_that_its_names_lead_to() {
        let mounts = Mounts::parse(TABLE.as_bytes());
        let table = [
            ("/", 27, 0),
            ("/etc/passwd", 27, 0),
            ("/process", 27, 0),
            ("/proc", 22, 0),
            ("/proc/1/stat", 22, 0),
            ("/home", 30, 30),
            ("/homes", 27, 0),
            ("/home/u/my disk", 30, 30),
            (r"/home/u/my disk\", 31, 30),
            (r"/home/u/my disk\/x/y", 31, 30),
            ("/mnt/a", 41, 41),
            ("/mnt/a/b/c", 42, 41),
            ("/mnt/a/hidden", 41, 41),
        ];
        for (path, of, remote) in table {
            assert_eq!(number(mounts.of(&tree(path))), of, "{path}");
            assert_eq!(number(mounts.first_remote(&tree(path))), remote, "the first remote one to {path}");
        }
    }

    #[test]
    fn only_a_mount_at_just_that_path_is_at_it() {
        let mounts = Mounts::parse(TABLE.as_bytes());
        let table = [
            ("/home", 30),
            (r"/home/u/my disk\", 31),
            ("/home/u", 0),
            ("/mnt/a", 41),
            ("/proc", 0),
            ("/", 0),
        ];
        for (path, expected) in table {
            assert_eq!(number(mounts.remote_at(&tree(path))), expected, "{path}");
        }
    }

    #[test]
    fn what_is_mounted_below_a_covered_mount_is_covered_too() {
        let mounts = Mounts::parse(TABLE.as_bytes());
        assert_eq!(number(mounts.of(&tree("/home/u/local"))), 30, "33 was there before 30");
    }

    #[test]
    fn the_last_of_several_on_one_place_wins() {
        let table = b"1 1 0:1 / / rw - ext4 a rw\n2 1 0:2 / /m rw - ext4 b rw\n3 1 0:3 / /m rw - xfs c rw\n";
        let mounts = Mounts::parse(table);
        let of = mounts.of(&tree("/m/x")).expect("because / is listed");
        assert_eq!((of.id, of.device, of.file_system.as_str()), (MountId(3), (0, 3), "xfs"));
    }

    #[test]
    fn a_mount_that_is_covered_or_gone_is_out_of_sight() {
        let mounts = Mounts::parse(TABLE.as_bytes());
        let hidden = [27, 22, 30, 31, 33, 40, 41, 42, 43, 50, 99].map(MountId);
        let hidden: Vec<u64> =
            hidden.into_iter().filter(|id| !mounts.is_in_sight(*id)).map(|id| id.0).collect();
        assert_eq!(hidden, [33, 40, 43, 50, 99]);
    }

    #[test]
    fn a_root_directory_below_a_mount_has_no_line() {
        let mounts = Mounts::parse(b"60 27 0:60 / /net rw - nfs server:/ rw\n");
        assert_eq!((number(mounts.of(&tree("/etc"))), number(mounts.of(&tree("/net/x")))), (0, 60));
        assert_eq!(Mounts::default().of(&tree("/")), None);
    }

    #[test]
    fn the_mount_of_the_root_directory_is_nobodys_doubt() {
        let mounts =
            Mounts::parse(b"27 1 0:20 / / rw - virtiofs root rw\n30 27 0:31 / /net rw - nfs s:/ rw\n");
        assert!(mounts.of(&tree("/etc")).is_some_and(Mount::is_remote));
        assert_eq!(number(mounts.first_remote(&tree("/etc"))), 0);
        assert_eq!(number(mounts.first_remote(&tree("/net/x"))), 30);
    }

    #[test]
    fn what_is_mounted_or_unmounted_changes_its_point_and_no_other() {
        let before = Mounts::parse(TABLE.as_bytes());
        assert!(before.changed_since(&before).is_empty());
        let table = TABLE.replace("42 41 0:42 / /mnt/a/b", "42 41 0:42 / /mnt/c").replace("41 40", "49 40");
        let after = Mounts::parse(table.as_bytes());
        let changed = BTreeSet::from(["/mnt/a", "/mnt/a/b", "/mnt/c"].map(tree));
        assert_eq!(after.changed_since(&before), changed);
    }

    #[test]
    fn no_table_makes_it_loop_or_fail() {
        for table in [
            "1 2 0:1 / / rw - nfs a rw\n2 1 0:2 / / rw - nfs a rw\n",
            "1 2 0:1 / /m rw - nfs a rw\n2 1 0:2 / /m rw - nfs a rw\n3 3 0:2 / /m rw - nfs a rw\n",
            "1 1 0:1 / relative rw - nfs a rw\n\\\n1 1 0:1 / /\\04 rw - nfs a rw\n1 1 0:1 / /\\777 rw -",
            "99999999999999999999 1 0:1 / / rw - nfs a rw",
        ] {
            let mounts = Mounts::parse(table.as_bytes());
            mounts.of(&tree("/m/x"));
            mounts.first_remote(&tree("/m/x"));
        }
    }

    #[test]
    fn network_and_user_space_are_remote() {
        for file_system in
            ["nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "afs", "autofs", "fuse", "fuse.sshfs", "fuseblk"]
        {
            let line = format!("1 1 0:1 / / rw - {file_system} a rw");
            assert!(
                Mounts::parse(line.as_bytes()).of(&tree("/")).is_some_and(Mount::is_remote),
                "{file_system}"
            );
        }
        for file_system in ["ext4", "tmpfs", "overlay", "btrfs", "fusectl", "proc", "nfsd"] {
            let line = format!("1 1 0:1 / / rw - {file_system} a rw");
            assert!(
                !Mounts::parse(line.as_bytes()).of(&tree("/")).is_some_and(Mount::is_remote),
                "{file_system}"
            );
        }
    }
}
