//! What one path is about on the wire: how far its listing has come, and what was told of it.
//!
//! What is the difference between two states is left to [`super::told`], who hears of it to [`super::asked`].
//! Invariant: what is told leads from one state of the path to the next, however it was learnt: as it comes; or gathered apart
//! while another server makes the listing again, or while the caller wants to hear nothing, and told as a difference.

use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use gamin_protocol::{self as protocol, Code, Coverage, Kind, MonitorOptions, Request, Tag};

use super::told::{BareEvent, Subject, Told};

/// A subscription, from the call that made it until it is acknowledged.
#[derive(Debug)]
pub(super) struct Subscription {
    /// Its number on the wire.
    pub(super) wire: u32,
    path: PathBuf,
    kind: Kind,
    cancelled: bool,
    acknowledged: bool,
    suspended: bool,
    /// Whether the caller wants to know how it is covered, what it was told of that, and what the server says.
    wants_coverage: bool,
    coverage: Coverage,
    heard: Coverage,
    told: Told,
    course: Course,
}

/// The way that the server's events take.
#[derive(Debug)]
enum Course {
    /// Each is passed on as it comes.
    Direct { listed: bool },
    /// They are gathered until they make a whole that can be compared with what was told, and somebody wants it.
    Apart {
        fresh: Box<Told>,
        /// The listing that they belong to is complete.
        listed: bool,
        /// It is another listing than the one that was told.
        renewed: bool,
        /// The caller still waits for the end of the first.
        owes_end: bool,
    },
}

impl Subscription {
    pub(super) fn new(kind: Kind, path: PathBuf, wire: u32, wants_coverage: bool) -> Subscription {
        Subscription {
            wire,
            path,
            kind,
            cancelled: false,
            acknowledged: false,
            suspended: false,
            wants_coverage,
            coverage: Coverage::Kernel,
            heard: Coverage::Kernel,
            told: Told::default(),
            course: Course::Direct { listed: false },
        }
    }

    /// Whether a server should know it.
    pub(super) fn is_live(&self) -> bool {
        !self.cancelled && !self.acknowledged
    }

    /// The request that makes a server know it.
    pub(super) fn request(&self) -> Request {
        Request::Monitor {
            seq: self.wire,
            kind: self.kind,
            options: if self.wants_coverage {
                MonitorOptions::TAGGED.with(MonitorOptions::COVERAGE)
            } else {
                MonitorOptions::TAGGED
            },
            path: self.path.as_os_str().as_bytes().to_vec(),
        }
    }

    /// Ends it; says whether the server is to be told.
    pub(super) fn cancel(&mut self) -> bool {
        let was_live = self.is_live();
        self.cancelled = true;
        self.coverage = Coverage::Kernel;
        self.told = Told::default();
        self.course = Course::Direct { listed: false };
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
        let is_heard = match self.course {
            Course::Direct { .. } => true,
            Course::Apart { listed, .. } => (listed || ends) && !self.suspended,
        };
        let is_new = is_heard && self.is_live() && self.wants_coverage && self.coverage != self.heard;
        is_new.then(|| {
            self.coverage = self.heard;
            self.coverage
        })
    }

    /// The server that made the listing is gone.
    pub(super) fn expect_new_listing(&mut self) {
        self.heard = Coverage::Kernel;
        let owes_end = match &self.course {
            Course::Direct { listed } => !listed,
            Course::Apart { owes_end, .. } => *owes_end,
        };
        self.course = Course::Apart { fresh: Box::default(), listed: false, renewed: true, owes_end };
    }

    /// Tells nothing from now on.
    pub(super) fn suspend(&mut self) {
        self.suspended = true;
        if let Course::Direct { listed } = self.course {
            let fresh = Box::new(self.told.apart());
            self.course = Course::Apart { fresh, listed, renewed: false, owes_end: !listed };
        }
    }

    /// Tells what is different since it was suspended, first of how the path is covered, and from now on whatever happens.
    pub(super) fn resume(&mut self) -> (Option<Coverage>, Vec<BareEvent>) {
        self.suspended = false;
        (self.settle_coverage(false), self.catch_up())
    }

    /// Whether its caller is told each event as it comes.
    pub(super) fn is_direct(&self) -> bool {
        self.is_live() && matches!(self.course, Course::Direct { .. })
    }

    /// Takes note of an event that its caller is told as it comes.
    pub(super) fn pass_on(&mut self, code: Code, subject: Subject<&[u8]>, tag: Option<Tag>) {
        if let Course::Direct { listed } = &mut self.course {
            *listed |= code == Code::EndExist;
        }
        self.told.apply(code, subject, tag);
    }

    /// Takes an event that is no Acknowledge; tells what is new.
    pub(super) fn handle_event(
        &mut self,
        event: protocol::EventPacket,
        tell: &mut impl FnMut(BareEvent, Option<Tag>),
    ) {
        if !self.is_live() || event.code == Code::Coverage {
            return;
        }
        let protocol::EventPacket { code, path, tag, .. } = event;
        match &mut self.course {
            Course::Direct { .. } => {
                self.pass_on(code, Subject::of(&path[..]), tag);
                tell((code, Subject::of(path)), tag);
            }
            Course::Apart { fresh, listed, .. } => {
                *listed |= code == Code::EndExist;
                fresh.apply(code, Subject::of(&path[..]), tag);
                if code == Code::EndExist {
                    for news in self.catch_up() {
                        let tag = self.tag(&news);
                        tell(news, tag);
                    }
                }
            }
        }
    }

    /// The fingerprint of the state that news tell of, if it is known.
    pub(super) fn tag(&self, (code, subject): &BareEvent) -> Option<Tag> {
        if *code == Code::EndExist { None } else { self.told.tag(subject.as_slice()) }
    }

    /// Tells how what was told became what is now, unless that is not known yet, or not wanted.
    fn catch_up(&mut self) -> Vec<BareEvent> {
        let mut news = Vec::new();
        let Course::Apart { fresh, listed: true, renewed, owes_end } = &mut self.course else { return news };
        if self.suspended {
            return news;
        }
        let mut told = std::mem::take(&mut self.told);
        if *owes_end {
            told.complete(fresh, &mut news);
            news.push((Code::EndExist, Subject::Root));
        }
        told.difference(fresh, *renewed, self.kind, &mut news);
        self.told = std::mem::take(&mut **fresh);
        self.course = Course::Direct { listed: true };
        news
    }
}
