//! The conversation: a line in, what is to be shown out. Knows no terminal.
//!
//! Performing steps is left to `interpreter`, remembering them to `record`, the terminal to the modules
//! above. Invariant: a line that cannot be read or does not hold changes nothing of what will be saved,
//! and ends nothing.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::completion::Facts;
use super::ears::Ears;
use super::help;
use super::paint::Paint;
use super::record::{Record, Seen, relative_line};
use crate::interpreter::Interpreter;
use crate::options::PlayOptions;
use testgam_language::action::{Action, Block, ClientAction};
use testgam_language::error::{ScriptError, ScriptErrorKind};
use testgam_language::script::{MAIN_CLIENT, Script, Step};
use testgam_language::words::{plain_or_quoted, printable_lines, split_extended};
use testgam_language::{EXTENDED_HEADER, Language};
use testgam_worlds::stop::Stop;
use testgam_worlds::world::{StepError, World};

/// How wide the prompt is, under which a mistake is pointed at.
pub const PROMPT: &str = "> ";

/// A step that does nothing but end with the barrier, after which what came is written.
const REFRESH: &str = "wait 0";

/// What a line came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// What is to be shown, painted.
    pub text: String,
    /// Whether the session is over.
    pub is_over: bool,
}

/// A session that has begun.
pub struct Conversation<'a> {
    interpreter: Interpreter<'a>,
    paper: Paper,
    ears: Ears,
    /// Ends the step that is performed.
    stop: Stop,
    paint: Paint,
    directory: PathBuf,
    record: Record,
    /// What was done, for what can only be known of all of it.
    done: Script,
}

/// What the interpreter writes on.
#[derive(Debug, Clone, Default)]
pub struct Paper(Rc<RefCell<Vec<u8>>>);

impl Paper {
    /// Takes what was written.
    fn take(&self) -> String {
        String::from_utf8_lossy(&self.0.take()).into_owned()
    }
}

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a line asks for.
enum Line {
    /// Nothing, or a comment, which is kept.
    Comment,
    /// A step that a scenario can have, written like this.
    Step(Step, String),
}

impl<'a> Conversation<'a> {
    /// Begins a session in a world whose clients have these ears. The interpreter writes on `out`.
    pub fn new(
        world: &'a mut World,
        out: &'a mut Paper,
        ears: Ears,
        options: &PlayOptions,
        paint: Paint,
    ) -> Conversation<'a> {
        let directory = world.stage.directory().unwrap_or(Path::new("")).to_owned();
        let paper = out.clone();
        let interpreter = Interpreter::new(world, out, Language::Extended, options.patience);
        let record = Record::new(directory.clone());
        let done = Script { language: Language::Extended, promise: String::new(), steps: Vec::new() };
        let stop = options.stop.clone();
        Conversation { interpreter, paper, ears, stop, paint, directory, record, done }
    }

    /// What completion needs to know now.
    pub fn facts(&self) -> Facts {
        let block = self.block();
        let mut facts = Facts { directory: self.directory.clone(), block, ..Facts::default() };
        let mut requests = BTreeMap::<&str, usize>::new();
        let mut current = MAIN_CLIENT;
        facts.clients.push(current.to_owned());
        for step in &self.done.steps {
            match &step.action {
                Action::Client(ClientAction::Select(name)) => {
                    current = name;
                    if !facts.clients.contains(name) {
                        facts.clients.push(name.clone());
                    }
                }
                Action::Client(ClientAction::Monitor(_) | ClientAction::Collect(_)) => {
                    *requests.entry(current).or_default() += 1;
                }
                _ => {}
            }
        }
        facts.requests = requests.get(current).copied().unwrap_or_default();
        facts
    }

    /// The name of the open block, which the prompt shows, or nothing.
    fn block(&self) -> &'static str {
        self.interpreter.open_block().map_or("", Block::word)
    }

    /// Does what was typed: one line, or several that were pasted, of which an interrupted one is the last.
    pub fn answer(&mut self, typed: &str) -> Answer {
        let mut answer = Answer::default();
        for line in typed.lines() {
            let next = self.answer_line(line);
            answer.text.push_str(&next.text);
            answer.is_over |= next.is_over;
            if answer.is_over || self.stop.is_asked() {
                break;
            }
        }
        answer
    }

    /// Shows what has come without a step.
    pub fn refresh(&mut self) -> String {
        self.ears.rest();
        let Ok(Some(step)) = Step::parse(Language::Extended, 0, REFRESH.as_bytes()) else {
            return String::new();
        };
        let held = self.interpreter.perform(&step);
        let text = self.paper.take();
        let news = text.strip_prefix(REFRESH).and_then(|text| text.strip_prefix('\n')).unwrap_or(&text);
        self.record.add_others(&events(news));
        let mut shown = self.paint.transcript(news);
        if let Err(trouble) = held
            // Of a step that was interrupted it has been said, and what comes yet is shown when it comes.
            && !self.stop.is_asked()
        {
            // It would be so again at once; the next step tries again.
            self.ears.rest();
            shown.push_str(&self.paint.error(&told(&trouble)));
        }
        shown
    }

    fn answer_line(&mut self, line: &str) -> Answer {
        let words = split_extended(line.as_bytes()).unwrap_or_default();
        let words: Vec<_> = words.iter().map(|word| &word.bytes[..]).collect();
        let said = match words[..] {
            [b"quit" | b"exit"] => return Answer { is_over: true, ..Answer::default() },
            [b"help"] => Ok(help::overview()),
            [b"help", b"all"] => Ok(help::all()),
            [b"help", topic] => help::on(topic),
            [b"steps"] if self.record.is_empty() => Ok("no step has held yet\n".to_owned()),
            [b"steps"] => Ok(printable_lines(self.record.text().as_bytes())),
            // With a text it is the step that writes a file as editors do.
            [b"save", file] => self.save(file, OpenOptions::new().write(true).create_new(true)),
            [b"save!", file] => self.save(file, OpenOptions::new().write(true).create(true).truncate(true)),
            [b"save" | b"save!"] => Err("save lacks FILE (usage: save FILE)".to_owned()),
            _ => Ok(self.take(line)),
        };
        let text = said.unwrap_or_else(|why| self.paint.error(&why));
        Answer { text, is_over: false }
    }

    fn save(&self, file: &[u8], options: &OpenOptions) -> Result<String, String> {
        let path = self.directory.join(OsStr::from_bytes(file));
        let file = plain_or_quoted(file);
        if self.record.is_empty() {
            return Err("there is nothing to save: no step has held yet".to_owned());
        }
        let write = |mut saved: File| saved.write_all(self.record.text().as_bytes());
        match options.open(&path).and_then(write) {
            Ok(()) => {
                Ok(format!("saved; fill in its promise, and `testgam {file}` plays it in a fresh folder\n"))
            }
            Err(why) if why.kind() == io::ErrorKind::AlreadyExists => {
                Err(format!("{file} is there already; `save! {file}` overwrites it"))
            }
            Err(why) => Err(format!("cannot write {file}: {why}")),
        }
    }

    /// Performs a step of the language; gives what it printed, and what went wrong.
    fn take(&mut self, line: &str) -> String {
        let (step, kept) = match self.read(line) {
            Err(mistake) => {
                let width = self.block().len() + PROMPT.len();
                return self.paint.error(&pointed_at(line, width, &mistake));
            }
            Ok(Line::Comment) => {
                if line.trim_start().starts_with('#') && !line.starts_with("#!") {
                    self.record.add(line.trim().to_owned(), Seen::default(), Vec::new());
                }
                return String::new();
            }
            Ok(Line::Step(step, text)) => (step, text),
        };
        let seen = self.record.look(&step);
        self.done.steps.push(step);
        self.interpreter.name_clients(self.done.has_several_clients());
        self.ears.rest();
        let held = self.done.steps.last().map_or(Ok(()), |step| self.interpreter.perform(step));
        let held = held.and_then(|()| self.stop.check());
        let transcript = self.paper.take();
        let mut shown = self.paint.transcript(&transcript);
        match held {
            Ok(()) => self.record.add(kept, seen, events(&transcript)),
            Err(trouble) => {
                self.done.steps.pop();
                shown.push_str(&self.paint.error(&told(&trouble)));
                // A step that fails ends without the barrier, but what it caused came all the same.
                shown.push_str(&self.refresh());
            }
        }
        shown
    }

    /// Reads a line as the next one of a scenario.
    fn read(&self, line: &str) -> Result<Line, ScriptError> {
        let words = split_extended(line.as_bytes()).unwrap_or_default();
        let rewritten = relative_line(&words, &self.directory);
        let text = rewritten.as_deref().unwrap_or(line);
        match self.next_step(text) {
            Ok(Some(step)) => Ok(Line::Step(step, text.trim().to_owned())),
            Ok(None) => Ok(Line::Comment),
            // What was typed stands elsewhere than what was read.
            Err(mistake) if rewritten.is_some() => Err(ScriptError { column: 1, ..mistake }),
            Err(mistake) => Err(mistake),
        }
    }

    /// Reads a line behind all that has held, so that it is refused where a script would be.
    fn next_step(&self, line: &str) -> Result<Option<Step>, ScriptError> {
        let text = format!("{EXTENDED_HEADER}\n{}{line}", self.record.steps());
        let number = text.lines().count();
        let at_end =
            |mistake: &ScriptError| mistake.line == number && mistake.problem != ScriptErrorKind::OpenBlock;
        if let Err(mistakes) = Script::parse(text.as_bytes())
            && let Some(mistake) = mistakes.into_iter().find(at_end)
        {
            return Err(mistake);
        }
        Step::parse(Language::Extended, number, line.as_bytes())
    }
}

/// A mistake, under the place in the line where it is.
fn pointed_at(line: &str, prompt: usize, mistake: &ScriptError) -> String {
    let before = line.get(..mistake.column.saturating_sub(1)).unwrap_or(line);
    let width = prompt + before.chars().count();
    format!("{:width$}^ {}", "", mistake.problem)
}

/// What went wrong, under the echo of the step.
fn told(trouble: &StepError) -> String {
    match trouble {
        StepError::Impossible(why) => format!("  impossible here: {why}"),
        StepError::Failed(_) | StepError::Unmet(_) | StepError::Broken(_) => format!("  failed: {trouble}"),
    }
}

/// The events in a piece of a transcript, which stand indented below their step.
fn events(transcript: &str) -> Vec<String> {
    transcript.lines().filter(|line| line.starts_with("  ")).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repl::room::room;
    use testgam_language::error::STAY_INSIDE;

    /// Begins a session for steps that need no server and touch no file.
    fn with_conversation<T>(converse: impl FnOnce(&mut Conversation<'_>) -> T) -> T {
        let options = PlayOptions::default();
        let (mut world, ears) = room(&options).expect("a current directory");
        let mut paper = Paper::default();
        let paint = Paint { is_on: false };
        converse(&mut Conversation::new(&mut world, &mut paper, ears, &options, paint))
    }

    /// The last answer.
    fn conversed(lines: &[&str]) -> Answer {
        with_conversation(|conversation| {
            lines.iter().map(|line| conversation.answer(line)).last().unwrap_or_default()
        })
    }

    #[test]
    fn a_mistake_is_pointed_at_where_it_stands() {
        for (line, expected) in [
            ("mkdirr a", "  ^ `mkdirr` is no verb; did you mean `mkdir`?\n"),
            ("  chmod ä 9", "            ^ `9` is not an octal mode from 0 to 7777\n"),
            ("end", "  ^ `end` closes no block\n"),
        ] {
            assert_eq!(conversed(&[line]).text, expected, "{line}");
        }
        for (line, place) in [
            ("mkfile /etc/x", "         ^ `/etc/x`"),
            ("rmtree ..", "         ^ `..`"),
            ("write ../a b", "        ^ `../a`"),
        ] {
            assert_eq!(conversed(&[line]).text, format!("{place} leads out of $DIR; {STAY_INSIDE}\n"));
        }
        let answer = conversed(&["together", "expect 1"]);
        assert_eq!(answer.text, "          ^ inside `together` no event is read, so none can be expected\n");
    }

    #[test]
    fn a_failure_is_said_under_its_step_and_nothing_ends() {
        let answer = conversed(&["mondir a"]);
        assert_eq!(answer.text, "mondir a\n  failed: not connected; `connect` does that\n");
        assert!(!answer.is_over);
        assert!(conversed(&["exit"]).is_over && conversed(&["quit"]).is_over);
    }

    #[test]
    fn only_what_held_is_kept_and_blocks_may_be_open_while_they_are_typed() {
        let lines = ["# why", "client bob", "frob", "mondir a", "together", "wait 0", "end", "", "steps"];
        let text = conversed(&lines).text;
        assert!(text.ends_with("\n\n# why\nclient bob\ntogether\nwait 0\nend\n"), "{text}");
        assert!(Script::parse(text.as_bytes()).is_ok(), "{text}");
    }

    #[test]
    fn several_lines_may_be_pasted_at_once() {
        assert_eq!(conversed(&["wait 0\nclient bob\nquit\nwait 0"]).text, "wait 0\nclient bob\n");
    }

    #[test]
    fn the_prompt_names_the_block_that_is_open() {
        let blocks = with_conversation(|conversation| {
            ["quietly", "together", "end", "end"].map(|line| {
                conversation.answer(line);
                conversation.facts().block
            })
        });
        assert_eq!(blocks, ["quietly", "together", "quietly", ""]);
    }

    #[test]
    fn a_refresh_shows_no_step() {
        let seen = with_conversation(|conversation| {
            conversation.answer("client bob");
            conversation.refresh()
        });
        assert_eq!(seen, "");
    }

    #[test]
    fn completion_learns_of_clients() {
        let facts = with_conversation(|conversation| {
            conversation.answer("client bob");
            conversation.facts()
        });
        assert_eq!(
            (&facts.clients[..], facts.requests),
            (&[MAIN_CLIENT.to_owned(), "bob".to_owned()][..], 0)
        );
    }
}
