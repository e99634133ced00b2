//! Scenarios in the live world, played by the executable as a user would: they hold, fail or are skipped as
//! they should, and leave nothing behind.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use gamin::ServerCommand;
use testgam::{Outcome, PlayOptions, Script, play};
use testgam_language::EXTENDED_HEADER;

const TESTGAM: &str = env!("CARGO_BIN_EXE_testgam");

fn options() -> PlayOptions {
    let server = ServerCommand { program: TESTGAM.into(), args: vec![OsString::from("gam_server")] };
    PlayOptions { server, ..PlayOptions::default() }
}

fn extended(body: &str) -> Script {
    Script::parse(format!("{EXTENDED_HEADER}\n{body}").as_bytes()).expect("the script can be read")
}

/// Plays a file with the executable, its temporary files in `temporary`.
fn run(temporary: &Path, script: &str) -> Output {
    let file = temporary.join("script");
    fs::write(&file, script).expect("the script can be written");
    let output = Command::new(TESTGAM)
        .arg(&file)
        .current_dir(temporary)
        .env("TMPDIR", temporary)
        .env("GAM_CLIENT_ID", temporary.file_name().expect("a name"))
        .output();
    fs::remove_file(file).expect("the script can be removed");
    output.expect("testgam runs")
}

/// The processes whose environment or command line names `path`.
fn processes_of(path: &Path) -> usize {
    let named = |pid: &str| {
        let read = |file: &str| fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
        let text = [read("environ"), read("cmdline")].concat();
        String::from_utf8_lossy(&text).contains(path.to_str().expect("a UTF-8 path"))
    };
    let entries = fs::read_dir("/proc").expect("processes are listed").flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).filter(|name| named(name)).count()
}

#[test]
fn cause_and_effect_are_told_in_real_files() {
    let played = play(
        &extended("connect test\nmkdir temp\nmkfile temp/foo\nmondir temp\nmkfile temp/bar\nconverged"),
        &options(),
    );
    let expected = "connected to test\nmkdir temp\nmkfile temp/foo\nmondir temp 0\n  1: $DIR/temp Exists\n  1: foo Exists\n\
                    \x20 1: $DIR/temp EndExist\nmkfile temp/bar\n  1: bar Created\nconverged\n";
    assert_eq!(played.outcome, Outcome::Held);
    assert_eq!(played.transcript, expected);
}

#[test]
fn nothing_is_left_behind_however_a_scenario_ends() {
    for ending in [
        "",
        "rmdir missing",
        "server stop",
        "server kill",
        "server kill\nmkfile temp/x\nserver start",
        "mkdir temp/locked\nmkfile temp/locked/x\nchmod temp/locked 000",
        "expect 100",
    ] {
        let temporary = tempfile::tempdir().expect("a temporary directory");
        let script = format!("{EXTENDED_HEADER}\nconnect\nmkdir temp\nmondir temp\n{ending}\n");
        run(temporary.path(), &script);
        let left: Vec<_> = fs::read_dir(temporary.path()).expect("the directory is there").collect();
        assert!(left.is_empty(), "after {ending:?}: {left:?}");
        assert_eq!(processes_of(temporary.path()), 0, "after {ending:?}");
    }
}

#[test]
fn the_status_says_whether_everything_held() {
    let temporary = tempfile::tempdir().expect("a temporary directory");
    let held =
        run(temporary.path(), "connect\nmkdir temp\nmondir temp\nexpect 2\nrmdir temp\nexpect 1\nkill\n");
    let path = temporary.path().canonicalize().expect("a path");
    let root = path.join("temp").display().to_string();
    let expected = format!(
        "connected\nmkdir temp\nmondir temp 0\n1: {root} Exists: NULL\n1: {root} EndExist: NULL\nrmdir temp\n1: {root} Deleted: NULL\nkillall gam_server\n"
    );
    assert_eq!(String::from_utf8_lossy(&held.stdout), expected);
    assert_eq!(held.status.code(), Some(0));
    let failed = run(temporary.path(), "rmdir missing\n");
    assert!(String::from_utf8_lossy(&failed.stderr).starts_with("rmdir line 1: "));
    assert_eq!(failed.status.code(), Some(1));
}

#[test]
fn scenarios_play_at_once_without_knowing_of_each_other() {
    let script = extended(
        "connect same\nmkdir temp\nmondir temp\nmkfile temp/a\nrmfile temp/a\nserver restart\nmkfile temp/b\nconverged",
    );
    let alone = play(&script, &options());
    assert_eq!(alone.outcome, Outcome::Held, "{}", alone.transcript);
    let options = options();
    std::thread::scope(|scope| {
        let players: Vec<_> = (0..8).map(|_| scope.spawn(|| play(&script, &options))).collect();
        for player in players {
            assert_eq!(player.join().expect("no panic"), alone);
        }
    });
}

#[test]
fn a_scenario_has_its_own_umask_and_a_server_with_limits() {
    let body = "server watches 3\nserver unprivileged\nconnect\nmkdir temp\nmkfile temp/a\nchmod temp 000\nmondir temp\n\
                converged\nchmod temp 755\nconverged";
    let played = play(&extended(body), &options());
    match played.outcome {
        Outcome::Held => assert!(
            played.transcript.contains("chmod temp to 755\n  1: a Created\n"),
            "{}",
            played.transcript
        ),
        Outcome::Skipped(why) => assert!(why.starts_with("the server cannot be limited here")),
        Outcome::Failed(failure) => panic!("{failure:?}"),
    }
}
