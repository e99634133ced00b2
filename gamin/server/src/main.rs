//! The server's executable. Everything is in the library, where testgam finds it too.

use std::process::ExitCode;

fn main() -> ExitCode {
    gamin_server::run(std::env::args_os().skip(1))
}
