//! Random histories against the real kernel: as `testgam explore --world live` plays them, a few of its thousand.

use std::num::NonZero;
use std::thread;

use gamin::ServerCommand;
use testgam::PlayOptions;
use testgam::explore::dice::Dice;
use testgam::explore::{Exploration, SIMPLIFYING_MAX, explore};
use testgam::options::WorldKind;
use testgam_worlds::stop::Stop;

const TESTGAM: &str = env!("CARGO_BIN_EXE_testgam");
const HISTORIES: u64 = 12;

#[test]
fn what_is_told_of_four_writers_and_a_troubled_server_comes_true() {
    let server = ServerCommand { program: TESTGAM.into(), args: vec!["gam_server".into()] };
    let exploration = Exploration {
        dice: Dice { steps: 110, ..Dice::new(WorldKind::Live) },
        seed: 0,
        first: 0,
        histories: HISTORIES,
        jobs: thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN),
        stop: Stop::default(),
        simplifying: SIMPLIFYING_MAX,
        play: PlayOptions { server, ..PlayOptions::default() },
    };
    if let Some(finding) = explore(&exploration, |_, _, _| {}) {
        panic!("{}", finding.scenario(&[]));
    }
}
