//! The surroundings that a server makes for itself, whatever its starter had.
//!
//! How it leaves the starter is left to `detach`. Invariants: a server depends on no directory and no mask of its starter; one that is
//! detached, and so serves others too, has none of its starter's limits, processors, or scores, as far as nobody's rights are
//! needed for that.

use std::env;
use std::fs;

use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::stat::{Mode, umask};
use nix::unistd::Pid;
use tracing::{debug, warn};

/// The most descriptors that the server asks for, of what it may have.
pub(crate) const DESCRIPTORS_MAX: u64 = 1 << 16;
/// The limits of a starter that a detached server does not keep. That of core files it keeps: what it knows is nobody's business.
const STARTERS: [Resource; 8] = [
    Resource::RLIMIT_AS,
    Resource::RLIMIT_CPU,
    Resource::RLIMIT_DATA,
    Resource::RLIMIT_FSIZE,
    Resource::RLIMIT_LOCKS,
    Resource::RLIMIT_MEMLOCK,
    Resource::RLIMIT_MSGQUEUE,
    Resource::RLIMIT_STACK,
];

/// How likely the kernel ends a process when memory runs out, beside others.
const OOM_SCORE: &str = "/proc/self/oom_score_adj";

/// Makes the surroundings of any server.
pub(crate) fn settle_in() {
    if let Err(error) = env::set_current_dir("/") {
        warn!(%error, "can't leave the working directory");
    }
    umask(Mode::from_bits_truncate(0o077));
    // Whoever looks for it finds it by this name, however the program's file is called.
    if let Err(error) = prctl::set_name(c"gam_server") {
        debug!(%error, "can't take the server's name");
    }
    if let Err(error) = raise(Resource::RLIMIT_NOFILE, DESCRIPTORS_MAX) {
        warn!(%error, "can't raise the limit of descriptors");
    }
}

/// Leaves behind what else a starter has handed down. What needs rights stays: the nice level, and limits that can't be raised.
pub(crate) fn leave_behind() {
    for resource in STARTERS {
        if let Err(error) = raise(resource, u64::MAX) {
            debug!(?resource, %error, "can't raise a limit");
        }
    }
    let mut all = CpuSet::new();
    // The kernel takes those that there are.
    let set = (0..CpuSet::count()).try_for_each(|cpu| all.set(cpu));
    if let Err(error) = set.and_then(|()| sched_setaffinity(Pid::from_raw(0), &all)) {
        debug!(%error, "can't run on all processors");
    }
    let score = fs::read_to_string(OOM_SCORE).unwrap_or_default();
    if score.trim().parse().is_ok_and(|score: i32| score > 0)
        && let Err(error) = fs::write(OOM_SCORE, "0")
    {
        debug!(%error, "can't be as likely to live on as others");
    }
}

/// Raises a limit as far as may be, but not beyond `most`.
fn raise(resource: Resource, most: u64) -> nix::Result<()> {
    let (soft, hard) = getrlimit(resource)?;
    let wanted = hard.min(most);
    if soft < wanted { setrlimit(resource, wanted, hard) } else { Ok(()) }
}
