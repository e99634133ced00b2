//! Expectations: what must have been told, and how long to wait for it.
//!
//! What an event is written as is left to `transcript`, what was told to `subscriber`. Invariant: an expectation waits only for
//! what may still come, and says what was there instead.

use super::{EXPECT_PATIENCE, Interpreter};
use testgam_language::action::{Expectation, Expected};
use testgam_language::transcript;
use testgam_language::words::plain_or_quoted;
use testgam_worlds::world::{Client, StepError};

impl Interpreter<'_> {
    pub(super) fn expect(&mut self, expectation: &Expectation) -> Result<(), StepError> {
        let is_of_the_world =
            matches!(expectation, Expectation::Converged | Expectation::GivenBack | Expectation::Quiet);
        if self.subscriber().is_suspended && !is_of_the_world {
            return Err(StepError::Failed(
                "a suspended client reads nothing; `resume` has it read again".into(),
            ));
        }
        let promises_steps = self.subscriber().client().is_none_or(Client::promises_steps);
        if !promises_steps && !is_of_the_world {
            return Err(StepError::Impossible(
                "this watcher is not asked to tell each step by itself".into(),
            ));
        }
        match expectation {
            Expectation::Count(count) => self.expect_count(*count),
            Expectation::Below(limit) => {
                self.receive_waiting()?;
                match self.read_all()? {
                    count if count < *limit => Ok(()),
                    count => Err(StepError::Unmet(format!(
                        "got {count} events, and fewer than {limit} were expected"
                    ))),
                }
            }
            Expectation::None => {
                self.receive_waiting()?;
                match self.subscriber().unread() {
                    0 => Ok(()),
                    unread => {
                        let first = self.first_unread();
                        Err(StepError::Unmet(format!(
                            "got {unread} events where none was expected, first {first}"
                        )))
                    }
                }
            }
            Expectation::Next(expected) => self.expect_event(expected, true),
            Expectation::Any(expected) => self.expect_event(expected, false),
            Expectation::Converged => self.expect_converged(),
            Expectation::GivenBack => self.world.monitor.given_back(),
            Expectation::Quiet => self.world.monitor.quiet(),
        }
    }

    fn expect_count(&mut self, expected: usize) -> Result<(), StepError> {
        let deadline = self.world.stage.now() + EXPECT_PATIENCE;
        let mut got = 0;
        while got < expected {
            self.receive_waiting()?;
            got += self.read_all()?;
            let left = deadline.saturating_sub(self.world.stage.now());
            if got < expected && !self.receive(left)? {
                return Err(StepError::Unmet(format!("got {got} of {expected} expected events")));
            }
        }
        self.read_all().map(drop)
    }

    fn expect_event(&mut self, expected: &Expected, first: bool) -> Result<(), StepError> {
        let deadline = self.world.stage.now() + EXPECT_PATIENCE;
        self.subscriber();
        loop {
            self.receive_waiting()?;
            if self.subscribers[self.current].read_expected(&*self.world.stage, expected, first) {
                return Ok(());
            }
            let is_hopeless = first && self.subscriber().unread() > 0;
            let left = deadline.saturating_sub(self.world.stage.now());
            if is_hopeless || !self.receive(left)? {
                let Expected { request, name, code } = expected;
                let wanted = format!("{request}: {} {}", plain_or_quoted(name), transcript::code_name(*code));
                let unread = self.subscriber().unread();
                let instead = match unread {
                    0 => "no event is unread".to_owned(),
                    _ => format!("unread are {unread}, first {}", self.first_unread()),
                };
                return Err(StepError::Unmet(format!("expected {wanted}; {instead}")));
            }
        }
    }

    /// The first unread event, read for a message that ends the scenario.
    fn first_unread(&mut self) -> String {
        let first = self.subscribers[self.current].read(&*self.world.stage);
        first.map(|shown| format!("`{}`", shown.extended())).unwrap_or_default()
    }

    /// Waits until what was told equals the disk: as long as events come, and no longer than an expectation.
    fn expect_converged(&mut self) -> Result<(), StepError> {
        if self.is_server_silent {
            return Err(StepError::Failed("the server is stopped or killed".into()));
        }
        let deadline = self.world.stage.now() + EXPECT_PATIENCE;
        loop {
            self.sync()?;
            let reading =
                || self.subscribers.iter().enumerate().filter(|(_, subscriber)| subscriber.is_reading());
            let Some((at, complaint)) = reading()
                .find_map(|(at, subscriber)| Some((at, subscriber.converged(&*self.world.stage).err()?)))
            else {
                return Ok(());
            };
            let left = deadline.saturating_sub(self.world.stage.now());
            if !self.receive_for(at, left)? {
                return Err(complaint.into());
            }
        }
    }
}
