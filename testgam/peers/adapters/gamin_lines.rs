//! Our client library in Rust: a tree.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let connection = gamin::Connection::open()?;
    connection.monitor_tree(std::env::args_os().nth(1).ok_or("no directory")?)?;
    loop {
        let event = connection.next_event()?;
        println!("{:?}\t{}", event.code, event.full_path().display());
    }
}
