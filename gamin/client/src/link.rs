//! The socket to the server: connected, looked at, replaced when it is lost.
//!
//! What the bytes mean is left to [`crate::state`], when to try to [`crate::driver`], and where the server is and whose,
//! to [`gamin_meeting`]. Nothing here waits: no call on the socket blocks, and between two attempts a timer runs.
//!
//! The socket has the [`Seat`], and while it is lost a timer. What was received is first looked at, and stays in the socket until
//! the driver has no more use for it, so that the seat is readable while there is something to take.
//!
//! Invariants: no byte is sent before the peer was found to have our uid; an outage ends within
//! [`Options::patience`], in a link or in an error.

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use gamin_host::HostOptions;
use gamin_meeting::{Connection, Meeting, MeetingError, Sight};
use nix::errno::Errno;
use nix::poll::{PollTimeout, poll};
use nix::sys::epoll::Epoll;
use nix::sys::socket::{MsgFlags, Shutdown, recv, send, shutdown};

use crate::embedded::Embedded;
use crate::error::ConnectError;
use crate::held::Held;
use crate::launch::{self, Progress, Started};
use crate::options::{EmbeddedOptions, Mode, Options};
use crate::outage::{GRACE, Outage, STEADY};
use crate::seat::{Alarm, Seat};
use crate::transfer::Transfer;

/// How long to rest between two looks where descriptors are lacking, in milliseconds.
const REST_MS: u8 = 20;

/// Rests for a moment, where whoever waits for the seat would come again at once.
pub(crate) fn rest() {
    // Of nothing there is nothing to be told but that the time is over, or a signal.
    let _ = poll(&mut [], PollTimeout::from(REST_MS));
}

/// A way to the server of one session.
#[derive(Debug)]
pub(crate) struct Link {
    options: Options,
    meeting: Meeting,
    seat: Seat,
    phase: Phase,
    outage: Option<Outage>,
    /// This process, if it watches by itself. It stays until the link ends or has another.
    embedded: Option<Embedded>,
    /// Whether there was a server once.
    had_server: bool,
}

#[derive(Debug)]
enum Phase {
    Down,
    /// There is something to do then.
    Waiting(Instant),
    Up(Up),
}

#[derive(Debug)]
struct Up {
    pid: Option<i32>,
    sight: Sight,
    since: Instant,
    /// How many bytes were looked at that are still in the socket.
    seen: usize,
    wants_room: bool,
}

/// What there is to wait for.
#[derive(Debug, Default)]
pub(crate) struct Wait {
    /// What has the seat. It is a copy, for poll(2) goes by the number each time that it looks, and it may have gone from there by then.
    pub(crate) seat: Option<OwnedFd>,
    /// Room for bytes counts as well.
    pub(crate) wants_room: bool,
    /// When something is to be done in any case.
    pub(crate) until: Option<Instant>,
    /// What a server says that is being started.
    pub(crate) output: Option<Arc<Held>>,
}

impl Wait {
    /// There is no descriptor left for all that is to be waited for, so it is looked at again and again.
    pub(crate) fn shorten(&mut self) {
        let soon = Instant::now() + Duration::from_millis(REST_MS.into());
        self.until = Some(self.until.map_or(soon, |until| until.min(soon)));
    }
}

impl Link {
    /// Makes a link that is down.
    pub(crate) fn new(options: &Options, watcher: Option<Arc<Epoll>>) -> Link {
        let meeting = Meeting::new(options.client_id.as_deref().unwrap_or_default());
        let seat = Seat::new(watcher);
        Link {
            options: options.clone(),
            meeting,
            seat,
            phase: Phase::Down,
            outage: None,
            embedded: None,
            had_server: false,
        }
    }

    /// What whoever waits is to wait for.
    pub(crate) fn seat(&self) -> &Seat {
        &self.seat
    }

    /// Whether the program has left alone what this link has.
    pub(crate) fn is_ours(&self) -> bool {
        self.seat.is_ours() && self.embedded.as_ref().is_none_or(Embedded::is_ours)
    }

    /// Leaves to the program what it has by now of what this link had, and gives up the rest.
    pub(crate) fn leave(&mut self) {
        if !self.seat.is_ours() {
            self.seat.forget();
        }
        if let Some(embedded) = self.embedded.take() {
            embedded.leave();
        }
        self.phase = Phase::Down;
        self.outage = None;
    }

    /// What there is to wait for.
    pub(crate) fn wait(&self) -> Wait {
        let started = self.outage.as_ref().and_then(|outage| outage.started.as_ref());
        let copy = |seat: BorrowedFd<'_>| seat.try_clone_to_owned();
        let seat = self.seat.descriptor().map(copy).transpose();
        let is_short = seat.is_err();
        let mut wait = Wait {
            seat: seat.ok().flatten(),
            wants_room: self.wants_room(),
            until: if let Phase::Waiting(until) = self.phase { Some(until) } else { None },
            output: started.filter(|_| !self.is_up()).and_then(Started::output),
        };
        if is_short {
            wait.shorten();
        }
        wait
    }

    /// Whether there is a server.
    pub(crate) fn is_up(&self) -> bool {
        matches!(self.phase, Phase::Up(_))
    }

    /// Whether nobody looks for one either.
    pub(crate) fn is_down(&self) -> bool {
        matches!(self.phase, Phase::Down)
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
            Err(_) => self.phase = Phase::Down,
        }
        up
    }

    fn attempt_in(&mut self, outage: &mut Outage, now: Instant) -> Result<bool, ConnectError> {
        if self.options.mode == Mode::Embedded {
            return self.embed(now);
        }
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
                match launch::start(&self.options) {
                    Ok(started) => outage.started = started,
                    Err(failure) if failure.is_missing() && self.options.may_embed() && !self.had_server => {
                        tracing::info!(%failure, "no server: this process watches by itself");
                        return self.embed(now);
                    }
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
        self.phase = Phase::Waiting(outage.next_attempt.min(outage.end()));
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
        self.seat.give(Held::new(socket)?)?;
        self.phase = Phase::Up(Up { pid, sight, since: now, seen: 0, wants_room: false });
        (self.embedded, self.had_server) = (None, true);
        tracing::info!(server_pid = pid, ?sight, "connected");
        Ok(())
    }

    /// Watches in this process.
    fn embed(&mut self, now: Instant) -> Result<bool, ConnectError> {
        let EmbeddedOptions { config_dir, home, is_poll_only } = self.options.embedded.clone();
        let options =
            HostOptions { config_dir, home, is_poll_only, is_in_place: true, ..HostOptions::default() };
        let made = Embedded::new(&options).and_then(|(embedded, seat)| {
            self.seat.give(seat)?;
            Ok(embedded)
        });
        let embedded = made.map_err(|source| ConnectError::Embed { source })?;
        self.phase = Phase::Up(Up { pid: None, sight: Sight::Same, since: now, seen: 0, wants_room: false });
        self.embedded = Some(embedded);
        tracing::info!("watching in this process");
        Ok(true)
    }

    /// Whether this process watches by itself.
    pub(crate) fn is_embedded(&self) -> bool {
        self.embedded.is_some()
    }

    fn embedded_up(&mut self) -> Option<&mut Embedded> {
        self.embedded.as_mut().filter(|_| matches!(self.phase, Phase::Up(_)))
    }

    /// Whether this process watches by itself and the seat is readable for all that is there, but not for less; `is_ready`: the caller
    /// has something.
    pub(crate) fn is_flagged_right(&self, is_ready: bool) -> bool {
        self.embedded.as_ref().is_none_or(|embedded| embedded.is_shown() == (is_ready || embedded.has_more()))
    }

    /// Makes it so, and wakes also event loops that are woken by what is new alone.
    pub(crate) fn flag(&mut self, is_ready: bool) -> Result<(), Errno> {
        let Some(embedded) = &mut self.embedded else { return Ok(()) };
        embedded.show(is_ready || embedded.has_more())
    }

    /// Has an epoll instance be readable when there is something to do, where this process watches by itself.
    pub(crate) fn wake(&self, epoll: &Epoll) -> Result<(), Errno> {
        self.embedded.as_ref().map_or(Ok(()), |embedded| embedded.wake(epoll))
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

    /// While there is no server: whether the seat is readable now if it is to be, or when something is to be done.
    pub(crate) fn is_shown(&self, now: bool) -> bool {
        self.seat.is_set(self.alarm(now))
    }

    /// While there is no server: makes it so.
    pub(crate) fn show(&mut self, now: bool) -> Result<(), Errno> {
        self.seat.set(self.alarm(now))
    }

    fn alarm(&self, now: bool) -> Alarm {
        match self.phase {
            _ if now => Alarm::Now,
            Phase::Waiting(until) => Alarm::At(until),
            Phase::Up(_) | Phase::Down => Alarm::Never,
        }
    }

    /// Does what was sent, where this process does it.
    pub(crate) fn turn(&mut self) {
        if let Some(Err(error)) = self.embedded.as_mut().map(Embedded::turn) {
            // Whoever looks next fails likewise.
            tracing::debug!(%error, "cannot watch");
        }
    }

    /// Sends some of `bytes`.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> Transfer {
        if let Some(embedded) = self.embedded_up() {
            return embedded.send(bytes);
        }
        let flags = MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT;
        self.transfer(|socket| send(socket.as_raw_fd(), bytes, flags))
    }

    /// Takes what was looked at, and looks at some more bytes; an end of the stream is a loss.
    pub(crate) fn look(&mut self, bytes: &mut [u8]) -> Transfer {
        if let Some(embedded) = self.embedded_up() {
            return embedded.look(bytes);
        }
        self.take(bytes);
        let flags = MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT;
        match self.transfer(|socket| recv(socket.as_raw_fd(), bytes, flags)) {
            Transfer::Bytes(0) => Transfer::Lost(Errno::ECONNRESET),
            Transfer::Bytes(count) => {
                if let Phase::Up(up) = &mut self.phase {
                    up.seen = count;
                }
                Transfer::Bytes(count)
            }
            transfer => transfer,
        }
    }

    /// Whether bytes were looked at that are still there.
    #[inline]
    pub(crate) fn has_seen(&self) -> bool {
        matches!(&self.phase, Phase::Up(up) if up.seen > 0)
    }

    /// Takes the bytes that were looked at out of the socket; `room` is for as many.
    pub(crate) fn take(&mut self, room: &mut [u8]) {
        let Phase::Up(Up { seen, .. }) = &mut self.phase else { return };
        let mut left = std::mem::take(seen);
        while left > 0 {
            let room = &mut room[..left];
            match self.transfer(|socket| recv(socket.as_raw_fd(), room, MsgFlags::MSG_DONTWAIT)) {
                Transfer::Bytes(count) if count > 0 => left -= count,
                // Somebody else has taken them, which they were asked not to do.
                Transfer::Bytes(_) | Transfer::Blocked | Transfer::Lost(_) => return,
            }
        }
    }

    fn transfer(&self, mut call: impl FnMut(BorrowedFd<'_>) -> Result<usize, Errno>) -> Transfer {
        let (Phase::Up(_), Some(socket)) = (&self.phase, self.seat.descriptor()) else {
            return Transfer::Blocked;
        };
        loop {
            match call(socket) {
                Ok(count) => return Transfer::Bytes(count),
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return Transfer::Blocked,
                Err(errno) => return Transfer::Lost(errno),
            }
        }
    }

    /// Makes sure that the server's loss is seen once everything it sent has been received.
    pub(crate) fn shut_down(&mut self) {
        if let Some(embedded) = self.embedded_up() {
            return embedded.shut_down();
        }
        if let (Phase::Up(_), Some(socket)) = (&self.phase, self.seat.descriptor())
            && let Err(errno) = shutdown(socket.as_raw_fd(), Shutdown::Both)
        {
            tracing::debug!(%errno, "cannot shut down");
        }
    }

    /// Whether bytes wait for room.
    pub(crate) fn wants_room(&self) -> bool {
        matches!(&self.phase, Phase::Up(up) if up.wants_room)
    }

    /// Sets whether bytes wait for room. Event loops are woken when there is some.
    pub(crate) fn want_room(&mut self, wanted: bool) -> Result<(), Errno> {
        let Phase::Up(up) = &mut self.phase else { return Ok(()) };
        if up.wants_room == wanted {
            return Ok(());
        }
        up.wants_room = wanted;
        if let Some(embedded) = &mut self.embedded {
            embedded.want_room(wanted);
            return Ok(());
        }
        self.seat.watch_again(wanted).map(drop)
    }

    /// Wakes event loops that are woken only by what is new, for what is not; says whether it could.
    pub(crate) fn wake_again(&self) -> Result<bool, Errno> {
        self.seat.watch_again(self.wants_room())
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

    /// Ends the phase, whichever it is. The seat is readable then.
    pub(crate) fn hang_up(&mut self) {
        // Closing would not be enough where a child of the host process holds a copy of the descriptor.
        self.shut_down();
        self.phase = Phase::Down;
        self.seat.vacate();
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if self.embedded.is_some() && !self.is_ours() {
            self.leave();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn attempts_get_rarer_and_end_with_patience() {
        let patience = Duration::from_millis(100);
        let mut link =
            Link::new(&Options::new().client_id("nobody listens here").server(None).patience(patience), None);
        let begin = Instant::now();
        let mut attempts = Vec::new();
        let failure = (0..=100_000).step_by(50).map(|us| begin + Duration::from_micros(us)).find_map(|now| {
            let due = link.outage.as_ref().is_none_or(|outage| outage.next_attempt <= now);
            attempts.extend(due.then(|| (now - begin).as_micros()));
            link.attempt(now).err()
        });
        assert!(matches!(failure, Some(ConnectError::NoAnswer { source: Errno::ECONNREFUSED, .. })));
        assert_eq!(attempts[..2], [0, 250]);
        for pair in attempts.windows(2) {
            let (since, gap) = (pair[0], pair[1] - pair[0]);
            assert!(gap <= 300 + since / 8, "nobody waits much longer than it took until then: {attempts:?}");
        }
        assert!((20..40).contains(&attempts.len()), "{attempts:?}");
        assert!(matches!(link.phase, Phase::Down) && link.outage.is_none());
    }
}
