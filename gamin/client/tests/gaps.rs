//! Gaps in real trees, told by a real server: what the kernel has no room for, what may not be read, what is too deep.
//!
//! The tests' executable is the server that they start. Each wait is for an event; what can't be tried here says why and is ignored.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use std::{env, fs};

use gamin::{
    Code, Connection, Coverage, Event, Gaps, MonitorRequest, Options, RequestNumber, Scope, ServerCommand,
    TreeOptions,
};
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use nix::fcntl::{OFlag, open, openat};
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::{Mode, mkdirat};
use nix::unistd::{Pid, Uid};
use tempfile::TempDir;

/// Longer than anything takes but a hang.
const HANG: Duration = Duration::from_secs(60);
/// Set for a server that is started, which this executable is then.
const BE_SERVER: &str = "GAMIN_TEST_BE_SERVER";

type Test = fn() -> Result<Completion, Failed>;

fn main() -> ExitCode {
    if env::var_os(BE_SERVER).is_some() {
        return gamin_server::run(env::args_os().skip(1));
    }
    let tests: [(&str, Test); 3] = [
        ("what_the_kernel_has_no_room_for_is_a_gap_until_it_has", what_the_kernel_has_no_room_for),
        ("what_may_not_be_read_is_a_gap_whatever_its_name", what_may_not_be_read),
        ("what_is_too_deep_is_a_gap_until_it_is_moved_up", what_is_too_deep),
    ];
    let tests = tests.into_iter().map(|(name, test)| Trial::ignorable_test(name, test)).collect();
    libtest_mimic::run(&Arguments::from_args(), tests).exit_code()
}

/// A tree that is monitored, with a directory and a server of its own.
struct Watched {
    folder: TempDir,
    connection: Connection,
    request: RequestNumber,
}

impl Watched {
    /// Begins to monitor what `make` has made; the server runs behind the words of `wrapper`, which are a program and its arguments.
    fn new(make: impl FnOnce(&Path), wrapper: &[&str]) -> Watched {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = TempDir::new().expect("because there is room for a directory");
        make(folder.path());
        let this = env::current_exe().expect("because this program is there");
        let words = wrapper.iter().map(OsStr::new).chain([this.as_os_str()]);
        let mut words = words.map(OsStr::to_owned);
        let program = PathBuf::from(words.next().expect("because this program is one of them"));
        let options = Options::new()
            .client_id(format!("gaps-test-{}-{count}", std::process::id()))
            .server(ServerCommand { program, args: words.collect() })
            .env(BE_SERVER, "1")
            .patience(HANG);
        let connection = options.open().expect("a server");
        let request = MonitorRequest {
            coverage: true,
            ..MonitorRequest::new(folder.path(), Scope::Tree(TreeOptions::default()))
        };
        let request = connection.ask(&request).expect("sent");
        Watched { folder, connection, request }
    }

    /// The events until one is what is awaited, which is the last of them.
    fn events_until(&self, is_awaited: impl Fn(&Event) -> bool) -> Vec<Event> {
        let mut events = Vec::new();
        loop {
            let event = self.connection.next_event_timeout(HANG).expect("a server");
            let event = event.unwrap_or_else(|| panic!("nothing more came after {events:?}"));
            events.push(event);
            if events.last().is_some_and(&is_awaited) {
                return events;
            }
        }
    }

    /// The gaps that are told until the listing ends, with their paths relative to the root.
    fn listed_gaps(&self) -> Vec<(PathBuf, Coverage)> {
        let listing = self.events_until(|event| event.code == Code::EndExist);
        listing.into_iter().filter_map(|event| Some((event.path, event.coverage?))).collect()
    }

    fn gaps(&self) -> Gaps {
        self.connection.gaps(self.request).expect("it is a tree")
    }

    fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if let Some(pid) = self.connection.server_pid() {
            // It may have ended by itself.
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}

fn is_possible(wrapper: &[&str]) -> bool {
    let words = wrapper.split_first();
    words.is_some_and(|(program, arguments)| {
        Command::new(program).args(arguments).arg("true").output().is_ok_and(|output| output.status.success())
    })
}

fn what_the_kernel_has_no_room_for() -> Result<Completion, Failed> {
    // What it takes to set the limit is not for the server.
    let limit = r#"echo 20 >/proc/sys/user/max_inotify_watches && exec setpriv --inh-caps=-all --ambient-caps=-all "$@""#;
    let wrapper = ["unshare", "--user", "--map-current-user", "--keep-caps", "sh", "-c", limit, "sh"];
    if !is_possible(&wrapper) {
        return Ok(Completion::ignored_with("no user namespace with a limit of its own"));
    }
    let make = |root: &Path| {
        (0..40).for_each(|count| fs::create_dir(root.join(format!("d{count:02}"))).expect("it is new"));
    };
    let watched = Watched::new(make, &wrapper);
    let listed = watched.listed_gaps();
    assert!(!listed.is_empty() && listed.iter().all(|(_, why)| *why == Coverage::PolledLimit), "{listed:?}");
    let gaps = watched.gaps();
    assert_eq!(gaps.count, listed.len());
    let (path, why) = gaps.first.expect("there are some");
    assert_eq!(why, Coverage::PolledLimit);
    fs::write(path.join("file"), "").expect("the directory is there");
    watched.events_until(|event| event.code == Code::Created && event.full_path() == path.join("file"));
    // Where others go there is room for the rest.
    let gone = (0..40).map(|count| watched.path(format!("d{count:02}"))).filter(|other| *other != path);
    gone.for_each(|other| fs::remove_dir(other).expect("it is empty"));
    while watched.gaps().count > 0 {
        watched.events_until(|event| event.coverage == Some(Coverage::Kernel));
    }
    Ok(Completion::Completed)
}

fn what_may_not_be_read() -> Result<Completion, Failed> {
    let wrapper = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"];
    let wrapper = if Uid::effective().is_root() { wrapper.as_slice() } else { &[] };
    if !wrapper.is_empty() && !is_possible(wrapper) {
        return Ok(Completion::ignored_with("root reads everything, and there is no setpriv"));
    }
    let name = OsStr::from_bytes(b"closed\n\xff");
    let mode = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it is ours");
    };
    let make = |root: &Path| {
        fs::create_dir(root.join(name)).expect("it is new");
        fs::write(root.join(name).join("in\u{7}it"), "").expect("it is new");
        mode(&root.join(name), 0o000);
    };
    let watched = Watched::new(make, wrapper);
    assert_eq!(watched.listed_gaps(), [(PathBuf::from(name), Coverage::Unreadable)]);
    let path = watched.path(name);
    assert_eq!(watched.gaps(), Gaps { count: 1, first: Some((path.clone(), Coverage::Unreadable)) });
    mode(&path, 0o700);
    let inside = path.join("in\u{7}it");
    let events = watched.events_until(|event| event.code == Code::Created && event.full_path() == inside);
    let ended: Vec<_> = events.iter().filter_map(|event| event.coverage).collect();
    assert_eq!((ended, watched.gaps()), (vec![Coverage::Kernel], Gaps::default()));
    Ok(Completion::Completed)
}

/// Makes directories in one another, deeper than a path can say.
fn make_deep(root: &Path, name: &str, levels: usize) {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let mut directory = open(root, flags, Mode::empty()).expect("it is there");
    for _ in 0..levels {
        mkdirat(&directory, name, Mode::S_IRWXU).expect("it is new");
        directory = openat(&directory, name, flags, Mode::empty()).expect("it is there");
    }
}

fn what_is_too_deep() -> Result<Completion, Failed> {
    let name = "d".repeat(200);
    let watched = Watched::new(|root| make_deep(root, &name, 25), &[]);
    let listed = watched.listed_gaps();
    assert_eq!(listed.iter().map(|(_, why)| *why).collect::<Vec<_>>(), [Coverage::TooDeep]);
    let first = Some((watched.path(&listed[0].0), Coverage::TooDeep));
    assert_eq!(watched.gaps(), Gaps { count: 1, first });
    // The lower levels are moved up, where paths are short enough.
    let levels = |count: usize| vec![name.as_str(); count].join("/");
    fs::rename(watched.path(levels(15)), watched.path("up")).expect("both are there");
    let below = PathBuf::from("up").join(levels(10));
    watched.events_until(|event| event.code == Code::Created && event.path == below);
    assert_eq!(watched.gaps(), Gaps::default());
    Ok(Completion::Completed)
}
