//! Prints what happens in some directories: `cargo run -p gamin --example events -- DIRECTORY…`
//!
//! A loop that has nothing else to wait for. It ends when the server is lost and no other can be had.

#![allow(clippy::print_stdout, reason = "printing is what it is for")]

use std::env;

use gamin::{Connection, Error};

fn main() -> Result<(), Error> {
    let connection = Connection::open()?;
    for directory in env::args_os().skip(1) {
        connection.monitor_directory(directory)?;
    }
    loop {
        let event = connection.next_event()?;
        // With {:?} a name that holds a line's end, or what a terminal obeys, is harmless.
        println!("{:?} {:?}", event.code, event.full_path());
    }
}
