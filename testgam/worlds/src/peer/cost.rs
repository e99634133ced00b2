//! What processes cost, as procfs says: threads, descriptors, memory, processor.
//!
//! Invariant: a process that has ended costs nothing.

use std::fs;
use std::time::Duration;

use nix::unistd::{Pid, SysconfVar, sysconf};

/// What processes use together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Cost {
    /// How many processes they are.
    pub processes: u64,
    /// Their threads.
    pub threads: u64,
    /// Their descriptors.
    pub descriptors: u64,
    /// Memory that is theirs alone, or shared by so many that their part is so much (PSS).
    pub memory_kib: u64,
    /// What they have used of the processor since they began, those of their children that have ended left out.
    pub processor_ms: u64,
}

impl Cost {
    /// What these use.
    pub fn of(processes: &[Pid]) -> Cost {
        let mut cost = Cost::default();
        for process in processes {
            let read = |file: &str| fs::read_to_string(format!("/proc/{process}/{file}")).unwrap_or_default();
            let status = read("status");
            if field(&status, "VmRSS:").is_none() {
                continue;
            }
            let rollup = read("smaps_rollup");
            let descriptors = fs::read_dir(format!("/proc/{process}/fd")).map_or(0, Iterator::count);
            cost.processes += 1;
            cost.threads += field(&status, "Threads:").unwrap_or(0);
            cost.descriptors += descriptors as u64;
            cost.memory_kib += field(&rollup, "Pss:").or(field(&status, "VmRSS:")).unwrap_or(0);
            cost.processor_ms += processor(&read("stat")).as_millis() as u64;
        }
        cost
    }
}

/// The number that stands behind a word at the beginning of a line.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// What `/proc/PID/stat` says of the processor: the 14th and 15th word, where the second may hold anything in parentheses.
fn processor(stat: &str) -> Duration {
    let words = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
    let ticks: u64 = words.skip(11).take(2).filter_map(|word| word.parse::<u64>().ok()).sum();
    let second = sysconf(SysconfVar::CLK_TCK).ok().flatten().unwrap_or(100).max(1) as u64;
    Duration::from_millis(ticks * 1000 / second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_costs_something() {
        let cost = Cost::of(&[Pid::this()]);
        assert_eq!(cost.processes, 1);
        assert!(cost.threads >= 1 && cost.descriptors >= 3 && cost.memory_kib > 100, "{cost:?}");
    }

    #[test]
    fn the_processor_is_read_behind_the_name() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194304 1 2 3 4 50 25 0 0 20 0 1 0 5 6 7";
        let second = sysconf(SysconfVar::CLK_TCK).expect("a number").expect("a number") as u64;
        assert_eq!(processor(stat), Duration::from_millis(75 * 1000 / second));
    }
}
