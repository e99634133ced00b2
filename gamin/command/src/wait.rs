//! `gamin wait`: a condition of paths as something that a script can wait for.
//!
//! What happens to the paths is left to `gamin-follow`. Invariant: what is decided is true after everything that happened before
//! the decision was told.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use gamin_follow::{Follower, News, Options, What};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, poll};

use crate::arguments::WaitOptions;
use crate::deadline::{TIMED_OUT, timeout_until};
use crate::error::CommandError;
use crate::verdict::Verdict;

/// How long a server may take to tell everything that has happened.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until what is waited for is so.
pub fn run(options: &WaitOptions) -> Result<Verdict, CommandError> {
    let follow = Options { recursive: options.recursive, ..Options::default() };
    let mut follower = Follower::new(gamin::Options::from_env().open()?, follow)?;
    for path in &options.paths {
        follower.add(path)?;
    }
    let gives_up_at = options.timeout.map(|timeout| Instant::now() + timeout);
    let mut wait = Wait { options, is_listed: false, has_changed: false, last_change: Instant::now() };
    loop {
        while let Some(news) = follower.poll()? {
            wait.handle(&news);
        }
        let now = Instant::now();
        if wait.is_over(now, &mut follower)? {
            return Ok(Verdict::Well);
        }
        if gives_up_at.is_some_and(|at| at <= now) {
            return Ok(Verdict::Status(TIMED_OUT));
        }
        let timeout = timeout_until(wait.deadline().into_iter().chain(gives_up_at).min(), now);
        let mut descriptors = [PollFd::new(follower.connection().as_fd(), PollFlags::POLLIN)];
        match poll(&mut descriptors, timeout) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(CommandError::System { what: "wait for events", error: errno.into() }),
        }
    }
}

struct Wait<'a> {
    options: &'a WaitOptions,
    is_listed: bool,
    has_changed: bool,
    last_change: Instant,
}

impl Wait<'_> {
    fn handle(&mut self, news: &News) {
        match news {
            News::Listed => self.is_listed = true,
            News::Change(change) if change.event != What::Exists => {
                self.has_changed |= self.is_listed;
                self.last_change = Instant::now();
            }
            _ => {}
        }
    }

    /// When it has to be looked again, if nothing happens before.
    fn deadline(&self) -> Option<Instant> {
        self.options.settled.filter(|_| self.is_listed).map(|pause| self.last_change + pause)
    }

    fn is_over(&mut self, now: Instant, follower: &mut Follower) -> Result<bool, CommandError> {
        if !self.is_listed {
            return Ok(false);
        }
        let is_there = |path: &std::path::PathBuf| path.symlink_metadata().is_ok();
        match (self.options.settled, self.options.gone, self.options.changed) {
            (Some(pause), ..) => {
                if now < self.last_change + pause {
                    return Ok(false);
                }
                let before = self.last_change;
                match follower.barrier(PATIENCE) {
                    // The original's server can't say; what it has told has to do.
                    Ok(()) | Err(gamin::Error::Unsupported) => {}
                    Err(error) => return Err(error.into()),
                }
                while let Some(news) = follower.poll()? {
                    self.handle(&news);
                }
                Ok(self.last_change == before)
            }
            (_, true, _) => Ok(!self.options.paths.iter().any(is_there)),
            (_, _, true) => Ok(self.has_changed),
            _ => Ok(self.options.paths.iter().all(is_there)),
        }
    }
}
