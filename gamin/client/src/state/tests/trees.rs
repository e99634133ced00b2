//! Trees, against a model of a server that has a whole file system to tell about.

mod wide;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use gamin_protocol::{CREDENTIAL, Code, Coverage, Decoder, Fact, Inquiry, NARROW_MAX, Tag};
use proptest::prelude::*;

use super::super::wire::RESERVE;
use super::super::*;

const ROOT: &str = "/tree";

/// What is there below the root, by its name relative to the root, which is empty: whether it is a directory, and its tag.
type Files = BTreeMap<String, (bool, u64)>;

/// What a server makes of questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ability {
    /// Nothing, and it gives no tags.
    Original,
    /// It answers, and knows narrow numbers alone.
    Narrow,
    /// It answers, and knows wide numbers too.
    Wide,
}

/// A server that lists and reports every directory that is asked for.
struct Server {
    ability: Ability,
    requests: Decoder<Request>,
    followed: BTreeMap<u32, String>,
    outbox: Vec<u8>,
}

impl Server {
    fn send(&mut self, seq: u32, code: Code, path: &str, tag: Option<u64>) {
        assert!(seq <= NARROW_MAX || self.ability == Ability::Wide, "it does not know {seq}");
        let tag = tag.filter(|_| self.ability != Ability::Original).map(Tag::new);
        protocol::EventPacket::encode(&mut self.outbox, seq, code, path.as_bytes(), tag)
            .expect("a good path");
    }

    fn answer(&mut self, seq: u32, question: &[u8]) {
        let answer = match Inquiry::parse(question) {
            _ if self.ability == Ability::Original => return,
            Some(inquiry) => {
                let max: u64 = if self.ability == Ability::Wide { 1 << 20 } else { 1 << 16 };
                let server = Fact::new("server").word("subscriptions-max", max);
                inquiry.answer([(1, server)].into_iter())
            }
            None => question.to_vec(),
        };
        protocol::EventPacket::encode(&mut self.outbox, seq, Code::Answer, &answer, None)
            .expect("a short answer");
    }

    fn report(&mut self, code: Code, name: &str, (is_directory, tag): (bool, u64)) {
        let (folder, entry) = name.rsplit_once('/').unwrap_or(("", name));
        for (seq, followed) in self.followed.clone() {
            if followed == name && code != Code::Changed {
                // Of what is no directory it says that there is none.
                if code == Code::Deleted || is_directory {
                    self.send(seq, code, &absolute(name), Some(tag));
                }
            } else if followed == folder && !name.is_empty() {
                self.send(seq, code, entry, Some(tag));
            }
        }
    }
}

fn absolute(name: &str) -> String {
    if name.is_empty() { ROOT.to_owned() } else { format!("{ROOT}/{name}") }
}

fn entries_of(files: &Files, folder: &str) -> Vec<(String, u64)> {
    let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
    let below = files.iter().filter(|(name, _)| !name.is_empty());
    let below = below.filter_map(|(name, (_, tag))| Some((name.strip_prefix(&prefix)?.to_owned(), *tag)));
    below.filter(|(entry, _)| !entry.contains('/')).collect()
}

struct World {
    state: State,
    server: Option<Server>,
    /// That of the servers to come.
    ability: Ability,
    files: Files,
    clock: u64,
    request: RequestNumber,
    told: BTreeSet<String>,
    root: bool,
    listed: bool,
    /// What was there may be told later.
    revised: bool,
    covered: Vec<(String, Coverage)>,
    /// How the directories are covered that are not by the kernel; and what it was last told of that.
    covers: BTreeMap<String, Coverage>,
    told_covers: BTreeMap<String, Coverage>,
    /// The directory that is not followed.
    ignored: Ignored,
}

impl World {
    fn new(files: &[(&str, bool)], levels: u32) -> World {
        let tells = |name: &Path| !name.file_name().is_some_and(|name| name.as_bytes().starts_with(b"x"));
        let ignored = Ignored::new("nothing".into());
        let follows = {
            let ignored = Arc::clone(&ignored);
            Arc::new(move |name: &Path| name != *ignored.lock().expect("nobody panics"))
        };
        let world = World::with_options(files, TreeOptions { levels, tells: Arc::new(tells), follows });
        World { ignored, ..world }
    }

    fn with_options(files: &[(&str, bool)], options: TreeOptions) -> World {
        let mut state = State::default();
        let request = MonitorRequest {
            user_data: 7,
            coverage: true,
            ..MonitorRequest::new(Path::new(ROOT), Scope::Tree(options))
        };
        let request = state.ask(&request).expect("a good path");
        let files =
            files.iter().map(|(name, is_directory)| ((*name).to_owned(), (*is_directory, 0))).collect();
        World {
            state,
            server: None,
            ability: Ability::Narrow,
            files,
            clock: 1,
            request,
            told: BTreeSet::new(),
            root: false,
            listed: false,
            revised: false,
            covered: Vec::new(),
            covers: BTreeMap::new(),
            told_covers: BTreeMap::new(),
            ignored: Ignored::default(),
        }
    }

    fn revise(&mut self) {
        self.revised = true;
        self.state.revise(self.request).expect("it is a tree");
        self.settle();
    }

    /// Has another directory ignored; of what is below it nothing is told any more, and all is forgotten.
    fn ignore(&mut self, name: &'static str) {
        self.read();
        *self.ignored.lock().expect("nobody panics") = name;
        self.told.retain(|told| Path::new(told) == Path::new(name) || !Path::new(told).starts_with(name));
        self.revised = true;
        self.state.revise(self.request).expect("it is a tree");
    }

    /// What it was told of gaps.
    fn gaps(&mut self) -> Vec<(String, Coverage)> {
        self.read();
        std::mem::take(&mut self.covered)
    }

    fn follows(&self) -> Vec<&str> {
        let followed = self.server.iter().flat_map(|server| server.followed.values());
        let mut followed: Vec<&str> = followed.map(String::as_str).collect();
        followed.sort_unstable();
        followed
    }

    fn connect(&mut self) {
        if self.server.is_none() {
            self.state.handle_connected();
            self.state.handle_sent(1);
            let outbox = vec![CREDENTIAL];
            let (ability, requests, followed) = (self.ability, Decoder::new(), BTreeMap::new());
            self.server = Some(Server { ability, requests, followed, outbox });
        }
    }

    fn kill(&mut self) {
        if self.server.take().is_some() {
            self.state.handle_lost();
        }
    }

    /// Lets everything travel that there is.
    fn settle(&mut self) {
        while let Some(server) = &mut self.server {
            server.requests.push(self.state.output());
            self.state.handle_sent(self.state.output().len());
            while let Some(request) = server.requests.next_message().expect("a good request") {
                match request {
                    Request::Monitor { seq, path, .. } => {
                        let path = String::from_utf8(path).expect("a path of this test");
                        // What is not in the tree is the probe's.
                        let name = path.strip_prefix(ROOT).map(|name| name.trim_start_matches('/'));
                        let name = name.unwrap_or("/").to_owned();
                        assert!(
                            server.followed.insert(seq, name.clone()).is_none(),
                            "a wire number is used twice"
                        );
                        if let Some(coverage) = self.covers.get(&name) {
                            server.send(seq, Code::Coverage, coverage.word(), None);
                        }
                        if let Some((true, tag)) = self.files.get(&name) {
                            server.send(seq, Code::Exists, &path, Some(*tag));
                            for (entry, tag) in entries_of(&self.files, &name) {
                                server.send(seq, Code::Exists, &entry, Some(tag));
                            }
                        } else {
                            server.send(seq, Code::Deleted, &path, None);
                        }
                        server.send(seq, Code::EndExist, &path, None);
                    }
                    Request::Cancel { seq } => {
                        assert!(server.followed.remove(&seq).is_some(), "an unknown number is cancelled");
                        server.send(seq, Code::Acknowledge, ROOT, None);
                    }
                    Request::Ask { seq, question } => server.answer(seq, &question),
                }
            }
            let bytes = std::mem::take(&mut server.outbox);
            self.state.handle_bytes(&bytes).expect("good packets");
            let files = &self.files;
            self.state.explore(|path| {
                let path = path.to_str().expect("a path of this test");
                files.get(path[ROOT.len()..].trim_start_matches('/')).is_some_and(|found| found.0)
            });
            if bytes.is_empty() && self.state.output().is_empty() {
                return;
            }
        }
    }

    fn report(&mut self, code: Code, name: &str, found: (bool, u64)) {
        if let Some(server) = &mut self.server {
            server.report(code, name, found);
        }
    }

    fn cover(&mut self, name: &str, coverage: Coverage) {
        let before = match coverage {
            Coverage::Kernel => self.covers.remove(name),
            _ => self.covers.insert(name.to_owned(), coverage),
        };
        if before.unwrap_or_default() == coverage {
            return;
        }
        let Some(server) = &mut self.server else { return };
        let followed = server.followed.iter().filter(|(_, followed)| *followed == name);
        for seq in followed.map(|(seq, _)| *seq).collect::<Vec<_>>() {
            server.send(seq, Code::Coverage, coverage.word(), None);
        }
    }

    fn make(&mut self, name: &str, is_directory: bool) {
        let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
        let may = name.is_empty() && is_directory
            || !name.is_empty() && self.files.get(folder).is_some_and(|found| found.0);
        if !may || self.files.contains_key(name) {
            return;
        }
        self.clock += 1;
        self.files.insert(name.to_owned(), (is_directory, self.clock));
        self.report(Code::Created, name, (is_directory, self.clock));
    }

    fn remove(&mut self, name: &str) {
        let below = format!("{name}/");
        let is_below = |other: &&String| name.is_empty() || other.starts_with(&below) || *other == name;
        for gone in self.files.keys().filter(is_below).rev().cloned().collect::<Vec<_>>() {
            if let Some(found) = self.files.remove(&gone) {
                self.report(Code::Deleted, &gone, found);
            }
        }
    }

    /// Gives what is told, and objects to what is impossible.
    fn read(&mut self) -> Vec<(Code, String)> {
        let mut news = Vec::new();
        while let Some(event) = self.state.poll_event() {
            assert_eq!((event.request, event.user_data), (self.request, 7));
            let name = event.path.to_str().expect("a path of this test").to_owned();
            if let Some(coverage) = event.coverage {
                assert_eq!(event.code, Code::Coverage);
                let place = if name == ROOT { String::new() } else { name.clone() };
                let before = match coverage {
                    Coverage::Kernel => self.told_covers.remove(&place),
                    _ => self.told_covers.insert(place, coverage),
                };
                assert_ne!(before.unwrap_or_default(), coverage, "{event:?} is no news");
                self.covered.push((name, coverage));
                continue;
            }
            let is_root = name == ROOT;
            let is_told = if is_root { self.root } else { self.told.contains(&name) };
            match event.code {
                Code::EndExist => {
                    assert!(is_root && !std::mem::replace(&mut self.listed, true), "{event:?}");
                }
                Code::Exists => assert!(!is_told && (!self.listed || self.revised), "{event:?}"),
                Code::Created => assert!(!is_told, "{event:?}"),
                Code::Deleted if is_root => {}
                _ => assert!(is_told && !is_root, "{event:?}"),
            }
            match (is_root, event.code) {
                (_, Code::EndExist) => {}
                (true, code) => {
                    self.root = code != Code::Deleted;
                    self.told.clear();
                }
                (false, Code::Deleted) => drop(self.told.remove(&name)),
                (false, _) => drop(self.told.insert(name.clone())),
            }
            news.push((event.code, name));
        }
        news
    }

    /// How each directory that is followed is covered, unless by the kernel.
    fn true_covers(&self) -> BTreeMap<String, Coverage> {
        let followed = self.follows();
        let is_followed = |name: &String| followed.contains(&name.as_str());
        self.covers
            .iter()
            .filter(|(name, _)| is_followed(name))
            .map(|(name, why)| (name.clone(), *why))
            .collect()
    }

    fn truth(&self, levels: usize) -> BTreeSet<String> {
        let within = |name: &&String| !name.is_empty() && name.split('/').count() <= levels;
        let tells = |name: &&String| !name.rsplit('/').next().is_some_and(|entry| entry.starts_with('x'));
        let ignored = *self.ignored.lock().expect("nobody panics");
        let is_followed = |name: &&String| *name == ignored || !Path::new(name).starts_with(ignored);
        self.files.keys().filter(within).filter(tells).filter(is_followed).cloned().collect()
    }
}

fn listing(names: &[&str]) -> Vec<(Code, String)> {
    let root = |code| (code, ROOT.to_owned());
    let names = names.iter().map(|name| (Code::Exists, (*name).to_owned()));
    std::iter::once(root(Code::Exists)).chain(names).chain([root(Code::EndExist)]).collect()
}

const FILES: [(&str, bool); 7] =
    [("", true), ("a", false), ("s", true), ("s/b", false), ("s/t", true), ("s/t/c", false), ("xs", true)];

#[test]
fn a_tree_is_listed_to_its_depth_and_its_listing_ends_once() {
    for (levels, names) in [
        (0, vec![]),
        (1, vec!["a", "s"]),
        (2, vec!["a", "s", "s/b", "s/t"]),
        (9, vec!["a", "s", "s/b", "s/t", "s/t/c"]),
    ] {
        let mut world = World::new(&FILES, levels);
        world.connect();
        world.settle();
        assert_eq!(world.read(), listing(&names), "{levels}");
        assert!(world.listed);
    }
}

#[test]
fn a_directory_that_is_not_told_is_followed() {
    let mut world = World::new(&FILES, 2);
    world.connect();
    world.settle();
    world.read();
    world.make("xs/new", false);
    world.make("xs/x", false);
    world.settle();
    assert_eq!(world.read(), [(Code::Created, "xs/new".to_owned())]);
    world.remove("xs");
    world.settle();
    assert_eq!(world.read(), [(Code::Deleted, "xs/new".to_owned())]);
}

#[test]
fn a_new_directory_is_followed_and_one_that_goes_takes_its_entries_along() {
    let mut world = World::new(&FILES, 3);
    world.connect();
    world.settle();
    world.read();
    world.make("n", true);
    world.make("n/m", true);
    world.make("n/m/f", false);
    world.settle();
    let names = |news: Vec<(Code, String)>| news.into_iter().map(|(_, name)| name).collect::<Vec<_>>();
    assert_eq!(names(world.read()), ["n", "n/m", "n/m/f"]);
    // It is renamed away: of what is below nobody tells.
    for name in ["n/m/f", "n/m", "n"] {
        world.files.remove(name);
    }
    world.report(Code::Deleted, "n", (true, 0));
    world.settle();
    assert_eq!(names(world.read()), ["n/m/f", "n/m", "n"]);
    assert_eq!(world.server.as_ref().map(|server| server.followed.len()), Some(4));
}

#[test]
fn a_cancelled_tree_has_one_acknowledge_and_gives_its_numbers_back() {
    let mut world = World::new(&FILES, 3);
    world.connect();
    world.settle();
    world.state.cancel(world.request).expect("it is known");
    world.settle();
    let event = world.state.poll_event().expect("an Acknowledge");
    assert_eq!((event.code, event.path.to_str()), (Code::Acknowledge, Some(ROOT)));
    assert!(world.state.poll_event().is_none() && world.state.requests.is_empty());
    assert!(world.server.is_some_and(|server| server.followed.is_empty()));
}

/// What is ignored now, by everything that is said of it.
type Ignored = Arc<std::sync::Mutex<&'static str>>;

/// A world in which one name and what is below it is ignored.
fn world_that_ignores(ignored: &Ignored) -> World {
    let says = |ignored: &Ignored| {
        let ignored = Arc::clone(ignored);
        Arc::new(move |name: &Path| !name.starts_with(*ignored.lock().expect("nobody panics")))
    };
    let options = TreeOptions { tells: says(ignored), follows: says(ignored), ..TreeOptions::default() };
    World::with_options(&FILES, options)
}

#[test]
fn what_is_not_to_be_followed_costs_nothing_until_it_is() {
    let ignored = Ignored::new("s".into());
    let mut world = world_that_ignores(&ignored);
    world.connect();
    world.settle();
    assert_eq!(world.read(), listing(&["a", "xs"]));
    assert_eq!(world.follows(), ["", "xs"]);
    world.make("s/new", false);
    world.settle();
    assert_eq!(world.read(), []);
    *ignored.lock().expect("nobody panics") = "xs";
    world.revise();
    assert_eq!(world.follows(), ["", "s", "s/t"]);
    let exists = ["s", "s/b", "s/new", "s/t", "s/t/c"].map(|name| (Code::Exists, name.to_owned()));
    assert_eq!(world.read(), exists, "it was there, and xs is not gone");
    world.make("s/t/d", true);
    world.make("s/t/d/e", false);
    world.settle();
    let created = ["s/t/d", "s/t/d/e"].map(|name| (Code::Created, name.to_owned()));
    assert_eq!(world.read(), created);
}

#[test]
fn what_is_no_longer_to_be_told_goes_without_a_word() {
    let ignored = Ignored::new("nothing".into());
    let mut world = world_that_ignores(&ignored);
    world.connect();
    world.settle();
    world.read();
    *ignored.lock().expect("nobody panics") = "s";
    world.revise();
    world.remove("s");
    world.settle();
    assert_eq!((world.read(), world.follows()), (vec![], vec!["", "xs"]));
}

#[test]
fn a_directory_without_a_number_is_a_gap_until_one_is_free() {
    let mut world = World::with_options(&FILES, TreeOptions::default());
    world.state.wire.offer_only(100..101);
    world.connect();
    world.settle();
    let gap = |name: &str, coverage| (name.to_owned(), coverage);
    assert_eq!(world.gaps(), [gap("xs", Coverage::TooMany), gap("s/t", Coverage::TooMany)]);
    assert!(world.listed && world.told.contains("s/t"), "it is told, but not what is in it");
    let told = world.state.gaps(world.request).expect("it is a tree");
    let first = Some((PathBuf::from("/tree/s/t"), Coverage::TooMany));
    assert_eq!(told, Gaps { count: 2, first });
    world.remove("xs");
    world.settle();
    assert_eq!(world.gaps(), [gap("xs", Coverage::Kernel)], "there is nothing left to follow");
    world.state.wire.offer_only(200..201);
    world.settle();
    world.make("b", false);
    world.settle();
    assert_eq!(world.gaps(), [gap("s/t", Coverage::Kernel)]);
    assert!(world.told.contains("s/t/c"));
    assert_eq!(world.state.gaps(world.request).expect("it is a tree"), Gaps::default());
}

#[test]
fn a_tree_that_is_too_large_leaves_numbers_to_others() {
    let mut world = World::with_options(&FILES[..1], TreeOptions::default());
    world.connect();
    world.state.wire.offer_only(60_000..60_003);
    for name in ["a", "b", "c", "d", "e"] {
        world.make(name, true);
    }
    world.settle();
    let gap = |name: &str| (name.to_owned(), Coverage::TooMany);
    assert_eq!(world.gaps(), [gap("d"), gap("e")]);
    for _ in 0..RESERVE {
        world.state.monitor(Kind::File, Path::new("/f"), None).expect("it is kept back");
    }
    let refused = world.state.monitor(Kind::File, Path::new("/f"), None);
    assert!(matches!(refused, Err(Error::TooManyRequests)), "{refused:?}");
}

#[test]
fn a_gap_is_told_before_the_listing_ends() {
    let deep = "d".repeat(200);
    let names: Vec<String> = (1..=21).map(|levels| vec![deep.as_str(); levels].join("/")).collect();
    let files: Vec<(&str, bool)> =
        std::iter::once(("", true)).chain(names.iter().map(|name| (name.as_str(), true))).collect();
    let mut world = World::with_options(&files, TreeOptions::default());
    world.connect();
    world.settle();
    let first = names.iter().find(|name| ROOT.len() + 1 + name.len() >= protocol::PATH_MAX);
    let codes: Vec<Code> = std::iter::from_fn(|| world.state.poll_event()).map(|event| event.code).collect();
    assert_eq!(codes[codes.len() - 2..], [Code::Coverage, Code::EndExist]);
    let gaps = world.state.gaps(world.request).expect("it is a tree");
    let path = first.map(|name| PathBuf::from(absolute(name)));
    assert_eq!(gaps, Gaps { count: 1, first: path.map(|path| (path, Coverage::TooDeep)) });
}

#[test]
fn what_a_server_says_of_coverage_is_told_and_ends_with_it() {
    let mut world = World::with_options(&FILES, TreeOptions::default());
    world.connect();
    world.settle();
    world.read();
    let server = world.server.as_mut().expect("it is there");
    let seq = *server.followed.iter().find(|(_, name)| *name == "s").expect("it is followed").0;
    server.send(seq, Code::Coverage, "polled-limit", None);
    server.send(seq, Code::Coverage, "a word from the future", None);
    world.settle();
    let gap = |coverage| ("s".to_owned(), coverage);
    assert_eq!(world.gaps(), [gap(Coverage::PolledLimit)]);
    world.kill();
    world.connect();
    world.settle();
    assert_eq!(world.gaps(), [gap(Coverage::Kernel)], "another server has not said so");
}

#[test]
fn what_was_not_followed_as_it_should_be_ends_with_all_that_it_hangs_on() {
    for gone in ["", "x"] {
        let mut world =
            World::with_options(&[("", true), ("x", true), ("x/b", true)], TreeOptions::default());
        world.connect();
        world.settle();
        world.cover("x/b", Coverage::PolledLimit);
        world.settle();
        // The next server says only that this is gone, and nothing of what hung on it.
        world.kill();
        world.remove(gone);
        world.connect();
        world.settle();
        let gap = |coverage| ("x/b".to_owned(), coverage);
        assert_eq!(world.gaps(), [gap(Coverage::PolledLimit), gap(Coverage::Kernel)], "without {gone:?}");
    }
}

#[test]
fn what_changes_of_coverage_while_suspended_is_told_when_resumed() {
    let mut world = World::with_options(&FILES, TreeOptions::default());
    world.connect();
    world.settle();
    world.state.suspend(world.request).expect("it is known");
    world.cover("s", Coverage::PolledLimit);
    world.cover("xs", Coverage::Unreadable);
    world.cover("xs", Coverage::Kernel);
    world.settle();
    assert_eq!(world.gaps(), []);
    world.kill();
    world.connect();
    world.settle();
    assert_eq!(world.gaps(), [], "another server says so too");
    world.state.resume(world.request).expect("it is known");
    assert_eq!(world.gaps(), [("s".to_owned(), Coverage::PolledLimit)]);
}

#[derive(Debug, Clone)]
enum Step {
    Cover(&'static str, Coverage),
    Ignore(&'static str),
    Make(&'static str, bool),
    Remove(&'static str),
    Settle,
    Read,
    Kill,
    Connect,
    Suspend,
    Resume,
}

fn step() -> impl Strategy<Value = Step> {
    let name = || prop::sample::select(vec!["", "a", "x", "a/b", "x/b", "a/b/c", "x/b/c"]);
    let ignored = || prop::sample::select(vec!["a", "x", "a/b", "nothing"]);
    let coverage =
        || prop::sample::select(vec![Coverage::Kernel, Coverage::PolledLimit, Coverage::Unreadable]);
    prop_oneof![
        8 => (name(), prop::bool::weighted(0.7)).prop_map(|(name, is_directory)| Step::Make(name, is_directory)),
        4 => name().prop_map(Step::Remove),
        1 => ignored().prop_map(Step::Ignore),
        2 => (name(), coverage()).prop_map(|(name, coverage)| Step::Cover(name, coverage)),
        6 => Just(Step::Settle),
        3 => Just(Step::Read),
        1 => Just(Step::Kill),
        3 => Just(Step::Connect),
        1 => Just(Step::Suspend),
        2 => Just(Step::Resume),
    ]
}

proptest! {
    #[test]
    fn a_tree_converges(
        levels in 0u32..4,
        numbers in prop::option::of(0u16..4),
        is_wide in any::<bool>(),
        steps in prop::collection::vec(step(), 0..60),
    ) {
        let mut world = World::new(&FILES[..1], levels);
        if is_wide {
            world.ability = Ability::Wide;
        }
        // Besides the root so many directories find a number, until the end; or the others have wide ones.
        if let Some(numbers) = numbers {
            world.state.wire.offer_only(2..2 + numbers);
        }
        for step in &steps {
            match step {
                Step::Make(name, is_directory) => world.make(name, *is_directory),
                Step::Remove(name) => world.remove(name),
                Step::Cover(name, coverage) => world.cover(name, *coverage),
                Step::Ignore(name) => world.ignore(name),
                Step::Settle => world.settle(),
                Step::Read => drop(world.read()),
                Step::Kill => world.kill(),
                Step::Connect => world.connect(),
                Step::Suspend => world.state.suspend(world.request).expect("it is known"),
                Step::Resume => world.state.resume(world.request).expect("it is known"),
            }
        }
        world.state.resume(world.request).expect("it is known");
        world.connect();
        world.settle();
        if numbers.is_some() && !is_wide {
            world.state.wire.offer_only(100..200);
        }
        world.settle();
        world.read();
        prop_assert!(world.listed);
        prop_assert_eq!(world.root, world.files.contains_key(""));
        prop_assert_eq!(&world.told, &world.truth(levels as usize));
        prop_assert_eq!(&world.told_covers, &world.true_covers());
        let gaps = world.state.gaps(world.request).expect("it is a tree");
        prop_assert_eq!(gaps.count, world.true_covers().len());
    }
}
