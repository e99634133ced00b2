//! Collections: what FAM calls a directory with what is below it, down to a depth, as far as the names match a mask.
//!
//! What is to be seen of one, what is told of it and how it is asked for is left to the worlds. Invariant: [`Collection::tells`]
//! says of each name what the client library does.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use gamin::{Scope, TreeOptions};
use wildcard::{Wildcard, WildcardBuilder};

/// How much of what is below a directory is monitored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collection {
    /// How many levels below the directory, from 1.
    pub depth: u32,
    /// Which bare names are told: a pattern of `*` and `?`.
    pub mask: Vec<u8>,
}

impl Collection {
    /// The same as the client library has it.
    pub fn scope(&self) -> Scope {
        let tells = self.tells();
        let tells = move |name: &Path| name.file_name().is_some_and(&tells);
        Scope::Tree(TreeOptions { levels: self.depth, tells: Arc::new(tells), ..TreeOptions::default() })
    }

    /// Whether an entry of this bare name is told.
    pub fn tells(&self) -> impl Fn(&OsStr) -> bool + use<> {
        let mask = self.pattern();
        move |name| mask.is_match(name.as_bytes())
    }

    fn pattern(&self) -> Wildcard<'static, u8> {
        let pattern = WildcardBuilder::from_owned(self.mask.clone()).without_escape();
        pattern
            .build()
            .expect("because the special symbols differ, and without escape nothing can be malformed")
    }
}
