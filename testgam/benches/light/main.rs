//! How light the monitor is: each workload under our server and library, under the original's, and under inotify alone, in turns in one
//! run, with three processes each; and where a bound is broken, beside a bare process between inotify and the client.
//!
//! `cargo bench -p testgam --bench light [-- --rounds N] [W1 W2 …]`. Prints the medians as a table, and fails if a bound is broken. The
//! original is taken from Debian's packages; without them its columns are empty, and bounds beside it are left out. With `--scale` it measures
//! and draws how much more is needed for more; with `--give-back`, what is kept of what was done.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a table is what it is for")]
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "figures are small"
)]

mod give_back;
mod hostile;
mod kit;
mod measure;
mod picture;
mod quiet;
mod scale;
mod shipped;
mod table;
mod usage;
mod workloads;

use std::process::ExitCode;

use clap::Parser;
use clap::builder::PossibleValuesParser;
use kit::{Kit, Outcome};
use table::Table;
use workloads::WORKLOADS;

/// What each workload costs, beside the original and inotify alone.
#[derive(Parser)]
struct Options {
    /// How often each is measured; the table has the medians
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Measure instead how time and memory grow with what is watched, and draw docs/pictures/scale.svg
    #[arg(long, conflicts_with = "workloads")]
    scale: bool,
    /// Measure instead what our server and client keep of a million changes, and of subscriptions and trees that have ended
    #[arg(long, conflicts_with_all = ["workloads", "scale"])]
    give_back: bool,
    /// Those to measure; by default, all
    #[arg(value_parser = PossibleValuesParser::new(WORKLOADS.iter().map(|workload| workload.name)))]
    workloads: Vec<String>,
    /// Given by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("light: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Gives whether all bounds hold.
fn run() -> Outcome<bool> {
    let options = Options::parse();
    // In memory, so that no disk is measured, and where nobody else makes and removes files meanwhile.
    let in_memory = std::path::Path::new("/dev/shm");
    let room = if in_memory.is_dir() { in_memory } else { env!("CARGO_TARGET_TMPDIR").as_ref() };
    let kit = Kit::new()?;
    if options.scale {
        return scale::run(&kit, room);
    }
    if options.give_back {
        return give_back::run(&kit, room);
    }
    let mut all_hold = true;
    for workload in WORKLOADS.iter().filter(|workload| {
        options.workloads.is_empty() || options.workloads.iter().any(|name| name == workload.name)
    }) {
        println!("\n{}  {}", workload.name, workload.what);
        let mut table = Table::new(workload.name);
        for _ in 0..options.rounds {
            for watcher in kit.watchers().into_iter().chain(workload.bare.iter().copied()) {
                let folder = tempfile::tempdir_in(room)?;
                let side = kit.side(watcher)?;
                match (workload.run)(&side, folder.path()) {
                    Ok(figures) => table.add(watcher, &figures),
                    Err(error) => println!("    {watcher:?}: {error}"),
                }
            }
        }
        all_hold &= table.print();
    }
    Ok(all_hold)
}
