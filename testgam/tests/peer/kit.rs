//! The faulty watcher as the tests play with it: its entry, and histories that are enough to find a fault.

use std::fs;

use libtest_mimic::Failed;
use testgam::PlayOptions;
use testgam::explore::dice::Dice;
use testgam::options::{Players, WorldKind};
use testgam::world_choice::WorldChoice;

/// A test and its name.
pub type Check = (&'static str, fn() -> Result<(), Failed>);

/// The argument that makes this the watcher.
pub const WATCH: &str = "be-a-watcher";
/// How many histories are enough to find a fault, and how many for one that takes its time.
pub const HISTORIES: u64 = 8;
pub const LATE_HISTORIES: u64 = 2;
/// How many steps they have.
const STEPS: usize = 20;

/// How to play with this watcher.
pub fn options(fault: &str, more: &str) -> Result<PlayOptions, Failed> {
    let form = "scope = 'directory'\nline = '^(?<what>[+!-])( (?<path>.*))?$'";
    with_entry(fault, &format!("{form}\n{more}\n[says]\ngap = '^!$'\nabsent = '^-$'\npresent = '^\\+$'"))
}

/// The same, of which it is not read what has happened.
pub fn poke_options(fault: &str) -> Result<PlayOptions, Failed> {
    with_entry(fault, "scope = 'poke'\nline = '^(?<what>[+!-])'\n[says]\nlook = '.'")
}

fn with_entry(fault: &str, form: &str) -> Result<PlayOptions, Failed> {
    let program = std::env::current_exe()?.display().to_string();
    let entry = format!(
        "command = ['{program}', '{WATCH}', '{fault}', '{{dir}}']\nready = '^ready$'\nquiet_ms = 30\n{form}\n"
    );
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("faulty.toml"), entry)?;
    let players = Players { peers: Some(folder.path().to_owned()), ..Players::default() };
    Ok(players.options(Some(WorldChoice::Peer("faulty".into())))?)
}

/// Calm ones.
pub fn dice() -> Dice {
    Dice { steps: STEPS, is_flat: true, is_calm: true, ..Dice::new(WorldKind::Peer) }
}
