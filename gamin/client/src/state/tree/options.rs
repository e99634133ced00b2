//! What a tree is asked for with.
//!
//! What comes of the answers is left to [`super::Tree`].

use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// What is said of a name in a tree, which is relative to its root.
type Says = Arc<dyn Fn(&Path) -> bool + Send + Sync>;

/// A tree to monitor: how deep, which names in it are told, and which directories in it are followed.
///
/// When an answer of `tells` or `follows` has become another, [`crate::Connection::revise`] asks for all of them again. They are asked
/// by the calls that receive events, while these hold the connection: they are not to call it, nor to wait.
#[derive(Clone)]
pub struct TreeOptions {
    /// How many levels below the root are told: 1 for its entries, 2 also for theirs, and so on; 0 for the root alone.
    pub levels: u32,
    /// Says of an entry, a directory too, whether it is told.
    pub tells: Says,
    /// Says of a directory whether it is followed. What is in one that is not costs no watch and is not told. The root is
    /// followed in any case.
    pub follows: Says,
}

impl Default for TreeOptions {
    /// All of it.
    fn default() -> TreeOptions {
        TreeOptions { levels: u32::MAX, tells: Arc::new(|_| true), follows: Arc::new(|_| true) }
    }
}

impl fmt::Debug for TreeOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TreeOptions").field("levels", &self.levels).finish_non_exhaustive()
    }
}
