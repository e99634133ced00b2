//! The world `peer`: real files, and a watcher of others' making, as a process that prints lines.
//!
//! An [entry] says how it is started and read; a watcher costs no line of code. Each request of a client is a process of its own, so a request
//! is what somebody sees who starts that watcher there. What is there already, the client looks up by itself, as whoever starts a watcher
//! does. Then the lines make an account, which is turned into events, and a judge compares it with the disk. Invariant: what a watcher does
//! not promise is skipped, and never held against it.

mod account;
mod client;
pub mod command_words;
pub mod cost;
pub mod entry;
mod ground;
mod hearing;
mod judge;
mod printed;
pub mod process;
pub mod says;
mod watching;

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nix::sys::signal::Signal;
use testgam_language::action::ServerAction;

use crate::live;
use crate::session::{try_limits, with_limits};
use crate::stop::Stop;
use crate::world::{Client, Monitor, Stage, StepError, World};
use client::PeerClient;
use cost::Cost;
use entry::Peer;
use ground::{Deeds, Ground};
use watching::{PeerWatch, Task, Watchings};

/// What playing with a watcher has shown of what it costs.
#[derive(Debug, Clone, Default)]
pub struct Bill(Arc<Mutex<Vec<Item>>>);

/// What one process of a watcher has cost.
#[derive(Debug, Clone, Default)]
pub struct Item {
    /// What it used in the end.
    pub cost: Cost,
    /// How long it took until it watched.
    pub start: Duration,
    /// How long after a file had been written it was told, each time.
    pub latencies: Vec<Duration>,
}

impl Bill {
    /// What there is on it so far.
    pub fn items(&self) -> Vec<Item> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn add(&self, item: Item) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(item);
    }
}

/// Who starts watchers of one kind.
#[derive(Debug)]
struct PeerMonitor {
    task: Task,
    watchings: Watchings,
    bill: Bill,
    is_stopped: bool,
}

/// A world of its own: an empty directory, which `peer` is to watch. What it costs is put on the bill.
///
/// # Errors
/// Says why there is no room for it.
pub fn scenario(peer: &Arc<Peer>, bill: &Bill, stop: &Stop) -> Result<World, StepError> {
    let deeds = Rc::<Deeds>::default();
    let files = live::files(stop)?;
    let directory = files.directory().map(Path::to_owned).unwrap_or_default();
    let home = directory.with_file_name("home");
    fs::create_dir(&home).map_err(|why| StepError::Failed(format!("cannot make a home: {why}")))?;
    let task = Task {
        peer: Arc::clone(peer),
        directory,
        home,
        depth: 1,
        watches: None,
        deeds: Rc::clone(&deeds),
        stop: stop.clone(),
    };
    let monitor =
        PeerMonitor { task, watchings: Watchings::default(), bill: bill.clone(), is_stopped: false };
    Ok(World::new(Ground::new(files, deeds), monitor))
}

impl PeerMonitor {
    fn each(&self, mut act: impl FnMut(&mut PeerWatch) -> Result<(), StepError>) -> Result<(), StepError> {
        self.watchings.borrow().iter().try_for_each(|watching| act(&mut watching.borrow_mut()))
    }

    /// Sends a signal to every process of every watcher; whether they are held up by it.
    fn signal(&mut self, signal: Signal, is_stopped: bool) -> Result<(), StepError> {
        self.is_stopped = is_stopped;
        self.task.deeds.hold_up(is_stopped);
        self.each(|watching| {
            if let Some(process) = watching.process() {
                process.signal(signal);
            }
            Ok(())
        })
    }

    /// Starts those that do not run.
    fn start(&self) -> Result<(), StepError> {
        self.each(|watching| if watching.is_running() { Ok(()) } else { watching.begin() })
    }

    fn kill(&mut self) -> Result<(), StepError> {
        self.is_stopped = false;
        self.task.deeds.hold_up(false);
        self.each(|watching| {
            watching.kill();
            Ok(())
        })
    }
}

impl Monitor for PeerMonitor {
    fn connect(&mut self, _id: Option<&OsStr>) -> Result<Box<dyn Client>, StepError> {
        Ok(Box::new(PeerClient::new(self.task.clone(), Rc::clone(&self.watchings))))
    }

    fn control(&mut self, action: &ServerAction) -> Result<(), StepError> {
        match action {
            ServerAction::Stop => self.signal(Signal::SIGSTOP, true),
            ServerAction::Continue => self.signal(Signal::SIGCONT, false),
            ServerAction::Kill => self.kill(),
            ServerAction::Start => self.start(),
            ServerAction::Restart => self.kill().and_then(|()| self.start()),
            ServerAction::Watches(count) => {
                self.task.watches = Some(*count);
                try_limits(&with_limits(Some(*count), None), "the watcher")
            }
            ServerAction::PollOnly
            | ServerAction::Fanotify
            | ServerAction::Instances(_)
            | ServerAction::Unprivileged
            | ServerAction::Gaminrc(..) => {
                Err(StepError::Impossible("that is for our own server alone".into()))
            }
        }
    }

    fn heal(&mut self) -> Result<(), StepError> {
        if self.is_stopped {
            self.signal(Signal::SIGCONT, false)?;
        }
        self.each(|watching| {
            watching.limit(None);
            Ok(())
        })?;
        self.start()
    }
}

impl Drop for PeerMonitor {
    fn drop(&mut self) {
        for watching in self.watchings.borrow().iter() {
            let watching = watching.borrow();
            let latencies = watching.latencies().to_vec();
            self.bill.add(Item { cost: watching.cost(), start: watching.start_time(), latencies });
        }
    }
}
