//! Which directories stand in those that are watched.
//!
//! When the attributes of a directory change, fanotify names it and not the one in which it stands, whoever asked. Invariants: nothing is
//! remembered before the first that is asked for; what is remembered is a guess, since the order in which a directory came and went is
//! not told, so it is looked at before it is given out.

use std::collections::{BTreeSet, HashMap};
use std::ffi::CString;

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
    /// There are more than are remembered.
    is_cut_off: bool,
}

/// Where a directory stands.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Whereabouts {
    /// In a directory that is watched, under this name.
    In(Number, Name),
    /// In none that is watched.
    Elsewhere,
    /// There are too many to know.
    Unknown,
}

impl Children {
    /// Where a directory stands, of those that are watched.
    pub fn find<'a>(
        &mut self,
        place: &[u8],
        watched: &(impl Iterator<Item = (Number, &'a TreePath)> + Clone),
    ) -> Whereabouts {
        let directory = |wanted| watched.clone().find(|(number, _)| *number == wanted).map(|(_, path)| path);
        let stands = |(number, name): &(Number, Name)| {
            let name = CString::new(&**name).ok();
            let open = directory(*number).and_then(|directory| open(directory).ok());
            let found = open.zip(name).and_then(|(open, name)| place_in(&open, &name).ok());
            found.is_some_and(|found| *found == *place)
        };
        for is_anew in [false, true] {
            if is_anew {
                self.forget_all();
            }
            for (number, directory) in watched.clone() {
                if self.listed.insert(number) {
                    self.list(number, directory);
                }
            }
            match self.known.get(place) {
                Some(guess) if stands(guess) => return Whereabouts::In(guess.0, guess.1.clone()),
                None if self.is_cut_off => return Whereabouts::Unknown,
                None => return Whereabouts::Elsewhere,
                // It has moved since.
                Some(_) => {}
            }
        }
        Whereabouts::Elsewhere
    }

    /// A directory came.
    pub fn add(&mut self, place: &[u8], number: Number, name: &[u8]) {
        if !self.listed.is_empty() {
            self.remember(place.into(), number, name);
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

    fn remember(&mut self, place: Box<[u8]>, number: Number, name: &[u8]) {
        if self.known.len() < CHILDREN_MAX || self.known.contains_key(&place) {
            self.known.insert(place, (number, Name::from(name)));
        } else {
            self.is_cut_off = true;
        }
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
            {
                self.remember(place, number, entry.file_name().to_bytes());
            }
        }
    }
}
