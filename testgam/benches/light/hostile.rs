//! The workload in which somebody changes files very fast, and what it does to the server and to others.
//!
//! The writer is a process of its own, and gives way to the others (nice 10): else on two processors the scheduler would be measured.
//! Inotify alone is left out, since nothing slows it down. Invariant: what was told is compared with what is there at the end.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::kit::{Client, Outcome, Side, Watcher};
use crate::measure::{Figures, LAST, latencies, now, pass, quantile};

/// How long the writer writes.
const TIME: Duration = Duration::from_secs(5);
/// How long the last state may be in coming (docs/semantics.md, *Soon*).
const COMING: Duration = Duration::from_millis(1500);
/// The name that changes.
const HOT: &str = "hot";

/// What the writer does.
#[derive(Debug, Clone, Copy)]
enum Attack {
    /// Changes one name so many times a second; 0: as often as it can.
    Change(u32),
    /// Makes and removes names, each a new one, as fast as it can.
    Flicker,
}

impl Attack {
    fn folder(self) -> String {
        match self {
            Attack::Change(a_second) => format!("change-{a_second}"),
            Attack::Flicker => "flicker".to_owned(),
        }
    }

    fn command(self, directory: &Path) -> String {
        let (directory, ms) = (directory.display(), TIME.as_millis());
        match self {
            Attack::Change(a_second) => format!("change {directory} {ms} {a_second}"),
            Attack::Flicker => format!("flicker {directory} {ms}"),
        }
    }
}

/// One name that changes 100,000 times a second, then as often as it can, then names that are made and removed.
pub fn hostile(side: &Side<'_>, folder: &Path) -> Outcome<Figures> {
    if matches!(side.watcher, Watcher::Raw | Watcher::Embedded) {
        return Ok(Vec::new());
    }
    let hot = attack(side, folder, Attack::Change(100_000))?;
    let hottest = attack(side, folder, Attack::Change(0))?;
    let flickers = attack(side, folder, Attack::Flicker)?;
    Ok(vec![
        ("one name: changes a second", hot.changes_a_second),
        ("one name: server's cores", hot.cores),
        ("one name: other's p99 us", hot.p99_us),
        ("one name: Changed a second", hot.changed_a_second),
        ("one name: told wrong", hot.wrong),
        ("at full speed: changes a second", hottest.changes_a_second),
        ("at full speed: server's cores", hottest.cores),
        ("at full speed: other's p99 us", hottest.p99_us),
        ("at full speed: Changed a second", hottest.changed_a_second),
        ("at full speed: told wrong", hottest.wrong),
        ("names: changes a second", flickers.changes_a_second),
        ("names: server's cores", flickers.cores),
        ("names: other's p99 us", flickers.p99_us),
        ("names: told wrong", flickers.wrong),
    ])
}

/// What an attack has done.
struct Damage {
    changes_a_second: f64,
    /// How many processors the server kept busy meanwhile.
    cores: f64,
    /// Of another client.
    p99_us: f64,
    /// Events about the name that changes.
    changed_a_second: f64,
    /// Names of which something else was told than is there.
    wrong: f64,
}

/// An event: when it was told, of which kind, and of which name.
type Told = (u64, char, String);

fn attack(side: &Side<'_>, folder: &Path, attack: Attack) -> Outcome<Damage> {
    let busy = folder.join(attack.folder());
    let quiet = folder.join(format!("{}-quiet", attack.folder()));
    for directory in [&busy, &quiet] {
        fs::create_dir(directory)?;
    }
    for name in [HOT, LAST] {
        File::create(busy.join(name))?;
    }
    let (mut client, mut other, mut writer) = (side.client()?, side.client()?, side.writer()?);
    client.carry_out(&format!("dir 1 {}", busy.display()))?;
    other.carry_out(&format!("dir 1 {}", quiet.display()))?;
    client.begin(&format!("times {LAST}"))?;
    thread::scope(|scope| {
        let told = scope.spawn(|| told(&mut client).map_err(|error| error.to_string()));
        let (before, begin) = (side.server_usage()?, now());
        writer.begin(&attack.command(&busy))?;
        let created = latencies(
            &mut other,
            &quiet,
            250,
            |_| Duration::from_millis(20),
            |sample| {
                let path = quiet.join(format!("new{sample}"));
                File::create(&path)?;
                Ok(path)
            },
        )?;
        let (end, changes) = writer.end()?;
        let used = side.server_usage()?.since(before);
        pass(COMING)?;
        fs::remove_file(busy.join(LAST))?;
        let told = told.join().map_err(|_| "who reads has failed")??;
        let seconds = (end - begin) as f64 / 1e9;
        let of_hot = || told.iter().filter(|(_, _, name)| name == HOT);
        let is_last_told =
            matches!(attack, Attack::Flicker) || of_hot().next_back().is_some_and(|(time, ..)| *time >= end);
        let wrong = differences(&busy, &told)? + usize::from(!is_last_told);
        Ok(Damage {
            changes_a_second: changes as f64 / seconds,
            cores: used.cpu_ns as f64 / 1e9 / seconds,
            p99_us: quantile(&created, 0.99),
            changed_a_second: of_hot().count() as f64 / seconds,
            wrong: wrong as f64,
        })
    })
}

/// What a client is told until the last name comes.
fn told(client: &mut Client) -> Outcome<Vec<Told>> {
    let mut told = Vec::new();
    loop {
        let (time, event) = client.line()?;
        let Ok(time) = time.parse() else {
            let is_whole = time == "came";
            return if is_whole { Ok(told) } else { Err("not all was told".into()) };
        };
        let (code, name) = event.split_once(' ').ok_or("a client speaks strangely")?;
        told.push((time, code.chars().next().unwrap_or_default(), name.to_owned()));
    }
}

/// How many names are there and not told, or told and not there.
fn differences(directory: &Path, told: &[Told]) -> Outcome<usize> {
    let mut present: BTreeSet<&str> = [HOT, LAST].into();
    for (_, code, name) in told {
        if *code == 'D' {
            present.remove(name.as_str())
        } else {
            present.insert(name)
        };
    }
    let mut count = 0;
    for entry in fs::read_dir(directory)? {
        count += usize::from(!present.remove(&*entry?.file_name().to_string_lossy()));
    }
    Ok(count + present.len())
}
