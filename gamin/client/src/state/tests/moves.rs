//! Renames, as they come from a server and as the caller is told of them.

use super::*;

/// Two directories that are listed, of requests that want renames told as such; with their wire numbers.
fn beginning() -> (State, Server, [u32; 2]) {
    let mut state = State::default();
    for path in ["/one", "/two"] {
        let request =
            MonitorRequest { moves: true, ..MonitorRequest::new(Path::new(path), Scope::Directory) };
        state.ask(&request).expect("a good path");
    }
    let asked: Vec<_> = state.requests.values().flat_map(Asked::live).collect();
    let wants_moves = |request: &Request| matches!(request, Request::Monitor { options, .. } if options.contains(protocol::MonitorOptions::MOVES));
    assert!(asked.iter().all(|(_, request)| wants_moves(request)));
    let wires = [asked[0].0, asked[1].0];
    let mut server = Server::connect(&mut state, true);
    for (wire, path) in wires.into_iter().zip(["/one", "/two"]) {
        server.send(wire, Code::Exists, path.as_bytes(), Some(1));
        server.send(wire, Code::Exists, b"old", Some(1));
        server.send(wire, Code::EndExist, path.as_bytes(), None);
    }
    server.deliver(&mut state, usize::MAX);
    while state.poll_event().is_some() {}
    (state, server, wires)
}

/// What the caller is told: request, code and path, and where to.
fn told(state: &mut State) -> Vec<String> {
    let tell = |event: crate::Event| {
        let to = event.moved_to.map(|to| format!(" -> {} {}", to.request, to.path.display()));
        format!("{} {:?} {}{}", event.request, event.code, event.path.display(), to.unwrap_or_default())
    };
    std::iter::from_fn(|| state.poll_event()).map(tell).collect()
}

#[test]
fn both_halves_are_one_event_however_they_arrive() {
    let (mut state, mut server, [one, two]) = beginning();
    server.send(one, Code::Moved, b"old", None);
    server.deliver(&mut state, usize::MAX);
    assert!(!state.has_event(), "where it is now is still to come");
    server.send(two, Code::Created, b"new", Some(1));
    server.send(two, Code::Changed, b"new", Some(2));
    server.deliver(&mut state, usize::MAX);
    assert_eq!(told(&mut state), ["1 Moved old -> 2 new", "2 Changed new"]);
    server.send(two, Code::Moved, b"new", None);
    server.send(two, Code::Changed, b"old", Some(3));
    server.deliver(&mut state, usize::MAX);
    assert_eq!(told(&mut state), ["2 Moved new -> 2 old"]);
}

#[test]
fn what_went_is_gone_if_the_other_half_is_not_told() {
    let (mut state, mut server, [one, _]) = beginning();
    server.send(one, Code::Moved, b"old", None);
    server.deliver(&mut state, usize::MAX);
    state.handle_lost();
    assert_eq!(told(&mut state), ["1 Deleted old"], "the server is gone");

    let (mut state, mut server, [one, two]) = beginning();
    server.send(one, Code::Moved, b"old", None);
    server.send(two, Code::Deleted, b"old", None);
    server.send(two, Code::Created, b"new", Some(1));
    server.deliver(&mut state, usize::MAX);
    assert_eq!(told(&mut state), ["1 Deleted old", "2 Deleted old", "2 Created new"], "something else came");

    let (mut state, mut server, [one, two]) = beginning();
    state.suspend(RequestNumber(2)).expect("it is there");
    server.send(one, Code::Moved, b"old", None);
    server.send(two, Code::Created, b"new", Some(1));
    server.deliver(&mut state, usize::MAX);
    assert_eq!(told(&mut state), ["1 Deleted old"], "nobody wants to hear of the other");
    state.resume(RequestNumber(2)).expect("it is there");
    assert_eq!(told(&mut state), ["2 Created new"]);

    let (mut state, mut server, [one, two]) = beginning();
    server.send(one, Code::Moved, b"old", None);
    server.deliver(&mut state, usize::MAX);
    state.cancel(RequestNumber(1)).expect("it is there");
    server.send(two, Code::Created, b"new", Some(1));
    server.deliver(&mut state, usize::MAX);
    assert_eq!(told(&mut state), ["2 Created new"], "the one is wanted no more");
}
