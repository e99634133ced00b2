//! Where a server and its clients meet: the places, tried by both in the same order, and the proof that the other side is
//! the same user.
//!
//! The first place is the abstract name that Gamin 0.1.10 uses too. Anybody can take that name first, and it may not
//! be allowed; behind it come sockets in directories that nobody else can enter (`directory`). All of it follows from
//! the uid and the session id: no variable of anybody's environment has a say. What is said at the meeting is left to
//! server and client; when to try, to the client.
//! Invariants: a connection that is given out leads to a process of our own uid, and nothing was sent on it; of all servers
//! that try to listen at one place, one does.

#![forbid(unsafe_code)]

mod directory;
mod sessions;
#[cfg(test)]
mod tests;

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollTimeout, poll};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, getsockopt, socket, sockopt};
use nix::unistd::{Uid, User, getuid};

pub use directory::Claim;
use directory::{Directory, Unfit};
pub use sessions::sessions;

/// How long a server waits for an answer at a place that is taken. Whoever has just taken it answers within microseconds,
/// whoever only keeps it from us never.
const TAKEN_PATIENCE: Duration = Duration::from_secs(1);
/// The pause between two looks at a place that is taken, in milliseconds: the kernel does not tell when it is free.
const TAKEN_PAUSE_MS: u8 = 1;
/// The most bytes of an escaped session id in the name of a file, which has room for no more than 255.
const FILE_ID_MAX: usize = 200;

/// The places of one session of this process's user.
#[derive(Debug, Clone)]
pub struct Meeting {
    uid: u32,
    abstract_name: [u8; 107],
    directories: Vec<PathBuf>,
    /// The session in the name of a file.
    file_id: String,
}

/// A connection to a server of our own user, on which nothing was sent yet.
#[derive(Debug)]
pub struct Connection {
    /// The socket. It does not block, and no child inherits it.
    pub socket: OwnedFd,
    /// The server's process.
    pub pid: i32,
}

/// Why there is no connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoConnection {
    /// No server of ours listens.
    Nobody(Errno),
    /// Nor does one of ours, but another user with this uid, who was sent nothing.
    Foreign(u32),
    /// It can't be told: the system has no descriptor left, or the like.
    System(Errno),
}

/// A listening socket that the clients of its [`Meeting`] find.
#[derive(Debug)]
pub struct Listening {
    /// The socket. It does not block.
    pub socket: UnixListener,
    /// Where it is, for people.
    pub place: String,
    /// The right to that place, unless the socket itself is it. When dropped, clients find nothing there.
    pub claim: Option<Claim>,
}

/// Why a server can't listen.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoListening {
    /// There is no need: another server of this user serves the session.
    #[error("another server listens at {0}")]
    Served(String),
    /// No place is fit, each for a reason of its own.
    #[error("there is no place: {0}")]
    Nowhere(String),
}

/// Who was found at a place.
enum Answer {
    Ours(Connection),
    Foreign(u32),
    Nobody(Errno),
}

/// What came of listening at one place.
enum Attempt<T> {
    Listening(T),
    Served,
    Unfit(String),
}

impl Meeting {
    /// The places of session `id`.
    pub fn new(id: &OsStr) -> Meeting {
        let (uid, user) = (getuid(), user_name());
        let own = format!("fam-{}", escape(user.as_bytes()));
        let mut file_id = escape(id.as_bytes());
        file_id.truncate(FILE_ID_MAX);
        Meeting {
            uid: uid.as_raw(),
            abstract_name: gamin_protocol::address(user.as_bytes(), id.as_bytes()),
            directories: vec![format!("/run/user/{uid}/{own}").into(), Path::new("/tmp").join(own)],
            file_id,
        }
    }

    /// The abstract name, for people.
    pub fn name(&self) -> String {
        let text = self.abstract_name.split(|byte| *byte == 0).next().unwrap_or_default();
        format!("@{}", text.escape_ascii())
    }

    /// Connects to the server, wherever it is.
    ///
    /// # Errors
    /// [`NoConnection`].
    pub fn connect(&self) -> Result<Connection, NoConnection> {
        let mut none = match self.connect_by_name()? {
            Answer::Ours(connection) => return Ok(connection),
            Answer::Foreign(uid) => NoConnection::Foreign(uid),
            Answer::Nobody(errno) => NoConnection::Nobody(errno),
        };
        for directory in &self.directories {
            match self.connect_in(directory)? {
                Answer::Ours(connection) => return Ok(connection),
                Answer::Foreign(uid) => none = NoConnection::Foreign(uid),
                Answer::Nobody(_) => {}
            }
        }
        Err(none)
    }

    fn connect_by_name(&self) -> Result<Answer, Errno> {
        self.connect_to(&UnixAddr::new_abstract(&self.abstract_name)?)
    }

    fn connect_in(&self, directory: &Path) -> Result<Answer, Errno> {
        let found =
            Directory::open(directory, self.uid).and_then(|directory| directory.socket(&self.file_id));
        match found {
            Ok(socket) => self.connect_to(&socket.address()?),
            Err(Unfit::System(errno)) => Ok(Answer::Nobody(errno)),
            Err(Unfit::Taken | Unfit::Unsafe(_)) => Ok(Answer::Nobody(Errno::EPERM)),
        }
    }

    fn connect_to(&self, address: &UnixAddr) -> Result<Answer, Errno> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let socket = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
        if let Err(errno) = connect(socket.as_raw_fd(), address) {
            return Ok(Answer::Nobody(errno));
        }
        let peer = getsockopt(&socket, sockopt::PeerCredentials)?;
        if peer.uid() != self.uid {
            return Ok(Answer::Foreign(peer.uid()));
        }
        Ok(Answer::Ours(Connection { socket, pid: peer.pid() }))
    }

    /// Listens at the first place that can be had.
    ///
    /// It may take a second to find out that one can't, if another user does what can be done to keep it.
    ///
    /// # Errors
    /// [`NoListening`].
    pub fn listen(&self) -> Result<Listening, NoListening> {
        let mut reasons = Vec::new();
        match self.listen_by_name() {
            Attempt::Listening(socket) => {
                return Ok(Listening { socket, place: self.name(), claim: None });
            }
            Attempt::Served => return Err(NoListening::Served(self.name())),
            Attempt::Unfit(reason) => reasons.push(format!("{}: {reason}", self.name())),
        }
        for directory in &self.directories {
            let place = directory.display().to_string();
            match self.listen_in(directory) {
                Attempt::Listening((socket, claim)) => {
                    return Ok(Listening { socket, place, claim: Some(claim) });
                }
                Attempt::Served => return Err(NoListening::Served(place)),
                Attempt::Unfit(reason) => reasons.push(format!("{place}: {reason}")),
            }
        }
        Err(NoListening::Nowhere(reasons.join("; ")))
    }

    fn listen_by_name(&self) -> Attempt<UnixListener> {
        let address = match SocketAddr::from_abstract_name(self.abstract_name) {
            Ok(address) => address,
            Err(error) => return Attempt::Unfit(error.to_string()),
        };
        let deadline = Instant::now() + TAKEN_PATIENCE;
        loop {
            let bound = UnixListener::bind_addr(&address);
            match bound.and_then(|socket| socket.set_nonblocking(true).map(|()| socket)) {
                Ok(socket) => return Attempt::Listening(socket),
                Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
                    return Attempt::Unfit(error.to_string());
                }
                Err(_) => {}
            }
            match self.connect_by_name() {
                Ok(Answer::Ours(_)) => return Attempt::Served,
                Ok(Answer::Foreign(uid)) => return Attempt::Unfit(format!("taken by uid {uid}")),
                // One of ours that has just bound it or has just ended, or one who is not.
                Ok(Answer::Nobody(_)) | Err(_) if Instant::now() < deadline => pause(),
                Ok(Answer::Nobody(errno)) | Err(errno) => {
                    return Attempt::Unfit(format!(
                        "taken by somebody who does not answer: {}",
                        errno.desc()
                    ));
                }
            }
        }
    }

    fn listen_in(&self, directory: &Path) -> Attempt<(UnixListener, Claim)> {
        let deadline = Instant::now() + TAKEN_PATIENCE;
        loop {
            let made = Directory::make(directory, self.uid);
            let reason = match made.and_then(|made| made.listen(&self.file_id)) {
                Ok(listening) => return Attempt::Listening(listening),
                Err(reason) => reason,
            };
            // One of ours that has just locked it or is about to end, which may have removed the directory.
            let may_pass = match reason {
                Unfit::Taken => true,
                Unfit::System(Errno::ENOENT) => directory.parent().is_some_and(Path::exists),
                Unfit::Unsafe(_) | Unfit::System(_) => false,
            };
            if matches!(self.connect_in(directory), Ok(Answer::Ours(_))) {
                return Attempt::Served;
            }
            if !may_pass || Instant::now() >= deadline {
                return Attempt::Unfit(reason.to_string());
            }
            pause();
        }
    }
}

impl From<Errno> for NoConnection {
    fn from(errno: Errno) -> Self {
        NoConnection::System(errno)
    }
}

/// The name of this process's user. One without a passwd entry goes by the number (BEHAVIOUR 2.1); but who has been found once keeps
/// the name, as in the original, though the process may be where there is no such file (chroot).
fn user_name() -> String {
    static FOUND: Mutex<Option<(Uid, String)>> = Mutex::new(None);
    let uid = getuid();
    // Nobody waits for it: in a child process it may be held by a thread that is not there.
    let mut found = FOUND.try_lock();
    match (User::from_uid(uid), found.as_deref_mut()) {
        (Ok(Some(user)), Ok(found)) => found.insert((uid, user.name)).1.clone(),
        (Ok(Some(user)), Err(_)) => user.name,
        (_, Ok(Some((of, name)))) if *of == uid => name.clone(),
        _ => uid.to_string(),
    }
}

fn pause() {
    // One that is interrupted is a shorter one.
    let _ = poll(&mut [], PollTimeout::from(TAKEN_PAUSE_MS));
}

/// A text that is a part of a file's name, another for other bytes: what is unusual in one is `%` and two digits.
fn escape(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => text.push(char::from(*byte)),
            _ => text.push_str(&format!("%{byte:02x}")),
        }
    }
    text
}
