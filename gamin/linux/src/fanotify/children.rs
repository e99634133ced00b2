//! Which directories stand in those that are watched.
//!
//! When the attributes of a directory change, fanotify names it and not the one in which it stands, whoever asked. Invariant: nothing is
//! remembered before the first that is asked for; from then on, what was there when its parent was listed, and what came since.

use std::collections::{BTreeSet, HashMap};

use gamin_backend::Number;
use gamin_engine::{Name, TreePath};
use rustix::fs::{FileType, RawDir};

use super::place::{open, place_in};

/// How many are remembered.
const CHILDREN_MAX: usize = 1 << 16;
/// How many bytes of a directory are read at once.
const NAMES_BYTES: usize = 32 * 1024;

/// Directories by what names them, and where each stands.
#[derive(Debug, Default)]
pub(super) struct Children {
    known: HashMap<Box<[u8]>, (Number, Name)>,
    /// The watches whose directories were listed.
    listed: BTreeSet<Number>,
}

impl Children {
    /// Where a directory stands, in one of those that are watched.
    pub fn find<'a>(
        &mut self,
        place: &[u8],
        watched: impl Iterator<Item = (Number, &'a TreePath)>,
    ) -> Option<(Number, Name)> {
        for (number, directory) in watched {
            if self.listed.insert(number) {
                self.list(number, directory);
            }
        }
        self.known.get(place).cloned()
    }

    /// A directory came.
    pub fn add(&mut self, place: &[u8], number: Number, name: &[u8]) {
        if self.listed.is_empty() {
            return;
        }
        if self.known.len() >= CHILDREN_MAX {
            self.forget_all();
        } else {
            self.known.insert(place.into(), (number, Name::from(name)));
        }
    }

    /// A watch has ended.
    pub fn forget(&mut self, number: Number) {
        if self.listed.remove(&number) {
            self.known.retain(|_, (parent, _)| *parent != number);
        }
    }

    /// What came may not have been told.
    pub fn forget_all(&mut self) {
        *self = Children::default();
    }

    /// Remembers what stands in a directory. What can't be read is told of by others, or by nobody.
    fn list(&mut self, number: Number, directory: &TreePath) {
        let Ok(open) = open(directory) else { return };
        let mut buffer = Vec::with_capacity(NAMES_BYTES);
        let mut entries = RawDir::new(&open, buffer.spare_capacity_mut());
        while let Some(Ok(entry)) = entries.next() {
            let is_other = entry.file_name() != c"." && entry.file_name() != c"..";
            if is_other
                && matches!(entry.file_type(), FileType::Directory | FileType::Unknown)
                && let Ok(place) = place_in(&open, entry.file_name())
                && self.known.len() < CHILDREN_MAX
            {
                self.known.insert(place, (number, Name::from(entry.file_name().to_bytes())));
            }
        }
    }
}
