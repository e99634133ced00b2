//! How time and memory grow with what is watched, and a tree of directories beside inotifywait.
//!
//! Drawing is left to the picture. Invariant: each point has a server and a client of its own, which have watched nothing before.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::kit::{Ended, Kit, Outcome, Side, Watcher, list};
use crate::measure::{LAST, mib, ms, now, pass};
use crate::picture::{Curve, Point, draw};
use crate::usage::Usage;

/// As many as one connection may have requests that are no trees, about.
const DIRECTORIES: usize = 60_000;
/// How many directories the trees have: for the second the narrow numbers are too few.
const TREES: [usize; 2] = [DIRECTORIES, 100_000];
/// What server and client may have together for a thousand directories, and how much longer than inotifywait it may take.
const THOUSAND_MIB: f64 = 1.0;
const TIMES: f64 = 1.5;

/// What is measured for so many, in an empty folder.
type Measure = fn(&Side<'_>, &Path, usize) -> Outcome<Point>;

/// Measures, draws, and gives whether the bounds hold.
pub fn run(kit: &Kit, room: &Path) -> Outcome<bool> {
    const MEASURES: [(&str, Measure, &[usize]); 3] = [
        ("names in a directory, listed", names, &[1000, 3000, 10_000, 30_000, 100_000, 300_000, 1_000_000]),
        ("directories, a request each", directories, &[100, 300, 1000, 3000, 10_000, 30_000, DIRECTORIES]),
        ("clients of a directory, 100 creates", clients, &[1, 3, 10, 30, 100, 300, 1000]),
    ];
    let mut curves = Vec::new();
    for (what, measure, counts) in MEASURES {
        println!(
            "\n{what:<36} {:>12} {:>12}   CPU ms: server, client   MiB more: server, client",
            "ms", "raw ms"
        );
        let mut points = Vec::new();
        for count in counts {
            let alone = tempfile::tempdir_in(room)?;
            // The kernel grants few of its queues to a user: that is where inotify alone ends.
            let raw_ms = measure(&kit.side(Watcher::Raw)?, alone.path(), *count).ok().map(|point| point.ms);
            drop(alone);
            let folder = tempfile::tempdir_in(room)?;
            let point = Point { raw_ms, ..measure(&kit.side(Watcher::Ours)?, folder.path(), *count)? };
            let raw = raw_ms.map_or("-".to_owned(), |ms| format!("{ms:.1}"));
            print!("{count:>36} {:>12.1} {raw:>12}", point.ms);
            let [(server_ms, server_mib), (client_ms, client_mib)] = [point.server, point.client];
            println!(" {server_ms:>16.1} {client_ms:>8.1} {server_mib:>18.2} {client_mib:>8.2}");
            points.push(point);
        }
        curves.push(Curve { what, points });
    }
    let picture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/pictures/scale.svg");
    fs::write(picture, draw(&curves))?;
    TREES.into_iter().try_fold(true, |holds, count| Ok(tree(kit, room, count)? && holds))
}

fn names(side: &Side<'_>, folder: &Path, count: usize) -> Outcome<Point> {
    for name in 0..count {
        File::create(folder.join(format!("name{name}")))?;
    }
    grown(side, count, &format!("dir 1 {}", folder.display()), |_| Ok(()))
}

fn directories(side: &Side<'_>, folder: &Path, count: usize) -> Outcome<Point> {
    let mut paths: Vec<PathBuf> = (0..count).map(|name| folder.join(format!("directory{name}"))).collect();
    paths.iter().try_for_each(fs::create_dir)?;
    paths.push(folder.join("list"));
    let list = list(folder, &paths)?;
    grown(side, count, &format!("list {}", list.display()), |_| Ok(()))
}

fn clients(side: &Side<'_>, folder: &Path, count: usize) -> Outcome<Point> {
    let mut took = 0.0;
    let point = grown(side, count, &format!("dir {count} {}", folder.display()), |client| {
        client.begin(&format!("until {LAST}"))?;
        let begin = now();
        for name in 1..100 {
            File::create(folder.join(format!("name{name}")))?;
        }
        File::create(folder.join(LAST))?;
        took = ms(client.end()?.0 - begin);
        Ok(())
    })?;
    Ok(Point { ms: took, ..point })
}

/// What it takes to be told of what is asked for, and what server and client have more afterwards.
fn grown(
    side: &Side<'_>,
    count: usize,
    command: &str,
    afterwards: impl FnOnce(&mut crate::kit::Client) -> Outcome<()>,
) -> Outcome<Point> {
    let mut client = side.client()?;
    // That it runs is no part of it.
    client.carry_out("close")?;
    let (server_before, client_before) = (side.server_usage()?, client.usage()?);
    let begin = now();
    let (end, _) = client.carry_out(command)?;
    afterwards(&mut client)?;
    pass(Duration::from_secs(1))?;
    let more = |now: Usage, before: Usage| {
        (ms(now.since(before).cpu_ns), mib(now.rss_kib.saturating_sub(before.rss_kib)))
    };
    Ok(Point {
        count,
        ms: ms(end - begin),
        raw_ms: None,
        server: more(side.server_usage()?, server_before),
        client: more(client.usage()?, client_before),
    })
}

/// `gamin watch -r` beside `inotifywait -r`.
fn tree(kit: &Kit, room: &Path, count: usize) -> Outcome<bool> {
    let folder = tempfile::tempdir_in(room)?;
    for name in 0..count {
        let path = [name / 2500, name / 50 % 50, name % 50].map(|part| part.to_string());
        fs::create_dir_all(folder.path().join(path.join("/")))?;
    }
    println!("\na tree of {count} directories{:>26} {:>16}", "ready ms", "MiB in all");
    let side = kit.side(Watcher::Ours)?;
    let mut gamin = side.gamin()?;
    gamin.args(["watch", "-r"]).arg(folder.path());
    let (took, client) = until_ready(gamin, "watching")?;
    let memory_mib = THOUSAND_MIB * count as f64 / 1000.0;
    let ours = mib(side.server_usage()?.rss_kib + client);
    println!("{:<40} {took:>17.0} {ours:>16.1}", "gamin watch -r, with the server");
    let Some(mut inotifywait) = kit.inotifywait() else {
        println!("The package inotify-tools can't be had: it is left out.");
        return Ok(ours <= memory_mib);
    };
    inotifywait.args(["-m", "-r"]).arg(folder.path());
    let (theirs, memory) = until_ready(inotifywait, "established")?;
    println!("{:<40} {theirs:>17.0} {:>16.1}", "inotifywait -m -r", mib(memory));
    let holds = |holds| if holds { "holds" } else { "BROKEN" };
    let (is_small, is_quick) = (ours <= memory_mib, took <= TIMES * theirs);
    println!("at most {TIMES} x inotifywait {}, {memory_mib} MiB {}", holds(is_quick), holds(is_small));
    Ok(is_small && is_quick)
}

/// After how many milliseconds it says on standard error that it is ready, and its memory in KiB then.
fn until_ready(mut command: Command, word: &str) -> Outcome<(f64, u64)> {
    let begin = now();
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let errors = child.stderr.take().ok_or("it has no standard error")?;
    let child = Ended(child);
    for line in BufReader::new(errors).lines() {
        if line?.contains(word) {
            return Ok((ms(now() - begin), Usage::of(child.0.id())?.rss_kib));
        }
    }
    Err("it ended before it was ready".into())
}
