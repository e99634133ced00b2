//! What the caller asked for under one request number: a path, or a tree of them, which takes several subscriptions.
//!
//! How a tree grows is left to [`super::tree`]. Invariant: whatever it took, its caller sees one request: events with its
//! spelling, one EndExist unless it wanted none, and one Acknowledge, when the last subscription has ended.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gamin_protocol::{self as protocol, Code, Coverage, Kind, Request, Tag};

use super::queue::Queue;
use super::subscription::{News, Subscription};
use super::told::{BareEvent, Subject};
use super::tree::{Tree, TreeEvent, TreeOptions};
use crate::{Event, EventRef, RequestNumber};

/// Something to monitor, in full.
#[derive(Debug, Clone)]
pub struct MonitorRequest<'a> {
    /// Where.
    pub path: &'a Path,
    /// How much of it.
    pub scope: Scope,
    /// The number that the request is to have, if not the next free one.
    pub number: Option<RequestNumber>,
    /// A word of the caller's, which comes back with each event.
    pub user_data: usize,
    /// Whether to tell what is not followed as it should be ([`Code::Coverage`]).
    pub coverage: bool,
    /// Whether a rename from one name to another of what is monitored so is told as one event ([`Code::Moved`]), where both halves of it are told
    /// one behind the other. They are not if something else is to be told between them, if the caller is far behind, if a look at the directory
    /// found them, or if the server is the original's: then something is Deleted and something else Created.
    pub moves: bool,
}

impl<'a> MonitorRequest<'a> {
    /// A request for a path, with nothing special about it.
    pub fn new(path: &'a Path, scope: Scope) -> MonitorRequest<'a> {
        MonitorRequest { path, scope, number: None, user_data: 0, coverage: false, moves: false }
    }
}

/// How much is monitored at a path.
#[derive(Debug, Clone)]
pub enum Scope {
    /// The path, whatever it is; of a directory, also that its entries come and go.
    File,
    /// The directory and its entries.
    Directory,
    /// The directory and what is below it.
    Tree(TreeOptions),
}

impl From<Kind> for Scope {
    fn from(kind: Kind) -> Scope {
        match kind {
            Kind::File => Scope::File,
            Kind::Directory => Scope::Directory,
        }
    }
}

/// A request, from the call that made it until its Acknowledge has been read.
#[derive(Debug)]
pub(super) struct Asked {
    caller: Caller,
    cancelled: bool,
    ended: bool,
    what: Monitored,
}

/// What there is to know about the caller, to tell it something.
#[derive(Debug)]
struct Caller {
    number: RequestNumber,
    path: Arc<Path>,
    user_data: usize,
    /// It is not told what exists (`FAMNoExists`). The server is asked for the listing all the same, because after
    /// a reconnect the difference is taken from it.
    quiet: bool,
    wants_coverage: bool,
}

#[derive(Debug)]
pub(super) enum Monitored {
    Path(Subscription),
    Tree(Box<Tree>),
}

impl Asked {
    pub(super) fn new(
        number: RequestNumber,
        request: &MonitorRequest<'_>,
        quiet: bool,
        what: Monitored,
    ) -> Asked {
        let caller = Caller {
            number,
            path: request.path.into(),
            user_data: request.user_data,
            quiet,
            wants_coverage: request.coverage,
        };
        Asked { caller, cancelled: false, ended: false, what }
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled
    }

    /// The wire numbers that a server should know, each with the request that makes it known.
    pub(super) fn live(&self) -> impl Iterator<Item = (u32, Request)> {
        let (path, tree) = match &self.what {
            Monitored::Path(subscription) => (Some(subscription), None),
            Monitored::Tree(tree) => (None, Some(&**tree)),
        };
        let path = path.filter(|subscription| subscription.is_live());
        let path = path.map(|one| (one.wire, one.request(self.caller.path.as_os_str().as_bytes().to_vec())));
        path.into_iter().chain(tree.into_iter().flat_map(Tree::live))
    }

    fn subscriptions_mut(&mut self) -> impl Iterator<Item = &mut Subscription> {
        let (path, tree) = match &mut self.what {
            Monitored::Path(subscription) => (Some(subscription), None),
            Monitored::Tree(tree) => (None, Some(&mut **tree)),
        };
        path.into_iter().chain(tree.into_iter().flat_map(Tree::subscriptions_mut))
    }

    /// The tree that it is about, unless it is about a path, or cancelled.
    pub(super) fn tree_mut(&mut self) -> Option<&mut Tree> {
        match &mut self.what {
            Monitored::Tree(tree) if !self.cancelled => Some(tree),
            Monitored::Tree(_) | Monitored::Path(_) => None,
        }
    }

    pub(super) fn is_tree(&self) -> bool {
        matches!(self.what, Monitored::Tree(_))
    }

    /// Whether its caller is told an event with this code as it comes, and nothing else.
    #[inline]
    pub(super) fn is_passed_on(&self, code: Code) -> bool {
        let Monitored::Path(subscription) = &self.what else { return false };
        match code {
            Code::Acknowledge | Code::Answer | Code::Coverage | Code::Moved => false,
            Code::Exists | Code::EndExist if self.caller.quiet => false,
            _ => subscription.is_direct(),
        }
    }

    /// Takes note of such an event; gives what its caller is told.
    #[inline(always)]
    pub(super) fn pass_on<'a>(&'a mut self, event: &protocol::EventPacket<&'a [u8]>) -> EventRef<'a> {
        let subject = Subject::of(event.path);
        if let Monitored::Path(subscription) = &mut self.what {
            subscription.pass_on(event.code, subject, event.tag);
        }
        EventRef {
            request: self.caller.number,
            user_data: self.caller.user_data,
            code: event.code,
            path: match subject {
                Subject::Root => &self.caller.path,
                Subject::Entry(name) => Path::new(OsStr::from_bytes(name)),
            },
            root: &self.caller.path,
            coverage: None,
            moved_to: None,
        }
    }

    /// Takes an event of one of its subscriptions that is no Acknowledge.
    pub(super) fn handle_event(&mut self, event: protocol::EventPacket, queue: &mut Queue) {
        match &mut self.what {
            Monitored::Path(subscription) => {
                if let Some(coverage) = subscription.handle_coverage(&event) {
                    self.caller.cover(coverage, Subject::Root, queue);
                }
                subscription
                    .handle_event(event, &mut |News { event, tag, .. }| self.caller.tell(event, tag, queue));
            }
            Monitored::Tree(tree) => {
                tree.handle_event(event);
                self.deliver_tree(queue);
            }
        }
    }

    /// Takes the Acknowledge of the subscription with the wire number `seq`; says whether it has one.
    pub(super) fn acknowledge(&mut self, seq: u32) -> bool {
        match &mut self.what {
            Monitored::Path(subscription) => subscription.acknowledge(),
            Monitored::Tree(tree) => tree.acknowledge(seq),
        }
    }

    /// Gives the Acknowledge, once, when nothing more will come of it.
    pub(super) fn end(&mut self) -> Option<Event> {
        let is_over = self.subscriptions_mut().all(|subscription| subscription.is_acknowledged());
        (is_over && !std::mem::replace(&mut self.ended, true))
            .then(|| self.caller.event(Code::Acknowledge, self.caller.path.to_path_buf()))
    }

    /// The server is gone; gives the wire numbers of the subscriptions that it need not acknowledge any more.
    pub(super) fn handle_lost(&mut self) -> Vec<u32> {
        let mut over = Vec::new();
        for subscription in self.subscriptions_mut() {
            if subscription.is_live() {
                subscription.expect_new_listing();
            } else {
                over.push(subscription.wire);
            }
        }
        over.retain(|wire| self.acknowledge(*wire));
        over
    }

    /// Marks it as cancelled; gives the wire numbers of the subscriptions that end with it.
    pub(super) fn cancel(&mut self) -> Vec<u32> {
        self.cancelled = true;
        self.subscriptions_mut().filter_map(|one| one.cancel().then_some(one.wire)).collect()
    }

    /// Holds back what happens from now on.
    pub(super) fn suspend(&mut self) {
        match &mut self.what {
            Monitored::Path(subscription) => subscription.suspend(),
            Monitored::Tree(tree) => tree.suspend(),
        }
    }

    /// Tells what is different since it was suspended.
    pub(super) fn resume(&mut self, queue: &mut Queue) {
        match &mut self.what {
            Monitored::Path(subscription) => {
                if let Some(coverage) = subscription.resume() {
                    self.caller.cover(coverage, Subject::Root, queue);
                }
                subscription.catch_up(&mut |News { event, tag, .. }| self.caller.tell(event, tag, queue));
            }
            Monitored::Tree(tree) => {
                tree.resume();
                self.deliver_tree(queue);
            }
        }
    }

    /// Passes on what a tree has to tell.
    pub(super) fn deliver_tree(&mut self, queue: &mut Queue) {
        let Monitored::Tree(tree) = &mut self.what else { return };
        for event in tree.poll_events() {
            match event {
                TreeEvent::Happened(news) => self.caller.tell(news, None, queue),
                TreeEvent::Covered(subject, coverage) => self.caller.cover(coverage, subject, queue),
            }
        }
    }
}

impl Caller {
    fn event(&self, code: Code, path: PathBuf) -> Event {
        Event {
            request: self.number,
            user_data: self.user_data,
            code,
            path,
            root: Arc::clone(&self.path),
            coverage: None,
            moved_to: None,
        }
    }

    fn path_of(&self, subject: Subject) -> PathBuf {
        match subject {
            Subject::Root => self.path.to_path_buf(),
            Subject::Entry(name) => PathBuf::from(OsString::from_vec(name)),
        }
    }

    /// Tells how something is covered, if that is wanted.
    fn cover(&self, coverage: Coverage, subject: Subject, queue: &mut Queue) {
        if self.wants_coverage {
            let event = self.event(Code::Coverage, self.path_of(subject));
            queue.push(Event { coverage: Some(coverage), ..event }, None);
        }
    }

    fn tell(&self, (code, subject): BareEvent, tag: Option<Tag>, queue: &mut Queue) {
        if self.quiet && matches!(code, Code::Exists | Code::EndExist) {
            return;
        }
        let event = self.event(code, self.path_of(subject));
        queue.push(event, tag);
    }
}
