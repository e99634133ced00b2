//! What tests of `gamin` from outside share: real processes, each test with a session and a directory of its own.
//!
//! The tests' executable is the server that `gamin` starts. Every wait is for a line or an end, and bounded by
//! [`PATIENCE`], which only something that hangs uses up.

#![allow(dead_code, reason = "each test uses some of it")]

use std::fs;
use std::io::{BufRead, BufReader};
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

pub const PATIENCE: Duration = Duration::from_secs(30);
/// Set for a server that is started, which this executable is then.
pub const BE_SERVER: &str = "GAMIN_TEST_BE_SERVER";

/// A test and its name.
pub type Test = (&'static str, fn(&Place));

/// Runs tests, each in a place of its own; or a server, if that is what this process was started for.
pub fn run(tests: &[Test]) -> ExitCode {
    if std::env::var_os(BE_SERVER).is_some() {
        return gamin_server::run(std::env::args_os().skip(1));
    }
    let trial = |(name, body): &Test| {
        let body = *body;
        Trial::test(*name, move || {
            body(&Place::new());
            Ok(())
        })
    };
    libtest_mimic::run(&Arguments::from_args(), tests.iter().map(trial).collect()).exit_code()
}

/// A directory and a session of a test's own.
pub struct Place {
    pub directory: TempDir,
    pub session: String,
}

impl Place {
    pub fn new() -> Place {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let directory = TempDir::new().expect("there is room for temporary files");
        Place { directory, session: format!("command-test-{}-{count}", std::process::id()) }
    }

    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
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

    pub fn output(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the command has been built")
    }

    /// Begins `gamin watch` and waits until everything is watched. Who runs the tests in the background of a script ignores
    /// interrupts, which a watch would leave so.
    pub fn watch(&self, arguments: &[&str]) -> Running {
        let command = self.command(&[&["watch"], arguments].concat());
        let running = Running::start(behind(&["env", "--default-signal=INT,QUIT"], &command));
        running.wait_until_watching();
        running
    }
}

/// The same command as an argument of a program, which has the words before it.
pub fn behind(words: &[&str], command: &Command) -> Command {
    let mut outer = Command::new(words[0]);
    outer.args(&words[1..]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => outer.env(name, value),
            None => outer.env_remove(name),
        };
    }
    if let Some(directory) = command.get_current_dir() {
        outer.current_dir(directory);
    }
    outer.stdin(Stdio::null());
    outer
}

pub fn lines(stream: impl std::io::Read + Send + 'static) -> Receiver<String> {
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
pub struct Running {
    pub child: Child,
    pub said: Receiver<String>,
    pub complained: Receiver<String>,
}

impl Running {
    pub fn start(mut command: Command) -> Running {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the command has been built");
        let said = lines(child.stdout.take().expect("it is a pipe"));
        let complained = lines(child.stderr.take().expect("it is a pipe"));
        Running { child, said, complained }
    }

    pub fn line(&self) -> String {
        self.said.recv_timeout(PATIENCE).expect("a line comes in time")
    }

    pub fn complaint(&self) -> String {
        self.complained.recv_timeout(PATIENCE).expect("a complaint comes in time")
    }

    /// Waits until everything is watched.
    pub fn wait_until_watching(&self) {
        while !self.complaint().starts_with("gamin: watching") {}
    }

    /// All lines up to `last`.
    pub fn lines_until(&self, last: &str) -> Vec<String> {
        let mut lines = vec![self.line()];
        while lines.last().is_none_or(|line| line != last) {
            lines.push(self.line());
        }
        lines
    }

    /// Ends what takes no signal, such as who waits for the first process of a pid namespace.
    pub fn kill(mut self) {
        let _ = self.child.kill();
    }

    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().try_into().expect("it is a process id"))
    }
}

impl Drop for Running {
    /// Asks it to end, so that it ends what it has started.
    fn drop(&mut self) {
        let _ = kill(self.pid(), Signal::SIGTERM);
        let start = Instant::now();
        while self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            if start.elapsed() > PATIENCE {
                let _ = self.child.kill();
            }
            thread::yield_now();
        }
    }
}

pub fn write(path: impl AsRef<Path>) {
    fs::write(path, "x").expect("there is room");
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
