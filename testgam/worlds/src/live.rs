//! The live world: real files, the real kernel, a real server, and clients of a library.
//!
//! How files are changed is left to `disk`, the server's start and end to `session`, what a client does to its `library`. Invariant: a
//! scenario's world uses no directory, session or environment but its own, and takes all three with it when
//! it is dropped: clients first, then the server, then the files.

pub(crate) mod connection;
mod library;
mod options;
pub(crate) mod past;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use gamin::{Connection, Options};
use nix::unistd::{Gid, Uid};

use crate::disk::{self, Disk};
use crate::forks;
use crate::session::Session;
use crate::sight::{Sight, Stamp};
use crate::world::{Client, Trouble, World, failed};
pub use library::{ClientLibrary, OwnLibrary, Surroundings};
pub use options::LiveOptions;
use past::Past;
use testgam_language::action::{FileOperation, Gaminrc, ServerAction, with_directory};

/// The bits that let somebody list a directory: its owner, its group, others.
const MAY_LIST: u32 = 0o444;
/// The bits that let somebody pass through a directory.
const MAY_PASS: u32 = 0o111;

/// A world of real files.
#[derive(Debug)]
pub struct Live {
    session: Place,
    disk: Disk,
    library: Box<dyn ClientLibrary>,
    options: LiveOptions,
    began: Instant,
    past: Rc<Past>,
    /// What only this scenario uses; last, so that it goes when nobody needs it any more.
    _own: Option<OwnFolder>,
}

/// Whose session and server it is.
#[derive(Debug)]
enum Place {
    /// The user's, as a program started here would have it; with the id that the script set.
    Shared { id: Option<OsString> },
    /// The scenario's own.
    Own { session: Session, is_set_up: bool },
}

/// A fresh folder that is removed whatever a scenario did to its permissions.
#[derive(Debug)]
struct OwnFolder(tempfile::TempDir);

impl Live {
    /// The world around this process: its directory, its environment, the user's session.
    ///
    /// # Errors
    /// Says that the current directory cannot be named.
    pub fn here(library: Box<dyn ClientLibrary>, options: LiveOptions) -> Result<Live, Trouble> {
        let directory = std::env::current_dir();
        let directory =
            directory.map_err(|why| Trouble::Failed(format!("there is no current directory: {why}")))?;
        Ok(Live {
            session: Place::Shared { id: None },
            disk: Disk::new(directory, None),
            library,
            options,
            began: Instant::now(),
            past: Rc::default(),
            _own: None,
        })
    }

    /// A world of its own: an empty directory, a private home, a session that nobody else knows.
    ///
    /// # Errors
    /// Says why there is no room for it.
    pub fn scenario(library: Box<dyn ClientLibrary>, options: LiveOptions) -> Result<Live, Trouble> {
        let failed = |why| Trouble::Failed(format!("cannot make the scenario's folder: {why}"));
        let own = tempfile::Builder::new().prefix("testgam-").tempdir().map_err(failed)?;
        let root = own.path().canonicalize().map_err(failed)?;
        let own = OwnFolder(own);
        for name in ["dir", "home", "spare"] {
            fs::create_dir(root.join(name)).map_err(failed)?;
        }
        let id = root.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut session = Session::new(id, root.join("home"), options.server.clone(), options.patience);
        session.notify(&root)?;
        Ok(Live {
            session: Place::Own { session, is_set_up: false },
            disk: Disk::new(root.join("dir"), Some(root.join("spare"))),
            library,
            options,
            began: Instant::now(),
            past: Rc::default(),
            _own: Some(own),
        })
    }

    fn connection(&mut self, id: Option<&OsStr>) -> Result<Connection, Trouble> {
        let options = match &mut self.session {
            Place::Shared { id: last } => {
                // As the original, which leaves it in its environment.
                *last = id.map(OsStr::to_owned).or(last.take());
                let options = Options::from_env().server(self.options.server.clone());
                match last.clone() {
                    Some(id) => options.client_id(id),
                    None => options,
                }
            }
            Place::Own { session, is_set_up } => {
                *is_set_up = true;
                Options::new().client_id(session.id.as_str()).server(session.command())
            }
        };
        let _forks = forks::allowed();
        let options = options.patience(self.options.patience);
        let opened = match &self.session {
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
        let (environment, id, server, is_own) = match &self.session {
            Place::Shared { id } => {
                (std::env::vars_os().collect(), id.clone(), self.options.server.clone(), false)
            }
            Place::Own { session, .. } => {
                (session.environment().to_vec(), Some(session.id.clone().into()), session.command(), true)
            }
        };
        let (past, options) = (Rc::clone(&self.past), self.options.clone());
        Surroundings { environment, id, server, is_own, past, options }
    }

    /// Whether our own rights show less than the truth, or more than the server sees.
    fn is_server_unprivileged(&self) -> bool {
        matches!(&self.session, Place::Own { session, .. } if session.obeys_permissions())
            && Uid::effective().is_root()
    }

    fn is_hidden(&self, path: &Path) -> bool {
        let above = path.ancestors().skip(1).take_while(|path| path.starts_with(self.disk.directory()));
        let is_closed = |path| fs::metadata(path).is_ok_and(|seen| !is_allowed(&seen, MAY_PASS));
        self.is_server_unprivileged() && { above }.any(is_closed)
    }
}

impl World for Live {
    fn connect(&mut self, id: Option<&OsStr>) -> Result<Box<dyn Client>, Trouble> {
        let connection = self.connection(id)?;
        self.library.open(connection, self.surroundings())
    }

    fn perform(&mut self, operation: &FileOperation) -> Result<(), Trouble> {
        self.past.deed();
        self.disk.perform(operation).map_err(|why| match (operation, why.kind()) {
            (FileOperation::ChangeOwner { .. }, std::io::ErrorKind::PermissionDenied) => {
                Trouble::Impossible("only root gives files away".into())
            }
            _ => Trouble::Failed(why.to_string()),
        })
    }

    fn perform_concurrently(&mut self, writers: &[Vec<FileOperation>]) -> Result<(), Trouble> {
        self.past.deed();
        let started = self.disk.perform_concurrently(writers);
        started.map_err(|why| Trouble::Failed(format!("cannot start a thread: {why}")))
    }

    fn control(&mut self, action: &ServerAction) -> Result<(), Trouble> {
        self.past.deed();
        let Place::Own { session, is_set_up } = &mut self.session else {
            return Err(Trouble::Failed("only a scenario has a server of its own".into()));
        };
        let sets_up = match action {
            ServerAction::PollOnly | ServerAction::Watches(_) | ServerAction::Unprivileged => true,
            ServerAction::Gaminrc(..)
            | ServerAction::Stop
            | ServerAction::Continue
            | ServerAction::Kill
            | ServerAction::Start
            | ServerAction::Restart => false,
        };
        let is_late = match action {
            ServerAction::Gaminrc(Gaminrc::User, _) => false,
            ServerAction::Gaminrc(..) => !session.has_system_files(),
            _ => sets_up,
        };
        if is_late && *is_set_up {
            return Err(Trouble::Failed(
                "the server has been started already; this stands before the first `connect`".into(),
            ));
        }
        match action {
            ServerAction::PollOnly => session.is_poll_only = true,
            ServerAction::Watches(count) => return session.limit_watches(*count),
            ServerAction::Unprivileged => return session.drop_privilege(),
            ServerAction::Gaminrc(whose, line) => {
                return session.configure(*whose, &with_directory(line, self.disk.directory()));
            }
            ServerAction::Stop => return session.stop(),
            ServerAction::Continue => return session.go_on(),
            ServerAction::Kill => {
                self.past.server_dies(&session.kill()?);
                return Ok(());
            }
            ServerAction::Restart => self.past.server_dies(&session.kill()?),
            ServerAction::Start => {}
        }
        if matches!(action, ServerAction::Start | ServerAction::Restart) {
            // Whoever connects starts it.
            self.connection(None)?;
        }
        Ok(())
    }

    fn heal(&mut self) -> Result<(), Trouble> {
        let Place::Own { session, .. } = &self.session else {
            return Err(Trouble::Failed("only a scenario has a server of its own".into()));
        };
        // If there is none, the next line starts one.
        let _ = session.go_on();
        self.connection(None).map(drop)
    }

    fn spell(&self, path: &Path) -> PathBuf {
        self.disk.spell(path)
    }

    fn directory(&self) -> Option<&Path> {
        matches!(self.session, Place::Own { .. }).then(|| self.disk.directory())
    }

    fn look(&self, path: &Path) -> Sight {
        if self.is_hidden(path) {
            return Sight::Hidden;
        }
        let unprivileged = self.is_server_unprivileged();
        disk::look(path, |seen| !unprivileged || is_allowed(seen, MAY_LIST))
    }

    fn look_at_entry(&self, directory: &Path, name: &OsStr) -> Option<Stamp> {
        disk::look_at_entry(directory, name)
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    fn wait(&mut self, time: Duration) {
        self.past.deed();
        // The one wait that is for nothing: the verb says so.
        self.options.stop.wait(time);
    }
}

/// Whether one of these bits allows it to this user, privilege apart.
fn is_allowed(seen: &fs::Metadata, bits: u32) -> bool {
    let ours = match (Uid::effective().as_raw() == seen.uid(), Gid::effective().as_raw() == seen.gid()) {
        (true, _) => 0o700,
        (false, true) => 0o070,
        (false, false) => 0o007,
    };
    seen.mode() & bits & ours != 0
}

impl Drop for OwnFolder {
    fn drop(&mut self) {
        unlock(self.0.path());
    }
}

/// Lets the owner into every directory, so that they can be removed.
fn unlock(directory: &Path) {
    // What cannot be unlocked stays; that its removal fails is all that can be said.
    let _ = fs::set_permissions(directory, fs::Permissions::from_mode(0o700));
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            unlock(&entry.path());
        }
    }
}
