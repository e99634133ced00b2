//! How the packet targets read their input: as it is, or as packets whose lengths are right, so that what lies behind
//! decoding is reached too.

/// The bytes that an input stands for. An even first byte: those that follow. An odd one: packets, each made of a kind, a
/// number, a length, and as many bytes of text.
pub fn packets(input: &[u8]) -> Vec<u8> {
    let Some((first, mut rest)) = input.split_first() else { return Vec::new() };
    if first.is_multiple_of(2) {
        return rest.to_vec();
    }
    let mut packets = Vec::new();
    while let [kind, number, length, behind @ ..] = rest {
        let (text, behind) = behind.split_at(behind.len().min((*length).into()));
        let length = text.len() as u16;
        for word in [10 + length, 1, (*number).into(), (*kind).into(), length] {
            packets.extend_from_slice(&word.to_ne_bytes());
        }
        packets.extend_from_slice(text);
        rest = behind;
    }
    packets
}
