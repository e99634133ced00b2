//! The system under a host: who tells of changes, if there is somebody for us, the mount table, and threads.
//!
//! How each is asked is left to `gamin-linux` and `threads`, when to the driver. Invariant: without anybody every arming
//! is refused and nothing is noticed, which is polling.

use std::io;
use std::sync::Arc;

use gamin_backend::{Extent, Kernel, Lane, Mounts, Number, Record};
use gamin_core::{System, WorkerId, Workers};
use gamin_engine::{Level, Refusal, ScanRequest, TreePath};
use gamin_linux::{Disk, FileSystems, MountTable, Notifier};
use tracing::warn;

use crate::threads::Threads;

/// The running system.
#[derive(Debug)]
pub(crate) struct Linux {
    pub notifier: Option<Notifier>,
    /// There is something to read of which no event loop tells.
    pub is_told: bool,
    pub table: Option<MountTable>,
    /// The event loop has found that the table has changed.
    pub is_remounted: bool,
    pub threads: Threads,
    /// What is on which device, by what is mounted.
    pub file_systems: FileSystems,
}

impl Kernel for Linux {
    type Files<'a> = Disk;

    fn files(&mut self) -> Disk {
        Disk::knowing(&self.file_systems)
    }

    fn watch(&mut self, directory: &TreePath, level: Level, extent: Extent) -> Result<Number, Refusal> {
        let notifier = self.notifier.as_mut();
        notifier.map_or(Err(Refusal::Failed), |notifier| notifier.watch(directory, level, extent))
    }

    fn unwatch(&mut self, watch: Number) {
        if let Some(notifier) = &mut self.notifier {
            notifier.unwatch(watch);
        }
    }

    fn read(&mut self, records: &mut Vec<Record>) -> io::Result<bool> {
        self.notifier.as_mut().map_or(Ok(false), |notifier| notifier.read(records))
    }
}

impl Workers for Linux {
    fn start(&mut self, lane: &Lane) -> io::Result<Option<WorkerId>> {
        self.threads.start(lane)
    }

    fn order(&mut self, worker: WorkerId, request: &ScanRequest, mounts: &Arc<Mounts>) {
        self.threads.order(worker, request, mounts);
    }

    fn dismiss(&mut self, worker: WorkerId) {
        self.threads.dismiss(worker);
    }
}

impl System for Linux {
    fn remounted(&mut self, may_have_moved: bool) -> Option<Arc<Mounts>> {
        let Some(table) = &self.table else {
            // What is mounted may be another by now.
            self.file_systems.forget();
            return None;
        };
        self.is_remounted |= may_have_moved | table.is_changed();
        if !std::mem::take(&mut self.is_remounted) {
            return None;
        }
        self.file_systems.forget();
        let mounts = table.read().inspect_err(|error| warn!(%error, "can't read what is mounted")).ok()?;
        self.is_told |= self.notifier.as_mut().is_some_and(|notifier| notifier.handle_mounts(&mounts));
        Some(Arc::new(mounts))
    }
}
