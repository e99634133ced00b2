//! The workloads: what happens to files, and what is measured of it.
//!
//! Whom it is measured with is left to the kit, how to `measure`, what is good enough to the table; those in which nothing happens are `quiet`'s. Each runs in an empty folder of its own, and gives figures
//! by name.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use gamin_protocol::{CREDENTIAL, Code, Decoder, EventPacket, Request};

use crate::kit::{Outcome, Side, Watcher, list};
use crate::measure::{Figures, LAST, latencies, mib, ms, now, pass, quantile};
use crate::{hostile, quiet};

/// A workload.
pub struct Workload {
    pub name: &'static str,
    pub what: &'static str,
    pub run: Run,
    /// Which bare processes are measured, too.
    pub bare: &'static [Watcher],
}

/// All of them.
pub const WORKLOADS: &[Workload] = &[
    beside_bare("W1", "one change at a time, 8 to 20 ms apart", one_at_a_time, &[Watcher::Bare]),
    beside_bare("W2", "20,000 created, then deleted", burst, &[Watcher::Bare]),
    workload("W3", "a listing of 100,000 entries, and all closed again", listing),
    beside_bare(
        "W4",
        "10,000 directories, seven levels deep",
        many_directories,
        &[Watcher::Bare, Watcher::BareListing],
    ),
    workload("W5", "50 connections on a directory, 200 creates", many_connections),
    beside_bare(
        "W6",
        "50 names a second, while another client never reads",
        beside_a_sleeper,
        &[Watcher::Bare],
    ),
    workload("W7", "a polled directory of 20,000 files, nothing happens", quiet::polled),
    workload("W8", "1,000 directories, nothing happens", quiet::rest),
    workload("W9", "from no server to the first event", quiet::start),
    workload("W10", "a client of which 1,000,000 events are read", library_alone),
    beside_bare("W11", "1,000 creates a second for 4 s", steady, &[Watcher::Bare]),
    workload("W13", "changes as fast as they go, beside 50 creates a second", hostile::hostile),
];

/// What is measured under a side, in an empty folder.
type Run = fn(&Side<'_>, &Path) -> Outcome<Figures>;

const fn workload(name: &'static str, what: &'static str, run: Run) -> Workload {
    beside_bare(name, what, run, &[])
}

/// One of which a bound is broken, so that one wants to know what a process between costs at least.
const fn beside_bare(name: &'static str, what: &'static str, run: Run, bare: &'static [Watcher]) -> Workload {
    Workload { name, what, run, bare }
}

fn one_at_a_time(side: &Side<'_>, folder: &Path) -> Outcome<Figures> {
    const SAMPLES: usize = 200;
    for file in 0..128 {
        File::create(folder.join(format!("old{file}")))?;
    }
    let mut client = side.client()?;
    client.carry_out(&format!("dir 1 {}", folder.display()))?;
    let before = side.server_usage()?;
    let appended = latencies(&mut client, folder, SAMPLES, pause, |sample| {
        let path = folder.join(format!("old{}", sample % 128));
        OpenOptions::new().append(true).open(&path)?.write_all(b"x")?;
        Ok(path)
    })?;
    let created = latencies(&mut client, folder, SAMPLES, pause, |sample| {
        let path = folder.join(format!("new{sample}"));
        File::create(&path)?;
        Ok(path)
    })?;
    let used = side.server_usage()?.since(before);
    Ok(vec![
        ("append p50 us", quantile(&appended, 0.5)),
        ("append p99 us", quantile(&appended, 0.99)),
        ("create p50 us", quantile(&created, 0.5)),
        ("create p99 us", quantile(&created, 0.99)),
        ("server CPU us a change", used.cpu_ns as f64 / 1e3 / (2 * SAMPLES) as f64),
    ])
}

/// Eight to twenty milliseconds.
fn pause(sample: usize) -> Duration {
    Duration::from_micros(8000 + (sample as u64 * 7919) % 12_000)
}

fn burst(side: &Side<'_>, folder: &Path) -> Outcome<Figures> {
    const NAMES: usize = 20_000;
    File::create(folder.join(LAST))?;
    let mut client = side.client()?;
    client.carry_out(&format!("dir 1 {}", folder.display()))?;
    let (server, library) = (side.server_usage()?, client.usage()?);
    client.begin(&format!("until {LAST}"))?;
    let begin = now();
    for name in 0..NAMES {
        File::create(folder.join(format!("name{name}")))?;
    }
    for name in 0..NAMES {
        fs::remove_file(folder.join(format!("name{name}")))?;
    }
    let done = now();
    // A new name might be gathered with those that came and went. That one is gone which has been there all the time never waits.
    fs::remove_file(folder.join(LAST))?;
    let (end, _) = client.end()?;
    let (server, library) = (side.server_usage()?.since(server), client.usage()?.since(library));
    Ok(vec![
        ("time ms", ms(end - begin)),
        ("tail ms", ms(end - done)),
        ("CPU ms", ms(server.cpu_ns + library.cpu_ns)),
        ("server peak MiB", mib(server.peak_kib)),
    ])
}

fn listing(side: &Side<'_>, folder: &Path) -> Outcome<Figures> {
    for name in 0..100_000 {
        File::create(folder.join(format!("name{name}")))?;
    }
    let start = side.server_usage()?;
    let mut client = side.client()?;
    let begin = now();
    let (end, first) = client.carry_out(&format!("dir 1 {}", folder.display()))?;
    let peak = side.server_usage()?.peak_kib;
    client.carry_out("close")?;
    pass(Duration::from_secs(3))?;
    let left = side.server_usage()?.rss_kib.saturating_sub(start.rss_kib);
    Ok(vec![
        ("listed ms", ms(end - begin)),
        ("first ms", ms(first.saturating_sub(begin))),
        ("server peak MiB", mib(peak)),
        ("left after 3 s MiB", mib(left)),
    ])
}

fn many_directories(side: &Side<'_>, folder: &Path) -> Outcome<Figures> {
    let directories = tree(folder)?;
    let list = list(folder, &[&*directories, &[folder.join("list")]].concat())?;
    let mut client = side.client()?;
    let before = side.server_usage()?;
    let begin = now();
    let (end, _) = client.carry_out(&format!("list {}", list.display()))?;
    pass(Duration::from_secs(1))?;
    let used = side.server_usage()?.since(before);
    let rss = used.rss_kib.saturating_sub(before.rss_kib) as f64 * 1024.0;
    let created = latencies(&mut client, &directories[0], 100, pause, |sample| {
        let path = directories[(sample * 97) % directories.len()].join(format!("new{sample}"));
        File::create(&path)?;
        Ok(path)
    })?;
    Ok(vec![
        ("time ms", ms(end - begin)),
        ("server CPU ms", ms(used.cpu_ns)),
        ("server bytes a watch", rss / directories.len() as f64),
        ("create p50 us", quantile(&created, 0.5)),
    ])
}

/// Ten thousand directories, seven levels deep.
fn tree(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let mut directories = Vec::new();
    for top in 0..10_000_usize {
        let digits = format!("{top:04}");
        let mut path = folder.join("a").join("b").join("c");
        path.extend(digits.chars().take(3).map(String::from));
        path.push(digits);
        fs::create_dir_all(&path)?;
        directories.push(path);
    }
    Ok(directories)
}

fn many_connections(side: &Side<'_>, folder: &Path) -> Outcome<Figures> {
    let mut client = side.client()?;
    client.carry_out(&format!("dir 50 {}", folder.display()))?;
    let before = side.server_usage()?;
    client.begin(&format!("until {LAST}"))?;
    let begin = now();
    for name in 0..199 {
        File::create(folder.join(format!("name{name}")))?;
    }
    File::create(folder.join(LAST))?;
    let (end, _) = client.end()?;
    let used = side.server_usage()?.since(before);
    Ok(vec![("time ms", ms(end - begin)), ("server CPU ms", ms(used.cpu_ns))])
}

fn beside_a_sleeper(side: &Side<'_>, folder: &Path) -> Outcome<Figures> {
    let (busy, quiet) = (folder.join("busy"), folder.join("quiet"));
    fs::create_dir(&busy)?;
    fs::create_dir(&quiet)?;
    let mut sleeper = side.client()?;
    sleeper.carry_out(&format!("dir 1 {}", busy.display()))?;
    let mut client = side.client()?;
    client.carry_out(&format!("dir 1 {}", quiet.display()))?;
    let is_over = AtomicBool::new(false);
    let created = thread::scope(|scope| {
        scope.spawn(|| {
            for turn in (0_u64..).take_while(|_| !is_over.load(Ordering::Relaxed)) {
                let path = busy.join(format!("name{}", turn % 1000));
                let _ = File::create(&path).and_then(|_| fs::remove_file(&path));
                let _ = pass(Duration::from_micros(150));
            }
        });
        let created = latencies(
            &mut client,
            &quiet,
            200,
            |_| Duration::from_millis(20),
            |sample| {
                let path = quiet.join(format!("new{sample}"));
                File::create(&path)?;
                Ok(path)
            },
        );
        is_over.store(true, Ordering::Relaxed);
        created
    })?;
    Ok(vec![("create p50 us", quantile(&created, 0.5)), ("create p99 us", quantile(&created, 0.99))])
}

/// The server is this process: nothing but the library is measured.
fn library_alone(side: &Side<'_>, folder: &Path) -> Outcome<Figures> {
    const EVENTS: usize = 1_000_000;
    if matches!(side.watcher, Watcher::Raw | Watcher::Embedded) {
        return Ok(Vec::new());
    }
    let (id, listener) = side.listen()?;
    let mut client = side.client_of(&id)?;
    client.begin(&format!("dir 1 {}", folder.display()))?;
    let (mut stream, seq) = accept(&listener)?;
    let path = folder.as_os_str().as_bytes();
    let mut listing = Vec::new();
    EventPacket::encode(&mut listing, seq, Code::Exists, path, None)?;
    EventPacket::encode(&mut listing, seq, Code::EndExist, path, None)?;
    stream.write_all(&listing)?;
    client.end()?;
    let before = client.usage()?;
    client.begin(&format!("until {LAST}"))?;
    let mut thousand = Vec::new();
    for name in 0..1000 {
        let name = format!("entry-number-{name:04}.txt");
        EventPacket::encode(&mut thousand, seq, Code::Changed, name.as_bytes(), None)?;
    }
    for _ in 0..EVENTS / 1000 {
        stream.write_all(&thousand)?;
    }
    let mut last = Vec::new();
    EventPacket::encode(&mut last, seq, Code::Created, LAST.as_bytes(), None)?;
    stream.write_all(&last)?;
    client.end()?;
    let used = client.usage()?.since(before);
    Ok(vec![("CPU ns an event", used.cpu_ns as f64 / EVENTS as f64)])
}

/// Takes in a client, and the number of its first request.
fn accept(listener: &UnixListener) -> Outcome<(UnixStream, u32)> {
    let (mut stream, _) = listener.accept()?;
    stream.write_all(&[CREDENTIAL])?;
    let mut requests = Decoder::<Request>::new();
    let mut bytes = [0; 4096];
    let mut is_first = true;
    loop {
        let count = stream.read(&mut bytes)?;
        if count == 0 {
            return Err("a client has gone".into());
        }
        // In front of the requests stands a credential.
        requests.push(&bytes[usize::from(std::mem::take(&mut is_first))..count]);
        while let Some(request) = requests.next_message()? {
            if let Request::Monitor { seq, .. } = request {
                return Ok((stream, seq));
            }
        }
    }
}

fn steady(side: &Side<'_>, folder: &Path) -> Outcome<Figures> {
    const NAMES: usize = 4000;
    let mut client = side.client()?;
    client.carry_out(&format!("dir 1 {}", folder.display()))?;
    let (server, library) = (side.server_usage()?, client.usage()?);
    let begin = now();
    let created = latencies(
        &mut client,
        folder,
        NAMES,
        // Each at its time, however long the one before has taken.
        |sample| Duration::from_nanos((begin + 1_000_000 * sample as u64).saturating_sub(now())),
        |sample| {
            let path = folder.join(format!("new{sample}"));
            File::create(&path)?;
            Ok(path)
        },
    )?;
    let (server, library) = (side.server_usage()?.since(server), client.usage()?.since(library));
    let each = |ns: u64| ns as f64 / 1e3 / NAMES as f64;
    Ok(vec![
        ("CPU us an event", each(server.cpu_ns + library.cpu_ns)),
        ("p50 us", quantile(&created, 0.5)),
        ("p99 us", quantile(&created, 0.99)),
        (
            "server wake-ups an event",
            if side.watcher == Watcher::Raw { 0.0 } else { server.waits as f64 / NAMES as f64 },
        ),
    ])
}
