//! Which sessions of this user have a server, as far as that can be seen without asking anybody.
//!
//! Who answers there is found out by connecting. Invariant: what is found here is a hint; a name that looks like ours may
//! belong to another user whose name begins like ours, and a socket may be one that its server has left behind.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use gamin_protocol::VIEW_TEXT_MAX;

use crate::{Meeting, VIEW_MARK, View, directory, user_name};

/// Where the kernel lists sockets.
const SOCKETS: &str = "/proc/net/unix";

/// The ids of sessions at whose places something listens, each once; of the places for one view only those for ours.
///
/// An id that is too long for a place is as it was cut, which leads to the same place; where a place for one view has cut one, that is
/// not told.
///
/// # Errors
/// The kernel's list of sockets can't be read.
pub fn sessions() -> io::Result<Vec<OsString>> {
    let table = fs::read(SOCKETS)?;
    let (user, view) = (user_name(), View::own().map(|view| view.to_string()).unwrap_or_default());
    let mut ids: Vec<OsString> = table
        .split(|byte| *byte == b'\n')
        .filter_map(|line| by_name(line, user.as_bytes(), view.as_bytes()))
        .collect();
    for directory in Meeting::new(OsStr::new("")).directories {
        let entries = fs::read_dir(directory).into_iter().flatten().flatten();
        ids.extend(entries.filter_map(|entry| in_directory(&entry.file_name(), &view)));
    }
    ids.sort();
    ids.dedup();
    Ok(ids)
}

/// The id in a line of the kernel's list, if it is about a socket that listens by a name of ours.
///
/// The columns are: address, references, protocol, flags, type, state, inode, name. The flag of a listening socket is
/// `__SO_ACCEPTCON`, 1 << 16. A name that is no path begins with `@`, and the NULs in it are shown as `@` too, those
/// that fill it up as well.
fn by_name(line: &[u8], user: &[u8], view: &[u8]) -> Option<OsString> {
    let mut columns = line.splitn(8, |byte| *byte == b' ').filter(|column| !column.is_empty());
    let flags = std::str::from_utf8(columns.nth(3)?).ok()?;
    let listens = u32::from_str_radix(flags, 16).is_ok_and(|flags| flags & 1 << 16 != 0);
    let name = columns.last()?;
    let start = name.iter().position(|byte| *byte == b'@')?;
    let name = without_view(&name[start + 1..], view)?;
    let id = name.strip_prefix(b"/tmp/fam-")?.strip_prefix(user)?.strip_prefix(b"-")?;
    let end = id.iter().rposition(|byte| *byte != b'@').map_or(0, |last| last + 1);
    listens.then(|| OsString::from_vec(id[..end].to_vec()))
}

/// A name as the kernel shows it, without our view in it; `None` if it has that of others, or the text may have been cut for it.
fn without_view<'a>(name: &'a [u8], view: &[u8]) -> Option<&'a [u8]> {
    let Some((text, [b'@', behind @ ..])) = name.split_at_checked(VIEW_TEXT_MAX) else { return Some(name) };
    let end = behind.iter().position(|byte| *byte == b'@').unwrap_or(behind.len());
    let is_view = behind[..end].split(|byte| *byte == b'-').filter(|part| !part.is_empty()).count() == 3
        && behind[..end].iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-'));
    if !is_view {
        return Some(name);
    }
    (behind[..end] == *view && text.ends_with(b"@")).then_some(text)
}

/// The id in the name of a socket's file that is for `view`.
fn in_directory(name: &OsStr, view: &str) -> Option<OsString> {
    let name = name.as_bytes().strip_prefix(directory::SOCKET.as_bytes())?;
    let mut escaped = name.strip_suffix(format!("{VIEW_MARK}{view}").as_bytes())?.iter();
    let mut id = Vec::new();
    while let Some(byte) = escaped.next() {
        id.push(match byte {
            b'%' => {
                let digits = [*escaped.next()?, *escaped.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            plain => *plain,
        });
    }
    Some(OsString::from_vec(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listening_sockets_of_ours_are_found() {
        let id =
            |line: &str| by_name(line.as_bytes(), b"joe", b"1-2-3").map(|id| id.into_string().expect("text"));
        let line = |flags: &str, name: &str| {
            format!("0000000000000000: 00000002 00000000 {flags} 0001 01 12345 {name}")
        };
        assert_eq!(id(&line("00010000", "@/tmp/fam-joe-@@@@@@@")), Some(String::new()));
        assert_eq!(id(&line("00010000", "@/tmp/fam-joe-a b@c@@@")), Some("a b@c".to_owned()));
        assert_eq!(id(&line("00000000", "@/tmp/fam-joe-a")), None);
        assert_eq!(id(&line("00010000", "@/tmp/fam-jim-a")), None);
        assert_eq!(id(&line("00010000", "/tmp/fam-joe-a")), None);
        let in_view = |id: &str, view: &str| {
            let name = gamin_protocol::address_in_view(b"joe", id.as_bytes(), view.as_bytes());
            line("00010000", &format!("@{}", String::from_utf8_lossy(&name).replace('\0', "@")))
        };
        assert_eq!(id(&in_view("", "1-2-3")), Some(String::new()));
        assert_eq!(id(&in_view("a b@c", "1-2-3")), Some("a b@c".to_owned()));
        assert_eq!(id(&in_view("a", "1-2-4")), None);
        assert_eq!(id(&in_view(&"i".repeat(60), "1-2-3")), None);
        assert_eq!(id("Num       RefCount Protocol Flags    Type St Inode Path"), None);
        assert_eq!(id(""), None);
    }

    #[test]
    fn the_name_of_a_file_leads_back_to_the_session() {
        for id in [&b""[..], b"a b", b"../x", b"\xff\n%"] {
            let name = format!("{}{}@1-2-3", directory::SOCKET, crate::escape(id));
            assert_eq!(in_directory(OsStr::new(&name), "1-2-3"), Some(OsString::from_vec(id.to_vec())));
        }
        for name in ["lock-a@1-2-3", "fam-%@1-2-3", "fam-%zz@1-2-3", "new-1", "fam-a", "fam-a@1-2-4"] {
            assert_eq!(in_directory(OsStr::new(name), "1-2-3"), None);
        }
    }
}
