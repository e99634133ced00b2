//! Hearing a watcher: threads that take its lines as they come, and look at what they name at once.
//!
//! What lines say is left to `says`. Invariant: nothing is read while nothing may be, so that who prints has to wait.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::ground::{self, OnDisk};
use super::says::{Misreading, Reading, Saying};

/// The most that is taken at once.
const CHUNK: usize = 1 << 16;

/// A line that was heard.
#[derive(Debug, Clone)]
pub struct Heard {
    /// When it came.
    pub at: Instant,
    /// As it is.
    pub line: Vec<u8>,
    /// What it says, and whether that path was there when it came.
    pub sayings: Vec<(Saying, bool)>,
    /// If it says only that something has happened: what was on disk when it came.
    pub seen: Option<BTreeMap<PathBuf, OnDisk>>,
    /// Why it says nothing, if it should.
    pub misreading: Option<Misreading>,
}

/// Both streams of a watcher.
#[derive(Debug, Clone, Default)]
pub struct Hearing(Arc<(Mutex<HearingState>, Condvar)>);

#[derive(Debug, Default)]
struct HearingState {
    heard: VecDeque<Heard>,
    /// How many streams are open.
    open: usize,
    /// How many bytes may be taken; all if nobody says.
    room: Option<usize>,
    /// Nobody hears any more.
    is_over: bool,
}

/// Which stream it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputKind {
    /// Where it tells of files.
    Output,
    /// Where it tells of itself.
    Error,
}

impl Hearing {
    /// Hears a stream in a thread of its own, until it ends. Of the directory, so many levels are of interest.
    ///
    /// # Errors
    /// The system's, if it has no room for a thread.
    pub fn hear(
        &self,
        stream: impl Read + Send + 'static,
        kind: OutputKind,
        reading: Reading,
        directory: PathBuf,
        depth: u32,
    ) -> std::io::Result<()> {
        self.state().open += 1;
        let hearing = self.clone();
        let hear = move || {
            let mut lines = BufReader::with_capacity(CHUNK, Gate { stream, hearing: hearing.clone() });
            let mut line = Vec::new();
            while lines.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
                let end = line.strip_suffix(b"\n").unwrap_or(&line);
                let end = end.strip_suffix(b"\r").unwrap_or(end).to_vec();
                let sayings = match kind {
                    OutputKind::Output => reading.read(&end, &directory),
                    OutputKind::Error => reading.tells_gap(&end).then_some(Saying::Gap).into_iter().collect(),
                };
                let misreading = match kind {
                    OutputKind::Output => reading.misreading(&end, &directory),
                    OutputKind::Error => sayings.is_empty().then_some(Misreading::Stream),
                };
                let is_there = |saying: &Saying| match saying {
                    Saying::Look(path) => fs::symlink_metadata(directory.join(path)).is_ok(),
                    _ => true,
                };
                let sayings: Vec<_> =
                    sayings.into_iter().map(|saying| (saying.clone(), is_there(&saying))).collect();
                let is_poke = sayings.iter().any(|(saying, _)| *saying == Saying::Poke);
                let seen = is_poke.then(|| ground::below(&directory, depth));
                hearing.tell(Heard { at: Instant::now(), line: end, sayings, seen, misreading });
                line.clear();
            }
            hearing.state().open -= 1;
            hearing.0.1.notify_all();
        };
        thread::Builder::new().name("hears a watcher".into()).spawn(hear).map(drop)
    }

    /// The next line, if one is there or comes in time. `None` at once when no stream is open any more.
    pub fn next(&self, patience: Duration) -> Option<Heard> {
        let is_waiting = |state: &mut HearingState| state.heard.is_empty() && state.open > 0;
        let waited = self.0.1.wait_timeout_while(self.state(), patience, is_waiting);
        waited.unwrap_or_else(PoisonError::into_inner).0.heard.pop_front()
    }

    /// Whether nothing comes any more.
    pub fn has_ended(&self) -> bool {
        let state = self.state();
        state.open == 0 && state.heard.is_empty()
    }

    /// Takes so many bytes more, or all.
    pub fn limit(&self, room: Option<usize>) {
        self.state().room = room;
        self.0.1.notify_all();
    }

    /// Ends the threads, as soon as what they read from has ended or has something for them.
    pub fn end(&self) {
        self.state().is_over = true;
        self.0.1.notify_all();
    }

    fn tell(&self, heard: Heard) {
        self.state().heard.push_back(heard);
        self.0.1.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, HearingState> {
        // Whoever panics while it holds the lock has left nothing half done.
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream of which only so much is taken as may be.
struct Gate<R> {
    stream: R,
    hearing: Hearing,
}

impl<R: Read> Read for Gate<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let is_shut = |state: &mut HearingState| state.room == Some(0) && !state.is_over;
        let waited = self.hearing.0.1.wait_while(self.hearing.state(), is_shut);
        let state = waited.unwrap_or_else(PoisonError::into_inner);
        if state.is_over {
            return Ok(0);
        }
        let most = state.room.map_or(buffer.len(), |room| room.min(buffer.len()));
        drop(state);
        let count = self.stream.read(&mut buffer[..most])?;
        if let Some(room) = &mut self.hearing.state().room {
            *room = room.saturating_sub(count);
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::says::Form;

    const PATIENCE: Duration = Duration::from_secs(10);

    fn hearing(text: &'static str, room: Option<usize>) -> Hearing {
        let hearing = Hearing::default();
        hearing.limit(room);
        let reading = Reading { form: Form::Guess, senses: Vec::new() };
        hearing.hear(text.as_bytes(), OutputKind::Output, reading, "/".into(), 1).expect("a thread");
        hearing
    }

    #[test]
    fn lines_come_in_their_order_and_then_the_end() {
        let hearing = hearing("nowhere/a\nnowhere/b", None);
        let lines: Vec<_> = std::iter::from_fn(|| hearing.next(PATIENCE)).map(|heard| heard.line).collect();
        assert_eq!(lines, [b"nowhere/a", b"nowhere/b"]);
        assert!(hearing.has_ended());
    }

    #[test]
    fn what_is_not_taken_waits() {
        let hearing = hearing("a\nb\n", Some(2));
        assert_eq!(hearing.next(PATIENCE).expect("a line").line, b"a");
        assert!(hearing.next(Duration::ZERO).is_none() && !hearing.has_ended());
        hearing.limit(None);
        assert_eq!(hearing.next(PATIENCE).expect("a line").line, b"b");
    }
}
