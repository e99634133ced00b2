//! What tells of changes: inotify, or fanotify where inotify has no instance left.
//!
//! How each is asked is left to it. Invariant: what is had is kept: who watches by fanotify goes on so when inotify has room again.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use gamin_backend::{Extent, Kernel, Mounts, Number, Record};
use gamin_engine::{Level, Refusal, TreePath};
use tracing::info;

use crate::disk::Disk;
use crate::fanotify::Fanotify;
use crate::inotify::Inotify;

/// A source of notices that the kernel has.
#[derive(Debug)]
pub enum Notifier {
    /// inotify(7), which is asked first.
    Inotify(Inotify),
    /// fanotify(7).
    Fanotify(Box<Fanotify>),
}

impl Notifier {
    /// Asks for an instance of inotify, unless it is to do `without_inotify`, and else for a group of fanotify.
    ///
    /// # Errors
    /// Neither is to be had; this is why there is no inotify, if that was asked.
    pub fn new(without_inotify: bool) -> io::Result<Notifier> {
        let fanotify = || Fanotify::new().map(|group| Notifier::Fanotify(Box::new(group)));
        if without_inotify {
            return fanotify();
        }
        Inotify::new().map(Notifier::Inotify).or_else(|error| {
            let instead = fanotify();
            info!(%error, instead = instead.is_ok(), "no inotify instance; fanotify is asked instead");
            instead.map_err(|_| error)
        })
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        match self {
            Notifier::Inotify(_) => "inotify",
            Notifier::Fanotify(_) => "fanotify",
        }
    }

    /// Takes what is mounted by now. Gives whether there is something to read because of it.
    pub fn handle_mounts(&mut self, mounts: &Mounts) -> bool {
        match self {
            // It tells itself.
            Notifier::Inotify(_) => false,
            Notifier::Fanotify(fanotify) => fanotify.end_unmounted(mounts),
        }
    }
}

impl Kernel for Notifier {
    type Files<'a> = Disk;

    fn files(&mut self) -> Disk {
        Disk::new()
    }

    fn watch(&mut self, directory: &TreePath, level: Level, extent: Extent) -> Result<Number, Refusal> {
        match self {
            Notifier::Inotify(inotify) => inotify.watch(directory, level, extent),
            Notifier::Fanotify(fanotify) => fanotify.watch(directory, level, extent),
        }
    }

    fn unwatch(&mut self, watch: Number) {
        match self {
            Notifier::Inotify(inotify) => inotify.unwatch(watch),
            Notifier::Fanotify(fanotify) => fanotify.unwatch(watch),
        }
    }

    fn read(&mut self, records: &mut Vec<Record>) -> io::Result<bool> {
        match self {
            Notifier::Inotify(inotify) => inotify.read(records),
            Notifier::Fanotify(fanotify) => fanotify.read(records),
        }
    }
}

impl AsFd for Notifier {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Notifier::Inotify(inotify) => inotify.as_fd(),
            Notifier::Fanotify(fanotify) => fanotify.as_fd(),
        }
    }
}

impl From<Notifier> for OwnedFd {
    fn from(notifier: Notifier) -> OwnedFd {
        match notifier {
            Notifier::Inotify(inotify) => inotify.into(),
            Notifier::Fanotify(fanotify) => (*fanotify).into(),
        }
    }
}
