//! The life of a host, from its first source to the end of the core.
//!
//! What the sources are is left to `sources`, what is done in a turn to the host.

use std::error::Error;
use std::rc::Rc;

use calloop::generic::Generic;
use calloop::{EventLoop, Interest, Mode, PostAction};
use gamin_config::Policy;
use gamin_core::{Config, Core, Driver};
use gamin_engine::Time;
use gamin_linux::{FileSystems, memory};
use gamin_trace::Traces;
use tracing::warn;

use super::Host;
use super::sources::{insert_inotify, insert_mounts, insert_signals, insert_threads};
use crate::linux::Linux;
use crate::settings::Settings;
use crate::socket::Listener;

/// Serves the clients of `listener` until a signal ends it or the core is finished.
pub(crate) fn serve(
    listener: Listener,
    config: Config,
    settings: Settings,
    mut policy: Policy,
    traces: Traces,
) -> Result<(), Box<dyn Error>> {
    memory::share();
    let mut event_loop: EventLoop<'static, Host> = EventLoop::try_new()?;
    let handle = event_loop.handle();
    insert_signals(&handle, traces)?;
    let threads = insert_threads(&handle)?;
    let table = insert_mounts(&handle).inspect_err(|error| warn!(error, "can't follow what is mounted")).ok();
    let mut system =
        Linux { inotify: None, table, is_remounted: true, threads, file_systems: FileSystems::default() };
    let mut token = None;
    if !policy.is_poll_only {
        token = insert_inotify(&handle, &mut system)
            .inspect_err(|_| warn!("the kernel gives no notices for now: everything is polled"))
            .map_err(|why| policy.without_kernel = Some(why))
            .ok();
    }
    for socket in &listener.sockets {
        let socket = Generic::new(Rc::clone(socket), Interest::READ, Mode::Edge);
        handle
            .insert_source(socket, |_, _, host| {
                host.acceptable = true;
                Ok(PostAction::Continue)
            })
            .map_err(|error| error.error)?;
    }
    let driver = Driver::new(Core::new(Time::default(), config), policy);
    let mut host = Host::new(handle, listener, system, token, driver, settings);
    while !host.stopped && !host.driver.core().is_finished() {
        let timeout = host.timeout();
        event_loop.dispatch(timeout, &mut host)?;
        host.turn();
    }
    Ok(())
}
