//! The words that a client and a server share, and their bytes: wire protocol version 1 of Gamin 0.1.10
//! and our four extensions of it (docs/protocol.md).
//!
//! Pure: no I/O, no clock. Who may connect, and what a request means, is left to the server; how a lost
//! connection is mended, to the client. Invariant: whatever bytes come in, decoding neither panics nor
//! keeps more than one packet's worth of them.

#![forbid(unsafe_code)]

mod address;
mod coverage;
mod event;
mod fact;
mod packet;
mod request;

pub use address::{ADDRESS_TEXT_MAX, VIEW_MAX, VIEW_TEXT_MAX, address, address_in_view};
pub use coverage::Coverage;
pub use event::{Code, EventPacket, Peeked, Presence, Tag};
pub use fact::{Fact, Inquiry, Page, Value};
pub use packet::{DecodeError, Decoder, HEADER_LEN, NARROW_MAX, NUMBER_MAX, PACKET_MAX, PATH_MAX, VERSION};
pub use request::{Kind, MonitorOptions, Request};

/// The byte that each side sends first: "take my credentials from this socket".
pub const CREDENTIAL: u8 = 0;

/// Our extension: what a server sends instead of its credentials to a client that it has no room for, before it hangs up. To
/// a client that does not know it, it is a server that is none.
pub const FULL: u8 = 1;

/// The question of the barrier (see [`Request::Ask`]): answered with the same text once everything that
/// happened before it was asked has been reported.
pub const SYNC: &[u8] = b"sync";
