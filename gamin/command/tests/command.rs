//! `gamin` from outside: real processes, each test with a session and a directory of its own.
//!
//! The tests' executable is the server that `gamin` starts. Every wait is for a line or an end, and bounded by
//! [`PATIENCE`], which only something that hangs uses up.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::{Arguments, Trial};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(30);
/// Set for a server that is started, which this executable is then.
const BE_SERVER: &str = "GAMIN_TEST_BE_SERVER";

fn main() -> ExitCode {
    if std::env::var_os(BE_SERVER).is_some() {
        return gamin_server::run(std::env::args_os().skip(1));
    }
    let test = |name: &str, body: fn(&Place)| {
        Trial::test(name, move || {
            body(&Place::new());
            Ok(())
        })
    };
    let tests = vec![
        test("events_are_lines", events_are_lines),
        test("what_is_there_is_told_first_if_asked_for", what_is_there_is_told_first_if_asked_for),
        test("json_lines_have_every_byte", json_lines_have_every_byte),
        test("a_tree_is_followed_without_losing_what_is_made_in_it", a_tree_is_followed),
        test("what_is_missing_is_waited_for_whatever_it_will_be", what_is_missing_is_waited_for),
        test("a_command_runs_one_at_a_time_and_never_misses_the_last", a_command_runs_one_at_a_time),
        test("no_name_is_read_as_a_command", no_name_is_read_as_a_command),
        test("a_reader_that_goes_ends_it_quietly", a_reader_that_goes_ends_it_quietly),
        test("status_tells_who_is_told_of_what", status_tells_who_is_told_of_what),
        test("without_a_server_complaints_say_what_to_do", without_a_server_complaints_say_what_to_do),
        test("the_doctor_finds_out_what_works", the_doctor_finds_out_what_works),
        test(
            "the_doctor_says_which_rule_decides_and_which_line_is_wrong",
            the_doctor_says_which_rule_decides,
        ),
        test("the_doctor_says_what_to_do", the_doctor_says_what_to_do),
        test("a_report_has_no_names_unless_asked_for", a_report_has_no_names_unless_asked_for),
        test("a_report_is_new_and_its_owner_s", a_report_is_new_and_its_owner_s),
        test("sigusr2_traces_a_client_that_was_asked_to_debug", sigusr2_traces_a_client),
        test("the_command_line_is_explained", the_command_line_is_explained),
    ];
    libtest_mimic::run(&Arguments::from_args(), tests).exit_code()
}

/// A directory and a session of a test's own.
struct Place {
    directory: TempDir,
    session: String,
}

impl Place {
    fn new() -> Place {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let directory = TempDir::new().expect("there is room for temporary files");
        Place { directory, session: format!("command-test-{}-{count}", std::process::id()) }
    }

    fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.directory.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gamin"));
        let server = std::env::current_exe().expect("this executable has a path");
        command
            .args(arguments)
            .current_dir(self.directory.path())
            .env("GAM_CLIENT_ID", &self.session)
            .env("HOME", self.directory.path())
            .env("GAMIN_DEBUG_SERVER", server)
            .env(BE_SERVER, "")
            .env_remove("GAM_DEBUG")
            .stdin(Stdio::null());
        command
    }

    fn output(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the command has been built")
    }

    /// Begins `gamin watch` and waits until everything is watched.
    fn watch(&self, arguments: &[&str]) -> Running {
        let arguments = [&["watch"], arguments].concat();
        let running = Running::start(self.command(&arguments));
        while !running.complaint().starts_with("gamin: watching") {}
        running
    }
}

fn lines(stream: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (told, telling) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if told.send(line).is_err() {
                return;
            }
        }
    });
    telling
}

/// A command that goes on until it is dropped.
struct Running {
    child: Child,
    said: Receiver<String>,
    complained: Receiver<String>,
}

impl Running {
    fn start(mut command: Command) -> Running {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the command has been built");
        let said = lines(child.stdout.take().expect("it is a pipe"));
        let complained = lines(child.stderr.take().expect("it is a pipe"));
        Running { child, said, complained }
    }

    fn line(&self) -> String {
        self.said.recv_timeout(PATIENCE).expect("a line comes in time")
    }

    fn complaint(&self) -> String {
        self.complained.recv_timeout(PATIENCE).expect("a complaint comes in time")
    }

    /// All lines up to `last`.
    fn lines_until(&self, last: &str) -> Vec<String> {
        let mut lines = vec![self.line()];
        while lines.last().is_none_or(|line| line != last) {
            lines.push(self.line());
        }
        lines
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().try_into().expect("it is a process id"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn write(path: impl AsRef<Path>) {
    fs::write(path, "x").expect("there is room");
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn events_are_lines(place: &Place) {
    let watch = place.watch(&["."]);
    write(place.path("a b"));
    fs::rename(place.path("a b"), place.path(OsStr::from_bytes(b"\xff\n\x1b"))).expect("it is there");
    let expected = ["Created  ./a b", "Changed  ./a b", "Deleted  ./a b", "Created  ./\\xff\\n\\u{1b}"];
    assert_eq!(watch.lines_until(expected[3]), expected);
}

fn what_is_there_is_told_first_if_asked_for(place: &Place) {
    write(place.path("a"));
    let watch = place.watch(&["--existing", ".", "a"]);
    write(place.path("b"));
    let told = watch.lines_until("Created  ./b");
    for line in ["Exists   .", "Exists   ./a", "Exists   a"] {
        assert!(told.contains(&line.to_owned()), "{told:?}");
    }
}

fn json_lines_have_every_byte(place: &Place) {
    let watch = place.watch(&["--json", "."]);
    fs::create_dir(place.path(OsStr::from_bytes(b"\xff"))).expect("there is room");
    let event: serde_json::Value = serde_json::from_str(&watch.line()).expect("it is JSON");
    assert_eq!(event["event"], "Created");
    assert!(event["path_hex"].as_str().is_some_and(|hex| hex.ends_with("2fff")), "{event}");
    assert!(event["time"].as_f64().is_some_and(|time| time > 1e9), "{event}");
}

fn a_tree_is_followed(place: &Place) {
    fs::create_dir_all(place.path("old/er")).expect("there is room");
    let watch = place.watch(&["-r", "."]);
    write(place.path("old/er/a"));
    assert_eq!(watch.lines_until("Changed  ./old/er/a")[0], "Created  ./old/er/a");
    fs::create_dir_all(place.path("new/b/c/d")).expect("there is room");
    write(place.path("new/b/c/d/e"));
    let told = watch.lines_until("Created  ./new/b/c/d/e");
    for line in ["Created  ./new", "Created  ./new/b", "Created  ./new/b/c", "Created  ./new/b/c/d"] {
        assert!(told.contains(&line.to_owned()), "{told:?}");
    }
    fs::remove_dir_all(place.path("new")).expect("it is there");
    let told = watch.lines_until("Deleted  ./new");
    assert!(told.contains(&"Deleted  ./new/b/c/d/e".to_owned()), "{told:?}");
}

fn what_is_missing_is_waited_for(place: &Place) {
    let command = place.command(&["watch", "-r", "file", "d/irectory"]);
    let watch = Running::start(command);
    let complaints = [watch.complaint(), watch.complaint(), watch.complaint()];
    assert!(complaints.contains(&"gamin: file: not there yet".to_owned()), "{complaints:?}");
    assert!(complaints[2].starts_with("gamin: watching (server "), "{complaints:?}");
    fs::create_dir_all(place.path("d/irectory/e")).expect("there is room");
    let told = watch.lines_until("Created  d/irectory/e");
    assert_eq!(told, ["Created  d/irectory", "Created  d/irectory/e"]);
    write(place.path("file"));
    assert_eq!(watch.line(), "Created  file");
}

fn a_command_runs_one_at_a_time(place: &Place) {
    fs::create_dir(place.path("d")).expect("there is room");
    write(place.path("d/a"));
    // While the first runs, a hundred changes come.
    let script =
        "echo begin $GAMIN_EVENT; test -e started || { : > started; cat gate; }; cat {}; echo; echo end";
    let gate = place.path("gate");
    nix::unistd::mkfifo(&gate, nix::sys::stat::Mode::S_IRWXU).expect("there is room");
    let watch = place.watch(&["d", "--exec", script]);
    fs::write(place.path("d/a"), "first").expect("there is room");
    assert_eq!(watch.line(), "begin Changed");
    for number in 0..100 {
        fs::write(place.path("d/a"), format!("{number}")).expect("there is room");
        write(place.path("d/passing"));
        fs::remove_file(place.path("d/passing")).expect("it is there");
    }
    fs::write(place.path("d/a"), "last").expect("there is room");
    fs::write(&gate, "").expect("the command waits for it");
    let mut runs = 1;
    loop {
        let told = watch.lines_until("end");
        if told.iter().any(|line| line == "last") {
            break;
        }
        runs += 1;
    }
    assert!(runs <= 3, "what happened meanwhile is merged: {runs} runs");
}

fn no_name_is_read_as_a_command(place: &Place) {
    let watch = place.watch(&[".", "-x", "printf '%s\\n' {} \"{}\""]);
    let name = "$(touch harm) `touch harm`; touch harm '\" x";
    fs::create_dir(place.path(name)).expect("there is room");
    assert!(watch.line().ends_with(name));
    write(place.path("after"));
    watch.lines_until(&place.path("after").display().to_string());
    assert!(!place.path("harm").exists());
}

fn a_reader_that_goes_ends_it_quietly(place: &Place) {
    let mut child = place.command(&["watch", "."]);
    let mut child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it has been built");
    let complained = lines(child.stderr.take().expect("it is a pipe"));
    while !complained.recv_timeout(PATIENCE).expect("it says so").starts_with("gamin: watching") {}
    // Nothing happens, and still it is noticed.
    drop(child.stdout.take());
    assert_eq!(child.wait().expect("it is ours").code(), Some(0));
    assert!(complained.recv_timeout(PATIENCE).is_err(), "nothing is said");
}

fn status_tells_who_is_told_of_what(place: &Place) {
    let watch = place.watch(&["."]);
    let status = place.output(&["status"]);
    let said = text(&status.stdout);
    let ours = said.split_once(&format!("session {}: gam_server ", place.session)).expect("it is listed").1;
    let path = place.directory.path().display();
    assert!(ours.contains(&format!("  process {} gamin: 1 subscription, for ", watch.pid())), "{said}");
    assert!(ours.contains(&format!("    directory kernel {path} (0 entries)")), "{said}");
    let objects = text(&place.output(&["status", "--json"]).stdout);
    let objects =
        objects.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("it is JSON"));
    let ours: Vec<_> = objects.filter(|object| object["session_id"] == *place.session).collect();
    let is_ours = |object: &&serde_json::Value| object["fact"] == "session";
    let session = ours.iter().find(is_ours).expect("there is one");
    assert_eq!((&session["pid"], &session["subscriptions"]), (&watch.pid().as_raw().into(), &1.into()));
}

fn without_a_server_complaints_say_what_to_do(place: &Place) {
    let mut command = place.command(&["watch", "."]);
    let failed =
        command.env("GAMIN_DEBUG_SERVER", "/nonexistent/gam_server").output().expect("it has been built");
    assert_eq!(failed.status.code(), Some(1));
    let said = text(&failed.stderr);
    assert!(said.contains("/nonexistent/gam_server") && said.contains("GAMIN_DEBUG_SERVER"), "{said}");
    assert!(failed.stdout.is_empty());
}

fn the_doctor_finds_out_what_works(place: &Place) {
    write(place.path("file"));
    let output = place.output(&["doctor", ".", "file", "missing/deep"]);
    let said = text(&output.stdout);
    // What the machine's other programs use up of its limits is not this test's.
    for line in said.lines().filter(|line| line.starts_with("!!")) {
        assert!(line.starts_with("!!  fs.inotify.") || line.starts_with("!!  user."), "{said}");
    }
    assert_eq!(output.status.code(), Some(said.contains("!!").into()), "{said}");
    for line in [
        "ok  server: gam_server ",
        "ok  self-test: a new file in ",
        "ok  .: kernel, ",
        "ok  file: kernel, ",
        "ok  missing/deep: kernel, ",
        "; nothing is there yet\n",
    ] {
        assert!(said.contains(line), "{line} is not in\n{said}");
    }
    assert!(said.contains("fs.inotify.max_user_watches: "), "{said}");
}

fn the_doctor_says_which_rule_decides(place: &Place) {
    let polled = place.path("polled");
    let rules = format!("poll {}*\nfrobnicate /x\n", polled.display());
    fs::write(place.path(".gaminrc"), rules).expect("there is room");
    fs::create_dir(&polled).expect("there is room");
    let output = place.output(&["doctor", "polled"]);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let file = place.path(".gaminrc").display().to_string();
    let expected = [
        format!("ok  polled: poll every 1 s, by the rule {}* ({file}:1)\n", polled.display()),
        format!("!!  configuration: {file}:2: `frobnicate` is none of notify, poll, fsset\n"),
    ];
    for line in expected {
        assert!(said.contains(&line), "{line} is not in\n{said}");
    }
}

fn the_doctor_says_what_to_do(place: &Place) {
    let mut command = place.command(&["doctor", "."]);
    let output =
        command.env("GAMIN_DEBUG_SERVER", "/nonexistent/gam_server").output().expect("it has been built");
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let (_, advice) = said.split_once("!!  server: ").expect("it is found out");
    assert!(advice.lines().nth(1).is_some_and(|line| line.contains("GAMIN_DEBUG_SERVER")), "{said}");
    let mut command = place.command(&["doctor"]);
    let output = command.env("TMPDIR", place.path("missing")).output().expect("it has been built");
    let said = text(&output.stdout);
    assert!(output.status.code() == Some(1) && said.contains("!!  self-test: "), "{said}");
    assert!(said.contains("TMPDIR"), "{said}");
}

fn a_report_has_no_names_unless_asked_for(place: &Place) {
    let watch = place.watch(&["."]);
    write(place.path("secret"));
    watch.lines_until("Changed  ./secret");
    let report = |name: &str, arguments: &[&str]| {
        let path = place.path(name);
        let path = path.to_str().expect("it is text");
        let output = place.output(&[&["report", "-o", path], arguments].concat());
        assert!(output.status.success(), "{output:?}");
        let whole = fs::read_to_string(path).expect("it is text");
        let heading = format!("== server of session {}, process ", place.session);
        let ours = whole.split_once(&heading).expect("the server is in it").1;
        let ours = ours.split("\n== ").next().unwrap_or_default().to_owned();
        (whole, ours)
    };
    let (without, ours) = report("without", &[]);
    let directory = place.directory.path().display().to_string();
    assert!(!without.contains("secret") && !without.contains(&directory), "{without}");
    for part in ["gamin ", "Linux ", "== kernel", "fs.inotify.max_user_watches", "== mounts", " proc\n"] {
        assert!(without.contains(part), "{part} is not in\n{without}");
    }
    for fact in
        ["server version=", "rule method=", "file-system type=", "mount type=", "watch id=", "ring at="]
    {
        assert!(ours.lines().any(|line| line.starts_with(fact)), "{fact} is not in\n{ours}");
    }
    let is_event = |line: &str| line.contains(" event=Created ") && line.ends_with(" name=\"...\"");
    assert!(ours.lines().any(is_event), "{ours}");
    let (_, ours) = report("with", &["--names"]);
    assert!(ours.contains("secret") && ours.contains(&directory), "{ours}");
}

fn a_report_is_new_and_its_owner_s(place: &Place) {
    let path = place.path("report");
    let output = place.output(&["report", "-o", "report"]);
    assert!(output.status.success(), "{output:?}");
    let metadata = fs::symlink_metadata(&path).expect("it is there");
    assert_eq!(metadata.permissions().mode() & 0o7777, 0o600);
    std::os::unix::fs::symlink("elsewhere", place.path("link")).expect("there is room");
    for name in ["report", "link", "no/where"] {
        let output = place.output(&["report", "-o", name]);
        let said = text(&output.stderr);
        assert!(output.status.code() == Some(1) && said.starts_with(&format!("gamin: {name}: ")), "{said}");
    }
    assert!(!place.path("elsewhere").exists());
}

fn sigusr2_traces_a_client(place: &Place) {
    let mut command = place.command(&["watch", "."]);
    command.env("GAM_DEBUG", "");
    let watch = Running::start(command);
    while !watch.complaint().starts_with("gamin: watching") {}
    kill(watch.pid(), Signal::SIGUSR2).expect("it is ours");
    let file = wait_for_trace(watch.pid(), true).expect("there is one");
    // It is open before it has begun.
    let start = Instant::now();
    while !fs::read_to_string(&file).expect("it is text").contains("trace begins") {
        assert!(start.elapsed() < PATIENCE, "the trace does not begin");
        thread::yield_now();
    }
    write(place.path("a"));
    watch.lines_until("Changed  ./a");
    kill(watch.pid(), Signal::SIGUSR2).expect("it is ours");
    wait_for_trace(watch.pid(), false);
    let metadata = fs::symlink_metadata(&file).expect("it is there");
    let traced = fs::read_to_string(&file).expect("it is text");
    fs::remove_file(&file).expect("it is ours");
    assert_eq!(metadata.permissions().mode() & 0o7777, 0o600);
    assert!(traced.starts_with("client version=") && traced.contains("received"), "{traced}");
    // Without GAM_DEBUG nothing was installed: the signal does what it does in any program.
    let mut watch = place.watch(&["."]);
    kill(watch.pid(), Signal::SIGUSR2).expect("it is ours");
    assert!(!watch.child.wait().expect("it is ours").success());
}

fn wait_for_trace(pid: Pid, on: bool) -> Option<PathBuf> {
    let start = Instant::now();
    loop {
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).expect("the process runs");
        let mut targets =
            descriptors.flatten().filter_map(|descriptor| fs::read_link(descriptor.path()).ok());
        let trace = targets.find(|target| target.to_string_lossy().contains("/gamin_debug_"));
        // The file is there before anything goes to it.
        let has_begun =
            |trace: &PathBuf| fs::read_to_string(trace).is_ok_and(|text| text.contains("trace begins"));
        if trace.is_some() == on && trace.as_ref().is_none_or(has_begun) {
            return trace;
        }
        assert!(start.elapsed() < PATIENCE, "the trace is not switched");
        thread::yield_now();
    }
}

fn the_command_line_is_explained(place: &Place) {
    for arguments in [&["--help"][..], &["watch", "--help"], &["--version"], &["completions", "bash"]] {
        let output = place.output(arguments);
        assert!(output.status.success() && !output.stdout.is_empty(), "{arguments:?}");
    }
    for arguments in [&[][..], &["watch"], &["frobnicate"], &["watch", ".", "--frobnicate"]] {
        let output = place.output(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{arguments:?}");
    }
}
