//! The words of a command: how they are shown, and what in a word stands for something else.
//!
//! Pure. What is put in is left to `process`. Invariant: a placeholder that stands for nothing is a mistake and never text.

use shlex::Quoter;

/// What may stand in a word, in braces, for something else.
pub const PLACEHOLDERS: [&str; 4] = ["dir", "home", "id", "adapters"];

/// Words as a line that a shell takes apart again.
pub fn for_shell<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    // An argument of a program has none of the NULs that this could fail for.
    Quoter::new().allow_nul(true).join(words).unwrap_or_default()
}

/// Puts in what stands in a word for something else; `{{name}}` becomes `{name}`.
pub fn filled(word: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut text = String::new();
    let mut rest = word;
    while let Some(hole) = Hole::first(rest) {
        text += &rest[..hole.at];
        match value(hole.name) {
            _ if hole.is_escaped => text += &format!("{{{}}}", hole.name),
            Some(value) => text += &value,
            None => text += &rest[hole.at..hole.end],
        }
        rest = &rest[hole.end..];
    }
    text + rest
}

/// The first placeholder in a word that stands for nothing. A variable of a shell, `${name}`, is none.
pub fn unknown(word: &str) -> Option<&str> {
    let mut rest = word;
    while let Some(hole) = Hole::first(rest) {
        let is_variable = rest[..hole.at].ends_with('$');
        if !hole.is_escaped && !is_variable && !PLACEHOLDERS.contains(&hole.name) {
            return Some(hole.name);
        }
        rest = &rest[hole.end..];
    }
    None
}

/// A name in braces.
struct Hole<'a> {
    at: usize,
    end: usize,
    name: &'a str,
    /// Whether the braces are doubled, so that it stands for itself.
    is_escaped: bool,
}

impl Hole<'_> {
    fn first(text: &str) -> Option<Hole<'_>> {
        text.match_indices('{').find_map(|(at, _)| {
            let is_escaped = text[at..].starts_with("{{");
            let begin = at + 1 + usize::from(is_escaped);
            let name = &text[begin..];
            let name = &name[..name.find(|c: char| !c.is_ascii_lowercase() && c != '_').unwrap_or(0)];
            let closing = if is_escaped { "}}" } else { "}" };
            let is_hole = !name.is_empty() && text[begin + name.len()..].starts_with(closing);
            is_hole.then_some(Hole { at, end: begin + name.len() + closing.len(), name, is_escaped })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_takes_the_words_apart_again() {
        let words = ["w", "", "a b", "it's", "\"", "'\\\"' \\", r"\d"];
        let line = for_shell(words);
        assert_eq!(shlex::split(&line), Some(words.map(str::to_owned).to_vec()), "{line}");
    }

    #[test]
    fn what_stands_for_something_is_put_in_once() {
        let value = |name: &str| PLACEHOLDERS.contains(&name).then(|| format!("<{name}>"));
        for (word, expected) in [
            ("{dir}/x{id}", "<dir>/x<id>"),
            ("{{dir}} {other}", "{dir} {other}"),
            ("{ {dir", "{ {dir"),
            ("{print $1}{home}", "{print $1}<home>"),
        ] {
            assert_eq!(filled(word, value), expected);
        }
        assert_eq!(filled("{dir}", |_| Some("/{id}".into())), "/{id}");
    }

    #[test]
    fn what_stands_for_nothing_is_named() {
        assert_eq!(unknown("{dir}:{adaptors}"), Some("adaptors"));
        for word in ["{dir}{home}{id}{adapters}", "{{print}}", "${name}", "{ x; }", "{print $1}", "{1}"] {
            assert_eq!(unknown(word), None, "{word}");
        }
    }
}
