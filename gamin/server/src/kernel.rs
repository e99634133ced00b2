//! The kernel as the host sees it: when its queue is read, and what is done with what is in it.
//!
//! Reading and arming inotify are left to the backend, what it all means to the engine.
//! Invariant: a notice is read at once as long as notices are few; once they keep coming, the queue is read every
//! [`GATHER`] and whenever somebody is about to be answered; and after that, nothing wakes the server until the
//! next notice.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use calloop::generic::Generic;
use calloop::{Interest, LoopHandle, Mode, PostAction, RegistrationToken};
use gamin_backend::{Backend, Mounts};
use gamin_engine::{KernelWatchId, Level, Notice, Refusal, Time, TreePath};
use tracing::{error, trace, warn};

use crate::core::Core;
use crate::host::Host;

/// How long notices are left to gather while they keep coming: long enough for a writer's several steps to
/// come together, too short for the kernel's queue to fill.
const GATHER: Duration = Duration::from_millis(5);

/// How much may be read at once in a time of [`GATHER`]: a reading counts as one, and as another for every
/// [`NOTICES_A_READING`]. One who waits for each change before making the next does not come to it; a flood does,
/// and wakes the server no more often than that.
const PROMPT_READINGS: usize = 16;

/// How many notices cost about as much as being woken to read them.
const NOTICES_A_READING: usize = 8;

/// How many notices are read before others have their turn: more than the kernel's queue usually holds, so that
/// all that was in it at the beginning has been read.
const NOTICES_MAX: usize = 32 * 1024;

/// How long to leave the kernel alone after it could not be read.
const FAILURE_PAUSE: Duration = Duration::from_secs(1);

/// The kernel's queue of notices.
pub(crate) struct Kernel {
    backend: Backend,
    state: State,
    /// When the time began in which readings are counted, and how many there were since.
    counting_since: Time,
    readings: usize,
    /// Room for what is read, kept from one time to the next.
    notices: Vec<Notice>,
    handle: LoopHandle<'static, Host>,
    token: RegistrationToken,
}

enum State {
    /// All is quiet: the event loop waits for the first notice.
    Resting,
    /// The event loop has found the first one.
    Woken,
    /// The event loop does not look; the queue is to be read at this time.
    Gathering(Time),
}

impl Kernel {
    /// Takes the kernel's queue into the event loop.
    pub fn new(handle: &LoopHandle<'static, Host>) -> Result<Kernel, Box<dyn std::error::Error>> {
        let backend = Backend::new()?;
        let descriptor: OwnedFd = backend.as_fd().try_clone_to_owned()?;
        // After one wake-up the source sleeps until it is asked to look again.
        let source = Generic::new(descriptor, Interest::READ, Mode::OneShot);
        let token = handle
            .insert_source(source, |_, _, host| {
                host.handle_kernel_ready();
                Ok(PostAction::Continue)
            })
            .map_err(|error| error.error)?;
        Ok(Kernel {
            backend,
            state: State::Resting,
            counting_since: Time::default(),
            readings: 0,
            notices: Vec::new(),
            handle: handle.clone(),
            token,
        })
    }

    /// Takes the event loop's word that there is a notice.
    pub fn handle_ready(&mut self) {
        self.state = State::Woken;
    }

    /// When the queue is to be read, if not for other reasons before.
    pub fn next_deadline(&self) -> Option<Time> {
        match self.state {
            State::Gathering(until) => Some(until),
            State::Resting | State::Woken => None,
        }
    }

    /// Reads the queue if its time has come.
    pub fn handle_time(&mut self, now: Time, core: &mut Core) {
        match self.state {
            State::Resting => return,
            State::Gathering(until) if now < until => return,
            State::Gathering(_) | State::Woken => {}
        }
        if now.since(self.counting_since) >= GATHER {
            self.counting_since = now;
            self.readings = 0;
        }
        self.state = match self.drain(now, core) {
            Ok(count) => {
                self.readings += 1 + count / NOTICES_A_READING;
                if self.readings < PROMPT_READINGS { self.rest(now) } else { State::Gathering(now + GATHER) }
            }
            Err(error) => {
                error!(%error, "can't read the kernel's notices");
                State::Gathering(now + FAILURE_PAUSE)
            }
        };
    }

    /// Hands in all that the kernel has noticed by now; gives how much that was.
    pub fn drain(&mut self, now: Time, core: &mut Core) -> io::Result<usize> {
        let mut count = 0;
        loop {
            let more = self.backend.read(&mut self.notices)?;
            count += self.notices.len();
            for notice in self.notices.drain(..) {
                trace!(?notice, "notice");
                core.handle_notice(now, notice);
            }
            if !more || count >= NOTICES_MAX {
                return Ok(count);
            }
        }
    }

    /// Takes what is mounted by now.
    pub fn set_mounts(&mut self, mounts: Arc<Mounts>) {
        self.backend.set_mounts(mounts);
    }

    /// Asks the kernel about a directory.
    pub fn arm(&mut self, id: KernelWatchId, directory: &TreePath, level: Level) -> Result<(), Refusal> {
        self.backend.arm(id, directory, level)
    }

    /// Gives an arming back.
    pub fn disarm(&mut self, id: KernelWatchId) {
        self.backend.disarm(id);
    }

    fn rest(&self, now: Time) -> State {
        match self.handle.update(&self.token) {
            Ok(()) => State::Resting,
            Err(error) => {
                warn!(%error, "can't wait for the kernel's notices");
                State::Gathering(now + FAILURE_PAUSE)
            }
        }
    }
}
