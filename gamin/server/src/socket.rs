//! The socket at which clients meet the server: its name, its making, and the taking in of connections.
//!
//! What a connection is allowed to do is left to the core, when to look for one to the host.
//! Invariant: running out of descriptors never ends the listening, and leaves no client waiting for an answer
//! that can't come: a descriptor is held in reserve, to take in and close what there is no other one for.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::rc::Rc;

use gamin_protocol::address;
use nix::errno::Errno;
use nix::sys::socket::{getsockopt, sockopt};
use nix::unistd::{User, getuid};
use tracing::{debug, warn};

use crate::core::Peer;

/// The name of the server of this user with session `id`, behind the NUL that marks it as abstract
/// (BEHAVIOUR 2.1).
///
/// A user without a passwd entry goes by the number.
pub(crate) fn own_address(id: &OsStr) -> [u8; 107] {
    let uid = getuid();
    let user = match User::from_uid(uid) {
        Ok(Some(user)) => user.name,
        Ok(None) | Err(_) => uid.to_string(),
    };
    address(user.as_bytes(), id.as_bytes())
}

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

/// A listening socket.
pub(crate) struct Listener {
    /// Shared with the event loop.
    pub socket: Rc<UnixListener>,
    reserve: Option<File>,
    /// Whether the last connection was closed for want of a descriptor, and that has been said.
    exhausted: bool,
}

impl Listener {
    /// Binds an abstract name, as long as its padding makes it, and listens.
    pub fn bind(name: &[u8]) -> io::Result<Listener> {
        let socket = UnixListener::bind_addr(&SocketAddr::from_abstract_name(name)?)?;
        socket.set_nonblocking(true)?;
        Ok(Listener { socket: Rc::new(socket), reserve: reserve(), exhausted: false })
    }

    /// Takes in the next connection.
    pub fn accept(&mut self) -> Accepted {
        let error = match self.socket.accept() {
            Ok((stream, _)) => return self.introduce(stream),
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
            self.reserve = reserve();
            return Accepted::Exhausted;
        }
        let accepted = self.socket.accept().map(drop);
        self.reserve = reserve();
        match accepted {
            Ok(()) => Accepted::Lost,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Accepted::Nothing,
            Err(_) => Accepted::Exhausted,
        }
    }
}

fn reserve() -> Option<File> {
    File::open("/dev/null").ok()
}
