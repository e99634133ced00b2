//! Processes by their mark: a variable in their environment, which all that they start has too.
//!
//! So whatever was started for a scenario is found, whoever started it, and whoever is its parent by now. Invariant: nothing that does not
//! carry the mark is ever signalled.

use std::ffi::OsStr;
use std::fs;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The processes that carry a mark, `NAME=VALUE`, in their environment or their command line.
pub fn processes(mark: &OsStr) -> Vec<Pid> {
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = processes.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let carries = |pid: &i32| {
        let holds = |file: &str| {
            let text = fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
            text.split(|byte| *byte == 0).any(|word| word == mark.as_encoded_bytes())
        };
        holds("environ") || holds("cmdline")
    };
    pids.filter(carries).map(Pid::from_raw).collect()
}

/// Signals all that carry a mark; gives which they are.
pub fn signal(mark: &OsStr, signal: Signal) -> Vec<Pid> {
    let found = processes(mark);
    for process in &found {
        // One that has ended meanwhile is found by who waits for it.
        let _ = kill(*process, signal);
    }
    found
}
