//! A connection that watches by itself, and a program that closes some of its descriptors and opens its own there: each call says that it
//! is over, and what is the program's is as it was. A test for each kind of descriptor.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use gamin::{Connection, Error, Mode, Options};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

/// So long only what hangs takes.
const HANG: Duration = Duration::from_secs(60);
/// Descriptors are counted, so there is one test at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// What the program has under the number, and what shows that nobody has touched it.
enum Foreign {
    /// Nothing is there.
    Nothing,
    /// A socket that blocks and has something to read; its other end.
    Socket(UnixStream),
    /// The same kind as ours: an event counter that stands at seven.
    Counter,
    /// An inotify instance that has something to tell.
    Notices,
    /// An event loop that has something to tell, once.
    Loop(EventFd),
    /// A timer that is far off.
    Timer,
}

type Make = fn(&Path) -> (Foreign, Option<OwnedFd>);

const FOREIGN: [Make; 6] = [nothing, socket, counter, notices, event_loop, timer];

fn nothing(_: &Path) -> (Foreign, Option<OwnedFd>) {
    (Foreign::Nothing, None)
}

fn socket(_: &Path) -> (Foreign, Option<OwnedFd>) {
    let (mut other, ours) = UnixStream::pair().expect("descriptors");
    other.write_all(&[7; 64]).expect("room");
    other.set_nonblocking(true).expect("a socket");
    (Foreign::Socket(other), Some(ours.into()))
}

fn counter(_: &Path) -> (Foreign, Option<OwnedFd>) {
    let counter = EventFd::from_value_and_flags(7, EfdFlags::EFD_NONBLOCK).expect("a descriptor");
    (Foreign::Counter, Some(counter.into()))
}

fn notices(folder: &Path) -> (Foreign, Option<OwnedFd>) {
    let instance = Inotify::init(InitFlags::IN_NONBLOCK).expect("an instance");
    instance.add_watch(folder, AddWatchFlags::IN_CREATE).expect("a watch");
    File::create(folder.join("noticed")).expect("a file");
    (Foreign::Notices, Some(instance.as_fd().try_clone_to_owned().expect("a descriptor")))
}

fn event_loop(_: &Path) -> (Foreign, Option<OwnedFd>) {
    let (epoll, bell) = (Epoll::new(EpollCreateFlags::empty()), EventFd::from_value(1));
    let (epoll, bell) = (epoll.expect("a descriptor"), bell.expect("a descriptor"));
    epoll.add(&bell, EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLET, 7)).expect("room");
    (Foreign::Loop(bell), Some(epoll.0))
}

fn timer(_: &Path) -> (Foreign, Option<OwnedFd>) {
    let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::empty()).expect("a descriptor");
    let far = Expiration::OneShot(TimeSpec::from_duration(HANG * 1000));
    timer.set(far, TimerSetTimeFlags::empty()).expect("a timer");
    (Foreign::Timer, Some(timer.as_fd().try_clone_to_owned().expect("a descriptor")))
}

impl Foreign {
    /// Looks whether what stands under the number is as it was.
    fn check(self, number: RawFd) {
        let link = fs::read_link(format!("/proc/self/fd/{number}"));
        if matches!(self, Foreign::Nothing) {
            return assert!(link.is_err(), "{link:?}");
        }
        assert!(link.is_ok(), "it was closed");
        let mut file = take_over(number);
        let mut bytes = [0; 256];
        match self {
            Foreign::Nothing => {}
            Foreign::Socket(mut other) => {
                assert_eq!(
                    other.read(&mut bytes).map_err(|error| error.kind()),
                    Err(io::ErrorKind::WouldBlock)
                );
                assert_eq!(file.read(&mut bytes).expect("what was sent"), 64);
            }
            Foreign::Counter => {
                assert_eq!(file.read(&mut bytes[..8]).expect("it is not zero"), 8);
                assert_eq!(bytes[..8], 7_u64.to_ne_bytes());
            }
            Foreign::Notices => assert!(file.read(&mut bytes).is_ok_and(|count| count > 16)),
            Foreign::Loop(_bell) => {
                let epoll = Epoll(file.into());
                let mut events = [EpollEvent::empty(); 4];
                assert_eq!(epoll.wait(&mut events, 0_u8), Ok(1));
                assert_eq!(events[0].data(), 7);
            }
            Foreign::Timer => {
                let left = rustix::time::timerfd_gettime(&file).expect("a timer").it_value.tv_sec;
                assert!(left > 1000, "{left} s are left");
            }
        }
    }
}

#[allow(unsafe_code, reason = "a number stands for what the program has there")]
fn take_over(number: RawFd) -> File {
    // SAFETY: the test has put a descriptor there, and nobody else closes it; that is what it looks at.
    unsafe { File::from_raw_fd(number) }
}

#[allow(unsafe_code, reason = "a daemon closes what it does not know")]
fn close(number: RawFd) {
    // SAFETY: that those whose it was have it no more is what is tested.
    drop(unsafe { OwnedFd::from_raw_fd(number) });
}

#[allow(unsafe_code, reason = "a daemon closes what it does not know")]
fn put(descriptor: &OwnedFd, number: RawFd) {
    // SAFETY: as above.
    let mut at = unsafe { OwnedFd::from_raw_fd(number) };
    nix::unistd::dup2(descriptor, &mut at).expect("a descriptor");
    let _ = at.into_raw_fd();
}

fn descriptors() -> BTreeSet<RawFd> {
    let entries = fs::read_dir("/proc/self/fd").expect("procfs");
    let names = entries.filter_map(|entry| entry.expect("procfs").file_name().into_string().ok());
    let numbers: Vec<RawFd> = names.filter_map(|name| name.parse().ok()).collect();
    // The listing's own descriptor is closed by now.
    numbers.into_iter().filter(|number| kind(*number).is_some()).collect()
}

fn kind(number: RawFd) -> Option<String> {
    let link = fs::read_link(format!("/proc/self/fd/{number}")).ok()?.display().to_string();
    Some(link.rsplit([':', '/']).next().unwrap_or_default().trim_matches(['[', ']']).to_owned())
}

/// A call that finds out that it is over.
type Call = fn(&Connection, &Path) -> Result<(), Error>;

const CALLS: [Call; 6] = [
    |connection, _| connection.try_next_event().map(drop),
    |connection, _| connection.next_event_timeout(HANG).map(drop),
    |connection, _| connection.pending().map(drop),
    |connection, folder| connection.monitor_file(folder.join("other")).map(drop),
    |connection, _| connection.barrier(HANG),
    // It is only dropped.
    |_, _| Err(Error::DescriptorLost),
];

/// Has a connection lose its descriptor of this order among those of a kind to a foreign one. Says whether it has so many.
fn lose(wanted: &str, order: usize, make: Make, call: Call) -> bool {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let before = descriptors();
    let options = Options::new().mode(Mode::Embedded).one_descriptor(true);
    let connection = options.open().expect("descriptors");
    connection.monitor_directory(folder.path()).expect("room");
    connection.barrier(HANG).expect("an answer");
    while connection.try_next_event().expect("a connection").is_some() {}
    let ours = descriptors();
    let mut of_kind = ours.difference(&before).filter(|number| kind(**number).as_deref() == Some(wanted));
    let Some(&number) = of_kind.nth(order) else { return false };
    let (foreign, descriptor) = make(folder.path());
    match descriptor {
        None => close(number),
        Some(descriptor) => put(&descriptor, number),
    }
    File::create(folder.path().join("new")).expect("a file");
    for call in [call, CALLS[0], CALLS[1], CALLS[3], CALLS[4]] {
        let result = call(&connection, folder.path());
        assert!(matches!(result, Err(Error::DescriptorLost)), "{wanted}: {result:?}");
    }
    drop(connection);
    foreign.check(number);
    true
}

/// Has each descriptor of a kind lost to each foreign one, found out by each call; says how many descriptors there are.
fn lose_each(wanted: &'static str, count: usize) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (sender, done) = channel();
    let work = thread::spawn(move || {
        for order in 0..count {
            for make in FOREIGN {
                for call in CALLS {
                    assert!(lose(wanted, order, make, call), "there are {count}");
                }
            }
        }
        assert!(!lose(wanted, count, nothing, CALLS[0]), "there are no more");
        sender.send(()).expect("somebody waits");
    });
    if done.recv_timeout(HANG) == Err(RecvTimeoutError::Timeout) {
        panic!("it hangs");
    }
    work.join().expect("it holds");
}

#[test]
fn an_inotify_instance_that_is_lost_is_told() {
    lose_each("inotify", 1);
}

#[test]
fn an_event_counter_that_is_lost_is_told() {
    lose_each("eventfd", 2);
}

#[test]
fn an_event_loop_that_is_lost_is_told() {
    lose_each("eventpoll", 3);
}

#[test]
fn a_timer_that_is_lost_is_told() {
    lose_each("timerfd", 1);
}

#[test]
fn a_mount_table_that_is_lost_is_told() {
    lose_each("mountinfo", 2);
}
