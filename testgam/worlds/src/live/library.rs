//! The client library that the clients of a live world go through.
//!
//! Here is that of this house; one that is loaded at run time is `abi`. Who chooses between them is whoever makes the world.

use std::ffi::OsString;
use std::fmt;
use std::rc::Rc;

use gamin::{Connection, ServerCommand};

use super::connection::LiveClient;
use super::options::LiveOptions;
use super::past::Past;
use crate::world::{Client, StepError};

/// What a program that is linked to a library finds around it.
#[derive(Debug)]
pub struct Surroundings {
    /// Its environment, but for what names session and server.
    pub environment: Vec<(OsString, OsString)>,
    /// The session.
    pub id: Option<OsString>,
    /// How the library is to start a server.
    pub server: ServerCommand,
    /// Whether nobody but the scenario ends that server.
    pub is_own: bool,
    /// What has happened there.
    pub(crate) past: Rc<Past>,
    /// How the world is set up.
    pub options: LiveOptions,
}

/// Makes the clients of a live world.
pub trait ClientLibrary: fmt::Debug {
    /// Opens a client at the server to which `connection` leads, which is one of ours.
    ///
    /// # Errors
    /// Says why the library did not.
    fn open(&self, connection: Connection, around: Surroundings) -> Result<Box<dyn Client>, StepError>;
}

/// The client library of this house, which is the connection itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct OwnLibrary;

impl ClientLibrary for OwnLibrary {
    fn open(&self, connection: Connection, around: Surroundings) -> Result<Box<dyn Client>, StepError> {
        Ok(Box::new(LiveClient::new(connection, around.is_own, around.past, &around.options)))
    }
}
