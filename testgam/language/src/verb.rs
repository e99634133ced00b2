//! The verbs: one table of every command, its arguments and what it does, for the parser, for completion
//! and for help.
//!
//! What an action does is left to `interpreter`, how a word is read to `arguments`, what a fault's are to `fault`. Invariant: no two
//! verbs have one name, and what help shows of one's arguments is what is read.

mod arguments;
mod fault;

use std::path::PathBuf;
use std::time::Duration;

use gamin::Kind;

use crate::action::{
    Action, Attempt, Block, ClientAction, Collect, Expectation, FileOperation, Gaminrc, ServerAction,
    Subscribe,
};
use crate::collection::Collection;
use crate::error::{ScriptErrorKind, Suggestion};
use crate::language::Language;
use crate::words::{Word, plain_or_quoted};
use arguments::{ArgumentError, Arguments, COUNT_MAX, number, octal_mode, path, request, unsuitable};

/// The deepest tree that one step makes.
const DEPTH_MAX: u32 = 100;
/// The longest `wait`, in milliseconds.
const WAIT_MAX_MS: u64 = 60_000;

/// A command of the language.
pub struct Verb {
    /// How it is written.
    pub name: &'static str,
    /// Its arguments, as help shows them.
    pub usage: &'static str,
    /// Whether the original's language has it.
    pub classic: bool,
    /// What it does.
    pub help: &'static str,
    read: fn(&mut Arguments<'_>) -> Result<Action, ArgumentError>,
}

/// Finds a verb by its name, if the language has it.
pub fn find(language: Language, name: &[u8]) -> Option<&'static Verb> {
    VERBS.iter().find(|verb| verb.name.as_bytes() == name && (verb.classic || language == Language::Extended))
}

/// Reads the words of a line, the first of which is the verb.
///
/// # Errors
/// Gives the column and the problem of the first word that does not fit.
pub fn parse(language: Language, words: &[Word]) -> Result<Action, (usize, ScriptErrorKind)> {
    let Some((name, rest)) = words.split_first() else {
        return Err((1, ScriptErrorKind::UnknownVerb(String::new(), Suggestion(None))));
    };
    if let (Language::Classic, Some(fourth)) = (language, words.get(3)) {
        return Err((fourth.column, ScriptErrorKind::FourthWord));
    }
    let Some(verb) = find(language, &name.bytes) else {
        let suggestion = Suggestion(nearest(language, &name.bytes));
        return Err((name.column, ScriptErrorKind::UnknownVerb(plain_or_quoted(&name.bytes), suggestion)));
    };
    let end = words.last().map_or(1, |word| word.column + word.bytes.len());
    let mut arguments = Arguments::new(language, (verb.name, verb.usage), rest, end);
    let action = (verb.read)(&mut arguments)?;
    arguments.finish()?;
    Ok(action)
}

/// The verb that differs from `name` by a doubled, missing, wrong or added letter.
fn nearest(language: Language, name: &[u8]) -> Option<&'static str> {
    let alike = |a: &[u8], b: &[u8]| {
        let front = a.iter().zip(b).take_while(|(a, b)| a == b).count();
        let (a, b) = (&a[front..], &b[front..]);
        let back = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
        a.len() - back <= 1 && b.len() - back <= 1
    };
    let known = |verb: &&Verb| verb.classic || language == Language::Extended;
    VERBS.iter().filter(known).find(|verb| alike(verb.name.as_bytes(), name)).map(|verb| verb.name)
}

fn monitor(a: &mut Arguments<'_>, kind: Kind) -> Result<Action, ArgumentError> {
    let path = a.monitored()?;
    let mut monitor = Subscribe { kind, path, number: None, data: None };
    while let Some(word) = a.optional() {
        match word.bytes.strip_prefix(b"data=") {
            Some(data) if a.language() == Language::Extended => monitor.data = Some(data.to_vec()),
            _ => monitor.number = Some(request(word)?),
        }
    }
    Ok(Action::Client(ClientAction::Monitor(monitor)))
}

fn collect(a: &mut Arguments<'_>) -> Result<ClientAction, ArgumentError> {
    let path = a.monitored()?;
    let word = a.next("DEPTH")?;
    let depth = number(word, 1..=DEPTH_MAX).ok_or_else(|| unsuitable(word, "a depth from 1 to 100"))?;
    let word = a.next("MASK")?;
    // The shell's classes and escapes are the library's own business.
    let is_plain = !word.bytes.iter().any(|byte| b"[]\\/\0".contains(byte));
    let mask =
        if is_plain { word.bytes.clone() } else { return Err(unsuitable(word, "a pattern of * and ?")) };
    let data = match a.optional() {
        Some(word) => match word.bytes.strip_prefix(b"data=") {
            Some(data) => Some(data.to_vec()),
            None => return Err(unsuitable(word, "data=TEXT")),
        },
        None => None,
    };
    Ok(ClientAction::Collect(Collect { path, collection: Collection { depth, mask }, data }))
}

fn wait(a: &mut Arguments<'_>) -> Result<Action, ArgumentError> {
    let second = Duration::from_secs(1);
    let Some(word) = a.optional() else { return Ok(Action::Wait(second)) };
    if a.language() == Language::Classic {
        return Ok(Action::Wait(second));
    }
    let milliseconds = number(word, 0..=WAIT_MAX_MS);
    let milliseconds =
        milliseconds.ok_or_else(|| unsuitable(word, "a number of milliseconds up to 60000"))?;
    Ok(Action::Wait(Duration::from_millis(milliseconds)))
}

fn expect(a: &mut Arguments<'_>) -> Result<Action, ArgumentError> {
    let word = a.next("N")?;
    let extended = a.language() == Language::Extended;
    if extended && word.bytes == b"none" {
        return Ok(Action::Expect(Expectation::None));
    }
    if extended && word.bytes == b"below" {
        return Ok(Action::Expect(Expectation::Below(a.count()? as usize)));
    }
    let count = number(word, 0..=COUNT_MAX as usize).map(|count| Action::Expect(Expectation::Count(count)));
    count.ok_or_else(|| unsuitable(word, if extended { "a number, `below` or `none`" } else { "a number" }))
}

fn server(a: &mut Arguments<'_>) -> Result<Action, ArgumentError> {
    let word = a.next("what to do")?;
    let action = match word.bytes.as_slice() {
        b"pollonly" => ServerAction::PollOnly,
        b"fanotify" => ServerAction::Fanotify,
        b"watches" => ServerAction::Watches(a.count()?),
        b"instances" => ServerAction::Instances(a.count()?),
        b"unprivileged" => ServerAction::Unprivileged,
        b"gaminrc" => ServerAction::Gaminrc(Gaminrc::User, a.line()?),
        b"system-gaminrc" => ServerAction::Gaminrc(Gaminrc::System, a.line()?),
        b"mandatory-gaminrc" => ServerAction::Gaminrc(Gaminrc::Mandatory, a.line()?),
        b"stop" => ServerAction::Stop,
        b"continue" => ServerAction::Continue,
        b"kill" => ServerAction::Kill,
        b"start" => ServerAction::Start,
        b"restart" => ServerAction::Restart,
        _ => {
            let all = "pollonly, fanotify, watches, instances, unprivileged, gaminrc, system-gaminrc, mandatory-gaminrc, stop, \
                       continue, kill, start or restart";
            return Err(unsuitable(word, all));
        }
    };
    Ok(Action::Server(action))
}

/// Reads the rest of the line as a step of its own.
fn attempt(a: &mut Arguments<'_>, attempt: Attempt) -> Result<Action, ArgumentError> {
    let words = a.take_rest();
    let first = words.first().ok_or_else(|| a.missing("STEP"))?;
    match parse(a.language(), words)? {
        action @ (Action::File(_) | Action::Server(_) | Action::Fault(_)) => {
            Ok(Action::Attempt(attempt, Box::new(action)))
        }
        Action::Client(action) if !matches!(action, ClientAction::Select(_)) => {
            Ok(Action::Attempt(attempt, Box::new(Action::Client(action))))
        }
        _ => Err((first.column, ScriptErrorKind::NoAttempt)),
    }
}

fn client_name(a: &mut Arguments<'_>) -> Result<Action, ArgumentError> {
    let word = a.next("NAME")?;
    let plain = !word.bytes.is_empty() && word.bytes.iter().all(u8::is_ascii_alphanumeric);
    match str::from_utf8(&word.bytes) {
        Ok(name) if plain => Ok(Action::Client(ClientAction::Select(name.to_owned()))),
        _ => Err(unsuitable(word, "a name of letters and digits")),
    }
}

fn connect(a: &mut Arguments<'_>) -> Result<Action, ArgumentError> {
    let id = a.optional().map(path).transpose()?.map(PathBuf::into_os_string);
    Ok(Action::Client(ClientAction::Connect(id)))
}

fn symbolic_link(a: &mut Arguments<'_>) -> Result<FileOperation, ArgumentError> {
    let word = a.next("TARGET")?;
    let target = path(word)?.into_os_string();
    if target.is_empty() {
        return Err(unsuitable(word, "a path"));
    }
    Ok(FileOperation::SymbolicLink { target, name: a.path("NAME")? })
}

fn append(a: &mut Arguments<'_>) -> Result<FileOperation, ArgumentError> {
    let path = a.path("PATH")?;
    let text = match a.language() {
        Language::Classic => None,
        Language::Extended => a.optional().map(|word| word.bytes.clone()),
    };
    Ok(FileOperation::Append { path, text: text.unwrap_or_else(|| b"a".to_vec()) })
}

fn truncate(a: &mut Arguments<'_>) -> Result<FileOperation, ArgumentError> {
    let path = a.path("PATH")?;
    let word = a.next("SIZE")?;
    let size = number(word, 0..=1 << 40).ok_or_else(|| unsuitable(word, "a size in bytes"))?;
    Ok(FileOperation::Truncate { path, size })
}

fn touch(a: &mut Arguments<'_>) -> Result<FileOperation, ArgumentError> {
    let path = a.path("PATH")?;
    let Some(word) = a.optional() else { return Ok(FileOperation::Touch { path, seconds: None }) };
    let seconds = number(word, 0..=u32::MAX.into()).ok_or_else(|| unsuitable(word, "seconds since 1970"))?;
    Ok(FileOperation::Touch { path, seconds: Some(seconds) })
}

fn change_owner(a: &mut Arguments<'_>) -> Result<FileOperation, ArgumentError> {
    let path = a.path("PATH")?;
    let word = a.next("UID")?;
    let uid = number(word, 0..=u32::MAX).ok_or_else(|| unsuitable(word, "a user's number"))?;
    Ok(FileOperation::ChangeOwner { path, uid })
}

fn make_tree(a: &mut Arguments<'_>) -> Result<FileOperation, ArgumentError> {
    let directory = a.path("DIR")?;
    let word = a.next("DEPTH")?;
    let depth = number(word, 0..=DEPTH_MAX).ok_or_else(|| unsuitable(word, "a depth up to 100"))?;
    Ok(FileOperation::MakeTree { directory, depth })
}

fn move_to(a: &mut Arguments<'_>) -> Result<FileOperation, ArgumentError> {
    Ok(FileOperation::Move { from: a.path("FROM")?, to: a.path("TO")? })
}

fn index(a: &mut Arguments<'_>) -> Result<usize, ArgumentError> {
    let word = a.next("INDEX")?;
    number(word, 0..=COUNT_MAX as usize).ok_or_else(|| unsuitable(word, "the index of a request, from 0"))
}

/// Writes one row of the table: where it stands, how it is called, and how its arguments are read.
macro_rules! verbs {
    ($($language:ident $group:ident $name:literal $usage:literal, $help:literal, |$a:pat_param| $read:expr;)*) => {
        /// Every verb, in the order that help shows them.
        pub const VERBS: &[Verb] = &[$(Verb {
            name: $name,
            usage: $usage,
            classic: verbs!(@ $language),
            help: $help,
            read: |$a| Ok(verbs!(@ $group $read)),
        }),*];
    };
    (@ classic) => { true };
    (@ extended) => { false };
    (@ file $read:expr) => { Action::File($read) };
    (@ client $read:expr) => { Action::Client($read) };
    (@ expect $read:expr) => { Action::Expect($read) };
    (@ any $read:expr) => { $read };
}

verbs! {
    classic any "connect" "[ID]", "open the client's connection, starting the server if need be", |a| connect(a)?;
    classic client "disconnect" "", "close it", |_| ClientAction::Disconnect;
    classic client "kill" "", "end the server of this connection with SIGTERM", |_| ClientAction::KillServer;
    classic any "mondir" "PATH [REQNUM] [data=TEXT]", "monitor a directory", |a| monitor(a, Kind::Directory)?;
    classic any "monfile" "PATH [REQNUM] [data=TEXT]", "monitor a file", |a| monitor(a, Kind::File)?;
    classic client "cancel" "INDEX", "cancel the request at this index, counting from 0", |a| ClientAction::Cancel(index(a)?);
    classic client "pending" "", "ask whether events wait", |_| ClientAction::Pending;
    extended client "moncollection" "PATH DEPTH MASK [data=TEXT]", "monitor a directory and what is below it, DEPTH levels deep, where names match MASK", |a| collect(a)?;
    extended client "suspend-monitor" "INDEX", "hold back the events of the request at this index", |a| ClientAction::SuspendMonitor(index(a)?);
    extended client "resume-monitor" "INDEX", "go on with them, from what is different by now", |a| ClientAction::ResumeMonitor(index(a)?);
    extended any "client" "NAME", "let another client act from here on", |a| client_name(a)?;
    extended client "noexists" "", "ask for no listing of directories from now on", |_| ClientAction::NoExists;
    extended client "moves" "", "have renames told as such, of what is monitored from now on", |_| ClientAction::Moves;
    extended client "suspend" "", "stop reading events", |_| ClientAction::Suspend;
    extended client "resume" "", "read them again", |_| ClientAction::Resume;

    classic file "mkdir" "PATH", "make a directory", |a| FileOperation::MakeDirectory(a.path("PATH")?);
    classic file "rmdir" "PATH", "remove an empty directory", |a| FileOperation::RemoveDirectory(a.path("PATH")?);
    classic file "mkfile" "PATH", "make an empty file", |a| FileOperation::MakeFile(a.path("PATH")?);
    classic file "append" "PATH [TEXT]", "append text to a file, by default one byte", |a| append(a)?;
    classic file "rmfile" "PATH", "remove a file", |a| FileOperation::RemoveFile(a.path("PATH")?);
    classic file "chmod" "PATH MODE", "change permissions (octal)", |a| FileOperation::ChangeMode { path: a.path("PATH")?, mode: octal_mode(a.next("MODE")?)? };
    classic file "chown" "PATH UID", "change the owner, of a link itself", |a| change_owner(a)?;
    classic file "move" "FROM TO", "rename", |a| move_to(a)?;
    extended file "mv" "FROM TO", "rename", |a| move_to(a)?;
    classic file "link" "TARGET NAME", "make a symbolic link", |a| symbolic_link(a)?;
    extended file "hardlink" "TARGET NAME", "give a file one more name", |a| FileOperation::HardLink { target: a.path("TARGET")?, name: a.path("NAME")? };
    extended file "mkfifo" "PATH", "make a named pipe", |a| FileOperation::MakeFifo(a.path("PATH")?);
    extended file "write" "PATH TEXT", "make or overwrite in place, with one write", |a| FileOperation::Write { path: a.path("PATH")?, text: a.text()? };
    extended file "rewrite" "PATH TEXT", "truncate, then write, as a shell's > does", |a| FileOperation::Rewrite { path: a.path("PATH")?, text: a.text()? };
    extended file "save" "PATH TEXT", "write .NAME.tmp beside it, then rename, as editors do", |a| FileOperation::Save { path: a.path("PATH")?, text: a.text()? };
    extended file "replace" "PATH TEXT", "rename a file written elsewhere over it", |a| FileOperation::Replace { path: a.path("PATH")?, text: a.text()? };
    extended file "exchange" "A B", "swap two names in one step", |a| FileOperation::Exchange { a: a.path("A")?, b: a.path("B")? };
    extended file "truncate" "PATH SIZE", "cut or extend to a size", |a| truncate(a)?;
    extended file "touch" "PATH [SECONDS]", "set the times, making the file if need be", |a| touch(a)?;
    extended file "touch-access" "PATH", "set the time of access alone", |a| FileOperation::TouchAccess(a.path("PATH")?);
    extended file "read" "PATH", "read a file, or list a directory", |a| FileOperation::Read(a.path("PATH")?);
    extended file "open" "PATH", "open a file for appending and hold it", |a| FileOperation::Open(a.path("PATH")?);
    extended file "write-open" "PATH TEXT", "append to a file held open", |a| FileOperation::WriteOpen { path: a.path("PATH")?, text: a.text()? };
    extended file "close" "PATH", "close it", |a| FileOperation::Close(a.path("PATH")?);
    extended file "hold" "PATH", "open a file or directory for reading and hold it", |a| FileOperation::Hold(a.path("PATH")?);
    extended file "let-go" "PATH", "close it", |a| FileOperation::LetGo(a.path("PATH")?);
    extended file "mkfiles" "DIR N", "make N files name000000 ...", |a| FileOperation::MakeFiles { directory: a.path("DIR")?, count: a.count()? };
    extended file "rmfiles" "DIR N", "remove them", |a| FileOperation::RemoveFiles { directory: a.path("DIR")?, count: a.count()? };
    extended file "appendfiles" "DIR N", "append a byte to each of them", |a| FileOperation::AppendFiles { directory: a.path("DIR")?, count: a.count()? };
    extended file "churn" "DIR N", "make and at once remove each of them", |a| FileOperation::Churn { directory: a.path("DIR")?, count: a.count()? };
    extended file "mktree" "DIR DEPTH", "make DIR with a file, and a directory like it inside, DEPTH levels deep", |a| make_tree(a)?;
    extended file "copytree" "FROM TO", "copy a directory and all in it", |a| FileOperation::CopyTree { from: a.path("FROM")?, to: a.path("TO")? };
    extended file "rmtree" "DIR", "remove a directory and all in it", |a| FileOperation::RemoveTree(a.path("DIR")?);

    extended any "server" "pollonly | fanotify | watches N | instances N | unprivileged | [system-|mandatory-]gaminrc LINE | stop | continue | kill | start | restart", "set up or disturb the server", |a| server(a)?;

    extended any "fault" "delay MS | queue N | watches N | refuse DIR N WHY | slow-scan MS [late] | failing-scan WHY | during-scan | between N | room N | capacity N | outbox N | clock MS | coarse-clock MS | mount DIR [TYPE] | unmount DIR | hang DIR | answer DIR", "have something go wrong, in the simulated world", |a| fault::read(a)?;
    extended any "heal" "", "have everything go right again", |_| Action::Heal;

    classic client "event" "", "wait for one event and read it", |_| ClientAction::Event;
    classic client "events" "", "read the events that wait", |_| ClientAction::Events;
    classic any "expect" "N | below N | none", "at least, or fewer than, N events are unread; reads them all", |a| expect(a)?;
    extended expect "expect-event" "REQNUM NAME CODE", "the next unread event is this; reads it", |a| Expectation::Next(a.expected()?);
    extended expect "expect-any" "REQNUM NAME CODE", "this is among the unread events; reads it", |a| Expectation::Any(a.expected()?);
    extended expect "converged" "", "for every client, what was told equals what is on disk", |_| Expectation::Converged;
    extended expect "quiet" "", "the server will do nothing by itself", |_| Expectation::Quiet;
    extended expect "given-back" "", "nobody is connected, and the server holds nothing for anybody", |_| Expectation::GivenBack;

    classic any "sleep" "[ANYTHING]", "wait until an event is pending, at most 1.5 s", |a| { a.optional(); Action::Sleep };
    classic any "wait" "[MILLISECONDS]", "let time pass, by default a second", |a| wait(a)?;
    extended any "try" "STEP", "perform a step that may fail", |a| attempt(a, Attempt::Try)?;
    extended any "fails" "STEP", "perform a step that has to fail", |a| attempt(a, Attempt::Fails)?;
    extended any "together" "", "run the steps up to `end` back to back, then read events", |_| Action::Begin(Block::Together);
    extended any "quietly" "", "up to `end`, check events but do not print them", |_| Action::Begin(Block::Quietly);
    extended any "concurrently" "", "have several writers change files side by side, up to `end`", |_| Action::Begin(Block::Concurrently);
    extended any "writer" "", "in `concurrently`: what follows is done by another writer", |_| Action::Writer;
    extended any "end" "", "close the block", |_| Action::End;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::split_extended;

    #[test]
    fn no_verb_stands_twice_in_the_table() {
        let mut names: Vec<_> = VERBS.iter().map(|verb| verb.name).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn a_verb_needs_arguments_exactly_if_its_usage_says_so() {
        for verb in VERBS {
            let words = split_extended(verb.name.as_bytes()).expect("a name is a word");
            let optional = verb.usage.is_empty() || verb.usage.starts_with('[');
            assert_eq!(parse(Language::Extended, &words).is_ok(), optional, "{}", verb.name);
        }
    }

    #[test]
    fn user_data_and_number_come_in_either_order() {
        for line in [&br#"mondir a 5 data="x y""#[..], br#"mondir a data="x y" 5"#] {
            let words = split_extended(line).expect("the line is well formed");
            let Ok(Action::Client(ClientAction::Monitor(monitor))) = parse(Language::Extended, &words) else {
                panic!("{line:?} is a subscription");
            };
            assert_eq!((monitor.number, monitor.data), (Some(5), Some(b"x y".to_vec())));
        }
    }
}
