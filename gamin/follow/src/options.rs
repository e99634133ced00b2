//! How paths are followed. What is done about it is left to the follower and its roots.

use crate::ignoring::Ignoring;

/// How to follow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Directories with everything below them; symbolic links are not followed.
    pub recursive: bool,
    /// Of a tree, only what is on the file system of its root.
    pub one_file_system: bool,
    /// Whether a rename within what is followed is told as one change ([`What::Moved`](crate::What::Moved)), as far as
    /// [`gamin::MonitorRequest::moves`] goes.
    pub moves: bool,
    /// What to leave out.
    pub ignoring: Ignoring,
}
