//! Changes that come together, as one batch.
//!
//! What is done with a batch is left to the caller. Invariants: of each path a batch has at most one change, and it leads from
//! what was true before the batch to what is true after it; a move stays one as long as nothing else is known of its paths but that what came was
//! changed; a batch ends, however long changes go on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::{Change, What};

/// Where a change stands in the order in which paths came up.
type Position = u64;

/// Gathers changes until they pause.
#[derive(Debug)]
pub struct Gather {
    pause: Duration,
    longest: Duration,
    positions: BTreeMap<PathBuf, Position>,
    changes: BTreeMap<Position, Change>,
    next_position: Position,
    /// When the first and the last of what is gathered came.
    span: Option<(Instant, Instant)>,
}

impl Gather {
    /// Makes one whose batches end when nothing has come for `pause`, and `longest` after their first change in any case.
    pub fn new(pause: Duration, longest: Duration) -> Gather {
        Gather {
            pause,
            longest,
            positions: BTreeMap::new(),
            changes: BTreeMap::new(),
            next_position: 0,
            span: None,
        }
    }

    /// Whether nothing is gathered.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The change of the path that came up first.
    pub fn first(&self) -> Option<&Change> {
        self.changes.values().next()
    }

    /// Takes a change.
    pub fn handle_change(&mut self, now: Instant, change: Change) {
        let first = self.span.map_or(now, |(first, _)| first);
        self.span = Some((first, now));
        if change.event == What::Moved {
            return self.handle_move(now, change);
        }
        if let Some((position, moved)) = self.move_of(&change.absolute) {
            let is_of_what_came = moved.absolute != change.absolute;
            if is_of_what_came && change.event == What::Changed {
                return;
            }
            self.split(position);
        }
        let position = self.positions.remove(&change.absolute);
        let before = position.and_then(|position| self.changes.remove(&position));
        let Some(event) = merged(before.as_ref().map(|before| before.event), change.event) else {
            if self.changes.is_empty() {
                self.span = None;
            }
            return;
        };
        let position = position.unwrap_or(self.next_position);
        self.next_position = self.next_position.max(position + 1);
        self.positions.insert(change.absolute.clone(), position);
        self.changes.insert(position, Change { event, ..change });
    }

    fn handle_move(&mut self, now: Instant, change: Change) {
        if change.paths().any(|path| self.positions.contains_key(path)) {
            let (gone, come) = change.halves();
            self.handle_change(now, gone);
            return come.into_iter().for_each(|come| self.handle_change(now, come));
        }
        let position = self.next_position;
        self.next_position += 1;
        self.positions.extend(change.paths().map(|path| (path.to_owned(), position)));
        self.changes.insert(position, change);
    }

    /// The move of which a path is one of two.
    fn move_of(&self, path: &Path) -> Option<(Position, &Change)> {
        let position = self.positions.get(path)?;
        let change = self.changes.get(position).filter(|change| change.event == What::Moved);
        change.map(|change| (*position, change))
    }

    /// Makes two changes of a move.
    fn split(&mut self, position: Position) {
        let Some(change) = self.changes.remove(&position) else { return };
        let (gone, come) = change.halves();
        self.changes.insert(position, gone);
        if let Some(come) = come {
            self.positions.insert(come.absolute.clone(), self.next_position);
            self.changes.insert(self.next_position, come);
            self.next_position += 1;
        }
    }

    /// When [`Gather::poll`] will give what is gathered by now.
    pub fn deadline(&self) -> Option<Instant> {
        self.span.map(|(first, last)| (last + self.pause).min(first + self.longest))
    }

    /// Gives the batch if it has ended, in the order in which its paths came up.
    pub fn poll(&mut self, now: Instant) -> Option<Vec<Change>> {
        (self.deadline()? <= now).then(|| self.take())
    }

    /// Gives what is gathered, whether or not it has ended.
    pub fn take(&mut self) -> Vec<Change> {
        self.span = None;
        self.positions.clear();
        std::mem::take(&mut self.changes).into_values().collect()
    }

    /// Gives the change that was gathered first.
    pub fn take_first(&mut self) -> Option<Change> {
        let (_, change) = self.changes.pop_first()?;
        for path in change.paths() {
            self.positions.remove(path);
        }
        if self.changes.is_empty() {
            self.span = None;
        }
        Some(change)
    }
}

/// What a change that was gathered, if any, and the next one of the same path come to.
fn merged(first: Option<What>, next: What) -> Option<What> {
    match (first, next) {
        (None, next) => Some(next),
        (Some(What::Created), What::Deleted) => None,
        (Some(What::Deleted), What::Created | What::Exists) => Some(What::Changed),
        (Some(_), What::Deleted) => Some(What::Deleted),
        (Some(first), _) => Some(first),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn change(event: What, path: &str) -> Change {
        let path = PathBuf::from(path);
        Change { event, shown: path.clone(), absolute: path, relative: PathBuf::new(), moved_to: None }
    }

    fn moved(from: &str, to: &str) -> Change {
        let Change { shown, absolute, relative, .. } = change(What::Created, to);
        let moved_to = Some(Box::new(crate::Destination { shown, absolute, relative, replaces: false }));
        Change { moved_to, ..change(What::Moved, from) }
    }

    #[test]
    fn a_move_stays_one_as_long_as_nothing_else_is_known_of_its_paths() {
        let now = Instant::now();
        let said = |changes: Vec<Change>| -> Vec<String> {
            let mut gather = Gather::new(MS, MS);
            changes.into_iter().for_each(|change| gather.handle_change(now, change));
            let to = |change: &Change| change.paths().nth(1).map(|to| format!(" -> {}", to.display()));
            let say = |change: &Change| {
                format!("{:?} {}{}", change.event, change.absolute.display(), to(change).unwrap_or_default())
            };
            gather.take().iter().map(say).collect()
        };
        let renamed = || moved("/a", "/b");
        assert_eq!(said(vec![renamed(), change(What::Changed, "/b")]), ["Moved /a -> /b"]);
        assert_eq!(said(vec![renamed(), change(What::Created, "/a")]), ["Changed /a", "Created /b"]);
        assert_eq!(said(vec![renamed(), change(What::Deleted, "/b")]), ["Deleted /a"]);
        assert_eq!(said(vec![renamed(), moved("/b", "/c")]), ["Deleted /a", "Created /c"]);
        assert_eq!(said(vec![change(What::Created, "/a"), renamed()]), ["Created /b"]);
        assert_eq!(said(vec![renamed(), moved("/b", "/a")]), ["Changed /a"]);
    }

    fn gather() -> Gather {
        Gather::new(50 * MS, 1000 * MS)
    }

    fn said(batch: Vec<Change>) -> Vec<(What, String)> {
        batch.into_iter().map(|change| (change.event, change.absolute.display().to_string())).collect()
    }

    #[test]
    fn a_batch_ends_with_a_pause_and_no_later_than_its_limit() {
        let begin = Instant::now();
        let mut gather = gather();
        assert_eq!((gather.deadline(), gather.poll(begin)), (None, None));
        for ms in (0..=960).step_by(40) {
            gather.handle_change(begin + ms * MS, change(What::Changed, "/log"));
            assert_eq!(gather.deadline(), Some(begin + (ms + 50).min(1000) * MS));
        }
        assert_eq!(gather.poll(begin + 999 * MS), None);
        let batch = gather.poll(begin + 1000 * MS).expect("it has ended");
        assert_eq!(said(batch), [(What::Changed, "/log".to_owned())]);
        assert_eq!(gather.deadline(), None);
    }

    #[test]
    fn paths_stand_in_the_order_in_which_they_came_up() {
        let (now, mut gather) = (Instant::now(), gather());
        for path in ["/b", "/a", "/b", "/c"] {
            gather.handle_change(now, change(What::Changed, path));
        }
        let first = gather.take_first().expect("there are three");
        assert_eq!(said(vec![first]), [(What::Changed, "/b".to_owned())]);
        assert_eq!(said(gather.take()), ["/a", "/c"].map(|path| (What::Changed, path.to_owned())));
    }

    #[test]
    fn what_came_and_went_is_no_change() {
        let (now, mut gather) = (Instant::now(), gather());
        gather.handle_change(now, change(What::Created, "/a"));
        gather.handle_change(now, change(What::Deleted, "/a"));
        assert_eq!((gather.is_empty(), gather.deadline()), (true, None));
    }

    proptest! {
        /// What is true of three names is changed at random; batches are taken at random.
        #[test]
        fn a_batch_leads_from_what_was_true_to_what_is(steps in prop::collection::vec((0usize..3, any::<bool>(), any::<bool>()), 0..60)) {
            let (now, mut gather) = (Instant::now(), gather());
            let (mut there, mut told) = (BTreeSet::new(), BTreeSet::new());
            let mut written = BTreeSet::new();
            let mut take = |gather: &mut Gather, there: &BTreeSet<String>, written: &mut BTreeSet<String>| {
                for (event, path) in said(gather.take()) {
                    written.remove(&path);
                    match event {
                        What::Created => assert!(told.insert(path)),
                        What::Deleted => assert!(told.remove(&path)),
                        _ => assert!(told.contains(&path)),
                    }
                }
                assert_eq!(&told, there);
                assert!(written.is_disjoint(there), "each that was written is in the batch");
                written.clear();
            };
            for (name, is_written, takes) in steps {
                let path = ["/a", "/b", "/c"][name].to_owned();
                let event = match (there.contains(&path), is_written) {
                    (true, true) => What::Changed,
                    (true, false) => What::Deleted,
                    (false, _) => What::Created,
                };
                gather.handle_change(now, change(event, &path));
                written.insert(path.clone());
                if event == What::Deleted { there.remove(&path) } else { there.insert(path) };
                if takes {
                    take(&mut gather, &there, &mut written);
                }
            }
            take(&mut gather, &there, &mut written);
        }
    }
}
