//! What server and client keep of what has been done: nothing, however much that was.
//!
//! Both stay, and do the same again and again; after each round all connections are closed. How they are talked to is left to the kit.
//! Invariant: memory is read when nobody has asked for anything for [`REST`].

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::kit::{Client, Kit, Outcome, Side, Watcher, list};
use crate::measure::{LAST, pass};

const ROUNDS: usize = 4;
/// The first round that others are compared with: what is set up once is there by then.
const SETTLED: usize = 2;
/// What later rounds may add to that one, and all of them to the start, in KiB.
const GROWTH_KIB: u64 = 256;
const LEFT_KIB: u64 = 1024;
/// How long nothing is asked for before memory is read.
const REST: Duration = Duration::from_secs(3);

const CHANGES: usize = 1_000_000;
/// How many names they are spread over.
const NAMES: usize = 1000;
const DIRECTORIES: usize = 100_000;
/// How many subscriptions there are before they are cancelled.
const BATCH: usize = 10_000;
/// What the tree leaves of the kernel's watches to others.
const WATCHES_LEFT: usize = 20_000;

/// Does it, prints the memory after each round, and gives whether nothing was kept.
pub fn run(kit: &Kit, room: &Path) -> Outcome<bool> {
    let folder = tempfile::tempdir_in(room)?;
    let (changing, tree) = (folder.path().join("changing"), folder.path().join("tree"));
    fs::create_dir(&changing)?;
    fs::create_dir(&tree)?;
    let directories = directories(&tree)?;
    let list = list(folder.path(), &directories)?;
    let side = kit.side(Watcher::Ours)?;
    let mut client = side.client()?;
    pass(REST)?;
    let [server, _] = resident(&side, &client)?;
    // Memory is also code, of which that of a library comes when it is called first.
    client.carry_out(&format!("dir 1 {}", changing.display()))?;
    client.carry_out("close")?;
    pass(REST)?;
    println!("\n{:<20} {:>12} {:>12}", "resident, KiB", "server", "client");
    let mut memory = vec![[server, resident(&side, &client)?[1]]];
    println!("{:<20} {:>12} {:>12}", "at the start", memory[0][0], memory[0][1]);
    for round in 1..=ROUNDS {
        change(&mut client, &changing)?;
        cancel(&mut client, &list, directories.len())?;
        follow(&mut client, &tree)?;
        pass(REST)?;
        let after = resident(&side, &client)?;
        println!("{:<20} {:>12} {:>12}", format!("after round {round}"), after[0], after[1]);
        memory.push(after);
    }
    Ok(["server", "client"].into_iter().enumerate().fold(true, |holds, (which, who)| {
        let of_it: Vec<u64> = memory.iter().map(|both| both[which]).collect();
        is_given_back(who, &of_it) && holds
    }))
}

/// Says whether one of them kept within its bounds: its memory at the start, then after each round.
fn is_given_back(who: &str, memory: &[u64]) -> bool {
    let grown = memory[SETTLED + 1..].iter().max().map_or(0, |most| most.saturating_sub(memory[SETTLED]));
    let left = memory[ROUNDS].saturating_sub(memory[0]);
    let verdict = |holds| if holds { "holds" } else { "BROKEN" };
    let (is_steady, is_empty) = (grown <= GROWTH_KIB, left <= LEFT_KIB);
    println!("{who}: {grown} KiB more than after round {SETTLED}, {GROWTH_KIB} {}", verdict(is_steady));
    println!("{who}: {left} KiB more than at the start, {LEFT_KIB} {}", verdict(is_empty));
    is_steady && is_empty
}

fn resident(side: &Side<'_>, client: &Client) -> Outcome<[u64; 2]> {
    Ok([side.server_usage()?.rss_kib, client.usage()?.rss_kib])
}

/// Makes, changes twice and removes all names, again and again, as fast as that goes.
fn change(client: &mut Client, folder: &Path) -> Outcome<()> {
    File::create(folder.join(LAST))?;
    client.carry_out(&format!("dir 1 {}", folder.display()))?;
    client.begin(&format!("until {LAST}"))?;
    let paths: Vec<PathBuf> = (0..NAMES).map(|name| folder.join(format!("name{name}"))).collect();
    for _ in 0..CHANGES / NAMES / 4 {
        paths.iter().try_for_each(|path| File::create(path).map(drop))?;
        paths.iter().try_for_each(|path| fs::write(path, "x"))?;
        paths.iter().try_for_each(|path| File::options().append(true).open(path)?.set_len(0))?;
        paths.iter().try_for_each(fs::remove_file)?;
    }
    fs::remove_file(folder.join(LAST))?;
    client.end()?;
    client.carry_out("close")?;
    Ok(())
}

/// Has each directory asked for, and cancelled.
fn cancel(client: &mut Client, list: &Path, count: usize) -> Outcome<()> {
    let (_, cancelled) = client.carry_out(&format!("cancel {BATCH} {}", list.display()))?;
    if cancelled != count as u64 {
        return Err(format!("{cancelled} of {count} were cancelled").into());
    }
    client.carry_out("close")?;
    Ok(())
}

/// Has all of the tree followed, and left.
fn follow(client: &mut Client, tree: &Path) -> Outcome<()> {
    let (_, gaps) = client.carry_out(&format!("tree 4 {}", tree.display()))?;
    if gaps > 0 {
        return Err(format!("of the tree {gaps} directories were not followed").into());
    }
    client.carry_out("close")?;
    Ok(())
}

/// The directories of a tree: as many as there should be, or as the kernel may be asked about.
fn directories(tree: &Path) -> Outcome<Vec<PathBuf>> {
    const LIMIT: &str = "/proc/sys/fs/inotify/max_user_watches";
    let limit: usize = fs::read_to_string(LIMIT)?.trim().parse()?;
    let granted = limit.saturating_sub(WATCHES_LEFT).min(DIRECTORIES);
    if granted < DIRECTORIES {
        println!("{LIMIT} is {limit}: there are {granted} directories instead of {DIRECTORIES}.");
    }
    let mut directories = Vec::new();
    // Fifty in each, so that in all there are this many.
    let mut above = vec![tree.to_owned()];
    while directories.len() < granted {
        let mut below = Vec::new();
        for parent in &above {
            let left = granted - directories.len() - below.len();
            below.extend((0..left.min(50)).map(|name| parent.join(name.to_string())));
        }
        below.iter().try_for_each(fs::create_dir)?;
        directories.extend_from_slice(&below);
        above = below;
    }
    Ok(directories)
}
