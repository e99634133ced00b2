//! The packets of fanotify(7), taken apart.
//!
//! What they mean is left to `meaning`. Invariant: whatever the bytes are, nothing is read beyond them, and what is no packet ends the
//! reading and is said.

/// What the kernel says once about one entry of one directory, about a directory, or about a rename.
#[derive(Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// All that has happened since it said the first of it.
    pub mask: u64,
    /// What it happened to; nothing of an overflow or a rename.
    pub entry: Option<Named<'a>>,
    /// From where to where something was renamed (Linux 5.17), as far as the kernel was asked about either.
    pub renamed: [Option<Named<'a>>; 2],
    /// What stands there, named as a directory is, where the kernel says it (Linux 5.17).
    pub target: Option<&'a [u8]>,
}

/// An entry of a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Named<'a> {
    /// The directory: its file system and its handle there, one behind the other.
    pub place: &'a [u8],
    /// Its name there; `.` is the directory itself.
    pub name: &'a [u8],
}

/// There is no packet where one should be.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed;

/// How long the head of a packet is: length, version, length of the head, mask, descriptor, process.
pub const HEAD_BYTES: usize = 24;
/// The only version there has been.
const VERSION: u8 = 3;
/// How long the head of a part is: what it is, a reserved byte, length.
const PART_BYTES: usize = 4;
/// How long a file system's id is.
pub const FILE_SYSTEM_BYTES: usize = 8;
/// How long the head of a handle is: how many bytes it has, and of which type they are.
pub const HANDLE_BYTES: usize = 8;
/// What a part is that names what it happened to, ...
const TARGET: u8 = 1;
/// ... an entry of a directory, ...
const ENTRY: u8 = 2;
/// ... the name that something had before a rename, ...
const RENAMED_FROM: u8 = 10;
/// ... and the one that it has since.
const RENAMED_TO: u8 = 12;

/// The packets that fill a buffer, in their order. After one that is none there are no more.
pub fn packets(mut bytes: &[u8]) -> impl Iterator<Item = Result<Packet<'_>, Malformed>> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let read = packet(bytes);
        bytes = read.as_ref().map_or(&[], |(_, rest)| rest);
        Some(read.map(|(packet, _)| packet).ok_or(Malformed))
    })
}

/// The first packet, and what is behind it.
fn packet(bytes: &[u8]) -> Option<(Packet<'_>, &[u8])> {
    let length = usize::try_from(u32_at(bytes, 0)?).ok()?;
    let head = usize::from(u16_at(bytes, 6)?);
    let version = *bytes.get(4)?;
    if version != VERSION || head < HEAD_BYTES || head > length {
        return None;
    }
    let (packet, rest) = bytes.split_at_checked(length)?;
    let mask = u64::from_ne_bytes(packet.get(8..16)?.try_into().ok()?);
    let mut found = Packet { mask, entry: None, renamed: [None; 2], target: None };
    let mut parts = packet.get(head..)?;
    while !parts.is_empty() {
        let kind = *parts.first()?;
        let length = usize::from(u16_at(parts, 2)?);
        if length < PART_BYTES {
            return None;
        }
        let (part, others) = parts.split_at_checked(length)?;
        let content = part.get(PART_BYTES..)?;
        match kind {
            TARGET => found.target = Some(place(content)?.0),
            ENTRY => found.entry = Some(entry(content)?),
            RENAMED_FROM => found.renamed[0] = Some(entry(content)?),
            RENAMED_TO => found.renamed[1] = Some(entry(content)?),
            _ => {}
        }
        parts = others;
    }
    Some((found, rest))
}

/// A directory, and a name with a zero behind it.
fn entry(content: &[u8]) -> Option<Named<'_>> {
    let (place, rest) = place(content)?;
    let end = rest.iter().position(|byte| *byte == 0)?;
    Some(Named { place, name: &rest[..end] })
}

/// A file system and a handle there, and what is behind them.
fn place(content: &[u8]) -> Option<(&[u8], &[u8])> {
    let handle = usize::try_from(u32_at(content, FILE_SYSTEM_BYTES)?).ok()?;
    content.split_at_checked((FILE_SYSTEM_BYTES + HANDLE_BYTES).checked_add(handle)?)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A packet of so many parts: what each is, and the entry that it names.
    fn written(mask: u64, parts: &[(u8, Named<'_>)]) -> Vec<u8> {
        let parts: Vec<u8> = parts.iter().flat_map(|(kind, entry)| part(*kind, *entry)).collect();
        let length = HEAD_BYTES as u32 + u32::try_from(parts.len()).expect("they are short");
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend([VERSION, 0]);
        bytes.extend((HEAD_BYTES as u16).to_ne_bytes());
        bytes.extend(mask.to_ne_bytes());
        bytes.extend((-1_i32).to_ne_bytes());
        bytes.extend(7_i32.to_ne_bytes());
        bytes.extend(parts);
        bytes
    }

    fn part(kind: u8, Named { place, name }: Named<'_>) -> Vec<u8> {
        let mut content = [place, name, b"\0"].concat();
        content.resize(content.len().next_multiple_of(4), 0);
        let length = u16::try_from(PART_BYTES + content.len()).expect("it is short");
        let mut part = vec![kind, 0];
        part.extend(length.to_ne_bytes());
        part.extend(content);
        part
    }

    fn place(handle: &[u8]) -> Vec<u8> {
        let mut place = vec![5; FILE_SYSTEM_BYTES];
        place.extend(u32::try_from(handle.len()).expect("it is short").to_ne_bytes());
        place.extend(1_i32.to_ne_bytes());
        place.extend(handle);
        place
    }

    #[test]
    fn packets_are_read_one_behind_the_other() {
        let (one, other) = (place(b"12345678"), place(b"abcdefghijkl"));
        let entry = Named { place: &one, name: b"name" };
        let itself = Named { place: &other, name: b"." };
        let bytes = [
            written(0x100, &[(ENTRY, entry)]),
            written(0x1000_0000, &[(RENAMED_FROM, entry), (RENAMED_TO, itself)]),
            written(0x200, &[(ENTRY, itself)]),
            written(0x1000_0000, &[(RENAMED_TO, entry)]),
        ];
        let bytes = bytes.concat();
        let read: Vec<_> = packets(&bytes).collect();
        let expected = [
            Packet { mask: 0x100, entry: Some(entry), renamed: [None; 2], target: None },
            Packet { mask: 0x1000_0000, entry: None, renamed: [Some(entry), Some(itself)], target: None },
            Packet { mask: 0x200, entry: Some(itself), renamed: [None; 2], target: None },
            Packet { mask: 0x1000_0000, entry: None, renamed: [None, Some(entry)], target: None },
        ];
        assert_eq!(read, expected.map(Ok));
    }

    #[test]
    fn what_is_cut_off_or_lies_about_its_length_is_no_packet() {
        let whole = written(0x100, &[(ENTRY, Named { place: &place(b"12345678"), name: b"name" })]);
        for length in 1..whole.len() {
            assert_eq!(packets(&whole[..length]).last(), Some(Err(Malformed)), "{length} bytes");
        }
        let mut lies = whole.clone();
        // The handle goes beyond its part.
        lies[HEAD_BYTES + PART_BYTES + FILE_SYSTEM_BYTES] = 200;
        assert_eq!(packets(&lies).last(), Some(Err(Malformed)));
        let mut empty = whole;
        empty[HEAD_BYTES + 2..HEAD_BYTES + 4].fill(0);
        assert_eq!(packets(&empty).last(), Some(Err(Malformed)), "a part of no length would never end");
    }
}
