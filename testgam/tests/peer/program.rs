//! testgam as somebody types it who tries it on a watcher of his own: what it prints can be played again, and what is wrong is said.

use std::fs;
use std::io::pipe;
use std::process::{Command, Output};

use libtest_mimic::Failed;

use crate::kit::Check;

/// All of them.
pub const TESTS: [Check; 2] = [
    ("whoever_has_read_enough_of_the_help_gets_no_complaint", help),
    ("what_is_wrong_with_a_command_line_is_said", mistakes),
];

const TESTGAM: &str = env!("CARGO_BIN_EXE_testgam");

fn testgam(arguments: &[&str]) -> Result<Output, Failed> {
    Ok(Command::new(TESTGAM).args(arguments).output()?)
}

fn help() -> Result<(), Failed> {
    for arguments in [&["--help"][..], &["explore", "--help"], &["completions", "bash"]] {
        let (reader, writer) = pipe()?;
        drop(reader);
        let output = Command::new(TESTGAM).args(arguments).stdout(writer).output()?;
        assert!(output.status.success() && output.stderr.is_empty(), "{arguments:?}: {output:?}");
    }
    Ok(())
}

fn mistakes() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let entry = folder.path().join("mine.toml");
    fs::write(&entry, "command = ['true']\njson = { path = 'p' }")?;
    let entry = entry.display().to_string();
    for (arguments, why) in [
        (&["explore", "--world", ""][..], "--world names nothing"),
        (&["explore", "--world", &entry], "write `/p`"),
        (&["explore", "--world", "./w 'a"], "the quote that begins at `'a` does not end"),
        (&["explore", "--world", "./w {dri}"], "`{dri}` stands for nothing"),
        (&["explore", "--world", &entry, "--line", "x"], "--line is for a command without an entry"),
        (&["explore", "--line", "(?<path>.*)"], "--line is for a watcher"),
        (&["--line", "(?<path>.*)", "FILE"], "--line is for a watcher"),
    ] {
        let output = testgam(arguments)?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && said.contains(why), "{arguments:?}: {said}");
    }
    Ok(())
}
