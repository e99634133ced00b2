//! The world that a scenario is played in: a stage, where files change, and a monitor, which has clients and tells them.
//!
//! The interpreter knows nothing else of where it plays. Paths reach a stage as typed; only it knows where
//! they lie. A watcher that is to be judged is a [`Monitor`] over real files. Invariant: no call blocks for longer than the world's patience, and one that gives up says
//! what it waited for.

use std::error::Error;
use std::ffi::OsStr;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gamin::{Event, Kind};

use crate::check::Complaint;
use crate::sight::{Sight, Stamp};
use testgam_language::action::{Fault, FileOperation, ServerAction};
use testgam_language::collection::Collection;

/// Why a step did not do what it says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StepError {
    /// It was tried and failed.
    #[error("{0}")]
    Failed(String),
    /// A promise was broken, which no step can excuse.
    #[error(transparent)]
    Broken(#[from] Complaint),
    /// What it expects did not happen.
    #[error("{0}")]
    Unmet(String),
    /// It cannot be done on this machine, by this user, or in this world.
    #[error("{0}")]
    Impossible(String),
}

/// Where a scenario plays. The monitor goes before the stage.
pub struct World {
    /// Who is to report what changes.
    pub monitor: Box<dyn Monitor>,
    /// Where it changes.
    pub stage: Box<dyn Stage>,
}

impl World {
    /// A stage, and the monitor that is to report what changes on it.
    pub fn new(stage: impl Stage + 'static, monitor: impl Monitor + 'static) -> World {
        World { monitor: Box::new(monitor), stage: Box::new(stage) }
    }
}

/// Files, and time.
pub trait Stage {
    /// Changes files.
    ///
    /// # Errors
    /// Says what failed and why.
    fn perform(&mut self, operation: &FileOperation) -> Result<(), StepError>;

    /// Has several writers change files side by side. What one of them cannot do it leaves out: another was quicker. Where
    /// there is only one thread, they take turns.
    ///
    /// # Errors
    /// Says that they could not begin.
    fn perform_concurrently(&mut self, writers: &[Vec<FileOperation>]) -> Result<(), StepError> {
        let turns = writers.iter().map(Vec::len).max().unwrap_or(0);
        for operation in (0..turns).flat_map(|turn| writers.iter().filter_map(move |writer| writer.get(turn)))
        {
            // As said above.
            let _ = self.perform(operation);
        }
        Ok(())
    }

    /// The path that a client asks for when a script says `path`, spelled as typed.
    fn spell(&self, path: &Path) -> PathBuf;

    /// The scenario's own directory, which transcripts print as `$DIR`.
    fn directory(&self) -> Option<&Path>;

    /// Looks at a path as a client spells it.
    fn look(&self, path: &Path) -> Sight;

    /// Looks at the entry `name` of a directory, itself and not what it points to.
    fn look_at_entry(&self, directory: &Path, name: &OsStr) -> Option<Stamp>;

    /// Time since some moment in the past.
    fn now(&self) -> Duration;

    /// Lets time pass.
    fn wait(&mut self, time: Duration);
}

/// A file alteration monitor. Only connecting is asked of every one.
pub trait Monitor {
    /// Opens a connection. `id` is the session id as typed; a monitor of its own session ignores it.
    ///
    /// # Errors
    /// Says why there is no server.
    fn connect(&mut self, id: Option<&OsStr>) -> Result<Box<dyn Client>, StepError>;

    /// Sets up or disturbs the server.
    ///
    /// # Errors
    /// Says what failed, or that it is impossible here.
    fn control(&mut self, _action: &ServerAction) -> Result<(), StepError> {
        Err(StepError::Impossible("this monitor has no server to be set up or disturbed".into()))
    }

    /// Has something go wrong.
    ///
    /// # Errors
    /// Says what failed, or that it cannot be arranged here.
    fn inflict(&mut self, _fault: &Fault) -> Result<(), StepError> {
        Err(only_in_sim())
    }

    /// Has everything go right from now on. What was lost stays lost.
    ///
    /// # Errors
    /// Says that it cannot be arranged here.
    fn heal(&mut self) -> Result<(), StepError> {
        Err(only_in_sim())
    }

    /// What the checkers of this world have found, if it has any. It stands from then on.
    fn complaint(&self) -> Option<Complaint> {
        None
    }

    /// Whether everything was given back, now that nobody is connected.
    ///
    /// # Errors
    /// Says what was not, or that it cannot be known here.
    fn given_back(&mut self) -> Result<(), StepError> {
        Err(only_in_sim())
    }

    /// Whether the server is going to do nothing by itself.
    ///
    /// # Errors
    /// Says what it is going to do, or that it cannot be known here.
    fn quiet(&mut self) -> Result<(), StepError> {
        Err(only_in_sim())
    }
}

/// A client's connection. What not every monitor has is impossible unless a client says how it is done.
pub trait Client {
    /// Subscribes, with a request number of the script's choice or the next one; gives the number.
    ///
    /// # Errors
    /// Says why the request was not made.
    fn monitor(&mut self, kind: Kind, path: &Path, number: Option<i32>) -> Result<i32, StepError>;

    /// Subscribes to a directory and what is below it; gives the number.
    ///
    /// # Errors
    /// Says why the request was not made, or that this client cannot.
    fn collect(&mut self, _path: &Path, _collection: &Collection) -> Result<i32, StepError> {
        Err(cannot("follow what is below a directory"))
    }

    /// Holds back the events of a request.
    ///
    /// # Errors
    /// Says why not, or that this client cannot.
    fn suspend_monitor(&mut self, _number: i32) -> Result<(), StepError> {
        Err(cannot("hold back events"))
    }

    /// Goes on with them, from what is different by now.
    ///
    /// # Errors
    /// Says why not, or that this client cannot.
    fn resume_monitor(&mut self, _number: i32) -> Result<(), StepError> {
        Err(cannot("hold back events"))
    }

    /// Cancels a request.
    ///
    /// # Errors
    /// Says why it could not be cancelled.
    fn cancel(&mut self, _number: i32) -> Result<(), StepError> {
        Err(cannot("cancel a request"))
    }

    /// Asks for no listing of directories from now on.
    ///
    /// # Errors
    /// Says that this client cannot.
    fn no_exists(&mut self) -> Result<(), StepError> {
        Err(cannot("leave out listings"))
    }

    /// Asks for renames to be told as such, of what is asked for from now on.
    ///
    /// # Errors
    /// Says that this client cannot.
    fn tell_moves(&mut self) -> Result<(), StepError> {
        Err(cannot("tell renames as such"))
    }

    /// Whether [`Client::next`] has an event at once.
    ///
    /// # Errors
    /// Says that the connection is lost.
    fn pending(&mut self) -> Result<bool, StepError>;

    /// Waits for an event, at most so long.
    ///
    /// # Errors
    /// Says that the connection is lost.
    fn next(&mut self, patience: Duration) -> Result<Option<Event>, StepError>;

    /// The barrier: afterwards every event of what has happened so far is read without waiting.
    ///
    /// # Errors
    /// Says that the server did not answer, or that the connection is lost.
    fn sync(&mut self) -> Result<(), StepError>;

    /// Ends the server that this client is connected to.
    ///
    /// # Errors
    /// Says that it would not end.
    fn kill_server(&mut self) -> Result<(), StepError> {
        Err(cannot("end its server"))
    }

    /// Compares what changed with what was told of it, in a world that knows both better than by looking when an event is
    /// read. `None` in any other.
    fn compare(&self) -> Option<Result<(), Complaint>> {
        None
    }

    /// Whether it can be expected to tell each step by itself, and not only what is there in the end.
    fn promises_steps(&self) -> bool {
        true
    }

    /// Has the connection take so many bytes more from the server, or again as many as it has room for.
    ///
    /// # Errors
    /// Says that it cannot be arranged here.
    fn limit(&mut self, _bytes: Option<usize>) -> Result<(), StepError> {
        Err(only_in_sim())
    }

    /// Ends the connection. One that is dropped without this goes without a word.
    ///
    /// # Errors
    /// Says that it did not end well.
    fn close(self: Box<Self>) -> Result<(), StepError> {
        Ok(())
    }

    /// A descriptor that becomes readable when events wait, if this world has such.
    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

/// Why a client does not do it.
fn cannot(what: &str) -> StepError {
    StepError::Impossible(format!("a client of this monitor cannot {what}"))
}

/// Why a world has no faults, and cannot see into its server.
fn only_in_sim() -> StepError {
    StepError::Impossible("only the simulated world can do or know this".into())
}

/// An error with all its causes.
pub(crate) fn failed(why: &(dyn Error + 'static)) -> StepError {
    StepError::Failed(gamin::explain(why))
}
