//! `testgam -` as the original has it: commands from standard input, events as they come.
//!
//! For input that is no terminal; a person at one gets line editing elsewhere. Invariant: nothing is waited
//! for but the input and the current connection, whichever is first.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::interpreter::Interpreter;
use crate::options::PlayOptions;
use crate::play::complain;
use testgam_language::Language;
use testgam_language::error::SCRIPT_MAX;
use testgam_language::script::Step;
use testgam_worlds::world::{Client, StepError, World};

/// What is printed when a command may be given.
const PROMPT: &[u8] = b"> ";

/// What there is to do.
enum Ready {
    Input,
    Events,
}

/// Plays what comes from `input` in the current directory and the user's session; gives whether every
/// command and expectation held.
///
/// # Errors
/// The system's, from reading `input`; errors of commands are written to `err` and do not end the session.
pub fn converse(
    input: &mut (impl Read + AsFd),
    options: &PlayOptions,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<bool> {
    let (stage, monitor) = options.here().map_err(io::Error::other)?;
    converse_in(&mut World::new(stage, monitor), input, options, out, err)
}

fn converse_in(
    world: &mut World,
    input: &mut (impl Read + AsFd),
    options: &PlayOptions,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<bool> {
    let mut interpreter = Interpreter::new(world, out, Language::Classic, options.patience);
    let mut conversation = Conversation { line: 0, all_held: true, err };
    let mut typed = Vec::new();
    interpreter.write(PROMPT).map_err(io::Error::other)?;
    loop {
        match ready(input.as_fd(), interpreter.client().and_then(Client::descriptor))? {
            Ready::Events => match conversation.show_events(&mut interpreter) {
                Ok(()) => {}
                Err(trouble) => return Err(io::Error::other(trouble)),
            },
            Ready::Input => {
                let mut bytes = [0; 4096];
                let count = input.read(&mut bytes)?;
                typed.extend_from_slice(&bytes[..count]);
                let is_over = count == 0 || typed.len() > SCRIPT_MAX;
                let whole = match typed.iter().rposition(|byte| *byte == b'\n') {
                    _ if is_over => typed.len(),
                    Some(end) => end + 1,
                    None => 0,
                };
                let whole: Vec<u8> = typed.drain(..whole).collect();
                for line in whole.split_inclusive(|byte| *byte == b'\n') {
                    conversation.take(&mut interpreter, line.strip_suffix(b"\n").unwrap_or(line));
                    interpreter.write(PROMPT).map_err(io::Error::other)?;
                }
                if is_over {
                    return Ok(conversation.all_held);
                }
            }
        }
    }
}

/// What a session remembers from line to line.
struct Conversation<'a> {
    line: usize,
    all_held: bool,
    err: &'a mut dyn Write,
}

impl Conversation<'_> {
    fn take(&mut self, interpreter: &mut Interpreter<'_>, line: &[u8]) {
        self.line += 1;
        // A classic line that cannot be read is a step that says so.
        let Ok(Some(step)) = Step::parse(Language::Classic, self.line, line) else { return };
        if let Err(trouble) = interpreter.perform(&step) {
            self.all_held = false;
            complain(interpreter, &step, &trouble, self.err);
        }
    }

    fn show_events(&mut self, interpreter: &mut Interpreter<'_>) -> Result<(), StepError> {
        if interpreter.client_is_pending()? {
            interpreter.write(b"\n")?;
            interpreter.show_waiting()?;
            interpreter.write(PROMPT)?;
        }
        Ok(())
    }
}

/// Waits for input or events. Input goes first, as a script that is piped in expects.
fn ready(input: BorrowedFd<'_>, events: Option<BorrowedFd<'_>>) -> io::Result<Ready> {
    let mut waited = vec![PollFd::new(input, PollFlags::POLLIN)];
    waited.extend(events.map(|events| PollFd::new(events, PollFlags::POLLIN)));
    loop {
        match poll(&mut waited, PollTimeout::NONE) {
            Err(Errno::EINTR) => {}
            Err(why) => return Err(why.into()),
            Ok(_) if waited[0].any().unwrap_or(false) => return Ok(Ready::Input),
            Ok(_) => return Ok(Ready::Events),
        }
    }
}
