//! What work costs, counted: what the server asks of the kernel and of its files, and what server and client ask of the allocator.
//!
//! Nothing here takes the time, so nothing depends on the machine: the same work gives the same figures, and what makes it dearer is
//! seen at once. They stand in `costs.toml`, 3 % more or less. How long it takes beside the original, `cargo bench` says.

mod book;
mod client;
mod server;

use std::path::{Path, PathBuf};
use std::time::Duration;

use book::check;
use client::Client;
use server::Server;
use testgam_language::action::FileOperation;

/// Gathering ends, and what was busy has come to rest.
const A_WHILE: Duration = Duration::from_secs(5);

#[test]
fn registering_a_thousand_directories_seven_levels_deep() {
    let mut server = Server::new();
    let directories = tree(&mut server, 1000);
    let cost = server.count(|server| server.register(&directories));
    check("registering 1,000 directories", cost);
}

#[test]
fn one_more_change_at_a_time() {
    let mut server = with_files(128);
    let cost = server.count(|server| {
        for number in 0..100 {
            server.perform(|| FileOperation::Append { path: entry(number), text: b"x".to_vec() });
            server.pass(Duration::from_millis(20));
        }
    });
    check("100 appended, 20 ms apart", cost);
}

#[test]
fn one_more_name_at_a_time() {
    let mut server = with_files(0);
    let cost = server.count(|server| {
        for number in 0..100 {
            server.perform(|| FileOperation::MakeFile(entry(number)));
            server.pass(Duration::from_millis(20));
        }
    });
    check("100 created, 20 ms apart", cost);
}

#[test]
fn a_burst_of_names_that_come_and_go() {
    let mut server = with_files(0);
    let cost = server.count(|server| {
        for number in 0..1000 {
            server.perform(|| FileOperation::MakeFile(entry(number)));
        }
        server.pass(Duration::from_millis(20));
        for number in 0..1000 {
            server.perform(|| FileOperation::RemoveFile(entry(number)));
        }
        server.pass(Duration::from_millis(20));
    });
    check("1,000 created, then 1,000 deleted", cost);
}

#[test]
fn a_listing_of_ten_thousand_entries() {
    let mut server = Server::new();
    fill(&mut server, 10_000);
    let directories = [server.spell(Path::new("dir"))];
    let cost = server.count(|server| server.register_and_list(&directories));
    check("a listing of 10,000 entries", cost);
}

#[test]
fn whoever_has_gone_leaves_nothing_behind() {
    let mut server = Server::new();
    let directories = tree(&mut server, 1000);
    let mut round = || {
        let cost = server.count(|server| {
            server.register(&directories);
            server.hang_up();
            server.pass(A_WHILE);
        });
        (cost.blocks_held, cost.bytes_held)
    };
    round();
    for _ in 0..3 {
        let (blocks, bytes) = round();
        assert!(blocks <= 0 && bytes <= 0, "{blocks} blocks of {bytes} bytes are left");
    }
}

#[test]
fn a_client_of_which_ten_thousand_events_are_read() {
    let mut client = Client::new(1);
    let cost = client.count(|client| client.take_events(10_000));
    check("a client reads 10,000 events about 1,000 names", cost);
}

#[test]
fn a_client_that_watches_a_thousand_directories() {
    let mut client = None;
    let cost = book::count(|| client = Some(Client::new(1000)));
    drop(client);
    check("a client asks for 1,000 directories", cost);
}

#[test]
fn a_client_that_follows_a_tree_of_a_thousand_directories() {
    let mut client = None;
    let cost = book::count(|| client = Some(Client::of_tree(1000)));
    assert_eq!(client.map(|client| client.branches()), Some(1000));
    check("a client follows a tree of 1,000 directories", cost);
}

/// A name in the directory.
fn entry(number: usize) -> PathBuf {
    PathBuf::from(format!("dir/entry-{number:05}"))
}

/// A directory of so many files.
fn fill(server: &mut Server, count: usize) {
    server.perform(|| FileOperation::MakeDirectory("dir".into()));
    for number in 0..count {
        server.perform(|| FileOperation::MakeFile(entry(number)));
    }
}

/// Somebody who has had the listing of a directory of so many files, some time ago.
fn with_files(count: usize) -> Server {
    let mut server = Server::new();
    fill(&mut server, count);
    let directories = [server.spell(Path::new("dir"))];
    server.register_and_list(&directories);
    server.pass(A_WHILE);
    server
}

/// So many directories, seven levels deep.
fn tree(server: &mut Server, count: usize) -> Vec<PathBuf> {
    let mut made = Vec::new();
    for number in 0..count {
        let digits = format!("{number:04}");
        let mut path = PathBuf::new();
        for name in ["a", "b", "c", &digits[1..2], &digits[2..3], &digits[3..], &digits] {
            path.push(name);
            // Mostly it is there.
            server.try_perform(|| FileOperation::MakeDirectory(path.clone()));
        }
        made.push(server.spell(&path));
    }
    server.pass(A_WHILE);
    made
}
