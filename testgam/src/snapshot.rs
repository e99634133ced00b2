//! Snapshots: insta's files, read and written as insta does it, without insta.
//!
//! `cargo test` asserts the same files through insta, `cargo insta review` accepts what differs there.
//! Whose snapshot it is is left to `suite::corpus`. Invariant: what [`Snapshot::render`] gives is, byte for
//! byte, what insta would write for the assertion in testgam/tests/scenarios.rs, so that neither rewrites
//! what the other accepted.

/// The file that asserts the snapshots; insta wants to know.
const SOURCE: &str = "testgam/tests/scenarios.rs";
/// The line before and behind the header.
const FENCE: &str = "---";

/// A transcript that somebody accepted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot {
    /// The lines of the header that say neither source nor input file.
    kept: Vec<String>,
    contents: String,
}

/// A file that is no snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is no snapshot of insta: it does not begin with a header between two lines `---`")]
pub struct SnapshotError;

/// A transcript as a snapshot holds it: without blanks and empty lines at its end.
pub fn normal(transcript: &str) -> String {
    transcript.trim_end().replace("\r\n", "\n")
}

impl Snapshot {
    /// Reads the text of a snapshot.
    ///
    /// # Errors
    /// [`SnapshotError`] if it has no header.
    pub fn parse(text: &str) -> Result<Snapshot, SnapshotError> {
        let mut lines = text.lines();
        if lines.next().map(str::trim_end) != Some(FENCE) {
            return Err(SnapshotError);
        }
        let mut kept = Vec::new();
        loop {
            let line = lines.next().ok_or(SnapshotError)?.trim_end();
            if line == FENCE {
                break;
            }
            if !line.starts_with("source:") && !line.starts_with("input_file:") {
                kept.push(line.to_owned());
            }
        }
        let contents: Vec<&str> = lines.collect();
        Ok(Snapshot { kept, contents: normal(&contents.join("\n")) })
    }

    /// The transcript in its [`normal`] form.
    pub fn contents(&self) -> &str {
        &self.contents
    }

    /// The same header with another transcript.
    #[must_use]
    pub fn with_contents(self, transcript: &str) -> Snapshot {
        Snapshot { contents: normal(transcript), ..self }
    }

    /// The text of the snapshot of a scenario, whose path is taken from the folder that holds the corpus.
    pub fn render(&self, scenario: &str) -> String {
        let mut lines = vec![FENCE.to_owned(), format!("source: {SOURCE}")];
        lines.extend(self.kept.iter().cloned());
        lines.push(format!("input_file: {}", scalar(scenario)));
        lines.push(FENCE.to_owned());
        lines.push(self.contents.clone());
        lines.join("\n") + "\n"
    }
}

/// A path as YAML, in quotes where insta puts some.
fn scalar(path: &str) -> String {
    let is_special = |c: char| ":{}[],#`\"'\\".contains(c) || c.is_control();
    match path.contains(is_special) {
        // What is a string in JSON is the same one in YAML.
        true => serde_json::Value::from(path).to_string(),
        false => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCENARIO: &str = "tests/scenario/directory/created_entry.tst";

    #[test]
    fn what_is_rendered_reads_the_same() {
        let snapshot = Snapshot::default().with_contents("mkdir a\n  1: a Created\n\n");
        let text = snapshot.render(SCENARIO);
        let expected = "---\nsource: testgam/tests/scenarios.rs\ninput_file: tests/scenario/directory/created_entry.tst\n\
                        ---\nmkdir a\n  1: a Created\n";
        assert_eq!(text, expected);
        assert_eq!(Snapshot::parse(&text), Ok(snapshot));
    }

    #[test]
    fn an_odd_path_stands_in_quotes() {
        assert_eq!(scalar("tests/scenario/a b/c.tst"), "tests/scenario/a b/c.tst");
        assert_eq!(scalar("tests/scenario/a#b/c.tst"), r#""tests/scenario/a#b/c.tst""#);
    }

    #[test]
    fn metadata_that_we_do_not_know_is_kept() {
        let text =
            "---\nsource: elsewhere.rs\ndescription: why\ninfo:\n  source: x\ninput_file: old.tst\n---\na\n";
        let snapshot = Snapshot::parse(text).expect("a snapshot").with_contents("b");
        let rendered = snapshot.render(SCENARIO);
        let expected = format!(
            "---\nsource: {SOURCE}\ndescription: why\ninfo:\n  source: x\ninput_file: {SCENARIO}\n---\nb\n"
        );
        assert_eq!(rendered, expected);
    }

    #[test]
    fn a_file_without_a_header_is_no_snapshot() {
        for text in ["", "a\n", "---\nsource: x\n"] {
            assert_eq!(Snapshot::parse(text), Err(SnapshotError), "{text:?}");
        }
        assert_eq!(Snapshot::parse("---\n---\n").expect("empty").contents(), "");
    }

    #[test]
    fn fences_in_a_transcript_are_text() {
        let snapshot = Snapshot::default().with_contents("---\na\n---");
        assert_eq!(Snapshot::parse(&snapshot.render(SCENARIO)), Ok(snapshot));
    }
}
