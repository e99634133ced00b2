//! What one reading of the kernel's queue says of entries: each is looked at once, and changes of one are merged.
//!
//! Which notices there are is left to the backend. Invariant: what is looked at is looked at after all of them were read.

use gamin_engine::{ArmingId, Change, Name, Notice, Seen, TreePath};

use crate::armings::Armings;
use crate::files::{FileError, Files};
use crate::way::{Way, way};

/// Completes `notices[first..]`, which one reading gave: says what each entry looks like by now, which notice of it is the last, and
/// merges each run of changes into the last of them. `look` is told the last change of the entry.
pub(crate) fn complete(
    notices: &mut Vec<Notice>,
    first: usize,
    mut look: impl FnMut(ArmingId, &Name, Change) -> Seen,
) {
    let fresh = &mut notices[first..];
    if let [Notice::Entry { watch, name, entry }] = fresh {
        // One alone is what most readings of a quiet queue bring.
        entry.seen = look(*watch, name, entry.change);
        entry.is_last = true;
        return;
    }
    let mut by_entry: Vec<usize> =
        (0..fresh.len()).filter(|at| matches!(fresh[*at], Notice::Entry { .. })).collect();
    // Stays in the order of notices for each.
    by_entry.sort_by(|one, other| entry_of(&fresh[*one]).cmp(&entry_of(&fresh[*other])));
    let mut is_merged = vec![false; fresh.len()];
    let is_same = |one: &usize, other: &usize| entry_of(&fresh[*one]) == entry_of(&fresh[*other]);
    let ends: Vec<usize> = by_entry.chunk_by(is_same).map(<[usize]>::len).collect();
    let mut rest = &*by_entry;
    for len in ends {
        let (of_entry, behind) = rest.split_at(len);
        rest = behind;
        complete_entry(fresh, of_entry, &mut is_merged, &mut look);
    }
    let mut is_merged = is_merged.into_iter();
    let mut at = 0;
    notices.retain(|_| {
        at += 1;
        at <= first || !is_merged.next().unwrap_or_default()
    });
}

/// Completes the notices of one entry.
fn complete_entry(
    notices: &mut [Notice],
    of_entry: &[usize],
    is_merged: &mut [bool],
    look: &mut impl FnMut(ArmingId, &Name, Change) -> Seen,
) {
    let mut seen = None;
    // The last of a run, and what the run comes to.
    let mut run: Option<(usize, Change)> = None;
    for at in of_entry.iter().rev() {
        let Notice::Entry { watch, name, entry } = &mut notices[*at] else { continue };
        entry.is_last = seen.is_none();
        entry.seen = *seen.get_or_insert_with(|| look(*watch, name, entry.change));
        let merged = run.and_then(|(last, later)| Some((last, entry.change.then(later)?)));
        let change = entry.change;
        if let Some((last, both)) = merged {
            is_merged[*at] = true;
            if let Notice::Entry { entry, .. } = &mut notices[last] {
                entry.change = both;
            }
        }
        run = Some(merged.unwrap_or((*at, change)));
    }
}

/// Which entry a notice is about.
fn entry_of(notice: &Notice) -> Option<(ArmingId, &[u8])> {
    match notice {
        Notice::Entry { watch, name, .. } => Some((*watch, name)),
        _ => None,
    }
}

/// Looks at entries, those of one arming after the other.
pub(crate) struct Inspector<'a, F> {
    armings: &'a Armings,
    files: &'a mut F,
    /// The arming that was looked at last, with its directory if that can be reached.
    directory: Option<(ArmingId, Option<&'a TreePath>)>,
    path: Vec<u8>,
}

impl<'a, F: Files> Inspector<'a, F> {
    pub(crate) fn new(armings: &'a Armings, files: &'a mut F) -> Inspector<'a, F> {
        Inspector { armings, files, directory: None, path: Vec::new() }
    }

    pub(crate) fn look(&mut self, watch: ArmingId, name: &[u8]) -> Seen {
        let Some(directory) = self.directory(watch) else { return Seen::Nothing };
        self.path.clear();
        self.path.extend_from_slice(directory);
        self.path.push(b'/');
        self.path.extend_from_slice(name);
        if let Some(mount) = self.armings.mounts().first_remote(&self.path) {
            let is_it = *mount.point == *self.path;
            return if is_it { Seen::Present(mount.stamp()) } else { Seen::Nothing };
        }
        match self.files.look(&self.path) {
            Ok(status) => Seen::Present(self.files.stamp(&status, directory)),
            Err(FileError::Absent | FileError::NoDirectory) => Seen::Absent,
            Err(FileError::Endless | FileError::Denied | FileError::Failed) => Seen::Nothing,
        }
    }

    /// The directory of an arming. One that is gone by now supersedes all that it told.
    fn directory(&mut self, watch: ArmingId) -> Option<&'a TreePath> {
        if let Some((_, directory)) = self.directory.filter(|(of, _)| *of == watch) {
            return directory;
        }
        let directory = self.armings.directory(watch);
        let near = directory.filter(|path| way(self.files, self.armings.mounts(), path) == Way::Near);
        self.directory = Some((watch, near));
        near
    }
}

#[cfg(test)]
mod tests {
    use gamin_engine::{EntryNotice, FileType, Stamp};

    use super::*;

    fn entry(name: &str, change: Change) -> Notice {
        let entry = EntryNotice { change, seen: Seen::Nothing, is_last: false, cookie: None };
        Notice::Entry { watch: ArmingId(1), name: Name::from(name.as_bytes()), entry }
    }

    /// What becomes of these, read together after one that was read before; and how often was looked.
    fn completed(changes: &[(&str, Change)]) -> (Vec<(String, Change, bool)>, usize) {
        let before = entry("a", Change::Modified);
        let mut notices = vec![before.clone()];
        notices.extend(changes.iter().map(|(name, change)| entry(name, *change)));
        let mut looks = 0;
        complete(&mut notices, 1, |_, _, _| {
            looks += 1;
            Seen::Present(Stamp::void(FileType::Other))
        });
        assert_eq!(notices.remove(0), before);
        let said = |notice: Notice| match notice {
            Notice::Entry { name, entry, .. } => {
                assert!(matches!(entry.seen, Seen::Present(_)));
                (String::from_utf8_lossy(&name).into_owned(), entry.change, entry.is_last)
            }
            other => panic!("{other:?}"),
        };
        (notices.into_iter().map(said).collect(), looks)
    }

    #[test]
    fn changes_of_one_entry_become_one_where_the_last_was_and_it_is_looked_at_once() {
        use Change::{Closed, Created, Modified, Written};
        let rewrite = [("a", Modified), ("a", Modified), ("b", Created), ("b", Closed), ("a", Closed)];
        let expected = [("b", Created, false), ("b", Closed, true), ("a", Written, true)];
        let expected = expected.map(|(name, change, is_last)| (name.to_owned(), change, is_last));
        assert_eq!(completed(&rewrite), (expected.to_vec(), 2));
    }

    #[test]
    fn a_change_is_not_merged_over_a_removal() {
        use Change::{Created, Deleted, Modified};
        let steps = [("a", Modified), ("a", Deleted), ("a", Created), ("a", Modified)];
        assert_eq!(completed(&steps).0.len(), 4);
    }
}
