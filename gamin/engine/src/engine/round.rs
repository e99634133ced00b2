//! A round: a glance at all polled watches that are due, in as few effects as there are directories, and a look at those of
//! which a glance can't say anything.

use std::collections::BTreeMap;

use gamin_protocol::Tag;

use super::Engine;
use crate::effect::Effect;
use crate::glance::{Doubts, GlanceId, GlanceRequest, NAMES_MAX, Sight};
use crate::known::Known;
use crate::path::{Name, TreePath};
use crate::watch::{Watch, WatchId};

/// Whom a glance under way is about.
#[derive(Debug)]
pub(super) struct Glanced {
    ids: Vec<WatchId>,
    /// With which entry to go on if nothing is in doubt.
    rest: Option<usize>,
}

/// Where to glance for one watch.
enum Place {
    /// At a directory and all in it.
    Listing(GlanceRequest),
    /// At an entry of this directory.
    Entry(TreePath, Name, Option<Tag>),
}

/// Entries of one directory at which to glance together, for one watch each.
#[derive(Default)]
struct Together {
    ids: Vec<WatchId>,
    names: Vec<(Name, Option<Tag>)>,
}

impl Engine {
    pub(super) fn go_round(&mut self, due: Vec<WatchId>) {
        let mut by_directory: BTreeMap<TreePath, Together> = BTreeMap::new();
        for id in due {
            let Some(watch) = self.watches.get(&id) else { continue };
            if watch.look.is_some() || watch.is_glanced_at {
                continue;
            }
            match watch.place(0) {
                None => self.look(id, None),
                Some(Place::Listing(request)) => self.glance(vec![id], request),
                Some(Place::Entry(directory, name, tag)) => {
                    let together = by_directory.entry(directory.clone()).or_default();
                    together.ids.push(id);
                    together.names.push((name, tag));
                    if together.ids.len() == NAMES_MAX
                        && let Some(Together { ids, names }) = by_directory.remove(&directory)
                    {
                        self.glance(ids, GlanceRequest { directory, known: Sight::Names(names) });
                    }
                }
            }
        }
        for (directory, Together { ids, names }) in by_directory {
            self.glance(ids, GlanceRequest { directory, known: Sight::Names(names) });
        }
    }

    /// Looks at what may have changed. Who was looked at since the glance began needs no word of it.
    pub(super) fn end_glance(&mut self, id: GlanceId, doubts: &Doubts) {
        let Some(Glanced { ids, rest }) = self.by_glance.remove(&id) else { return };
        let mut doubted = doubts.0.iter().copied().peekable();
        for (at, id) in ids.into_iter().enumerate() {
            let is_doubted = doubted.next_if_eq(&at).is_some();
            let Some(watch) = self.watches.get_mut(&id) else { continue };
            if !std::mem::take(&mut watch.is_glanced_at) {
                continue;
            }
            if is_doubted {
                self.look(id, None);
            } else if let Some(Place::Listing(request)) = rest.and_then(|rest| watch.place(rest)) {
                self.glance(vec![id], request);
            }
        }
    }

    fn glance(&mut self, ids: Vec<WatchId>, request: GlanceRequest) {
        for id in &ids {
            if let Some(watch) = self.watches.get_mut(id) {
                watch.is_glanced_at = true;
            }
        }
        self.last_glance += 1;
        let id = GlanceId(self.last_glance);
        self.by_glance.insert(id, Glanced { ids, rest: request.rest() });
        self.effects.push_back(Effect::Glance { id, request });
    }
}

impl Watch {
    /// Where a glance shows that nothing is to be told of it, in a directory beginning with an entry; `None` if only a look
    /// does, because too little is known of it, or its path leads over a link.
    fn place(&self, begin: usize) -> Option<Place> {
        let real = self.real();
        match &self.known {
            Known::Nothing => None,
            Known::Directory(_) if real != self.path => None,
            Known::Directory(_) => {
                let (tag, entries) = self.known.listing()?;
                let known = Sight::Listing { tag, entries, begin };
                Some(Place::Listing(GlanceRequest { directory: real, known }))
            }
            Known::File(file) if real == self.path => {
                let (directory, name) = real.split_last()?;
                Some(Place::Entry(directory, name, Some(file.tag?)))
            }
            Known::File(_) => None,
            Known::Absent => {
                let is_on_the_way = real == self.path || self.path.starts_with(&real.join(b""));
                let (directory, name) = real.split_last().filter(|_| is_on_the_way)?;
                Some(Place::Entry(directory, name, None))
            }
        }
    }
}
