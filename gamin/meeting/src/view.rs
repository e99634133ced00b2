//! Which files a process sees: that of its mount namespace, from its root directory on.
//!
//! Two processes of one user that differ in that give one path different meanings, so neither can watch for the other.
//! What follows from it is left to the meeting. Invariant: a process is named by its view only if it was the same process before
//! and after it was looked at; whatever can't be seen is unknown, never guessed.

use std::fmt;
use std::fs;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::sys::socket::{getsockopt, sockopt};
use nix::unistd::getpid;

/// What a process sees of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// The inode of its mount namespace.
    namespace: u64,
    /// Device and inode of its root directory.
    root: (u64, u64),
}

/// Whether another process sees the same files as this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// It does.
    Same,
    /// It sees others: it has another mount namespace, or another root directory.
    Other,
    /// The kernel does not show it to us, or it does not show us ourselves.
    Unknown,
}

impl View {
    /// The view of the thread that asks: a program may change it at any time. `None` where there is no procfs of ours.
    pub fn own() -> Option<View> {
        View::at(Path::new("/proc/thread-self"))
    }

    /// The view of process `pid`, which has to be there for as long as it is looked at.
    fn of(pid: i32) -> Option<View> {
        View::at(Path::new(&format!("/proc/{pid}")))
    }

    fn at(process: &Path) -> Option<View> {
        let namespace = fs::metadata(process.join("ns/mnt")).ok()?.ino();
        let root = fs::metadata(process.join("root")).ok()?;
        Some(View { namespace, root: (root.dev(), root.ino()) })
    }

    /// A view that nobody has.
    #[cfg(test)]
    pub(crate) fn fake() -> View {
        View { namespace: 1, root: (2, 3) }
    }

    /// Whether it is that of the process `pid` at the other end of `socket`.
    pub(crate) fn compare(self, socket: &OwnedFd, pid: i32) -> Sight {
        let witness = match getsockopt(socket, sockopt::PeerPidfd) {
            Ok(pidfd) => Witness::Pidfd(pidfd),
            Err(_) => Witness::Number(pid),
        };
        sight(Some(self), witness.view())
    }
}

/// Whether process `pid` sees the same files as this one.
pub fn sight_of(pid: i32) -> Sight {
    sight(View::own(), Witness::Number(pid).view())
}

fn sight(own: Option<View>, other: Option<View>) -> Sight {
    match (own, other) {
        (Some(own), Some(other)) if own == other => Sight::Same,
        (Some(_), Some(_)) => Sight::Other,
        (None, _) | (_, None) => Sight::Unknown,
    }
}

/// The part of a place's name that says for whom it is: letters, digits and `-`, at most 42 bytes.
impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{:x}-{:x}", self.namespace, self.root.0, self.root.1)
    }
}

/// What a process is known by while it is looked at.
enum Witness {
    /// Never another one's. From Linux 6.5 on the kernel has one for the peer of a socket.
    Pidfd(OwnedFd),
    /// Another one's as soon as the process has ended.
    Number(i32),
}

impl Witness {
    fn view(&self) -> Option<View> {
        let before = self.process()?;
        let view = View::of(before.0)?;
        (self.process()? == before).then_some(view)
    }

    /// Its number in our procfs, and what else tells it from one that has the same number later.
    fn process(&self) -> Option<(i32, Option<u64>)> {
        match self {
            Witness::Pidfd(pidfd) => {
                let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", pidfd.as_raw_fd())).ok()?;
                let pid = info.lines().find_map(|line| line.strip_prefix("Pid:"))?.trim().parse().ok()?;
                // Zero is one that is in none of our namespaces, less than zero one that has ended.
                (pid > 0).then_some((pid, None))
            }
            Witness::Number(pid) => {
                // The procfs may be that of another pid namespace, where the number is another one's.
                let ours = fs::read_link("/proc/self").ok()?;
                let is_ours = ours.to_str() == Some(&getpid().to_string());
                (is_ours && *pid > 0).then_some((*pid, Some(begin_of(*pid)?)))
            }
        }
    }
}

/// When a process began, in ticks since the system did: field 22 of its `stat`.
fn begin_of(pid: i32) -> Option<u64> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may be anything.
    let name_end = stat.iter().rposition(|byte| *byte == b')')?;
    std::str::from_utf8(&stat[name_end + 1..]).ok()?.split_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;
    use std::process::{Command, Stdio};

    use super::*;
    use crate::forks;

    #[test]
    fn a_process_sees_what_it_sees_itself() {
        let own = View::own().expect("there is a procfs");
        let (ours, _theirs) = UnixStream::pair().expect("a pair");
        assert_eq!(own.compare(&ours.into(), 0), Sight::Same);
        assert_eq!(sight_of(getpid().as_raw()), Sight::Same);
    }

    #[test]
    fn what_is_not_shown_is_unknown() {
        let own = View::own();
        assert_eq!(sight(own, None), Sight::Unknown);
        assert_eq!(sight(None, own), Sight::Unknown);
        for pid in [0, -1, i32::MAX] {
            assert_eq!(sight_of(pid), Sight::Unknown);
        }
        let mut child = forks::spawn(&mut Command::new("true")).expect("there is a program");
        child.wait().expect("ours");
        assert_eq!(sight_of(i32::try_from(child.id()).expect("a pid")), Sight::Unknown);
    }

    #[test]
    fn each_part_of_a_view_tells_views_apart_and_its_name_fits() {
        let view = View::fake();
        let others =
            [View { namespace: 4, ..view }, View { root: (4, 3), ..view }, View { root: (2, 4), ..view }];
        for other in others {
            assert_eq!(sight(Some(view), Some(other)), Sight::Other);
            assert_ne!(view.to_string(), other.to_string());
        }
        let largest = View { namespace: u64::from(u32::MAX), root: (u64::MAX, u64::MAX) };
        assert!(largest.to_string().len() <= gamin_protocol::VIEW_MAX);
    }

    #[test]
    #[allow(clippy::print_stdout, reason = "a test that can't run here says so")]
    fn another_mount_namespace_and_another_root_are_other_views() {
        if !nix::unistd::getuid().is_root() {
            println!("skipped: only root makes namespaces and changes roots");
            return;
        }
        let folder = tempfile::tempdir().expect("there is room");
        let room = folder.path().display();
        // A root that leads to the same programs.
        let chroot = format!("mount --rbind / {room} && exec chroot {room} sh -c 'echo ready; exec cat'");
        for words in [["-m", "sh", "-c", "echo ready; exec cat"], ["-m", "sh", "-c", &chroot]] {
            let mut command = Command::new("unshare");
            command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped());
            let mut child = forks::spawn(&mut command).expect("there is unshare");
            let mut said = std::io::BufReader::new(child.stdout.take().expect("piped"));
            let mut line = String::new();
            std::io::BufRead::read_line(&mut said, &mut line).expect("it says that it is there");
            assert_eq!(line, "ready\n");
            assert_eq!(sight_of(i32::try_from(child.id()).expect("a pid")), Sight::Other);
            drop(child.stdin.take());
            child.wait().expect("ours");
        }
    }
}
