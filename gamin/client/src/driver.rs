//! State and link joined: bytes go from one to the other, and a lost server is replaced.
//!
//! Nothing here waits for the server, so all of it may be done under a lock. New names in trees are looked at: a file system that does not
//! answer holds up who has asked for a tree on it. Invariant: whenever a call returns, whatever
//! there is to do later makes [`Link`]'s source readable, or has set `failure` for somebody to report.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use gamin_protocol::PATH_MAX;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open};
use nix::sys::epoll::Epoll;
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::stat::{Mode, SFlag, fstatat};

use crate::EventRef;
use crate::error::{ConnectError, Error};
use crate::link::{Link, Transfer};
use crate::options::Options;
use crate::state::{ServerError, State};

/// Room for what is received at once.
const BUFFER_LEN: usize = 64 * 1024;
/// How often the buffer may be filled in one call, so that a flood of what is dropped cannot hold it.
const FILLS_MAX: usize = 16;

/// A connection but for the waiting.
#[derive(Debug)]
pub(crate) struct Driver {
    pub(crate) state: State,
    link: Link,
    buffer: Box<[u8]>,
    is_closed: bool,
    /// Why the last attempt to replace the server failed, until somebody has been told.
    failure: Option<ConnectError>,
    /// Set while [`Driver::next_event`] has something to say, or to do, without waiting for the link.
    queued: EventFd,
    is_queued_set: bool,
    /// The last call left something unread. Who is woken by what is new would not come back for it.
    is_cut_short: bool,
    /// Set once, to wake all who wait; the next who waits makes a new one.
    bell: Option<Arc<EventFd>>,
}

/// Why the server counts as lost.
#[derive(Debug, thiserror::Error)]
enum ExchangeError {
    #[error(transparent)]
    Link(#[from] Errno),
    #[error(transparent)]
    Broken(#[from] ServerError),
}

impl Driver {
    pub(crate) fn new(options: &Options, source: Arc<Epoll>) -> Result<Driver, Errno> {
        Ok(Driver {
            state: State::default(),
            link: Link::new(options, source)?,
            buffer: vec![0; BUFFER_LEN].into_boxed_slice(),
            is_closed: false,
            failure: None,
            queued: new_eventfd()?,
            is_queued_set: false,
            is_cut_short: false,
            bell: None,
        })
    }

    pub(crate) fn link(&self) -> &Link {
        &self.link
    }

    /// The descriptor that is set while there is something to be had without the link.
    pub(crate) fn queued(&self) -> &EventFd {
        &self.queued
    }

    /// Has the next event read, if there is one, looking at the link only if none is queued.
    pub(crate) fn next_event<T>(&mut self, read: impl FnOnce(EventRef<'_>) -> T) -> Result<Option<T>, Error> {
        // What the caller asked for comes before bad news.
        if !self.is_ready() || self.state.has_event() {
            return Ok(self.state.poll_in_place(|event, _| read(event)));
        }
        self.report().map(|()| None)
    }

    /// Says whether there is something to be had, be it bad news.
    #[inline]
    pub(crate) fn is_ready(&mut self) -> bool {
        if !self.state.has_event() {
            self.advance(State::has_event);
        }
        self.state.has_event() || self.failure.is_some()
    }

    /// Says why there is no server, once.
    pub(crate) fn report(&mut self) -> Result<(), Error> {
        self.failure.take().map_or(Ok(()), |failure| Err(Error::ServiceLost(failure)))
    }

    /// Does all that can be done now until there is `enough`; replaces a lost server.
    ///
    /// That there is no server is no error of this call, but left to [`Driver::report`].
    pub(crate) fn advance(&mut self, enough: impl Fn(&State) -> bool) {
        // It ends: a link that is lost at once is not replaced at once.
        while self.connect() {
            match self.exchange(&enough) {
                Ok(()) => return,
                Err(why) => {
                    tracing::info!(%why, "lost the server");
                    self.state.handle_lost();
                    self.link.lose(Instant::now());
                    if matches!(why, ExchangeError::Broken(ServerError::Full)) {
                        self.failure = Some(self.link.full());
                        self.ring();
                    }
                }
            }
        }
    }

    /// Makes sure that there is a server or that one is on its way, without looking at what it sends.
    pub(crate) fn reconnect(&mut self) -> Result<(), Error> {
        self.connect();
        self.report()
    }

    fn connect(&mut self) -> bool {
        if self.link.is_up() {
            self.link.tidy();
            return true;
        }
        if self.failure.is_some() {
            return false;
        }
        match self.link.attempt(Instant::now()) {
            Ok(true) => self.state.handle_connected(),
            Ok(false) => return false,
            Err(failure) => {
                tracing::error!(%failure, "no server");
                self.failure = Some(failure);
                self.ring();
                return false;
            }
        }
        self.flush();
        true
    }

    fn exchange(&mut self, enough: impl Fn(&State) -> bool) -> Result<(), ExchangeError> {
        self.flush();
        self.state.check()?;
        let questions = self.state.open_questions();
        self.is_cut_short = true;
        for _ in 0..FILLS_MAX {
            if enough(&self.state) {
                self.is_cut_short = false;
                break;
            }
            match self.link.receive(&mut self.buffer) {
                Transfer::Bytes(count) => {
                    self.state.handle_bytes(&self.buffer[..count])?;
                    self.explore();
                }
                Transfer::Blocked => {
                    self.is_cut_short = false;
                    break;
                }
                Transfer::Lost(errno) => return Err(errno.into()),
            }
        }
        if self.state.open_questions() != questions {
            self.ring();
        }
        Ok(())
    }

    /// Follows what has turned out to be a directory of a tree.
    pub(crate) fn explore(&mut self) {
        self.state.explore(is_directory);
        self.flush();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Ends the connection for everyone who uses it.
    pub(crate) fn close(&mut self) {
        self.is_closed = true;
        self.link.hang_up();
        self.ring();
    }

    /// Sends what the link takes; the rest is sent when it has room.
    pub(crate) fn flush(&mut self) {
        while !self.state.output().is_empty() {
            match self.link.send(self.state.output()) {
                Transfer::Bytes(count) => self.state.handle_sent(count),
                Transfer::Blocked => break,
                Transfer::Lost(errno) => {
                    // It is noticed when everything that the server still sent has been read.
                    tracing::debug!(%errno, "cannot send");
                    self.link.shut_down();
                    return;
                }
            }
        }
        if let Err(errno) = self.link.want_room(!self.state.output().is_empty()) {
            tracing::debug!(%errno, "cannot wait for room");
            self.link.shut_down();
        }
    }

    /// Brings `queued` up to date; to be called last, whatever was done. Says whether there is something to be had.
    #[inline]
    pub(crate) fn settle(&mut self) -> bool {
        // Set again each time, for it is the setting that wakes. What can't be understood is still to be dealt with.
        let is_cut_short = std::mem::take(&mut self.is_cut_short);
        let is_ready = self.state.has_event() || self.failure.is_some();
        let wanted = is_ready || is_cut_short || self.state.check().is_err();
        if wanted != self.is_queued_set || is_cut_short {
            self.signal(wanted);
        }
        is_ready
    }

    #[cold]
    fn signal(&mut self, wanted: bool) {
        let set = if wanted { self.queued.write(1).map(drop) } else { self.queued.read().map(drop) };
        if let Err(errno) = set {
            tracing::debug!(%errno, "cannot signal");
        }
        self.is_queued_set = wanted;
    }

    /// The descriptor that wakes whoever decides to wait now.
    pub(crate) fn bell(&mut self) -> Result<Arc<EventFd>, Errno> {
        let bell = match self.bell.take() {
            Some(bell) => bell,
            None => Arc::new(new_eventfd()?),
        };
        self.bell = Some(Arc::clone(&bell));
        Ok(bell)
    }

    /// Wakes all who wait: not for every event, but when one of them may wait in vain.
    fn ring(&mut self) {
        if let Some(bell) = self.bell.take()
            && let Err(errno) = bell.write(1)
        {
            tracing::debug!(%errno, "cannot wake");
        }
    }
}

/// Looks whether a path, whose last name may be a link, leads to a directory. It may be longer than system calls take.
fn is_directory(path: &Path) -> bool {
    if path.as_os_str().len() < PATH_MAX {
        return path.symlink_metadata().is_ok_and(|found| found.is_dir());
    }
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return false };
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let parent = open(parent, flags, Mode::empty());
    let found = parent.and_then(|parent| fstatat(&parent, name, AtFlags::AT_SYMLINK_NOFOLLOW));
    found.is_ok_and(|found| SFlag::from_bits_truncate(found.st_mode) & SFlag::S_IFMT == SFlag::S_IFDIR)
}

fn new_eventfd() -> Result<EventFd, Errno> {
    EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)
}
