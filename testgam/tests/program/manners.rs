//! How a server comes and goes: what it keeps of its starter, that there is one however many ask for it, and what those see
//! who come as it ends.
//!
//! `GAMIN_ROUNDS` says how often the crowded ones are done (`ci/crowd`); each round has a session of its own.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use gamin::{ConnectError, Connection, Error, Options, ServerCommand};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::{Pid, getuid};

/// Longer than anything takes but a hang.
const HANG: Duration = Duration::from_secs(60);
const TESTGAM: &str = env!("CARGO_BIN_EXE_testgam");
/// How many clients come at once.
const CROWD: usize = 10;

/// A session of its own, whose servers end with it.
struct Session(String);

impl Session {
    fn new() -> Session {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        Session(format!("manners-{}-{count}", std::process::id()))
    }

    fn options(&self) -> Options {
        options(&self.0, &[])
    }

    /// Runs a shell that becomes a starter.
    fn start_by(&self, shell: &str) -> Output {
        let become_starter = format!("{shell} exec {TESTGAM} gam_server --detach {}", self.0);
        Command::new("sh").args(["-c", &become_starter]).output().expect("there is a shell")
    }

    /// The processes that serve it.
    fn servers(&self) -> Vec<Pid> {
        let pids = fs::read_dir("/proc").expect("procfs").flatten();
        let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let serves = |pid: &i32| {
            // Who opens files for a server is called otherwise than that.
            if fs::read(format!("/proc/{pid}/comm")).is_ok_and(|name| name == b"gam_broker\n") {
                return false;
            }
            let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let words: Vec<_> = words.split(|byte| *byte == 0).collect();
            words.contains(&b"--detached".as_slice()) && words.contains(&self.0.as_bytes())
        };
        pids.filter(serves).map(Pid::from_raw).collect()
    }

    /// Waits until that is so of the processes that serve it.
    fn await_servers(&self, wanted: impl Fn(&[Pid]) -> bool) -> Vec<Pid> {
        let start = Instant::now();
        loop {
            let servers = self.servers();
            if wanted(&servers) {
                return servers;
            }
            assert!(start.elapsed() < HANG, "{servers:?} go on");
            thread::yield_now();
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        for server in self.servers() {
            // It may have ended by itself.
            let _ = kill(server, Signal::SIGKILL);
        }
    }
}

fn options(id: &str, more: &[&str]) -> Options {
    let args = ["gam_server", "--detach"].iter().chain(more).map(Into::into).collect();
    Options::new().client_id(id).server(ServerCommand { program: TESTGAM.into(), args }).patience(HANG)
}

fn server_pid(connection: &Connection) -> Pid {
    Pid::from_raw(connection.server_pid().expect("connected"))
}

fn rounds(default: usize) -> usize {
    env::var("GAMIN_ROUNDS").ok().map_or(default, |rounds| rounds.parse().expect("a number"))
}

#[test]
fn a_detached_server_has_nothing_of_its_starter() {
    let session = Session::new();
    let folder = tempfile::tempdir().expect("there is room");
    let started = session.start_by(&format!(
        "exec 7</etc/passwd 9>>/dev/null; cd {}; umask 0; trap '' HUP INT QUIT TERM USR1 PIPE; ulimit -S -n 64; \
         ulimit -S -t 9; ulimit -S -v 4000000; ulimit -S -s 512; ulimit -S -c 0; chrt -b -p 0 $$; taskset -pc 0 $$ >/dev/null; \
         export SECRET=1 HOME=/nowhere LD_LIBRARY_PATH=/nowhere XDG_RUNTIME_DIR=/nowhere;",
        folder.path().display()
    ));
    assert!(
        started.status.success() && started.stdout.is_empty() && started.stderr.is_empty(),
        "{started:?}"
    );
    let connection = session.options().server(None).open().expect("it listens before its starter ends");
    connection.barrier(HANG).expect("it serves");
    let pid = server_pid(&connection);
    let read = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).expect("it runs");
    let link = |file: &str| fs::read_link(format!("/proc/{pid}/{file}")).expect("it runs");

    assert_eq!(link("cwd").to_str(), Some("/"));
    for standard in 0..3 {
        assert_eq!(link(&format!("fd/{standard}")).to_str(), Some("/dev/null"));
    }
    let open = fs::read_dir(format!("/proc/{pid}/fd")).expect("it runs").flatten();
    let open: Vec<_> = open.filter_map(|entry| fs::read_link(entry.path()).ok()).collect();
    assert!(!open.iter().any(|path| path.starts_with("/etc")), "{open:?}");
    let environment = read("environ");
    let mut names: Vec<_> =
        environment.split_terminator('\0').filter_map(|word| word.split('=').next()).collect();
    names.sort_unstable();
    assert!(names == ["GAM_CLIENT_ID", "HOME"] || names == ["GAM_CLIENT_ID"], "{names:?}");
    assert!(!environment.contains("nowhere"), "{environment}");
    let stat = read("stat");
    let (_, stat) = stat.rsplit_once(") ").expect("behind the name");
    let [parent, group, its_session, terminal] =
        [1, 2, 3, 4].map(|field| stat.split(' ').nth(field).and_then(|word| word.parse::<i32>().ok()));
    assert_ne!(parent, i32::try_from(std::process::id()).ok());
    assert_eq!((group, its_session, terminal), (Some(pid.as_raw()), Some(pid.as_raw()), Some(0)));
    assert!(read("status").contains("Umask:\t0077"));
    let limits = read("limits");
    let limit = limits.lines().find(|line| line.starts_with("Max open files")).expect("a limit");
    assert!(limit.split_whitespace().nth(3) != Some("64"), "{limit}");
    for (name, starters) in
        [("Max cpu time", "9"), ("Max address space", "4096000000"), ("Max stack size", "524288")]
    {
        let limit = limits.lines().find_map(|line| line.strip_prefix(name)).expect("a limit");
        assert!(limit.split_whitespace().next() != Some(starters), "{name}{limit}");
    }
    let status = read("status");
    let own = fs::read_to_string("/proc/self/status").expect("it runs");
    let of = |status: &str, name: &str| {
        status.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim().to_owned())
    };
    assert_eq!(of(&status, "Cpus_allowed:"), of(&own, "Cpus_allowed:"));
    assert_eq!(of(&status, "Name:").as_deref(), Some("gam_server"));
    let ignored = of(&status, "SigIgn:").and_then(|mask| u64::from_str_radix(&mask, 16).ok());
    // Of its own accord it ignores SIGPIPE, as any program in Rust; signals beyond the common ones are the C library's business.
    assert_eq!(ignored.map(|mask| mask & 0x7fff_ffff), Some(1 << (Signal::SIGPIPE as u64 - 1)));
    const POLICY: usize = 38;
    assert_eq!(stat.split(' ').nth(POLICY), Some("0"), "the usual policy");

    // Its starter ignored the signal.
    kill(pid, Signal::SIGTERM).expect("ours");
    session.await_servers(<[Pid]>::is_empty);
}

#[test]
fn who_starts_a_second_server_is_told_that_there_is_one() {
    let session = Session::new();
    for _ in 0..2 {
        assert!(session.start_by("").status.success());
    }
    session.await_servers(|servers| servers.len() == 1);
}

#[test]
fn a_server_that_can_t_be_started_says_why_to_its_client() {
    let session = Session::new();
    let failure = options(&session.0, &["--frobnicate"]).open().expect_err("there is no such option");
    let Error::Connect(ConnectError::Start { program, source }) = failure else { panic!("{failure:?}") };
    assert_eq!(program.to_str(), Some(TESTGAM));
    assert!(source.to_string().contains("--frobnicate"), "{source}");
}

/// Names the session of [`helper_that_is_a_client`].
const CLIENT: &str = "GAMIN_TEST_CLIENT";

/// Not a test of its own: one of many clients. It starts when its input says so, tells who served it, and stays until its input ends.
#[test]
#[allow(clippy::print_stdout, reason = "it is heard by the test that started it")]
fn helper_that_is_a_client() {
    let Ok(id) = env::var(CLIENT) else { return };
    let mut lines = std::io::stdin().lines();
    lines.next();
    let connection = options(&id, &[]).open().expect("a server");
    connection.barrier(HANG).expect("a server that serves");
    // What it may have started is no child that a wait of its own could find.
    let child = waitid(Id::All, WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT);
    assert_eq!(child, Err(Errno::ECHILD));
    println!("served by {}", server_pid(&connection));
    lines.next();
}

fn client(session: &Session) -> Child {
    Command::new(env::current_exe().expect("we run from a file"))
        .args(["--exact", "manners::helper_that_is_a_client", "--nocapture"])
        .env(CLIENT, &session.0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program runs")
}

#[test]
fn who_starts_a_server_has_no_child_of_it() {
    for _ in 0..10 {
        let session = Session::new();
        let this = env::current_exe().expect("we run from a file");
        // The client asks for its children as soon as it is served, and fails if there is one.
        let alone = Command::new(this)
            .args(["--exact", "manners::helper_that_is_a_client"])
            .env(CLIENT, &session.0)
            .stdin(Stdio::null())
            .output()
            .expect("this program runs");
        assert!(alone.status.success(), "{alone:?}");
    }
}

#[test]
fn ten_clients_at_once_have_one_server() {
    for round in 0..rounds(3) {
        let session = Session::new();
        let mut crowd: Vec<_> = (0..CROWD).map(|_| client(&session)).collect();
        for client in &mut crowd {
            client.stdin.as_mut().expect("piped").write_all(b"go\n").expect("it listens");
        }
        let mut said: Vec<_> = crowd
            .iter_mut()
            .map(|client| BufReader::new(client.stdout.take().expect("piped")).lines().map_while(Result::ok))
            .collect();
        let mut served_by = Vec::new();
        for said in &mut said {
            let pid = said.find_map(|line| Some(line.split_once("served by ")?.1.to_owned()));
            served_by.push(pid.expect("it was served"));
        }
        served_by.dedup();
        assert_eq!(served_by.len(), 1, "round {round}: {served_by:?}");
        let servers = session.await_servers(|servers| servers.len() <= 1);
        assert_eq!(servers.iter().map(ToString::to_string).collect::<Vec<_>>(), served_by, "round {round}");
        for mut client in crowd {
            drop(client.stdin.take());
            assert!(client.wait().expect("ours").success());
        }
    }
}

#[test]
fn who_comes_as_the_server_ends_is_served() {
    let session = Session::new();
    let mut last = None;
    for _ in 0..10 * rounds(3) {
        let connection = session.options().open().expect("a server");
        connection.barrier(HANG).expect("a server that serves");
        let pid = server_pid(&connection);
        assert_ne!(last.replace(pid), Some(pid), "it went on");
        thread::scope(|scope| {
            let comers: Vec<_> = (0..3)
                .map(|_| scope.spawn(|| session.options().open().and_then(|comer| comer.barrier(HANG))))
                .collect();
            kill(pid, Signal::SIGTERM).expect("ours");
            for comer in comers {
                comer.join().expect("no panic").expect("the old server or a new one");
            }
        });
        connection.barrier(HANG).expect("another server");
    }
}

/// Names the session whose abstract names [`helper_that_is_a_stranger`] takes.
const STRANGER: &str = "GAMIN_TEST_STRANGER";

/// Not a test of its own: another user, who sits at our server's names until its input ends.
#[test]
#[allow(clippy::print_stdout, reason = "it is heard by the test that started it")]
fn helper_that_is_a_stranger() {
    let Ok(id) = env::var(STRANGER) else { return };
    let inode = |path: &str| fs::metadata(path).expect("it is there");
    let (namespace, root) = (inode("/proc/self/ns/mnt"), inode("/"));
    let view = format!("{:x}-{:x}-{:x}", namespace.ino(), root.dev(), root.ino());
    let names = [
        gamin_protocol::address(b"root", id.as_bytes()),
        gamin_protocol::address_in_view(b"root", id.as_bytes(), view.as_bytes()),
    ];
    let _listeners = names.map(|name| {
        let address = SocketAddr::from_abstract_name(name).expect("it fits");
        UnixListener::bind_addr(&address).expect("it is free")
    });
    println!("taken");
    std::io::stdin().lines().next();
}

#[test]
#[allow(clippy::print_stdout, reason = "a test that can't run here says so")]
fn a_stranger_at_the_name_keeps_nobody_from_being_served() {
    if !getuid().is_root() {
        println!("skipped: only root can become another user");
        return;
    }
    let session = Session::new();
    let mut stranger = Command::new(env::current_exe().expect("we run from a file"))
        .args(["--exact", "manners::helper_that_is_a_stranger", "--nocapture"])
        .env(STRANGER, &session.0)
        .current_dir("/")
        .uid(65534)
        .gid(65534)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("root can become a stranger, who can run this program");
    let mut said = BufReader::new(stranger.stdout.take().expect("piped")).lines().map_while(Result::ok);
    said.find(|line| line.ends_with("taken")).expect("the name is taken");

    let alone = session.options().server(None).open().expect_err("there is only the stranger");
    assert!(matches!(alone, Error::Connect(ConnectError::Foreign { uid: 65534, .. })), "{alone:?}");
    let first = session.options().open().expect("a server in a directory of ours");
    first.barrier(HANG).expect("it serves");
    // One with another environment goes by the same rule.
    let mut second = client(&session);
    drop(second.stdin.take());
    let served_by = format!("served by {}", server_pid(&first));
    let said = BufReader::new(second.stdout.take().expect("piped")).lines().map_while(Result::ok);
    assert_eq!(said.filter(|line| line.ends_with(&served_by)).count(), 1, "{served_by}");
    assert!(second.wait().expect("ours").success());
    drop(stranger.stdin.take());
    stranger.wait().expect("ours");
    // The server tidies up after itself.
    kill(server_pid(&first), Signal::SIGTERM).expect("ours");
    session.await_servers(<[Pid]>::is_empty);
    drop(first);
    for directory in ["/run/user/0/fam-root", "/tmp/fam-root"] {
        let names = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.file_name());
        let left: Vec<_> = names.filter(|name| name.to_string_lossy().contains(&session.0)).collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

/// A client behind other words, such as those that confine it: it has asked, been served, and stays until its input ends.
struct Guest {
    process: Child,
    served_by: i32,
    /// What else it says is not read, but it has to be able to say it.
    _output: BufReader<ChildStdout>,
}

impl Guest {
    fn new(session: &Session, words: &[&str]) -> Guest {
        let this = env::current_exe().expect("we run from a file");
        let mut process = Command::new(words[0])
            .args(&words[1..])
            .arg(this)
            .args(["--exact", "manners::helper_that_is_a_client", "--nocapture"])
            .env(CLIENT, &session.0)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the words are of a program");
        process.stdin.as_mut().expect("piped").write_all(b"go\n").expect("it listens");
        let mut output = BufReader::new(process.stdout.take().expect("piped"));
        let mut lines = output.by_ref().lines().map_while(Result::ok);
        let pid = lines.find_map(|line| line.split_once("served by ")?.1.parse().ok());
        let served_by = pid.unwrap_or_else(|| panic!("{words:?} was not served"));
        Guest { process, served_by, _output: output }
    }

    fn leave(mut self) {
        drop(self.process.stdin.take());
        self.process.wait().expect("ours");
    }
}

#[test]
#[allow(clippy::print_stdout, reason = "a test that can't run here says so")]
fn whoever_sees_other_files_has_another_server() {
    if !getuid().is_root() {
        println!("skipped: only root makes namespaces, and can become another user");
        return;
    }
    let root = tempfile::tempdir().expect("there is room");
    let chroot = format!("mount --rbind / {0} && exec chroot {0} \"$@\"", root.path().display());
    let private_tmp = "mount -t tmpfs none /var/tmp && exec \"$@\"";
    // Process 1 is the parent of every orphan, and the client is to have no child.
    let first = "\"$@\"; true";
    let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    let confined: [(&[&str], &[&str]); 6] = [
        (&["env"], &["unshare", "-m", "sh", "-c", private_tmp, "sh"]),
        (&["env"], &["unshare", "-m", "sh", "-c", &chroot, "sh"]),
        (&["env"], &["unshare", "-m", "-p", "-f", "--mount-proc", "sh", "-c", first, "sh"]),
        (&nobody, &["unshare", "-m"]),
        (&nobody, &["unshare", "-m", "-p", "-f", "--mount-proc", "sh", "-c", first, "sh"]),
        (&nobody, &["unshare", "-m", "-U", "--map-current-user"]),
    ];
    for (user, confinement) in confined {
        let session = Session::new();
        // A user namespace is made by the user, the others by root.
        let words = match confinement.contains(&"-U") {
            true => [user, confinement].concat(),
            false => [confinement, user].concat(),
        };
        let first = Guest::new(&session, user);
        let inside = Guest::new(&session, &words);
        let second = Guest::new(&session, user);
        session.await_servers(|servers| servers.len() == 2);
        assert_eq!(first.served_by, second.served_by, "{words:?}");
        assert_ne!(first.served_by, inside.served_by, "{words:?}");
        [first, inside, second].into_iter().for_each(Guest::leave);

        // And who is confined first does not serve the others.
        let session = Session::new();
        let inside = Guest::new(&session, &words);
        let outside = Guest::new(&session, user);
        session.await_servers(|servers| servers.len() == 2);
        [inside, outside].into_iter().for_each(Guest::leave);
    }
}

#[test]
#[allow(clippy::print_stdout, reason = "a test that can't run here says so")]
fn who_is_in_another_pid_namespace_but_sees_the_same_files_has_the_same_server() {
    if !getuid().is_root() {
        println!("skipped: only root makes namespaces");
        return;
    }
    let session = Session::new();
    let connection = session.options().open().expect("a server");
    // The procfs stays that of the outer namespace, and does not show who is in the inner one.
    let helper = ["--exact", "manners::helper_that_is_hidden", "--nocapture"];
    let output = Command::new("unshare")
        .args(["-p", "-f"])
        .arg(env::current_exe().expect("we run from a file"))
        .args(helper)
        .env(HIDDEN, &session.0)
        .output()
        .expect("there is unshare");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("served by None, Some(Same)"), "{output:?}");
    connection.barrier(HANG).expect("nobody was signalled");
    assert_eq!(session.servers(), [server_pid(&connection)]);
}

/// Names the session of [`helper_that_is_hidden`].
const HIDDEN: &str = "GAMIN_TEST_HIDDEN";

/// Not a test of its own: a client that can't see who serves it.
#[test]
#[allow(clippy::print_stdout, reason = "it is heard by the test that started it")]
fn helper_that_is_hidden() {
    let Ok(id) = env::var(HIDDEN) else { return };
    let connection = options(&id, &[]).open().expect("a server");
    connection.barrier(HANG).expect("a server that serves");
    println!("served by {:?}, {:?}", connection.server_pid(), connection.server_sight());
}
