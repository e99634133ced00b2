//! What a server says of itself: facts, and the question that asks for them page by page.
//!
//! Which facts there are is left to the server, what to make of them to who asks. Invariants: a fact is one line of
//! printable ASCII whatever is in it; names, which a report may have to leave out, are told from other values by their
//! quotes; every answer fits into one packet, and asking on from where it ended comes to an end.

use std::fmt;

use crate::packet::PATH_MAX;

/// What an inquiry begins with.
const FACTS: &str = "facts";
/// What stands for the number to go on from when there is no more.
const END: &str = "end";
/// How long a name may be in a fact, escaped. A longer one is cut, and ends in `...`.
const NAME_MAX: usize = 1500;

/// One line of what a server says of itself: a noun and named values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    noun: String,
    values: Vec<(String, Value)>,
}

/// A value in a fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A number or a word of the server's own: printable and without blanks.
    Word(String),
    /// A path or a name: any bytes.
    Name(Vec<u8>),
}

impl Fact {
    /// Makes a fact without values.
    pub fn new(noun: &str) -> Fact {
        Fact { noun: word(noun), values: Vec::new() }
    }

    /// Adds a number or a word. What no word can hold becomes `_`.
    #[must_use]
    pub fn word(mut self, key: &str, value: impl fmt::Display) -> Fact {
        self.values.push((word(key), Value::Word(word(&value.to_string()))));
        self
    }

    /// Adds a path or a name.
    #[must_use]
    pub fn name(mut self, key: &str, bytes: &[u8]) -> Fact {
        self.values.push((word(key), Value::Name(bytes.to_vec())));
        self
    }

    /// What it is about.
    pub fn noun(&self) -> &str {
        &self.noun
    }

    /// All values, in order.
    pub fn values(&self) -> &[(String, Value)] {
        &self.values
    }

    /// The number or word at `key`.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.values.iter().find_map(|(at, value)| match value {
            Value::Word(word) if at == key => Some(&**word),
            Value::Word(_) | Value::Name(_) => None,
        })
    }

    /// The path or name at `key`.
    pub fn get_name(&self, key: &str) -> Option<&[u8]> {
        self.values.iter().find_map(|(at, value)| match value {
            Value::Name(name) if at == key => Some(&**name),
            Value::Word(_) | Value::Name(_) => None,
        })
    }

    /// The same without what is in names.
    #[must_use]
    pub fn without_names(mut self) -> Fact {
        for (_, value) in &mut self.values {
            if let Value::Name(name) = value {
                *name = b"...".to_vec();
            }
        }
        self
    }

    /// Reads a fact as it is displayed; `None` if it is none.
    pub fn parse(line: &str) -> Option<Fact> {
        let (noun, mut rest) = line.split_once(' ').unwrap_or((line, ""));
        let mut fact = Fact { noun: noun.to_owned(), values: Vec::new() };
        while !rest.is_empty() {
            let (key, value) = rest.split_once('=')?;
            let (value, next) = match value.strip_prefix('"') {
                Some(quoted) => {
                    let end = closing_quote(quoted)?;
                    (Value::Name(unescape(&quoted[..end])?), &quoted[end + 1..])
                }
                None => {
                    let end = value.find(' ').unwrap_or(value.len());
                    (Value::Word(value[..end].to_owned()), &value[end..])
                }
            };
            fact.values.push((key.to_owned(), value));
            rest = next.strip_prefix(' ').unwrap_or(next);
        }
        (!noun.is_empty()).then_some(fact)
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.noun)?;
        for (key, value) in &self.values {
            match value {
                Value::Word(word) => write!(f, " {key}={word}")?,
                Value::Name(name) => write!(f, " {key}=\"{}\"", escape(name))?,
            }
        }
        Ok(())
    }
}

fn word(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_graphic() && !matches!(c, '"' | '=') { c } else { '_' }).collect()
}

fn escape(name: &[u8]) -> String {
    let mut escaped = String::new();
    for byte in name {
        if escaped.len() >= NAME_MAX {
            escaped.push_str("...");
            break;
        }
        escaped.extend(byte.escape_ascii().map(char::from));
    }
    escaped
}

fn closing_quote(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    text.bytes().position(|byte| {
        let is_end = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        is_end
    })
}

/// Undoes [`slice::escape_ascii`].
fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut bytes = text.bytes();
    let mut name = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        name.push(match byte {
            b'\\' => match bytes.next()? {
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'x' => {
                    let digits = [bytes.next()?, bytes.next()?];
                    u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
                }
                other => other,
            },
            plain => plain,
        });
    }
    Some(name)
}

/// The question for the facts of one noun behind a number, each of which has one of its own. Whoever wants all asks
/// from 0, and on from where each answer ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inquiry {
    /// What to tell of. There are none of a noun that the server does not know.
    pub noun: String,
    /// The number of the last one that is known already.
    pub after: u64,
}

/// The answer to an inquiry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The facts.
    pub facts: Vec<Fact>,
    /// What to ask on from; `None` if there is no more.
    pub next: Option<u64>,
}

impl Inquiry {
    /// The question, to be asked with [`crate::Request::Ask`].
    pub fn question(&self) -> Vec<u8> {
        format!("{FACTS} {} {}", word(&self.noun), self.after).into_bytes()
    }

    /// Reads a question; `None` if it is another one.
    pub fn parse(question: &[u8]) -> Option<Inquiry> {
        let mut words = std::str::from_utf8(question).ok()?.split(' ');
        let (FACTS, noun, after, None) = (words.next()?, words.next()?, words.next()?, words.next()) else {
            return None;
        };
        // A question comes back with its answer, which has to fit beside it.
        let is_noun = (1..=32).contains(&noun.len()) && noun.bytes().all(|byte| byte.is_ascii_graphic());
        is_noun.then_some(Inquiry { noun: noun.to_owned(), after: after.parse().ok()? })
    }

    /// The answer: of these facts and their numbers, which grow, as many as one packet holds.
    pub fn answer(&self, facts: impl Iterator<Item = (u64, Fact)>) -> Vec<u8> {
        let question = self.question();
        let room = PATH_MAX - question.len() - 2 - usize::try_from(u64::MAX.ilog10() + 1).unwrap_or(20);
        let mut lines = String::new();
        let mut last = self.after;
        let mut next = None;
        for (number, fact) in facts {
            let line = format!("\n{fact}");
            if lines.len() + line.len() > room {
                next = Some(if lines.is_empty() { number } else { last });
                break;
            }
            lines.push_str(&line);
            last = number;
        }
        let next = next.map_or_else(|| END.to_owned(), |number| number.to_string());
        [&*question, b"\n", next.as_bytes(), lines.as_bytes()].concat()
    }

    /// Reads what an answer has behind the question; `None` if it is none to this.
    pub fn parse_answer(&self, answer: &[u8]) -> Option<Page> {
        let mut lines = std::str::from_utf8(answer.strip_prefix(b"\n")?).ok()?.lines();
        let next = match lines.next()? {
            END => None,
            number => Some(number.parse().ok().filter(|next| *next > self.after)?),
        };
        Some(Page { facts: lines.filter_map(Fact::parse).collect(), next })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_name_comes_back_and_no_line_is_too_much(name in any::<Vec<u8>>(), line in any::<String>()) {
            let fact = Fact::new("watch").name("path", &name).word("id", 1);
            prop_assert_eq!(Fact::parse(&fact.to_string()), Some(fact));
            if let Some(fact) = Fact::parse(&line) {
                prop_assert!(!fact.noun().is_empty());
            }
            let _ = Inquiry::parse(line.as_bytes());
            let _ = Inquiry { noun: "watch".to_owned(), after: 0 }.parse_answer(line.as_bytes());
        }
    }

    fn behind_question(inquiry: &Inquiry, answer: &[u8]) -> Option<Page> {
        inquiry.parse_answer(answer.strip_prefix(&*inquiry.question())?)
    }

    #[test]
    fn a_fact_is_read_as_it_was_written() {
        let names: [&[u8]; 5] = [b"/a b", b"q\"\\\"", b"\xff\n\0\t", b"", b"a=b"];
        for name in names {
            let fact = Fact::new("watch").word("id", 7).name("path", name).word("method", "kernel");
            let line = fact.to_string();
            assert!(line.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' '), "{line}");
            assert_eq!(Fact::parse(&line), Some(fact), "{line}");
        }
        assert_eq!(Fact::new("a b").word("k=", "x y\"").to_string(), "a_b k_=x_y_");
    }

    #[test]
    fn rubbish_is_no_fact() {
        for line in ["", " a=b", "a b", "a b=\"", "a b=\"\\", "a b=\"\\x1\""] {
            assert_eq!(Fact::parse(line), None, "{line:?}");
        }
    }

    #[test]
    fn names_can_be_left_out() {
        let fact = Fact::new("watch").word("id", 7).name("path", b"/secret").without_names();
        assert_eq!(fact.to_string(), "watch id=7 path=\"...\"");
    }

    #[test]
    fn page_by_page_everything_is_told_once() {
        let all: Vec<(u64, Fact)> = (1..500)
            .map(|id| (id * 3, Fact::new("watch").word("id", id).name("path", b"/some/where")))
            .collect();
        let mut inquiry = Inquiry { noun: "watch".to_owned(), after: 0 };
        let mut told = Vec::new();
        let mut pages = 0;
        loop {
            let asked = Inquiry::parse(&inquiry.question()).expect("it is an inquiry");
            let behind = all.iter().filter(|(number, _)| *number > asked.after).cloned();
            let answer = asked.answer(behind);
            assert!(answer.len() <= PATH_MAX);
            let page = behind_question(&inquiry, &answer).expect("it is its answer");
            told.extend(page.facts);
            pages += 1;
            let Some(next) = page.next else { break };
            inquiry.after = next;
        }
        assert!(pages > 3);
        assert!(told.into_iter().eq(all.into_iter().map(|(_, fact)| fact)));
    }

    #[test]
    fn the_longest_names_fit_and_what_does_not_is_passed_over() {
        let inquiry = Inquiry { noun: "x".repeat(32), after: u64::MAX - 9 };
        let long = Fact::new("x").name("a", &[0xff; 4096]).name("b", &[0xff; 4096]);
        let answer = inquiry.answer([(u64::MAX, long)].into_iter());
        let page = behind_question(&inquiry, &answer).expect("it is its answer");
        assert_eq!((page.facts.len(), page.next), (1, None));
        let name = page.facts[0].get_name("a").expect("there is one");
        assert!(name.ends_with(b"\xff..."));
        let absurd = (0..999).fold(Fact::new("x"), |fact, _| fact.word("key", 1));
        let page = behind_question(&inquiry, &inquiry.answer([(u64::MAX, absurd)].into_iter()));
        assert_eq!(page, Some(Page { facts: Vec::new(), next: Some(u64::MAX) }));
    }

    #[test]
    fn other_questions_are_no_inquiries() {
        for question in
            ["sync", "facts", "facts watch", "facts watch x", "facts  1", "facts a 1 2", "facts \u{fc} 1"]
        {
            assert_eq!(Inquiry::parse(question.as_bytes()), None, "{question}");
        }
        let inquiry = Inquiry { noun: "watch".to_owned(), after: 5 };
        for answer in ["", "end", "\n5", "\n\u{fc}"] {
            assert_eq!(inquiry.parse_answer(answer.as_bytes()), None, "{answer}");
        }
    }
}
