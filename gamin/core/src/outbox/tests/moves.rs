//! Renames, of which both halves are told one behind the other.

use super::*;

/// One half of a rename.
fn half(subscription: u32, told: &str, cookie: u32) -> Event {
    Event { subscription: SubscriptionId(subscription), cookie: Cookie::of(cookie), ..event(told) }
}

/// What is told of these to three subscriptions, of which the first two want moves.
fn told_with_moves(events: Vec<Event>) -> Vec<String> {
    let mut outbox = outbox(&[MonitorOptions::MOVES, MonitorOptions::MOVES, MonitorOptions::NONE]);
    events.into_iter().for_each(|event| outbox.tell(event));
    read_all(&mut outbox).iter().map(|packet| format!("{} {}", packet.seq, said(packet))).collect()
}

#[test]
fn what_went_and_what_came_stand_together() {
    let both = vec![half(1, "Deleted a", 7), half(1, "Created b", 7)];
    assert_eq!(told_with_moves(both), ["1 Moved a", "1 Created b"]);
    let over = vec![half(2, "Deleted a", 7), half(1, "Changed b", 7)];
    assert_eq!(told_with_moves(over), ["2 Moved a", "1 Changed b"]);
    // Each has its own, in whatever order they are told, and who did not ask has none.
    let twice = [half(1, "Deleted a", 7), half(2, "Deleted a", 7), half(3, "Deleted a", 7)];
    let twice = twice.into_iter().chain([2, 1, 3].map(|to| half(to, "Created b", 7))).collect();
    let expected = ["3 Deleted a", "2 Moved a", "2 Created b", "1 Moved a", "1 Created b", "3 Created b"];
    assert_eq!(told_with_moves(twice), expected);
    // The first half that is left goes to who has none, if it is of the same kind.
    let between = vec![half(1, "Deleted a", 7), half(1, "Deleted /d", 7), half(2, "Created b", 7)];
    assert_eq!(told_with_moves(between), ["1 Deleted /d", "1 Moved a", "2 Created b"]);
}

#[test]
fn what_does_not_stand_together_is_told_as_two() {
    for apart in [
        vec![half(1, "Deleted a", 7), event("Changed c"), half(1, "Created b", 7)],
        vec![half(1, "Deleted a", 7), half(1, "Created b", 8)],
        vec![half(1, "Deleted a", 7), event("Created b")],
        vec![half(1, "Deleted a", 7), half(3, "Created b", 7)],
        vec![half(3, "Deleted a", 7), half(1, "Created b", 7)],
        vec![half(1, "Created b", 7), half(1, "Deleted a", 7)],
    ] {
        let told = told_with_moves(apart);
        assert!(!told.iter().any(|told| told.contains("Moved")), "{told:?}");
    }
    let mut outbox = outbox(&[MonitorOptions::MOVES]);
    outbox.tell(half(1, "Deleted a", 7));
    let first = read_all(&mut outbox);
    outbox.tell(half(1, "Created b", 7));
    let all: Vec<_> = first.iter().chain(&read_all(&mut outbox)).map(said).collect();
    assert_eq!(all, ["Deleted a", "Created b"], "the one was sent before the other was known");
}
