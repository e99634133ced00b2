//! What wakes the host besides its clients and the kernel: signals, the mount table, threads that scan.
//!
//! Each source only notes what has come; the host does what follows from it in its turn.

use std::error::Error;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;

use calloop::channel::{self, channel};
use calloop::generic::Generic;
use calloop::signals::{Signal, Signals};
use calloop::{Interest, LoopHandle, Mode, PostAction, RegistrationToken};
use gamin_config::Policy;
use gamin_engine::Refusal;
use gamin_linux::{Inotify, MountTable, no_instance};
use gamin_trace::Traces;
use nix::sys::signal::SigSet;
use tracing::info;

use super::{Host, INOTIFY_PAUSE};
use crate::linux::Linux;
use crate::threads::Threads;

/// The signals that the event loop takes.
const TAKEN: [Signal; 5] =
    [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM, Signal::SIGUSR2];

/// Keeps the signals that the event loop takes until it does, and no other, whatever the starter did. To be called before anybody can
/// know of the server: to process 1 of a container the kernel gives only what it waits for.
pub(crate) fn hold_signals() -> nix::Result<()> {
    // The event loop's signals are those of another version of nix.
    let taken = TAKEN.iter().filter_map(|signal| nix::sys::signal::Signal::try_from(*signal as i32).ok());
    taken.collect::<SigSet>().thread_set_mask()
}

/// Lets the signals that end the server, or switch its trace, come through the event loop.
pub(super) fn insert_signals(
    handle: &LoopHandle<'static, Host>,
    traces: Traces,
) -> Result<(), Box<dyn Error>> {
    handle
        .insert_source(Signals::new(&TAKEN)?, move |signal, (), host| match signal.signal() {
            Signal::SIGUSR2 => host.switch_trace(&traces),
            ending => {
                info!(signal = ?ending, "ended by signal");
                host.stopped = true;
            }
        })
        .map_err(|error| error.error)?;
    Ok(())
}

/// Lets the event loop tell when anything is mounted or unmounted.
pub(super) fn insert_mounts(handle: &LoopHandle<'static, Host>) -> Result<Rc<MountTable>, Box<dyn Error>> {
    let table = Rc::new(MountTable::open()?);
    // Without asking for anything, an error is told all the same.
    let source = Generic::new(Rc::clone(&table), Interest::EMPTY, Mode::Edge);
    handle
        .insert_source(source, |_, _, host| {
            host.system.is_remounted = true;
            Ok(PostAction::Continue)
        })
        .map_err(|error| error.error)?;
    Ok(table)
}

/// Asks the kernel for an inotify instance, and lets the event loop tell when it has something to say.
pub(super) fn insert_inotify(
    handle: &LoopHandle<'static, Host>,
    system: &mut Linux,
) -> Result<RegistrationToken, Refusal> {
    let failed = |error: &io::Error| {
        info!(%error, "no inotify instance");
        no_instance(error)
    };
    let inotify = Inotify::new().map_err(|error| failed(&error))?;
    let descriptor: OwnedFd = inotify.as_fd().try_clone_to_owned().map_err(|error| failed(&error))?;
    // After one wake-up the source sleeps until it is asked to look again.
    let source = Generic::new(descriptor, Interest::READ, Mode::OneShot);
    let token = handle
        .insert_source(source, |_, _, host| {
            let now = host.now();
            host.driver.gather_mut().handle_ready(now);
            Ok(PostAction::Continue)
        })
        .map_err(|_| Refusal::Failed)?;
    system.inotify = Some(inotify);
    Ok(token)
}

/// Lets what is scanned away from the event loop come back through it.
pub(super) fn insert_threads(handle: &LoopHandle<'static, Host>) -> Result<Threads, Box<dyn Error>> {
    let (sender, messages) = channel();
    handle
        .insert_source(messages, |event, (), host| {
            if let channel::Event::Msg(message) = event {
                host.messages.push(message);
            }
        })
        .map_err(|error| error.error)?;
    Ok(Threads::new(sender))
}

impl Host {
    /// Asks again for notices of the kernel, if there are none though they are wanted. What is polled for want of them goes
    /// over to the kernel.
    pub(super) fn find_inotify(&mut self) {
        let now = self.now();
        if self.driver.policy().without_kernel.is_none() || now < self.inotify_at {
            return;
        }
        self.inotify_at = now + INOTIFY_PAUSE;
        let Ok(token) = insert_inotify(&self.handle, &mut self.system) else { return };
        info!("the kernel gives notices again");
        self.inotify = Some(token);
        let policy = Policy { without_kernel: None, ..self.driver.policy().clone() };
        self.driver.handle_policy(&mut self.system, now, policy);
    }
}
