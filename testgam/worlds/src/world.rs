//! The world that a scenario is played in: files, clients and a server, real or imagined.
//!
//! The interpreter knows nothing else of where it plays. Paths reach a world as typed; only it knows where
//! they lie. Invariant: no call blocks for longer than the world's patience, and one that gives up says
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
pub enum Trouble {
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

/// Where a scenario plays.
pub trait World {
    /// Opens a connection. `id` is the session id as typed; a world of its own session ignores it.
    ///
    /// # Errors
    /// Says why there is no server.
    fn connect(&mut self, id: Option<&OsStr>) -> Result<Box<dyn Client>, Trouble>;

    /// Changes files.
    ///
    /// # Errors
    /// Says what failed and why.
    fn perform(&mut self, operation: &FileOperation) -> Result<(), Trouble>;

    /// Has several writers change files side by side. What one of them cannot do it leaves out: another was quicker. Where
    /// there is only one thread, they take turns.
    ///
    /// # Errors
    /// Says that they could not begin.
    fn perform_concurrently(&mut self, writers: &[Vec<FileOperation>]) -> Result<(), Trouble> {
        let turns = writers.iter().map(Vec::len).max().unwrap_or(0);
        for operation in (0..turns).flat_map(|turn| writers.iter().filter_map(move |writer| writer.get(turn)))
        {
            // As said above.
            let _ = self.perform(operation);
        }
        Ok(())
    }

    /// Sets up or disturbs the server.
    ///
    /// # Errors
    /// Says what failed, or that it is impossible here.
    fn control(&mut self, action: &ServerAction) -> Result<(), Trouble>;

    /// Has something go wrong.
    ///
    /// # Errors
    /// Says what failed, or that it cannot be arranged here.
    fn inflict(&mut self, _fault: &Fault) -> Result<(), Trouble> {
        Err(only_in_sim())
    }

    /// Has everything go right from now on. What was lost stays lost.
    ///
    /// # Errors
    /// Says that it cannot be arranged here.
    fn heal(&mut self) -> Result<(), Trouble> {
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
    fn given_back(&mut self) -> Result<(), Trouble> {
        Err(only_in_sim())
    }

    /// Whether the server is going to do nothing by itself.
    ///
    /// # Errors
    /// Says what it is going to do, or that it cannot be known here.
    fn quiet(&mut self) -> Result<(), Trouble> {
        Err(only_in_sim())
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

/// A client's connection.
pub trait Client {
    /// Subscribes, with a request number of the script's choice or the next one; gives the number.
    ///
    /// # Errors
    /// Says why the request was not made.
    fn monitor(&mut self, kind: Kind, path: &Path, number: Option<i32>) -> Result<i32, Trouble>;

    /// Subscribes to a directory and what is below it; gives the number.
    ///
    /// # Errors
    /// Says why the request was not made, or that this client cannot.
    fn collect(&mut self, path: &Path, collection: &Collection) -> Result<i32, Trouble>;

    /// Holds back the events of a request.
    ///
    /// # Errors
    /// Says why not, or that this client cannot.
    fn suspend_monitor(&mut self, number: i32) -> Result<(), Trouble>;

    /// Goes on with them, from what is different by now.
    ///
    /// # Errors
    /// Says why not, or that this client cannot.
    fn resume_monitor(&mut self, number: i32) -> Result<(), Trouble>;

    /// Cancels a request.
    ///
    /// # Errors
    /// Says why it could not be cancelled.
    fn cancel(&mut self, number: i32) -> Result<(), Trouble>;

    /// Asks for no listing of directories from now on.
    ///
    /// # Errors
    /// Says that this client cannot.
    fn no_exists(&mut self) -> Result<(), Trouble>;

    /// Whether [`Client::next`] has an event at once.
    ///
    /// # Errors
    /// Says that the connection is lost.
    fn pending(&mut self) -> Result<bool, Trouble>;

    /// Waits for an event, at most so long.
    ///
    /// # Errors
    /// Says that the connection is lost.
    fn next(&mut self, patience: Duration) -> Result<Option<Event>, Trouble>;

    /// The barrier: afterwards every event of what has happened so far is read without waiting.
    ///
    /// # Errors
    /// Says that the server did not answer, or that the connection is lost.
    fn sync(&mut self) -> Result<(), Trouble>;

    /// Ends the server that this client is connected to.
    ///
    /// # Errors
    /// Says that it would not end.
    fn kill_server(&mut self) -> Result<(), Trouble>;

    /// Compares what changed with what was told of it, in a world that knows both better than by looking when an event is
    /// read. `None` in any other.
    fn compare(&self) -> Option<Result<(), Complaint>> {
        None
    }

    /// Has the connection take so many bytes more from the server, or again as many as it has room for.
    ///
    /// # Errors
    /// Says that it cannot be arranged here.
    fn limit(&mut self, _bytes: Option<usize>) -> Result<(), Trouble> {
        Err(only_in_sim())
    }

    /// Ends the connection. One that is dropped without this goes without a word.
    ///
    /// # Errors
    /// Says that it did not end well.
    fn close(self: Box<Self>) -> Result<(), Trouble> {
        Ok(())
    }

    /// A descriptor that becomes readable when events wait, if this world has such.
    fn descriptor(&self) -> Option<BorrowedFd<'_>>;
}

/// Why a world has no faults, and cannot see into its server.
fn only_in_sim() -> Trouble {
    Trouble::Impossible("only the simulated world can do or know this".into())
}

/// An error with all its causes.
pub(crate) fn failed(why: &dyn Error) -> Trouble {
    let mut message = why.to_string();
    let mut cause = why.source();
    while let Some(why) = cause {
        message.push_str(": ");
        message.push_str(&why.to_string());
        cause = why.source();
    }
    Trouble::Failed(message)
}
