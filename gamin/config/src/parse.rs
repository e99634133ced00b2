//! The grammar of gaminrc, line by line.
//!
//! Which line wins is left to `rules`. Invariant: a line, or a pattern of it, is either taken whole or told as a mistake.

use std::fmt;
use std::time::Duration;

use wildcard::{Wildcard, WildcardBuilder};

/// What a line asks for.
#[derive(Debug, Clone)]
pub(crate) enum Directive {
    /// `poll PATTERN` or `notify PATTERN`.
    Path { pattern: Pattern, is_polled: bool },
    /// `fsset TYPE METHOD [LIMIT]`.
    FileSystem { pattern: Pattern, choice: Choice, limit: Option<Duration> },
}

/// The method that a line of `fsset` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    Kernel,
    Poll,
    None,
}

/// A pattern, in which `*` stands for any bytes, `/` too, and `?` for one character.
#[derive(Clone)]
pub(crate) struct Pattern {
    text: Vec<u8>,
    bytes: Wildcard<'static, u8>,
    /// The same for text, whose characters may have several bytes.
    characters: Option<Wildcard<'static, char>>,
}

impl Pattern {
    pub fn new(text: Vec<u8>) -> Pattern {
        const PLAIN: &str = "because the special symbols differ, and without escape nothing can be malformed";
        let characters = str::from_utf8(&text).ok().filter(|text| text.contains('?'));
        let characters = characters.map(|text| WildcardBuilder::from_owned(text.chars().collect()));
        Pattern {
            bytes: WildcardBuilder::from_owned(text.clone()).without_escape().build().expect(PLAIN),
            characters: characters.map(|pattern| pattern.without_escape().build().expect(PLAIN)),
            text,
        }
    }

    pub fn matches(&self, text: &[u8]) -> bool {
        match (&self.characters, str::from_utf8(text)) {
            (Some(pattern), Ok(text)) => pattern.is_match(&text.chars().collect::<Vec<_>>()),
            _ => self.bytes.is_match(text),
        }
    }

    pub fn text(&self) -> &[u8] {
        &self.text
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.text.escape_ascii())
    }
}

/// Something in a configuration file that can't be understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineError {
    /// The file, as it was named.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub error: ParseError,
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LineError { file, line, error } = self;
        write!(f, "{}:{line}: {error}", file.escape_debug())
    }
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParseError {
    /// It begins with none of the three words that there are.
    UnknownWord(String),
    /// `poll` or `notify` without a path.
    NoPath,
    /// A path that begins neither with `/` nor with `~`.
    RelativePath(String),
    /// `~` and a name: only the own home is known.
    OtherHome(String),
    /// `~`, but there is no home.
    NoHome(String),
    /// `fsset` without a type or a method.
    Incomplete,
    /// A method that there is not.
    UnknownMethod(String),
    /// What stands for the seconds is no number.
    NoNumber(String),
    /// Something behind the line's end.
    Extra(String),
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ParseError::UnknownWord(word) => write!(f, "`{word}` is none of notify, poll, fsset"),
            ParseError::NoPath => write!(f, "a path is missing"),
            ParseError::RelativePath(word) => write!(f, "`{word}` does not begin with / or ~"),
            ParseError::OtherHome(word) => {
                write!(f, "`{word}` names another home: only ~ and ~/... are known")
            }
            ParseError::NoHome(word) => write!(f, "`{word}` needs a home directory, and there is none"),
            ParseError::Incomplete => write!(f, "expected fsset TYPE kernel|poll|none [SECONDS]"),
            ParseError::UnknownMethod(word) => write!(f, "`{word}` is none of kernel, poll, none"),
            ParseError::NoNumber(word) => write!(f, "`{word}` is no number of seconds"),
            ParseError::Extra(word) => write!(f, "`{word}` is one word too many"),
        }
    }
}

/// Things with the number of the line in which they stand.
type ByLine<T> = Vec<(usize, T)>;

/// Reads a text: what its lines ask for, and what is wrong in them.
pub(crate) fn parse(text: &[u8], home: Option<&[u8]>) -> (ByLine<Directive>, ByLine<ParseError>) {
    let (mut directives, mut errors) = (Vec::new(), Vec::new());
    for (line, number) in text.split(|byte| *byte == b'\n').zip(1..) {
        let words = line.split(|byte| is_blank(*byte)).filter(|word| !word.is_empty());
        let mut words = words.take_while(|word| !word.starts_with(b"#"));
        let Some(first) = words.next() else { continue };
        match first {
            b"poll" | b"notify" => {
                let mut words = words.peekable();
                if words.peek().is_none() {
                    errors.push((number, ParseError::NoPath));
                }
                for word in words {
                    match path_pattern(word, home) {
                        Ok(pattern) => {
                            directives
                                .push((number, Directive::Path { pattern, is_polled: first == b"poll" }));
                        }
                        Err(error) => errors.push((number, error)),
                    }
                }
            }
            b"fsset" => match file_system(words) {
                Ok(directive) => directives.push((number, directive)),
                Err(error) => errors.push((number, error)),
            },
            _ => errors.push((number, ParseError::UnknownWord(shown(first)))),
        }
    }
    (directives, errors)
}

fn is_blank(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == b'\x0b'
}

fn path_pattern(word: &[u8], home: Option<&[u8]>) -> Result<Pattern, ParseError> {
    let spelled = match word.strip_prefix(b"~") {
        Some([] | [b'/' | b'*' | b'?', ..]) => {
            [home.ok_or_else(|| ParseError::NoHome(shown(word)))?, &word[1..]].concat()
        }
        Some(_) => return Err(ParseError::OtherHome(shown(word))),
        None if word.starts_with(b"/") => word.to_vec(),
        None => return Err(ParseError::RelativePath(shown(word))),
    };
    // As in the paths that it is compared with, doubled slashes and one at the end are mere spelling.
    let mut text = spelled;
    text.dedup_by(|next, before| (*next, *before) == (b'/', b'/'));
    text.pop_if(|last| *last == b'/');
    if text.is_empty() {
        text.push(b'/');
    }
    Ok(Pattern::new(text))
}

fn file_system<'a>(mut words: impl Iterator<Item = &'a [u8]>) -> Result<Directive, ParseError> {
    let (Some(name), Some(method)) = (words.next(), words.next()) else { return Err(ParseError::Incomplete) };
    let choice = match method.to_ascii_lowercase().as_slice() {
        b"kernel" => Choice::Kernel,
        b"poll" => Choice::Poll,
        b"none" => Choice::None,
        _ => return Err(ParseError::UnknownMethod(shown(method))),
    };
    let limit = words.next().map(seconds).transpose()?.flatten();
    match words.next() {
        Some(extra) => Err(ParseError::Extra(shown(extra))),
        None => Ok(Directive::FileSystem { pattern: Pattern::new(name.to_vec()), choice, limit }),
    }
}

/// A number below zero asks for what was set before.
fn seconds(word: &[u8]) -> Result<Option<Duration>, ParseError> {
    let number = str::from_utf8(word).ok().and_then(|text| text.parse::<i64>().ok());
    let number = number.ok_or_else(|| ParseError::NoNumber(shown(word)))?;
    Ok(u32::try_from(number.min(u32::MAX.into())).ok().map(|seconds| Duration::from_secs(seconds.into())))
}

fn shown(word: &[u8]) -> String {
    match str::from_utf8(word) {
        Ok(text) if !text.contains(char::is_control) => text.to_owned(),
        _ => word.escape_ascii().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<String>, Vec<String>) {
        let (directives, errors) = parse(text.as_bytes(), Some(b"/home/u"));
        let shown = |(line, directive): (usize, Directive)| match directive {
            Directive::Path { pattern, is_polled: true } => format!("{line} poll {pattern:?}"),
            Directive::Path { pattern, is_polled: false } => format!("{line} notify {pattern:?}"),
            Directive::FileSystem { pattern, choice, limit } => {
                format!("{line} {pattern:?} {choice:?} {limit:?}")
            }
        };
        let errors = errors.into_iter().map(|(line, error)| format!("{line} {error}"));
        (directives.into_iter().map(shown).collect(), errors.collect())
    }

    #[test]
    fn the_home_pages_example_is_understood() {
        let text = "# configuration for gamin\n \nnotify /mnt/local* /mnt/pictures* # use kernel notification\n\
                    poll /temp/*                      # use poll notification on these paths\n\
                    fsset nfs poll 10                 # use polling on nfs mounts\n";
        let expected = [
            r#"3 notify "/mnt/local*""#,
            r#"3 notify "/mnt/pictures*""#,
            r#"4 poll "/temp/*""#,
            r#"5 "nfs" Poll Some(10s)"#,
        ];
        let (directives, errors) = read(text);
        assert_eq!(directives, expected);
        assert_eq!(errors, [""; 0]);
    }

    #[test]
    fn blanks_of_any_kind_separate_and_may_lead() {
        let (directives, errors) = read("\t poll\t/a  /b\r\n\r\n   # poll /c\r\nfsset\text4   KERNEL\r\n");
        assert_eq!(directives, [r#"1 poll "/a""#, r#"1 poll "/b""#, r#"4 "ext4" Kernel None"#]);
        assert_eq!(errors, [""; 0]);
    }

    #[test]
    fn the_home_stands_for_a_tilde() {
        let (directives, errors) = read("poll ~ ~/x/ ~*\nnotify ~other/x //a//b//\n");
        let expected =
            [r#"1 poll "/home/u""#, r#"1 poll "/home/u/x""#, r#"1 poll "/home/u*""#, r#"2 notify "/a/b""#];
        assert_eq!(directives, expected);
        assert_eq!(errors, ["2 `~other/x` names another home: only ~ and ~/... are known"]);
        assert_eq!(parse(b"poll ~", None).1, [(1, ParseError::NoHome("~".into()))]);
    }

    #[test]
    fn what_is_wrong_is_told_and_the_rest_is_used() {
        let text = "POLL /a\npoll\npoll relative /b\nfsset nfs\nfsset nfs sometimes\nfsset nfs poll soon\n\
                    fsset nfs poll 3 4\nfsset nfs none -1\n\x01\n";
        let (directives, errors) = read(text);
        assert_eq!(directives, [r#"3 poll "/b""#, r#"8 "nfs" None None"#]);
        let expected = [
            "1 `POLL` is none of notify, poll, fsset",
            "2 a path is missing",
            "3 `relative` does not begin with / or ~",
            "4 expected fsset TYPE kernel|poll|none [SECONDS]",
            "5 `sometimes` is none of kernel, poll, none",
            "6 `soon` is no number of seconds",
            "7 `4` is one word too many",
            r"9 `\x01` is none of notify, poll, fsset",
        ];
        assert_eq!(errors, expected);
    }

    #[test]
    fn a_star_matches_slashes_too_and_nothing_else_is_special() {
        for (pattern, text, expected) in [
            ("/mnt/*", "/mnt/a/b", true),
            ("/mnt/*", "/mnt", false),
            ("/mnt/local*", "/mnt/local", true),
            ("*", "/", true),
            ("/a/*/z", "/a/b/c/z", true),
            ("/a?", "/ab", true),
            ("/a?", "/a/", true),
            ("/a?", "/aé", true),
            ("/a?", "/a", false),
            ("/[ab]", "/a", false),
            ("/[ab]", "/[ab]", true),
            (r"/\*", r"/\x", true),
            ("/a{b,c}", "/ab", false),
        ] {
            let pattern = Pattern::new(pattern.as_bytes().to_vec());
            assert_eq!(pattern.matches(text.as_bytes()), expected, "{pattern:?} on {text}");
        }
        assert!(Pattern::new(b"/a?".to_vec()).matches(b"/a\xff"), "what is no text counts byte by byte");
    }
}
