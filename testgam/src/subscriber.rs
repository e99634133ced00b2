//! A client in a scenario: its connection, its requests, what it was told and what it has not yet read.
//!
//! When to read is left to `interpreter`, how events are written to `transcript`. Invariant: every event
//! passes through [`Subscriber::receive`] once, and when checks are on it is checked there, before anybody
//! sees it.

use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use gamin::{Event, Kind};

use testgam_language::action::{Collect, Expected, Subscribe};
use testgam_language::transcript::{self, Shown};
use testgam_language::words::plain_or_quoted;
use testgam_worlds::check::{Checker, Complaint};
use testgam_worlds::sight::{Sight, Stamp};
use testgam_worlds::told::{Glimpse, Told, Violation, tells_presence};
use testgam_worlds::world::{Client, Monitor, Stage, StepError};

/// A client as the interpreter knows it.
pub struct Subscriber {
    /// What scripts call it.
    pub name: String,
    /// Whether it reads no events for now.
    pub is_suspended: bool,
    client: Option<Box<dyn Client>>,
    requests: Vec<i32>,
    data: BTreeMap<i32, Vec<u8>>,
    told: Option<BTreeMap<i32, Told>>,
    no_exists: bool,
    unread: VecDeque<Event>,
}

impl Subscriber {
    /// A client that is not connected. `checks` turns on the check of its stream.
    pub fn new(name: &str, checks: bool) -> Subscriber {
        Subscriber {
            name: name.to_owned(),
            is_suspended: false,
            client: None,
            requests: Vec::new(),
            data: BTreeMap::new(),
            told: checks.then(BTreeMap::new),
            no_exists: false,
            unread: VecDeque::new(),
        }
    }

    /// Takes an open connection.
    ///
    /// # Errors
    /// Says that there is one already.
    pub fn connect(&mut self, monitor: &mut dyn Monitor, id: Option<&OsStr>) -> Result<(), StepError> {
        if self.client.is_some() {
            return Err(StepError::Failed("already connected; `disconnect` ends that".into()));
        }
        self.client = Some(monitor.connect(id)?);
        Ok(())
    }

    /// Closes the connection; its requests end with it.
    ///
    /// # Errors
    /// Says that there is none, or that it did not end well.
    pub fn disconnect(&mut self) -> Result<(), StepError> {
        self.connected()?;
        let closed = self.client.take().map_or(Ok(()), Client::close);
        self.no_exists = false;
        self.unread.clear();
        if let Some(told) = &mut self.told {
            told.clear();
        }
        closed
    }

    /// The connection.
    ///
    /// # Errors
    /// Says that there is none.
    pub fn connected(&mut self) -> Result<&mut (dyn Client + 'static), StepError> {
        self.client
            .as_deref_mut()
            .ok_or_else(|| StepError::Failed("not connected; `connect` does that".into()))
    }

    /// The connection, if there is one.
    pub fn client(&self) -> Option<&dyn Client> {
        self.client.as_deref()
    }

    /// Whether it reads its events: connected and not suspended.
    pub fn is_reading(&self) -> bool {
        self.client.is_some() && !self.is_suspended
    }

    /// Subscribes; gives the index of the request.
    ///
    /// # Errors
    /// Says why not.
    pub fn monitor(&mut self, stage: &dyn Stage, monitor: &Subscribe) -> Result<usize, StepError> {
        let path = stage.spell(&monitor.path);
        let number = self.connected()?.monitor(monitor.kind, &path, monitor.number)?;
        let told = Told::new(monitor.kind, &path, self.no_exists);
        Ok(self.add(number, told, monitor.data.as_ref()))
    }

    /// Subscribes to a collection; gives the index of the request.
    ///
    /// # Errors
    /// Says why not.
    pub fn collect(&mut self, stage: &dyn Stage, collect: &Collect) -> Result<usize, StepError> {
        let path = stage.spell(&collect.path);
        let number = self.connected()?.collect(&path, &collect.collection)?;
        let told = Told::of_collection(&path, collect.collection.clone(), self.no_exists);
        Ok(self.add(number, told, collect.data.as_ref()))
    }

    fn add(&mut self, number: i32, told: Told, data: Option<&Vec<u8>>) -> usize {
        if let Some(all) = &mut self.told {
            all.insert(number, told);
        }
        self.data.remove(&number);
        if let Some(data) = data {
            self.data.insert(number, data.clone());
        }
        self.requests.push(number);
        self.requests.len() - 1
    }

    fn request(&self, index: usize) -> Result<i32, StepError> {
        let number = self.requests.get(index).copied();
        number.ok_or_else(|| {
            StepError::Failed(format!(
                "no request has the index {index}: they count from 0, and {} were made",
                self.requests.len()
            ))
        })
    }

    /// Cancels the request at `index`; gives how many were made.
    ///
    /// # Errors
    /// Says why not.
    pub fn cancel(&mut self, index: usize) -> Result<usize, StepError> {
        let number = self.request(index)?;
        self.connected()?.cancel(number)?;
        if let Some(told) = self.told.as_mut().and_then(|told| told.get_mut(&number)) {
            told.handle_cancel();
        }
        Ok(self.requests.len())
    }

    /// Holds back the events of the request at `index`, or goes on with them.
    ///
    /// # Errors
    /// Says why not.
    pub fn suspend_monitor(&mut self, index: usize, is_suspended: bool) -> Result<(), StepError> {
        let number = self.request(index)?;
        let client = self.connected()?;
        match is_suspended {
            true => client.suspend_monitor(number)?,
            false => client.resume_monitor(number)?,
        }
        if let Some(told) = self.told.as_mut().and_then(|told| told.get_mut(&number)) {
            told.suspend(is_suspended);
        }
        Ok(())
    }

    /// Asks for no listing of directories from now on.
    ///
    /// # Errors
    /// Says why not.
    pub fn no_exists(&mut self) -> Result<(), StepError> {
        self.connected()?.no_exists()?;
        self.no_exists = true;
        Ok(())
    }

    /// Whether an event can be had at once.
    ///
    /// # Errors
    /// Says that the connection is lost.
    pub fn pending(&mut self) -> Result<bool, StepError> {
        Ok(!self.unread.is_empty() || self.connected()?.pending()?)
    }

    /// Waits for an event from the server, checks it and keeps it as unread; gives it as it is shown. It `is_late` if it may
    /// have been told long ago.
    ///
    /// # Errors
    /// Says that the connection is lost, or that the event cannot be true.
    pub fn receive(
        &mut self,
        stage: &dyn Stage,
        patience: Duration,
        is_late: bool,
    ) -> Result<Option<Shown>, StepError> {
        let Some(event) = self.connected()?.next(patience)? else { return Ok(None) };
        let shown = self.shown(stage, &event);
        let checked = self.check(stage, &event, is_late);
        self.unread.push_back(event);
        let broken = |violation: Violation| {
            let what = format!("`{}` breaks the stream's promise: {violation}", shown.extended());
            Complaint::new(violation.checker(), what)
        };
        checked.map_err(broken)?;
        Ok(Some(shown))
    }

    fn check(&mut self, stage: &dyn Stage, event: &Event, is_late: bool) -> Result<(), Violation> {
        let (event, other) = event.clone().halves();
        self.check_half(stage, &event, is_late)?;
        other.map_or(Ok(()), |other| self.check_half(stage, &other, is_late))
    }

    fn check_half(&mut self, stage: &dyn Stage, event: &Event, is_late: bool) -> Result<(), Violation> {
        let Some(told) = &mut self.told else { return Ok(()) };
        let told = told.get_mut(&event.request.0).ok_or(Violation::Unknown)?;
        let is_there = tells_presence(event.code) == Some(true);
        let stamp = is_there.then(|| stamp(stage, told, event.path.as_os_str())).flatten();
        told.handle(event.code, event.path.as_os_str(), Glimpse { stamp, is_late })
    }

    /// An event as transcripts show it, without the client's name.
    fn shown(&self, stage: &dyn Stage, event: &Event) -> Shown {
        let Event { request, code, path, moved_to, .. } = event;
        let placed = |path: &Path| transcript::placed(path.as_os_str().as_bytes(), stage.directory());
        Shown {
            client: None,
            request: request.0,
            name: placed(path),
            code: *code,
            to: moved_to.as_ref().map(|to| (to.request.0, placed(&to.path))),
            data: self.data.get(&request.0).cloned(),
        }
    }

    /// How many events have not been read.
    pub fn unread(&self) -> usize {
        self.unread.len()
    }

    /// Reads the first of them.
    pub fn read(&mut self, stage: &dyn Stage) -> Option<Shown> {
        let event = self.unread.pop_front()?;
        Some(self.shown(stage, &event))
    }

    /// Reads the expected one among them, wherever it stands; with `first`, only if it is the first. Gives
    /// whether it was there.
    pub fn read_expected(&mut self, stage: &dyn Stage, expected: &Expected, first: bool) -> bool {
        let matches = |event: &Event| {
            let shown = self.shown(stage, event);
            (shown.request, shown.code) == (expected.request, expected.code) && shown.name == expected.name
        };
        match self.unread.iter().position(matches) {
            Some(at) if at == 0 || !first => self.unread.remove(at).is_some(),
            _ => false,
        }
    }

    /// Compares what was told by every live request with what is on disk.
    ///
    /// # Errors
    /// Says what differs first.
    pub fn converged(&self, stage: &dyn Stage) -> Result<(), Complaint> {
        let proof = self.client().and_then(Client::compare);
        // A claim is about all that a watcher has told, and needs no other proof.
        if let Some(Err(complaint @ Complaint { checker: Checker::Claim(_), .. })) = proof {
            return Err(complaint);
        }
        let compared = self
            .compared(stage, proof.is_some())
            .and_then(|()| proof.transpose().map(drop).map_err(|complaint| complaint.to_string()));
        compared.map_err(|why| Complaint::new(Checker::Converged, format!("{}: {why}", self.name)))
    }

    /// The first difference between what was told and what is to be seen. `has_proof`: the world has compared already what changed.
    fn compared(&self, stage: &dyn Stage, has_proof: bool) -> Result<(), String> {
        let is_compared = |told: &Told| told.is_live() && !told.is_suspended();
        for (number, told) in self.told.iter().flatten().filter(|(_, told)| is_compared(told)) {
            let place =
                |name: &OsStr| plain_or_quoted(&transcript::placed(name.as_bytes(), stage.directory()));
            let path = place(told.path().as_os_str());
            if told.is_listing() {
                return Err(format!("request {number} on {path} has had no EndExist"));
            }
            // A world that knows better does not know collections.
            let by_stamps = !has_proof || told.is_collection();
            told.compare(&told.sight(|path| stage.look(path)), by_stamps).map_err(|(name, why)| {
                let name = name.map_or_else(String::new, |name| format!("{} ", place(&name)));
                format!("request {number} on {path}: {name}{why}")
            })?;
        }
        Ok(())
    }

    /// Checks that nothing is owed once everything has been reported.
    ///
    /// # Errors
    /// Says which request had no EndExist, or no Acknowledge.
    pub fn settled(&self) -> Result<(), StepError> {
        for (number, told) in self.told.iter().flatten() {
            let missing = match told {
                told if told.is_listing() && !told.is_suspended() => "EndExist",
                told if told.awaits_acknowledge() => "Acknowledge",
                _ => continue,
            };
            let what = format!("request {number} of {} has had no {missing}", self.name);
            return Err(Complaint::new(Checker::ConsistentStream, what).into());
        }
        Ok(())
    }
}

/// What is to be seen now of the name of an event.
fn stamp(stage: &dyn Stage, told: &Told, name: &OsStr) -> Option<Stamp> {
    if !told.is_root(name) {
        return stage.look_at_entry(told.path(), name);
    }
    // Of a directory that is monitored as one, only the presence is told.
    match told.kind() {
        Kind::Directory => None,
        Kind::File => match stage.look(told.path()) {
            Sight::File(stamp) | Sight::Directory(stamp, _) => Some(stamp),
            Sight::Missing | Sight::Hidden => None,
        },
    }
}
