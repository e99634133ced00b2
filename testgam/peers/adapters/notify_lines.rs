//! The crate notify: its recommended watcher, a line for each event. `Rescan` is its word for events that are lost.

use notify::{RecursiveMode, Watcher};
use std::path::Path;
use std::sync::mpsc;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (sender, receiver) = mpsc::channel();
    let mut watcher = notify::recommended_watcher(sender)?;
    let dir = std::env::args_os().nth(1).ok_or("no directory")?;
    watcher.watch(Path::new(&dir), RecursiveMode::Recursive)?;
    println!("READY");
    for result in receiver {
        let event: notify::Event = result?;
        let what = if event.need_rescan() { "Rescan".to_owned() } else { format!("{:?}", event.kind) };
        let paths: Vec<_> = event.paths.iter().map(|path| path.to_string_lossy()).collect();
        println!("{what}\t{}", paths.join("\t"));
    }
    Ok(())
}
