//! The workloads in which nothing changes: what it costs to be there, and to begin.
//!
//! Invariant: from the moment in which measuring begins, no file is touched but by who is measured.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

use crate::kit::{Outcome, POLLED, Side, Watcher, list};
use crate::measure::{Figures, LAST, mib, ms, now, pass, quantile};

/// A directory that is polled. Inotify alone can't poll: beside it stands a loop of `lstat` over the same paths, once a second.
pub fn polled(side: &Side<'_>, folder: &Path) -> Outcome<Figures> {
    const ROUNDS: u64 = 10;
    let folder = folder.join(POLLED);
    fs::create_dir(&folder)?;
    let files: Vec<PathBuf> = (0..20_000).map(|file| folder.join(format!("file{file}"))).collect();
    files.iter().try_for_each(|file| File::create(file).map(drop))?;
    let name = "CPU ms a second";
    if side.watcher == Watcher::Raw {
        let mut used = Duration::ZERO;
        for _ in 0..ROUNDS {
            let before = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?;
            files.iter().try_for_each(|file| fs::symlink_metadata(file).map(drop))?;
            used += Duration::from(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)? - before);
            pass(Duration::from_secs(1))?;
        }
        return Ok(vec![(name, ms(used.as_nanos() as u64) / ROUNDS as f64)]);
    }
    let mut client = side.client()?;
    client.carry_out(&format!("dir 1 {}", folder.display()))?;
    // Without a server it is the client who looks, and only while it waits.
    client.begin(&format!("until {LAST}"))?;
    // Until what was made a moment ago is old.
    pass(Duration::from_secs(3))?;
    let (server, library) = (side.server_usage()?, client.usage()?);
    pass(Duration::from_secs(ROUNDS))?;
    let used = side.server_usage()?.since(server).cpu_ns + client.usage()?.since(library).cpu_ns;
    File::create(folder.join(LAST))?;
    client.end()?;
    Ok(vec![(name, ms(used) / ROUNDS as f64)])
}

/// Directories that the kernel watches.
pub fn rest(side: &Side<'_>, folder: &Path) -> Outcome<Figures> {
    let mut paths: Vec<PathBuf> = (0..1000).map(|name| folder.join(format!("directory{name}"))).collect();
    paths.iter().try_for_each(fs::create_dir)?;
    paths.push(folder.join("list"));
    let mut client = side.client()?;
    client.carry_out(&format!("list {}", list(folder, &paths)?.display()))?;
    pass(Duration::from_secs(2))?;
    let (server, library) = (side.server_usage()?, client.usage()?);
    pass(Duration::from_secs(3))?;
    let (server, library) = (side.server_usage()?.since(server), client.usage()?.since(library));
    Ok(vec![("wake-ups in 3 s", (server.waits + library.waits) as f64), ("server MiB", mib(server.rss_kib))])
}

/// A program that finds no server, and so starts one.
pub fn start(side: &Side<'_>, folder: &Path) -> Outcome<Figures> {
    File::create(folder.join("there"))?;
    let mut first = Vec::new();
    for sample in 0..9 {
        let alone = side.without_server(sample)?;
        let mut client = alone.client()?;
        // That it runs is no part of it.
        client.carry_out("close")?;
        let begin = now();
        let (_, told) = client.carry_out(&format!("dir 1 {}", folder.display()))?;
        first.push(ms(told.saturating_sub(begin)));
    }
    first.sort_by(f64::total_cmp);
    Ok(vec![("first ms", quantile(&first, 0.5))])
}
