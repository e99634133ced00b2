//! SIGUSR2: a trace of its own, on and off.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::time::Instant;

use crate::support::{PATIENCE, Server, monitor};
use nix::sys::signal::{Signal, kill};
use nix::unistd::getuid;
use tempfile::TempDir;

/// The files of traces that the server has open.
fn open_traces(server: &Server) -> Vec<PathBuf> {
    let descriptors = fs::read_dir(format!("/proc/{}/fd", server.pid())).expect("because the server runs");
    let targets = descriptors.flatten().filter_map(|descriptor| fs::read_link(descriptor.path()).ok());
    targets.filter(|target| target.to_string_lossy().contains("/gamin_debug_")).collect()
}

fn switch(server: &Server, on: bool) -> Option<PathBuf> {
    kill(server.pid(), Signal::SIGUSR2).expect("because the server is ours");
    let start = Instant::now();
    while open_traces(server).is_empty() == on {
        assert!(start.elapsed() < PATIENCE, "the trace is not switched");
        std::thread::yield_now();
    }
    open_traces(server).pop()
}

#[test]
fn sigusr2_switches_a_trace_on_and_off_each_time_at_once() {
    let server = Server::start();
    let mut client = server.client();
    let directory = TempDir::new().expect("because there is room for temporary files");
    client.send(&monitor(7, directory.path()));
    client.sync();
    let mut seen = Vec::new();
    for round in 0..3 {
        let path = switch(&server, true).expect("because it is on");
        assert!(path.to_string_lossy().starts_with("/tmp/gamin_debug_"), "{path:?}");
        let metadata = fs::symlink_metadata(&path).expect("because it is there");
        assert!(metadata.is_file() && metadata.uid() == getuid().as_raw());
        assert_eq!(metadata.permissions().mode() & 0o7777, 0o600);
        fs::write(directory.path().join(format!("made while traced {round}")), "")
            .expect("because there is room");
        client.sync();
        switch(&server, false);
        fs::write(directory.path().join(format!("made untraced {round}")), "")
            .expect("because there is room");
        client.sync();
        let text = fs::read_to_string(&path).expect("because a trace is text");
        fs::remove_file(&path).expect("because it is ours");
        let (dump, trace) = text.split_once("trace begins").expect("because it says so");
        let shown = directory.path().display().to_string();
        for fact in [
            "server version=",
            "rule method=",
            "file-system type=",
            "mount type=",
            "session id=",
            "subscription id=",
            "watch id=",
            "kernel-watch id=",
            "ring at=",
        ] {
            assert!(dump.lines().any(|line| line.starts_with(fact)), "{fact} is not in\n{dump}");
        }
        assert!(dump.contains(&format!("path=\"{shown}\"")), "{dump}");
        assert!(
            trace.contains(&format!("made while traced {round}")) && trace.contains("trace ends"),
            "{trace}"
        );
        assert!(!trace.contains("untraced"), "{trace}");
        // What happened before it was switched on is in the ring.
        assert_eq!(dump.contains("made untraced 0"), round > 0, "{dump}");
        assert!(!seen.contains(&path), "each time it is a new file");
        seen.push(path);
    }
}
