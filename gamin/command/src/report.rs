//! `gamin report`: everything that a bug report should have, in one file.
//!
//! What servers say of themselves is left to `status`, what the kernel allows to `doctor`. Invariants: the file is new and only
//! its owner's; without being asked to, no name of a file and no text of the user's gets into it.

use std::ffi::{OsStr, OsString};
use std::fs::{self, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::sys::utsname::uname;

use crate::arguments::ReportOptions;
use crate::change::escape;
use crate::doctor;
use crate::error::{CommandError, complain};
use crate::status::{ask_all, is_another_s, sessions, shown};
use crate::verdict::Verdict;

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
    let file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&options.output).map_err(of_file)?;
    let ids = sessions()?;
    let mut out = BufWriter::new(file);
    let report = Report { names: options.names };
    if let Err(error) = report.write(&mut out, ids).and_then(|()| out.flush()) {
        // What is not whole is of no use, and would be in the way of the next attempt.
        let _ = fs::remove_file(&options.output);
        return Err(of_file(error));
    }
    let warning = if options.names {
        "it has names of files in it: read it before you send it"
    } else {
        "it has no names of files in it"
    };
    complain(&format!("{}: written; {warning}", escape(&options.output)));
    Ok(Verdict::Well)
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
