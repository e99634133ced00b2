//! `gamin status`, `doctor`, `report` and its command line, from outside.

mod support;

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{ExitCode, Output, Stdio};
use std::thread;
use std::time::Instant;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use support::{PATIENCE, Place, behind, text, write};

fn main() -> ExitCode {
    support::run(&[
        ("status_tells_who_is_told_of_what", status_tells_who_is_told_of_what),
        ("without_a_server_complaints_say_what_to_do", without_a_server_complaints_say_what_to_do),
        ("the_doctor_finds_out_what_works", the_doctor_finds_out_what_works),
        ("the_doctor_says_which_rule_decides_and_which_line_is_wrong", the_doctor_says_which_rule_decides),
        ("the_doctor_says_what_to_do", the_doctor_says_what_to_do),
        (
            "the_doctor_says_that_there_is_no_server_where_none_is_wanted",
            the_doctor_says_that_there_is_no_server_where_none_is_wanted,
        ),
        ("a_lack_of_inotify_instances_passes_and_is_named", a_lack_of_instances_passes),
        (
            "a_lack_of_inotify_instances_passes_without_a_server_too",
            a_lack_of_instances_passes_without_a_server,
        ),
        ("a_report_has_no_names_unless_asked_for", a_report_has_no_names_unless_asked_for),
        ("a_report_is_new_and_its_owner_s", a_report_is_new_and_its_owner_s),
        ("a_report_that_is_not_whole_is_not_left", a_report_that_is_not_whole_is_not_left),
        ("a_report_that_is_ended_leaves_nothing", a_report_that_is_ended_leaves_nothing),
        ("a_report_says_who_watches", a_report_says_who_watches),
        ("a_mode_that_is_none_is_a_problem", a_mode_that_is_none_is_a_problem),
        ("sigusr2_traces_a_client", sigusr2_traces_a_client),
        ("without_an_inotify_instance_fanotify_tells", without_an_inotify_instance_fanotify_tells),
        ("as_process_1_signals_end_it", as_process_1_signals_end_it),
        ("what_can_not_be_written_is_no_success", what_can_not_be_written_is_no_success),
        ("the_command_line_is_explained", the_command_line_is_explained),
    ])
}

fn status_tells_who_is_told_of_what(place: &Place) {
    let watch = place.watch(&["."]);
    let status = place.output(&["status", "-v", "--session", &place.session]);
    let said = text(&status.stdout);
    let ours = said.split_once(&format!("session {}: gam_server ", place.session)).expect("it is listed").1;
    let path = place.directory.path().display();
    let totals = text(&place.output(&["status", "--session", &place.session]).stdout);
    assert!(totals.lines().count() == 4 && !totals.contains(&path.to_string()), "{totals}");
    let pid = watch.pid().to_string();
    let one = text(&place.output(&["status", "--pid", &pid, "-v"]).stdout);
    assert_eq!(one.lines().filter(|line| line.starts_with("  process ")).count(), 1, "{one}");
    let nobody = place.output(&["status", "--pid", "2147483647"]);
    assert!(nobody.status.code() == Some(1) && nobody.stdout.is_empty());
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
        "ok  sandbox: confined by ",
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

fn the_doctor_says_that_there_is_no_server_where_none_is_wanted(place: &Place) {
    let mut command = place.command(&["doctor", "."]);
    let output = command.env("GAM_MODE", "embedded").output().expect("it has been built");
    let said = text(&output.stdout);
    for line in [
        "ok  server: none, each program watches by itself: GAM_MODE says so\n",
        "ok  self-test: a new file in ",
        "ok  .: kernel, ",
    ] {
        assert!(said.contains(line), "{line} is not in\n{said}");
    }
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

/// Plays in a user namespace in which there may be neither an inotify instance nor a fanotify group at first. Status 77: such a namespace
/// can't be had.
const LACK_OF_INSTANCES: &str = r#"
echo 0 >/proc/sys/user/max_inotify_instances && echo 0 >/proc/sys/user/max_fanotify_groups || exit 77
mkdir w
"$0" watch w 2>said & watch=$!
while ! grep -q watching said; do :; done
cat said
"$0" doctor w
echo 128 >/proc/sys/user/max_inotify_instances
while ! grep -q 'followed again' said; do :; done
"$0" doctor w | tail -1
kill $watch
"#;

/// Plays in one in which there may be no inotify instance.
const FANOTIFY_INSTEAD: &str = r#"
echo 0 >/proc/sys/user/max_inotify_instances || exit 77
mkdir w
"$0" doctor w
"$0" watch w >told & watch=$!
while ! grep -q new told; do : >w/new; done
kill $watch
"#;

/// Runs a script in a user namespace of its own; says so where none can be had.
fn in_namespace(place: &Place, script: &str, mode: &str) -> Option<Output> {
    let words = ["timeout", "60", "unshare", "--user", "--map-root-user", "--mount", "--net", "sh", "-c"];
    let mut command = behind(&[&words[..], &[script]].concat(), &place.command(&[]));
    let output = command.env("GAM_MODE", mode).output();
    let output = output.ok().filter(|output| output.status.code() != Some(77));
    if output.is_none() {
        let _ = writeln!(std::io::stderr(), "skipped: no user namespace can be had");
    }
    output
}

fn without_an_inotify_instance_fanotify_tells(place: &Place) {
    for mode in ["server", "embedded"] {
        let Some(output) = in_namespace(place, FANOTIFY_INSTEAD, mode) else { return };
        let said = text(&output.stdout);
        assert!(said.contains("ok  w: kernel"), "{said}");
        assert_eq!(said.contains("ok  notices: by fanotify: "), mode == "server", "{said}");
        fs::remove_dir_all(place.path("w")).expect("because it is ours");
    }
}

fn a_lack_of_instances_passes(place: &Place) {
    a_lack_of_instances_passes_in(place, "server");
}

fn a_lack_of_instances_passes_without_a_server(place: &Place) {
    a_lack_of_instances_passes_in(place, "embedded");
}

fn a_lack_of_instances_passes_in(place: &Place, mode: &str) {
    let Some(output) = in_namespace(place, LACK_OF_INSTANCES, mode) else { return };
    let said = text(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    let gap = "gamin: w: looked at every second, because the kernel's limit of inotify watches or instances is reached";
    assert!(said.starts_with(gap), "{said}");
    for part in [
        "!!  w: poll every 1 s, because the kernel's limit of inotify instances is reached",
        "sysctl user.max_inotify_instances=128",
    ] {
        assert!(said.contains(part), "{part} is not in\n{said}");
    }
    assert!(said.lines().last().is_some_and(|line| line.starts_with("ok  w: kernel")), "{said}");
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
    let printed = place.output(&["report", "-o", "-"]);
    assert!(printed.status.success() && text(&printed.stdout).starts_with("gamin "), "{printed:?}");
    std::os::unix::fs::symlink("elsewhere", place.path("link")).expect("there is room");
    for name in ["report", "link", "no/where"] {
        let output = place.output(&["report", "-o", name]);
        let said = text(&output.stderr);
        assert!(output.status.code() == Some(1) && said.starts_with(&format!("gamin: {name}: ")), "{said}");
    }
    assert!(!place.path("elsewhere").exists());
}

fn a_report_that_is_not_whole_is_not_left(place: &Place) {
    // Files may have no byte, and to try ends nobody.
    let words = ["sh", "-c", "trap '' XFSZ; ulimit -f 0; exec \"$@\"", "sh"];
    let output =
        behind(&words, &place.command(&["report", "-o", "report"])).output().expect("there is a shell");
    let said = text(&output.stderr);
    assert!(output.status.code() == Some(1) && said.starts_with("gamin: report: "), "{said}");
    assert!(!place.path("report").exists());
    assert!(place.output(&["report", "-o", "report"]).status.success());
}

fn a_report_that_is_ended_leaves_nothing(place: &Place) {
    let watch = place.watch(&["."]);
    let status = text(&place.output(&["status", "--session", &place.session]).stdout);
    let (_, server) = status.split_once(", process ").expect("the server is listed");
    let server = Pid::from_raw(
        server.split(|c: char| !c.is_ascii_digit()).next().unwrap_or("").parse().expect("a pid"),
    );
    kill(server, Signal::SIGSTOP).expect("it is ours");
    let mut report = place.command(&["report", "-o", "report"]).spawn().expect("it has been built");
    // It asks, and has to wait for the answer.
    let asks = |pid: u32| {
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).expect("it runs");
        let mut targets = descriptors.flatten().filter_map(|one| fs::read_link(one.path()).ok());
        targets.any(|target| target.to_string_lossy().starts_with("socket:"))
    };
    let start = Instant::now();
    while !asks(report.id()) {
        assert!(start.elapsed() < PATIENCE, "it asks nobody");
        thread::yield_now();
    }
    report.kill().expect("it is ours");
    report.wait().expect("it is ours");
    kill(server, Signal::SIGCONT).expect("it is ours");
    let left: Vec<_> = fs::read_dir(place.directory.path()).expect("it is there").flatten().collect();
    assert!(left.is_empty(), "{left:?}");
    drop(watch);
}

fn a_report_says_who_watches(place: &Place) {
    let part = |variables: &[(&str, &str)], more: &[&str]| {
        let mut command = place.command(&[&["report", "-o", "-"], more].concat());
        command.envs(variables.iter().copied());
        let said = text(&command.output().expect("it has been built").stdout);
        let part = said.split_once("\n== who watches: ").expect("it is in it").1.to_owned();
        part.split_once("\n\n").map_or(part.clone(), |(part, _)| part.to_owned())
    };
    assert_eq!(
        part(&[], &[]),
        "a server\nGAM_MODE: not set\nGAMIN_DEBUG_SERVER: \"...\"\n\
         server of this session: does not run, and can be started"
    );
    let nowhere = [("GAM_MODE", "embedded"), ("GAMIN_DEBUG_SERVER", "/nonexistent/gam_server")];
    assert_eq!(
        part(&nowhere, &["--names"]),
        "each program itself\nGAM_MODE: embedded\nGAMIN_DEBUG_SERVER: /nonexistent/gam_server\n\
         server of this session: does not run, and can't be started: its program is not there, or can't be run"
    );
    let _watch = place.watch(&["."]);
    let told = part(&[("GAM_MODE", "embeded")], &[]);
    let mode = "GAM_MODE: \"...\", none of server, embedded and auto: taken for auto\n";
    assert!(told.contains(mode) && told.ends_with("server of this session: runs"), "{told}");
}

fn a_mode_that_is_none_is_a_problem(place: &Place) {
    let mut command = place.command(&["doctor"]);
    let output = command.env("GAM_MODE", "embeded").output().expect("it has been built");
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let problem = "!!  GAM_MODE: embeded is no name of a mode, and taken for auto\n      \
                   the names are server, embedded and auto; or leave it out\n";
    assert!(said.starts_with(problem), "{said}");
}

fn sigusr2_traces_a_client(place: &Place) {
    let watch = place.watch(&["."]);
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
}

/// The bit of SIGTERM among the signals that a process takes.
const TERM_BIT: u64 = 1 << (Signal::SIGTERM as u64 - 1);

fn as_process_1_signals_end_it(place: &Place) {
    for arguments in [&["watch", "."][..], &["wait", "--gone", "."]] {
        let words = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child"];
        let mut command = behind(&words, &place.command(arguments));
        let Ok(mut unshare) = command.stderr(Stdio::null()).stdout(Stdio::null()).spawn() else { return };
        let start = Instant::now();
        let inner = loop {
            let children = format!("/proc/{0}/task/{0}/children", unshare.id());
            let children = fs::read_to_string(children).unwrap_or_default();
            let status = fs::read_to_string(format!("/proc/{}/status", children.trim())).unwrap_or_default();
            let taken = status.lines().find_map(|line| line.strip_prefix("SigCgt:\t"));
            let taken = taken.and_then(|mask| u64::from_str_radix(mask, 16).ok()).unwrap_or(0);
            if status.starts_with("Name:\tgamin") && taken & TERM_BIT != 0 {
                break children.trim().parse().expect("it is a number");
            }
            if unshare.try_wait().expect("it is ours").is_some() {
                let _ = writeln!(std::io::stderr(), "skipped: no pid namespace can be had");
                return;
            }
            assert!(start.elapsed() < PATIENCE, "{arguments:?} takes no signals");
        };
        kill(Pid::from_raw(inner), Signal::SIGTERM).expect("it is ours");
        assert_eq!(unshare.wait().expect("it is ours").code(), Some(143), "{arguments:?}");
    }
}

fn what_can_not_be_written_is_no_success(place: &Place) {
    let _watch = place.watch(&["."]);
    for arguments in [
        &["--help"][..],
        &["watch", "--help"],
        &["--version"],
        &["completions", "bash"],
        &["status"],
        &["doctor"],
        &["watch", "--existing", "."],
    ] {
        let full = File::options().write(true).open("/dev/full").expect("every system has it");
        let mut command = place.command(arguments);
        let output = command.stdout(full).stderr(Stdio::piped()).output().expect("it has been built");
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(said.contains("can't write to standard output: No space left"), "{arguments:?}: {said}");
    }
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
