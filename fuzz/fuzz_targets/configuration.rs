//! Configuration: any text of the three files, any mount table, any path.
//!
//! Checked is that all of it is survived, that each mistake is told with a line that there is, and that every path has a
//! method and a reason.

#![no_main]

use std::sync::Arc;

use gamin_config::{Mounts, Policy, Rules, Text};
use gamin_engine::TreePath;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (Vec<u8>, Vec<u8>, Vec<u8>, Vec<u8>, Vec<u8>)| {
    let (mandatory, user, system, table, path) = input;
    let files = [("mandatory", &mandatory), ("user", &user), ("system", &system)];
    let texts = files.map(|(name, text)| Text { name, text });
    let (rules, mistakes) = Rules::read(texts, Some(b"/home"));
    for mistake in mistakes {
        let (_, text) = files.iter().find(|(name, _)| *name == mistake.file).expect("it is one of ours");
        let lines = text.split(|byte| *byte == b'\n').count();
        assert!((1..=lines).contains(&mistake.line), "{mistake}");
    }
    let policy = Policy { mounts: Arc::new(Mounts::parse(&table)), ..Policy::new(rules) };
    let path = TreePath::new(&[b"/".as_slice(), &path].concat()).expect("it is absolute");
    assert!(!policy.decision(&path, &path).to_string().is_empty());
});
