//! When the kernel's queue is read: at once as long as notices are few, every [`GATHER`] once they keep coming.
//!
//! Reading is left to the driver, waiting for the first notice to the host. Invariant: after [`Gather::handle_read`]
//! has said to rest, there is nothing to do until [`Gather::handle_ready`].

use std::time::Duration;

use gamin_engine::Time;

/// How long notices are left to gather while they keep coming: long enough for a writer's several steps to
/// come together, too short for the kernel's queue to fill.
const GATHER: Duration = Duration::from_millis(5);

/// How much may be read at once in a time of [`GATHER`]: a reading counts as one, and as another for every
/// [`NOTICES_A_READING`]. One who waits for each change before making the next does not come to it; a flood does,
/// and wakes the server no more often than that.
const PROMPT_READINGS: usize = 16;

/// How many notices cost about as much as being woken to read them.
const NOTICES_A_READING: usize = 8;

/// How long to leave the kernel alone after it could not be read.
const FAILURE_PAUSE: Duration = Duration::from_secs(1);

/// When to read.
#[derive(Debug)]
pub struct Gather {
    state: QueueState,
    /// When the time began in which readings are counted, and how many there were since.
    counting_since: Time,
    readings: usize,
}

#[derive(Debug)]
enum QueueState {
    /// All is quiet: the first notice is waited for.
    Resting,
    /// There is one.
    Woken,
    /// Nobody waits for any; the queue is to be read at this time.
    Gathering(Time),
}

impl Gather {
    /// Waits for the first notice.
    pub fn new() -> Gather {
        Gather { state: QueueState::Resting, counting_since: Time::default(), readings: 0 }
    }

    /// Whether the first notice is waited for.
    pub fn is_resting(&self) -> bool {
        matches!(self.state, QueueState::Resting)
    }

    /// Takes the word that there is a notice.
    pub fn handle_ready(&mut self) {
        self.state = QueueState::Woken;
    }

    /// When the queue is to be read, if not for other reasons before.
    pub fn next_deadline(&self) -> Option<Time> {
        match self.state {
            QueueState::Gathering(until) => Some(until),
            QueueState::Resting | QueueState::Woken => None,
        }
    }

    /// Whether the queue is to be read now.
    pub fn is_due(&self, now: Time) -> bool {
        match self.state {
            QueueState::Resting => false,
            QueueState::Gathering(until) => now >= until,
            QueueState::Woken => true,
        }
    }

    /// Takes how many notices were read, all that there were. Gives whether to wait for the next one: then
    /// [`Gather::handle_ready`] tells of it.
    pub fn handle_read(&mut self, now: Time, count: usize) -> bool {
        if now.since(self.counting_since) >= GATHER {
            self.counting_since = now;
            self.readings = 0;
        }
        self.readings += 1 + count / NOTICES_A_READING;
        let rests = self.readings < PROMPT_READINGS;
        self.state = if rests { QueueState::Resting } else { QueueState::Gathering(now + GATHER) };
        rests
    }

    /// Takes the word that the queue could not be read, or not waited for.
    pub fn handle_failure(&mut self, now: Time) {
        self.state = QueueState::Gathering(now + FAILURE_PAUSE);
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

    fn at(ms: u64) -> Time {
        Time::default() + Duration::from_millis(ms)
    }

    #[test]
    fn a_few_notices_are_read_at_once_and_a_flood_every_few_milliseconds() {
        let mut gather = Gather::new();
        for _ in 1..PROMPT_READINGS {
            assert!(gather.is_resting() && !gather.is_due(at(100)));
            gather.handle_ready();
            assert!(gather.is_due(at(100)));
            assert!(gather.handle_read(at(100), 1));
        }
        gather.handle_ready();
        assert!(!gather.handle_read(at(100), 1), "the sixteenth within five milliseconds is a flood");
        assert_eq!(gather.next_deadline(), Some(at(105)));
        assert!(!gather.is_due(at(104)) && gather.is_due(at(105)));
        assert!(gather.handle_read(at(105), 0), "and is over when so long nothing came");
    }

    #[test]
    fn many_notices_read_together_are_a_flood_by_themselves() {
        let mut gather = Gather::new();
        gather.handle_ready();
        assert!(!gather.handle_read(at(0), NOTICES_A_READING * PROMPT_READINGS));
    }

    #[test]
    fn what_could_not_be_read_is_left_alone_for_a_second() {
        let mut gather = Gather::new();
        gather.handle_ready();
        gather.handle_failure(at(7));
        assert_eq!(gather.next_deadline(), Some(at(1007)));
    }
}
