//! Help: what can be typed, grouped, one line a verb. Pure.
//!
//! What the verbs of the language do is said by their table in `verb`; here are only those of the session
//! itself. Invariant: every verb of the table is shown, under the heading whose first verb precedes it.

use testgam_language::Language;
use testgam_language::verb::{self, VERBS};
use testgam_language::words::plain_or_quoted;

/// A command that is for the session, and is no step.
#[derive(Debug)]
pub struct SessionVerb {
    /// How it is written.
    pub name: &'static str,
    /// Its arguments, as help shows them.
    pub usage: &'static str,
    /// What it does.
    pub help: &'static str,
}

/// The commands that are for the session.
pub const SESSION_VERBS: &[SessionVerb] = &[
    SessionVerb { name: "help", usage: "[VERB]", help: "name the verbs, or tell of one, or of `all`" },
    SessionVerb { name: "steps", usage: "", help: "show what `save` would write" },
    SessionVerb {
        name: "save",
        usage: "FILE",
        help: "write the steps that held as a scenario, to a new FILE",
    },
    SessionVerb { name: "save!", usage: "FILE", help: "the same, also over a FILE that is there" },
    SessionVerb { name: "quit", usage: "", help: "leave, as `exit` and Ctrl-D do" },
    SessionVerb { name: "exit", usage: "", help: "leave" },
];

/// The headings of the table of verbs, and the verb with which each begins.
const HEADINGS: &[(&str, &str)] = &[
    ("Clients", "connect"),
    ("Files", "mkdir"),
    ("Server", "server"),
    ("Expectations", "event"),
    ("Time and blocks", "sleep"),
];

/// Where the descriptions begin, unless a usage is longer.
const INDENT: usize = 34;

/// The columns of a plain terminal, of which the last stays free.
const WIDTH: usize = 79;

/// The names alone, which fit a page of 80 columns and 24 lines.
pub fn overview() -> String {
    let (mut text, mut names) = (String::new(), Vec::new());
    for verb in VERBS.iter().rev() {
        names.push(verb.name);
        if let Some((heading, _)) = HEADINGS.iter().find(|(_, first)| *first == verb.name) {
            names.reverse();
            text.insert_str(0, &section(heading, &names));
            names.clear();
        }
    }
    let session: Vec<_> = SESSION_VERBS.iter().map(|verb| verb.name).collect();
    text + &section("This session", &session) + "`help VERB` tells of one, `help all` of all.\n"
}

fn section(heading: &str, names: &[&str]) -> String {
    let lines = broken(&names.join(" "), WIDTH - 2);
    lines.iter().fold(format!("{heading}\n"), |text, line| text + "  " + line + "\n")
}

/// Text in lines of so many columns at most, broken between words.
fn broken(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Help on everything.
pub fn all() -> String {
    let mut text = String::new();
    for verb in VERBS {
        if let Some((heading, _)) = HEADINGS.iter().find(|(_, first)| *first == verb.name) {
            text.push_str(&format!("{heading}\n"));
        }
        text.push_str(&line(verb.name, verb.usage, verb.help));
    }
    text.push_str("This session\n");
    for verb in SESSION_VERBS {
        text.push_str(&line(verb.name, verb.usage, verb.help));
    }
    text.push_str("Words with blanks go in quotes, \"a b\", where \\n \\t \\\\ \\\" \\xNN are escapes.\n");
    text
}

/// Help on the verbs of this name, or why there is none.
///
/// # Errors
/// Says that nothing has this name.
pub fn on(topic: &[u8]) -> Result<String, String> {
    let mut text = String::new();
    if let Some(verb) = verb::find(Language::Extended, topic) {
        text.push_str(&entry(verb.name, verb.usage, verb.help));
    }
    for verb in SESSION_VERBS.iter().filter(|verb| verb.name.as_bytes() == topic) {
        text.push_str(&entry(verb.name, verb.usage, verb.help));
    }
    match text.is_empty() {
        true => Err(format!("there is no verb {}; `help` shows all", plain_or_quoted(topic))),
        false => Ok(text),
    }
}

/// Everything that has help.
pub fn topics() -> impl Iterator<Item = &'static str> {
    VERBS.iter().map(|verb| verb.name).chain(SESSION_VERBS.iter().map(|verb| verb.name))
}

fn line(name: &str, usage: &str, help: &str) -> String {
    let head = broken(&format!("{name} {usage}"), WIDTH - 6).join("\n      ");
    let head = format!("  {head}");
    let help = broken(help, WIDTH - INDENT).join(&format!("\n{:INDENT$}", ""));
    match head.chars().count() < INDENT {
        true => format!("{head:INDENT$}{help}\n"),
        false => format!("{head}\n{:INDENT$}{help}\n", ""),
    }
}

fn entry(name: &str, usage: &str, help: &str) -> String {
    let help = broken(help, WIDTH - 2).join("\n  ");
    format!("{}\n  {help}\n", format!("{name} {usage}").trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_has_its_line_in_the_order_of_the_table() {
        let text = all();
        let mut from = 0;
        for name in topics() {
            let at = text[from..].find(&format!("\n  {name} "));
            from += at.unwrap_or_else(|| panic!("{name} is missing behind {from} in\n{text}")) + 1;
        }
    }

    #[test]
    fn the_names_fit_a_page_and_no_line_is_too_long() {
        let page = overview();
        assert!(page.lines().count() < 24, "{page}");
        for line in page.lines().chain(all().lines()) {
            assert!(line.chars().count() <= WIDTH, "{line}");
        }
        let names: Vec<_> = page.lines().filter_map(|line| line.strip_prefix("  ")).collect();
        let names: Vec<_> = names.iter().flat_map(|line| line.split(' ')).collect();
        assert_eq!(names, topics().collect::<Vec<_>>());
    }

    #[test]
    fn every_heading_stands_before_a_verb_of_the_table() {
        for (heading, first) in HEADINGS {
            assert!(all().contains(&format!("{heading}\n  {first} ")), "{heading}");
        }
        assert_eq!(HEADINGS.first().map(|(_, first)| *first), VERBS.first().map(|verb| verb.name));
    }

    #[test]
    fn a_topic_shows_its_usage_and_both_meanings_where_there_are_two() {
        assert_eq!(on(b"rmdir"), Ok("rmdir PATH\n  remove an empty directory\n".to_owned()));
        for name in topics() {
            assert!(on(name.as_bytes()).is_ok_and(|text| text.starts_with(name)), "{name}");
        }
        let message = "there is no verb \"a b\"; `help` shows all";
        assert_eq!(on(b"a b"), Err(message.to_owned()));
    }
}
