//! Ordeals: fixed scenarios of what any process can be made to suffer; and those that show what a watcher costs.
//!
//! Invariant: they are the same for all, and each can be played by hand.

use std::time::Duration;

use testgam_language::EXTENDED_HEADER;
use testgam_language::script::Script;
use testgam_worlds::peer::{Bill, Item};
use testgam_worlds::stop::Stop;

use super::standing::{Ending, Expenses};
use crate::explore::history::Proof;
use crate::options::{PlayOptions, WorldKind};
use crate::peers::Contender;
use crate::play::{self, Played};

/// All of them.
pub const NAMES: &[&str] = &["overflow", "killed", "slow reader", "four writers", "few watches"];
/// How often each is played before it counts.
const PROOFS: u32 = 3;
/// How often a file is written to see how soon that is told, at least and at most, and how long that may take.
const WRITES_MIN: u128 = 10;
const WRITES_MAX: u128 = 100;
const WRITING: Duration = Duration::from_secs(10);
/// How many trees of ten directories are watched to see what many cost.
const TREES: usize = 1000;
/// The longest that one may take.
const BOUND: Duration = Duration::from_secs(60);

/// What a watcher has to go through.
pub struct Ordeals {
    play: PlayOptions,
    watch: &'static str,
}

impl Ordeals {
    /// Those for a watcher.
    pub fn new(contender: &Contender, stop: &Stop) -> Ordeals {
        let watch = if contender.is_flat() { "mondir ." } else { "moncollection . 99 *" };
        let play = PlayOptions {
            world: WorldKind::Peer,
            contender: Some(contender.clone()),
            stop: stop.clone(),
            ..PlayOptions::default()
        };
        Ordeals { play, watch }
    }

    /// The scenario of this name.
    pub fn scenario(&self, name: &str) -> String {
        let watch = self.watch;
        let flood = "mkfiles d 20000\nmkdir late\nmkfile late/file\nmkfile last";
        let flood =
            if watch == "mondir ." { flood.replace("mkfiles d", "mkfiles .") } else { flood.to_owned() };
        let after = "mkdir after\nwrite after/file x\nappend last x\nconverged";
        let steps = match name {
            "overflow" => format!(
                "connect\nmkdir d\n{watch}\nsuspend\nserver stop\n{flood}\nserver continue\nresume\nconverged\n{after}"
            ),
            "slow reader" => format!(
                "connect\nmkdir d\n{watch}\nsuspend\nfault room 100\n{flood}\nfault room all\nresume\nconverged\n{after}"
            ),
            "killed" => format!(
                "connect\nmkdir d\nmkfile d/a\n{watch}\nserver kill\nmkfile d/b\nrmfile d/a\nserver start\nappend d/b x\n\
                 rmfile d/b\nmkfile last\nconverged"
            ),
            "four writers" => {
                let writer = |own: &str| {
                    format!(
                        "writer\nmkfiles d 40\nsave shared {own}\nmkfile {own}\nmv {own} {own}2\nrmfiles d 40\nappend {own}2 x\n"
                    )
                };
                let writers: String = ["a", "b", "e", "f"].map(writer).concat();
                format!("connect\nmkdir d\n{watch}\nsuspend\nconcurrently\n{writers}end\nresume\nconverged")
            }
            _ => format!(
                "server watches 3\nconnect\nmktree d 2\nsuspend\n{watch}\nmkfile last\nmkfile d/directory/directory/last\nresume\nconverged"
            ),
        };
        format!("{EXTENDED_HEADER}\n{steps}\n")
    }

    /// What comes of it.
    pub fn play(&self, name: &str) -> Ending {
        let text = self.scenario(name);
        let mut broken: Option<(String, String, u32)> = None;
        for number in 0..PROOFS {
            match self.run(&text).outcome {
                play::Outcome::Skipped(why) => return Ending::Skipped(why),
                // One that holds at once need not be played again.
                play::Outcome::Held if number == 0 => return Ending::Held,
                play::Outcome::Held => {}
                play::Outcome::Failed(failure) => {
                    // That it took too long, or could not be set up, is nobody's fault.
                    let Some(claim) = failure.checker.map(|checker| checker.to_string()) else {
                        return Ending::Skipped(failure.message);
                    };
                    let shown = broken.as_ref().map_or(0, |(_, _, shown)| *shown);
                    broken = Some((claim, failure.message, shown + 1));
                }
            }
        }
        broken.map_or(Ending::Held, |(claim, message, shown)| Ending::Broken {
            claim,
            message,
            proof: Proof { shown, played: PROOFS },
        })
    }

    /// What it costs: with few files, and with many directories.
    pub fn expenses(&self) -> Expenses {
        let watch = self.watch;
        let quiet =
            self.play.contender.as_ref().map_or(1, |contender| contender.peer.quiet.as_millis().max(1));
        let writes = (WRITING.as_millis() / quiet).clamp(WRITES_MIN, WRITES_MAX);
        let writes = "append a\n".repeat(writes as usize);
        let small = self.bill(&format!("{EXTENDED_HEADER}\nconnect\nquietly\n{watch}\n{writes}end\n"));
        let trees: String = (0..TREES).map(|number| format!("mktree t{number} 9\n")).collect();
        let large =
            self.bill(&format!("{EXTENDED_HEADER}\n{trees}connect\nquietly\n{watch}\nmkfile last\nend\n"));
        let mut latencies: Vec<u64> = small.latencies.iter().map(|took| took.as_micros() as u64).collect();
        latencies.sort_unstable();
        let at = |hundredths: usize| {
            let last = latencies.len().saturating_sub(1);
            latencies.get((latencies.len() * hundredths / 100).min(last)).copied().unwrap_or(0)
        };
        Expenses {
            latency_p50_us: at(50),
            latency_p99_us: at(99),
            latency_max_us: at(100),
            start_ms: small.start.as_millis() as u64,
            small: small.cost,
            start_large_ms: (large.cost.processes > 0).then_some(large.start.as_millis() as u64),
            large: large.cost,
        }
    }

    /// What the first watcher of a scenario has cost.
    fn bill(&self, text: &str) -> Item {
        let mut play = self.play.clone();
        let bill = Bill::default();
        if let Some(contender) = &mut play.contender {
            contender.bill = bill.clone();
        }
        Ordeals { play, watch: self.watch }.run(text);
        bill.items().into_iter().next().unwrap_or_default()
    }

    fn run(&self, text: &str) -> Played {
        let script = Script::parse(text.as_bytes()).expect("because every verb in it is known");
        let stop = self.play.stop.within(BOUND);
        play::play(&script, &PlayOptions { stop, ..self.play.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::Peers;

    #[test]
    fn every_ordeal_reads_as_a_scenario() {
        let contender = Peers::new(None).and_then(|peers| peers.find("./any", None)).expect("a command");
        let ordeals = Ordeals::new(&contender, &Stop::default());
        for name in NAMES {
            let text = ordeals.scenario(name);
            assert!(Script::parse(text.as_bytes()).is_ok(), "{name}: {text}");
        }
    }
}
