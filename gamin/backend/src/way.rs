//! Whether a directory can be reached without asking a remote mount.
//!
//! What is remote is left to `mounts`. A path whose spelling leads to none may do so all the same, if a link is on it: since
//! nobody knew better, or since just now. Invariant: nothing is asked but names that lie on no remote mount.

use gamin_engine::FileType;

use crate::files::Files;
use crate::mounts::{Mounts, prefixes};

/// Where the way to a directory leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// To where its spelling says, or to nothing.
    Near,
    /// Over a remote mount.
    Remote,
    /// Over a link, and nobody knows where it leads.
    Linked,
}

/// Finds out where the way to a directory leads. Where nothing is remote, that costs nothing, and every way is near.
pub(crate) fn way(files: &mut impl Files, mounts: &Mounts, directory: &[u8]) -> Way {
    if mounts.first_remote(directory).is_some() {
        return Way::Remote;
    }
    if mounts.has_remote() && is_linked(files, directory) { Way::Linked } else { Way::Near }
}

/// Whether a link is on the way to a directory, or at its place.
fn is_linked<F: Files>(files: &mut F, directory: &[u8]) -> bool {
    let mut file_types =
        prefixes(directory).map_while(|path| files.look(path).ok()).map(|seen| F::file_type(&seen));
    file_types.any(|file_type| file_type == FileType::Link)
}
