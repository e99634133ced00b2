//! How fast the monitor is, each measure beside a raw inotify program that does the same in the same run.
//!
//! `cargo bench -p testgam --bench beside_inotify [-- NAME…]`. Prints one row a measure; exits with failure if one of the bounds below is
//! broken. Speeds are ratios, since machines differ; only the latency and start-up bounds are times.

#![allow(clippy::print_stdout, reason = "a table is what it is for")]

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use gamin::{Code, Connection, Options, ServerCommand};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use std::os::fd::AsFd;

/// Where nobody else makes and removes files meanwhile, as all the world does in /tmp.
const QUIET: &str = env!("CARGO_TARGET_TMPDIR");

/// A wait that only a hang reaches.
const PATIENCE: Duration = Duration::from_secs(60);

/// Measures in a folder of its own.
type Measure = fn(&Path) -> Outcome;

type Outcome = Result<Row, Box<dyn std::error::Error>>;

/// One measure: ours, theirs, and whether ours is good enough.
struct Row {
    what: &'static str,
    ours: String,
    raw: String,
    bound: &'static str,
    holds: bool,
}

fn main() -> ExitCode {
    if let Some(code) = testgam::become_another_if_asked() {
        return code;
    }
    let asked: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let measures: [(&str, Measure); 5] =
        [("latency", latency), ("register", register), ("list", list), ("rest", rest), ("start", start)];
    let mut all_hold = true;
    println!("{:<44} {:>26} {:>26}   bound", "", "gam_server", "raw inotify");
    for (name, measure) in measures {
        if !asked.is_empty() && !asked.iter().any(|word| name.contains(word.as_str())) {
            continue;
        }
        let folder = tempfile::tempdir_in(QUIET).expect("because a benchmark needs a folder");
        match measure(folder.path()) {
            Ok(row) => {
                let verdict = if row.holds { "holds" } else { "BROKEN" };
                println!("{:<44} {:>26} {:>26}   {} {verdict}", row.what, row.ours, row.raw, row.bound);
                all_hold &= row.holds;
            }
            Err(error) => {
                println!("{name}: {error}");
                all_hold = false;
            }
        }
    }
    if all_hold { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A connection to a server of its own, which ends with it.
struct Served {
    connection: Connection,
    pid: nix::unistd::Pid,
}

impl Served {
    fn new(name: &str) -> Result<Served, gamin::Error> {
        let ServerCommand { program, args } = testgam::server_command();
        let id = format!("bench-{}-{name}", std::process::id());
        let connection = Options::new().client_id(id).server(ServerCommand { program, args }).open()?;
        let pid = nix::unistd::Pid::from_raw(connection.server_pid().unwrap_or_default());
        Ok(Served { connection, pid })
    }

    /// Takes events until `last` says that one was the last awaited.
    fn until(&self, mut last: impl FnMut(&gamin::Event) -> bool) -> Result<(), Box<dyn std::error::Error>> {
        loop {
            let event = self.connection.next_event_timeout(PATIENCE)?.ok_or("no event came in a minute")?;
            if last(&event) {
                return Ok(());
            }
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if self.pid.as_raw() > 0 {
            let _ = nix::sys::signal::kill(self.pid, nix::sys::signal::Signal::SIGKILL);
        }
    }
}

/// From the system call that makes a file to the event in the caller's hands.
fn latency(folder: &Path) -> Outcome {
    const ROUNDS: usize = 3000;
    let served = Served::new("latency")?;
    served.connection.monitor_directory(folder)?;
    served.until(|event| event.code == Code::EndExist)?;
    let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
    let (mut ours, mut raw) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let path = folder.join(format!("file{round}"));
        let begin = Instant::now();
        File::create(&path)?;
        served.until(|event| event.code == Code::Created)?;
        ours.push(begin.elapsed());
        fs::remove_file(&path)?;
        served.until(|event| event.code == Code::Deleted)?;
    }
    inotify.add_watch(folder, AddWatchFlags::IN_CREATE)?;
    for round in 0..ROUNDS {
        let path = folder.join(format!("file{round}"));
        let begin = Instant::now();
        File::create(&path)?;
        wait_readable(&inotify)?;
        inotify.read_events()?;
        raw.push(begin.elapsed());
        fs::remove_file(&path)?;
    }
    let (median, tail) = quantiles(&mut ours);
    let (raw_median, raw_tail) = quantiles(&mut raw);
    Ok(Row {
        what: "mkfile to Created, median and 99th percentile",
        ours: format!("{} and {}", micros(median), micros(tail)),
        raw: format!("{} and {}", micros(raw_median), micros(raw_tail)),
        bound: "< 400 us and < 20 ms:",
        holds: median < Duration::from_micros(400) && tail < Duration::from_millis(20),
    })
}

/// 11,000 directories, each with its initial listing.
fn register(folder: &Path) -> Outcome {
    const DIRECTORIES: usize = 11_000;
    let paths: Vec<PathBuf> = (0..DIRECTORIES).map(|n| folder.join(format!("directory{n}"))).collect();
    for path in &paths {
        fs::create_dir(path)?;
    }
    let (ours, raw) = best_of_three(
        |round| {
            let served = Served::new(&format!("register{round}"))?;
            let begin = Instant::now();
            for path in &paths {
                served.connection.monitor_directory(path)?;
            }
            let mut awaited = DIRECTORIES;
            served.until(|event| {
                awaited -= usize::from(event.code == Code::EndExist);
                awaited == 0
            })?;
            Ok(begin.elapsed())
        },
        || {
            let inotify = Inotify::init(InitFlags::IN_CLOEXEC)?;
            let begin = Instant::now();
            for path in &paths {
                inotify.add_watch(path, AddWatchFlags::IN_ALL_EVENTS)?;
                names(path)?;
            }
            Ok(begin.elapsed())
        },
    )?;
    Ok(ratio_row("11,000 directories watched and listed", ours, raw, "at most 3 times:", 3.0))
}

/// One directory of 100,000 entries.
fn list(folder: &Path) -> Outcome {
    const ENTRIES: usize = 100_000;
    for n in 0..ENTRIES {
        File::create(folder.join(format!("file{n:06}")))?;
    }
    let (ours, raw) = best_of_three(
        |round| {
            let served = Served::new(&format!("list{round}"))?;
            let begin = Instant::now();
            served.connection.monitor_directory(folder)?;
            let mut entries = 0;
            served.until(|event| {
                entries += usize::from(event.code == Code::Exists);
                event.code == Code::EndExist
            })?;
            assert_eq!(entries, ENTRIES + 1, "the listing is whole");
            Ok(begin.elapsed())
        },
        || {
            let inotify = Inotify::init(InitFlags::IN_CLOEXEC)?;
            let begin = Instant::now();
            inotify.add_watch(folder, AddWatchFlags::IN_ALL_EVENTS)?;
            assert_eq!(names(folder)?.len(), ENTRIES, "the listing is whole");
            Ok(begin.elapsed())
        },
    )?;
    Ok(ratio_row("a directory of 100,000 entries listed", ours, raw, "at most 2 times:", 2.0))
}

/// A server with 1,000 watches, while nothing happens for ten seconds.
fn rest(folder: &Path) -> Outcome {
    let served = Served::new("rest")?;
    for n in 0..1000 {
        let path = folder.join(format!("directory{n}"));
        fs::create_dir(&path)?;
        served.connection.monitor_directory(&path)?;
    }
    served.connection.barrier(PATIENCE)?;
    // Until the server, too, has come to rest.
    while served.connection.next_event_timeout(Duration::from_secs(1))?.is_some() {}
    let before = switches(served.pid)?;
    let event = served.connection.next_event_timeout(Duration::from_secs(10))?;
    let woken = switches(served.pid)? - before;
    Ok(Row {
        what: "wake-ups in 10 s at rest, 1,000 watches",
        ours: woken.to_string(),
        raw: "0".into(),
        bound: "none:",
        holds: woken == 0 && event.is_none(),
    })
}

/// From no server to the first event.
fn start(folder: &Path) -> Outcome {
    let mut ours = Vec::new();
    let mut raw = Vec::new();
    for round in 0..21 {
        let begin = Instant::now();
        let served = Served::new(&format!("start{round}"))?;
        served.connection.monitor_directory(folder)?;
        served.until(|event| event.code == Code::Exists)?;
        ours.push(begin.elapsed());
        let begin = Instant::now();
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC)?;
        inotify.add_watch(folder, AddWatchFlags::IN_ALL_EVENTS)?;
        names(folder)?;
        raw.push(begin.elapsed());
    }
    let (median, _) = quantiles(&mut ours);
    let (raw_median, _) = quantiles(&mut raw);
    Ok(Row {
        what: "from no server to the first event, median",
        ours: micros(median),
        raw: micros(raw_median),
        bound: "< 20 ms:",
        holds: median < Duration::from_millis(20),
    })
}

/// Measures both three times in turn, so that noise meets both, and keeps the best of each.
fn best_of_three(
    mut ours: impl FnMut(usize) -> Result<Duration, Box<dyn std::error::Error>>,
    mut raw: impl FnMut() -> Result<Duration, Box<dyn std::error::Error>>,
) -> Result<(Duration, Duration), Box<dyn std::error::Error>> {
    let (mut best_ours, mut best_raw) = (Duration::MAX, Duration::MAX);
    for round in 0..3 {
        best_raw = best_raw.min(raw()?);
        best_ours = best_ours.min(ours(round)?);
    }
    Ok((best_ours, best_raw))
}

fn ratio_row(what: &'static str, ours: Duration, raw: Duration, bound: &'static str, most: f64) -> Row {
    let ratio = ours.as_secs_f64() / raw.as_secs_f64();
    Row {
        what,
        ours: format!("{} ({ratio:.2}x)", micros(ours)),
        raw: micros(raw),
        bound,
        holds: ratio <= most,
    }
}

fn names(folder: &Path) -> io::Result<Vec<std::ffi::OsString>> {
    fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.file_name())).collect()
}

fn wait_readable(descriptor: &impl AsFd) -> nix::Result<()> {
    poll(&mut [PollFd::new(descriptor.as_fd(), PollFlags::POLLIN)], PollTimeout::NONE)?;
    Ok(())
}

/// Context switches of a process, both kinds.
fn switches(pid: nix::unistd::Pid) -> Result<u64, Box<dyn std::error::Error>> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let counts = status.lines().filter(|line| line.contains("ctxt_switches"));
    Ok(counts.filter_map(|line| line.split_whitespace().last()?.parse::<u64>().ok()).sum())
}

fn quantiles(times: &mut [Duration]) -> (Duration, Duration) {
    times.sort_unstable();
    (times[times.len() / 2], times[times.len() * 99 / 100])
}

fn micros(time: Duration) -> String {
    match time.as_micros() {
        us if us < 10_000 => format!("{us} us"),
        us => format!("{:.1} ms", us as f64 / 1000.0),
    }
}
