//! Random histories in the simulated world, with all checkers on: as `testgam explore` plays them, but always the same.

use std::num::NonZero;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use testgam::PlayOptions;
use testgam::explore::dice::Dice;
use testgam::explore::{Exploration, SIMPLIFYING_MAX, explore};
use testgam::options::WorldKind;
use testgam_worlds::stop::Stop;

const HISTORIES: u64 = 2000;
/// A history is worth its name.
const OPERATIONS_MIN: u64 = 50;

fn exploration(seed: u64, histories: u64) -> Exploration {
    Exploration {
        dice: Dice::new(WorldKind::Sim),
        seed,
        first: 0,
        histories,
        jobs: thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN),
        stop: Stop::default(),
        simplifying: SIMPLIFYING_MAX,
        play: PlayOptions::default(),
    }
}

#[test]
fn every_promise_is_kept_in_random_histories() {
    let fewest = AtomicU64::new(u64::MAX);
    let found = explore(&exploration(0, HISTORIES), |_, tally, _| {
        fewest.fetch_min(tally.operations, Ordering::Relaxed);
    });
    if let Some(finding) = found {
        panic!("{}", finding.scenario(&[]));
    }
    assert!(fewest.into_inner() >= OPERATIONS_MIN);
}

#[test]
fn the_same_seed_gives_the_same_histories() {
    let total = |seed| {
        let (operations, events) = (AtomicU64::new(0), AtomicU64::new(0));
        let found = explore(&exploration(seed, 20), |_, tally, _| {
            operations.fetch_add(tally.operations, Ordering::Relaxed);
            events.fetch_add(tally.events, Ordering::Relaxed);
        });
        assert!(found.is_none(), "{found:?}");
        (operations.into_inner(), events.into_inner())
    };
    assert_eq!(total(1), total(1));
    assert_ne!(total(1), total(2));
}
