//! The sandbox as the server has it on. What each guard denies is tried in gamin/server/src/sandbox.rs.

use std::collections::BTreeMap;
use std::env::consts::ARCH;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::Instant;

use crate::support::{Client, GAM_SERVER, PATIENCE, Server, encode, monitor};
use gamin_protocol::{Inquiry, Request};
use nix::sys::signal::{Signal, kill};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};
use tempfile::TempDir;

/// What the kernel says of each thread of a server.
fn states(server: &Server, key: &str) -> Vec<String> {
    let threads = fs::read_dir(format!("/proc/{}/task", server.pid())).expect("because the server runs");
    let statuses = threads.flatten().map(|thread| fs::read_to_string(thread.path().join("status")));
    let word = |status: std::io::Result<String>| {
        let status = status.expect("because the thread is there");
        let line = status.lines().find_map(|line| line.strip_prefix(key));
        line.expect("because the kernel says so").trim_start_matches(':').trim().to_owned()
    };
    statuses.map(word).collect()
}

/// What the server says of itself.
fn says(client: &mut Client) -> String {
    let question = Inquiry { noun: "server".to_owned(), after: 0 }.question();
    client.send(&encode(&Request::Ask { seq: 9998, question }));
    client.event()
}

#[test]
fn a_server_is_confined_unless_it_is_asked_not_to_be_and_says_so() {
    let server = Server::start();
    let mut client = server.client();
    client.sync();
    assert_eq!(
        (states(&server, "Seccomp"), states(&server, "NoNewPrivs")),
        (vec!["2".into()], vec!["1".into()])
    );
    let said = says(&mut client);
    assert!(said.contains(" landlock=") && said.contains(" seccomp=yes "), "{said}");
    let mut command = Command::new(GAM_SERVER);
    command.arg("--no-sandbox");
    let server = Server::start_as(command);
    let mut client = server.client();
    let said = says(&mut client);
    assert!(said.contains(" landlock=off seccomp=off "), "{said}");
    assert_eq!(states(&server, "Seccomp"), states_of_this_process("Seccomp"));
}

fn states_of_this_process(key: &str) -> Vec<String> {
    let status = fs::read_to_string("/proc/thread-self/status").expect("because it is there");
    let line = status.lines().find_map(|line| line.strip_prefix(key)).expect("because the kernel says so");
    vec![line.trim_start_matches(':').trim().to_owned()]
}

/// Whoever is started from a thread that has put on a filter has it too: a kernel without these calls.
#[test]
fn where_the_kernel_has_no_guard_the_server_serves_all_the_same_and_says_so() {
    let without = |calls: &[i64], errno: i32| {
        let calls: BTreeMap<i64, Vec<_>> = calls.iter().map(|call| (*call, Vec::new())).collect();
        let refused = SeccompAction::Errno(errno.unsigned_abs());
        let arch = ARCH.try_into().expect("because it is one that there are filters for");
        let filter =
            SeccompFilter::new(calls, SeccompAction::Allow, refused, arch).expect("because it has rules");
        let program = BpfProgram::try_from(filter).expect("because it is short");
        thread::spawn(move || {
            apply_filter(&program).expect("because this kernel has seccomp");
            Server::start()
        })
        .join()
        .expect("because it does not panic")
    };
    let landlock: &[i64] = &[libc::SYS_landlock_create_ruleset];
    for (calls, expected) in [
        (landlock, " landlock=no seccomp=yes "),
        (&[libc::SYS_landlock_create_ruleset, libc::SYS_seccomp], " landlock=no seccomp=no "),
    ] {
        let server = without(calls, libc::ENOSYS);
        let mut client = server.client();
        let said = says(&mut client);
        assert!(said.contains(expected), "{said}");
        let directory = TempDir::new().expect("because there is room for temporary files");
        client.send(&monitor(1, directory.path()));
        client.sync();
        fs::write(directory.path().join("new"), "").expect("because there is room");
        assert_eq!(client.sync(), ["1 Created new"]);
    }
}

#[test]
fn whoever_opens_files_for_the_server_ends_with_it_however_that_ends() {
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        let server = Server::start();
        server.client().sync();
        let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", server.pid()));
        let children = children.expect("because the server runs");
        let brokers: Vec<PathBuf> =
            children.split_whitespace().map(|pid| PathBuf::from(format!("/proc/{pid}/status"))).collect();
        let [broker] = &brokers[..] else { panic!("{brokers:?}") };
        assert!(fs::read_to_string(broker).expect("because it runs").starts_with("Name:\tgam_broker\n"));
        kill(server.pid(), signal).expect("because the server is ours");
        server.wait();
        let start = Instant::now();
        while fs::read_to_string(broker).is_ok_and(|status| !status.contains("State:\tZ")) {
            assert!(start.elapsed() < PATIENCE, "it is there though its server is not");
            thread::yield_now();
        }
    }
}
