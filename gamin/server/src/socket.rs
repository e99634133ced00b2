//! The taking in of connections at the sockets where clients meet the server.
//!
//! Where those sockets are, is left to `gamin-meeting`; what a connection is allowed to do, to the core; when to look for one, to
//! the host.
//! Invariant: running out of descriptors never ends the listening, and leaves no client waiting for an answer
//! that can't come: a descriptor is held in reserve, to take in and close what there is no other one for.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};

use gamin_core::Peer;
use gamin_host::refuse;
use gamin_meeting::{Claim, Listening, Remains};
use nix::errno::Errno;
use nix::sys::socket::{getsockopt, sockopt};
use tracing::{debug, warn};

/// What [`Listener::accept`] came to.
pub(crate) enum Accepted {
    /// A connection.
    Connection(UnixStream, Peer),
    /// One that was lost or closed on the way in; there may be more.
    Lost,
    /// There is none.
    Nothing,
    /// There may be one, but the system has nothing left to take it in with.
    Exhausted,
}

/// The listening sockets.
pub(crate) struct Listener {
    pub sockets: Vec<UnixListener>,
    /// Where the first is, for people.
    pub place: String,
    /// What makes clients find it.
    claim: Option<Claim>,
    reserve: Option<OwnedFd>,
    /// Whether the last connection was closed for want of a descriptor, and that has been said.
    exhausted: bool,
}

impl Listener {
    /// Takes in what comes to the sockets.
    pub fn new(listening: Listening) -> Listener {
        let Listening { sockets, place, claim } = listening;
        let reserve = reserve(&sockets);
        Listener { sockets, place, claim, reserve, exhausted: false }
    }

    /// What it leaves behind if it may not remove it.
    pub fn remains(&self) -> Option<Remains> {
        self.claim.as_ref().map(Claim::remains)
    }

    /// Takes in the next connection.
    pub fn accept(&mut self) -> Accepted {
        let error = match self.next_stream() {
            Ok(stream) => return self.introduce(stream),
            Err(error) => error,
        };
        match error.raw_os_error().map(Errno::from_raw) {
            Some(Errno::EAGAIN) => Accepted::Nothing,
            Some(Errno::ECONNABORTED) => Accepted::Lost,
            Some(Errno::EMFILE | Errno::ENFILE) => self.accept_with_reserve(),
            _ => {
                warn!(%error, "can't accept connections");
                Accepted::Exhausted
            }
        }
    }

    /// What waits at the first socket at which something does.
    fn next_stream(&self) -> io::Result<UnixStream> {
        let mut streams = self.sockets.iter().map(|socket| socket.accept().map(|(stream, _)| stream));
        let is_answer = |result: &io::Result<_>| !matches!(result, Err(error) if error.kind() == io::ErrorKind::WouldBlock);
        streams.find(is_answer).unwrap_or_else(|| Err(Errno::EAGAIN.into()))
    }

    fn introduce(&mut self, stream: UnixStream) -> Accepted {
        self.exhausted = false;
        let peer = getsockopt(&stream, sockopt::PeerCredentials).map_err(io::Error::from);
        match stream.set_nonblocking(true).and(peer) {
            Ok(peer) => Accepted::Connection(stream, Peer { uid: peer.uid(), pid: peer.pid() }),
            Err(error) => {
                debug!(%error, "connection lost");
                Accepted::Lost
            }
        }
    }

    /// Gives the descriptor in reserve to the next connection, just to close it: better an end than silence.
    fn accept_with_reserve(&mut self) -> Accepted {
        if !self.exhausted {
            warn!("no descriptors left: new connections are closed");
            self.exhausted = true;
        }
        if self.reserve.take().is_none() {
            self.reserve = reserve(&self.sockets);
            return Accepted::Exhausted;
        }
        let accepted = self.next_stream().map(|stream| refuse(&stream));
        self.reserve = reserve(&self.sockets);
        match accepted {
            Ok(()) => Accepted::Lost,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Accepted::Nothing,
            Err(_) => Accepted::Exhausted,
        }
    }
}

/// A descriptor of no meaning. Of a socket's, another is to be had whatever may be opened.
fn reserve(sockets: &[UnixListener]) -> Option<OwnedFd> {
    sockets.first()?.as_fd().try_clone_to_owned().ok()
}
