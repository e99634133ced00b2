//! Servers that are started on demand, cannot be, or are lost for good.

mod fake;

use std::env;
use std::thread;
use std::time::Duration;

use fake::{FakeServer, HANG, options, session_id, wait_readable};
use gamin::{Code, ConnectError, Error, Options, RequestNumber, ServerCommand};

/// Names the variable that makes [`serve_when_started`] a server.
const SERVE: &str = "GAMIN_TEST_SERVE";

/// No test but the server that the others start: this program, told to run only this.
#[test]
fn serve_when_started() {
    if env::var_os(SERVE).is_none() {
        return;
    }
    let server = FakeServer::bind(&env::var("GAM_CLIENT_ID").unwrap_or_default());
    let mut session = server.welcome();
    let wire = session.next_monitor();
    // Where it stands, told in the only way it has.
    let folder = env::current_dir().expect("a folder");
    session.send(wire, Code::Exists, &format!("cwd={}", folder.display()));
    session.send(wire, Code::Exists, &format!("unwanted={:?}", env::var_os("GAMIN_TEST_UNWANTED")));
    let alone = nix::unistd::getpgrp() == nix::unistd::getpid();
    session.send(wire, Code::Exists, &format!("own group={alone}"));
    while session.next_request().is_some() {}
}

fn this_program() -> ServerCommand {
    let args = ["serve_when_started", "--exact", "--nocapture"].map(Into::into).to_vec();
    ServerCommand { program: env::current_exe().expect("this program"), args }
}

fn starting(id: &str) -> Options {
    options(id)
        .server(this_program())
        .env(SERVE, "1")
        .env("GAMIN_TEST_UNWANTED", "1")
        .env_remove("GAMIN_TEST_UNWANTED")
}

#[test]
fn a_server_is_started_on_demand_and_again_when_it_is_lost() {
    let connection = starting(&session_id()).open().expect("a started server");
    let first = connection.server_pid().expect("a server");
    assert_ne!(Some(first), i32::try_from(std::process::id()).ok());
    connection.monitor_directory("/d").expect("sent");
    for expected in ["cwd=/", "unwanted=None", "own group=true"] {
        assert_eq!(connection.next_event().expect("a server").path.as_os_str(), expected);
    }
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(first), nix::sys::signal::SIGKILL)
        .expect("ours to kill");
    while connection.server_pid().is_none_or(|pid| pid == first) {
        wait_readable(&connection);
        assert_eq!(connection.try_next_event().expect("another server"), None);
    }
}

#[test]
fn a_program_that_cannot_be_started_is_named_at_once() {
    let command = ServerCommand::new("/nonexistent/gam_server");
    let refused = options(&session_id()).server(command).open();
    match refused {
        Err(Error::Connect(ConnectError::Start { program, .. })) => {
            assert_eq!(program.as_os_str(), "/nonexistent/gam_server");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_program_that_fails_is_named() {
    let command = ServerCommand { program: "/bin/sh".into(), args: vec!["-c".into(), "exit 3".into()] };
    match options(&session_id()).server(command).open() {
        Err(Error::Connect(ConnectError::Exited { program, status })) => {
            assert_eq!((program.as_os_str(), status.code()), ("/bin/sh".as_ref(), Some(3)));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn without_a_server_it_ends_when_patience_does() {
    let refused = options(&session_id()).patience(Duration::from_millis(30)).open();
    assert!(matches!(refused, Err(Error::Connect(ConnectError::NoAnswer { .. }))));
}

#[test]
fn a_service_that_is_lost_is_reported_and_may_come_back() {
    let id = session_id();
    let server = FakeServer::bind(&id);
    let connection = options(&id).patience(Duration::from_millis(30)).open().expect("it listens");
    connection.monitor_directory("/d").expect("sent");
    let mut session = server.welcome();
    let wire = session.next_monitor();
    session.list(wire, "/d");
    drop((session, server));
    assert_eq!(connection.next_event().expect("sent before").code, Code::Exists);
    assert_eq!(connection.next_event().expect("sent before").code, Code::EndExist);
    while !connection.pending().expect("our own") {
        wait_readable(&connection);
    }
    assert!(matches!(connection.next_event(), Err(Error::ServiceLost(_))));
    let request = RequestNumber(1);
    connection.cancel(request).expect("known without a server");
    assert_eq!(connection.next_event().expect("from the client itself").code, Code::Acknowledge);

    let server = FakeServer::bind(&id);
    connection.monitor_directory("/e").expect("sent");
    let mut session = server.welcome();
    let wire = session.next_monitor();
    session.list(wire, "/e");
    assert_eq!(connection.next_event().expect("a server").request, RequestNumber(2));
}

#[test]
fn all_who_wait_learn_that_the_service_is_lost() {
    let id = session_id();
    let server = FakeServer::bind(&id);
    let connection = options(&id).patience(Duration::from_millis(30)).open().expect("it listens");
    let session = server.welcome();
    thread::scope(|scope| {
        let waiting: Vec<_> = (0..3).map(|_| scope.spawn(|| connection.next_event())).collect();
        let barrier = scope.spawn(|| connection.barrier(HANG));
        drop((session, server));
        for thread in waiting {
            assert!(matches!(thread.join().expect("no panic"), Err(Error::ServiceLost(_))));
        }
        assert!(matches!(barrier.join().expect("no panic"), Err(Error::ServiceLost(_))));
    });
}
