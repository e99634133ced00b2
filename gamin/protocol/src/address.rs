//! The name of a server's socket in Linux' abstract namespace.

/// The most bytes of text that the name holds; a longer text is cut, by both sides alike (original.md 2.1).
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

/// The most bytes of text in a name that is for one view: what is behind them, from a NUL on, is the view.
pub const VIEW_TEXT_MAX: usize = 60;
/// The most bytes that the name of a view may have.
pub const VIEW_MAX: usize = NAME_LEN - VIEW_TEXT_MAX - 1;

/// Makes the name at which those meet who see the files that `view` names.
///
/// It is [`address`], cut earlier, with the view behind it in the padding, of which at most [`VIEW_MAX`] bytes count.
pub fn address_in_view(user: &[u8], id: &[u8], view: &[u8]) -> [u8; NAME_LEN] {
    let mut name = address(user, id);
    name[VIEW_TEXT_MAX..].fill(0);
    let view = &view[..view.len().min(VIEW_MAX)];
    name[VIEW_TEXT_MAX + 1..][..view.len()].copy_from_slice(view);
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
    fn a_view_stands_behind_a_text_that_is_cut_for_it() {
        let name = address_in_view(b"u", b"id", b"1-2-3");
        assert_eq!(name[..VIEW_TEXT_MAX], address(b"u", b"id")[..VIEW_TEXT_MAX]);
        assert_eq!(&name[VIEW_TEXT_MAX..][..7], b"\x001-2-3\0");
        let full = address_in_view(b"u", &[b'i'; 400], &[b'v'; 400]);
        assert_eq!((full[VIEW_TEXT_MAX - 1], full[VIEW_TEXT_MAX], full[NAME_LEN - 1]), (b'i', 0, b'v'));
    }

    #[test]
    fn a_long_text_is_cut_at_the_limit() {
        let exact = address(b"u", &[b'i'; ADDRESS_TEXT_MAX - 11]);
        assert_eq!(exact[ADDRESS_TEXT_MAX - 1], b'i');
        assert_eq!(address(b"u", &[b'i'; 400]), exact);
        assert_eq!(exact[ADDRESS_TEXT_MAX..], [0; 3]);
    }
}
