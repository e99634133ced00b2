//! `testgam run` as CI and people use it: on a corpus of its own, by its output and its exit status.

use std::fs::{self, OpenOptions};
use std::num::NonZero;
use std::os::fd::AsFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use gamin::ServerCommand;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, mkfifo};
use serde_json::Value;
use testgam::PlayOptions;
use testgam::options::WorldKind;
use testgam::suite::SuiteOptions;
use testgam::suite::corpus::Corpus;
use testgam::suite::verdict::{self, Kind, Verdict};
use testgam_language::EXTENDED_HEADER;
use testgam_language::script::UNSAID_PROMISE;

const TESTGAM: &str = env!("CARGO_BIN_EXE_testgam");
const HOLDS: &str = "connect\nmkdir temp\nmondir temp\nmkfile temp/a\n";
/// The longest wait for a server to be started.
const PATIENCE_MS: u16 = 10_000;
/// What scenarios leave in their temporary folder is looked for in here.
const TEMPORARY: &str = "temporary";

/// A corpus in a folder of its own.
struct Scratch(tempfile::TempDir);

impl Scratch {
    fn new(scenarios: &[(&str, &str)]) -> Scratch {
        let scratch = Scratch(tempfile::tempdir().expect("a temporary directory"));
        fs::create_dir(scratch.path(TEMPORARY)).expect("a folder");
        fs::create_dir_all(scratch.path("tests/scenario")).expect("a folder");
        for (name, body) in scenarios {
            scratch.write(&format!("tests/scenario/{name}.tst"), &format!("{EXTENDED_HEADER}\n{body}"));
        }
        scratch
    }

    fn accepted(scenarios: &[(&str, &str)]) -> Scratch {
        let scratch = Scratch::new(scenarios);
        assert_eq!(scratch.status(&["--accept"]), 0);
        scratch
    }

    fn path(&self, place: &str) -> PathBuf {
        self.0.path().join(place)
    }

    fn write(&self, place: &str, text: &str) {
        let path = self.path(place);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("the file can be written");
    }

    fn read(&self, place: &str) -> String {
        fs::read_to_string(self.path(place)).expect("the file is there")
    }

    /// Replaces text in a file.
    fn edit(&self, place: &str, from: &str, to: &str) {
        let text = self.read(place);
        assert!(text.contains(from), "{from:?} is in {text}");
        self.write(place, &text.replace(from, to));
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(TESTGAM);
        command.arg("run").args(arguments).current_dir(self.0.path());
        command.env("TMPDIR", self.path(TEMPORARY)).env_remove("GAMIN_DEBUG_SERVER");
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("testgam runs")
    }

    fn status(&self, arguments: &[&str]) -> i32 {
        self.run(arguments).status.code().expect("an exit status")
    }

    /// The status and what was said on standard output.
    fn report(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.run(arguments);
        let text = String::from_utf8(output.stdout).expect("the report is UTF-8");
        (output.status.code().expect("an exit status"), text)
    }

    /// The status and what was said on standard error.
    fn complaint(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.run(arguments);
        (output.status.code().expect("an exit status"), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// A server that runs these lines of shell first.
    fn server(&self, lines: &str) -> String {
        let path = self.path("server");
        fs::write(&path, format!("#!/bin/sh\n{lines}\nexec {TESTGAM} gam_server \"$@\"\n")).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it is ours");
        path.display().to_string()
    }

    /// What scenarios left behind: folders, and processes that know of them.
    fn remains(&self) -> Vec<String> {
        let folder = self.path(TEMPORARY);
        let folders = fs::read_dir(&folder).expect("the folder is there").flatten();
        let mut remains: Vec<_> = folders.map(|entry| entry.path().display().to_string()).collect();
        let knows = |pid: &String| {
            let read = |file: &str| fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
            let text = [read("environ"), read("cmdline")].concat();
            String::from_utf8_lossy(&text).contains(&folder.display().to_string())
        };
        let processes = fs::read_dir("/proc").expect("processes are listed").flatten();
        remains.extend(processes.filter_map(|entry| entry.file_name().into_string().ok()).filter(knows));
        remains
    }
}

fn assert_holds_all(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is missing in:\n{text}");
    }
}

#[test]
fn a_missing_snapshot_fails_until_it_is_accepted() {
    let scratch = Scratch::new(&[("area/holds", HOLDS)]);
    let (status, report) = scratch.report(&[]);
    assert_eq!(status, 1);
    assert_holds_all(
        &report,
        &["missing", "+  1: a Created", "testgam run --accept tests/scenario/area/holds.tst"],
    );
    let (status, report) = scratch.report(&["--accept"]);
    assert_eq!(status, 0);
    assert_holds_all(&report, &["accepted area/holds: new", "1 scenario: 1 accepted"]);
    let expected = "---\nsource: testgam/tests/scenarios.rs\ninput_file: tests/scenario/area/holds.tst\n---\nconnected\nmkdir temp\n\
                    mondir temp 0\n  1: $DIR/temp Exists\n  1: $DIR/temp EndExist\nmkfile temp/a\n  1: a Created\n";
    assert_eq!(scratch.read("snapshots/area/holds.snap"), expected);
    let (status, report) = scratch.report(&["--accept"]);
    assert_eq!(status, 0);
    assert_holds_all(&report, &["held     area/holds", "1 scenario: 1 held"]);
    assert_eq!(scratch.remains(), Vec::<String>::new());
}

#[test]
fn a_difference_shows_the_step_the_lines_and_the_command_that_accepts_it() {
    let scratch = Scratch::accepted(&[("area/holds", HOLDS), ("area/other", HOLDS)]);
    let accepted = scratch.read("snapshots/area/holds.snap");
    scratch.edit("snapshots/area/holds.snap", "a Created", "a Changed");
    scratch.edit("snapshots/area/holds.snap", "---\nsource", "---\ndescription: why\nsource");
    scratch.write("snapshots/area/holds.snap.new", "what insta left");
    let (status, report) = scratch.report(&[]);
    assert_eq!(status, 1);
    let command = "testgam run --accept tests/scenario/area/holds.tst";
    let place = "tests/scenario/area/holds.tst:5: mkfile temp/a";
    assert_holds_all(&report, &[place, "    -  1: a Changed\n    +  1: a Created\n", command]);
    assert_holds_all(&report, &["differs  area/holds", "held     area/other", "1 held, 1 did not hold"]);
    let list = "what did not hold, and how to play it again:\n    differs  area/holds: testgam run tests/scenario/area/holds.tst\n2 scenarios: ";
    assert_holds_all(&report, &[list]);
    assert!(!report.contains('\x1b'), "no colours in a pipe");
    assert_eq!(scratch.status(&["--accept", "tests/scenario/area/holds.tst"]), 0);
    let kept = accepted.replace("input_file", "description: why\ninput_file");
    assert_eq!(scratch.read("snapshots/area/holds.snap"), kept);
    assert!(!scratch.path("snapshots/area/holds.snap.new").exists());
    assert_eq!(scratch.status(&[]), 0);
}

#[test]
fn a_failed_step_is_shown_and_never_accepted() {
    let scratch = Scratch::new(&[
        ("area/fails", "connect\nrmdir nothing\nmkdir temp\n"),
        ("area/mistaken", "mkdirr a\n"),
    ]);
    for arguments in [&[][..], &["--accept"]] {
        let (status, report) = scratch.report(arguments);
        assert_eq!(status, 1);
        assert_holds_all(&report, &["failed   area/fails", "tests/scenario/area/fails.tst:3: rmdir nothing"]);
        assert_holds_all(
            &report,
            &["unreadable area/mistaken", "2:1: `mkdirr` is no verb; did you mean `mkdir`?"],
        );
        assert!(!report.contains("to accept this"), "{report}");
    }
    assert!(!scratch.path("snapshots").exists());
}

#[test]
fn an_orphan_counts_when_everything_is_played() {
    let scratch = Scratch::accepted(&[("area/gone", HOLDS), ("area/stays", HOLDS), ("empty/gone", HOLDS)]);
    fs::remove_file(scratch.path("tests/scenario/area/gone.tst")).expect("it is there");
    fs::remove_file(scratch.path("tests/scenario/empty/gone.tst")).expect("it is there");
    let (status, report) = scratch.report(&[]);
    assert_eq!(status, 1);
    assert_holds_all(
        &report,
        &["orphaned area/gone", "orphaned empty/gone", "to accept this: testgam run --accept\n"],
    );
    assert_eq!(scratch.status(&["--accept", "tests/scenario/area"]), 0);
    assert_eq!(scratch.status(&["--accept", "--filter", "stays"]), 0);
    assert!(scratch.path("snapshots/area/gone.snap").exists());
    let (status, report) = scratch.report(&["--accept"]);
    assert_eq!(status, 0);
    assert_holds_all(&report, &["removed  area/gone", "1 held, 2 accepted"]);
    assert!(!scratch.path("snapshots/area/gone.snap").exists());
    assert!(scratch.path("snapshots/area/stays.snap").exists());
    assert!(!scratch.path("snapshots/empty").exists());
    assert_eq!(scratch.status(&[]), 0);
}

#[test]
fn a_skipped_scenario_does_no_harm_and_says_why() {
    // Without the programs that set limits, they cannot be set.
    let scratch = Scratch::new(&[("area/limits", "server watches 5\nconnect\n")]);
    let mut command = scratch.command(&["--accept"]);
    command.env("PATH", "/nowhere");
    let output = command.output().expect("testgam runs");
    let report = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{report}");
    assert_holds_all(
        &report,
        &["skipped  area/limits: the server cannot be limited here", "1 scenario: 1 skipped"],
    );
    assert!(!scratch.path("snapshots").exists());
}

#[test]
fn what_is_played_is_chosen_by_path_and_filter() {
    let scratch =
        Scratch::accepted(&[("a/one", HOLDS), ("a/two", HOLDS), ("b/one", HOLDS), ("b/three", HOLDS)]);
    let played = |arguments: &[&str]| {
        let (status, report) = scratch.report(arguments);
        assert_eq!(status, 0, "{report}");
        report
            .lines()
            .filter_map(|line| line.strip_prefix("held     ")?.split(' ').next().map(str::to_owned))
            .collect::<Vec<_>>()
    };
    assert_eq!(played(&["tests/scenario/a"]), ["a/one", "a/two"]);
    assert_eq!(played(&["tests/scenario/b/three.tst", "tests/scenario/a/one.tst"]), ["a/one", "b/three"]);
    assert_eq!(played(&["--filter", "one"]), ["a/one", "b/one"]);
    assert_eq!(played(&["--filter", "two", "--filter", "b/", "--jobs", "1"]), ["a/two", "b/one", "b/three"]);
    assert_eq!(played(&["tests"]).len(), 4);
    let below = scratch.command(&["--filter", "a/"]).current_dir(scratch.path("tests/scenario/b")).output();
    assert_eq!(below.expect("testgam runs").status.code(), Some(0));
}

#[test]
fn nothing_to_play_is_an_error_that_names_what_was_wanted() {
    let scratch = Scratch::new(&[("area/holds", HOLDS)]);
    scratch.write("tests/scenario/area/readme", "no scenario");
    scratch.write("bug.tst", "connect\n");
    let cases: &[(&[&str], &str)] = &[
        (&["--filter", "absent"], "no scenario is named like `absent` in tests/scenario"),
        (&["tests/scenario/absent.tst"], "tests/scenario/absent.tst: No such file"),
        (&["tests/scenario/area/readme"], "tests/scenario/area/readme is no scenario"),
        (&["bug.tst"], "bug.tst is not in the corpus"),
    ];
    for (arguments, message) in cases {
        let (status, complaint) = scratch.complaint(arguments);
        assert_eq!(status, 2, "{arguments:?}");
        assert_holds_all(&complaint, &[message]);
    }
    let outside = scratch.command(&[]).current_dir("/").output().expect("testgam runs");
    assert_eq!(outside.status.code(), Some(2));
    assert_holds_all(&String::from_utf8_lossy(&outside.stderr), &["there is no corpus here"]);
}

#[test]
fn repeated_scenarios_have_to_print_the_same() {
    let scratch = Scratch::accepted(&[("area/holds", HOLDS)]);
    assert_eq!(scratch.status(&["--repeat", "3"]), 0);
    // The scenario cannot know how often it was played, but the server can.
    let played = scratch.path("played");
    let server = scratch.server(&format!("[ -e {0} ] && exit 1\n: >{0}", played.display()));
    let (status, report) = scratch.report(&["--repeat", "2", "--server", &server]);
    assert_eq!(status, 1);
    assert_holds_all(&report, &["failed   area/holds", "tests/scenario/area/holds.tst:2: connect"]);
}

#[test]
fn every_form_of_report_can_be_read() {
    let odd = "connect\nmkdir \"<a> & \\\"b\\\" #c\"\nmondir \"<a> & \\\"b\\\" #c\"\n";
    let scratch = Scratch::accepted(&[("area/holds", HOLDS), ("area/odd", odd)]);
    scratch.edit("snapshots/area/odd.snap", "EndExist", "Gone");
    let (status, json) = scratch.report(&["--format", "json", "--show"]);
    assert_eq!(status, 1);
    let records: Vec<Value> = json.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(records.len(), 3);
    assert_eq!((&records[0]["name"], &records[0]["verdict"]), (&"area/holds".into(), &"held".into()));
    assert_eq!((&records[1]["verdict"], &records[1]["line"]), (&"differs".into(), &4.into()));
    assert_eq!(records[1]["accept"], "testgam run --accept tests/scenario/area/odd.tst");
    assert_holds_all(records[0]["transcript"].as_str().expect("text"), &["1: a Created"]);
    assert_eq!((&records[2]["type"], &records[2]["broken"]), (&"summary".into(), &1.into()));

    let (status, tap) = scratch.report(&["--format", "tap"]);
    assert_eq!(status, 1);
    assert!(
        tap.starts_with(
            "TAP version 14\n1..2\nok 1 - area/holds\nnot ok 2 - area/odd\n  ---\n  kind: \"differs\"\n"
        ),
        "{tap}"
    );

    let (status, junit) = scratch.report(&["--format", "junit", "--show"]);
    assert_eq!(status, 1);
    assert_well_formed(&junit);
    assert_holds_all(
        &junit,
        &["tests=\"2\" failures=\"1\"", "classname=\"area\" name=\"odd\"", "&lt;a&gt; &amp;"],
    );
}

/// Every tag is closed in order, and nothing stands bare that XML reads as markup.
fn assert_well_formed(xml: &str) {
    let mut open = Vec::new();
    let mut rest = xml;
    while let Some((text, behind)) = rest.split_once('<') {
        for reference in text.split('&').skip(1) {
            let known = ["amp;", "lt;", "gt;", "quot;", "#10;", "#9;"];
            assert!(known.iter().any(|name| reference.starts_with(name)), "&{reference}");
        }
        let (tag, behind) = behind.split_once('>').expect("a tag ends");
        let name = tag.split(' ').next().unwrap_or_default();
        match name.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name)),
            None if tag.starts_with('?') || tag.ends_with('/') => {}
            None => open.push(name),
        }
        rest = behind;
    }
    assert!(open.is_empty() && rest.trim().is_empty(), "{open:?} {rest}");
}

/// Interrupts a suite while a scenario has its server.
fn assert_interrupted(body: &str, signal: Signal) {
    let scratch = Scratch::new(&[("area/a", body), ("area/b", "mkdir never\n")]);
    let started = scratch.path("started");
    mkfifo(&started, Mode::S_IRWXU).expect("a pipe");
    let server = scratch.server(&format!("echo >{}", started.display()));
    let bell =
        OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(started).expect("a pipe");
    let mut child = scratch.command(&["--jobs", "1", "--server", &server]).spawn().expect("testgam runs");
    let mut bells = [PollFd::new(bell.as_fd(), PollFlags::POLLIN)];
    assert_eq!(poll(&mut bells, PATIENCE_MS), Ok(1), "the server was started");
    kill(Pid::from_raw(child.id().try_into().expect("a pid")), signal).expect("it runs");
    let status = child.wait().expect("it ends");
    assert_eq!(status.code(), Some(130), "{body:?} {signal}");
    assert_eq!(scratch.remains(), Vec::<String>::new(), "{body:?} {signal}");
}

#[test]
fn an_interrupted_suite_ends_soon_and_leaves_nothing() {
    assert_interrupted("connect\nmkdir temp\nmondir temp\nwait 60000\n", Signal::SIGINT);
    assert_interrupted("connect\nmkdir temp\nmondir temp\nexpect 100\nexpect 100\n", Signal::SIGTERM);
    assert_interrupted("connect\nmkdir temp\nserver stop\nwait 60000\n", Signal::SIGINT);
}

#[test]
fn a_scenario_that_takes_too_long_has_hung() {
    let scratch = Scratch::new(&[("area/hangs", "connect\nwait 60000\nmkdir temp\n")]);
    let scenarios = Corpus::new(scratch.0.path()).scenarios().expect("the corpus is readable");
    let server = ServerCommand { program: TESTGAM.into(), args: vec!["gam_server".into()] };
    let options = SuiteOptions {
        play: PlayOptions { server, ..PlayOptions::default() },
        worlds: vec![WorldKind::Live],
        jobs: NonZero::<usize>::MIN,
        repeat: NonZero::<u32>::MIN,
        accepts: false,
        bound: Duration::from_millis(500),
    };
    let Verdict::Broken(complaint) = verdict::judge(&scenarios[0], &options).verdict else {
        panic!("it did not hold");
    };
    assert_eq!((complaint.kind, complaint.line), (Kind::Failed, 3));
    assert_eq!(complaint.message, "hung: the scenario had not ended after 500ms");
}

#[test]
fn what_failed_is_replayed_in_the_same_way() {
    let scratch = Scratch::new(&[("area/it's odd", "mkdir a\nrmdir b\n")]);
    let (status, report) = scratch.report(&["--world", "sim", "--repeat", "2"]);
    assert_eq!(status, 1);
    let command = r"testgam run --world sim --repeat 2 'tests/scenario/area/it'\''s odd.tst'";
    assert_holds_all(&report, &[&format!("    failed   area/it's odd: {command}\n1 scenario: ")]);
    let (_, json) = scratch.report(&["--world", "sim", "--repeat", "2", "--format", "json"]);
    let record: Value = serde_json::from_str(json.lines().next().expect("a record")).expect("JSON");
    assert_eq!(record["replay"], command);
}

#[test]
fn a_list_plays_nothing_and_gives_names_alone() {
    let scratch = Scratch::new(&[("b/fails", "rmdir a\n"), ("a/one", HOLDS), ("a/two", HOLDS)]);
    assert_eq!(scratch.report(&["--list"]), (0, "a/one\na/two\nb/fails\n".to_owned()));
    assert_eq!(scratch.report(&["--list", "--filter", "one"]), (0, "a/one\n".to_owned()));
    assert_eq!(scratch.report(&["--list", "--output", "names"]), (0, String::new()));
    assert_eq!(scratch.read("names"), "a/one\na/two\nb/fails\n");
    assert_eq!(scratch.status(&["--list", "--accept"]), 2);
    let odd = Scratch::new(&[("a/\x1b[2J it's", "rmdir a\n")]);
    assert_eq!(odd.report(&["--list"]), (0, "a/\\u{1b}[2J it's\n".to_owned()));
}

#[test]
fn no_name_and_no_script_plays_tricks_on_a_terminal() {
    let fails = "mkdir a\nrmdir \"\x1b[2J\u{9b}\u{202e}\"\n";
    let odd = Scratch::new(&[
        ("a/\x1b[2J it's", fails),
        ("a/b", "mkdirr \x1b[2J\n"),
        ("a/c", "frob\x1b[2J\n"),
        ("a/d", "mkdir \x1b[2J\n"),
    ]);
    let is_obeyed = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
    for format in ["pretty", "tap", "json", "junit"] {
        let (status, report) = odd.report(&["--world", "sim", "--show", "--format", format]);
        assert!(status == 1 && !report.contains(is_obeyed) && report.contains("[2J it's"), "{report}");
    }
    for scenario in ["a/\x1b[2J it's", "a/b", "a/c", "missing \x1b[2J"] {
        let file = odd.path(&format!("tests/scenario/{scenario}.tst"));
        for command in [&["--world", "sim"][..], &["run"]] {
            let played = Command::new(TESTGAM).args(command).arg(&file).output().expect("testgam runs");
            let told = String::from_utf8_lossy(&[played.stdout, played.stderr].concat()).into_owned();
            assert!(!told.is_empty() && !told.contains(is_obeyed), "{told:?}");
        }
    }
}

#[test]
fn the_first_that_fails_ends_the_run_if_that_is_asked_for() {
    let scratch = Scratch::new(&[("a/a", "rmdir a\n"), ("a/b", "rmdir b\n"), ("a/c", "rmdir c\n")]);
    let fast = ["--world", "sim", "--fail-fast", "--jobs", "1"];
    let (status, report) = scratch.report(&fast);
    assert_eq!(status, 1);
    assert_holds_all(&report, &["failed   a/a", "3 scenarios: 1 did not hold, 2 not played"]);
    assert!(!report.contains("a/b"), "{report}");
    let (status, tap) = scratch.report(&[&fast[..], &["--format", "tap"]].concat());
    assert_eq!(status, 1);
    assert_holds_all(&tap, &["1..3\nnot ok 1 - a/a\n", "\nBail out! 2 not played, for one did not hold\n"]);
}

#[test]
fn a_report_can_go_into_a_file() {
    let scratch = Scratch::new(&[("area/fails", "rmdir a\n")]);
    let arguments = ["--world", "sim", "--format", "tap", "--output"];
    assert_eq!(scratch.report(&[&arguments[..], &["report"]].concat()), (1, String::new()));
    assert_holds_all(&scratch.read("report"), &["TAP version 14\n1..1\nnot ok 1 - area/fails\n"]);
    assert_holds_all(&scratch.report(&[&arguments[..], &["-"]].concat()).1, &["not ok 1 - area/fails\n"]);
    assert!(!scratch.path("-").exists());
    let (status, complaint) = scratch.complaint(&[&arguments[..], &["absent/report"]].concat());
    assert_eq!(status, 2);
    assert_holds_all(&complaint, &["testgam: cannot write the report to absent/report: No such file"]);
}

#[test]
fn a_scenario_that_promises_nothing_yet_is_not_accepted() {
    let unsaid = format!("# {UNSAID_PROMISE}\n\nmkdir a\n");
    let scratch = Scratch::new(&[("area/saved", &unsaid)]);
    let (status, report) = scratch.report(&["--world", "sim", "--accept"]);
    assert_eq!(status, 1);
    let why = "its comment still says `PROMISE: say here, in a sentence, what must be reported.`";
    assert_holds_all(
        &report,
        &["unpromised area/saved", why, "write that sentence, then accept it", "+mkdir a"],
    );
    assert!(!scratch.path("snapshots").exists());
    scratch.edit("tests/scenario/area/saved.tst", UNSAID_PROMISE, "What is made is there.");
    assert_eq!(scratch.status(&["--world", "sim", "--accept"]), 0);
}

#[test]
fn an_exploration_that_finds_nothing_says_that_every_promise_held() {
    let arguments = ["explore", "--seed", "1", "--histories", "2", "--steps", "10"];
    let output = Command::new(TESTGAM).args(arguments).output().expect("testgam runs");
    assert_eq!(output.status.code(), Some(0));
    let said = String::from_utf8_lossy(&output.stderr);
    assert_holds_all(&said, &["testgam: every promise held, in each of 2 histories, with "]);
}

#[test]
fn an_exploration_that_plays_nothing_says_why() {
    let cases: [(&[&str], &str); 3] = [
        // With a server, that watches.
        (&["--background"], "--world embedded"),
        (&["--fanotify", "--world", "embedded"], "there is no server of ours"),
        (&["--histories", "0"], "nothing could be played: there was no history to play"),
    ];
    for (arguments, why) in cases {
        let output = Command::new(TESTGAM).arg("explore").args(arguments).output().expect("testgam runs");
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&output.stderr).contains(why), "{output:?}");
    }
}

#[test]
fn completions_know_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        let output = Command::new(TESTGAM).args(["completions", shell]).output().expect("testgam runs");
        assert!(output.status.success());
        assert_holds_all(&String::from_utf8_lossy(&output.stdout), &["accept", "repeat", "junit"]);
    }
}

#[test]
fn a_report_that_nobody_reads_is_no_panic() {
    let scratch = Scratch::accepted(&[("area/holds", HOLDS)]);
    let mut child =
        scratch.command(&[]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("testgam runs");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(scratch.remains(), Vec::<String>::new());
}
