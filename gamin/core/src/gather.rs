//! When the kernel's queue is read: at once as long as notices are few, every [`GATHER`] once they keep coming.
//!
//! Reading is left to the driver, waiting for the first notice to the host. Invariant: after [`Gather::handle_read`]
//! has said to rest, there is nothing to do until [`Gather::handle_ready`].

use std::time::Duration;

use gamin_engine::Time;

/// How long notices are left to gather while they keep coming: long enough for a writer's several steps to
/// come together, too short for the kernel's queue to fill.
const GATHER: Duration = Duration::from_millis(5);

/// A notice that comes this soon after others were read is one of many, as far as anybody can say.
const CLOSE: Duration = Duration::from_millis(2);

/// How many times notices that come so close are read at once all the same. One who waits for each change before making the next
/// is served as quickly as that for a while; a flood wakes the server no more often than is needed.
const PROMPT_READINGS: u32 = 16;

/// How long it takes to make up for one of them.
const PROMPT_AGAIN: Duration = Duration::from_millis(50);

/// How long to leave the kernel alone after it could not be read.
const FAILURE_PAUSE: Duration = Duration::from_secs(1);

/// When to read.
#[derive(Debug)]
pub struct Gather {
    state: QueueState,
    /// When notices were read last.
    read: Option<Time>,
    /// By when all readings are made up for that came close and were made at once.
    spent: Time,
}

#[derive(Debug)]
enum QueueState {
    /// All is quiet: the first notice is waited for.
    Resting,
    /// The queue is to be read at this time, and nobody waits for a notice.
    Waiting(Time),
    /// The same, and they keep coming.
    Gathering(Time),
}

impl Gather {
    /// Waits for the first notice.
    pub fn new() -> Gather {
        Gather { state: QueueState::Resting, read: None, spent: Time::default() }
    }

    /// Whether the first notice is waited for.
    pub fn is_resting(&self) -> bool {
        matches!(self.state, QueueState::Resting)
    }

    /// Takes the word that there is a notice.
    pub fn handle_ready(&mut self, now: Time) {
        let close = self.read.filter(|read| now < *read + CLOSE);
        self.state = match close {
            Some(read) if !self.is_prompt(now) => QueueState::Gathering(read + GATHER),
            Some(_) | None => QueueState::Waiting(now),
        };
    }

    /// When the queue is to be read, if not for other reasons before.
    pub fn next_deadline(&self) -> Option<Time> {
        match self.state {
            QueueState::Waiting(at) | QueueState::Gathering(at) => Some(at),
            QueueState::Resting => None,
        }
    }

    /// Whether the queue is to be read now.
    pub fn is_due(&self, now: Time) -> bool {
        self.next_deadline().is_some_and(|at| now >= at)
    }

    /// Takes how many notices were read, all that there were. Gives whether to wait for the next one: then
    /// [`Gather::handle_ready`] tells of it.
    pub fn handle_read(&mut self, now: Time, count: usize) -> bool {
        if count > 0 {
            self.read = Some(now);
        }
        let goes_on = count > 0 && matches!(self.state, QueueState::Gathering(_));
        self.state = if goes_on { QueueState::Gathering(now + GATHER) } else { QueueState::Resting };
        !goes_on
    }

    /// Takes the word that the queue could not be read, or not waited for.
    pub fn handle_failure(&mut self, now: Time) {
        self.state = QueueState::Waiting(now + FAILURE_PAUSE);
    }

    /// Whether notices that come close are read at once; takes note of it.
    fn is_prompt(&mut self, now: Time) -> bool {
        let spent = self.spent.max(now) + PROMPT_AGAIN;
        let is_prompt = spent <= now + PROMPT_AGAIN * PROMPT_READINGS;
        if is_prompt {
            self.spent = spent;
        }
        is_prompt
    }
}

impl Default for Gather {
    fn default() -> Gather {
        Gather::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(us: u64) -> Time {
        Time::default() + Duration::from_micros(us)
    }

    /// When the queue is read while notices come at these times, in microseconds.
    fn readings(notices: impl IntoIterator<Item = u64>) -> Vec<u64> {
        let mut gather = Gather::new();
        let mut readings = Vec::new();
        let mut queued = 0;
        let mut read = |gather: &mut Gather, queued: &mut usize, now: u64| {
            if *queued > 0 {
                readings.push(now);
            }
            gather.handle_read(at(now), std::mem::take(queued));
        };
        for notice in notices {
            while let Some(due) = gather.next_deadline().filter(|due| *due <= at(notice)) {
                let due = u64::try_from(due.0.as_micros()).expect("soon");
                read(&mut gather, &mut queued, due);
            }
            queued += 1;
            if gather.is_resting() {
                gather.handle_ready(at(notice));
            }
            if gather.is_due(at(notice)) {
                read(&mut gather, &mut queued, notice);
            }
        }
        readings
    }

    #[test]
    fn notices_that_come_one_by_one_are_read_at_once() {
        let notices = || (0..1000).map(|notice| notice * 2000);
        assert_eq!(readings(notices()), notices().collect::<Vec<_>>());
    }

    #[test]
    fn who_waits_for_each_change_before_making_the_next_is_served_at_once_for_a_while() {
        let notices = || (0..16).map(|notice| notice * 200);
        assert_eq!(readings(notices()), notices().collect::<Vec<_>>());
    }

    #[test]
    fn notices_that_keep_coming_are_read_every_five_milliseconds() {
        let read = readings((0..100_000).map(|notice| notice * 100));
        assert!((2000..2200).contains(&read.len()), "{} in ten seconds", read.len());
        assert!(read.windows(2).all(|pair| pair[1] - pair[0] <= 5000), "and none waits for longer");
    }

    #[test]
    fn a_flood_is_over_when_so_long_nothing_came() {
        let mut gather = Gather::new();
        for _ in 0..=PROMPT_READINGS {
            gather.handle_ready(at(0));
            assert!(gather.is_due(at(0)) && gather.handle_read(at(0), 1));
        }
        gather.handle_ready(at(0));
        assert!(!gather.is_due(at(4999)) && gather.is_due(at(5000)));
        assert!(!gather.handle_read(at(5000), 1));
        assert!(gather.handle_read(at(10_000), 0));
        assert!(gather.is_resting() && gather.next_deadline().is_none());
    }

    #[test]
    fn what_could_not_be_read_is_left_alone_for_a_second() {
        let mut gather = Gather::new();
        gather.handle_ready(at(7));
        gather.handle_failure(at(7));
        assert_eq!(gather.next_deadline(), Some(at(1_000_007)));
    }
}
