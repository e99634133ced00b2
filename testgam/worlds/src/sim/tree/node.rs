//! What a tree is made of: inodes, the dentries that name them, what is held open and what is mounted. Data only.

use std::collections::{BTreeMap, VecDeque};

use gamin_core::engine::Name;
use nix::errno::Errno;

/// What a system call comes to.
pub type Fallible<T> = Result<T, Errno>;

/// Names an inode for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct InodeId(pub(super) u64);

/// Names a dentry, a name of an inode, for ever: also after it was moved, and after it was removed while held open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DentryId(pub(super) u64);

/// Names something held open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Handle(pub(super) u64);

/// Whose rights count. Everybody has the uid 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// One who is stopped by no permission.
    Root,
    /// One who has lost that right, and is like any owner of files.
    Plain,
}

#[derive(Debug)]
pub(super) struct Inode {
    pub(super) device: u64,
    pub(super) number: u64,
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) size: u64,
    pub(super) mtime_ns: i64,
    pub(super) ctime_ns: i64,
    /// How many names in directories it has.
    pub(super) links: u32,
    /// Whether it ever had more than one.
    pub(super) was_shared: bool,
    /// Whether only its time of access was set since the kernel last told of it.
    pub(super) was_accessed: bool,
    /// How often the kernel has told that it changed.
    pub(super) told: u64,
    /// How many dentries lead to it, those of removed names that are held open too.
    pub(super) dentries: u32,
    pub(super) body: Body,
}

#[derive(Debug)]
pub(super) enum Body {
    Directory(BTreeMap<Name, DentryId>),
    Link(Vec<u8>),
    Other,
}

#[derive(Debug)]
pub(super) struct Dentry {
    pub(super) inode: InodeId,
    /// `None` for the root of a file system.
    pub(super) parent: Option<DentryId>,
    pub(super) name: Name,
    pub(super) is_linked: bool,
    /// Handles, and removed dentries below it that are held themselves.
    pub(super) holders: u32,
}

#[derive(Debug)]
pub(super) struct Open {
    pub(super) dentry: DentryId,
    pub(super) writes: bool,
}

#[derive(Debug, Default)]
pub(super) struct Device {
    pub(super) last_number: u64,
    pub(super) freed: VecDeque<(i64, u64)>,
}

/// How a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// For reading.
    Read,
    /// For writing, if it is there.
    Write,
    /// For writing, made if need be with these permissions.
    Create(u32),
    /// As [`Access::Create`], and emptied.
    Empty(u32),
}

/// What is mounted over a directory.
#[derive(Debug)]
pub(super) struct Mount {
    /// The number by which the table names it. No other mount ever has it.
    pub(super) id: u64,
    pub(super) root: DentryId,
    pub(super) file_system: String,
    pub(super) is_remote: bool,
    /// Whether it does not answer those who look.
    pub(super) hangs: bool,
}

/// A remote mount that somebody looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passed {
    /// Its number.
    pub id: u64,
    /// Whether it does not answer.
    pub hangs: bool,
}
