//! What can be wrong with a script, and how it is said: where, what, and what to do about it.
//!
//! Who finds it is left to `words`, `verb` and `script`. Invariant: each problem is one sentence that names what stands there
//! or what should.

use std::fmt;

/// What to do about a path that leads out of the directory in which a script or a session plays.
pub const STAY_INSIDE: &str = "files are touched in there alone: name a path from there, such as a/b, or begin a session where they are";

/// The most bytes of a script.
pub const SCRIPT_MAX: usize = 16 << 20;

/// A place in a script that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptError {
    /// The line, counting from 1.
    pub line: usize,
    /// The byte in the line, counting from 1.
    pub column: usize,
    /// What is wrong there.
    pub problem: ScriptErrorKind,
}

/// What can be wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScriptErrorKind {
    /// The first word is no verb of the language.
    #[error("`{0}` is no verb{1}")]
    UnknownVerb(String, Suggestion),
    /// A classic line has more than three words.
    #[error("a classic line has at most three words")]
    FourthWord,
    /// An argument is not there.
    #[error("{verb} lacks {expected} (usage: {verb} {usage})")]
    Missing {
        /// The verb.
        verb: &'static str,
        /// What should be there.
        expected: &'static str,
        /// All its arguments.
        usage: &'static str,
    },
    /// An argument is not what it should be.
    #[error("`{word}` is not {expected}")]
    Unsuitable {
        /// The word.
        word: String,
        /// What it should be.
        expected: &'static str,
    },
    /// A path leads out of the directory in which files may be touched.
    #[error("`{0}` leads out of $DIR; {STAY_INSIDE}")]
    Outside(String),
    /// There is a word too many.
    #[error("`{word}` is one word too many (usage: {usage})")]
    Extra {
        /// The word.
        word: String,
        /// The verb and all its arguments.
        usage: String,
    },
    /// A quote does not end on its line.
    #[error("the quote that begins here does not end")]
    OpenQuote,
    /// A backslash is followed by something else than n, t, backslash, quote or xNN.
    #[error(r#"an escape is one of \n \t \\ \" \xNN"#)]
    Escape,
    /// `end` stands outside a block.
    #[error("`end` closes no block")]
    StrayEnd,
    /// A block does not end.
    #[error("the block that begins here has no `end`")]
    OpenBlock,
    /// An expectation stands where no event is read.
    #[error("inside `together` no event is read, so none can be expected")]
    ExpectationTogether,
    /// Something else than a change of files stands in a block of them.
    #[error("this block can hold changes of files alone")]
    OnlyFiles,
    /// `writer` stands where there is only one.
    #[error("`writer` stands only in `concurrently`")]
    StrayWriter,
    /// A step cannot be attempted.
    #[error("only what files, clients or the server are made to do can be tried")]
    NoAttempt,
    /// The script is longer than [`SCRIPT_MAX`].
    #[error("a script has at most {SCRIPT_MAX} bytes")]
    TooLong,
}

/// The verb that was probably meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion(pub Option<&'static str>);

impl fmt::Display for Suggestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(verb) => write!(f, "; did you mean `{verb}`?"),
            None => write!(f, "; `help` in a session, `testgam -`, names them all"),
        }
    }
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.problem)
    }
}
