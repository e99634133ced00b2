//! What each argument of a verb is, read from the usage in the table of verbs. Pure.
//!
//! So that completion, hints and saving need no second table. What a verb does is left to `verb`.
//! Invariant: a verb that the table gains is understood here by the words of its usage alone.

use testgam_language::verb::Verb;

/// What stands at one place behind a verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Argument {
    /// A path.
    Path,
    /// What a symbolic link is to hold: any text, usually a path seen from where the link is.
    Target,
    /// A name as the transcript prints it.
    Shown,
    /// The name of a client.
    Client,
    /// The index of a request, from 0.
    Index,
    /// The number of a request, from 1.
    Request,
    /// The name of a code.
    Code,
    /// One of the words that the usage gives, apart by `|`.
    Choice,
    /// Anything else.
    Free,
}

/// The words of a verb's usage: one for each argument, but one for all where there is a choice.
pub fn arguments(verb: &Verb) -> Vec<&'static str> {
    match verb.usage {
        "" => Vec::new(),
        usage if usage.contains('|') => vec![usage],
        usage => usage.split(' ').collect(),
    }
}

/// What the argument at `index` is, counting from 0; `None` if there is none.
pub fn argument(verb: &Verb, index: usize) -> Option<Argument> {
    let usage = arguments(verb);
    let argument = match (*usage.get(index)?, verb.name) {
        ("TARGET", "link") => Argument::Target,
        ("NAME", "client") => Argument::Client,
        ("NAME", "expect-event" | "expect-any") => Argument::Shown,
        ("PATH" | "FROM" | "TO" | "DIR" | "A" | "B" | "TARGET" | "NAME", _) => Argument::Path,
        ("INDEX", _) => Argument::Index,
        ("REQNUM", _) => Argument::Request,
        ("CODE", _) => Argument::Code,
        (choice, _) if choice.contains('|') => Argument::Choice,
        _ => Argument::Free,
    };
    Some(argument)
}

/// The plain words among the choices of a usage: `stop` of `stop | watches N`, but no `N`.
pub fn choices(usage: &str) -> impl Iterator<Item = &str> {
    let first = |choice: &str| choice.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    usage.split('|').filter_map(|choice| choice.split_whitespace().next()).filter(move |word| first(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use testgam_language::Language;
    use testgam_language::verb::{VERBS, find};

    fn of(verb: &str, index: usize) -> Option<Argument> {
        argument(find(Language::Extended, verb.as_bytes()).expect("a verb"), index)
    }

    #[test]
    fn arguments_are_known_by_the_words_of_the_usage() {
        assert_eq!(of("mkdir", 0), Some(Argument::Path));
        assert_eq!(of("mkdir", 1), None);
        assert_eq!((of("link", 0), of("link", 1)), (Some(Argument::Target), Some(Argument::Path)));
        assert_eq!((of("hardlink", 0), of("client", 0)), (Some(Argument::Path), Some(Argument::Client)));
        assert_eq!((of("cancel", 0), of("mondir", 1)), (Some(Argument::Index), Some(Argument::Free)));
        assert_eq!((of("server", 0), of("expect", 0)), (Some(Argument::Choice), Some(Argument::Choice)));
        assert_eq!(of("server", 1), None);
    }

    #[test]
    fn every_file_verb_begins_with_a_path_or_a_target() {
        let files = VERBS.iter().skip_while(|verb| verb.name != "mkdir");
        for verb in files.take_while(|verb| verb.name != "server") {
            let first = argument(verb, 0);
            assert!(matches!(first, Some(Argument::Path | Argument::Target)), "{}: {first:?}", verb.name);
        }
    }

    #[test]
    fn a_choice_offers_its_plain_words() {
        assert_eq!(choices("N | none").collect::<Vec<_>>(), ["none"]);
        assert_eq!(choices("watches N | stop").collect::<Vec<_>>(), ["watches", "stop"]);
    }
}
