//! The line editor: rustyline with our completion, hints and history.
//!
//! What is completed is left to `completion`. Invariant: the history is a convenience; whatever is wrong
//! with its file, the session goes on.

use std::borrow::Cow;
use std::env;
use std::fs;
use std::path::PathBuf;

use rustyline::completion::{Completer, Pair};
use rustyline::highlight::Highlighter;
use rustyline::hint::{Hint, Hinter};
use rustyline::history::DefaultHistory;
use rustyline::{ColorMode, CompletionType, Config, Context, Editor, Helper, Validator};

use super::completion::{Facts, candidates, hint};
use super::paint::Paint;

/// The most lines of history that are kept.
const HISTORY_MAX: usize = 1_000;

/// The editor of this session.
pub type LineEditor = Editor<Assistant, DefaultHistory>;

/// Completes and hints.
#[derive(Debug, Helper, Validator)]
pub struct Assistant {
    /// What the session knows now.
    pub facts: Facts,
    paint: Paint,
}

/// A hint that is only looked at: a usage is no text to accept.
#[derive(Debug)]
pub struct UsageHint(String);

/// An editor on this process's terminal.
///
/// # Errors
/// The terminal's.
pub fn new(paint: Paint) -> rustyline::Result<LineEditor> {
    let config = Config::builder()
        .max_history_size(HISTORY_MAX)?
        .history_ignore_dups(true)?
        .history_ignore_space(true)
        .completion_type(CompletionType::List)
        .color_mode(if paint.is_on { ColorMode::Enabled } else { ColorMode::Disabled })
        .build();
    let mut editor = Editor::with_config(config)?;
    editor.set_helper(Some(Assistant { facts: Facts::default(), paint }));
    if let Some(file) = history_file()
        && let Err(why) = editor.load_history(&file)
    {
        tracing::debug!(%why, ?file, "no history");
    }
    Ok(editor)
}

/// Adds what was typed to the history of earlier sessions.
pub fn keep_history(editor: &mut LineEditor) {
    let Some(file) = history_file() else { return };
    let made = file.parent().map_or(Ok(()), fs::create_dir_all);
    let kept = made.map_err(Into::into).and_then(|()| editor.append_history(&file));
    if let Err(why) = kept {
        tracing::debug!(%why, ?file, "the history is not kept");
    }
}

fn history_file() -> Option<PathBuf> {
    let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")))?;
    Some(state.join("testgam/history"))
}

impl Completer for Assistant {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        at: usize,
        _context: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let (start, found) = candidates(line.get(..at).unwrap_or(line), &self.facts);
        let pair = |candidate: super::completion::Candidate| Pair {
            display: candidate.shown,
            replacement: candidate.text,
        };
        Ok((start, found.into_iter().map(pair).collect()))
    }
}

impl Hinter for Assistant {
    type Hint = UsageHint;

    fn hint(&self, line: &str, at: usize, _context: &Context<'_>) -> Option<UsageHint> {
        // Without colour a hint would look like what was typed.
        if at < line.len() || !self.paint.is_on { None } else { hint(line).map(UsageHint) }
    }
}

impl Hint for UsageHint {
    fn display(&self) -> &str {
        &self.0
    }

    fn completion(&self) -> Option<&str> {
        None
    }
}

impl Highlighter for Assistant {
    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        self.paint.aside(hint).into()
    }
}
