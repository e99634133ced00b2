//! What is said of a watcher, or of an entry, that does not do what somebody hoped: enough to see which of the two it is.

use libtest_mimic::Failed;
use testgam::options::WorldKind;
use testgam::{Outcome, PlayOptions, Script, play};

use crate::kit::{Check, options};

/// All of them.
pub const TESTS: [Check; 1] = [("a_script_without_its_header_is_told_which", headless)];

fn headless() -> Result<(), Failed> {
    let script = Script::parse(b"connect\nmoncollection . 9 *\n").map_err(|why| format!("{why:?}"))?;
    for world in [WorldKind::Peer, WorldKind::Sim] {
        let options = PlayOptions { world, ..options("none", "")? };
        let Outcome::Failed(failure) = play(&script, &options).outcome else {
            return Err("it was played".into());
        };
        let hint = "of the extended language: a script in that begins with `#! testgam extended`";
        assert!(failure.message.contains(hint), "{}", failure.message);
    }
    Ok(())
}
