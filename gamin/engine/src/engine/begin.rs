//! A long listing begins before it is known how it ends: the first entries of a large directory are told while the others are read.
//!
//! The scan itself is left to `rescan`. Invariants: it begins only where the kernel has been asked to tell what becomes of those
//! entries; who was told the beginning is told the other entries and the end, or, if that directory is gone or can't be read after all, the end
//! alone; and what became of the first ones meanwhile comes behind the end.

use std::collections::BTreeSet;
use std::sync::Arc;

use gamin_protocol::{Code, Coverage, Kind};

use super::{Engine, event};
use crate::begun::{Begun, Doubts};
use crate::event::SubscriptionId;
use crate::id::WatchId;
use crate::kernel_watch::Standing;
use crate::known::{Known, Telling};
use crate::listing::Listing;
use crate::output::Output;
use crate::path::Name;
use crate::scan::{Detail, Found, Scan, ScanId};
use crate::watch::{Reliance, Waiting};

impl Engine {
    /// Takes the beginning of the answer to an [`Effect::Scan`](crate::Effect::Scan): a large directory, of whose entries only the first are
    /// known. The answer itself is still to come.
    pub fn handle_begun(&mut self, scan_id: ScanId, scan: Scan) {
        let Some(id) = self.by_scan.get(&scan_id).copied() else { return };
        if !self.may_begin(id, &scan) {
            return;
        }
        let Found::Directory { stamp, entries, .. } = scan.found else { return };
        let Some(watch) = self.watches.get_mut(&id) else { return };
        let mut known = Known::Nothing;
        known.learn_directory(stamp, entries, false, &BTreeSet::new(), &mut Vec::new());
        let told: Vec<SubscriptionId> = watch.subscribers.waiting().collect();
        for subscription in &told {
            let (root, entries) = known.list();
            self.outputs.push_back(event(*subscription, root));
            let listing = entries.map(|entries| Output::Listing(*subscription, Listing::new(entries)));
            self.outputs.extend(listing);
        }
        if let Some(rescan) = watch.rescan_mut() {
            rescan.begun = Some(Box::new(Begun::new(known, told)));
        }
    }

    /// Whether nothing is known yet, and from the moment of this scan on everything is noticed.
    fn may_begin(&self, id: WatchId, scan: &Scan) -> bool {
        let Some((watch, rescan)) = self.watches.get(&id).and_then(|watch| Some((watch, watch.rescan()?)))
        else {
            return false;
        };
        let is_first = matches!(watch.known, Known::Nothing) && rescan.begun.is_none();
        let is_quiet = !rescan.again && !rescan.doubted && !rescan.overdue && rescan.waiting.is_empty();
        let is_plain = watch.kind == Kind::Directory && rescan.detail == Detail::Names;
        let needs = watch.needs();
        let is_noticed = watch.asks_kernel()
            && !watch.coverage.is_gap()
            && watch.needs_of(scan) == needs
            && needs.iter().all(|need| {
                self.kernel.standings(need).all(|standing| standing == Standing::Armed)
                    && !self.kernel.is_armed_since(need, rescan.asked)
            });
        is_first && is_quiet && is_plain && is_noticed
    }

    /// Tells those who were told the beginning the rest of what is known by now, and what became of the beginning, as far as that is not left to
    /// the notices that wait.
    pub(super) fn go_on(&mut self, id: WatchId, mut begun: Begun, waiting: &[(usize, Waiting)]) {
        let Some(watch) = self.watches.get_mut(&id) else { return };
        if !watch.asks_kernel() || watch.reliance == Reliance::None {
            begun.doubts = Doubts::All;
        }
        let waits: BTreeSet<Name> =
            waiting.iter().filter_map(|(_, notice)| notice.entry_at_stake()).cloned().collect();
        let (first, entries) = (begun.known.entries(), watch.known.entries());
        let mut later = Vec::new();
        for (name, before) in first.iter() {
            match entries.get(name) {
                None => later.push(Telling::entry(Code::Deleted, name, None)),
                // It was told as it is.
                Some(file) if file.tag.is_some() && file.tag == before.tag => {}
                Some(file) if begun.doubts.contain(name) => {
                    later.push(Telling::entry(Code::Changed, name, file.tag));
                }
                // The scan may have seen already what a notice is about, but who was told the beginning has not.
                Some(_) => {
                    if let Some(name) = waits.get(name) {
                        watch.known.forget_stamp(name);
                    }
                }
            }
        }
        for subscription in begun.told {
            if watch.subscribers.list_one(subscription) {
                let rest = Listing::rest(Arc::clone(&entries), Arc::clone(&first));
                self.outputs.push_back(Output::Listing(subscription, rest));
                self.outputs.extend(end(watch.coverage, subscription));
                self.outputs.extend(later.iter().map(|told| event(subscription, told.clone())));
            }
        }
    }

    /// Ends a listing that can't go on: what was told is known from now on, and what else there is is told as the difference.
    pub(super) fn break_off(&mut self, id: WatchId, begun: Begun) {
        let Some(watch) = self.watches.get_mut(&id) else { return };
        watch.known = begun.known;
        for subscription in begun.told {
            if watch.subscribers.list_one(subscription) {
                self.outputs.extend(end(watch.coverage, subscription));
            }
        }
    }
}

/// The end of a listing, and before it how the path is covered, as its beginning was told when that was without a gap.
fn end(coverage: Coverage, subscription: SubscriptionId) -> impl Iterator<Item = Output> {
    let gap = coverage.is_gap().then_some(Output::Coverage(subscription, coverage));
    gap.into_iter().chain([event(subscription, Telling::root(Code::EndExist, None))])
}
