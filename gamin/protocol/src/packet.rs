//! The packet: a header of five native-endian `u16` (length, version, sequence, type, path length) and a
//! path without terminator. What a type means is left to `request` and `event`.
//!
//! Invariants: a number that fits into the sequence travels as the original's do, and what the type says besides is none of its
//! business; a [`Decoder`] holds at most twice the bytes it was given and not yet decoded, and a malformed packet stays
//! in front of what comes behind it, since the stream has no way to resynchronise.

use std::marker::PhantomData;

/// Length of the header in bytes.
pub const HEADER_LEN: usize = 10;
/// The largest packet in bytes, header included.
pub const PACKET_MAX: usize = HEADER_LEN + PATH_MAX;
/// The largest path field in bytes. A request's path must be shorter.
pub const PATH_MAX: usize = 4096;
/// The only version of the protocol.
pub const VERSION: u16 = 1;
/// The largest number that fits into the sequence: the original's are no larger.
pub const NARROW_MAX: u32 = 0xffff;
/// The largest number that any packet can hold.
pub const NUMBER_MAX: u32 = 0xf_ffff;
/// In a type: the number is wide, ...
const WIDE: u16 = 0x80;
/// ... and these bits of the type are its bits 16 to 19.
const HIGH: u16 = 0x0f00;

/// Why a packet cannot be understood. Each is the end of its connection (original.md 2.4, 2.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The length field is larger than [`PACKET_MAX`].
    #[error("packet of {0} bytes is longer than {PACKET_MAX}")]
    TooLong(u16),
    /// The version field is not [`VERSION`].
    #[error("protocol version {0} is not {VERSION}")]
    Version(u16),
    /// The path length is 0 or too large for this kind of packet.
    #[error("path of {0} bytes is empty or too long")]
    PathLength(u16),
    /// The length field is not the header's length plus the path's.
    #[error("packet of {len} bytes does not hold a path of {path_len}")]
    LengthMismatch {
        /// The length field.
        len: u16,
        /// The path length field.
        path_len: u16,
    },
    /// The type field names no request.
    #[error("unknown request type {0:#06x}")]
    Type(u16),
}

/// The header as it was meant: of a wide number there is nothing left in the type.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header {
    pub len: u16,
    pub version: u16,
    pub seq: u32,
    pub kind: u16,
    pub path_len: u16,
}

impl Header {
    #[inline]
    fn decode(bytes: &[u8; HEADER_LEN]) -> Header {
        let word = |at: usize| u16::from_ne_bytes([bytes[at], bytes[at + 1]]);
        let (low, word_of_type) = (u32::from(word(4)), word(6));
        let (seq, kind) = if word_of_type & WIDE == 0 {
            (low, word_of_type)
        } else {
            (u32::from(word_of_type & HIGH) << 8 | low, word_of_type & !(WIDE | HIGH))
        };
        Header { len: word(0), version: word(2), seq, kind, path_len: word(8) }
    }

    /// Checks what both directions have in common; `may_lack_path` is true for a cancel.
    #[inline]
    pub(crate) fn check(&self, may_lack_path: bool) -> Result<(), DecodeError> {
        let Header { len, version, path_len, .. } = *self;
        if usize::from(len) > PACKET_MAX {
            Err(DecodeError::TooLong(len))
        } else if version != VERSION {
            Err(DecodeError::Version(version))
        } else if !may_lack_path && (path_len == 0 || usize::from(path_len) > PATH_MAX) {
            Err(DecodeError::PathLength(path_len))
        } else if usize::from(path_len) + HEADER_LEN != usize::from(len) {
            Err(DecodeError::LengthMismatch { len, path_len })
        } else {
            Ok(())
        }
    }
}

/// Appends a packet to `out`.
///
/// `path` is given in parts, so that no caller has to join them first; together they must not exceed
/// [`PATH_MAX`], which every caller has checked. `seq` is at most [`NUMBER_MAX`].
pub(crate) fn encode(out: &mut Vec<u8>, seq: u32, kind: u16, path: &[&[u8]]) {
    let path_len: usize = path.iter().map(|part| part.len()).sum();
    debug_assert!(path_len <= PATH_MAX, "because every caller has checked the path");
    debug_assert!(seq <= NUMBER_MAX, "because nobody gives or takes a larger number");
    let high = (seq >> 8) as u16 & HIGH;
    let kind = if seq <= NARROW_MAX { kind } else { kind & !(WIDE | HIGH) | WIDE | high };
    let words = [(HEADER_LEN + path_len) as u16, VERSION, seq as u16, kind, path_len as u16];
    out.reserve(HEADER_LEN + path_len);
    for word in words {
        out.extend_from_slice(&word.to_ne_bytes());
    }
    for part in path {
        out.extend_from_slice(part);
    }
}

/// What a [`Decoder`] can make of a packet.
pub(crate) trait Decode: Sized {
    /// Checks the header alone, as soon as it is there.
    fn check(header: &Header) -> Result<(), DecodeError>;
    /// Checks the path when it is all there.
    fn check_path(_: &Header, _: &[u8]) -> Result<(), DecodeError> {
        Ok(())
    }
    /// Makes the message of a checked header and its path.
    fn decode(header: &Header, path: &[u8]) -> Result<Self, DecodeError>;
}

/// Turns a stream of bytes, cut anywhere, into messages.
///
/// `T` is [`crate::Request`] on the server's side and [`crate::EventPacket`] on the client's.
#[derive(Debug)]
pub struct Decoder<T> {
    bytes: Vec<u8>,
    start: usize,
    message: PhantomData<fn() -> T>,
}

impl<T> Default for Decoder<T> {
    fn default() -> Self {
        Decoder { bytes: Vec::new(), start: 0, message: PhantomData }
    }
}

#[allow(private_bounds, reason = "only this crate's messages travel in these packets")]
impl<T: Decode> Decoder<T> {
    /// Makes a decoder for a new stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the bytes that came next.
    pub fn push(&mut self, bytes: &[u8]) {
        // What is kept is moved only when that is the smaller part.
        if self.start * 2 >= self.bytes.len() {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// Gives the next whole message, or `None` when more bytes are needed.
    ///
    /// # Errors
    /// Says why the stream cannot be understood, and says it again at every later call.
    pub fn next_message(&mut self) -> Result<Option<T>, DecodeError> {
        let Some((header, path)) = self.front()? else { return Ok(None) };
        let message = T::decode(&header, path)?;
        self.start += usize::from(header.len);
        Ok(Some(message))
    }

    /// The header and the path of the next whole packet.
    #[inline(always)]
    pub(crate) fn front(&self) -> Result<Option<(Header, &[u8])>, DecodeError> {
        let rest = &self.bytes[self.start..];
        let Some(header) = rest.first_chunk::<HEADER_LEN>() else { return Ok(None) };
        let header = Header::decode(header);
        T::check(&header)?;
        let Some(path) = rest.get(HEADER_LEN..usize::from(header.len)) else { return Ok(None) };
        T::check_path(&header, path)?;
        Ok(Some((header, path)))
    }

    /// The path of the next whole packet, which has this length; what comes behind it is the next.
    #[inline]
    pub(crate) fn take_path(&mut self, len: usize) -> &[u8] {
        let path = self.bytes.get(self.start + HEADER_LEN..self.start + HEADER_LEN + len).unwrap_or_default();
        self.start += HEADER_LEN + path.len();
        path
    }
}
