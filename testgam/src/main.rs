//! The executable of testgam. Everything is in the library, where the manual finds it too.

use std::process::ExitCode;

fn main() -> ExitCode {
    testgam::run()
}
