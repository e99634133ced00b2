//! Our own server: this executable is also `gam_server`, so that a fresh clone needs nothing installed.
//!
//! What a server does is left to the crate `gamin-server`. Invariant: a program that calls
//! [`become_server_if_asked`] before anything else can be named by [`server_command`] from anywhere in it.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::ExitCode;

use gamin::ServerCommand;

/// The first argument that turns this executable into a server.
pub const SERVER_ARGUMENT: &str = "gam_server";

/// The server to play with: `GAMIN_DEBUG_SERVER` if that is set, else this executable.
pub fn server_command() -> ServerCommand {
    if let Some(program) = std::env::var_os("GAMIN_DEBUG_SERVER") {
        return ServerCommand { program: program.into(), args: Vec::new() };
    }
    // Where the own path cannot be had, the link to it serves as long as this process lives.
    let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("/proc/self/exe"));
    ServerCommand { program, args: vec![OsString::from(SERVER_ARGUMENT)] }
}

/// Runs the server to its end if the command line asks for it; to be called first in `main`.
pub fn become_server_if_asked() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    let is_asked = arguments.next().as_deref() == Some(OsStr::new(SERVER_ARGUMENT));
    is_asked.then(|| gamin_server::run(arguments))
}
