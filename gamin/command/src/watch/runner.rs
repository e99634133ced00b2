//! When a command runs: once for changes that come together, one run at a time, and again for what came meanwhile.
//!
//! What it is given is left to `exec`, how it ends to `process`. Invariant: each change leads to a run that begins after it, unless
//! the user wants otherwise or the command feeds itself, which is said.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use gamin_follow::{Change, Feedback, Gather};
use nix::sys::signal::Signal;

use super::process::{Ended, Process};
use crate::arguments::{Busy, WatchOptions};
use crate::change::{escape, escape_bytes};
use crate::error::{CommandError, complain};
use crate::exec::Exec;

/// The longest time for which changes come together.
const LONGEST: Duration = Duration::from_secs(1);
/// What clears a screen, and what has scrolled out of it.
pub(super) const CLEAR: &[u8] = b"\x1b[2J\x1b[3J\x1b[H";

/// A command, and what it is to be run for.
#[derive(Debug)]
pub(super) struct Runner<'a> {
    options: &'a WatchOptions,
    exec: Exec,
    gather: Gather,
    feedback: Feedback,
    /// The command feeds itself: it waits for a change that comes while nothing runs.
    is_held: bool,
    /// What it was last said to be fed by.
    fed_by: Option<PathBuf>,
    process: Option<Process>,
    /// Whether what runs was begun for a change.
    is_for_change: bool,
}

impl<'a> Runner<'a> {
    pub fn new(options: &'a WatchOptions, exec: Exec) -> Runner<'a> {
        Runner {
            options,
            exec,
            gather: Gather::new(options.gather.min(LONGEST), LONGEST),
            feedback: Feedback::default(),
            is_held: false,
            fed_by: None,
            process: None,
            is_for_change: false,
        }
    }

    /// Takes a change.
    pub fn handle_change(&mut self, now: Instant, change: Change) {
        if self.process.is_some() && self.options.on_busy == Some(Busy::Drop) {
            return;
        }
        self.feedback.handle_change();
        self.is_held &= self.process.is_some();
        self.gather.handle_change(now, change);
    }

    /// Whether the command runs.
    pub fn is_running(&self) -> bool {
        self.process.is_some()
    }

    /// When to come back, if nothing happens before.
    pub fn deadline(&self, now: Instant) -> Option<Instant> {
        let gathered = self.gather.deadline().filter(|_| !self.is_held);
        match &self.process {
            None if self.options.each => gathered.map(|_| now),
            None => gathered,
            Some(process) => {
                let wants_gathered = matches!(self.options.on_busy, Some(Busy::Restart | Busy::Signal));
                let gathered = gathered.filter(|_| wants_gathered && !process.is_stopping());
                process.deadline(now).into_iter().chain(gathered).min()
            }
        }
    }

    /// Runs the command once, for nothing.
    ///
    /// # Errors
    /// It can't be started.
    pub fn run_first(&mut self) -> Result<(), CommandError> {
        self.is_for_change = false;
        self.start(&[])
    }

    /// Whether a batch has ended for which the command is to be started now. What the server has not told yet may belong to it.
    pub fn is_about_to_start(&self, now: Instant) -> bool {
        let has_ended = self.gather.deadline().is_some_and(|deadline| deadline <= now);
        has_ended && !self.options.each && !self.is_held && self.process.is_none()
    }

    /// Starts the command if there is something to run it for, or does what is to be done while it runs.
    ///
    /// # Errors
    /// It can't be started.
    pub fn turn(&mut self, now: Instant) -> Result<(), CommandError> {
        let is_due = self.gather.deadline().is_some_and(|deadline| self.options.each || deadline <= now);
        if !is_due || self.is_held {
            return Ok(());
        }
        if let Some(process) = &mut self.process {
            match self.options.on_busy {
                Some(Busy::Restart) if !process.is_stopping() => {
                    process.stop(now, self.options.signal, self.options.stop_timeout);
                }
                Some(Busy::Signal) => {
                    self.gather.take();
                    process.signal(self.options.signal);
                }
                _ => {}
            }
            return Ok(());
        }
        if !self.feedback.admits_run() && self.options.on_busy.is_none() {
            self.is_held = true;
            self.tell_feedback();
            return Ok(());
        }
        let changes = match self.options.each {
            true => self.gather.take_first().into_iter().collect(),
            false => self.gather.take(),
        };
        self.is_for_change = true;
        self.start(&changes)
    }

    fn start(&mut self, changes: &[Change]) -> Result<(), CommandError> {
        if self.options.clear && io::stdout().is_terminal() {
            io::stdout().write_all(CLEAR).and_then(|()| io::stdout().flush())?;
        }
        let started = self.exec.command(changes).and_then(Process::start);
        let program = self.exec.program().into();
        self.process = Some(started.map_err(|error| CommandError::File { path: program, error })?);
        Ok(())
    }

    /// Tells the command to end. Told again, it has no time left.
    pub fn stop(&mut self, now: Instant, signal: Signal) {
        let Some(process) = &mut self.process else { return };
        let patience = if process.is_stopping() { Duration::ZERO } else { self.options.stop_timeout };
        process.stop(now, signal, patience);
    }

    /// Looks whether the command has ended; says how, and whether a person at the terminal has ended it with that signal. What has
    /// changed while it ran is to be handed in before [`Runner::handle_end`].
    pub fn poll(&mut self, now: Instant) -> Option<(Ended, Option<Signal>)> {
        let process = self.process.as_mut()?;
        process.poll(now).map(|ended| (ended, process.interrupted()))
    }

    /// The command has ended; says whether it had been begun for a change.
    pub fn handle_end(&mut self, ended: Ended) -> bool {
        let was_stopped = self.process.take().is_some_and(|process| process.is_stopping());
        self.feedback.handle_end();
        match ended {
            _ if was_stopped || ended == Ended::Status(0) => {}
            Ended::Status(status) => complain(&format!("the command ended with status {status}")),
            Ended::Signal(signal) => complain(&format!("the command was ended by {signal}")),
        }
        self.is_for_change
    }

    fn tell_feedback(&mut self) {
        let Some(Change { shown, relative, .. }) = self.gather.first() else { return };
        if self.fed_by.as_ref() == Some(shown) {
            return;
        }
        self.fed_by = Some(shown.clone());
        let shown = escape(shown);
        let pattern = escape_bytes(relative.as_os_str().as_encoded_bytes());
        complain(&format!(
            "{shown} changes while the command runs, which was run three times for nothing else: as it seems, the command \
             itself does it. It waits for a change that comes while it does not run. To leave that out: --ignore '/{pattern}'; to go on for ever: --on-busy wait"
        ));
    }
}
