//! What `lstat` or `stat` shows of a file, as far as it tells whether the file has changed.

use gamin_protocol::Tag;

/// The type of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileType {
    /// A directory.
    Directory,
    /// A symbolic link, seen itself.
    Link,
    /// Anything else: regular file, fifo, socket, device.
    Other,
}

/// The state of a file at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// The type.
    pub file_type: FileType,
    /// Device number.
    pub dev: u64,
    /// Inode number.
    pub ino: u64,
    /// Permission and type bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Length in bytes.
    pub size: u64,
    /// Last modification, in nanoseconds since 1970.
    pub mtime_ns: i64,
    /// Last change of content or metadata, in nanoseconds since 1970.
    pub ctime_ns: i64,
    /// Whether the last change was so recent, for the resolution of the file system's clock, that another one
    /// could follow without leaving a trace in the fields above.
    pub fresh: bool,
}

impl Stamp {
    /// A stamp that shows the type and nothing else: of what is not looked at closely.
    pub fn void(file_type: FileType) -> Stamp {
        Stamp {
            file_type,
            dev: 0,
            ino: 0,
            mode: 0,
            uid: 0,
            gid: 0,
            size: 0,
            mtime_ns: 0,
            ctime_ns: 0,
            fresh: false,
        }
    }

    /// Whether both stamps are of one file, whatever has changed in it.
    pub fn same_file(&self, other: &Stamp) -> bool {
        (self.dev, self.ino, self.file_type) == (other.dev, other.ino, other.file_type)
    }

    /// The stamp as the entry of a directory counts it: what happens inside a subdirectory is no change of
    /// the entry, whichever way the directory is watched.
    #[must_use]
    pub fn of_entry(self) -> Stamp {
        match self.file_type {
            FileType::Directory => Stamp { size: 0, mtime_ns: 0, ctime_ns: 0, fresh: false, ..self },
            FileType::Link | FileType::Other => self,
        }
    }

    /// The fingerprint that tells whether a file changed, also between two servers; `None` while the stamp
    /// is too fresh to prove anything.
    pub fn tag(&self) -> Option<Tag> {
        (!self.fresh).then(|| self.fingerprint())
    }

    /// Which file it is, hashed.
    pub(crate) fn file(&self) -> u32 {
        (churn(churn(self.dev) ^ self.ino) >> 32) as u32
    }

    /// All fields but [`Stamp::fresh`], hashed: the same in every build and every process.
    pub(crate) fn fingerprint(&self) -> Tag {
        let words = [
            self.dev,
            self.ino,
            u64::from(self.mode),
            u64::from(self.uid) << 32 | u64::from(self.gid),
            self.size,
            self.mtime_ns as u64,
            self.ctime_ns as u64,
        ];
        Tag::new(words.iter().fold(0, |hash, word| churn(hash ^ word)))
    }
}

/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014): a bijection in which every bit reaches every other.
fn churn(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_add(0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: Stamp = Stamp {
        file_type: FileType::Other,
        dev: 1,
        ino: 2,
        mode: 0o100_644,
        uid: 0,
        gid: 0,
        size: 3,
        mtime_ns: 4,
        ctime_ns: 5,
        fresh: false,
    };

    #[test]
    fn a_fresh_stamp_proves_nothing() {
        let fresh = Stamp { fresh: true, ..FILE };
        assert_eq!(fresh.tag(), None);
        assert_eq!(FILE.tag(), Some(fresh.fingerprint()));
    }

    #[test]
    fn every_field_shows_in_the_tag() {
        let others = [
            Stamp { dev: 9, ..FILE },
            Stamp { ino: 9, ..FILE },
            Stamp { mode: 9, ..FILE },
            Stamp { uid: 9, ..FILE },
            Stamp { gid: 9, ..FILE },
            Stamp { size: 9, ..FILE },
            Stamp { mtime_ns: 9, ..FILE },
            Stamp { ctime_ns: 9, ..FILE },
        ];
        for other in others {
            assert_ne!(other.tag(), FILE.tag());
        }
    }

    #[test]
    fn what_happens_in_a_subdirectory_is_no_change_of_its_entry() {
        let before = Stamp { file_type: FileType::Directory, ..FILE };
        let after = Stamp { size: 8, mtime_ns: 8, ctime_ns: 8, ..before };
        assert_eq!(before.of_entry().tag(), after.of_entry().tag());
        assert_ne!(before.tag(), after.tag());
        assert_ne!(before.of_entry().tag(), Stamp { mode: 0, ..after }.of_entry().tag());
    }
}
