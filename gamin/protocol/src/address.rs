//! The name of a server's socket in Linux' abstract namespace.

/// The most bytes of text that the name holds; a longer text is cut, by both sides alike (BEHAVIOUR 2.1).
pub const ADDRESS_TEXT_MAX: usize = 104;

/// Length of the name behind the NUL that marks it as abstract: the padding is part of the name.
const NAME_LEN: usize = 107;

/// Makes the name that client and server of `user` with session `id` meet at.
///
/// The result goes behind the leading NUL of `sun_path` and fills the rest of it with padding, so that
/// the address has the full length of a `sockaddr_un` (110 bytes), as the original binds it. A user without a
/// passwd entry is named by the decimal uid.
pub fn address(user: &[u8], id: &[u8]) -> [u8; NAME_LEN] {
    let text = [b"/tmp/fam-", user, b"-", id].concat();
    let text = &text[..text.len().min(ADDRESS_TEXT_MAX)];
    let mut name = [0; NAME_LEN];
    name[..text.len()].copy_from_slice(text);
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_id_leaves_the_trailing_dash_and_padding_is_nul() {
        let name = address(b"root", b"");
        assert_eq!(&name[..15], b"/tmp/fam-root-\0");
        assert!(name[14..].iter().all(|byte| *byte == 0));
    }

    #[test]
    fn a_long_text_is_cut_at_the_limit() {
        let exact = address(b"u", &[b'i'; ADDRESS_TEXT_MAX - 11]);
        assert_eq!(exact[ADDRESS_TEXT_MAX - 1], b'i');
        assert_eq!(address(b"u", &[b'i'; 400]), exact);
        assert_eq!(exact[ADDRESS_TEXT_MAX..], [0; 3]);
    }
}
