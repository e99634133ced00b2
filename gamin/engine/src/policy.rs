//! By which method a path is watched, and who decides about that.
//!
//! The rules are the host's; the engine asks, and carries over what it watches when they change.

use std::fmt::Debug;
use std::time::Duration;

use gamin_protocol::Fact;

use crate::arming::Refusal;
use crate::path::TreePath;

/// What to rely on for a path.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Method {
    /// On the kernel's notices, and on looking again and again only where it refuses.
    #[default]
    Kernel,
    /// Only on looking again and again.
    Poll {
        /// How long to wait between two rescans.
        interval: Duration,
    },
    /// On nothing: the listing is told, and no change.
    None,
}

/// Decides about methods. The answer stays the same until another policy takes its place.
pub trait Policy: Debug + Send + Sync {
    /// The method for a path as clients spell it, which leads, or would lead, to `real`.
    fn method(&self, path: &TreePath, real: &TreePath) -> Method;

    /// Why a path is polled, if it is only because nothing can be asked of the kernel for now.
    fn makeshift(&self, _path: &TreePath, _real: &TreePath) -> Option<Refusal> {
        None
    }

    /// The method in words, and why, for people.
    fn explain(&self, path: &TreePath, real: &TreePath) -> String {
        format!("{:?}", self.method(path, real))
    }

    /// On what it decides, for people, the strongest first, but for the first so many.
    fn facts(&self, _skipped: usize) -> Box<dyn Iterator<Item = Fact> + '_> {
        Box::new(std::iter::empty())
    }
}

/// One method for everything.
impl Policy for Method {
    fn method(&self, _path: &TreePath, _real: &TreePath) -> Method {
        *self
    }
}
