//! What the server is asked, and how its answer is awaited.
//!
//! What an answer stands for is left to [`gamin_protocol::Inquiry`]. Invariant: a question is forgotten when nobody waits for it any more; who
//! has begun a barrier says so.

use std::time::{Duration, Instant};

use gamin_protocol::{Fact, Inquiry, SYNC};

use super::{Connection, For};
use crate::driver::Driver;
use crate::error::Error;
use crate::state::{Outcome, Token};

/// A barrier that was begun and is not waited for: [`Connection::begin_barrier`].
#[derive(Debug)]
pub struct OpenBarrier {
    token: Token,
    /// How many directories trees had taken up when it was asked for.
    branches: u64,
}

impl Connection {
    /// Waits until everything that happened before the call can be had with [`Connection::try_next_event`].
    ///
    /// # Errors
    /// [`Error::Unsupported`] with a server that has no barrier, [`Error::TimedOut`]; else as
    /// [`Connection::next_event`].
    pub fn barrier(&self, timeout: Duration) -> Result<(), Error> {
        let deadline = Instant::now().checked_add(timeout);
        loop {
            let branches = self.with(|driver| Ok(driver.state.branches()))?;
            self.answer_to(SYNC, deadline)?;
            // A tree may have found directories meanwhile, which the server was asked about after the barrier. It ends, for
            // what has happened before the call is finite, and there is a deadline.
            if self.with(|driver| Ok(driver.state.branches()))? == branches {
                return Ok(());
            }
        }
    }

    /// Begins a barrier, for who has an event loop and does not wait in a call. Ask [`Connection::poll_barrier`] after each look for
    /// events, for it is with them that the answer comes; and end with [`Connection::forget_barrier`].
    ///
    /// # Errors
    /// As [`Connection::barrier`].
    pub fn begin_barrier(&self) -> Result<OpenBarrier, Error> {
        self.with(|driver| Ok(OpenBarrier { token: ask(driver, SYNC)?, branches: driver.state.branches() }))
    }

    /// Says whether everything that happened before a barrier was begun can be had with [`Connection::try_next_event`]. Never waits.
    ///
    /// # Errors
    /// As [`Connection::barrier`].
    pub fn poll_barrier(&self, barrier: &mut OpenBarrier) -> Result<bool, Error> {
        self.with(|driver| {
            if answer_step(driver, barrier.token)?.is_none() {
                return Ok(false);
            }
            let branches = driver.state.branches();
            if branches != barrier.branches {
                // As above: once more, for what was asked about after it.
                driver.state.forget_question(barrier.token);
                *barrier = OpenBarrier { token: ask(driver, SYNC)?, branches };
                return Ok(false);
            }
            Ok(true)
        })
    }

    /// Ends a barrier, whatever has become of it.
    pub fn forget_barrier(&self, barrier: &OpenBarrier) {
        // It fails where there is nothing to forget any more.
        let _ = self.with(|driver| {
            driver.state.forget_question(barrier.token);
            Ok(())
        });
    }

    /// What the server says of itself: the facts of one noun. Those that docs/debugging.md names may differ
    /// from server to server, and there are none of a noun that it does not know.
    ///
    /// # Errors
    /// As [`Connection::barrier`]; [`Error::Unsupported`] also if the answer can't be understood.
    pub fn facts(&self, noun: &str, timeout: Duration) -> Result<Vec<Fact>, Error> {
        let deadline = Instant::now().checked_add(timeout);
        let mut inquiry = Inquiry { noun: noun.to_owned(), after: 0 };
        let mut facts = Vec::new();
        loop {
            let answer = self.answer_to(&inquiry.question(), deadline)?;
            let page = inquiry.parse_answer(&answer).ok_or(Error::Unsupported)?;
            facts.extend(page.facts);
            // It ends, for the numbers grow and there is a deadline.
            let Some(next) = page.next else { return Ok(facts) };
            inquiry.after = next;
        }
    }

    /// Asks the server something and waits for what it answers behind the question.
    fn answer_to(&self, question: &[u8], deadline: Option<Instant>) -> Result<Vec<u8>, Error> {
        let token = self.with(|driver| ask(driver, question))?;
        let answered = self.wait_until(For::Answers, deadline, |driver| answer_step(driver, token));
        self.with(|driver| {
            driver.state.forget_question(token);
            Ok(())
        })?;
        answered?.ok_or(Error::TimedOut)
    }
}

fn ask(driver: &mut Driver, question: &[u8]) -> Result<Token, Error> {
    // The server that is asked should be one that is there.
    driver.advance(|_| false);
    driver.report()?;
    let token = driver.state.ask_question(question.to_vec())?;
    driver.flush();
    Ok(token)
}

fn answer_step(driver: &mut Driver, token: Token) -> Result<Option<Vec<u8>>, Error> {
    driver.advance(|state| state.outcome(token) != Outcome::Open);
    match driver.state.outcome(token) {
        Outcome::Answered(answer) => Ok(Some(answer)),
        Outcome::Unsupported => Err(Error::Unsupported),
        Outcome::Open => driver.report().map(|()| None),
    }
}
