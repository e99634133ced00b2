//! A client that never reads, while what it watches changes without end: what it costs the server, and another client.
//!
//! As many changes as `GAMIN_CHANGES` says, or a few. With `GAMIN_CHANGES` the other client's latency is judged too, which
//! needs a machine with nothing else to do: `ci/bounded` does that.

#![allow(clippy::print_stdout, reason = "the figures are what ci/bounded is for")]

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::support::{Client, Server, monitor};
use nix::unistd::Pid;
use tempfile::TempDir;

const NAMES: usize = 1000;
const FEW_CHANGES: usize = 30_000;
/// How often the other client's latency is measured while nothing else happens.
const SAMPLES: usize = 500;
const GROWTH_MAX_KB: u64 = 2048;

/// Changes each name in turn, in each of the ways that are told differently.
fn change(directory: &Path, round: usize) -> io::Result<()> {
    let path = directory.join(format!("name{:03}", round % NAMES));
    match round / NAMES % 3 {
        0 => fs::write(path, round.to_string()),
        1 => fs::set_permissions(path, Permissions::from_mode(0o600 + (round as u32 & 0o77))),
        _ => fs::remove_file(&path).and_then(|()| File::create(path).map(drop)),
    }
}

/// What the kernel counts as a process's memory: resident, and data.
fn memory_kb(pid: Pid) -> [u64; 2] {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("because the server runs");
    ["VmRSS:", "VmData:"].map(|name| {
        let line =
            status.lines().find_map(|line| line.strip_prefix(name)).expect("because all processes have it");
        line.trim().trim_end_matches(" kB").parse().expect("because it is a number")
    })
}

/// How long a name that is new and stays takes to reach a client.
fn latency(client: &mut Client, directory: &Path, sample: usize) -> Duration {
    let name = format!("x{sample}");
    let start = Instant::now();
    File::create(directory.join(&name)).expect("because the directory is ours");
    assert_eq!(client.event(), format!("1 Created {name}"));
    start.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

#[test]
fn a_client_that_never_reads_costs_what_it_watches_and_delays_nobody() {
    let full_size: Option<usize> = std::env::var("GAMIN_CHANGES").ok().and_then(|count| count.parse().ok());
    let server = Server::start();
    let [flooded, quiet] = [0, 1].map(|_| TempDir::new().expect("because there is room for temporary files"));
    for round in 0..NAMES {
        change(flooded.path(), round).expect("because the directory is ours");
    }
    let mut sleeper = server.client();
    sleeper.send(&monitor(1, flooded.path()));
    let mut awake = server.client();
    awake.send(&monitor(1, quiet.path()));
    awake.events_until(&format!("1 EndExist {}", quiet.path().display()));
    let undisturbed = median((0..SAMPLES).map(|sample| latency(&mut awake, quiet.path(), sample)).collect());

    let before = memory_kb(server.pid());
    let is_over = AtomicBool::new(false);
    let start = Instant::now();
    let disturbed = std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..full_size.unwrap_or(FEW_CHANGES) {
                change(flooded.path(), round).expect("because nobody else changes anything there");
            }
            is_over.store(true, Ordering::Relaxed);
        });
        let rounds = (SAMPLES..).take_while(|_| !is_over.load(Ordering::Relaxed));
        median(rounds.map(|sample| latency(&mut awake, quiet.path(), sample)).collect())
    });
    let after = memory_kb(server.pid());
    println!("changes in {:?}; RSS and data before {before:?} kB, after {after:?} kB", start.elapsed());
    println!("median latency {undisturbed:?} undisturbed, {disturbed:?} meanwhile");
    for (before, after) in before.into_iter().zip(after) {
        assert!(after < before + GROWTH_MAX_KB, "from {before} to {after} kB");
    }
    if full_size.is_some() {
        assert!(disturbed < undisturbed * 2, "{disturbed:?} beside {undisturbed:?}");
    }
}
