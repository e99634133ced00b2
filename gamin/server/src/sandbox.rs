//! The sandbox that a server puts on itself, for good: what is left is to look at files, to list directories, and to talk with clients.
//!
//! What it still needs opened is left to `broker`. Two guards, each by itself: Landlock says what may be done to which files, seccomp which
//! system calls there are. Landlock does not govern looking (stat, inotify, O_PATH), nor chmod and utimes; those seccomp has not got.
//! Invariants: it is put on before there is a thread, since each thread has its own; what the kernel does not have does not keep the
//! server from serving, and is told.

#[cfg(all(
    target_endian = "little",
    any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")
))]
mod seccomp;

use landlock::{
    ABI, Access, AccessFs, AccessNet, LandlockStatus, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};
use nix::sys::resource::{Resource, setrlimit};
use tracing::{debug, info, warn};

/// The newest Landlock with which this was tried: of a newer one, no more is asked.
const LANDLOCK: ABI = ABI::V7;

/// What holds.
#[derive(Debug)]
pub(crate) struct Sandbox {
    /// The version of Landlock, or why there is none.
    landlock: Result<i32, String>,
    seccomp: Result<(), String>,
}

impl Sandbox {
    /// What the server says of it.
    pub fn words(&self) -> [(&'static str, String); 2] {
        let landlock = self.landlock.as_ref().map_or("no".to_owned(), i32::to_string);
        let seccomp = self.seccomp.as_ref().map_or("no", |()| "yes");
        [("landlock", landlock), ("seccomp", seccomp.to_owned())]
    }
}

/// What a server says that nothing confines: `off` if that was asked for, else `no`.
pub(crate) fn words_of_none(why: &str) -> [(&'static str, String); 2] {
    ["landlock", "seccomp"].map(|guard| (guard, why.to_owned()))
}

/// Confines this process, which has one thread.
pub(crate) fn enter() -> Sandbox {
    // A file of its memory would be written by the kernel, which nobody confines.
    if let Err(error) = setrlimit(Resource::RLIMIT_CORE, 0, 0) {
        debug!(%error, "can't do without core files");
    }
    let sandbox = confine();
    match &sandbox.landlock {
        Ok(version) => info!(version, "confined by Landlock"),
        Err(why) => warn!(why, "not confined by Landlock"),
    }
    match &sandbox.seccomp {
        Ok(()) => info!("confined by seccomp"),
        Err(why) => warn!(why, "not confined by seccomp"),
    }
    sandbox
}

/// Confines this thread, and those that it will start.
fn confine() -> Sandbox {
    Sandbox { landlock: put_on_landlock(), seccomp: seccomp::put_on().map_err(|error| error.to_string()) }
}

/// Everywhere, directories may be listed; nothing else that Landlock governs is left.
fn put_on_landlock() -> Result<i32, String> {
    let confined = || -> Result<_, RulesetError> {
        let ruleset = Ruleset::default()
            .handle_access(AccessFs::from_all(LANDLOCK))?
            .handle_access(AccessNet::from_all(LANDLOCK))?
            .scope(Scope::from_all(LANDLOCK))?
            .create()?;
        let everywhere = PathFd::new("/").map(|root| PathBeneath::new(root, AccessFs::ReadDir));
        everywhere.into_iter().try_fold(ruleset, RulesetCreatedAttr::add_rule)?.restrict_self()
    };
    let status = confined().map_err(|error| error.to_string())?;
    match (status.ruleset, status.landlock) {
        (RulesetStatus::NotEnforced, LandlockStatus::NotEnabled) => {
            Err("the kernel has it switched off".into())
        }
        (RulesetStatus::NotEnforced, _) => Err("the kernel has none".into()),
        (_, LandlockStatus::Available { effective_abi, .. }) => Ok(effective_abi as i32),
        (_, status) => Err(format!("{status:?}")),
    }
}

#[cfg(not(all(
    target_endian = "little",
    any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")
)))]
mod seccomp {
    /// Nobody has written such filters for this processor.
    pub fn put_on() -> Result<(), Box<dyn std::error::Error>> {
        Err("there are no filters for this processor".into())
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::CString;
    use std::fs::{self, File, OpenOptions};
    use std::io;
    use std::net::{TcpListener, TcpStream};
    use std::num::NonZero;
    use std::os::fd::AsRawFd;
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, chown, symlink};
    use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
    use std::path::Path;
    use std::process::Command;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use nix::fcntl::{AT_FDCWD, OFlag, open};
    use nix::mount::{MsFlags, mount, umount};
    use nix::sched::{CloneFlags, unshare};
    use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
    use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, munmap};
    use nix::sys::ptrace;
    use nix::sys::signal::kill;
    use nix::sys::stat::{Mode, UtimensatFlags, utimensat};
    use nix::sys::time::TimeSpec;
    use nix::unistd::{execv, getpid, getppid, mkfifo, truncate};
    use tempfile::TempDir;

    use super::*;

    /// Does something in a thread that these guards confine, and gives what came of it.
    fn confined<T: Send>(
        guard: impl FnOnce() -> Result<(), String> + Send,
        act: impl FnOnce(&Path) -> T + Send,
    ) -> T {
        let room = TempDir::new().expect("because there is room for temporary files");
        fs::write(room.path().join("file"), "secret").expect("because the directory is ours");
        let path = room.path();
        let act = move || {
            assert_eq!(guard(), Ok(()));
            act(path)
        };
        thread::scope(|scope| scope.spawn(act).join().expect("because nothing panics in it"))
    }

    fn by_seccomp() -> Result<(), String> {
        seccomp::put_on().map_err(|error| error.to_string())
    }

    fn by_landlock() -> Result<(), String> {
        put_on_landlock().map(drop)
    }

    /// Whom there is to connect to.
    struct Doors {
        name: SocketAddr,
        port: std::net::SocketAddr,
        _open: (UnixListener, TcpListener),
    }

    impl Doors {
        fn new() -> Doors {
            static COUNT: AtomicUsize = AtomicUsize::new(0);
            let number = COUNT.fetch_add(1, Ordering::Relaxed);
            let name = SocketAddr::from_abstract_name(format!("gamin-sandbox-{}-{number}", getpid()));
            let name = name.expect("it is short");
            let here = UnixListener::bind_addr(&name).expect("nobody else has the name");
            let there = TcpListener::bind("127.0.0.1:0").expect("there is a port");
            let port = there.local_addr().expect("it is bound");
            Doors { name, port, _open: (here, there) }
        }
    }

    /// Tries what Landlock denies.
    fn try_what_landlock_governs(room: &Path, doors: &Doors) -> Vec<(&'static str, io::Result<()>)> {
        let (file, new) = (room.join("file"), room.join("new"));
        let mut nameless = OpenOptions::new();
        nameless.write(true).custom_flags(OFlag::O_TMPFILE.bits());
        let none = None::<&str>;
        vec![
            ("read a file", fs::read(&file).map(drop)),
            ("read a file of the system", fs::read("/etc/passwd").map(drop)),
            ("read of itself", fs::read("/proc/self/maps").map(drop)),
            ("write a file", OpenOptions::new().write(true).open(&file).map(drop)),
            ("write a file that it looks at", reopen(&file).map(drop)),
            ("make a file", File::create(&new).map(drop)),
            ("make a file of no name", nameless.open(room).map(drop)),
            ("cut a file off", truncate(&file, 0).map_err(Into::into)),
            ("remove a file", fs::remove_file(&file)),
            ("rename a file", fs::rename(&file, &new)),
            ("make a link", symlink("file", &new)),
            ("make a directory", fs::create_dir(&new)),
            ("remove a directory", fs::remove_dir(room)),
            ("make a pipe", mkfifo(&new, Mode::S_IRWXU).map_err(Into::into)),
            ("run a program", Command::new("/bin/true").status().map(drop)),
            ("connect to a socket", UnixStream::connect_addr(&doors.name).map(drop)),
            ("connect over the network", TcpStream::connect(doors.port).map(drop)),
            ("listen", TcpListener::bind("127.0.0.1:0").map(drop)),
            ("signal its parent", kill(getppid(), None).map_err(Into::into)),
            // There is no such file system, of which the kernel speaks last.
            ("mount", mount(none, room, Some("none such"), MsFlags::empty(), none).map_err(Into::into)),
            // Were it allowed, it would end with the thread.
            ("trace its parent", ptrace::seize(getppid(), ptrace::Options::empty()).map_err(Into::into)),
        ]
    }

    /// Tries what seccomp alone denies.
    fn try_the_rest(room: &Path) -> Vec<(&'static str, io::Result<()>)> {
        let file = room.join("file");
        let path = CString::new(file.as_os_str().as_encoded_bytes()).expect("it has no NUL");
        let now = TimeSpec::UTIME_NOW;
        let touched = utimensat(AT_FDCWD, &path[..], &now, &now, UtimensatFlags::FollowSymlink);
        vec![
            ("change a mode", fs::set_permissions(&file, fs::Permissions::from_mode(0o777))),
            ("change an owner", chown(&file, None, None)),
            ("change times", touched.map_err(Into::into)),
            ("link a file", fs::hard_link(&file, room.join("new"))),
            // If it could, that would be the end of this test, and no success.
            ("become a program", execv(c"/bin/false", &[c"false"]).map(drop).map_err(Into::into)),
            ("signal itself", kill(getpid(), None).map_err(Into::into)),
            ("leave the namespace", unshare(CloneFlags::CLONE_NEWUSER).map_err(Into::into)),
            ("set a limit", setrlimit(Resource::RLIMIT_CORE, 0, 0).map_err(Into::into)),
            ("unmount", umount(room).map_err(Into::into)),
            ("have memory that is executable", map(ProtFlags::PROT_READ | ProtFlags::PROT_EXEC)),
        ]
    }

    /// Asks for a page of memory.
    #[allow(unsafe_code)]
    fn map(protection: ProtFlags) -> io::Result<()> {
        let page = NonZero::new(4096).expect("it is a number");
        // SAFETY: no address is asked for, so what is mapped is where nothing was; nobody but this function knows of it, and it is
        // neither read nor run.
        let mapped = unsafe { mmap_anonymous(None, page, protection, MapFlags::MAP_PRIVATE) }?;
        // SAFETY: this is the page that was mapped above, and nothing refers to it.
        Ok(unsafe { munmap(mapped, page.get()) }?)
    }

    fn assert_denied(tried: Vec<(&'static str, io::Result<()>)>) {
        let is_denied = |result: &io::Result<()>| {
            result.as_ref().is_err_and(|error| {
                matches!(error.raw_os_error(), Some(libc::EACCES | libc::EPERM | libc::ENOSYS))
            })
        };
        let done: Vec<_> = tried.into_iter().filter(|(_, result)| !is_denied(result)).collect();
        assert!(done.is_empty(), "{done:?}");
    }

    #[test]
    fn what_a_server_has_no_need_of_seccomp_denies() {
        let doors = Doors::new();
        assert_denied(confined(by_seccomp, |room| {
            try_what_landlock_governs(room, &doors).into_iter().chain(try_the_rest(room)).collect()
        }));
    }

    #[test]
    #[allow(clippy::print_stdout, reason = "a test that can't run here says so")]
    fn what_a_server_does_with_files_or_others_landlock_denies() {
        let has_landlock = thread::spawn(put_on_landlock).join().expect("it does not panic");
        if has_landlock.as_ref().map_or(true, |version| *version < 6) {
            println!("skipped: Landlock of this kernel is {has_landlock:?}");
            return;
        }
        let doors = Doors::new();
        assert_denied(confined(by_landlock, |room| try_what_landlock_governs(room, &doors)));
    }

    /// Opens a file to be written by way of what may be looked at.
    fn reopen(file: &Path) -> io::Result<File> {
        let looked_at = open(file, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())?;
        OpenOptions::new().write(true).open(format!("/proc/self/fd/{}", looked_at.as_raw_fd()))
    }

    #[test]
    fn what_a_server_needs_is_left() {
        let both = || confine().seccomp;
        let done = confined(both, |room| -> io::Result<_> {
            let instance = Inotify::init(InitFlags::IN_CLOEXEC)?;
            instance.add_watch(room, AddWatchFlags::IN_CREATE)?;
            let listed = fs::read_dir(room)?.count();
            let length = fs::symlink_metadata(room.join("file"))?.len();
            // A thread is confined as who has started it.
            let read = thread::spawn(|| fs::read("/etc/passwd").map(drop)).join();
            map(ProtFlags::PROT_READ | ProtFlags::PROT_WRITE)?;
            Ok((listed, length, vec![("read", read.expect("it does not panic"))]))
        });
        let (listed, length, tried) = done.expect("it may");
        assert_eq!((listed, length), (1, 6));
        assert_denied(tried);
    }
}
