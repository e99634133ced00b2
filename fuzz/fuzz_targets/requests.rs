//! What a client may send: any bytes, in any pieces, to a whole core whose file system is empty but for `/`.
//!
//! Checked is that a core survives, that what it sends is well formed, that how the bytes were torn makes no difference to
//! what is acknowledged and answered, and that when the session has gone everything has been given back.

#![no_main]

mod packets;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use gamin_protocol::{CREDENTIAL, Code, Decoder, EventPacket};
use gamin_core::engine::{self, Effect, Entries, Found, Dependency, Method, Name, Scan, Time, TreePath};
use gamin_core::engine::{FileType, ArmingId, Refusal, ScanRequest, Stamp};
use gamin_core::{BYTES_MAX, Config, Core, Peer, SessionId};
use libfuzzer_sys::fuzz_target;

const SESSION: SessionId = SessionId(1);

struct Host {
    core: Core,
    armed: BTreeSet<ArmingId>,
}

impl Host {
    fn new() -> Host {
        let policy = Arc::new(Method::Kernel);
        let engine = engine::Config { policy, poll_interval: Duration::from_secs(1) };
        let config = Config { engine, uid: 0, idle_max: None, settings: Vec::new(), ready_max: BYTES_MAX };
        let mut core = Core::new(Time::default(), config);
        core.handle_connection(Time::default(), SESSION, Peer { uid: 0, pid: 1 });
        core.handle_bytes(Time::default(), SESSION, &[CREDENTIAL]);
        Host { core, armed: BTreeSet::new() }
    }

    fn settle(&mut self) {
        while let Some(effect) = self.core.poll_effect() {
            match effect {
                Effect::Arm { id, directory, .. } if directory.is_root() => {
                    self.armed.insert(id);
                    self.core.handle_armed(id, Ok(()));
                }
                Effect::Arm { id, .. } => self.core.handle_armed(id, Err(Refusal::Missing)),
                Effect::Disarm { id } => drop(self.armed.remove(&id)),
                Effect::Scan { id, request } => self.core.handle_scan(Time::default(), id, look(&request)),
                Effect::Revalidate { id, request } => self.core.handle_revalidated(id, &request.all_in_doubt()),
                Effect::Forget { .. } => {}
            }
        }
    }

    fn take(&mut self) -> Vec<u8> {
        let mut taken = Vec::new();
        while let count @ 1.. = self.core.transmit(SESSION).len() {
            taken.extend_from_slice(self.core.transmit(SESSION));
            self.core.sent(SESSION, count);
        }
        taken
    }
}

fn look(request: &ScanRequest) -> Scan {
    let Some(first) = request.path.components().find(|name| *name != b"..") else {
        let stamp = Stamp {
            file_type: FileType::Directory,
            dev: 1,
            ino: 1,
            mode: 0,
            uid: 0,
            gid: 0,
            size: 0,
            mtime_ns: 1,
            ctime_ns: 1,
            fresh: false,
        };
        let found = Found::Directory { real: TreePath::root(), stamp, entries: Entries::Listed(Vec::new()) };
        return Scan { dependencies: Vec::new(), stops_short: false, found };
    };
    let dependency = Dependency { directory: TreePath::root(), entry: Some(Name::from(first)) };
    Scan { dependencies: vec![dependency], stops_short: false, found: Found::Missing }
}

/// What a core answers to bytes that come in pieces of this length, and whether it closes the connection.
fn answer(bytes: &[u8], piece: usize) -> (Vec<u8>, bool) {
    let mut host = Host::new();
    let mut answer = Vec::new();
    let mut is_closed = false;
    for bytes in bytes.chunks(piece) {
        host.core.handle_bytes(Time::default(), SESSION, bytes);
        host.settle();
        answer.extend(host.take());
        is_closed |= host.core.poll_close().is_some();
    }
    host.core.handle_hangup(Time::default(), SESSION);
    host.settle();
    assert!(host.armed.is_empty() && host.core.next_deadline().is_none(), "something is left");
    (answer, is_closed)
}

fuzz_target!(|input: &[u8]| {
    let bytes = &packets::packets(input);
    let whole = answer(bytes, usize::MAX);
    let torn = answer(bytes, 1 + bytes.len() / 7);
    // What was answered before a session is closed may not have been sent yet.
    let is_closed = whole.1;
    assert_eq!(is_closed, torn.1);
    let (whole, torn) = (replies(&whole.0), replies(&torn.0));
    assert!(is_closed || whole == torn, "{whole:?} {torn:?}");
});

/// What a core says that does not hang on when it is asked: a listing that is cancelled at once is not told.
fn replies(sent: &[u8]) -> Vec<EventPacket> {
    let mut decoder = Decoder::<EventPacket>::new();
    decoder.push(sent.strip_prefix(&[CREDENTIAL]).unwrap_or_default());
    let mut replies = Vec::new();
    while let Some(event) = decoder.next_message().expect("because a core's packets are well formed") {
        if event.code == Code::Acknowledge || event.code == Code::Answer {
            replies.push(event);
        }
    }
    replies
}
