//! The socket to the server: connected, watched, replaced when it is lost.
//!
//! What the bytes mean is left to [`crate::state`], when to try to [`crate::driver`], and where the server is and whose,
//! to [`gamin_meeting`]. Nothing here waits: the socket does not block, and between two attempts a timer runs.
//! [`Link::source`] is readable whenever there is something to do: bytes, room for bytes, a lost server, an expired timer.
//!
//! Invariant: no byte is sent before the peer was found to have our uid; an outage ends within
//! [`Options::patience`], in a link or in an error.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gamin_meeting::{Connection, Meeting, MeetingError, Sight};
use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollEvent, EpollFlags};
use nix::sys::socket::{MsgFlags, Shutdown, recv, send, shutdown};
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

use crate::error::ConnectError;
use crate::launch::{self, Progress, Started};
use crate::options::Options;

/// The wait between the first two attempts. It grows by a quarter from one to the next, so that a server is found soon
/// after it is there ...
const FIRST_DELAY: Duration = Duration::from_millis(1);
/// ... up to this.
const LAST_DELAY: Duration = Duration::from_millis(20);
/// A link that lasted this long has ended its outage. One that is lost sooner goes on with it, so that a
/// server that dies of what we send is not started for ever.
const STEADY: Duration = Duration::from_secs(1);
/// The longest patience, which keeps deadlines within what a clock can show.
const PATIENCE_MAX: Duration = Duration::from_secs(365 * 24 * 60 * 60);
/// How many servers are started until one is reached: another when the first has found one that ended just then.
const STARTS_MAX: usize = 3;
/// How long after its end a server that we started in vain may be replaced by the one it lost a race to.
const GRACE: Duration = Duration::from_millis(200);

/// A way to the server of one session.
#[derive(Debug)]
pub(crate) struct Link {
    options: Options,
    meeting: Meeting,
    source: Arc<Epoll>,
    phase: Phase,
    outage: Option<Outage>,
}

#[derive(Debug)]
enum Phase {
    Down,
    Waiting(TimerFd),
    Up(Up),
}

#[derive(Debug)]
struct Up {
    socket: OwnedFd,
    pid: Option<i32>,
    sight: Sight,
    since: Instant,
    wants_room: bool,
}

/// A time without a steady link.
#[derive(Debug)]
struct Outage {
    deadline: Instant,
    next_attempt: Instant,
    delay: Duration,
    started: Option<Started>,
    /// How many were since the last link.
    starts: usize,
    /// How the one that was started has failed, and until when another may be reached in its place.
    failure: Option<(ConnectError, Instant)>,
    /// What the last attempt failed with.
    problem: MeetingError,
}

/// What came of bytes that were to be sent or received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transfer {
    /// So many were.
    Bytes(usize),
    /// Not now.
    Blocked,
    /// Not any more.
    Lost(Errno),
}

impl Link {
    /// Makes a link that is down.
    pub(crate) fn new(options: &Options, source: Arc<Epoll>) -> Result<Link, Errno> {
        let meeting = Meeting::new(options.client_id.as_deref().unwrap_or_default());
        Ok(Link { options: options.clone(), meeting, source, phase: Phase::Down, outage: None })
    }

    /// Whether there is a server.
    pub(crate) fn is_up(&self) -> bool {
        matches!(self.phase, Phase::Up(_))
    }

    /// The server's process, if it can be seen from ours.
    pub(crate) fn server_pid(&self) -> Option<i32> {
        match &self.phase {
            Phase::Up(up) => up.pid,
            Phase::Down | Phase::Waiting(_) => None,
        }
    }

    /// Whether the server sees the same files, while there is one.
    pub(crate) fn sight(&self) -> Option<Sight> {
        match &self.phase {
            Phase::Up(up) => Some(up.sight),
            Phase::Down | Phase::Waiting(_) => None,
        }
    }

    /// Makes an attempt to reach a server, unless it is too early for one; says whether there is one now.
    ///
    /// # Errors
    /// The attempt was the last; the link is down, and the next call begins anew.
    pub(crate) fn attempt(&mut self, now: Instant) -> Result<bool, ConnectError> {
        if self.is_up() {
            return Ok(true);
        }
        let patience = self.options.patience;
        let mut outage = self.outage.take().unwrap_or_else(|| Outage::new(now, patience));
        let up = self.attempt_in(&mut outage, now);
        match up {
            Ok(_) => self.outage = Some(outage),
            Err(_) => self.hang_up(),
        }
        up
    }

    fn attempt_in(&mut self, outage: &mut Outage, now: Instant) -> Result<bool, ConnectError> {
        outage.look_after_started(now);
        if outage.next_attempt <= now && outage.starter_runs() {
            outage.postpone(now);
        } else if outage.next_attempt <= now {
            // One of our own is better than one that may see other files, as long as there may be one.
            let takes_unknown = self.options.server.is_none() || !outage.may_be_served_soon();
            match self.connect(now, takes_unknown) {
                Ok(()) => {
                    outage.handle_connected();
                    return Ok(true);
                }
                Err(problem) => outage.problem = problem,
            }
            if let MeetingError::Foreign(_) | MeetingError::OtherFiles = outage.problem
                && self.options.server.is_none()
            {
                return Err(self.no_answer(outage.problem));
            }
            if !matches!(outage.problem, MeetingError::System(_)) && outage.may_start() {
                match launch::start(&self.options, &self.source) {
                    Ok(started) => outage.started = started,
                    Err(failure) if outage.problem == MeetingError::Unknown => {
                        outage.failure = Some((failure, now + GRACE));
                    }
                    Err(failure) => return Err(failure),
                }
                outage.starts += 1;
            }
            outage.postpone(now);
        }
        if outage.end() <= now {
            let failure = outage.failure.take().map(|(failure, _)| failure);
            return Err(failure.unwrap_or_else(|| self.no_answer(outage.problem)));
        }
        let delay = outage.next_attempt.min(outage.end()).saturating_duration_since(now);
        self.set_timer(delay).map_err(|errno| self.no_answer(errno.into()))?;
        Ok(false)
    }

    fn no_answer(&self, problem: MeetingError) -> ConnectError {
        let client_id = self.options.client_id.clone().unwrap_or_default();
        match problem {
            MeetingError::Foreign(uid) => ConnectError::Foreign { client_id, uid },
            MeetingError::OtherFiles | MeetingError::Unknown => ConnectError::OtherFiles { client_id },
            MeetingError::Nobody(source) | MeetingError::System(source) => {
                ConnectError::NoAnswer { client_id, patience: self.options.patience, source }
            }
        }
    }

    /// The server has no room for this connection.
    pub(crate) fn full(&self) -> ConnectError {
        ConnectError::Full { client_id: self.options.client_id.clone().unwrap_or_default() }
    }

    fn connect(&mut self, now: Instant, takes_unknown: bool) -> Result<(), MeetingError> {
        let Connection { socket, pid, sight } = match takes_unknown {
            true => self.meeting.connect_to_unknown()?,
            false => self.meeting.connect()?,
        };
        self.source.add(&socket, EpollEvent::new(EpollFlags::EPOLLIN, 0))?;
        self.hang_up();
        self.phase = Phase::Up(Up { socket, pid, sight, since: now, wants_room: false });
        tracing::info!(server_pid = pid, ?sight, "connected");
        Ok(())
    }

    /// Collects what was started for this link once that has nothing left to do; to be called now and then.
    pub(crate) fn tidy(&mut self) {
        let Some(outage) = &mut self.outage else { return };
        let Some(started) = &mut outage.started else { return };
        let is_steady = matches!(&self.phase, Phase::Up(up) if up.since.elapsed() >= STEADY);
        if is_steady || !started.detaches || !matches!(started.progress(), Progress::Running) {
            outage.started = None;
        }
    }

    /// Makes [`Link::source`] readable after `delay`.
    fn set_timer(&mut self, delay: Duration) -> Result<(), Errno> {
        // A timer set to zero would never expire.
        let delay = TimeSpec::from_duration(delay.max(FIRST_DELAY));
        if !matches!(self.phase, Phase::Waiting(_)) {
            let flags = TimerFlags::TFD_CLOEXEC | TimerFlags::TFD_NONBLOCK;
            let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?;
            self.source.add(&timer, EpollEvent::new(EpollFlags::EPOLLIN, 0))?;
            self.phase = Phase::Waiting(timer);
        }
        match &self.phase {
            Phase::Waiting(timer) => timer.set(Expiration::OneShot(delay), TimerSetTimeFlags::empty()),
            Phase::Down | Phase::Up(_) => Ok(()),
        }
    }

    /// Sends some of `bytes`.
    pub(crate) fn send(&self, bytes: &[u8]) -> Transfer {
        self.transfer(|socket| send(socket.as_raw_fd(), bytes, MsgFlags::MSG_NOSIGNAL))
    }

    /// Receives some bytes; an end of the stream is a loss.
    pub(crate) fn receive(&self, bytes: &mut [u8]) -> Transfer {
        match self.transfer(|socket| recv(socket.as_raw_fd(), bytes, MsgFlags::empty())) {
            Transfer::Bytes(0) => Transfer::Lost(Errno::ECONNRESET),
            transfer => transfer,
        }
    }

    fn transfer(&self, mut call: impl FnMut(BorrowedFd<'_>) -> Result<usize, Errno>) -> Transfer {
        let Phase::Up(up) = &self.phase else { return Transfer::Blocked };
        loop {
            match call(up.socket.as_fd()) {
                Ok(count) => return Transfer::Bytes(count),
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return Transfer::Blocked,
                Err(errno) => return Transfer::Lost(errno),
            }
        }
    }

    /// Makes sure that the server's loss is seen once everything it sent has been received.
    pub(crate) fn shut_down(&self) {
        if let Phase::Up(up) = &self.phase
            && let Err(errno) = shutdown(up.socket.as_raw_fd(), Shutdown::Both)
        {
            tracing::debug!(%errno, "cannot shut down");
        }
    }

    /// Sets whether room for bytes to send makes [`Link::source`] readable.
    pub(crate) fn want_room(&mut self, wanted: bool) -> Result<(), Errno> {
        let Phase::Up(up) = &mut self.phase else { return Ok(()) };
        if up.wants_room != wanted {
            let mut flags = EpollFlags::EPOLLIN;
            flags.set(EpollFlags::EPOLLOUT, wanted);
            self.source.modify(&up.socket, &mut EpollEvent::new(flags, 0))?;
            up.wants_room = wanted;
        }
        Ok(())
    }

    /// Gives up a server that was lost.
    pub(crate) fn lose(&mut self, now: Instant) {
        if let (Phase::Up(up), Some(outage)) = (&self.phase, &mut self.outage) {
            if now.saturating_duration_since(up.since) < STEADY {
                outage.postpone(now);
            } else {
                self.outage = None;
            }
        }
        self.hang_up();
        launch::collect();
    }

    /// Ends the phase, whichever it is.
    pub(crate) fn hang_up(&mut self) {
        // Closing is not enough where a child of the host process holds a copy of the descriptor.
        let removed = match &self.phase {
            Phase::Down => Ok(()),
            Phase::Waiting(timer) => self.source.delete(timer),
            Phase::Up(up) => self.source.delete(&up.socket),
        };
        if let Err(errno) = removed {
            tracing::debug!(%errno, "cannot remove a descriptor");
        }
        self.phase = Phase::Down;
    }
}

impl Outage {
    fn new(now: Instant, patience: Duration) -> Outage {
        Outage {
            deadline: now + patience.min(PATIENCE_MAX),
            next_attempt: now,
            delay: FIRST_DELAY,
            started: None,
            starts: 0,
            failure: None,
            problem: MeetingError::Nobody(Errno::ECONNRESET),
        }
    }

    fn postpone(&mut self, now: Instant) {
        self.next_attempt = now + self.delay;
        self.delay = (self.delay * 5 / 4).min(LAST_DELAY);
    }

    /// When it is given up.
    fn end(&self) -> Instant {
        self.failure.as_ref().map_or(self.deadline, |(_, until)| self.deadline.min(*until))
    }

    /// There is a server. What came of starting one does not matter to the next loss, only how long it all takes.
    fn handle_connected(&mut self) {
        self.failure = None;
        self.starts = 0;
    }

    /// Whether a program that is to leave a server behind has still to end. Until then nobody is connected to, so that it is
    /// collected before the call returns: the host process is not to find a child that it does not know.
    fn starter_runs(&mut self) -> bool {
        self.started.as_mut().is_some_and(Started::is_leaving)
    }

    /// Whether a server that was started may still be reached, or another started.
    fn may_be_served_soon(&self) -> bool {
        self.started.is_some() || self.may_start()
    }

    /// Whether another server may be started.
    fn may_start(&self) -> bool {
        self.started.is_none() && self.failure.is_none() && self.starts < STARTS_MAX
    }

    /// Looks what has become of the server that was started.
    fn look_after_started(&mut self, now: Instant) {
        match self.started.as_mut().map(Started::progress) {
            None | Some(Progress::Running) => {}
            Some(Progress::Done) => {
                self.started = None;
                self.next_attempt = now;
            }
            Some(Progress::Failed(failure)) => self.handle_failure(now, failure),
        }
    }

    /// The server that was started has ended. If somebody killed it, that says nothing of the next.
    fn handle_failure(&mut self, now: Instant, failure: ConnectError) {
        self.started = None;
        let was_killed = matches!(&failure, ConnectError::Exited { status, .. } if status.signal().is_some());
        if was_killed && self.may_start() {
            self.next_attempt = now;
        } else {
            // It may have lost a race to another, so that one gets a little time to be reached.
            self.failure = Some((failure, now + GRACE));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::ExitStatus;

    use nix::sys::epoll::EpollCreateFlags;

    use super::*;

    fn link(options: &Options) -> Link {
        let source = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).expect("epoll");
        Link::new(options, Arc::new(source)).expect("a link")
    }

    #[test]
    fn in_place_of_a_server_that_was_killed_another_is_started() {
        const SIGKILL: i32 = 9;
        const STATUS_1: i32 = 1 << 8;
        let begin = Instant::now();
        let ended = |status| ConnectError::Exited {
            program: "gam_server".into(),
            status: ExitStatus::from_raw(status),
        };
        let outage = |starts| Outage { starts, ..Outage::new(begin, STEADY) };
        let may_start_again = |status, starts| {
            let mut outage = outage(starts);
            outage.handle_failure(begin, ended(status));
            outage.may_start()
        };
        assert!(may_start_again(SIGKILL, 1));
        assert!(!may_start_again(SIGKILL, STARTS_MAX));
        assert!(!may_start_again(STATUS_1, 1));
    }

    #[test]
    fn a_server_that_was_reached_ends_the_haste_of_one_that_failed() {
        let begin = Instant::now();
        let mut outage = Outage::new(begin, STEADY);
        let failure = ConnectError::Start { program: "none".into(), source: Errno::ENOENT.into() };
        outage.failure = Some((failure, begin + GRACE));
        assert_eq!((outage.end(), outage.may_start()), (begin + GRACE, false));
        outage.handle_connected();
        assert_eq!((outage.end(), outage.may_start()), (begin + STEADY, true));
    }

    #[test]
    fn attempts_get_rarer_and_end_with_patience() {
        let patience = Duration::from_millis(100);
        let mut link = link(&Options::new().client_id("nobody listens here").server(None).patience(patience));
        let begin = Instant::now();
        let mut attempts = Vec::new();
        let failure = (0..=100).map(|ms| begin + Duration::from_millis(ms)).find_map(|now| {
            let due = link.outage.as_ref().is_none_or(|outage| outage.next_attempt <= now);
            attempts.extend(due.then(|| (now - begin).as_millis()));
            link.attempt(now).err()
        });
        assert!(matches!(failure, Some(ConnectError::NoAnswer { source: Errno::ECONNREFUSED, .. })));
        assert_eq!(attempts[..2], [0, 1]);
        for pair in attempts.windows(2) {
            let (since, gap) = (pair[0], pair[1] - pair[0]);
            assert!(gap <= 2 + since / 4, "nobody waits much longer than it took until then: {attempts:?}");
        }
        assert!((10..20).contains(&attempts.len()), "{attempts:?}");
        assert!(matches!(link.phase, Phase::Down) && link.outage.is_none());
    }
}
