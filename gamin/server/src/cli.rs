//! The command line of gam_server.
//!
//! What it serves, and how, is left to the server and its host; how it leaves its starter, to `detach`; what it leaves behind, to
//! `surroundings`. Invariant: whatever rights the starter had borrowed, the server does not hold them.

use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory, Parser};
use gamin_host::{HostOptions, Settings};
use gamin_meeting::{ListenError, Meeting};
use gamin_trace::Traces;
use nix::unistd::{getgid, getuid, setresgid, setresuid};
use tracing::level_filters::LevelFilter;
use tracing::{error, info};

use crate::socket::Listener;
use crate::{detach, server, surroundings};

/// How long the server stays when it has no session.
const IDLE_MAX: Duration = Duration::from_secs(30);

/// Tells programs what happens to the files and directories that they ask about.
///
/// It is started by the library when a program needs it, and ends when none has needed it for 30 seconds.
#[derive(Debug, Default, PartialEq, Parser)]
#[command(name = "gam_server", version, max_term_width = 100)]
struct ServerOptions {
    /// Stay, even when no program is connected
    #[arg(long)]
    notimeout: bool,
    /// Look at files every second instead of asking the kernel to tell
    #[arg(long, overrides_with = "pollonly")]
    pollonly: bool,
    /// Ask fanotify to tell of changes, as is done where inotify has no instance left
    #[arg(long, overrides_with = "fanotify")]
    fanotify: bool,
    /// Leave the terminal and run on in the background; return when there is a server that listens
    ///
    /// Succeeds as well if another server does. Nothing of the environment is taken along but `GAM_DEBUG`.
    #[arg(long)]
    detach: bool,
    /// Be the one that runs on.
    #[arg(long, hide = true)]
    detached: bool,
    /// Keep the right to read, write and run whatever the user may
    ///
    /// By default the server gives it up, as far as the kernel can hold it to that: it only looks at files and lists directories.
    #[arg(long)]
    no_sandbox: bool,
    /// Say what is not understood in the configuration files, and end: with 0 if there is nothing
    #[arg(long)]
    check_config: bool,
    /// Where the system's configuration files are, instead of /etc/gamin
    #[arg(long, value_name = "DIR", value_parser = absolute, hide = true)]
    config_dir: Option<PathBuf>,
    /// Serve the clients that have this in their GAM_CLIENT_ID; of several, the last counts
    #[arg(value_name = "ID", env = "GAM_CLIENT_ID")]
    ids: Vec<OsString>,
}

impl ServerOptions {
    /// What the library gives, and we ourselves. It is read without the parser: what that touches would be in memory for as long as the
    /// server runs, 56 KiB more.
    fn plain(args: &[OsString]) -> Option<ServerOptions> {
        let [option, id] = args else { return None };
        let (detach, detached) = (option == detach::DETACH, option == detach::DETACHED);
        let is_plain = (detach || detached) && !id.as_bytes().starts_with(b"-");
        is_plain.then(|| ServerOptions {
            detach,
            detached,
            ids: vec![id.clone()],
            ..ServerOptions::default()
        })
    }
}

/// The command line as data, for its manual page.
pub fn command() -> clap::Command {
    ServerOptions::command()
}

/// Runs `gam_server` with the command line `args` (without the program's name) until it is to end.
///
/// It takes over the process: working directory, file mode mask, descriptor limit, signals. Gives success after a
/// signal that asked it to end, and when nobody has needed it for a while; failure when it can't serve.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    if let Some(options) = ServerOptions::plain(&args) {
        return begin(options);
    }
    let program = OsString::from("gam_server");
    match ServerOptions::try_parse_from(std::iter::once(program).chain(args)) {
        Ok(options) => begin(options),
        Err(error) => {
            match error.print().and_then(|()| io::stdout().flush()) {
                Ok(()) => ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(1)),
                Err(why) => {
                    // If standard error is closed, nobody listens.
                    let _ = writeln!(io::stderr(), "gam_server: can't write to standard output: {why}");
                    ExitCode::FAILURE
                }
            }
        }
    }
}

fn begin(options: ServerOptions) -> ExitCode {
    let traces = Traces::begin(LevelFilter::WARN);
    if let Err(error) = give_up_privilege() {
        error!(%error, "can't give up another user's rights");
        return ExitCode::FAILURE;
    }
    match options.check_config {
        true => check_config(Settings::new(options.config_dir.as_deref(), None)),
        false => serve(options, traces),
    }
}

fn absolute(path: &str) -> Result<PathBuf, &'static str> {
    Some(PathBuf::from(path)).filter(|path| path.is_absolute()).ok_or("not an absolute path")
}

/// Names each configuration file that can't be read, and each line that is not understood.
fn check_config(mut settings: Settings) -> ExitCode {
    settings.read_all();
    let (_, complaints) = settings.rules();
    let lines: String = complaints.iter().map(|complaint| format!("{complaint}\n")).collect();
    let is_written = io::stdout().write_all(lines.as_bytes()).is_ok();
    if complaints.is_empty() && is_written { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn serve(options: ServerOptions, traces: Traces) -> ExitCode {
    let id = options.ids.into_iter().next_back().unwrap_or_default();
    if options.detach && !options.detached {
        return detach::start(&id).unwrap_or_else(|error| {
            error!(%error, "can't detach");
            ExitCode::FAILURE
        });
    }
    if options.detached {
        detach::leave_terminal();
        surroundings::leave_behind();
    }
    surroundings::settle_in();
    let host = HostOptions {
        config_dir: options.config_dir,
        home: None,
        is_poll_only: options.pollonly,
        without_inotify: options.fanotify,
        idle_max: (!options.notimeout).then_some(IDLE_MAX),
        is_in_place: false,
    };
    if let Err(error) = server::hold_signals() {
        error!(%error, "can't take signals");
        return ExitCode::FAILURE;
    }
    let meeting = Meeting::new(&id);
    let listener = match meeting.listen() {
        Ok(listening) => Listener::new(listening),
        Err(ListenError::Served(_)) if options.detached => {
            // That was all that was asked for.
            detach::let_go();
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            error!(session = meeting.name(), %error, "can't listen");
            return ExitCode::FAILURE;
        }
    };
    let place = listener.place.clone();
    info!(place, version = env!("CARGO_PKG_VERSION"), "server begins");
    if options.detached {
        detach::let_go();
    }
    match server::serve(listener, &host, !options.no_sandbox, traces) {
        Ok(()) => {
            info!(place, "server ends");
            ExitCode::SUCCESS
        }
        Err(error) => {
            error!(place, error, "can't serve");
            ExitCode::FAILURE
        }
    }
}

/// Becomes the real user for good: whoever starts us with a program that has another one's rights can't lend them to us,
/// nor through us to all programs of that user.
fn give_up_privilege() -> nix::Result<()> {
    let (uid, gid) = (getuid(), getgid());
    setresgid(gid, gid, gid)?;
    setresuid(uid, uid, uid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_without_the_parser_means_what_it_means_to_the_parser() {
        for option in [detach::DETACH, detach::DETACHED] {
            for id in ["", "a", "a b", "=", "--detach", "-", "--", "\u{e4}"] {
                let args = [option, id].map(OsString::from);
                let parsed =
                    ServerOptions::try_parse_from([OsString::from("gam_server")].iter().chain(&args));
                if let Some(options) = ServerOptions::plain(&args) {
                    assert_eq!(options, parsed.expect("because it is a name"), "{args:?}");
                }
            }
            assert!(ServerOptions::plain(&[option, "a"].map(OsString::from)).is_some());
        }
        for args in [&["--detach"][..], &["a"], &["a", "b"], &["--detach", "a", "b"], &["--detach", "-x"]] {
            let args: Vec<OsString> = args.iter().map(OsString::from).collect();
            assert_eq!(ServerOptions::plain(&args), None);
        }
    }
}
