//! The dice: random lines of the language, about few names, so that what they do collides.
//!
//! Strategies of proptest, so that a history that shows something wrong can be made smaller. What is done with the lines is left to
//! `history`. Invariants: every line that is given reads as a step; what may fail is `try`ed.
//!
//! Left out is what is not promised and what no checker could pass over: for a server without privilege, taking away the right
//! to pass a directory on the way.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

/// Lines that stay together: a step, a client and what it does, a fault and what happens inside it.
pub type Lines = Vec<String>;

/// The clients of a history.
pub const CLIENTS: [&str; 2] = ["a", "b"];
/// Few names; and links, whose names nothing else has.
const PATHS: &[&str] = &["a", "b", "d", "e", "d/a", "d/b", "d/s", "d/s/a", "e/a", "e/s", "l", "d/l"];
const DIRECTORIES: &[&str] = &["d", "e", "d/s"];
const LINKS: &[&str] = &["l", "d/l", "e/l"];
const TARGETS: &[&str] = &["a", "d", "nowhere", "d/a", ".", "../e"];
const MONITORED: &[&str] = &[".", "a", "d", "d/a", "d/s", "e", "l", "l/a", "d/s/x/y"];
const RULED: &[&str] = &["*", "d", "d*", "d/s", "*s", "e", "e/a"];
const TEXTS: &[&str] = &["\"\"", "x", "xx", "xxx"];

/// What may go wrong in a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
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
    /// Rules are added that give paths another method.
    Rules,
}

/// Everything that may go wrong in the simulated world.
pub const ALL_TROUBLE: &[Trouble] = &[
    Trouble::Kernel,
    Trouble::Scans,
    Trouble::Sockets,
    Trouble::Server,
    Trouble::Clock,
    Trouble::Mounts,
    Trouble::Rules,
];

/// Which lines are rolled.
#[derive(Debug, Clone)]
pub struct Dice {
    /// How many groups of lines a history has.
    pub steps: usize,
    /// What may go wrong.
    pub trouble: &'static [Trouble],
    /// The longest that time passes at once, in milliseconds.
    pub wait_max_ms: u64,
    /// Whether files get more names. Only a world that knows what every name was can judge what is told of them.
    pub has_hard_links: bool,
}

impl Dice {
    /// What a history begins with, and what may go wrong in it. That is not everything, so that what one thing hides from
    /// another shows.
    pub fn beginning(&self) -> impl Strategy<Value = (Lines, Vec<Trouble>)> {
        (setup(self.trouble.is_empty()), subsequence(self.trouble, 0..=self.trouble.len()))
    }

    /// What happens in a history that begins so.
    pub fn steps(&self, beginning: &(Lines, Vec<Trouble>)) -> impl Strategy<Value = Vec<Lines>> + use<> {
        let (setup, trouble) = beginning;
        let is_plain = setup.iter().any(|line| line == "server unprivileged");
        vec(self.step(trouble, Limits { is_plain, has_hard_links: self.has_hard_links }), self.steps)
    }

    fn step(&self, trouble: &[Trouble], limits: Limits) -> BoxedStrategy<Lines> {
        let file = operation(limits).prop_map(|operation| tried(&operation));
        let wait = (0..=self.wait_max_ms).prop_map(|ms| vec![format!("wait {ms}")]);
        let steps = prop_oneof![
            13 => file,
            1 => wait,
            2 => monitor(),
            1 => by_client((0..4usize).prop_map(|index| format!("try cancel {index}"))),
            3 => by_client(Just("try events".into())),
            1 => by_client(Just("try pending".into())),
            1 => by_client(select(&["try connect", "try disconnect", "try connect", "try noexists"]).prop_map(str::to_owned)),
        ];
        if trouble.is_empty() {
            return steps.boxed();
        }
        let trouble: Vec<_> = trouble.iter().map(|trouble| (1, fault(*trouble, limits))).collect();
        prop_oneof![19 => steps, 4 => proptest::strategy::Union::new_weighted(trouble)].boxed()
    }
}

/// How the server is set up, and the world's clock.
fn setup(is_healthy: bool) -> BoxedStrategy<Lines> {
    let line = |line: &str| Just(vec![line.to_owned()]);
    let server =
        prop_oneof![6 => Just(Lines::new()), 1 => line("server pollonly"), 1 => line("server unprivileged")];
    if is_healthy {
        return server.boxed();
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
            (ms(), select(&["", " late"])).prop_map(|(ms, late)| vec![format!("fault slow-scan {ms}{late}")]),
            select(&["denied", "failed"]).prop_map(|why| vec![format!("fault failing-scan {why}")]),
            inside().prop_map(|inside| block("fault during-scan".into(), inside)),
            (0..6u32, inside()).prop_map(|(count, inside)| block(format!("fault between {count}"), inside)),
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
        Trouble::Rules => (select(&["gaminrc", "mandatory-gaminrc"]), select(&["poll", "notify"]), select(RULED))
            .prop_map(|(file, method, pattern)| vec![format!("server {file} \"{method} $DIR/{pattern}\"")])
            .boxed(),
    }
}

fn block(begin: String, inside: Vec<String>) -> Lines {
    [vec![begin], inside, vec!["end".to_owned()]].concat()
}

/// Which operations are left out.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// None takes away the right to pass a directory.
    pub is_plain: bool,
    /// Files get more than one name.
    pub has_hard_links: bool,
}

/// Any operation on files, but one on a pipe that would wait, and copying into itself.
pub fn operation(limits: Limits) -> BoxedStrategy<String> {
    prop_oneof![4 => making(limits.has_hard_links), 4 => changing(limits.is_plain), 3 => removing(), 1 => many()]
        .boxed()
}

fn making(has_hard_links: bool) -> BoxedStrategy<String> {
    let name = if has_hard_links { "hardlink" } else { "mv" };
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

fn changing(is_plain: bool) -> BoxedStrategy<String> {
    let modes: &'static [&'static str] =
        if is_plain { &["711", "755", "311"] } else { &["600", "644", "755"] };
    prop_oneof![
        2 => (select(&["rewrite", "write-open"]), select(PATHS), select(TEXTS))
            .prop_map(|(verb, path, text)| format!("{verb} {path} {text}")),
        1 => (select(PATHS), 0..3u64).prop_map(|(path, size)| format!("truncate {path} {size}")),
        1 => (select(PATHS), option::of(0..2i64)).prop_map(|(path, seconds)| match seconds {
            Some(seconds) => format!("touch {path} {seconds}"),
            None => format!("touch {path}"),
        }),
        1 => two("chmod", PATHS, modes),
        1 => (select(PATHS), 0..2u32).prop_map(|(path, uid)| format!("chown {path} {uid}")),
        1 => two("exchange", PATHS, PATHS),
        4 => one(&["touch-access", "read", "open", "close"], PATHS),
        1 => one(&["hold", "let-go"], DIRECTORIES),
    ]
    .boxed()
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
    use crate::script::{EXTENDED_HEADER, Script};

    proptest! {
        #[test]
        fn every_line_reads_as_a_step(
            steps in Dice { steps: 20, trouble: ALL_TROUBLE, wait_max_ms: 9, has_hard_links: true }
                .steps(&(Lines::new(), ALL_TROUBLE.to_vec())),
            setup in setup(false),
        ) {
            let lines = [vec![EXTENDED_HEADER.to_owned()], setup, steps.concat()].concat();
            let script = Script::parse(lines.join("\n").as_bytes());
            prop_assert!(script.is_ok(), "{script:?}");
        }
    }
}
