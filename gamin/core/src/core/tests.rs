//! Sessions under a virtual clock, in a world whose one directory `/d` holds the file `a`: who is let in, how
//! long, and what is answered to what.

use gamin_engine::{
    Dependency, Detail, Entries, FileType, Found, Method, Name, ScanRequest, Stamp, TreePath,
};
use gamin_protocol::{
    CREDENTIAL, Code, Decoder, EventPacket, Fact, HEADER_LEN, Inquiry, Kind, MonitorOptions, Request, SYNC,
};

use super::*;
use crate::outbox::BYTES_MAX;
use crate::session::{MAX_REPLIES, MAX_SUBSCRIPTIONS};

const UID: u32 = 1000;
const IDLE: Duration = Duration::from_secs(30);

/// A core and its world.
struct World {
    now: Time,
    core: Core,
    last_session: u32,
    closed: Vec<SessionId>,
}

impl World {
    fn new() -> World {
        let policy = Arc::new(Method::Kernel);
        let engine = gamin_engine::Config { policy, poll_interval: Duration::from_secs(1) };
        let now = Time(Duration::from_secs(1000));
        let core = Core::new(
            now,
            Config { engine, uid: UID, idle_max: Some(IDLE), settings: Vec::new(), ready_max: BYTES_MAX },
        );
        World { now, core, last_session: 0, closed: Vec::new() }
    }

    fn connect(&mut self, uid: u32) -> SessionId {
        self.connect_as(Peer { uid, pid: 1 })
    }

    fn connect_as(&mut self, peer: Peer) -> SessionId {
        self.last_session += 1;
        let id = SessionId(self.last_session);
        self.core.handle_connection(self.now, id, peer);
        self.settle();
        id
    }

    fn session(&mut self) -> SessionId {
        self.session_of(1)
    }

    fn session_of(&mut self, pid: i32) -> SessionId {
        let id = self.connect_as(Peer { uid: UID, pid });
        self.send(id, &[CREDENTIAL]);
        assert_eq!(self.take_bytes(id, usize::MAX), [CREDENTIAL]);
        id
    }

    /// Lets those go on who have a turn, if there are any.
    fn take_turns(&mut self) -> bool {
        let is_due = self.core.next_deadline().is_some_and(|deadline| deadline.reason == Reason::Turn);
        if is_due {
            self.pass(Duration::ZERO);
        }
        is_due
    }

    fn send(&mut self, id: SessionId, bytes: &[u8]) {
        self.take_turns();
        self.core.handle_bytes(self.now, id, bytes);
        self.settle();
    }

    fn pass(&mut self, span: Duration) {
        self.now = self.now + span;
        self.core.handle_time(self.now);
        self.settle();
    }

    fn settle(&mut self) {
        while let Some(effect) = self.core.poll_effect() {
            match effect {
                Effect::Arm { id, .. } => self.core.handle_armed(id, Ok(())),
                Effect::Disarm { .. } | Effect::Forget { .. } => {}
                Effect::Revalidate { id, request } => {
                    self.core.handle_revalidated(id, &request.all_in_doubt());
                }
                Effect::Scan { id, request } => self.core.handle_scan(self.now, id, look(&request)),
            }
        }
        while let Some(id) = self.core.poll_close() {
            self.closed.push(id);
        }
    }

    fn take_bytes(&mut self, id: SessionId, max: usize) -> Vec<u8> {
        let mut taken = Vec::new();
        while taken.len() < max && !self.core.transmit(id).is_empty() {
            let part = self.core.transmit(id);
            let count = part.len().min(max - taken.len());
            taken.extend_from_slice(&part[..count]);
            self.core.sent(id, count);
        }
        taken
    }

    /// What a session is told, as `number code path`.
    fn told(&mut self, id: SessionId) -> Vec<String> {
        let mut decoder = Decoder::<EventPacket>::new();
        decoder.push(&self.take_bytes(id, usize::MAX));
        while self.take_turns() {
            decoder.push(&self.take_bytes(id, usize::MAX));
        }
        let mut told = Vec::new();
        while let Some(packet) = decoder.next_message().expect("because the server's packets are well formed")
        {
            told.push(format!("{} {:?} {}", packet.seq, packet.code, packet.path.escape_ascii()));
        }
        told
    }
}

fn look(request: &ScanRequest) -> Scan {
    let stamp = |file_type, ino| Stamp {
        file_type,
        dev: 1,
        ino,
        mode: 0o755,
        uid: UID,
        gid: UID,
        size: 0,
        mtime_ns: 1,
        ctime_ns: 1,
        fresh: false,
    };
    let d = TreePath::root().join(b"d");
    let dependencies =
        vec![Dependency { directory: TreePath::root(), entry: Some(Name::from(b"d".as_slice())) }];
    let found = if request.path == d {
        let entries = match request.detail {
            Detail::Itself => Entries::Unasked,
            Detail::Names | Detail::Stamps => {
                Entries::Listed(vec![(Name::from(b"a".as_slice()), Some(stamp(FileType::Other, 3)))])
            }
        };
        Found::Directory { real: d, stamp: stamp(FileType::Directory, 2), entries }
    } else {
        Found::Missing
    };
    Scan { dependencies, stops_short: false, found }
}

fn monitor(seq: u32, options: MonitorOptions, path: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let request = Request::Monitor { seq, kind: Kind::Directory, options, path: path.into() };
    request.encode(&mut bytes).expect("because the path is short");
    bytes
}

fn cancel(seq: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    Request::Cancel { seq }.encode(&mut bytes).expect("because a cancel has no path");
    bytes
}

fn ask(seq: u32, question: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let request = Request::Ask { seq, question: question.to_vec() };
    request.encode(&mut bytes).expect("because the question is short");
    bytes
}

#[test]
fn credentials_and_requests_may_come_in_one_piece() {
    let mut world = World::new();
    let id = world.connect(UID);
    assert!(world.core.transmit(id).is_empty());
    world.send(id, &[vec![CREDENTIAL], monitor(1, MonitorOptions::NONE, "r")].concat());
    assert_eq!(world.take_bytes(id, 1), [CREDENTIAL]);
    assert_eq!(world.told(id), ["1 Deleted r", "1 EndExist r"]);
    assert_eq!(world.core.poll_send(), Some(id));
    assert_eq!(world.core.poll_send(), None);
}

#[test]
fn strangers_are_not_let_in() {
    let mut world = World::new();
    let foreigner = world.connect(UID + 1);
    let stammerer = world.connect(UID);
    world.send(stammerer, &[1, CREDENTIAL]);
    world.send(foreigner, &[CREDENTIAL]);
    assert_eq!(world.closed, [foreigner, stammerer]);
    assert!(world.core.transmit(foreigner).is_empty() && world.core.transmit(stammerer).is_empty());
}

#[test]
fn a_newcomer_has_five_seconds() {
    let mut world = World::new();
    let late = world.connect(UID);
    let deadline = Deadline { at: world.now + HANDSHAKE_MAX, reason: Reason::Handshake };
    assert_eq!(world.core.next_deadline(), Some(deadline));
    world.pass(Duration::from_secs(2));
    let early = world.session();
    world.pass(Duration::from_secs(3));
    assert_eq!(world.closed, [late]);
    world.send(early, &monitor(1, MonitorOptions::NONE, "r"));
    assert_eq!(world.told(early).len(), 2);
}

#[test]
fn one_newcomer_too_many_closes_the_oldest() {
    let mut world = World::new();
    let newcomers: Vec<_> = (0..=MAX_NEWCOMERS).map(|_| world.connect(UID)).collect();
    assert_eq!(world.closed, newcomers[..1]);
    world.send(newcomers[MAX_NEWCOMERS], &[CREDENTIAL]);
    assert_eq!(world.core.transmit(newcomers[MAX_NEWCOMERS]), [CREDENTIAL]);
}

#[test]
fn one_session_too_many_is_told_so_and_closed() {
    let mut world = World::new();
    let sessions: Vec<_> = (0..MAX_SESSIONS).map(|_| world.session()).collect();
    let refused = world.connect(UID);
    world.send(refused, &[CREDENTIAL]);
    assert_eq!((world.core.poll_refuse(), world.core.poll_refuse()), (Some(refused), None));
    assert_eq!(world.closed, [refused]);
    world.core.handle_hangup(world.now, sessions[0]);
    world.session();
}

#[test]
fn a_server_without_sessions_ends() {
    let mut world = World::new();
    world.pass(IDLE - Duration::from_secs(1));
    let id = world.session();
    world.pass(2 * IDLE);
    assert!(!world.core.is_finished() && world.core.next_deadline().is_none());
    world.core.handle_hangup(world.now, id);
    assert_eq!(world.core.next_deadline(), Some(Deadline { at: world.now + IDLE, reason: Reason::Idle }));
    world.pass(IDLE - Duration::from_secs(1));
    world.connect(UID);
    assert!(!world.core.is_finished());
    world.pass(Duration::from_secs(1));
    assert!(world.core.is_finished(), "a connection without credentials does not count");
}

#[test]
fn whoever_only_asks_keeps_no_server() {
    let mut world = World::new();
    let needing = world.session();
    world.send(needing, &monitor(1, MonitorOptions::NONE, "/d"));
    world.core.handle_hangup(world.now, needing);
    for _ in 0..4 {
        world.pass(IDLE / 4 - Duration::from_millis(1));
        let asking = world.session();
        let (facts, _) = inquire(&mut world, asking, "server");
        assert_eq!(facts.len(), 1);
        // To find out what it talks to, a client asks for something and takes that back in the same breath.
        world.send(asking, &[monitor(9, MonitorOptions::NONE, "/d"), cancel(9)].concat());
        assert!(!world.core.is_finished());
        world.core.handle_hangup(world.now, asking);
    }
    let asking = world.session();
    inquire(&mut world, asking, "server");
    world.pass(Duration::from_millis(4));
    assert!(world.core.is_finished(), "four have asked meanwhile, and one of them is still there");
    let asking = world.session();
    inquire(&mut world, asking, "server");
    world.send(asking, &monitor(1, MonitorOptions::NONE, "/d"));
    world.core.handle_hangup(world.now, asking);
    world.pass(IDLE / 2);
    assert!(!world.core.is_finished(), "who has asked may need it afterwards");
}

#[test]
fn a_broken_packet_ends_its_session_alone() {
    let mut world = World::new();
    let (broken, whole) = (world.session(), world.session());
    world.send(broken, &[monitor(1, MonitorOptions::NONE, "/d"), vec![0xff; HEADER_LEN]].concat());
    assert_eq!(world.closed, [broken]);
    assert!(world.core.transmit(broken).is_empty() && world.core.owners.is_empty());
    world.send(whole, &monitor(1, MonitorOptions::NONE, "r"));
    assert_eq!(world.told(whole), ["1 Deleted r", "1 EndExist r"]);
}

#[test]
fn a_path_that_leads_nowhere_is_missing_and_can_be_cancelled() {
    let mut world = World::new();
    let id = world.session();
    world.send(
        id,
        &[monitor(1, MonitorOptions::NO_EXISTS, "r"), monitor(2, MonitorOptions::NONE, "\0x")].concat(),
    );
    assert_eq!(world.told(id), ["1 Deleted r", "2 Deleted .", "2 EndExist ."]);
    world.send(id, &[cancel(1), cancel(2), cancel(1), cancel(7)].concat());
    assert_eq!(world.told(id), ["1 Acknowledge r", "2 Acknowledge ."]);
    assert!(world.closed.is_empty());
}

#[test]
fn a_number_used_twice_is_served_twice_and_cancelled_oldest_first() {
    let mut world = World::new();
    let id = world.session();
    world.send(
        id,
        &[monitor(1, MonitorOptions::NONE, "r"), monitor(1, MonitorOptions::NONE, "s"), cancel(1)].concat(),
    );
    let told = ["1 Deleted r", "1 EndExist r", "1 Deleted s", "1 EndExist s", "1 Acknowledge r"];
    assert_eq!(world.told(id), told);
    world.send(id, &cancel(1));
    assert_eq!(world.told(id), ["1 Acknowledge s"]);
}

#[test]
fn a_number_may_be_wide() {
    let mut world = World::new();
    let id = world.session();
    let (narrow, wide) = (7, 0x1_0007);
    let both = [narrow, wide].map(|seq| monitor(seq, MonitorOptions::NO_EXISTS, "r"));
    world.send(id, &both.concat());
    assert_eq!(world.told(id), ["7 Deleted r", "65543 Deleted r"]);
    let (numbers, _) = inquire(&mut world, id, "subscription");
    assert!(numbers.is_empty(), "of what leads nowhere there is no watch");
    world.send(id, &[cancel(wide), cancel(wide)].concat());
    assert_eq!(world.told(id), ["65543 Acknowledge r"]);
    let (facts, _) = inquire(&mut world, id, "server");
    assert_eq!(facts[0].get("subscriptions-max"), Some(&*MAX_SUBSCRIPTIONS.to_string()));
    world.send(id, &cancel(narrow));
    assert_eq!(world.told(id), ["7 Acknowledge r"]);
}

#[test]
fn one_subscription_too_many_ends_the_session() {
    let mut world = World::new();
    let id = world.session();
    // Beginning and ending one takes as long however many there are of the same path.
    for seq in 0..MAX_SUBSCRIPTIONS {
        world.send(id, &monitor(seq as u32, MonitorOptions::NO_EXISTS, "/d"));
    }
    assert!(world.closed.is_empty());
    world.send(id, &monitor(0, MonitorOptions::NO_EXISTS, "/d"));
    assert_eq!(world.closed, [id]);
    assert!(world.core.owners.is_empty());
}

#[test]
fn of_too_many_subscriptions_in_all_the_process_that_has_the_most_loses_the_most() {
    const PART: usize = 1 << 14;
    const { assert!(PART < MAX_SUBSCRIPTIONS && MAX_ALL_SUBSCRIPTIONS.is_multiple_of(PART)) };
    let mut world = World::new();
    let requests: Vec<u8> =
        (0..PART).flat_map(|seq| monitor(seq as u32, MonitorOptions::NO_EXISTS, "r")).collect();
    // Another has the largest session, but fewer in all.
    let other = world.session_of(2);
    world.send(other, &requests.repeat(2));
    let runaways: Vec<_> = (2..MAX_ALL_SUBSCRIPTIONS / PART).map(|_| world.session_of(3)).collect();
    for id in &runaways {
        world.send(*id, &requests);
    }
    assert!(world.closed.is_empty());
    let innocent = world.session_of(4);
    world.send(innocent, &monitor(1, MonitorOptions::NONE, "/d"));
    assert_eq!(world.closed, runaways[runaways.len() - 1..]);
    assert_eq!(world.told(innocent), ["1 Exists /d", "1 Exists a", "1 EndExist /d"]);
}

#[test]
fn a_client_that_does_not_read_its_answers_is_not_read_from() {
    let mut world = World::new();
    let id = world.session();
    let request = [monitor(1, MonitorOptions::NO_EXISTS, "r"), cancel(1)].concat();
    let mut sent = 0;
    while world.core.accepts_bytes(id) {
        world.send(id, &request);
        sent += 1;
    }
    assert!(sent > MAX_REPLIES);
    let told = world.told(id);
    assert_eq!(told.iter().filter(|told| *told == "1 Acknowledge r").count(), sent);
    assert!(world.core.accepts_bytes(id));
}

#[test]
fn a_listing_comes_with_the_client_s_own_spelling() {
    let mut world = World::new();
    let id = world.session();
    world.send(id, &monitor(1, MonitorOptions::NONE, "//d/./"));
    assert_eq!(world.told(id), ["1 Exists //d/./", "1 Exists a", "1 EndExist //d/./"]);
}

#[test]
fn monitor_and_cancel_in_one_piece_end_with_one_acknowledge() {
    let mut world = World::new();
    let id = world.session();
    world.send(id, &[monitor(1, MonitorOptions::NONE, "/d"), cancel(1)].concat());
    assert_eq!(world.told(id), ["1 Acknowledge /d"]);
    assert!(world.core.owners.is_empty());
}

#[test]
fn a_barrier_is_answered_behind_all_that_happened_before() {
    let mut world = World::new();
    let id = world.session();
    world.send(id, &[monitor(1, MonitorOptions::NONE, "/d"), ask(7, b"what?"), ask(8, SYNC)].concat());
    let answer = format!("8 {:?} sync", Code::Answer);
    assert_eq!(world.told(id), ["1 Exists /d", "1 Exists a", "1 EndExist /d", &answer]);
    world.send(id, &[cancel(1), ask(9, SYNC)].concat());
    let answer = format!("9 {:?} sync", Code::Answer);
    assert_eq!(world.told(id), ["1 Acknowledge /d", &answer]);
    assert!(world.core.barriers.is_empty());
}

#[test]
fn requests_behind_a_barrier_wait_for_it() {
    let mut world = World::new();
    let id = world.session();
    let requests = [
        monitor(1, MonitorOptions::NONE, "/d"),
        ask(8, SYNC),
        monitor(2, MonitorOptions::NONE, "/"),
        cancel(2),
    ];
    world.send(id, &requests.concat());
    let answer = format!("8 {:?} sync", Code::Answer);
    assert_eq!(world.told(id), ["1 Exists /d", "1 Exists a", "1 EndExist /d", &answer, "2 Acknowledge /"]);
}

#[test]
fn a_client_that_asks_without_pause_has_one_answer_a_turn_and_none_while_it_does_not_read() {
    let mut world = World::new();
    let (asker, other) = (world.session(), world.session());
    let questions = [ask(1, b"facts ring 0"), ask(2, SYNC), monitor(3, MonitorOptions::NONE, "/d")].concat();
    world.send(asker, &questions.repeat(1000));
    let one = world.core.transmit(asker).len();
    assert!(one > 0 && !world.core.accepts_bytes(asker));
    assert_eq!(world.core.next_deadline(), None, "it has not read");
    world.send(other, &monitor(1, MonitorOptions::NO_EXISTS, "r"));
    assert_eq!(world.told(other), ["1 Deleted r"]);
    world.pass(Duration::from_secs(1));
    assert_eq!(world.core.transmit(asker).len(), one, "nor is there more for it");
    let sync = format!("2 {:?} sync", Code::Answer);
    assert_eq!(world.told(asker).iter().filter(|told| **told == sync).count(), 1000);
    assert!(world.core.accepts_bytes(asker) && world.core.next_deadline().is_none());
}

/// What a session is told of a noun, page by page, and how many pages it took.
fn inquire(world: &mut World, id: SessionId, noun: &str) -> (Vec<Fact>, usize) {
    let mut inquiry = Inquiry { noun: noun.to_owned(), after: 0 };
    let (mut facts, mut pages) = (Vec::new(), 0);
    loop {
        world.send(id, &ask(7, &inquiry.question()));
        let mut decoder = Decoder::<EventPacket>::new();
        decoder.push(&world.take_bytes(id, usize::MAX));
        let packet = decoder.next_message().expect("because it is well formed").expect("because it is whole");
        assert_eq!((packet.seq, packet.code), (7, Code::Answer));
        let answer = packet.path.strip_prefix(&*inquiry.question()).expect("because it repeats the question");
        let page = inquiry.parse_answer(answer).expect("because it is an answer");
        facts.extend(page.facts);
        pages += 1;
        let Some(next) = page.next else { return (facts, pages) };
        inquiry.after = next;
    }
}

fn lines(facts: &[Fact]) -> Vec<String> {
    facts.iter().map(ToString::to_string).collect()
}

#[test]
fn the_server_says_who_is_told_of_what_and_how() {
    let mut world = World::new();
    let id = world.session();
    world.send(
        id,
        &[monitor(5, MonitorOptions::NONE, "//d/"), monitor(6, MonitorOptions::NONE, "/none")].concat(),
    );
    world.told(id);
    world.pass(Duration::from_secs(9));
    let (server, _) = inquire(&mut world, id, "server");
    let number = |key: &str| server[0].get(key).and_then(|value| value.parse::<u64>().ok());
    for (key, expected) in
        [("sessions", 1), ("subscriptions", 2), ("watches", 2), ("polled", 0), ("overflows", 0)]
    {
        assert_eq!(number(key), Some(expected), "{key}: {}", server[0]);
    }
    let (sessions, _) = inquire(&mut world, id, "session");
    assert_eq!(lines(&sessions), ["session id=1 pid=1 age=9 subscriptions=2 unsent=0 waiting=0 asks=yes"]);
    let other = world.session();
    let (sessions, _) = inquire(&mut world, other, "session");
    let asks: Vec<Option<&str>> = sessions.iter().map(|session| session.get("asks")).collect();
    assert_eq!(asks, [None, Some("yes")]);
    let (subscriptions, _) = inquire(&mut world, id, "subscription");
    let expected = [
        "subscription id=1 session=1 number=5 watch=1 path=\"//d/\"",
        "subscription id=2 session=1 number=6 watch=2 path=\"/none\"",
    ];
    assert_eq!(lines(&subscriptions), expected);
    let (watches, _) = inquire(&mut world, id, "watch");
    let expected = [
        "watch id=1 kind=directory method=kernel coverage=kernel state=directory entries=1 subscriptions=1 looking=no path=\"/d\" why=\"Kernel\"",
        "watch id=2 kind=directory method=kernel coverage=kernel state=absent entries=0 subscriptions=1 looking=no path=\"/none\" why=\"Kernel\"",
    ];
    assert_eq!(lines(&watches), expected);
    let (kernel, _) = inquire(&mut world, id, "kernel-watch");
    let shown =
        |fact: &Fact| format!("{} {:?}", fact.get("state").unwrap_or("?"), fact.get_name("directory"));
    let shown: Vec<String> = kernel.iter().map(shown).collect();
    assert_eq!(shown, [format!("armed {:?}", Some(b"/")), format!("armed {:?}", Some(b"/d"))]);
    assert_eq!(inquire(&mut world, id, "nonsense"), (Vec::new(), 1));
}

#[test]
fn what_happened_is_told_afterwards_in_order() {
    let mut world = World::new();
    let id = world.session();
    world.send(id, &[monitor(5, MonitorOptions::NONE, "/d"), cancel(5)].concat());
    world.send(id, &monitor(5, MonitorOptions::NONE, "/d"));
    world.told(id);
    let (ring, _) = inquire(&mut world, id, "ring");
    let ring = lines(&ring);
    let steps = [
        "session=begins id=1 pid=1",
        "effect=arm ",
        "effect=scan ",
        "answer=scanned ",
        "event=Exists ",
        "event=Exists subscription=2 entries=1",
        "event=EndExist ",
    ];
    let mut rest = ring.iter();
    for step in steps {
        assert!(rest.any(|line| line.contains(step)), "{step} is not next in {ring:#?}");
    }
    world.core.handle_hangup(world.now, id);
    let other = world.session();
    let (ring, _) = inquire(&mut world, other, "ring");
    assert!(lines(&ring).iter().any(|line| line.ends_with("session=ends id=1")));
}

#[test]
fn a_large_state_is_told_in_many_answers_of_one_packet_each() {
    let mut world = World::new();
    let id = world.session();
    let path = "/x".repeat(1000);
    for seq in 0..300 {
        world.send(id, &monitor(seq, MonitorOptions::NONE, &path));
    }
    world.told(id);
    let (subscriptions, pages) = inquire(&mut world, id, "subscription");
    assert_eq!(subscriptions.len(), 300);
    assert!(pages >= 100, "{pages}");
    let name = subscriptions[0].get_name("path").expect("because it has one");
    assert!(name.len() < path.len() && name.ends_with(b"..."));
}
