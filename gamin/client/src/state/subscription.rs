//! One request: what it is about, how far its listing has come, and what its caller was told.
//!
//! What is the difference between two states is left to [`super::told`].

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use gamin_protocol::{self as protocol, Code, Kind, Options, Request};

use super::queue::Queue;
use super::told::{Subject, Told};
use crate::{Event, RequestNumber};

/// A request, from the call that made it until its Acknowledge has been read.
#[derive(Debug)]
pub(super) struct Subscription {
    /// Its number on the wire.
    pub(super) wire: u16,
    /// The path as the caller spells it.
    pub(super) path: PathBuf,
    /// How many of its events wait in the queue, but for the Acknowledge.
    pub(super) queued: usize,
    kind: Kind,
    /// The caller is not told what exists (`FAMNoExists`). The server is asked for the listing all the
    /// same, because after a reconnect the difference is taken from it.
    quiet: bool,
    cancelled: bool,
    acknowledged: bool,
    told: Told,
    listing: Listing,
}

/// How far the listing has come.
#[derive(Debug)]
enum Listing {
    /// The first one is on its way to the caller.
    First,
    /// It is complete; each event is passed on as it comes.
    Complete,
    /// Another server makes it again: it is held back until it is complete and can be compared.
    Again {
        fresh: Told,
        /// The caller still waits for the end of the first.
        owes_end: bool,
    },
}

impl Subscription {
    pub(super) fn new(kind: Kind, path: &Path, wire: u16, quiet: bool) -> Subscription {
        Subscription {
            wire,
            path: path.to_owned(),
            queued: 0,
            kind,
            quiet,
            cancelled: false,
            acknowledged: false,
            told: Told::default(),
            listing: Listing::First,
        }
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled
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
            options: Options::TAGGED,
            path: self.path.as_os_str().as_bytes().to_vec(),
        }
    }

    /// Marks it as cancelled; says whether the server is to be told.
    pub(super) fn cancel(&mut self) -> bool {
        self.cancelled = true;
        self.told = Told::default();
        self.listing = Listing::First;
        !self.acknowledged
    }

    /// Marks it as ended; says whether it had not yet been.
    pub(super) fn acknowledge(&mut self) -> bool {
        !std::mem::replace(&mut self.acknowledged, true)
    }

    /// The server that made the listing is gone.
    pub(super) fn expect_new_listing(&mut self) {
        let owes_end = match &self.listing {
            Listing::First => true,
            Listing::Complete => false,
            Listing::Again { owes_end, .. } => *owes_end,
        };
        self.listing = Listing::Again { fresh: Told::default(), owes_end };
    }

    /// Takes an event that is no Acknowledge.
    pub(super) fn handle_event(&mut self, number: RequestNumber, event: protocol::Event, queue: &mut Queue) {
        if !self.is_live() {
            return;
        }
        let protocol::Event { code, path, tag, .. } = event;
        // An entry is a bare name. The original writes some events of the root with another spelling.
        let subject = if path.starts_with(b"/") { Subject::Root } else { Subject::Entry(path) };
        if let Listing::Again { fresh, owes_end } = &mut self.listing {
            fresh.apply(code, &subject, tag);
            if code == Code::END_EXIST {
                let (fresh, owes_end) = (std::mem::take(fresh), *owes_end);
                self.listing = Listing::Complete;
                self.catch_up(number, fresh, owes_end, queue);
            }
            return;
        }
        self.told.apply(code, &subject, tag);
        if code == Code::END_EXIST {
            self.listing = Listing::Complete;
        }
        self.deliver(number, code, subject, queue);
    }

    /// Tells the caller how what it was told became `fresh`.
    fn catch_up(&mut self, number: RequestNumber, mut fresh: Told, owes_end: bool, queue: &mut Queue) {
        let mut told = std::mem::take(&mut self.told);
        let mut news = Vec::new();
        if owes_end {
            told.complete(&mut fresh, &mut news);
            news.push((Code::END_EXIST, Subject::Root));
        }
        told.difference(&mut fresh, self.kind, &mut news);
        self.told = fresh;
        for (code, subject) in news {
            self.deliver(number, code, subject, queue);
        }
    }

    fn deliver(&mut self, request: RequestNumber, code: Code, subject: Subject, queue: &mut Queue) {
        if self.quiet && matches!(code, Code::EXISTS | Code::END_EXIST) {
            return;
        }
        let path = match subject {
            Subject::Root => self.path.clone(),
            Subject::Entry(name) => PathBuf::from(OsString::from_vec(name)),
        };
        queue.push(Event { request, code, path }, &mut self.queued);
    }
}
