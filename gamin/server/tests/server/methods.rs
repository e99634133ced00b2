//! By which method a real server watches: what configuration files and mounts say, also when they change while it runs.
//!
//! Whether the kernel is asked shows in what is told of a name that is made and at once removed: both steps, or nothing. Tests that
//! mount have a mount namespace of their own; where they may not have one they pass without having tested, and say so.

#![allow(clippy::print_stderr, reason = "what could not be tested is said")]

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{Client, GAM_SERVER, Server, monitor};
use nix::mount::{MsFlags, mount, umount};
use nix::sched::{CloneFlags, unshare};
use tempfile::TempDir;

const NONE: Option<&str> = None;

/// A home, the system's configuration, and a directory to watch in.
struct Place {
    folder: TempDir,
    root: PathBuf,
}

impl Place {
    fn new() -> Place {
        let folder = TempDir::new().expect("because there is room for a directory");
        let root = folder.path().canonicalize().expect("because it is there");
        for name in ["home", "system", "dir"] {
            fs::create_dir(root.join(name)).expect("because the folder is ours");
        }
        Place { folder, root }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(GAM_SERVER);
        command.env("HOME", self.root.join("home")).arg("--config-dir").arg(self.root.join("system"));
        command
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// Writes a file in which `$DIR` stands for the directory to watch in.
    fn write(&self, path: &str, text: &str) {
        let text = text.replace("$DIR", self.at("dir").to_str().expect("because the path is text"));
        fs::write(self.at(path), text).expect("because the folder is ours");
    }

    fn make(&self, path: &str) -> PathBuf {
        let path = self.at("dir").join(path);
        fs::create_dir_all(&path).expect("because the folder is ours");
        path
    }
}

fn listed(client: &mut Client, number: u32, path: &Path) {
    client.send(&monitor(number, path));
    client.events_until(&format!("{number} EndExist {}", path.display()));
}

/// Makes and removes a name in a directory; gives whether that was told.
fn is_told_step_by_step(client: &mut Client, directory: &Path) -> bool {
    File::create(directory.join("step")).expect("because the folder is ours");
    fs::remove_file(directory.join("step")).expect("because it was made");
    let told = client.sync();
    let steps = |code: &str| told.iter().filter(|event| event.ends_with(&format!("{code} step"))).count();
    assert_eq!(steps("Created"), steps("Deleted"), "{told:?}");
    assert_eq!(told.len(), 2 * steps("Created"), "nothing else: {told:?}");
    steps("Created") > 0
}

/// Runs a test on a thread with mounts of its own.
fn with_mounts(test: fn()) {
    let in_namespace = move || {
        let private = MsFlags::MS_PRIVATE | MsFlags::MS_REC;
        match unshare(CloneFlags::CLONE_NEWNS).and_then(|()| mount(NONE, "/", NONE, private, NONE)) {
            Ok(()) => test(),
            Err(error) => eprintln!("not tested: there are no mounts of one's own here: {error}"),
        }
    };
    thread::spawn(in_namespace).join().expect("because the test has not panicked");
}

fn mount_tmpfs(path: &Path) {
    mount(Some("none"), path, Some("tmpfs"), MsFlags::empty(), NONE).expect("because the namespace is ours");
}

/// The example of the original's home page, with a directory of ours for /temp, and tmpfs for nfs.
const EXAMPLE: &str = "\
# configuration for gamin
# Can be used to override the default behaviour.
# notify filepath(s) : indicate to use kernel notification
# poll filepath(s)   : indicate to use polling instead
# fsset fsname method poll_limit : indicate what method of notification for the filesystem

notify /mnt/local* /mnt/pictures* # use kernel notification on these paths
poll $DIR/temp/*                  # use poll notification on these paths
fsset tmpfs poll 2                # use polling on tmpfs mounts and poll once every 2 seconds
";

#[test]
fn the_home_pages_example_does_what_its_comments_say() {
    with_mounts(|| {
        let place = Place::new();
        place.write("home/.gaminrc", EXAMPLE);
        mount_tmpfs(Path::new("/mnt"));
        let share = place.make("share");
        mount_tmpfs(&share);
        for path in ["/mnt/local", "/mnt/pictures2", "/mnt/other"] {
            fs::create_dir(path).expect("because the mount is ours");
        }
        let (polled, plain) = (place.make("temp/x"), place.make("plain"));
        let server = Server::start_as(place.command());
        let mut client = server.client();
        let cases: [(&Path, bool); 6] = [
            (Path::new("/mnt/local"), true),
            (Path::new("/mnt/pictures2"), true),
            (Path::new("/mnt/other"), false),
            (&polled, false),
            (&plain, true),
            (&share, false),
        ];
        for ((path, by_kernel), number) in cases.into_iter().zip(1..) {
            listed(&mut client, number, path);
            assert_eq!(is_told_step_by_step(&mut client, path), by_kernel, "{}", path.display());
        }
        // Unasked, and no more often than it says: those with no interval of their own are told before.
        let begin = Instant::now();
        File::create(share.join("late")).expect("because the mount is ours");
        File::create(polled.join("early")).expect("because the folder is ours");
        assert_eq!([client.event(), client.event()], ["4 Created early", "6 Created late"]);
        assert!(begin.elapsed() < Duration::from_secs(20));
    });
}

#[test]
fn a_file_that_comes_changes_is_replaced_and_goes_is_followed() {
    let place = Place::new();
    let directory = place.make("t");
    let server = Server::start_as(place.command());
    let mut client = server.client();
    listed(&mut client, 1, &directory);
    let assert_kernel = |client: &mut Client, expected: bool, when: &str| {
        assert!(client.sync().is_empty());
        assert_eq!(is_told_step_by_step(client, &directory), expected, "{when}");
    };
    assert_kernel(&mut client, true, "without a file");
    place.write("home/.gaminrc", "poll $DIR/*\n");
    assert_kernel(&mut client, false, "with one");
    let mut file = File::options().append(true).open(place.at("home/.gaminrc")).expect("because it is there");
    file.write_all(b"nonsense\n").expect("because there is room");
    assert_kernel(&mut client, false, "with a bad line");
    place.write("home/new", "notify $DIR/t\npoll $DIR/*\n");
    fs::rename(place.at("home/new"), place.at("home/.gaminrc")).expect("because both are ours");
    assert_kernel(&mut client, true, "with another in its place");
    place.write("system/mandatory_gaminrc", "poll $DIR/t");
    assert_kernel(&mut client, false, "with one that stands above it");
    fs::remove_dir_all(place.at("system")).expect("because the folder is ours");
    assert_kernel(&mut client, true, "without that");
    fs::remove_file(place.at("home/.gaminrc")).expect("because it is there");
    fs::create_dir(place.at("system")).expect("because the folder is ours");
    place.write("system/gaminrc", "poll $DIR/t");
    assert_kernel(&mut client, false, "with the system's, in a folder made anew");
    fs::write(directory.join("last"), "").expect("because the folder is ours");
    assert_eq!(client.sync(), ["1 Created last"]);
    drop(place.folder);
}

#[test]
fn a_mount_is_never_kept_busy_and_its_end_is_the_end_of_what_was_there() {
    with_mounts(|| {
        let place = Place::new();
        // Polled as all in /mnt, asked of the kernel because nothing else is said, and because it is forced.
        mount_tmpfs(Path::new("/mnt"));
        fs::create_dir("/mnt/stick").expect("because the mount is ours");
        place.write("home/.gaminrc", "notify $DIR/forced*\nfsset tmpfs kernel\n");
        let points = [PathBuf::from("/mnt/stick"), place.make("m"), place.make("forced")];
        for point in &points {
            mount_tmpfs(point);
            File::create(point.join("f")).expect("because the mount is ours");
            fs::create_dir(point.join("d")).expect("because the mount is ours");
        }
        let server = Server::start_as(place.command());
        for point in &points {
            let mut client = server.client();
            listed(&mut client, 1, &point.join("d"));
            listed(&mut client, 2, point);
            umount(point).expect("because nobody keeps it busy");
            let told = client.sync();
            let root = |number: u32, code: &str, path: &Path| format!("{number} {code} {}", path.display());
            assert!(told.contains(&root(1, "Deleted", &point.join("d"))), "{told:?}");
            assert!(told.contains(&root(2, "Deleted", point)), "{told:?}");
            mount_tmpfs(point);
            File::create(point.join("other")).expect("because the mount is ours");
            let told = client.sync();
            assert_eq!(told.last().map(String::as_str), Some("2 Created other"), "{told:?}");
            fs::create_dir(point.join("d")).expect("because the mount is ours");
            let told = client.sync();
            assert!(told.contains(&root(1, "Created", &point.join("d"))), "{told:?}");
            umount(point).expect("because nobody keeps it busy");
        }
    });
}

#[test]
fn what_is_mounted_over_a_directory_is_told_and_watched_by_its_own_method() {
    with_mounts(|| {
        let place = Place::new();
        place.write("home/.gaminrc", "fsset tmpfs poll");
        let directory = place.make("t");
        File::create(directory.join("below")).expect("because the folder is ours");
        let server = Server::start_as(place.command());
        let mut client = server.client();
        listed(&mut client, 1, &directory);
        // On tmpfs itself the tests tell nothing of the kernel.
        let is_tmpfs = !is_told_step_by_step(&mut client, &directory);
        mount_tmpfs(&directory);
        let (gone, come) =
            (format!("1 Deleted {}", directory.display()), format!("1 Created {}", directory.display()));
        assert_eq!(client.sync(), [gone.clone(), come.clone()]);
        assert!(!is_told_step_by_step(&mut client, &directory), "polled, as the file system is");
        umount(&directory).expect("because nobody keeps it busy");
        assert_eq!(client.sync(), [gone, come, "1 Created below".into()]);
        assert_eq!(is_told_step_by_step(&mut client, &directory), !is_tmpfs, "as before");
    });
}

#[test]
fn what_is_mounted_over_an_entry_changes_it() {
    with_mounts(|| {
        let place = Place::new();
        let directory = place.make("t/d");
        let above = directory.parent().expect("because it was made in another");
        let server = Server::start_as(place.command());
        let mut client = server.client();
        listed(&mut client, 1, above);
        mount_tmpfs(&directory);
        assert_eq!(client.sync(), ["1 Changed d"]);
        umount(&directory).expect("because nobody keeps it busy");
        assert_eq!(client.sync(), ["1 Changed d"]);
    });
}

#[test]
fn a_bad_configuration_is_explained_and_fails_and_a_good_one_is_silent() {
    let place = Place::new();
    let check = || place.command().arg("--check-config").output().expect("because the server has been built");
    place.write("home/.gaminrc", "poll /a # fine\n");
    let output = check();
    assert!(output.status.success() && output.stdout.is_empty() && output.stderr.is_empty(), "{output:?}");
    place.write("home/.gaminrc", "pol /a\nfsset nfs\n");
    place.write("system/mandatory_gaminrc", "\nnotify here\n");
    fs::create_dir(place.at("system/gaminrc")).expect("because the folder is ours");
    let output = check();
    let (user, mandatory) = (place.at("home/.gaminrc"), place.at("system/mandatory_gaminrc"));
    let expected = format!(
        "{}: can't be read: not a regular file\n{}:2: `here` does not begin with / or ~\n{}:1: `pol` is none of notify, poll, fsset\n\
         {}:2: expected fsset TYPE kernel|poll|none [SECONDS]\n",
        place.at("system/gaminrc").display(),
        mandatory.display(),
        user.display(),
        user.display()
    );
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
    assert_eq!(output.status.code(), Some(1));
}
