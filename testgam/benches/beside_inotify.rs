//! How fast directories are asked for with their listings, through the library for Rust, beside a raw inotify program in the same run.
//!
//! `cargo bench -p testgam --bench beside_inotify`. Exits with failure if the bound is broken. All else that can be measured so is in
//! `light`.

#![allow(clippy::print_stdout, reason = "a table is what it is for")]

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use gamin::{Code, Connection, Options, ServerCommand};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};

/// Where nobody else makes and removes files meanwhile, as all the world does in /tmp.
const QUIET: &str = env!("CARGO_TARGET_TMPDIR");

/// So many times as long as inotify alone at most.
const MOST_TIMES: f64 = 3.0;

/// A wait that only a hang reaches.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    if let Some(code) = testgam::become_another_if_asked() {
        return code;
    }
    println!("{:<44} {:>26} {:>26}   bound", "", "gam_server", "raw inotify");
    match register() {
        Ok(holds) if holds => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            println!("{error}");
            ExitCode::FAILURE
        }
    }
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

/// 11,000 directories, each with its initial listing.
fn register() -> Result<bool, Box<dyn std::error::Error>> {
    const DIRECTORIES: usize = 11_000;
    let folder = tempfile::tempdir_in(QUIET)?;
    let folder = folder.path();
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
    let ratio = ours.as_secs_f64() / raw.as_secs_f64();
    let holds = ratio <= MOST_TIMES;
    println!(
        "{:<44} {:>26} {:>26}   at most {MOST_TIMES} times: {}",
        "11,000 directories watched and listed",
        format!("{} ({ratio:.2}x)", micros(ours)),
        micros(raw),
        if holds { "holds" } else { "BROKEN" }
    );
    Ok(holds)
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

fn names(folder: &Path) -> io::Result<Vec<std::ffi::OsString>> {
    fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.file_name())).collect()
}

fn micros(time: Duration) -> String {
    match time.as_micros() {
        us if us < 10_000 => format!("{us} us"),
        us => format!("{:.1} ms", us as f64 / 1000.0),
    }
}
