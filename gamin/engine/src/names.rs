//! Names of directory entries, one behind the other in one piece of memory: of a large directory there are many.
//!
//! Where they are from is left to whoever reads them. Invariant: they stay in the order in which they came, until they are sorted.

use std::fmt;

/// Names of directory entries.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Names {
    bytes: Vec<u8>,
    spans: Vec<Span>,
}

/// Where a name stands: its begin, and in the last sixteen bits its length.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Span(u64);

impl Names {
    /// Adds a name, of less than 64 KiB, as the kernel's lists of names have no longer ones.
    pub fn push(&mut self, name: &[u8]) {
        let len = name.len().min(usize::from(u16::MAX));
        self.spans.push(Span((self.bytes.len() as u64) << u16::BITS | len as u64));
        self.bytes.extend_from_slice(&name[..len]);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The names.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.spans.iter().map(|span| of(&self.bytes, *span))
    }

    /// Sorts them by their bytes.
    pub fn sort(&mut self) {
        let bytes = &self.bytes;
        self.spans.sort_unstable_by(|a, b| of(bytes, *a).cmp(of(bytes, *b)));
    }

    /// Whether one is among them, which have been sorted.
    pub(crate) fn has(&self, name: &[u8]) -> bool {
        self.spans.binary_search_by(|span| of(&self.bytes, *span).cmp(name)).is_ok()
    }
}

fn of(bytes: &[u8], Span(span): Span) -> &[u8] {
    let begin = (span >> u16::BITS) as usize;
    &bytes[begin..begin + usize::from(span as u16)]
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|name| name.escape_ascii().to_string())).finish()
    }
}

impl<'a> FromIterator<&'a [u8]> for Names {
    fn from_iter<I: IntoIterator<Item = &'a [u8]>>(all: I) -> Names {
        let mut names = Names::default();
        all.into_iter().for_each(|name| names.push(name));
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_stay_in_order_until_they_are_sorted() {
        let long = [b'x'; 4095];
        let all = [b"b".as_slice(), &long, b"", b"a", b"ab"];
        let mut names = Names::from_iter(all);
        assert_eq!((names.iter().collect::<Vec<_>>(), names.len()), (all.to_vec(), 5));
        names.sort();
        assert_eq!(names.iter().collect::<Vec<_>>(), [b"".as_slice(), b"a", b"ab", b"b", &long]);
        assert!(names.has(b"ab") && names.has(&long) && !names.has(b"aa") && !names.has(b"y"));
    }
}
