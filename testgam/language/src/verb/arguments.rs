//! The words behind a verb, and how each kind of them is read.
//!
//! Which verb has which is left to the table. Invariant: a word is taken by exactly one reader, and each reader names what it
//! expected when it refuses.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, PathBuf};

use gamin::Code;

use crate::action::Expected;
use crate::error::ScriptErrorKind;
use crate::language::Language;
use crate::words::{Word, plain_or_quoted};

/// The most entries that one step makes or removes.
pub(super) const COUNT_MAX: u32 = 1_000_000;

/// The column and the problem of a word that cannot be read.
pub(super) type ArgumentError = (usize, ScriptErrorKind);

/// The words behind the verb, taken one by one.
pub(super) struct Arguments<'a> {
    language: Language,
    verb: &'static str,
    usage: &'static str,
    rest: &'a [Word],
    end: usize,
}

impl<'a> Arguments<'a> {
    /// The words `rest` behind a verb, in a line that ends at the column `end`.
    pub fn new(
        language: Language,
        (verb, usage): (&'static str, &'static str),
        rest: &'a [Word],
        end: usize,
    ) -> Self {
        Arguments { language, verb, usage, rest, end }
    }

    /// The language they are in.
    pub fn language(&self) -> Language {
        self.language
    }

    /// Takes all that are left.
    pub fn take_rest(&mut self) -> &'a [Word] {
        std::mem::take(&mut self.rest)
    }

    pub fn next(&mut self, expected: &'static str) -> Result<&'a Word, ArgumentError> {
        let missing = self.missing(expected);
        self.optional().ok_or(missing)
    }

    pub fn missing(&self, expected: &'static str) -> ArgumentError {
        (self.end, ScriptErrorKind::Missing { verb: self.verb, expected, usage: self.usage })
    }

    pub fn optional(&mut self) -> Option<&'a Word> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    pub fn finish(&self) -> Result<(), ArgumentError> {
        let Some(extra) = self.rest.first() else { return Ok(()) };
        let usage = format!("{} {}", self.verb, self.usage).trim_end().to_owned();
        Err((extra.column, ScriptErrorKind::Extra { word: plain_or_quoted(&extra.bytes), usage }))
    }

    /// A path in the scenario's own directory; in a classic script, any path.
    pub fn path(&mut self, name: &'static str) -> Result<PathBuf, ArgumentError> {
        let word = self.next(name)?;
        let path = path(word)?;
        let inside = path.strip_prefix("$DIR").unwrap_or(&path);
        let is_inside = |part| matches!(part, Component::Normal(_) | Component::CurDir);
        match self.language {
            Language::Extended if path.as_os_str().is_empty() => Err(unsuitable(word, "a path")),
            Language::Extended if !inside.components().all(is_inside) => {
                Err((word.column, ScriptErrorKind::Outside(plain_or_quoted(&word.bytes))))
            }
            _ => Ok(path),
        }
    }

    /// Any path: monitoring harms nobody.
    pub fn monitored(&mut self) -> Result<PathBuf, ArgumentError> {
        let word = self.next("PATH")?;
        match word.bytes.is_empty() {
            true => Err(unsuitable(word, "a path")),
            false => path(word),
        }
    }

    pub fn text(&mut self) -> Result<Vec<u8>, ArgumentError> {
        Ok(self.next("TEXT")?.bytes.clone())
    }

    /// A line of text without an end of line in it.
    pub fn line(&mut self) -> Result<Vec<u8>, ArgumentError> {
        let word = self.next("LINE")?;
        match word.bytes.contains(&b'\n') {
            true => Err(unsuitable(word, "one line")),
            false => Ok(word.bytes.clone()),
        }
    }

    pub fn count(&mut self) -> Result<u32, ArgumentError> {
        let word = self.next("N")?;
        number(word, 0..=COUNT_MAX).ok_or_else(|| unsuitable(word, "a number up to 1000000"))
    }

    pub fn request(&mut self) -> Result<i32, ArgumentError> {
        request(self.next("REQNUM")?)
    }

    pub fn expected(&mut self) -> Result<Expected, ArgumentError> {
        let request = self.request()?;
        let name = self.next("NAME")?.bytes.clone();
        let word = self.next("CODE")?;
        let code = Code::named(&word.bytes).ok_or_else(|| unsuitable(word, "a code such as Created"))?;
        Ok(Expected { request, name, code })
    }
}

pub(super) fn path(word: &Word) -> Result<PathBuf, ArgumentError> {
    if word.bytes.contains(&0) {
        return Err(unsuitable(word, "a path without NUL bytes"));
    }
    Ok(PathBuf::from(OsString::from_vec(word.bytes.clone())))
}

pub(super) fn request(word: &Word) -> Result<i32, ArgumentError> {
    number(word, 1..=i32::MAX).ok_or_else(|| unsuitable(word, "a request number from 1 to 2147483647"))
}

pub(super) fn number<N>(word: &Word, range: std::ops::RangeInclusive<N>) -> Option<N>
where
    N: std::str::FromStr + PartialOrd,
{
    str::from_utf8(&word.bytes).ok()?.parse().ok().filter(|number| range.contains(number))
}

pub(super) fn octal_mode(word: &Word) -> Result<u32, ArgumentError> {
    let mode = str::from_utf8(&word.bytes).ok().and_then(|text| u32::from_str_radix(text, 8).ok());
    mode.filter(|mode| *mode <= 0o7777).ok_or_else(|| unsuitable(word, "an octal mode from 0 to 7777"))
}

pub(super) fn unsuitable(word: &Word, expected: &'static str) -> ArgumentError {
    (word.column, ScriptErrorKind::Unsuitable { word: plain_or_quoted(&word.bytes), expected })
}
