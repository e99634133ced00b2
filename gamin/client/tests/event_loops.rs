//! Programs that wait for a connection in an event loop: those of `examples`, against a server that the test plays, and a loop that is
//! woken only by what is new.

mod fake;

use std::env;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;

use fake::{FakeServer, HANG, options, packet, session_id};
use gamin::Code;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::socket::{setsockopt, sockopt::SndBufForce};

/// An example that runs, and ends with the test.
struct Example(Child);

impl Example {
    fn start(name: &str, session: &str) -> Example {
        let test = env::current_exe().expect("because this program is there");
        let folder = test.parent().and_then(|folder| folder.parent()).expect("because it stands in a folder");
        let program = folder.join("examples").join(name);
        assert!(program.exists(), "{name} is not built: `cargo build --examples` does");
        let child =
            Command::new(program).arg("/d").env("GAM_CLIENT_ID", session).stdout(Stdio::piped()).spawn();
        Example(child.expect("because it was built"))
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        // It may have failed, which the test says.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn an_example_prints_what_happens(name: &str) {
    let session = session_id();
    let server = FakeServer::bind(&session);
    let mut example = Example::start(name, &session);
    let mut said = BufReader::new(example.0.stdout.take().expect("because it is piped")).lines();
    let mut line = || said.next().expect("it goes on").expect("text");
    for attempt in 0..3 {
        let mut session = server.welcome();
        let wire = session.next_monitor();
        session.list(wire, "/d");
        if attempt == 0 {
            assert_eq!([line(), line()], ["Exists \"/d\"", "EndExist \"/d\""]);
        }
        for count in 0..3 {
            session.send(wire, Code::Created, &format!("{attempt}-{count}\n"));
            assert_eq!(line(), format!("Created \"/d/{attempt}-{count}\\n\""));
            session.send(wire, Code::Deleted, &format!("{attempt}-{count}\n"));
            assert_eq!(line(), format!("Deleted \"/d/{attempt}-{count}\\n\""));
        }
    }
}

#[test]
fn the_plain_loop_prints_what_happens() {
    an_example_prints_what_happens("events");
}

#[test]
fn the_loop_of_mio_prints_what_happens() {
    an_example_prints_what_happens("with_mio");
}

#[test]
fn the_loop_of_tokio_prints_what_happens() {
    an_example_prints_what_happens("with_tokio");
}

#[test]
fn a_loop_that_is_woken_only_by_what_is_new_hears_all_that_stands_behind_a_flood() {
    let session = session_id();
    let server = FakeServer::bind(&session);
    let connection = options(&session).open().expect("the server listens");
    let suspended = connection.monitor_file("/f").expect("sent");
    connection.monitor_file("/g").expect("sent");
    connection.suspend(suspended).expect("it is known");
    let mut session = server.welcome();
    let (flooded, wire) = (session.next_monitor(), session.next_monitor());
    // More than one call takes, of which nothing is told; then one event, and silence.
    let mut flood = packet(flooded, Code::Changed, "/f", None).repeat(200_000);
    flood.extend(packet(wire, Code::Changed, "/g", None));
    // Who may make the socket large enough has all of it there before anything is read: that is the harder case.
    let is_all_there = setsockopt(&session.stream, SndBufForce, &(1 << 28)).is_ok();
    let (said, has_said) = channel();
    thread::spawn(move || {
        session.send_bytes(&flood);
        // Handed over with it, the session stays until the test is over.
        said.send(session)
    });
    let session = if is_all_there { has_said.recv().ok() } else { None };
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).expect("epoll");
    epoll.add(&connection, EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLET, 0)).expect("epoll");
    let event = loop {
        let mut ready = [EpollEvent::empty()];
        let timeout = EpollTimeout::try_from(HANG).expect("a short time");
        assert_eq!(epoll.wait(&mut ready, timeout).expect("epoll"), 1, "the loop sleeps for ever");
        if let Some(event) = connection.try_next_event().expect("a server") {
            break event;
        }
    };
    assert_eq!((event.code, event.path.to_str()), (Code::Changed, Some("/g")));
    drop(session.or_else(|| has_said.recv().ok()));
}
