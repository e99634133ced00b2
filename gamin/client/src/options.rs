//! How to connect: which session, which server to start when there is none, how long to try.
//!
//! Opening is left to the connection. Only [`Options::from_env`] looks at the environment.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use nix::unistd::{getegid, geteuid, getgid, getuid};

/// Where distributions install the server.
const LIBEXECDIR: &str = match option_env!("LIBEXECDIR") {
    Some(folder) => folder,
    None => "/usr/libexec",
};

/// How long a server may take to be reached, by default.
const PATIENCE: Duration = Duration::from_secs(5);

/// How to start a server on demand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerCommand {
    /// The program's path.
    pub program: PathBuf,
    /// Its arguments. The session is given to it as `GAM_CLIENT_ID`.
    ///
    /// With `--detach` among them, the program is one that leaves the server behind and returns when that listens;
    /// the session is its last argument then, and what it prints before it fails is the reason.
    pub args: Vec<OsString>,
}

/// The argument that makes a server nobody's child.
const DETACH: &str = "--detach";

impl ServerCommand {
    /// A command without arguments.
    pub fn new(program: impl Into<PathBuf>) -> ServerCommand {
        ServerCommand { program: program.into(), args: Vec::new() }
    }

    /// The server as it is installed: `gam_server` in `/usr/libexec`, or in the folder that the variable
    /// `LIBEXECDIR` named when this library was built. It detaches itself.
    pub fn installed() -> ServerCommand {
        ServerCommand { program: PathBuf::from(LIBEXECDIR).join("gam_server"), args: vec![DETACH.into()] }
    }

    /// Whether the program leaves a server behind, instead of being it.
    pub(crate) fn detaches(&self) -> bool {
        self.args.iter().any(|word| word == DETACH)
    }
}

/// Who watches for a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// A server, which is started if none runs.
    Server,
    /// This process, within the calls of the connection: there is no other process, and no thread but for a mount that may hang.
    Embedded,
    /// A server; or this process, where no server runs, none is named and none is installed. Who has had a server once stays with servers.
    #[default]
    Auto,
}

impl Mode {
    /// The names that there are, for people.
    pub const NAMES: &str = "server, embedded and auto";

    /// What `GAM_MODE` says, if that is no name: then it is taken for [`Mode::Auto`].
    pub fn misnamed() -> Option<OsString> {
        variable_mode(|name| env::var_os(name))?.err()
    }

    /// Reads its name: `server`, `embedded` or `auto`.
    pub fn named(name: &str) -> Option<Mode> {
        match name {
            "server" => Some(Mode::Server),
            "embedded" => Some(Mode::Embedded),
            "auto" => Some(Mode::Auto),
            _ => None,
        }
    }
}

/// What this process goes by if it watches by itself, as a server does by its command line and environment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EmbeddedOptions {
    /// Where the system's configuration files are; `None` is `/etc/gamin`.
    pub config_dir: Option<PathBuf>,
    /// Where the user's configuration file is; `None` is the user's home.
    pub home: Option<PathBuf>,
    /// The kernel is not asked: everything is looked at every second.
    pub is_poll_only: bool,
}

/// How to open a [`Connection`](crate::Connection).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The session: clients and server of one user meet under it. `None` is the one with the empty name.
    pub client_id: Option<OsString>,
    /// Who watches.
    pub mode: Mode,
    /// The server to start when none answers; `None` to use only one that runs already.
    pub server: Option<ServerCommand>,
    /// Whether a server that does not detach itself is left behind all the same: nobody's child, with none of our
    /// descriptors. Otherwise it is a child of this process.
    pub leaves_server: bool,
    /// Variables that a started server gets besides ours, or is not to get where the value is `None`. One that
    /// detaches itself leaves them all behind.
    pub environment: Vec<(OsString, Option<OsString>)>,
    /// How long to try to reach a server, when opening and when it was lost.
    pub patience: Duration,
    /// What this process goes by if it watches by itself.
    pub embedded: EmbeddedOptions,
    /// Whether the connection is to hold one descriptor and no more, as the C library's do: the socket itself.
    ///
    /// Another server's socket comes under the same number, and so does a timer while there is none. Where the program has registered it with
    /// epoll it is registered again, which takes procfs and a look at each descriptor; so a connection that need not be so frugal has an
    /// epoll instance besides, which stays for life. If the program closes the one descriptor behind the connection's back, nothing that it
    /// then opens under the number is touched: calls fail with [`Error::DescriptorLost`](crate::Error::DescriptorLost).
    pub one_descriptor: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            client_id: None,
            mode: Mode::default(),
            server: Some(ServerCommand::installed()),
            leaves_server: false,
            environment: Vec::new(),
            patience: PATIENCE,
            embedded: EmbeddedOptions::default(),
            one_descriptor: false,
        }
    }
}

impl Options {
    /// The user's main session and the installed server, whatever the environment says.
    pub fn new() -> Options {
        Options::default()
    }

    /// What the environment says: as for the original, `GAM_CLIENT_ID` is the session, `GAMIN_DEBUG_SERVER` the
    /// program of the server; and `GAM_MODE`, who watches ([`Mode::named`]).
    ///
    /// In a program that runs with another user's or group's rights (setuid, setgid) nobody may name a program.
    pub fn from_env() -> Options {
        Options::from_variables(|name| env::var_os(name), getuid() != geteuid() || getgid() != getegid())
    }

    fn from_variables(variable: impl Fn(&str) -> Option<OsString>, is_privileged: bool) -> Options {
        let server = variable("GAMIN_DEBUG_SERVER").filter(|_| !is_privileged);
        Options {
            client_id: variable("GAM_CLIENT_ID"),
            mode: variable_mode(&variable)
                .map_or_else(Mode::default, |named| named.unwrap_or_else(|name| taken_for_auto(&name))),
            leaves_server: true,
            server: Some(server.map_or_else(ServerCommand::installed, ServerCommand::new)),
            ..Options::default()
        }
    }

    /// Sets who watches.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Options {
        self.mode = mode;
        self
    }

    /// Whether this process may do without a server that is not there.
    pub(crate) fn may_embed(&self) -> bool {
        self.mode == Mode::Auto && self.server.as_ref() == Some(&ServerCommand::installed())
    }

    /// Sets the session.
    #[must_use]
    pub fn client_id(mut self, client_id: impl Into<OsString>) -> Options {
        self.client_id = Some(client_id.into());
        self
    }

    /// Sets the server to start, or with `None` that none is started.
    #[must_use]
    pub fn server(mut self, server: impl Into<Option<ServerCommand>>) -> Options {
        self.server = server.into();
        self
    }

    /// Sets a variable for a started server.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Options {
        self.environment.push((name.into(), Some(value.into())));
        self
    }

    /// Keeps a variable of ours from a started server.
    #[must_use]
    pub fn env_remove(mut self, name: impl Into<OsString>) -> Options {
        self.environment.push((name.into(), None));
        self
    }

    /// Sets how long to try to reach a server.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Options {
        self.patience = patience;
        self
    }

    /// Sets whether the connection is to hold one descriptor alone.
    #[must_use]
    pub fn one_descriptor(mut self, one_descriptor: bool) -> Options {
        self.one_descriptor = one_descriptor;
        self
    }
}

/// What `GAM_MODE` says, or what it says instead of a name; an empty one says nothing.
fn variable_mode(variable: impl Fn(&str) -> Option<OsString>) -> Option<Result<Mode, OsString>> {
    let name = variable("GAM_MODE").filter(|name| !name.is_empty())?;
    Some(name.to_str().and_then(Mode::named).ok_or(name))
}

fn taken_for_auto(name: &OsStr) -> Mode {
    tracing::warn!(?name, "GAM_MODE is none of {}: taken for auto", Mode::NAMES);
    Mode::Auto
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_name_of_a_mode_is_taken_for_auto_and_known() {
        let says = |says: &'static str| move |name: &str| (name == "GAM_MODE").then(|| OsString::from(says));
        for (name, mode) in [("server", Mode::Server), ("embedded", Mode::Embedded), ("auto", Mode::Auto)] {
            assert_eq!(variable_mode(says(name)), Some(Ok(mode)));
            assert!(Mode::NAMES.contains(name));
        }
        assert_eq!((variable_mode(|_| None), variable_mode(says(""))), (None, None));
        assert_eq!(variable_mode(says("embeded")), Some(Err("embeded".into())));
        assert_eq!(Options::from_variables(says("embeded"), false).mode, Mode::Auto);
    }

    #[test]
    fn whoever_has_another_s_rights_starts_no_program_of_the_environment() {
        let variable = |name: &str| Some(OsString::from(format!("/{name}")));
        let options = Options::from_variables(variable, false);
        assert_eq!(options.server, Some(ServerCommand::new("/GAMIN_DEBUG_SERVER")));
        let options = Options::from_variables(variable, true);
        assert_eq!(options.server, Some(ServerCommand::installed()));
        assert_eq!(options.client_id, Some("/GAM_CLIENT_ID".into()));
    }
}
