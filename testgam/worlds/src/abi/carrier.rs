//! A carrier: a process of this executable that has loaded a library, so that whatever the library does, only that ends.
//!
//! What is said to it is left to `call`. Invariant: every call comes back, with an answer or with what became of the library,
//! within the time it is given; and no carrier outlives its [`Carrier`].

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;

use super::call::{Answer, CARRIER_ARGUMENT, Call};
use crate::forks;
use crate::world::StepError;

/// A library in a process of its own.
#[derive(Debug)]
pub(super) struct Carrier {
    child: Child,
    stream: BufReader<UnixStream>,
    /// How long a call may take beside what it waits for.
    patience: Duration,
    /// What became of the library, if it is no more.
    end: Option<StepError>,
}

impl Carrier {
    /// Starts a process that has loaded nothing yet.
    pub fn start(patience: Duration, environment: &[(OsString, OsString)]) -> Result<Carrier, StepError> {
        let failed = |why| StepError::Failed(format!("cannot start a process for the library: {why}"));
        let (ours, theirs) = UnixStream::pair().map_err(failed)?;
        // The link to it serves where the path cannot be had, and where what it leads to was replaced.
        let mut command = Command::new("/proc/self/exe");
        command
            .arg(CARRIER_ARGUMENT)
            .env_clear()
            .envs(environment.iter().cloned())
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = {
            let _forks = forks::allowed();
            command.spawn().map_err(failed)?
        };
        Ok(Carrier { child, stream: BufReader::new(ours), patience, end: None })
    }

    /// Has the library do something.
    ///
    /// # Errors
    /// Says what it refused, or what became of it.
    pub fn call(&mut self, call: &Call) -> Result<Answer, StepError> {
        if let Some(end) = &self.end {
            return Err(end.clone());
        }
        let waits = if let Call::Next { patience } = call { *patience } else { Duration::ZERO };
        match self.exchange(call, self.patience + waits) {
            Ok(Some(Answer::Failed(why))) => Err(StepError::Failed(format!("the library: {why}"))),
            Ok(Some(Answer::Unknown)) => {
                Err(StepError::Impossible(format!("the library has no {}", call.function())))
            }
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => Err(self.ended(call)),
            Err(why) if matches!(why.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                let patience = self.patience;
                self.stop();
                let function = call.function();
                let end = format!("the library did not come back from {function} within {patience:?}");
                Err(self.end.insert(StepError::Failed(end)).clone())
            }
            Err(why) if matches!(why.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => {
                Err(self.ended(call))
            }
            Err(why) => Err(StepError::Failed(format!("cannot talk to the library's process: {why}"))),
        }
    }

    /// Sends a call and reads its answer; `None` if the carrier has ended.
    fn exchange(&mut self, call: &Call, patience: Duration) -> io::Result<Option<Answer>> {
        let mut line = serde_json::to_vec(call)?;
        line.push(b'\n');
        let stream = self.stream.get_mut();
        stream.set_read_timeout(Some(patience))?;
        stream.write_all(&line)?;
        let mut line = String::new();
        match self.stream.read_line(&mut line)? {
            0 => Ok(None),
            _ => Ok(Some(serde_json::from_str(&line)?)),
        }
    }

    fn ended(&mut self, call: &Call) -> StepError {
        // It has closed its end, so it is ending.
        let how = self.child.wait().map_or_else(|why| why.to_string(), describe);
        let end = format!("the library ended its process in {}: {how}", call.function());
        self.end.insert(StepError::Failed(end)).clone()
    }

    fn stop(&mut self) {
        // One that has ended already is collected all the same.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        self.stop();
    }
}

fn describe(status: ExitStatus) -> String {
    match (status.signal(), status.code()) {
        (Some(signal), _) => match Signal::try_from(signal) {
            Ok(name) => format!("signal {signal} ({name})"),
            Err(_) => format!("signal {signal}"),
        },
        (None, Some(code)) => format!("exit status {code}"),
        (None, None) => status.to_string(),
    }
}
