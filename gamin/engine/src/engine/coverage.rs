//! How what happens at a watched path becomes known, as its subscribers are told.
//!
//! How far the kernel can be relied on is found out by a rescan. Invariants: subscribers are told before the listing whatever is
//! not as it should be, and each change of it once; what the configuration asks for is as it should be.

use gamin_protocol::Coverage;

use super::Engine;
use crate::arming::Refusal;
use crate::id::WatchId;
use crate::kernel_watch::Standing;
use crate::need::Need;
use crate::output::Output;
use crate::policy::Method;
use crate::scan::{Entries, Found, Unlisted};
use crate::watch::Reliance;

impl Engine {
    /// How a watch is covered, now that a rescan has found this.
    pub(super) fn coverage(&self, id: WatchId, needs: &[Need], found: &Found) -> Coverage {
        let Some(watch) = self.watches.get(&id) else { return Coverage::Kernel };
        let unlisted = match found {
            Found::Unknown(why) | Found::Directory { entries: Entries::Unlisted(why), .. } => Some(*why),
            _ => None,
        };
        match (unlisted, watch.method()) {
            (Some(Unlisted::Denied), _) => Coverage::Unreadable,
            (_, Method::Poll { .. }) => {
                let why = self.config.policy.makeshift(&watch.path, &watch.real());
                why.map_or(Coverage::Kernel, refused)
            }
            (_, Method::None) => Coverage::Kernel,
            (Some(Unlisted::Failed), _) => Coverage::PolledRefused,
            _ if watch.reliance < Reliance::None || watch.plan().calm_at.is_some() => Coverage::Kernel,
            _ => {
                let standings = needs.iter().flat_map(|need| self.kernel.standings(need));
                let refusals = standings.filter_map(Standing::refusal);
                // Without any it changes faster than it can be looked at. The next rescan may find it at rest.
                refusals.min_by_key(weight).map_or(Coverage::Kernel, refused)
            }
        }
    }

    /// Tells a watch's subscribers how it is covered, if that is new to them.
    pub(super) fn tell_coverage(&mut self, id: WatchId, coverage: Coverage) {
        let Some(watch) = self.watches.get_mut(&id) else { return };
        if std::mem::replace(&mut watch.coverage, coverage) != coverage {
            let outputs =
                watch.subscribers.listed().map(|subscription| Output::Coverage(subscription, coverage));
            self.outputs.extend(outputs);
        }
    }
}

/// How a path is covered of which the kernel refuses to tell.
fn refused(why: Refusal) -> Coverage {
    match why {
        Refusal::Limit => Coverage::PolledLimit,
        Refusal::Remote => Coverage::PolledRemote,
        Refusal::Missing | Refusal::Denied | Refusal::Failed => Coverage::PolledRefused,
    }
}

/// Of several refusals, that which somebody can do most about comes first.
fn weight(refusal: &Refusal) -> u8 {
    match refusal {
        Refusal::Limit => 0,
        Refusal::Remote => 1,
        Refusal::Missing | Refusal::Denied | Refusal::Failed => 2,
    }
}
