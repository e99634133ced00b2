//! Trees of more directories than there are narrow numbers, with servers of every ability.

use super::*;
use crate::state::wire::Width;

/// A world that has narrow numbers for the root and one directory.
fn world(ability: Ability) -> World {
    let mut world = World::with_options(&FILES, TreeOptions::default());
    world.ability = ability;
    world.state.wire.offer_only(100..101);
    world.connect();
    world.settle();
    world
}

fn is_wide(world: &World, name: &str) -> bool {
    let server = world.server.as_ref().expect("it is there");
    server.followed.iter().any(|(seq, followed)| followed == name && *seq > NARROW_MAX)
}

#[test]
fn what_finds_no_narrow_number_has_a_wide_one() {
    let mut world = world(Ability::Wide);
    assert_eq!((world.gaps(), world.listed), (Vec::new(), true));
    let told: Vec<&str> = world.told.iter().map(String::as_str).collect();
    assert_eq!(told, ["a", "s", "s/b", "s/t", "s/t/c", "xs"]);
    assert!(is_wide(&world, "xs") && is_wide(&world, "s/t") && !is_wide(&world, "s"));
    world.make("s/t/new", false);
    world.settle();
    assert_eq!(world.read(), [(Code::Created, "s/t/new".to_owned())]);
    world.remove("s");
    world.settle();
    assert_eq!(world.follows(), ["", "xs"]);
    world.state.cancel(world.request).expect("it is known");
    world.settle();
    assert_eq!(world.state.poll_event().map(|event| event.code), Some(Code::Acknowledge));
    assert!(world.follows().is_empty() && !world.state.wire.has_wide());
}

#[test]
fn a_server_that_does_not_need_to_know_is_not_asked() {
    let mut world = World::with_options(&FILES, TreeOptions::default());
    world.connect();
    world.settle();
    assert_eq!(world.state.wire.width, Width::Unknown);
}

#[test]
fn with_any_other_server_there_are_gaps_and_the_listing_ends() {
    for ability in [Ability::Original, Ability::Narrow] {
        let mut world = world(ability);
        let gap = |name: &str| (name.to_owned(), Coverage::TooMany);
        assert_eq!(world.gaps(), [gap("xs"), gap("s/t")]);
        assert!(world.listed, "{ability:?}");
    }
}

#[test]
fn nothing_waits_for_a_server_that_can_t_be_found_out() {
    let mut world = World::with_options(&FILES, TreeOptions::default());
    world.ability = Ability::Original;
    world.state.wire.offer_only(100..101);
    for _ in 0..=RESERVE {
        world.state.monitor(Kind::File, Path::new(ROOT), None).expect("it is kept back");
    }
    world.connect();
    world.settle();
    assert_eq!(world.state.gaps(world.request).expect("it is a tree").count, 2);
    assert_eq!(world.state.wire.width, Width::Narrow);
}

#[test]
fn another_server_is_told_of_them_as_soon_as_it_has_said_that_it_understands() {
    let mut world = world(Ability::Wide);
    world.read();
    world.kill();
    world.make("s/t/new", false);
    world.connect();
    let barrier = world.state.ask_barrier().expect("nothing is known of the server");
    world.settle();
    assert_eq!(world.state.outcome(barrier), Outcome::Answered(Vec::new()));
    assert_eq!(world.read(), [(Code::Created, "s/t/new".to_owned())]);
    assert!(is_wide(&world, "s/t"));
}

#[test]
fn a_barrier_that_is_open_comes_behind_the_question_and_is_known_not_to_cover_the_answer() {
    let mut world = world(Ability::Wide);
    world.kill();
    world.state.ask_barrier().expect("it is asked of the next server");
    world.connect();
    let mut requests = Decoder::<Request>::new();
    requests.push(world.state.output());
    let mut asked = Vec::new();
    while let Some(request) = requests.next_message().expect("a good request") {
        match request {
            Request::Ask { question, .. } => asked.push(question),
            Request::Monitor { seq, .. } | Request::Cancel { seq } => assert!(seq <= NARROW_MAX),
        }
    }
    assert_eq!(asked, [b"facts server 0".to_vec(), SYNC.to_vec()]);
    let branches = world.state.branches();
    world.settle();
    assert!(world.state.branches() > branches);
}

#[test]
fn a_server_that_understands_less_leaves_gaps_and_nothing_is_told_to_be_gone() {
    let mut world = world(Ability::Wide);
    world.read();
    world.kill();
    world.ability = Ability::Narrow;
    world.connect();
    world.settle();
    let gap = |name: &str, coverage| (name.to_owned(), coverage);
    assert_eq!(world.gaps(), [gap("s/t", Coverage::TooMany), gap("xs", Coverage::TooMany)]);
    assert_eq!(world.follows(), ["", "s"]);
    // What was told below them is forgotten.
    world.told.retain(|name| !name.starts_with("s/t/") && !name.starts_with("xs/"));
    world.kill();
    world.ability = Ability::Wide;
    world.connect();
    world.settle();
    assert_eq!(world.gaps(), [gap("s/t", Coverage::Kernel), gap("xs", Coverage::Kernel)]);
    assert!(world.told.contains("s/t/c"));
}

#[test]
fn a_tree_that_is_cancelled_before_the_next_server_has_answered_ends() {
    let mut world = world(Ability::Wide);
    world.kill();
    world.connect();
    world.read();
    world.state.cancel(world.request).expect("it is known");
    world.settle();
    let codes: Vec<Code> = std::iter::from_fn(|| world.state.poll_event()).map(|event| event.code).collect();
    assert_eq!(codes, [Code::Acknowledge]);
    assert!(world.follows().is_empty() && !world.state.wire.has_wide());
}

/// Lets a tree of so many directories, all in its root, be followed; gives the state, and what the server was asked for by number.
fn followed(count: u32) -> (State, BTreeMap<u32, String>) {
    let mut state = State::default();
    state
        .ask(&MonitorRequest::new(Path::new(ROOT), Scope::Tree(TreeOptions::default())))
        .expect("a good path");
    state.handle_connected();
    state.handle_sent(1);
    let mut server = Server {
        ability: Ability::Wide,
        requests: Decoder::new(),
        followed: BTreeMap::new(),
        outbox: vec![CREDENTIAL],
    };
    while !state.output().is_empty() {
        server.requests.push(state.output());
        state.handle_sent(state.output().len());
        while let Some(request) = server.requests.next_message().expect("a good request") {
            match request {
                Request::Monitor { seq, path, .. } => {
                    let path = String::from_utf8(path).expect("a path of this test");
                    server.send(seq, Code::Exists, &path, Some(1));
                    let entries = if path == ROOT { count } else { 0 };
                    (0..entries).for_each(|name| server.send(seq, Code::Exists, &name.to_string(), Some(1)));
                    server.send(seq, Code::EndExist, &path, None);
                    assert!(server.followed.insert(seq, path).is_none(), "a wire number is used twice");
                }
                Request::Ask { seq, question } => server.answer(seq, &question),
                Request::Cancel { .. } => panic!("nothing is cancelled"),
            }
        }
        state.handle_bytes(&std::mem::take(&mut server.outbox)).expect("good packets");
        state.explore(|_| true);
    }
    (state, server.followed)
}

#[test]
fn seventy_thousand_directories_are_followed() {
    let (mut state, followed) = followed(70_000);
    assert_eq!(followed.len(), 70_001);
    assert_eq!(followed.keys().filter(|seq| **seq > NARROW_MAX).count(), 70_001 - 65_471);
    assert_eq!(state.gaps(RequestNumber(1)).expect("it is a tree"), Gaps::default());
    let events: Vec<Code> = std::iter::from_fn(|| state.poll_event()).map(|event| event.code).collect();
    assert_eq!((events.len(), events.last()), (70_002, Some(&Code::EndExist)));
    let (last, _) = followed.last_key_value().expect("there are some");
    let mut packet = Vec::new();
    protocol::EventPacket::encode(&mut packet, *last, Code::Created, b"new", None).expect("a good path");
    state.handle_bytes(&packet).expect("a good packet");
    assert_eq!(state.poll_event().map(|event| event.path), Some(PathBuf::from("69999/new")));
}
