//! What is told of resources that change without pause, in numbers: about once a second, and their neighbours at once.
//!
//! `cargo bench -p testgam --bench busy`. Takes ten seconds; fails if a bound is broken.

#![allow(clippy::print_stdout, reason = "a table is what it is for")]

use std::error::Error;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use gamin::{Code, Connection, Event, Options};

/// A wait that only a hang reaches.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long the last state may be in coming.
const LAST: Duration = Duration::from_millis(1500);

type Fallible<T> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    if let Some(code) = testgam::become_another_if_asked() {
        return code;
    }
    let mut all_hold = true;
    for measure in [written, made_and_removed, burst] {
        let holds = measure().unwrap_or_else(|error| {
            println!("{error}");
            false
        });
        all_hold &= holds;
    }
    if all_hold { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A directory, and a connection that has its listing.
fn watched(name: &str) -> Fallible<(tempfile::TempDir, Connection)> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    for file in ["busy", "neighbour"] {
        File::create(folder.path().join(file))?;
    }
    let id = format!("busy-{}-{name}", std::process::id());
    let connection = Options::new().client_id(id).server(testgam::server_command()).open()?;
    connection.monitor_directory(folder.path())?;
    while connection.next_event_timeout(PATIENCE)?.ok_or("no listing came")?.code != Code::EndExist {}
    Ok((folder, connection))
}

/// What is told up to a moment, and when.
fn told_until(connection: &Connection, end: Instant) -> Fallible<Vec<(Event, Instant)>> {
    let mut told = Vec::new();
    while let Some(event) = connection.next_event_timeout(end.saturating_duration_since(Instant::now()))? {
        told.push((event, Instant::now()));
    }
    Ok(told)
}

fn is_about(event: &Event, name: &str) -> bool {
    event.path == Path::new(name)
}

fn verdict(holds: bool) -> &'static str {
    if holds { "holds" } else { "BROKEN" }
}

/// A file that is written every 100 ms for 5 s, and its neighbour that is rewritten once meanwhile.
fn written() -> Fallible<bool> {
    let (folder, connection) = watched("written")?;
    let (busy, neighbour) = (folder.path().join("busy"), folder.path().join("neighbour"));
    let begin = Instant::now();
    let (mut told, mut rewritten, mut last) = (Vec::new(), begin, begin);
    for round in 1..=50 {
        last = Instant::now();
        File::options().append(true).open(&busy)?.write_all(b"a")?;
        if round == 25 {
            rewritten = Instant::now();
            fs::write(&neighbour, "new")?;
        }
        told.extend(told_until(&connection, begin + Duration::from_millis(100) * round)?);
    }
    told.extend(told_until(&connection, Instant::now() + LAST)?);
    let of_neighbour: Vec<_> = told.iter().filter(|(event, _)| is_about(event, "neighbour")).collect();
    let of_busy: Vec<_> = told.iter().filter(|(event, _)| is_about(event, "busy")).collect();
    let late = of_neighbour
        .first()
        .map(|(_, at)| at.duration_since(rewritten))
        .ok_or("the neighbour was not told")?;
    let is_last_told = of_busy.last().is_some_and(|(_, at)| *at > last);
    let holds =
        of_busy.len() < 12 && is_last_told && of_neighbour.len() == 1 && late < Duration::from_millis(50);
    println!(
        "written every 100 ms for 5 s: {} Changed, fewer than 12, the last write {}; its neighbour's rewrite {} Changed, after {} us {}",
        of_busy.len(),
        if is_last_told { "told" } else { "NOT told" },
        of_neighbour.len(),
        late.as_micros(),
        verdict(holds)
    );
    Ok(holds)
}

/// Names that are made and removed, 33 a second, for 4.5 s: each another one, and always the same.
fn made_and_removed() -> Fallible<bool> {
    let mut all_hold = true;
    for is_fresh in [true, false] {
        let (folder, connection) = watched(if is_fresh { "fresh" } else { "same" })?;
        let begin = Instant::now();
        let mut told = Vec::new();
        for round in 1..=150 {
            let path = folder.path().join(if is_fresh { format!("name{round}") } else { "name".into() });
            fs::write(&path, "text")?;
            fs::remove_file(&path)?;
            told.extend(told_until(&connection, begin + Duration::from_millis(30) * round)?);
        }
        File::create(folder.path().join("last"))?;
        told.extend(told_until(&connection, Instant::now() + LAST)?);
        let is_last_told = told.iter().any(|(event, _)| is_about(event, "last"));
        let holds = told.len() < 55 && is_last_told;
        println!(
            "{} made and removed 33 times a second for 4.5 s: {} events, fewer than 55 {}",
            if is_fresh { "names" } else { "one name" },
            told.len(),
            verdict(holds)
        );
        all_hold &= holds;
    }
    Ok(all_hold)
}

/// Thousands of names, made and removed as fast as it goes.
fn burst() -> Fallible<bool> {
    const COUNT: usize = 3000;
    let (folder, connection) = watched("burst")?;
    let begin = Instant::now();
    for file in 0..COUNT {
        let path = folder.path().join(format!("name{file}"));
        File::create(&path)?;
        fs::remove_file(&path)?;
    }
    let made = begin.elapsed();
    let (mut created, mut deleted) = (0, 0);
    while deleted < COUNT {
        let event = connection.next_event_timeout(PATIENCE)?.ok_or("an event of the burst is missing")?;
        created += usize::from(event.code == Code::Created);
        deleted += usize::from(event.code == Code::Deleted);
    }
    let late = begin.elapsed() - made;
    let holds = created == COUNT && late < Duration::from_millis(500);
    println!(
        "{COUNT} names made and removed in {} ms: {created} Created, {deleted} Deleted, the last {} ms behind {}",
        made.as_millis(),
        late.as_millis(),
        verdict(holds)
    );
    Ok(holds)
}
