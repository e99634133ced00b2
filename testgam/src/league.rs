//! The league: the same histories and ordeals for each watcher, and what came of them.
//!
//! Which watchers there are is left to `peers`, how results look to [`table`], what they say to [`standing`], the command line to [`command`]. Invariant: a claim
//! is named only if its least history showed it once more, and says how often it did; in how many histories it arose, is counted without
//! playing these again.

pub mod command;
pub mod ordeals;
mod page;
pub mod standing;
pub mod table;

use std::collections::BTreeMap;
use std::num::NonZero;
use std::time::{Duration, Instant};

use testgam_worlds::peer::process::version;
use testgam_worlds::stop::Stop;

use crate::explore::dice::Dice;
use crate::explore::{Exploration, least_of, play_each};
use crate::options::{PlayOptions, WorldKind};
use crate::peers::Contender;
use ordeals::Ordeals;
use standing::{Charge, Standing};

/// How long each of the least histories is looked for.
const SIMPLIFYING_MAX: Duration = Duration::from_secs(10);
/// A watcher whose own delay is this long mostly has its histories wait ...
const SLOW: Duration = Duration::from_millis(500);
/// ... so that so many times more of them are played at once.
const SLOW_JOBS: NonZero<usize> = NonZero::<usize>::MIN.saturating_add(3);

/// What is played.
#[derive(Debug, Clone)]
pub struct Fixture {
    /// Where the dice begin.
    pub seed: u64,
    /// How many histories each watcher plays.
    pub histories: u64,
    /// How many are played at once.
    pub jobs: NonZero<usize>,
    /// Ends it all.
    pub stop: Stop,
}

/// Plays histories and ordeals with a watcher. `tell` hears how far it is. What it costs is looked at apart: while nothing else is played.
///
/// # Errors
/// Says what is missing here.
pub fn play(
    contender: &Contender,
    fixture: &Fixture,
    tell: &(dyn Fn(&str) + Sync),
) -> Result<Standing, String> {
    let peer = &contender.peer;
    let began = Instant::now();
    let mut result = Standing {
        name: peer.name.clone(),
        arguments: contender.arguments.clone(),
        about: peer.about.clone(),
        version: version(peer)?,
        command: peer.command.clone(),
        quiet_ms: peer.quiet.as_millis() as u64,
        seed: fixture.seed,
        histories: fixture.histories,
        played: 0,
        skipped: 0,
        claims: BTreeMap::new(),
        ordeals: BTreeMap::new(),
        expenses: None,
        took_s: 0.0,
    };
    result.play_histories(contender, fixture, tell);
    let ordeals = Ordeals::new(contender, &fixture.stop);
    for name in ordeals::NAMES {
        tell(name);
        result.ordeals.insert((*name).to_owned(), ordeals.play(name));
    }
    result.took_s = began.elapsed().as_secs_f64();
    Ok(result)
}

impl Standing {
    /// Whether it is what would come of playing once more.
    pub fn is_of(&self, contender: &Contender, fixture: &Fixture) -> bool {
        let peer = &contender.peer;
        let is_named_so = self.arguments.is_empty() || self.arguments == contender.arguments;
        (self.seed, self.histories, &self.command) == (fixture.seed, fixture.histories, &peer.command)
            && is_named_so
            && version(peer).is_ok_and(|version| version == self.version)
    }

    fn play_histories(&mut self, contender: &Contender, fixture: &Fixture, tell: &(dyn Fn(&str) + Sync)) {
        let play = PlayOptions {
            world: WorldKind::Peer,
            contender: Some(contender.clone()),
            stop: fixture.stop.clone(),
            ..PlayOptions::default()
        };
        let is_slow = contender.peer.quiet >= SLOW;
        let exploration = Exploration {
            dice: Dice { is_flat: contender.is_flat(), is_calm: true, ..Dice::new(WorldKind::Peer) },
            seed: fixture.seed,
            first: 0,
            histories: fixture.histories,
            jobs: if is_slow { fixture.jobs.saturating_mul(SLOW_JOBS) } else { fixture.jobs },
            play,
            stop: fixture.stop.clone(),
            simplifying: SIMPLIFYING_MAX,
        };
        let all = play_each(&exploration, |number| tell(&format!("history {number}")));
        for (number, (tally, flaw)) in all {
            let count = if tally.skipped.is_some() { &mut self.skipped } else { &mut self.played };
            *count += 1;
            let Some(flaw) = flaw else { continue };
            let name = flaw.name();
            if let Some(charge) = self.claims.get_mut(&name) {
                charge.count += 1;
                charge.numbers.push(number);
                continue;
            }
            tell(&format!("the least of history {number}: {name}"));
            // One that nobody sees again does not count.
            if let Some(finding) = least_of(&exploration, number, flaw) {
                let (message, scenario) = (finding.flaw.message.clone(), finding.scenario(&[]));
                let (numbers, proof) = (vec![number], finding.proof);
                self.claims.insert(name, Charge { count: 1, numbers, message, scenario, proof });
            }
        }
    }
}
