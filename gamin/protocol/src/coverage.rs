//! How what happens at a path becomes known, in the words that travel.
//!
//! When to say so is left to server and client. Invariant: each has one word, so a client understands a server that is older
//! or newer than itself as far as they share words.

use std::fmt;

/// How what happens at a path becomes known. All but [`Coverage::Kernel`] are gaps: something may be told late, or not at
/// all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Coverage {
    /// Everything is told as it happens, or in the intervals that the configuration asks for.
    #[default]
    Kernel,
    /// The kernel watches nothing more for this user, so the path is looked at every second.
    PolledLimit,
    /// The kernel does not watch it for another reason, so the path is looked at every second.
    PolledRefused,
    /// A file system of another machine or program, of which the kernel does not tell everything, so it is looked at every second.
    PolledRemote,
    /// This user may not read what is in the directory, or look at the path.
    Unreadable,
    /// A directory that is not followed, because its path is longer than a request can be.
    TooDeep,
    /// A directory that is not followed, because a connection has no request number left.
    TooMany,
}

/// Each with its word.
const WORDS: [(Coverage, &str); 7] = [
    (Coverage::Kernel, "kernel"),
    (Coverage::PolledLimit, "polled-limit"),
    (Coverage::PolledRefused, "polled-refused"),
    (Coverage::PolledRemote, "polled-remote"),
    (Coverage::Unreadable, "unreadable"),
    (Coverage::TooDeep, "too-deep"),
    (Coverage::TooMany, "too-many"),
];

impl Coverage {
    /// The word for it, on the wire and in JSON.
    pub fn word(self) -> &'static str {
        WORDS.iter().find(|(coverage, _)| *coverage == self).map_or("kernel", |(_, word)| word)
    }

    /// What a word stands for.
    pub fn parse(word: &[u8]) -> Option<Coverage> {
        WORDS.iter().find(|(_, known)| known.as_bytes() == word).map(|(coverage, _)| *coverage)
    }

    /// Whether something may be told late, or not at all.
    pub fn is_gap(self) -> bool {
        self != Coverage::Kernel
    }

    /// Whether what happens there is told all the same, though late.
    pub fn is_told_late(self) -> bool {
        matches!(self, Coverage::PolledLimit | Coverage::PolledRefused | Coverage::PolledRemote)
    }
}

/// In words for people, to stand behind a path and a colon.
impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Coverage::Kernel => "followed",
            Coverage::PolledLimit => {
                "looked at every second, because the kernel's limit of inotify watches or instances is reached (gamin doctor says which)"
            }
            Coverage::PolledRefused => "looked at every second, because the kernel refuses to watch it",
            Coverage::PolledRemote => {
                "looked at every second, because another machine or program may change it"
            }
            Coverage::Unreadable => "not followed: permission denied",
            Coverage::TooDeep => "not followed, nor what is in it: its path is longer than 4,095 bytes",
            Coverage::TooMany => "not followed: too many directories for one connection",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_word_of_its_own() {
        for (coverage, word) in WORDS {
            assert_eq!((Coverage::parse(word.as_bytes()), coverage.word()), (Some(coverage), word));
        }
        assert_eq!(Coverage::parse(b"from the future"), None);
    }
}
