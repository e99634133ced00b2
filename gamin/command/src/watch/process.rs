//! A command while it runs: a group of processes, what has become of it, and how it is ended.
//!
//! What it is given is left to `exec`, when it runs to the watch. Like a shell with job control, it lets the command have the terminal
//! when that reads from it, and takes it back afterwards: until then the terminal's signals come to us, and are handed on.
//! Invariants: a command that was told to end, and whatever it started in its group, is gone before another runs; nothing
//! here waits.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal, killpg};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, getpgrp, tcgetpgrp, tcsetpgrp};

/// How often it is looked whether a group is gone, which nothing tells.
const LOOK: Duration = Duration::from_millis(10);
/// How long after it was killed a group may take to be gone.
const GIVE_UP: Duration = Duration::from_secs(1);

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// By itself, with this status.
    Status(u8),
    /// By a signal.
    Signal(Signal),
}

impl Ended {
    /// The status that a shell would have of it.
    pub fn status(self) -> u8 {
        match self {
            Ended::Status(status) => status,
            Ended::Signal(signal) => of_signal(signal),
        }
    }
}

/// The status of a program that a signal has ended.
pub(super) fn of_signal(signal: Signal) -> u8 {
    u8::try_from(128 + signal as i32).unwrap_or(u8::MAX)
}

/// A command that runs.
#[derive(Debug)]
pub(super) struct Process {
    group: Pid,
    /// How it ended. Others of its group may go on.
    ended: Option<Ended>,
    /// When it is killed, once it was told to end.
    killed_at: Option<Instant>,
    /// Whether those that are left of its group were told to end.
    is_orphaned: bool,
    has_terminal: bool,
    /// Whether it has ever had the terminal, whose signals then came to it and not to us.
    had_terminal: bool,
}

impl Process {
    /// Starts a command in a group of its own.
    pub fn start(mut command: Command) -> io::Result<Process> {
        let child = command.process_group(0).spawn()?;
        let group = i32::try_from(child.id()).map_err(io::Error::other)?;
        Ok(Process {
            group: Pid::from_raw(group),
            ended: None,
            killed_at: None,
            is_orphaned: false,
            has_terminal: false,
            had_terminal: false,
        })
    }

    /// Sends a signal to the command and what it started.
    pub fn signal(&self, signal: Signal) {
        // Who is gone need not be told; who is stopped can't listen.
        let _ = killpg(self.group, signal);
        if signal != Signal::SIGCONT {
            let _ = killpg(self.group, Signal::SIGCONT);
        }
    }

    /// Tells it to end, and sets a time by which it has to.
    pub fn stop(&mut self, now: Instant, signal: Signal, patience: Duration) {
        self.signal(signal);
        self.killed_at = Some(self.killed_at.unwrap_or(now + patience).min(now + patience));
    }

    /// Whether it was told to end.
    pub fn is_stopping(&self) -> bool {
        self.killed_at.is_some()
    }

    /// When to look again, if no child changes its state before.
    pub fn deadline(&self, now: Instant) -> Option<Instant> {
        match (self.killed_at, self.ended) {
            // Of the others in its group nothing is told.
            (Some(_), Some(_)) => Some(now + LOOK),
            (killed_at, _) => killed_at.map(|killed_at| killed_at.max(now + LOOK)),
        }
    }

    /// Looks what has become of it: gives how it ended, once it has, and, if it was told to, everything in its group too.
    pub fn poll(&mut self, now: Instant) -> Option<Ended> {
        if self.killed_at.is_some_and(|killed_at| killed_at <= now) {
            let _ = killpg(self.group, Signal::SIGKILL);
        }
        while self.ended.is_none() {
            match waitpid(self.group, Some(WaitPidFlag::WNOHANG | WaitPidFlag::WUNTRACED)) {
                Ok(WaitStatus::Exited(_, status)) => {
                    self.ended = Some(Ended::Status(u8::try_from(status).unwrap_or(u8::MAX)));
                }
                Ok(WaitStatus::Signaled(_, signal, _)) => self.ended = Some(Ended::Signal(signal)),
                Ok(WaitStatus::Stopped(_, Signal::SIGTTIN | Signal::SIGTTOU)) => self.give_terminal(),
                Err(Errno::EINTR) => {}
                // Somebody else has collected it.
                Err(_) => self.ended = Some(Ended::Status(0)),
                Ok(_) => break,
            }
        }
        let ended = self.ended?;
        self.take_terminal();
        if self.is_stopping() && !std::mem::replace(&mut self.is_orphaned, true) {
            // Who is left may not hear an interrupt: a shell has what it starts in the background ignore it.
            let _ = killpg(self.group, Signal::SIGTERM);
        }
        // What is dead and collected by nobody stays in its group.
        let is_given_up = self.killed_at.is_some_and(|killed_at| killed_at + GIVE_UP <= now);
        let is_gone = || killpg(self.group, None) == Err(Errno::ESRCH);
        (!self.is_stopping() || is_given_up || is_gone()).then_some(ended)
    }

    /// Lets the command read from the terminal, if it is ours to give.
    fn give_terminal(&mut self) {
        let stdin = io::stdin();
        if tcgetpgrp(&stdin) == Ok(getpgrp()) && tcsetpgrp(&stdin, self.group).is_ok() {
            (self.has_terminal, self.had_terminal) = (true, true);
            let _ = killpg(self.group, Signal::SIGCONT);
        }
    }

    fn take_terminal(&mut self) {
        if std::mem::take(&mut self.has_terminal) {
            // Who takes the terminal from the background is stopped, unless he does not hear of it.
            let background = SigSet::from(Signal::SIGTTOU);
            let _ = background.thread_block();
            let _ = tcsetpgrp(io::stdin(), getpgrp());
            let _ = background.thread_unblock();
        }
    }

    /// Gives the signal with which a person at the terminal has ended it.
    pub fn interrupted(&self) -> Option<Signal> {
        match self.ended {
            Some(Ended::Signal(signal @ (Signal::SIGINT | Signal::SIGQUIT))) if self.had_terminal => {
                Some(signal)
            }
            _ => None,
        }
    }
}
