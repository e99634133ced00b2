//! Linux under the backend: inotify as its [`Kernel`](gamin_backend::Kernel), the running system's files as its
//! [`Files`](gamin_backend::Files), and the table of mounts.
//!
//! What is made of them is left to the backend. The tables that translate ([`mask`], [`record`], [`refusal`],
//! [`failure`]) are public, so that a model of this kernel goes through them too.
//! Invariants: no call waits, but on a file system that does not answer; nothing changes a file.

#![forbid(unsafe_code)]

mod disk;
mod inotify;
mod mount_table;
mod stamp;

pub use disk::{Disk, OpenDirectory, failure};
pub use inotify::{BUFFER_BYTES, Inotify, mask, no_instance, record, refusal};
pub use mount_table::MountTable;
