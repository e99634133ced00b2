//! The session at a terminal, with a real one: a pseudo-terminal whose other end is the person.
//!
//! What is shown without one (completion, help, what is saved) is tested beside the code.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use gamin::Options;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{LocalFlags, tcgetattr};
use nix::unistd::{Pid, getuid};

const TESTGAM: &str = env!("CARGO_BIN_EXE_testgam");
/// Only a session that hangs takes longer to show something.
const PATIENCE_MS: u16 = 20_000;
/// A person who sees nothing happen presses a key again.
const BETWEEN_TWO_KEYS_MS: u16 = 100;
/// Less than a session waits for a server.
const BEFORE_IT_GIVES_UP: Duration = Duration::from_secs(8);

/// Held while a terminal is opened, so that no other test's child inherits it.
static AT_THE_DOOR: Mutex<()> = Mutex::new(());

/// A person at a terminal.
struct Person {
    terminal: File,
    testgam: Child,
    /// All that was shown so far, and how much of it has been looked at.
    shown: String,
    seen: usize,
}

impl Person {
    /// Sits down in `directory`; `None`, with the reason printed, where no terminal can be had.
    fn sit_down(directory: &Path, arguments: &[&str]) -> Option<Person> {
        Person::sit_down_before(directory, Command::new(TESTGAM).args(arguments))
    }

    /// The same before any program.
    #[expect(clippy::print_stdout, reason = "a skipped test says why")]
    fn sit_down_before(directory: &Path, program: &mut Command) -> Option<Person> {
        let _alone = AT_THE_DOOR.lock().unwrap_or_else(PoisonError::into_inner);
        let size = Winsize { ws_row: 50, ws_col: 120, ws_xpixel: 0, ws_ypixel: 0 };
        let ends = match openpty(&size, None) {
            Ok(ends) => ends,
            Err(why) => {
                println!("skipped: no pseudo-terminal: {why}");
                return None;
            }
        };
        let clone = |end: &OwnedFd| end.try_clone().expect("a descriptor");
        let (terminal, [stdin, stdout, stderr]) = (clone(&ends.master), [(); 3].map(|()| clone(&ends.slave)));
        // Unlike its clones it would be inherited, and keep the terminal open.
        drop(ends);
        let testgam = program
            .current_dir(directory)
            .env("TERM", "xterm")
            .env("NO_COLOR", "1")
            .env("XDG_STATE_HOME", directory.join("state"))
            .env_remove("GAM_CLIENT_ID")
            .stdin(stdin)
            .stdout(stdout)
            .stderr(stderr)
            .spawn()
            .expect("testgam runs");
        Some(Person { terminal: File::from(terminal), testgam, shown: String::new(), seen: 0 })
    }

    fn types(&mut self, text: &str) {
        self.terminal.write_all(text.as_bytes()).expect("the terminal takes keys");
    }

    /// Reads until `text` was shown behind what was seen before.
    fn sees(&mut self, text: &str) {
        loop {
            if let Some(at) = self.shown[self.seen..].find(text) {
                self.seen += at + text.len();
                return;
            }
            let more = self.shows_more(PATIENCE_MS);
            assert!(more, "{text:?} was not shown behind byte {} of {:?}", self.seen, self.shown);
        }
    }

    /// Types a line and sees that it was done.
    fn does(&mut self, line: &str, answer: &str) {
        self.types(&format!("{line}\r"));
        self.sees(&format!("\n{answer}"));
        self.sees("> ");
    }

    /// Sends what the terminal makes of Ctrl-C while a step is performed, when the line is no longer edited.
    fn interrupts(&mut self) {
        loop {
            let settings = tcgetattr(&self.terminal).expect("a terminal has settings");
            if settings.local_flags.contains(LocalFlags::ICANON) {
                break;
            }
            std::thread::yield_now();
        }
        kill(Pid::from_raw(self.testgam.id().try_into().expect("a pid")), Signal::SIGINT).expect("it runs");
    }

    /// Presses Ctrl-D until the session ends. One that comes between two lines, when the terminal is not
    /// edited on, is the end of a file that nobody reads, and lost.
    fn leaves(mut self) -> ExitStatus {
        let began = Instant::now();
        loop {
            // Nobody takes keys any more once it has ended.
            let _ = self.terminal.write_all(b"\x04");
            // What is still shown must be read, or nobody could write it.
            while self.shows_more(BETWEEN_TWO_KEYS_MS) {}
            if let Some(status) = self.testgam.try_wait().expect("testgam can be waited for") {
                return status;
            }
            if began.elapsed() > Duration::from_millis(PATIENCE_MS.into()) {
                // Whoever is left alone would hold the terminal for ever.
                let _ = self.testgam.kill();
                panic!("the session goes on after Ctrl-D: {:?}", self.shown);
            }
        }
    }

    /// Reads what is shown within so many milliseconds; false if that is nothing, or the end.
    fn shows_more(&mut self, patience_ms: u16) -> bool {
        let mut waited = [PollFd::new(self.terminal.as_fd(), PollFlags::POLLIN)];
        let came = poll(&mut waited, PollTimeout::from(patience_ms)).expect("the terminal can be waited for");
        let mut bytes = [0; 4096];
        let count = if came == 0 { 0 } else { self.terminal.read(&mut bytes).unwrap_or(0) };
        self.shown.push_str(&String::from_utf8_lossy(&bytes[..count]));
        count > 0
    }
}

/// A server that answers nobody as long as this lives.
struct Stopped(Pid);

impl Stopped {
    fn new(server: Pid) -> Stopped {
        kill(server, Signal::SIGSTOP).expect("it runs");
        Stopped(server)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        // It is not this test's fault if it has ended.
        let _ = kill(self.0, Signal::SIGCONT);
    }
}

/// A fresh directory, and a session id that nobody else has.
fn place() -> (tempfile::TempDir, String) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let id = directory.path().file_name().expect("a name").to_string_lossy().replace('.', "");
    (directory, format!("repl-{id}"))
}

#[test]
fn events_are_shown_above_the_line_being_typed_which_survives() {
    let (directory, id) = place();
    let Some(mut person) = Person::sit_down(directory.path(), &["-"]) else { return };
    person.sees("`help` shows the verbs");
    person.does(&format!("connect {id}"), &format!("connected to {id}"));
    person.does("mkdir temp", "mkdir temp");
    person.does("mondir temp", "mondir temp 0\r\n  1: $DIR/temp Exists\r\n  1: $DIR/temp EndExist");
    person.types("mkfile te");
    person.sees("te");
    fs::create_dir(directory.path().join("temp/outside")).expect("a directory from outside");
    person.sees("  1: outside Created");
    person.sees("> mkfile te");
    person.types("mp/bar\r");
    person.sees("\nmkfile temp/bar\r\n  1: bar Created");
    person.does("mkdirr x", "  ^ `mkdirr` is no verb; did you mean `mkdir`?");
    person.does("server kill", "server kill");
    assert_eq!(person.leaves().code(), Some(0));
    let history = fs::read_to_string(directory.path().join("state/testgam/history"));
    assert!(history.expect("a history").contains("mondir temp"));
}

#[test]
fn what_was_shown_is_told_again_by_the_saved_scenario() {
    let (directory, id) = place();
    fs::create_dir(directory.path().join("old")).expect("a directory from before");
    fs::write(directory.path().join("old/file"), "content").expect("a file from before");
    let Some(mut person) = Person::sit_down(directory.path(), &[]) else { return };
    person.does(&format!("connect {id}"), "connected");
    person.does(
        "mondir old",
        "mondir old 0\r\n  1: $DIR/old Exists\r\n  1: file Exists\r\n  1: $DIR/old EndExist",
    );
    let absolute = directory.path().canonicalize().expect("a path").join("old/new");
    person.does(&format!("mkfile {}", absolute.display()), "mkfile old/new\r\n  1: new Created");
    person.does("server restart", "server restart");
    person.does("rmfile old/new", "rmfile old/new\r\n  1: new Deleted");
    person.does("rmfile old/new", "rmfile old/new\r\n  failed: ");
    person.does("save played", "saved");
    person.does("save played", "played is there already; `save! played` overwrites it");
    person.does("converged", "converged");
    person.does("save! played", "saved");
    person.does("server kill", "server kill");
    assert_eq!(person.leaves().code(), Some(0));

    let file = directory.path().join("played");
    let text = fs::read_to_string(&file).expect("the scenario");
    let steps = "connect ID\nmondir old\nmkfile old/new\nserver restart\nrmfile old/new\nconverged\n";
    let is_observed = |line: &&str| line.starts_with("#   1: ") || line.starts_with("expect-any 1 ");
    let (observed, typed): (Vec<&str>, Vec<&str>) = text.lines().partition(is_observed);
    let typed: String = typed.iter().map(|line| format!("{line}\n")).collect();
    assert!(typed.replace(&id, "ID").ends_with(steps), "{text}");
    for line in ["#   1: new Created", "expect-any 1 new Created", "expect-any 1 $DIR/old EndExist"] {
        assert!(observed.contains(&line), "{line} is not in\n{text}");
    }
    let played = Command::new(TESTGAM).arg(&file).output().expect("testgam runs");
    let told = String::from_utf8_lossy(&played.stdout);
    let told: String =
        told.lines().filter(|line| !line.starts_with("expect-any")).map(|line| format!("{line}\n")).collect();
    assert_eq!(played.status.code(), Some(0), "{played:?}");
    let events = "mondir old 0\n  1: $DIR/old Exists\n  1: file Exists\n  1: $DIR/old EndExist\n\
                  mkfile old/new\n  1: new Created\nserver restart\nrmfile old/new\n  1: new Deleted\nconverged\n";
    assert!(told.ends_with(events), "{told}");
}

#[test]
fn lines_typed_ahead_are_done_in_order_and_an_abandoned_one_never() {
    let (directory, _) = place();
    let Some(mut person) = Person::sit_down(directory.path(), &["-"]) else { return };
    person.sees("> ");
    person.types("mkdir a\rmkdir a/b\rmkdir no\x03mkfile a/b/c\r");
    person.sees("\nmkdir a\r\n");
    person.sees("\nmkdir a/b\r\n");
    person.sees("> ");
    person.does("mkfile d", "mkfile d");
    assert_eq!(person.leaves().code(), Some(0));
    assert!(directory.path().join("a/b").is_dir() && !directory.path().join("no").exists());
}

#[test]
fn a_terminal_that_goes_away_ends_the_session() {
    let (directory, _) = place();
    let Some(mut person) = Person::sit_down(directory.path(), &["-"]) else { return };
    person.sees("> ");
    drop(person.terminal);
    person.testgam.wait().expect("testgam ends");
}

#[test]
fn tab_completes_a_verb_and_a_path() {
    let (directory, _) = place();
    fs::create_dir(directory.path().join("with blank")).expect("a directory");
    let Some(mut person) = Person::sit_down(directory.path(), &["-"]) else { return };
    person.sees("> ");
    person.types("mkd\twi\tx\r");
    person.sees("\nmkdir \"with blank/x\"\r\n");
    person.sees("> ");
    assert_eq!(person.leaves().code(), Some(0));
}

#[test]
fn ctrl_c_ends_the_step_that_waits_and_the_session_goes_on() {
    let (directory, _) = place();
    let Some(mut person) = Person::sit_down(directory.path(), &["-"]) else { return };
    person.sees("> ");
    person.does("together", "together");
    person.types("mkfifo pipe\r");
    person.sees("\nmkfifo pipe\r\n");
    person.sees("together> ");
    person.does("end", "end");
    person.types("wait 60000\r");
    person.interrupts();
    person.sees("\nwait 60000\r\n  failed: interrupted\r\n");
    person.sees("> ");
    person.does("mkfile d", "mkfile d");
    assert_eq!(person.leaves().code(), Some(0));
}

#[test]
fn ctrl_c_ends_a_step_that_waits_for_the_server() {
    let (directory, id) = place();
    let Some(mut person) = Person::sit_down(directory.path(), &["-"]) else { return };
    person.does(&format!("connect {id}"), "connected");
    person.does("mkdir a", "mkdir a");
    person.does("mondir a", "mondir a 0");
    let server =
        Options::new().client_id(&id).server(None).open().expect("the session's server").server_pid();
    let stopped = Stopped::new(Pid::from_raw(server.expect("it is known")));
    for (line, echo) in [("mkfile a/b", "mkfile a/b"), ("pending", "pending"), ("client bob", "client bob")] {
        person.types(&format!("{line}\r"));
        let began = Instant::now();
        person.interrupts();
        person.sees(&format!("\n{echo}\r\n  failed: interrupted\r\n"));
        assert!(began.elapsed() < BEFORE_IT_GIVES_UP, "{line} was waited for");
        person.sees("> ");
    }
    drop(stopped);
    person.sees("  1: b Created");
    person.does("client main", "client main");
    person.does("converged", "converged");
    person.does("server kill", "server kill");
    assert_eq!(person.leaves().code(), Some(0));
}

#[test]
#[expect(clippy::print_stdout, reason = "a skipped test says why")]
fn as_process_1_it_ends_when_it_is_asked_to() {
    if !getuid().is_root() {
        println!("skipped: only root makes namespaces");
        return;
    }
    let (directory, _) = place();
    let mut unshare = Command::new("unshare");
    unshare.args(["--pid", "--fork", "--kill-child", "--mount-proc", TESTGAM, "-"]);
    let Some(mut person) = Person::sit_down_before(directory.path(), &mut unshare) else { return };
    person.sees("> ");
    let children = format!("/proc/{0}/task/{0}/children", person.testgam.id());
    let testgam = fs::read_to_string(children).expect("unshare runs").trim().parse();
    kill(Pid::from_raw(testgam.expect("it has one child")), Signal::SIGTERM).expect("it runs");
    assert_eq!(person.testgam.wait().expect("it ends").code(), Some(143));
}

#[test]
fn no_link_leads_a_step_out_of_the_sessions_directory() {
    let (directory, id) = place();
    let outside = tempfile::tempdir().expect("a temporary directory");
    let link = |target: &Path, name: &str| {
        std::os::unix::fs::symlink(target, directory.path().join(name)).expect("there is room");
    };
    link(outside.path(), "out");
    link(&outside.path().join("new"), "dangling");
    let inside = directory.path().join("inside");
    fs::create_dir(&inside).expect("there is room");
    link(&inside, "in");
    let Some(mut person) = Person::sit_down(directory.path(), &["-"]) else { return };
    person.sees("> ");
    for step in
        ["mkfile out/foo", "mkfile dangling", "try write out/foo x", "move in out/in", "mkfiles out 2"]
    {
        person.types(&format!("{step}\r"));
        if step.starts_with("try") {
            person.sees("\ntry write out/foo x (failed)\r\n");
        } else {
            person.sees(&format!("\n{step}\r\n  failed: `"));
            person.sees(" leads out of $DIR over a link, to ");
        }
        person.sees("> ");
    }
    person.does("mkfile in/a", "mkfile in/a");
    person.does("rmfile dangling", "rmfile dangling");
    person.does(&format!("connect {id}"), "connected");
    person.does("mondir out", "mondir out 0\r\n  1: $DIR/out Exists\r\n  1: $DIR/out EndExist");
    person.does("server kill", "server kill");
    assert_eq!(person.leaves().code(), Some(0));
    assert!(inside.join("a").exists() && !directory.path().join("dangling").is_symlink());
    assert_eq!(fs::read_dir(outside.path()).expect("it is there").count(), 0);
}
