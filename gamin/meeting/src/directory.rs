//! A directory that only its owner can enter, and the sockets in it.
//!
//! Which directories those are is left to the meeting. What is in one is checked on an open descriptor and then used through
//! that descriptor, so nothing can be exchanged between the check and the use, and no symbolic link is followed.
//! Invariant: a server holds the lock of its session for as long as its socket can be found, so a socket without it is
//! stale, and only the lock's holder replaces or removes one.

use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, Flock, FlockArg, OFlag, open, openat, renameat};
use nix::sys::socket::UnixAddr;
use nix::sys::stat::{FchmodatFlags, FileStat, Mode, SFlag, fchmodat, fstat, mkdirat};
use nix::unistd::{UnlinkatFlags, unlinkat};

/// How often something in the way is removed before we give up, as documented of the original.
const ATTEMPTS_MAX: usize = 5;
/// What the owner must be allowed of the directory.
const OWNER: u32 = 0o700;
/// What nobody else may be allowed, of the directory and of what is in it.
const STRANGERS: u32 = 0o077;

/// What the name of a socket begins with, before the session's id.
pub(crate) const SOCKET: &str = "fam-";

/// Why a directory, or what is in it, can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DirectoryError {
    #[error("locked by another server")]
    Taken,
    #[error("{0}, and can't be removed")]
    Unsafe(Flaw),
    #[error("{}", .0.desc())]
    System(#[from] Errno),
}

/// What is wrong with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Flaw {
    #[error("of the wrong type")]
    Type,
    #[error("owned by uid {0}")]
    Owner(u32),
    #[error("of mode {0:o}")]
    Mode(u32),
}

/// A directory that was checked.
#[derive(Debug)]
pub(crate) struct Directory {
    descriptor: OwnedFd,
    uid: u32,
    path: PathBuf,
}

/// A socket that was checked.
#[derive(Debug)]
pub(crate) struct Socket(OwnedFd);

/// A server's right to a socket in a directory. When dropped, the socket is removed, and the directory if that was all in it.
#[derive(Debug)]
pub struct Claim {
    directory: Directory,
    id: String,
    /// Let go when it is closed: last.
    _lock: Flock<File>,
}

/// What a server leaves behind in a directory.
#[derive(Debug, Clone)]
pub struct Remains {
    path: PathBuf,
    uid: u32,
    id: String,
}

impl Directory {
    /// Takes the directory as it is.
    pub fn open(path: &Path, uid: u32) -> Result<Directory, DirectoryError> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let descriptor = match open(path, flags, Mode::empty()) {
            Ok(descriptor) => descriptor,
            Err(Errno::ENOTDIR | Errno::ELOOP) => return Err(DirectoryError::Unsafe(Flaw::Type)),
            Err(errno) => return Err(errno.into()),
        };
        let stat = fstat(&descriptor)?;
        check(&stat, SFlag::S_IFDIR, uid).map_err(DirectoryError::Unsafe)?;
        if stat.st_mode & OWNER != OWNER {
            return Err(DirectoryError::Unsafe(Flaw::Mode(stat.st_mode & 0o7777)));
        }
        Ok(Directory { descriptor, uid, path: path.to_owned() })
    }

    /// Makes the directory, unless it is there; removes what is there instead, if that is possible without harm.
    pub fn make(path: &Path, uid: u32) -> Result<Directory, DirectoryError> {
        let mut attempt = 1;
        loop {
            match mkdirat(AT_FDCWD, path, Mode::from_bits_truncate(OWNER)) {
                Ok(()) | Err(Errno::EEXIST) => {}
                Err(errno) => return Err(errno.into()),
            }
            match Directory::open(path, uid) {
                Err(DirectoryError::Unsafe(_)) if attempt < ATTEMPTS_MAX && remove(path) => attempt += 1,
                // Removed since, by another server that has ended.
                Err(DirectoryError::System(Errno::ENOENT)) if attempt < ATTEMPTS_MAX => attempt += 1,
                result => return result,
            }
        }
    }

    /// The socket of session `id`.
    pub fn socket(&self, id: &str) -> Result<Socket, DirectoryError> {
        let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let socket = openat(&self.descriptor, socket_name(id).as_str(), flags, Mode::empty())?;
        check(&fstat(&socket)?, SFlag::S_IFSOCK, self.uid).map_err(DirectoryError::Unsafe)?;
        Ok(Socket(socket))
    }

    /// Listens for the clients of session `id`.
    pub fn listen(self, id: &str) -> Result<(UnixListener, Claim), DirectoryError> {
        let lock = self.lock(id)?;
        // The name under which it is bound is too short for the id, and is the lock's own as long as that is there.
        let temporary = format!("new-{}", fstat(&*lock)?.st_ino);
        self.remove(&temporary);
        let path = format!("/proc/self/fd/{}/{temporary}", self.descriptor.as_raw_fd());
        let socket = UnixListener::bind(path).and_then(|socket| {
            socket.set_nonblocking(true)?;
            Ok(socket)
        });
        let socket =
            socket.map_err(|error| error.raw_os_error().map_or(Errno::UnknownErrno, Errno::from_raw))?;
        // Whatever the mask says.
        let mode = Mode::S_IRUSR | Mode::S_IWUSR;
        fchmodat(&self.descriptor, temporary.as_str(), mode, FchmodatFlags::FollowSymlink)?;
        // A client finds the old one or the new one, which listens already.
        renameat(&self.descriptor, temporary.as_str(), &self.descriptor, socket_name(id).as_str())?;
        Ok((socket, Claim { directory: self, id: id.to_owned(), _lock: lock }))
    }

    fn lock(&self, id: &str) -> Result<Flock<File>, DirectoryError> {
        let flags = OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        loop {
            let file =
                openat(&self.descriptor, lock_name(id).as_str(), flags, Mode::S_IRUSR | Mode::S_IWUSR)?;
            let lock = match Flock::lock(File::from(file), FlockArg::LockExclusiveNonblock) {
                Ok(lock) => lock,
                Err((_, Errno::EWOULDBLOCK)) => return Err(DirectoryError::Taken),
                Err((_, errno)) => return Err(errno.into()),
            };
            // Otherwise its last holder has removed it, and the next one locks another.
            if fstat(&*lock)?.st_nlink > 0 {
                return Ok(lock);
            }
        }
    }

    fn remove(&self, name: &str) {
        // That it was not there is as good.
        let _ = unlinkat(&self.descriptor, name, UnlinkatFlags::NoRemoveDir);
    }
}

impl Socket {
    /// The address of just this socket, whatever has become of its name.
    pub fn address(&self) -> Result<UnixAddr, Errno> {
        UnixAddr::new(format!("/proc/self/fd/{}", self.0.as_raw_fd()).as_str())
    }
}

impl Claim {
    /// What there is to remove when the server ends, for whoever may do that when it may not.
    pub fn remains(&self) -> Remains {
        let Directory { uid, path, .. } = &self.directory;
        Remains { path: path.clone(), uid: *uid, id: self.id.clone() }
    }
}

impl Remains {
    /// Removes what a server that has ended has left behind, unless another has claimed it since.
    pub fn remove(self) {
        let Ok(directory) = Directory::open(&self.path, self.uid) else { return };
        if let Ok(lock) = directory.lock(&self.id) {
            drop(Claim { directory, id: self.id, _lock: lock });
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.directory.remove(&socket_name(&self.id));
        self.directory.remove(&lock_name(&self.id));
        // It is left where another session has something in it.
        let _ = unlinkat(AT_FDCWD, &self.directory.path, UnlinkatFlags::RemoveDir);
    }
}

fn socket_name(id: &str) -> String {
    format!("{SOCKET}{id}")
}

fn lock_name(id: &str) -> String {
    format!("lock-{id}")
}

/// The documented check of type, owner and mode.
fn check(stat: &FileStat, file_type: SFlag, uid: u32) -> Result<(), Flaw> {
    if stat.st_mode & SFlag::S_IFMT.bits() != file_type.bits() {
        return Err(Flaw::Type);
    }
    if stat.st_uid != uid {
        return Err(Flaw::Owner(stat.st_uid));
    }
    if stat.st_mode & STRANGERS != 0 {
        return Err(Flaw::Mode(stat.st_mode & 0o7777));
    }
    Ok(())
}

/// Removes a file, a link or an empty directory, if the system lets us; says whether it did.
fn remove(path: &Path) -> bool {
    [UnlinkatFlags::NoRemoveDir, UnlinkatFlags::RemoveDir]
        .into_iter()
        .any(|what| unlinkat(AT_FDCWD, path, what).is_ok())
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::io;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    use std::os::unix::net::UnixStream;

    use nix::unistd::{Uid, chown, getuid};
    use tempfile::TempDir;

    use super::*;
    use crate::forks;

    /// A folder in which anything can be, and the path of the private directory in it.
    fn room() -> (TempDir, PathBuf) {
        let room = TempDir::new().expect("because there is room for temporary files");
        let path = room.path().join("fam-user");
        (room, path)
    }

    fn uid() -> u32 {
        getuid().as_raw()
    }

    fn flaw(result: Result<impl std::fmt::Debug, DirectoryError>) -> Flaw {
        match result {
            Err(DirectoryError::Unsafe(flaw)) => flaw,
            other => panic!("{other:?}"),
        }
    }

    fn names(path: &Path) -> Vec<String> {
        let entries = fs::read_dir(path).expect("because it is there").flatten();
        let mut names: Vec<_> =
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn the_directory_and_the_socket_are_their_owner_s_alone_and_go_with_the_server() {
        let (room, path) = room();
        let (_socket, claim) = Directory::make(&path, uid()).expect("made").listen("id").expect("listens");
        assert_eq!(names(&path), ["fam-id", "lock-id"]);
        assert_eq!(fs::metadata(&path).expect("there").mode() & 0o7777, 0o700);
        assert_eq!(fs::metadata(path.join("fam-id")).expect("there").mode() & 0o7777, 0o600);
        drop(claim);
        assert_eq!(names(room.path()), [""; 0]);
    }

    #[test]
    fn what_a_server_leaves_behind_is_removed_when_it_has_ended_and_not_before() {
        let (room, path) = room();
        let (_socket, claim) = Directory::make(&path, uid()).expect("made").listen("id").expect("listens");
        let remains = claim.remains();
        remains.clone().remove();
        assert_eq!(names(&path), ["fam-id", "lock-id"], "it is another's, who has not ended");
        drop(claim);
        // As if it had been killed.
        drop(Directory::make(&path, uid()).expect("made"));
        for name in ["fam-id", "lock-id"] {
            fs::write(path.join(name), "").expect("ours");
        }
        remains.remove();
        assert_eq!(names(room.path()), [""; 0]);
    }

    #[test]
    fn a_link_in_its_place_is_not_followed() {
        let (room, path) = room();
        let elsewhere = room.path().join("elsewhere");
        fs::create_dir(&elsewhere).expect("ours");
        fs::set_permissions(&elsewhere, Permissions::from_mode(0o700)).expect("ours");
        symlink(&elsewhere, &path).expect("ours");
        assert_eq!(flaw(Directory::open(&path, uid())), Flaw::Type);
        let directory = Directory::make(&path, uid()).expect("the link can be removed");
        directory.listen("id").expect("listens");
        assert_eq!(names(&elsewhere), [""; 0]);
    }

    #[test]
    fn what_others_may_enter_is_made_anew_if_it_is_empty_and_refused_if_not() {
        let (_room, path) = room();
        for mode in [0o750, 0o701, 0o500] {
            fs::create_dir(&path).expect("ours");
            fs::set_permissions(&path, Permissions::from_mode(mode)).expect("ours");
            assert_eq!(flaw(Directory::open(&path, uid())), Flaw::Mode(mode));
            Directory::make(&path, uid()).expect("made anew");
            fs::remove_dir(&path).expect("empty");
        }
        fs::create_dir(&path).expect("ours");
        fs::write(path.join("something"), "").expect("ours");
        fs::set_permissions(&path, Permissions::from_mode(0o755)).expect("ours");
        assert_eq!(flaw(Directory::make(&path, uid())), Flaw::Mode(0o755));
        assert_eq!(names(&path), ["something"]);
    }

    #[test]
    #[allow(clippy::print_stdout, reason = "a test that can't run here says so")]
    fn what_belongs_to_another_user_is_refused() {
        if !getuid().is_root() {
            println!("skipped: only root gives files away");
            return;
        }
        let (_room, path) = room();
        let nobody = Uid::from_raw(65534);
        let directory = Directory::make(&path, uid()).expect("made");
        let (_socket, _claim) = directory.listen("id").expect("listens");
        chown(&path.join("fam-id"), Some(nobody), None).expect("root gives it away");
        let directory = Directory::open(&path, uid()).expect("as it was made");
        assert_eq!(flaw(directory.socket("id")), Flaw::Owner(65534));
        chown(&path, Some(nobody), None).expect("root gives it away");
        assert_eq!(flaw(Directory::open(&path, uid())), Flaw::Owner(65534));
        assert_eq!(flaw(Directory::make(&path, uid())), Flaw::Owner(65534));
    }

    #[test]
    fn what_is_no_socket_or_open_to_others_is_not_connected_to() {
        let (_room, path) = room();
        let (_socket, _claim) = Directory::make(&path, uid()).expect("made").listen("id").expect("listens");
        let directory = Directory::open(&path, uid()).expect("as it was made");
        directory.socket("id").expect("a socket");
        fs::write(path.join("fam-file"), "").expect("ours");
        symlink("fam-id", path.join("fam-link")).expect("ours");
        assert_eq!(flaw(directory.socket("file")), Flaw::Type);
        assert_eq!(flaw(directory.socket("link")), Flaw::Type);
        fs::set_permissions(path.join("fam-id"), Permissions::from_mode(0o666)).expect("ours");
        assert_eq!(flaw(directory.socket("id")), Flaw::Mode(0o666));
        assert!(matches!(directory.socket("missing"), Err(DirectoryError::System(Errno::ENOENT))));
    }

    #[test]
    fn a_stale_socket_is_replaced_and_a_live_one_is_not() {
        let _forks = forks::none();
        let (_room, path) = room();
        let directory = Directory::make(&path, uid()).expect("made");
        // As servers leave them that were killed.
        drop(UnixListener::bind(path.join("fam-id")).expect("ours"));
        fs::write(path.join("lock-id"), "").expect("ours");
        let stale = UnixStream::connect(path.join("fam-id"));
        assert_eq!(stale.expect_err("stale").kind(), io::ErrorKind::ConnectionRefused);
        let (_socket, _claim) = directory.listen("id").expect("listens");
        UnixStream::connect(path.join("fam-id")).expect("live");
        let second = Directory::make(&path, uid()).expect("there").listen("id");
        assert!(matches!(second, Err(DirectoryError::Taken)));
        UnixStream::connect(path.join("fam-id")).expect("still live");
        assert_eq!(names(&path), ["fam-id", "lock-id"]);
    }

    #[test]
    fn of_many_servers_one_listens() {
        let _forks = forks::none();
        let (_room, path) = room();
        for _ in 0..20 {
            let results: Vec<_> = std::thread::scope(|scope| {
                let racing: Vec<_> = (0..8)
                    .map(|_| scope.spawn(|| Directory::make(&path, uid()).and_then(|made| made.listen("id"))))
                    .collect();
                racing.into_iter().map(|racer| racer.join().expect("no panic")).collect()
            });
            assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
            assert!(
                results.iter().all(|result| matches!(result, Ok(_) | Err(DirectoryError::Taken))),
                "{results:?}"
            );
        }
    }
}
