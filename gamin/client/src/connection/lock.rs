//! How a connection is had by one call at a time.
//!
//! What is done with it is left to the call. Invariant: nothing is read or written before a look at whose the descriptors are, and after
//! each call it is said whether there is something to be had.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{MutexGuard, PoisonError};

use super::Connection;
use crate::driver::Driver;
use crate::error::Error;

impl Connection {
    pub(super) fn with<T>(&self, call: impl FnOnce(&mut Driver) -> Result<T, Error>) -> Result<T, Error> {
        self.with_checked(Driver::check_end, call)
    }

    /// As [`Connection::with`], for what is mostly found by a glance.
    pub(super) fn look<T>(
        &self,
        call: impl FnOnce(&mut Driver) -> Result<Option<T>, Error>,
    ) -> Result<Option<T>, Error> {
        self.with_checked(Driver::glance_at_end, |driver| sought(driver, call))
    }

    pub(super) fn with_checked<T>(
        &self,
        check: impl FnOnce(&mut Driver) -> Result<(), Error>,
        call: impl FnOnce(&mut Driver) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if self.is_forked() {
            return Err(Error::Forked);
        }
        let mut driver = self.lock();
        let result = check(&mut driver).and_then(|()| call(&mut driver));
        self.settle(&mut driver);
        result
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Driver> {
        // Nothing panics while it holds the lock; and if it did, the driver would be as good as before.
        self.driver.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says what there is, after whatever was done with the driver.
    pub(super) fn settle(&self, driver: &mut Driver) {
        settle(driver, &self.is_ready);
    }

    /// Whether this is a child process. It shares the descriptors with its parent, and may have been made while a thread held
    /// the lock.
    pub(super) fn is_forked(&self) -> bool {
        (self.process)() != self.opener
    }
}

/// Has looked for something after a glance at the end: if there is nothing, whether that is the end is made sure of.
pub(super) fn sought<T>(
    driver: &mut Driver,
    look: impl FnOnce(&mut Driver) -> Result<Option<T>, Error>,
) -> Result<Option<T>, Error> {
    let found = look(driver)?;
    if found.is_none() {
        driver.confirm()?;
    }
    Ok(found)
}

/// The same for one who has lent the driver out of its lock.
#[inline]
pub(super) fn settle(driver: &mut Driver, is_ready: &AtomicBool) {
    is_ready.store(driver.settle(), Ordering::Relaxed);
}
