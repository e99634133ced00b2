//! What the engine asks its host to do.

use crate::arming::Level;
use crate::id::ArmingId;
use crate::path::TreePath;
use crate::revalidation::{RevalidationId, RevalidationRequest};
use crate::scan::{ScanId, ScanRequest};

/// Something for the host to do. Its effects are to be carried out in the order in which they were given.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Ask the kernel about a directory, or ask it more or less under the same id; answered by
    /// `handle_armed`. The path's symbolic links, also the last, are not to be followed.
    Arm {
        /// Names the arming in notices.
        id: ArmingId,
        /// The directory.
        directory: TreePath,
        /// How much to tell.
        level: Level,
    },
    /// Give an arming back. There is no answer.
    Disarm {
        /// The arming.
        id: ArmingId,
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
    /// See whether something is as it was; answered by `handle_revalidated`.
    Revalidate {
        /// Names the revalidation in its answer.
        id: RevalidationId,
        /// What to revalidate.
        request: RevalidationRequest,
    },
}
