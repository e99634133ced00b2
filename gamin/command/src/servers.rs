//! Which servers this user has.
//!
//! Who answers at a name, and whether it is one of ours, is left to the client library. Invariant: what is found here is a hint;
//! a name that looks like ours may belong to another user whose name begins like ours.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use nix::unistd::{User, getuid};

use crate::complaint::Complaint;

/// Where the kernel lists sockets.
const SOCKETS: &str = "/proc/net/unix";

/// The session ids at which a server may listen, each once.
pub fn session_ids() -> Result<Vec<OsString>, Complaint> {
    let table = fs::read(SOCKETS).map_err(|error| Complaint::File { path: PathBuf::from(SOCKETS), error })?;
    let uid = getuid();
    let user = User::from_uid(uid).ok().flatten().map_or_else(|| uid.to_string(), |user| user.name);
    let mut ids: Vec<OsString> =
        table.split(|byte| *byte == b'\n').filter_map(|line| session_id(line, user.as_bytes())).collect();
    ids.sort();
    ids.dedup();
    Ok(ids)
}

/// The session id of a line of the kernel's list, if it is about a socket that listens by a name of ours.
///
/// The columns are: address, references, protocol, flags, type, state, inode, name. The flag of a listening socket is
/// `__SO_ACCEPTCON`, 1 << 16. A name that is no path begins with `@`, and the NULs in it are shown as `@` too, those
/// that fill it up as well.
fn session_id(line: &[u8], user: &[u8]) -> Option<OsString> {
    let mut columns = line.splitn(8, |byte| *byte == b' ').filter(|column| !column.is_empty());
    let flags = std::str::from_utf8(columns.nth(3)?).ok()?;
    let listens = u32::from_str_radix(flags, 16).is_ok_and(|flags| flags & 1 << 16 != 0);
    let name = columns.last()?;
    let start = name.iter().position(|byte| *byte == b'@')?;
    let id = name[start..].strip_prefix(b"@/tmp/fam-")?.strip_prefix(user)?.strip_prefix(b"-")?;
    let end = id.iter().rposition(|byte| *byte != b'@').map_or(0, |last| last + 1);
    listens.then(|| OsString::from_vec(id[..end].to_vec()))
}

/// A session for people.
pub fn shown(id: &OsStr) -> String {
    match id.as_bytes() {
        b"" => "main session".to_owned(),
        id => format!("session {}", crate::change::escape_bytes(id)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listening_sockets_of_ours_are_found() {
        let id = |line: &str| session_id(line.as_bytes(), b"joe").map(|id| id.into_string().expect("text"));
        let line = |flags: &str, name: &str| {
            format!("0000000000000000: 00000002 00000000 {flags} 0001 01 12345 {name}")
        };
        assert_eq!(id(&line("00010000", "@/tmp/fam-joe-@@@@@@@")), Some(String::new()));
        assert_eq!(id(&line("00010000", "@/tmp/fam-joe-a b@c@@@")), Some("a b@c".to_owned()));
        assert_eq!(id(&line("00000000", "@/tmp/fam-joe-a")), None);
        assert_eq!(id(&line("00010000", "@/tmp/fam-jim-a")), None);
        assert_eq!(id(&line("00010000", "/tmp/fam-joe-a")), None);
        assert_eq!(id("Num       RefCount Protocol Flags    Type St Inode Path"), None);
        assert_eq!(id(""), None);
    }
}
