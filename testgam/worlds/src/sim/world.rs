//! The simulated world as scenarios see it.
//!
//! The same steps as in `live`, each done by a [`Sim`]. Invariant: whatever does not need the real kernel is done as there,
//! so that one snapshot serves both; what cannot be done here says so.

use std::cell::RefCell;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use gamin::{Event, Kind, RequestNumber};

use super::client::ClientId;
use super::notifier;
use super::tree::Caller;
use super::{OPERATION_TIME, Sim, SimError};
use crate::check::Complaint;
use crate::sight::{Sight, Stamp};
use crate::world::{Client, Monitor, Stage, StepError, World};
use testgam_language::action::{Fault, FileOperation, ServerAction, with_directory};
use testgam_language::collection::Collection;

/// A fresh world of simulated files, for one scenario. `patience` is the longest wait for an answer, in simulated time.
pub fn scenario(patience: Duration) -> World {
    let sim = Sim::new();
    let directory = sim.files.directory().to_owned();
    let sim = Rc::new(RefCell::new(sim));
    let stage = SimStage { sim: Rc::clone(&sim), directory: directory.clone() };
    World::new(stage, SimMonitor { sim, directory, is_set_up: false, patience })
}

/// Simulated files.
struct SimStage {
    sim: Rc<RefCell<Sim>>,
    directory: PathBuf,
}

/// A server of simulated surroundings.
struct SimMonitor {
    sim: Rc<RefCell<Sim>>,
    /// What `$DIR` stands for.
    directory: PathBuf,
    is_set_up: bool,
    patience: Duration,
}

impl Stage for SimStage {
    fn perform(&mut self, operation: &FileOperation) -> Result<(), StepError> {
        let mut sim = self.sim.borrow_mut();
        let done = sim.files.perform(operation);
        sim.pass(OPERATION_TIME);
        done.map_err(|why| StepError::Failed(why.to_string()))
    }

    fn spell(&self, path: &Path) -> PathBuf {
        self.sim.borrow().files.spell(path)
    }

    fn directory(&self) -> Option<&Path> {
        Some(&self.directory)
    }

    fn look(&self, path: &Path) -> Sight {
        let sim = self.sim.borrow();
        sim.files.look(sim.setup.caller, path)
    }

    fn look_at_entry(&self, directory: &Path, name: &OsStr) -> Option<Stamp> {
        self.sim.borrow().files.look_at_entry(directory, name)
    }

    fn now(&self) -> Duration {
        self.sim.borrow().now().0
    }

    fn wait(&mut self, time: Duration) {
        // A server that runs in circles is noticed by whoever asks it something next.
        let _ = self.sim.borrow_mut().advance(time);
    }
}

impl Monitor for SimMonitor {
    fn connect(&mut self, _id: Option<&OsStr>) -> Result<Box<dyn Client>, StepError> {
        self.is_set_up = true;
        let id = self.sim.borrow_mut().connect().map_err(|why| failed(&why))?;
        Ok(Box::new(SimConnection { sim: Rc::clone(&self.sim), id, patience: self.patience }))
    }

    fn control(&mut self, action: &ServerAction) -> Result<(), StepError> {
        let mut sim = self.sim.borrow_mut();
        let sets_up = matches!(
            action,
            ServerAction::PollOnly
                | ServerAction::Fanotify
                | ServerAction::Watches(_)
                | ServerAction::Instances(_)
                | ServerAction::Unprivileged
        );
        if sets_up && self.is_set_up {
            return Err(StepError::Failed(
                "the server has been started already; this stands before the first `connect`".into(),
            ));
        }
        let needs_server = matches!(
            action,
            ServerAction::Stop | ServerAction::Continue | ServerAction::Kill | ServerAction::Restart
        );
        if needs_server && sim.server().is_none() {
            return Err(StepError::Failed("no server is running".into()));
        }
        match action {
            ServerAction::PollOnly => sim.setup.is_poll_only = true,
            ServerAction::Fanotify | ServerAction::Instances(0) => {
                sim.setup.notifier = notifier::NotifierKind::Fanotify;
            }
            ServerAction::Instances(_) => {}
            ServerAction::Watches(count) => {
                sim.setup.watches_max = usize::try_from(*count).unwrap_or(usize::MAX);
            }
            ServerAction::Unprivileged => sim.setup.caller = Caller::Plain,
            ServerAction::Gaminrc(whose, line) => {
                sim.configure(*whose, &with_directory(line, &self.directory));
            }
            ServerAction::Stop => {
                // A server that is told to stop has done what it had to do until then.
                sim.run_until_quiet().map_err(|why| failed(&why))?;
                sim.stop(true);
            }
            ServerAction::Continue => sim.stop(false),
            ServerAction::Kill | ServerAction::Restart => drop(sim.kill()),
            ServerAction::Start => {}
        }
        if matches!(action, ServerAction::Start | ServerAction::Restart) {
            self.is_set_up = true;
            sim.start();
        }
        Ok(())
    }

    fn inflict(&mut self, fault: &Fault) -> Result<(), StepError> {
        self.sim.borrow_mut().inflict(fault).map_err(|why| StepError::Failed(why.to_string()))
    }

    fn heal(&mut self) -> Result<(), StepError> {
        self.is_set_up = true;
        self.sim.borrow_mut().heal();
        Ok(())
    }

    fn complaint(&self) -> Option<Complaint> {
        self.sim.borrow().complaint().cloned()
    }

    fn given_back(&mut self) -> Result<(), StepError> {
        Ok(self.sim.borrow_mut().given_back()?)
    }

    fn quiet(&mut self) -> Result<(), StepError> {
        Ok(self.sim.borrow_mut().quiet()?)
    }
}

/// A client's connection in a simulated world.
struct SimConnection {
    sim: Rc<RefCell<Sim>>,
    id: ClientId,
    patience: Duration,
}

impl Client for SimConnection {
    fn monitor(&mut self, kind: Kind, path: &Path, number: Option<i32>) -> Result<i32, StepError> {
        let number = self.sim.borrow_mut().monitor(self.id, kind, path, number.map(RequestNumber));
        number.map(|number| number.0).map_err(|why| failed(&why))
    }

    fn collect(&mut self, path: &Path, collection: &Collection) -> Result<i32, StepError> {
        let number = self.sim.borrow_mut().collect(self.id, path, collection);
        number.map(|number| number.0).map_err(|why| failed(&why))
    }

    fn suspend_monitor(&mut self, number: i32) -> Result<(), StepError> {
        self.sim.borrow_mut().suspend(self.id, RequestNumber(number), true).map_err(|why| failed(&why))
    }

    fn resume_monitor(&mut self, number: i32) -> Result<(), StepError> {
        self.sim.borrow_mut().suspend(self.id, RequestNumber(number), false).map_err(|why| failed(&why))
    }

    fn cancel(&mut self, number: i32) -> Result<(), StepError> {
        self.sim.borrow_mut().cancel(self.id, RequestNumber(number)).map_err(|why| failed(&why))
    }

    fn no_exists(&mut self) -> Result<(), StepError> {
        self.sim.borrow_mut().no_exists(self.id).map_err(|why| failed(&why))
    }

    fn tell_moves(&mut self) -> Result<(), StepError> {
        self.sim.borrow_mut().tell_moves(self.id).map_err(|why| failed(&why))
    }

    fn pending(&mut self) -> Result<bool, StepError> {
        self.sim.borrow_mut().pending(self.id).map_err(|why| failed(&why))
    }

    fn next(&mut self, patience: Duration) -> Result<Option<Event>, StepError> {
        self.sim.borrow_mut().next(self.id, patience).map_err(|why| failed(&why))
    }

    fn sync(&mut self) -> Result<(), StepError> {
        self.sim.borrow_mut().sync(self.id, self.patience).map_err(|why| failed(&why))
    }

    fn kill_server(&mut self) -> Result<(), StepError> {
        match self.sim.borrow_mut().kill() {
            true => Ok(()),
            false => Err(StepError::Failed("no server is known".into())),
        }
    }

    fn compare(&self) -> Option<Result<(), Complaint>> {
        Some(self.sim.borrow().compare(self.id))
    }

    fn limit(&mut self, bytes: Option<usize>) -> Result<(), StepError> {
        self.sim.borrow_mut().limit(self.id, bytes);
        Ok(())
    }
}

impl Drop for SimConnection {
    fn drop(&mut self) {
        self.sim.borrow_mut().disconnect(self.id);
    }
}

fn failed(why: &SimError) -> StepError {
    StepError::Failed(why.to_string())
}
