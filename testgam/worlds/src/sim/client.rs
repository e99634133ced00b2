//! Clients of the simulated world: the client library's own [`State`], and a pipe in the place of its socket.
//!
//! What the library's driver does with a link is done here with a pipe: what is asked is sent, what is sent to it is read only
//! when somebody wants an event, and a lost server is replaced. What an event means is left to who reads it.
//! Invariant: a client that nobody asks anything reads nothing.

use std::time::Duration;

use gamin::state::State;
use gamin_core::engine::Time;

use super::pipe::{End, PipeId, Pipes, Transfer};

/// Room for what is received at once, and how often it may be filled in one call: as the library's driver.
const BUFFER_LEN: usize = 64 * 1024;
const FILLS_MAX: usize = 16;

/// How long the library waits with its next attempt to reach a server, first and at last; and how long a server has to
/// have been there for its loss to be no failed attempt.
const FIRST_DELAY: Duration = Duration::from_millis(1);
const LAST_DELAY: Duration = Duration::from_millis(20);
const STEADY: Duration = Duration::from_secs(1);

/// Names a client: their number, in the order in which they connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClientId(pub usize);

/// The server is gone, or can't be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionLost;

/// A client's connection.
#[derive(Debug, Default)]
pub struct SimClient {
    /// The connection without a socket.
    pub state: State,
    /// Whether it asks for no listing of directories from now on.
    pub(super) wants_no_listing: bool,
    /// Whether renames are to be told as such.
    pub(super) tells_moves: bool,
    pub(super) pipe: Option<PipeId>,
    connected_at: Time,
    /// When it may try to reach a server, and how much later again if it does not.
    try_at: Time,
    delay: Duration,
}

impl SimClient {
    /// Takes a connection to a new server.
    pub(super) fn connect(&mut self, now: Time, pipes: &mut Pipes, pipe: PipeId) {
        self.pipe = Some(pipe);
        self.connected_at = now;
        self.state.handle_connected();
        self.flush(pipes);
    }

    /// Takes note that the server is gone.
    pub(super) fn lose(&mut self, now: Time, pipes: &mut Pipes) {
        if let Some(pipe) = self.pipe.take() {
            pipes.close(pipe, End::Client);
        }
        if now.since(self.connected_at) < STEADY {
            self.postpone(now);
        } else {
            self.delay = Duration::ZERO;
        }
        self.state.handle_lost();
    }

    /// When it tries to reach a server; `None` while it has one.
    pub(super) fn next_attempt(&self) -> Option<Time> {
        self.pipe.is_none().then_some(self.try_at)
    }

    /// Takes note that no server was reached.
    pub(super) fn postpone(&mut self, now: Time) {
        self.delay = (self.delay * 2).clamp(FIRST_DELAY, LAST_DELAY);
        self.try_at = now + self.delay;
    }

    /// Sends what the pipe takes; gives whether that was anything. That the server is gone is noticed when all it sent has
    /// been read.
    pub(super) fn flush(&mut self, pipes: &mut Pipes) -> bool {
        let Some(pipe) = self.pipe else { return false };
        let mut did = false;
        while !self.state.output().is_empty() {
            match pipes.write(pipe, End::Client, self.state.output()) {
                Transfer::Bytes(count) => self.state.handle_sent(count),
                Transfer::Blocked | Transfer::Ended => break,
            }
            did = true;
        }
        did
    }

    /// Sends what there is and reads until there is `enough`; gives whether anything was sent or read.
    pub(super) fn exchange(
        &mut self,
        pipes: &mut Pipes,
        enough: impl Fn(&State) -> bool,
    ) -> Result<bool, ConnectionLost> {
        let mut did = self.flush(pipes);
        let Some(pipe) = self.pipe else { return Ok(false) };
        let mut bytes = Vec::new();
        for _ in 0..FILLS_MAX {
            if enough(&self.state) {
                break;
            }
            match pipes.read(pipe, End::Client, BUFFER_LEN, &mut bytes) {
                Transfer::Bytes(_) => self.state.handle_bytes(&bytes).map_err(|_| ConnectionLost)?,
                Transfer::Blocked => break,
                Transfer::Ended => return Err(ConnectionLost),
            }
            did = true;
        }
        Ok(did)
    }
}
