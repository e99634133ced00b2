//! The entries of a directory, to be told one after the other when there is room for them.
//!
//! Where they are told is left to whoever takes them. Invariant: it shows what was known when it was made, whatever happens since; what has
//! not changed by then takes no room of its own.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use gamin_protocol::Tag;

use crate::entry_table::{Cursor, EntryTable};
use crate::file::File;
use crate::path::Name;

/// What is still to be told of the entries of a directory: that each of them is there.
#[derive(Clone)]
pub struct Listing {
    entries: Arc<EntryTable>,
    next: Cursor,
    left: usize,
    /// Those that were told before, and which of them are still to be met.
    told: Option<(Arc<EntryTable>, Cursor)>,
}

impl Listing {
    pub(crate) fn new(entries: Arc<EntryTable>) -> Listing {
        let left = entries.len();
        Listing { entries, next: Cursor::default(), left, told: None }
    }

    /// What is in `entries`, without those that were told before.
    pub(crate) fn rest(entries: Arc<EntryTable>, told: Arc<EntryTable>) -> Listing {
        let left = entries.len() - told.iter().filter(|(name, _)| entries.get(name).is_some()).count();
        Listing { entries, next: Cursor::default(), left, told: Some((told, Cursor::default())) }
    }

    /// How many entries are left.
    pub fn len(&self) -> usize {
        self.left
    }

    /// Whether none is left.
    pub fn is_empty(&self) -> bool {
        self.left == 0
    }

    /// The next entry in the order of their names, with its state as far as that is known.
    pub fn take_next(&mut self) -> Option<(&[u8], Option<Tag>)> {
        let (name, file) = loop {
            let (name, file) = self.entries.next(&mut self.next)?;
            if !self.told.as_mut().is_some_and(|(told, at)| was_told(told, at, name)) {
                break (name, file);
            }
        };
        self.left -= 1;
        Some((name, file.tag))
    }
}

/// Whether a name is among those from this place on, which ends up behind all up to that name.
fn was_told(told: &EntryTable, at: &mut Cursor, name: &[u8]) -> bool {
    loop {
        let mut behind = *at;
        match told.next(&mut behind).map(|(other, _)| other.cmp(name)) {
            None | Some(Ordering::Greater) => return false,
            Some(Ordering::Less) => *at = behind,
            Some(Ordering::Equal) => {
                *at = behind;
                return true;
            }
        }
    }
}

impl FromIterator<(Name, Option<Tag>)> for Listing {
    fn from_iter<I: IntoIterator<Item = (Name, Option<Tag>)>>(all: I) -> Listing {
        let mut entries = EntryTable::default();
        for (name, tag) in all {
            entries.update(&name, |file| *file = Some(File { tag, ..File::of_scan(None) }));
        }
        Listing::new(Arc::new(entries))
    }
}

impl PartialEq for Listing {
    fn eq(&self, other: &Listing) -> bool {
        let (mut one, mut other) = (self.clone(), other.clone());
        loop {
            match (one.take_next(), other.take_next()) {
                (None, None) => return true,
                (entry, same) if entry != same => return false,
                _ => {}
            }
        }
    }
}

impl Eq for Listing {}

impl fmt::Debug for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a listing of {}", self.left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(names: impl IntoIterator<Item = usize>) -> Arc<EntryTable> {
        let mut entries = EntryTable::default();
        for name in names {
            entries.push(format!("{name:04}").as_bytes(), File::of_name());
        }
        Arc::new(entries)
    }

    #[test]
    fn the_rest_is_what_was_not_told() {
        for step in [1, 2, 3, 70] {
            // Of what was told, the last are there no longer.
            let mut rest = Listing::rest(table((0..300).step_by(2)), table((0..400).step_by(step)));
            let left: Vec<usize> = (0..300).step_by(2).filter(|name| name % step != 0).collect();
            for (at, name) in left.iter().enumerate() {
                assert_eq!(rest.len(), left.len() - at);
                assert_eq!(rest.take_next(), Some((format!("{name:04}").as_bytes(), None)));
            }
            assert_eq!((rest.len(), rest.take_next()), (0, None));
        }
    }

    #[test]
    fn it_shows_what_was_known_when_it_was_made() {
        for count in [0, 1, 64, 65, 1000] {
            let name = |number: usize| format!("{number:04}").into_bytes();
            let mut entries = EntryTable::default();
            (0..count).for_each(|number| entries.push(&name(number), File::of_name()));
            let mut entries = Arc::new(entries);
            let mut listing = Listing::new(Arc::clone(&entries));
            Arc::make_mut(&mut entries).update(&name(0), |file| *file = None);
            for number in 0..count {
                assert_eq!(listing.len(), count - number);
                assert_eq!(listing.take_next(), Some((&*name(number), None)));
            }
            assert_eq!(listing.take_next(), None);
            assert!(listing.is_empty());
        }
    }
}
