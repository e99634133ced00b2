//! Those who make scans away from the loop: no threads here, but answers that are given when their time has come.
//!
//! Which scan is whose is left to the lanes of the server. Invariant: a worker has one scan at a time, and answers in the order
//! of time, then of orders.

use std::collections::BTreeMap;
use std::sync::Arc;

use gamin_backend::{Lane, Mounts};
use gamin_core::WorkerId;
use gamin_core::engine::{Scan, ScanRequest, Time, TreePath};

/// The workers of one server.
#[derive(Debug, Default)]
pub struct Workers {
    last_id: u64,
    lanes: BTreeMap<WorkerId, Lane>,
    orders: u64,
    /// What is going to be said, by the time at which it is, and the number of the order.
    underway: BTreeMap<(Time, u64), (WorkerId, Lane, Work)>,
}

/// A scan that takes long.
#[derive(Debug)]
pub(super) enum Work {
    /// It has looked at the path already.
    Done(TreePath, Result<Scan, Lane>),
    /// It looks when its time has come.
    StillToLook(ScanRequest, Arc<Mounts>),
}

impl Workers {
    /// When the next one says something.
    pub fn next_word(&self) -> Option<Time> {
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
    pub(super) fn take(&mut self, now: Time) -> Option<(WorkerId, Lane, Work)> {
        let entry = self.underway.first_entry().filter(|entry| entry.key().0 <= now)?;
        Some(entry.remove())
    }
}
