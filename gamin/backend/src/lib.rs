//! Asks the kernel: inotify for notices, and the file system itself for scans.
//!
//! This is the engine's other side on a real system. A [`Backend`] carries out the engine's `Arm` and `Disarm` and
//! gives its [`Notice`](gamin_engine::Notice)s; [`scan`] carries out its `Scan`, [`glance`] its `Glance`. What they mean is left to the
//! engine, when to call them to the server.
//! Invariants: nothing here waits for a notice, keeps a file or directory open, or asks to be told about reading;
//! and whatever the kernel could not tell is told as [`Notice::Overflow`](gamin_engine::Notice::Overflow).

#![forbid(unsafe_code)]

mod armings;
mod backend;
mod glance;
mod listing;
mod look;
mod mounts;
mod scan;

pub use backend::Backend;
pub use glance::glance;
pub use listing::NAMES_ONLY_OVER;
pub use mounts::{Mount, MountId, MountTable, Mounts};
pub use scan::{Lane, scan};
