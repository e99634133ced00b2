//! Words: how a line falls into words, and how bytes are written so that they read back the same.
//!
//! Pure, and bytes all the way: a name in a script need not be UTF-8. What the words mean is left to
//! `verb`. Invariant: [`split_extended`] of [`quote`] of any bytes gives those bytes back, as one word.

use crate::error::ScriptErrorKind;

/// One word of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// Where it begins: bytes from the line's start, counting from 1.
    pub column: usize,
    /// Its bytes, quotes and escapes resolved.
    pub bytes: Vec<u8>,
}

/// What separates words in both languages.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// Splits a classic line: blanks separate, nothing quotes.
pub fn split_classic(line: &[u8]) -> Vec<Word> {
    let mut words = Vec::new();
    let mut at = 0;
    for piece in line.split(|byte| is_blank(*byte)) {
        if !piece.is_empty() {
            words.push(Word { column: at + 1, bytes: piece.to_vec() });
        }
        at += piece.len() + 1;
    }
    words
}

/// Splits an extended line: as [`split_classic`], but `"` begins and ends a stretch in which blanks do
/// not separate and `\n`, `\t`, `\\`, `\"` and `\xNN` stand for one byte each.
///
/// # Errors
/// Gives the column and the problem of a quote that does not end and of an escape that is none of these.
pub fn split_extended(line: &[u8]) -> Result<Vec<Word>, (usize, ScriptErrorKind)> {
    let mut words = Vec::new();
    let mut at = 0;
    while at < line.len() {
        if is_blank(line[at]) {
            at += 1;
            continue;
        }
        let mut word = Word { column: at + 1, bytes: Vec::new() };
        while at < line.len() && !is_blank(line[at]) {
            if line[at] == b'"' {
                at = quoted(line, at, &mut word.bytes)?;
            } else {
                word.bytes.push(line[at]);
                at += 1;
            }
        }
        words.push(word);
    }
    Ok(words)
}

/// Reads the quoted stretch that begins at `start` into `bytes`; gives the place behind its end.
fn quoted(line: &[u8], start: usize, bytes: &mut Vec<u8>) -> Result<usize, (usize, ScriptErrorKind)> {
    let mut at = start + 1;
    loop {
        match line.get(at) {
            None => return Err((start + 1, ScriptErrorKind::OpenQuote)),
            Some(b'"') => return Ok(at + 1),
            Some(b'\\') => {
                let (byte, len) = escape(&line[at + 1..]).ok_or((at + 1, ScriptErrorKind::Escape))?;
                bytes.push(byte);
                at += 1 + len;
            }
            Some(byte) => {
                bytes.push(*byte);
                at += 1;
            }
        }
    }
}

/// The byte that the text behind a backslash stands for, and the length of that text.
fn escape(text: &[u8]) -> Option<(u8, usize)> {
    match text {
        [b'n', ..] => Some((b'\n', 1)),
        [b't', ..] => Some((b'\t', 1)),
        [b'\\', ..] => Some((b'\\', 1)),
        [b'"', ..] => Some((b'"', 1)),
        [b'x', high, low, ..] => {
            let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            Some((digit(*high)? << 4 | digit(*low)?, 3))
        }
        _ => None,
    }
}

/// Whether a terminal obeys a character instead of showing it: controls, and what changes how others are shown, such as
/// directions.
pub fn is_obeyed(c: char) -> bool {
    let is_invisible = matches!(
        c,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
    );
    c.is_control() || is_invisible
}

/// Text in a line for a terminal: what that would obey is spelled.
pub fn printable(text: &str) -> String {
    let spelled = |c: char| if is_obeyed(c) { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(spelled).collect()
}

/// Lines for a terminal, whose ends stay what they are.
pub fn printable_lines(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for piece in chunk.valid().split_inclusive('\n') {
            let line = piece.strip_suffix('\n');
            text.push_str(&printable(line.unwrap_or(piece)));
            text.extend(line.map(|_| '\n'));
        }
        push_hex(&mut text, chunk.invalid());
    }
    text
}

/// Writes bytes in quotes, with the escapes that [`split_extended`] reads.
pub fn quote(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() + 2);
    text.push('"');
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\n' => text.push_str("\\n"),
                '\t' => text.push_str("\\t"),
                '\\' => text.push_str("\\\\"),
                '"' => text.push_str("\\\""),
                c if is_obeyed(c) => push_hex(&mut text, c.encode_utf8(&mut [0; 4]).as_bytes()),
                c => text.push(c),
            }
        }
        push_hex(&mut text, chunk.invalid());
    }
    text.push('"');
    text
}

fn push_hex(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        text.push_str(&format!("\\x{byte:02x}"));
    }
}

/// Writes bytes plainly if they are one plain word, and else as [`quote`] does.
pub fn plain_or_quoted(bytes: &[u8]) -> String {
    let is_plain = |c: char| !c.is_whitespace() && !is_obeyed(c) && c != '"' && c != '\\';
    match str::from_utf8(bytes) {
        Ok(text) if !text.is_empty() && text.chars().all(is_plain) => text.to_owned(),
        _ => quote(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bytes(line: &[u8]) -> Vec<Vec<u8>> {
        split_extended(line).expect("the line is well formed").into_iter().map(|word| word.bytes).collect()
    }

    #[test]
    fn classic_words_are_separated_by_blanks_of_any_number_and_kind() {
        let words = split_classic(b"  mondir\t \"a  b\"\r\n");
        let shown: Vec<_> = words.iter().map(|word| (word.column, word.bytes.as_slice())).collect();
        assert_eq!(shown, [(3, &b"mondir"[..]), (11, b"\"a"), (15, b"b\"")]);
    }

    #[test]
    fn quotes_hold_blanks_and_escapes_and_may_begin_inside_a_word() {
        assert_eq!(
            bytes(br#"write "a b\n\t\\\"\xFf" data="x y"z """#),
            [b"write".to_vec(), b"a b\n\t\\\"\xff".to_vec(), b"data=x yz".to_vec(), b"".to_vec()]
        );
    }

    #[test]
    fn an_open_quote_and_a_bad_escape_are_refused_with_their_column() {
        assert_eq!(split_extended(br#"read "a"#), Err((6, ScriptErrorKind::OpenQuote)));
        for line in [&br#"read "a\q""#[..], br#"read "a\x1""#, br#"read "a\"#] {
            assert_eq!(split_extended(line), Err((8, ScriptErrorKind::Escape)));
        }
    }

    #[test]
    fn only_what_needs_quotes_gets_them() {
        assert_eq!(plain_or_quoted("grün".as_bytes()), "grün");
        assert_eq!(plain_or_quoted(b""), r#""""#);
        assert_eq!(plain_or_quoted(b"a b"), r#""a b""#);
        assert_eq!(plain_or_quoted(b"\xff\x01"), r#""\xff\x01""#);
        assert_eq!(plain_or_quoted("a\u{202e}".as_bytes()), r#""a\xe2\x80\xae""#);
    }

    #[test]
    fn no_text_plays_tricks_on_a_terminal() {
        assert_eq!(printable("grün\n\x1b[2J\u{9b}\u{202e}"), "grün\\n\\u{1b}[2J\\u{9b}\\u{202e}");
        assert_eq!(printable_lines(b"a\tb\n\n\xff\x1b"), "a\\tb\n\n\\xff\\u{1b}");
    }

    proptest! {
        #[test]
        fn what_is_quoted_reads_back(name in prop::collection::vec(any::<u8>(), 0..40)) {
            prop_assert_eq!(bytes(quote(&name).as_bytes()), [name.clone()]);
            prop_assert_eq!(bytes(plain_or_quoted(&name).as_bytes()), [name]);
        }
    }
}
