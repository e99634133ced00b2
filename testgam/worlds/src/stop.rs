//! Stopping early: because somebody asks for it, or because a scenario takes too long.
//!
//! Whoever plays looks at it between steps and while it waits, and then ends as after a failed step, so that
//! everything is taken down in the usual way. Invariant: a stop that was asked for stays asked for, until somebody
//! [`Stop::forget`]s it, and wakes everybody who [`Stop::wait`]s.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::world::StepError;

/// How long somebody who waits for an event or a server may take to see that it is to stop.
pub const LATENCY: Duration = Duration::from_millis(100);

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

    /// The same, with a deadline no later than so far from now.
    #[must_use]
    pub fn sooner(&self, time: Duration) -> Stop {
        self.bounded(time, |own, other| own <= other)
    }

    /// The same; a deadline comes no sooner than so far from now.
    #[must_use]
    pub fn later(&self, time: Duration) -> Stop {
        if self.bound.is_none() { self.clone() } else { self.bounded(time, |own, other| own >= other) }
    }

    fn bounded(&self, time: Duration, is_kept: impl Fn(Instant, Instant) -> bool) -> Stop {
        let other = self.within(time);
        let is_own = self.bound.zip(other.bound).is_some_and(|((own, _), (other, _))| is_kept(own, other));
        if is_own { self.clone() } else { other }
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
    pub fn check(&self) -> Result<(), StepError> {
        match self.bound {
            _ if self.is_asked() => Err(StepError::Failed("interrupted".into())),
            Some((end, time)) if Instant::now() >= end => {
                Err(StepError::Failed(format!("hung: the scenario had not ended after {time:?}")))
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

    /// Has a call that waits, and cannot be woken, made in a thread of its own; gives what it gives. When it is time to stop
    /// first, the call goes on, and nobody hears what comes of it.
    ///
    /// # Errors
    /// Says why it is not waited for.
    pub fn unless_asked<T: Send + 'static>(
        &self,
        call: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, StepError> {
        self.check()?;
        let failed = |why: &str| StepError::Failed(format!("cannot wait: {why}"));
        let (tell, told) = mpsc::channel();
        let waits = move || {
            // Nobody hears it who has stopped.
            let _ = tell.send(call());
        };
        thread::Builder::new().name("waits".into()).spawn(waits).map_err(|why| failed(&why.to_string()))?;
        loop {
            match told.recv_timeout(LATENCY) {
                Ok(given) => return Ok(given),
                Err(RecvTimeoutError::Timeout) => self.check()?,
                Err(RecvTimeoutError::Disconnected) => return Err(failed("the thread that waits panicked")),
            }
        }
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
        thread::scope(|scope| {
            let waiting = scope.spawn(|| stop.within(LONG).wait(LONG));
            stop.ask();
            waiting.join().expect("no panic");
        });
        stop.wait(LONG);
        assert!(stop.is_asked());
        assert_eq!(stop.within(LONG).check(), Err(StepError::Failed("interrupted".into())));
        stop.forget();
        assert_eq!(stop.check(), Ok(()));
    }

    #[test]
    fn a_deadline_is_brought_forward_or_put_off() {
        let stop = Stop::default();
        let soon = stop.within(Duration::ZERO);
        assert_eq!(soon.sooner(LONG).cap(LONG), Duration::ZERO);
        assert_eq!(stop.sooner(Duration::ZERO).cap(LONG), Duration::ZERO);
        assert_eq!(stop.within(LONG).sooner(Duration::ZERO).cap(LONG), Duration::ZERO);
        assert!(soon.later(LONG * 2).cap(LONG) == LONG && soon.later(LONG).check().is_ok());
        assert!(stop.within(LONG * 2).later(Duration::ZERO).cap(LONG) == LONG);
        assert_eq!(stop.later(Duration::ZERO).check(), Ok(()));
    }

    #[test]
    fn a_call_that_cannot_be_woken_is_left_alone_when_somebody_asks() {
        let stop = Stop::default();
        assert_eq!(stop.unless_asked(|| 7), Ok(7));
        let (tell, told) = mpsc::channel::<()>();
        let asks = stop.clone();
        let waits = move || {
            asks.ask();
            // Until the test has ended.
            told.recv()
        };
        assert_eq!(stop.unless_asked(waits), Err(StepError::Failed("interrupted".into())));
        drop(tell);
        assert_eq!(stop.unless_asked(|| 7), Err(StepError::Failed("interrupted".into())));
    }

    #[test]
    fn the_deadline_ends_waits_of_this_clone_alone() {
        let stop = Stop::default();
        let late = stop.within(Duration::ZERO);
        late.wait(LONG);
        assert_eq!(late.cap(LONG), Duration::ZERO);
        assert_eq!(late.check(), Err(StepError::Failed("hung: the scenario had not ended after 0ns".into())));
        assert_eq!((stop.check(), stop.cap(LONG)), (Ok(()), LONG));
    }
}
