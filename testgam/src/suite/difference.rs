//! Differences between an accepted transcript and a new one, and the step that caused them. Pure.
//!
//! Whether a difference matters is left to `verdict`: it always does. Invariant: the step is found from the
//! two transcripts and the script alone, and is one of the script's.

use similar::{DiffOp, TextDiff};

use crate::snapshot::normal;
use testgam_language::script::{Script, Step};

/// How many lines are shown around a difference.
const CONTEXT: usize = 3;

/// How a transcript is not what was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The line of the first step that did something else, or 0 if the script has no step.
    pub line: usize,
    /// The step as typed.
    pub step: String,
    /// The unified difference.
    pub text: String,
}

/// Compares what a script printed with what was accepted; `None` if they are the same.
pub fn difference(script: &Script, accepted: &str, transcript: &str) -> Option<Difference> {
    let (accepted, transcript) = (ended(accepted), ended(transcript));
    if accepted == transcript {
        return None;
    }
    let diff = TextDiff::from_lines(&accepted, &transcript);
    let change = diff.ops().iter().find(|op| !matches!(op, DiffOp::Equal { .. }))?;
    let missing = accepted.lines().nth(change.old_range().start).filter(|_| !change.old_range().is_empty());
    let lines: Vec<&str> = transcript.lines().collect();
    // What lacks an effect is the step before the gap; what does something else is the step that says so.
    let is_effect_missing =
        change.new_range().is_empty() && missing.is_some_and(|line| line.starts_with(' '));
    let at = change.new_range().start + usize::from(!is_effect_missing);
    let step = cause(&script.steps, &lines[..at.min(lines.len())]);
    Some(Difference {
        line: step.map_or(0, |step| step.line),
        step: step.map(|step| step.text.clone()).unwrap_or_default(),
        text: unified(&accepted, &transcript),
    })
}

/// Compares as far as a script came that failed; `None` if it did what was accepted until then.
pub fn difference_until_failure(script: &Script, accepted: &str, transcript: &str) -> Option<Difference> {
    let (accepted, printed) = (ended(accepted), ended(transcript));
    let diff = TextDiff::from_lines(&accepted, &printed);
    let unreached = match diff.ops().last() {
        Some(DiffOp::Delete { old_index, .. }) => *old_index,
        _ => usize::MAX,
    };
    let reached: String = accepted.split_inclusive('\n').take(unreached).collect();
    difference(script, &reached, transcript)
}

/// The unified difference between two texts.
pub fn unified(accepted: &str, transcript: &str) -> String {
    let (accepted, transcript) = (ended(accepted), ended(transcript));
    let diff = TextDiff::from_lines(&accepted, &transcript);
    diff.unified_diff().context_radius(CONTEXT).header("accepted", "now").to_string()
}

/// The step that the last of these lines belongs to.
///
/// An echo stands flush left and begins with its step's verb; steps that print nothing are passed over, and
/// what begins with no verb, such as an event, belongs to the step before.
fn cause<'a>(steps: &'a [Step], lines: &[&str]) -> Option<&'a Step> {
    let mut cause = steps.first();
    let mut rest = steps;
    for line in lines.iter().filter(|line| !line.starts_with(' ')) {
        let echoes =
            |step: &Step| line.starts_with(&step.verb()) || (*line == "no events" && step.verb() == "events");
        if let Some(at) = rest.iter().position(echoes) {
            cause = rest.get(at);
            rest = &rest[at + 1..];
        }
    }
    cause
}

/// A transcript whose last line ends, so that it is the same line wherever it stands.
fn ended(transcript: &str) -> String {
    match normal(transcript) {
        empty if empty.is_empty() => empty,
        text => text + "\n",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: &str =
        "#! testgam extended\n\nconnect\nmkdir a\nmondir a\nmkfile a/x\nmkfile a/y\nexpect 2\n";
    const ACCEPTED: &str = "connected\nmkdir a\nmondir a 0\n  1: $DIR/a Exists\n  1: $DIR/a EndExist\nmkfile a/x\n  1: x Created\n\
                            mkfile a/y\n  1: y Created\nexpect 2";

    fn found(script: &str, accepted: &str, transcript: &str) -> Option<(usize, String)> {
        let script = Script::parse(script.as_bytes()).expect("the script can be read");
        difference(&script, accepted, transcript).map(|found| (found.line, found.step))
    }

    #[test]
    fn the_same_but_for_the_end_is_no_difference() {
        assert_eq!(found(SCRIPT, ACCEPTED, &format!("{ACCEPTED}\n\n")), None);
    }

    #[test]
    fn a_changed_missing_or_added_event_is_its_steps() {
        for now in ["  1: x Changed\n", "", "  1: x Created\n  1: x Changed\n"] {
            let transcript = ACCEPTED.replace("  1: x Created\n", now);
            assert_eq!(found(SCRIPT, ACCEPTED, &transcript), Some((6, "mkfile a/x".into())), "{now:?}");
        }
    }

    #[test]
    fn a_changed_script_differs_where_it_was_changed() {
        let transcript = ACCEPTED.replace("mkfile a/x\n", "mkfile a/z\n");
        let script = SCRIPT.replace("mkfile a/x\n", "mkfile a/z\n");
        assert_eq!(found(&script, ACCEPTED, &transcript), Some((6, "mkfile a/z".into())));
        let transcript = ACCEPTED.replace("mkfile a/x\n  1: x Created\n", "");
        let script = SCRIPT.replace("mkfile a/x\n", "");
        assert_eq!(found(&script, ACCEPTED, &transcript), Some((6, "mkfile a/y".into())));
        assert_eq!(found("", ACCEPTED, ""), Some((0, String::new())));
    }

    #[test]
    fn classic_events_belong_to_the_step_that_was_last_heard_of() {
        let script = "connect a\nmkdir b\nmondir b\nexpect 2\nkill\n";
        let accepted = "connected to a\nmkdir b\nmondir b 0\n1: /b Exists: NULL\n1: /b EndExist: NULL\nkillall gam_server\n";
        let transcript = accepted.replace("EndExist", "Changed");
        assert_eq!(found(script, accepted, &transcript), Some((3, "mondir b".into())));
        let transcript = accepted.replace("killall", "kill  all");
        assert_eq!(found(script, accepted, &transcript), Some((5, "kill".into())));
    }

    #[test]
    fn what_a_failed_script_did_not_reach_is_no_difference() {
        let script = Script::parse(SCRIPT.as_bytes()).expect("the script can be read");
        let reached = &ACCEPTED[..ACCEPTED.find("mkfile a/y").expect("it is there")];
        assert_eq!(difference_until_failure(&script, ACCEPTED, reached), None);
        let differing = reached.replace("x Created", "x Changed");
        let found = difference_until_failure(&script, ACCEPTED, &differing).expect("a difference");
        assert_eq!(found.line, 6);
    }

    #[test]
    fn the_difference_is_unified() {
        let expected = "--- accepted\n+++ now\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n";
        assert_eq!(unified("a\nb", "a\nc\n"), expected);
    }
}
