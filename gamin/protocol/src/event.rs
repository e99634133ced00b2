//! What a server tells a client.

use std::ffi::CStr;

use crate::packet::{Decode, HEADER_LEN, Header, Malformed, PATH_MAX, encode};

/// The code of an event, as `FAMCodes` numbers them. Codes that FAM does not know travel unchanged.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(pub u16);

impl Code {
    /// Contents or metadata are different.
    pub const CHANGED: Code = Code(1);
    /// The path is gone, or was missing when it was asked for.
    pub const DELETED: Code = Code(2);
    /// Part of FAM, never sent on Linux.
    pub const START_EXECUTING: Code = Code(3);
    /// Part of FAM, never sent on Linux.
    pub const STOP_EXECUTING: Code = Code(4);
    /// The path has come to be.
    pub const CREATED: Code = Code(5);
    /// Part of FAM, never sent by Gamin.
    pub const MOVED: Code = Code(6);
    /// A cancelled subscription has ended.
    pub const ACKNOWLEDGE: Code = Code(7);
    /// The path existed when it was asked for.
    pub const EXISTS: Code = Code(8);
    /// The initial listing is complete.
    pub const END_EXIST: Code = Code(9);
    /// Our extension: the answer to a [`crate::Request::Ask`]. Codes from 50 up were the original's own
    /// for its debugging replies, so no program takes it for an event.
    pub const ANSWER: Code = Code(50);

    /// The name that FAM's documentation and testgam's transcripts use, or `None` for an unknown code.
    pub fn name(self) -> Option<&'static str> {
        Some(match self {
            Code::CHANGED => "Changed",
            Code::DELETED => "Deleted",
            Code::START_EXECUTING => "StartExecuting",
            Code::STOP_EXECUTING => "StopExecuting",
            Code::CREATED => "Created",
            Code::MOVED => "Moved",
            Code::ACKNOWLEDGE => "Acknowledge",
            Code::EXISTS => "Exists",
            Code::END_EXIST => "EndExist",
            _ => return None,
        })
    }
}

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "Code({})", self.0),
        }
    }
}

/// A fingerprint of an entry's state as it was when it was told, comparable between servers.
///
/// Two equal tags mean "not changed in between"; unequal ones, or a missing one, "may have changed". It
/// lets a client whose server was killed find out what changed meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(pub u64);

/// Length in bytes of a tag on the wire: a NUL that ends the path, then the fingerprint.
const TAG_LEN: usize = 1 + size_of::<u64>();

/// An event as it travels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The number that the client gave to the subscription or question.
    pub seq: u16,
    /// What happened.
    pub code: Code,
    /// The monitored path itself in the client's spelling, or the bare name of an entry. Never empty.
    pub path: Vec<u8>,
    /// The state that was told, on subscriptions that asked for it with [`crate::Options::TAGGED`].
    pub tag: Option<Tag>,
}

impl Event {
    /// Appends the packet of an event to `out`.
    ///
    /// A tag that does not fit beside the path is left out.
    ///
    /// # Errors
    /// [`Malformed::PathLength`] when the path is empty or longer than [`PATH_MAX`]; nothing is appended
    /// then.
    pub fn encode(
        out: &mut Vec<u8>,
        seq: u16,
        code: Code,
        path: &[u8],
        tag: Option<Tag>,
    ) -> Result<(), Malformed> {
        if path.is_empty() || path.len() > PATH_MAX {
            return Err(Malformed::PathLength(u16::try_from(path.len()).unwrap_or(u16::MAX)));
        }
        match tag {
            Some(Tag(tag)) if path.len() + TAG_LEN <= PATH_MAX => {
                encode(out, seq, code.0, &[path, &[0], &tag.to_ne_bytes()]);
            }
            _ => encode(out, seq, code.0, &[path]),
        }
        Ok(())
    }

    /// Length in bytes of the packet that [`Event::encode`] makes for a path of `path_len` bytes, at most.
    pub const fn encoded_len(path_len: usize) -> usize {
        HEADER_LEN + path_len + TAG_LEN
    }
}

impl Decode for Event {
    fn check(header: &Header) -> Result<(), Malformed> {
        header.check(false)
    }

    fn decode(header: &Header, field: &[u8]) -> Result<Self, Malformed> {
        let (path, tag) = match CStr::from_bytes_until_nul(field) {
            Err(_) => (field, None),
            Ok(path) => {
                let path = path.to_bytes();
                let tag = field[path.len() + 1..].try_into().ok().map(|bytes| Tag(u64::from_ne_bytes(bytes)));
                (path, tag)
            }
        };
        if path.is_empty() {
            return Err(Malformed::PathLength(header.path_len));
        }
        Ok(Event { seq: header.seq, code: Code(header.kind), path: path.to_vec(), tag })
    }
}
