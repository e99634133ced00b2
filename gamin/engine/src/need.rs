//! Why the kernel is to be asked about a directory, for one watch.
//!
//! Whether it is asked, and what it says, is left to `kernel_watch`. Invariant: no role asks for less than those before it.

use crate::arming::Level;
use crate::path::{Name, TreePath};

/// Why a watch needs the kernel to be asked about a directory. None asks for less than those before it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// The watch's path leads through it: it must stay.
    Passed,
    /// This entry of it is a link, the end, or the first missing part of the watch's path.
    Entry(Name),
    /// It is what the watch's path leads to: all its entries matter.
    Listed,
}

impl Role {
    pub(crate) fn level(&self) -> Level {
        match self {
            Role::Passed => Level::Itself,
            Role::Entry(_) | Role::Listed => Level::Entries,
        }
    }
}

/// One reason for asking about a directory, and for that about those above it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Need {
    pub directory: TreePath,
    pub role: Role,
}

impl Need {
    /// Whether another leads there too.
    pub(crate) fn is_implied_by(&self, other: &Need) -> bool {
        let is_here = self.directory == other.directory && other.role != Role::Passed;
        self.role == Role::Passed
            && (is_here || other.directory.above().any(|above| above == &*self.directory))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_role_asks_for_less_than_those_before_it() {
        let roles = [Role::Passed, Role::Entry(Name::from(b"a".as_slice())), Role::Listed];
        assert!(roles.is_sorted());
        assert!(roles.iter().map(Role::level).is_sorted());
    }
}
