//! The life of a host, from its first source to the end of the core.
//!
//! What the sources are is left to `sources`, what is done in a turn to the host.

use std::error::Error;

use gamin_config::Policy;
use gamin_core::{Config, Core};
use gamin_engine::Time;
use gamin_linux::memory;
use gamin_trace::Traces;
use mio::Events;

use super::Host;
use crate::settings::Settings;
use crate::socket::Listener;

/// How many sources are told of at once.
const EVENTS_MAX: usize = 256;

/// Serves the clients of `listener` until a signal ends it or the core is finished.
pub(crate) fn serve(
    listener: Listener,
    config: Config,
    settings: Settings,
    policy: Policy,
    traces: Traces,
) -> Result<(), Box<dyn Error>> {
    memory::share();
    let core = Core::new(Time::default(), config);
    let mut host = Host::new(listener, core, settings, policy, traces)?;
    let mut events = Events::with_capacity(EVENTS_MAX);
    while !host.is_finished() {
        host.wait(&mut events)?;
        host.turn();
    }
    Ok(())
}
