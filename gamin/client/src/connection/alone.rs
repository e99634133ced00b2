//! A connection for one who has it alone, be it under a lock of his own: what is done as often as events come needs no second lock.
//!
//! Everything else may be called as by anybody. Invariant: it leaves the connection as the methods that take the lock do.

use std::sync::PoisonError;

use super::Connection;
use super::lock::{settle, sought};
use super::waiting::wait;
use crate::driver::Driver;
use crate::error::Error;
use crate::{EventRef, link};

/// What [`Connection::begin_wait`] gives: it is waited for without the connection.
#[derive(Debug)]
#[must_use = "the connection counts who waits for it"]
pub struct Awaited(link::Wait);

impl Awaited {
    /// Waits until the connection may have an event, or something to do.
    ///
    /// # Errors
    /// [`Error::System`].
    pub fn wait(&self) -> Result<(), Error> {
        Ok(wait(&self.0, None, None)?)
    }
}

impl Connection {
    /// Has the next event read where it was received, if it has been.
    #[inline]
    pub fn read_received<T>(&mut self, read: impl FnOnce(EventRef<'_>) -> T) -> Option<T> {
        if !*self.is_ready.get_mut() || self.is_forked() {
            return None;
        }
        let driver = self.driver.get_mut().unwrap_or_else(PoisonError::into_inner);
        let (done, has_another) = driver.state.poll_received(|event, _| read(event))?;
        if !has_another {
            settle(driver, &self.is_ready);
        }
        Some(done)
    }

    /// Has the next event read where it was received, if there is one. Never waits.
    ///
    /// # Errors
    /// As [`Connection::next_event`].
    pub fn read_event_alone<T>(&mut self, read: impl FnOnce(EventRef<'_>) -> T) -> Result<Option<T>, Error> {
        self.with_alone(Driver::glance_at_end, |driver| sought(driver, |driver| driver.next_event(read)))
    }

    /// Begins to wait for an event, which is then done without the connection. Whoever has waited says so
    /// ([`Connection::end_wait`]), and looks again.
    ///
    /// # Errors
    /// [`Error::Forked`], [`Error::Closed`], [`Error::DescriptorLost`].
    pub fn begin_wait(&mut self) -> Result<Awaited, Error> {
        self.with_alone(Driver::check_end, |driver| Ok(Awaited(driver.wait())))
    }

    /// Ends a wait.
    ///
    /// # Errors
    /// As [`Connection::begin_wait`].
    pub fn end_wait(&mut self) -> Result<(), Error> {
        self.with_alone(Driver::glance_at_end, |driver| {
            driver.handle_waited();
            Ok(())
        })
    }

    fn with_alone<T>(
        &mut self,
        check: impl FnOnce(&mut Driver) -> Result<(), Error>,
        call: impl FnOnce(&mut Driver) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if self.is_forked() {
            return Err(Error::Forked);
        }
        let driver = self.driver.get_mut().unwrap_or_else(PoisonError::into_inner);
        let result = check(driver).and_then(|()| call(driver));
        settle(driver, &self.is_ready);
        result
    }
}
