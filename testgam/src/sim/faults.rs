//! Faults as values: what a step list can do to a simulated world besides changing its files.
//!
//! Data, and what is left of those that last a while; who runs into them asks here. When to inflict which is left to
//! whoever makes the list: a scenario, or dice. Invariant: a world in which no fault was inflicted, or each has worn
//! off, behaves as a healthy system.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;

use gamin_server::engine::{Refusal, Time, TreePath, Unlisted};

use super::client::ClientId;
use crate::action::FileOperation;

/// Something that goes wrong, or an end of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The server is woken for what the kernel notices only after this time. Whoever asks it is still answered with
    /// all that was noticed before.
    Delay(Duration),
    /// The kernel's queue takes so many events from now on; what does not fit is lost. With 0 all is lost.
    QueueMax(usize),
    /// The user may have so many kernel watches from now on.
    WatchesMax(usize),
    /// The next so many times that the server asks the kernel about a directory, or about any, it is refused.
    Refuse {
        /// The directory as a script spells it; `None` for any.
        directory: Option<PathBuf>,
        /// How often.
        times: u32,
        /// Why.
        refusal: Refusal,
    },
    /// The next scan that has nothing wrong with it has this.
    Scan(ScanFault),
    /// When the server has carried out so many effects more, this happens between that and the next.
    Between {
        /// How many.
        effects: u32,
        /// What.
        operations: Vec<FileOperation>,
    },
    /// A client's socket takes so many bytes more from the server, or (`None`) all it has room for.
    Room {
        /// Whose.
        client: ClientId,
        /// How many.
        bytes: Option<usize>,
    },
    /// Sockets hold so many bytes from now on.
    Capacity(usize),
    /// The server is killed.
    Kill,
    /// The server is started, if none runs.
    Start,
    /// The server does nothing for now.
    Stop,
    /// It goes on.
    Continue,
    /// The wall clock is set, forward or back.
    ClockJump(i64),
    /// A new, empty file system is mounted over a directory.
    Mount(PathBuf),
    /// What is mounted over a directory goes.
    Unmount(PathBuf),
    /// Somebody opens a directory, or a file for reading, and keeps it open.
    Hold(PathBuf),
    /// And closes it.
    LetGo(PathBuf),
}

/// What can be wrong with a scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScanFault {
    /// It takes so long, and looks at the beginning or at the end of that time. Other things go on meanwhile.
    Slow {
        /// How long.
        takes: Duration,
        /// Whether it looks at the end.
        looks_late: bool,
    },
    /// It fails half-way.
    Fails(Unlisted),
    /// This happens when half of a directory's names are read.
    Meanwhile(Vec<FileOperation>),
}

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
    pub(super) fn on_arm(&mut self, directory: &TreePath) -> Option<Refusal> {
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
