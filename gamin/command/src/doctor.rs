//! `gamin doctor`: whether everything works, and what to change if not.
//!
//! What the kernel allows is left to `limits`, which method a path gets and why is the server's word. Invariants: nothing of the user's is
//! written to, only a temporary directory; every finding that is not well says what to do.

use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use gamin::{Code, Connection, Coverage, Error, Fact, Mode, Options, ServerCommand, Sight, explain};
use nix::errno::Errno;

use crate::arguments::DoctorOptions;
use crate::change::{escape, escape_bytes};
use crate::error::CommandError;
use crate::limits::{Limit, Resource, limits, queue_max, try_one_more};
use crate::status;
use crate::verdict::Verdict;

/// How long a server may take to answer, and to tell of a change.
const PATIENCE: Duration = Duration::from_secs(15);
/// The kernel's usual size of the queue. A smaller one overflows soon.
const QUEUE_USUAL: u64 = 16_384;

/// One thing that was found out.
#[derive(Debug)]
pub struct Diagnosis {
    /// What it is about.
    pub about: String,
    /// Whether all is well.
    pub is_well: bool,
    /// What was found out.
    pub found: String,
    /// What to do.
    pub advice: Vec<String>,
}

impl Diagnosis {
    /// All is well.
    pub fn well(about: impl Into<String>, found: impl Into<String>) -> Diagnosis {
        Diagnosis { about: about.into(), is_well: true, found: found.into(), advice: Vec::new() }
    }

    /// Something is not, and this is to be done about it.
    pub fn bad(about: impl Into<String>, found: impl Into<String>, advice: &[&str]) -> Diagnosis {
        let advice = advice.iter().map(ToString::to_string).collect();
        Diagnosis { about: about.into(), is_well: false, found: found.into(), advice }
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.is_well { "ok" } else { "!!" };
        write!(f, "{mark}  {}: {}", self.about, self.found)?;
        self.advice.iter().try_for_each(|advice| write!(f, "\n      {advice}"))
    }
}

/// Looks at everything, and at the paths.
pub fn run(options: &DoctorOptions) -> Result<Verdict, CommandError> {
    let mut out = io::stdout().lock();
    let mut verdict = Verdict::Well;
    let mut tell = |finding: Diagnosis| {
        if !finding.is_well {
            verdict = Verdict::NotWell;
        }
        writeln!(out, "{finding}")
    };
    wrong_mode().into_iter().try_for_each(&mut tell)?;
    let connection = match Options::from_env().open() {
        Ok(connection) => {
            let server = server(&connection);
            let is_ours = server.is_well;
            tell(server)?;
            if connection.is_embedded() {
                mistakes(&connection).into_iter().try_for_each(&mut tell)?;
            } else {
                tell(files(&connection))?;
            }
            if is_ours && !connection.is_embedded() {
                let facts = connection.facts("server", PATIENCE).unwrap_or_default();
                let said = facts.first().map(|server| [sandbox(server), notices(server)]);
                said.into_iter().flatten().flatten().try_for_each(&mut tell)?;
                handed_down(&connection).into_iter().try_for_each(&mut tell)?;
                confined(&connection).into_iter().try_for_each(&mut tell)?;
                mistakes(&connection).into_iter().try_for_each(&mut tell)?;
            }
            Some(connection)
        }
        Err(error) => {
            tell(Diagnosis::bad("server", explain(&error), &[CommandError::advice(&error)]))?;
            None
        }
    };
    kernel().into_iter().try_for_each(&mut tell)?;
    if let Some(connection) = &connection {
        tell(self_test(connection))?;
    }
    for path in &options.paths {
        tell(look_at(connection.as_ref(), path))?;
    }
    Ok(verdict)
}

/// What `GAM_MODE` says, if that is not understood.
fn wrong_mode() -> Option<Diagnosis> {
    let name = escape(Path::new(&Mode::misnamed()?));
    let advice = format!("the names are {}; or leave it out", Mode::NAMES);
    Some(Diagnosis::bad("GAM_MODE", format!("{name} is no name of a mode, and taken for auto"), &[&advice]))
}

/// What answers.
fn server(connection: &Connection) -> Diagnosis {
    if connection.is_embedded() {
        let why = match Options::from_env().mode {
            Mode::Embedded => "GAM_MODE says so".to_owned(),
            Mode::Server | Mode::Auto => {
                format!("none runs, and {} is not there", ServerCommand::installed().program.display())
            }
        };
        return Diagnosis::well("server", format!("none, each program watches by itself: {why}"));
    }
    let pid = connection.server_pid().map_or_else(String::new, |pid| format!(", process {pid}"));
    match connection.facts("server", PATIENCE) {
        Ok(facts) => {
            let version = facts.first().and_then(|fact| fact.get("version")).unwrap_or("?");
            Diagnosis::well("server", format!("gam_server {version}{pid}"))
        }
        Err(Error::Unsupported) => Diagnosis::bad(
            "server",
            format!("another gam_server than ours, such as the original's{pid}"),
            &[
                "end it, or name ours in GAMIN_DEBUG_SERVER and choose a session of your own with GAM_CLIENT_ID",
            ],
        ),
        Err(error) => Diagnosis::bad(
            "server",
            format!("{}{pid}", explain(&error)),
            &[
                "send it SIGUSR2 to have it trace to /tmp/gamin_debug_XXXXXX, or end it: its programs start another",
            ],
        ),
    }
}

/// What confines the server, if it says so.
fn sandbox(server: &Fact) -> Option<Diagnosis> {
    let found = status::sandbox(server)?;
    Some(match server.get("seccomp") {
        Some("yes" | "off") => Diagnosis::well("sandbox", found),
        _ => Diagnosis::bad(
            "sandbox",
            format!("{found}: what took over the server could do more than look at files"),
            &["run a kernel with CONFIG_SECCOMP_FILTER; docs/security.md says what each guard is for"],
        ),
    })
}

/// Who tells the server of changes, if it says so and it is not who usually does.
fn notices(server: &Fact) -> Option<Diagnosis> {
    match server.get("kernel")? {
        "inotify" => None,
        "unasked" => Some(Diagnosis::well(
            "notices",
            "of no kernel, as it was asked for: everything is looked at every second",
        )),
        "fanotify" => {
            let found = "by fanotify: no instance of inotify was left when the server asked, or it was started with --fanotify";
            Some(Diagnosis::well("notices", found))
        }
        _ => Some(Diagnosis::bad(
            "notices",
            "of no kernel: neither inotify nor fanotify had room for the server, and everything is looked at every second",
            &[
                "end programs that hold instances of inotify, or raise fs.inotify.max_user_instances; the server asks every second",
            ],
        )),
    }
}

/// Whether the server sees the files that we see.
fn files(connection: &Connection) -> Diagnosis {
    let about = "files";
    match connection.server_sight() {
        Some(Sight::Same) => Diagnosis::well(about, "the server sees the same as this program"),
        Some(Sight::Other | Sight::Unknown) | None => Diagnosis::bad(
            about,
            "unknown whether the server sees the same as this program: the kernel does not show what one of the two sees",
            &[
                "mount a procfs of this pid namespace at /proc; else give GAM_CLIENT_ID a value of its own in here, \
                 so that a server is started here",
            ],
        ),
    }
}

/// The programs that the server serves though they see other files: our library does not do that, the original's does.
fn confined(connection: &Connection) -> Vec<Diagnosis> {
    // What it does not say, it does not serve.
    let sessions = connection.facts("session", PATIENCE).unwrap_or_default();
    let mut pids: Vec<i32> = sessions.iter().filter_map(|fact| fact.get("pid")?.parse().ok()).collect();
    pids.sort_unstable();
    pids.dedup();
    pids.retain(|pid| gamin_meeting::sight_of(*pid) == Sight::Other);
    let finding = |pid| {
        Diagnosis::bad(
            "files",
            format!("process {pid} sees other files than the server that it asks"),
            &[
                "have it use this libfam or libgamin instead of the original's, or give it a GAM_CLIENT_ID of its own",
            ],
        )
    };
    pids.into_iter().map(finding).collect()
}

/// What the kernel allows.
pub fn kernel() -> Vec<Diagnosis> {
    let limits = limits();
    let attempt = try_one_more();
    if attempt == Err(Errno::ENOSYS) {
        let advice = "without inotify everything is polled; build a kernel with CONFIG_INOTIFY_USER";
        return vec![Diagnosis::bad("kernel", "it has no inotify", &[advice])];
    }
    if limits.is_empty() && attempt.is_ok() {
        let found = "it lets this user watch more; how much more is unknown, since there is no /proc/sys";
        return vec![Diagnosis::well("kernel", found)];
    }
    let refused = attempt.err().map(|errno| of_refusal(errno, &limits));
    limits.iter().map(of_limit).chain(queue_max().map(of_queue)).chain(refused).collect()
}

/// The kernel lets nothing more be watched. Of the limits that may be the reason, the one with the least room is.
fn of_refusal(errno: Errno, limits: &[Limit]) -> Diagnosis {
    let resource = match errno {
        Errno::ENOSPC => Some(Resource::Watches),
        Errno::EMFILE => Some(Resource::Instances),
        _ => None,
    };
    let binding =
        limits.iter().filter(|limit| Some(limit.resource) == resource).min_by_key(|limit| limit.room());
    let mut advice: Vec<String> = binding
        .map(|limit| format!("raise the limit, as root: sysctl {}={}", limit.name, limit.better()))
        .into_iter()
        .collect();
    if errno == Errno::EMFILE {
        advice.push("or it is this program's limit of descriptors: ulimit -n".to_owned());
    }
    advice.push("until then everything is looked at every second, and nothing is lost".to_owned());
    let advice: Vec<&str> = advice.iter().map(String::as_str).collect();
    Diagnosis::bad("kernel", format!("it lets this user watch nothing more: {}", errno.desc()), &advice)
}

fn of_limit(limit: &Limit) -> Diagnosis {
    let used = limit.used.map_or_else(String::new, |used| format!(", about {used} used"));
    let found = format!("{} ({}){used}", limit.max, limit.what);
    if !limit.is_near() {
        return Diagnosis::well(limit.name, found);
    }
    let better = limit.better();
    let advice = [
        format!("as root: sysctl {}={better}", limit.name),
        format!("to keep it: echo '{}={better}' >/etc/sysctl.d/60-gamin.conf", limit.name),
    ];
    Diagnosis::bad(limit.name, found, &[&advice[0], &advice[1]])
}

fn of_queue(max: u64) -> Diagnosis {
    let name = "fs.inotify.max_queued_events";
    let found = format!("{max} (notices kept for a program)");
    if max >= QUEUE_USUAL {
        return Diagnosis::well(name, found);
    }
    let advice =
        format!("as root: sysctl {name}={QUEUE_USUAL}; with fewer, a burst makes the server look everywhere");
    Diagnosis::bad(name, found, &[&advice])
}

/// Makes a file in a new directory and waits to be told.
fn self_test(connection: &Connection) -> Diagnosis {
    let about = "self-test";
    let directory = match tempfile::Builder::new().prefix("gamin-doctor-").tempdir() {
        Ok(directory) => directory,
        Err(error) => {
            let advice = "make room there, or name another directory in TMPDIR";
            return Diagnosis::bad(about, format!("no temporary directory: {error}"), &[advice]);
        }
    };
    let shown = escape(directory.path());
    match try_out(connection, directory.path()) {
        Ok(Some(delay)) => {
            let delay = delay.as_secs_f64() * 1000.0;
            Diagnosis::well(about, format!("a new file in {shown} was told after {delay:.1} ms"))
        }
        Ok(None) => Diagnosis::bad(
            about,
            format!("a new file in {shown} was not told within {PATIENCE:?}"),
            &["gamin report -o FILE makes a report of what the server did meanwhile"],
        ),
        Err(CommandError::Server(error)) => {
            Diagnosis::bad(about, explain(&error), &["GAM_DEBUG= gamin doctor tells more"])
        }
        Err(other) => Diagnosis::bad(
            about,
            other.to_string(),
            &["make room there, or name another directory in TMPDIR"],
        ),
    }
}

fn try_out(connection: &Connection, directory: &Path) -> Result<Option<Duration>, CommandError> {
    let request = connection.monitor_directory(directory)?;
    let mut deadline = Instant::now() + PATIENCE;
    let mut begun = None;
    let told = loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let Some(event) = connection.next_event_timeout(left)? else { break None };
        if event.request != request {
            continue;
        }
        match (event.code, begun) {
            (Code::EndExist, _) => {
                let path = directory.join("file");
                begun = Some(Instant::now());
                deadline = Instant::now() + PATIENCE;
                fs::write(&path, "").map_err(|error| CommandError::File { path, error })?;
            }
            (Code::Created, Some(begun)) => break Some(begun.elapsed()),
            _ => {}
        }
    };
    connection.cancel(request)?;
    Ok(told)
}

/// How a path is watched.
fn look_at(connection: Option<&Connection>, path: &PathBuf) -> Diagnosis {
    let about = escape(path);
    let absolute = match std::path::absolute(path) {
        Ok(absolute) => absolute,
        Err(error) => return Diagnosis::bad(about, error.to_string(), &["name a path"]),
    };
    let Some(connection) = connection else {
        return Diagnosis::well(about, "not looked at, without a server");
    };
    match watch_of(connection, &absolute) {
        Ok(Some(watch)) => of_watch(about, &watch),
        Ok(None) => Diagnosis::well(about, "the server does not say"),
        Err(Error::TimedOut) => Diagnosis::bad(
            about,
            format!("no answer within {PATIENCE:?}: the file system does not answer"),
            &["look at the mount; 'umount -l' frees those who wait"],
        ),
        Err(error) => Diagnosis::bad(about, explain(&error), &["GAM_DEBUG= gamin doctor tells more"]),
    }
}

fn of_watch(about: String, watch: &Fact) -> Diagnosis {
    let why = String::from_utf8_lossy(watch.get_name("why").unwrap_or(b"?")).into_owned();
    let found = match watch.get("state") {
        Some("absent") => format!("{why}; nothing is there yet"),
        _ => why,
    };
    let coverage = watch.get("coverage").and_then(|word| Coverage::parse(word.as_bytes()));
    if let Some(coverage) = coverage.filter(|coverage| coverage.is_gap()) {
        let advice = match coverage {
            Coverage::PolledLimit => "see above which limit is reached, and how to raise it",
            Coverage::Unreadable => "you may not read it: ask its owner",
            _ => "nothing is lost, but changes are told up to a second late",
        };
        return Diagnosis::bad(about, format!("{found}; {coverage}"), &[advice]);
    }
    match watch.get("method") {
        Some("refused") => Diagnosis::bad(
            about,
            format!("{found}; but the kernel refuses, so it is looked at every second"),
            &[
                "see above whether a limit is reached; else a directory on the way can't be read, or is remote",
            ],
        ),
        Some("kernel+look") => Diagnosis::well(
            about,
            format!("{found}; whether a directory above moves is looked for every ten seconds"),
        ),
        Some("storm") => Diagnosis::well(
            about,
            format!("{found}; so much happens there that it is looked at every second"),
        ),
        _ => Diagnosis::well(about, found),
    }
}

/// What the server has of its starter, because to leave it behind needs rights.
fn handed_down(connection: &Connection) -> Vec<Diagnosis> {
    let Some(pid) = connection.server_pid() else { return Vec::new() };
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let score = fs::read_to_string(format!("/proc/{pid}/oom_score_adj")).unwrap_or_default();
    let findings = [
        ("nice level", nice_level(&stat), "it has the processor after others"),
        ("oom_score_adj", score.trim().parse().ok(), "it is ended before others when memory runs out"),
    ];
    let worse = findings.into_iter().filter(|(_, value, _)| value.is_some_and(|value: i32| value > 0));
    let finding = |(what, value, means): (&str, Option<i32>, &str)| {
        let found =
            format!("{what} {}, from the program that started it: {means}", value.unwrap_or_default());
        let advice = format!("end it (kill {pid}), and start a program that needs one as usual");
        Diagnosis::bad("server", found, &[&advice])
    };
    worse.map(finding).collect()
}

/// The nice level in what /proc says of a process.
fn nice_level(stat: &str) -> Option<i32> {
    const PLACE: usize = 16;
    // Its name stands in brackets, and may have blanks and brackets in it.
    let (_, behind) = stat.rsplit_once(") ")?;
    behind.split(' ').nth(PLACE)?.parse().ok()
}

/// The lines of the configuration that the server, which is one of ours, does not understand.
fn mistakes(connection: &Connection) -> Vec<Diagnosis> {
    let Some(pid) = connection.server_pid() else { return Vec::new() };
    let mut check = Command::new(format!("/proc/{pid}/exe"));
    check.arg("--check-config").stdin(Stdio::null()).env_remove("HOME");
    check.envs(home_of(pid).map(|home| ("HOME", home)));
    // Where it can't be run, or knows of no such option, nothing is said.
    let lines =
        check.output().map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let mistake = |line: &str| {
        Diagnosis::bad("configuration", escape_bytes(line.as_bytes()), &["mend the line, or take it out"])
    };
    lines.lines().map(mistake).collect()
}

/// Where a server looks for its user's rules: one that was started on demand has the user's home directory, whatever is said here.
fn home_of(pid: i32) -> Option<OsString> {
    let environ = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let home = environ.split(|byte| *byte == 0).find_map(|variable| variable.strip_prefix(b"HOME="))?;
    Some(OsString::from_vec(home.to_vec()))
}

/// Has a path watched, and asks how it is.
fn watch_of(connection: &Connection, path: &Path) -> Result<Option<Fact>, Error> {
    let request =
        if path.is_dir() { connection.monitor_directory(path)? } else { connection.monitor_file(path)? };
    let asked = connection.barrier(PATIENCE).and_then(|()| ask_for_watch(connection, path));
    connection.cancel(request)?;
    match asked {
        Err(Error::Unsupported) => Ok(None),
        asked => asked,
    }
}

fn ask_for_watch(connection: &Connection, path: &Path) -> Result<Option<Fact>, Error> {
    let sessions = connection.facts("session", PATIENCE)?;
    let own = sessions.iter().find(|fact| fact.get("asks").is_some()).and_then(|fact| fact.get("id"));
    let subscriptions = connection.facts("subscription", PATIENCE)?;
    let is_ours = |fact: &&Fact| {
        own.is_some()
            && fact.get("session") == own
            && fact.get_name("path") == Some(path.as_os_str().as_encoded_bytes())
    };
    let watch = subscriptions.iter().rfind(is_ours).and_then(|fact| fact.get("watch"));
    let watches = connection.facts("watch", PATIENCE)?;
    Ok(watches.into_iter().find(|fact| fact.get("id") == watch))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nice_level_is_read_behind_any_name() {
        let stat = "7 (a) b) S 1 2 3 0 -1 64 0 0 0 0 1 2 0 0 25 5 1 0 99";
        assert_eq!((nice_level(stat), nice_level("")), (Some(5), None));
        let own = fs::read_to_string("/proc/self/stat").expect("it runs");
        assert!(nice_level(&own).is_some_and(|level| (-20..20).contains(&level)), "{own}");
    }
}
