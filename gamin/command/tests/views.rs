//! Programs that see other files than the server, or can't see what it sees: they are served, and `gamin doctor` says how it is.
//!
//! Each scene is played by root, if that runs the tests, and by a user, who makes namespaces in a user namespace.

mod support;

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Output};
use std::time::Instant;

use gamin_protocol::{CREDENTIAL, Decoder, EventPacket, Kind, MonitorOptions, Request, address};
use nix::unistd::{User, chown, getuid};

use support::{BE_SERVER, PATIENCE, Place, Running, behind, text, write};

/// Set for a client as the original's, which this executable is then, and names the directory that it asks for.
const BE_ORIGINAL: &str = "GAMIN_TEST_BE_ORIGINAL";
/// A user who is not root.
const NOBODY: u32 = 65534;
/// What the doctor says where all is well ...
const SAME: &str = "ok  files: the server sees the same as this program\n";
/// ... and where that can't be seen.
const UNKNOWN: &str = "!!  files: unknown whether the server sees the same as this program";
const WORKS: &str = "ok  self-test: a new file in ";

fn main() -> ExitCode {
    if let Some(directory) = env::var_os(BE_ORIGINAL) {
        return match be_original(&directory) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        };
    }
    support::run(&[
        ("an_original_client_that_sees_other_files_is_served_and_named", |place| {
            play(place, an_original_client_that_sees_other_files_is_served_and_named);
        }),
        ("who_sees_other_files_and_has_no_server_of_its_own_is_told_so", |place| {
            play(place, who_sees_other_files_and_has_no_server_of_its_own_is_told_so);
        }),
        ("where_the_server_is_hidden_the_client_goes_on_and_the_doctor_says_unknown", |place| {
            play(place, where_the_server_is_hidden_the_client_goes_on_and_the_doctor_says_unknown);
        }),
        ("in_a_chroot_without_proc_the_client_works_and_the_doctor_says_unknown", |place| {
            play(place, in_a_chroot_without_proc_the_client_works_and_the_doctor_says_unknown);
        }),
        ("a_client_whose_pid_the_server_does_not_see_is_unknown_and_never_signalled", |place| {
            play(place, a_client_whose_pid_the_server_does_not_see_is_unknown_and_never_signalled);
        }),
    ])
}

/// Asks for a directory as the original's client does, at the plain place whoever is there, and prints what it is told.
fn be_original(directory: &OsStr) -> io::Result<()> {
    let user = User::from_uid(getuid())?.map_or_else(|| getuid().to_string(), |user| user.name);
    let id = env::var_os("GAM_CLIENT_ID").unwrap_or_default();
    let name = address(user.as_bytes(), id.as_bytes());
    let mut stream = UnixStream::connect_addr(&SocketAddr::from_abstract_name(name)?)?;
    let path = directory.as_bytes().to_owned();
    let mut request = vec![CREDENTIAL];
    Request::Monitor { seq: 1, kind: Kind::Directory, options: MonitorOptions::NONE, path }
        .encode(&mut request)
        .map_err(io::Error::other)?;
    stream.write_all(&request)?;
    stream.read_exact(&mut [0])?;
    let mut decoder = Decoder::<EventPacket>::new();
    let mut buffer = [0; 4096];
    loop {
        while let Some(event) = decoder.next_message().map_err(io::Error::other)? {
            writeln!(io::stdout(), "{:?} {}", event.code, event.path.escape_ascii())?;
        }
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            count => decoder.push(&buffer[..count]),
        }
    }
}

/// Who plays a scene.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Player {
    Root,
    User,
}

/// A scene, with a place of its own.
struct Scene {
    place: Place,
    player: Player,
}

/// Plays a scene with everybody who can.
fn play(_: &Place, scene: fn(&Scene)) {
    let players: &[Player] = if getuid().is_root() { &[Player::Root, Player::User] } else { &[Player::User] };
    for player in players {
        let place = Place::new();
        if getuid().is_root() && *player == Player::User {
            chown(place.directory.path(), Some(NOBODY.into()), Some(NOBODY.into()))
                .expect("root gives it away");
        }
        let played = Scene { place, player: *player };
        let try_out =
            played.confined(&["--mount", "--pid", "--fork"], "exec \"$@\"", &["--version"]).output();
        if try_out.is_ok_and(|output| output.status.success()) {
            scene(&played);
        } else {
            let _ = writeln!(io::stderr(), "skipped as {player:?}: no namespaces can be had");
        }
    }
}

impl Scene {
    /// A command of the player's.
    fn by_player(&self, mut command: Command) -> Command {
        if getuid().is_root() && self.player == Player::User {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }

    /// `gamin` outside.
    fn gamin(&self, arguments: &[&str]) -> Command {
        self.by_player(self.place.command(arguments))
    }

    /// A command in namespaces of its own, which a script of the shell arranges before it executes `"$@"`.
    fn in_namespaces(&self, namespaces: &[&str], script: &str, command: &Command) -> Command {
        let user: &[&str] = match self.player {
            Player::Root => &[],
            Player::User => &["--user", "--map-current-user", "--keep-caps"],
        };
        let words = [&["unshare"], user, namespaces, &["sh", "-c", script, "sh"]].concat();
        self.by_player(behind(&words, command))
    }

    /// `gamin` in namespaces of its own.
    fn confined(&self, namespaces: &[&str], script: &str, arguments: &[&str]) -> Command {
        self.in_namespaces(namespaces, script, &self.place.command(arguments))
    }

    /// Begins `gamin watch` outside, which starts a server unless there is one.
    fn watch(&self) -> Running {
        let watch = Running::start(self.gamin(&["watch", "."]));
        watch.wait_until_watching();
        watch
    }

    /// The place, by a path that leads there from any directory.
    fn folder(&self) -> String {
        self.place.directory.path().display().to_string()
    }
}

/// Has `command` go on without a server of its own.
fn without_server(mut command: Command) -> Command {
    command.env("GAMIN_DEBUG_SERVER", "/nonexistent/gam_server");
    command
}

/// What a doctor says that must end with this status.
fn said(mut command: Command, status: i32) -> String {
    let output: Output = command.output().expect("the command has been built");
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(status), "{output:?}\n{said}");
    said
}

fn assert_all_in(parts: &[&str], said: &str) {
    for part in parts {
        assert!(said.contains(part), "{part} is not in\n{said}");
    }
}

fn an_original_client_that_sees_other_files_is_served_and_named(scene: &Scene) {
    let _watch = scene.watch();
    let mut original = Command::new(env::current_exe().expect("this executable has a path"));
    original.env(BE_ORIGINAL, scene.folder()).env("GAM_CLIENT_ID", &scene.place.session);
    let originals: Vec<Running> =
        (0..2).map(|_| Running::start(scene.in_namespaces(&["--mount"], "exec \"$@\"", &original))).collect();
    for original in &originals {
        original.lines_until(&format!("EndExist {}", scene.folder()));
    }
    write(scene.place.path("new"));
    for original in &originals {
        original.lines_until("Created new");
    }
    let named = |said: &str| said.matches("sees other files than the server that it asks").count();
    let doctor = said(scene.gamin(&["doctor"]), 1);
    assert_all_in(&[SAME, WORKS], &doctor);
    for original in &originals {
        let line =
            format!("!!  files: process {} sees other files than the server that it asks\n", original.pid());
        assert_all_in(&[&line], &doctor);
    }
    assert_eq!(named(&doctor), originals.len(), "{doctor}");
    drop(originals);
    let output = scene.gamin(&["doctor"]).output().expect("the command has been built");
    assert_eq!(named(&text(&output.stdout)), 0, "{output:?}");
}

fn who_sees_other_files_and_has_no_server_of_its_own_is_told_so(scene: &Scene) {
    // To a user namespace the server is hidden, which is another scene.
    if scene.player == Player::User {
        return;
    }
    let _watch = scene.watch();
    let confined = |arguments: &[&str]| scene.confined(&["--mount"], "exec \"$@\"", arguments);
    let alone = said(without_server(confined(&["doctor"])), 1);
    assert_all_in(&["!!  server: ", "/nonexistent/gam_server"], &alone);
    assert!(!alone.contains("  files: ") && !alone.contains("self-test"), "{alone}");
    let output = confined(&["doctor"]).output().expect("the command has been built");
    assert_all_in(&[SAME, WORKS], &text(&output.stdout));
}

/// How `gamin` with some arguments is confined.
type Way<'a> = &'a dyn Fn(&[&str]) -> Command;

fn where_the_server_is_hidden_the_client_goes_on_and_the_doctor_says_unknown(scene: &Scene) {
    const HIDE: &str = "mount -t proc -o hidepid=2 proc /proc && exec \"$@\"";
    const HIDE_FROM_USER: &str = "mount -t proc -o hidepid=2 proc /proc && \
        exec setpriv --reuid=65534 --regid=65534 --clear-groups unshare --user --map-current-user --mount \"$@\"";
    let watch = scene.watch();
    let inner_pids =
        |arguments: &[&str]| scene.confined(&["--mount", "--pid", "--fork", "--kill-child"], HIDE, arguments);
    // To a user namespace what is outside is not shown.
    let other_user = |arguments: &[&str]| scene.confined(&["--mount"], "exec \"$@\"", arguments);
    let hidden_by_root = |arguments: &[&str]| {
        behind(&["unshare", "--mount", "sh", "-c", HIDE_FROM_USER, "sh"], &scene.place.command(arguments))
    };
    let mut ways: Vec<Way<'_>> = vec![&inner_pids];
    if scene.player == Player::User {
        ways.push(&other_user);
        if getuid().is_root() {
            ways.push(&hidden_by_root);
        }
    }
    for (number, confined) in ways.into_iter().enumerate() {
        let doctor = said(without_server(confined(&["doctor"])), 1);
        assert_all_in(&[UNKNOWN, WORKS], &doctor);
        let inside = Running::start(without_server(confined(&["watch", "."])));
        inside.wait_until_watching();
        let name = format!("file-{number}");
        write(scene.place.path(&name));
        inside.lines_until(&format!("Changed  ./{name}"));
        inside.kill();
        watch.lines_until(&format!("Changed  ./{name}"));
        // As long as one of its own can be started, it has that.
        let output = confined(&["doctor"]).output().expect("the command has been built");
        assert_all_in(&[SAME, WORKS], &text(&output.stdout));
    }
}

fn in_a_chroot_without_proc_the_client_works_and_the_doctor_says_unknown(scene: &Scene) {
    let room = scene.place.path("room");
    fs::create_dir(&room).expect("there is room");
    let room = room.display();
    let script =
        format!("mount --rbind / {room} && mount -t tmpfs none {room}/proc && exec chroot {room} \"$@\"");
    let confined = |arguments: &[&str]| scene.confined(&["--mount"], &script, arguments);
    let folder = scene.folder();
    // One of its own at first, then one that was there.
    for (number, has_server) in [false, true].into_iter().enumerate() {
        let _outside = has_server.then(|| scene.watch());
        let inside = Running::start(confined(&["watch", &folder]));
        inside.wait_until_watching();
        let name = format!("file-{number}");
        write(scene.place.path(&name));
        inside.lines_until(&format!("Changed  {folder}/{name}"));
        let doctor = said(confined(&["doctor", &folder]), 1);
        assert_all_in(&[UNKNOWN, WORKS, "ok  kernel: it lets this user watch more; "], &doctor);
    }
}

fn a_client_whose_pid_the_server_does_not_see_is_unknown_and_never_signalled(scene: &Scene) {
    let mut server = Command::new(env::current_exe().expect("this executable has a path"));
    server.arg(&scene.place.session).env(BE_SERVER, "");
    let namespaces = ["--pid", "--fork", "--kill-child"];
    let mut server = Running::start(scene.in_namespaces(&namespaces, "exec \"$@\"", &server));
    let status = |more: &[&str]| {
        let arguments = [&["status", "--session", &scene.place.session], more].concat();
        scene.gamin(&arguments).output().expect("the command has been built")
    };
    let start = Instant::now();
    while !status(&[]).status.success() {
        assert!(start.elapsed() < PATIENCE, "there is no server");
    }
    let watch = scene.watch();
    let shown = text(&status(&[]).stdout);
    let processes: Vec<&str> = shown.lines().filter(|line| line.starts_with("  process ")).collect();
    assert!(
        matches!(processes[..], [one] if one.starts_with("  process unknown: 1 subscription, ")),
        "{shown}"
    );
    let objects = text(&status(&["--json"]).stdout);
    let sessions = objects.lines().filter(|line| line.contains("\"fact\":\"session\""));
    assert_eq!(sessions.filter(|line| line.contains("\"pid\":null")).count(), 1, "{objects}");
    for arguments in [&["doctor", "."][..], &["report", "-o", "-"]] {
        scene.gamin(arguments).output().expect("the command has been built");
    }
    // Whoever is unknown is not all who are.
    assert_eq!(status(&["--pid", "0"]).status.code(), Some(2));
    let output = scene.gamin(&["doctor", "."]).output().expect("the command has been built");
    assert_all_in(&[SAME, WORKS, "ok  .: kernel, "], &text(&output.stdout));
    write(scene.place.path("file"));
    watch.lines_until("Changed  ./file");
    assert!(server.child.try_wait().expect("it is ours").is_none(), "it was ended");
    server.kill();
}
