//! The checkers in the simulated world: what they are told, and when.
//!
//! What they demand is left to `check`. Invariant: the first complaint stands, and whoever asks hears it.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use gamin::{Event, Kind, RequestNumber};
use gamin_core::SessionId;
use gamin_core::engine::{Name, Tag};

use super::Sim;
use super::client::ClientId;
use super::journal::Moment;
use super::rest::{Link, Rest};
use crate::check::{Checker, Complaint};

/// How many events about the path itself may wait: that it went, that it came, and the end of its listing.
const OF_THE_ROOT: usize = 3;

impl Sim {
    /// What a checker has found.
    pub fn complaint(&self) -> Option<&Complaint> {
        self.complaint.as_ref()
    }

    /// Compares what a client was told with what is there.
    ///
    /// # Errors
    /// The first difference.
    pub fn compare(&self, id: ClientId) -> Result<(), Complaint> {
        self.witness.compare(id, self.files.tree.journal())
    }

    /// Whether everything was given back, now that nobody is connected.
    ///
    /// # Errors
    /// What was not, or that somebody is still there.
    pub fn given_back(&mut self) -> Result<(), Complaint> {
        let complain = |what: String| Err(Complaint::new(Checker::GivenBack, what));
        if self.clients.iter().any(Option::is_some) {
            return complain("a client is still connected".into());
        }
        if let Err(why) = self.run_until_quiet() {
            return complain(why.to_string());
        }
        let watches = self.server.as_ref().map_or(0, super::host::Host::watches);
        let paces = self.server.as_ref().map_or(0, |server| server.core().census().engine.paces);
        let connections = self.pipes.count();
        if watches + paces + connections > 0 {
            return complain(format!(
                "still held are {watches} kernel watches, {paces} paces, {connections} connections"
            ));
        }
        self.complaint.clone().map_or(Ok(()), Err)
    }

    /// Whether nothing is going to happen by itself.
    ///
    /// # Errors
    /// What is.
    pub fn quiet(&mut self) -> Result<(), Complaint> {
        let complain = |what: String| Err(Complaint::new(Checker::Quiet, what));
        if let Err(why) = self.run_until_quiet() {
            return complain(why.to_string());
        }
        match self.server.as_ref().and_then(|server| server.core().next_deadline()) {
            None => Ok(()),
            Some(due) => complain(format!(
                "in {:?} there is something to do: {:?}",
                due.at.since(self.now),
                due.reason
            )),
        }
    }

    pub(super) fn check_rest(&mut self) {
        let Some(server) = self.server.as_ref().filter(|_| !self.is_stopped) else { return };
        let core = server.core();
        let census = core.census();
        let journal = self.files.tree.journal();
        let names =
            journal.subjects().filter_map(|subject| Some(journal.chronicle(subject)?.entries.len())).max();
        let waiting_max = census.subscriptions * (names.unwrap_or(0) + OF_THE_ROOT);
        let link = |pipe: &super::pipe::PipeId| {
            let session = SessionId(pipe.0);
            let (ready, waiting) = (core.transmit(session).len(), core.waiting(session));
            Link { ready, has_room: self.pipes.has_room(*pipe), waiting, waiting_max }
        };
        let links = server.connections().map(|pipe| link(&pipe)).collect();
        // What a collection watches is not followed.
        let others = census.engine.watches.saturating_sub(journal.subjects().count());
        let rescans_max = (!server.has_slow_scans()).then(|| journal.count_waiting() + others);
        let (deadline, armings) = (core.next_deadline(), server.armings());
        let is_unread = self.files.tree.notifier.as_ref().is_some_and(|notifier| !notifier.is_empty());
        let has_notices = is_unread && self.faults.deaf_until.is_none_or(|until| until <= self.now);
        let wakes_at = server.next_deadline();
        let rest =
            Rest { now: self.now, census, deadline, armings, has_notices, wakes_at, rescans_max, links };
        if !is_unread && census.engine.rescans + census.engine.held == 0 {
            self.witness.handle_rest(journal.now());
        }
        let checked = rest.check();
        self.note(checked);
    }

    pub(super) fn check_trespass(&mut self) {
        if let Some(path) = self.files.trespass.take() {
            let what = format!("the server itself has looked at {} over a remote mount", path.escape_ascii());
            self.note(Err(Complaint::new(Checker::NotHeldUp, what)));
        }
    }

    pub(super) fn check_request(&mut self, id: ClientId, number: RequestNumber, kind: Kind, path: &Path) {
        let has_listing = kind == Kind::File || !self.client(id).is_ok_and(|client| client.wants_no_listing);
        if let Some(subject) = self.witness.handle_monitor(id, number.0, kind, path, has_listing) {
            self.files.tree.follow(subject);
        }
    }

    pub(super) fn check_event(&mut self, id: ClientId, event: Option<&(Event, Option<Tag>)>) {
        let strays = self.client(id).map_or(0, |client| client.state.strays());
        if strays > 0 {
            let what = format!("the server has spoken {strays} times of a request that was over");
            self.note(Err(Complaint::new(Checker::OneAcknowledge, what)));
        }
        let journal = self.files.tree.journal();
        let checked = match event {
            Some((event, tag)) => match event.clone().halves() {
                (event, None) => self.witness.handle_event(id, &event, *tag, journal),
                (gone, Some(come)) => self
                    .check_move(&gone, &come)
                    .and_then(|()| self.witness.handle_event(id, &gone, None, journal))
                    .and_then(|()| self.witness.handle_event(id, &come, *tag, journal)),
            },
            None => self.witness.handle_all_read(id, journal),
        };
        self.note(checked);
    }

    /// What was told to have moved has.
    fn check_move(&self, gone: &Event, come: &Event) -> Result<(), Complaint> {
        let name = |event: &Event| Name::from(event.full_path().file_name().unwrap_or_default().as_bytes());
        let names = [name(gone), name(come)];
        Checker::NoPhantom.demand(self.files.tree.journal().has_renamed(&names), || {
            format!(
                "{} is told to have moved to {}, and it never did",
                gone.path.display(),
                come.path.display()
            )
        })
    }

    pub(super) fn check_barrier(&mut self, id: ClientId, asked: Moment) {
        if !self.setup.may_tell_nothing() {
            self.witness.handle_barrier(id, asked, self.files.tree.journal());
        }
    }

    pub(super) fn note(&mut self, checked: Result<(), Complaint>) {
        if let Err(complaint) = checked {
            self.complaint.get_or_insert(complaint);
        }
    }
}
