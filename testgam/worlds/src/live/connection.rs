//! A client in the live world: a connection of the client library of this house.
//!
//! Opening it is left to `live`. Invariant: a connection that is lost though nobody ended its server is a broken promise.

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::rc::Rc;
use std::sync::{Arc, RwLockWriteGuard};
use std::time::{Duration, Instant};

use gamin::{Background, Connection, Event, Kind, MonitorRequest, RequestNumber};

use super::options::LiveOptions;
use super::past::{Past, Silence, await_silence};
use crate::check::{Checker, Complaint};
use crate::forks;
use crate::session;
use crate::stop::{self, Stop};
use crate::world::{Client, StepError, failed};
use testgam_language::collection::Collection;

/// A connection of the client library.
#[derive(Debug)]
pub(crate) struct LiveClient {
    connection: Arc<Connection>,
    /// The last server that it had, if that is the scenario's own and nobody else ends it.
    server: Option<i32>,
    past: Rc<Past>,
    /// What came while silence was awaited.
    came: VecDeque<Event>,
    patience: Duration,
    silence: Silence,
    stop: Stop,
    /// What watches while nobody reads, if that is wanted.
    background: Option<Background>,
    /// Whether renames are to be told as such.
    tells_moves: bool,
}

impl LiveClient {
    /// The client of a connection. Whether its server `is_ours` says that nobody else may end it.
    pub fn new(connection: Connection, is_ours: bool, past: Rc<Past>, options: &LiveOptions) -> LiveClient {
        LiveClient {
            server: connection.server_pid().filter(|_| is_ours),
            connection: Arc::new(connection),
            silence: Silence::new(options.silence, Rc::clone(&past)),
            past,
            came: VecDeque::new(),
            patience: options.patience,
            stop: options.stop.clone(),
            background: None,
            tells_moves: false,
        }
    }

    /// Watches also while nobody reads.
    pub fn watch_in_background(&mut self) -> Result<(), StepError> {
        self.background = Some(self.connection.background().map_err(|why| failed(&why))?);
        Ok(())
    }

    /// Whether the server is the one it was, unless that was ended.
    fn check_server(&mut self) -> Result<(), StepError> {
        let Some(before) = self.server else { return Ok(()) };
        let now = self.connection.server_pid();
        self.server = now.or(self.server);
        if now == Some(before) || self.past.was_ended(before) {
            return Ok(());
        }
        let what = format!("the server, process {before}, was lost though nobody ended it");
        Err(Complaint::new(Checker::Steady, what).into())
    }

    /// Lets a server be started if a call may do that.
    fn forks(&self) -> Option<RwLockWriteGuard<'static, ()>> {
        self.past.server_is_dead.get().then(forks::allowed)
    }

    /// Waits for an event, and looks now and then whether to stop.
    fn wait_for_event(&self, patience: Duration) -> Result<Option<Event>, StepError> {
        let deadline = Instant::now() + patience;
        loop {
            self.stop.check()?;
            let left = deadline.saturating_duration_since(Instant::now());
            let event = self.connection.next_event_timeout(left.min(stop::LATENCY));
            let event = event.map_err(|why| failed(&why))?;
            if event.is_some() || left <= stop::LATENCY {
                return Ok(event);
            }
        }
    }

    /// Waits until the server has reported everything, if it has a barrier.
    pub fn barrier(&mut self) -> Result<bool, StepError> {
        let forks = self.forks();
        let (connection, patience) = (Arc::clone(&self.connection), self.stop.cap(self.patience));
        let reached = self.stop.unless_asked(move || connection.barrier(patience));
        drop(forks);
        self.check_server()?;
        match reached? {
            Ok(()) => {
                self.past.server_is_dead.set(false);
                Ok(true)
            }
            Err(gamin::Error::Unsupported) => Ok(false),
            Err(gamin::Error::TimedOut) => {
                self.stop.check()?;
                let patience = self.patience;
                Err(StepError::Failed(format!("waited {patience:?} for the server to report everything")))
            }
            Err(why) => Err(failed(&why)),
        }
    }
}

impl Client for LiveClient {
    fn monitor(&mut self, kind: Kind, path: &Path, number: Option<i32>) -> Result<i32, StepError> {
        let _forks = self.forks();
        let (number, moves) = (number.map(RequestNumber), self.tells_moves);
        let request = MonitorRequest { number, moves, ..MonitorRequest::new(path, kind.into()) };
        self.connection.ask(&request).map(|number| number.0).map_err(|why| failed(&why))
    }

    fn collect(&mut self, path: &Path, collection: &Collection) -> Result<i32, StepError> {
        let _forks = self.forks();
        let moves = self.tells_moves;
        let request = MonitorRequest { moves, ..MonitorRequest::new(path, collection.scope()) };
        self.connection.ask(&request).map(|number| number.0).map_err(|why| failed(&why))
    }

    fn suspend_monitor(&mut self, number: i32) -> Result<(), StepError> {
        self.connection.suspend(RequestNumber(number)).map_err(|why| failed(&why))
    }

    fn resume_monitor(&mut self, number: i32) -> Result<(), StepError> {
        self.connection.resume(RequestNumber(number)).map_err(|why| failed(&why))
    }

    fn cancel(&mut self, number: i32) -> Result<(), StepError> {
        let _forks = self.forks();
        self.connection.cancel(RequestNumber(number)).map_err(|why| failed(&why))
    }

    fn no_exists(&mut self) -> Result<(), StepError> {
        self.connection.no_exists().map_err(|why| failed(&why))
    }

    fn tell_moves(&mut self) -> Result<(), StepError> {
        self.tells_moves = true;
        Ok(())
    }

    fn pending(&mut self) -> Result<bool, StepError> {
        let _forks = self.forks();
        let is_pending = self.connection.pending();
        self.check_server()?;
        Ok(!self.came.is_empty() || is_pending.map_err(|why| failed(&why))?)
    }

    fn next(&mut self, patience: Duration) -> Result<Option<Event>, StepError> {
        if let Some(event) = self.came.pop_front() {
            return Ok(Some(event));
        }
        let _forks = self.forks();
        let event = match patience.is_zero() {
            true => self.connection.try_next_event().map_err(|why| failed(&why)),
            false => self.wait_for_event(patience),
        };
        self.check_server()?;
        event
    }

    fn sync(&mut self) -> Result<(), StepError> {
        if self.barrier()? {
            return Ok(());
        }
        await_silence(self.silence.length(), |time| {
            let event = self.wait_for_event(time)?;
            let is_event = event.is_some();
            self.came.extend(event);
            Ok(is_event)
        })
    }

    fn kill_server(&mut self) -> Result<(), StepError> {
        if self.connection.is_embedded() {
            return Err(StepError::Impossible("without a server there is none to end".into()));
        }
        let pid = session::known(self.connection.server_pid())?;
        self.past.server_dies(&[pid.as_raw()]);
        let patience = self.patience;
        self.stop.unless_asked(move || session::terminate(pid, patience))?
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.connection.as_fd())
    }
}

impl Drop for LiveClient {
    /// A barrier that nobody waits for any more would keep the connection.
    fn drop(&mut self) {
        self.connection.close();
        self.background = None;
    }
}
