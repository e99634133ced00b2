//! The simulated kernel against the running one, under one backend: the same random operations on real files and on simulated ones, the
//! same armings, and every notice compared, in order, with what it says of the entry.
//!
//! Two things are left out: inode numbers and times, of which only matters whether they differ from before; and the
//! order in which `rmtree` goes through a directory.

use std::collections::{BTreeMap, BTreeSet};

use crate::twins::{Twins, operation, tree_path};
use gamin_backend::Backend;
use gamin_core::engine::{ArmingId, EntryNotice, FileType, Level, Name, Notice, Refusal, Seen, Stamp, Time};
use gamin_linux::Notifier;
use proptest::prelude::*;
use testgam_language::action::FileOperation;
use testgam_worlds::sim::faults::Faults;
use testgam_worlds::sim::files::Files;
use testgam_worlds::sim::kernel::System;
use testgam_worlds::sim::notifier::{self, NotifierKind};
use testgam_worlds::sim::tree::Caller;
use testgam_worlds::sim::workers::Workers;

/// The directories that are armed.
const DIRECTORIES: [&str; 5] = ["", "d", "e", "d/s", "e/s"];

#[derive(Debug, Clone)]
enum Step {
    Do(FileOperation),
    Arm(u32, &'static str, Level),
    Disarm(u32),
    Read,
}

fn step() -> impl Strategy<Value = Step> {
    let level =
        prop_oneof![Just(Level::Itself), Just(Level::Removals), Just(Level::Entries), Just(Level::Entries)];
    prop_oneof![
        12 => operation().prop_map(Step::Do),
        3 => (1..6u32, proptest::sample::select(&DIRECTORIES), level)
            .prop_map(|(id, directory, level)| Step::Arm(id, directory, level)),
        1 => (1..6u32).prop_map(Step::Disarm),
        4 => Just(Step::Read),
    ]
}

/// Both worlds, and a backend on the kernel of each.
struct Bench {
    twins: Twins,
    kernel: Notifier,
    real: Backend,
    simulated: Backend,
    room: (Faults, Workers),
    /// What was last seen of each name, in both worlds.
    before: BTreeMap<(ArmingId, Name), (Stamp, Stamp)>,
}

fn system<'a>(files: &'a mut Files, (faults, workers): &'a mut (Faults, Workers)) -> System<'a> {
    System { now: Time::default(), files, faults, workers, caller: Caller::Root }
}

impl Bench {
    /// Nothing where the running kernel has none of this kind for us.
    fn new(kind: NotifierKind) -> Option<Bench> {
        let mut twins = Twins::new();
        twins.simulated.tree.notifier = Some(notifier::Notifier::new(kind));
        let kernel = Notifier::new(kind == NotifierKind::Fanotify).ok()?;
        let (real, simulated) = (Backend::new(), Backend::new());
        Some(Bench { twins, kernel, real, simulated, room: Default::default(), before: BTreeMap::new() })
    }

    fn arm(&mut self, id: u32, directory: &str, level: Level) -> [Result<(), Refusal>; 2] {
        let id = ArmingId(id);
        let [real, simulated] = self.twins.spell(directory).map(|path| tree_path(&path));
        let mut system = system(&mut self.twins.simulated, &mut self.room);
        [
            self.real.arm(&mut self.kernel, id, &real, level),
            self.simulated.arm(&mut system, id, &simulated, level),
        ]
    }

    fn play(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match step {
            // fanotify names a directory whose attributes change, and not where it stands: in which order `gamin-linux` finds that is
            // its own affair, and tested there.
            Step::Do(operation) if self.is_fanotify() && self.changes_a_directory(operation) => {}
            Step::Do(operation) => {
                let [real, simulated] = self.twins.perform(operation);
                prop_assert_eq!(real, simulated, "{:?}", operation);
                if matches!(operation, FileOperation::RemoveTree(_)) {
                    self.compare(true)?;
                }
            }
            Step::Arm(id, directory, level) => {
                let [real, simulated] = self.arm(*id, directory, *level);
                prop_assert_eq!(real, simulated, "arm {}", directory);
            }
            Step::Disarm(id) => {
                let mut system = system(&mut self.twins.simulated, &mut self.room);
                self.real.disarm(&mut self.kernel, ArmingId(*id));
                self.simulated.disarm(&mut system, ArmingId(*id));
            }
            Step::Read => self.compare(false)?,
        }
        prop_assert_eq!(self.real.watches(), self.simulated.watches());
        Ok(())
    }

    fn is_fanotify(&self) -> bool {
        matches!(self.kernel, Notifier::Fanotify(_))
    }

    /// Whether it changes the attributes of a directory that is there.
    fn changes_a_directory(&self, operation: &FileOperation) -> bool {
        let (FileOperation::Touch { path, .. }
        | FileOperation::TouchAccess(path)
        | FileOperation::ChangeMode { path, .. }
        | FileOperation::ChangeOwner { path, .. }) = operation
        else {
            return false;
        };
        let [real, _] = self.twins.spell(path);
        real.is_dir()
    }

    fn compare(&mut self, is_order_free: bool) -> Result<(), TestCaseError> {
        let (mut real, mut simulated) = (Vec::new(), Vec::new());
        let mut system = system(&mut self.twins.simulated, &mut self.room);
        self.real.drain(&mut self.kernel, &mut |notice| real.push(notice)).expect("the descriptor is open");
        self.simulated
            .drain(&mut system, &mut |notice| simulated.push(notice))
            .expect("the queue is in memory");
        if is_order_free {
            real.sort_by_key(place);
            simulated.sort_by_key(place);
        }
        let mut lines = [Vec::new(), Vec::new()];
        for (at, notice) in real.iter().enumerate() {
            let other = simulated.get(at);
            lines[0].push(self.line(notice, other, 0) + &other_half(&real, at));
        }
        for (at, notice) in simulated.iter().enumerate() {
            let other = real.get(at);
            lines[1].push(self.line(notice, other, 1) + &other_half(&simulated, at));
        }
        let [real_lines, simulated_lines] = lines;
        for (real, simulated) in real.iter().zip(&simulated) {
            if let (Some((key, real)), Some((_, simulated))) = (present(real), present(simulated)) {
                self.before.insert(key, (real, simulated));
            }
        }
        prop_assert_eq!(real_lines, simulated_lines);
        Ok(())
    }

    /// A notice without what is bound to differ: whether a stamp is another than before is all that counts of it.
    fn line(&self, notice: &Notice, other: Option<&Notice>, side: usize) -> String {
        let Notice::Entry { watch, name, entry } = notice else { return format!("{notice:?}") };
        let seen = match entry.seen {
            Seen::Nothing => "unseen".to_owned(),
            Seen::Absent => "absent".to_owned(),
            Seen::Present(stamp) => {
                let both = other.and_then(present).is_some_and(|(key, _)| key == (*watch, name.clone()));
                let before = self.before.get(&(*watch, name.clone())).filter(|_| both);
                let before = before.map(|(real, simulated)| if side == 0 { real } else { simulated });
                let is_same = before.map(|before| same(before, &stamp));
                let size = if stamp.file_type == FileType::Directory { 0 } else { stamp.size };
                format!("{:?} {:o} {} {size} {is_same:?}", stamp.file_type, stamp.mode, stamp.uid)
            }
        };
        format!("{} {name:?} {:?} {} {seen}", watch.0, entry.change, entry.is_last)
    }
}

/// What the kernel tells of the other half of a rename, of which a notice is one.
fn other_half(notices: &[Notice], at: usize) -> String {
    let half = |notice: &Notice| match notice {
        Notice::Entry { watch, name, entry } => Some((entry.cookie?, entry.change, *watch, name.clone())),
        _ => None,
    };
    let Some((cookie, change, ..)) = half(&notices[at]) else { return String::new() };
    let others = notices.iter().filter_map(half);
    let others = others.filter(|(of, other, ..)| *of == cookie && *other != change);
    let others = others.map(|(.., watch, name)| format!("{} {name:?}", watch.0));
    format!(" half, other {:?}", others.collect::<BTreeSet<_>>())
}

fn present(notice: &Notice) -> Option<((ArmingId, Name), Stamp)> {
    match notice {
        Notice::Entry { watch, name, entry: EntryNotice { seen: Seen::Present(stamp), .. } } => {
            Some(((*watch, name.clone()), *stamp))
        }
        _ => None,
    }
}

fn same(before: &Stamp, now: &Stamp) -> bool {
    (before.ctime_ns, before.mtime_ns, before.same_file(now)) == (now.ctime_ns, now.mtime_ns, true)
}

/// Where a notice stands if the order does not count.
fn place(notice: &Notice) -> (u32, Vec<u8>, u8) {
    match notice {
        Notice::Entry { watch, name, entry } => (watch.0, name.to_vec(), entry.change as u8),
        Notice::Attributes { watch } => (watch.0, Vec::new(), 0),
        Notice::Gone { watch } => (watch.0, Vec::new(), 1),
        Notice::Refused { watch, .. } => (watch.0, Vec::new(), 2),
        Notice::Overflow => (0, Vec::new(), 0),
    }
}

/// Plays steps in a tree of two directories, of which one is armed.
fn play_in_tree(kind: NotifierKind, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let mut all = vec![
        Step::Arm(1, "", Level::Entries),
        Step::Do(FileOperation::MakeDirectory("d".into())),
        Step::Do(FileOperation::MakeDirectory("e".into())),
        Step::Arm(2, "d", Level::Entries),
    ];
    all.extend(steps);
    play(kind, &all)
}

fn play(kind: NotifierKind, steps: &[Step]) -> Result<(), TestCaseError> {
    let Some(mut bench) = Bench::new(kind) else {
        assert_eq!(kind, NotifierKind::Fanotify, "there is an instance of inotify left");
        return Ok(());
    };
    for step in steps {
        bench.play(step).map_err(|why| match why {
            TestCaseError::Fail(why) => TestCaseError::fail(format!("at {step:?}: {why}")),
            other @ TestCaseError::Reject(_) => other,
        })?;
    }
    bench.play(&Step::Read)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn simulated_notices_are_the_real_ones(steps in proptest::collection::vec(step(), 1..60)) {
        play_in_tree(NotifierKind::Inotify, steps)?;
    }

    #[test]
    fn simulated_notices_of_fanotify_are_the_real_ones(steps in proptest::collection::vec(step(), 1..60)) {
        play_in_tree(NotifierKind::Fanotify, steps)?;
    }
}

#[test]
fn a_full_queue_overflows_alike_and_armings_are_made_sure_of() {
    let mut bench = Bench::new(NotifierKind::Inotify).expect("there is an instance left");
    let make = |name: &str| Step::Do(FileOperation::MakeDirectory(name.into()));
    let path = |name: &str| name.into();
    let steps = [
        make("d"),
        make("e"),
        Step::Arm(1, "", Level::Entries),
        Step::Arm(2, "d", Level::Entries),
        Step::Arm(3, "e", Level::Entries),
        Step::Do(FileOperation::Churn { directory: path("d"), count: 6000 }),
        Step::Do(FileOperation::RemoveTree("e".into())),
    ];
    for step in &steps[..6] {
        bench.play(step).expect("both worlds do the same");
    }
    // The removal is lost, but not that the directory is gone.
    let [real, simulated] = bench.twins.perform(&FileOperation::RemoveDirectory("e".into()));
    assert_eq!(real, simulated);
    bench.play(&Step::Read).expect("both worlds tell the same");
    bench.play(&make("e")).expect("both worlds do the same");
    bench.play(&Step::Read).expect("both worlds tell the same");
}

#[test]
fn a_directory_that_a_removed_file_holds_is_gone_when_that_is_closed() {
    let file = |name: &str| name.into();
    let steps = [
        Step::Do(FileOperation::MakeDirectory("d".into())),
        Step::Do(FileOperation::MakeFile(file("d/a"))),
        Step::Arm(1, "", Level::Entries),
        Step::Arm(2, "d", Level::Itself),
        Step::Do(FileOperation::Open(file("d/a"))),
        Step::Do(FileOperation::RemoveFile(file("d/a"))),
        Step::Do(FileOperation::RemoveDirectory(file("d"))),
        Step::Read,
        Step::Do(FileOperation::WriteOpen { path: file("d/a"), text: b"x".to_vec() }),
        Step::Read,
        Step::Do(FileOperation::Close(file("d/a"))),
    ];
    for kind in [NotifierKind::Inotify, NotifierKind::Fanotify] {
        play(kind, &steps).expect("both worlds tell the same");
    }
}
