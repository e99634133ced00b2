//! The executable of `gamin`. Everything is in the library, where the manual finds it too.

use std::process::ExitCode;

fn main() -> ExitCode {
    gamin_command::run()
}
