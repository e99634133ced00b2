//! Paths of any length: a call takes 4,095 bytes, but a path that leads over symbolic links may lead to one that is longer.
//!
//! What is done at the end is left to who asks. Invariants: a path that a call takes is given to it as it is; what is opened on the way of
//! another is a directory, and is closed before the call returns, so that no mount is kept busy.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::stat::Mode;

/// How many bytes of a path a call takes.
const CALL_MAX: usize = 4095;

/// Does something at the end of an absolute path over which no link leads but maybe the last name: hands over a directory on the way,
/// and the rest of the path from there.
pub fn at_end_of<T>(
    path: &[u8],
    act: impl FnOnce(BorrowedFd<'_>, &[u8]) -> Result<T, Errno>,
) -> Result<T, Errno> {
    if path.len() <= CALL_MAX {
        return act(AT_FDCWD, path);
    }
    let mut reached: Option<OwnedFd> = None;
    let mut rest = path;
    while rest.len() > CALL_MAX {
        // A name that fits into no call is longer than any there is.
        let end = rest[..CALL_MAX].iter().rposition(|byte| *byte == b'/').filter(|end| *end > 0);
        let (way, behind) = rest.split_at(end.ok_or(Errno::ENAMETOOLONG)?);
        let from = reached.as_ref().map_or(AT_FDCWD, AsFd::as_fd);
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        reached = Some(openat(from, way, flags, Mode::empty())?);
        rest = &behind[1..];
    }
    act(reached.as_ref().map_or(AT_FDCWD, AsFd::as_fd), rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_call_takes_is_not_taken_apart() {
        let longest = [b"/".as_slice(), &[b'n'; CALL_MAX - 1]].concat();
        assert_eq!(at_end_of(&longest, |_, rest| Ok(rest.to_vec())), Ok(longest.clone()));
        let longer = [&longest, b"n".as_slice()].concat();
        assert_eq!(at_end_of(&longer, |_, _| Ok(())), Err(Errno::ENAMETOOLONG), "no name is so long");
        let deep = [b"/tmp/..".repeat(CALL_MAX / 7 + 1).as_slice(), b"/rest"].concat();
        assert_eq!(at_end_of(&deep, |_, rest| Ok(rest.len() < 20 && rest.ends_with(b"rest"))), Ok(true));
    }
}
