//! The method of a watch: how it is come by, and how a watch goes over to another.
//!
//! Which method it is, is the policy's word. Invariants: who is not watched by the kernel holds nothing of it; who is polled is
//! in a round; and a watch of which no change is told serves those only whom it told its listing to.

use super::Engine;
use crate::churn::CALM;
use crate::id::WatchId;
use crate::policy::Method;
use crate::scan::Detail;
use crate::time::Time;
use crate::watch::Reliance;

impl Engine {
    /// Asks the policy again about a watch.
    pub(super) fn review_method(&mut self, now: Time, id: WatchId) {
        let Some(watch) = self.watches.get(&id) else { return };
        let method = self.config.policy.method(&watch.path, &watch.real());
        if method == watch.method() {
            return;
        }
        self.flush(now, id);
        self.set_method(now, id, method);
        if method != Method::None {
            self.rescan_anew(id);
        }
    }

    /// Has a watch go on by another method. It has to be looked at then.
    pub(super) fn set_method(&mut self, now: Time, id: WatchId, method: Method) {
        self.leave_method(id);
        let Some(watch) = self.watches.get_mut(&id) else { return };
        watch.set_method(method);
        match method {
            Method::Kernel => {}
            Method::Poll { interval } => self.rounds.join(now, interval, id),
            Method::None => watch.reliance = Reliance::None,
        }
        if method == Method::None {
            self.by_path.remove(id, &watch.path, watch.kind);
        } else {
            self.by_path.add(&self.watches, id);
        }
    }

    /// Gives back what a watch holds because of its method.
    pub(super) fn leave_method(&mut self, id: WatchId) {
        let Some(watch) = self.watches.get_mut(&id) else { return };
        match watch.method() {
            Method::Kernel => {
                for need in &watch.needs() {
                    self.kernel.release(id, need, &mut self.effects);
                }
            }
            Method::Poll { interval } => self.rounds.leave(interval, id),
            Method::None => {}
        }
        self.unplan(id);
        let Some(watch) = self.watches.get_mut(&id) else { return };
        watch.change_plan(|plan| (plan.postponed, plan.calm_at) = (None, None));
        watch.calm();
        if let Some(rescan) = watch.rescan_mut() {
            rescan.doubt_all();
        }
    }

    /// Leaves what happened to a rescan that has to look this closely, once it may be made.
    pub(super) fn postpone(&mut self, id: WatchId, detail: Option<Detail>) {
        let Some(watch) = self.watches.get_mut(&id) else { return };
        let detail = detail.unwrap_or(watch.detail());
        watch.change_plan(|plan| {
            plan.postponed = Some(plan.postponed.map_or(detail, |before| before.max(detail)));
        });
        let at = watch.churn().next_turn();
        self.rescan_by(id, at);
    }

    /// Stops asking the kernel about a watch that would be cheaper to look at now and then, until it is calm.
    pub(super) fn take_off_kernel(&mut self, now: Time, id: WatchId) {
        self.leave_method(id);
        let Some(watch) = self.watches.get_mut(&id) else { return };
        watch.reliance = Reliance::None;
        watch.change_plan(|plan| plan.calm_at = Some(now + CALM));
        if let Some(rescan) = watch.rescan_mut() {
            rescan.again = true;
        }
        self.rescan_by(id, now + self.config.poll_interval);
    }

    /// A rescan that took a watch off the kernel, or was owed to it, is due.
    pub(super) fn rescan_due(&mut self, now: Time, id: WatchId) {
        let Some(watch) = self.watches.get_mut(&id) else { return };
        let postponed = watch.change_plan(|plan| {
            plan.rescan_at = None;
            plan.calm_at.take_if(|calm_at| *calm_at <= now);
            plan.postponed
        });
        if postponed.is_some() {
            watch.churn().take_turn(now);
        }
        let detail = match postponed {
            None if watch.reliance == Reliance::AllButAncestors => Some(Detail::Itself),
            postponed => postponed,
        };
        self.rescan(id, detail);
    }

    /// Has a watch not looked at when that was planned.
    pub(super) fn unplan(&mut self, id: WatchId) {
        if let Some(at) =
            self.watches.get_mut(&id).and_then(|watch| watch.change_plan(|plan| plan.rescan_at.take()))
        {
            self.polls.remove(&(at, id));
        }
    }

    /// The same, unless it was planned because too much happened for the kernel to be asked.
    pub(super) fn unplan_unless_storm(&mut self, id: WatchId) {
        if self.watches.get(&id).is_some_and(|watch| watch.plan().calm_at.is_none()) {
            self.unplan(id);
        }
    }

    /// Has a watch looked at by then.
    pub(super) fn rescan_by(&mut self, id: WatchId, at: Time) {
        let Some(watch) = self.watches.get_mut(&id) else { return };
        if watch.plan().rescan_at.is_some_and(|before| before <= at) {
            return;
        }
        if let Some(before) = watch.change_plan(|plan| plan.rescan_at.replace(at)) {
            self.polls.remove(&(before, id));
        }
        self.polls.insert((at, id));
    }
}
