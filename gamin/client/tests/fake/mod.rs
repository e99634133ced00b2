//! A server that a test plays itself: it binds a session of its own, and what it reads and says is up to
//! the test. It knows nothing of files.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use gamin::{Code, Options};
use gamin_protocol::{CREDENTIAL, Decoder, EventPacket, Request, Tag};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// Longer than anything takes but a hang.
pub const HANG: Duration = Duration::from_secs(60);

/// A session id that no other test has.
pub fn session_id() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("client-test-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Options for a session, without a server to start.
pub fn options(id: &str) -> Options {
    Options::new().client_id(id).server(None).patience(HANG)
}

/// Waits until a descriptor is readable.
pub fn wait_readable(descriptor: impl AsFd) {
    let mut descriptors = [PollFd::new(descriptor.as_fd(), PollFlags::POLLIN)];
    let timeout = PollTimeout::try_from(HANG).expect("a short time");
    assert_eq!(poll(&mut descriptors, timeout).expect("poll"), 1, "nothing came");
}

/// Whether a descriptor is readable now.
pub fn is_readable(descriptor: impl AsFd) -> bool {
    let mut descriptors = [PollFd::new(descriptor.as_fd(), PollFlags::POLLIN)];
    poll(&mut descriptors, PollTimeout::ZERO).expect("poll") == 1
}

/// The listening socket of a session.
pub struct FakeServer(UnixListener);

impl FakeServer {
    pub fn bind(id: &str) -> FakeServer {
        let uid = nix::unistd::getuid();
        let user = nix::unistd::User::from_uid(uid).expect("passwd");
        let user = user.map_or_else(|| uid.to_string(), |user| user.name);
        let name = gamin_protocol::address(user.as_bytes(), id.as_bytes());
        let address = SocketAddr::from_abstract_name(name).expect("a name that fits");
        FakeServer(UnixListener::bind_addr(&address).expect("an address of its own"))
    }

    /// Takes the next connection, and its credential byte.
    pub fn accept(&self) -> Session {
        wait_readable(&self.0);
        let (stream, _) = self.0.accept().expect("accept");
        stream.set_read_timeout(Some(HANG)).expect("a timeout");
        let mut session = Session { stream, requests: Decoder::new() };
        let mut credential = [1];
        session.stream.read_exact(&mut credential).expect("a credential");
        assert_eq!(credential, [CREDENTIAL]);
        session
    }

    /// Takes the next connection and answers its credential byte.
    pub fn welcome(&self) -> Session {
        let mut session = self.accept();
        session.send_bytes(&[CREDENTIAL]);
        session
    }
}

/// A connection of a client.
pub struct Session {
    pub stream: UnixStream,
    requests: Decoder<Request>,
}

impl Session {
    /// Waits for the next request; gives `None` at the end of the stream.
    pub fn next_request(&mut self) -> Option<Request> {
        let mut buffer = [0; 4096];
        loop {
            if let Some(request) = self.requests.next_message().expect("a good request") {
                return Some(request);
            }
            match self.stream.read(&mut buffer) {
                // Since there is a time limit, whatever stops and continues this process ends the call itself.
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => return None,
                Ok(count) => self.requests.push(&buffer[..count]),
            }
        }
    }

    /// Waits for the next request, which begins a subscription, and gives its wire number.
    pub fn next_monitor(&mut self) -> u32 {
        match self.next_request() {
            Some(Request::Monitor { seq, .. }) => seq,
            other => panic!("{other:?}"),
        }
    }

    pub fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("a client that reads");
    }

    pub fn send(&mut self, seq: u32, code: Code, path: &str) {
        self.send_bytes(&packet(seq, code, path, None));
    }

    pub fn send_tagged(&mut self, seq: u32, code: Code, path: &str, tag: u64) {
        self.send_bytes(&packet(seq, code, path, Some(tag)));
    }

    /// Says that a path exists, and nothing else.
    pub fn list(&mut self, seq: u32, path: &str) {
        self.send(seq, Code::Exists, path);
        self.send(seq, Code::EndExist, path);
    }

    /// Answers requests as the servers do, until the client is gone; with `barrier` as ours does.
    pub fn serve(mut self, barrier: bool) {
        while let Some(request) = self.next_request() {
            let answer = match request {
                Request::Monitor { seq, path, .. } => {
                    let path = String::from_utf8(path).expect("a path of this test");
                    [packet(seq, Code::Exists, &path, None), packet(seq, Code::EndExist, &path, None)]
                        .concat()
                }
                Request::Cancel { seq } => packet(seq, Code::Acknowledge, "/acknowledged", None),
                Request::Ask { seq, .. } if barrier => packet(seq, Code::Answer, "sync", None),
                Request::Ask { .. } => continue,
            };
            if self.stream.write_all(&answer).is_err() {
                return;
            }
        }
    }
}

pub fn packet(seq: u32, code: Code, path: &str, tag: Option<u64>) -> Vec<u8> {
    let mut packet = Vec::new();
    EventPacket::encode(&mut packet, seq, code, path.as_bytes(), tag.map(Tag::new)).expect("a good path");
    packet
}
