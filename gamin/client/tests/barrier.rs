//! The barrier, between threads and with servers that know it or not.

mod fake;

use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use fake::{FakeServer, HANG, options, session_id};
use gamin::{Code, Connection, Error};
use gamin_protocol::Request;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

fn connect() -> (FakeServer, Connection) {
    let id = session_id();
    let server = FakeServer::bind(&id);
    let connection = options(&id).open().expect("the server listens");
    (server, connection)
}

#[test]
fn what_happened_before_can_be_had_without_waiting() {
    let (server, connection) = connect();
    let session = server.welcome();
    let serving = thread::spawn(move || session.serve(true));
    for _ in 0..100 {
        connection.monitor_file("/f").expect("sent");
        connection.barrier(HANG).expect("supported");
        let next = || connection.try_next_event().expect("a server").map(|event| event.code);
        assert_eq!([next(), next(), next()], [Some(Code::Exists), Some(Code::EndExist), None]);
    }
    drop(connection);
    serving.join().expect("no panic");
}

#[test]
fn a_server_without_it_is_found_out_without_a_timeout() {
    let (server, connection) = connect();
    let session = server.welcome();
    let serving = thread::spawn(move || session.serve(false));
    assert!(matches!(connection.barrier(HANG), Err(Error::Unsupported)));
    assert!(matches!(connection.barrier(HANG), Err(Error::Unsupported)));
    assert_eq!(connection.try_next_event().expect("a server"), None);
    drop(connection);
    serving.join().expect("no panic");
}

#[test]
fn a_server_that_does_not_answer_is_waited_for_so_long() {
    let (server, connection) = connect();
    let _session = server.welcome();
    assert!(matches!(connection.barrier(Duration::from_millis(20)), Err(Error::TimedOut)));
}

#[test]
fn it_is_seen_also_when_another_thread_reads_the_answer() {
    let (server, connection) = connect();
    let session = server.welcome();
    let serving = thread::spawn(move || session.serve(true));
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                connection.next_event().expect("a server");
            }
        });
        let barriers: Vec<_> =
            (0..3).map(|_| scope.spawn(|| (0..300).try_for_each(|_| connection.barrier(HANG)))).collect();
        for thread in barriers {
            thread.join().expect("no panic").expect("reached");
        }
        done.store(true, Ordering::Relaxed);
        connection.monitor_file("/f").expect("sent");
    });
    drop(connection);
    serving.join().expect("no panic");
}

#[test]
fn one_that_is_not_waited_for_is_answered_in_passing() {
    let (server, connection) = connect();
    let session = server.welcome();
    let serving = thread::spawn(move || session.serve(true));
    let hang = PollTimeout::try_from(HANG).expect("a short time");
    for _ in 0..100 {
        connection.monitor_file("/f").expect("sent");
        let mut barrier = connection.begin_barrier().expect("asked");
        let mut codes = Vec::new();
        while !connection.poll_barrier(&mut barrier).expect("supported") {
            // Nobody but this thread reads, so the answer makes the descriptor readable.
            let mut ready = [PollFd::new(connection.as_fd(), PollFlags::POLLIN)];
            assert_eq!(poll(&mut ready, hang), Ok(1));
            codes.extend(connection.try_next_event().expect("a server").map(|event| event.code));
        }
        connection.forget_barrier(&barrier);
        codes.extend(
            std::iter::from_fn(|| connection.try_next_event().expect("a server")).map(|event| event.code),
        );
        assert_eq!(codes, [Code::Exists, Code::EndExist]);
    }
    drop(connection);
    serving.join().expect("no panic");
}

#[test]
fn it_is_asked_again_when_the_server_is_lost() {
    let (server, connection) = connect();
    let mut session = server.welcome();
    let waiting = thread::spawn(move || connection.barrier(HANG));
    assert!(matches!(session.next_request(), Some(Request::Ask { .. })));
    drop(session);
    server.welcome().serve(true);
    waiting.join().expect("no panic").expect("reached");
}
