//! The state machine: its commands, inputs and outputs.
//!
//! The steps of a rescan are left to `rescan`, what a notice means to `note`, methods to `method`, polling to `round`; bookkeeping of
//! single paths to `watch`, `known`, `pace`, `churn` and `kernel_watch`. Invariant: nothing is done here; whatever is to be done
//! outside is an [`Effect`], whatever is to be told an [`Output`].

mod begin;
mod coverage;
mod facts;
mod method;
mod note;
mod rescan;
mod round;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use gamin_protocol::Kind;

use crate::arming::Refusal;
use crate::effect::Effect;
use crate::event::{BarrierId, Event, SubscriptionId};
use crate::id::{ArmingId, WatchId};
use crate::id_map::IdMap;
use crate::kernel_watch::KernelWatches;
use crate::known::Telling;
use crate::need::{Need, Role};
use crate::notice::{Change, Cookie, Notice};
use crate::output::Output;
use crate::pace::Paces;
use crate::path::{Name, TreePath};
use crate::policy::{Method, Policy};
use crate::revalidating::Revalidating;
use crate::revalidation::{Doubts, RevalidationId};
use crate::rounds::Rounds;
use crate::scan::{Detail, Scan, ScanId};
use crate::time::Time;
use crate::watch::{Reliance, SpareRoom, Waiting, Watch};
use crate::watch_index::{WatchIndex, Watches};

/// For how many effects, and outputs, room is kept when there are none.
const ROOM_KEPT: usize = 64;

/// How the engine is to watch.
#[derive(Debug, Clone)]
pub struct Config {
    /// What to rely on for which path, until [`Engine::handle_policy`].
    pub policy: Arc<dyn Policy>,
    /// How long after a rescan a path is looked at again where the kernel refuses.
    pub poll_interval: Duration,
}

/// The next moment at which [`Engine::handle_time`] has something to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline {
    /// When.
    pub at: Time,
    /// What for.
    pub reason: Reason,
}

/// What a deadline is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// A change that was held, to be merged with those that follow it, is due.
    Settle,
    /// A path on which the kernel can't be relied, or of which too much is told at once, is to be looked at.
    Poll,
}

/// The file alteration monitor.
///
/// Contract: after any command or input, carry out every effect from [`Engine::poll_effect`] in order, handing in each
/// answer before the next effect is begun or later, but the answer to an [`Effect::Arm`] always before that of a
/// [`Effect::Scan`] that was given behind it (a scan that never ends holds up nothing but its own path); take every
/// output; and be back with [`Engine::handle_time`] at the deadline. Notices that the kernel queued before a
/// scan ended should be handed in before the scan's answer: what it hangs on may have moved while it was made.
#[derive(Debug)]
pub struct Engine {
    config: Config,
    pub(crate) watches: Watches,
    by_path: WatchIndex,
    spare: SpareRoom,
    pub(crate) by_subscription: IdMap<SubscriptionId, WatchId>,
    by_scan: BTreeMap<ScanId, WatchId>,
    by_revalidation: BTreeMap<RevalidationId, Revalidating>,
    /// Who waits for the next round.
    due: BTreeSet<WatchId>,
    pub(crate) kernel: KernelWatches,
    pub(crate) paces: Paces,
    pub(crate) rounds: Rounds,
    /// Whom to look at when, apart from the rounds.
    pub(crate) polls: BTreeSet<(Time, WatchId)>,
    pub(crate) barriers: BTreeMap<BarrierId, BTreeSet<WatchId>>,
    pub(crate) effects: VecDeque<Effect>,
    pub(crate) outputs: VecDeque<Output>,
    last_watch: WatchId,
    last_scan: u64,
    last_revalidation: u64,
    /// How many notices were taken.
    noticed: u64,
    /// Of which rename what is told now is one half.
    renaming: Option<Cookie>,
}

/// Commands.
impl Engine {
    /// Makes an engine that watches nothing.
    pub fn new(config: Config) -> Engine {
        Engine {
            config,
            watches: Watches::default(),
            by_path: WatchIndex::default(),
            spare: SpareRoom::default(),
            by_subscription: IdMap::default(),
            by_scan: BTreeMap::new(),
            by_revalidation: BTreeMap::new(),
            due: BTreeSet::new(),
            kernel: KernelWatches::default(),
            paces: Paces::default(),
            rounds: Rounds::default(),
            polls: BTreeSet::new(),
            barriers: BTreeMap::new(),
            effects: VecDeque::new(),
            outputs: VecDeque::new(),
            last_watch: WatchId::default(),
            last_scan: 0,
            last_revalidation: 0,
            noticed: 0,
            renaming: None,
        }
    }

    /// Begins a subscription. It is told the initial listing, then every change.
    pub fn subscribe(&mut self, now: Time, subscription: SubscriptionId, path: TreePath, kind: Kind) {
        let id = match self.by_path.get(&self.watches, &path, kind) {
            Some(id) => id,
            None => self.add_watch(now, path, kind),
        };
        self.flush(now, id);
        self.by_subscription.insert(subscription, id);
        if let Some(watch) = self.watches.get_mut(&id) {
            watch.subscribers.add(subscription);
        }
        self.welcome(id);
    }

    /// Ends a subscription: it is told nothing any more. What is in the outputs already is left to the host.
    pub fn cancel(&mut self, subscription: SubscriptionId) {
        let Some(id) = self.by_subscription.remove(&subscription) else { return };
        let Some(watch) = self.watches.get_mut(&id) else { return };
        if watch.subscribers.remove(subscription) {
            self.remove_watch(id);
        }
    }

    /// Asks to be told ([`Output::Reached`]) when everything that has happened so far to what these subscriptions
    /// watch has been told, as far as a scan that is overdue does not hold it back.
    pub fn barrier(&mut self, now: Time, barrier: BarrierId, subscriptions: &[SubscriptionId]) {
        let ids: BTreeSet<WatchId> = subscriptions
            .iter()
            .filter_map(|subscription| self.by_subscription.get(subscription).copied())
            .collect();
        let mut awaited = BTreeSet::new();
        for id in ids {
            self.flush(now, id);
            let Some(watch) = self.watches.get(&id) else { continue };
            if watch.is_certain() {
                continue;
            }
            awaited.insert(id);
            // Where the kernel is relied on, a rescan that is under way or owed need not look closer than it does.
            let is_enough = watch.asks_kernel() && watch.reliance == Reliance::Full;
            self.rescan(id, is_enough.then_some(Detail::Itself));
        }
        self.barriers.insert(barrier, awaited);
        self.release_barriers();
    }
}

/// Inputs.
impl Engine {
    /// Gives back the room of watches that have ended, and of what was asked and told. It takes as long as there were many, so not with
    /// each.
    pub fn give_back(&mut self) {
        self.effects.shrink_to_fit();
        self.outputs.shrink_to_fit();
        self.kernel.give_back();
        self.by_path.give_back(&self.watches);
        self.spare = SpareRoom::default();
    }

    /// Whether it matters for a notice that an entry was removed what is at its place by now. It does where a scan may have
    /// found already what has come there since, and where more hangs on the entry than that it is listed.
    pub fn wants_look(&self, watch: ArmingId, name: &Name) -> bool {
        self.kernel.concerned(watch, name).iter().any(|(id, role)| {
            let is_plain = |watch: &Watch| {
                watch.kind == Kind::Directory && watch.rescan().is_none() && !watch.known.was_scanned(name)
            };
            *role != Role::Listed || !self.watches.get(id).is_some_and(is_plain)
        })
    }

    /// Takes a notice from the kernel.
    pub fn handle_notice(&mut self, now: Time, notice: Notice) {
        self.noticed += 1;
        match notice {
            Notice::Entry { watch, name, entry } => {
                let Some(directory) = self.kernel.directory(watch) else { return };
                for (id, role) in self.kernel.concerned(watch, &name) {
                    let is_listed = role == Role::Listed;
                    let need = Need { directory: directory.clone(), role };
                    let notice = match is_listed {
                        true => Waiting::Entry(need, name.clone(), entry),
                        false => Waiting::Dependency(need, entry),
                    };
                    self.note(now, id, notice);
                }
                // A removed directory that somebody holds open does not say itself that it is gone.
                if entry.change == Change::Deleted
                    && let Some(removed) = self.kernel.armed_in(watch, &name)
                {
                    self.handle_notice(now, Notice::Gone { watch: removed });
                }
            }
            Notice::Attributes { watch } => {
                for id in self.kernel.users(watch) {
                    self.note(now, id, Waiting::Attributes);
                }
            }
            Notice::Gone { watch } => {
                let Some(directory) = self.kernel.directory(watch) else { return };
                for id in self.kernel.gone(&directory, &mut self.effects) {
                    self.note_gone(now, id);
                }
            }
            Notice::Refused { watch, why } => self.handle_armed(watch, Err(why)),
            Notice::Overflow => {
                let asking = self.watches.iter().filter(|(_, watch)| watch.asks_kernel());
                let ids: Vec<WatchId> = asking.map(|(id, _)| id).collect();
                for id in ids {
                    self.note_overflow(id);
                }
            }
        }
    }

    /// Takes the answer to an [`Effect::Arm`].
    pub fn handle_armed(&mut self, id: ArmingId, answer: Result<(), Refusal>) {
        for id in self.kernel.answered(id, answer) {
            // Who could not rely on it until now knows nothing of what happened meanwhile, and maybe not where his path leads.
            let is_void = |watch: &Watch| answer.is_err() || watch.reliance != Reliance::Full;
            if self.watches.get(&id).is_some_and(|watch| watch.rescan().is_none() && is_void(watch)) {
                self.rescan(id, None);
            }
        }
    }

    /// Takes the answer to an [`Effect::Scan`].
    pub fn handle_scan(&mut self, now: Time, scan_id: ScanId, scan: Scan) {
        let Some(id) = self.by_scan.remove(&scan_id) else { return };
        let Some(watch) = self.watches.get_mut(&id) else { return };
        if let Some(rescan) = watch.rescan_mut() {
            rescan.rounds += 1;
            self.conclude(now, id, scan);
        }
    }

    /// Takes the word that a scan takes so long that it may never be answered. Those who watch that path go on waiting,
    /// and are told when the answer comes; barriers do not. Whatever has the path looked at again has that scan begun anew, in case
    /// it leads elsewhere by now; so does time, since not all of the way may be armed.
    pub fn handle_overdue(&mut self, now: Time, scan_id: ScanId) {
        let Some(id) = self.by_scan.get(&scan_id).copied() else { return };
        let Some(watch) = self.watches.get_mut(&id) else { return };
        let asks_kernel = watch.asks_kernel();
        let Some(rescan) = watch.rescan_mut() else { return };
        rescan.overdue = true;
        let may_lead_elsewhere = rescan.may_lead_elsewhere();
        self.reach(id);
        if may_lead_elsewhere {
            self.begin_anew(id);
        } else if asks_kernel {
            self.rescan_by(id, now + self.config.poll_interval);
        }
    }

    /// Takes the answer to an [`Effect::Revalidate`]: looks at what may have changed.
    pub fn handle_revalidated(&mut self, id: RevalidationId, doubts: &Doubts) {
        self.end_revalidation(id, doubts);
    }

    /// Takes new rules about methods. What is watched by another one now is looked at.
    pub fn handle_policy(&mut self, now: Time, policy: Arc<dyn Policy>) {
        self.config.policy = policy;
        let ids: Vec<WatchId> = self.watches.keys().collect();
        for id in ids {
            self.review_method(now, id);
        }
    }

    /// Takes the word that something was mounted at a path, or unmounted from it: what is watched there and below may
    /// be another now. A new policy, if one follows from it, comes before.
    pub fn handle_remount(&mut self, point: &TreePath) {
        let served = self.kernel.gone(point, &mut self.effects);
        let below = point.join(b"");
        let above = point.split_last().map(|(directory, _)| directory);
        let is_concerned =
            |path: &TreePath| path == point || path.starts_with(&below) || Some(path) == above.as_ref();
        let concerned = |watch: &Watch| is_concerned(&watch.path) || is_concerned(&watch.real());
        let ids = self.watches.iter().filter(|(id, watch)| served.contains(id) || concerned(watch));
        let ids: Vec<WatchId> =
            ids.filter(|(_, watch)| watch.method() != Method::None).map(|(id, _)| id).collect();
        for id in ids {
            self.rescan_anew(id);
        }
    }

    /// Does what is due.
    pub fn handle_time(&mut self, now: Time) {
        while let Some((id, subject)) = self.paces.pop_due(now) {
            self.tell_held(id, subject);
        }
        while self.polls.first().is_some_and(|(at, _)| *at <= now) {
            let Some((_, id)) = self.polls.pop_first() else { break };
            self.rescan_due(now, id);
        }
        let due = self.rounds.take_due(now);
        self.go_round(due);
    }
}

/// Outputs.
impl Engine {
    /// Whether there is an effect to carry out.
    pub fn has_effects(&self) -> bool {
        !self.effects.is_empty()
    }

    /// The next effect to carry out.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        let next = self.effects.pop_front();
        if next.is_none() && self.effects.capacity() > ROOM_KEPT {
            self.effects = VecDeque::new();
        }
        let mut effect = next?;
        if let Effect::Scan { id, request } = &mut effect
            && let Some(watch) = self.by_scan.get(id).and_then(|id| self.watches.get_mut(id))
            && let Some(rescan) = watch.rescan_mut()
        {
            rescan.overtaken = rescan.waiting.len();
            // By now the kernel has answered what it was asked before.
            request.trusted = self.kernel.trusted(&request.path);
        }
        Some(effect)
    }

    /// The next thing to tell.
    pub fn poll_output(&mut self) -> Option<Output> {
        let next = self.outputs.pop_front();
        if next.is_none() && self.outputs.capacity() > ROOM_KEPT {
            self.outputs = VecDeque::new();
        }
        next
    }

    /// When to call [`Engine::handle_time`], and what for. `None`: nothing will happen by itself.
    pub fn next_deadline(&self) -> Option<Deadline> {
        let settle = self.paces.next_deadline().map(|at| Deadline { at, reason: Reason::Settle });
        let polls = self.polls.first().map(|(at, _)| *at).into_iter().chain(self.rounds.next_deadline());
        let poll = polls.min().map(|at| Deadline { at, reason: Reason::Poll });
        settle.into_iter().chain(poll).min()
    }
}

fn event(subscription: SubscriptionId, told: Telling) -> Output {
    let Telling { code, subject, tag } = told;
    Output::Event(Event { subscription, code, subject, tag, cookie: None })
}
