//! Names of what the engine keeps. None is ever used again, so that what comes late is taken for nothing else.

/// Names one arming of a directory. Never used again, so that a late notice can't be taken for a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArmingId(pub u64);

/// Names a watch within the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct WatchId(pub u64);
