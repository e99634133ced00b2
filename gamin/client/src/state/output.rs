//! The bytes that wait to be sent. Their number is bounded by that of the wire numbers: each may stand in
//! one monitor request and one cancel, and is free again only when the server has answered both.

use gamin_protocol::{CREDENTIAL, Kind, MonitorOptions, Request};

/// How much room is kept for what is to be sent next.
const ROOM: usize = 16 << 10;

/// Bytes to send, in order.
#[derive(Debug, Default)]
pub(super) struct Output {
    bytes: Vec<u8>,
    sent: usize,
}

impl Output {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[self.sent..]
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.sent = 0;
    }

    pub(super) fn credential(&mut self) {
        self.bytes.push(CREDENTIAL);
    }

    pub(super) fn request(&mut self, request: &Request) {
        request.encode(&mut self.bytes).expect("because paths were checked when they were given");
    }

    /// What every server answers with an Acknowledge, and tells the caller nothing.
    pub(super) fn probe(&mut self, seq: u32) {
        let (kind, options, path) = (Kind::File, MonitorOptions::TAGGED, b"/".to_vec());
        self.request(&Request::Monitor { seq, kind, options, path });
        self.request(&Request::Cancel { seq });
    }

    /// Forgets the first `count` bytes, and moves the rest only when that is the smaller part.
    pub(super) fn consume(&mut self, count: usize) {
        self.sent = (self.sent + count).min(self.bytes.len());
        if self.sent * 2 >= self.bytes.len() {
            self.bytes.drain(..self.sent);
            self.sent = 0;
            // After a large tree was asked for, there is never as much again.
            if self.bytes.len() <= self.bytes.capacity() / 4 {
                self.bytes.shrink_to(ROOM);
            }
        }
    }
}
