//! testgam as somebody types it who tries it on a watcher of his own: what it prints can be played again, and what is wrong is said.

use std::fs;
use std::io::pipe;
use std::process::{Command, Output};

use libtest_mimic::Failed;

use crate::kit::{Check, WATCH};

/// All of them.
pub const TESTS: [Check; 3] = [
    ("what_was_found_is_played_again_by_its_second_line", again),
    ("whoever_has_read_enough_of_the_help_gets_no_complaint", help),
    ("what_is_wrong_with_a_command_line_is_said", mistakes),
];

const TESTGAM: &str = env!("CARGO_BIN_EXE_testgam");

fn testgam(arguments: &[&str]) -> Result<Output, Failed> {
    Ok(Command::new(TESTGAM).args(arguments).output()?)
}

fn again() -> Result<(), Failed> {
    let (folder, elsewhere) = (tempfile::tempdir()?, tempfile::tempdir()?);
    // It tells of the entries of a directory alone, and an entry would have to say so.
    let program = std::env::current_exe()?.display().to_string();
    let watcher = format!("#!/bin/sh\nexec {program} {WATCH} none \"$1\"\n");
    fs::write(folder.path().join("my-watcher"), watcher)?;
    let dice = "--calm --steps 6 --seed 1 --histories 4 --jobs 4 --seconds 8";
    let explore = format!("chmod +x my-watcher; exec {TESTGAM} explore --world './my-watcher' {dice}");
    let found = Command::new("sh").args(["-c", &explore]).current_dir(folder.path()).output()?;
    let text = String::from_utf8_lossy(&found.stdout).into_owned();
    let lines: Vec<_> = text.lines().take(4).collect();
    let [_, play, find, history] = lines[..] else {
        return Err(String::from_utf8_lossy(&found.stderr).into_owned().into());
    };
    let world = format!("--world {}", folder.path().canonicalize()?.join("my-watcher").display());
    assert_eq!(play, format!("# testgam {world} FILE"));
    let number =
        history.strip_prefix("# History ").and_then(|rest| rest.split(' ').next()).unwrap_or_default();
    let calm = format!("# testgam explore {world} --calm --steps 6 --seed 1 --first {number} --histories 1");
    assert_eq!(find, calm);
    assert!(history.ends_with("of the seed 1: missing:"), "{history}");

    let file = elsewhere.path().join("found.tst");
    fs::write(&file, &text)?;
    let play = play.trim_start_matches("# testgam").replace("FILE", &file.display().to_string());
    let played = format!("exec {TESTGAM} {play}");
    let played = Command::new("sh").args(["-c", &played]).current_dir(elsewhere.path()).output()?;
    let said = String::from_utf8_lossy(&played.stderr).into_owned();
    assert!(played.status.code() == Some(1) && said.contains("was not told"), "{said}");
    Ok(())
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
        (&["explore", "--world", "./w 'a"], "a quote in `./w 'a` does not end"),
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
