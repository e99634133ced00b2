//! A client of watchers: starts one for each request, and turns what they say into events.
//!
//! What is said is left to `watching`. Invariant: the events of a request could be those of our own server: a listing, and then only what changes
//! what was told before.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use gamin::{Code, Event, Kind, RequestNumber};
use testgam_language::collection::Collection;

use super::account::Turn;
use super::entry::PeerScope;
use super::watching::{PeerWatch, Task, Watchings};
use crate::check::Complaint;
use crate::world::{Client, StepError};

/// The mask that leaves out nothing.
const ALL: &[u8] = b"*";

/// A connection, as a scenario sees it.
#[derive(Debug)]
pub(super) struct PeerClient {
    task: Task,
    /// Those of all clients, for who disturbs them.
    watchings: Watchings,
    requests: Vec<Request>,
    last_number: i32,
    events: VecDeque<Event>,
}

/// One watcher, and what it was started for.
#[derive(Debug)]
struct Request {
    number: i32,
    /// As it was asked for.
    path: PathBuf,
    watching: Rc<RefCell<PeerWatch>>,
}

impl PeerClient {
    /// One that has asked for nothing yet.
    pub fn new(task: Task, watchings: Watchings) -> PeerClient {
        PeerClient { task, watchings, requests: Vec::new(), last_number: 0, events: VecDeque::new() }
    }

    /// Starts a watcher; what is there already is told as a listing.
    fn watch(&mut self, path: &Path, depth: u32, number: Option<i32>) -> Result<i32, StepError> {
        let cannot = |why: &str| Err(StepError::Impossible(why.into()));
        let Some(directory) = path.canonicalize().ok().filter(|path| path.is_dir()) else {
            return cannot("a watcher is judged by directories that are there");
        };
        if self.task.peer.scope == PeerScope::Directory && depth > 1 {
            return cannot("this watcher does not promise what is below");
        }
        let number = number.unwrap_or(self.last_number + 1);
        if self.requests.iter().any(|request| request.number == number) {
            return cannot("a number is used once");
        }
        let watching = PeerWatch::start(Task { directory, depth, ..self.task.clone() })?;
        let watching = Rc::new(RefCell::new(watching));
        self.watchings.borrow_mut().push(Rc::clone(&watching));
        self.last_number = self.last_number.max(number);
        self.requests.push(Request { number, path: path.to_owned(), watching });
        let request = &self.requests[self.requests.len() - 1];
        let names = request.watching.borrow_mut().take_turns().into_iter();
        let names = names.filter(|(_, turn)| *turn == Turn::Came).map(|(name, _)| name);
        let listing = [(path.to_owned(), Code::Exists)].into_iter();
        let listing = listing.chain(names.map(|name| (name, Code::Exists)));
        let listing = listing.chain([(path.to_owned(), Code::EndExist)]);
        self.events.extend(listing.map(|(name, code)| event(request, name, code)));
        Ok(number)
    }

    /// Takes what became of names as events.
    fn take(&mut self) {
        for request in &self.requests {
            let turns = request.watching.borrow_mut().take_turns();
            self.events.extend(turns.into_iter().map(|(name, turn)| {
                let code = match turn {
                    Turn::Came => Code::Created,
                    Turn::Changed => Code::Changed,
                    Turn::Went => Code::Deleted,
                };
                event(request, name, code)
            }));
        }
    }

    fn hear(&mut self, patience: Duration) -> Result<(), StepError> {
        let count = self.requests.len().max(1) as u32;
        for request in &self.requests {
            request.watching.borrow_mut().hear(patience / count)?;
        }
        self.take();
        Ok(())
    }
}

impl Client for PeerClient {
    fn monitor(&mut self, kind: Kind, path: &Path, number: Option<i32>) -> Result<i32, StepError> {
        match kind {
            Kind::Directory => self.watch(path, 1, number),
            Kind::File => Err(StepError::Impossible("a watcher is judged by directories".into())),
        }
    }

    fn collect(&mut self, path: &Path, collection: &Collection) -> Result<i32, StepError> {
        if collection.mask != ALL {
            return Err(StepError::Impossible("a watcher is not asked to leave out names".into()));
        }
        self.watch(path, collection.depth, None)
    }

    fn cancel(&mut self, number: i32) -> Result<(), StepError> {
        let Some(at) = self.requests.iter().position(|request| request.number == number) else {
            return Err(StepError::Failed(format!("there is no request {number}")));
        };
        let request = self.requests.remove(at);
        self.watchings.borrow_mut().retain(|watching| !Rc::ptr_eq(watching, &request.watching));
        self.events.push_back(event(&request, request.path.clone(), Code::Acknowledge));
        Ok(())
    }

    fn pending(&mut self) -> Result<bool, StepError> {
        self.hear(Duration::ZERO)?;
        Ok(!self.events.is_empty())
    }

    /// Waits no longer than something late may take: what a watcher has not told by then, it does not tell.
    fn next(&mut self, patience: Duration) -> Result<Option<Event>, StepError> {
        let began = Instant::now();
        let graces = self.requests.iter().map(|request| request.watching.borrow().grace());
        let patience = patience.min(graces.max().unwrap_or_default());
        self.take();
        while self.events.is_empty() {
            let left = patience.saturating_sub(began.elapsed());
            self.hear(left)?;
            if left.is_zero() {
                break;
            }
        }
        Ok(self.events.pop_front())
    }

    fn sync(&mut self) -> Result<(), StepError> {
        let settled = self.requests.iter().try_for_each(|request| request.watching.borrow_mut().settle());
        self.take();
        settled
    }

    fn compare(&self) -> Option<Result<(), Complaint>> {
        let mut complaints = self.requests.iter().filter_map(|request| request.watching.borrow().complaint());
        Some(complaints.next().map_or(Ok(()), Err))
    }

    fn promises_steps(&self) -> bool {
        false
    }

    fn limit(&mut self, bytes: Option<usize>) -> Result<(), StepError> {
        self.requests.iter().for_each(|request| request.watching.borrow_mut().limit(bytes));
        Ok(())
    }
}

impl Drop for PeerClient {
    fn drop(&mut self) {
        for request in &self.requests {
            request.watching.borrow_mut().kill();
        }
    }
}

fn event(request: &Request, path: PathBuf, code: Code) -> Event {
    Event {
        request: RequestNumber(request.number),
        user_data: 0,
        code,
        path,
        root: request.path.as_path().into(),
        coverage: None,
        moved_to: None,
    }
}
