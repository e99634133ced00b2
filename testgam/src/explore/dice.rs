//! The dice: random lines of the language, about few names, so that what they do collides.
//!
//! Strategies of proptest, so that a history that shows something wrong can be made smaller. What is done with the lines is left to
//! `history`. Invariants: every line that is given reads as a step; what may fail is `try`ed.
//!
//! Left out is what is not promised and what no checker could pass over: for a server without privilege, taking away the right
//! to pass a directory on the way.

use std::ops::Range;

use nix::unistd::Uid;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::peer_dice::{self, ORDEALS, Ordeal};
use crate::options::WorldKind;

/// Lines that stay together: a step, a client and what it does, a fault and what happens inside it.
pub type Lines = Vec<String>;

/// The clients of a history.
const CLIENTS: [&str; 2] = ["a", "b"];
/// Few names; and links, whose names nothing else has.
const PATHS: &[&str] = &["a", "b", "d", "e", "d/a", "d/b", "d/s", "d/s/a", "e/a", "e/s", "l", "d/l"];
const DIRECTORIES: &[&str] = &["d", "e", "d/s"];
const LINKS: &[&str] = &["l", "d/l", "e/l"];
const TARGETS: &[&str] = &["a", "d", "nowhere", "d/a", ".", "../e"];
const MONITORED: &[&str] = &[".", "a", "d", "d/a", "d/s", "e", "l", "l/a", "d/s/x/y"];
/// Where remote mounts are: no directory above is renamed, of which the mount table tells nobody.
const SHARES: &[&str] = &["e", "e", "d"];
/// Types of remote file systems, one of them such as is told by its family.
const REMOTE: &[&str] = &["nfs", "fuse.sshfs"];
const RULED: &[&str] = &["*", "d", "d*", "d/s", "*s", "e", "e/a"];
const TEXTS: &[&str] = &["\"\"", "x", "xx", "xxx"];

/// What may go wrong in a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// A watcher of others' making suffers what any process can be made to.
    Ordeal(Ordeal),
    /// The kernel tells late, loses notices, refuses watches.
    Kernel,
    /// Scans take long, fail, or see what they look at change.
    Scans,
    /// Sockets take little.
    Sockets,
    /// The server is stopped, killed and started.
    Server,
    /// The clock is set.
    Clock,
    /// File systems come and go.
    Mounts,
    /// So do those of other machines, which may not answer.
    Remote,
    /// Rules are added that give paths another method.
    Rules,
    /// Several write at once.
    Writers,
    /// A real server is stopped, killed and started.
    Process,
    /// So much happens that the kernel's queue, or a client's socket, does not hold it.
    Flood,
    /// So much happens between two calls of a client that the kernel's queue, which nobody else reads, does not hold it.
    Untaken,
}

/// What may go wrong in the simulated world: everything at will.
const IN_SIM: &[Trouble] = &[
    Trouble::Kernel,
    Trouble::Scans,
    Trouble::Sockets,
    Trouble::Server,
    Trouble::Clock,
    Trouble::Mounts,
    Trouble::Remote,
    Trouble::Rules,
];
/// What can be made to go wrong in the real one.
const IN_LIVE: &[Trouble] = &[Trouble::Writers, Trouble::Process, Trouble::Flood];
/// What is left of that without a server.
const IN_EMBEDDED: &[Trouble] = &[Trouble::Writers, Trouble::Untaken];
/// The longest that time passes at once, which costs nothing in the simulated world.
const SIM_WAIT_MAX_MS: u64 = 1500;
const LIVE_WAIT_MAX_MS: u64 = 20;
/// How many groups of lines a history has, where nobody says, and if it is for a watcher, of which little is enough.
const STEPS: usize = 160;
const PEER_STEPS: usize = 10;
/// How many write at once.
const WRITERS: usize = 4;
/// How many files come and go in a flood: three notices each, and the kernel's queue holds 16,384.
const FLOOD: u32 = 6000;

/// Which lines are rolled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dice {
    /// The world that they are for.
    pub world: WorldKind,
    /// How many groups of lines a history has.
    pub steps: usize,
    /// Whether the watcher of the world `peer` tells of the entries of a directory alone.
    pub is_flat: bool,
    /// Whether nothing goes wrong, as far as there is a choice.
    pub is_calm: bool,
    /// Whether each server asks fanotify.
    pub is_fanotify: bool,
}

impl Dice {
    /// Those for a world, of as many steps as a history usually has there.
    pub fn new(world: WorldKind) -> Dice {
        let steps = if world == WorldKind::Peer { PEER_STEPS } else { STEPS };
        Dice { world, steps, is_flat: false, is_calm: false, is_fanotify: false }
    }

    /// Whether clients there can be told of renames as such.
    pub fn tells_moves(&self) -> bool {
        !matches!(self.world, WorldKind::Abi | WorldKind::Peer)
    }

    fn is_sim(&self) -> bool {
        self.world == WorldKind::Sim
    }

    /// What a history begins with, and what may go wrong in it. That is not everything, so that what one thing hides from
    /// another shows.
    pub fn beginning(&self) -> impl Strategy<Value = (Lines, Vec<Trouble>)> {
        let trouble = match self.world {
            _ if self.is_calm => Vec::new(),
            WorldKind::Sim => IN_SIM.to_vec(),
            WorldKind::Embedded => IN_EMBEDDED.to_vec(),
            WorldKind::Live | WorldKind::Abi => IN_LIVE.to_vec(),
            WorldKind::Peer => ORDEALS.iter().copied().map(Trouble::Ordeal).collect(),
        };
        let count = trouble.len();
        (setup(self.world, self.is_fanotify), subsequence(trouble, 0..=count))
    }

    /// What happens in a history that begins so.
    pub fn steps(&self, beginning: &(Lines, Vec<Trouble>)) -> impl Strategy<Value = Vec<Lines>> + use<> {
        let (setup, trouble) = beginning;
        let drops_privilege =
            |line: &String| line == "server unprivileged" || line.starts_with("server watches");
        let is_plain = setup.iter().any(drops_privilege);
        let limits = Limits { is_plain, is_sim: self.is_sim() };
        vec(self.step(trouble, limits), self.steps)
    }

    fn step(&self, trouble: &[Trouble], limits: Limits) -> BoxedStrategy<Lines> {
        if self.world == WorldKind::Peer {
            let ordeal = |trouble: &Trouble| match trouble {
                Trouble::Ordeal(ordeal) => Some(*ordeal),
                _ => None,
            };
            return peer_dice::step(&trouble.iter().filter_map(ordeal).collect::<Vec<_>>());
        }
        let file = operation(limits).prop_map(|operation| tried(&operation));
        let wait_max_ms = if self.is_sim() { SIM_WAIT_MAX_MS } else { LIVE_WAIT_MAX_MS };
        let wait = (0..=wait_max_ms).prop_map(|ms| vec![format!("wait {ms}")]);
        let mut of_connections = vec!["try connect", "try disconnect", "try connect", "try noexists"];
        of_connections.extend(self.tells_moves().then_some("try moves"));
        let steps = prop_oneof![
            13 => file,
            1 => wait,
            2 => monitor(),
            1 => by_client((0..4usize).prop_map(|index| format!("try cancel {index}"))),
            1 => by_client((select(&["suspend-monitor", "resume-monitor"]), 0..4usize)
                .prop_map(|(verb, index)| format!("try {verb} {index}"))),
            3 => by_client(Just("try events".into())),
            1 => by_client(Just("try pending".into())),
            1 => by_client(select(of_connections).prop_map(str::to_owned)),
        ];
        let steps =
            if self.is_sim() { steps.boxed() } else { prop_oneof![22 => steps, 1 => Just(check())].boxed() };
        if trouble.is_empty() {
            return steps;
        }
        let trouble: Vec<_> = trouble.iter().map(|trouble| (1, fault(*trouble, limits))).collect();
        prop_oneof![19 => steps, 4 => proptest::strategy::Union::new_weighted(trouble)].boxed()
    }
}

/// How the server is set up, if it does not have to ask fanotify, and the world's clock.
fn setup(world: WorldKind, is_fanotify: bool) -> BoxedStrategy<Lines> {
    let line = |line: &str| Just(vec![line.to_owned()]);
    if world == WorldKind::Peer {
        return Just(Lines::new()).boxed();
    }
    if world == WorldKind::Embedded {
        return prop_oneof![6 => Just(Lines::new()), 1 => line("server pollonly")].boxed();
    }
    let server = prop_oneof![
        6 => Just(Lines::new()),
        2 => line("server fanotify"),
        1 => line("server pollonly"),
        1 => line("server unprivileged"),
    ];
    let server = if is_fanotify { line("server fanotify").boxed() } else { server.boxed() };
    if world != WorldKind::Sim {
        let watches = (0..8u32).prop_map(|count| vec![format!("server watches {count}")]);
        return if is_fanotify { server } else { prop_oneof![8 => server, 1 => watches].boxed() };
    }
    let clock = prop_oneof![4 => Just(Lines::new()), 1 => line("fault coarse-clock 4")];
    // What is told to a socket that takes little is merged only when much lies ready for it already.
    let outbox = prop_oneof![1 => Just(Lines::new()), 1 => line("fault outbox 40")];
    (server, clock, outbox).prop_map(|(server, clock, outbox)| [server, clock, outbox].concat()).boxed()
}

fn tried(step: &str) -> Lines {
    vec![format!("try {step}")]
}

fn by_client(step: impl Strategy<Value = String>) -> impl Strategy<Value = Lines> {
    (select(&CLIENTS), step).prop_map(|(client, step)| vec![format!("client {client}"), step])
}

fn monitor() -> impl Strategy<Value = Lines> {
    let verb = select(&["mondir", "mondir", "monfile"]);
    let number = prop_oneof![5 => Just(None), 1 => (1..9i32).prop_map(Some)];
    by_client((verb, select(MONITORED), number).prop_map(|(verb, path, number)| {
        let number = number.map_or(String::new(), |number| format!(" {number}"));
        format!("try {verb} {path}{number}")
    }))
}

/// Somebody asks for a directory that takes long to read, and does not wait for the end of its listing: things happen meanwhile.
fn long_listing(limits: Limits) -> impl Strategy<Value = Lines> {
    let ms = prop_oneof![20..60u64, Just(3_000)];
    let request = (select(&CLIENTS), select(DIRECTORIES), ms, select(&["", " late"]));
    let meanwhile = vec((operation(limits), 0..20u64), 1..7);
    (request, meanwhile).prop_map(|((client, directory, ms, late), meanwhile)| {
        let begin = [format!("try mondir {directory}"), "wait 1".to_owned()];
        let steps = meanwhile
            .into_iter()
            .flat_map(|(operation, ms)| [format!("try {operation}"), format!("wait {ms}")]);
        let before = vec![format!("client {client}"), format!("fault slow-scan {ms}{late}")];
        [before, block("together".to_owned(), begin.into_iter().chain(steps).collect())].concat()
    })
}

fn fault(trouble: Trouble, limits: Limits) -> BoxedStrategy<Lines> {
    let inside = move || vec(operation(limits), 1..4);
    let ms = || prop_oneof![(0..20u64), (0..3u64).prop_map(|seconds| seconds * 1000)];
    match trouble {
        Trouble::Kernel => {
            let directory = select(&["any", "d", "e", "d/s", "."]);
            let why = select(&["limit", "denied", "failed", "missing"]);
            prop_oneof![
                ms().prop_map(|ms| vec![format!("fault delay {ms}")]),
                (0..8u32).prop_map(|count| vec![format!("fault queue {count}")]),
                (0..8u32).prop_map(|count| vec![format!("fault watches {count}")]),
                (directory, 1..4u32, why).prop_map(|(directory, times, why)| vec![format!(
                    "fault refuse {directory} {times} {why}"
                )]),
            ]
            .boxed()
        }
        Trouble::Scans => prop_oneof![
            1 => (ms(), select(&["", " late"])).prop_map(|(ms, late)| vec![format!("fault slow-scan {ms}{late}")]),
            1 => select(&["denied", "failed"]).prop_map(|why| vec![format!("fault failing-scan {why}")]),
            1 => inside().prop_map(|inside| block("fault during-scan".into(), inside)),
            1 => (0..6u32, inside()).prop_map(|(count, inside)| block(format!("fault between {count}"), inside)),
            2 => long_listing(limits),
        ]
        .boxed(),
        Trouble::Sockets => prop_oneof![
            by_client(prop_oneof![
                (0..40u32).prop_map(|bytes| format!("try fault room {bytes}")),
                Just("try fault room all".to_owned())
            ]),
            (1..400u32).prop_map(|bytes| vec![format!("fault capacity {bytes}")]),
        ]
        .boxed(),
        Trouble::Server => select(&["kill", "start", "stop", "continue", "restart"])
            .prop_map(|what| tried(&format!("server {what}")))
            .boxed(),
        Trouble::Clock => (-5000..5000i64).prop_map(|ms| vec![format!("fault clock {ms}")]).boxed(),
        Trouble::Mounts => (select(&["mount", "unmount", "unmount"]), select(DIRECTORIES))
            .prop_map(|(what, directory)| tried(&format!("fault {what} {directory}")))
            .boxed(),
        Trouble::Remote => prop_oneof![
            2 => (select(SHARES), select(REMOTE))
                .prop_map(|(share, file_system)| tried(&format!("fault mount {share} {file_system}"))),
            5 => (select(&["hang", "hang", "answer", "answer", "unmount"]), select(SHARES))
                .prop_map(|(what, share)| tried(&format!("fault {what} {share}"))),
            // Long enough for everything there to be looked at once more.
            1 => Just(vec!["wait 7000".to_owned()]),
        ]
        .boxed(),
        Trouble::Rules => (select(&["gaminrc", "mandatory-gaminrc"]), rule())
            .prop_map(|(file, rule)| vec![format!("server {file} \"{rule}\"")])
            .boxed(),
        Trouble::Ordeal(_) | Trouble::Writers => writers(limits).boxed(),
        Trouble::Process => {
            let signal =
                select(&["kill", "start", "restart"]).prop_map(|what| tried(&format!("server {what}")));
            prop_oneof![1 => signal, 2 => while_stopped(writers(limits))].boxed()
        }
        Trouble::Flood => {
            prop_oneof![6 => writers(limits), 1 => flood(limits), 3 => while_stopped(overflow(limits))]
                .boxed()
        }
        Trouble::Untaken => {
            let untaken = (by_client(Just("suspend".into())), overflow(limits));
            let untaken = untaken.prop_map(|(suspend, lines)| [suspend, lines, check()].concat());
            prop_oneof![6 => writers(limits), 1 => flood(limits), 3 => untaken].boxed()
        }
    }
}

/// A line of configuration by which every change is told, sooner or later.
fn rule() -> impl Strategy<Value = String> {
    let method = select(&["kernel", "poll", "poll 0", "poll 1", "poll 3"]);
    prop_oneof![
        3 => (select(&["poll", "notify"]), select(RULED))
            .prop_map(|(method, pattern)| format!("{method} $DIR/{pattern}")),
        2 => (select(&["ext4", "tmpfs", "nfs", "fuse*"]), method)
            .prop_map(|(file_system, method)| format!("fsset {file_system} {method}")),
    ]
}

/// Four who write at once.
fn writers(limits: Limits) -> impl Strategy<Value = Lines> {
    let writer =
        vec(operation(limits), 1..8).prop_map(|operations| [vec!["writer".into()], operations].concat());
    vec(writer, WRITERS).prop_map(|writers| block("concurrently".into(), writers.concat()))
}

/// Four who write at once, while so much happens in one directory that what they do is told late.
fn flood(limits: Limits) -> impl Strategy<Value = Lines> {
    (select(DIRECTORIES), writers(limits)).prop_map(|(directory, mut lines)| {
        lines.splice(1..1, ["writer".to_owned(), format!("churn {directory} {FLOOD}")]);
        [tried(&format!("mkdir {directory}")), lines].concat()
    })
}

/// Four who write at once when so much has happened already that the kernel has no room for notices of what they do.
fn overflow(limits: Limits) -> impl Strategy<Value = Lines> {
    // The one directory that is monitored from the beginning.
    let before = ["mkdir d".to_owned(), format!("churn d {FLOOD}")].map(|line| tried(&line)).concat();
    writers(limits).prop_map(move |lines| [before.clone(), lines].concat())
}

/// All is well for a moment, and what was told has to be true. Later something else might mend it. (The simulated world is asked
/// at each step.)
fn check() -> Lines {
    let [a, b] = CLIENTS;
    let lines =
        format!("heal\nclient {a}\nresume\nclient {b}\nresume\nconverged\nsuspend\nclient {a}\nsuspend");
    lines.lines().map(str::to_owned).collect()
}

/// What happens while a real server is stopped. Nobody connects then: that would have to wait.
fn while_stopped(lines: impl Strategy<Value = Lines>) -> impl Strategy<Value = Lines> {
    let end = select(&["continue", "check", "kill"]);
    (lines, end).prop_map(|(lines, end)| {
        let end = if end == "check" { check() } else { tried(&format!("server {end}")) };
        [tried("server stop"), lines, end].concat()
    })
}

fn block(begin: String, inside: Vec<String>) -> Lines {
    [vec![begin], inside, vec!["end".to_owned()]].concat()
}

/// Which operations are left out.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// None takes away the right to pass a directory.
    pub is_plain: bool,
    /// Files get more than one name, and times of access are set, which no notice tells. Only a world that knows what every name
    /// was can judge what is told of them.
    pub is_sim: bool,
}

/// Any operation on files, but one on a pipe that would wait, and copying into itself.
pub fn operation(limits: Limits) -> BoxedStrategy<String> {
    prop_oneof![4 => making(limits.is_sim), 4 => changing(limits), 3 => removing(), 1 => many()].boxed()
}

fn making(is_sim: bool) -> BoxedStrategy<String> {
    let name = if is_sim { "hardlink" } else { "mv" };
    prop_oneof![
        3 => one(&["mkdir", "mkfile"], PATHS),
        1 => Just("mkfifo p".to_owned()),
        1 => two("link", TARGETS, LINKS),
        1 => two(name, PATHS, PATHS),
        4 => (select(&["write", "append", "save", "replace"]), select(PATHS), select(TEXTS))
            .prop_map(|(verb, path, text)| format!("{verb} {path} {text}")),
    ]
    .boxed()
}

fn changing(limits: Limits) -> BoxedStrategy<String> {
    // A real server that is new takes what it may not list for gone, though it was told before.
    let modes: &'static [&'static str] = match limits {
        Limits { is_plain: false, .. } => &["600", "644", "755"],
        Limits { is_sim: true, .. } => &["711", "755", "311"],
        Limits { .. } => &["755", "775"],
    };
    let accesses: &'static [&'static str] =
        if limits.is_sim { &["touch-access", "read", "open", "close"] } else { &["read", "open", "close"] };
    prop_oneof![
        2 => (select(&["rewrite", "write-open"]), select(PATHS), select(TEXTS))
            .prop_map(|(verb, path, text)| format!("{verb} {path} {text}")),
        1 => (select(PATHS), 0..3u64).prop_map(|(path, size)| format!("truncate {path} {size}")),
        1 => (select(PATHS), option::of(0..2i64)).prop_map(|(path, seconds)| match seconds {
            Some(seconds) => format!("touch {path} {seconds}"),
            None => format!("touch {path}"),
        }),
        1 => two("chmod", PATHS, modes),
        1 => (select(PATHS), owners(limits)).prop_map(|(path, uid)| format!("chown {path} {uid}")),
        1 => two("exchange", PATHS, PATHS),
        4 => one(accesses, PATHS),
        1 => one(&["hold", "let-go"], DIRECTORIES),
    ]
    .boxed()
}

/// To whom files can be given: where they are real, only root gives them away.
fn owners(limits: Limits) -> Range<u32> {
    match Uid::effective() {
        me if !limits.is_sim && !me.is_root() => me.as_raw()..me.as_raw().saturating_add(1),
        _ => 0..2,
    }
}

fn removing() -> BoxedStrategy<String> {
    prop_oneof![
        2 => one(&["rmdir", "rmfile"], PATHS),
        1 => Just("rmfile p".to_owned()),
        2 => two("mv", PATHS, PATHS),
        1 => one(&["rmtree"], DIRECTORIES),
    ]
    .boxed()
}

fn many() -> BoxedStrategy<String> {
    prop_oneof![
        4 => (select(&["mkfiles", "rmfiles", "appendfiles", "churn"]), select(DIRECTORIES), 0..4u32)
            .prop_map(|(verb, directory, count)| format!("{verb} {directory} {count}")),
        1 => (select(DIRECTORIES), 0..2u32).prop_map(|(directory, depth)| format!("mktree {directory} {depth}")),
        1 => Just("copytree d c".to_owned()),
        1 => Just("rmtree c".to_owned()),
    ]
    .boxed()
}

fn one(verbs: &'static [&'static str], paths: &'static [&'static str]) -> impl Strategy<Value = String> {
    (select(verbs), select(paths)).prop_map(|(verb, path)| format!("{verb} {path}"))
}

fn two(
    verb: &'static str,
    first: &'static [&'static str],
    second: &'static [&'static str],
) -> impl Strategy<Value = String> {
    (select(first), select(second)).prop_map(move |(first, second)| format!("{verb} {first} {second}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use testgam_language::EXTENDED_HEADER;
    use testgam_language::script::Script;

    proptest! {
        #[test]
        fn every_line_reads_as_a_step(
            steps in select(&[(WorldKind::Sim, IN_SIM), (WorldKind::Live, IN_LIVE)])
                .prop_flat_map(|(world, trouble)| Dice { steps: 20, ..Dice::new(world) }.steps(&(Lines::new(), trouble.to_vec()))),
            setup in setup(WorldKind::Sim, false),
        ) {
            let lines = [vec![EXTENDED_HEADER.to_owned()], setup, steps.concat()].concat();
            let script = Script::parse(lines.join("\n").as_bytes());
            prop_assert!(script.is_ok(), "{script:?}");
        }
    }
}
