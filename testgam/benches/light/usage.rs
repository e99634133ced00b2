//! What a process has used, as the kernel tells.

use std::time::Duration;
use std::{fs, io};

use nix::time::clock_getcpuclockid;
use nix::unistd::Pid;

/// What a process has used so far.
#[derive(Debug, Clone, Copy, Default)]
pub struct Usage {
    /// On a processor, in nanoseconds, all threads together.
    pub cpu_ns: u64,
    /// Memory that is its own or shared, now and at most, in KiB.
    pub rss_kib: u64,
    pub peak_kib: u64,
    /// How often it has waited.
    pub waits: u64,
}

impl Usage {
    /// Of a process that runs.
    ///
    /// # Errors
    /// It has ended.
    pub fn of(pid: u32) -> io::Result<Usage> {
        // Also of threads that have ended.
        let clock = clock_getcpuclockid(Pid::from_raw(pid.cast_signed()))?;
        let cpu_ns = Duration::from(clock.now()?).as_nanos() as u64;
        let mut usage = Usage { cpu_ns, ..Usage::default() };
        for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
            let thread = thread?.path();
            usage.waits += number(&fs::read_to_string(thread.join("status"))?, "voluntary_ctxt_switches:");
        }
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        usage.rss_kib = number(&status, "VmRSS:");
        usage.peak_kib = number(&status, "VmHWM:");
        Ok(usage)
    }

    /// What was used since.
    pub fn since(self, before: Usage) -> Usage {
        // Of a thread that has ended nobody knows how often it has waited.
        let waits = self.waits.saturating_sub(before.waits);
        Usage { cpu_ns: self.cpu_ns - before.cpu_ns, waits, ..self }
    }
}

fn number(status: &str, key: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    line.and_then(|line| line.split_whitespace().next())
        .and_then(|word| word.parse().ok())
        .unwrap_or_default()
}
