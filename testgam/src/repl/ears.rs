//! Ears: descriptors on which a session waits for events while a line is typed.
//!
//! What waits is left to the player. Invariant: an ear listens exactly as long as its client is connected.

use std::cell::{Cell, RefCell};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::rc::{Rc, Weak};
use std::time::Duration;

use gamin::{Event, Kind};
use testgam_language::collection::Collection;
use testgam_worlds::world::{Client, StepError};

/// The descriptors of the connected clients.
#[derive(Clone, Default)]
pub struct Ears(Rc<RefCell<Vec<Weak<Ear>>>>);

/// The descriptor of one client, and whether it is worth waiting for.
pub struct Ear {
    descriptor: OwnedFd,
    /// Whether the interpreter has lately read from the client.
    was_asked: Cell<bool>,
}

impl Ears {
    /// The client with an ear, which lasts as long as the client.
    pub fn listen(&self, client: Box<dyn Client>) -> Result<Box<dyn Client>, StepError> {
        let Some(descriptor) = client.descriptor() else { return Ok(client) };
        let descriptor = descriptor.try_clone_to_owned();
        let descriptor =
            descriptor.map_err(|why| StepError::Failed(format!("cannot wait for events: {why}")))?;
        let ear = Rc::new(Ear { descriptor, was_asked: Cell::new(false) });
        let mut ears = self.0.borrow_mut();
        ears.retain(|ear| ear.strong_count() > 0);
        ears.push(Rc::downgrade(&ear));
        Ok(Box::new(HeardClient { client, ear }))
    }

    /// Waits for nobody until the interpreter reads again.
    pub fn rest(&self) {
        for ear in self.all() {
            ear.was_asked.set(false);
        }
    }

    /// The ears of the clients that the interpreter has read from since [`Ears::rest`]: those from which it
    /// will read what comes. One that is suspended, say, stays readable and unread.
    pub fn awake(&self) -> Vec<Rc<Ear>> {
        self.all().into_iter().filter(|ear| ear.was_asked.get()).collect()
    }

    fn all(&self) -> Vec<Rc<Ear>> {
        self.0.borrow().iter().filter_map(Weak::upgrade).collect()
    }
}

impl AsFd for Ear {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

/// A client that notes when it is read from.
struct HeardClient {
    client: Box<dyn Client>,
    ear: Rc<Ear>,
}

impl Client for HeardClient {
    fn monitor(&mut self, kind: Kind, path: &Path, number: Option<i32>) -> Result<i32, StepError> {
        self.client.monitor(kind, path, number)
    }

    fn collect(&mut self, path: &Path, collection: &Collection) -> Result<i32, StepError> {
        self.client.collect(path, collection)
    }

    fn suspend_monitor(&mut self, number: i32) -> Result<(), StepError> {
        self.client.suspend_monitor(number)
    }

    fn resume_monitor(&mut self, number: i32) -> Result<(), StepError> {
        self.client.resume_monitor(number)
    }

    fn cancel(&mut self, number: i32) -> Result<(), StepError> {
        self.client.cancel(number)
    }

    fn no_exists(&mut self) -> Result<(), StepError> {
        self.client.no_exists()
    }

    fn tell_moves(&mut self) -> Result<(), StepError> {
        self.client.tell_moves()
    }

    fn pending(&mut self) -> Result<bool, StepError> {
        self.client.pending()
    }

    fn next(&mut self, patience: Duration) -> Result<Option<Event>, StepError> {
        self.ear.was_asked.set(true);
        self.client.next(patience)
    }

    fn sync(&mut self) -> Result<(), StepError> {
        self.client.sync()
    }

    fn kill_server(&mut self) -> Result<(), StepError> {
        self.client.kill_server()
    }

    fn close(self: Box<Self>) -> Result<(), StepError> {
        self.client.close()
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.client.descriptor()
    }
}
