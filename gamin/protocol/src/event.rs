//! What a server tells a client.

use std::num::NonZeroU64;

use crate::packet::{Decode, DecodeError, Decoder, HEADER_LEN, Header, PATH_MAX, encode};

/// What an event tells, as `FAMCodes` numbers it. Codes that FAM does not know travel unchanged.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Code {
    /// Contents or metadata are different.
    Changed,
    /// The path is gone, or was missing when it was asked for.
    Deleted,
    /// Part of FAM, never sent on Linux.
    StartExecuting,
    /// Part of FAM, never sent on Linux.
    StopExecuting,
    /// The path has come to be.
    Created,
    /// The path is gone: it was renamed. What the connection is told next, of this subscription or another, is what it is now:
    /// Created, or Changed if it took the place of something. Part of FAM, never sent by the original; sent on subscriptions that
    /// asked for it with [`crate::MonitorOptions::MOVES`], as is what comes next.
    Moved,
    /// A cancelled subscription has ended.
    Acknowledge,
    /// The path existed when it was asked for.
    Exists,
    /// The initial listing is complete.
    EndExist,
    /// Our extension: the answer to a [`crate::Request::Ask`]. Codes from 50 up were the original's own
    /// for its debugging replies, so no program takes it for an event.
    Answer,
    /// Our extension: how what happens at the path becomes known from now on ([`crate::Coverage`]), on subscriptions that
    /// asked for it with [`crate::MonitorOptions::COVERAGE`].
    Coverage,
    /// None of these; only [`Code::from`] makes it.
    Unknown(u16),
}

/// Whether there is something at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// Something is there.
    Present,
    /// Nothing is there.
    Absent,
}

impl From<u16> for Code {
    #[inline]
    fn from(number: u16) -> Code {
        match number {
            1 => Code::Changed,
            2 => Code::Deleted,
            3 => Code::StartExecuting,
            4 => Code::StopExecuting,
            5 => Code::Created,
            6 => Code::Moved,
            7 => Code::Acknowledge,
            8 => Code::Exists,
            9 => Code::EndExist,
            50 => Code::Answer,
            51 => Code::Coverage,
            _ => Code::Unknown(number),
        }
    }
}

impl Code {
    /// The number on the wire.
    #[inline]
    pub fn number(self) -> u16 {
        match self {
            Code::Changed => 1,
            Code::Deleted => 2,
            Code::StartExecuting => 3,
            Code::StopExecuting => 4,
            Code::Created => 5,
            Code::Moved => 6,
            Code::Acknowledge => 7,
            Code::Exists => 8,
            Code::EndExist => 9,
            Code::Answer => 50,
            Code::Coverage => 51,
            Code::Unknown(number) => number,
        }
    }

    /// The code that has this name ([`Code::name`]).
    pub fn named(name: &[u8]) -> Option<Code> {
        let mut codes = (0..=u8::MAX).map(|number| Code::from(u16::from(number)));
        codes.find(|code| code.name().map(str::as_bytes) == Some(name))
    }

    /// The name that FAM's documentation and testgam's transcripts use, or `None` for a code that FAM does not know.
    pub fn name(self) -> Option<&'static str> {
        Some(match self {
            Code::Changed => "Changed",
            Code::Deleted => "Deleted",
            Code::StartExecuting => "StartExecuting",
            Code::StopExecuting => "StopExecuting",
            Code::Created => "Created",
            Code::Moved => "Moved",
            Code::Acknowledge => "Acknowledge",
            Code::Exists => "Exists",
            Code::EndExist => "EndExist",
            Code::Answer | Code::Coverage | Code::Unknown(_) => return None,
        })
    }

    /// Whether its path is there once the event has been told, or `None` if the event says nothing about that.
    pub fn presence(self) -> Option<Presence> {
        match self {
            Code::Exists | Code::Created | Code::Changed => Some(Presence::Present),
            Code::Deleted | Code::Moved => Some(Presence::Absent),
            // Nobody sends the first two, so what they would tell of a path has never been settled.
            Code::StartExecuting | Code::StopExecuting => None,
            Code::Acknowledge | Code::EndExist | Code::Answer | Code::Coverage | Code::Unknown(_) => None,
        }
    }
}

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "Code({})", self.number()),
        }
    }
}

/// A fingerprint of an entry's state as it was when it was told, comparable between servers.
///
/// Two equal tags mean "not changed in between"; unequal ones, or a missing one, "may have changed". It
/// lets a client whose server was killed find out what changed meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(NonZeroU64);

impl Tag {
    /// A tag of these bits; there is none of zero, which counts as one.
    pub fn new(bits: u64) -> Tag {
        Tag(NonZeroU64::new(bits).unwrap_or(NonZeroU64::MIN))
    }

    /// Its bits.
    pub fn bits(self) -> u64 {
        self.0.get()
    }
}

/// Length in bytes of a tag on the wire: a NUL that ends the path, then the fingerprint.
const TAG_LEN: usize = 1 + size_of::<u64>();

/// An event as it travels; its path may be left where it was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventPacket<P = Vec<u8>> {
    /// The number that the client gave to the subscription or question.
    pub seq: u32,
    /// What happened.
    pub code: Code,
    /// The monitored path itself in the client's spelling, or the bare name of an entry. Never empty.
    pub path: P,
    /// The state that was told, on subscriptions that asked for it with [`crate::MonitorOptions::TAGGED`].
    pub tag: Option<Tag>,
}

impl EventPacket {
    /// Appends the packet of an event to `out`.
    ///
    /// A tag that does not fit beside the path is left out.
    ///
    /// # Errors
    /// [`DecodeError::PathLength`] when the path is empty or longer than [`PATH_MAX`]; nothing is appended
    /// then.
    pub fn encode(
        out: &mut Vec<u8>,
        seq: u32,
        code: Code,
        path: &[u8],
        tag: Option<Tag>,
    ) -> Result<(), DecodeError> {
        if path.is_empty() || path.len() > PATH_MAX {
            return Err(DecodeError::PathLength(u16::try_from(path.len()).unwrap_or(u16::MAX)));
        }
        match tag {
            Some(tag) if path.len() + TAG_LEN <= PATH_MAX => {
                encode(out, seq, code.number(), &[path, &[0], &tag.bits().to_ne_bytes()]);
            }
            _ => encode(out, seq, code.number(), &[path]),
        }
        Ok(())
    }

    /// Length in bytes of the packet that [`EventPacket::encode`] makes for a path of `path_len` bytes, at most.
    pub const fn encoded_len(path_len: usize) -> usize {
        HEADER_LEN + path_len + TAG_LEN
    }
}

impl Decode for EventPacket {
    fn check(header: &Header) -> Result<(), DecodeError> {
        header.check(false)
    }

    #[inline]
    fn check_path(header: &Header, path: &[u8]) -> Result<(), DecodeError> {
        if path.starts_with(&[0]) { Err(DecodeError::PathLength(header.path_len)) } else { Ok(()) }
    }

    fn decode(header: &Header, field: &[u8]) -> Result<Self, DecodeError> {
        let (path, rest) = field.split_at(end_of_path(field));
        let code = Code::from(header.kind);
        Ok(EventPacket { seq: header.seq, code, path: path.to_vec(), tag: tag_of(rest) })
    }
}

impl EventPacket<&[u8]> {
    /// Makes it the owner of a copy of its path.
    pub fn into_owned(self) -> EventPacket {
        let EventPacket { seq, code, path, tag } = self;
        EventPacket { seq, code, path: path.to_vec(), tag }
    }
}

/// The tag behind a path.
#[inline]
fn tag_of(rest: &[u8]) -> Option<Tag> {
    let tag = rest.split_first().and_then(|(_, tag)| tag.try_into().ok());
    tag.map(|bits| Tag::new(u64::from_ne_bytes(bits)))
}

/// Where a field's first NUL is, or its end. Names are short: eight bytes at a time is quicker here than a search made for long text.
#[inline]
fn end_of_path(field: &[u8]) -> usize {
    let (words, rest) = field.as_chunks();
    for (place, word) in words.iter().enumerate() {
        if let Some(nul) = first_nul(*word) {
            return place * WORD + nul;
        }
    }
    // What is left over is looked at with what is in front of it, where there is no NUL.
    match field.last_chunk() {
        _ if rest.is_empty() => field.len(),
        Some(last) => first_nul(*last).map_or(field.len(), |nul| field.len() - WORD + nul),
        None => rest.iter().position(|byte| *byte == 0).unwrap_or(rest.len()),
    }
}

const WORD: usize = size_of::<u64>();

/// Where the first NUL is.
#[inline]
fn first_nul(word: [u8; WORD]) -> Option<usize> {
    const LOW: u64 = u64::from_ne_bytes([1; WORD]);
    let word = u64::from_le_bytes(word);
    // The high bit of each NUL, and maybe of bytes behind it.
    let nuls = word.wrapping_sub(LOW) & !word & (LOW << 7);
    (nuls != 0).then(|| nuls.trailing_zeros() as usize / 8)
}

/// What the header of a whole message says, which is the next of a [`Decoder`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peeked {
    /// As [`EventPacket::seq`].
    pub seq: u32,
    /// As [`EventPacket::code`].
    pub code: Code,
    path_len: u16,
}

impl Decoder<EventPacket> {
    /// Looks at the next whole message.
    ///
    /// # Errors
    /// As [`Decoder::next_message`].
    #[inline(always)]
    pub fn peek(&self) -> Result<Option<Peeked>, DecodeError> {
        Ok(self.front()?.map(|(header, _)| Peeked {
            seq: header.seq,
            code: Code::from(header.kind),
            path_len: header.path_len,
        }))
    }

    /// Gives the next message, which was looked at, without a copy of its path.
    #[inline]
    pub fn take(&mut self, peeked: Peeked) -> EventPacket<&[u8]> {
        let Peeked { seq, code, path_len } = peeked;
        let field = self.take_path(path_len.into());
        let (path, rest) = field.split_at(end_of_path(field));
        EventPacket { seq, code, path, tag: tag_of(rest) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_codes_say_whether_a_path_is_there() {
        let of = |presence| -> Vec<Code> {
            (0..=u16::MAX).map(Code::from).filter(|code| code.presence() == presence).collect()
        };
        assert_eq!(of(Some(Presence::Present)), [Code::Changed, Code::Created, Code::Exists]);
        assert_eq!(of(Some(Presence::Absent)), [Code::Deleted, Code::Moved]);
    }

    #[test]
    fn a_path_ends_at_its_first_nul_wherever_that_is() {
        for len in 0..40 {
            let mut field = vec![1; len];
            assert_eq!(end_of_path(&field), len);
            for first in (0..len).rev() {
                field[first] = 0;
                assert_eq!(end_of_path(&field), first);
            }
        }
        assert_eq!(end_of_path(b"\x01\0\x01\x80\xff\x01\x01\x01"), 1);
    }
}
