//! How the server begins and ends, and what it lives through.

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::support::{GAM_SERVER, PATIENCE, Server, connect_to, is_closed, monitor, try_connect, unique_id};
use gamin_protocol::{CREDENTIAL, FULL, address};
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::getsockopt;
use nix::sys::socket::sockopt::PeerCredentials;
use nix::unistd::Pid;
use tempfile::TempDir;

fn output(args: &[&str]) -> Output {
    Command::new(GAM_SERVER)
        .args(args)
        .env_remove("GAM_DEBUG")
        .output()
        .expect("because the server has been built")
}

#[test]
fn signals_end_the_server_in_good_order() {
    for signal in [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM] {
        let server = Server::start();
        let client = server.client();
        kill(server.pid(), signal).expect("because the server is ours");
        let id = server.id.clone();
        assert_eq!(server.wait().code(), Some(0), "{signal}");
        assert!(is_closed(&client.stream) && try_connect(&id).is_err());
    }
}

#[test]
#[allow(clippy::print_stdout, reason = "a test that can't run here says so")]
fn as_process_1_it_ends_when_it_is_asked_to() {
    if !nix::unistd::getuid().is_root() {
        println!("skipped: only root makes namespaces");
        return;
    }
    let id = unique_id();
    let mut unshare = Command::new("unshare");
    unshare.args(["-p", "-f", GAM_SERVER, &id]).env_remove("GAM_DEBUG");
    let mut unshare = unshare.spawn().expect("because there is unshare");
    let start = std::time::Instant::now();
    let connection = loop {
        match try_connect(&id) {
            Ok(connection) => break connection,
            Err(error) => assert!(start.elapsed() < PATIENCE, "{error}"),
        }
        std::thread::yield_now();
    };
    let peer = getsockopt(&connection, PeerCredentials).expect("because it is connected");
    kill(Pid::from_raw(peer.pid()), Signal::SIGTERM).expect("because the server is ours");
    assert_eq!(unshare.wait().expect("because the child is ours").code(), Some(0));
}

#[test]
#[allow(clippy::print_stdout, reason = "a test that can't run here says so")]
fn where_there_is_no_procfs_it_leaves_its_starter_all_the_same() {
    if !nix::unistd::getuid().is_root() {
        println!("skipped: only root makes namespaces and changes roots");
        return;
    }
    let folder = TempDir::new().expect("because there is room for temporary files");
    let (room, held) = (folder.path().join("room"), folder.path().join("held"));
    fs::create_dir(&room).and_then(|()| fs::write(&held, "")).expect("because the directory is ours");
    let script = format!(
        "mount --rbind / {0} && mount -t tmpfs none {0}/proc && exec 5<{1} && exec chroot {0} \"$@\"",
        room.display(),
        held.display()
    );
    let id = unique_id();
    let mut starter = Command::new("unshare");
    starter.args(["-m", "sh", "-c", &script, "sh", GAM_SERVER, "--detach", &id]).env_remove("GAM_DEBUG");
    assert!(starter.status().expect("because there is unshare").success());
    let connection = try_connect(&id).expect("because it listens by now");
    let pid = getsockopt(&connection, PeerCredentials).expect("because it is connected").pid();
    let open: Vec<_> = fs::read_dir(format!("/proc/{pid}/fd"))
        .expect("because it runs")
        .filter_map(|descriptor| fs::read_link(descriptor.ok()?.path()).ok())
        .collect();
    kill(Pid::from_raw(pid), Signal::SIGTERM).expect("because the server is ours");
    assert!(is_closed(&connection));
    assert!(!open.is_empty() && !open.iter().any(|open| open.ends_with("held")), "{open:?}");
}

#[test]
fn a_broken_pipe_does_not_end_the_server() {
    let server = Server::start();
    kill(server.pid(), Signal::SIGPIPE).expect("because the server is ours");
    server.client();
}

#[test]
fn a_second_server_of_the_same_name_says_so_and_fails() {
    let server = Server::start();
    let second = output(&[&server.id]);
    assert_eq!(second.status.code(), Some(1));
    let said = String::from_utf8(second.stderr).expect("because the server logs text");
    assert!(said.lines().count() == 1 && said.contains("ERROR") && said.contains(&server.id), "{said}");
    server.client();
}

#[test]
fn the_last_of_several_ids_counts() {
    let id = unique_id();
    let mut command = Command::new(GAM_SERVER);
    command.args(["--notimeout", "--pollonly", "another", &id]);
    let mut child = command.spawn().expect("because the server has been built");
    let start = std::time::Instant::now();
    while let Err(error) = try_connect(&id) {
        assert!(start.elapsed() < PATIENCE, "{error}");
        std::thread::yield_now();
    }
    child.kill().and_then(|()| child.wait()).expect("because the child is ours");
}

#[test]
fn help_and_version_are_given() {
    for (option, text) in [("--help", "--pollonly"), ("--version", "gam_server ")] {
        let given = output(&[option]);
        assert!(given.status.success() && String::from_utf8_lossy(&given.stdout).contains(text), "{given:?}");
    }
}

#[test]
fn an_unknown_option_is_refused() {
    let refused = output(&["--frobnicate"]);
    assert!(!refused.status.success() && refused.stdout.is_empty());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--frobnicate"));
}

#[test]
fn nothing_is_said_without_need() {
    let mut command = Command::new(GAM_SERVER);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let id = unique_id();
    let mut child =
        command.arg(&id).env_remove("GAM_DEBUG").spawn().expect("because the server has been built");
    let start = std::time::Instant::now();
    while let Err(error) = try_connect(&id) {
        assert!(start.elapsed() < PATIENCE, "{error}");
        std::thread::yield_now();
    }
    child.kill().expect("because the child is ours");
    let said = child.wait_with_output().expect("because the child is ours");
    assert_eq!((said.stdout, said.stderr), (Vec::new(), Vec::new()));
}

#[test]
fn a_connection_without_credentials_is_closed() {
    let server = Server::start();
    let silent = server.connect();
    let start = std::time::Instant::now();
    assert!(is_closed(&silent));
    assert!(start.elapsed().as_secs() >= 4);
}

#[test]
fn running_out_of_descriptors_ends_neither_the_listening_nor_the_sessions() {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -n 20; exec {GAM_SERVER}")]).stderr(Stdio::null());
    let server = Server::start_as(command);
    let mut first = server.client();
    let greeting = |stream: &mut UnixStream| {
        // A refused connection may be closed already.
        let _ = std::io::Write::write(stream, &[CREDENTIAL]);
        let mut byte = [0xff];
        stream.read(&mut byte).ok().filter(|count| *count == 1).map(|_| byte[0])
    };
    let (mut served, mut told) = (Vec::new(), 0);
    for _ in 0..40 {
        let mut stream = server.connect();
        match greeting(&mut stream) {
            Some(CREDENTIAL) => served.push(stream),
            Some(FULL) => told += 1,
            other => assert_eq!(other, None),
        }
    }
    assert!(!served.is_empty() && told > 0 && served.len() < 20, "{} served, {told} told", served.len());
    let directory = TempDir::new().expect("because there is room for temporary files");
    first.send(&monitor(1, directory.path()));
    first.events_until(&format!("1 EndExist {}", directory.path().display()));
    drop(served);
    // That the others have gone is seen before the next one is taken in, or right after.
    let start = std::time::Instant::now();
    loop {
        let mut stream = server.connect();
        if greeting(&mut stream) == Some(CREDENTIAL) {
            break;
        }
        assert!(start.elapsed() < PATIENCE, "nobody is taken in any more");
    }
}

#[test]
#[allow(clippy::print_stdout, reason = "a test that can't run here says so")]
fn the_rights_of_another_user_are_given_up() {
    if !nix::unistd::getuid().is_root() {
        println!("skipped: only root can lend its rights");
        return;
    }
    // Like this, everybody who may run it has root's rights.
    let lent = Path::new(env!("CARGO_TARGET_TMPDIR")).join(unique_id());
    fs::copy(GAM_SERVER, &lent).expect("because the server has been built");
    fs::set_permissions(&lent, fs::Permissions::from_mode(0o4755)).expect("because the copy is ours");
    let id = unique_id();
    let mut command = Command::new(&lent);
    command.arg(&id).env_remove("GAM_DEBUG").uid(65534).gid(65534);
    let mut child = command.spawn().expect("because nobody can run it");
    let user = nix::unistd::User::from_uid(65534.into()).expect("because the passwd can be read");
    let user = user.map_or("65534".into(), |user| user.name);
    let start = std::time::Instant::now();
    while let Err(error) = connect_to(&address(user.as_bytes(), id.as_bytes())) {
        assert!(start.elapsed() < PATIENCE, "{error}");
        std::thread::yield_now();
    }
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).expect("because it runs");
    child.kill().and_then(|()| child.wait()).expect("because the child is ours");
    fs::remove_file(&lent).expect("because the copy is ours");
    for ids in ["Uid:\t65534\t65534\t65534\t65534", "Gid:\t65534\t65534\t65534\t65534"] {
        assert!(status.contains(ids), "{status}");
    }
}
