//! A thread for a connection that watches by itself and whose program is away for long.
//!
//! It does no more than a call would, under the same lock; events wait until they are taken. Invariant: it sleeps until there is
//! something to do, and ends before the [`Background`] is gone.

use std::os::fd::AsFd;
use std::sync::{Arc, Weak};
use std::thread::{self, JoinHandle};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::signal::{SigSet, SigmaskHow};

use super::Connection;
use crate::embedded::Wakers;
use crate::error::Error;

/// What keeps a connection's thread going; it ends when this is dropped. With a server there is none, since that does the work.
#[derive(Debug)]
pub struct Background {
    thread: Option<(JoinHandle<()>, Arc<EventFd>)>,
}

impl Connection {
    /// Has a thread do what there is to do from now on, whether or not a method is called, so that the kernel's queue is read in time.
    /// Without that, what it loses meanwhile is found out by a look, when the next method is called.
    ///
    /// # Errors
    /// [`Error::System`] where there is no thread or descriptor left; else as [`Connection::pending`].
    pub fn background(self: &Arc<Connection>) -> Result<Background, Error> {
        let Some(wakers) = self.with(|driver| Ok(driver.link().wakers()))? else {
            return Ok(Background { thread: None });
        };
        let (wakers, stop) = (wakers?, Arc::new(EventFd::from_flags(EfdFlags::EFD_CLOEXEC)?));
        let (connection, stopped) = (Arc::downgrade(self), Arc::clone(&stop));
        // Signals are the program's business, whose thread this is not.
        let signals = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK)?;
        let builder = thread::Builder::new().name("watches".to_owned());
        let thread = builder.spawn(move || work(&connection, &wakers, &stopped));
        signals.thread_set_mask()?;
        let thread = thread.map_err(|error| Errno::try_from(error).unwrap_or(Errno::EAGAIN))?;
        Ok(Background { thread: Some((thread, stop)) })
    }
}

fn work(connection: &Weak<Connection>, wakers: &Wakers, stop: &EventFd) {
    loop {
        let [kernel, timer] = wakers.each_ref().map(AsFd::as_fd);
        let mut awaited = [kernel, timer, stop.as_fd()].map(|what| PollFd::new(what, PollFlags::POLLIN));
        match poll(&mut awaited, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return tracing::error!(%errno, "cannot wait in the background"),
        }
        if awaited[2].any() == Some(true) {
            return;
        }
        let Some(connection) = connection.upgrade() else { return };
        let turned = connection.with(|driver| {
            driver.turn();
            Ok(())
        });
        if turned.is_err() {
            return;
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        let Some((thread, stop)) = self.thread.take() else { return };
        if let Err(errno) = stop.write(1) {
            return tracing::error!(%errno, "cannot end the background");
        }
        // If it was the last to have the connection, it is done with that, too.
        let _ = thread.join();
    }
}
