//! As process 1 of a container testgam ends when it is asked to, though the kernel spares that one the signals that it does
//! not take.
//!
//! A session at a terminal is in `repl.rs`.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getuid};

const TESTGAM: &str = env!("CARGO_BIN_EXE_testgam");
/// Longer than anything takes but a hang.
const HANG: Duration = Duration::from_secs(60);
/// A script that lasts longer than any test.
const LONG: &str = "#! testgam extended\n# Nothing happens for long.\nwait 60000\nwait 60000\n";

/// Begins testgam as process 1 of a namespace, with an input that does not end; gives `unshare`, and testgam's process once it
/// takes signals.
fn begin(arguments: &[&str], directory: &Path) -> (Child, Pid) {
    let mut unshare = Command::new("unshare")
        .args(["--pid", "--fork", "--kill-child", "--mount-proc", TESTGAM])
        .args(arguments)
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("root has unshare");
    let start = Instant::now();
    loop {
        let children = format!("/proc/{0}/task/{0}/children", unshare.id());
        let child = fs::read_to_string(children).unwrap_or_default();
        let tasks = fs::read_dir(format!("/proc/{}/task", child.trim())).into_iter().flatten().flatten();
        let names = tasks.map(|task| fs::read_to_string(task.path().join("comm")).unwrap_or_default());
        if { names }.any(|name| name == "signals\n") {
            return (unshare, Pid::from_raw(child.trim().parse().expect("a number")));
        }
        let ended = unshare.try_wait().expect("it is ours");
        assert!(ended.is_none() && start.elapsed() < HANG, "{arguments:?} takes no signals: {ended:?}");
        thread::yield_now();
    }
}

/// Its status, with its input open, whose end would end it too.
fn status(mut unshare: Child) -> Option<i32> {
    let start = Instant::now();
    loop {
        if let Some(status) = unshare.try_wait().expect("it is ours") {
            return status.code();
        }
        assert!(start.elapsed() < HANG, "it goes on");
        thread::yield_now();
    }
}

#[test]
#[allow(clippy::print_stdout, reason = "a test that can't run here says so")]
fn signals_end_it() {
    if !getuid().is_root() {
        println!("skipped: only root makes namespaces");
        return;
    }
    let directory = tempfile::tempdir().expect("there is room");
    let scenario = directory.path().join("tests/scenario/area/long.tst");
    fs::create_dir_all(scenario.parent().expect("a folder")).expect("there is room");
    fs::write(scenario, LONG).expect("there is room");
    for (arguments, statuses) in [
        (&["-"][..], [143, 130]),
        (&["tests/scenario/area/long.tst"], [130, 130]),
        (&["run"], [130, 130]),
        (&["explore", "--histories", "1000000"], [130, 130]),
    ] {
        for (signal, expected) in [Signal::SIGTERM, Signal::SIGINT].into_iter().zip(statuses) {
            let (unshare, testgam) = begin(arguments, directory.path());
            kill(testgam, signal).expect("it is ours");
            assert_eq!(status(unshare), Some(expected), "{arguments:?}, {signal}");
        }
    }
}
