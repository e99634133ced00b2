//! The last thousand things that happened to a core, for whoever asks afterwards what went wrong; and how many
//! there were of each kind.
//!
//! Who may ask is left to `facts`. Invariants: there are never more than [`RING_MAX`]; to note one costs no formatting,
//! and no memory but its own and that of a name too long to be kept in place.

use std::collections::VecDeque;

use gamin_engine::{
    ArmingId, Change, Code, Detail, Effect, Found, Level, Name, Notice, Refusal, RevalidationId, Scan,
    ScanId, Seen, Subject, SubscriptionId, Time, TreePath,
};
use gamin_protocol::Fact;

use crate::session::{Peer, SessionId};

/// How many happenings are kept.
pub const RING_MAX: usize = 1024;

/// Something that happened.
#[derive(Debug)]
pub(super) enum Happening {
    SessionBegan(SessionId, Peer),
    SessionEnded(SessionId),
    Noticed(Noticed),
    Asked(Asking),
    Doubted(RevalidationId),
    Armed(ArmingId, Result<(), Refusal>),
    /// How many entries were found so far.
    Begun(ScanId, usize),
    Scanned(ScanId, ScanOutcome),
    Told(SubscriptionId, Code, Subject),
    /// How many entries.
    Listed(SubscriptionId, usize),
}

/// A notice without what would be large.
#[derive(Debug)]
pub(super) enum Noticed {
    /// With whether the entry was there, if it was looked at.
    Entry(ArmingId, Name, Change, Option<bool>),
    Attributes(ArmingId),
    Gone(ArmingId),
    Refused(ArmingId, Refusal),
    Overflow,
}

impl From<&Notice> for Noticed {
    fn from(notice: &Notice) -> Noticed {
        match notice {
            Notice::Entry { watch, name, entry } => {
                let is_there = match entry.seen {
                    Seen::Nothing => None,
                    Seen::Absent => Some(false),
                    Seen::Present(_) => Some(true),
                };
                Noticed::Entry(*watch, name.clone(), entry.change, is_there)
            }
            Notice::Attributes { watch } => Noticed::Attributes(*watch),
            Notice::Gone { watch } => Noticed::Gone(*watch),
            Notice::Refused { watch, why } => Noticed::Refused(*watch, *why),
            Notice::Overflow => Noticed::Overflow,
        }
    }
}

impl Noticed {
    fn tell(&self, fact: Fact) -> Fact {
        let (what, watch) = match self {
            Noticed::Entry(watch, _, change, _) => (format!("{change:?}"), watch),
            Noticed::Attributes(watch) => ("OwnAttributes".to_owned(), watch),
            Noticed::Gone(watch) => ("Gone".to_owned(), watch),
            Noticed::Refused(watch, _) => ("Refused".to_owned(), watch),
            Noticed::Overflow => return fact.word("notice", "Overflow"),
        };
        let fact = fact.word("notice", what).word("kernel-watch", watch.0);
        match self {
            Noticed::Entry(_, name, _, is_there) => {
                let seen = is_there.map_or("nothing", |is_there| if is_there { "present" } else { "absent" });
                fact.word("seen", seen).name("name", name)
            }
            Noticed::Refused(_, why) => fact.word("why", format!("{why:?}")),
            Noticed::Attributes(_) | Noticed::Gone(_) | Noticed::Overflow => fact,
        }
    }
}

/// An effect without what would be large.
#[derive(Debug)]
pub(super) enum Asking {
    Arm(ArmingId, TreePath, Level),
    Disarm(ArmingId),
    Scan(ScanId, TreePath, Detail),
    Forget(ScanId),
}

impl Asking {
    /// What is kept of an effect; nothing of a revalidation, for what rests is revalidated again and again.
    pub fn of(effect: &Effect) -> Option<Asking> {
        Some(match effect {
            Effect::Arm { id, directory, level } => Asking::Arm(*id, directory.clone(), *level),
            Effect::Disarm { id } => Asking::Disarm(*id),
            Effect::Scan { id, request } => Asking::Scan(*id, request.path.clone(), request.detail),
            Effect::Forget { id } => Asking::Forget(*id),
            Effect::Revalidate { .. } => return None,
        })
    }
}

/// What a scan came to.
#[derive(Debug)]
pub(super) enum ScanOutcome {
    Missing,
    Unknown,
    File,
    Directory(usize),
}

impl From<&Scan> for ScanOutcome {
    fn from(scan: &Scan) -> ScanOutcome {
        match &scan.found {
            Found::Missing => ScanOutcome::Missing,
            Found::Unknown(_) => ScanOutcome::Unknown,
            Found::File(_) => ScanOutcome::File,
            Found::Directory { .. } => ScanOutcome::Directory(scan.entries()),
        }
    }
}

/// How often what happened.
#[derive(Debug, Default)]
pub(super) struct Counts {
    sessions: u64,
    notices: u64,
    overflows: u64,
    armings: u64,
    refusals: u64,
    scans: u64,
    events: u64,
}

impl Counts {
    fn count(&mut self, happening: &Happening) {
        let counter = match happening {
            Happening::SessionBegan(..) => &mut self.sessions,
            Happening::Noticed(Noticed::Overflow) => &mut self.overflows,
            Happening::Noticed(_) => &mut self.notices,
            Happening::Armed(_, Ok(())) => &mut self.armings,
            Happening::Armed(_, Err(_)) => &mut self.refusals,
            Happening::Scanned(..) => &mut self.scans,
            Happening::Told(..) => &mut self.events,
            Happening::Listed(_, entries) => {
                self.events += *entries as u64;
                return;
            }
            Happening::SessionEnded(_)
            | Happening::Asked(_)
            | Happening::Doubted(_)
            | Happening::Begun(..) => return,
        };
        *counter += 1;
    }

    /// Adds them to a fact.
    pub fn tell(&self, fact: Fact) -> Fact {
        fact.word("all-sessions", self.sessions)
            .word("notices", self.notices)
            .word("overflows", self.overflows)
            .word("armings", self.armings)
            .word("refusals", self.refusals)
            .word("scans", self.scans)
            .word("events", self.events)
    }
}

/// What happened last.
#[derive(Debug, Default)]
pub(super) struct Ring {
    happenings: VecDeque<(Time, Happening)>,
    /// How many were forgotten.
    forgotten: u64,
    /// When something was last known to happen.
    now: Time,
    pub counts: Counts,
}

impl Ring {
    /// Takes the time, for what is noted from now on.
    pub fn handle_time(&mut self, now: Time) {
        self.now = now;
    }

    /// Takes note of something.
    pub fn note(&mut self, happening: Happening) {
        self.counts.count(&happening);
        if self.happenings.len() == RING_MAX {
            self.happenings.pop_front();
            self.forgotten += 1;
        }
        self.happenings.push_back((self.now, happening));
    }

    /// What is kept, behind a number: the first thing that ever happened has number 1.
    pub fn facts(&self, after: u64) -> impl Iterator<Item = (u64, Fact)> {
        let skipped = usize::try_from(after.saturating_sub(self.forgotten)).unwrap_or(usize::MAX);
        let first = self.forgotten + 1;
        let numbered = self.happenings.range(skipped.min(self.happenings.len())..);
        let numbers = first + skipped.min(self.happenings.len()) as u64..;
        numbers.zip(numbered).map(|(number, (at, happening))| {
            let fact = Fact::new("ring").word("at", format_args!("{:.6}", at.0.as_secs_f64()));
            (number, happening.tell(fact))
        })
    }
}

impl Happening {
    fn tell(&self, fact: Fact) -> Fact {
        match self {
            Happening::SessionBegan(id, peer) => {
                fact.word("session", "begins").word("id", id.0).word("pid", peer.pid)
            }
            Happening::SessionEnded(id) => fact.word("session", "ends").word("id", id.0),
            Happening::Noticed(noticed) => noticed.tell(fact),
            Happening::Asked(asking) => asking.tell(fact),
            Happening::Doubted(id) => fact.word("answer", "doubted").word("revalidation", id.0),
            Happening::Armed(id, Ok(())) => fact.word("answer", "armed").word("kernel-watch", id.0),
            Happening::Armed(id, Err(why)) => {
                fact.word("answer", "refused").word("kernel-watch", id.0).word("why", format_args!("{why:?}"))
            }
            Happening::Begun(id, entries) => {
                fact.word("answer", "begun").word("scan", id.0).word("entries", entries)
            }
            Happening::Scanned(id, outcome) => {
                let fact = fact.word("answer", "scanned").word("scan", id.0);
                match outcome {
                    ScanOutcome::Missing => fact.word("found", "nothing"),
                    ScanOutcome::Unknown => fact.word("found", "unknown"),
                    ScanOutcome::File => fact.word("found", "file"),
                    ScanOutcome::Directory(entries) => {
                        fact.word("found", "directory").word("entries", entries)
                    }
                }
            }
            Happening::Listed(subscription, entries) => fact
                .word("event", format_args!("{:?}", Code::Exists))
                .word("subscription", subscription.0)
                .word("entries", entries),
            Happening::Told(subscription, code, subject) => {
                let fact = fact.word("event", format_args!("{code:?}")).word("subscription", subscription.0);
                match subject {
                    Subject::Root => fact,
                    Subject::Entry(name) => fact.name("name", name),
                }
            }
        }
    }
}

impl Asking {
    fn tell(&self, fact: Fact) -> Fact {
        match self {
            Asking::Arm(id, directory, level) => fact
                .word("effect", "arm")
                .word("kernel-watch", id.0)
                .word("level", format_args!("{level:?}"))
                .name("directory", directory),
            Asking::Disarm(id) => fact.word("effect", "disarm").word("kernel-watch", id.0),
            Asking::Scan(id, path, detail) => fact
                .word("effect", "scan")
                .word("scan", id.0)
                .word("detail", format_args!("{detail:?}"))
                .name("path", path),
            Asking::Forget(id) => fact.word("effect", "forget").word("scan", id.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_thousand_are_kept_and_told_in_order() {
        let mut ring = Ring::default();
        assert_eq!(ring.facts(0).count(), 0);
        let count = RING_MAX as u64 + 10;
        for id in 1..=u32::try_from(count).expect("because it is small") {
            ring.handle_time(Time(std::time::Duration::from_millis(id.into())));
            ring.note(Happening::SessionEnded(SessionId(id)));
        }
        for (after, first) in [(0, 11), (5, 11), (11, 12), (count - 1, count)] {
            let told: Vec<(u64, Fact)> = ring.facts(after).collect();
            assert_eq!(told.first().map(|(number, _)| *number), Some(first));
            assert_eq!(told.len() as u64, count + 1 - first);
            let ids_agree = |(number, fact): &(u64, Fact)| fact.get("id") == Some(&number.to_string());
            assert!(told.iter().all(ids_agree));
        }
        assert_eq!(ring.facts(count).count(), 0);
        assert_eq!(ring.facts(u64::MAX).count(), 0);
        let last = ring.facts(count - 1).next().expect("there is one").1;
        assert_eq!(last.to_string(), format!("ring at=1.034000 session=ends id={count}"));
    }

    #[test]
    fn what_is_kept_is_small() {
        let kept = RING_MAX * size_of::<(Time, Happening)>();
        assert!(kept <= 72 << 10, "{kept} bytes");
        assert!(size_of::<Name>() <= 40);
    }
}
