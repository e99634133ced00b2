//! Which of the two languages a script is in. What its verbs are is left to `verb`.

/// The first line of an extended script.
pub const EXTENDED_HEADER: &str = "#! testgam extended";

/// Which of the two languages a script is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// The original's: at most three words, no quoting, output as the original's.
    Classic,
    /// Everything in docs/testgam.md.
    Extended,
}
