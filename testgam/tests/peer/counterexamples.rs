//! What other watchers were found to get wrong, in `tests/peers/WATCHER`: each says how it is played again, and can be.
//!
//! They are not played here, where those watchers are not. Invariant: a counterexample of a watcher that has no entry fails.

use std::fs;
use std::path::Path;

use libtest_mimic::Failed;
use testgam::Script;
use testgam::peers::Peers;

/// Where they lie.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const FOLDER: &str = "tests/peers";

/// Reads all of them.
pub fn check() -> Result<(), Failed> {
    let peers = Peers::new(None)?;
    let root = Path::new(ROOT);
    for watcher in fs::read_dir(root.join(FOLDER))? {
        let watcher = watcher?;
        let name = watcher.file_name().to_string_lossy().into_owned();
        peers.find(&name, None)?;
        for file in fs::read_dir(watcher.path())? {
            let file = file?;
            let place = format!("{FOLDER}/{name}/{}", file.file_name().to_string_lossy());
            let text = fs::read_to_string(file.path())?;
            let again = format!("# testgam --world {name} {place}");
            if text.lines().nth(1) != Some(&again) {
                return Err(format!("{place}: its second line should be `{again}`").into());
            }
            Script::parse(text.as_bytes()).map_err(|why| format!("{place}: {why:?}"))?;
        }
    }
    Ok(())
}
