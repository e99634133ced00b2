//! The dice for watchers of others' making: what happens to files on few names, and what goes wrong that any process can be made to suffer.
//!
//! What is done with the lines is left to `history`. Invariant: nothing is rolled that a watcher may tell in more than one way: no links, no
//! files of several names, no permissions.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// Lines that stay together.
type Group = Vec<String>;

/// Eight names.
const PATHS: &[&str] = &["a", "b", "d", "d/a", "d/s", "d/s/a", "e", "e/a"];
/// Those that are files more often than not, and those that are directories.
const FILES: &[&str] = &["a", "b", "d/a", "d/s/a", "e/a"];
const DIRECTORIES: &[&str] = &["d", "d/s", "e"];
const TEXTS: &[&str] = &["x", "xx", "xxx"];
/// How many files are made while nobody reads the kernel's queue, which holds 16,384.
const FLOOD: u32 = 20_000;
/// How many write at once.
const WRITERS: usize = 4;

/// What may go wrong with a watcher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ordeal {
    /// Four write at once.
    Writers,
    /// It is stopped until the kernel's queue overflows.
    Overflow,
    /// It is killed, and started again.
    Killed,
    /// What it prints is read slowly.
    SlowReader,
}

/// Everything that may go wrong.
pub const ORDEALS: &[Ordeal] = &[Ordeal::Writers, Ordeal::Overflow, Ordeal::Killed, Ordeal::SlowReader];

/// How a history begins: what is watched, and that nothing is waited for between steps.
pub fn beginning(is_flat: bool) -> Vec<&'static str> {
    vec!["connect", if is_flat { "mondir ." } else { "moncollection . 9 *" }, "suspend"]
}

/// A step of a history in which this may go wrong.
pub fn step(ordeals: &[Ordeal]) -> BoxedStrategy<Group> {
    let steps = prop_oneof![10 => operation().prop_map(|step| vec![tried(&step)]), 1 => Just(check())];
    let ordeals: Vec<_> = ordeals.iter().map(|ordeal| (weight(*ordeal), lines(*ordeal))).collect();
    if ordeals.is_empty() {
        return steps.boxed();
    }
    prop_oneof![9 => steps, 1 => proptest::strategy::Union::new_weighted(ordeals)].boxed()
}

/// An overflow takes its time.
fn weight(ordeal: Ordeal) -> u32 {
    if ordeal == Ordeal::Writers { 4 } else { 1 }
}

fn lines(ordeal: Ordeal) -> BoxedStrategy<Group> {
    let few = || vec(operation().prop_map(|step| tried(&step)), 0..4);
    let around = |before: &[&str], inside: Group, after: &[&str]| {
        let owned = |lines: &[&str]| lines.iter().copied().map(str::to_owned).collect::<Group>();
        [owned(before), inside, owned(after)].concat()
    };
    let flood = format!("try mkfiles d {FLOOD}");
    match ordeal {
        Ordeal::Writers => {
            let writer = vec(operation(), 1..6).prop_map(|steps| [vec!["writer".to_owned()], steps].concat());
            let block = move |writers: Vec<Group>| around(&["concurrently"], writers.concat(), &["end"]);
            vec(writer, WRITERS).prop_map(block).boxed()
        }
        Ordeal::Overflow => few()
            .prop_map(move |steps| {
                around(&["server stop", "try mkdir d", &flood], steps, &["server continue"])
            })
            .boxed(),
        Ordeal::Killed => {
            few().prop_map(move |steps| around(&["server kill"], steps, &["server start"])).boxed()
        }
        Ordeal::SlowReader => few()
            .prop_map(move |steps| {
                around(&["fault room 100", "try mkdir d", &flood], steps, &["fault room all"])
            })
            .boxed(),
    }
}

/// All is well for a moment, and what was told has to be true.
fn check() -> Group {
    ["heal", "resume", "converged", "suspend"].map(str::to_owned).to_vec()
}

fn tried(step: &str) -> String {
    format!("try {step}")
}

fn operation() -> impl Strategy<Value = String> {
    let one = |verb: &'static str, paths: &'static [&'static str]| {
        select(paths).prop_map(move |path| format!("{verb} {path}"))
    };
    let text = |verb: &'static str| {
        (select(FILES), select(TEXTS)).prop_map(move |(path, text)| format!("{verb} {path} {text}"))
    };
    prop_oneof![
        4 => one("mkdir", DIRECTORIES),
        3 => one("mkfile", FILES),
        1 => one("mkfile", PATHS),
        3 => text("write"),
        4 => text("append"),
        2 => text("save"),
        1 => text("replace"),
        3 => (select(PATHS), select(PATHS)).prop_map(|(from, to)| format!("mv {from} {to}")),
        2 => one("rmfile", FILES),
        1 => one("rmdir", DIRECTORIES),
        1 => one("rmtree", DIRECTORIES),
        1 => (select(DIRECTORIES), 0..2u32).prop_map(|(path, depth)| format!("mktree {path} {depth}")),
        1 => Just("copytree d c".to_owned()),
        1 => Just("rmtree c".to_owned()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use testgam_language::EXTENDED_HEADER;
    use testgam_language::script::Script;

    proptest! {
        #[test]
        fn every_line_reads_as_a_step(steps in vec(step(ORDEALS), 20), is_flat: bool) {
            let beginning = beginning(is_flat).into_iter().map(str::to_owned).collect();
            let lines = [vec![EXTENDED_HEADER.to_owned()], beginning, steps.concat()].concat();
            let script = Script::parse(lines.join("\n").as_bytes());
            prop_assert!(script.is_ok(), "{script:?}");
        }
    }
}
