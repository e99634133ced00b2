//! The live world without a server: each client watches in this process, within its calls.
//!
//! Files are those of `live`, and so are clients. Invariant: nobody but this process has a hand in what is told.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::rc::Rc;

use testgam_language::action::ServerAction;

use crate::live::connection::LiveClient;
use crate::live::past::Past;
use crate::live::{self, LiveOptions};
use crate::session::Session;
use crate::world::{Client, Monitor, StepError, World, failed};

/// Clients that do without a server.
#[derive(Debug)]
struct EmbeddedMonitor {
    session: Session,
    directory: PathBuf,
    options: LiveOptions,
    past: Rc<Past>,
    /// Whether each client has a thread that watches.
    has_background: bool,
}

/// A world of its own: an empty directory and a private home. Clients watch when they are called, or besides in a thread each.
///
/// # Errors
/// Says why there is no room for it.
pub fn scenario(options: LiveOptions, has_background: bool) -> Result<World, StepError> {
    let past = Rc::<Past>::default();
    let (files, session, directory) = live::own(&past, &options)?;
    let monitor = EmbeddedMonitor { session, directory, options, past, has_background };
    Ok(World::new(files, monitor))
}

impl Monitor for EmbeddedMonitor {
    fn connect(&mut self, _id: Option<&OsStr>) -> Result<Box<dyn Client>, StepError> {
        self.session.is_set_up = true;
        let connection = self.session.embedded().open().map_err(|why| failed(&why))?;
        let mut client = LiveClient::new(connection, false, Rc::clone(&self.past), &self.options);
        if self.has_background {
            client.watch_in_background()?;
        }
        Ok(Box::new(client))
    }

    fn control(&mut self, action: &ServerAction) -> Result<(), StepError> {
        self.past.deed();
        match action {
            ServerAction::PollOnly | ServerAction::Gaminrc(..) => {
                self.session.set_up(action, &self.directory).map(drop)
            }
            _ => Err(StepError::Impossible("without a server there is none to disturb".into())),
        }
    }

    fn heal(&mut self) -> Result<(), StepError> {
        Ok(())
    }
}
