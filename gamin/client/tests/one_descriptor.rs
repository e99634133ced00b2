//! Connections that hold one descriptor alone, with a server that the test plays. What a program may do to that behind their back, the C programs of
//! gamin/libfam/tests/c do.

mod fake;

use std::os::fd::AsRawFd;
use std::thread;
use std::time::Duration;

use fake::{FakeServer, HANG, is_readable, options, packet, session_id, wait_readable};
use gamin::{Code, Connection, Error, RequestNumber};
use gamin_protocol::Request;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

fn connect() -> (FakeServer, Connection) {
    let id = session_id();
    let server = FakeServer::bind(&id);
    let connection = options(&id).one_descriptor(true).open().expect("the server listens");
    (server, connection)
}

/// Gives the next event to one who takes what there is, then waits in an epoll instance alone.
fn awaited(epoll: &Epoll, connection: &Connection) -> Code {
    loop {
        if let Some(event) = connection.try_next_event().expect("a server") {
            return event.code;
        }
        let mut ready = [EpollEvent::empty()];
        let timeout = EpollTimeout::try_from(HANG).expect("a short time");
        assert_eq!(epoll.wait(&mut ready, timeout).expect("epoll"), 1, "nothing came");
        assert_eq!(ready[0].data(), 5);
    }
}

fn registered(connection: &Connection, flags: EpollFlags) -> Epoll {
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).expect("epoll");
    epoll.add(connection, EpollEvent::new(flags, 5)).expect("epoll");
    epoll
}

#[test]
fn it_is_readable_exactly_while_there_is_an_event() {
    let (server, connection) = connect();
    connection.monitor_directory("/d").expect("sent");
    let mut session = server.welcome();
    let wire = session.next_monitor();
    assert!(!connection.pending().expect("a server"));
    session.list(wire, "/d");
    wait_readable(&connection);
    assert!(connection.pending().expect("a server"));
    assert_eq!(connection.next_event().expect("a server").code, Code::Exists);
    assert!(is_readable(&connection));
    assert_eq!(connection.next_event().expect("a server").code, Code::EndExist);
    assert!(!is_readable(&connection));
}

#[test]
fn number_and_registration_survive_servers() {
    for flags in [EpollFlags::EPOLLIN, EpollFlags::EPOLLIN | EpollFlags::EPOLLET] {
        let (server, connection) = connect();
        let number = connection.as_raw_fd();
        connection.monitor_directory("/d").expect("sent");
        let epoll = registered(&connection, flags);
        let next = || awaited(&epoll, &connection);
        let mut session = server.welcome();
        let wire = session.next_monitor();
        session.list(wire, "/d");
        assert_eq!([next(), next()], [Code::Exists, Code::EndExist]);
        for name in ["a", "b", "c"] {
            drop(session);
            session = thread::scope(|scope| {
                let waiting = scope.spawn(next);
                let mut session = server.welcome();
                assert_eq!(session.next_monitor(), wire);
                session.list(wire, "/d");
                session.send(wire, Code::Created, name);
                assert_eq!(waiting.join().expect("no panic"), Code::Created);
                session
            });
            session.send(wire, Code::Deleted, name);
            assert_eq!(next(), Code::Deleted);
        }
        assert_eq!(connection.as_raw_fd(), number);
        assert!(connection.has_descriptor());
    }
}

#[test]
fn a_loop_that_is_woken_only_by_what_is_new_hears_all_that_stands_behind_a_flood() {
    let (server, connection) = connect();
    let suspended = connection.monitor_file("/f").expect("sent");
    connection.monitor_file("/g").expect("sent");
    connection.suspend(suspended).expect("it is known");
    let epoll = registered(&connection, EpollFlags::EPOLLIN | EpollFlags::EPOLLET);
    let mut session = server.welcome();
    let (flooded, wire) = (session.next_monitor(), session.next_monitor());
    let mut flood = packet(flooded, Code::Changed, "/f", None).repeat(200_000);
    flood.extend(packet(wire, Code::Changed, "/g", None));
    let talking = thread::spawn(move || {
        session.send_bytes(&flood);
        session.serve(true);
    });
    assert_eq!(awaited(&epoll, &connection), Code::Changed);
    drop(connection);
    talking.join().expect("no panic");
}

#[test]
fn what_is_told_from_memory_wakes_who_waits() {
    let (server, connection) = connect();
    let request = connection.monitor_file("/f").expect("sent");
    let mut session = server.welcome();
    let wire = session.next_monitor();
    session.list(wire, "/f");
    assert_eq!(connection.next_event().expect("a server").code, Code::Exists);
    assert_eq!(connection.next_event().expect("a server").code, Code::EndExist);
    connection.suspend(request).expect("it is known");
    session.send(wire, Code::Changed, "/f");
    wait_readable(&connection);
    assert!(!connection.pending().expect("a server") && !is_readable(&connection));
    thread::scope(|scope| {
        let waiting = scope.spawn(|| connection.next_event());
        connection.resume(request).expect("it is known");
        // What every server answers, so that it says something.
        let Some(Request::Monitor { seq, .. }) = session.next_request() else {
            panic!("no sign is asked for")
        };
        assert_eq!(session.next_request(), Some(Request::Cancel { seq }));
        session.list(seq, "/");
        session.send(seq, Code::Acknowledge, "/");
        assert_eq!(waiting.join().expect("no panic").expect("a server").code, Code::Changed);
    });
    assert_eq!(connection.next_event_timeout(Duration::from_millis(20)).expect("a server"), None);
    assert!(!is_readable(&connection), "what was said for a sign concerns nobody");
}

#[test]
fn closing_ends_every_wait_with_a_server_and_without() {
    for with_server in [true, false] {
        let (server, connection) = connect();
        let session = server.welcome();
        if !with_server {
            drop((server, session));
            wait_readable(&connection);
            assert!(!connection.pending().expect("it is still looked for"));
        }
        thread::scope(|scope| {
            let waiting: Vec<_> = (0..2).map(|_| scope.spawn(|| connection.next_event())).collect();
            connection.close();
            for thread in waiting {
                assert!(matches!(thread.join().expect("no panic"), Err(Error::Closed)));
            }
        });
    }
}

#[test]
fn requests_that_a_server_has_no_room_for_are_sent_when_it_answers() {
    const REQUESTS: i32 = 20_000;
    let (server, connection) = connect();
    let path = format!("/{}", "p".repeat(200));
    connection.no_exists().expect("a server");
    for number in 1..=REQUESTS {
        assert_eq!(connection.monitor_directory(&path).expect("kept"), RequestNumber(number));
    }
    connection.cancel(RequestNumber(REQUESTS)).expect("kept");
    let session = server.welcome();
    let serving = thread::spawn(move || session.serve(true));
    let last = loop {
        wait_readable(&connection);
        if let Some(event) = connection.try_next_event().expect("a server") {
            break event;
        }
    };
    assert_eq!((last.code, last.request), (Code::Acknowledge, RequestNumber(REQUESTS)));
    drop(connection);
    serving.join().expect("no panic");
}

#[test]
fn an_answer_is_had_also_when_another_thread_reads_it() {
    let (server, connection) = connect();
    let session = server.welcome();
    let serving = thread::spawn(move || session.serve(true));
    thread::scope(|scope| {
        scope.spawn(|| while connection.next_event().is_ok() {});
        let barriers: Vec<_> =
            (0..3).map(|_| scope.spawn(|| (0..100).try_for_each(|_| connection.barrier(HANG)))).collect();
        for thread in barriers {
            thread.join().expect("no panic").expect("reached");
        }
        connection.close();
    });
    drop(connection);
    serving.join().expect("no panic");
}
