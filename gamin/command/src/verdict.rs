//! What a command came to: the statuses that all commands share.
//!
//! What else a status says is left to the command whose it is.

/// What a command came to.
pub enum Verdict {
    /// It did what it was asked for, and all is well.
    Well,
    /// It did what it was asked for, and found that not all is well.
    NotWell,
    /// It ended with a status that says more.
    Status(u8),
}
