//! `gamin watch` and `gamin wait` from outside.

mod support;

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use nix::fcntl::{OFlag, openat};
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::{Mode, mkdirat};
use serde_json::Value;

use support::{PATIENCE, Place, Running, lines, text, write};

fn main() -> ExitCode {
    support::run(&[
        ("events_are_lines", events_are_lines),
        ("what_is_there_is_told_first_if_asked_for", what_is_there_is_told_first_if_asked_for),
        ("json_lines_have_every_byte", json_lines_have_every_byte),
        ("json_lines_are_those_of_the_schema", json_lines_are_those_of_the_schema),
        ("a_tree_is_followed_without_losing_what_is_made_in_it", a_tree_is_followed),
        ("what_is_missing_is_waited_for_whatever_it_will_be", what_is_missing_is_waited_for),
        ("a_root_is_followed_as_what_it_becomes", a_root_is_followed_as_what_it_becomes),
        ("a_command_runs_one_at_a_time_and_never_misses_the_last", a_command_runs_one_at_a_time),
        ("no_name_is_read_as_a_command", no_name_is_read_as_a_command),
        ("a_reader_that_goes_ends_it_quietly", a_reader_that_goes_ends_it_quietly),
        ("a_socket_whose_reader_goes_ends_it_too", a_socket_whose_reader_goes_ends_it_too),
        ("a_batch_is_one_run", a_batch_is_one_run),
        ("a_batch_too_large_for_arguments_is_one_run_too", a_batch_too_large_for_arguments_is_one_run_too),
        ("in_lines_a_name_is_one_line", in_lines_a_name_is_one_line),
        ("a_program_needs_no_shell", a_program_needs_no_shell),
        ("each_change_has_a_run_if_asked_for", each_change_has_a_run_if_asked_for),
        ("a_command_that_feeds_itself_waits_for_a_change_at_rest", a_command_that_feeds_itself_waits),
        ("a_busy_command_is_begun_anew", a_busy_command_is_begun_anew),
        ("a_busy_command_gets_a_signal", a_busy_command_gets_a_signal),
        (
            "what_changes_meanwhile_is_forgotten_if_asked_for",
            what_changes_meanwhile_is_forgotten_if_asked_for,
        ),
        ("a_signal_ends_the_command_and_what_it_started", a_signal_ends_the_command_and_what_it_started),
        ("a_second_signal_kills", a_second_signal_kills),
        ("once_ends_with_the_status_of_the_command", once_ends_with_the_status_of_the_command),
        ("time_that_is_up_has_a_status_of_its_own", time_that_is_up_has_a_status_of_its_own),
        ("what_git_ignores_is_not_watched_and_rules_are_followed", what_git_ignores_is_not_watched),
        ("what_is_told_can_be_chosen", what_is_told_can_be_chosen),
        ("a_rename_is_told_as_such_if_asked_for", a_rename_is_told_as_such),
        ("a_form_is_printed", a_form_is_printed),
        ("paths_are_read_from_a_list", paths_are_read_from_a_list),
        ("patterns_are_read_from_standard_input", patterns_are_read_from_standard_input),
        ("what_is_too_deep_is_named_before_anything_is_watched", what_is_too_deep_is_named),
        ("wait_ends_when_it_is_so", wait_ends_when_it_is_so),
    ])
}

fn events_are_lines(place: &Place) {
    let watch = place.watch(&["."]);
    write(place.path("a b"));
    fs::rename(place.path("a b"), place.path(OsStr::from_bytes(b"\xff\n\x1b"))).expect("it is there");
    let expected = ["Created  ./a b", "Changed  ./a b", "Deleted  ./a b", "Created  ./\\xff\\n\\u{1b}"];
    assert_eq!(watch.lines_until(expected[3]), expected);
}

fn a_rename_is_told_as_such(place: &Place) {
    fs::create_dir(place.path("to")).expect("there is room");
    fs::create_dir(place.path("away")).expect("there is room");
    write(place.path("a"));
    let watch = place.watch(&["-r", "--moves", "--ignore", "away", "."]);
    let rename = |from: &str, to: &str| fs::rename(place.path(from), place.path(to)).expect("it is there");
    rename("a", "b");
    rename("b", "to/b");
    rename("to/b", "away/b");
    rename("away/b", "c");
    let expected = ["Moved    ./a -> ./b", "Moved    ./b -> ./to/b", "Deleted  ./to/b", "Created  ./c"];
    assert_eq!(watch.lines_until(expected[3]), expected);

    // Either half lets it through; of an option that asks for it, nothing else is told.
    let watch =
        place.watch(&["-r", "--event", "moved", "--only", "*.rs", "--format", "{event} {path} {to}", "."]);
    write(place.path("new.rs"));
    rename("c", "c.rs");
    rename("c.rs", "to/c");
    assert_eq!(watch.lines_until("Moved ./c.rs ./to/c"), ["Moved ./c ./c.rs", "Moved ./c.rs ./to/c"]);

    let watch = place.watch(&["-r", "--moves", "--json", "."]);
    rename("new.rs", "to/c");
    let mut told = std::iter::from_fn(|| serde_json::from_str(&watch.line()).expect("it is JSON"));
    let told: Value = told.find(|told: &Value| told["event"] == "Moved").expect("it was renamed");
    let path = |name: &str| Value::from(place.path(name).to_string_lossy().into_owned());
    assert_eq!((&told["path"], &told["to"]), (&path("new.rs"), &path("to/c")));
    assert_eq!(told["replaces"], true);
    let schema = serde_json::from_str(include_str!("../../../docs/watch.schema.json")).expect("it is JSON");
    assert_eq!(against(&schema, &told), None);
}

fn what_is_there_is_told_first_if_asked_for(place: &Place) {
    write(place.path("a"));
    let watch = place.watch(&["--existing", ".", "a", "./a"]);
    write(place.path("b"));
    let told = watch.lines_until("Created  ./b");
    assert_eq!(
        told,
        ["Exists   .", "Exists   ./a", "Created  ./b"],
        "however often it was asked for, it is told once"
    );
}

fn json_lines_have_every_byte(place: &Place) {
    let watch = place.watch(&["--json", "."]);
    fs::create_dir(place.path(OsStr::from_bytes(b"\xff"))).expect("there is room");
    let event = || serde_json::from_str::<Value>(&watch.line()).expect("it is JSON");
    assert_eq!(event()["event"], "Listed");
    let event = event();
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
    let script = "echo begin; test -e started || { : > started; cat gate; }; cat d/a; echo; echo end";
    let gate = place.path("gate");
    nix::unistd::mkfifo(&gate, Mode::S_IRWXU).expect("there is room");
    let watch = place.watch(&["d", "--exec", script]);
    fs::write(place.path("d/a"), "first").expect("there is room");
    assert_eq!(watch.line(), "begin");
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
    assert!(runs <= 2, "what happened meanwhile is merged: {runs} runs");
}

fn no_name_is_read_as_a_command(place: &Place) {
    let watch = place.watch(&[".", "-x", "printf '%s\\n' \"$@\" \"$GAMIN_PATH\""]);
    let name = "$(touch harm) `touch harm`; touch harm '\" x";
    fs::create_dir(place.path(name)).expect("there is room");
    assert!(watch.line().ends_with(name) && watch.line().ends_with(name));
    fs::create_dir(place.path("after")).expect("there is room");
    watch.lines_until(&place.path("after").display().to_string());
    assert!(!place.path("harm").exists());
    for script in ["rm -f {}", "rm -f \"{}\"", "sh -c 'wc -c {}'"] {
        let refused = place.output(&["watch", ".", "-x", script]);
        let said = text(&refused.stderr);
        assert!(refused.status.code() == Some(2) && said.contains("\"$@\""), "{script}: {said}");
    }
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

fn json_lines_are_those_of_the_schema(place: &Place) {
    write(place.path("old"));
    deep_tree(place);
    let mut watch = place.watch(&["--json", "--existing", "-r", ".", "missing", "--once"]);
    write(place.path("missing"));
    let objects: Vec<Value> = std::iter::from_fn(|| watch.said.recv_timeout(PATIENCE).ok())
        .map(|line| serde_json::from_str(&line).expect("it is JSON"))
        .collect();
    let schema = include_str!("../../../docs/watch.schema.json");
    let schema: Value = serde_json::from_str(schema).expect("the schema is JSON");
    for object in &objects {
        let problem = against(&schema, object);
        assert!(problem.is_none(), "{object}: {problem:?}");
    }
    let events: Vec<&str> = objects.iter().filter_map(|object| object["event"].as_str()).collect();
    for event in ["Exists", "Missing", "Gap", "Listed", "Created", "End"] {
        assert!(events.contains(&event), "{events:?}");
    }
    let place_of = |event: &str| events.iter().position(|other| *other == event);
    assert!(place_of("Gap") < place_of("Listed"), "{events:?}");
    assert_eq!(objects.last().map(|end| &end["status"]), Some(&1.into()), "there is a gap");
    assert_eq!(watch.child.wait().expect("it is ours").code(), Some(1));
    assert!(
        against(&schema, &serde_json::json!({"time": 1, "event": "Gap"})).is_some(),
        "the schema refuses something"
    );
}

/// What is wrong with an object: the schema has one alternative for each event, with properties of plain types.
fn against(schema: &Value, object: &Value) -> Option<String> {
    let kinds = schema["oneOf"].as_array()?;
    let is_of = |kind: &&Value| {
        let events = &kind["properties"]["event"]["enum"];
        events.as_array().is_some_and(|events| events.contains(&object["event"]))
    };
    let Some(kind) = kinds.iter().find(is_of) else { return Some("no such event".to_owned()) };
    let required = kind["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let missing = required.filter(|key| object.get(key).is_none()).map(|key| format!("{key} is missing"));
    let wrong = object.as_object().into_iter().flatten().filter_map(|(key, value)| {
        let ok = match kind["properties"][key]["type"].as_str() {
            Some("number") => value.is_number(),
            Some("integer") => value.is_u64(),
            Some("boolean") => value.is_boolean(),
            Some("string") => value.is_string(),
            _ => false,
        };
        (!ok).then(|| format!("{key} is not what it should be"))
    });
    missing.chain(wrong).next()
}

fn a_root_is_followed_as_what_it_becomes(place: &Place) {
    symlink("rel/1", place.path("current")).expect("there is room");
    fs::create_dir(place.path("rel")).expect("there is room");
    write(place.path("file"));
    let watch = place.watch(&["current", "file"]);
    fs::create_dir(place.path("rel/1")).expect("there is room");
    assert_eq!(watch.line(), "Created  current");
    write(place.path("rel/1/x"));
    watch.lines_until("Created  current/x");
    fs::remove_file(place.path("file")).expect("it is there");
    watch.lines_until("Deleted  file");
    fs::create_dir(place.path("file")).expect("there is room");
    watch.lines_until("Created  file");
    write(place.path("file/y"));
    watch.lines_until("Created  file/y");
    // And back.
    fs::remove_dir_all(place.path("file")).expect("it is there");
    watch.lines_until("Deleted  file");
    write(place.path("file"));
    watch.lines_until("Created  file");
    fs::write(place.path("file"), "more").expect("there is room");
    watch.lines_until("Changed  file");
}

fn a_socket_whose_reader_goes_ends_it_too(place: &Place) {
    let (ours, theirs) = UnixStream::pair().expect("there is room");
    let mut command = place.command(&["watch", "."]);
    let mut child =
        command.stdout(OwnedFd::from(theirs)).stderr(Stdio::piped()).spawn().expect("it has been built");
    drop(command);
    let complained = lines(child.stderr.take().expect("it is a pipe"));
    while !complained.recv_timeout(PATIENCE).expect("it says so").starts_with("gamin: watching") {}
    drop(ours);
    assert_eq!(child.wait().expect("it is ours").code(), Some(0));
}

/// Lets a watch sleep while files are changed: what happens meanwhile comes at once.
fn at_once(watch: &Running, change: impl FnOnce()) {
    kill(watch.pid(), Signal::SIGSTOP).expect("it is ours");
    change();
    kill(watch.pid(), Signal::SIGCONT).expect("it is ours");
}

fn a_batch_is_one_run(place: &Place) {
    let watch = place.watch(&["-r", ".", "-x", "echo $GAMIN_COUNT; echo $# in $GAMIN_PATHS; echo end"]);
    at_once(&watch, || (0..300).for_each(|number| write(place.path(format!("f{number}")))));
    assert_eq!(watch.lines_until("end"), ["300", "300 in arguments", "end"]);
    write(place.path("g"));
    assert_eq!(watch.lines_until("end")[0], "1", "it was one run, for it is told of nothing else by then");
}

fn a_batch_too_large_for_arguments_is_one_run_too(place: &Place) {
    let script = "echo $# $GAMIN_COUNT $GAMIN_PATHS; tr '\\0' '\\n' | sort -u | wc -l";
    // A small stack leaves little room for arguments.
    let gamin = place.command(&["watch", ".", "--gather", "1s", "-x", script]);
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", "ulimit -S -s 512; exec \"$@\"", "sh"])
        .arg(gamin.get_program())
        .args(gamin.get_args());
    command.current_dir(place.directory.path()).stdin(Stdio::null());
    for (name, value) in gamin.get_envs() {
        value.map(|value| command.env(name, value));
    }
    let watch = Running::start(command);
    watch.wait_until_watching();
    let name = |number: u32| format!("{number:0>200}");
    at_once(&watch, || (0..1000).for_each(|number| write(place.path(name(number)))));
    assert_eq!(watch.line(), "0 1000 nul");
    assert_eq!(watch.line().trim(), "1000");
}

fn in_lines_a_name_is_one_line(place: &Place) {
    let watch = place.watch(&[".", "--stdin", "lines", "-x", "cat; echo end"]);
    fs::create_dir(place.path("a\nb")).expect("there is room");
    let told = watch.lines_until("end");
    assert!(told.len() == 2 && told[0].ends_with("/a\\nb"), "{told:?}");
}

fn a_program_needs_no_shell(place: &Place) {
    let watch = place.watch(&[".", "--", "printf", "<%s>\\n", "{}"]);
    fs::create_dir(place.path("$HOME *")).expect("there is room");
    assert_eq!(watch.line(), format!("<{}>", place.path("$HOME *").display()));
}

fn each_change_has_a_run_if_asked_for(place: &Place) {
    let watch = place.watch(&[".", "--each", "-x", "echo $GAMIN_EVENT $# \"$GAMIN_PATH\""]);
    at_once(&watch, || {
        for name in ["a", "b"] {
            fs::create_dir(place.path(name)).expect("there is room");
        }
    });
    for name in ["a", "b"] {
        assert_eq!(watch.line(), format!("Created 1 {}", place.path(name).display()));
    }
}

fn a_command_that_feeds_itself_waits(place: &Place) {
    let watch = place.watch(&[".", "-x", "echo run; echo x >>out"]);
    write(place.path("in"));
    let complaint = watch.complaint();
    assert!(complaint.contains("./out") && complaint.contains("--ignore '/out'"), "{complaint}");
    for _ in 0..4 {
        assert_eq!(watch.line(), "run");
    }
    write(place.path("in"));
    assert_eq!(watch.line(), "run");
    let watch = place.watch(&[".", "-i", "/out", "-x", "echo run; echo x >>out; echo >done"]);
    write(place.path("in"));
    watch.complaint();
    let watch = place.watch(&[".", "--on-busy", "wait", "-x", "echo run; echo x >>out"]);
    write(place.path("in"));
    for _ in 0..10 {
        assert_eq!(watch.line(), "run");
    }
}

/// Whether a process is there, and is more than a name.
fn runs(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|state| !state.is_empty() && !state.starts_with('Z'))
}

fn wait_until(is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "it does not come to that");
        std::thread::yield_now();
    }
}

fn a_busy_command_is_begun_anew(place: &Place) {
    let watch = place.watch(&[".", "--on-busy", "restart", "-x", "echo $$; exec sleep 1000"]);
    write(place.path("a"));
    let first = watch.line();
    assert!(runs(&first));
    write(place.path("b"));
    let second = watch.line();
    assert!(!runs(&first) && runs(&second), "what was told to end is gone before another begins");
}

fn a_busy_command_gets_a_signal(place: &Place) {
    let script = "trap 'echo again' HUP; echo ready; while :; do read line <gate; done";
    nix::unistd::mkfifo(&place.path("gate"), Mode::S_IRWXU).expect("there is room");
    let watch = place.watch(&[".", "--on-busy", "signal", "--signal", "hup", "-x", script]);
    write(place.path("a"));
    assert_eq!(watch.line(), "ready");
    write(place.path("b"));
    assert_eq!(watch.line(), "again");
}

fn what_changes_meanwhile_is_forgotten_if_asked_for(place: &Place) {
    let watch =
        place.watch(&[".", "--on-busy", "drop", "-x", "echo $GAMIN_COUNT; echo x >>out; cat gate; echo end"]);
    nix::unistd::mkfifo(&place.path("gate"), Mode::S_IRWXU).expect("there is room");
    let first = watch.line();
    assert!(!first.is_empty());
    write(place.path("b"));
    fs::write(place.path("gate"), "").expect("the command waits for it");
    watch.lines_until("end");
    // It ends some time after it has said so. Until then what changes is forgotten.
    let start = Instant::now();
    let next = (0..).find_map(|number| {
        fs::create_dir(place.path(format!("c{number}"))).expect("there is room");
        assert!(start.elapsed() < PATIENCE, "it does not run again");
        watch.said.recv_timeout(Duration::from_millis(100)).ok()
    });
    assert_eq!(next.as_deref(), Some("1"), "the run before led to nothing");
}

fn a_signal_ends_the_command_and_what_it_started(place: &Place) {
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        // The inner one does not listen, and is killed.
        let script = "sh -c 'trap \"\" TERM INT HUP; sleep 1000' & echo $$ $!; wait";
        let mut watch = place.watch(&[".", "--stop-timeout", "100ms", "-x", script]);
        write(place.path("a"));
        let line = watch.line();
        let pids: Vec<&str> = line.split(' ').collect();
        kill(watch.pid(), signal).expect("it is ours");
        let status = watch.child.wait().expect("it is ours");
        assert_eq!(status.code(), Some(128 + signal as i32), "{signal}");
        assert!(pids.iter().all(|pid| !runs(pid)), "{signal}: {pids:?}");
        fs::remove_file(place.path("a")).expect("it is there");
    }
    let mut watch = place.watch(&["."]);
    kill(watch.pid(), Signal::SIGTERM).expect("it is ours");
    assert_eq!(watch.child.wait().expect("it is ours").code(), Some(143), "also without a command");
}

fn a_second_signal_kills(place: &Place) {
    let script = "trap '' INT; echo $$; while :; do read line <gate; done";
    nix::unistd::mkfifo(&place.path("gate"), Mode::S_IRWXU).expect("there is room");
    let mut watch = place.watch(&[".", "--stop-timeout", "1h", "-x", script]);
    write(place.path("a"));
    let pid = watch.line();
    kill(watch.pid(), Signal::SIGINT).expect("it is ours");
    // It may be that both come as one.
    wait_until(|| {
        let _ = kill(watch.pid(), Signal::SIGINT);
        !runs(&pid)
    });
    assert_eq!(watch.child.wait().expect("it is ours").code(), Some(130));
}

fn once_ends_with_the_status_of_the_command(place: &Place) {
    let mut watch = place.watch(&[".", "--once", "-x", "exit 7"]);
    write(place.path("a"));
    assert_eq!(watch.child.wait().expect("it is ours").code(), Some(7));
    let mut watch = place.watch(&[".", "--once"]);
    write(place.path("b"));
    assert_eq!(watch.line(), "Created  ./b");
    assert_eq!(watch.child.wait().expect("it is ours").code(), Some(0));
    let first = place.output(&[
        "watch",
        ".",
        "--run-first",
        "--timeout",
        "0.1",
        "-x",
        "echo first $#; exec sleep 1000",
    ]);
    assert_eq!((text(&first.stdout), first.status.code()), ("first 0\n".to_owned(), Some(124)));
}

fn time_that_is_up_has_a_status_of_its_own(place: &Place) {
    let output = place.output(&["watch", ".", "--timeout", "1ms"]);
    assert_eq!((output.status.code(), output.status.signal()), (Some(124), None));
}

/// How many directories the server of a place watches for others.
/// How many subscriptions our server has; none if it does not run. Other servers of this machine may not answer.
fn subscriptions(place: &Place) -> u64 {
    let said = text(&place.output(&["status", "--json"]).stdout);
    let facts = said.lines().map(|line| serde_json::from_str::<Value>(line).expect("it is JSON"));
    let mut ours = facts.filter(|fact| fact["session_id"] == *place.session && fact["fact"] == "server");
    ours.next().map_or(0, |server| server["subscriptions"].as_u64().expect("the server says so"))
}

fn what_git_ignores_is_not_watched(place: &Place) {
    for number in 0..500 {
        fs::create_dir_all(place.path(format!("target/d{number}/deep"))).expect("there is room");
    }
    fs::create_dir_all(place.path(".git/objects")).expect("there is room");
    fs::create_dir_all(place.path("src/inner")).expect("there is room");
    fs::write(place.path(".gitignore"), "target/\n*.log\n").expect("there is room");
    let watch = place.watch(&["-r", ".", "--gitignore"]);
    let before = subscriptions(place);
    assert!(before < 20, "{before} directories and files of rules");
    write(place.path("target/d1/x"));
    write(place.path("src/a.log"));
    write(place.path(".git/HEAD"));
    write(place.path("src/a"));
    assert_eq!(watch.line(), "Created  ./src/a");
    assert_eq!(watch.line(), "Changed  ./src/a");
    // The rules change: what was left out is followed, and the other way round.
    fs::write(place.path(".gitignore"), "/src/inner\n").expect("there is room");
    watch.lines_until("Changed  ./.gitignore");
    wait_until(|| subscriptions(place) > before + 900);
    write(place.path("src/inner/x"));
    write(place.path("src/a.log"));
    write(place.path("target/d1/deep/y"));
    let told = watch.lines_until("Created  ./target/d1/deep/y");
    assert!(told.contains(&"Changed  ./src/a.log".to_owned()), "{told:?}");
    assert!(!told.iter().any(|line| line.contains("inner")), "{told:?}");
    let watch = place.watch(&["-r", ".", "-x", "echo \"$@\""]);
    write(place.path("src/inner/x"));
    write(place.path("src/a"));
    assert_eq!(watch.line(), place.path("src/a").display().to_string(), "with a command that is the default");
}

fn what_is_told_can_be_chosen(place: &Place) {
    fs::create_dir(place.path("d")).expect("there is room");
    let options =
        ["-r", ".", "--only", "*.rs", "--ignore", "/d/", "--event", "created", "--event", "Deleted"];
    let watch = place.watch(&options);
    for name in ["a.c", "d/a.rs", "a.rs"] {
        write(place.path(name));
    }
    fs::remove_file(place.path("a.rs")).expect("it is there");
    assert_eq!([watch.line(), watch.line()], ["Created  ./a.rs", "Deleted  ./a.rs"]);
    for (option, value) in
        [("--only", "{a"), ("--ignore", "{a"), ("--event", "x"), ("--gather", "1d"), ("--signal", "x")]
    {
        let refused = place.output(&["watch", ".", option, value]);
        let said = text(&refused.stderr);
        assert!(refused.status.code() == Some(2) && said.contains(value), "{option}: {said}");
    }
}

fn a_form_is_printed(place: &Place) {
    let watch = place.watch(&["--format", "{absolute}|{event}|{time}", "--time=%Y", "d", "."]);
    fs::create_dir(place.path("d")).expect("there is room");
    let line = watch.line();
    let begin = format!("{}|Created|2", place.path("d").display());
    assert!(line.starts_with(&begin) && line.len() == begin.len() + 3, "{line}");
    let mut command = place.command(&["watch", "-0", "--once", "--format", "{path}", "."]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it has been built");
    let watch_error =
        child.stderr.as_ref().expect("it is a pipe").as_fd().try_clone_to_owned().expect("there is room");
    let complained = lines(File::from(watch_error));
    while !complained.recv_timeout(PATIENCE).expect("it says so").starts_with("gamin: watching") {}
    fs::create_dir(place.path(OsStr::from_bytes(b"\xff\n"))).expect("there is room");
    assert_eq!(child.wait_with_output().expect("it is ours").stdout, b"./\xff\n\0");
    let refused = place.output(&["watch", ".", "--format", "{what}"]);
    assert!(refused.status.code() == Some(2) && text(&refused.stderr).contains("{what}"));
}

/// A watch that is given this on standard input.
fn watch_given(place: &Place, arguments: &[&str], input: &[u8]) -> Running {
    let mut command = place.command(&[&["watch"], arguments].concat());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it has been built");
    child.stdin.take().expect("it is a pipe").write_all(input).expect("it reads");
    let (said, complained) = (
        lines(child.stdout.take().expect("it is a pipe")),
        lines(child.stderr.take().expect("it is a pipe")),
    );
    let watch = Running { child, said, complained };
    watch.wait_until_watching();
    watch
}

fn patterns_are_read_from_standard_input(place: &Place) {
    let arguments = [".", "--ignore-file", "-", "-i", "!b.o"];
    let watch = watch_given(place, &arguments, b"# what is made\n*.o\n\n/c\n");
    for name in ["a.o", "b.o", "c", "d"] {
        fs::create_dir(place.path(name)).expect("there is room");
    }
    assert_eq!([watch.line(), watch.line()], ["Created  ./b.o", "Created  ./d"]);
    let twice = place.output(&["watch", "-", "--ignore-file", "-"]);
    assert_eq!(twice.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&twice.stderr).contains("standard input, which can be read only once"));
}

fn paths_are_read_from_a_list(place: &Place) {
    fs::create_dir_all(place.path("a b")).expect("there is room");
    let watch = watch_given(place, &["-"], b"a b\n\nc\n");
    fs::create_dir(place.path("a b/x")).expect("there is room");
    fs::create_dir(place.path("c")).expect("there is room");
    assert_eq!([watch.line(), watch.line()], ["Created  a b/x", "Created  c"]);
    assert_eq!(place.output(&["watch", "-"]).status.code(), Some(2), "there is no path in an empty list");
}

/// Makes a directory whose path is longer than a path can be.
fn deep_tree(place: &Place) {
    let name = "d".repeat(200);
    let mut folder: OwnedFd = File::open(place.directory.path()).expect("it is there").into();
    for _ in 0..25 {
        mkdirat(&folder, name.as_str(), Mode::S_IRWXU).expect("there is room");
        folder = openat(&folder, name.as_str(), OFlag::O_RDONLY | OFlag::O_DIRECTORY, Mode::empty())
            .expect("it is there");
    }
}

fn what_is_too_deep_is_named(place: &Place) {
    deep_tree(place);
    let mut watch = Running::start(place.command(&["watch", "-r", ".", "--once"]));
    let gap = watch.complaint();
    assert!(
        gap.starts_with("gamin: ./ddd")
            && gap.ends_with(": not followed, nor what is in it: its path is longer than 4,095 bytes"),
        "{gap}"
    );
    assert!(watch.complaint().starts_with("gamin: watching"));
    write(place.path("a"));
    assert_eq!(watch.child.wait().expect("it is ours").code(), Some(1), "not everything was followed");
}

fn wait_ends_when_it_is_so(place: &Place) {
    assert_eq!(place.output(&["wait", "."]).status.code(), Some(0));
    assert_eq!(place.output(&["wait", "--gone", "a"]).status.code(), Some(0));
    assert_eq!(place.output(&["wait", "--settled=10ms", "."]).status.code(), Some(0));
    for condition in [&["a"][..], &["--gone", "."], &["--changed", "."]] {
        let arguments = [&["wait", "--timeout", "50ms"], condition].concat();
        assert_eq!(place.output(&arguments).status.code(), Some(124), "{condition:?}");
    }
    let mut waiting: Vec<_> = [&["wait", "a"][..], &["wait", "--changed", "a", "b"]]
        .map(|arguments| Running::start(place.command(arguments)))
        .into_iter()
        .collect();
    // They have asked when the server knows of three paths.
    wait_until(|| subscriptions(place) >= 3);
    fs::create_dir(place.path("a")).expect("there is room");
    for wait in &mut waiting {
        assert_eq!(wait.child.wait().expect("it is ours").code(), Some(0));
    }
    let mut gone = Running::start(place.command(&["wait", "--gone", "a"]));
    wait_until(|| subscriptions(place) >= 1);
    fs::remove_dir(place.path("a")).expect("it is there");
    assert_eq!(gone.child.wait().expect("it is ours").code(), Some(0));
}
