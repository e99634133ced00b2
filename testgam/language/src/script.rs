//! Scripts: bytes in, steps with their places out. Pure.
//!
//! Which verbs there are is left to `verb`, what they do to `interpreter`. Invariant: an extended
//! [`Script`] holds no mistaken step and every block in it is closed; a classic one holds its mistakes as
//! steps, because the original finds them only when it gets there.

use crate::action::{Action, Block, ClientAction};
use crate::error::{SCRIPT_MAX, ScriptError, ScriptErrorKind};
use crate::language::{EXTENDED_HEADER, Language};
use crate::verb;
use crate::words::{self, Word};

/// Stands at the head of a scenario that a session saved, until somebody says what it shows.
pub const UNSAID_PROMISE: &str = "PROMISE: say here, in a sentence, what must be reported.";
/// The client that acts until a script names another.
pub const MAIN_CLIENT: &str = "main";

/// A script, ready to be played.
#[derive(Debug, Clone, PartialEq)]
pub struct Script {
    /// Its language.
    pub language: Language,
    /// What the comment at its head promises.
    pub promise: String,
    /// Its steps in order.
    pub steps: Vec<Step>,
}

/// One line that does something.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Its number, counting from 1.
    pub line: usize,
    /// The line as typed, without the blanks around it.
    pub text: String,
    /// Its words; the first is the verb.
    pub words: Vec<Word>,
    /// What it does.
    pub action: Action,
}

impl Script {
    /// Reads a script, in the language that its first line says.
    ///
    /// # Errors
    /// Gives every mistake of an extended script; a classic one only fails by being too long.
    pub fn parse(text: &[u8]) -> Result<Script, Vec<ScriptError>> {
        if text.len() > SCRIPT_MAX {
            return Err(vec![ScriptError { line: 1, column: 1, problem: ScriptErrorKind::TooLong }]);
        }
        let first = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let language = match first.trim_ascii_end() == EXTENDED_HEADER.as_bytes() {
            true => Language::Extended,
            false => Language::Classic,
        };
        let mut steps = Vec::new();
        let mut mistakes = Vec::new();
        for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
            match Step::parse(language, index + 1, line) {
                Ok(step) => steps.extend(step),
                Err(mistake) => mistakes.push(mistake),
            }
        }
        if language == Language::Extended {
            check_blocks(&steps, &mut mistakes);
        }
        if !mistakes.is_empty() {
            mistakes.sort_by_key(|mistake| (mistake.line, mistake.column));
            return Err(mistakes);
        }
        Ok(Script { language, promise: promise(text), steps })
    }

    /// Whether nobody has said yet what it shows: its promise is the one that a session saves.
    pub fn lacks_promise(&self) -> bool {
        self.promise.contains(UNSAID_PROMISE)
    }

    /// Whether more than one client acts, so that the transcript has to say which.
    pub fn has_several_clients(&self) -> bool {
        let mut names = Vec::new();
        let mut current = MAIN_CLIENT;
        for step in &self.steps {
            let action = match &step.action {
                Action::Attempt(_, action) => action,
                action => action,
            };
            match action {
                Action::Client(ClientAction::Select(name)) => current = name,
                Action::Client(_) if !names.contains(&current) => names.push(current),
                _ => {}
            }
        }
        names.len() > 1
    }
}

impl Step {
    /// Reads one line; `None` if it does nothing.
    ///
    /// # Errors
    /// Says what is wrong with an extended line. A classic one becomes a step that says so.
    pub fn parse(language: Language, number: usize, line: &[u8]) -> Result<Option<Step>, ScriptError> {
        let mistake = |(column, problem)| ScriptError { line: number, column, problem };
        let (words, comment) = match language {
            Language::Classic => (words::split_classic(line), line.first() == Some(&b'#')),
            Language::Extended => match line.trim_ascii_start().first() {
                Some(b'#') => (Vec::new(), true),
                _ => (words::split_extended(line).map_err(mistake)?, false),
            },
        };
        if comment || words.is_empty() {
            return Ok(None);
        }
        let action = match verb::parse(language, &words).map_err(mistake) {
            Err(mistake) if language == Language::Classic => Action::Mistaken(mistake),
            action => action?,
        };
        let text = String::from_utf8_lossy(line.trim_ascii()).into_owned();
        Ok(Some(Step { line: number, text, words, action }))
    }

    /// The verb as typed.
    pub fn verb(&self) -> String {
        self.words.first().map(|word| String::from_utf8_lossy(&word.bytes).into_owned()).unwrap_or_default()
    }
}

/// Finds blocks that do not open or close, and expectations where nothing is read.
fn check_blocks(steps: &[Step], mistakes: &mut Vec<ScriptError>) {
    let mut open: Vec<(Block, usize)> = Vec::new();
    let mut add = |line, problem| mistakes.push(ScriptError { line, column: 1, problem });
    for step in steps {
        let innermost = open.last().map(|(block, _)| *block);
        match &step.action {
            Action::File(_) => {}
            Action::Writer if innermost == Some(Block::Concurrently) => {}
            Action::Writer => add(step.line, ScriptErrorKind::StrayWriter),
            action if *action != Action::End && innermost.is_some_and(Block::is_of_files) => {
                add(step.line, ScriptErrorKind::OnlyFiles);
            }
            Action::Begin(block) => open.push((*block, step.line)),
            Action::End if open.pop().is_none() => add(step.line, ScriptErrorKind::StrayEnd),
            Action::Expect(_)
            | Action::Sleep
            | Action::Client(ClientAction::Event | ClientAction::Events)
                if open.iter().any(|(block, _)| *block == Block::Together) =>
            {
                add(step.line, ScriptErrorKind::ExpectationTogether);
            }
            _ => {}
        }
    }
    for (_, line) in open {
        add(line, ScriptErrorKind::OpenBlock);
    }
}

/// The text of the comment that leads a script, the header left out.
fn promise(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let comment =
        text.lines().skip_while(|line| line.starts_with("#!")).map_while(|line| line.strip_prefix('#'));
    comment.map(str::trim).collect::<Vec<_>>().join("\n").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::STAY_INSIDE;
    use proptest::prelude::*;

    fn extended(body: &str) -> Result<Script, Vec<ScriptError>> {
        Script::parse(format!("{EXTENDED_HEADER}\n{body}").as_bytes())
    }

    fn messages(body: &str) -> Vec<String> {
        let mistakes = extended(body).expect_err("the script is mistaken");
        mistakes.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_mistake_is_named_with_line_column_and_what_is_expected() {
        let cases = [
            ("mkdirr a", "2:1: `mkdirr` is no verb; did you mean `mkdir`?"),
            ("xyzzy", "2:1: `xyzzy` is no verb; `help` in a session, `testgam -`, names them all"),
            ("mkdir", "2:6: mkdir lacks PATH (usage: mkdir PATH)"),
            ("mkdir a b", "2:9: `b` is one word too many (usage: mkdir PATH)"),
            ("chmod a 9", "2:9: `9` is not an octal mode from 0 to 7777"),
            ("mkdir \"a\\x00\"", "2:7: `\"a\\x00\"` is not a path without NUL bytes"),
            ("mkdir \"\"", "2:7: `\"\"` is not a path"),
            ("mkfiles a 1000001", "2:11: `1000001` is not a number up to 1000000"),
            ("expect-event 1 a Frobbed", "2:18: `Frobbed` is not a code such as Created"),
            ("expect some", "2:8: `some` is not a number, `below` or `none`"),
            (
                "server dance",
                "2:8: `dance` is not pollonly, fanotify, watches, instances, unprivileged, gaminrc, system-gaminrc, mandatory-gaminrc, stop, \
                 continue, kill, start or restart",
            ),
            ("mondir a 0", "2:10: `0` is not a request number from 1 to 2147483647"),
            ("mkdir \"a", "2:7: the quote that begins here does not end"),
            ("mkdir \"\\q\"", "2:8: an escape is one of \\n \\t \\\\ \\\" \\xNN"),
            ("end", "2:1: `end` closes no block"),
            ("together", "2:1: the block that begins here has no `end`"),
            ("together\nexpect 1\nend", "3:1: inside `together` no event is read, so none can be expected"),
        ];
        for (body, message) in cases {
            assert_eq!(messages(body), [message], "for {body:?}");
        }
        for (body, place) in [("mkdir /etc/x", "2:7: `/etc/x`"), ("rmtree a/../..", "2:8: `a/../..`")] {
            assert_eq!(messages(body), [format!("{place} leads out of $DIR; {STAY_INSIDE}")]);
        }
    }

    #[test]
    fn all_mistakes_of_an_extended_script_are_found_at_once() {
        assert_eq!(messages("mkdir\nmkdir a\nfoo\nend").len(), 3);
    }

    #[test]
    fn a_classic_script_keeps_its_mistakes_as_steps() {
        let script =
            Script::parse(b"mkdir a\nwrite a b\nmkdir a b c\n  # no comment\n#comment\n\n").expect("classic");
        let problems: Vec<_> = script
            .steps
            .iter()
            .map(|step| match &step.action {
                Action::Mistaken(mistake) => Some(mistake.to_string()),
                _ => None,
            })
            .collect();
        assert_eq!(problems.len(), 4);
        assert_eq!(problems[0], None);
        assert!(problems[1].as_deref().is_some_and(|problem| problem.starts_with("2:1: `write` is no verb")));
        assert_eq!(problems[2].as_deref(), Some("3:11: a classic line has at most three words"));
        assert!(problems[3].as_deref().is_some_and(|problem| problem.starts_with("4:3: `#` is no verb")));
    }

    #[test]
    fn the_leading_comment_is_the_promise() {
        let script =
            extended("# A file that is made\n# is Created.\n\n# not this\nconnect\n").expect("a script");
        assert_eq!(script.promise, "A file that is made\nis Created.");
        assert_eq!(script.steps[0].line, 6);
    }

    #[test]
    fn several_clients_are_counted_by_who_acts() {
        let several = |body| extended(body).expect("a script").has_several_clients();
        assert!(!several("connect\nmkdir a"));
        assert!(!several("mkdir a\nclient bob\nconnect"));
        assert!(several("connect\nclient bob\nconnect"));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_parser_panic(text in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Script::parse(&text);
            let _ = Script::parse(&[EXTENDED_HEADER.as_bytes(), b"\n", &text].concat());
        }

        #[test]
        fn no_arguments_make_the_parser_panic(verb in 0..verb::VERBS.len(), words in prop::collection::vec("[a-z0-9$=/.\"\\\\-]{1,6}", 0..5)) {
            let line = format!("{} {}", verb::VERBS[verb].name, words.join(" "));
            let _ = Step::parse(Language::Extended, 1, line.as_bytes());
            let _ = Step::parse(Language::Classic, 1, line.as_bytes());
        }
    }
}
