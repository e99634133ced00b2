//! Connections to a server that the test plays: bytes, descriptors and threads. What the events must be is
//! tested where they are made, in the state.

mod fake;

use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;
use std::thread;
use std::time::Duration;

use fake::{FakeServer, HANG, is_readable, options, packet, session_id, wait_readable};
use gamin::{Code, ConnectError, Connection, Error, Event, Kind, RequestNumber};
use gamin_protocol::{FULL, Request};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

fn connect() -> (FakeServer, Connection) {
    let id = session_id();
    let server = FakeServer::bind(&id);
    let connection = options(&id).open().expect("the server listens");
    (server, connection)
}

fn event(number: i32, code: Code, path: &str) -> Event {
    // Entries are those of /d.
    let root = Path::new(if path.starts_with('/') { path } else { "/d" }).into();
    Event {
        request: RequestNumber(number),
        user_data: 0,
        code,
        path: path.into(),
        root,
        coverage: None,
        moved_to: None,
    }
}

/// Gives the next event to one who only waits for the descriptor.
fn polled_event(connection: &Connection) -> Event {
    loop {
        wait_readable(connection);
        if let Some(event) = connection.try_next_event().expect("a server") {
            return event;
        }
    }
}

#[test]
fn it_can_be_shared_between_threads() {
    fn is_shareable<T: Send + Sync>() {}
    is_shareable::<Connection>();
}

#[test]
fn requests_follow_the_credential_without_waiting_for_the_servers() {
    let (server, connection) = connect();
    assert_eq!(connection.monitor_directory("/d").expect("sent"), RequestNumber(1));
    connection.monitor_with_number(Kind::File, "/f", RequestNumber(7)).expect("sent");
    assert_eq!(connection.server_pid(), i32::try_from(std::process::id()).ok());
    let mut session = server.accept();
    let first = session.next_request().expect("a request");
    assert!(matches!(first, Request::Monitor { kind: Kind::Directory, path, .. } if path == b"/d"));
    let second = session.next_request().expect("a request");
    assert!(matches!(second, Request::Monitor { kind: Kind::File, path, .. } if path == b"/f"));
}

#[test]
fn a_stream_cut_into_bytes_is_no_loss() {
    let (server, connection) = connect();
    connection.monitor_file("/f").expect("sent");
    let mut session = server.accept();
    let wire = session.next_monitor();
    for byte in [vec![0], packet(wire, Code::Exists, "/f", Some(1))].concat() {
        assert!(!connection.pending().expect("a server"));
        assert_eq!(connection.try_next_event().expect("a server"), None);
        session.send_bytes(&[byte]);
    }
    assert_eq!(connection.next_event().expect("a server"), event(1, Code::Exists, "/f"));
}

#[test]
fn it_is_readable_exactly_while_there_is_an_event() {
    let (server, connection) = connect();
    connection.monitor_directory("/d").expect("sent");
    let mut session = server.welcome();
    let wire = session.next_monitor();
    assert!(!connection.pending().expect("a server"));
    assert!(!is_readable(&connection));
    session.send_bytes(
        &[packet(wire, Code::Exists, "/d", None), packet(wire, Code::Exists, "e", None)].concat(),
    );
    wait_readable(&connection);
    assert!(connection.pending().expect("a server"));
    assert_eq!(connection.try_next_event().expect("a server"), Some(event(1, Code::Exists, "/d")));
    assert!(is_readable(&connection), "what is queued counts as well");
    assert_eq!(connection.try_next_event().expect("a server"), Some(event(1, Code::Exists, "e")));
    assert!(!is_readable(&connection));
}

#[test]
fn an_epoll_registration_survives_servers() {
    let (server, connection) = connect();
    connection.monitor_directory("/d").expect("sent");
    let number = connection.as_fd().as_raw_fd();
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).expect("epoll");
    epoll.add(&connection, EpollEvent::new(EpollFlags::EPOLLIN, 5)).expect("epoll");
    let next = || loop {
        let mut ready = [EpollEvent::empty()];
        let timeout = EpollTimeout::try_from(HANG).expect("a short time");
        assert_eq!(epoll.wait(&mut ready, timeout).expect("epoll"), 1, "nothing came");
        if let Some(event) = connection.try_next_event().expect("a server") {
            return event;
        }
    };
    let mut session = server.welcome();
    let wire = session.next_monitor();
    session.list(wire, "/d");
    assert_eq!([next().code, next().code], [Code::Exists, Code::EndExist]);
    for name in ["a", "b", "c"] {
        drop(session);
        // Whoever only waits for the descriptor makes the connection reach the next server.
        let again;
        (session, again) = thread::scope(|scope| {
            let waiting = scope.spawn(next);
            let mut session = server.welcome();
            assert_eq!(session.next_monitor(), wire);
            session.list(wire, "/d");
            session.send(wire, Code::Created, name);
            (session, waiting.join().expect("no panic"))
        });
        assert_eq!(again.code, Code::Created, "{again:?}");
        session.send(wire, Code::Deleted, name);
        assert_eq!(next().code, Code::Deleted);
    }
    assert_eq!(connection.as_fd().as_raw_fd(), number);
}

#[test]
fn what_a_dying_server_sent_comes_before_the_difference() {
    let (server, connection) = connect();
    connection.monitor_directory("/d").expect("sent");
    let mut session = server.welcome();
    let wire = session.next_monitor();
    session.send_tagged(wire, Code::Exists, "/d", 1);
    session.send_tagged(wire, Code::Exists, "a", 1);
    session.send_tagged(wire, Code::Exists, "b", 1);
    session.send_tagged(wire, Code::EndExist, "/d", 1);
    session.send_tagged(wire, Code::Created, "c", 1);
    session.send_bytes(&packet(wire, Code::Created, "cut off", None)[..7]);
    drop(session);
    let codes = |count| (0..count).map(|_| connection.next_event().expect("a server")).collect::<Vec<_>>();
    codes(4);
    assert_eq!(codes(1), [event(1, Code::Created, "c")]);
    let relisting = thread::spawn(move || {
        let mut session = server.welcome();
        session.send_tagged(wire, Code::Exists, "/d", 2);
        session.send_tagged(wire, Code::Exists, "b", 2);
        session.send_tagged(wire, Code::Exists, "c", 1);
        session.send_tagged(wire, Code::Exists, "d", 1);
        session.send_tagged(wire, Code::EndExist, "/d", 2);
        session
    });
    let news = codes(3);
    let _session = relisting.join().expect("no panic");
    let expected = [event(1, Code::Deleted, "a"), event(1, Code::Changed, "b"), event(1, Code::Created, "d")];
    assert_eq!(news, expected);
}

#[test]
fn a_server_that_cannot_be_understood_is_left() {
    let (server, connection) = connect();
    connection.monitor_file("/f").expect("sent");
    let mut session = server.welcome();
    session.send_bytes(&[0xff; 64]);
    let mut other = thread::scope(|scope| {
        let waiting = scope.spawn(|| polled_event(&connection));
        let mut other = server.welcome();
        let wire = other.next_monitor();
        other.list(wire, "/f");
        assert_eq!(waiting.join().expect("no panic"), event(1, Code::Exists, "/f"));
        other
    });
    drop(connection);
    assert_eq!(session.next_monitor(), 1);
    assert_eq!(session.next_request(), None);
    assert_eq!(other.next_request(), None, "nothing is left open");
}

#[test]
fn a_server_that_does_not_read_delays_no_request() {
    const REQUESTS: i32 = 20_000;
    let (server, connection) = connect();
    let path = format!("/{}", "p".repeat(200));
    for number in 1..=REQUESTS {
        assert_eq!(connection.monitor_file(&path).expect("kept"), RequestNumber(number));
    }
    let session = server.welcome();
    let serving = thread::spawn(move || session.serve(true));
    for number in 1..=REQUESTS {
        assert_eq!(polled_event(&connection), event(number, Code::Exists, &path));
        assert_eq!(polled_event(&connection), event(number, Code::EndExist, &path));
    }
    drop(connection);
    serving.join().expect("no panic");
}

#[test]
fn two_full_pipes_are_no_deadlock() {
    const EVENTS: usize = 50_000;
    let (server, connection) = connect();
    connection.monitor_file("/f").expect("sent");
    let mut session = server.welcome();
    let wire = session.next_monitor();
    let talking = thread::spawn(move || {
        // This server reads no request before it has said everything.
        for _ in 0..EVENTS {
            session.send(wire, Code::Changed, "/f");
        }
        let count = (0..EVENTS).map(|_| session.next_monitor()).count();
        (session, count)
    });
    for _ in 0..EVENTS {
        connection.monitor_file("/g").expect("kept");
    }
    for _ in 0..EVENTS {
        assert_eq!(connection.next_event().expect("a server").request, RequestNumber(1));
    }
    // The rest is sent by whoever waits for the next event.
    while !talking.is_finished() {
        assert_eq!(connection.next_event_timeout(Duration::from_millis(1)).expect("a server"), None);
    }
    assert_eq!(talking.join().expect("no panic").1, EVENTS);
}

#[test]
fn a_second_cancel_is_not_sent() {
    let (server, connection) = connect();
    let request = connection.monitor_file("/f").expect("sent");
    connection.cancel(request).expect("sent");
    connection.cancel(request).expect("nothing to do");
    let last = connection.monitor_file("/g").expect("sent");
    let mut session = server.welcome();
    let wire = session.next_monitor();
    assert_eq!(session.next_request(), Some(Request::Cancel { seq: wire }));
    let other = session.next_monitor();
    assert_ne!(wire, other);
    session.send(wire, Code::Exists, "/f");
    session.send(wire, Code::Acknowledge, "/f");
    session.send(wire, Code::Changed, "/f");
    session.list(other, "/g");
    assert_eq!(connection.next_event().expect("a server"), event(1, Code::Acknowledge, "/f"));
    assert_eq!(connection.next_event().expect("a server").request, last);
    assert!(matches!(connection.cancel(request), Err(Error::UnknownRequest(RequestNumber(1)))));
}

#[test]
fn requests_are_made_and_cancelled_without_end() {
    let (server, connection) = connect();
    let session = server.welcome();
    let serving = thread::spawn(move || session.serve(true));
    for number in 1..=70_000 {
        let request = connection.monitor_file("/f").expect("a free number");
        assert_eq!(request, RequestNumber(number));
        connection.cancel(request).expect("sent");
        // Every so often: a caller need not read each Acknowledge at once.
        if number % 1000 == 0 {
            for _ in 0..1000 {
                assert_eq!(connection.next_event().expect("a server").code, Code::Acknowledge);
            }
        }
    }
    drop(connection);
    serving.join().expect("no panic");
}

#[test]
fn one_thread_waits_while_another_makes_requests() {
    let (server, connection) = connect();
    let mut session = server.welcome();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| connection.next_event().expect("a server"));
        for _ in 0..100 {
            connection.monitor_file("/f").expect("the lock is free");
        }
        for _ in 0..99 {
            session.next_monitor();
        }
        let wire = session.next_monitor();
        session.send(wire, Code::Exists, "/f");
        assert_eq!(waiting.join().expect("no panic"), event(100, Code::Exists, "/f"));
    });
}

#[test]
fn every_waiting_thread_gets_its_event() {
    let (server, connection) = connect();
    connection.monitor_file("/f").expect("sent");
    let mut session = server.welcome();
    let wire = session.next_monitor();
    thread::scope(|scope| {
        let waiting: Vec<_> = (0..4).map(|_| scope.spawn(|| connection.next_event().map(drop))).collect();
        session.send_bytes(&packet(wire, Code::Changed, "/f", None).repeat(4));
        for thread in waiting {
            thread.join().expect("no panic").expect("an event");
        }
    });
}

#[test]
fn closing_ends_every_wait_and_every_later_call() {
    let (server, connection) = connect();
    let mut session = server.welcome();
    thread::scope(|scope| {
        let waiting: Vec<_> = (0..2).map(|_| scope.spawn(|| connection.next_event())).collect();
        connection.close();
        for thread in waiting {
            assert!(matches!(thread.join().expect("no panic"), Err(Error::Closed)));
        }
    });
    assert_eq!(session.next_request(), None, "the server knows");
    assert!(matches!(connection.monitor_file("/f"), Err(Error::Closed)));
    assert!(matches!(connection.pending(), Err(Error::Closed)));
    connection.close();
}

#[test]
fn a_timeout_is_kept() {
    let (server, connection) = connect();
    let _session = server.welcome();
    assert_eq!(connection.next_event_timeout(Duration::ZERO).expect("a server"), None);
    assert_eq!(connection.next_event_timeout(Duration::from_millis(20)).expect("a server"), None);
}

#[test]
fn a_path_is_given_back_as_it_was_spelled() {
    let (server, connection) = connect();
    connection.monitor_directory("/some//where/./").expect("sent");
    let mut session = server.welcome();
    let wire = session.next_monitor();
    session.send(wire, Code::Deleted, "/some/where");
    assert_eq!(connection.next_event().expect("a server").path.as_os_str(), "/some//where/./");
}

#[test]
fn a_server_that_is_full_is_an_error_of_the_first_call() {
    let id = session_id();
    let server = FakeServer::bind(&id);
    let full = thread::spawn(move || {
        let mut session = server.accept();
        session.send_bytes(&[FULL]);
        server
    });
    let refused = options(&id).open().expect_err("there is no room");
    assert!(
        matches!(&refused, Error::Connect(ConnectError::Full { client_id }) if **client_id == *id),
        "{refused:?}"
    );
    let server = full.join().expect("it does not panic");
    // Who is lost to it later is told by the next call that needs a server.
    let connection = options(&id).open().expect("it listens");
    let mut session = server.accept();
    session.send_bytes(&[FULL]);
    assert!(matches!(connection.next_event(), Err(Error::ServiceLost(ConnectError::Full { .. }))));
}

#[test]
fn a_relative_path_is_taken_from_the_working_directory() {
    let (server, connection) = connect();
    connection.monitor_directory("where").expect("sent");
    let mut session = server.welcome();
    let wire = session.next_monitor();
    session.send(wire, Code::Created, "entry");
    let event = connection.next_event().expect("a server");
    let root = std::env::current_dir().expect("there is one").join("where");
    assert_eq!((&*event.root, event.full_path()), (&*root, root.join("entry")));
    assert!(matches!(connection.monitor_file(""), Err(Error::BadPath(path)) if path == Path::new("")));
}
