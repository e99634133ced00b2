//! The words of a command: how a line becomes words, and what in a word stands for something else.
//!
//! Pure. What is put in is left to `process`. Invariant: a quote that does not end, and a placeholder that stands for nothing, are mistakes
//! and never text.

/// What may stand in a word, in braces, for something else.
pub const PLACEHOLDERS: [&str; 4] = ["dir", "home", "id", "adapters"];

/// Splits a line into words: blanks separate, but not in quotes. In `"…"` a backslash takes `"` and `\` as they are.
///
/// # Errors
/// Gives what begins with a quote that does not end.
pub fn split(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = line.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '\'' | '"' => quoted(c, &mut characters, word.get_or_insert_default())
                .ok_or_else(|| line[at..].to_owned())?,
            c if c.is_whitespace() => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

/// Takes what stands before the quote that ends it; `None` if none does.
fn quoted(quote: char, characters: &mut std::str::CharIndices<'_>, word: &mut String) -> Option<()> {
    loop {
        match characters.next()?.1 {
            c if c == quote => return Some(()),
            '\\' if quote == '"' => {
                let (_, next) = characters.next()?;
                if !matches!(next, '"' | '\\') {
                    word.push('\\');
                }
                word.push(next);
            }
            c => word.push(c),
        }
    }
}

/// Words as a line that [`split`] takes apart again.
pub fn join(words: &[String]) -> String {
    let spelled = |word: &String| match word {
        word if is_plain(word) => word.clone(),
        word if !word.contains('\'') => format!("'{word}'"),
        word => format!("\"{}\"", word.replace('\\', r"\\").replace('"', "\\\"")),
    };
    words.iter().map(spelled).collect::<Vec<_>>().join(" ")
}

/// A word as a shell takes it.
pub fn for_shell(word: &str) -> String {
    let is_bare = |c: char| c.is_alphanumeric() || "/._-+:,@%=".contains(c);
    match !word.is_empty() && word.chars().all(is_bare) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

fn is_plain(word: &str) -> bool {
    !word.is_empty() && !word.contains(|c: char| c.is_whitespace() || c == '\'' || c == '"')
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
    fn quotes_hold_a_word_together() {
        for (line, words) in [
            ("./w --all", &["./w", "--all"][..]),
            (r#"w 'a  b' "c d"e """#, &["w", "a  b", "c de", ""]),
            (r#"w "\" \\ \w" '\'"#, &["w", r#"" \ \w"#, r"\"]),
            (r"w \d", &["w", r"\d"]),
            ("  ", &[]),
        ] {
            assert_eq!(
                split(line).as_deref(),
                Ok(&words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>()[..])
            );
        }
        assert_eq!(split("w 'a b"), Err("'a b".to_owned()));
        assert_eq!(split("w a\"b\\\""), Err("\"b\\\"".to_owned()));
    }

    #[test]
    fn what_was_split_is_joined_again() {
        let words = ["w", "", "a b", "it's", "\"", "'\\\"' \\", r"\d"].map(str::to_owned);
        assert_eq!(split(&join(&words)), Ok(words.to_vec()), "{}", join(&words));
        assert_eq!(
            ["/a/b.toml", "w {dir}", "it's", ""].map(for_shell),
            ["/a/b.toml", "'w {dir}'", r"'it'\''s'", "''"]
        );
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
