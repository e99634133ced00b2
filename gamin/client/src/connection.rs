//! The connection as its users see it: the driver under a lock that is held while something is done, never
//! while something is awaited.
//!
//! What is done is left to [`crate::driver`]. Invariant: the descriptor of a connection is readable
//! whenever an event may be had, and has the same number for life.

mod alone;
mod answers;
mod background;
mod lock;
mod waiting;

use std::borrow::Cow;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::path::{Path, absolute};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

pub use alone::Awaited;
pub use answers::OpenBarrier;
use gamin_meeting::Sight;
use gamin_protocol::Kind;
use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags};

use crate::driver::Driver;
use crate::error::Error;
use crate::options::Options;
use crate::state::{Gaps, MonitorRequest, Scope, State, TreeOptions};
use crate::{Event, EventRef, RequestNumber};
pub use background::Background;

/// How long a server may take to say that it serves a new connection, before that counts as opened all the same.
const GREETING: Duration = Duration::from_millis(500);

/// A connection to a server, or to what does its work in this process.
///
/// All methods may be called from any thread at any time: one may wait for events while another adds
/// requests. A server that is lost is replaced by the next call that needs one: all requests are made again
/// and what changed meanwhile is reported.
///
/// [`AsFd`] and [`AsRawFd`] give a descriptor for `poll` and the like. It is readable whenever
/// [`Connection::try_next_event`] may have an event or an error, or something to do in the
/// background, and stays the same through any number of servers. Do nothing with it but wait for it. Who is woken only
/// when it *becomes* readable (edge-triggered, as mio and tokio are) takes events until there is none.
/// [`Options::one_descriptor`] makes it the socket itself.
///
/// Dropping the connection closes it. A server that it started goes on for other clients. It is nobody's child if it
/// detaches itself, as the installed one does; otherwise it is a child of this process, collected by this library when it
/// next loses or starts a server. In a child process of a fork all that can fail fails with [`Error::Forked`], and the
/// parent's connection is left alone.
#[derive(Debug)]
pub struct Connection {
    /// What event loops wait for in place of the link's seat, unless that one descriptor is to be all.
    events: Option<Arc<Epoll>>,
    /// The number of the seat.
    seat: RawFd,
    driver: Mutex<Driver>,
    /// The driver has something to say. Who holds it says so here, for those who only want to know.
    is_ready: AtomicBool,
    process: fn() -> u32,
    /// The process that opened it.
    opener: u32,
}

impl Options {
    /// Opens a connection; starts a server if none answers.
    ///
    /// # Errors
    /// [`Error::Connect`] when there is no server within [`Options::patience`]; [`Error::System`].
    pub fn open(&self) -> Result<Connection, Error> {
        self.open_in(std::process::id)
    }

    /// As [`Options::open`], with a way of its own to tell a child process from the one that opened the connection:
    /// `process` gives the same number in the same process, and another in a child. It is asked at each call, and the
    /// default is a system call.
    ///
    /// # Errors
    /// As [`Options::open`].
    pub fn open_in(&self, process: fn() -> u32) -> Result<Connection, Error> {
        Connection::open_with(self, process)
    }
}

// Opening, and what can be asked about it.
impl Connection {
    /// Opens a connection to the session that the environment names ([`Options::from_env`]).
    ///
    /// # Errors
    /// As [`Options::open`].
    pub fn open() -> Result<Connection, Error> {
        Options::from_env().open()
    }

    fn open_with(options: &Options, process: fn() -> u32) -> Result<Connection, Error> {
        let events = match options.one_descriptor {
            true => None,
            false => Some(Arc::new(Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?)),
        };
        let mut connection = Connection {
            driver: Mutex::new(Driver::new(options, events.clone())),
            events,
            seat: -1,
            is_ready: AtomicBool::new(false),
            process,
            opener: process(),
        };
        let opened = connection.wait_until(For::Events, None, |driver| {
            driver.reconnect()?;
            Ok(driver.link().seat().number().filter(|_| driver.link().is_up()))
        });
        // Whether it serves us, it says with its first byte. One that is too busy for that says so later.
        let deadline = Instant::now().checked_add(GREETING);
        let greeted = opened.and_then(|seat| {
            connection.seat = seat.unwrap_or(connection.seat);
            connection.wait_until(For::Events, deadline, |driver| {
                driver.advance(State::is_greeted);
                driver.report()?;
                Ok(driver.state.is_greeted().then_some(()))
            })
        });
        match greeted {
            Ok(_) => Ok(connection),
            Err(Error::ServiceLost(why)) => Err(Error::Connect(why)),
            Err(why) => Err(why),
        }
    }

    /// The server's process, unless there is no server at the moment, or it is in a pid namespace that can't be seen from
    /// this one.
    pub fn server_pid(&self) -> Option<i32> {
        self.with(|driver| Ok(driver.link().server_pid())).ok().flatten()
    }

    /// Whether the server sees the same files as this process, unless there is no server at the moment. It is never
    /// [`Sight::Other`]: such a server is not connected to.
    pub fn server_sight(&self) -> Option<Sight> {
        self.with(|driver| Ok(driver.link().sight())).ok().flatten()
    }

    /// Whether this process watches by itself, without a server ([`Mode`](crate::Mode)).
    pub fn is_embedded(&self) -> bool {
        self.with(|driver| Ok(driver.link().is_embedded())).unwrap_or_default()
    }

    /// Whether its descriptors are still its own: see [`Error::DescriptorLost`]. It also says so in a child process.
    pub fn has_descriptor(&self) -> bool {
        let driver = match self.is_forked() {
            false => Some(self.lock()),
            // Somebody may have held the lock who is not in this process.
            true => self.driver.try_lock().ok(),
        };
        driver.is_none_or(|driver| driver.has_descriptors())
    }

    /// How many subscriptions it has had, as far as that tells how much memory was in use.
    pub fn subscriptions(&self) -> usize {
        self.with(|driver| Ok(driver.state.subscriptions())).unwrap_or_default()
    }

    /// Closes the connection for all who share it: whoever waits, in whatever thread, is told [`Error::Closed`]
    /// at once, and so is every later call. Its descriptors are closed when it is dropped.
    pub fn close(&self) {
        // It fails where there is nothing to do.
        let _ = self.with(|driver| {
            driver.close();
            Ok(())
        });
    }
}

// Requests.
impl Connection {
    /// Begins to monitor a path, whatever it is; of a directory, also that its entries come and go.
    ///
    /// Does not wait: what the server has no room for now is sent by later calls, and the connection's
    /// descriptor tells when.
    ///
    /// # Errors
    /// [`Error::BadPath`], [`Error::TooManyRequests`], [`Error::Forked`]; [`Error::System`] when a relative path is given and there is
    /// no working directory; [`Error::ServiceLost`] when there is no server and none can be had. Nothing was asked then.
    pub fn monitor_file(&self, path: impl AsRef<Path>) -> Result<RequestNumber, Error> {
        self.monitor(Kind::File, path.as_ref(), None)
    }

    /// Begins to monitor a directory and its entries, one level deep.
    ///
    /// # Errors
    /// As [`Connection::monitor_file`].
    pub fn monitor_directory(&self, path: impl AsRef<Path>) -> Result<RequestNumber, Error> {
        self.monitor(Kind::Directory, path.as_ref(), None)
    }

    /// Begins to monitor a directory and everything below it, as [`Connection::ask`] does with the default
    /// [`TreeOptions`](crate::TreeOptions).
    ///
    /// # Errors
    /// As [`Connection::monitor_file`].
    pub fn monitor_tree(&self, path: impl AsRef<Path>) -> Result<RequestNumber, Error> {
        self.ask(&MonitorRequest::new(path.as_ref(), Scope::Tree(TreeOptions::default())))
    }

    /// Begins to monitor a path under a number of the caller's choice.
    ///
    /// # Errors
    /// [`Error::BadArgument`] for a negative number, [`Error::NumberInUse`]; else as
    /// [`Connection::monitor_file`].
    pub fn monitor_with_number(
        &self,
        kind: Kind,
        path: impl AsRef<Path>,
        number: RequestNumber,
    ) -> Result<(), Error> {
        self.monitor(kind, path.as_ref(), Some(number)).map(drop)
    }

    fn monitor(
        &self,
        kind: Kind,
        path: &Path,
        number: Option<RequestNumber>,
    ) -> Result<RequestNumber, Error> {
        self.ask(&MonitorRequest { number, ..MonitorRequest::new(path, kind.into()) })
    }

    /// Begins to monitor something, as the methods above do, in more ways.
    ///
    /// Of a tree ([`Scope::Tree`]) names are told relative to its root, as in `sub/file`, and directories that come are
    /// followed. When a directory goes, each name that was told below it is Deleted, then it is itself. Symbolic links
    /// below the root are told and not followed. To find out what is a directory, new names are looked at by the calls
    /// that receive them. Each directory takes one of the 65,535 numbers that may be in use at once, of which 64 are kept for
    /// requests of other kinds; with a server that knows wide numbers, 983,040 more are for directories alone. Directories that find none, or whose path is longer than 4,095 bytes, are told and not followed until that is possible:
    /// [`Connection::gaps`], and [`MonitorRequest::coverage`].
    ///
    /// A relative path is taken from the working directory, and told as an absolute one.
    ///
    /// # Errors
    /// As [`Connection::monitor_with_number`].
    pub fn ask(&self, request: &MonitorRequest<'_>) -> Result<RequestNumber, Error> {
        let request = &MonitorRequest { path: &from_root(request.path)?, ..request.clone() };
        self.with(|driver| {
            driver.reconnect()?;
            let mut made = driver.state.ask(request);
            if matches!(made, Err(Error::TooManyRequests)) {
                // An Acknowledge that has come and was not looked at makes room.
                driver.advance(|_| false);
                made = driver.state.ask(request);
            }
            driver.flush();
            made
        })
    }

    /// Ends a request: of its events only the Acknowledge will still come. To cancel it once more before
    /// that has been read does nothing.
    ///
    /// # Errors
    /// [`Error::UnknownRequest`], [`Error::Forked`].
    pub fn cancel(&self, request: RequestNumber) -> Result<(), Error> {
        self.with(|driver| {
            driver.state.cancel(request)?;
            driver.flush();
            Ok(())
        })
    }

    /// Holds back what happens to a request's path, until it is resumed; a few events that have been received are still given.
    ///
    /// What is held back costs what is monitored, however long it lasts.
    ///
    /// # Errors
    /// [`Error::UnknownRequest`], also for one that was cancelled; [`Error::Forked`].
    pub fn suspend(&self, request: RequestNumber) -> Result<(), Error> {
        self.with(|driver| driver.state.suspend(request))
    }

    /// Goes on with a request that was suspended. What happened meanwhile is told as the difference between then and
    /// now: of what came and went, nothing; of what changed, one Changed.
    ///
    /// # Errors
    /// As [`Connection::suspend`].
    pub fn resume(&self, request: RequestNumber) -> Result<(), Error> {
        self.with(|driver| {
            driver.state.resume(request)?;
            driver.explore();
            Ok(())
        })
    }

    /// Asks the [`TreeOptions`](crate::TreeOptions) of a tree again what is told and followed, because its answers are others now.
    ///
    /// Directories that are no longer followed cost no watch any more. What is no longer told is forgotten without a word, for it
    /// is not gone; what is told from now on though it was there comes as Exists.
    ///
    /// # Errors
    /// [`Error::UnknownRequest`], [`Error::NotATree`], [`Error::Forked`].
    pub fn revise(&self, request: RequestNumber) -> Result<(), Error> {
        self.with(|driver| {
            driver.state.revise(request)?;
            driver.explore();
            Ok(())
        })
    }

    /// The gaps in a tree at the moment: directories that are not followed, or only looked at now and then. Who asks with
    /// [`MonitorRequest::coverage`] is told of each as it begins and ends.
    ///
    /// # Errors
    /// As [`Connection::revise`].
    pub fn gaps(&self, request: RequestNumber) -> Result<Gaps, Error> {
        self.with(|driver| driver.state.gaps(request))
    }

    /// Leaves out what exists at the beginning (Exists and EndExist, not Deleted for a missing path) of all
    /// directory requests made from now on.
    ///
    /// # Errors
    /// [`Error::Forked`].
    pub fn no_exists(&self) -> Result<(), Error> {
        self.with(|driver| {
            driver.state.set_no_exists();
            Ok(())
        })
    }
}

// Events.
impl Connection {
    /// Says whether [`Connection::next_event`] has something to say without waiting: an event, or that the server was
    /// lost. Never waits.
    ///
    /// # Errors
    /// [`Error::Forked`].
    pub fn pending(&self) -> Result<bool, Error> {
        if self.is_ready() && !self.is_forked() {
            return Ok(true);
        }
        self.look(|driver| Ok(driver.is_ready().then_some(()))).map(|ready| ready.is_some())
    }

    /// Whether there is something to say that was received before, without looking for more.
    pub fn is_ready(&self) -> bool {
        self.is_ready.load(Ordering::Relaxed)
    }

    /// Gives the next event; waits for it.
    ///
    /// # Errors
    /// [`Error::ServiceLost`] when the server was lost, all that it had sent has been given, and no other
    /// could be had; the next call tries again. [`Error::Forked`], [`Error::Closed`], [`Error::System`].
    pub fn next_event(&self) -> Result<Event, Error> {
        self.read_event(Event::of)
    }

    /// Has the next event read where it was received, which costs no copy; waits for it. Meanwhile the connection is held:
    /// `read` is not to call it, nor to wait.
    ///
    /// # Errors
    /// As [`Connection::next_event`].
    pub fn read_event<T>(&self, mut read: impl FnMut(EventRef<'_>) -> T) -> Result<T, Error> {
        if let Some(read) = self.read_queued(&mut read) {
            return Ok(read);
        }
        loop {
            if let Some(read) = self.wait_until(For::Events, None, |driver| driver.next_event(&mut read))? {
                return Ok(read);
            }
        }
    }

    /// Has the next event read if it was received before.
    fn read_queued<T>(&self, read: impl FnOnce(EventRef<'_>) -> T) -> Option<T> {
        if !self.is_ready() || self.is_forked() {
            return None;
        }
        let mut driver = self.lock();
        if driver.has_ended() {
            return None;
        }
        let done = driver.state.poll_in_place(|event, _| read(event));
        self.settle(&mut driver);
        done
    }

    /// Gives the next event if there is one. Never waits.
    ///
    /// # Errors
    /// As [`Connection::next_event`].
    pub fn try_next_event(&self) -> Result<Option<Event>, Error> {
        if let Some(event) = self.read_queued(Event::of) {
            return Ok(Some(event));
        }
        self.look(|driver| driver.next_event(Event::of))
    }

    /// Gives the next event; waits for it at most so long.
    ///
    /// # Errors
    /// As [`Connection::next_event`].
    pub fn next_event_timeout(&self, timeout: Duration) -> Result<Option<Event>, Error> {
        self.next_event_until(Instant::now().checked_add(timeout))
    }

    fn next_event_until(&self, deadline: Option<Instant>) -> Result<Option<Event>, Error> {
        self.wait_until(For::Events, deadline, |driver| driver.next_event(Event::of))
    }
}

/// What is awaited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum For {
    Events,
    /// Answers, which others may read.
    Answers,
}

/// A path from `/` on, in its spelling if it has that already.
fn from_root(path: &Path) -> Result<Cow<'_, Path>, Error> {
    if path.is_absolute() {
        return Ok(Cow::Borrowed(path));
    }
    let whole = absolute(path).map_err(|why| match why.raw_os_error() {
        // There may be no working directory any more.
        Some(errno) => Error::System(Errno::from_raw(errno)),
        None => Error::BadPath(path.to_owned()),
    });
    whole.map(Cow::Owned)
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.events {
            Some(events) => events.0.as_fd(),
            None => self.lend(self.seat),
        }
    }
}

/// What event loops such as mio and tokio ask for.
impl AsRawFd for Connection {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// The process as the test would have it.
    static PROCESS: AtomicU32 = AtomicU32::new(1);

    #[test]
    fn a_child_process_is_refused_and_touches_nothing() {
        let options = Options::new().client_id("nobody listens here").server(None);
        let connection = Connection {
            driver: Mutex::new(Driver::new(&options, None)),
            events: None,
            seat: -1,
            is_ready: AtomicBool::new(false),
            process: || PROCESS.load(Ordering::Relaxed),
            opener: 1,
        };
        assert!(!connection.pending().expect("our own"));
        // What a child sees: the same memory, a lock that nobody will let go, another process.
        let _held = connection.driver.lock().expect("a lock");
        PROCESS.store(2, Ordering::Relaxed);
        assert!(matches!(connection.pending(), Err(Error::Forked)));
        assert!(matches!(connection.next_event(), Err(Error::Forked)));
        assert!(matches!(connection.monitor_file("/f"), Err(Error::Forked)));
        connection.close();
    }
}
