//! What has become of a configuration file is taken in by the turn that finds it.

use std::error::Error;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gamin_host::{Host, HostOptions, Opener, open_setting};
use tempfile::TempDir;

/// Turns a host until it has nothing to do before something happens or a time comes.
fn turn_to_rest(host: &mut Host) {
    host.turn();
    while host.timeout() == Some(Duration::ZERO) {
        host.turn();
    }
}

#[test]
fn a_change_of_settings_that_a_round_of_polling_finds_waits_for_no_other() -> Result<(), Box<dyn Error>> {
    let place = TempDir::new()?;
    let file = place.path().join("gaminrc");
    fs::write(&file, "poll /nowhere\n")?;
    let at = Some(place.path().to_owned());
    let options =
        HostOptions { config_dir: at.clone(), home: at, is_poll_only: true, ..HostOptions::default() };
    let mut host = Host::new(&options)?;
    let opened = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&opened);
    host.open_settings_by(Opener::new(move |path| {
        count.fetch_add(1, Ordering::Relaxed);
        open_setting(path)
    }));
    turn_to_rest(&mut host);

    let before = opened.load(Ordering::Relaxed);
    fs::write(&file, "poll /elsewhere\n")?;
    let mut waits = 0;
    while opened.load(Ordering::Relaxed) == before {
        host.wait(None, |_| {})?;
        turn_to_rest(&mut host);
        waits += 1;
    }
    assert_eq!(waits, 1);
    Ok(())
}
