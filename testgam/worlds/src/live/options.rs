//! How a live world is set up. Data only.

use std::time::Duration;

use gamin::ServerCommand;

use crate::stop::Stop;

/// How a live world is set up.
#[derive(Debug, Clone)]
pub struct LiveOptions {
    /// The server that is started on demand.
    pub server: ServerCommand,
    /// The longest wait for anything that is sure to come.
    pub patience: Duration,
    /// How long nothing has to come, where a server has no barrier, for everything to count as reported.
    pub silence: Duration,
    /// Ends whatever waits.
    pub stop: Stop,
}
