//! What a client asks of a server.
//!
//! Checks the bytes as the original server does and in its order (original.md 2.4); whether a cancelled
//! number is known, and whether a path makes sense, is left to the session.

use crate::packet::{Decode, DecodeError, Header, PATH_MAX, encode};

const TYPE_MASK: u16 = 0x000f;
const MONITOR_FILE: u16 = 1;
const MONITOR_DIRECTORY: u16 = 2;
const CANCEL: u16 = 3;
const ASK: u16 = 4;

/// What a subscription is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// One path, whatever it is; of a directory, also that its entries came or went.
    File,
    /// A directory and its entries, one level deep.
    Directory,
}

/// The option bits of a monitor request (`type & 0xfff0`, or `type & 0xf070` with a wide number).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MonitorOptions(u16);

impl MonitorOptions {
    /// No option.
    pub const NONE: MonitorOptions = MonitorOptions(0);
    /// `FAMNoExists`: leave out Exists and EndExist.
    pub const NO_EXISTS: MonitorOptions = MonitorOptions(0x10);
    /// Our extension: events of this subscription carry a [`crate::Tag`]. The original's server ignores it.
    pub const TAGGED: MonitorOptions = MonitorOptions(0x20);
    /// Our extension: the subscription is told how it is covered ([`crate::Coverage`]). The original's server ignores it.
    pub const COVERAGE: MonitorOptions = MonitorOptions(0x40);
    /// Our extension: a rename may be told as one event ([`crate::Code::Moved`]). The original's server ignores it.
    pub const MOVES: MonitorOptions = MonitorOptions(0x1000);

    /// Whether every option of `other` is set.
    pub fn contains(self, other: MonitorOptions) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both sets of options together.
    #[must_use]
    pub fn with(self, other: MonitorOptions) -> MonitorOptions {
        MonitorOptions(self.0 | other.0)
    }
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Begin a subscription.
    Monitor {
        /// The client's name for the subscription, at most [`crate::NUMBER_MAX`], and [`crate::NARROW_MAX`] unless the server is
        /// known to understand more.
        seq: u32,
        /// What it is about.
        kind: Kind,
        /// The option bits, known and unknown.
        options: MonitorOptions,
        /// The path up to its first NUL, as the original reads it; may be empty or relative.
        path: Vec<u8>,
    },
    /// End the subscription `seq`.
    Cancel {
        /// The number that began it.
        seq: u32,
    },
    /// Our extension on the request type that the original keeps for debugging and ignores: a question,
    /// answered by an event of [`crate::Code::Answer`] with the same `seq`.
    Ask {
        /// Names the answer.
        seq: u32,
        /// What is asked, such as [`crate::SYNC`]. A question that the server does not know is ignored.
        question: Vec<u8>,
    },
}

impl Request {
    /// Appends the request's packet to `out`.
    ///
    /// # Errors
    /// [`DecodeError::PathLength`] when the path or question is empty or not shorter than [`PATH_MAX`];
    /// nothing is appended then.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), DecodeError> {
        let (seq, kind, path): (u32, u16, &[u8]) = match self {
            Request::Monitor { seq, kind, options, path } => {
                let kind = match kind {
                    Kind::File => MONITOR_FILE,
                    Kind::Directory => MONITOR_DIRECTORY,
                };
                (*seq, kind | options.0, path)
            }
            Request::Cancel { seq } => {
                encode(out, *seq, CANCEL, &[]);
                return Ok(());
            }
            Request::Ask { seq, question } => (*seq, ASK, question),
        };
        if path.is_empty() || path.len() >= PATH_MAX {
            return Err(DecodeError::PathLength(u16::try_from(path.len()).unwrap_or(u16::MAX)));
        }
        encode(out, seq, kind, &[path]);
        Ok(())
    }
}

impl Decode for Request {
    fn check(header: &Header) -> Result<(), DecodeError> {
        header.check(header.kind == CANCEL)
    }

    fn decode(header: &Header, path: &[u8]) -> Result<Self, DecodeError> {
        if path.len() >= PATH_MAX {
            return Err(DecodeError::PathLength(header.path_len));
        }
        let seq = header.seq;
        let kind = match header.kind & TYPE_MASK {
            MONITOR_FILE => Kind::File,
            MONITOR_DIRECTORY => Kind::Directory,
            CANCEL => return Ok(Request::Cancel { seq }),
            ASK => return Ok(Request::Ask { seq, question: path.to_vec() }),
            _ => return Err(DecodeError::Type(header.kind)),
        };
        let path = path.split(|byte| *byte == 0).next().unwrap_or_default().to_vec();
        Ok(Request::Monitor { seq, kind, options: MonitorOptions(header.kind & !TYPE_MASK), path })
    }
}
