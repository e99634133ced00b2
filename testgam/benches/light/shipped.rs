//! Programs of ours as they are installed, for benchmarks: what testgam has in itself is built otherwise.

use std::error::Error;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds a program of ours, and says where it is.
pub fn build(package: &str, profile: &str, program: &str) -> Result<PathBuf, Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--profile", profile, "--locked", "--quiet", "-p", package]).current_dir(&root);
    succeed(cargo)?;
    Ok(root.join("target").join(profile).join(program).canonicalize()?)
}

/// Runs it to its end, silently unless it fails.
pub fn succeed(mut command: Command) -> Result<(), Box<dyn Error>> {
    let output = command.stdin(File::open("/dev/null")?).output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{:?}: {}", command.get_program(), String::from_utf8_lossy(&output.stderr)).into())
}
