//! What the server makes of bytes: whole, torn, broken, too many, and from the wrong people.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::support::{Client, GAM_SERVER, Server, cancel, connect_to, is_closed, monitor, wait};
use gamin_protocol::{CREDENTIAL, PATH_MAX, address};
use nix::unistd::getuid;
use tempfile::TempDir;

fn directory(entries: usize) -> TempDir {
    let directory = TempDir::new().expect("because there is room for temporary files");
    for entry in 0..entries {
        File::create(directory.path().join(entry.to_string())).expect("because the directory is ours");
    }
    directory
}

fn check_is_served(client: &mut Client, directory: &Path) {
    client.send(&monitor(77, directory));
    let (exists, end) =
        (format!("77 Exists {}", directory.display()), format!("77 EndExist {}", directory.display()));
    assert_eq!(client.events_until(&end)[0], exists);
    client.send(&cancel(77));
    client.events_until(&format!("77 Acknowledge {}", directory.display()));
}

#[test]
fn packets_may_come_byte_by_byte() {
    let server = Server::start();
    let directory = directory(2);
    let mut client = server.client();
    for byte in monitor(5, directory.path()) {
        client.send(&[byte]);
    }
    let path = directory.path().display();
    let mut told = client.events_until(&format!("5 EndExist {path}"));
    told[1..3].sort();
    assert_eq!(
        told,
        [format!("5 Exists {path}"), "5 Exists 0".into(), "5 Exists 1".into(), format!("5 EndExist {path}")]
    );
}

#[test]
fn requests_may_come_with_the_credential() {
    let server = Server::start();
    let directory = directory(0);
    let mut stream = server.connect();
    stream
        .write_all(&[vec![CREDENTIAL], monitor(1, directory.path())].concat())
        .expect("because the server reads");
    let mut answer = [1; 11];
    stream.read_exact(&mut answer).expect("because the server answers in time");
    assert_eq!(answer[0], CREDENTIAL);
}

/// A packet of the five words of its header, and as much path as fits the length it claims.
fn packet(header: [u16; 5], path: &[u8]) -> Vec<u8> {
    header.iter().flat_map(|word| word.to_ne_bytes()).chain(path.iter().copied()).collect()
}

/// The rules of docs/protocol.md, which are the original's (original.md 2.4).
#[test]
fn a_packet_against_the_rules_ends_its_session_and_no_other() {
    let server = Server::start();
    let directory = directory(1);
    let mut witness = server.client();
    let long = [b'/'; PATH_MAX];
    let table = [
        ("longer than a packet", packet([4107, 1, 1, 1, 4097], b"")),
        ("another version", packet([12, 2, 1, 1, 2], b"/x")),
        ("no path", packet([10, 1, 1, 1, 0], b"")),
        ("a path longer than a path", packet([4106, 1, 1, 1, 4097], b"")),
        ("a cancel with an option and no path", packet([10, 1, 1, 0x13, 0], b"")),
        ("lengths that disagree", packet([12, 1, 1, 1, 3], b"/x")),
        ("a length below the header's", packet([0, 1, 1, 3, 0], b"")),
        ("a path of the greatest length", packet([4106, 1, 1, 1, 4096], &long)),
        ("type 0", packet([12, 1, 1, 0x10, 2], b"/x")),
        ("type 5", packet([12, 1, 1, 5, 2], b"/x")),
        ("type 15", packet([12, 1, 1, 0xffff, 2], b"/x")),
    ];
    for (name, bytes) in table {
        let mut client = server.client();
        client.send(&bytes);
        assert!(is_closed(&client.stream), "{name}");
        check_is_served(&mut witness, directory.path());
    }
}

#[test]
fn the_longest_path_is_answered() {
    let server = Server::start();
    let mut client = server.client();
    let path = format!("/{}", "x/".repeat(PATH_MAX))[..PATH_MAX - 1].to_owned();
    client.send(&monitor(1, Path::new(&path)));
    assert_eq!(client.sync(), [format!("1 Deleted {path}"), format!("1 EndExist {path}")]);
}

#[test]
fn odd_packets_within_the_rules_are_served() {
    let server = Server::start();
    let directory = directory(1);
    let table = [
        ("cancel of an unknown number", packet([10, 1, 8, 3, 0], b"")),
        ("cancel with a path", packet([12, 1, 8, 3, 2], b"/x")),
        ("cancel with an option and a path", packet([12, 1, 8, 0x13, 2], b"/x")),
        ("an unknown question", packet([12, 1, 8, 4, 2], b"/x")),
    ];
    for (name, bytes) in table {
        let mut client = server.client();
        client.send(&bytes);
        assert_eq!(client.sync(), [""; 0], "{name}");
        check_is_served(&mut client, directory.path());
    }
}

#[test]
fn half_a_packet_and_then_nobody_harms_nobody() {
    let server = Server::start();
    let directory = directory(1);
    for cut in [1, 9, 10, 15] {
        server.client().send(&monitor(1, directory.path())[..cut]);
    }
    check_is_served(&mut server.client(), directory.path());
}

#[test]
fn a_wrong_credential_is_answered_by_silence_and_the_end() {
    let server = Server::start();
    let mut stream = server.connect();
    stream.write_all(&[1]).expect("because the server has not closed yet");
    assert!(is_closed(&stream));
}

/// Says who the server is to be, to the helper that becomes somebody else.
const FOREIGN_ADDRESS: &str = "SERVER_TEST_FOREIGN_ADDRESS";

/// Not a test of its own: the other process of `another_user_is_not_served`.
#[test]
fn helper_that_connects_as_another_user() {
    let Ok(id) = std::env::var(FOREIGN_ADDRESS) else { return };
    let mut stream =
        connect_to(&address(b"root", id.as_bytes())).expect("because abstract names are open to all");
    // The server may have closed already.
    let _ = stream.write_all(&[CREDENTIAL]);
    assert!(is_closed(&stream));
}

#[test]
#[allow(clippy::print_stdout, reason = "a test that can't run here says so")]
fn another_user_is_not_served() {
    if !getuid().is_root() {
        println!("skipped: only root can become another user");
        return;
    }
    let server = Server::start();
    let helper = Command::new(std::env::current_exe().expect("because we run from a file"))
        .args(["--exact", "wire::helper_that_connects_as_another_user"])
        .env(FOREIGN_ADDRESS, &server.id)
        .current_dir("/")
        .uid(65534)
        .gid(65534)
        .spawn()
        .expect("because root can become nobody, who can run this test");
    assert!(wait(helper).success());
    check_is_served(&mut server.client(), directory(1).path());
}

#[test]
fn a_client_that_never_reads_delays_nobody() {
    let server = Server::start();
    let (large, small) = (directory(20_000), directory(1));
    let mut sleeper = server.client();
    sleeper.send(&monitor(1, large.path()));
    check_is_served(&mut server.client(), small.path());
    let told = sleeper.events_until(&format!("1 EndExist {}", large.path().display()));
    assert_eq!(told.len(), 20_002);
}

/// D27: the original and such a client wait for each other for ever.
#[test]
fn a_client_may_ask_much_before_it_reads() {
    let server = Server::start();
    let directory = directory(500);
    let mut client = server.client();
    for seq in 1..=600 {
        client.send(&monitor(seq, directory.path()));
    }
    let path = directory.path().display();
    for seq in 1..=600 {
        let told = client.events_until(&format!("{seq} EndExist {path}"));
        assert_eq!(told.len(), 502);
    }
}

#[test]
fn monitor_and_cancel_in_one_piece_end_with_one_acknowledge() {
    let server = Server::start();
    let directory = directory(3);
    let mut client = server.client();
    let path = directory.path().display();
    let acknowledge = format!("1 Acknowledge {path}");
    client.send(&[monitor(1, directory.path()), cancel(1)].concat());
    let told = client.events_until(&acknowledge);
    assert!(told.len() == 1 || told[told.len() - 2] == format!("1 EndExist {path}"), "{told:?}");
    assert_eq!(client.sync(), [""; 0]);
}

#[test]
fn what_happened_before_a_barrier_is_told_before_its_answer() {
    for arguments in [&[][..], &["--pollonly"]] {
        let mut command = Command::new(GAM_SERVER);
        command.args(arguments);
        let server = Server::start_as(command);
        let directory = directory(0);
        let mut client = server.client();
        client.send(&monitor(1, directory.path()));
        let path = directory.path().display();
        assert_eq!(client.sync(), [format!("1 Exists {path}"), format!("1 EndExist {path}")]);
        for _ in 0..20 {
            fs::create_dir(directory.path().join("new")).expect("because the directory is ours");
            assert_eq!(client.sync(), ["1 Created new"], "{arguments:?}");
            fs::remove_dir(directory.path().join("new")).expect("because it was made just now");
            assert_eq!(client.sync(), ["1 Deleted new"], "{arguments:?}");
        }
    }
}
