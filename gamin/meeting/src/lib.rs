//! Where a server and its clients meet: the places, and the proof that the other side is the same user and sees the same files.
//!
//! The *plain place* is the abstract name that Gamin 0.1.10 uses. Abstract names go by the network namespace and files by
//! the mount namespace, so who listens there may see other files. Therefore a server also listens at a place that has its
//! `view` in the name, and a client looks there first; at the plain place it looks who that is. Anybody can take an abstract name
//! first, and it may not be allowed; behind it come sockets in directories that nobody else can enter (`directory`). All
//! of it follows from the uid, the view and the session id: no variable of anybody's environment has a say. What is said at the meeting is
//! left to server and client; when to try, to the client.
//! Invariants: a connection that is given out leads to a process of our own uid, not to one that is known to see other files, and
//! nothing was sent on it; of all servers that try to listen at one place, one does.

#![forbid(unsafe_code)]

mod directory;
#[cfg(test)]
mod forks;
mod sessions;
#[cfg(test)]
mod tests;
mod view;

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
use smallvec::SmallVec;

pub use directory::{Claim, Remains};
use directory::{Directory, DirectoryError};
pub use sessions::sessions;
pub use view::{Sight, View, sight_of};

/// How long a server waits for an answer at a place that is taken. Whoever has just taken it answers within microseconds,
/// whoever only keeps it from us never.
const TAKEN_PATIENCE: Duration = Duration::from_secs(1);
/// The pause between two rescans at a place that is taken, in milliseconds: the kernel does not tell when it is free.
const TAKEN_PAUSE_MS: u8 = 1;
/// What is between the session and the view in the name of a file: no escaped id has it.
const VIEW_MARK: char = '@';
/// Longer than the names of users are (useradd(8) takes 32 bytes).
const USER_BYTES: usize = 64;
/// The most bytes of an escaped session id in the name of a file, which has room for no more than 255.
const FILE_ID_MAX: usize = 200;

/// An abstract name behind its first NUL.
type Name = [u8; 107];

/// The places of one session of this process's user.
#[derive(Debug, Clone)]
pub struct Meeting {
    uid: u32,
    user: String,
    id: Vec<u8>,
    directories: Vec<PathBuf>,
    /// The session in the name of a file.
    file_id: String,
}

/// A connection to a server of our own user, on which nothing was sent yet.
#[derive(Debug)]
pub struct Connection {
    /// The socket. It does not block, and no child inherits it.
    pub socket: OwnedFd,
    /// The server's process, unless it is in a pid namespace that can't be seen from ours.
    pub pid: Option<i32>,
    /// Whether it sees the files that we see.
    pub sight: Sight,
}

/// Why there is no connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MeetingError {
    /// No server of ours listens.
    Nobody(Errno),
    /// Nor does one of ours, but another user with this uid, who was sent nothing.
    Foreign(u32),
    /// One of ours does, but it sees other files.
    OtherFiles,
    /// One of ours does, and whether it sees the same files can't be seen: [`Meeting::connect_to_unknown`] takes it.
    Unknown,
    /// It can't be told: the system has no descriptor left, or the like.
    System(Errno),
}

/// Listening sockets that the clients of their [`Meeting`] find.
#[derive(Debug)]
pub struct Listening {
    /// One or two: that of the plain place, and that of those who see the same files. They do not block.
    pub sockets: Vec<UnixListener>,
    /// Where the first of them is, for people.
    pub place: String,
    /// The right to a directory's socket. When dropped, clients find nothing there.
    pub claim: Option<Claim>,
}

/// Why a server can't listen.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListenError {
    /// There is no need: another server of this user serves the session.
    #[error("another server listens at {0}")]
    Served(String),
    /// No place is fit, each for a reason of its own.
    #[error("there is no place: {0}")]
    Nowhere(String),
}

/// Who answers at a place.
enum Respondent {
    /// A process of our user: its number, or zero.
    Ours(OwnedFd, i32),
    Foreign(u32),
    Nobody(Errno),
}

/// What came of listening at one place.
enum Attempt<T> {
    Listening(T),
    /// Another serves there, at the place that is named.
    Served(String),
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
            user,
            id: id.as_bytes().to_owned(),
            directories: vec![format!("/run/user/{uid}/{own}").into(), Path::new("/tmp").join(own)],
            file_id,
        }
    }

    /// The name of the plain place, for people.
    pub fn name(&self) -> String {
        shown(&self.plain_name())
    }

    fn plain_name(&self) -> Name {
        gamin_protocol::address(self.user.as_bytes(), &self.id)
    }

    fn name_of(&self, view: View) -> Name {
        gamin_protocol::address_in_view(self.user.as_bytes(), &self.id, view.to_string().as_bytes())
    }

    /// The session and the view in the name of a file.
    fn file_of(&self, view: View) -> String {
        format!("{}{VIEW_MARK}{view}", self.file_id)
    }

    /// Connects to the server, wherever it is.
    ///
    /// # Errors
    /// [`MeetingError`].
    pub fn connect(&self) -> Result<Connection, MeetingError> {
        self.find(View::own(), false)
    }

    /// As [`Meeting::connect`], and if there is nobody else takes one of which it can't be seen whether it sees the same files.
    ///
    /// # Errors
    /// [`MeetingError`].
    pub fn connect_to_unknown(&self) -> Result<Connection, MeetingError> {
        self.find(View::own(), true)
    }

    fn find(&self, own: Option<View>, takes_unknown: bool) -> Result<Connection, MeetingError> {
        let mut stranger = None;
        if let Some(view) = own {
            match self.find_in_view(view)? {
                Respondent::Ours(socket, pid) => return Ok(Connection::new(socket, pid, Sight::Same)),
                Respondent::Foreign(uid) => stranger = Some(MeetingError::Foreign(uid)),
                Respondent::Nobody(_) => {}
            }
        }
        let none = match self.connect_by_name(&self.plain_name())? {
            Respondent::Ours(socket, pid) => {
                match (own, own.map_or(Sight::Unknown, |view| view.compare(&socket, pid))) {
                    (_, Sight::Other) => MeetingError::OtherFiles,
                    // One of ours that sees what we see would have been found above.
                    (Some(_), Sight::Unknown) if !takes_unknown => MeetingError::Unknown,
                    (_, sight) => return Ok(Connection::new(socket, pid, sight)),
                }
            }
            Respondent::Foreign(uid) => MeetingError::Foreign(uid),
            Respondent::Nobody(errno) => stranger.unwrap_or(MeetingError::Nobody(errno)),
        };
        Err(none)
    }

    /// Looks at the places of those who have this view.
    fn find_in_view(&self, view: View) -> Result<Respondent, Errno> {
        let mut none = match self.connect_by_name(&self.name_of(view))? {
            found @ Respondent::Ours(..) => return Ok(found),
            none => none,
        };
        for directory in &self.directories {
            match self.connect_in(directory, view)? {
                found @ Respondent::Ours(..) => return Ok(found),
                stranger @ Respondent::Foreign(_) => none = stranger,
                Respondent::Nobody(_) => {}
            }
        }
        Ok(none)
    }

    fn connect_by_name(&self, name: &Name) -> Result<Respondent, Errno> {
        self.connect_to(&UnixAddr::new_abstract(name)?)
    }

    fn connect_in(&self, directory: &Path, view: View) -> Result<Respondent, Errno> {
        let found =
            Directory::open(directory, self.uid).and_then(|directory| directory.socket(&self.file_of(view)));
        match found {
            Ok(socket) => self.connect_to(&socket.address()?),
            Err(DirectoryError::System(errno)) => Ok(Respondent::Nobody(errno)),
            Err(DirectoryError::Taken | DirectoryError::Unsafe(_)) => Ok(Respondent::Nobody(Errno::EPERM)),
        }
    }

    fn connect_to(&self, address: &UnixAddr) -> Result<Respondent, Errno> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let socket = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
        if let Err(errno) = connect(socket.as_raw_fd(), address) {
            return Ok(Respondent::Nobody(errno));
        }
        let peer = getsockopt(&socket, sockopt::PeerCredentials)?;
        if peer.uid() != self.uid {
            return Ok(Respondent::Foreign(peer.uid()));
        }
        Ok(Respondent::Ours(socket, peer.pid()))
    }

    /// Listens at the plain place if it is free, and at one of those who see the same files.
    ///
    /// It may take two seconds to find out that one can't, if another user does what can be done to keep it.
    ///
    /// # Errors
    /// [`ListenError`].
    pub fn listen(&self) -> Result<Listening, ListenError> {
        self.listen_as(View::own())
    }

    fn listen_as(&self, own: Option<View>) -> Result<Listening, ListenError> {
        let mut reasons = Vec::new();
        let mut found = Listening { sockets: Vec::new(), place: self.name(), claim: None };
        // Whoever sees what we see is found here, before there are two of us.
        match self.listen_by_name(&self.plain_name(), own) {
            Attempt::Listening(socket) => found.sockets.push(socket),
            Attempt::Served(place) => return Err(ListenError::Served(place)),
            Attempt::Unfit(reason) => reasons.push(format!("{}: {reason}", self.name())),
        }
        if let Some(view) = own {
            match self.listen_in_view(view, &mut reasons) {
                Attempt::Listening(Listening { sockets, place, claim }) => {
                    if found.sockets.is_empty() {
                        found.place = place;
                    }
                    found.sockets.extend(sockets);
                    found.claim = claim;
                }
                // Programs that know only the plain place still need somebody there.
                Attempt::Served(place) if found.sockets.is_empty() => return Err(ListenError::Served(place)),
                Attempt::Served(_) | Attempt::Unfit(_) => {}
            }
        }
        if found.sockets.is_empty() {
            return Err(ListenError::Nowhere(reasons.join("; ")));
        }
        Ok(found)
    }

    /// Listens at the first place of those who have this view that can be had; adds why another can't.
    fn listen_in_view(&self, view: View, reasons: &mut Vec<String>) -> Attempt<Listening> {
        let name = self.name_of(view);
        match self.listen_by_name(&name, Some(view)) {
            Attempt::Listening(socket) => {
                let place = shown(&name);
                return Attempt::Listening(Listening { sockets: vec![socket], place, claim: None });
            }
            Attempt::Served(place) => return Attempt::Served(place),
            Attempt::Unfit(reason) => reasons.push(format!("{}: {reason}", shown(&name))),
        }
        for directory in &self.directories {
            let place = directory.display().to_string();
            match self.listen_in(directory, view) {
                Attempt::Listening((socket, claim)) => {
                    let (sockets, claim) = (vec![socket], Some(claim));
                    return Attempt::Listening(Listening { sockets, place, claim });
                }
                Attempt::Served(place) => return Attempt::Served(place),
                Attempt::Unfit(reason) => reasons.push(format!("{place}: {reason}")),
            }
        }
        Attempt::Unfit(reasons.join("; "))
    }

    fn listen_by_name(&self, name: &Name, own: Option<View>) -> Attempt<UnixListener> {
        let address = match SocketAddr::from_abstract_name(name) {
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
            match self.connect_by_name(name) {
                Ok(Respondent::Ours(socket, pid)) => return self.look_at_other(name, own, &socket, pid),
                Ok(Respondent::Foreign(uid)) => return Attempt::Unfit(format!("taken by uid {uid}")),
                // One of ours that has just bound it or has just ended, or one who is not.
                Ok(Respondent::Nobody(_)) | Err(_) if Instant::now() < deadline => pause(),
                Ok(Respondent::Nobody(errno)) | Err(errno) => {
                    return Attempt::Unfit(format!(
                        "taken by somebody who does not answer: {}",
                        errno.desc()
                    ));
                }
            }
        }
    }

    /// Whether a process of ours that listens at `name` does so in our stead. Only at the plain place it may see other files.
    fn look_at_other<T>(&self, name: &Name, own: Option<View>, socket: &OwnedFd, pid: i32) -> Attempt<T> {
        let served = Attempt::Served(shown(name));
        let Some(view) = own.filter(|_| *name == self.plain_name()) else { return served };
        match view.compare(socket, pid) {
            Sight::Same => served,
            Sight::Other => Attempt::Unfit("taken by a server that sees other files".to_owned()),
            Sight::Unknown => Attempt::Unfit("taken by a server that may see other files".to_owned()),
        }
    }

    fn listen_in(&self, directory: &Path, view: View) -> Attempt<(UnixListener, Claim)> {
        let deadline = Instant::now() + TAKEN_PATIENCE;
        loop {
            let made = Directory::make(directory, self.uid);
            let reason = match made.and_then(|made| made.listen(&self.file_of(view))) {
                Ok(listening) => return Attempt::Listening(listening),
                Err(reason) => reason,
            };
            // One of ours that has just locked it or is about to end, which may have removed the directory.
            let may_pass = match reason {
                DirectoryError::Taken => true,
                DirectoryError::System(Errno::ENOENT) => directory.parent().is_some_and(Path::exists),
                DirectoryError::Unsafe(_) | DirectoryError::System(_) => false,
            };
            if matches!(self.connect_in(directory, view), Ok(Respondent::Ours(..))) {
                return Attempt::Served(directory.display().to_string());
            }
            if !may_pass || Instant::now() >= deadline {
                return Attempt::Unfit(reason.to_string());
            }
            pause();
        }
    }
}

impl Connection {
    fn new(socket: OwnedFd, pid: i32, sight: Sight) -> Connection {
        Connection { socket, pid: Some(pid).filter(|pid| *pid > 0), sight }
    }
}

/// An abstract name, for people.
fn shown(name: &Name) -> String {
    let words: Vec<_> = name.split(|byte| *byte == 0).filter(|word| !word.is_empty()).collect();
    format!("@{}", words.join(&b" "[..]).escape_ascii())
}

impl From<Errno> for MeetingError {
    fn from(errno: Errno) -> Self {
        MeetingError::System(errno)
    }
}

/// The name of this process's user. One without a passwd entry goes by the number (original.md 2.1); but who has been found once keeps
/// the name, as in the original, though the process may be where there is no such file (chroot).
fn user_name() -> String {
    // A library that is unloaded leaves nothing of it behind.
    static FOUND: Mutex<Option<(Uid, SmallVec<[u8; USER_BYTES]>)>> = Mutex::new(None);
    let uid = getuid();
    // Nobody waits for it: in a child process it may be held by a thread that is not there.
    let mut found = FOUND.try_lock();
    match (User::from_uid(uid), found.as_deref_mut()) {
        (Ok(Some(user)), found) => {
            if let Ok(found) = found {
                *found = Some((uid, user.name.as_bytes().into()));
            }
            user.name
        }
        (_, Ok(Some((of, name)))) if *of == uid => String::from_utf8_lossy(name).into_owned(),
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
