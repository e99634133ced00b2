//! The sandbox that a server puts on itself, for good: what is left is to look at files, to list directories, and to talk with clients.
//!
//! What it still needs opened is left to `broker`. Two guards, each by itself: Landlock says what may be done to which files, seccomp which
//! system calls there are. Landlock does not govern looking (stat, inotify, O_PATH), nor chmod and utimes; those seccomp has not got.
//! Invariants: it is put on before there is a thread, since each thread has its own; what the kernel does not have does not keep the
//! server from serving, and is told.

use std::collections::BTreeMap;
use std::env::consts::ARCH;

use landlock::{
    ABI, Access, AccessFs, AccessNet, LandlockStatus, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};
use nix::sys::resource::{Resource, setrlimit};
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, apply_filter,
};
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

/// What a server says that nothing confines.
pub(crate) fn words_of_none() -> [(&'static str, String); 2] {
    ["landlock", "seccomp"].map(|guard| (guard, "off".to_owned()))
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
    Sandbox { landlock: put_on_landlock(), seccomp: put_on_seccomp().map_err(|error| error.to_string()) }
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

/// What is not in [`needed`] is refused, as if there were no right to it.
fn put_on_seccomp() -> Result<(), Box<dyn std::error::Error>> {
    let denied = |errno: i32| SeccompAction::Errno(errno.unsigned_abs());
    // What it is to do can't be seen from without: the C library goes on to one of which it can.
    let unseen = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    let unseen = SeccompFilter::new(unseen, SeccompAction::Allow, denied(libc::ENOSYS), ARCH.try_into()?)?;
    let needed = SeccompFilter::new(needed()?, denied(libc::EPERM), SeccompAction::Allow, ARCH.try_into()?)?;
    for filter in [unseen, needed] {
        apply_filter(&BpfProgram::try_from(filter)?)?;
    }
    Ok(())
}

/// System calls that are needed whatever is to be done with them.
const NEEDED: &[i64] = &[
    // Looking.
    libc::SYS_fstat,
    libc::SYS_fstatfs,
    libc::SYS_getdents64,
    libc::SYS_lseek,
    libc::SYS_newfstatat,
    libc::SYS_readlinkat,
    libc::SYS_statfs,
    libc::SYS_statx,
    libc::SYS_uname,
    // The kernel's notices.
    libc::SYS_fanotify_init,
    libc::SYS_fanotify_mark,
    libc::SYS_inotify_add_watch,
    libc::SYS_inotify_init1,
    libc::SYS_inotify_rm_watch,
    libc::SYS_name_to_handle_at,
    // Clients, and what is open.
    libc::SYS_accept4,
    libc::SYS_close,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_getsockopt,
    libc::SYS_ppoll,
    libc::SYS_read,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_sendmsg,
    libc::SYS_sendto,
    libc::SYS_write,
    libc::SYS_writev,
    // Memory, but for what the processor could run.
    libc::SYS_brk,
    libc::SYS_madvise,
    libc::SYS_mremap,
    libc::SYS_munmap,
    // Threads, time and the end; of the first, the other filter says that there is none.
    libc::SYS_clone3,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_futex,
    libc::SYS_getpid,
    libc::SYS_getrandom,
    libc::SYS_gettid,
    libc::SYS_restart_syscall,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_set_robust_list,
    libc::SYS_sigaltstack,
    // What later ones replace, where there was something before them.
    #[cfg(target_arch = "x86_64")]
    libc::SYS_epoll_wait,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
];

/// All that a server needs of the system: calls, and of some, what may be done with them.
#[allow(clippy::unnecessary_cast, reason = "not every C library has these numbers as this type")]
fn needed() -> Result<BTreeMap<i64, Vec<SeccompRule>>, BackendError> {
    let whatever = NEEDED.iter().map(|call| (*call, Vec::new()));
    let limited = [
        // To be looked at, or to be listed: nothing is read, written or made.
        (
            libc::SYS_openat,
            vec![
                has(2, libc::O_PATH, libc::O_PATH)?,
                has(
                    2,
                    libc::O_ACCMODE | libc::O_CREAT | libc::O_TRUNC | libc::O_DIRECTORY,
                    libc::O_DIRECTORY,
                )?,
            ],
        ),
        (libc::SYS_mmap, vec![has(2, libc::PROT_EXEC, 0)?]),
        (libc::SYS_mprotect, vec![has(2, libc::PROT_EXEC, 0)?]),
        (
            libc::SYS_clone,
            vec![has(0, libc::CLONE_THREAD | libc::CLONE_VM, libc::CLONE_THREAD | libc::CLONE_VM)?],
        ),
        (libc::SYS_fcntl, one_of(1, [libc::F_DUPFD_CLOEXEC, libc::F_GETFD, libc::F_GETFL])?),
        (libc::SYS_ioctl, vec![is(1, libc::FIONBIO as u64)?, is(1, libc::FIONREAD as u64)?]),
        (libc::SYS_prctl, one_of(0, [libc::PR_SET_NAME])?),
    ];
    Ok(whatever.chain(limited).collect())
}

/// An argument that has these bits, of those in a mask.
fn has(argument: u8, mask: i32, bits: i32) -> Result<SeccompRule, BackendError> {
    let masked = SeccompCmpOp::MaskedEq(bits_of(mask));
    SeccompRule::new(vec![SeccompCondition::new(argument, SeccompCmpArgLen::Dword, masked, bits_of(bits))?])
}

/// An argument of this value.
fn is(argument: u8, value: u64) -> Result<SeccompRule, BackendError> {
    SeccompRule::new(vec![SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)?])
}

/// An argument of one of these values.
fn one_of<const N: usize>(argument: u8, values: [i32; N]) -> Result<Vec<SeccompRule>, BackendError> {
    values.into_iter().map(|value| is(argument, bits_of(value))).collect()
}

fn bits_of(value: i32) -> u64 {
    u64::from(value.cast_unsigned())
}

#[cfg(test)]
mod tests {
    use std::ffi::CString;
    use std::fs::{self, File, OpenOptions};
    use std::io;
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsRawFd;
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, chown, symlink};
    use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
    use std::path::Path;
    use std::process::Command;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use nix::fcntl::{AT_FDCWD, OFlag, open};
    use nix::sched::{CloneFlags, unshare};
    use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
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
        put_on_seccomp().map_err(|error| error.to_string())
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
        ]
    }

    fn assert_denied(tried: Vec<(&'static str, io::Result<()>)>) {
        let is_denied = |result: &io::Result<()>| {
            result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
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
            Ok((listed, length, vec![("read", read.expect("it does not panic"))]))
        });
        let (listed, length, tried) = done.expect("it may");
        assert_eq!((listed, length), (1, 6));
        assert_denied(tried);
    }
}
