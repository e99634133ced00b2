//! How it is measured: the time between a change and what is told of it, and units.
//!
//! What happens meanwhile is left to the workloads. Invariant: all times are of the clock that the client goes by.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::timerfd::{self, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use nix::time::{ClockId, clock_gettime};

use crate::kit::{Client, Outcome};

/// What was measured: by a name, and in the unit that stands in the name.
pub type Figures = Vec<(&'static str, f64)>;

/// The name that the last change is of.
pub const LAST: &str = "the-last";

/// How long it took from each change to the first event about it, in microseconds, sorted.
pub fn latencies(
    client: &mut Client,
    folder: &Path,
    samples: usize,
    pause: impl Fn(usize) -> Duration,
    change: impl Fn(usize) -> Outcome<PathBuf>,
) -> Outcome<Vec<f64>> {
    // Each has one of its own.
    let name = format!("{LAST}-{}", now());
    client.begin(&format!("times {name}"))?;
    pass(Duration::from_millis(50))?;
    let mut changes = Vec::new();
    for sample in 0..samples {
        pass(pause(sample))?;
        let begin = now();
        let path = change(sample)?;
        changes.push((begin, path.file_name().unwrap_or_default().to_owned(), None));
    }
    pass(Duration::from_millis(20))?;
    File::create(folder.join(name))?;
    loop {
        let (time, event) = client.line()?;
        let Ok(time) = time.parse::<u64>() else {
            if time == "short" {
                return Err("not all was told".into());
            }
            break;
        };
        let (_, name) = event.split_once(' ').ok_or("a client speaks strangely")?;
        let first = changes
            .iter_mut()
            .find(|(begin, path, told)| told.is_none() && *begin <= time && path.as_os_str() == name);
        if let Some((_, _, told)) = first {
            *told = Some(time);
        }
    }
    // What is never told takes for ever.
    let took =
        changes.iter().map(|(begin, _, told)| told.map_or(f64::INFINITY, |told| (told - begin) as f64 / 1e3));
    let mut took: Vec<f64> = took.collect();
    took.sort_by(f64::total_cmp);
    Ok(took)
}

pub fn quantile(sorted: &[f64], part: f64) -> f64 {
    let at = (sorted.len() as f64 * part) as usize;
    sorted.get(at.min(sorted.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}

/// Lets time pass: a workload goes by the clock, and waits for nothing by that.
pub fn pass(time: Duration) -> Outcome<()> {
    if time.is_zero() {
        return Ok(());
    }
    let timer = TimerFd::new(timerfd::ClockId::CLOCK_MONOTONIC, TimerFlags::empty())?;
    timer.set(Expiration::OneShot(time.into()), TimerSetTimeFlags::empty())?;
    Ok(timer.wait()?)
}

/// CLOCK_MONOTONIC in nanoseconds, as the client says it.
pub fn now() -> u64 {
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("because there is such a clock");
    Duration::from(time).as_nanos() as u64
}

pub fn ms(ns: u64) -> f64 {
    ns as f64 / 1e6
}

pub fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}
