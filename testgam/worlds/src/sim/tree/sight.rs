//! Writing the journal: what is to be seen of the paths that are followed, whenever something has changed.
//!
//! What became of them is kept in `journal`. Invariant: it is written at every place at which the kernel tells something, and
//! where something changes of which it does not tell.

use gamin::Kind;
use gamin_core::engine::{FileType, Name, Stamp};
use nix::errno::Errno;

use super::Tree;
use super::node::{Caller, DentryId};
use super::walk::hash_step;
use crate::sim::journal::{FileSight, FollowedPath, Journal, Sighting, State};

/// A directory with more entries than this is not followed.
const ENTRIES_MAX: usize = 64;

impl Tree {
    /// What was to be seen of the paths that are followed.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// The same, to take note of what happens outside of the tree.
    pub fn journal_mut(&mut self) -> &mut Journal {
        &mut self.journal
    }

    /// Follows a path from now on.
    pub fn follow(&mut self, subject: FollowedPath) {
        let sighting = self.sighting(&subject, self.journal.caller);
        self.journal.follow(subject, sighting);
    }

    /// Writes down what is to be seen now, if anything has changed.
    pub(super) fn write_journal(&mut self) {
        if std::mem::replace(&mut self.has_changed, false) {
            let mut journal = std::mem::take(&mut self.journal);
            let caller = journal.caller;
            journal.take(|subject| self.sighting(subject, caller));
            self.journal = journal;
        }
    }

    fn sighting(&self, subject: &FollowedPath, caller: Caller) -> Sighting {
        Sighting { hangs: self.hangs(caller, &subject.0), ..self.really(subject, caller) }
    }

    fn really(&self, subject: &FollowedPath, caller: Caller) -> Sighting {
        let (path, kind) = subject;
        let (found, way) = match self.walk(caller, path, true) {
            Ok(spot) => (spot.entry, spot.way),
            Err(Errno::EACCES) => return self.really(subject, Caller::Root).hidden(),
            Err(_) => (None, 0),
        };
        let is_directory = *kind == Kind::Directory;
        let Some(found) = found.filter(|found| !is_directory || self.is_directory(*found)) else {
            // A link to nowhere that is gone before it is looked at could have been a file.
            let is_name = !is_directory && self.look_up(caller, path, false).is_ok();
            return Sighting::of(if is_name { State::Hidden } else { State::Absent });
        };
        let mut seen = self.sight(found, way, self.stamp(found));
        // A directory that is monitored as a file changes with what is in it, of which its own directory is told nothing.
        seen.is_vague |= self.is_directory(found);
        let mut sighting = Sighting::of(State::Present(seen));
        if !is_directory {
            return sighting;
        }
        sighting.is_crowded = self.entries(found).nth(ENTRIES_MAX).is_some();
        if !sighting.is_crowded {
            let entry = |(name, entry): (&Name, DentryId)| {
                let (covered, (entry, _)) = (entry, self.over(entry));
                let mut sight = self.sight(entry, hash_step(way, entry), self.stamp(entry).of_entry());
                // What happens to what is mounted there is not told to this directory.
                sight.is_vague |= covered != entry;
                (name.clone(), State::Present(sight))
            };
            sighting.entries = self.entries(found).map(entry).collect();
        }
        if self.permits(caller, found, 0o4) && self.permits(caller, found, 0o1) {
            return sighting;
        }
        Sighting { root: sighting.root, ..sighting.hidden() }
    }

    fn sight(&self, dentry: DentryId, identity: u64, stamp: Stamp) -> FileSight {
        let inode = self.inode_of(dentry);
        let tag = Stamp { fresh: false, ..stamp }.tag().expect("because it is not fresh");
        let is_vague = (inode.was_shared || inode.was_accessed) && stamp.file_type != FileType::Directory;
        FileSight { tag, identity, told: inode.told, is_vague }
    }
}
