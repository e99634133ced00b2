//! `gamin watch`: what happens to files, printed or made a command's business.
//!
//! Following is left to `gamin-follow`, how a change looks to `print`, when a command runs to `runner`. Invariants: every change
//! that is told is printed, or handed to the runner, before anything is waited for; everything that can happen (a change, a
//! signal, the end of a command or of who reads) is waited for at once; who ends it, ends the command and what that started.

mod paths;
mod print;
mod process;
mod runner;
mod signals;

use std::io::{self, BufWriter, StdoutLock, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};

use gamin_follow::{Change, Follower, Ignoring, News, Patterns, What};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::signal::Signal;

use crate::arguments::{ChangeKind, WatchOptions};
use crate::change::escape;
use crate::deadline::{TIMED_OUT, timeout_until};
use crate::error::{CommandError, complain};
use crate::exec::Exec;
use crate::verdict::Verdict;
use print::Printer;
use process::of_signal;
use runner::Runner;
use signals::Signals;

/// How long what has happened so far may take to be told, before a command is started and after it has ended.
const SETTLE: Duration = Duration::from_secs(2);

/// Watches until there is a reason to end.
pub fn run(options: &WatchOptions) -> Result<Verdict, CommandError> {
    let exec = Exec::new(options)?;
    let printer = Printer::new(options)?;
    let only = Patterns::new(&options.only)?;
    let paths = paths::all(options)?;
    let (ignore_lines, ignore_files) = paths::ignore_files(options)?;
    let signals = Signals::new().map_err(|error| CommandError::System { what: "take signals", error })?;
    let follow = gamin_follow::Options {
        recursive: options.recursive,
        one_file_system: options.one_file_system,
        moves: options.tells_moves(),
        ignoring: Ignoring {
            // What is said on the command line is the stronger.
            patterns: ignore_lines.into_iter().chain(options.ignore.iter().cloned()).collect(),
            files: ignore_files,
            standard: options.gitignore || options.runs() && !options.no_ignore,
        },
    };
    let mut follower = Follower::new(gamin::Options::from_env().open()?, follow)?;
    for path in &paths {
        follower.add(path)?;
    }
    let mut watch = Watching {
        options,
        follower,
        printer,
        only: (!options.only.is_empty()).then_some(only),
        runner: exec.map(|exec| Runner::new(options, exec)),
        signals,
        out: BufWriter::new(io::stdout().lock()),
        ends_at: options.timeout.map(|timeout| Instant::now() + timeout),
        ending: None,
        has_told: false,
    };
    loop {
        if let Some(status) = watch.turn()? {
            watch.printer.print_end(&mut watch.out, status)?;
            watch.out.flush()?;
            return Ok(Verdict::Status(status));
        }
        watch.wait()?;
    }
}

struct Watching<'a> {
    options: &'a WatchOptions,
    follower: Follower,
    printer: Printer,
    only: Option<Patterns>,
    runner: Option<Runner<'a>>,
    signals: Signals,
    out: BufWriter<StdoutLock<'static>>,
    /// When its time is up.
    ends_at: Option<Instant>,
    /// It ends with this status as soon as no command runs.
    ending: Option<u8>,
    /// Whether a change was printed.
    has_told: bool,
}

impl Watching<'_> {
    /// Does all that there is to do; gives a status to end with.
    fn turn(&mut self) -> Result<Option<u8>, CommandError> {
        let now = Instant::now();
        if let Some(signal) = self.signals.poll_ending() {
            self.end(now, of_signal(signal), signal);
        }
        if self.ends_at.take_if(|ends_at| *ends_at <= now).is_some() {
            self.end(now, TIMED_OUT, self.options.signal);
        }
        self.read(now)?;
        self.out.flush()?;
        self.look_after_command(now)?;
        if self.ending.is_none() {
            self.start_command(now)?;
        }
        let is_running = self.runner.as_ref().is_some_and(Runner::is_running);
        if self.has_told && self.options.once {
            self.ending.get_or_insert(0);
        }
        // What could not be followed to the end may have hidden something.
        let status =
            self.ending.map(|status| if status == 0 && self.follower.has_gaps() { 1 } else { status });
        Ok(status.filter(|_| !is_running))
    }

    /// Ends as soon as the command has ended, which is told to.
    fn end(&mut self, now: Instant, status: u8, signal: Signal) {
        self.ending.get_or_insert(status);
        if let Some(runner) = &mut self.runner {
            runner.stop(now, signal);
        }
    }

    /// Takes all news.
    fn read(&mut self, now: Instant) -> Result<(), CommandError> {
        while let Some(news) = self.follower.poll()? {
            match &news {
                News::Change(change) if !self.wants(change) => continue,
                News::Change(change) => {
                    if let Some(runner) = &mut self.runner {
                        runner.handle_change(now, change.clone());
                        continue;
                    }
                    if self.options.clear && !self.has_told && io::IsTerminal::is_terminal(&io::stdout()) {
                        self.out.write_all(runner::CLEAR)?;
                    }
                    self.has_told |= change.event != What::Exists;
                }
                News::Missing(path) => complain(&format!("{}: not there yet", escape(path))),
                News::Gap(gap) => complain(&format!("{}: {}", escape(&gap.shown), gap.why)),
                News::GapEnds(gap) => complain(&format!("{}: followed again, or gone", escape(&gap.shown))),
                News::BadRule(why) => complain(why),
                News::Listed => {
                    let server =
                        self.follower.connection().server_pid().map(|pid| format!(" (server {pid})"));
                    complain(&format!("watching{}", server.unwrap_or_default()));
                    if let Some(runner) = self.runner.as_mut().filter(|_| self.options.run_first) {
                        runner.run_first()?;
                    }
                }
            }
            self.printer.print(&mut self.out, &news)?;
        }
        Ok(())
    }

    /// Whether a change is one that was asked for.
    fn wants(&self, change: &Change) -> bool {
        let is_wanted = match change.event {
            What::Exists => self.options.existing,
            _ if self.options.event.is_empty() => true,
            What::Created => self.options.event.contains(&ChangeKind::Created),
            What::Changed => self.options.event.contains(&ChangeKind::Changed),
            What::Deleted => self.options.event.contains(&ChangeKind::Deleted),
            // What it stands for may have been asked for.
            What::Moved => self.options.event.iter().any(|kind| *kind != ChangeKind::Changed),
        };
        let to = change.moved_to.as_ref().map(|to| matched(&to.absolute, &to.relative));
        let mut names = std::iter::once(matched(&change.absolute, &change.relative)).chain(to);
        is_wanted && self.only.as_ref().is_none_or(|only| names.any(|name| only.matches(name, false)))
    }

    /// Starts the command if it is time for that, or does what is to be done while it runs.
    fn start_command(&mut self, now: Instant) -> Result<(), CommandError> {
        let is_about_to_start = self.runner.as_ref().is_some_and(|runner| runner.is_about_to_start(now));
        if is_about_to_start {
            // The pause may have been the server's, or ours: on a busy machine, or because much comes and goes.
            self.catch_up(Instant::now())?;
        }
        self.runner.as_mut().map_or(Ok(()), |runner| runner.turn(now))
    }

    /// Takes all news of what has happened so far. A server that does not say so in time says so later.
    fn catch_up(&mut self, now: Instant) -> Result<(), CommandError> {
        match self.follower.barrier(SETTLE) {
            Ok(()) | Err(gamin::Error::TimedOut | gamin::Error::Unsupported) => self.read(now),
            Err(error) => Err(error.into()),
        }
    }

    /// Looks whether the command has ended, and what follows from that.
    fn look_after_command(&mut self, now: Instant) -> Result<(), CommandError> {
        self.signals.forget_children();
        let Some((ended, interrupted)) = self.runner.as_mut().and_then(|runner| runner.poll(now)) else {
            return Ok(());
        };
        // What it changed was changed while it ran.
        self.catch_up(now)?;
        let was_for_change = self.runner.as_mut().is_some_and(|runner| runner.handle_end(ended));
        if let Some(signal) = interrupted {
            self.ending.get_or_insert(of_signal(signal));
        }
        if was_for_change && self.options.once {
            self.ending.get_or_insert(ended.status());
        }
        Ok(())
    }

    /// Waits until there is something to do.
    fn wait(&mut self) -> Result<(), CommandError> {
        let now = Instant::now();
        let of_runner = self.runner.as_ref().and_then(|runner| runner.deadline(now));
        let timeout = timeout_until(of_runner.into_iter().chain(self.ends_at).min(), now);
        let stdout = io::stdout();
        // Of the output only an error or a hang-up is wanted, which is always told.
        let mut descriptors = vec![
            PollFd::new(stdout.as_fd(), PollFlags::empty()),
            PollFd::new(self.follower.connection().as_fd(), PollFlags::POLLIN),
        ];
        descriptors.extend(self.signals.descriptors().map(|signal| PollFd::new(signal, PollFlags::POLLIN)));
        match poll(&mut descriptors, timeout) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(CommandError::System { what: "wait for events", error: errno.into() }),
        }
        let output = descriptors[0].revents().unwrap_or(PollFlags::empty());
        if output.intersects(PollFlags::POLLERR | PollFlags::POLLHUP | PollFlags::POLLNVAL) {
            if self.ending.is_some() {
                // It is known already, and would be told again and again.
                return Err(CommandError::Unread);
            }
            self.end(now, 0, self.options.signal);
        }
        Ok(())
    }
}

/// What patterns are matched with: the path below what was asked for, or the name of that itself.
fn matched<'a>(absolute: &'a Path, relative: &'a Path) -> &'a Path {
    if relative.as_os_str().is_empty() { absolute.file_name().unwrap_or_default().as_ref() } else { relative }
}
