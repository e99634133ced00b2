//! The figures of a workload beside each other, and what is good enough.

use std::collections::BTreeMap;

use crate::kit::Watcher;
use crate::measure::Figures;

/// What a figure of ours has to keep to.
#[derive(Debug, Clone, Copy)]
enum Bound {
    /// This many times that of inotify alone.
    OfRaw(f64),
    /// This many times the original's.
    OfOriginal(f64),
    /// This much.
    AtMost(f64),
}

use Bound::{AtMost, OfOriginal, OfRaw};

const BOUNDS: &[(&str, &str, Bound)] = &[
    ("W1", "append p50 us", OfRaw(3.0)),
    ("W1", "append p99 us", AtMost(20_000.0)),
    ("W1", "create p50 us", OfRaw(3.0)),
    ("W1", "create p99 us", AtMost(20_000.0)),
    ("W1", "server CPU us a change", OfOriginal(0.2)),
    ("W2", "time ms", OfRaw(1.2)),
    ("W2", "tail ms", AtMost(30.0)),
    ("W2", "CPU ms", OfRaw(0.5)),
    ("W2", "server peak MiB", OfOriginal(0.7)),
    ("W3", "listed ms", OfRaw(1.5)),
    ("W3", "first ms", OfRaw(2.0)),
    ("W3", "server peak MiB", AtMost(8.0)),
    ("W3", "left after 3 s MiB", AtMost(1.0)),
    ("W4", "time ms", OfRaw(2.5)),
    ("W4", "server CPU ms", OfOriginal(0.06)),
    ("W4", "server bytes a watch", AtMost(300.0)),
    ("W4", "create p50 us", OfRaw(3.0)),
    ("W5", "time ms", OfRaw(1.0)),
    ("W5", "server CPU ms", OfOriginal(0.2)),
    ("W6", "create p50 us", OfRaw(3.0)),
    ("W6", "create p99 us", AtMost(50_000.0)),
    ("W7", "CPU ms a second", OfOriginal(0.06)),
    ("W7", "CPU ms a second", OfRaw(1.0)),
    ("W8", "wake-ups in 3 s", AtMost(0.0)),
    ("W8", "server MiB", OfOriginal(1.0)),
    ("W9", "first ms", OfOriginal(0.025)),
    ("W10", "CPU ns an event", OfOriginal(0.4)),
    ("W11", "CPU us an event", OfOriginal(1.3)),
    ("W11", "p50 us", AtMost(5000.0)),
    ("W11", "p99 us", AtMost(40_000.0)),
    ("W13", "one name: server's cores", AtMost(0.5)),
    ("W13", "one name: other's p99 us", AtMost(20_000.0)),
    ("W13", "one name: Changed a second", AtMost(2.0)),
    ("W13", "one name: told wrong", AtMost(0.0)),
    ("W13", "at full speed: told wrong", AtMost(0.0)),
    ("W13", "names: server's cores", AtMost(0.5)),
    ("W13", "names: other's p99 us", AtMost(20_000.0)),
    ("W13", "names: told wrong", AtMost(0.0)),
];

/// All figures of a workload.
pub struct Table {
    workload: &'static str,
    /// In the order in which they were given.
    names: Vec<&'static str>,
    figures: BTreeMap<(&'static str, Watcher), Vec<f64>>,
}

impl Table {
    pub fn new(workload: &'static str) -> Table {
        Table { workload, names: Vec::new(), figures: BTreeMap::new() }
    }

    pub fn add(&mut self, watcher: Watcher, figures: &Figures) {
        for (name, figure) in figures {
            if !self.names.contains(name) {
                self.names.push(name);
            }
            self.figures.entry((name, watcher)).or_default().push(*figure);
        }
    }

    /// Prints the medians; gives whether the bounds hold.
    pub fn print(&self) -> bool {
        let others =
            [(Watcher::Embedded, "embedded"), (Watcher::Bare, "bare"), (Watcher::BareListing, "bare, lists")];
        let others =
            others.map(|(watcher, word)| (self.figures.keys().any(|(_, of)| *of == watcher), watcher, word));
        let others: Vec<_> = others.into_iter().filter(|(is_measured, ..)| *is_measured).collect();
        let titles: String = others.iter().map(|(_, _, word)| format!(" {word:>11}")).collect();
        println!("    {:<26} {:>10} {:>10} {:>10}{titles}   bound", "", "ours", "original", "raw");
        let mut all_hold = true;
        for name in &self.names {
            let median = |watcher: Watcher| {
                let mut figures = self.figures.get(&(*name, watcher))?.clone();
                figures.sort_by(f64::total_cmp);
                figures.get(figures.len() / 2).copied()
            };
            let (ours, original, raw) =
                (median(Watcher::Ours), median(Watcher::Original), median(Watcher::Raw));
            let bounds = BOUNDS.iter().filter(|(of, figure, _)| of == &self.workload && figure == name);
            let verdicts = bounds.map(|(_, _, bound)| {
                let (limit, text) = match bound {
                    OfRaw(times) => (raw.map(|raw| raw * times), format!("{times} x raw")),
                    OfOriginal(times) => (original.map(|of| of * times), format!("{times} x original")),
                    AtMost(limit) => (Some(*limit), format!("{limit}")),
                };
                let holds = ours.zip(limit).map(|(ours, limit)| ours <= limit);
                all_hold &= holds != Some(false);
                let verdict = match holds {
                    Some(true) => "holds",
                    Some(false) => "BROKEN",
                    None => "not compared",
                };
                format!("{text} {verdict}")
            });
            let verdicts = verdicts.collect::<Vec<_>>().join(", ");
            let shown = |figure: Option<f64>| {
                figure.map_or("-".to_owned(), |figure| {
                    if figure < 10.0 { format!("{figure:.2}") } else { format!("{figure:.1}") }
                })
            };
            let besides: String =
                others.iter().map(|(_, watcher, _)| format!(" {:>11}", shown(median(*watcher)))).collect();
            println!(
                "    {name:<26} {:>10} {:>10} {:>10}{besides}   {verdicts}",
                shown(ours),
                shown(original),
                shown(raw)
            );
        }
        all_hold
    }
}
