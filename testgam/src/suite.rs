//! The suite: plays a corpus of scenarios, many at once, and compares each transcript with its snapshot.
//!
//! Where scenarios and snapshots lie is left to [`corpus`], one scenario's judgement to [`verdict`], what a
//! difference means to [`difference`], the command line to [`command`], and how results look to `report`.
//! Invariant: every selected scenario gets exactly one [`Finding`], and these are told in the order of the
//! corpus, however many play at once; only a run that ends early leaves the rest out.

pub mod command;
pub mod corpus;
pub mod difference;
pub mod interrupt;
mod options;
pub mod verdict;

use std::collections::BTreeMap;
use std::io;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use corpus::Scenario;
pub use options::SuiteOptions;
use verdict::Finding;

/// The longest time that a scenario may take.
pub const SCENARIO_BOUND: Duration = Duration::from_secs(60);

/// Plays scenarios and hands over each finding as soon as those before it are told.
///
/// `played` is called whenever a scenario has been played, in no order. `tell` may break off; then, and when a
/// stop is asked for, what is not told by then is left out.
///
/// # Errors
/// The first one of `tell`; no further scenario is started then.
pub fn play_all(
    scenarios: &[Scenario],
    options: &SuiteOptions,
    mut played: impl FnMut(),
    mut tell: impl FnMut(Finding) -> io::Result<ControlFlow<()>>,
) -> io::Result<()> {
    let next = AtomicUsize::new(0);
    let stop = &options.play.stop;
    thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        for _ in 0..options.jobs.get().min(scenarios.len()) {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || {
                while !stop.is_asked() {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(scenario) = scenarios.get(at) else { break };
                    let finding = verdict::judge(scenario, options);
                    if sender.send((at, finding)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        let mut waiting = BTreeMap::new();
        let mut told = 0;
        for (at, finding) in receiver {
            played();
            waiting.insert(at, finding);
            while let Some(finding) = waiting.remove(&told) {
                told += 1;
                // One that was interrupted says nothing about the monitor.
                if !stop.is_asked() && tell(finding).inspect_err(|_| stop.ask())?.is_break() {
                    stop.ask();
                }
            }
        }
        Ok(())
    })
}
