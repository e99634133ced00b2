//! What clients ask a simulated world for, and what comes of it.
//!
//! A connection is left to `client`, the checkers to `checks`. Invariant: whoever waits here lets time pass for all.

use std::path::Path;
use std::time::Duration;

use gamin::state::{Outcome, State};
use gamin::{Error, Event, Kind, MonitorRequest, RequestNumber};
use gamin_core::engine::Time;

use super::client::{ClientId, ConnectionLost, SimClient};
use super::{Sim, SimError, TURNS_MAX};
use testgam_language::collection::Collection;

impl Sim {
    /// Opens a client's connection.
    ///
    /// # Errors
    /// [`SimError::NoServer`].
    pub fn connect(&mut self) -> Result<ClientId, SimError> {
        let id = ClientId(self.clients.len());
        self.clients.push(Some(SimClient::default()));
        if self.reconnect(id) {
            return Ok(id);
        }
        self.clients.pop();
        Err(SimError::NoServer)
    }

    /// Closes a client's connection.
    pub fn disconnect(&mut self, id: ClientId) {
        if let Some(mut client) = self.clients.get_mut(id.0).and_then(Option::take) {
            client.lose(self.now, &mut self.pipes);
        }
        self.witness.handle_disconnect(id);
    }

    /// Subscribes.
    ///
    /// # Errors
    /// As the client library's.
    pub fn monitor(
        &mut self,
        id: ClientId,
        kind: Kind,
        path: &Path,
        number: Option<RequestNumber>,
    ) -> Result<RequestNumber, SimError> {
        self.reconnect(id);
        let moves = self.client(id)?.tells_moves;
        let request = MonitorRequest { number, moves, ..MonitorRequest::new(path, kind.into()) };
        let number = self.command(id, |state| state.ask(&request))?;
        self.check_request(id, number, kind, path);
        Ok(number)
    }

    /// Subscribes to a directory and what is below it.
    ///
    /// # Errors
    /// As the client library's.
    pub fn collect(
        &mut self,
        id: ClientId,
        path: &Path,
        collection: &Collection,
    ) -> Result<RequestNumber, SimError> {
        self.reconnect(id);
        let moves = self.client(id)?.tells_moves;
        let request = MonitorRequest { moves, ..MonitorRequest::new(path, collection.scope()) };
        self.command(id, |state| state.ask(&request))
    }

    /// Holds back the events of a request, or goes on with them.
    ///
    /// # Errors
    /// As the client library's.
    pub fn suspend(
        &mut self,
        id: ClientId,
        number: RequestNumber,
        is_suspended: bool,
    ) -> Result<(), SimError> {
        match is_suspended {
            true => self.command(id, |state| state.suspend(number)),
            false => self.command(id, |state| state.resume(number)),
        }?;
        self.witness.handle_suspended(id, number.0, is_suspended);
        self.explore(id);
        Ok(())
    }

    /// Cancels.
    ///
    /// # Errors
    /// As the client library's.
    pub fn cancel(&mut self, id: ClientId, number: RequestNumber) -> Result<(), SimError> {
        self.command(id, |state| state.cancel(number))?;
        self.witness.handle_cancel(id, number.0);
        Ok(())
    }

    /// Asks for no listing of directories from now on.
    ///
    /// # Errors
    /// [`SimError::Disconnected`].
    pub fn no_exists(&mut self, id: ClientId) -> Result<(), SimError> {
        let client = self.client(id)?;
        client.state.set_no_exists();
        client.wants_no_listing = true;
        Ok(())
    }

    /// Asks for renames to be told as such, of what is asked for from now on.
    ///
    /// # Errors
    /// [`SimError::Disconnected`].
    pub fn tell_moves(&mut self, id: ClientId) -> Result<(), SimError> {
        self.client(id)?.tells_moves = true;
        Ok(())
    }

    /// Whether an event can be had at this moment.
    ///
    /// # Errors
    /// [`SimError::Disconnected`], [`SimError::Restless`].
    pub fn pending(&mut self, id: ClientId) -> Result<bool, SimError> {
        self.exchange(id, State::has_event)?;
        Ok(self.client(id)?.state.has_event())
    }

    /// Waits for an event, at most so long.
    ///
    /// # Errors
    /// [`SimError::Disconnected`], [`SimError::Restless`].
    pub fn next(&mut self, id: ClientId, patience: Duration) -> Result<Option<Event>, SimError> {
        let end = self.now + patience;
        let mut is_late = false;
        let event = loop {
            self.exchange(id, State::has_event)?;
            let event = self.client(id)?.state.poll_tagged();
            if event.is_some() || is_late {
                break event;
            }
            is_late = !self.step(Some(id), end);
        };
        self.check_event(id, event.as_ref());
        Ok(event.map(|(event, _)| event))
    }

    /// The barrier: afterwards every event of what has happened so far can be had.
    ///
    /// # Errors
    /// [`SimError::Unanswered`] after so long.
    pub fn sync(&mut self, id: ClientId, patience: Duration) -> Result<(), SimError> {
        let end = self.now + patience;
        loop {
            let branches = self.client(id)?.state.branches();
            self.barrier(id, patience, end)?;
            if self.client(id)?.state.branches() == branches {
                return Ok(());
            }
        }
    }

    fn barrier(&mut self, id: ClientId, patience: Duration, end: Time) -> Result<(), SimError> {
        self.exchange(id, |_| false)?;
        let asked = self.files.tree.journal().now();
        let token = self.command(id, State::ask_barrier)?;
        let mut is_late = false;
        let answered = loop {
            self.exchange(id, |state| state.outcome(token) != Outcome::Open)?;
            match self.client(id)?.state.outcome(token) {
                Outcome::Answered(_) => break Ok(()),
                Outcome::Unsupported => break Err(SimError::Client(Error::Unsupported)),
                Outcome::Open if is_late => break Err(SimError::Unanswered(patience)),
                Outcome::Open => is_late = !self.step(Some(id), end),
            }
        };
        self.client(id)?.state.forget_question(token);
        if answered.is_ok() {
            self.check_barrier(id, asked);
        }
        answered
    }

    pub(super) fn client(&mut self, id: ClientId) -> Result<&mut SimClient, SimError> {
        self.clients.get_mut(id.0).and_then(Option::as_mut).ok_or(SimError::Disconnected)
    }

    fn command<T>(
        &mut self,
        id: ClientId,
        command: impl FnOnce(&mut State) -> Result<T, Error>,
    ) -> Result<T, SimError> {
        let done = command(&mut self.client(id)?.state);
        if let Some(Some(client)) = self.clients.get_mut(id.0) {
            client.flush(&mut self.pipes);
        }
        Ok(done?)
    }

    /// Has a client and the server do what can be done at this moment, until the client has `enough`.
    fn exchange(&mut self, id: ClientId, enough: impl Fn(&State) -> bool) -> Result<(), SimError> {
        for _ in 0..TURNS_MAX {
            self.run_until_quiet()?;
            if enough(&self.client(id)?.state) || !self.reconnect(id) {
                return Ok(());
            }
            let Some(Some(client)) = self.clients.get_mut(id.0) else { return Err(SimError::Disconnected) };
            match client.exchange(&mut self.pipes, &enough) {
                // What was read makes room for more.
                Ok(true) => self.explore(id),
                Ok(false) => return self.run_until_quiet(),
                Err(ConnectionLost) => client.lose(self.now, &mut self.pipes),
            }
        }
        Err(self.restless())
    }

    /// Has a client look for directories among the names that its collections were told of.
    pub(super) fn explore(&mut self, id: ClientId) {
        let Some(Some(client)) = self.clients.get_mut(id.0) else { return };
        client.state.explore(|path| self.files.is_directory(path));
        client.flush(&mut self.pipes);
    }

    /// Makes sure that a client has a server; gives whether it has.
    pub(super) fn reconnect(&mut self, id: ClientId) -> bool {
        let Some(Some(client)) = self.clients.get_mut(id.0) else { return false };
        match client.next_attempt() {
            None => return true,
            Some(at) if at > self.now => return false,
            Some(_) if self.starts_on_demand => self.start(),
            Some(_) => {}
        }
        let Some(Some(client)) = self.clients.get_mut(id.0) else { return false };
        let Some(server) = &mut self.server else {
            client.postpone(self.now);
            return false;
        };
        let pipe = self.pipes.connect();
        server.connect(pipe);
        client.connect(self.now, &mut self.pipes, pipe);
        true
    }
}
