//! What is left of the faults that wait for something to go wrong, and those that last a while.
//!
//! Who runs into them asks here; what they are is in `action`, and when to inflict which is left to whoever writes the
//! steps: a person, or dice. Invariant: a world in which no fault was inflicted, or each has worn off, behaves as a
//! healthy system.

use std::collections::VecDeque;
use std::time::Duration;

use gamin_core::engine::{Refusal, ScanRequest, Time, TreePath};

use testgam_language::action::{FileOperation, ScanFault};

#[derive(Debug)]
struct Refusing {
    directory: Option<TreePath>,
    times: u32,
    refusal: Refusal,
}

/// The faults that wait for something to go wrong.
#[derive(Debug, Default)]
pub struct Faults {
    /// Until when the server is not woken for notices.
    pub deaf_until: Option<Time>,
    refusing: Vec<Refusing>,
    scans: VecDeque<ScanFault>,
    /// Scans that take long: of which path, for how long, and whether they look at the end.
    slow: Vec<(TreePath, Duration, bool)>,
    between: Option<(u32, Vec<FileOperation>)>,
}

impl Faults {
    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.refusing.is_empty() && self.scans.is_empty() && self.between.is_none()
    }

    pub(super) fn refuse(&mut self, directory: Option<TreePath>, times: u32, refusal: Refusal) {
        self.refusing.push(Refusing { directory, times, refusal });
    }

    pub(super) fn spoil_scan(&mut self, fault: ScanFault) {
        self.scans.push_back(fault);
    }

    pub(super) fn interrupt(&mut self, effects: u32, operations: Vec<FileOperation>) {
        self.between = Some((effects, operations));
    }

    /// What is wrong with asking the kernel about a directory now.
    pub(super) fn on_watch(&mut self, directory: &TreePath) -> Option<Refusal> {
        let is_meant = |refusing: &Refusing| {
            refusing.times > 0 && refusing.directory.as_ref().is_none_or(|meant| meant == directory)
        };
        let refusing = self.refusing.iter_mut().find(|refusing| is_meant(refusing))?;
        refusing.times -= 1;
        let refusal = refusing.refusal;
        self.refusing.retain(|refusing| refusing.times > 0);
        Some(refusal)
    }

    /// What is wrong with a scan that begins now.
    pub(super) fn on_scan(&mut self) -> Option<ScanFault> {
        self.scans.pop_front()
    }

    pub(super) fn slow_down(&mut self, request: &ScanRequest, takes: Duration, looks_late: bool) {
        self.slow.push((request.path.clone(), takes, looks_late));
    }

    /// How long a scan takes that is made away from the loop, and whether it looks at the end of that time.
    pub(super) fn on_order(&mut self, request: &ScanRequest) -> (Duration, bool) {
        let at = self.slow.iter().position(|(path, ..)| *path == request.path);
        at.map_or((Duration::ZERO, false), |at| {
            let (_, takes, looks_late) = self.slow.remove(at);
            (takes, looks_late)
        })
    }

    /// What happens before the next effect is carried out.
    pub(super) fn on_effect(&mut self) -> Vec<FileOperation> {
        match &mut self.between {
            Some((0, _)) => self.between.take().map(|(_, operations)| operations).unwrap_or_default(),
            Some((left, _)) => {
                *left -= 1;
                Vec::new()
            }
            None => Vec::new(),
        }
    }
}
