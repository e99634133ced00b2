//! The monitor of a live world: a real server of a session, which clients of a library find.
//!
//! The server's start and end is left to `session`, what a client does to the library. Invariant: whoever connects is served by a server of
//! this session, and only a scenario's own can be set up or disturbed.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::rc::Rc;

use gamin::{Connection, Options, ServerCommand};
use testgam_language::action::ServerAction;

use super::library::{ClientLibrary, Surroundings};
use super::options::LiveOptions;
use super::past::Past;
use crate::forks;
use crate::session::Session;
use crate::world::{Client, Monitor, StepError, failed};

/// A server of a session.
#[derive(Debug)]
pub struct LiveMonitor {
    place: Place,
    /// Where scenarios play: what `$DIR` stands for.
    directory: PathBuf,
    library: Box<dyn ClientLibrary>,
    options: LiveOptions,
    past: Rc<Past>,
}

/// Whose session and server it is.
#[derive(Debug)]
enum Place {
    /// The user's, as a program started here would have it; with the id that the script set.
    Shared { id: Option<OsString> },
    /// The scenario's own.
    Own { session: Session },
}

impl LiveMonitor {
    /// That of the scenario's own session, or of the user's.
    pub(super) fn new(
        session: Option<Session>,
        directory: PathBuf,
        library: Box<dyn ClientLibrary>,
        options: LiveOptions,
        past: Rc<Past>,
    ) -> LiveMonitor {
        let place = match session {
            None => Place::Shared { id: None },
            Some(session) => Place::Own { session },
        };
        LiveMonitor { place, directory, library, options, past }
    }

    /// The command that starts the user's server from now on.
    pub fn set_server(&mut self, server: ServerCommand) {
        self.options.server = server;
    }

    fn connection(&mut self, id: Option<&OsStr>) -> Result<Connection, StepError> {
        let options = match &mut self.place {
            Place::Shared { id: last } => {
                // As the original, which leaves it in its environment.
                *last = id.map(OsStr::to_owned).or(last.take());
                let options = Options::from_env().server(self.options.server.clone());
                match last.clone() {
                    Some(id) => options.client_id(id),
                    None => options,
                }
            }
            Place::Own { session } => {
                session.is_set_up = true;
                Options::new().client_id(session.id.as_str()).server(session.command())
            }
        };
        let _forks = forks::allowed();
        let options = options.patience(self.options.patience);
        let opened = match &self.place {
            Place::Shared { .. } => self.options.stop.unless_asked(move || options.open())?,
            // Whoever stops takes the scenario's server down, and one that was begun must not come after that.
            Place::Own { .. } => options.open(),
        };
        let connection = opened.map_err(|why| failed(&why))?;
        self.past.server_is_dead.set(false);
        Ok(connection)
    }

    /// What a program in this world finds around it.
    fn surroundings(&self) -> Surroundings {
        let (environment, id, server, is_own) = match &self.place {
            Place::Shared { id } => {
                (std::env::vars_os().collect(), id.clone(), self.options.server.clone(), false)
            }
            Place::Own { session } => {
                (session.environment().to_vec(), Some(session.id.clone().into()), session.command(), true)
            }
        };
        let (past, options) = (Rc::clone(&self.past), self.options.clone());
        Surroundings { environment, id, server, is_own, past, options }
    }
}

impl Monitor for LiveMonitor {
    fn connect(&mut self, id: Option<&OsStr>) -> Result<Box<dyn Client>, StepError> {
        let connection = self.connection(id)?;
        self.library.open(connection, self.surroundings())
    }

    fn control(&mut self, action: &ServerAction) -> Result<(), StepError> {
        self.past.deed();
        let Place::Own { session } = &mut self.place else {
            return Err(StepError::Failed("only a scenario has a server of its own".into()));
        };
        session.set_up(action, &self.directory)?;
        match action {
            ServerAction::PollOnly
            | ServerAction::Fanotify
            | ServerAction::Watches(_)
            | ServerAction::Instances(_)
            | ServerAction::Unprivileged
            | ServerAction::Gaminrc(..)
            | ServerAction::Start => {}
            ServerAction::Stop => return session.stop(),
            ServerAction::Continue => return session.go_on(),
            ServerAction::Kill => {
                self.past.server_dies(&session.kill()?);
                return Ok(());
            }
            ServerAction::Restart => self.past.server_dies(&session.kill()?),
        }
        self.past.server_obeys_permissions.set(session.obeys_permissions());
        if matches!(action, ServerAction::Start | ServerAction::Restart) {
            // Whoever connects starts it.
            self.connection(None)?;
        }
        Ok(())
    }

    fn heal(&mut self) -> Result<(), StepError> {
        let Place::Own { session } = &self.place else {
            return Err(StepError::Failed("only a scenario has a server of its own".into()));
        };
        // If there is none, the next line starts one.
        let _ = session.go_on();
        self.connection(None).map(drop)
    }
}
