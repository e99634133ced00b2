//! A connection that does without a server: what is told, when its descriptor is readable, and what is left when it is closed.

#![allow(clippy::print_stderr, reason = "what could not be tested is said")]

use std::fs;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use gamin::{Code, Connection, Error, Event, Mode, Options, ServerCommand};
use nix::mount::{MsFlags, mount};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, unshare};
use tempfile::TempDir;

/// So long only what hangs takes.
const HANG: Duration = Duration::from_secs(60);

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

fn embedded() -> Connection {
    Options::new().mode(Mode::Embedded).open().expect("descriptors")
}

fn is_readable(connection: &Connection, timeout: PollTimeout) -> bool {
    poll(&mut [PollFd::new(connection.as_fd(), PollFlags::POLLIN)], timeout) == Ok(1)
}

fn next(connection: &Connection) -> Event {
    connection.next_event_timeout(HANG).expect("a connection").expect("an event in time")
}

fn told(connection: &Connection) -> Vec<(Code, String)> {
    connection.barrier(HANG).expect("an answer");
    let events = std::iter::from_fn(|| connection.try_next_event().expect("a connection"));
    events.map(|event| (event.code, event.path.display().to_string())).collect()
}

fn names(told: &[(Code, String)], code: Code) -> Vec<&str> {
    told.iter().filter(|(of, _)| *of == code).map(|(_, path)| path.as_str()).collect()
}

#[test]
fn what_is_there_is_told_and_then_what_happens() {
    let folder = folder();
    fs::write(folder.path().join("there"), "").expect("a file");
    let connection = embedded();
    assert!(connection.is_embedded() && connection.server_pid().is_none());
    connection.monitor_directory(folder.path()).expect("room");
    let root = folder.path().display().to_string();
    let listing = [(Code::Exists, root.clone()), (Code::Exists, "there".into()), (Code::EndExist, root)];
    assert_eq!(told(&connection), listing);
    fs::write(folder.path().join("new"), "").expect("a file");
    fs::remove_file(folder.path().join("there")).expect("it is there");
    let told = told(&connection);
    assert_eq!((names(&told, Code::Created), names(&told, Code::Deleted)), (vec!["new"], vec!["there"]));
}

#[test]
fn its_descriptor_says_when_there_is_something_to_do() {
    let folder = folder();
    for one in [false, true] {
        let options = Options::new().mode(Mode::Embedded).one_descriptor(one);
        let connection = options.open().expect("descriptors");
        connection.monitor_directory(folder.path()).expect("room");
        assert!(is_readable(&connection, PollTimeout::MAX), "there is a listing to make");
        told(&connection);
        assert!(!is_readable(&connection, PollTimeout::ZERO), "all was taken");
        let name = folder.path().join(format!("new-{one}"));
        fs::write(&name, "").expect("a file");
        assert!(is_readable(&connection, PollTimeout::MAX));
        assert_eq!(next(&connection).code, Code::Created);
        // That it was written is due by a timer.
        while connection.try_next_event().expect("a connection").is_some() {}
        fs::write(&name, "more").expect("a file");
        while connection.try_next_event().expect("a connection").is_none() {
            assert!(is_readable(&connection, PollTimeout::MAX));
        }
    }
}

/// Runs a test on a thread with mounts of its own.
fn with_mounts(test: fn()) {
    const NONE: Option<&str> = None;
    let in_namespace = move || {
        let private = MsFlags::MS_PRIVATE | MsFlags::MS_REC;
        match unshare(CloneFlags::CLONE_NEWNS).and_then(|()| mount(NONE, "/", NONE, private, NONE)) {
            Ok(()) => test(),
            Err(error) => eprintln!("not tested: there are no mounts of one's own here: {error}"),
        }
    };
    thread::spawn(in_namespace).join().expect("the test has not panicked");
}

#[test]
fn what_is_mounted_over_a_directory_is_told_to_one_who_has_polled_its_descriptor() {
    with_mounts(|| {
        for one in [false, true] {
            let folder = folder();
            let options = Options::new().mode(Mode::Embedded).one_descriptor(one);
            let connection = options.open().expect("descriptors");
            connection.monitor_directory(folder.path()).expect("room");
            told(&connection);
            mount(Some("none"), folder.path(), Some("tmpfs"), MsFlags::empty(), None::<&str>)
                .expect("the namespace is ours");
            assert!(is_readable(&connection, PollTimeout::MAX));
            let root = folder.path().display().to_string();
            assert_eq!(told(&connection), [(Code::Deleted, root.clone()), (Code::Created, root)]);
        }
    });
}

#[test]
fn more_requests_than_there_is_room_for_are_all_made() {
    let folder = folder();
    let connection = embedded();
    const MANY: usize = 10_000;
    for number in 0..MANY {
        connection.monitor_file(folder.path().join(number.to_string())).expect("room");
    }
    assert_eq!(names(&told(&connection), Code::Deleted).len(), MANY);
    fs::write(folder.path().join("77"), "").expect("a file");
    assert_eq!(names(&told(&connection), Code::Created).len(), 1);
}

#[test]
fn a_tree_and_a_long_directory_are_followed_without_a_thread() {
    let folder = folder();
    fs::create_dir_all(folder.path().join("a/b")).expect("a directory");
    for number in 0..5000 {
        fs::write(folder.path().join(format!("a/b/{number}")), "").expect("a file");
    }
    let connection = embedded();
    connection.monitor_tree(folder.path()).expect("room");
    let told = told(&connection);
    assert_eq!(names(&told, Code::Exists).len(), 1 + 2 + 5000);
    assert_eq!(threads("scans"), 0);
}

/// How many threads of this process have a name.
fn threads(name: &str) -> usize {
    let tasks = fs::read_dir("/proc/self/task").expect("a procfs").flatten();
    let names = tasks.filter_map(|task| fs::read_to_string(task.path().join("comm")).ok());
    names.filter(|found| found.trim() == name).count()
}

#[test]
fn in_the_background_the_kernel_s_queue_is_read_though_nobody_calls() {
    let folder = folder();
    let connection = Arc::new(embedded());
    connection.monitor_directory(folder.path()).expect("room");
    told(&connection);
    let background = connection.background().expect("a thread");
    let begin = Instant::now();
    // Of what has come and gone between two calls they would tell nothing.
    let is_told =
        (0..).map_while(|turn| (begin.elapsed() < HANG).then(|| format!("new{turn}"))).any(|name| {
            fs::write(folder.path().join(&name), "").expect("a file");
            poll(&mut [], PollTimeout::from(5_u8)).expect("a moment");
            fs::remove_file(folder.path().join(&name)).expect("it is there");
            names(&told(&connection), Code::Created).contains(&name.as_str())
        });
    assert!(is_told && threads("watches") == 1);
    drop(background);
    assert_eq!(threads("watches"), 0);
}

#[test]
fn one_waits_while_another_asks_and_closes() {
    let folder = folder();
    let connection = Arc::new(embedded());
    let waiting = {
        let connection = Arc::clone(&connection);
        thread::spawn(move || {
            let first = connection.next_event().map(|event| event.code);
            while connection.next_event().is_ok() {}
            (first, connection.next_event())
        })
    };
    connection.monitor_file(folder.path().join("missing")).expect("room");
    connection.barrier(HANG).expect("an answer");
    fs::write(folder.path().join("missing"), "").expect("a file");
    connection.close();
    let (first, last) = waiting.join().expect("it ends");
    assert!(matches!((first, last), (Ok(Code::Deleted) | Err(Error::Closed), Err(Error::Closed))));
}

#[test]
fn where_no_server_is_installed_auto_does_without_and_server_does_not() {
    let id = format!("embedded-{}", std::process::id());
    let options = Options::new().client_id(&id);
    // Where one is installed, that is what answers.
    if !ServerCommand::installed().program.exists() {
        assert!(options.open().expect("this process").is_embedded());
        assert!(options.clone().mode(Mode::Server).open().is_err());
    }
    // One that is named is wanted.
    assert!(options.clone().server(ServerCommand::new("/no/such/server")).open().is_err());
    let patience = Duration::from_millis(10);
    assert!(options.clone().server(None).patience(patience).open().is_err());
}
