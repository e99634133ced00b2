//! The packets of fanotify(7), taken apart.
//!
//! What they mean is left to `meaning`. Invariant: whatever the bytes are, nothing is read beyond them, and what is no packet ends the
//! reading and is said.

/// What the kernel says once about one entry of one directory, or about a directory.
#[derive(Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// All that has happened since it said the first of it.
    pub mask: u64,
    /// The directory: its file system and its handle there, one behind the other; none of an overflow.
    pub place: Option<&'a [u8]>,
    /// The entry; `.` is the directory itself.
    pub name: &'a [u8],
    /// What stands under that name, in the same way, where the kernel says it (Linux 5.17).
    pub target: Option<&'a [u8]>,
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
/// ... and an entry of a directory.
const PLACE_AND_NAME: u8 = 2;

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
    let mut found = Packet { mask, place: None, name: b"", target: None };
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
            PLACE_AND_NAME => {
                let (place, rest) = place(content)?;
                let end = rest.iter().position(|byte| *byte == 0)?;
                (found.place, found.name) = (Some(place), &rest[..end]);
            }
            _ => {}
        }
        parts = others;
    }
    Some((found, rest))
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

    /// A packet of one part.
    fn written(mask: u64, place: &[u8], name: &[u8]) -> Vec<u8> {
        let mut part = [place, name, b"\0"].concat();
        part.resize(part.len().next_multiple_of(4), 0);
        let part_length = u16::try_from(PART_BYTES + part.len()).expect("it is short");
        let length = HEAD_BYTES as u32 + u32::from(part_length);
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend([VERSION, 0]);
        bytes.extend((HEAD_BYTES as u16).to_ne_bytes());
        bytes.extend(mask.to_ne_bytes());
        bytes.extend((-1_i32).to_ne_bytes());
        bytes.extend(7_i32.to_ne_bytes());
        bytes.extend([PLACE_AND_NAME, 0]);
        bytes.extend(part_length.to_ne_bytes());
        bytes.extend(part);
        bytes
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
        let bytes = [written(0x100, &one, b"name"), written(0x200, &other, b".")].concat();
        let read: Vec<_> = packets(&bytes).collect();
        let expected = [
            Ok(Packet { mask: 0x100, place: Some(&*one), name: b"name", target: None }),
            Ok(Packet { mask: 0x200, place: Some(&*other), name: b".", target: None }),
        ];
        assert_eq!(read, expected);
    }

    #[test]
    fn what_is_cut_off_or_lies_about_its_length_is_no_packet() {
        let whole = written(0x100, &place(b"12345678"), b"name");
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
