//! The judge: what a watcher can be accused of, by its account and what is on disk. The weakest claim that holds is made.
//!
//! Pure. Invariant: nothing is claimed that the watcher does not promise, or that another thing said implies.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::account::Account;
use super::entry::{Peer, Unpromised};
use super::ground::{Deeds, OnDisk};
use crate::check::{Checker, Claim, Complaint};

/// How many names a message has at most.
const NAMES_MAX: usize = 3;

/// How a name differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// It is on disk, and not in the account.
    Missing(PathBuf),
    /// It is in the account, and not on disk.
    Phantom(PathBuf),
    /// It was written to since everything had been told last, and nothing was said of it since.
    Unsaid(PathBuf),
}

impl Difference {
    fn name(&self) -> &Path {
        match self {
            Difference::Missing(name) | Difference::Phantom(name) | Difference::Unsaid(name) => name,
        }
    }
}

/// The names that differ, the first few of them, for a message.
pub fn names(differences: &[Difference]) -> String {
    let names = differences.iter().take(NAMES_MAX).map(|difference| difference.name().display().to_string());
    let names = names.collect::<Vec<_>>().join(", ");
    match differences.len().saturating_sub(NAMES_MAX) {
        0 => names,
        more => format!("{names} (and {more} more)"),
    }
}

/// Whether what was told is what is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Judgement {
    /// The differences of which nobody has to tell.
    pub excused: Vec<Difference>,
    /// The others.
    pub claimed: Vec<Difference>,
}

/// What there is to judge by.
#[derive(Debug)]
pub struct Evidence<'a> {
    /// What was told.
    pub account: &'a Account,
    /// What is there.
    pub disk: &'a BTreeMap<PathBuf, OnDisk>,
    /// What was there when everything had been told last.
    pub at_rest: &'a BTreeMap<PathBuf, OnDisk>,
    /// What was done.
    pub deeds: &'a Deeds,
    /// What is promised.
    pub peer: &'a Peer,
}

impl Evidence<'_> {
    /// Compares.
    pub fn judge(&self) -> Judgement {
        let mut judgement = Judgement::default();
        for (name, found) in self.disk {
            let Some(known) = self.account.known(name) else {
                let is_excused = self.deeds.is_carried(found.identity) && !self.was_at_rest(name, found)
                    || found.is_directory && !self.peer.promises(Unpromised::Directories);
                judgement.add(Difference::Missing(name.clone()), is_excused);
                continue;
            };
            let has_other_size = self.at_rest.get(name).is_some_and(|before| before.size != found.size);
            if has_other_size && !found.is_directory && known.rest != self.account.rest() {
                judgement.add(Difference::Unsaid(name.clone()), !self.peer.promises(Unpromised::Changes));
            }
        }
        for (name, known) in self.account.names().filter(|(name, _)| !self.disk.contains_key(*name)) {
            let is_excused = known.is_implied || !self.peer.promises(Unpromised::Absence);
            judgement.add(Difference::Phantom(name.clone()), is_excused);
        }
        judgement
    }

    /// Whether it had this name already when everything had been told, so that no move has taken it there since.
    fn was_at_rest(&self, name: &Path, found: &OnDisk) -> bool {
        self.at_rest.get(name).is_some_and(|before| before.identity == found.identity)
    }
}

impl Judgement {
    fn add(&mut self, difference: Difference, is_excused: bool) {
        if is_excused { self.excused.push(difference) } else { self.claimed.push(difference) }
    }

    /// The claim that can be made, if any. `has_overflown`: more happened than the kernel's queue holds.
    pub fn complaint(&self, has_overflown: bool) -> Option<Complaint> {
        let first = self.claimed.first()?;
        let (claim, what) = match first {
            Difference::Missing(name) => {
                (Claim::Missing, format!("{} is there, and was not told", name.display()))
            }
            Difference::Unsaid(name) => {
                (Claim::Missing, format!("{} was written to, and that was not told", name.display()))
            }
            Difference::Phantom(name) => {
                (Claim::Phantom, format!("{} was told, and is not there", name.display()))
            }
        };
        let more = match self.claimed.len() {
            1 => String::new(),
            count => format!(" (and {} more)", count - 1),
        };
        let claim = if has_overflown { Claim::GapNotSaid } else { claim };
        let because = if has_overflown {
            "more happened than the kernel's queue holds, and nothing was said of it: "
        } else {
            ""
        };
        Some(Complaint::new(Checker::Claim(claim), format!("{because}{what}{more}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::says::Saying;

    fn found(inode: u64, size: u64) -> OnDisk {
        OnDisk { identity: (inode, 0), is_directory: size == u64::MAX, size }
    }

    fn disk(names: &[(&str, u64)]) -> BTreeMap<PathBuf, OnDisk> {
        names
            .iter()
            .zip(1..)
            .map(|((name, size), inode)| (PathBuf::from(name), found(inode, *size)))
            .collect()
    }

    fn peer(promises_not: &str) -> Peer {
        Peer::parse("x", &format!("command = ['x']\npromises_not = [{promises_not}]"), Path::new(""))
            .expect("an entry")
    }

    fn judged(told: &[&str], at_rest: &[(&str, u64)], now: &[(&str, u64)], promises_not: &str) -> String {
        let mut account = Account::default();
        for name in at_rest {
            account.adopt(Path::new(name.0));
        }
        account.handle_rest();
        for name in told {
            account.handle(&Saying::Present(name.into()), true);
        }
        let (deeds, peer) = (Deeds::default(), peer(promises_not));
        let (at_rest, disk) = (disk(at_rest), disk(now));
        let evidence =
            Evidence { account: &account, disk: &disk, at_rest: &at_rest, deeds: &deeds, peer: &peer };
        let complaint = evidence.judge().complaint(false);
        complaint.map_or(String::new(), |complaint| format!("{}: {complaint}", complaint.checker))
    }

    #[test]
    fn of_many_names_a_few_are_named() {
        let differences: Vec<_> = ["a", "b", "c", "d"].map(|name| Difference::Missing(name.into())).into();
        assert_eq!(names(&differences[..2]), "a, b");
        assert_eq!(names(&differences), "a, b, c (and 1 more)");
    }

    const DIRECTORY: u64 = u64::MAX;

    #[test]
    fn what_was_not_told_is_missing() {
        let now = [("d", DIRECTORY), ("d/a", 0)];
        assert_eq!(judged(&["d"], &[], &now, ""), "missing: d/a is there, and was not told");
        assert_eq!(judged(&[], &[], &now, ""), "missing: d is there, and was not told (and 1 more)");
        assert_eq!(judged(&["d/a"], &[], &now, ""), "", "what is above is implied");
        assert_eq!(judged(&[], &[], &[("d", DIRECTORY)], "'directories'"), "");
    }

    #[test]
    fn what_is_gone_and_was_not_told_to_be_is_a_phantom() {
        assert_eq!(judged(&["a"], &[], &[], ""), "phantom: a was told, and is not there");
        assert_eq!(judged(&["a"], &[], &[], "'absence'"), "");
    }

    #[test]
    fn a_write_at_rest_has_to_be_told_once() {
        let (before, after) = ([("a", 1)], [("a", 2)]);
        assert_eq!(judged(&[], &before, &after, ""), "missing: a was written to, and that was not told");
        assert_eq!(judged(&["a"], &before, &after, ""), "");
        assert_eq!(judged(&[], &before, &after, "'changes'"), "");
    }
}
