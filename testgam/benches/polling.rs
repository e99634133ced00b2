//! What polling costs at rest, beside a bare loop of `stat` calls over the same files in the same run, and how soon it sees a change.
//!
//! `cargo bench -p testgam --bench polling [-- COUNT]`. Processor time is compared, not time; fails if a bound is broken.
//! With `GAMIN_ORIGINAL` naming the original's server, as `ci/polling` has it, that is measured the same way.

#![allow(clippy::print_stdout, reason = "a table is what it is for")]

#[path = "light/shipped.rs"]
mod shipped;

use std::error::Error;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::Write;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use gamin::{Code, Connection, Options, ServerCommand};
use nix::fcntl::AtFlags;
use nix::sys::stat::fstatat;
use nix::sys::time::TimeValLike;
use nix::time::{ClockId, clock_gettime};

/// Where nobody else makes and removes files meanwhile.
const QUIET: &str = env!("CARGO_TARGET_TMPDIR");
/// A wait that only a hang reaches.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long the server is watched at rest. It looks once a second.
const REST: Duration = Duration::from_secs(10);
/// What is promised: so many times the cost of the bare loop, and so long until a change is told.
const MOST_TIMES: f64 = 2.0;
const MOST_LATE: Duration = Duration::from_millis(1500);
/// The client does nothing: so much of a second at most, which is what measuring costs.
const MOST_OF_CLIENT: Duration = Duration::from_micros(100);
/// And so much of what the original takes.
const MOST_OF_THEIRS: f64 = 0.06;

type Fallible<T> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let count = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(20_000);
    match measure(count) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(count: usize) -> Fallible<bool> {
    let folder = tempfile::tempdir_in(QUIET)?;
    let original = std::env::var_os("GAMIN_ORIGINAL");
    let files: Vec<PathBuf> = (0..count).map(|file| folder.path().join(format!("file{file:06}"))).collect();
    for file in &files {
        File::create(file)?;
    }
    println!("{count} polled files at rest: processor time a round, beside a bare loop of fstatat");
    let mut all_hold = true;
    for (what, is_directory, is_file) in
        [("one directory", true, false), ("as many file requests", false, true), ("both", true, true)]
    {
        let served = Served::new(what, ours()?)?;
        served.ask(is_directory.then_some(folder.path()), if is_file { &files } else { &[] })?;
        let loops = u32::from(is_directory) + u32::from(is_file);
        let bare = bare_loop(folder.path(), &files)? * loops;
        let (round, client) = served.round()?;
        let late = served.change(&files[count / 2], loops)?;
        let times = round.as_secs_f64() / bare.as_secs_f64();
        let holds = times <= MOST_TIMES && late <= MOST_LATE && client <= MOST_OF_CLIENT;
        println!(
            "{what:<24} {:>8} us, bare {:>8} us: {times:.2} times, at most {MOST_TIMES}; the client {} us; a change told after {} ms, at most {} {}",
            round.as_micros(),
            bare.as_micros(),
            client.as_micros(),
            late.as_millis(),
            MOST_LATE.as_millis(),
            if holds { "holds" } else { "BROKEN" }
        );
        all_hold &= holds;
        if let Some(original) = &original {
            drop(served);
            let home = tempfile::tempdir()?;
            fs::write(home.path().join(".gaminrc"), format!("poll {}*\n", folder.path().display()))?;
            let served = Served::new(what, theirs(original, home.path()))?;
            served.ask(is_directory.then_some(folder.path()), if is_file { &files } else { &[] })?;
            let (their_round, _) = served.round()?;
            let part = round.as_secs_f64() / their_round.as_secs_f64();
            let holds = part <= MOST_OF_THEIRS;
            println!(
                "{:<24} the original {:>8} us: {part:.3} of it, at most {MOST_OF_THEIRS} {}",
                "",
                their_round.as_micros(),
                if holds { "holds" } else { "BROKEN" }
            );
            all_hold &= holds;
        }
    }
    Ok(all_hold)
}

fn ours() -> Fallible<ServerCommand> {
    let program = shipped::build("gamin-server", "server", "gam_server")?;
    Ok(ServerCommand { program, args: vec!["--pollonly".into()] })
}

/// The original's `--pollonly` monitors nothing; what it polls its configuration says.
fn theirs(program: &OsStr, home: &Path) -> ServerCommand {
    let mut set = OsString::from("HOME=");
    set.push(home);
    ServerCommand { program: "/usr/bin/env".into(), args: vec![set, program.to_owned()] }
}

/// Looks at each file once; gives the processor time it took, the least of five.
fn bare_loop(folder: &Path, files: &[PathBuf]) -> Fallible<Duration> {
    let directory = File::open(folder)?;
    let names: Vec<_> = files.iter().filter_map(|file| file.file_name()).collect();
    let mut least = Duration::MAX;
    for _ in 0..5 {
        let begin = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?;
        for name in &names {
            fstatat(directory.as_fd(), *name, AtFlags::AT_SYMLINK_NOFOLLOW)?;
        }
        let took = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)? - begin;
        least = least.min(Duration::from_nanos(took.num_nanoseconds().unsigned_abs()));
    }
    Ok(least)
}

/// A connection to a server that ends with it.
struct Served {
    connection: Connection,
    pid: nix::unistd::Pid,
}

impl Served {
    fn new(what: &str, server: ServerCommand) -> Fallible<Served> {
        let last = server.args.last().and_then(|last| Path::new(last).file_name()).unwrap_or_default();
        let id = format!("polling-{}-{}-{}", std::process::id(), what.replace(' ', "-"), last.display());
        let connection = Options::new().client_id(id).server(server).patience(PATIENCE).open()?;
        let pid = nix::unistd::Pid::from_raw(connection.server_pid().unwrap_or_default());
        Ok(Served { connection, pid })
    }

    /// Asks for all, and waits until all is told, and what was made a moment ago is old.
    fn ask(&self, directory: Option<&Path>, files: &[PathBuf]) -> Fallible<()> {
        if let Some(directory) = directory {
            self.connection.monitor_directory(directory)?;
        }
        for file in files {
            self.connection.monitor_file(file)?;
        }
        let mut listings = files.len() + usize::from(directory.is_some());
        while listings > 0 {
            let event = self.connection.next_event_timeout(PATIENCE)?.ok_or("no listing came in a minute")?;
            listings -= usize::from(event.code == Code::EndExist);
        }
        while self.connection.next_event_timeout(Duration::from_secs(3))?.is_some() {}
        Ok(())
    }

    /// The processor time of a round, and that of a second of ours.
    fn round(&self) -> Fallible<(Duration, Duration)> {
        let ours = || clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID);
        let (before, our_before, begin) = (self.processor_time()?, ours()?, Instant::now());
        if self.connection.next_event_timeout(REST)?.is_some() {
            return Err("something was told at rest".into());
        }
        let (rounds, our_used) = (begin.elapsed().as_secs_f64(), ours()? - our_before);
        let used = self.processor_time()? - before;
        let our_used = Duration::from_nanos(our_used.num_nanoseconds().unsigned_abs());
        Ok((used.div_f64(rounds), our_used.div_f64(rounds)))
    }

    fn processor_time(&self) -> Fallible<Duration> {
        let text = fs::read_to_string(format!("/proc/{}/schedstat", self.pid))?;
        let nanoseconds = text.split(' ').next().unwrap_or_default().parse()?;
        Ok(Duration::from_nanos(nanoseconds))
    }

    /// Changes a file; gives how long it took until all who asked were told.
    fn change(&self, file: &Path, times: u32) -> Fallible<Duration> {
        let begin = Instant::now();
        File::options().append(true).open(file)?.write_all(b"a")?;
        for _ in 0..times {
            let event = self.connection.next_event_timeout(PATIENCE)?.ok_or("no event came in a minute")?;
            if event.code != Code::Changed {
                return Err(format!("told {event:?}").into());
            }
        }
        Ok(begin.elapsed())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if self.pid.as_raw() > 0 {
            let _ = nix::sys::signal::kill(self.pid, nix::sys::signal::Signal::SIGKILL);
        }
    }
}
