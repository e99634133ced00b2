//! Scripts: any text, in the language that its first line says.
//!
//! Checked is that parsing survives, that it says where each mistake is.

#![no_main]

use libfuzzer_sys::fuzz_target;
use testgam_language::Script;

fuzz_target!(|text: &[u8]| {
    let lines = text.split(|byte| *byte == b'\n').count();
    match Script::parse(text) {
        Ok(script) => {
            script.has_several_clients();
            assert!(script.steps.iter().all(|step| (1..=lines).contains(&step.line)));
        }
        Err(mistakes) => {
            assert!(!mistakes.is_empty());
            for mistake in mistakes {
                assert!((1..=lines).contains(&mistake.line) && mistake.column >= 1, "{mistake}");
            }
        }
    }
});
