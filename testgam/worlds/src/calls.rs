//! Each [`FileOperation`] as the system calls that its verb promises, on any files.
//!
//! What a call does is left to who has the files: real ones, or simulated ones. Invariant: for each operation the same is asked
//! for, in the same order, wherever it is played, and no more of it could be noticed by a monitor than docs/testgam.md says.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use testgam_language::action::FileOperation;
use testgam_language::transcript::DIRECTORY_PLACEHOLDER;

/// How a file is opened. A fifo's other end is not waited for, which is `ENXIO` to a writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// To read.
    Read,
    /// To write behind the end of a file that is there.
    Extend,
    /// To write behind the end; made if it is not there.
    Append,
    /// To write from the beginning; made if it is not there.
    Overwrite,
    /// To write, emptied; made if it is not there.
    Empty,
}

/// Which of a file's times are set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Times {
    /// That of access, to now.
    Access,
    /// Both, to now.
    Now,
    /// Both, to so many seconds after the epoch.
    Seconds(i64),
}

/// What an entry of a directory is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A directory.
    Directory,
    /// A link, and where it leads.
    Link(PathBuf),
    /// Anything else.
    File,
}

/// Files, asked as a system is. Paths are absolute.
#[allow(missing_docs, reason = "each is the system call of that name")]
pub trait Calls {
    /// An open file.
    type File;

    /// A path as typed, made absolute and changed no further: `a//b/` keeps its slashes.
    fn spell(&self, path: &Path) -> PathBuf;

    /// A path on the same file system, outside what is monitored, at which nothing is.
    ///
    /// # Errors
    /// There is no such place.
    fn spare(&mut self) -> io::Result<PathBuf>;

    /// Does something while nothing else is done by this process that could put off what is told of it.
    ///
    /// # Errors
    /// What that has.
    fn undisturbed(&mut self, act: impl FnOnce(&mut Self) -> io::Result<()>) -> io::Result<()> {
        act(self)
    }

    fn make_directory(&mut self, path: &Path) -> io::Result<()>;
    fn remove_directory(&mut self, path: &Path) -> io::Result<()>;
    fn make_fifo(&mut self, path: &Path) -> io::Result<()>;
    fn unlink(&mut self, path: &Path) -> io::Result<()>;
    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()>;
    fn exchange(&mut self, a: &Path, b: &Path) -> io::Result<()>;
    fn link(&mut self, target: &Path, name: &Path) -> io::Result<()>;
    fn symlink(&mut self, target: &Path, name: &Path) -> io::Result<()>;
    fn truncate(&mut self, path: &Path, size: u64) -> io::Result<()>;
    fn set_times(&mut self, path: &Path, times: Times) -> io::Result<()>;
    fn change_mode(&mut self, path: &Path, mode: u32) -> io::Result<()>;
    fn change_owner(&mut self, path: &Path, uid: u32) -> io::Result<()>;
    fn open(&mut self, path: &Path, opening: Opening) -> io::Result<Self::File>;
    fn write(&mut self, file: &mut Self::File, text: &[u8]) -> io::Result<()>;
    fn size(&mut self, file: &Self::File) -> io::Result<u64>;
    fn cut(&mut self, file: &Self::File, size: u64) -> io::Result<()>;
    fn close(&mut self, file: Self::File) -> io::Result<()>;

    /// Reads a file, or lists a directory.
    fn read(&mut self, path: &Path) -> io::Result<()>;

    /// What is at a path, links not followed.
    fn entry(&mut self, path: &Path) -> io::Result<Entry>;

    /// The names in a directory, in their order.
    fn names(&mut self, directory: &Path) -> io::Result<Vec<OsString>>;

    /// Copies a file's content and permissions.
    fn copy(&mut self, from: &Path, to: &Path) -> io::Result<()>;

    /// Keeps a file open; gives the one that was kept at this path in this way.
    fn keep(&mut self, path: PathBuf, keeping: Keeping, file: Self::File) -> Option<Self::File>;

    /// Gives a file back that is kept.
    fn kept(&mut self, path: &Path, keeping: Keeping) -> Option<Self::File>;

    /// Writes to a file that is kept, if one is.
    fn write_kept(&mut self, path: &Path, text: &[u8]) -> Option<io::Result<()>>;
}

/// As what a file is kept open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Keeping {
    /// `open`: to be written.
    ToWrite,
    /// `hold`: so that it is in use.
    InUse,
}

/// Performs an operation, undisturbed; what is done to many files may be disturbed between two.
///
/// # Errors
/// The system's.
pub fn perform(calls: &mut impl Calls, operation: &FileOperation) -> io::Result<()> {
    use FileOperation as Op;
    match operation {
        Op::MakeFiles { .. } | Op::RemoveFiles { .. } | Op::AppendFiles { .. } | Op::Churn { .. } => {
            act(calls, operation)
        }
        _ => calls.undisturbed(|calls| act(calls, operation)),
    }
}

fn act<C: Calls>(calls: &mut C, operation: &FileOperation) -> io::Result<()> {
    use FileOperation as Op;
    match operation {
        Op::MakeDirectory(path) => calls.make_directory(&calls.spell(path)),
        Op::RemoveDirectory(path) => calls.remove_directory(&calls.spell(path)),
        Op::MakeFile(path) => make_file(calls, &calls.spell(path)),
        Op::MakeFifo(path) => calls.make_fifo(&calls.spell(path)),
        Op::RemoveFile(path) => calls.unlink(&calls.spell(path)),
        Op::Write { path, text } => write_in_place(calls, &calls.spell(path), text),
        Op::Rewrite { path, text } => write(calls, &calls.spell(path), Opening::Empty, text),
        Op::Append { path, text } => write(calls, &calls.spell(path), Opening::Append, text),
        Op::Truncate { path, size } => calls.truncate(&calls.spell(path), *size),
        Op::Touch { path, seconds } => touch(calls, &calls.spell(path), *seconds),
        Op::TouchAccess(path) => calls.set_times(&calls.spell(path), Times::Access),
        Op::Read(path) => calls.read(&calls.spell(path)),
        Op::ChangeMode { path, mode } => calls.change_mode(&calls.spell(path), *mode),
        Op::ChangeOwner { path, uid } => calls.change_owner(&calls.spell(path), *uid),
        Op::Move { from, to } => calls.rename(&calls.spell(from), &calls.spell(to)),
        Op::Exchange { a, b } => calls.exchange(&calls.spell(a), &calls.spell(b)),
        Op::SymbolicLink { target, name } => symbolic_link(calls, Path::new(target), &calls.spell(name)),
        Op::HardLink { target, name } => calls.link(&calls.spell(target), &calls.spell(name)),
        Op::Replace { path, text } => replace(calls, &calls.spell(path), text),
        Op::Save { path, text } => save(calls, &calls.spell(path), text),
        Op::Open(path) => keep(calls, calls.spell(path), Keeping::ToWrite, Opening::Extend),
        Op::WriteOpen { path, text } => calls.write_kept(&calls.spell(path), text).ok_or_else(not_open)?,
        Op::Close(path) => let_go(calls, &calls.spell(path), Keeping::ToWrite).ok_or_else(not_open)?,
        Op::Hold(path) => keep(calls, calls.spell(path), Keeping::InUse, Opening::Read),
        Op::LetGo(path) => let_go(calls, &calls.spell(path), Keeping::InUse).ok_or_else(not_held)?,
        Op::MakeFiles { directory, count } => each(calls, directory, *count, make_file),
        Op::RemoveFiles { directory, count } => each(calls, directory, *count, C::unlink),
        Op::AppendFiles { directory, count } => {
            each(calls, directory, *count, |calls, path| write(calls, path, Opening::Append, b"a"))
        }
        Op::Churn { directory, count } => each(calls, directory, *count, |calls, path| {
            make_file(calls, path).and_then(|()| calls.unlink(path))
        }),
        Op::MakeTree { directory, depth } => make_tree(calls, calls.spell(directory), *depth),
        Op::CopyTree { from, to } => copy_tree(calls, &calls.spell(from), &calls.spell(to)),
        Op::RemoveTree(path) => remove_tree(calls, &calls.spell(path)),
    }
}

/// What comes of asking for a file that is not held open.
fn not_open() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "not held open; `open` it first")
}

/// What comes of letting go of what is not held.
fn not_held() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "not held; `hold` it first")
}

fn make_file(calls: &mut impl Calls, path: &Path) -> io::Result<()> {
    let file = calls.open(path, Opening::Append)?;
    calls.close(file)
}

/// Opens, writes, closes.
fn write(calls: &mut impl Calls, path: &Path, opening: Opening, text: &[u8]) -> io::Result<()> {
    let mut file = calls.open(path, opening)?;
    calls.write(&mut file, text)?;
    calls.close(file)
}

/// One write at the front, and a cut only if something stands behind it.
fn write_in_place(calls: &mut impl Calls, path: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = calls.open(path, Opening::Overwrite)?;
    let before = calls.size(&file)?;
    calls.write(&mut file, text)?;
    if before > text.len() as u64 {
        calls.cut(&file, text.len() as u64)?;
    }
    calls.close(file)
}

fn touch(calls: &mut impl Calls, path: &Path, seconds: Option<i64>) -> io::Result<()> {
    let times = seconds.map_or(Times::Now, Times::Seconds);
    match calls.set_times(path, times) {
        Err(why) if why.kind() == io::ErrorKind::NotFound => {
            make_file(calls, path)?;
            if seconds.is_some() { calls.set_times(path, times) } else { Ok(()) }
        }
        done => done,
    }
}

/// A target is stored as typed, but `$DIR` is resolved: a link to a scenario's own files is absolute.
fn symbolic_link(calls: &mut impl Calls, target: &Path, name: &Path) -> io::Result<()> {
    match target.starts_with(DIRECTORY_PLACEHOLDER) {
        true => calls.symlink(&calls.spell(target), name),
        false => calls.symlink(target, name),
    }
}

fn replace(calls: &mut impl Calls, path: &Path, text: &[u8]) -> io::Result<()> {
    let prepared = calls.spare()?;
    write(calls, &prepared, Opening::Empty, text)?;
    calls.rename(&prepared, path)
}

fn save(calls: &mut impl Calls, path: &Path, text: &[u8]) -> io::Result<()> {
    let name = path.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidFilename))?;
    let temporary: OsString = [OsStr::new("."), name, OsStr::new(".tmp")].into_iter().collect();
    let temporary = path.with_file_name(temporary);
    write(calls, &temporary, Opening::Empty, text)?;
    calls.rename(&temporary, path)
}

fn keep(calls: &mut impl Calls, path: PathBuf, keeping: Keeping, opening: Opening) -> io::Result<()> {
    let file = calls.open(&path, opening)?;
    calls.keep(path, keeping, file).map_or(Ok(()), |before| calls.close(before))
}

fn let_go(calls: &mut impl Calls, path: &Path, keeping: Keeping) -> Option<io::Result<()>> {
    let file = calls.kept(path, keeping)?;
    Some(calls.close(file))
}

/// Does the same to each of `count` names in a directory.
pub(crate) fn each<C: Calls>(
    calls: &mut C,
    directory: &Path,
    count: u32,
    mut act: impl FnMut(&mut C, &Path) -> io::Result<()>,
) -> io::Result<()> {
    let directory = calls.spell(directory);
    (0..count).try_for_each(|number| {
        calls.undisturbed(|calls| act(calls, &directory.join(format!("name{number:06}"))))
    })
}

fn make_tree(calls: &mut impl Calls, mut directory: PathBuf, depth: u32) -> io::Result<()> {
    calls.make_directory(&directory)?;
    make_file(calls, &directory.join("file"))?;
    for _ in 0..depth {
        directory.push("directory");
        calls.make_directory(&directory)?;
        make_file(calls, &directory.join("file"))?;
    }
    Ok(())
}

fn copy_tree(calls: &mut impl Calls, from: &Path, to: &Path) -> io::Result<()> {
    calls.make_directory(to)?;
    for name in calls.names(from)? {
        let (source, target) = (from.join(&name), to.join(&name));
        match calls.entry(&source)? {
            Entry::Directory => copy_tree(calls, &source, &target)?,
            Entry::Link(link) => calls.symlink(&link, &target)?,
            Entry::File => calls.copy(&source, &target)?,
        }
    }
    Ok(())
}

/// Removes a directory with all that is in it, by name: a listing has an order of its own on each disk. A link is no directory,
/// wherever it leads.
fn remove_tree(calls: &mut impl Calls, directory: &Path) -> io::Result<()> {
    if calls.entry(directory)? != Entry::Directory {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    for name in calls.names(directory)? {
        let path = directory.join(name);
        match calls.entry(&path)? {
            Entry::Directory => remove_tree(calls, &path)?,
            Entry::Link(_) | Entry::File => calls.unlink(&path)?,
        }
    }
    calls.remove_directory(directory)
}
