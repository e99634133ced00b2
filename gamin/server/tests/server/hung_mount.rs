//! A file system that stops answering: who waits for it, and who does not.
//!
//! Each test has a mount namespace and a FUSE file system of its own; where it may not have them, it passes without having
//! tested, and says so. Whatever happens, the file system answers again when the test ends, so that nobody is left hanging.

#![allow(clippy::print_stderr, reason = "who could not test says so")]

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crate::support::{GAM_SERVER, PATIENCE, Server, cancel, is_ended, monitor, try_connect};
use fuser::{
    BackgroundSession, Config, Errno, FileAttr, FileHandle, FileType, Filesystem, Generation, INodeNo,
    ReplyAttr, ReplyDirectory, ReplyEntry, Request, Session,
};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{Signal, kill};
use tempfile::TempDir;

/// What the far side holds, and whether it answers.
#[derive(Default)]
struct FarSide {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    names: Vec<String>,
    is_hung: bool,
    /// How many requests it does not answer.
    held: usize,
}

impl FarSide {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("because nobody panics holding it")
    }

    fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.changed.notify_all();
    }

    /// Waits until the state is as it should be.
    fn until(&self, is_so: impl Fn(&State) -> bool) {
        let waited = self.changed.wait_timeout_while(self.state(), PATIENCE, |state| !is_so(state));
        let (state, timeout) = waited.expect("because nobody panics holding it");
        let held = state.held;
        drop(state);
        assert!(!timeout.timed_out(), "{held} requests are held");
    }

    /// The names, as soon as it answers.
    fn names(&self) -> Vec<String> {
        let mut state = self.state();
        state.held += 1;
        self.changed.notify_all();
        let waited = self.changed.wait_while(state, |state| state.is_hung);
        let mut state = waited.expect("because nobody panics holding it");
        state.held -= 1;
        state.names.clone()
    }
}

/// A directory of empty files.
struct Flat(Arc<FarSide>);

const NEVER_KEPT: Duration = Duration::ZERO;

fn attributes(ino: u64) -> FileAttr {
    let time = SystemTime::UNIX_EPOCH;
    let (kind, perm) = if ino == 1 { (FileType::Directory, 0o755) } else { (FileType::RegularFile, 0o644) };
    FileAttr {
        ino: INodeNo(ino),
        size: 0,
        blocks: 0,
        atime: time,
        mtime: time,
        ctime: time,
        crtime: time,
        kind,
        perm,
        nlink: 1,
        uid: 0,
        gid: 0,
        rdev: 0,
        blksize: 512,
        flags: 0,
    }
}

impl Filesystem for Flat {
    fn lookup(&self, _: &Request, _: INodeNo, name: &OsStr, reply: ReplyEntry) {
        match self.0.names().iter().position(|known| **known == *name) {
            Some(at) => reply.entry(&NEVER_KEPT, &attributes(at as u64 + 2), Generation(0)),
            None => reply.error(Errno::ENOENT),
        }
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        self.0.names();
        reply.attr(&NEVER_KEPT, &attributes(ino.0));
    }

    fn readdir(&self, _: &Request, _: INodeNo, _: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        for (at, name) in self.0.names().iter().enumerate().skip(offset as usize) {
            if reply.add(INodeNo(at as u64 + 2), at as u64 + 1, FileType::RegularFile, name) {
                break;
            }
        }
        reply.ok();
    }
}

/// A local directory with a remote mount beside it.
struct Place {
    far_side: Arc<FarSide>,
    session: Option<BackgroundSession>,
    above: PathBuf,
    _directory: TempDir,
}

impl Place {
    fn new() -> io::Result<Place> {
        let directory = TempDir::new()?;
        let above = directory.path().canonicalize()?;
        fs::create_dir(above.join("local"))?;
        fs::create_dir(above.join("remote"))?;
        let far_side = Arc::new(FarSide::default());
        far_side.set(|state| state.names.push("a".into()));
        let session =
            Session::new(Flat(Arc::clone(&far_side)), above.join("remote"), &Config::default())?.spawn()?;
        Ok(Place { far_side, session: Some(session), above, _directory: directory })
    }

    fn local(&self) -> PathBuf {
        self.above.join("local")
    }

    fn remote(&self) -> PathBuf {
        self.above.join("remote")
    }

    /// Has the far side stop answering, and waits until somebody has asked it in vain.
    fn hang(&self) {
        self.far_side.set(|state| state.is_hung = true);
        self.far_side.until(|state| state.held > 0);
    }

    fn answer(&self) {
        self.far_side.set(|state| state.is_hung = false);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.answer();
        // It may have been unmounted already, and if not all is over with the namespace.
        let _ = umount2(&self.remote(), MntFlags::MNT_DETACH);
        drop(self.session.take());
    }
}

/// Runs a test where there is a place for it; servers started there see it too, and end after it answers.
fn with_place(test: fn(&Server, &Place)) {
    let in_namespace = move || {
        let none: Option<&str> = None;
        let private = unshare(CloneFlags::CLONE_NEWNS)
            .and_then(|()| mount(none, "/", none, MsFlags::MS_PRIVATE | MsFlags::MS_REC, none));
        let server = Server::start();
        match private.map_err(io::Error::from).and_then(|()| Place::new()) {
            Ok(place) => test(&server, &place),
            Err(error) => eprintln!("not tested: there is no FUSE here: {error}"),
        }
    };
    thread::spawn(in_namespace).join().expect("because the test has not panicked");
}

fn event(number: u32, code: &str, path: &Path) -> String {
    format!("{number} {code} {}", path.display())
}

#[test]
fn a_mount_that_hangs_holds_up_only_what_is_asked_of_it() {
    with_place(|server, place| {
        let (local, remote) = (place.local(), place.remote());
        let (mut concerned, mut other) = (server.client(), server.client());
        concerned.send(&[monitor(1, &remote), monitor(2, &local)].concat());
        assert_eq!(concerned.sync().len(), 5, "both listings");
        other.send(&monitor(1, &local));
        other.events_until(&event(1, "EndExist", &local));

        place.hang();
        File::create(local.join("x")).expect("because the directory is ours");
        assert_eq!(concerned.event(), "2 Created x");
        assert_eq!(other.sync(), ["1 Created x"]);
        assert_eq!(concerned.sync(), [""; 0]);

        // What hangs may be asked for and given up, and what holds it may be listed.
        let file = remote.join("a");
        concerned.send(&[monitor(3, &remote), monitor(4, &file), monitor(5, &place.above)].concat());
        let listing = concerned.events_until(&event(5, "EndExist", &place.above));
        assert_eq!(
            listing[..3],
            [event(5, "Exists", &place.above), "5 Exists local".into(), "5 Exists remote".into()]
        );
        concerned.send(&[cancel(1), cancel(4)].concat());
        assert_eq!(concerned.event(), event(1, "Acknowledge", &remote));
        assert_eq!(concerned.event(), event(4, "Acknowledge", &file));
        assert_eq!(concerned.sync(), [""; 0]);

        place.far_side.set(|state| state.names.push("b".into()));
        place.answer();
        let listing = concerned.events_until(&event(3, "EndExist", &remote));
        assert_eq!(listing[..3], [event(3, "Exists", &remote), "3 Exists a".into(), "3 Exists b".into()]);
        place.far_side.set(|state| drop(state.names.remove(0)));
        assert_eq!(concerned.event(), "3 Deleted a", "and it goes on being looked at");
    });
}

#[test]
fn one_look_waits_for_a_mount_that_hangs_however_often_it_is_asked() {
    with_place(|server, place| {
        let remote = place.remote();
        let mut client = server.client();
        client.send(&monitor(1, &remote));
        place.hang();
        for number in 2..1000 {
            let below = remote.join(number.to_string());
            client.send(&[monitor(number, &below), cancel(number), monitor(1001, &remote)].concat());
            assert_eq!(client.event(), event(number, "Acknowledge", &below));
        }
        assert_eq!(place.far_side.state().held, 1);
        let tasks = fs::read_dir(format!("/proc/{}/task", server.pid())).expect("because the server runs");
        assert_eq!(tasks.count(), 2, "the event loop, and the one that hangs");
        // All gone: nothing is left to be looked at when the mount answers.
        drop(client);
        server.client().sync();
        place.answer();
        place.far_side.until(|state| state.held == 0);
    });
}

#[test]
fn a_mount_that_hangs_and_is_taken_away_holds_up_nobody_any_more() {
    with_place(|server, place| {
        let remote = place.remote();
        let mut client = server.client();
        client.send(&monitor(1, &remote));
        client.events_until(&event(1, "EndExist", &remote));
        place.hang();
        umount2(&remote, MntFlags::MNT_DETACH).expect("because it is mounted");
        assert_eq!(client.event(), event(1, "Deleted", &remote));
        assert_eq!(client.event(), event(1, "Created", &remote), "another one, which was below");
        File::create(remote.join("local")).expect("because the directory below is ours");
        assert_eq!(client.event(), "1 Created local");
        assert_eq!(client.sync(), [""; 0]);
    });
}

#[test]
fn the_server_lets_go_of_its_name_and_clients_while_a_mount_hangs() {
    with_place(|server, place| {
        let mut client = server.client();
        client.send(&monitor(1, &place.remote()));
        place.hang();
        kill(server.pid(), Signal::SIGTERM).expect("because the server is ours");
        assert!(is_ended(&client.stream));
        let start = Instant::now();
        while try_connect(&server.id).is_ok() {
            assert!(start.elapsed() < PATIENCE, "the server listens still");
        }
    });
}

#[test]
fn the_configuration_decides_about_a_file_system_by_its_type() {
    with_place(|_, place| {
        let (home, remote) = (place.local(), place.remote());
        let rule = |line: &str| fs::write(home.join(".gaminrc"), line).expect("because the folder is ours");
        let appear = |name: &str| place.far_side.set(|state| state.names.push(name.into()));
        rule("fsset fuse* none\n");
        let mut command = Command::new(GAM_SERVER);
        command.env("HOME", &home).arg("--config-dir").arg(&home);
        let server = Server::start_as(command);
        let mut client = server.client();
        client.send(&monitor(1, &remote));
        let listing = [event(1, "Exists", &remote), "1 Exists a".into(), event(1, "EndExist", &remote)];
        assert_eq!(client.events_until(&listing[2]), listing);
        appear("b");
        assert_eq!(client.sync(), [""; 0], "the listing is all");
        rule("fsset fuse* poll 2 # every other second\n");
        assert_eq!(client.sync(), ["1 Created b"]);
        appear("c");
        assert_eq!(client.event(), "1 Created c", "unasked");
    });
}
