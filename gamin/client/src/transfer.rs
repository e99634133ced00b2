//! What came of bytes that were to be sent or received, be it by a socket or within the process.

use nix::errno::Errno;

/// What came of bytes that were to be sent or received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transfer {
    /// So many were.
    Bytes(usize),
    /// Not now.
    Blocked,
    /// Not any more.
    Lost(Errno),
}
