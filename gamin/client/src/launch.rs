//! Starting a server on demand, and collecting it when it has ended.
//!
//! A started server outlives the connection, for other clients may have joined it. Which session it serves
//! and whether it can be reached is left to [`crate::link`]. Invariant: every server that was started is in
//! [`STARTED`] or in a [`Started`] until it has ended and was collected, which happens when this process
//! next starts or loses one. It has its own process group, so that a Ctrl-C meant for the host spares it.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};

use crate::error::ConnectError;
use crate::options::Options;

/// The servers that this process started and that have not been collected.
static STARTED: Mutex<Vec<Child>> = Mutex::new(Vec::new());

/// A server that is to come up; when dropped it goes on, and is collected some time after it ends.
#[derive(Debug)]
pub(crate) struct Started {
    program: PathBuf,
    child: Option<Child>,
}

/// Starts the server of `options`, if it names one.
///
/// It inherits the environment with the changes that `options` asks for, but no descriptor and no working
/// directory, so it keeps no file system busy.
pub(crate) fn start(options: &Options) -> Result<Option<Started>, ConnectError> {
    let Some(server) = &options.server else { return Ok(None) };
    let mut command = Command::new(&server.program);
    command
        .args(&server.args)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0);
    set_environment(&mut command, options);
    match command.spawn() {
        Ok(child) => {
            tracing::info!(program = ?server.program, pid = child.id(), "started a server");
            Ok(Some(Started { program: server.program.clone(), child: Some(child) }))
        }
        Err(source) => Err(ConnectError::Start { program: server.program.clone(), source }),
    }
}

fn set_environment(command: &mut Command, options: &Options) {
    let id = options.client_id.clone().filter(|id| !id.is_empty());
    let session = (OsString::from("GAM_CLIENT_ID"), id);
    for (name, value) in options.environment.iter().chain([&session]) {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
}

impl Started {
    /// Says that the server will not come up, if it has ended with a failure.
    pub(crate) fn failure(&mut self) -> Option<ConnectError> {
        // A server that ended well has found another at its address. One that cannot be asked about was
        // collected by the host process: it may be well.
        let status = self.child.as_mut()?.try_wait().ok()??;
        (!status.success()).then(|| self.exited(status))
    }

    fn exited(&self, status: ExitStatus) -> ConnectError {
        ConnectError::Exited { program: self.program.clone(), status }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let mut started = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
        started.extend(self.child.take());
        started.retain_mut(still_runs);
    }
}

/// Collects the started servers that have ended.
pub(crate) fn collect() {
    STARTED.lock().unwrap_or_else(PoisonError::into_inner).retain_mut(still_runs);
}

fn still_runs(child: &mut Child) -> bool {
    matches!(child.try_wait(), Ok(None))
}
