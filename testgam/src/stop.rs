//! Stopping early: because somebody asks for it, or because a scenario takes too long.
//!
//! Whoever plays looks at it between steps and while it waits, and then ends as after a failed step, so that
//! everything is taken down in the usual way. Invariant: a stop that was asked for stays asked for, until somebody
//! [`Stop::forget`]s it, and wakes everybody who [`Stop::wait`]s.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::world::Trouble;

/// Says when to stop. Clones share what was asked, each with its own deadline.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    asked: Arc<(Mutex<bool>, Condvar)>,
    bound: Option<(Instant, Duration)>,
}

impl Stop {
    /// The same, with a deadline so far from now.
    #[must_use]
    pub fn within(&self, time: Duration) -> Stop {
        Stop { asked: Arc::clone(&self.asked), bound: Some((Instant::now() + time, time)) }
    }

    /// The same, without a deadline.
    #[must_use]
    pub fn without_deadline(&self) -> Stop {
        Stop { asked: Arc::clone(&self.asked), bound: None }
    }

    /// Asks everybody to stop.
    pub fn ask(&self) {
        let (asked, bell) = &*self.asked;
        *asked.lock().unwrap_or_else(PoisonError::into_inner) = true;
        bell.notify_all();
    }

    /// Forgets that somebody asked: what was to stop has stopped.
    pub fn forget(&self) {
        *self.asked.0.lock().unwrap_or_else(PoisonError::into_inner) = false;
    }

    /// Whether somebody asked.
    pub fn is_asked(&self) -> bool {
        *self.asked.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As much of a time as lies before the deadline.
    pub fn cap(&self, time: Duration) -> Duration {
        self.bound.map_or(time, |(end, _)| time.min(end.saturating_duration_since(Instant::now())))
    }

    /// Whether to go on.
    ///
    /// # Errors
    /// Says why not.
    pub fn check(&self) -> Result<(), Trouble> {
        match self.bound {
            _ if self.is_asked() => Err(Trouble::Failed("interrupted".into())),
            Some((end, time)) if Instant::now() >= end => {
                Err(Trouble::Failed(format!("hung: the scenario had not ended after {time:?}")))
            }
            _ => Ok(()),
        }
    }

    /// Lets time pass, and less of it if that is asked or the deadline comes.
    pub fn wait(&self, time: Duration) {
        let (asked, bell) = &*self.asked;
        let asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
        // That the time is over and that somebody asked are told apart by `check`.
        let _ = bell.wait_timeout_while(asked, self.cap(time), |asked| !*asked);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(600);

    #[test]
    fn asking_wakes_who_waits_and_lasts() {
        let stop = Stop::default();
        assert_eq!(stop.check(), Ok(()));
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| stop.within(LONG).wait(LONG));
            stop.ask();
            waiting.join().expect("no panic");
        });
        stop.wait(LONG);
        assert!(stop.is_asked());
        assert_eq!(stop.within(LONG).check(), Err(Trouble::Failed("interrupted".into())));
        stop.forget();
        assert_eq!(stop.check(), Ok(()));
    }

    #[test]
    fn the_deadline_ends_waits_of_this_clone_alone() {
        let stop = Stop::default();
        let late = stop.within(Duration::ZERO);
        late.wait(LONG);
        assert_eq!(late.cap(LONG), Duration::ZERO);
        assert_eq!(late.check(), Err(Trouble::Failed("hung: the scenario had not ended after 0ns".into())));
        assert_eq!((stop.check(), stop.cap(LONG)), (Ok(()), LONG));
    }
}
