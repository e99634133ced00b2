//! Names of what the engine keeps, of which there is much: they take half a word each.
//!
//! Invariant: an id is given again only after four thousand million others, so that what comes late is taken for nothing else.

/// Names one arming of a directory. A late notice can't be taken for one of a new arming.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArmingId(pub u32);

/// Names a watch within the engine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct WatchId(pub u32);
