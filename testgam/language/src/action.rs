//! Actions: what a step asks for, parsed and typed. Data only.
//!
//! How they are written is left to `verb`, what they do to `interpreter` and the worlds. Invariant: every
//! number in here is within its limit, and no path holds a NUL byte.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gamin::{Code, Kind};
use gamin_engine::{Refusal, Unlisted};

use crate::collection::Collection;
use crate::error::ScriptError;
use crate::transcript::DIRECTORY_PLACEHOLDER;

/// What one step does.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// A classic line that cannot be read. It ends its script when its turn comes, as in the original.
    Mistaken(ScriptError),
    /// `try`, `fails`: does this, which need not, or must not, succeed.
    Attempt(Attempt, Box<Action>),
    /// Opens a block that [`Action::End`] closes.
    Begin(Block),
    /// Closes the innermost block.
    End,
    /// `writer`: what follows in this block is done by another writer.
    Writer,
    /// Changes files.
    File(FileOperation),
    /// Has the current client do something.
    Client(ClientAction),
    /// Sets up or disturbs the server.
    Server(ServerAction),
    /// Has something go wrong, where that can be arranged.
    Fault(Fault),
    /// `heal`: has everything go right again.
    Heal,
    /// States what must have been reported.
    Expect(Expectation),
    /// `wait`: lets time pass.
    Wait(Duration),
    /// `sleep`: waits until an event is pending, for a while.
    Sleep,
}

impl Action {
    /// Whether it reads events that have come, which no later step finds then.
    pub fn reads_events(&self) -> bool {
        match self {
            Action::Attempt(_, action) => action.reads_events(),
            Action::Client(ClientAction::Event | ClientAction::Events) => true,
            Action::Expect(expectation) => {
                !matches!(expectation, Expectation::Converged | Expectation::GivenBack | Expectation::Quiet)
            }
            _ => false,
        }
    }
}

/// What a step may come to, if not to success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// `try`: to anything.
    Try,
    /// `fails`: only to failure.
    Fails,
}

/// What holds between a step that opens a block and its `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Block {
    /// `together`: the steps run back to back; events are read at the end.
    Together,
    /// `quietly`: events are read and checked, but not printed.
    Quietly,
    /// `concurrently`: what the writers do is done side by side, when the block ends.
    Concurrently,
    /// `fault during-scan`: the steps are done when the next scan has read half of a directory's names.
    DuringScan,
    /// `fault between`: the steps are done when the server has carried out so many effects more, before the next.
    Between(u32),
}

impl Block {
    /// Its name in one word.
    pub fn word(self) -> &'static str {
        match self {
            Block::Together => "together",
            Block::Quietly => "quietly",
            Block::Concurrently => "concurrently",
            Block::DuringScan => "during-scan",
            Block::Between(_) => "between",
        }
    }

    /// Whether it holds changes of files, which are done later than they are named, and nothing else.
    pub fn is_of_files(self) -> bool {
        matches!(self, Block::Concurrently | Block::DuringScan | Block::Between(_))
    }
}

/// A change of the file system, or an access that must not count as one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is the verb of the same meaning; the table in `verb` describes them")]
pub enum FileOperation {
    MakeDirectory(PathBuf),
    RemoveDirectory(PathBuf),
    MakeFile(PathBuf),
    MakeFifo(PathBuf),
    RemoveFile(PathBuf),
    Write { path: PathBuf, text: Vec<u8> },
    Rewrite { path: PathBuf, text: Vec<u8> },
    Append { path: PathBuf, text: Vec<u8> },
    Truncate { path: PathBuf, size: u64 },
    Touch { path: PathBuf, seconds: Option<i64> },
    TouchAccess(PathBuf),
    Read(PathBuf),
    ChangeMode { path: PathBuf, mode: u32 },
    ChangeOwner { path: PathBuf, uid: u32 },
    Move { from: PathBuf, to: PathBuf },
    Exchange { a: PathBuf, b: PathBuf },
    SymbolicLink { target: OsString, name: PathBuf },
    HardLink { target: PathBuf, name: PathBuf },
    Replace { path: PathBuf, text: Vec<u8> },
    Save { path: PathBuf, text: Vec<u8> },
    Open(PathBuf),
    WriteOpen { path: PathBuf, text: Vec<u8> },
    Close(PathBuf),
    Hold(PathBuf),
    LetGo(PathBuf),
    MakeFiles { directory: PathBuf, count: u32 },
    RemoveFiles { directory: PathBuf, count: u32 },
    AppendFiles { directory: PathBuf, count: u32 },
    Churn { directory: PathBuf, count: u32 },
    MakeTree { directory: PathBuf, depth: u32 },
    CopyTree { from: PathBuf, to: PathBuf },
    RemoveTree(PathBuf),
}

impl FileOperation {
    /// The paths that it touches, and of each whether a link that it names is followed.
    pub fn paths(&self) -> Vec<(&Path, bool)> {
        use FileOperation as Op;
        match self {
            Op::MakeDirectory(path)
            | Op::RemoveDirectory(path)
            | Op::MakeFifo(path)
            | Op::RemoveFile(path)
            | Op::ChangeOwner { path, .. }
            | Op::SymbolicLink { name: path, .. }
            | Op::Replace { path, .. }
            | Op::Save { path, .. }
            | Op::MakeTree { directory: path, .. }
            | Op::RemoveTree(path) => vec![(path, false)],
            Op::MakeFile(path)
            | Op::Write { path, .. }
            | Op::Rewrite { path, .. }
            | Op::Append { path, .. }
            | Op::Truncate { path, .. }
            | Op::Touch { path, .. }
            | Op::TouchAccess(path)
            | Op::Read(path)
            | Op::ChangeMode { path, .. }
            | Op::Open(path)
            | Op::WriteOpen { path, .. }
            | Op::Close(path)
            | Op::Hold(path)
            | Op::LetGo(path)
            | Op::MakeFiles { directory: path, .. }
            | Op::RemoveFiles { directory: path, .. }
            | Op::AppendFiles { directory: path, .. }
            | Op::Churn { directory: path, .. } => vec![(path, true)],
            Op::Move { from: a, to: b } | Op::Exchange { a, b } | Op::HardLink { target: a, name: b } => {
                vec![(a, false), (b, false)]
            }
            Op::CopyTree { from, to } => vec![(from, true), (to, false)],
        }
    }
}

/// What a client does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientAction {
    /// Makes the client of this name the current one.
    Select(String),
    /// Opens its connection, with the session id as typed.
    Connect(Option<OsString>),
    /// Closes its connection.
    Disconnect,
    /// Ends the server it is connected to, as the classic `kill` does.
    KillServer,
    /// Subscribes.
    Monitor(Subscribe),
    /// Subscribes to a directory and what is below it.
    Collect(Collect),
    /// Cancels its request at this index.
    Cancel(usize),
    /// Holds back the events of its request at this index.
    SuspendMonitor(usize),
    /// Goes on with them, from what is different.
    ResumeMonitor(usize),
    /// Asks for no listing of directories from now on.
    NoExists,
    /// Asks for renames to be told as such, of what is asked for from now on.
    Moves,
    /// Stops reading.
    Suspend,
    /// Reads again.
    Resume,
    /// Its socket takes so many bytes more from the server, or (`None`) all it has room for.
    Room(Option<usize>),
    /// Asks whether events wait.
    Pending,
    /// Reads one event.
    Event,
    /// Reads the events that wait.
    Events,
}

/// A subscription as a script asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscribe {
    /// File or directory.
    pub kind: Kind,
    /// As typed.
    pub path: PathBuf,
    /// The request number, if the script chooses it.
    pub number: Option<i32>,
    /// User data, printed with each event.
    pub data: Option<Vec<u8>>,
}

/// A collection as a script asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collect {
    /// Where, as typed.
    pub path: PathBuf,
    /// How much.
    pub collection: Collection,
    /// User data, printed with each event.
    pub data: Option<Vec<u8>>,
}

/// Whose configuration file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gaminrc {
    /// The administrator's, which stands above the user's.
    Mandatory,
    /// The user's.
    User,
    /// The system's.
    System,
}

/// What happens to the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerAction {
    /// To be started without kernel notices.
    PollOnly,
    /// To be started with fanotify in place of inotify.
    Fanotify,
    /// To be started with so many kernel watches.
    Watches(u32),
    /// To be started with so many instances of inotify to be had.
    Instances(u32),
    /// To be started without the right to read what permissions forbid.
    Unprivileged,
    /// A line for a configuration file, in which `$DIR` stands for the scenario's directory.
    Gaminrc(Gaminrc, Vec<u8>),
    /// SIGSTOP.
    Stop,
    /// SIGCONT.
    Continue,
    /// SIGKILL.
    Kill,
    /// Starts it.
    Start,
    /// [`ServerAction::Kill`] and [`ServerAction::Start`].
    Restart,
}

/// A line of configuration as a file has it: with the scenario's directory where `$DIR` stands.
pub fn with_directory(line: &[u8], directory: &Path) -> Vec<u8> {
    let mut written = Vec::with_capacity(line.len());
    let mut rest = line;
    while let Some((first, behind)) = rest.split_first() {
        match rest.strip_prefix(DIRECTORY_PLACEHOLDER.as_bytes()) {
            Some(behind) => {
                written.extend_from_slice(directory.as_os_str().as_bytes());
                rest = behind;
            }
            None => {
                written.push(*first);
                rest = behind;
            }
        }
    }
    written
}

/// Something that goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The server is woken for what the kernel notices only after this time. Whoever asks it is still answered with
    /// all that was noticed before.
    Delay(Duration),
    /// The kernel's queue takes so many events from now on; what does not fit is lost. With 0 all is lost.
    QueueMax(usize),
    /// The user may have so many kernel watches from now on.
    WatchesMax(usize),
    /// The next so many times that the server asks the kernel about a directory, or about any, it is refused.
    Refuse {
        /// The directory as typed; `None` for any.
        directory: Option<PathBuf>,
        /// How often.
        times: u32,
        /// Why.
        refusal: Refusal,
    },
    /// The next scan that has nothing wrong with it has this.
    Scan(ScanFault),
    /// When the server has carried out so many effects more, this happens between that and the next.
    Between {
        /// How many.
        effects: u32,
        /// What.
        operations: Vec<FileOperation>,
    },
    /// Sockets hold so many bytes from now on.
    Capacity(usize),
    /// A server that is started from now on keeps so many bytes ready for a socket that does not take them; what
    /// is told further is merged.
    Outbox(usize),
    /// The wall clock is set, forward or back, by so many milliseconds.
    ClockJump(i64),
    /// Files are stamped by a clock that ticks so rarely, as before Linux 6.13.
    CoarseClock(Duration),
    /// A new, empty file system is mounted over a directory.
    Mount {
        /// Where.
        directory: PathBuf,
        /// Its type, as the mount table has it: of some types it lives by another machine or program.
        file_system: String,
    },
    /// What is mounted over a directory goes.
    Unmount(PathBuf),
    /// What is mounted over a directory, and lives by another machine or program, does not answer those who look at it.
    Hang(PathBuf),
    /// It answers again.
    Answer(PathBuf),
}

/// What can be wrong with a scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScanFault {
    /// It takes so long, and looks at the beginning or at the end of that time. Other things go on meanwhile.
    Slow {
        /// How long.
        takes: Duration,
        /// Whether it looks at the end.
        looks_late: bool,
    },
    /// It fails half-way.
    Fails(Unlisted),
    /// This happens when half of a directory's names are read.
    Meanwhile(Vec<FileOperation>),
}

/// What must have been reported to the current client, among what it has not yet read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expectation {
    /// At least so many events; reads all there are.
    Count(usize),
    /// Fewer events than so many; reads all there are.
    Below(usize),
    /// Nothing.
    None,
    /// This one is the next; reads it.
    Next(Expected),
    /// This one is among them; reads it.
    Any(Expected),
    /// For every client: what was told equals what is on disk.
    Converged,
    /// Nobody is connected, and nothing is held for anybody.
    GivenBack,
    /// The server will do nothing by itself.
    Quiet,
}

/// An event as a script writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// The request number.
    pub request: i32,
    /// The name as the transcript prints it, `$DIR` and all.
    pub name: Vec<u8>,
    /// The code.
    pub code: Code,
}
