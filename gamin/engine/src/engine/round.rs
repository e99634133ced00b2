//! A round: a glance at all polled watches that are due, in as few effects as there are directories, and a look at those of
//! which a glance can't say anything.

use std::collections::BTreeMap;

use gamin_protocol::Tag;

use super::Engine;
use crate::effect::Effect;
use crate::glance::{GlanceId, GlanceRequest, Sight};
use crate::known::Known;
use crate::path::{Name, TreePath};
use crate::watch::{Watch, WatchId};

/// How many names one glance is at most about, if they are of several watches: it must not keep others waiting.
const NAMES_MAX: usize = 2048;

/// Where to glance for one watch.
enum Place {
    /// At a directory and all in it.
    Listing(GlanceRequest),
    /// At an entry of this directory.
    Entry(TreePath, Name, Option<Tag>),
}

impl Engine {
    pub(super) fn go_round(&mut self, due: Vec<WatchId>) {
        let mut by_directory: BTreeMap<TreePath, (Vec<WatchId>, Vec<(Name, Option<Tag>)>)> = BTreeMap::new();
        for id in due {
            let Some(watch) = self.watches.get(&id) else { continue };
            if watch.look.is_some() || watch.is_glanced_at {
                continue;
            }
            match watch.place() {
                None => self.look(id, None),
                Some(Place::Listing(request)) => self.glance(vec![id], request),
                Some(Place::Entry(directory, name, tag)) => {
                    let (ids, names) = by_directory.entry(directory.clone()).or_default();
                    ids.push(id);
                    names.push((name, tag));
                    if ids.len() == NAMES_MAX
                        && let Some((ids, names)) = by_directory.remove(&directory)
                    {
                        self.glance(ids, GlanceRequest { directory, known: Sight::Names(names) });
                    }
                }
            }
        }
        for (directory, (ids, names)) in by_directory {
            self.glance(ids, GlanceRequest { directory, known: Sight::Names(names) });
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
        self.by_glance.insert(id, ids);
        self.effects.push_back(Effect::Glance { id, request });
    }
}

impl Watch {
    /// Where a glance shows that nothing is to be told of it; `None` if only a look does, because too little is known of it,
    /// or its path leads over a link.
    fn place(&self) -> Option<Place> {
        let real = self.real();
        match &self.known {
            Known::Nothing => None,
            Known::Directory(_) if real != self.path => None,
            Known::Directory(_) => {
                let (tag, entries) = self.known.listing()?;
                let known = Sight::Listing { tag, entries };
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
