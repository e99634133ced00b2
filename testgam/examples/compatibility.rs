//! Writes docs/compatibility/table.md: each scenario with our and the original's library and server.
//!
//! `ci/interop` plays the corpus and hands over the four reports of `testgam run --format json`; why a scenario differs is kept by
//! hand in docs/compatibility/reasons.toml. Invariant: it fails if a difference has no reason there, if a reason has no
//! difference, or if ours with ours does not hold; and the same reports give the same table.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::process::ExitCode;

use serde::Deserialize;

const REASONS: &str = "docs/compatibility/reasons.toml";
const TABLE: &str = "docs/compatibility/table.md";

/// The pairs of library and server, in the order of the arguments and of the table's columns.
const PAIRS: [Pair; 4] = [
    Pair { name: "ours", foreign_library: false, foreign_server: false },
    Pair { name: "theirs", foreign_library: true, foreign_server: true },
    Pair { name: "our library, their server", foreign_library: false, foreign_server: true },
    Pair { name: "their library, our server", foreign_library: true, foreign_server: false },
];

struct Pair {
    name: &'static str,
    foreign_library: bool,
    foreign_server: bool,
}

/// A line of a report.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Record {
    Scenario { name: String, verdict: String },
    Summary {},
}

/// What came of a scenario with one pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Held,
    Skipped,
    Differs,
    /// It differs, or not, from one time to the next.
    Wavers,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reasons {
    reason: Vec<Reason>,
}

/// Why scenarios differ where the original takes part.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reason {
    /// How the table calls it.
    name: String,
    /// Which part of the original it is about.
    part: Part,
    /// What that part does.
    original: String,
    /// What ours does, and why that is right.
    ours: String,
    /// Those that always differ.
    #[serde(default)]
    scenarios: BTreeSet<String>,
    /// Those that differ at times.
    #[serde(default)]
    wavering: BTreeSet<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Part {
    Library,
    Server,
}

impl Reason {
    fn covers(&self, pair: &Pair) -> bool {
        match self.part {
            Part::Library => pair.foreign_library,
            Part::Server => pair.foreign_server,
        }
    }

    fn names(&self, scenario: &str) -> bool {
        self.scenarios.contains(scenario) || self.wavering.contains(scenario)
    }
}

fn main() -> ExitCode {
    match run(std::env::args().skip(1).collect()) {
        Ok(complaints) if complaints.is_empty() => ExitCode::SUCCESS,
        Ok(complaints) => {
            // If nobody reads it, the status says it.
            let _ = io::stderr().write_all(complaints.as_bytes());
            ExitCode::FAILURE
        }
        Err(why) => {
            let _ = writeln!(io::stderr(), "{why}");
            ExitCode::FAILURE
        }
    }
}

/// Writes the table; gives what is wrong with it.
fn run(reports: Vec<String>) -> Result<String, Box<dyn Error>> {
    let reports: [String; 4] =
        reports.try_into().map_err(|_| "four reports are wanted, in the order of the columns")?;
    let reasons: Reasons =
        toml::from_str(&fs::read_to_string(REASONS)?).map_err(|why| format!("{REASONS}: {why}"))?;
    let mut rows: BTreeMap<String, [Option<Outcome>; 4]> = BTreeMap::new();
    for (at, report) in reports.iter().enumerate() {
        for line in fs::read_to_string(report)?.lines() {
            if let Record::Scenario { name, verdict } = serde_json::from_str(line)? {
                rows.entry(name).or_default()[at] = Some(outcome(&verdict));
            }
        }
    }
    let mut complaints = String::new();
    for (name, row) in &mut rows {
        judge(name, row, &reasons.reason, &mut complaints)?;
    }
    for reason in &reasons.reason {
        for scenario in reason.scenarios.union(&reason.wavering).filter(|name| !rows.contains_key(*name)) {
            writeln!(complaints, "{REASONS}: {}: there is no scenario {scenario}", reason.name)?;
        }
    }
    fs::write(TABLE, table(&rows, &reasons.reason)?)?;
    Ok(complaints)
}

fn outcome(verdict: &str) -> Outcome {
    match verdict {
        "held" => Outcome::Held,
        "skipped" => Outcome::Skipped,
        _ => Outcome::Differs,
    }
}

/// Compares what came of a scenario with the reasons, and notes where it wavers.
fn judge(
    name: &str,
    row: &mut [Option<Outcome>; 4],
    reasons: &[Reason],
    complaints: &mut String,
) -> std::fmt::Result {
    for (pair, result) in PAIRS.iter().zip(row.iter_mut()) {
        let covering = || reasons.iter().filter(|reason| reason.names(name) && reason.covers(pair));
        let Some(result) = result else {
            writeln!(complaints, "{name}: not played with {}", pair.name)?;
            continue;
        };
        if *result == Outcome::Differs && covering().next().is_none() {
            writeln!(complaints, "{name}: differs with {} without a reason in {REASONS}", pair.name)?;
        }
        let wavers = !covering().any(|reason| reason.scenarios.contains(name)) && covering().next().is_some();
        if wavers && *result != Outcome::Skipped {
            *result = Outcome::Wavers;
        }
    }
    for reason in reasons.iter().filter(|reason| reason.scenarios.contains(name)) {
        let differs = |(pair, result): (&Pair, &Option<Outcome>)| {
            reason.covers(pair) && *result == Some(Outcome::Differs)
        };
        if !PAIRS.iter().zip(row.iter()).any(differs) {
            writeln!(complaints, "{REASONS}: {}: {name} does not differ", reason.name)?;
        }
    }
    Ok(())
}

fn table(
    rows: &BTreeMap<String, [Option<Outcome>; 4]>,
    reasons: &[Reason],
) -> Result<String, std::fmt::Error> {
    let mut text = String::from(
        "# The corpus with ours and theirs\n\n\
         Written by `ci/interop`; why scenarios differ is kept in [reasons.toml](reasons.toml); D and a number is a \
         defect in [original.md](../original.md). *Theirs* is Gamin 0.1.10-6 as Debian has \
         it. A scenario *differs* if it does not print its accepted snapshot to the letter, or breaks a promise of \
         docs/semantics.md on the way; it is played no further than that, so behind one difference there may be others.\n\n",
    );
    let heads = PAIRS.map(|pair| pair.name).join(" | ");
    writeln!(text, "| | {heads} |\n|---|{}", "---:|".repeat(PAIRS.len()))?;
    let results = [
        (Outcome::Held, "held"),
        (Outcome::Differs, "differ"),
        (Outcome::Wavers, "differ at times"),
        (Outcome::Skipped, "skipped"),
    ];
    for (result, word) in results {
        let count = |at: usize| rows.values().filter(|row| row[at] == Some(result)).count().to_string();
        writeln!(text, "| {word} | {} |", [0, 1, 2, 3].map(count).join(" | "))?;
    }
    writeln!(text, "\n## Why\n\n| name | the original | ours | scenarios |\n|---|---|---|---:|")?;
    for reason in reasons {
        let part = match reason.part {
            Part::Library => "library",
            Part::Server => "server",
        };
        let count = reason.scenarios.union(&reason.wavering).count();
        writeln!(text, "| {} | its {part}: {} | {} | {count} |", reason.name, reason.original, reason.ours)?;
    }
    writeln!(
        text,
        "\n## Scenarios\n\n| scenario | {heads} | why |\n|---|{}---|",
        "---|".repeat(PAIRS.len())
    )?;
    for (name, row) in rows {
        let cells = row.map(|result| match result {
            Some(Outcome::Held) => "held",
            Some(Outcome::Differs) => "**differs**",
            Some(Outcome::Wavers) => "*at times*",
            Some(Outcome::Skipped) => "skipped",
            None => "",
        });
        let why: Vec<_> =
            reasons.iter().filter(|reason| reason.names(name)).map(|reason| reason.name.as_str()).collect();
        writeln!(text, "| {name} | {} | {} |", cells.join(" | "), why.join(", "))?;
    }
    Ok(text)
}
