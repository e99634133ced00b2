//! The engine's other side, over any kernel and any files.
//!
//! A [`Backend`] carries out the engine's `Arm` and `Disarm` and gives its [`Notice`](gamin_engine::Notice)s; [`scan`]
//! carries out its `Scan`, [`revalidate()`] its `Revalidate`. What they mean is left to the engine, when to call them to the
//! driver in `gamin-core`. All of it is written once, over two small traits: a [`Kernel`], which tells of changes, and
//! [`Files`], which are looked at. On a real system these are `gamin-linux`; in testgam's simulated world, a model of it
//! in memory. docs/porting.md says what another one has to bring.
//! Invariants: nothing here waits for a notice, keeps a file or directory open when it is done, or makes a system call itself; and
//! whatever the kernel could not tell is told as [`Notice::Overflow`](gamin_engine::Notice::Overflow).

#![forbid(unsafe_code)]

mod armings;
mod backend;
mod entries;
mod files;
mod kernel;
mod mounts;
mod revalidation;
mod scan;
mod way;

pub use backend::{Backend, Listener};
pub use files::{Access, FileError, Files};
pub use kernel::{Extent, Kernel, Number, Record};
pub use mounts::{Mount, MountId, Mounts};
pub use revalidation::revalidate;
pub use scan::{Lane, NAMES_ONLY_OVER, OffLane, scan};
