//! The kernel's notices: who tells of changes, and when the event loop hears of them.
//!
//! When the queue is read is left to the driver. Invariant: while there is nobody who tells, one is asked for again every
//! [`ASK_PAUSE`], as long as something is polled for want of one.

use gamin_config::Policy;
use gamin_engine::Time;
use mio::Interest;
use tracing::{error, info, warn};

use super::{ASK_PAUSE, Host, KERNEL};
use crate::sources::{self, Source};

impl Host {
    /// Takes what is mounted by now.
    pub(super) fn follow_mounts(&mut self, now: Time) {
        self.driver.follow_mounts(&mut self.system, now);
        if std::mem::take(&mut self.system.is_told) {
            self.driver.gather_mut().handle_ready(now);
        }
    }

    /// Reads the kernel's queue if its time has come, and hears of the next notice if it is to rest.
    pub(super) fn read_kernel(&mut self) {
        let now = self.now();
        if let Err(error) = self.driver.read_kernel(&mut self.system, now) {
            error!(%error, "can't read the kernel's notices");
        }
        self.hear_kernel();
    }

    /// Asks again for notices of the kernel, if there are none though they are wanted. What is polled for want of them goes
    /// over to the kernel.
    pub(super) fn find_notifier(&mut self) {
        let now = self.now();
        if self.driver.policy().without_kernel.is_none() || now < self.ask_kernel_at {
            return;
        }
        self.ask_kernel_at = now + ASK_PAUSE;
        let found = sources::add_notifier(self.poll.registry(), self.without_inotify);
        let Ok(notifier) = found else { return };
        info!(by = notifier.name(), "the kernel gives notices again");
        self.describe(KERNEL, notifier.name().to_owned());
        self.system.notifier = Some(notifier);
        self.hears_kernel = true;
        let policy = Policy { without_kernel: None, ..self.driver.policy().clone() };
        self.driver.handle_policy(&mut self.system, now, policy);
    }

    /// Hears of the kernel's next notice if its queue rests. While it is read at set times, its notices wake nobody.
    pub(super) fn hear_kernel(&mut self) {
        let Some(notifier) = &self.system.notifier else { return };
        let is_resting = self.driver.gather().is_resting();
        if is_resting == self.hears_kernel {
            return;
        }
        if !is_resting {
            Source::remove(self.poll.registry(), notifier);
        } else if let Err(error) = Source::Kernel.add(self.poll.registry(), notifier, Interest::READABLE) {
            warn!(%error, "can't wait for the kernel's notices");
            let now = self.now();
            return self.driver.gather_mut().handle_failure(now);
        }
        self.hears_kernel = is_resting;
    }
}
