//! The table of the league: as Markdown, for people.
//!
//! What it says is left to `league`. Invariant: each accusation has its scenario, and the command that plays it again.

use std::fmt::Write;

use super::ordeals;
use super::standing::{Ending, Expenses, Standing};

/// A watcher that is not here.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Absent {
    /// What it is called.
    pub name: String,
    /// What is missing.
    pub why: String,
    /// How it is installed.
    pub install: String,
}

/// Where all of it was played.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Machine {
    /// Which kernel.
    pub kernel: String,
    /// Which file system.
    pub file_system: String,
    /// How many processors.
    pub processors: usize,
}

/// Writes everything.
pub fn markdown(results: &[Standing], absent: &[Absent], machine: &Machine) -> String {
    let Machine { kernel, file_system, processors } = machine;
    let mut text = format!("Linux {kernel}, {file_system}, {processors} processors.\n\n");
    text += &promises(results);
    text += &costs(results);
    text += &commands(results);
    if !absent.is_empty() {
        text += "## Not here\n| watcher | what is missing | how it is installed |\n|---|---|---|\n";
        for Absent { name, why, install } in absent {
            let _ = writeln!(text, "| {name} | {} | {} |", cell(why), cell(install));
        }
        text.push('\n');
    }
    text + &counterexamples(results)
}

/// What each kept and broke.
fn promises(results: &[Standing]) -> String {
    let mut text = "## What is told\n| watcher | version | histories |".to_owned();
    ordeals::NAMES.iter().for_each(|name| text += &format!(" {name} |"));
    text += "\n|---|---|---|";
    text += &"---|".repeat(ordeals::NAMES.len());
    text.push('\n');
    for result in results {
        let _ = write!(text, "| {} | {} | {} |", result.name, cell(&result.version), histories(result));
        for name in ordeals::NAMES {
            let shown = result.ordeals.get(*name).map_or("-".to_owned(), outcome);
            let _ = write!(text, " {shown} |");
        }
        text.push('\n');
    }
    text.push('\n');
    text
}

fn histories(result: &Standing) -> String {
    let all = result.played;
    if all == 0 {
        return "not played".to_owned();
    }
    if result.claims.is_empty() {
        return format!("all of {all} held");
    }
    let claims = result.claims.iter().map(|(name, charge)| format!("{name} in {} of {all}", charge.count));
    claims.collect::<Vec<_>>().join(", ")
}

fn outcome(outcome: &Ending) -> String {
    match outcome {
        Ending::Held => "held".to_owned(),
        Ending::Skipped(_) => "not played".to_owned(),
        Ending::Broken { claim, proof, .. } if proof.shown == proof.played => format!("**{claim}**"),
        Ending::Broken { claim, proof, .. } => format!("**{claim}** ({} of {})", proof.shown, proof.played),
    }
}

fn costs(results: &[Standing]) -> String {
    let row = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let heads = cost_heads().map(str::to_owned).to_vec();
    let line = "|---|".to_owned() + &"---:|".repeat(heads.len() - 1) + "\n";
    let rows: String = results.iter().map(|result| row(cost_cells(result).to_vec())).collect();
    format!("## What it costs\n{}{line}{rows}\n", row(heads))
}

/// The heads of the columns of what a watcher costs.
pub fn cost_heads() -> [&'static str; 10] {
    [
        "watcher",
        "a file is told after (p50, p99, worst) ms",
        "its own delay ms",
        "watches after ms",
        "threads",
        "descriptors",
        "memory MiB",
        "10,000 directories: watches after ms",
        "memory MiB",
        "processor ms",
    ]
}

/// What stands under them.
pub fn cost_cells(result: &Standing) -> [String; 10] {
    let expenses = result.expenses.clone().unwrap_or_default();
    let Expenses { latency_p50_us, latency_p99_us, latency_max_us, start_ms, small, start_large_ms, large } =
        &expenses;
    let ms = |us: &u64| format!("{:.2}", *us as f64 / 1000.0);
    let mib = |kib: u64| format!("{:.1}", kib as f64 / 1024.0);
    if small.processes == 0 {
        let mut cells = ["-"; 10].map(str::to_owned);
        cells[0].clone_from(&result.name);
        return cells;
    }
    let large = start_large_ms
        .map(|start| [start.to_string(), mib(large.memory_kib), large.processor_ms.to_string()]);
    let [start_large, memory_large, processor] = large.unwrap_or(["-", "-", "-"].map(str::to_owned));
    [
        result.name.clone(),
        // One that says itself when it has told everything is not asked by files.
        match latency_max_us {
            0 => "-".to_owned(),
            _ => [latency_p50_us, latency_p99_us, latency_max_us].map(ms).join(", "),
        },
        result.quiet_ms.to_string(),
        start_ms.to_string(),
        small.threads.to_string(),
        small.descriptors.to_string(),
        mib(small.memory_kib),
        start_large,
        memory_large,
        processor,
    ]
}

fn commands(results: &[Standing]) -> String {
    let mut text =
        "## How it was started\n| watcher | what it is | command | seed |\n|---|---|---|---:|\n".to_owned();
    for result in results {
        let command = result.command.join(" ").replace('\n', "\\n").replace('\t', "\\t");
        let _ = writeln!(
            text,
            "| {} | {} | `{}` | {} |",
            result.name,
            cell(&result.about),
            cell(&command),
            result.seed
        );
    }
    text.push('\n');
    text
}

fn counterexamples(results: &[Standing]) -> String {
    let mut text = String::new();
    for result in results {
        for (claim, charge) in &result.claims {
            let proof = charge.proof.map_or(String::new(), |proof| {
                format!(" Played {} times, it showed that {} times.", proof.played, proof.shown)
            });
            let others: Vec<_> = charge.numbers.iter().skip(1).map(u64::to_string).collect();
            let others = match &others[..] {
                [] => String::new(),
                others => format!(
                    " Claimed in these histories too, maybe for another reason: {}.",
                    others.join(", ")
                ),
            };
            let file = file_name(&result.name, claim);
            let Standing { name, arguments, .. } = result;
            let _ = write!(
                text,
                "### {name}: {claim}\n{}.{proof}{others} `testgam {arguments} {file}`\n```\n{}```\n\n",
                charge.message, charge.scenario
            );
        }
        for (name, ending) in &result.ordeals {
            let _ = match ending {
                Ending::Held => Ok(()),
                Ending::Skipped(why) => write!(text, "### {}, {name}: not played\n{why}.\n\n", result.name),
                Ending::Broken { claim, message, .. } => {
                    write!(text, "### {}, {name}: {claim}\n{message}.\n\n", result.name)
                }
            };
        }
    }
    if text.is_empty() { text } else { format!("## Counterexamples\n{text}") }
}

/// Where the counterexample of a claim lies.
pub fn file_name(watcher: &str, claim: &str) -> String {
    format!("{watcher}/{}.tst", claim.replace(|c: char| !c.is_ascii_alphanumeric(), "-"))
}

/// Text that stays in its cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::league::standing::Charge;

    #[test]
    fn a_counterexample_has_the_command_that_plays_it_and_names_the_other_histories() {
        let charge = Charge {
            count: 2,
            numbers: vec![3, 7],
            message: "a is there".into(),
            scenario: "connect\n".into(),
            proof: None,
        };
        let claims = [("missing".to_owned(), charge)].into();
        let arguments = "--world /there/mine.toml".into();
        let result = Standing { name: "mine-2".into(), arguments, claims, ..Standing::default() };
        let text = counterexamples(&[result]);
        let expected = "### mine-2: missing\na is there. Claimed in these histories too, maybe for another reason: 7. \
                        `testgam --world /there/mine.toml mine-2/missing.tst`\n```\nconnect\n```";
        assert!(text.contains(expected), "{text}");
    }
}
