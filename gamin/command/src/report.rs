//! `gamin report`: everything that a bug report should have, in one file.
//!
//! What servers say of themselves is left to `status`, what the kernel allows to `doctor`. Invariants: the file is new, whole and only
//! its owner's; without being asked to, no name of a file and no text of the user's gets into it.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use gamin::{ConnectError, Error, Mode, Options};
use nix::sys::utsname::uname;
use nix::unistd::{AccessFlags, access};

use crate::arguments::ReportOptions;
use crate::change::escape;
use crate::doctor;
use crate::error::{CommandError, complain};
use crate::status::{ask_all, is_another_s, sessions, shown};
use crate::verdict::Verdict;

/// How long a server may take to answer at all.
const BRIEFLY: Duration = Duration::from_secs(2);

/// All that a server is asked about.
const NOUNS: [&str; 9] =
    ["server", "rule", "file-system", "mount", "session", "subscription", "watch", "kernel-watch", "ring"];

/// Writes a report.
pub fn run(options: &ReportOptions) -> Result<Verdict, CommandError> {
    if options.output == Path::new("-") {
        let mut out = io::stdout().lock();
        Report { names: options.names }.write(&mut out, sessions()?)?;
        out.flush()?;
        return Ok(Verdict::Well);
    }
    let of_file = |error: io::Error| {
        let path = options.output.clone();
        let is_there = error.kind() == io::ErrorKind::AlreadyExists;
        CommandError::File {
            path,
            error: if is_there { io::Error::other("it is there; name a new file") } else { error },
        }
    };
    if options.output.symlink_metadata().is_ok() {
        return Err(of_file(io::ErrorKind::AlreadyExists.into()));
    }
    // Who ends it meanwhile finds nothing that is not whole: all is collected before there is a file, which has its name at last.
    let mut whole = Vec::new();
    Report { names: options.names }.write(&mut whole, sessions()?).map_err(of_file)?;
    put(&whole, &options.output).map_err(of_file)?;
    let warning = if options.names {
        "it has names of files in it: read it before you send it"
    } else {
        "it has no names of files in it"
    };
    complain(&format!("{}: written; {warning}", escape(&options.output)));
    Ok(Verdict::Well)
}

/// Makes a new file, only for its owner, that is whole from the beginning.
fn put(whole: &[u8], path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return Err(io::ErrorKind::NotFound.into());
    }
    let mut beside = tempfile::Builder::new().prefix(".gamin-report-").tempfile_in(folder)?;
    beside.as_file_mut().write_all(whole)?;
    beside.persist_noclobber(path).map(drop).map_err(|why| why.error)
}

struct Report {
    /// Whether names of files are told.
    names: bool,
}

impl Report {
    fn write(&self, out: &mut dyn Write, ids: Vec<OsString>) -> io::Result<()> {
        writeln!(out, "gamin {}", env!("CARGO_PKG_VERSION"))?;
        if let Ok(system) = uname() {
            let word = |text: &OsStr| text.to_string_lossy().into_owned();
            writeln!(
                out,
                "{} {} {}",
                word(system.sysname()),
                word(system.release()),
                word(system.machine())
            )?;
        }
        let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
        if let Some(name) = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME=")) {
            writeln!(out, "{name}")?;
        }
        self.write_who_watches(out)?;
        writeln!(out, "\n== kernel")?;
        doctor::kernel().iter().try_for_each(|finding| writeln!(out, "{finding}"))?;
        writeln!(out, "\n== mounts")?;
        let mounts = fs::read("/proc/self/mountinfo").unwrap_or_default();
        for line in String::from_utf8_lossy(&mounts).lines() {
            writeln!(out, "{}", self.mount(line))?;
        }
        for id in ids {
            let mut told = ask_all(vec![id], &NOUNS);
            match told.pop() {
                Some((id, Ok(status))) => {
                    writeln!(
                        out,
                        "\n== server of {}, process {}",
                        shown(&id),
                        status.pid.map_or("unknown".to_owned(), |pid| pid.to_string())
                    )?;
                    for fact in status.facts {
                        let fact = if self.names { fact } else { fact.without_names() };
                        writeln!(out, "{fact}")?;
                    }
                }
                Some((id, Err(error))) if !is_another_s(&error) => {
                    writeln!(out, "\n== server of {}\n{}", shown(&id), gamin::explain(&error))?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Who watches here, and by which words of the environment. No server is started for that.
    fn write_who_watches(&self, out: &mut dyn Write) -> io::Result<()> {
        let text = |text: &OsStr| if self.names { escape(Path::new(text)) } else { "\"...\"".to_owned() };
        let options = Options::from_env();
        let program = options.server.as_ref().map(|server| server.program.clone()).unwrap_or_default();
        let can_start = access(&program, AccessFlags::X_OK).is_ok();
        let (runs, server) = match options.clone().mode(Mode::Server).server(None).patience(BRIEFLY).open() {
            Ok(_) => (true, "runs".to_owned()),
            Err(Error::Connect(ConnectError::NoAnswer { .. })) if can_start => {
                (false, "does not run, and can be started".to_owned())
            }
            Err(Error::Connect(ConnectError::NoAnswer { .. })) => (
                false,
                "does not run, and can't be started: its program is not there, or can't be run".to_owned(),
            ),
            Err(error) => (true, gamin::explain(&error)),
        };
        let named = env::var_os("GAMIN_DEBUG_SERVER");
        let who = match options.mode {
            Mode::Server => "a server",
            Mode::Auto if runs || can_start || named.is_some() => "a server",
            Mode::Auto | Mode::Embedded => "each program itself",
        };
        let mode = match (Mode::misnamed(), env::var_os("GAM_MODE")) {
            (Some(name), _) => format!("{}, none of {}: taken for auto", text(&name), Mode::NAMES),
            (None, name) => name.map_or_else(|| "not set".to_owned(), |name| escape(Path::new(&name))),
        };
        let named = named.map_or_else(|| "not set".to_owned(), |name| text(&name));
        writeln!(out, "\n== who watches: {who}")?;
        writeln!(out, "GAM_MODE: {mode}\nGAMIN_DEBUG_SERVER: {named}\nserver of this session: {server}")
    }

    /// A line of the mount table, which has names in it: its root, the mount point, its source, and in options.
    fn mount(&self, line: &str) -> String {
        if self.names {
            return printable(line);
        }
        let numbers = line.split(' ').take(3).collect::<Vec<_>>().join(" ");
        let kind = line.split_once(" - ").and_then(|(_, rest)| rest.split(' ').next()).unwrap_or("?");
        printable(&format!("{numbers} {kind}"))
    }
}

/// A line of the mount table for a terminal: what the kernel has not escaped in it is escaped as the kernel does that.
fn printable(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    for c in line.chars() {
        match c.is_control() {
            true => text.extend(c.to_string().bytes().map(|byte| format!("\\{byte:03o}"))),
            false => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_mount_takes_over_the_terminal_that_shows_a_report() {
        let line = "36 35 0:31 / /mnt/a\\040b\x1b[2J\u{9b}é rw - fuse.\x1b[31m source rw";
        let mount = |names| Report { names }.mount(line);
        assert_eq!(mount(true), r"36 35 0:31 / /mnt/a\040b\033[2J\302\233é rw - fuse.\033[31m source rw");
        assert_eq!(mount(false), r"36 35 0:31 fuse.\033[31m");
    }
}
