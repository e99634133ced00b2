//! A world without a disk and a server: it reports what its few rules say, at a clock that only waiting moves.
//!
//! Rules: a request is listed as an existing, empty directory; making a file reports Created for it to
//! every request on its directory, twice if it is called `lie`; an appended file is Changed; nothing else
//! is reported.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use gamin::{Code, Event, Kind, RequestNumber};
use testgam_language::action::{FileOperation, ServerAction};
use testgam_worlds::sight::{Sight, Stamp};
use testgam_worlds::world::{Client, Monitor, Stage, StepError, World};

#[derive(Default)]
struct State {
    now: Duration,
    clients: Vec<Told>,
}

#[derive(Default)]
struct Told {
    requests: BTreeMap<i32, PathBuf>,
    events: VecDeque<Event>,
    numbers: i32,
}

impl Told {
    fn push(&mut self, request: i32, code: Code, path: &Path) {
        self.events.push_back(Event {
            request: RequestNumber(request),
            user_data: 0,
            code,
            path: path.to_owned(),
            root: Path::new("/").into(),
            coverage: None,
            moved_to: None,
        });
    }
}

/// Its files and its monitor, which are one.
#[derive(Default, Clone)]
struct Fake(Rc<RefCell<State>>);

/// The world.
pub fn world() -> World {
    let fake = Fake::default();
    World::new(fake.clone(), fake)
}

impl Fake {
    fn report(&self, path: &Path, code: Code, times: usize) {
        let path = self.spell(path);
        let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else { return };
        for client in &mut self.0.borrow_mut().clients {
            let numbers: Vec<i32> = client
                .requests
                .iter()
                .filter(|(_, path)| *path == directory)
                .map(|(number, _)| *number)
                .collect();
            for number in numbers {
                (0..times).for_each(|_| client.push(number, code, Path::new(name)));
            }
        }
    }
}

impl Stage for Fake {
    fn perform(&mut self, operation: &FileOperation) -> Result<(), StepError> {
        match operation {
            FileOperation::MakeFile(path) => {
                self.report(path, Code::Created, if path.ends_with("lie") { 2 } else { 1 });
            }
            FileOperation::MakeFiles { directory, count } => {
                (0..*count).for_each(|n| self.report(&directory.join(format!("n{n}")), Code::Created, 1));
            }
            FileOperation::Append { path, .. } => self.report(path, Code::Changed, 1),
            FileOperation::RemoveFile(_) => return Err(StepError::Failed("there is none".into())),
            _ => {}
        }
        Ok(())
    }

    fn spell(&self, path: &Path) -> PathBuf {
        Path::new("/somewhere").join(path)
    }

    fn directory(&self) -> Option<&Path> {
        None
    }

    fn look(&self, _path: &Path) -> Sight {
        Sight::Missing
    }

    fn look_at_entry(&self, _directory: &Path, _name: &OsStr) -> Option<Stamp> {
        None
    }

    fn now(&self) -> Duration {
        self.0.borrow().now
    }

    fn wait(&mut self, time: Duration) {
        self.0.borrow_mut().now += time;
    }
}

impl Monitor for Fake {
    fn connect(&mut self, _id: Option<&OsStr>) -> Result<Box<dyn Client>, StepError> {
        let mut state = self.0.borrow_mut();
        state.clients.push(Told::default());
        Ok(Box::new(FakeClient { state: Rc::clone(&self.0), index: state.clients.len() - 1 }))
    }

    fn control(&mut self, action: &ServerAction) -> Result<(), StepError> {
        match action {
            ServerAction::Unprivileged => Err(StepError::Impossible("nobody has privileges here".into())),
            _ => Ok(()),
        }
    }
}

struct FakeClient {
    state: Rc<RefCell<State>>,
    index: usize,
}

impl Client for FakeClient {
    fn monitor(&mut self, _kind: Kind, path: &Path, number: Option<i32>) -> Result<i32, StepError> {
        let told = &mut self.state.borrow_mut().clients[self.index];
        told.numbers += 1;
        let number = number.unwrap_or(told.numbers);
        told.requests.insert(number, path.to_owned());
        told.push(number, Code::Exists, path);
        told.push(number, Code::EndExist, path);
        Ok(number)
    }

    fn suspend_monitor(&mut self, _number: i32) -> Result<(), StepError> {
        Ok(())
    }

    fn resume_monitor(&mut self, _number: i32) -> Result<(), StepError> {
        Ok(())
    }

    fn cancel(&mut self, number: i32) -> Result<(), StepError> {
        let told = &mut self.state.borrow_mut().clients[self.index];
        let path =
            told.requests.remove(&number).ok_or_else(|| StepError::Failed("no such request".into()))?;
        told.push(number, Code::Acknowledge, &path);
        Ok(())
    }

    fn no_exists(&mut self) -> Result<(), StepError> {
        Ok(())
    }

    fn pending(&mut self) -> Result<bool, StepError> {
        Ok(!self.state.borrow().clients[self.index].events.is_empty())
    }

    fn next(&mut self, patience: Duration) -> Result<Option<Event>, StepError> {
        let mut state = self.state.borrow_mut();
        let event = state.clients[self.index].events.pop_front();
        if event.is_none() {
            state.now += patience;
        }
        Ok(event)
    }

    fn sync(&mut self) -> Result<(), StepError> {
        Ok(())
    }

    fn kill_server(&mut self) -> Result<(), StepError> {
        Ok(())
    }
}
