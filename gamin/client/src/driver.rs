//! State and link joined: bytes go from one to the other, and a lost server is replaced.
//!
//! Nothing here waits for the server, so all of it may be done under a lock. New names in trees are looked at: a file system that does not
//! answer holds up who has asked for a tree on it. Invariant: after [`Driver::settle`], whatever there is to take makes [`Link`]'s seat
//! readable, be it that the bytes that brought it are still there, that a timer has expired, or that the server was asked for a sign.

use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::Instant;

use gamin_protocol::PATH_MAX;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open};
use nix::sys::epoll::Epoll;
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::stat::{Mode, SFlag, fstatat};

use crate::EventRef;
use crate::error::{ConnectError, Error};
use crate::link::{self, Link, Wait};
use crate::options::Options;
use crate::state::{ServerError, State};
use crate::transfer::Transfer;

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
    end: Option<End>,
    /// Why the last attempt to replace the server failed, until somebody has been told.
    failure: Option<ConnectError>,
    /// The last call left something unread. Who is woken by what is new would not come back for it.
    is_cut_short: bool,
    /// Wakes those who wait for an answer that somebody else may read. It lasts as long as they wait.
    bell: Weak<EventFd>,
    /// How many wait for the link's seat.
    waiters: usize,
    /// This call has looked at all descriptors, and not at some by a glance.
    is_sure: bool,
}

/// Why nothing more is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Closed,
    DescriptorLost,
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
    pub(crate) fn new(options: &Options, watcher: Option<Arc<Epoll>>) -> Driver {
        Driver {
            state: State::default(),
            link: Link::new(options, watcher),
            buffer: vec![0; BUFFER_LEN].into_boxed_slice(),
            end: None,
            failure: None,
            is_cut_short: false,
            bell: Weak::new(),
            waiters: 0,
            is_sure: false,
        }
    }

    pub(crate) fn link(&self) -> &Link {
        &self.link
    }

    /// Says why nothing more can be done, if so: to be called before whatever is to be done with the link.
    pub(crate) fn check_end(&mut self) -> Result<(), Error> {
        self.is_sure = true;
        self.check_end_by(Link::is_ours)
    }

    /// The same by fewer system calls where an event is queued, which needs no descriptor to be had. [`Driver::confirm`] follows before
    /// anything is read or written all the same, and where nobody is to wait for a seat that is another's.
    pub(crate) fn glance_at_end(&mut self) -> Result<(), Error> {
        if !self.state.has_event() {
            return self.check_end();
        }
        self.is_sure = false;
        self.check_end_by(|link| link.seat().seems_ours())
    }

    /// Looks at what a glance has not seen.
    pub(crate) fn confirm(&mut self) -> Result<(), Error> {
        if self.link.is_embedded() && !self.is_sure { self.check_end() } else { Ok(()) }
    }

    fn check_end_by(&mut self, is_ours: impl FnOnce(&Link) -> bool) -> Result<(), Error> {
        if self.end.is_none() && !is_ours(&self.link) {
            tracing::error!("the program has closed a descriptor");
            self.link.leave();
            self.end = Some(End::DescriptorLost);
        }
        match self.end {
            None => Ok(()),
            Some(End::Closed) => Err(Error::Closed),
            Some(End::DescriptorLost) => Err(Error::DescriptorLost),
        }
    }

    /// Whether the program has left alone what it has.
    pub(crate) fn has_descriptors(&self) -> bool {
        self.end != Some(End::DescriptorLost) && self.link.is_ours()
    }

    /// Whether nothing more is done.
    pub(crate) fn has_ended(&self) -> bool {
        self.end.is_some()
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
            match self.link.look(&mut self.buffer) {
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

    /// Does what there is to do where this process watches by itself.
    pub(crate) fn turn(&mut self) {
        self.link.turn();
    }

    /// Follows what has turned out to be a directory of a tree.
    pub(crate) fn explore(&mut self) {
        self.state.explore(is_directory);
        self.flush();
    }

    /// Ends the connection for everyone who uses it.
    pub(crate) fn close(&mut self) {
        self.end = Some(End::Closed);
        self.link.hang_up();
        self.ring();
    }

    /// Sends what the link takes; the rest is sent when it has room. Who only waits for what comes is called for by the answers
    /// to what was taken, for all that a server is asked is answered.
    pub(crate) fn flush(&mut self) {
        let mut is_blocked = false;
        let mut has_sent = false;
        while !self.state.output().is_empty() {
            match self.link.send(self.state.output()) {
                Transfer::Bytes(count) => {
                    self.state.handle_sent(count);
                    has_sent = true;
                }
                Transfer::Blocked => {
                    is_blocked = self.link.is_up();
                    break;
                }
                Transfer::Lost(errno) => {
                    // It is noticed when everything that the server still sent has been read.
                    tracing::debug!(%errno, "cannot send");
                    self.link.shut_down();
                    break;
                }
            }
        }
        if has_sent {
            // So that what is asked for is watched when the call returns.
            self.link.turn();
        }
        if let Err(errno) = self.link.want_room(is_blocked) {
            tracing::debug!(%errno, "cannot wait for room");
            self.link.shut_down();
        }
    }

    /// Has the seat be readable or not; to be called last, whatever was done. Says whether there is something to be had.
    #[inline]
    pub(crate) fn settle(&mut self) -> bool {
        let is_ready = self.state.has_event() || self.failure.is_some();
        let is_shown = match (self.link.is_up(), is_ready) {
            (true, _) if self.link.is_embedded() => self.link.is_flagged_right(is_ready),
            (true, true) => self.link.has_seen() || !self.state.is_silent(),
            (true, false) => !self.link.has_seen(),
            (false, _) => self.link.is_shown(is_ready || self.is_needed()),
        };
        if !is_shown || self.is_cut_short {
            self.show(is_ready);
        }
        is_ready && self.end.is_none()
    }

    #[cold]
    fn show(&mut self, is_ready: bool) {
        let is_cut_short = std::mem::take(&mut self.is_cut_short);
        // Something is to be done, or to be sent; and what had the seat may be another's.
        if self.check_end().is_err() {
            return;
        }
        if let Err(errno) = self.show_in(is_ready, is_cut_short) {
            tracing::debug!(%errno, "cannot show what there is");
            // Whoever waits for the seat would come again at once.
            link::rest();
        }
    }

    fn show_in(&mut self, is_ready: bool, is_cut_short: bool) -> Result<(), Errno> {
        if !self.link.is_up() {
            return self.link.show(is_ready || self.is_needed());
        }
        if !is_ready {
            self.link.take(&mut self.buffer);
        }
        if !is_ready && self.state.check().is_err() {
            // With what was read the server is lost, by the next call.
            self.link.shut_down();
        } else if self.link.is_embedded() {
            self.link.flag(is_ready)?;
        } else if is_ready != self.link.has_seen() || is_cut_short && !self.link.wake_again()? {
            self.state.nudge();
            self.flush();
        }
        Ok(())
    }

    /// Whether somebody waits who is to look for a server, because nobody does: whoever did was told that there is none.
    fn is_needed(&self) -> bool {
        self.waiters > 0 && self.link.is_down()
    }

    /// What there is to wait for, for one who is going to.
    pub(crate) fn wait(&mut self) -> Wait {
        self.waiters += 1;
        self.link.wait()
    }

    /// One waits no longer.
    pub(crate) fn handle_waited(&mut self) {
        self.waiters -= 1;
    }

    /// The descriptor that wakes whoever decides now to wait for an answer.
    pub(crate) fn bell(&mut self) -> Result<Arc<EventFd>, Errno> {
        if let Some(bell) = self.bell.upgrade() {
            return Ok(bell);
        }
        let bell = Arc::new(EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?);
        self.bell = Arc::downgrade(&bell);
        Ok(bell)
    }

    /// Wakes all who wait for an answer; whoever waits after that has another bell.
    fn ring(&mut self) {
        if let Some(bell) = std::mem::take(&mut self.bell).upgrade()
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
