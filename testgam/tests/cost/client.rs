//! A client without a socket: the state of a connection, and a server that says what it is to say.

use std::fmt::Write;
use std::path::Path;

use gamin::state::{MonitorRequest, Scope, State};
use gamin::{Kind, TreeOptions};
use gamin_protocol::{CREDENTIAL, Code, Decoder, EventPacket, Request};

use crate::book::{self, Cost, uncounted};

/// How many names events are about.
const NAMES: usize = 1000;

/// A client that has had its listings.
pub struct Client {
    state: State,
    /// The numbers of its requests, as the server knows them.
    numbers: Vec<u32>,
}

impl Client {
    /// One that watches so many directories.
    pub fn new(directories: usize) -> Client {
        let mut state = State::default();
        state.handle_connected();
        state.handle_bytes(&[CREDENTIAL]).expect("because it is a greeting");
        let mut requests = Decoder::<Request>::new();
        // In front of the requests stands a credential.
        state.handle_sent(1);
        let mut client = Client { state, numbers: Vec::new() };
        let mut path = String::new();
        for number in 0..directories {
            path.clear();
            let _ = write!(path, "/home/user/project/src/directory-{number:04}");
            client.state.monitor(Kind::Directory, Path::new(&path), None).expect("because it is absolute");
            let output = client.state.output();
            uncounted(|| requests.push(output));
            let sent = output.len();
            client.state.handle_sent(sent);
            let request = uncounted(|| requests.next_message().expect("because it is a request"));
            let Some(Request::Monitor { seq, path, .. }) = request else { panic!("nothing is asked for") };
            client.numbers.push(seq);
            client.tell(&[(seq, Code::Exists, &path), (seq, Code::EndExist, &path)]);
            uncounted(|| drop(path));
        }
        client
    }

    /// One that follows a tree of so many directories. In each there are ten more, named by number, as long as there are any left.
    pub fn of_tree(directories: usize) -> Client {
        let mut client = Client { state: State::default(), numbers: Vec::new() };
        client.state.handle_connected();
        client.state.handle_bytes(&[CREDENTIAL]).expect("because it is a greeting");
        client.state.handle_sent(1);
        let root = Path::new("/home/user/project/src");
        let request = MonitorRequest::new(root, Scope::Tree(TreeOptions::default()));
        client.state.ask(&request).expect("because it is absolute");
        let mut requests = uncounted(Decoder::<Request>::new);
        while !client.state.output().is_empty() {
            uncounted(|| requests.push(client.state.output()));
            client.state.handle_sent(client.state.output().len());
            while let Some(request) = uncounted(|| requests.next_message().expect("because it is a request"))
            {
                let Request::Monitor { seq, path, .. } = request else { panic!("nothing is asked for") };
                let entries = uncounted(|| entries_of(&path, directories));
                let listing = entries.iter().map(|entry| (seq, Code::Exists, entry.as_bytes()));
                let root = |code| std::iter::once((seq, code, &*path));
                let listing = root(Code::Exists).chain(listing).chain(root(Code::EndExist));
                let listing: Vec<_> = uncounted(|| listing.collect());
                client.tell(&listing);
                uncounted(|| drop(listing));
                uncounted(|| drop((entries, path)));
            }
            client.state.explore(|_| true);
        }
        uncounted(|| drop(requests));
        client
    }

    /// How many directories its trees have taken up.
    pub fn branches(&self) -> u64 {
        self.state.branches()
    }

    /// Counts what the client does.
    pub fn count(&mut self, act: impl FnOnce(&mut Client)) -> Cost {
        book::count(|| act(self))
    }

    /// Takes so many events and has them read, fifty at a time, as one read of the socket may give.
    pub fn take_events(&mut self, count: usize) {
        let names: Vec<Vec<u8>> =
            uncounted(|| (0..NAMES).map(|name| format!("entry-number-{name:04}.txt").into_bytes()).collect());
        let seq = self.numbers[0];
        for first in (0..count).step_by(50) {
            let events = (first..count.min(first + 50)).map(|event| &names[event % NAMES]);
            let events: Vec<_> = uncounted(|| events.map(|name| (seq, Code::Changed, &**name)).collect());
            self.tell(&events);
            uncounted(|| drop(events));
        }
        uncounted(|| drop(names));
    }

    /// Has the server say something, and reads what comes of it.
    fn tell(&mut self, events: &[(u32, Code, &[u8])]) {
        let bytes = uncounted(|| {
            let mut bytes = Vec::new();
            for (seq, code, path) in events {
                EventPacket::encode(&mut bytes, *seq, *code, path, None)
                    .expect("because it fits in a packet");
            }
            bytes
        });
        self.state.handle_bytes(&bytes).expect("because it is what a server says");
        uncounted(|| drop(bytes));
        while self.state.poll_event().is_some() {}
    }
}

/// The names of the directories in one of a tree.
fn entries_of(path: &[u8], directories: usize) -> Vec<String> {
    let name = String::from_utf8_lossy(path);
    let number =
        name.rsplit_once("directory-").map_or(0, |(_, number)| number.parse().expect("because it is one"));
    let last = directories.min(10 * number + 10);
    (10 * number + 1..=last).map(|number| format!("directory-{number}")).collect()
}
