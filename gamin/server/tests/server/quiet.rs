//! A server with much to watch, and nothing happening: nobody wakes up.
//!
//! Its context switches are counted, of all its threads, for as many seconds as `GAMIN_REST` says, or a few.

#![allow(clippy::print_stdout, reason = "the figure is what is asked for")]

use std::fs;
use std::io::{ErrorKind, Read};
use std::process::Command;
use std::time::Duration;

use crate::support::{Client, GAM_SERVER, Server, monitor};
use nix::unistd::Pid;
use tempfile::TempDir;

const DIRECTORIES: u32 = 1000;
const A_FEW_SECONDS: u64 = 3;
/// In which a server comes to rest that has just answered.
const SETTLING: Duration = Duration::from_secs(2);

/// How often the kernel has taken the processor from a thread of a process, or given it one.
fn switches(pid: Pid) -> u64 {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).expect("because the server runs");
    let of_thread = |thread: fs::DirEntry| {
        let status = fs::read_to_string(thread.path().join("status")).unwrap_or_default();
        let counts = status.lines().filter(|line| line.contains("ctxt_switches"));
        counts.filter_map(|line| line.split_whitespace().last()?.parse::<u64>().ok()).sum::<u64>()
    };
    let counts: Vec<u64> = threads.flatten().map(of_thread).collect();
    assert!(counts.iter().all(|count| *count > 0), "each has run: {counts:?}");
    counts.iter().sum()
}

/// Waits that long for a word that does not come.
fn assert_silent(client: &mut Client, span: Duration) {
    client.stream.set_read_timeout(Some(span)).expect("because it is a socket");
    let answer = client.stream.read(&mut [0; 64]).map_err(|error| error.kind());
    assert_eq!(answer, Err(ErrorKind::WouldBlock));
}

#[test]
fn with_a_thousand_directories_and_nothing_happening_nobody_wakes() {
    let seconds = std::env::var("GAMIN_REST").ok().and_then(|seconds| seconds.parse().ok());
    let rest = Duration::from_secs(seconds.unwrap_or(A_FEW_SECONDS));
    let folder = TempDir::new().expect("because there is room for temporary files");
    // It follows its configuration too, and what comes to and goes from the directory above: nobody else is busy there.
    let home = folder.path().join("home");
    fs::create_dir(&home).expect("because the folder is ours");
    let mut command = Command::new(GAM_SERVER);
    command.env("HOME", &home).arg("--config-dir").arg(&home);
    let server = Server::start_as(command);
    let mut client = server.client();
    for number in 0..DIRECTORIES {
        let path = folder.path().join(number.to_string());
        fs::create_dir(&path).expect("because the folder is ours");
        client.send(&monitor(number, &path));
    }
    client.sync();
    assert_silent(&mut client, SETTLING);
    let before = switches(server.pid());
    assert_silent(&mut client, rest);
    let woken = switches(server.pid()) - before;
    println!("woken {woken} times in {rest:?}");
    assert_eq!(woken, 0);
    // It was asleep, not dead.
    fs::write(folder.path().join("7/f"), "").expect("because the folder is ours");
    client.stream.set_read_timeout(Some(crate::support::PATIENCE)).expect("because it is a socket");
    assert_eq!(client.event(), "7 Created f");
    assert!(switches(server.pid()) > before);
}
