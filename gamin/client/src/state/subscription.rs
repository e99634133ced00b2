//! What one path is about on the wire: how far its listing has come, and what was told of it.
//!
//! Which path it is, whoever has the subscription knows. What is the difference between two states is left to [`super::told`], who hears of it to [`super::asked`].
//! Invariant: what is told leads from one state of the path to the next, however it was learnt: as it comes; or gathered apart
//! while another server makes the listing again, or while the caller wants to hear nothing, and told as a difference.

use gamin_protocol::{self as protocol, Code, Coverage, Kind, MonitorOptions, Request, Tag};

use super::told::{BareEvent, Before, Subject, Told};

/// A subscription, from the call that made it until it is acknowledged.
#[derive(Debug)]
pub(super) struct Subscription {
    /// Its number on the wire.
    pub(super) wire: u32,
    kind: Kind,
    cancelled: bool,
    acknowledged: bool,
    suspended: bool,
    wants: Wants,
    /// What its caller was told of how it is covered, and what the server says.
    coverage: Coverage,
    heard: Coverage,
    /// The listing that the server's events belong to is complete.
    listed: bool,
    told: Told,
    /// Unless each event is passed on as it comes.
    apart: Option<Box<Apart>>,
}

/// What a caller wants to know besides what happens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wants {
    /// How the path is covered.
    pub(super) coverage: bool,
    /// Which of what went and what came are the two halves of a rename.
    pub(super) moves: bool,
}

/// Something to tell.
#[derive(Debug)]
pub(super) struct News {
    pub(super) event: BareEvent,
    /// The fingerprint of the state that it tells of, if that is known.
    pub(super) tag: Option<Tag>,
    pub(super) before: Before,
}

/// Events that are gathered until they make a whole that can be compared with what was told, and somebody wants it.
#[derive(Debug)]
struct Apart {
    fresh: Told,
    /// They belong to another listing than the one that was told.
    renewed: bool,
    /// The caller still waits for the end of the first.
    owes_end: bool,
}

impl Subscription {
    pub(super) fn new(kind: Kind, wire: u32, wants: Wants) -> Subscription {
        Subscription {
            wire,
            kind,
            cancelled: false,
            acknowledged: false,
            suspended: false,
            wants,
            coverage: Coverage::Kernel,
            heard: Coverage::Kernel,
            listed: false,
            told: Told::default(),
            apart: None,
        }
    }

    /// Whether a server should know it.
    pub(super) fn is_live(&self) -> bool {
        !self.cancelled && !self.acknowledged
    }

    /// The request that makes a server know it, which is about this path.
    pub(super) fn request(&self, path: Vec<u8>) -> Request {
        Request::Monitor {
            seq: self.wire,
            kind: self.kind,
            options: [
                (self.wants.coverage, MonitorOptions::COVERAGE),
                (self.wants.moves, MonitorOptions::MOVES),
            ]
            .into_iter()
            .filter(|(is_wanted, _)| *is_wanted)
            .fold(MonitorOptions::TAGGED, |options, (_, option)| options.with(option)),
            path,
        }
    }

    /// Ends it; says whether the server is to be told.
    pub(super) fn cancel(&mut self) -> bool {
        let was_live = self.is_live();
        self.cancelled = true;
        self.coverage = Coverage::Kernel;
        self.listed = false;
        self.told = Told::default();
        self.apart = None;
        was_live
    }

    pub(super) fn is_acknowledged(&self) -> bool {
        self.acknowledged
    }

    /// Marks it as ended; says whether it had not yet been.
    pub(super) fn acknowledge(&mut self) -> bool {
        !std::mem::replace(&mut self.acknowledged, true)
    }

    /// What its caller was told of how it is covered.
    pub(super) fn coverage(&self) -> Coverage {
        self.coverage
    }

    /// The names that were told of what is in it.
    pub(super) fn entries(&self) -> impl Iterator<Item = &[u8]> {
        self.told.entries()
    }

    /// Takes an event for what it says of how the path is covered; gives that, if it is new to the caller.
    pub(super) fn handle_coverage(&mut self, event: &protocol::EventPacket) -> Option<Coverage> {
        if event.code == Code::Coverage {
            self.heard = Coverage::parse(&event.path)?;
        }
        self.settle_coverage(event.code == Code::EndExist)
    }

    /// Gives how the path is covered, if that is new to the caller, and it is to hear of it now: as what happens at the path, which
    /// it comes before.
    ///
    /// A server says so before its listing, or not at all if everything is as it should be. So with the end of the listing
    /// of another server, what the one before has said is over.
    fn settle_coverage(&mut self, ends: bool) -> Option<Coverage> {
        let is_heard = self.apart.is_none() || (self.listed || ends) && !self.suspended;
        let is_new = is_heard && self.is_live() && self.wants.coverage && self.coverage != self.heard;
        is_new.then(|| {
            self.coverage = self.heard;
            self.coverage
        })
    }

    /// The server that made the listing is gone.
    pub(super) fn expect_new_listing(&mut self) {
        self.heard = Coverage::Kernel;
        let owes_end = self.apart.as_ref().map_or(!self.listed, |apart| apart.owes_end);
        self.listed = false;
        self.apart = Some(Box::new(Apart { fresh: Told::default(), renewed: true, owes_end }));
    }

    /// Tells nothing from now on.
    pub(super) fn suspend(&mut self) {
        self.suspended = true;
        if self.apart.is_none() {
            let (fresh, owes_end) = (self.told.apart(), !self.listed);
            self.apart = Some(Box::new(Apart { fresh, renewed: false, owes_end }));
        }
    }

    /// Tells from now on whatever happens, and what is different since it was suspended, when it comes to [`Subscription::catch_up`]. Gives how the
    /// path is covered, if that is new, which is told before that.
    pub(super) fn resume(&mut self) -> Option<Coverage> {
        self.suspended = false;
        self.settle_coverage(false)
    }

    /// Whether its caller is told each event as it comes.
    #[inline]
    pub(super) fn is_direct(&self) -> bool {
        self.is_live() && self.apart.is_none()
    }

    /// Takes note of an event that its caller is told as it comes; gives what was told before.
    #[inline]
    pub(super) fn pass_on(&mut self, code: Code, subject: Subject<&[u8]>, tag: Option<Tag>) -> Before {
        if code == Code::EndExist {
            self.listed = true;
            self.told.settle();
        }
        self.told.apply(code, subject, tag)
    }

    /// Takes an event that is no Acknowledge; tells what is new.
    pub(super) fn handle_event(&mut self, event: protocol::EventPacket, tell: &mut impl FnMut(News)) {
        if !self.is_live() || event.code == Code::Coverage {
            return;
        }
        let protocol::EventPacket { code, path, tag, .. } = event;
        match &mut self.apart {
            None => {
                let before = self.pass_on(code, Subject::of(&path[..]), tag);
                tell(News { event: (code, Subject::of(path)), tag, before });
            }
            Some(apart) => {
                apart.fresh.apply(code, Subject::of(&path[..]), tag);
                if code == Code::EndExist {
                    self.listed = true;
                    self.catch_up(tell);
                }
            }
        }
    }

    /// Tells how what was told became what is now, unless that is not known yet, or not wanted.
    pub(super) fn catch_up(&mut self, tell: &mut impl FnMut(News)) {
        if self.suspended || !self.listed {
            return;
        }
        let Some(apart) = self.apart.take() else { return };
        let Apart { mut fresh, renewed, owes_end } = *apart;
        let mut told = std::mem::take(&mut self.told);
        let mut news = Vec::new();
        if owes_end {
            told.complete(&fresh, &mut news);
            news.push((Code::EndExist, Subject::Root));
        }
        told.difference(&fresh, renewed, self.kind, &mut news);
        if fresh.is_absent() {
            // What a server says of entries then is not told.
            fresh.take_entries();
        }
        fresh.settle();
        self.told = fresh;
        for event in news {
            let before = match &event {
                (Code::Deleted, Subject::Root) => Before::Entries(told.take_entries()),
                (code, _) => Before::shown_by(*code),
            };
            let tag = match &event {
                (Code::EndExist, _) => None,
                (_, subject) => self.told.tag(subject.as_slice()),
            };
            tell(News { event, tag, before });
        }
    }
}
