//! What has happened in a live world, as far as its clients have to know; and silence, which stands in for a barrier where the
//! server has none.
//!
//! Invariant: silence is awaited for longer after a deed than after a question, and never for ever.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::world::StepError;

/// The longest wait for silence, where the server has no barrier.
const SILENCE_MAX: Duration = Duration::from_secs(5);
/// How much sooner the original answers than it tells of a change: after 100 ms at most.
const ANSWER_QUICKER: u32 = 4;

/// What has happened in a world, as far as its clients have to know.
#[derive(Debug, Default)]
pub(crate) struct Past {
    /// Whether the next who needs the server starts it.
    pub server_is_dead: Cell<bool>,
    /// Whether what the server may read is up to permissions alone.
    pub server_obeys_permissions: Cell<bool>,
    /// How often the server has been ended.
    pub server_deaths: Cell<u32>,
    /// The servers that were ended.
    ended: RefCell<BTreeSet<i32>>,
    /// How often something was done that may have to be reported.
    deeds: Cell<u64>,
}

impl Past {
    pub fn deed(&self) {
        self.deeds.set(self.deeds.get() + 1);
    }

    /// These servers were ended, which a scenario may do at any time.
    pub fn server_dies(&self, servers: &[i32]) {
        self.ended.borrow_mut().extend(servers);
        self.server_is_dead.set(true);
        self.server_deaths.set(self.server_deaths.get() + 1);
        self.deed();
    }

    /// Whether this server was ended.
    pub fn was_ended(&self, server: i32) -> bool {
        self.ended.borrow().contains(&server)
    }
}

/// Stands in for the barrier where the server has none.
#[derive(Debug)]
pub(crate) struct Silence {
    length: Duration,
    past: Rc<Past>,
    /// The deeds that have been reported.
    reported: u64,
}

impl Silence {
    pub fn new(length: Duration, past: Rc<Past>) -> Silence {
        Silence { length, reported: past.deeds.get(), past }
    }

    /// How long nothing has to come now.
    pub fn length(&mut self) -> Duration {
        let deeds = self.past.deeds.get();
        // What was only asked for is answered sooner than a change is noticed.
        let is_answer = std::mem::replace(&mut self.reported, deeds) == deeds;
        if is_answer { self.length / ANSWER_QUICKER } else { self.length }
    }
}

/// Reads until nothing has come for so long, but not for ever. `fetch` waits so long, and gives whether something came.
pub(crate) fn await_silence(
    length: Duration,
    mut fetch: impl FnMut(Duration) -> Result<bool, StepError>,
) -> Result<(), StepError> {
    let deadline = Instant::now() + SILENCE_MAX;
    while Instant::now() < deadline && fetch(length)? {}
    Ok(())
}
