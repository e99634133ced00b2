//! The method for a path, and why it is that.
//!
//! Rules are about the path as a client spells it, links and all; the file system is that of the place to which it leads.
//! Invariant: the answer hangs on nothing but the rules, the mounts and the two paths.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use gamin_backend::Mounts;
use gamin_engine::{Fact, Method, Refusal, TreePath};

use crate::parse::Choice;
use crate::rules::{FileSystemRule, Origin, PathRule, Rules};

/// How often a polled path is looked at if nobody says otherwise.
const TICK: Duration = Duration::from_secs(1);
/// How often one on a remote file system is of which nobody says anything: as one of NFS.
const REMOTE_TICK: Duration = Duration::from_secs(5);

/// What decides about methods.
#[derive(Debug, Clone)]
pub struct Policy {
    /// What the configuration files say.
    pub rules: Arc<Rules>,
    /// What is mounted where.
    pub mounts: Arc<Mounts>,
    /// Whether nothing is asked of the kernel, whatever they say.
    pub is_poll_only: bool,
    /// Why nothing can be asked of the kernel for now, though it is wanted: [`Refusal::Limit`] if it gives no more instances of
    /// inotify.
    pub without_kernel: Option<Refusal>,
    /// The configuration files themselves: whatever they say, their own changes are followed.
    pub settings: Arc<[TreePath]>,
}

/// The method for one path, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision<'a> {
    /// The method.
    pub method: Method,
    /// Why.
    pub reason: MethodReason<'a>,
}

/// Why a path is watched as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MethodReason<'a> {
    /// A rule about paths says so.
    Rule {
        /// The rule's pattern.
        pattern: &'a [u8],
        /// Where it stands.
        origin: &'a Origin,
    },
    /// It is due to the file system.
    FileSystem {
        /// Its type.
        file_system: &'a str,
        /// Where it is mounted.
        point: &'a TreePath,
        /// Where its method is set; `None` if nowhere.
        origin: Option<&'a Origin>,
    },
    /// Nothing is known of where it is mounted.
    Unmounted,
    /// It would be watched by the kernel, but that is not wanted.
    PollOnly,
    /// It would be watched by the kernel, but that is out of reach.
    WithoutKernel(Refusal),
}

impl Policy {
    /// Rules before it is known what is mounted.
    pub fn new(rules: Rules) -> Policy {
        Policy {
            rules: Arc::new(rules),
            mounts: Arc::default(),
            is_poll_only: false,
            without_kernel: None,
            settings: Arc::default(),
        }
    }

    /// The method for `path`, which leads to `real`, and why.
    pub fn decision(&self, path: &TreePath, real: &TreePath) -> Decision<'_> {
        let mount = self.mounts.of(real);
        let set = mount.and_then(|mount| self.rules.for_file_system(&mount.file_system));
        let is_remote = mount.is_some_and(gamin_backend::Mount::is_remote);
        let interval = interval(set, is_remote);
        let (method, reason) = match (self.rules.for_path(path), mount) {
            (Some(PathRule { pattern, is_polled, origin }), _) => {
                let method = if *is_polled { Method::Poll { interval } } else { Method::Kernel };
                (method, MethodReason::Rule { pattern: pattern.text(), origin })
            }
            (None, Some(mount)) => {
                let method = match set.map(|rule| rule.choice) {
                    Some(Choice::Kernel) => Method::Kernel,
                    Some(Choice::Poll) => Method::Poll { interval },
                    Some(Choice::None) => Method::None,
                    None if is_remote => Method::Poll { interval },
                    None => Method::Kernel,
                };
                let origin = set.map(|rule| &rule.origin);
                let (file_system, point) = (mount.file_system.as_str(), &mount.point);
                (method, MethodReason::FileSystem { file_system, point, origin })
            }
            (None, None) => (Method::Kernel, MethodReason::Unmounted),
        };
        let polled = Method::Poll { interval };
        match method {
            Method::None if self.settings.contains(path) => Decision { method: polled, reason },
            Method::Kernel if self.is_poll_only => {
                Decision { method: polled, reason: MethodReason::PollOnly }
            }
            Method::Kernel => match self.without_kernel {
                Some(why) => Decision { method: polled, reason: MethodReason::WithoutKernel(why) },
                None => Decision { method, reason },
            },
            Method::Poll { .. } | Method::None => Decision { method, reason },
        }
    }
}

fn interval(set: Option<&FileSystemRule>, is_remote: bool) -> Duration {
    let default = if is_remote { REMOTE_TICK } else { TICK };
    set.and_then(|rule| rule.limit).map_or(default, |limit| limit.max(TICK))
}

impl gamin_engine::Policy for Policy {
    fn method(&self, path: &TreePath, real: &TreePath) -> Method {
        self.decision(path, real).method
    }

    fn makeshift(&self, path: &TreePath, real: &TreePath) -> Option<Refusal> {
        let why = self.without_kernel?;
        (self.decision(path, real).reason == MethodReason::WithoutKernel(why)).then_some(why)
    }

    fn explain(&self, path: &TreePath, real: &TreePath) -> String {
        self.decision(path, real).to_string()
    }

    fn facts(&self, skipped: usize) -> Box<dyn Iterator<Item = Fact> + '_> {
        let mounts = self.mounts.all().skip(skipped.saturating_sub(self.rules.len())).map(|mount| {
            let is_remote = if mount.is_remote() { "yes" } else { "no" };
            Fact::new("mount")
                .word("type", &mount.file_system)
                .word("remote", is_remote)
                .name("point", &mount.point)
        });
        Box::new(self.rules.facts(skipped).chain(mounts))
    }
}

impl fmt::Display for Decision<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.method {
            Method::Kernel => write!(f, "kernel")?,
            Method::Poll { interval } => write!(f, "poll every {} s", interval.as_secs())?,
            Method::None => write!(f, "none")?,
        }
        match &self.reason {
            MethodReason::Rule { pattern, origin } => {
                write!(f, ", by the rule {} ({origin})", pattern.escape_ascii())
            }
            MethodReason::FileSystem { file_system, point, origin } => {
                let file_system = file_system.escape_debug();
                write!(f, ", as {file_system} mounted on {}", point.escape_ascii())?;
                origin.map_or(Ok(()), |origin| write!(f, " ({origin})"))
            }
            MethodReason::Unmounted => write!(f, ", by default"),
            MethodReason::PollOnly => write!(f, ", by --pollonly"),
            MethodReason::WithoutKernel(Refusal::Limit) => {
                write!(f, ", because the kernel's limit of inotify instances is reached")
            }
            MethodReason::WithoutKernel(_) => write!(f, ", because the kernel gives no inotify instance"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Text;

    const MOUNTS: &str = "\
1 0 0:1 / / rw - ext4 a rw
2 1 0:2 / /srv/nfs rw - nfs a rw
3 1 0:3 / /net rw - cifs a rw
4 1 0:4 / /run/user/1/gvfs rw - fuse.gvfsd-fuse a rw
5 1 0:5 / /scratch rw - tmpfs a rw
6 1 0:6 / /dev rw - devtmpfs a rw
";

    fn tree(path: &str) -> TreePath {
        TreePath::new(path.as_bytes()).expect("because it is absolute")
    }

    fn policy(mandatory: &str, user: &str, system: &str) -> Policy {
        let file = |name, text: &'static [u8]| Text { name, text };
        let leak = |text: &str| -> &'static [u8] { text.to_owned().into_bytes().leak() };
        let files =
            [file("mandatory", leak(mandatory)), file("user", leak(user)), file("system", leak(system))];
        let (rules, mistakes) = Rules::read(files, Some(b"/home/u"));
        assert_eq!(mistakes, []);
        Policy { mounts: Arc::new(Mounts::parse(MOUNTS.as_bytes())), ..Policy::new(rules) }
    }

    fn said(policy: &Policy, path: &str) -> String {
        policy.decision(&tree(path), &tree(path)).to_string()
    }

    #[test]
    fn without_files_the_documented_defaults_hold() {
        let policy = policy("", "", "");
        for (path, expected) in [
            ("/home/u/x", "kernel, as ext4 mounted on /"),
            ("/mnt", "kernel, as ext4 mounted on /"),
            ("/mnt/x", "poll every 1 s, by the rule /mnt/* (predefined)"),
            ("/media/cd/x", "poll every 1 s, by the rule /media/* (predefined)"),
            ("/run/media/u/stick", "poll every 1 s, by the rule /run/media/* (predefined)"),
            ("/dev/null", "poll every 1 s, by the rule /dev/* (predefined)"),
            ("/dev/shm/x", "kernel, by the rule /dev/shm/* (predefined)"),
            ("/srv/nfs/x", "poll every 5 s, as nfs mounted on /srv/nfs (predefined)"),
            ("/srv/nfs2/x", "kernel, as ext4 mounted on /"),
            ("/net/x", "poll every 5 s, as cifs mounted on /net"),
            ("/run/user/1/gvfs/x", "poll every 5 s, as fuse.gvfsd-fuse mounted on /run/user/1/gvfs"),
            ("/scratch/x", "kernel, as tmpfs mounted on /scratch"),
        ] {
            assert_eq!(said(&policy, path), expected, "{path}");
        }
    }

    #[test]
    fn the_first_rule_wins_and_the_mandatory_file_stands_above_all() {
        let policy = policy(
            "poll /a/b*\nfsset tmpfs none",
            "notify /a/* /mnt/mine*\nfsset tmpfs kernel\nfsset nfs poll",
            "poll /a/*\nfsset nfs poll 10\nfsset nfs none 7",
        );
        for (path, expected) in [
            ("/a/b/c", "poll every 1 s, by the rule /a/b* (mandatory:1)"),
            ("/a/c", "kernel, by the rule /a/* (user:1)"),
            ("/mnt/mine/x", "kernel, by the rule /mnt/mine* (user:1)"),
            ("/mnt/x", "poll every 1 s, by the rule /mnt/* (predefined)"),
            ("/scratch/x", "none, as tmpfs mounted on /scratch (mandatory:2)"),
            ("/srv/nfs/x", "poll every 7 s, as nfs mounted on /srv/nfs (user:3)"),
        ] {
            assert_eq!(said(&policy, path), expected, "{path}");
        }
    }

    #[test]
    fn notify_forces_the_kernel_and_poll_keeps_the_file_systems_pace() {
        let policy = policy("", "notify /srv/nfs/local*\npoll /net/* /scratch*\nfsset tmpfs kernel 4", "");
        for (path, expected) in [
            ("/srv/nfs/local/x", "kernel, by the rule /srv/nfs/local* (user:1)"),
            ("/net/x", "poll every 5 s, by the rule /net/* (user:2)"),
            ("/scratch/x", "poll every 4 s, by the rule /scratch* (user:2)"),
        ] {
            assert_eq!(said(&policy, path), expected, "{path}");
        }
    }

    #[test]
    fn a_rule_is_about_the_spelling_and_a_mount_about_the_place() {
        let policy = policy("", "poll /link/*", "");
        let decision = |path, real| policy.decision(&tree(path), &tree(real)).method;
        let polled = |seconds| Method::Poll { interval: Duration::from_secs(seconds) };
        assert_eq!(decision("/link/x", "/home/x"), polled(1));
        assert_eq!(decision("/home/link", "/link/x"), Method::Kernel);
        assert_eq!(decision("/home/link", "/srv/nfs/x"), polled(5));
    }

    #[test]
    fn polling_only_leaves_none_alone() {
        let policy = Policy { is_poll_only: true, ..policy("", "fsset tmpfs none\nnotify /a", "") };
        let decision = |path| policy.decision(&tree(path), &tree(path)).method;
        assert_eq!(decision("/a"), Method::Poll { interval: TICK });
        assert_eq!(decision("/scratch/a"), Method::None);
    }

    #[test]
    fn what_is_said_of_a_path_leaves_a_terminal_alone() {
        let mounts = "27 1 254:0 / / rw - fuse.\u{1b}[31m /dev/vda rw\n";
        let policy = Policy { mounts: Arc::new(Mounts::parse(mounts.as_bytes())), ..policy("", "", "") };
        let said = policy.decision(&tree("/a"), &tree("/a")).to_string();
        assert!(said.contains(r"as fuse.\u{1b}[31m mounted on /"), "{said}");
    }

    #[test]
    fn what_is_polled_for_want_of_the_kernel_is_said_to_be_a_makeshift() {
        for (why, words) in [
            (Refusal::Limit, "because the kernel's limit of inotify instances is reached"),
            (Refusal::Failed, "because the kernel gives no inotify instance"),
        ] {
            let policy = Policy { without_kernel: Some(why), ..policy("", "poll /b", "") };
            let decision = policy.decision(&tree("/a"), &tree("/a"));
            assert_eq!(decision.to_string(), format!("poll every 1 s, {words}"));
            let makeshift = |path| gamin_engine::Policy::makeshift(&policy, &tree(path), &tree(path));
            assert_eq!((makeshift("/a"), makeshift("/b")), (Some(why), None));
        }
    }

    #[test]
    fn the_configuration_files_themselves_are_always_followed() {
        let settings = Arc::from([tree("/scratch/.gaminrc")]);
        let policy = Policy { settings, ..policy("", "fsset tmpfs none", "") };
        let decision = |path| policy.decision(&tree(path), &tree(path)).method;
        assert_eq!(decision("/scratch/.gaminrc"), Method::Poll { interval: TICK });
        assert_eq!(decision("/scratch/x"), Method::None);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_a_configuration(text: Vec<u8>, path: Vec<u8>) {
            let (rules, _) = Rules::read([Text { name: "any", text: &text }], Some(b"/home"));
            let policy = Policy::new(rules);
            let path = TreePath::new(&[b"/", path.as_slice()].concat()).expect("because it is absolute");
            policy.decision(&path, &path);
        }
    }

    #[test]
    fn rules_and_mounts_are_told_from_any_place_on() {
        let policy = policy("poll /a*", "", "fsset xfs poll 7");
        let lines = |skipped| gamin_engine::Policy::facts(&policy, skipped).map(|fact| fact.to_string());
        let all: Vec<String> = lines(0).collect();
        assert_eq!(all[0], "rule method=poll line=1 file=\"mandatory\" pattern=\"/a*\"");
        for line in [
            "file-system type=xfs method=Poll seconds=7 line=1 file=\"system\"",
            "mount type=nfs remote=yes point=\"/srv/nfs\"",
        ] {
            assert!(all.contains(&line.to_owned()), "{line} is not in {all:#?}");
        }
        for skipped in 0..=all.len() + 1 {
            assert!(lines(skipped).eq(all.iter().skip(skipped).cloned()));
        }
    }
}
