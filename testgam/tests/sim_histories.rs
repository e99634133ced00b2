//! Random histories in the simulated world: clients that subscribe and read when they like, files that change, faults of
//! every kind. The stream has to be possible at each step, and in the end, when all is well again, what was told has to
//! equal what is there.
//!
//! Left out is what no monitor can see: changes of a file under another of its names, and mounting over a directory; and
//! setting the time of access, which is no change but leaves a trace in the metadata.

mod sim_support;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gamin::{Code, Kind};
use gamin_server::engine::{Refusal, Unlisted};
use proptest::prelude::*;
use sim_support::operation;
use testgam::action::{FileOperation, Monitor};
use testgam::sim::client::ClientId;
use testgam::sim::faults::{Fault, ScanFault};
use testgam::sim::world::SimWorld;
use testgam::subscriber::Subscriber;
use testgam::world::{Sight, World};

/// The longest that anything may take to be told, once all is well: ten times the interval of polling, for a directory
/// above that may not be read.
const CALM: Duration = Duration::from_secs(15);
const PATIENCE: Duration = Duration::from_secs(60);
const CLIENTS: usize = 2;
/// How the complaint ends that an entry is another than when it was told.
const CHANGED: &str = "has changed on disk since it was last told";
const MONITORED: [&str; 9] = [".", "a", "d", "d/a", "d/s", "e", "l", "l/a", "d/s/x/y"];

#[derive(Debug, Clone)]
enum Step {
    Do(FileOperation),
    Inflict(Fault),
    Wait(Duration),
    Monitor(usize, Kind, &'static str),
    Cancel(usize, usize),
    Read(usize),
    Sync(usize),
}

fn seen(operation: &FileOperation) -> bool {
    !matches!(operation, FileOperation::HardLink { .. } | FileOperation::TouchAccess(_))
}

fn fault() -> impl Strategy<Value = Fault> {
    let directory =
        proptest::option::of(proptest::sample::select(&["d", "e", "d/s", "."]).prop_map(PathBuf::from));
    let refusal =
        proptest::sample::select(&[Refusal::Limit, Refusal::Denied, Refusal::Failed, Refusal::Missing]);
    let operations = || proptest::collection::vec(operation().prop_filter("seen", seen), 1..4);
    let client = (0..CLIENTS).prop_map(ClientId);
    let time =
        prop_oneof![(0..20u64).prop_map(Duration::from_millis), (0..3u64).prop_map(Duration::from_secs)];
    prop_oneof![
        time.clone().prop_map(Fault::Delay),
        (0..8usize).prop_map(Fault::QueueMax),
        (0..8usize).prop_map(Fault::WatchesMax),
        (directory, 1..4u32, refusal).prop_map(|(directory, times, refusal)| Fault::Refuse {
            directory,
            times,
            refusal
        }),
        (time, any::<bool>())
            .prop_map(|(takes, looks_late)| Fault::Scan(ScanFault::Slow { takes, looks_late })),
        proptest::sample::select(&[Unlisted::Denied, Unlisted::Failed])
            .prop_map(|why| Fault::Scan(ScanFault::Fails(why))),
        operations().prop_map(|operations| Fault::Scan(ScanFault::Meanwhile(operations))),
        (0..6u32, operations()).prop_map(|(effects, operations)| Fault::Between { effects, operations }),
        (client, proptest::option::of(0..40usize)).prop_map(|(client, bytes)| Fault::Room { client, bytes }),
        (1..400usize).prop_map(Fault::Capacity),
        Just(Fault::Kill),
        Just(Fault::Start),
        Just(Fault::Stop),
        Just(Fault::Continue),
        (-5_000_000_000..5_000_000_000i64).prop_map(Fault::ClockJump),
        proptest::sample::select(&["d", "e", "d/s", "a"]).prop_map(|path| Fault::Hold(path.into())),
        proptest::sample::select(&["d", "e", "d/s", "a"]).prop_map(|path| Fault::LetGo(path.into())),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let kind = prop_oneof![Just(Kind::Directory), Just(Kind::Directory), Just(Kind::File)];
    prop_oneof![
        10 => operation().prop_filter("seen", seen).prop_map(Step::Do),
        3 => fault().prop_map(Step::Inflict),
        1 => (0..1500u64).prop_map(|ms| Step::Wait(Duration::from_millis(ms))),
        2 => (0..CLIENTS, kind, proptest::sample::select(&MONITORED))
            .prop_map(|(client, kind, path)| Step::Monitor(client, kind, path)),
        1 => (0..CLIENTS, 0..4usize).prop_map(|(client, index)| Step::Cancel(client, index)),
        3 => (0..CLIENTS).prop_map(Step::Read),
        1 => (0..CLIENTS).prop_map(Step::Sync),
    ]
}

struct History {
    world: SimWorld,
    subscribers: Vec<Subscriber>,
}

impl History {
    fn new() -> Result<History, String> {
        let mut world = SimWorld::new(PATIENCE);
        let mut subscribers: Vec<_> = (0..CLIENTS).map(|at| Subscriber::new(&at.to_string(), true)).collect();
        for subscriber in &mut subscribers {
            subscriber.connect(&mut world, None).map_err(|why| why.to_string())?;
        }
        Ok(History { world, subscribers })
    }

    fn play(&mut self, step: &Step) -> Result<(), String> {
        match step {
            // What cannot be done is not done.
            Step::Do(operation) => drop(self.world.perform(operation)),
            Step::Inflict(fault) => drop(self.world.sim().borrow_mut().inflict(fault)),
            Step::Wait(time) => {
                let advanced = self.world.sim().borrow_mut().advance(*time);
                advanced.map_err(|why| why.to_string())?;
            }
            Step::Monitor(client, kind, path) => {
                let monitor = Monitor { kind: *kind, path: path.into(), number: None, data: None };
                let made = self.subscribers[*client].monitor(&self.world, &monitor);
                made.map_err(|why| why.to_string())?;
            }
            // One that is acknowledged by now is no more.
            Step::Cancel(client, index) => drop(self.subscribers[*client].cancel(*index)),
            Step::Read(client) => self.read(*client)?,
            // A server that is stopped does not answer.
            Step::Sync(client) => {
                drop(self.subscribers[*client].connected().map_err(|why| why.to_string())?.sync());
            }
        }
        Ok(())
    }

    fn read(&mut self, client: usize) -> Result<(), String> {
        let subscriber = &mut self.subscribers[client];
        while subscriber.receive(&self.world, Duration::ZERO).map_err(|why| why.to_string())?.is_some() {}
        Ok(())
    }

    /// When all is well again, everything is told.
    fn converge(&mut self) -> Result<(), String> {
        self.world.sim().borrow_mut().heal();
        for calm in [Duration::ZERO, CALM] {
            let advanced = self.world.sim().borrow_mut().advance(calm);
            advanced.map_err(|why| why.to_string())?;
            for client in 0..CLIENTS {
                let synced = self.subscribers[client].connected().map_err(|why| why.to_string())?.sync();
                self.read(client)?;
                synced.map_err(|why| why.to_string())?;
            }
        }
        for subscriber in &self.subscribers {
            match subscriber.converged(&self.world) {
                // What was to be seen when an event was read need not be what it told, if it was read late.
                Err(why) if !why.ends_with(CHANGED) => return Err(why),
                _ => subscriber.settled().map_err(|why| why.to_string())?,
            }
        }
        self.nothing_new()
    }

    /// Has all clients compare what they were told with what a new server tells: they have missed nothing.
    fn nothing_new(&mut self) -> Result<(), String> {
        self.world.sim().borrow_mut().kill();
        for subscriber in &mut self.subscribers {
            subscriber.connected().map_err(|why| why.to_string())?.sync().map_err(|why| why.to_string())?;
            while let Some(missed) =
                subscriber.receive(&self.world, Duration::ZERO).map_err(|why| why.to_string())?
            {
                let path = self.world.spell(Path::new(OsStr::from_bytes(&missed.name)));
                // One that moved away and back at once shows it by its times alone.
                let is_directory = matches!(self.world.look(&path), Sight::Directory(..));
                if missed.code != Code::CHANGED || !is_directory {
                    return Err(format!(
                        "only a new server told {} `{}`",
                        subscriber.name,
                        missed.extended()
                    ));
                }
            }
        }
        Ok(())
    }

    /// When everybody has gone, nothing is held.
    fn give_back(mut self) -> Result<(), String> {
        for subscriber in &mut self.subscribers {
            subscriber.disconnect().map_err(|why| why.to_string())?;
        }
        let mut sim = self.world.sim().borrow_mut();
        sim.run_until_quiet().map_err(|why| why.to_string())?;
        let held = (sim.connections(), sim.server().map(testgam::sim::host::Host::watches));
        if held == (0, Some(0)) { Ok(()) } else { Err(format!("still held: {held:?}")) }
    }
}

fn play(steps: &[Step]) -> Result<(), String> {
    let mut history = History::new()?;
    for step in steps {
        history.play(step).map_err(|why| format!("at {step:?}: {why}"))?;
    }
    history.converge()?;
    history.give_back()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn everything_is_told_in_the_end(steps in proptest::collection::vec(step(), 1..80)) {
        let mut all = vec![
            Step::Do(FileOperation::MakeDirectory("d".into())),
            Step::Do(FileOperation::MakeDirectory("e".into())),
            Step::Monitor(0, Kind::Directory, "d"),
        ];
        all.extend(steps);
        play(&all).map_err(TestCaseError::fail)?;
    }
}
