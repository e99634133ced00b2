//! What the engine asks its host to do.

use crate::glance::{GlanceId, GlanceRequest};
use crate::path::TreePath;
use crate::scan::{ScanId, ScanRequest};

/// Names one arming of a directory. Never used again, so that a late notice can't be taken for a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KernelWatchId(pub u64);

/// How much the kernel is asked to tell about a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Only that the directory itself moved or went. Not its attributes: to tell these the kernel would tell those of
    /// its entries too, and mark each that it has in its cache, which takes long for a directory like `/tmp`.
    Itself,
    /// That, and that directories in it were removed: while anyone holds a removed directory open, the kernel tells
    /// nothing else of it.
    Removals,
    /// That, its attributes, and what happens to its entries.
    Entries,
}

/// Something for the host to do. Its effects are to be carried out in the order in which they were given.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Ask the kernel about a directory, or ask it more or less under the same id; answered by
    /// `handle_armed`. The path's symbolic links, also the last, are not to be followed.
    Arm {
        /// Names the arming in notices.
        id: KernelWatchId,
        /// The directory.
        directory: TreePath,
        /// How much to tell.
        level: Level,
    },
    /// Give an arming back. There is no answer.
    Disarm {
        /// The arming.
        id: KernelWatchId,
    },
    /// Look at a path; answered by `handle_scan`.
    Scan {
        /// Names the scan in its answer.
        id: ScanId,
        /// What to look at.
        request: ScanRequest,
    },
    /// Nobody waits for a scan any more: it need not be begun, nor answered. There is no answer to this either, and it
    /// comes too late for a scan that has been answered.
    Forget {
        /// The scan.
        id: ScanId,
    },
    /// See whether something is as it was; answered by `handle_glance`.
    Glance {
        /// Names the glance in its answer.
        id: GlanceId,
        /// What to glance at.
        request: GlanceRequest,
    },
}

/// Why the kernel is not asked about a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There is no directory at that path.
    Missing,
    /// The user's limit of kernel watches is reached.
    Limit,
    /// Permission denied.
    Denied,
    /// It was not even asked: the directory is on a remote mount, of which the kernel would not tell everything.
    Remote,
    /// Anything else, such as memory running out.
    Failed,
}
