//! The interpreter: takes steps, has the world perform them, and writes the transcript.
//!
//! The same for scripts, suites and sessions at a terminal. What a step does to files and servers is left
//! to the world, expectations to `expect`, the form of events to `transcript`. Invariant: in the extended language every event is
//! written under the step after which it was read, and no later than the first step that ends with a
//! barrier.

mod expect;

use std::io::Write;
use std::time::Duration;

use crate::subscriber::Subscriber;
use testgam_language::Language;
use testgam_language::action::{
    Action, Attempt, Block, ClientAction, Fault, FileOperation, ScanFault, ServerAction,
};
use testgam_language::script::{MAIN_CLIENT, Step};
use testgam_language::transcript::{self, Shown};
use testgam_language::words::plain_or_quoted;
use testgam_worlds::world::{Client, StepError, World};

/// How long an expectation waits for what has not come yet, as in the original.
pub const EXPECT_PATIENCE: Duration = Duration::from_secs(3);
/// How long `sleep` waits for an event at most, as in the original.
pub const SLEEP_PATIENCE: Duration = Duration::from_millis(1500);

/// Plays steps in a world.
pub struct Interpreter<'a> {
    world: &'a mut World,
    out: &'a mut dyn Write,
    language: Language,
    patience: Duration,
    names_clients: bool,
    subscribers: Vec<Subscriber>,
    current: usize,
    blocks: Vec<Block>,
    /// What is done when the open block ends, or by the fault that it is, a list for each writer.
    prepared: Vec<Vec<FileOperation>>,
    /// Whether the server is stopped or killed, so that it answers nobody.
    is_server_silent: bool,
    /// What was read and is to be written under the current step.
    fresh: Vec<Shown>,
}

impl<'a> Interpreter<'a> {
    /// An interpreter with nobody connected. `patience` bounds the wait for a single event.
    pub fn new(
        world: &'a mut World,
        out: &'a mut dyn Write,
        language: Language,
        patience: Duration,
    ) -> Interpreter<'a> {
        Interpreter {
            world,
            out,
            language,
            patience,
            names_clients: false,
            subscribers: Vec::new(),
            current: 0,
            blocks: Vec::new(),
            prepared: Vec::new(),
            is_server_silent: false,
            fresh: Vec::new(),
        }
    }

    /// Has each event say which client read it.
    pub fn name_clients(&mut self, names_clients: bool) {
        self.names_clients = names_clients;
    }

    /// Performs one step and writes what it caused.
    ///
    /// # Errors
    /// Says why the step, or a promise, did not hold. What was read until then has been written.
    pub fn perform(&mut self, step: &Step) -> Result<(), StepError> {
        let done = self.act(&step.action);
        let echo = match &done {
            Ok(answer) => self.echo(step, answer),
            Err(_) if self.language == Language::Classic => None,
            Err(_) => Some(self.as_typed(step)),
        };
        if let Some(echo) = echo {
            self.write(&[&echo[..], b"\n"].concat())?;
        }
        let reported = match done {
            Ok(_) => self.report(),
            Err(trouble) => Err(trouble),
        };
        self.flush_events()?;
        // What broke a promise comes first: that the step failed may be due to it.
        self.world.monitor.complaint().map_or(reported, |complaint| Err(complaint.into()))
    }

    /// Ends a scenario: everything that is owed must have come.
    ///
    /// # Errors
    /// Says which request had no EndExist or no Acknowledge.
    pub fn finish(&mut self) -> Result<(), StepError> {
        if self.is_server_silent {
            return Ok(());
        }
        self.subscribers.iter().filter(|subscriber| subscriber.is_reading()).try_for_each(Subscriber::settled)
    }

    /// The innermost block that is open.
    pub fn open_block(&self) -> Option<Block> {
        self.blocks.last().copied()
    }

    /// The connection of the current client, if it has one.
    pub fn client(&self) -> Option<&dyn Client> {
        self.subscribers.get(self.current).and_then(Subscriber::client)
    }

    /// Whether an event waits for the current client.
    ///
    /// # Errors
    /// Says that it has no connection, or has lost it.
    pub fn client_is_pending(&mut self) -> Result<bool, StepError> {
        self.subscriber().pending()
    }

    /// Writes the events that wait, as a session at a terminal shows them; gives whether there were any.
    ///
    /// # Errors
    /// Says that the connection is lost.
    pub fn show_waiting(&mut self) -> Result<bool, StepError> {
        self.receive_waiting()?;
        let unread = self.subscriber().unread();
        self.read_all()?;
        Ok(unread > 0)
    }

    /// Writes text of the session itself, such as a prompt.
    ///
    /// # Errors
    /// Says that it cannot be written.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), StepError> {
        let written = self.out.write_all(bytes).and_then(|()| self.out.flush());
        written.map_err(|why| StepError::Failed(format!("cannot write the transcript: {why}")))
    }

    /// Does what a step says; gives what its echo has to add.
    fn act(&mut self, action: &Action) -> Result<String, StepError> {
        match action {
            Action::Mistaken(mistake) => return Err(StepError::Failed(mistake.problem.to_string())),
            Action::Attempt(attempt, action) => return self.attempt(*attempt, action),
            Action::Begin(block) => self.blocks.push(*block),
            Action::End => self.end_block()?,
            Action::File(operation) => match self.blocks.last() {
                Some(block) if block.is_of_files() => self.prepare(operation),
                _ => self.world.stage.perform(operation)?,
            },
            Action::Writer => self.prepared.push(Vec::new()),
            Action::Client(action) => return self.act_as_client(action),
            Action::Server(action) => self.control(action)?,
            Action::Fault(fault) => self.world.monitor.inflict(fault)?,
            Action::Heal => {
                self.world.monitor.heal()?;
                self.is_server_silent = false;
            }
            Action::Expect(expectation) => self.expect(expectation)?,
            Action::Wait(time) => self.world.stage.wait(*time),
            Action::Sleep => {
                if !self.subscriber().pending()? {
                    self.receive(SLEEP_PATIENCE)?;
                }
            }
        }
        Ok(String::new())
    }

    /// Does what may fail, or has to.
    fn attempt(&mut self, attempt: Attempt, action: &Action) -> Result<String, StepError> {
        match (attempt, self.act(action)) {
            (_, Err(trouble @ (StepError::Impossible(_) | StepError::Broken(_)))) => Err(trouble),
            (Attempt::Try, Ok(_)) => Ok(String::new()),
            (Attempt::Try, Err(_)) => Ok("(failed)".into()),
            (Attempt::Fails, Err(_)) => Ok(String::new()),
            (Attempt::Fails, Ok(_)) => Err(StepError::Unmet("did not fail".into())),
        }
    }

    fn prepare(&mut self, operation: &FileOperation) {
        match self.prepared.last_mut() {
            Some(writer) => writer.push(operation.clone()),
            None => self.prepared.push(vec![operation.clone()]),
        }
    }

    fn end_block(&mut self) -> Result<(), StepError> {
        let writers = std::mem::take(&mut self.prepared);
        let operations = writers.concat();
        match self.blocks.last() {
            // What the block caused is read while it lasts, so that `quietly` covers it.
            Some(Block::Quietly) => self.report()?,
            Some(Block::DuringScan) => {
                self.world.monitor.inflict(&Fault::Scan(ScanFault::Meanwhile(operations)))?;
            }
            Some(Block::Between(effects)) => {
                self.world.monitor.inflict(&Fault::Between { effects: *effects, operations })?;
            }
            Some(Block::Concurrently) => self.world.stage.perform_concurrently(&writers)?,
            Some(Block::Together) | None => {}
        }
        self.blocks.pop();
        Ok(())
    }

    fn act_as_client(&mut self, action: &ClientAction) -> Result<String, StepError> {
        if let ClientAction::Select(name) = action {
            self.select(name);
            return Ok(String::new());
        }
        self.subscriber();
        let subscriber = &mut self.subscribers[self.current];
        match action {
            ClientAction::Select(_) => {}
            ClientAction::Connect(id) => subscriber.connect(&mut *self.world.monitor, id.as_deref())?,
            ClientAction::Disconnect => subscriber.disconnect()?,
            ClientAction::KillServer => subscriber.connected()?.kill_server()?,
            ClientAction::Monitor(monitor) => {
                return Ok(subscriber.monitor(&*self.world.stage, monitor)?.to_string());
            }
            ClientAction::Collect(collect) => {
                return Ok(subscriber.collect(&*self.world.stage, collect)?.to_string());
            }
            ClientAction::Cancel(index) => return Ok(subscriber.cancel(*index)?.to_string()),
            ClientAction::SuspendMonitor(index) => subscriber.suspend_monitor(*index, true)?,
            ClientAction::ResumeMonitor(index) => subscriber.suspend_monitor(*index, false)?,
            ClientAction::NoExists => subscriber.no_exists()?,
            ClientAction::Moves => subscriber.connected()?.tell_moves()?,
            ClientAction::Suspend => subscriber.is_suspended = true,
            ClientAction::Resume => subscriber.is_suspended = false,
            ClientAction::Room(bytes) => subscriber.connected()?.limit(*bytes)?,
            ClientAction::Pending => return Ok(u8::from(self.pending()?).to_string()),
            ClientAction::Event => self.read_one()?,
            ClientAction::Events => {
                if !self.show_waiting()? {
                    return Ok("no events".into());
                }
            }
        }
        Ok(String::new())
    }

    /// Whether events wait. In an extended scenario what was shown does not wait any more, and what has
    /// happened has arrived.
    fn pending(&mut self) -> Result<bool, StepError> {
        let is_silent = self.is_silent();
        let is_classic = self.language == Language::Classic;
        let subscriber = self.subscriber();
        if is_classic {
            return subscriber.pending();
        }
        let client = subscriber.connected()?;
        if !is_silent {
            client.sync()?;
        }
        client.pending()
    }

    /// What is written for a step that was done; `answer` is what it came to.
    fn echo(&self, step: &Step, answer: &str) -> Option<Vec<u8>> {
        let word = |at: usize| self.word(step, at);
        let line = |parts: &[&[u8]]| Some(parts.concat());
        match &step.action {
            Action::Client(action) => match action {
                ClientAction::Connect(Some(_)) => line(&[b"connected to ", &word(1)]),
                ClientAction::Connect(None) => line(&[b"connected"]),
                ClientAction::Disconnect => line(&[b"disconnected"]),
                ClientAction::KillServer => line(&[b"killall gam_server"]),
                ClientAction::Monitor(_) | ClientAction::Cancel(_) => {
                    line(&[&word(0), b" ", &word(1), b" ", answer.as_bytes()])
                }
                ClientAction::Collect(_) => {
                    let words = [word(0), word(1), word(2), word(3), answer.as_bytes().to_vec()];
                    Some(words.join(&b' '))
                }
                ClientAction::Pending => line(&[b"pending ", answer.as_bytes()]),
                ClientAction::Events if !answer.is_empty() => line(&[answer.as_bytes()]),
                ClientAction::Event | ClientAction::Events if self.language == Language::Classic => None,
                _ => Some(self.as_typed(step)),
            },
            Action::File(_) if matches!(&*word(0), b"chmod" | b"chown") => {
                line(&[&word(0), b" ", &word(1), b" to ", &word(2)])
            }
            Action::File(_) if &*word(0) == b"link" => line(&[b"link ", &word(2), b" to ", &word(1)]),
            Action::File(_) => Some(self.as_typed(step)),
            _ if self.language == Language::Classic => None,
            Action::Attempt(..) if !answer.is_empty() => {
                line(&[&self.as_typed(step), b" ", answer.as_bytes()])
            }
            _ => Some(self.as_typed(step)),
        }
    }

    fn word(&self, step: &Step, at: usize) -> Vec<u8> {
        let bytes = step.words.get(at).map_or(&[][..], |word| &word.bytes);
        match self.language {
            Language::Classic => bytes.to_vec(),
            Language::Extended => plain_or_quoted(bytes).into_bytes(),
        }
    }

    fn as_typed(&self, step: &Step) -> Vec<u8> {
        let words: Vec<_> = (0..step.words.len()).map(|at| self.word(step, at)).collect();
        words.join(&b' ')
    }

    fn control(&mut self, action: &ServerAction) -> Result<(), StepError> {
        self.world.monitor.control(action)?;
        match action {
            ServerAction::Stop | ServerAction::Kill => self.is_server_silent = true,
            ServerAction::Continue | ServerAction::Start | ServerAction::Restart => {
                self.is_server_silent = false;
            }
            ServerAction::PollOnly
            | ServerAction::Fanotify
            | ServerAction::Watches(_)
            | ServerAction::Instances(_)
            | ServerAction::Unprivileged
            | ServerAction::Gaminrc(..) => {}
        }
        Ok(())
    }

    fn select(&mut self, name: &str) {
        let known = self.subscribers.iter().position(|subscriber| subscriber.name == name);
        self.current = known.unwrap_or_else(|| {
            self.subscribers.push(Subscriber::new(name, self.language == Language::Extended));
            self.subscribers.len() - 1
        });
    }

    /// The current client; the first one is made when it is first needed.
    fn subscriber(&mut self) -> &mut Subscriber {
        if self.subscribers.is_empty() {
            self.select(MAIN_CLIENT);
        }
        &mut self.subscribers[self.current]
    }

    /// The barrier that ends each step of the extended language: has every client that reads read
    /// everything.
    fn report(&mut self) -> Result<(), StepError> {
        if self.is_silent() { Ok(()) } else { self.sync() }
    }

    /// Whether steps end without a barrier.
    fn is_silent(&self) -> bool {
        self.language == Language::Classic || self.is_server_silent || self.blocks.contains(&Block::Together)
    }

    fn sync(&mut self) -> Result<(), StepError> {
        for at in 0..self.subscribers.len() {
            if !self.subscribers[at].is_reading() {
                continue;
            }
            let synced = self.subscribers[at].connected()?.sync();
            while self.receive_for(at, Duration::ZERO)? {}
            synced?;
        }
        Ok(())
    }

    /// Waits for an event for the current client; gives whether one came.
    fn receive(&mut self, patience: Duration) -> Result<bool, StepError> {
        self.subscriber();
        self.receive_for(self.current, patience)
    }

    fn receive_for(&mut self, at: usize, patience: Duration) -> Result<bool, StepError> {
        let is_silent = self.is_silent();
        let subscriber = &mut self.subscribers[at];
        // Without a barrier since the last step, it may be about what was there before it.
        let is_late = is_silent || subscriber.is_suspended;
        let received = subscriber.receive(&*self.world.stage, patience, is_late)?;
        let received = received.map(|shown| match self.names_clients {
            true => Shown { client: Some(subscriber.name.clone()), ..shown },
            false => shown,
        });
        let came = received.is_some();
        if self.language == Language::Extended && !self.blocks.contains(&Block::Quietly) {
            self.fresh.extend(received);
        }
        Ok(came)
    }

    fn receive_waiting(&mut self) -> Result<(), StepError> {
        while self.receive(Duration::ZERO)? {}
        Ok(())
    }

    /// Reads everything unread of the current client; gives how much it was.
    fn read_all(&mut self) -> Result<usize, StepError> {
        self.subscriber();
        let mut count = 0;
        while let Some(shown) = self.subscribers[self.current].read(&*self.world.stage) {
            self.write_read(&shown)?;
            count += 1;
        }
        Ok(count)
    }

    fn read_one(&mut self) -> Result<(), StepError> {
        if self.subscriber().unread() == 0 && !self.receive(self.patience)? {
            return Err(StepError::Failed(format!("no event within {:?}", self.patience)));
        }
        match self.subscribers[self.current].read(&*self.world.stage) {
            Some(shown) => self.write_read(&shown),
            None => Ok(()),
        }
    }

    /// A classic transcript shows an event when it is read, an extended one when it comes.
    fn write_read(&mut self, shown: &Shown) -> Result<(), StepError> {
        match self.language {
            Language::Classic => self.write(&[&shown.classic()[..], b"\n"].concat()),
            Language::Extended => Ok(()),
        }
    }

    fn flush_events(&mut self) -> Result<(), StepError> {
        let fresh = std::mem::take(&mut self.fresh);
        match fresh.is_empty() {
            true => Ok(()),
            false => self.write(transcript::write_events(&fresh).as_bytes()),
        }
    }
}
