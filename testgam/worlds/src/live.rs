//! The live world: real files, the real kernel, a real server, and clients of a library.
//!
//! Files are left to its `stage`, server and clients to its `monitor`; here they are put together. Invariant: a scenario's world uses no
//! directory, session or environment but its own, and takes all three with it when it is dropped: clients first, then the
//! server, then the files.

pub(crate) mod connection;
mod library;
mod monitor;
mod options;
pub(crate) mod past;
mod stage;

use std::path::PathBuf;
use std::rc::Rc;
use std::{fs, io};

use crate::disk::Disk;
use crate::session::Session;
use crate::stop::Stop;
use crate::world::{StepError, World};
pub use library::{ClientLibrary, OwnLibrary, Surroundings};
pub use monitor::LiveMonitor;
pub use options::LiveOptions;
use past::Past;
use stage::OwnFolder;
pub use stage::RealFiles;

/// The world around this process: its directory, its environment, the user's session.
///
/// # Errors
/// Says that the current directory cannot be named.
pub fn here(
    library: Box<dyn ClientLibrary>,
    options: LiveOptions,
) -> Result<(RealFiles, LiveMonitor), StepError> {
    let directory = std::env::current_dir();
    let directory =
        directory.map_err(|why| StepError::Failed(format!("there is no current directory: {why}")))?;
    let past = Rc::<Past>::default();
    let disk = Disk::new(directory.clone(), None);
    let stage = RealFiles::new(disk, Rc::clone(&past), options.stop.clone(), None);
    Ok((stage, LiveMonitor::new(None, directory, library, options, past)))
}

/// A world of its own: an empty directory, a private home, a session that nobody else knows.
///
/// # Errors
/// Says why there is no room for it.
pub fn scenario(library: Box<dyn ClientLibrary>, options: LiveOptions) -> Result<World, StepError> {
    let past = Rc::<Past>::default();
    let (files, session, directory) = own(&past, &options)?;
    Ok(World::new(files, LiveMonitor::new(Some(session), directory, library, options, past)))
}

/// Files, a session with a home, and the directory where both are at home.
pub(crate) fn own(
    past: &Rc<Past>,
    options: &LiveOptions,
) -> Result<(RealFiles, Session, PathBuf), StepError> {
    let (files, root) = own_files(past, &options.stop)?;
    let home = root.join("home");
    fs::create_dir(&home).map_err(|why| no_room(&why))?;
    let id = root.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut session = Session::new(id, home, options.server.clone(), options.patience);
    session.notify(&root)?;
    Ok((files, session, root.join("dir")))
}

/// An empty directory with real files, for a monitor of whatever kind. It goes when the files do.
///
/// # Errors
/// Says why there is no room for it.
pub fn files(stop: &Stop) -> Result<RealFiles, StepError> {
    own_files(&Rc::default(), stop).map(|(files, _)| files)
}

/// An empty directory, and the folder in which it lies.
fn own_files(past: &Rc<Past>, stop: &Stop) -> Result<(RealFiles, PathBuf), StepError> {
    let own = tempfile::Builder::new().prefix("testgam-").tempdir().map_err(|why| no_room(&why))?;
    let root = own.path().canonicalize().map_err(|why| no_room(&why))?;
    let own = OwnFolder(own);
    for name in ["dir", "spare"] {
        fs::create_dir(root.join(name)).map_err(|why| no_room(&why))?;
    }
    let disk = Disk::new(root.join("dir"), Some(root.join("spare"))).fenced();
    Ok((RealFiles::new(disk, Rc::clone(past), stop.clone(), Some(own)), root))
}

fn no_room(why: &io::Error) -> StepError {
    StepError::Failed(format!("cannot make the scenario's folder: {why}"))
}
