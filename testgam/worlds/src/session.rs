//! A scenario's own session: how its server is started, and that none outlives it.
//!
//! The client library starts the server when it is needed; this says with which command, and signals what
//! was started. Invariant: every server of the session carries the session's unique id in its environment,
//! so that all of them are found, whoever started them; when the session is dropped they are gone.

mod settings;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use gamin::{EmbeddedOptions, Mode, Options, ServerCommand};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::{Pid, Uid};

use crate::forks;
use crate::marked;
use crate::world::StepError;
use settings::Settings;
use testgam_language::action::{Gaminrc, ServerAction, with_directory};

/// Where programs are looked for in a scenario's fixed environment.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// The variable that names a session to clients and servers.
pub(crate) const ID_VARIABLE: &str = "GAM_CLIENT_ID";
/// Gives the server limits of its own: those of a user namespace made for it.
const LIMIT: &str = r#"while [ "$1" != -- ]; do echo "$2" >"/proc/sys/user/max_inotify_$1" && shift 2 || exit; done; shift && exec "$@""#;
/// Takes from root what lets it read everything.
const DROP_PRIVILEGE: &str = "--bounding-set=-dac_override,-dac_read_search,-fowner";
/// A session that only one scenario uses.
#[derive(Debug)]
pub struct Session {
    /// What client and server meet under.
    pub id: String,
    /// Whether somebody has begun to watch.
    pub is_set_up: bool,
    is_poll_only: bool,
    without_inotify: bool,
    /// Whether the server may read only what permissions allow.
    is_unprivileged: bool,
    home: PathBuf,
    settings: Settings,
    server: ServerCommand,
    /// How many watches of inotify it is granted, and how many instances.
    watches: Option<u32>,
    instances: Option<u32>,
    patience: Duration,
}

impl Session {
    /// A session with a unique `id` and a home directory of its own, for a server started by `server`.
    pub fn new(id: String, home: PathBuf, server: ServerCommand, patience: Duration) -> Session {
        Session {
            id,
            is_set_up: false,
            is_poll_only: false,
            without_inotify: false,
            is_unprivileged: false,
            settings: Settings::new(home.clone()),
            home,
            server,
            watches: None,
            instances: None,
            patience,
        }
    }

    /// The command that starts the server in the session's fixed environment.
    pub fn command(&self) -> ServerCommand {
        // We block the signals that end us, and what we start would have them blocked too.
        let mut words: Vec<OsString> = vec!["--default-signal".into(), "-i".into()];
        words.extend(self.environment().into_iter().map(|(name, value)| variable(name, value)));
        words.push(variable(ID_VARIABLE, &self.id));
        words.extend(self.wrapper());
        words.push(self.server.program.clone().into());
        words.extend(self.server.args.iter().cloned());
        words.extend(self.is_poll_only.then(|| "--pollonly".into()));
        words.extend(self.without_inotify.then(|| "--fanotify".into()));
        if self.has_system_files() {
            words.extend(["--config-dir".into(), self.settings.system_files().into()]);
        }
        ServerCommand { program: "/usr/bin/env".into(), args: words }
    }

    /// How a client does without a server in this session.
    pub fn embedded(&self) -> Options {
        let embedded = EmbeddedOptions {
            config_dir: self.has_system_files().then(|| self.settings.system_files()),
            home: Some(self.home.clone()),
            is_poll_only: self.is_poll_only,
        };
        Options { embedded, ..Options::new().client_id(self.id.as_str()).mode(Mode::Embedded) }
    }

    /// The fixed environment of every program in the session, but for the session's id.
    pub fn environment(&self) -> [(OsString, OsString); 3] {
        [("PATH", PATH.into()), ("LANG", "C.UTF-8".into()), ("HOME", self.home.clone().into())]
            .map(|(name, value)| (name.into(), value))
    }

    /// Whether what the server may read is up to permissions alone: also in a user namespace it has no privilege.
    pub fn obeys_permissions(&self) -> bool {
        self.is_unprivileged || self.watches.or(self.instances).is_some()
    }

    /// What stands before the server's program to give it its limits.
    fn wrapper(&self) -> Vec<OsString> {
        let mut words: Vec<OsString> = Vec::new();
        let mut dropped: Vec<&str> = Vec::new();
        if self.watches.or(self.instances).is_some() {
            words.extend(with_limits(self.watches, self.instances));
            // What it took to set the limit is not for the server.
            dropped.extend(["--inh-caps=-all", "--ambient-caps=-all"]);
        }
        if self.is_unprivileged && Uid::effective().is_root() {
            dropped.push(DROP_PRIVILEGE);
        }
        if !dropped.is_empty() {
            words.push("setpriv".into());
            words.extend(dropped.into_iter().map(OsString::from));
        }
        words
    }

    /// Sets up who is going to watch, if that is what is to be done: says so. `$DIR` stands for `directory`.
    ///
    /// # Errors
    /// [`StepError::Impossible`] where a user namespace cannot be had, or root's rights cannot be dropped. Else says that it is too late, or why
    /// a configuration file cannot be written.
    pub fn set_up(&mut self, action: &ServerAction, directory: &Path) -> Result<bool, StepError> {
        let is_late = match action {
            ServerAction::PollOnly
            | ServerAction::Fanotify
            | ServerAction::Watches(_)
            | ServerAction::Instances(_)
            | ServerAction::Unprivileged => true,
            // Without a folder for system files, nobody looks for one later.
            ServerAction::Gaminrc(whose, _) => *whose != Gaminrc::User && !self.has_system_files(),
            _ => return Ok(false),
        };
        if is_late && self.is_set_up {
            return Err(StepError::Failed(
                "the server has been started already; this stands before the first `connect`".into(),
            ));
        }
        match action {
            ServerAction::PollOnly => self.is_poll_only = true,
            ServerAction::Fanotify => self.without_inotify = true,
            ServerAction::Watches(count) => {
                self.watches = Some(*count);
                self.try_wrapper()?;
            }
            ServerAction::Instances(count) => {
                self.instances = Some(*count);
                self.try_wrapper()?;
            }
            ServerAction::Unprivileged => {
                self.is_unprivileged = true;
                self.try_wrapper()?;
            }
            ServerAction::Gaminrc(whose, line) => {
                self.configure(*whose, &with_directory(line, directory))?;
            }
            _ => {}
        }
        Ok(true)
    }

    fn try_wrapper(&self) -> Result<(), StepError> {
        try_limits(&self.wrapper(), "the server")
    }

    /// Has the kernel tell what happens in this folder, wherever it lies, unless the scenario's configuration says otherwise.
    ///
    /// # Errors
    /// Says why that cannot be written.
    pub fn notify(&mut self, folder: &Path) -> Result<(), StepError> {
        self.settings.notify(folder)
    }

    /// Adds a line to a configuration file: the user's is in the session's home, the system's are in a folder there, of which
    /// the server is told when it is started.
    ///
    /// # Errors
    /// Says why it cannot be written, or that it would have no effect where the scenario's folder lies.
    fn configure(&mut self, whose: Gaminrc, line: &[u8]) -> Result<(), StepError> {
        self.settings.add(whose, line)
    }

    /// Whether the server is started with system files of the session's own.
    pub fn has_system_files(&self) -> bool {
        self.settings.has_system_files()
    }

    /// Stops the server; it keeps its connections and answers nobody.
    ///
    /// # Errors
    /// Says that there is none, or that it does not stop.
    pub fn stop(&self) -> Result<(), StepError> {
        let stopped = WaitPidFlag::WSTOPPED | WaitPidFlag::WEXITED;
        self.signal(Signal::SIGSTOP)?
            .into_iter()
            .try_for_each(|server| wait_for(server, stopped, "the server to stop", self.patience))
    }

    /// Lets a stopped server run.
    ///
    /// # Errors
    /// Says that there is none.
    pub fn go_on(&self) -> Result<(), StepError> {
        self.signal(Signal::SIGCONT).map(drop)
    }

    /// Kills the server; gives which processes were it.
    ///
    /// # Errors
    /// Says that there is none, or that it does not end.
    pub fn kill(&self) -> Result<Vec<i32>, StepError> {
        let servers = self.signal(Signal::SIGKILL)?;
        for server in &servers {
            wait_for(*server, WaitPidFlag::WEXITED, "the server to end", self.patience)?;
        }
        Ok(servers.into_iter().map(Pid::as_raw).collect())
    }

    fn signal(&self, signal: Signal) -> Result<Vec<Pid>, StepError> {
        let servers = marked::signal(&variable(ID_VARIABLE, &self.id), signal);
        if servers.is_empty() {
            return Err(StepError::Failed("no server is running".into()));
        }
        Ok(servers)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // A server that is just being started shows up under its id a moment later; none is started after
        // the last client is gone, so the second look finds what the first missed.
        for _ in 0..2 {
            if let Err(StepError::Unmet(why)) = self.kill() {
                tracing::warn!(session = self.id, why, "a server was left behind");
            }
        }
    }
}

/// What stands before a program to have the kernel grant it so many watches of inotify, and so many instances.
pub(crate) fn with_limits(watches: Option<u32>, instances: Option<u32>) -> Vec<OsString> {
    let unshare = ["unshare", "--user", "--map-current-user", "--keep-caps", "sh", "-c", LIMIT, "sh"];
    let limits = [("watches", watches), ("instances", instances)];
    let limits = limits.into_iter().filter_map(|(name, limit)| Some([name.to_owned(), limit?.to_string()]));
    let words = limits.flatten().chain(["--".to_owned()]);
    unshare.map(OsString::from).into_iter().chain(words.map(OsString::from)).collect()
}

/// Tries what stands before the program of `whom` to give it its limits.
///
/// # Errors
/// [`StepError::Impossible`], and why, where it cannot be had.
pub(crate) fn try_limits(words: &[OsString], whom: &str) -> Result<(), StepError> {
    let Some((program, rest)) = words.split_first() else { return Ok(()) };
    let _forks = forks::allowed();
    let tried = Command::new(program).args(rest).arg("true").stdin(Stdio::null()).output();
    let why = match tried {
        Ok(output) if output.status.success() => return Ok(()),
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(why) => why.to_string(),
    };
    Err(StepError::Impossible(format!("{whom} cannot be limited here: {}: {why}", program.display())))
}

/// A variable as an environment has it.
pub(crate) fn variable(name: impl Into<OsString>, value: impl Into<OsString>) -> OsString {
    let mut variable = name.into();
    variable.push("=");
    variable.push(value.into());
    variable
}

/// The process of a server, if it is one: 0 is said of a server in another pid namespace, and a signal to that, or to less, goes
/// to groups of processes.
///
/// # Errors
/// Says that it is none.
pub fn known(pid: Option<i32>) -> Result<Pid, StepError> {
    let pid = pid.filter(|pid| *pid > 0).map(Pid::from_raw);
    pid.ok_or_else(|| StepError::Failed("no server is known".into()))
}

/// Ends a server as a user would, and waits until it is gone.
///
/// One that another process started cannot be waited for; whoever reads from it next learns of its end.
///
/// # Errors
/// Says that it cannot be signalled, or that it does not end within `patience`.
pub fn terminate(pid: Pid, patience: Duration) -> Result<(), StepError> {
    let failed = |why| StepError::Failed(format!("cannot end the server, process {pid}: {why}"));
    kill(pid, Signal::SIGTERM).map_err(failed)?;
    wait_for(pid, WaitPidFlag::WEXITED, "the server to end", patience)
}

/// Waits until a child of ours is in a state, and leaves it to the client library to collect it.
fn wait_for(pid: Pid, state: WaitPidFlag, what: &str, patience: Duration) -> Result<(), StepError> {
    let (tell, told) = mpsc::channel();
    // The system has no such wait that ends after a time, so it is done aside.
    let wait = move || {
        while waitid(Id::Pid(pid), state | WaitPidFlag::WNOWAIT) == Err(Errno::EINTR) {}
        // Nobody hears it if it took too long.
        let _ = tell.send(());
    };
    let started = thread::Builder::new().name("waits for a server".into()).spawn(wait);
    started.map_err(|why| StepError::Failed(format!("cannot wait for {what}: {why}")))?;
    told.recv_timeout(patience).map_err(|_| StepError::Unmet(format!("waited {patience:?} for {what}")))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Instant;

    use nix::sys::signal::SigSet;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    fn session(id: &str, program: &str, args: &[&str]) -> Session {
        let args = args.iter().map(OsString::from).collect();
        let id = format!("{id}-{}", std::process::id());
        Session::new(id, "/nowhere".into(), ServerCommand { program: program.into(), args }, PATIENCE)
    }

    #[test]
    fn the_server_is_started_in_a_fixed_environment() {
        let mut session = session("testgam-environment", "/usr/bin/env", &[]);
        session.is_unprivileged = true;
        let command = session.command();
        let output = Command::new(command.program).args(command.args).output().expect("env runs");
        let shown = String::from_utf8(output.stdout).expect("variables");
        let names: Vec<_> = shown.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
        assert_eq!(names, ["PATH", "LANG", "HOME", "GAM_CLIENT_ID"]);
    }

    #[test]
    fn the_server_is_started_with_no_signal_blocked() {
        let session = session("testgam-mask", "/usr/bin/grep", &["SigBlk", "/proc/self/status"]);
        let command = session.command();
        let started = thread::spawn(move || {
            SigSet::all().thread_block()?;
            Ok::<_, Errno>(Command::new(command.program).args(command.args).output())
        });
        let output = started.join().expect("no panic").expect("signals can be blocked").expect("grep runs");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "SigBlk:\t0000000000000000\n");
    }

    #[test]
    fn a_server_whose_process_has_no_number_here_is_unknown() {
        let unknown = Err(StepError::Failed("no server is known".into()));
        for pid in [None, Some(0), Some(-1), Some(i32::MIN)] {
            assert_eq!(known(pid), unknown);
        }
        assert_eq!(known(Some(1)), Ok(Pid::from_raw(1)));
    }

    #[test]
    fn what_carries_the_id_is_stopped_continued_and_gone_with_the_session() {
        let session = session("testgam-signals", "/usr/bin/sleep", &["100"]);
        assert_eq!(session.stop(), Err(StepError::Failed("no server is running".into())));
        let command = session.command();
        let mut child = Command::new(command.program).args(command.args).spawn().expect("sleep runs");
        // Until the child has become what carries the id.
        let deadline = Instant::now() + PATIENCE;
        while session.stop().is_err() {
            assert!(Instant::now() < deadline, "the child never carried the id");
        }
        let state = || fs::read_to_string(format!("/proc/{}/stat", child.id())).expect("a process");
        for _ in 0..2 {
            assert_eq!(session.stop(), Ok(()));
            assert!(state().contains(") T "), "{}", state());
            assert_eq!(session.go_on(), Ok(()));
        }
        drop(session);
        assert!(state().contains(") Z "), "{}", state());
        child.wait().expect("it has ended");
    }
}
