//! A watcher with deliberate faults: what the judge has to find. Without one it keeps every promise for the entries of a directory.
//!
//! It prints `+ NAME` for what comes and changes, `- NAME` for what goes, and `!` when it has lost some.

use std::io::{self, Write};
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};

/// Which lines a fault is about: each of so many.
const EACH: u64 = 4;
/// After how many lines it dies.
const LIFE: u64 = 8;
/// How late it tells.
const DELAY: Duration = Duration::from_millis(900);

/// What is wrong with it.
pub const FAULTS: [&str; 6] = ["none", "drops", "tells-late", "dies", "tells-phantoms", "swallows-a-gap"];

/// Watches, until nobody reads what it prints.
pub fn watch(fault: &str, directory: &Path) -> io::Result<()> {
    let inotify = Inotify::init(InitFlags::empty())?;
    let mask = AddWatchFlags::IN_CREATE
        | AddWatchFlags::IN_MOVE
        | AddWatchFlags::IN_DELETE
        | AddWatchFlags::IN_CLOSE_WRITE;
    inotify.add_watch(directory, mask)?;
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        while let Ok(events) = inotify.read_events() {
            for event in events {
                let gone = AddWatchFlags::IN_DELETE | AddWatchFlags::IN_MOVED_FROM;
                let line = match event.name {
                    None => "!".to_owned(),
                    Some(name) if event.mask.intersects(gone) => format!("- {}", name.display()),
                    Some(name) => format!("+ {}", name.display()),
                };
                if tell.send((Instant::now(), line)).is_err() {
                    return;
                }
            }
        }
    });
    let mut out = io::stdout().lock();
    writeln!(out, "ready")?;
    for number in 1.. {
        let Ok((at, line)) = told.recv() else { return Ok(()) };
        if fault == "tells-late" {
            wait_until(at + DELAY);
        }
        let is_chosen = number % EACH == 0;
        match fault {
            "drops" if is_chosen && line.starts_with('+') => {}
            "swallows-a-gap" if line == "!" => {}
            "dies" if number > LIFE => return Ok(()),
            "tells-phantoms" if is_chosen => writeln!(out, "{line}\n+ phantom-{number}")?,
            _ => writeln!(out, "{line}")?,
        }
    }
    Ok(())
}

/// Lets time pass: the one thing that this fault is about.
fn wait_until(moment: Instant) {
    let (_keep, never) = mpsc::channel::<()>();
    let left = moment.saturating_duration_since(Instant::now());
    assert_eq!(never.recv_timeout(left), Err(RecvTimeoutError::Timeout));
}
