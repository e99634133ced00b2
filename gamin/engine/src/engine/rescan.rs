//! The steps of a rescan: have the kernel asked for all that the path seems to need, scan, and if the scan shows that it
//! needs more, again; then take over what was found and tell the difference.
//!
//! Invariant: what is taken over was scanned after everything that it hangs on had been armed, or the path is polled.

use std::collections::VecDeque;

use gamin_protocol::{Code, Kind};

use super::{Engine, event};
use crate::arming::Refusal;
use crate::churn::CALM;
use crate::effect::Effect;
use crate::event::Subject;
use crate::id::WatchId;
use crate::kernel_watch::Standing;
use crate::known::{Known, Telling};
use crate::listing::Listing;
use crate::need::{Need, Role};
use crate::output::Output;
use crate::path::TreePath;
use crate::policy::Method;
use crate::scan::{Detail, Entries, Found, Scan, ScanId, ScanRequest, Unlisted};
use crate::time::Time;
use crate::watch::{Noticed, Reliance, Rescan, Waiting, Watch};

/// How often a rescan is repeated because what it found needs more than was armed, before the path is polled.
const ROUNDS_MAX: u32 = 8;

impl Engine {
    pub(super) fn add_watch(&mut self, now: Time, path: TreePath, kind: Kind) -> WatchId {
        let id = self.watches.next_free(self.last_watch);
        self.last_watch = id;
        let watch = Watch::new(path, kind);
        // Until a rescan shows where it leads, by what it seems to be.
        let method = self.config.policy.method(&watch.path, &watch.path);
        self.watches.insert(id, watch);
        self.by_path.add(&self.watches, id);
        if method != Method::Kernel {
            self.set_method(now, id, method);
        }
        id
    }

    pub(super) fn remove_watch(&mut self, id: WatchId) {
        self.leave_method(id);
        let Some(watch) = self.watches.remove(&id) else { return };
        self.by_path.remove(id, &watch.path, watch.kind);
        if let Some(rescan) = watch.rescan() {
            self.by_scan.remove(&rescan.scan);
            self.effects.push_back(Effect::Forget { id: rescan.scan });
        }
        self.paces.forget_watch(id);
        self.reach(id);
    }

    /// Tells a newcomer the listing. As far as the kernel can be relied on, that is what is known; of a directory, it is
    /// looked up all the same, because something may be mounted over it by now.
    pub(super) fn welcome(&mut self, id: WatchId) {
        let Some(watch) = self.watches.get(&id) else { return };
        let is_known = !matches!(watch.known, Known::Nothing) && watch.rescan().is_none();
        match watch.kind {
            _ if !is_known || !watch.is_certain() => self.rescan(id, None),
            Kind::Directory => self.rescan(id, Some(Detail::Names)),
            Kind::File => self.list(id),
        }
    }

    /// Begins a rescan, or has the one that is under way repeated.
    pub(super) fn rescan(&mut self, id: WatchId, detail: Option<Detail>) {
        let Some(watch) = self.watches.get_mut(&id) else { return };
        // While the kernel can't be relied on, less than all would leave the rest in doubt.
        let detail = detail.filter(|_| watch.reliance < Reliance::None).unwrap_or(watch.detail());
        let detail =
            watch.change_plan(|plan| plan.postponed.take()).map_or(detail, |postponed| postponed.max(detail));
        if let Some(rescan) = watch.rescan_mut() {
            rescan.again = true;
            rescan.detail = rescan.detail.max(detail);
            if rescan.overdue {
                self.begin_anew(id);
            }
            return;
        }
        let waiting = VecDeque::new();
        let (scan, rounds, again, doubted, overdue) = (ScanId(0), 0, false, false, false);
        let (since, asked, overtaken) = (0, 0, 0);
        let begun = None;
        let rescan =
            Rescan { scan, detail, rounds, again, doubted, overdue, waiting, overtaken, since, asked, begun };
        watch.begin_rescan(rescan, &mut self.spare);
        self.unplan(id);
        let Some(watch) = self.watches.get(&id) else { return };
        if watch.asks_kernel() {
            let needs = watch.needs();
            for need in &needs {
                self.kernel.retry(need, false, &mut self.effects);
                self.kernel.hold(id, need, &mut self.effects);
            }
        }
        self.scan(id);
    }

    /// Gives up the scan that is under way, which may never be answered, for another: by now the path may lead elsewhere.
    pub(super) fn begin_anew(&mut self, id: WatchId) {
        let Some(watch) = self.watches.get_mut(&id) else { return };
        let full = watch.detail();
        let Some(rescan) = watch.rescan_mut() else { return };
        rescan.again = false;
        if !rescan.waiting.is_empty() {
            // It is older than what the next scan finds, and so is told by that.
            rescan.drop_waiting();
            rescan.detail = rescan.detail.max(full);
        }
        self.by_scan.remove(&rescan.scan);
        self.effects.push_back(Effect::Forget { id: rescan.scan });
        self.scan(id);
    }

    pub(super) fn scan(&mut self, id: WatchId) {
        self.unplan_unless_storm(id);
        let Some(watch) = self.watches.get_mut(&id) else { return };
        let path = watch.path.clone();
        let Some(rescan) = watch.rescan_mut() else { return };
        self.last_scan += 1;
        rescan.scan = ScanId(self.last_scan);
        rescan.overdue = false;
        rescan.overtaken = 0;
        rescan.asked = self.kernel.asked;
        rescan.since = self.noticed + rescan.asked;
        self.by_scan.insert(rescan.scan, id);
        let request = ScanRequest { path, trusted: 0, detail: rescan.detail };
        self.effects.push_back(Effect::Scan { id: rescan.scan, request });
    }

    /// Takes the result of a scan: goes on with the rescan, or ends it.
    pub(super) fn conclude(&mut self, now: Time, id: WatchId, scan: Scan) {
        let Some(watch) = self.watches.get_mut(&id) else { return };
        let since = self.noticed + self.kernel.asked;
        let needs = watch.needs_of(&scan);
        let real = Watch::end_of(&needs, &watch.path);
        // As long as it leads to the same place, by the same policy, what was said of it holds.
        let method =
            if real == watch.real() { watch.method() } else { self.config.policy.method(&watch.path, &real) };
        if method != watch.method() {
            // It gives back what it held, and holds nothing until it is looked at again.
            self.set_method(now, id, method);
        }
        let Some(watch) = self.watches.get_mut(&id) else { return };
        let before = watch.needs();
        if before != needs {
            watch.set_needs(&needs);
        }
        let asks_kernel = watch.asks_kernel();
        // For another path, the kernel may have been asked about a directory while the scan was under way.
        let asked_before = watch.rescan().map_or(0, |rescan| rescan.asked);
        let is_early = asks_kernel && needs.iter().any(|need| self.kernel.is_armed_since(need, asked_before));
        let (reliance, asked) =
            if asks_kernel { self.hold(id, &needs, &scan) } else { (Reliance::None, false) };
        for need in before.iter().filter(|need| !needs.contains(need)) {
            self.kernel.release(id, need, &mut self.effects);
        }
        let Some(watch) = self.watches.get_mut(&id) else { return };
        let (kind, full) = (watch.kind, watch.detail());
        let Some(rescan) = watch.rescan_mut() else { return };
        // A directory that is new to this path may have been armed after it was scanned, and what was noticed of it since
        // then was not kept for this path.
        let is_late = asks_kernel && rescan.since != since && needs.iter().any(|need| !before.contains(need));
        let is_doubted = !rescan.again && std::mem::take(&mut rescan.doubted) && !rescan.waiting.is_empty();
        if is_doubted {
            rescan.drop_waiting();
        }
        // What is going to be polled has to be known as closely as it will be looked at.
        let is_coarse = reliance == Reliance::None
            && method != Method::None
            && kind == Kind::Directory
            && matches!(scan.found, Found::Directory { .. })
            && rescan.detail < Detail::Stamps;
        if is_coarse {
            rescan.detail = Detail::Stamps;
        }
        let settled = !asked && !is_early && !rescan.again && !is_late && !is_doubted && !is_coarse;
        if !settled && rescan.rounds < ROUNDS_MAX {
            if asked || is_early || is_late || is_doubted || is_coarse {
                // Until now not everything about it was noticed.
                rescan.doubt_all();
            }
            rescan.again = false;
            if !rescan.waiting.is_empty() {
                // What was noticed by now is older than what the next scan finds, and so is told by that.
                rescan.drop_waiting();
                rescan.detail = rescan.detail.max(full);
            }
            return self.scan(id);
        }
        watch.reliance = if settled { reliance } else { Reliance::None };
        let coverage = self.coverage(id, &needs, &scan.found);
        self.tell_coverage(id, coverage);
        // Where it was to end before, it may only pass by now.
        let is_moved = before.last() != needs.last() || scan.stops_short;
        self.end_rescan(now, id, scan.found, is_moved);
    }

    /// Ends a rescan: takes over what it has found, and then the notices that waited for it. `is_moved`: the path leads elsewhere
    /// since the last scan.
    fn end_rescan(&mut self, now: Time, id: WatchId, found: Found, is_moved: bool) {
        self.unplan_unless_storm(id);
        let Some(watch) = self.watches.get_mut(&id) else { return };
        let Some(Rescan { detail, waiting, overtaken, mut begun, .. }) = watch.end_rescan(&mut self.spare)
        else {
            return;
        };
        if let Some(begun) = begun.take_if(|begun| !begun.goes_on_in(&found)) {
            self.break_off(id, *begun);
        }
        let Some(watch) = self.watches.get_mut(&id) else { return };
        // What these notices are about, the scan has seen already.
        let is_left = |(at, notice): &(usize, Waiting)| *at >= overtaken || watch.is_told_by(notice);
        let left: Vec<_> = waiting.into_iter().enumerate().filter(is_left).collect();
        let noticed = watch.noticed(left.iter().map(|(_, notice)| notice), is_moved);
        self.accept(now, id, found, detail, &noticed);
        if let Some(begun) = begun {
            self.go_on(id, *begun, &left);
        }
        self.list(id);
        // If one of them begins another rescan, the others wait for that.
        for (_, notice) in left {
            self.note(now, id, notice);
        }
        self.plan_next(now, id);
    }

    /// Has the kernel asked for all that is needed. Says how far that can be relied on, and whether anything was asked
    /// for that the scan came too early for.
    pub(super) fn hold(&mut self, id: WatchId, needs: &[Need], scan: &Scan) -> (Reliance, bool) {
        let unknown = match &scan.found {
            Found::Unknown(_) => true,
            Found::Directory { entries, .. } => matches!(entries, Entries::Unlisted(_)),
            Found::Missing | Found::File(_) => false,
        };
        let mut reliance = if unknown { Reliance::None } else { Reliance::Full };
        let mut asked = false;
        for need in needs {
            self.kernel.hold(id, need, &mut self.effects);
        }
        for need in needs {
            for (above, standing) in self.kernel.standings(need).enumerate() {
                let is_passed = need.role == Role::Passed || above > 0;
                match standing {
                    Standing::Armed => {}
                    Standing::Asked | Standing::Refused(Refusal::Missing) => asked = true,
                    Standing::Refused(Refusal::Denied) if is_passed => {
                        reliance = reliance.max(Reliance::AllButAncestors);
                    }
                    Standing::Refused(_) => reliance = Reliance::None,
                }
            }
            if asked {
                self.kernel.retry(need, true, &mut self.effects);
            }
        }
        (reliance, asked)
    }

    /// Takes over what a rescan has found, but for that of which notices tell, tells the difference, and tells
    /// newcomers the listing.
    fn accept(&mut self, now: Time, id: WatchId, found: Found, detail: Detail, noticed: &Noticed) {
        self.tell_arrivals(id);
        let Some(watch) = self.watches.get_mut(&id) else { return };
        let mut told = Vec::new();
        let mut was_unasked = false;
        match (watch.kind, found) {
            (Kind::File, Found::Missing | Found::File(_))
                if noticed.root && !matches!(watch.known, Known::Nothing) => {}
            (_, Found::Unknown(Unlisted::Failed)) if watch.known.is_present() => {}
            (_, Found::Missing | Found::Unknown(_)) | (Kind::Directory, Found::File(_)) => {
                watch.known.learn_absent(&mut told);
            }
            (Kind::File, Found::File(stamp) | Found::Directory { stamp, .. }) => {
                watch.known.learn_file(&stamp, &mut told);
            }
            (Kind::Directory, Found::Directory { stamp, entries, .. }) => {
                was_unasked = entries == Entries::Unasked;
                let in_doubt = detail != Detail::Names;
                let was_known = matches!(watch.known, Known::Directory(_));
                watch.known.learn_directory(stamp, entries, in_doubt, &noticed.entries, &mut told);
                // Notices tell of these next. Until then they are known as they were, maybe before a newcomer asked: he is not told that
                // state.
                if in_doubt && was_known && watch.subscribers.waiting().next().is_some() {
                    noticed.entries.iter().for_each(|name| watch.known.forget_stamp(name));
                }
            }
        }
        if watch.plan().calm_at.is_some() && !told.is_empty() {
            watch.change_plan(|plan| plan.calm_at = Some(now + CALM));
        }
        let is_unlisted = matches!(&watch.known, Known::Directory(directory) if !directory.is_listed);
        for told in told {
            if told.subject == Subject::Root && told.code == Code::Deleted {
                self.paces.drop_watch(id);
            } else {
                self.paces.drop_held(&(id, told.subject.clone()));
            }
            self.tell(id, &told);
        }
        if was_unasked && is_unlisted {
            self.rescan(id, None);
        }
    }

    pub(super) fn list(&mut self, id: WatchId) {
        let Some(watch) = self.watches.get_mut(&id) else { return };
        for subscription in watch.subscribers.list() {
            if watch.coverage.is_gap() {
                self.outputs.push_back(Output::Coverage(subscription, watch.coverage));
            }
            let (root, entries) = watch.known.list();
            self.outputs.push_back(event(subscription, root));
            if let Some(entries) = entries {
                self.outputs.push_back(Output::Listing(subscription, Listing::new(entries)));
            }
            self.outputs.push_back(event(subscription, Telling::root(Code::EndExist, None)));
        }
    }

    /// Arranges for the next rescan, and releases the barriers that waited for this one.
    fn plan_next(&mut self, now: Time, id: WatchId) {
        let Some(watch) = self.watches.get_mut(&id) else { return };
        if watch.rescan().is_some() {
            return;
        }
        let interval = watch.reliance.interval(self.config.poll_interval);
        if let Some(interval) = interval.filter(|_| watch.method() == Method::Kernel) {
            self.rescan_by(id, now + interval);
        }
        if self.barriers.values().any(|awaited| awaited.contains(&id)) {
            self.flush(now, id);
            self.reach(id);
        }
    }

    pub(super) fn reach(&mut self, id: WatchId) {
        for awaited in self.barriers.values_mut() {
            awaited.remove(&id);
        }
        self.release_barriers();
    }

    pub(super) fn release_barriers(&mut self) {
        let outputs = &mut self.outputs;
        self.barriers.retain(|barrier, awaited| {
            if awaited.is_empty() {
                outputs.push_back(Output::Reached(*barrier));
            }
            !awaited.is_empty()
        });
    }
}
