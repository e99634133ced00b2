//! `testgam -` for a person at a terminal: line editing, and events shown while a line is typed.
//!
//! Three threads, each blocked on one kind of thing. The *editor* waits for keys and prints answers. The
//! *player* owns the interpreter, the world and all events, and waits for lines and events alike, so no
//! event can be taken from a step that expects it. The *herald* prints events above the line being typed,
//! which a person in a menu can delay. What is said is left to `conversation`. Invariant: the player never
//! waits for the terminal, and at most one batch of events is on its way to it; the rest stays in the
//! connection until that one is shown.

use std::env;
use std::io::{self, IsTerminal, PipeReader, PipeWriter, Read, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use rustyline::ExternalPrinter;
use rustyline::error::ReadlineError;

mod completion;
mod conversation;
mod ears;
mod editor;
mod help;
mod paint;
mod record;
mod room;
mod usage;

use crate::options::PlayOptions;
use crate::suite::interrupt;
use completion::Facts;
use conversation::{Answer, Conversation, PROMPT, Paper};
use ears::Ears;
use editor::LineEditor;
use paint::Paint;
use room::room;
use testgam_language::transcript::DIRECTORY_PLACEHOLDER;
use testgam_language::words::plain_or_quoted;
use testgam_worlds::stop::Stop;

/// What the player answers.
type Reply = (Answer, Facts);

/// Whether there is a person at a terminal that can edit lines.
pub fn is_possible() -> bool {
    let is_plain =
        env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb" || term == "cons25");
    !is_plain && io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// Holds a session until the person leaves.
///
/// # Errors
/// Says that the current directory cannot be named, or that the terminal failed.
pub fn converse(options: &PlayOptions) -> io::Result<()> {
    // Ctrl-C ends the step that is performed, and nothing else. While a line is typed it is a key like others.
    interrupt::stop_on_interrupts(options.stop.clone())?;
    let is_on = env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let paint = Paint { is_on };
    let mut editor = editor::new(paint).map_err(io::Error::other)?;
    let mut printer = editor.create_external_printer().map_err(io::Error::other)?;
    let (line_sender, lines) = mailbox()?;
    let (reply_sender, replies) = mpsc::channel::<Reply>();
    let (batch_sender, batches) = mpsc::channel::<String>();
    let (shown, mut shown_bell) = io::pipe()?;
    thread::scope(|scope| {
        let herald = thread::Builder::new().name("herald".into());
        herald.spawn_scoped(scope, move || {
            // It ends when the player or the editor has ended.
            for batch in batches {
                if printer.print(batch).is_err() || shown_bell.write_all(&[0]).is_err() {
                    return;
                }
            }
        })?;
        let player = thread::Builder::new().name("player".into());
        let player = player.spawn_scoped(scope, move || {
            play(options, paint, lines, &reply_sender, &Herald { batches: batch_sender, shown })
        })?;
        let edited = edit(&mut editor, line_sender, &replies, &options.stop);
        editor::keep_history(&mut editor);
        // Whatever the herald is printing has nowhere to go any more.
        drop(editor);
        let played = player.join().unwrap_or_else(|_| Err(io::Error::other("the player panicked")));
        played.and(edited)
    })
}

/// The editor: takes lines to the player and prints its answers, until either is over.
fn edit(
    editor: &mut LineEditor,
    mut lines: MailSlot,
    replies: &Receiver<Reply>,
    stop: &Stop,
) -> io::Result<()> {
    let mut out = io::stdout();
    // The first reply is the greeting.
    while let Ok((answer, facts)) = replies.recv() {
        out.write_all(answer.text.as_bytes())?;
        out.flush()?;
        if answer.is_over {
            break;
        }
        let prompt = format!("{}{PROMPT}", facts.block);
        if let Some(assistant) = editor.helper_mut() {
            assistant.facts = facts;
        }
        // From here on Ctrl-C is a key; what came late was for the step before.
        stop.forget();
        let line = match editor.readline(&prompt) {
            Ok(line) => line,
            Err(ReadlineError::Interrupted) => String::new(),
            Err(ReadlineError::Eof) => break,
            Err(why) => return Err(io::Error::other(why)),
        };
        // A line that the history does not take is no loss.
        let _ = editor.add_history_entry(line.as_str());
        if lines.send(line).is_err() {
            break;
        }
    }
    Ok(())
}

/// The player: performs lines and passes on what comes in between, until there are no more lines.
fn play(
    options: &PlayOptions,
    paint: Paint,
    mut lines: Mailbox,
    replies: &Sender<Reply>,
    herald: &Herald,
) -> io::Result<()> {
    let (mut world, ears) = room(options).map_err(io::Error::other)?;
    let mut paper = Paper::default();
    let greeting = greeting(world.stage.directory().unwrap_or(Path::new(".")));
    let mut conversation = Conversation::new(&mut world, &mut paper, ears.clone(), options, paint);
    let reply = |answer: Answer, conversation: &Conversation<'_>| {
        // Without an editor there are no more lines either.
        let _ = replies.send((answer, conversation.facts()));
    };
    reply(Answer { text: greeting, is_over: false }, &conversation);
    let mut is_printing = false;
    loop {
        match next(&lines, &herald.shown, &ears, is_printing)? {
            Next::Line => match lines.take() {
                Some(line) => reply(conversation.answer(&line), &conversation),
                None => return Ok(()),
            },
            Next::Shown => match (&herald.shown).read(&mut [0])? {
                // The herald ends before the lines do only where there is no terminal any more.
                0 => return Ok(()),
                _ => is_printing = false,
            },
            Next::Events => {
                let text = conversation.refresh();
                is_printing = !text.is_empty() && herald.batches.send(text).is_ok();
            }
        }
    }
}

fn greeting(place: &Path) -> String {
    let place = plain_or_quoted(place.as_os_str().as_encoded_bytes());
    format!(
        "testgam in {place} ({DIRECTORY_PLACEHOLDER}): `help` shows the verbs, \
         `save FILE` makes a scenario of what you did.\n"
    )
}

/// What there is to do next.
enum Next {
    Line,
    Shown,
    Events,
}

/// The player's way to the herald.
struct Herald {
    batches: Sender<String>,
    /// Has a byte for each batch that was printed.
    shown: PipeReader,
}

/// Waits for a line, a batch to be printed, or events, in this order where there are several.
fn next(lines: &Mailbox, shown: &PipeReader, ears: &Ears, is_printing: bool) -> io::Result<Next> {
    let awake = if is_printing { Vec::new() } else { ears.awake() };
    let mut waited = vec![lines.bell.as_fd(), shown.as_fd()];
    waited.extend(awake.iter().map(|ear| ear.as_fd()));
    let mut waited: Vec<_> = waited.into_iter().map(|fd| PollFd::new(fd, PollFlags::POLLIN)).collect();
    loop {
        match poll(&mut waited, PollTimeout::NONE) {
            Err(Errno::EINTR) => {}
            Err(why) => return Err(why.into()),
            Ok(_) if waited[0].any().unwrap_or(false) => return Ok(Next::Line),
            Ok(_) if waited[1].any().unwrap_or(false) => return Ok(Next::Shown),
            Ok(_) => return Ok(Next::Events),
        }
    }
}

/// Lines on their way, and a descriptor that tells of them.
struct Mailbox {
    lines: Receiver<String>,
    bell: PipeReader,
}

/// Where lines are put in. Dropping it tells the reader that there are no more.
struct MailSlot {
    lines: Sender<String>,
    bell: PipeWriter,
}

fn mailbox() -> io::Result<(MailSlot, Mailbox)> {
    let (sender, receiver) = mpsc::channel();
    let (reader, writer) = io::pipe()?;
    Ok((MailSlot { lines: sender, bell: writer }, Mailbox { lines: receiver, bell: reader }))
}

impl MailSlot {
    fn send(&mut self, line: String) -> io::Result<()> {
        self.lines.send(line).map_err(io::Error::other)?;
        self.bell.write_all(&[0])
    }
}

impl Mailbox {
    /// Waits for a line; `None` when there are no more.
    fn take(&mut self) -> Option<String> {
        self.bell.read_exact(&mut [0]).ok()?;
        self.lines.recv().ok()
    }
}
