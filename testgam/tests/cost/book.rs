//! What may be spent: `costs.toml` says it, and is to be kept.

use std::collections::BTreeMap;

use allocation_counter::AllocationInfo;

/// By how much a figure may differ from what is written.
const TOLERANCE: f64 = 0.03;

const WRITTEN: &str = include_str!("costs.toml");

/// What something has cost.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// Calls of the kernel and of its files; none in a client.
    pub calls: u64,
    /// Blocks that were asked of the allocator.
    pub allocations: u64,
    /// What is still held of them, less what was held before and is not any more.
    pub blocks_held: i64,
    pub bytes_held: i64,
    /// The most bytes that were held at once.
    pub bytes_at_most: u64,
}

/// Counts what something asks of the allocator.
pub fn count(act: impl FnOnce()) -> Cost {
    let AllocationInfo { count_total, count_current, bytes_current, bytes_max, .. } =
        allocation_counter::measure(act);
    Cost {
        calls: 0,
        allocations: count_total,
        blocks_held: count_current,
        bytes_held: bytes_current,
        bytes_at_most: bytes_max,
    }
}

/// Does something that is not to be counted.
pub fn uncounted<T>(act: impl FnOnce() -> T) -> T {
    let mut done = None;
    allocation_counter::opt_out(|| done = Some(act()));
    done.expect("because it was done")
}

/// Holds a cost against what is written of it.
pub fn check(work: &str, cost: Cost) {
    let mut figures = vec![("calls", cost.calls as f64), ("allocations", cost.allocations as f64)];
    // How large a thing is depends on how large an address is.
    if cfg!(target_pointer_width = "64") {
        figures.push(("bytes_held", cost.bytes_held as f64));
        figures.push(("bytes_at_most", cost.bytes_at_most as f64));
    }
    let written: BTreeMap<String, BTreeMap<String, f64>> =
        toml::from_str(WRITTEN).expect("because costs.toml is a table of tables of figures");
    let written = written.get(work);
    let wrong = figures.iter().filter_map(|(name, counted)| {
        let figure = written.and_then(|figures| figures.get(*name).copied());
        let is_right = figure.is_some_and(|figure| (counted - figure).abs() <= (figure * TOLERANCE).abs());
        let figure = figure.map_or("nothing".to_owned(), |figure| format!("{figure}"));
        (!is_right).then(|| format!("\n  {name}: {counted} were counted, {figure} is written"))
    });
    let wrong: String = wrong.collect();
    let now: String = figures.iter().map(|(name, counted)| format!("{name} = {counted}\n")).collect();
    assert!(
        wrong.is_empty(),
        "{work} costs another amount than is written in testgam/tests/cost/costs.toml:{wrong}\n\
         If it has become cheaper, or has to be dearer and the commit says why, write:\n\n[{work:?}]\n{now}"
    );
}
