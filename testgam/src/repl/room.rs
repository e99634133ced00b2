//! The world at a terminal: the current directory and the user's session, and the server of that session.
//!
//! Files, which are fenced, and clients are those of `live`; what is added is the server, which there only a scenario of its own may
//! disturb. Invariant: only the server that the session's clients are connected to is ever signalled.

use std::ffi::{OsStr, OsString};
use std::os::fd::AsFd;
use std::time::Duration;

use gamin::{Connection, Options, ServerCommand};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use testgam_language::action::ServerAction;
use testgam_worlds::live::LiveMonitor;
use testgam_worlds::session;
use testgam_worlds::world::{Client, Monitor, StepError, World};

use super::ears::Ears;
use crate::options::PlayOptions;

/// How long a server that runs may take to be reached: the kernel alone has to do with that.
const ATTEMPT: Duration = Duration::from_millis(500);

/// The world around this process, and the ears of its clients.
///
/// # Errors
/// Says that the current directory cannot be named.
pub fn room(options: &PlayOptions) -> Result<(World, Ears), StepError> {
    let (files, live) = options.here()?;
    let ears = Ears::default();
    let monitor = RoomMonitor { live, options: options.clone(), id: None, stopped: None, ears: ears.clone() };
    Ok((World::new(files.fenced(), monitor), ears))
}

/// The server of the user's session.
struct RoomMonitor {
    live: LiveMonitor,
    options: PlayOptions,
    id: Option<OsString>,
    /// The server that was stopped, and a connection from before, for now it answers nobody.
    stopped: Option<(Connection, Pid)>,
    ears: Ears,
}

impl RoomMonitor {
    /// A connection that asks for nothing: who is at its other end is the session's server.
    fn connection(&self, server: Option<ServerCommand>) -> Result<Connection, StepError> {
        let patience = if server.is_some() { self.options.patience } else { ATTEMPT };
        let options = Options::from_env().server(server).patience(patience);
        let options = match &self.id {
            Some(id) => options.client_id(id),
            None => options,
        };
        let opened = self.options.stop.unless_asked(move || options.open())?;
        opened.map_err(|why| StepError::Failed(why.to_string()))
    }

    /// The server that runs and is known, and a connection to it.
    fn server(&self) -> Result<(Connection, Pid), StepError> {
        let nobody =
            || StepError::Failed("no server of this session is running; `connect` starts one".into());
        let connection = self.connection(None).map_err(|_| nobody())?;
        let pid = session::known(connection.server_pid())?;
        Ok((connection, pid))
    }

    fn stop(&mut self) -> Result<(), StepError> {
        if self.stopped.is_some() {
            return Err(StepError::Failed("the server is stopped already".into()));
        }
        let (connection, pid) = self.server()?;
        signal(pid, Signal::SIGSTOP)?;
        self.stopped = Some((connection, pid));
        Ok(())
    }

    fn go_on(&mut self) -> Result<(), StepError> {
        let stopped = self.stopped.take();
        let (_, pid) = stopped
            .ok_or_else(|| StepError::Failed("no server is stopped; `server stop` does that".into()))?;
        signal(pid, Signal::SIGCONT)
    }

    /// Kills the server, and waits until the kernel has closed what it had open.
    fn kill(&mut self) -> Result<(), StepError> {
        let (connection, pid) = self.stopped.take().map_or_else(|| self.server(), Ok)?;
        signal(pid, Signal::SIGKILL)?;
        let patience = PollTimeout::try_from(self.options.patience).unwrap_or(PollTimeout::MAX);
        self.options.stop.unless_asked(move || await_end(&connection, pid, patience))?
    }

    /// Has the server, which must not run yet, be started with this word on its command line.
    fn start_with(&mut self, word: &str) -> Result<(), StepError> {
        if self.server().is_ok() {
            let why = "a server of this session is running already; `server kill` ends it";
            return Err(StepError::Failed(why.into()));
        }
        self.options.server.args.push(word.into());
        self.live.set_server(self.options.server.clone());
        Ok(())
    }
}

/// Waits until a connection's server has hung up, but for each sign of life no longer than so long.
fn await_end(connection: &Connection, pid: Pid, patience: PollTimeout) -> Result<(), StepError> {
    while connection.server_pid() == Some(pid.as_raw()) {
        match poll(&mut [PollFd::new(connection.as_fd(), PollFlags::POLLIN)], patience) {
            Ok(0) => return Err(StepError::Failed(format!("the server, process {pid}, does not end"))),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(why) => return Err(StepError::Failed(why.to_string())),
        }
        // That there is no server any more is no error here, but what is waited for.
        let _ = connection.try_next_event();
    }
    Ok(())
}

fn signal(pid: Pid, signal: Signal) -> Result<(), StepError> {
    kill(pid, signal)
        .map_err(|why| StepError::Failed(format!("cannot send {signal} to the server, process {pid}: {why}")))
}

impl Drop for RoomMonitor {
    /// A server that was stopped for a test is needed by others when the session is over.
    fn drop(&mut self) {
        if let Some((_, pid)) = self.stopped
            && let Err(why) = signal(pid, Signal::SIGCONT)
        {
            tracing::debug!(%why, "the stopped server is gone");
        }
    }
}

impl Monitor for RoomMonitor {
    fn connect(&mut self, id: Option<&OsStr>) -> Result<Box<dyn Client>, StepError> {
        if self.stopped.is_some() {
            return Err(StepError::Failed("the server is stopped; `server continue` lets it run".into()));
        }
        self.id = id.map(OsStr::to_owned).or(self.id.take());
        let client = self.live.connect(self.id.as_deref())?;
        self.ears.listen(client)
    }

    fn control(&mut self, action: &ServerAction) -> Result<(), StepError> {
        match action {
            ServerAction::PollOnly => self.start_with("--pollonly"),
            ServerAction::Fanotify => self.start_with("--fanotify"),
            ServerAction::Watches(_)
            | ServerAction::Instances(_)
            | ServerAction::Unprivileged
            | ServerAction::Gaminrc(..) => {
                let why = "this is your own session and home; only a scenario has ones of its own for that";
                Err(StepError::Impossible(why.into()))
            }
            ServerAction::Stop => self.stop(),
            ServerAction::Continue => self.go_on(),
            ServerAction::Kill => self.kill(),
            ServerAction::Start => self.connection(Some(self.options.server.clone())).map(drop),
            ServerAction::Restart => {
                self.kill()?;
                self.connection(Some(self.options.server.clone())).map(drop)
            }
        }
    }
}
