//! Linux under the backend: inotify and fanotify as its [`Kernel`](gamin_backend::Kernel), the running system's files as its
//! [`Files`](gamin_backend::Files), the table of mounts, and the allocator.
//!
//! What is made of them is left to the backend. The tables that translate ([`mask`], [`record`], [`refusal`],
//! [`failure`]) are public, so that a model of this kernel goes through them too.
//! Invariants: no call waits, but on a file system that does not answer; nothing changes a file.

mod disk;
pub mod fanotify;
mod far;
mod inotify;
#[allow(unsafe_code)]
pub mod memory;
mod mount_table;
mod notifier;
mod stamp;

pub use disk::{Disk, OpenDirectory, failure};
pub use fanotify::Fanotify;
pub use inotify::{BUFFER_BYTES, Inotify, mask, no_instance, record, refusal};
pub use mount_table::MountTable;
pub use notifier::Notifier;
pub use stamp::FileSystems;
