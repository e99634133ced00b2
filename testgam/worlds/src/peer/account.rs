//! The account: what is there, as far as a watcher's lines say.
//!
//! Pure: who looks at the disk is left to `watching`. Invariant: of what is told below a name, that name is there; of what is gone, nothing
//! below it is there.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::ground::OnDisk;
use super::says::Saying;

/// What a saying made of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It was not there, and is.
    Came,
    /// It is there, and something was said of it.
    Changed,
    /// It was there, and is not.
    Went,
}

/// What was said of a name that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// When that was said last: the number of the rest that came before.
    pub rest: u64,
    /// Whether it was said only of what is below.
    pub is_implied: bool,
}

/// What is there, as far as was said. Paths are relative.
#[derive(Debug, Default)]
pub struct Account {
    names: BTreeMap<PathBuf, Known>,
    /// How often everything had been told, and nothing came for a while.
    rest: u64,
    /// Whether it was said that some was lost, so that all is to be looked at.
    is_gapped: bool,
}

impl Account {
    /// What is known of a name that is there.
    pub fn known(&self, name: &Path) -> Option<Known> {
        self.names.get(name).copied()
    }

    /// The names that are there.
    pub fn names(&self) -> impl Iterator<Item = (&PathBuf, Known)> {
        self.names.iter().map(|(name, known)| (name, *known))
    }

    /// The number of the last rest.
    pub fn rest(&self) -> u64 {
        self.rest
    }

    /// Everything has been told.
    pub fn handle_rest(&mut self) {
        self.rest += 1;
    }

    /// Whether it was said that some was lost, since this was asked last.
    pub fn take_gap(&mut self) -> bool {
        std::mem::take(&mut self.is_gapped)
    }

    /// Takes what was said; `is_there` is what was to be seen of its path then. Gives what it made of which names.
    pub fn handle(&mut self, saying: &Saying, is_there: bool) -> Vec<(PathBuf, Turn)> {
        match saying {
            Saying::Present(path) => self.comes(path),
            Saying::Absent(path) => self.goes(path),
            Saying::Look(path) if is_there => self.comes(path),
            Saying::Look(path) => self.goes(path),
            Saying::Move(from, to) => self.moves(from, to),
            Saying::Gap => {
                self.is_gapped = true;
                Vec::new()
            }
            Saying::Poke => Vec::new(),
        }
    }

    /// Takes over a name that is there, whatever was said of it.
    pub fn adopt(&mut self, name: &Path) -> Vec<(PathBuf, Turn)> {
        self.comes(name)
    }

    /// Gives up a name that is not there, whatever was said of it.
    pub fn give_up(&mut self, name: &Path) -> Vec<(PathBuf, Turn)> {
        self.goes(name)
    }

    /// Takes what was seen on disk as told.
    pub fn take_over(&mut self, disk: &BTreeMap<PathBuf, OnDisk>) -> Vec<(PathBuf, Turn)> {
        let is_gone = |name: &&PathBuf| !disk.contains_key(*name);
        let gone: Vec<_> = self.names.keys().filter(is_gone).cloned().collect();
        let went = gone.iter().flat_map(|name| self.goes(name)).collect::<Vec<_>>();
        went.into_iter().chain(disk.keys().flat_map(|name| self.comes(name))).collect()
    }

    fn comes(&mut self, path: &Path) -> Vec<(PathBuf, Turn)> {
        let mut turns = Vec::new();
        let mut above: Vec<&Path> =
            path.ancestors().skip(1).filter(|above| *above != OsStr::new("")).collect();
        above.reverse();
        for above in above {
            if !self.names.contains_key(above) {
                self.names.insert(above.to_owned(), Known { rest: self.rest, is_implied: true });
                turns.push((above.to_owned(), Turn::Came));
            }
        }
        let before = self.names.insert(path.to_owned(), Known { rest: self.rest, is_implied: false });
        turns.push((path.to_owned(), if before.is_some() { Turn::Changed } else { Turn::Came }));
        turns
    }

    fn goes(&mut self, path: &Path) -> Vec<(PathBuf, Turn)> {
        self.take_below(path).into_keys().rev().map(|name| (name, Turn::Went)).collect()
    }

    fn moves(&mut self, from: &Path, to: &Path) -> Vec<(PathBuf, Turn)> {
        let moved = self.take_below(from);
        let went = moved.keys().rev().map(|name| (name.clone(), Turn::Went)).collect::<Vec<_>>();
        let went = [went, self.goes(to)].concat();
        let came = self.comes(to);
        // What is below keeps its names below.
        let below = moved
            .keys()
            .filter_map(|name| name.strip_prefix(from).ok())
            .filter(|rest| *rest != OsStr::new(""));
        let below: Vec<_> = below.flat_map(|rest| self.comes(&to.join(rest))).collect();
        [went, came, below].concat()
    }

    fn take_below(&mut self, path: &Path) -> BTreeMap<PathBuf, Known> {
        let below: Vec<_> = self
            .names
            .range(path.to_owned()..)
            .take_while(|(name, _)| name.starts_with(path))
            .map(|(name, known)| (name.clone(), *known))
            .collect();
        for (name, _) in &below {
            self.names.remove(name);
        }
        below.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(account: &Account) -> Vec<&str> {
        account.names().map(|(name, _)| name.to_str().expect("text")).collect()
    }

    fn present(path: &str) -> Saying {
        Saying::Present(path.into())
    }

    #[test]
    fn what_is_above_is_there_and_what_is_below_goes_too() {
        let mut account = Account::default();
        assert_eq!(
            account.handle(&present("d/a"), true),
            [("d".into(), Turn::Came), ("d/a".into(), Turn::Came)]
        );
        account.handle(&present("d.x"), true);
        assert!(account.known(Path::new("d")).is_some_and(|known| known.is_implied));
        let went = account.handle(&Saying::Absent("d".into()), false);
        assert_eq!(went, [("d/a".into(), Turn::Went), ("d".into(), Turn::Went)]);
        assert_eq!(names(&account), ["d.x"]);
    }

    #[test]
    fn a_move_takes_along_what_is_below() {
        let mut account = Account::default();
        for path in ["d", "d/a", "e", "e/x"] {
            account.handle(&present(path), true);
        }
        account.handle(&Saying::Move("d".into(), "e".into()), true);
        assert_eq!(names(&account), ["e", "e/a"]);
    }

    #[test]
    fn who_looks_knows() {
        let mut account = Account::default();
        account.handle(&Saying::Look("a".into()), true);
        assert_eq!(account.handle(&Saying::Look("a".into()), true), [("a".into(), Turn::Changed)]);
        assert_eq!(account.handle(&Saying::Look("a".into()), false), [("a".into(), Turn::Went)]);
        assert_eq!(account.handle(&Saying::Look("a".into()), false), []);
    }

    #[test]
    fn who_sees_everything_knows_what_came_and_what_went() {
        let mut account = Account::default();
        account.handle(&present("d/a"), true);
        let seen = OnDisk { identity: (1, 0), is_directory: false, size: 0 };
        let turns = account.take_over(&BTreeMap::from([("b".into(), seen), ("d".into(), seen)]));
        let [a, b, d] = ["d/a", "b", "d"].map(PathBuf::from);
        assert_eq!(turns, [(a, Turn::Went), (b, Turn::Came), (d, Turn::Changed)]);
    }

    #[test]
    fn a_gap_is_taken_once() {
        let mut account = Account::default();
        account.handle(&Saying::Gap, false);
        assert_eq!((account.take_gap(), account.take_gap()), (true, false));
    }
}
