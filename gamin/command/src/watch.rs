//! `gamin watch`: events as lines, and maybe a command run after each.
//!
//! Following a tree is left to the client library, how a line looks to `change`, when the command runs to `exec`. Invariant:
//! every change that is told is printed, or waits for the command, before the next is waited for.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::SystemTime;

use gamin::{Code, Connection, Event, Options, RequestNumber, Scope, Shape, Wish};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::arguments::WatchOptions;
use crate::change::{Change, escape};
use crate::complaint::Complaint;
use crate::exec::Exec;
use crate::{Verdict, complain};

/// Watches until nobody reads any more.
pub fn run(options: &WatchOptions) -> Result<Verdict, Complaint> {
    let mut watch = Watch {
        options,
        connection: Options::from_env().open()?,
        roots: BTreeMap::new(),
        exec: options.exec.as_deref().map(Exec::new),
        is_complete: false,
    };
    for path in &options.paths {
        let absolute =
            std::path::absolute(path).map_err(|error| Complaint::File { path: path.clone(), error })?;
        watch.begin(Root { shown: path.clone(), absolute, is_listed: false, wait: Wait::None })?;
    }
    loop {
        while let Some(event) = watch.connection.try_next_event()? {
            watch.handle_event(&event)?;
        }
        if !watch.run_one()? {
            wait(&watch.connection)?;
        }
    }
}

struct Watch<'a> {
    options: &'a WatchOptions,
    connection: Connection,
    roots: BTreeMap<RequestNumber, Root>,
    exec: Option<Exec>,
    /// Whether it has been said that everything is watched.
    is_complete: bool,
}

/// A path that is watched.
struct Root {
    shown: PathBuf,
    absolute: PathBuf,
    /// Whether the server has said what is there.
    is_listed: bool,
    wait: Wait,
}

/// How a path was waited for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wait {
    /// Not at all: it was there.
    None,
    /// Nothing is there, so it is not known what it will be.
    On,
    /// It has come, and is a directory, what is in which has been asked for since.
    Over,
}

impl Watch<'_> {
    fn begin(&mut self, mut root: Root) -> Result<(), Complaint> {
        let path = &root.absolute;
        let scope = if !path.is_dir() {
            root.wait = if path.symlink_metadata().is_err() { Wait::On } else { Wait::None };
            Scope::File
        } else if self.options.recursive {
            Scope::Tree(Shape::default())
        } else {
            Scope::Directory
        };
        let request = self.connection.ask(&Wish::new(path, scope))?;
        self.roots.insert(request, root);
        Ok(())
    }

    fn handle_event(&mut self, event: &Event) -> Result<(), Complaint> {
        let Some(root) = self.roots.get_mut(&event.request) else { return Ok(()) };
        if event.code == Code::EndExist {
            root.is_listed = true;
            self.tell_when_complete();
            return Ok(());
        }
        let is_itself = event.path.is_absolute();
        let (mut shown, mut absolute) = (root.shown.clone(), root.absolute.clone());
        if !is_itself {
            shown.push(&event.path);
            absolute.push(&event.path);
        }
        let mut code = event.code;
        if !root.is_listed {
            match (code, root.wait) {
                (Code::Deleted, _) if is_itself => {
                    complain(&format!("{}: not there yet", escape(&root.shown)));
                    return Ok(());
                }
                // That it has come was told, but not what is in it.
                (Code::Exists, Wait::Over) if is_itself => return Ok(()),
                (Code::Exists, Wait::Over) => code = Code::Created,
                _ => {}
            }
        }
        let has_come = is_itself && code == Code::Created && root.wait == Wait::On && root.absolute.is_dir();
        self.tell(&Change { code, shown, absolute })?;
        if has_come {
            self.connection.cancel(event.request)?;
            if let Some(root) = self.roots.remove(&event.request) {
                self.begin(Root { is_listed: false, wait: Wait::Over, ..root })?;
            }
        }
        Ok(())
    }

    fn tell(&mut self, change: &Change) -> Result<(), Complaint> {
        match change.code {
            Code::Created | Code::Changed | Code::Deleted => {}
            Code::Exists if self.options.existing => {}
            _ => return Ok(()),
        }
        if let Some(exec) = &mut self.exec {
            exec.handle_change(change);
            return Ok(());
        }
        let line = if self.options.json { change.json(SystemTime::now()) } else { change.text() };
        Ok(writeln!(io::stdout(), "{line}")?)
    }

    fn tell_when_complete(&mut self) {
        if !self.is_complete && self.roots.values().all(|root| root.is_listed) {
            self.is_complete = true;
            let server = self.connection.server_pid().map(|pid| format!(" (server {pid})"));
            complain(&format!("watching{}", server.unwrap_or_default()));
        }
    }

    /// Runs the command for one event that waits; says whether there was one.
    fn run_one(&mut self) -> Result<bool, Complaint> {
        let Some(exec) = &mut self.exec else { return Ok(false) };
        let Some((path, code)) = exec.poll() else { return Ok(false) };
        let status = exec
            .run(&path, code)
            .map_err(|error| Complaint::File { path: PathBuf::from("/bin/sh"), error })?;
        if !status.success() {
            complain(&format!("{}: the command ended with {status}", escape(&path)));
        }
        Ok(true)
    }
}

/// Waits until there may be an event, or nobody reads any more.
fn wait(connection: &Connection) -> Result<(), Complaint> {
    let stdout = io::stdout();
    // Of the output only an error is wanted, which is always told.
    let mut descriptors =
        [PollFd::new(connection.as_fd(), PollFlags::POLLIN), PollFd::new(stdout.as_fd(), PollFlags::empty())];
    match poll(&mut descriptors, PollTimeout::NONE) {
        Ok(_) | Err(Errno::EINTR) => {}
        Err(errno) => return Err(Complaint::System { what: "wait for events", error: errno.into() }),
    }
    let output = descriptors[1].revents().unwrap_or(PollFlags::empty());
    if output.intersects(PollFlags::POLLERR | PollFlags::POLLNVAL) { Err(Complaint::Unread) } else { Ok(()) }
}
