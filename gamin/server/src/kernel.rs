//! The kernel as the host sees it: inotify in the event loop, and what is done with what is in its queue.
//!
//! When the queue is read is left to `gather`, reading and arming to the backend, what it all means to the engine.
//! Invariant: after a queue was read that is to rest, nothing wakes the server until the next notice.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use calloop::generic::Generic;
use calloop::{Interest, LoopHandle, Mode, PostAction, RegistrationToken};
use gamin_backend::{Backend, Mounts};
use gamin_engine::{KernelWatchId, Level, Refusal, Time, TreePath};
use gamin_linux::Inotify;
use tracing::{error, warn};

use crate::core::Core;
use crate::gather::Gather;
use crate::host::Host;

/// The kernel's queue of notices.
pub(crate) struct Kernel {
    inotify: Inotify,
    backend: Backend<<Inotify as gamin_backend::Kernel>::Watch>,
    gather: Gather,
    handle: LoopHandle<'static, Host>,
    token: RegistrationToken,
}

impl Kernel {
    /// Takes the kernel's queue into the event loop.
    pub fn new(handle: &LoopHandle<'static, Host>) -> Result<Kernel, Box<dyn std::error::Error>> {
        let inotify = Inotify::new()?;
        let descriptor: OwnedFd = inotify.as_fd().try_clone_to_owned()?;
        // After one wake-up the source sleeps until it is asked to look again.
        let source = Generic::new(descriptor, Interest::READ, Mode::OneShot);
        let token = handle
            .insert_source(source, |_, _, host| {
                host.handle_kernel_ready();
                Ok(PostAction::Continue)
            })
            .map_err(|error| error.error)?;
        let (backend, gather) = (Backend::new(), Gather::new());
        Ok(Kernel { inotify, backend, gather, handle: handle.clone(), token })
    }

    /// Takes the event loop's word that there is a notice.
    pub fn handle_ready(&mut self) {
        self.gather.handle_ready();
    }

    /// When the queue is to be read, if not for other reasons before.
    pub fn next_deadline(&self) -> Option<Time> {
        self.gather.next_deadline()
    }

    /// Reads the queue if its time has come.
    pub fn handle_time(&mut self, now: Time, core: &mut Core) {
        if !self.gather.is_due(now) {
            return;
        }
        match self.drain(now, core) {
            Ok(count) if self.gather.handle_read(now, count) => {
                if let Err(error) = self.handle.update(&self.token) {
                    warn!(%error, "can't wait for the kernel's notices");
                    self.gather.handle_failure(now);
                }
            }
            Ok(_) => {}
            Err(error) => {
                error!(%error, "can't read the kernel's notices");
                self.gather.handle_failure(now);
            }
        }
    }

    /// Hands in all that the kernel has noticed by now; gives how much that was.
    pub fn drain(&mut self, now: Time, core: &mut Core) -> io::Result<usize> {
        self.backend.drain(&mut self.inotify, |notice| core.handle_notice(now, notice))
    }

    /// Takes what is mounted by now.
    pub fn set_mounts(&mut self, mounts: Arc<Mounts>) {
        self.backend.set_mounts(mounts);
    }

    /// Asks the kernel about a directory.
    pub fn arm(&mut self, id: KernelWatchId, directory: &TreePath, level: Level) -> Result<(), Refusal> {
        self.backend.arm(&mut self.inotify, id, directory, level)
    }

    /// Gives an arming back.
    pub fn disarm(&mut self, id: KernelWatchId) {
        self.backend.disarm(&mut self.inotify, id);
    }
}
