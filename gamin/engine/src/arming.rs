//! How much the kernel is asked about a directory, and why it may refuse.

/// How much the kernel is asked to tell about a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Only that the directory itself moved or went. Not its attributes: to tell these the kernel would tell those of
    /// its entries too, and mark each that it has in its cache, which takes long for a directory like `/tmp`.
    Itself,
    /// That, and that directories in it were removed: while anyone holds a removed directory open, the kernel tells
    /// nothing else of it.
    Removals,
    /// That, its attributes, and what happens to its entries.
    Entries,
}

/// Why the kernel is not asked about a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There is no directory at that path.
    Missing,
    /// The user's limit of kernel watches is reached.
    Limit,
    /// Permission denied.
    Denied,
    /// It was not even asked: the directory is on a remote mount, of which the kernel would not tell everything.
    Remote,
    /// Anything else, such as memory running out.
    Failed,
}
