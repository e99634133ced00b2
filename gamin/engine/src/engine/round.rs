//! A round: a revalidation of all polled watches that are due, in as few effects as there are directories, and a rescan of those of
//! which a revalidation can't say anything.
//!
//! What it sees is left to `revalidation`. Invariants: at rest each name is looked at once, whether its directory is watched, or it
//! itself, or both; a round begins when the one before has ended; and since a revalidation tells nothing, it does no harm that a
//! watch is looked at meanwhile, or goes.

use std::collections::BTreeMap;
use std::mem::take;

use super::Engine;
use crate::effect::Effect;
use crate::id::WatchId;
use crate::known::Known;
use crate::need::{Need, Role};
use crate::path::TreePath;
use crate::policy::Method;
use crate::revalidating::{EntryWatches, Revalidating, Whom};
use crate::revalidation::{Doubts, NameKnown, RevalidationId, RevalidationRequest};
use crate::watch::Watch;

/// Where to revalidate for one watch.
enum Target {
    /// At a directory and all in it.
    Listing(RevalidationRequest),
    /// At an entry of this directory.
    Entry(TreePath, NameKnown),
}

impl Engine {
    pub(super) fn go_round(&mut self, due: impl IntoIterator<Item = WatchId>) {
        if !self.by_revalidation.is_empty() {
            return self.due.extend(due);
        }
        let mut listings = Vec::new();
        let mut entries: BTreeMap<TreePath, EntryWatches> = BTreeMap::new();
        for id in due {
            let Some(watch) = self.watches.get(&id) else { continue };
            let target = match watch.rescan() {
                // It may lead elsewhere by now, whatever was told of it before.
                Some(rescan) if rescan.overdue => None,
                Some(_) => continue,
                None => watch.revalidation_target(),
            };
            match target {
                None => self.rescan(id, None),
                Some(Target::Listing(request)) => listings.push((id, request)),
                Some(Target::Entry(directory, known)) => {
                    entries.entry(directory).or_default().push(id, known);
                }
            }
        }
        for (id, request) in listings {
            let all = entries.remove(&request.directory).unwrap_or_default();
            let (served, others) = all.partition(|known| request.serves(known));
            if !others.ids.is_empty() {
                entries.insert(request.directory.clone(), others);
            }
            self.revalidate(Revalidating { request, whom: Whom::Directory(id, served) });
        }
        for (directory, entries) in entries {
            self.revalidation_at_entries(directory, entries);
        }
    }

    /// Takes what a part of a revalidation saw: looks at what may have changed, and goes on.
    pub(super) fn end_revalidation(&mut self, id: RevalidationId, doubts: &Doubts) {
        let Some(Revalidating { request, whom }) = self.by_revalidation.remove(&id) else { return };
        match whom {
            Whom::Directory(directory, served) if !doubts.is_empty() => {
                self.rescan_if_polled(directory);
                self.revalidation_at_entries(request.directory, served);
            }
            whom => {
                if let Whom::Entries(ids) = &whom {
                    for id in doubts.0.iter().filter_map(|at| ids.get(*at)) {
                        self.rescan_if_polled(*id);
                    }
                }
                if let Some(request) = request.next() {
                    self.revalidate(Revalidating { request, whom });
                }
            }
        }
        if self.by_revalidation.is_empty() {
            let due = take(&mut self.due);
            self.go_round(due);
        }
    }

    fn rescan_if_polled(&mut self, id: WatchId) {
        if self.watches.get(&id).is_some_and(|watch| matches!(watch.method(), Method::Poll { .. })) {
            self.rescan(id, None);
        }
    }

    fn revalidation_at_entries(&mut self, directory: TreePath, EntryWatches { ids, names }: EntryWatches) {
        if !ids.is_empty() {
            let request = RevalidationRequest::at_names(directory, names);
            self.revalidate(Revalidating { request, whom: Whom::Entries(ids) });
        }
    }

    fn revalidate(&mut self, revalidating: Revalidating) {
        self.last_revalidation += 1;
        let id = RevalidationId(self.last_revalidation);
        self.effects.push_back(Effect::Revalidate { id, request: revalidating.request.clone() });
        self.by_revalidation.insert(id, revalidating);
    }
}

impl Watch {
    /// Where a revalidation shows that nothing is to be told of it; `None` if only a rescan does, because too little is known of it, or
    /// its path leads over a link.
    fn revalidation_target(&self) -> Option<Target> {
        let tag = match &self.known {
            Known::Nothing => return None,
            Known::Directory(_) => {
                let (tag, entries) = self.known.listing()?;
                let directory = Some(self.real()).filter(|real| *real == self.path)?;
                return Some(Target::Listing(RevalidationRequest::at_listing(directory, tag, entries)));
            }
            Known::File(file) => Some(file.tag?),
            Known::Absent => None,
        };
        let (directory, name) = match self.needs().last()? {
            Need { directory, role: Role::Entry(name) } => (directory.clone(), name.clone()),
            Need { directory, role: Role::Listed } => directory.split_last()?,
            Need { role: Role::Passed, .. } => return None,
        };
        let within = self.path.strip_prefix(&*directory)?;
        let within = if directory.is_root() { within } else { within.strip_prefix(b"/")? };
        let rest = within.strip_prefix(&*name)?;
        // What is missing may be missing on the way.
        let is_plain = rest.is_empty() || tag.is_none() && rest.starts_with(b"/");
        is_plain.then_some(Target::Entry(directory, (name, tag)))
    }
}
