//! Prints what happens in some trees, in an event loop of mio: `cargo run -p gamin --example with_mio -- DIRECTORY…`
//!
//! mio wakes once when the descriptor becomes readable (it is edge-triggered), so each time all events are taken until
//! there is none.

#![allow(clippy::print_stdout, reason = "printing is what it is for")]

use std::env;
use std::error::Error;
use std::io::ErrorKind;
use std::os::fd::AsRawFd;
use std::time::Duration;

use gamin::Connection;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};

const FILES: Token = Token(0);

/// How long nothing happens before it says how much did.
const QUIET: Duration = Duration::from_secs(1);

fn main() -> Result<(), Box<dyn Error>> {
    let connection = Connection::open()?;
    let mut poll = Poll::new()?;
    // What else the program waits for is registered with tokens of its own.
    poll.registry().register(&mut SourceFd(&connection.as_raw_fd()), FILES, Interest::READABLE)?;
    for directory in env::args_os().skip(1) {
        connection.monitor_tree(directory)?;
    }
    let mut ready = Events::with_capacity(16);
    let mut count = 0;
    loop {
        let timeout = if count > 0 { Some(QUIET) } else { None };
        match poll.poll(&mut ready, timeout) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            polled => polled?,
        }
        if ready.is_empty() {
            println!("{count} events");
            count = 0;
        }
        for event in &ready {
            if event.token() == FILES {
                while let Some(event) = connection.try_next_event()? {
                    println!("{:?} {:?}", event.code, event.full_path());
                    count += 1;
                }
            }
        }
    }
}
