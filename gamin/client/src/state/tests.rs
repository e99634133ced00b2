//! The state against a model of a server and of a caller, and case by case.

mod model;
mod moves;
mod trees;

use gamin_protocol::{Code, Coverage, SYNC, Tag};
use proptest::prelude::*;

use super::*;
use model::{Caller, Disk, ROOT, Server, Step, World, disk, step};

proptest! {
    #[test]
    fn the_caller_converges_through_any_number_of_servers(
        disk in disk(),
        tagged in any::<bool>(),
        steps in proptest::collection::vec(step(), 0..60),
    ) {
        let mut world = World::new(disk, tagged);
        for step in &steps {
            world.play(step);
        }
        world.finish();
        prop_assert!(world.caller.listed);
        prop_assert_eq!(world.caller.root, Some(world.disk.is_some()));
        let told = world.caller.entries.iter().map(|(name, version)| (name[0], *version));
        let truth = world.disk.iter().flatten().map(|(name, version)| (*name, Some(*version)));
        if tagged {
            prop_assert_eq!(told.collect::<Vec<_>>(), truth.collect::<Vec<_>>());
        } else {
            let (told, truth) = (told.map(|(name, _)| name), truth.map(|(name, _)| name));
            prop_assert_eq!(told.collect::<Vec<_>>(), truth.collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_cancelled_request_gets_one_acknowledge_and_is_forgotten(
        disk in disk(),
        before in proptest::collection::vec(step(), 0..30),
        after in proptest::collection::vec(step(), 0..30),
    ) {
        let mut world = World::new(disk, true);
        for step in before.iter().chain([&Step::Cancel]) {
            world.play(step);
        }
        world.caller = Caller { listed: true, root: Some(true), ..Caller::default() };
        for step in &after {
            world.play(step);
        }
        world.finish();
        prop_assert!(world.caller.acknowledged);
        prop_assert!(matches!(world.state.cancel(world.request), Err(Error::UnknownRequest(_))));
        prop_assert!(world.state.queue.is_empty() && world.state.requests.is_empty());
    }

    #[test]
    fn no_bytes_make_it_panic(
        packets in proptest::collection::vec((0u32..4, 0u16..60, "/?[a-c]{1,2}", any::<bool>()), 0..40),
        rubbish in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let mut state = State::default();
        state.monitor(Kind::File, Path::new("/a"), None).expect("a good path");
        let mut server = Server::connect(&mut state, true);
        state.ask_barrier().expect("nothing is known of the server");
        for (seq, code, path, tagged) in packets {
            server.send(seq, Code::from(code), path.as_bytes(), tagged.then_some(1));
        }
        server.deliver(&mut state, usize::MAX);
        let _ = state.handle_bytes(&rubbish);
        state.handle_lost();
        while state.poll_event().is_some() {}
        prop_assert!(!state.has_event());
    }
}

fn codes(state: &mut State) -> Vec<Code> {
    std::iter::from_fn(|| state.poll_event()).map(|event| event.code).collect()
}

fn entries(names: &[u8]) -> Disk {
    Some(names.iter().map(|name| (*name, 1)).collect())
}

#[test]
fn numbers_count_from_1_and_skip_those_in_use() {
    let mut state = State::default();
    let mut monitor = |number| state.monitor(Kind::File, Path::new("/a"), number);
    assert_eq!(monitor(Some(RequestNumber(2))).ok(), Some(RequestNumber(2)));
    assert_eq!(monitor(None).ok(), Some(RequestNumber(1)));
    assert_eq!(monitor(None).ok(), Some(RequestNumber(3)));
    assert_eq!(monitor(Some(RequestNumber(0))).ok(), Some(RequestNumber(0)));
    assert!(matches!(monitor(Some(RequestNumber(3))), Err(Error::NumberInUse(RequestNumber(3)))));
    assert!(matches!(monitor(Some(RequestNumber(-1))), Err(Error::BadArgument(_))));
    assert_eq!(monitor(Some(RequestNumber(i32::MAX))).ok(), Some(RequestNumber(i32::MAX)));
    state.last_number = i32::MAX - 1;
    assert_eq!(state.monitor(Kind::File, Path::new("/a"), None).ok(), Some(RequestNumber(4)));
}

#[test]
fn paths_are_absolute_short_and_without_nul() {
    let mut state = State::default();
    let longest = format!("/{}", "p".repeat(protocol::PATH_MAX - 2));
    assert!(state.monitor(Kind::File, Path::new(&longest), None).is_ok());
    let too_long = longest + "p";
    for path in ["", "relative", "/with\0nul", &too_long] {
        let refused = state.monitor(Kind::File, Path::new(path), None);
        assert!(matches!(refused, Err(Error::BadPath(bad)) if bad == Path::new(path)));
    }
}

#[test]
fn the_root_is_spelled_as_the_caller_did() {
    let mut world = World::new(entries(b""), true);
    world.play(&Step::Connect);
    let wire = world.state.requests[&world.request].live().next().expect("it is live").0;
    let server = world.server.as_mut().expect("connected");
    server.send(wire, Code::Changed, b"/watched/directory", None);
    server.deliver(&mut world.state, usize::MAX);
    while let Some(event) = world.state.poll_event() {
        assert_eq!(event.path.as_os_str(), ROOT);
    }
}

#[test]
fn cancelling_withholds_what_is_queued_of_this_request_only() {
    let mut state = State::default();
    let first = state.monitor(Kind::Directory, Path::new(ROOT), None).expect("a good path");
    let second = state.monitor(Kind::Directory, Path::new(ROOT), None).expect("a good path");
    let mut server = Server::connect(&mut state, true);
    server.deliver_all(&mut state, &entries(b"ab"));
    state.cancel(first).expect("it is known");
    state.cancel(first).expect("once more does nothing");
    assert!(state.poll_event().is_some_and(|event| event.request == second));
    state.cancel(second).expect("it is known");
    assert!(!state.has_event());
    server.deliver_all(&mut state, &None);
    assert_eq!(codes(&mut state), [Code::Acknowledge, Code::Acknowledge]);
}

#[test]
fn what_was_received_before_a_suspension_or_a_loss_is_still_told() {
    let news = [Code::Exists, Code::Exists, Code::EndExist];
    let mut state = State::default();
    let request = state.monitor(Kind::Directory, Path::new(ROOT), None).expect("a good path");
    let mut server = Server::connect(&mut state, true);
    server.deliver_all(&mut state, &entries(b"a"));
    state.suspend(request).expect("it is known");
    assert_eq!(codes(&mut state), news);
    state.resume(request).expect("it is known");
    assert_eq!(codes(&mut state), []);
    let mut state = State::default();
    state.monitor(Kind::Directory, Path::new(ROOT), None).expect("a good path");
    let mut server = Server::connect(&mut state, true);
    server.deliver_all(&mut state, &entries(b"a"));
    server.kill(&mut state);
    assert_eq!(codes(&mut state), news);
}

#[test]
fn an_event_is_read_where_it_was_received() {
    let mut state = State::default();
    state.monitor(Kind::Directory, Path::new(ROOT), None).expect("a good path");
    let mut server = Server::connect(&mut state, true);
    server.deliver_all(&mut state, &entries(b"a"));
    let told = std::iter::from_fn(|| state.poll_in_place(|event, tag| (event.path.to_owned(), tag)));
    let told: Vec<_> = told.collect();
    assert_eq!(told[1], ("a".into(), Some(Tag::new(1))));
    assert!(told.len() == 3 && told[0].0.as_os_str() == ROOT && state.queue.is_empty());
}

#[test]
fn what_cannot_be_understood_shows_when_what_came_before_is_told() {
    let mut state = State::default();
    state.monitor(Kind::Directory, Path::new(ROOT), None).expect("a good path");
    let mut server = Server::connect(&mut state, true);
    server.deliver_all(&mut state, &entries(b"a"));
    assert_eq!(state.handle_bytes(&[255; 20]), Ok(()));
    assert_eq!(codes(&mut state), [Code::Exists, Code::Exists, Code::EndExist]);
    let why = Err(ServerError::Packet(DecodeError::TooLong(0xffff)));
    assert_eq!((state.check(), state.handle_bytes(&[0])), (why, why));
    state.handle_lost();
    Server::connect(&mut state, true).deliver_all(&mut state, &entries(b""));
    assert_eq!(codes(&mut state), [Code::Deleted]);
}

#[test]
fn no_exists_leaves_out_the_listing_of_later_directory_requests() {
    let mut state = State::default();
    state.set_no_exists();
    state.monitor(Kind::Directory, Path::new(ROOT), None).expect("a good path");
    let mut server = Server::connect(&mut state, true);
    server.deliver_all(&mut state, &entries(b"ab"));
    assert_eq!(codes(&mut state), []);
    state.monitor(Kind::File, Path::new(ROOT), None).expect("a good path");
    server.deliver_all(&mut state, &entries(b""));
    assert_eq!(codes(&mut state), [Code::Exists, Code::EndExist]);
    state.monitor(Kind::Directory, Path::new(ROOT), None).expect("a good path");
    server.deliver_all(&mut state, &None);
    assert_eq!(codes(&mut state), [Code::Deleted]);
}

#[test]
fn no_exists_still_gets_the_difference_after_a_reconnect() {
    let mut state = State::default();
    state.set_no_exists();
    state.monitor(Kind::Directory, Path::new(ROOT), None).expect("a good path");
    let mut server = Server::connect(&mut state, true);
    server.deliver_all(&mut state, &entries(b"ab"));
    server.kill(&mut state);
    Server::connect(&mut state, true).deliver_all(&mut state, &entries(b"bc"));
    assert_eq!(codes(&mut state), [Code::Deleted, Code::Created]);
}

#[test]
fn a_monitored_file_that_changed_during_a_reconnect_is_changed() {
    let mut state = State::default();
    state.monitor(Kind::File, Path::new("/f"), None).expect("a good path");
    for (version, news) in
        [(1, vec![Code::Exists, Code::EndExist]), (1, vec![]), (2, vec![Code::Changed]), (2, vec![])]
    {
        let mut server = Server::connect(&mut state, true);
        server.send(1, Code::Exists, b"/f", Some(version));
        server.send(1, Code::EndExist, b"/f", None);
        server.deliver(&mut state, usize::MAX);
        server.kill(&mut state);
        assert_eq!(codes(&mut state), news);
    }
}

#[test]
fn an_entry_without_a_tag_may_have_changed_if_the_server_knows_tags() {
    for (root_tag, news) in [(Some(1), vec![Code::Changed]), (None, vec![])] {
        let mut state = State::default();
        state.monitor(Kind::Directory, Path::new(ROOT), None).expect("a good path");
        let listed = vec![Code::Exists, Code::Exists, Code::EndExist];
        for expected in [listed, news] {
            let mut server = Server::connect(&mut state, true);
            server.send(1, Code::Exists, ROOT.as_bytes(), root_tag);
            server.send(1, Code::Exists, b"a", None);
            server.send(1, Code::EndExist, ROOT.as_bytes(), None);
            server.deliver(&mut state, usize::MAX);
            server.kill(&mut state);
            assert_eq!(codes(&mut state), expected);
        }
    }
}

#[test]
fn a_listing_cut_off_is_carried_on_and_ends_once() {
    use Code as C;
    let missing = [C::Deleted, C::EndExist];
    let listed = [C::Exists, C::Exists, C::Exists, C::EndExist];
    // The disk when the server dies, how many packets it had sent, the disk then; what is told then.
    let cases: [(Disk, usize, Disk, Vec<Code>); 7] = [
        (entries(b"ab"), 0, entries(b"ab"), listed.to_vec()),
        (entries(b"ab"), 0, None, missing.to_vec()),
        (entries(b"ab"), 2, entries(b"ab"), vec![C::Exists, C::EndExist]),
        (entries(b"ab"), 2, entries(b"b"), vec![C::Exists, C::EndExist, C::Deleted]),
        (entries(b"ab"), 2, None, vec![C::EndExist, C::Deleted]),
        (None, 1, None, vec![C::EndExist]),
        (None, 1, entries(b"a"), vec![C::EndExist, C::Created, C::Created]),
    ];
    for (before, sent, after, news) in cases {
        let mut state = State::default();
        state.monitor(Kind::Directory, Path::new(ROOT), None).expect("a good path");
        let mut server = Server::connect(&mut state, true);
        server.take_requests(&mut state, &before);
        server.deliver(&mut state, 1 + sent);
        assert_eq!(codes(&mut state).len(), sent);
        server.kill(&mut state);
        Server::connect(&mut state, true).deliver_all(&mut state, &after);
        assert_eq!(codes(&mut state), news, "{before:?} {sent} {after:?}");
    }
}

#[test]
fn a_server_that_begins_to_tag_may_have_missed_changes() {
    let mut state = State::default();
    state.monitor(Kind::Directory, Path::new(ROOT), None).expect("a good path");
    for (tagged, news) in [(false, 3), (false, 0), (true, 1), (true, 0), (false, 1)] {
        let mut server = Server::connect(&mut state, tagged);
        server.deliver_all(&mut state, &entries(b"a"));
        server.kill(&mut state);
        assert_eq!(codes(&mut state).len(), news);
    }
}

#[test]
fn a_wire_number_is_free_again_after_its_acknowledge() {
    let mut state = State::default();
    let mut server = Server::connect(&mut state, true);
    for expected in 1..=70_000 {
        let number = state.monitor(Kind::File, Path::new("/f"), None).expect("a number is free");
        assert_eq!(number, RequestNumber(expected));
        state.cancel(number).expect("it is known");
        server.deliver_all(&mut state, &None);
        assert_eq!(codes(&mut state), [Code::Acknowledge]);
    }
}

#[test]
fn the_65536th_open_request_is_refused() {
    let mut state = State::default();
    for _ in 1..=u16::MAX {
        state.monitor(Kind::File, Path::new("/f"), None).expect("a number is free");
    }
    let refused = state.monitor(Kind::File, Path::new("/f"), None);
    assert!(matches!(refused, Err(Error::TooManyRequests)));
    state.cancel(RequestNumber(9)).expect("it is known");
    state.monitor(Kind::File, Path::new("/f"), None).expect("without a server the number is free at once");
}

#[test]
fn what_happens_while_suspended_is_told_as_a_difference() {
    for tagged in [true, false] {
        let mut world = World::new(entries(b"abc"), tagged);
        for step in [Step::Connect, Step::Deliver(usize::MAX), Step::Read, Step::Suspend] {
            world.play(&step);
        }
        let steps =
            [Step::Write(b'b'), Step::Write(b'b'), Step::Remove(b'c'), Step::Write(b'd'), Step::Remove(b'd')];
        for step in steps.iter().chain([&Step::Write(b'e'), &Step::Deliver(usize::MAX)]) {
            world.play(step);
            assert!(!world.state.has_event());
        }
        world.play(&Step::Resume);
        assert_eq!(codes(&mut world.state), [Code::Deleted, Code::Changed, Code::Created]);
        world.play(&Step::Suspend);
        world.play(&Step::Resume);
        assert!(!world.state.has_event(), "nothing happened");
    }
}

#[test]
fn a_suspended_request_is_still_acknowledged() {
    let mut world = World::new(entries(b"a"), true);
    for step in
        [Step::Connect, Step::Suspend, Step::Deliver(usize::MAX), Step::Cancel, Step::Deliver(usize::MAX)]
    {
        world.play(&step);
    }
    assert!(matches!(world.state.resume(world.request), Err(Error::UnknownRequest(_))));
    assert_eq!(codes(&mut world.state), [Code::Acknowledge]);
    assert!(matches!(world.state.suspend(world.request), Err(Error::UnknownRequest(_))));
}

#[test]
fn a_barrier_is_reached_after_what_happened_before_it() {
    let mut world = World::new(entries(b"a"), true);
    world.play(&Step::Connect);
    let token = world.state.ask_barrier().expect("nothing is known of the server");
    world.play(&Step::Write(b'b'));
    world.play(&Step::Deliver(3));
    assert_eq!(world.state.outcome(token), Outcome::Open);
    world.play(&Step::Deliver(usize::MAX));
    assert_eq!(world.state.outcome(token), Outcome::Answered(Vec::new()));
    world.state.forget_question(token);
    assert_eq!(world.state.open_questions(), 0);
    // The probe's Acknowledge came after the answer and means nothing.
    world.state.ask_barrier().expect("the server has answered once");
}

#[test]
fn a_server_without_the_barrier_is_found_out_and_not_asked_again() {
    let mut state = State::default();
    let mut server = Server::connect(&mut state, false);
    let token = state.ask_barrier().expect("nothing is known of the server");
    server.deliver_all(&mut state, &None);
    assert_eq!(state.outcome(token), Outcome::Unsupported);
    assert_eq!(codes(&mut state), []);
    assert!(matches!(state.ask_barrier(), Err(Error::Unsupported)));
    assert!(server.subscriptions.is_empty());
    server.kill(&mut state);
    let _server = Server::connect(&mut state, true);
    assert!(state.ask_barrier().is_ok(), "another server may know it");
}

#[test]
fn a_barrier_is_asked_again_of_the_next_server() {
    let mut state = State::default();
    let server = Server::connect(&mut state, true);
    let token = state.ask_barrier().expect("nothing is known of the server");
    server.kill(&mut state);
    let mut server = Server::connect(&mut state, true);
    server.deliver_all(&mut state, &None);
    assert_eq!(state.outcome(token), Outcome::Answered(Vec::new()));
    assert_eq!(codes(&mut state), []);
}

#[test]
fn an_answer_that_comes_too_late_still_shows_that_the_server_answers() {
    let mut state = State::default();
    let mut server = Server::connect(&mut state, true);
    let token = state.ask_barrier().expect("nothing is known of the server");
    state.forget_question(token);
    server.deliver_all(&mut state, &None);
    let token = state.ask_barrier().expect("it has answered, though nobody waited");
    server.deliver_all(&mut state, &None);
    assert_eq!(state.outcome(token), Outcome::Answered(Vec::new()));
}

#[test]
fn an_answer_to_another_question_is_no_answer() {
    let mut state = State::default();
    let mut server = Server::connect(&mut state, true);
    let token = state.ask_barrier().expect("nothing is known of the server");
    server.send(token.wire(), Code::Answer, b"other", None);
    server.deliver(&mut state, usize::MAX);
    assert_eq!(state.outcome(token), Outcome::Open);
    server.deliver_all(&mut state, &None);
    assert_eq!(state.outcome(token), Outcome::Answered(Vec::new()));
}

#[test]
fn an_answer_is_had_once_nothing_comes_behind_it() {
    let mut state = State::default();
    let mut server = Server::connect(&mut state, true);
    let token = state.ask_barrier().expect("nothing is known of the server");
    server.send(token.wire(), Code::Answer, SYNC, None);
    server.deliver(&mut state, usize::MAX);
    // The probe's Acknowledge would make the seat readable, after all was told.
    assert_eq!((state.outcome(token), state.open_questions()), (Outcome::Open, 1));
    server.deliver_all(&mut state, &None);
    assert_eq!((state.outcome(token), state.open_questions()), (Outcome::Answered(Vec::new()), 0));
}

#[test]
fn how_a_path_is_covered_is_told_to_who_asks_with_what_happens_there() {
    for coverage in [true, false] {
        let mut state = State::default();
        let mut server = Server::connect(&mut state, true);
        let request = MonitorRequest { coverage, ..MonitorRequest::new(Path::new("/d"), Scope::Directory) };
        let request = state.ask(&request).expect("a good path");
        let told = |state: &mut State, says: &[(Code, Option<Coverage>)]| {
            let events = std::iter::from_fn(|| state.poll_event()).map(|event| (event.code, event.coverage));
            let says = says.iter().filter(|(code, _)| coverage || *code != Code::Coverage);
            assert_eq!(events.collect::<Vec<_>>(), says.copied().collect::<Vec<_>>());
        };
        let covered = |coverage| (Code::Coverage, Some(coverage));
        let list = |server: &mut Server, state: &mut State| {
            server.send(1, Code::Exists, b"/d", Some(1));
            server.send(1, Code::EndExist, b"/d", None);
            server.deliver(state, usize::MAX);
        };
        server.send(1, Code::Coverage, b"polled-limit", None);
        list(&mut server, &mut state);
        told(&mut state, &[covered(Coverage::PolledLimit), (Code::Exists, None), (Code::EndExist, None)]);
        // While it is suspended nothing is told, not even by another server.
        state.suspend(request).expect("it is known");
        server.send(1, Code::Coverage, b"kernel", None);
        server.deliver(&mut state, usize::MAX);
        server.kill(&mut state);
        let mut server = Server::connect(&mut state, true);
        server.send(1, Code::Coverage, b"unreadable", None);
        list(&mut server, &mut state);
        told(&mut state, &[]);
        state.resume(request).expect("it is known");
        told(&mut state, &[covered(Coverage::Unreadable)]);
        // A server that says nothing of it covers everything.
        server.kill(&mut state);
        let mut server = Server::connect(&mut state, true);
        list(&mut server, &mut state);
        told(&mut state, &[covered(Coverage::Kernel)]);
    }
}

#[test]
fn a_wrong_greeting_is_no_server() {
    let mut state = State::default();
    state.handle_connected();
    assert_eq!(state.handle_bytes(&[2]), Err(ServerError::Greeting(2)));
    assert_eq!(state.handle_bytes(&[protocol::FULL]), Err(ServerError::Full));
}

#[test]
fn a_sign_is_asked_for_once_at_a_time_and_nobody_is_told_of_it() {
    let mut state = State::default();
    let mut server = Server::connect(&mut state, false);
    server.deliver_all(&mut state, &None);
    for _ in 0..2 {
        assert!(state.is_silent());
        state.nudge();
        assert!(!state.is_silent());
        let asked = state.output().len();
        state.nudge();
        assert_eq!(state.output().len(), asked);
        server.deliver_all(&mut state, &None);
        assert!(!state.has_event());
    }
    assert_eq!((state.strays(), state.wire.owner(1)), (0, None), "its number is free again");
}
