//! A thread for a connection that watches by itself and whose program is away for long.
//!
//! It does no more than a call would, under the same lock; events wait until they are taken. Invariants: it sleeps until there is
//! something to do, and ends before the [`Background`] is gone. In a child process, or where the program has closed its descriptors,
//! nothing is touched.

use std::sync::{Arc, Weak};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use gamin_host::spawn_without_signals;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};

use super::Connection;
use crate::error::Error;
use crate::held::Held;

/// What keeps a connection's thread going; it ends when this is dropped. With a server there is none, since that does the work.
/// In a child process of a fork there is none either, and the parent's goes on.
#[derive(Debug)]
pub struct Background {
    worker: Option<Worker>,
}

#[derive(Debug)]
struct Worker {
    thread: JoinHandle<()>,
    /// Expires when the thread is to end.
    stop: Arc<Held>,
    process: fn() -> u32,
    /// The process whose thread it is.
    starter: u32,
}

impl Connection {
    /// Has a thread do what there is to do from now on, whether or not a method is called, so that the kernel's queue is read in time.
    /// Without that, what it loses meanwhile is found out by a look, when the next method is called.
    ///
    /// # Errors
    /// [`Error::System`] where there is no thread or descriptor left; else as [`Connection::pending`].
    pub fn background(self: &Arc<Connection>) -> Result<Background, Error> {
        if !self.with(|driver| Ok(driver.link().is_embedded()))? {
            return Ok(Background { worker: None });
        }
        let (wakers, stop) = (Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?, Held::timer()?);
        self.with(|driver| Ok(driver.link().wake(&wakers)?))?;
        wakers.add(stop.descriptor().ok_or(Errno::EBADF)?, EpollEvent::new(EpollFlags::EPOLLIN, 0))?;
        let (connection, stop) = (Arc::downgrade(self), Arc::new(stop));
        let wakers = Held::epoll(wakers.0, Arc::clone(&stop));
        let stopped = Arc::clone(&stop);
        let builder = thread::Builder::new().name("watches".to_owned());
        let thread = spawn_without_signals(builder, move || work(&connection, &wakers, &stopped));
        let thread = thread.map_err(|error| Errno::try_from(error).unwrap_or(Errno::EAGAIN))?;
        let (process, starter) = (self.process, self.opener);
        Ok(Background { worker: Some(Worker { thread, stop, process, starter }) })
    }
}

/// Works until `stop` expires, which is among the `wakers`.
fn work(connection: &Weak<Connection>, wakers: &Held, stop: &Held) {
    while wakers.is_ours() {
        let descriptors = [wakers, stop].into_iter().filter_map(Held::descriptor);
        let mut awaited: Vec<_> = descriptors.map(|what| PollFd::new(what, PollFlags::POLLIN)).collect();
        match poll(&mut awaited, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return tracing::error!(%errno, "cannot wait in the background"),
        }
        if awaited.last().is_none_or(|stop| stop.any() == Some(true)) {
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
        let Some(Worker { thread, stop, process, starter }) = self.worker.take() else { return };
        if process() != starter {
            // The thread is in the parent, and so is what would end it.
            return std::mem::forget(thread);
        }
        if !stop.is_ours() {
            // The thread finds out likewise when it wakes.
            return;
        }
        if let Err(errno) = stop.set(Some(Duration::ZERO)) {
            return tracing::error!(%errno, "cannot end the background");
        }
        // If it was the last to have the connection, it is done with that, too. It may be the one that drops this, with a request's closure.
        if thread.thread().id() != thread::current().id() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::options::{Mode, Options};

    /// The process as the test would have it.
    static PROCESS: AtomicU32 = AtomicU32::new(1);

    #[test]
    fn in_a_child_process_the_parent_s_thread_is_left_alone() {
        let options = Options::new().mode(Mode::Embedded);
        let opened = options.open_in(|| PROCESS.load(Ordering::Relaxed)).expect("descriptors");
        let connection = Arc::new(opened);
        let background = connection.background().expect("a thread");
        let stop = Arc::downgrade(&background.worker.as_ref().expect("there is no server").stop);
        PROCESS.store(2, Ordering::Relaxed);
        drop(background);
        let stop = stop.upgrade().expect("the thread has it");
        let descriptor = stop.descriptor().expect("it is open");
        let is_stopped = poll(&mut [PollFd::new(descriptor, PollFlags::POLLIN)], PollTimeout::ZERO);
        assert_eq!(is_stopped, Ok(0));
        stop.set(Some(Duration::ZERO)).expect("it is ours");
    }
}
