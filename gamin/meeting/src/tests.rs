//! Meetings with strangers: other users who were there first. Where root, for only root can be two users.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use nix::sys::socket::SockaddrLike;
use tempfile::TempDir;

use super::*;

/// The uid of a stranger.
const STRANGER: u32 = 65534;

/// The places of a session of its own, with directories that nobody else uses.
fn meeting() -> (TempDir, Meeting) {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let id = format!("meeting-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let folder = TempDir::new().expect("there is room for temporary files");
    let mut meeting = Meeting::new(OsStr::new(&id));
    meeting.directories = ["missing/fam", "fam"].map(|name| folder.path().join(name)).to_vec();
    (folder, meeting)
}

/// The number of this process, as a connection has it.
fn own_pid() -> Option<i32> {
    Some(nix::unistd::getpid().as_raw())
}

#[test]
fn the_address_has_the_length_that_the_original_binds() {
    let meeting = Meeting::new(OsStr::new("id"));
    for name in [meeting.plain_name(), meeting.name_of(View::own().expect("procfs"))] {
        let address = UnixAddr::new_abstract(&name).expect("it fits");
        assert_eq!((address.len(), address.as_abstract().map(<[u8]>::len)), (110, Some(107)));
    }
}

#[test]
fn no_id_leads_out_of_the_directory_or_to_the_socket_of_another() {
    let ids: [&[u8]; 7] = [b"", b".", b"../x", b"..%2fx", b"/tmp/x", b"\xff\n", b"%ff%0a"];
    let names: std::collections::BTreeSet<_> =
        ids.iter().map(|id| Meeting::new(&OsString::from_vec(id.to_vec())).file_id).collect();
    assert_eq!(names.len(), ids.len());
    assert!(names.iter().all(|name| !name.contains('/')), "{names:?}");
    let long = OsString::from_vec(vec![b'/'; 4096]);
    assert_eq!(Meeting::new(&long).file_id.len(), FILE_ID_MAX);
}

#[test]
fn the_abstract_name_comes_first_and_leaves_no_file() {
    let (folder, meeting) = meeting();
    assert_eq!(meeting.connect().err(), Some(MeetingError::Nobody(Errno::ECONNREFUSED)));
    let listening = meeting.listen().expect("nobody else knows the name");
    assert_eq!(listening.place, meeting.name());
    assert_eq!(listening.sockets.len(), 2);
    for socket in &listening.sockets {
        let nobody = socket.accept().expect_err("nobody has come");
        assert_eq!(nobody.kind(), io::ErrorKind::WouldBlock);
    }
    let connection = meeting.connect().expect("it listens");
    assert_eq!((connection.pid, connection.sight), (own_pid(), Sight::Same));
    assert_eq!(meeting.listen().err(), Some(ListenError::Served(meeting.name())));
    assert_eq!(std::fs::read_dir(folder.path()).expect("ours").count(), 0);
}

/// Names the session whose abstract names [`helper_that_is_a_stranger`] takes.
const SESSION: &str = "MEETING_TEST_SESSION";
/// Whether it listens there.
const LISTENS: &str = "MEETING_TEST_LISTENS";

/// Not a test of its own: another user, who has taken the names, and tells what was sent to it.
#[test]
#[allow(clippy::print_stdout, reason = "it is heard by the test that started it")]
fn helper_that_is_a_stranger() {
    let Some(id) = std::env::var_os(SESSION) else { return };
    let meeting = Meeting { user: "root".to_owned(), ..Meeting::new(&id) };
    let names = [meeting.plain_name(), meeting.name_of(View::own().expect("procfs"))];
    let taken = names.map(|name| {
        if std::env::var_os(LISTENS).is_some() {
            let address = SocketAddr::from_abstract_name(name).expect("it fits");
            return OwnedFd::from(UnixListener::bind_addr(&address).expect("it is free"));
        }
        let taken = socket(AddressFamily::Unix, SockType::Stream, SockFlag::empty(), None).expect("a socket");
        let address = UnixAddr::new_abstract(&name).expect("it fits");
        nix::sys::socket::bind(taken.as_raw_fd(), &address).expect("it is free");
        taken
    });
    println!("taken");
    io::stdin().read_to_end(&mut Vec::new()).expect("the test ends it");
    let mut heard = Vec::new();
    let mut guests = 0;
    for listener in taken.map(UnixListener::from) {
        listener.set_nonblocking(true).expect("it is a socket");
        while let Ok((mut guest, _)) = listener.accept() {
            guests += 1;
            guest.set_nonblocking(false).expect("it is a socket");
            // All have hung up by now.
            let _ = guest.read_to_end(&mut heard);
        }
    }
    println!("heard {} bytes of {guests} guests", heard.len());
}

/// A stranger who has taken the abstract names.
struct Stranger {
    process: Child,
    said: Box<dyn Iterator<Item = String>>,
}

impl Stranger {
    fn new(meeting: &Meeting, listens: bool) -> Option<Stranger> {
        if !getuid().is_root() {
            return None;
        }
        let mut command = Command::new(std::env::current_exe().expect("we run from a file"));
        command.args(["--exact", "tests::helper_that_is_a_stranger", "--nocapture"]);
        command.env(SESSION, OsStr::from_bytes(&meeting.id)).current_dir("/").uid(STRANGER).gid(STRANGER);
        if listens {
            command.env(LISTENS, "1");
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process =
            forks::spawn(&mut command).expect("root can become a stranger, who can run this program");
        let output = BufReader::new(process.stdout.take().expect("piped"));
        let mut said = Box::new(output.lines().map_while(Result::ok));
        said.find(|line| line.ends_with("taken")).expect("the name is taken");
        Some(Stranger { process, said })
    }

    /// How many bytes it was sent, and by how many.
    fn heard(mut self) -> String {
        drop(self.process.stdin.take());
        let heard = self.said.find(|line| line.contains("heard ")).expect("its last words");
        assert!(self.process.wait().expect("ours").success());
        heard
    }
}

#[allow(clippy::print_stdout, reason = "a test that can't run here says so")]
fn skip() {
    println!("skipped: only root can become another user");
}

#[test]
fn a_stranger_at_the_abstract_name_keeps_nobody_from_meeting_and_hears_nothing() {
    let (folder, meeting) = meeting();
    let Some(stranger) = Stranger::new(&meeting, true) else { return skip() };
    assert_eq!(meeting.connect().err(), Some(MeetingError::Foreign(STRANGER)));
    let listening = meeting.listen().expect("there is a directory");
    assert_eq!(listening.place, folder.path().join("fam").display().to_string());
    let [socket] = &listening.sockets[..] else { panic!("{listening:?}") };
    let nobody = socket.accept().expect_err("nobody has come");
    assert_eq!(nobody.kind(), io::ErrorKind::WouldBlock);
    let connection = meeting.connect().expect("it listens in the directory");
    assert_eq!((connection.pid, connection.sight), (own_pid(), Sight::Same));
    assert!(matches!(meeting.listen(), Err(ListenError::Served(place)) if place == listening.place));
    // Both sides find the other.
    let (mut guest, _) = socket.accept().expect("a guest");
    std::os::unix::net::UnixStream::from(connection.socket).write_all(b"x").expect("it is connected");
    guest.set_nonblocking(false).expect("a socket");
    assert_eq!(guest.read(&mut [0; 2]).expect("it was sent"), 1);
    drop(listening);
    assert_eq!(meeting.connect().err(), Some(MeetingError::Foreign(STRANGER)));
    assert!(!folder.path().join("fam").exists());
    let heard = stranger.heard();
    assert!(heard.contains("heard 0 bytes of ") && !heard.contains(" 0 guests"), "{heard}");
}

#[test]
fn a_stranger_who_does_not_listen_keeps_nobody_from_meeting() {
    let (folder, meeting) = meeting();
    let Some(stranger) = Stranger::new(&meeting, false) else { return skip() };
    let listening = meeting.listen().expect("there is a directory");
    assert_eq!(listening.place, folder.path().join("fam").display().to_string());
    meeting.connect().expect("it listens in the directory");
    stranger.heard();
}

#[test]
fn a_stranger_everywhere_is_named_with_every_place() {
    let (folder, meeting) = meeting();
    let Some(stranger) = Stranger::new(&meeting, true) else { return skip() };
    let directory = folder.path().join("fam");
    std::fs::create_dir(&directory).expect("ours");
    std::fs::write(directory.join("theirs"), "").expect("ours");
    nix::unistd::chown(&directory, Some(STRANGER.into()), None).expect("root gives it away");
    let Err(ListenError::Nowhere(reasons)) = meeting.listen() else { panic!("there is no place") };
    for expected in ["taken by uid 65534", "No such file", "owned by uid 65534"] {
        assert!(reasons.contains(expected), "{reasons}");
    }
    assert_eq!(meeting.connect().err(), Some(MeetingError::Foreign(STRANGER)));
    stranger.heard();
}

#[test]
fn of_many_who_are_kept_from_the_abstract_name_one_listens() {
    let (_folder, meeting) = meeting();
    let Some(stranger) = Stranger::new(&meeting, true) else { return skip() };
    let _forks = forks::none();
    for _ in 0..10 {
        let results: Vec<_> = std::thread::scope(|scope| {
            let racing: Vec<_> = (0..8).map(|_| scope.spawn(|| meeting.listen())).collect();
            racing.into_iter().map(|racer| racer.join().expect("no panic")).collect()
        });
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
        assert!(
            results.iter().all(|result| matches!(result, Ok(_) | Err(ListenError::Served(_)))),
            "{results:?}"
        );
    }
    stranger.heard();
}

#[test]
fn of_many_who_try_one_listens() {
    let _forks = forks::none();
    let (_folder, meeting) = meeting();
    for _ in 0..10 {
        let results: Vec<_> = std::thread::scope(|scope| {
            let racing: Vec<_> = (0..8).map(|_| scope.spawn(|| meeting.listen())).collect();
            racing.into_iter().map(|racer| racer.join().expect("no panic")).collect()
        });
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    }
}

#[test]
fn who_sees_nobody_s_files_listens_beside_the_one_at_the_plain_place() {
    let (_folder, meeting) = meeting();
    let listening = meeting.listen().expect("nobody else knows the name");
    let other = View::fake();
    assert_eq!(meeting.find(Some(other), true).err(), Some(MeetingError::OtherFiles));
    let beside = meeting.listen_as(Some(other)).expect("there is a place of its own");
    assert_eq!(beside.place, format!("{} {other}", meeting.name()));
    let served = meeting.listen_as(Some(other)).err();
    assert_eq!(served, Some(ListenError::Served(beside.place.clone())));
    meeting.find(Some(other), false).expect("it is found");
    assert_eq!(beside.sockets[0].accept().map(drop).ok(), Some(()));
    // When the other has gone, somebody has to serve those who know only the plain place.
    let _forks = forks::none();
    drop(listening);
    assert!(meeting.find(Some(other), false).is_ok());
    let second = meeting.listen_as(Some(other)).expect("the plain place is free");
    assert_eq!((second.place, second.sockets.len()), (meeting.name(), 1));
}

#[test]
fn who_does_not_know_what_it_sees_itself_has_the_plain_place_alone() {
    let (_folder, meeting) = meeting();
    let listening = meeting.listen_as(None).expect("nobody else knows the name");
    assert_eq!((&listening.place, listening.sockets.len()), (&meeting.name(), 1));
    let connection = meeting.find(None, false).expect("it listens");
    assert_eq!((connection.pid, connection.sight), (own_pid(), Sight::Unknown));
    assert!(matches!(meeting.listen_as(None), Err(ListenError::Served(_))));
}
