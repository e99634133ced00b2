//! Those who make scans away from the loop: no threads here, but answers that are given when their time has come.
//!
//! Which scan is whose is left to the lanes of the server. Invariant: a worker has one scan at a time, and answers in the order
//! of time, then of orders; one that waits for a mount answers when that does.

use std::collections::BTreeMap;
use std::sync::Arc;

use gamin_backend::{Lane, MountId, Mounts, OffLane};
use gamin_core::WorkerId;
use gamin_core::engine::{Scan, ScanRequest, Time, TreePath};

/// A scan, and whose it is.
type Ordered = (WorkerId, Lane, Work);

/// The workers of one server.
#[derive(Debug, Default)]
pub struct Workers {
    last_id: u64,
    lanes: BTreeMap<WorkerId, Lane>,
    orders: u64,
    /// What is going to be said, by the time at which it is, and the number of the order.
    underway: BTreeMap<(Time, u64), Ordered>,
    /// Who waits for which mount, that of one who was let go too.
    hung: Vec<(MountId, Ordered)>,
}

/// A scan that takes long.
#[derive(Debug)]
pub(super) enum Work {
    /// It has looked at the path already.
    Done(TreePath, Result<Scan, OffLane>),
    /// It looks when its time has come.
    StillToLook(ScanRequest, Arc<Mounts>),
}

impl Work {
    /// What it is about.
    pub(super) fn path(&self) -> &TreePath {
        match self {
            Work::Done(path, _) => path,
            Work::StillToLook(request, _) => &request.path,
        }
    }
}

impl Workers {
    /// When the next one says something.
    pub fn next_message(&self) -> Option<Time> {
        self.underway.keys().next().map(|(at, _)| *at)
    }

    pub(super) fn start(&mut self, lane: &Lane) -> WorkerId {
        self.last_id += 1;
        self.lanes.insert(WorkerId(self.last_id), lane.clone());
        WorkerId(self.last_id)
    }

    pub(super) fn lane(&self, worker: WorkerId) -> Option<&Lane> {
        self.lanes.get(&worker)
    }

    pub(super) fn dismiss(&mut self, worker: WorkerId) {
        self.lanes.remove(&worker);
    }

    pub(super) fn order(&mut self, at: Time, worker: WorkerId, work: Work) {
        let Some(lane) = self.lanes.get(&worker).cloned() else { return };
        self.orders += 1;
        self.underway.insert((at, self.orders), (worker, lane, work));
    }

    /// Takes out what is to be said by now.
    pub(super) fn take(&mut self, now: Time) -> Option<Ordered> {
        let entry = self.underway.first_entry().filter(|entry| entry.key().0 <= now)?;
        Some(entry.remove())
    }

    /// Has a worker wait until a mount answers.
    pub(super) fn wait(&mut self, mount: MountId, worker: WorkerId, lane: Lane, work: Work) {
        self.hung.push((mount, (worker, lane, work)));
    }

    /// Takes out what waited for a mount that does not hang any more.
    pub(super) fn take_answered(&mut self, answers: impl Fn(MountId) -> bool) -> Option<(MountId, Ordered)> {
        let at = self.hung.iter().position(|(mount, _)| answers(*mount))?;
        Some(self.hung.remove(at))
    }

    /// Takes out the scans that were to look when their time has come.
    pub(super) fn hasten(&mut self) -> Vec<(WorkerId, Lane, ScanRequest, Arc<Mounts>)> {
        let is_late = |(_, _, work): &Ordered| matches!(work, Work::StillToLook(..));
        let late: Vec<_> =
            self.underway.iter().filter(|(_, work)| is_late(work)).map(|(at, _)| *at).collect();
        let take = |at| match self.underway.remove(&at)? {
            (worker, lane, Work::StillToLook(request, mounts)) => Some((worker, lane, request, mounts)),
            (.., Work::Done(..)) => None,
        };
        late.into_iter().filter_map(take).collect()
    }
}
