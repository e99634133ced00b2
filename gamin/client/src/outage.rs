//! A time without a steady link: when to try again, when to give up, and what became of the servers that were started.
//!
//! Trying and starting are left to [`crate::link`]. Invariant: it ends, with patience or soon after a server has failed to start.

use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use gamin_meeting::MeetingError;
use nix::errno::Errno;

use crate::error::ConnectError;
use crate::launch::{Progress, Started};

/// The wait between the first two attempts. It grows by an eighth from one to the next, so that a server is found soon
/// after it is there ...
const FIRST_DELAY: Duration = Duration::from_micros(250);
/// ... up to this.
const LAST_DELAY: Duration = Duration::from_millis(20);
/// A link that lasted this long has ended its outage. One that is lost sooner goes on with it, so that a
/// server that dies of what we send is not started for ever.
pub(crate) const STEADY: Duration = Duration::from_secs(1);
/// The longest patience, which keeps deadlines within what a clock can show.
const PATIENCE_MAX: Duration = Duration::from_secs(365 * 24 * 60 * 60);
/// How many servers are started until one is reached: another when the first has found one that ended just then.
const STARTS_MAX: usize = 3;
/// How long after its end a server that we started in vain may be replaced by the one it lost a race to.
pub(crate) const GRACE: Duration = Duration::from_millis(200);

/// A time without a steady link.
#[derive(Debug)]
pub(crate) struct Outage {
    deadline: Instant,
    pub(crate) next_attempt: Instant,
    delay: Duration,
    pub(crate) started: Option<Started>,
    /// How many were since the last link.
    pub(crate) starts: usize,
    /// How the one that was started has failed, and until when another may be reached in its place.
    pub(crate) failure: Option<(ConnectError, Instant)>,
    /// What the last attempt failed with.
    pub(crate) problem: MeetingError,
}

impl Outage {
    pub(crate) fn new(now: Instant, patience: Duration) -> Outage {
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

    pub(crate) fn postpone(&mut self, now: Instant) {
        self.next_attempt = now + self.delay;
        self.delay = (self.delay * 9 / 8).min(LAST_DELAY);
    }

    /// When it is given up.
    pub(crate) fn end(&self) -> Instant {
        self.failure.as_ref().map_or(self.deadline, |(_, until)| self.deadline.min(*until))
    }

    /// There is a server. What came of starting one does not matter to the next loss, only how long it all takes.
    pub(crate) fn handle_connected(&mut self) {
        self.failure = None;
        self.starts = 0;
    }

    /// Whether a program that is to leave a server behind has still to end. Until then nobody is connected to, so that it is
    /// collected before the call returns: the host process is not to find a child that it does not know.
    pub(crate) fn starter_runs(&mut self) -> bool {
        self.started.as_mut().is_some_and(Started::is_leaving)
    }

    /// Whether a server that was started may still be reached, or another started.
    pub(crate) fn may_be_served_soon(&self) -> bool {
        self.started.is_some() || self.may_start()
    }

    /// Whether another server may be started.
    pub(crate) fn may_start(&self) -> bool {
        self.started.is_none() && self.failure.is_none() && self.starts < STARTS_MAX
    }

    /// Looks what has become of the server that was started.
    pub(crate) fn look_after_started(&mut self, now: Instant) {
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

    use super::*;

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
}
