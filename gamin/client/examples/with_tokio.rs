//! Prints what happens in some trees, until Ctrl-C, with tokio: `cargo run -p gamin --example with_tokio -- DIRECTORY…`
//!
//! [`Events`] is all that is needed to await events; it may be dropped while it waits, and loses none.

#![allow(clippy::print_stdout, reason = "printing is what it is for")]

use std::env;
use std::error::Error;
use std::io;

use gamin::{Connection, Event};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::runtime;
use tokio::signal::ctrl_c;

/// A connection whose events can be awaited.
struct Events(AsyncFd<Connection>);

impl Events {
    /// Hands the connection over to the runtime.
    #[allow(
        deprecated,
        reason = "each tokio 1 has it; what is to replace it is unsafe, for types whose descriptor may change"
    )]
    fn new(connection: Connection) -> io::Result<Events> {
        AsyncFd::with_interest(connection, Interest::READABLE).map(Events)
    }

    async fn next(&self) -> Result<Event, Box<dyn Error>> {
        loop {
            let mut ready = self.0.readable().await?;
            if let Some(event) = self.0.get_ref().try_next_event()? {
                return Ok(event);
            }
            // Only when there is none: tokio hears of the descriptor once each time that it becomes readable.
            ready.clear_ready();
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    // To open a connection may take as long as a server takes to start, so it is not done in the runtime; `spawn_blocking` is
    // as good.
    let connection = Connection::open()?;
    for directory in env::args_os().skip(1) {
        connection.monitor_tree(directory)?;
    }
    let runtime = runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let events = Events::new(connection)?;
        loop {
            tokio::select! {
                event = events.next() => {
                    let event = event?;
                    println!("{:?} {:?}", event.code, event.full_path());
                }
                interrupted = ctrl_c() => return Ok(interrupted?),
            }
        }
    })
}
