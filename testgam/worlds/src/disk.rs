//! Real files: each [`FileOperation`] as the system calls that its verb promises, and looking at the disk.
//!
//! Where a scenario's directory lies is given; who is told what about it is left to `live`. Invariant: no
//! operation changes the process (no chdir, no umask), and each makes no more system calls that a monitor
//! could notice than docs/testgam.md says.

use std::collections::{BTreeMap, HashMap};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};
use std::thread;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, RenameFlags};
use nix::sys::stat::{Mode, UtimensatFlags};
use nix::sys::time::TimeSpec;

use crate::forks;
use crate::sight::{Sight, Stamp};
use testgam_language::action::FileOperation;
use testgam_language::transcript::DIRECTORY_PLACEHOLDER;

/// As many links as the kernel follows.
const LINKS_MAX: u32 = 40;

/// A directory on a real disk, in which a scenario plays.
#[derive(Debug)]
pub struct Disk {
    directory: PathBuf,
    /// On the same file system, outside what is monitored.
    spare: Option<PathBuf>,
    /// Open for writing.
    open: Mutex<HashMap<PathBuf, File>>,
    /// Open for reading.
    held: Mutex<HashMap<PathBuf, File>>,
    /// How many files have been prepared in `spare`.
    prepared: AtomicU64,
}

impl Disk {
    /// A disk whose relative paths begin at `directory`, and which may put files in `spare` for a moment.
    pub fn new(directory: PathBuf, spare: Option<PathBuf>) -> Disk {
        Disk { directory, spare, open: Mutex::default(), held: Mutex::default(), prepared: AtomicU64::new(0) }
    }

    /// Where relative paths begin.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// A path as typed, made absolute and changed no further: `a//b/` keeps its slashes.
    pub fn spell(&self, path: &Path) -> PathBuf {
        spell(&self.directory, path)
    }

    /// Has each of these lists done by a thread of its own, all at once. What cannot be done is left out.
    ///
    /// # Errors
    /// The system's, if it has no room for a thread. Who was started before goes on.
    pub fn perform_concurrently(&self, writers: &[Vec<FileOperation>]) -> io::Result<()> {
        let gate = &RwLock::new(());
        thread::scope(|scope| {
            let _closed = gate.write();
            writers.iter().try_for_each(|writer| {
                let write = move || {
                    drop(gate.read());
                    for operation in writer {
                        // Another was quicker.
                        let _ = self.perform(operation);
                    }
                };
                thread::Builder::new().name("writer".into()).spawn_scoped(scope, write).map(drop)
            })
        })
    }

    /// Performs an operation, while which no process is started; what is done to many files lets them be started between two.
    ///
    /// # Errors
    /// The system's.
    pub fn perform(&self, operation: &FileOperation) -> io::Result<()> {
        use FileOperation as Op;
        let is_of_many = matches!(
            operation,
            Op::MakeFiles { .. } | Op::RemoveFiles { .. } | Op::AppendFiles { .. } | Op::Churn { .. }
        );
        let _no_forks = (!is_of_many).then(forks::none);
        let at = |path: &Path| self.spell(path);
        match operation {
            Op::MakeDirectory(path) => fs::DirBuilder::new().mode(0o755).create(at(path)),
            Op::RemoveDirectory(path) => fs::remove_dir(at(path)),
            Op::MakeFile(path) => make_file(&at(path)),
            Op::MakeFifo(path) => Ok(nix::unistd::mkfifo(&at(path), Mode::from_bits_truncate(0o644))?),
            Op::RemoveFile(path) => fs::remove_file(at(path)),
            Op::Write { path, text } => write(&at(path), text),
            Op::Rewrite { path, text } => rewrite(&at(path), text),
            Op::Append { path, text } => append(&at(path), text),
            Op::Truncate { path, size } => Ok(nix::unistd::truncate(&at(path), size_of_file(*size)?)?),
            Op::Touch { path, seconds } => touch(&at(path), *seconds),
            Op::TouchAccess(path) => set_times(&at(path), TimeSpec::UTIME_NOW, TimeSpec::UTIME_OMIT),
            Op::Read(path) => read(&at(path)),
            Op::ChangeMode { path, mode } => fs::set_permissions(at(path), fs::Permissions::from_mode(*mode)),
            Op::ChangeOwner { path, uid } => std::os::unix::fs::lchown(at(path), Some(*uid), None),
            Op::Move { from, to } => fs::rename(at(from), at(to)),
            Op::Exchange { a, b } => exchange(&at(a), &at(b)),
            Op::SymbolicLink { target, name } => self.symbolic_link(target, &at(name)),
            Op::HardLink { target, name } => fs::hard_link(at(target), at(name)),
            Op::Replace { path, text } => self.replace(&at(path), text),
            Op::Save { path, text } => save(&at(path), text),
            Op::Open(path) => self.open(at(path)),
            Op::WriteOpen { path, text } => {
                let mut open = locked(&self.open);
                open.get_mut(&at(path)).ok_or_else(not_open)?.write_all(text)
            }
            Op::Close(path) => locked(&self.open).remove(&at(path)).map(drop).ok_or_else(not_open),
            Op::Hold(path) => {
                let path = at(path);
                let file = opening().read(true).open(&path)?;
                locked(&self.held).insert(path, file);
                Ok(())
            }
            Op::LetGo(path) => locked(&self.held).remove(&at(path)).map(drop).ok_or_else(not_held),
            Op::MakeFiles { directory, count } => each(&at(directory), *count, make_file),
            Op::RemoveFiles { directory, count } => {
                each(&at(directory), *count, |path| fs::remove_file(path))
            }
            Op::AppendFiles { directory, count } => each(&at(directory), *count, |path| append(path, b"a")),
            Op::Churn { directory, count } => {
                each(&at(directory), *count, |path| make_file(path).and_then(|()| fs::remove_file(path)))
            }
            Op::MakeTree { directory, depth } => make_tree(&at(directory), *depth),
            Op::CopyTree { from, to } => copy_tree(&at(from), &at(to)),
            Op::RemoveTree(path) => remove_tree(&at(path)),
        }
    }

    /// A target is stored as typed, but `$DIR` is resolved: a link to a scenario's own files is absolute.
    fn symbolic_link(&self, target: &OsStr, name: &Path) -> io::Result<()> {
        match Path::new(target).starts_with(DIRECTORY_PLACEHOLDER) {
            true => std::os::unix::fs::symlink(self.spell(Path::new(target)), name),
            false => std::os::unix::fs::symlink(target, name),
        }
    }

    fn replace(&self, path: &Path, text: &[u8]) -> io::Result<()> {
        let spare =
            self.spare.as_ref().ok_or_else(|| io::Error::other("there is no place to prepare the file"))?;
        let prepared = spare.join(self.prepared.fetch_add(1, Ordering::Relaxed).to_string());
        fs::write(&prepared, text)?;
        fs::rename(prepared, path)
    }

    fn open(&self, path: PathBuf) -> io::Result<()> {
        let file = opening().append(true).open(&path)?;
        locked(&self.open).insert(path, file);
        Ok(())
    }
}

fn locked(files: &Mutex<HashMap<PathBuf, File>>) -> MutexGuard<'_, HashMap<PathBuf, File>> {
    // Whoever panics while it holds the lock has put nothing wrong in there.
    files.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A path as typed in a script that plays in `directory`, made absolute and changed no further.
pub fn spell(directory: &Path, path: &Path) -> PathBuf {
    let directory = directory.as_os_str().as_bytes();
    let typed = path.as_os_str().as_bytes();
    let parts = match typed.strip_prefix(DIRECTORY_PLACEHOLDER.as_bytes()) {
        _ if path.is_absolute() => [b"", b"", typed],
        Some(rest) if rest.is_empty() || rest[0] == b'/' => [directory, b"", rest],
        _ => [directory, b"/", typed],
    };
    OsString::from_vec(parts.concat()).into()
}

/// Where an absolute path leads: the same without links, of which the last is followed only if that `is_followed`. What does
/// not exist leads on by its name.
///
/// # Errors
/// That the links lead in a circle.
pub fn destination(path: &Path, is_followed: bool) -> io::Result<PathBuf> {
    let parts = |path: &Path| -> Vec<OsString> {
        path.components().rev().map(|part| part.as_os_str().to_owned()).collect()
    };
    let (mut place, mut rest, mut links) = (PathBuf::new(), parts(path), 0);
    while let Some(part) = rest.pop() {
        if part == ".." {
            place.pop();
            continue;
        }
        let next = place.join(&part);
        match fs::read_link(&next) {
            Ok(target) if is_followed || !rest.is_empty() => {
                links += 1;
                if links > LINKS_MAX {
                    return Err(Errno::ELOOP.into());
                }
                rest.extend(parts(&target));
            }
            _ => place = next,
        }
    }
    Ok(place)
}

/// Removes a directory with all that is in it, entries by name: `readdir` has an order of its own on each disk. A link
/// is no directory, wherever it leads.
fn remove_tree(directory: &Path) -> io::Result<()> {
    if !fs::symlink_metadata(directory)?.is_dir() {
        return Err(Errno::ENOTDIR.into());
    }
    let mut entries = fs::read_dir(directory)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        if entry.file_type()?.is_dir() {
            remove_tree(&entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    fs::remove_dir(directory)
}

/// What comes of asking for a file that is not held open.
pub fn not_open() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "not held open; `open` it first")
}

/// What comes of letting go of what is not held.
pub fn not_held() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "not held; `hold` it first")
}

fn size_of_file(size: u64) -> io::Result<i64> {
    i64::try_from(size).map_err(io::Error::other)
}

/// How files are opened: of a fifo the other end is not waited for, which is `ENXIO` to a writer.
fn opening() -> OpenOptions {
    let mut opening = OpenOptions::new();
    opening.custom_flags(nix::libc::O_NONBLOCK);
    opening
}

fn make_file(path: &Path) -> io::Result<()> {
    opening().write(true).create(true).truncate(false).mode(0o666).open(path).map(drop)
}

/// One write at the front, and a cut only if something stands behind it.
fn write(path: &Path, text: &[u8]) -> io::Result<()> {
    let file = opening().write(true).create(true).truncate(false).open(path)?;
    let before = file.metadata()?.len();
    file.write_all_at(text, 0)?;
    if before > text.len() as u64 { file.set_len(text.len() as u64) } else { Ok(()) }
}

fn rewrite(path: &Path, text: &[u8]) -> io::Result<()> {
    opening().write(true).create(true).truncate(true).open(path)?.write_all(text)
}

fn append(path: &Path, text: &[u8]) -> io::Result<()> {
    opening().append(true).create(true).open(path)?.write_all(text)
}

fn touch(path: &Path, seconds: Option<i64>) -> io::Result<()> {
    let time = seconds.map_or(TimeSpec::UTIME_NOW, |seconds| TimeSpec::new(seconds, 0));
    match set_times(path, time, time) {
        Err(why) if why.kind() == io::ErrorKind::NotFound => {
            make_file(path)?;
            if seconds.is_some() { set_times(path, time, time) } else { Ok(()) }
        }
        done => done,
    }
}

fn set_times(path: &Path, access: TimeSpec, modification: TimeSpec) -> io::Result<()> {
    let flags = UtimensatFlags::FollowSymlink;
    Ok(nix::sys::stat::utimensat(AT_FDCWD, path, &access, &modification, flags)?)
}

fn read(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return fs::read_dir(path)?.try_for_each(|entry| entry.map(drop));
    }
    let file = opening().read(true).open(path)?;
    file.take(1 << 20).read_to_end(&mut Vec::new()).map(drop)
}

fn exchange(a: &Path, b: &Path) -> io::Result<()> {
    Ok(nix::fcntl::renameat2(AT_FDCWD, a, AT_FDCWD, b, RenameFlags::RENAME_EXCHANGE)?)
}

fn save(path: &Path, text: &[u8]) -> io::Result<()> {
    let name = path.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidFilename))?;
    let temporary: OsString = [OsStr::new("."), name, OsStr::new(".tmp")].into_iter().collect();
    let temporary = path.with_file_name(temporary);
    fs::write(&temporary, text)?;
    fs::rename(temporary, path)
}

fn each(directory: &Path, count: u32, mut act: impl FnMut(&Path) -> io::Result<()>) -> io::Result<()> {
    (0..count).try_for_each(|number| {
        // One at a time: whoever is to start a server would wait for all of them.
        let _no_forks = forks::none();
        act(&directory.join(format!("name{number:06}")))
    })
}

fn make_tree(directory: &Path, depth: u32) -> io::Result<()> {
    let mut directory = directory.to_owned();
    fs::create_dir(&directory)?;
    make_file(&directory.join("file"))?;
    for _ in 0..depth {
        directory.push("directory");
        fs::create_dir(&directory)?;
        make_file(&directory.join("file"))?;
    }
    Ok(())
}

fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    let mut entries = fs::read_dir(from)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let target = to.join(entry.file_name());
        match entry.file_type()? {
            kind if kind.is_dir() => copy_tree(&entry.path(), &target)?,
            kind if kind.is_symlink() => std::os::unix::fs::symlink(fs::read_link(entry.path())?, target)?,
            _ => fs::copy(entry.path(), target).map(drop)?,
        }
    }
    Ok(())
}

/// Looks at a path, links followed.
///
/// `is_visible` says whether the server may list a directory with this mode, which our own rights do not
/// tell when it runs with fewer.
pub fn look(path: &Path, is_visible: impl Fn(&fs::Metadata) -> bool) -> Sight {
    let seen = match fs::metadata(path) {
        Ok(seen) => seen,
        Err(why) if why.kind() == io::ErrorKind::PermissionDenied => return Sight::Hidden,
        Err(_) => return Sight::Missing,
    };
    let stamp = stamp(&seen, true);
    if !seen.is_dir() {
        return Sight::File(stamp);
    }
    if !is_visible(&seen) {
        return Sight::Hidden;
    }
    let Ok(entries) = fs::read_dir(path) else { return Sight::Hidden };
    let look = |entry: fs::DirEntry| Some((entry.file_name(), look_at_entry(path, &entry.file_name())?));
    Sight::Directory(stamp, entries.flatten().filter_map(look).collect::<BTreeMap<_, _>>())
}

/// Looks at an entry of a directory, links not followed.
pub fn look_at_entry(directory: &Path, name: &OsStr) -> Option<Stamp> {
    let seen = fs::symlink_metadata(directory.join(name)).ok()?;
    Some(stamp(&seen, !seen.is_dir()))
}

fn stamp(seen: &fs::Metadata, has_content: bool) -> Stamp {
    // A file with several names may be written under another one, which this entry's watch does not see.
    let own = seen.is_dir() || seen.nlink() == 1;
    let time = i128::from(seen.mtime()) * 1_000_000_000 + i128::from(seen.mtime_nsec());
    Stamp {
        inode: seen.ino(),
        mode: seen.mode(),
        owner: (seen.uid(), seen.gid()),
        content: (has_content && own).then_some((seen.len(), time)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk() -> (tempfile::TempDir, Disk) {
        let root = tempfile::tempdir().expect("a temporary directory");
        fs::create_dir(root.path().join("dir")).expect("a directory in it");
        let disk = Disk::new(root.path().join("dir"), Some(root.path().to_owned()));
        (root, disk)
    }

    #[test]
    fn a_path_leads_where_its_links_do() {
        let (root, _) = disk();
        let root = root.path().canonicalize().expect("it is there");
        let link = |target: &str, name: &str| {
            std::os::unix::fs::symlink(target, root.join(name)).expect("there is room");
        };
        link("/etc", "out");
        link("../nowhere/x", "dir/dangling");
        link("dir", "in");
        link("circle", "circle");
        let leads = |path: &str, is_followed| destination(&root.join(path), is_followed).ok();
        assert_eq!(leads("out/new/x", false), Some("/etc/new/x".into()));
        assert_eq!(leads("out/../x", false), Some("/x".into()));
        assert_eq!((leads("out", true), leads("out", false)), (Some("/etc".into()), Some(root.join("out"))));
        assert_eq!(leads("in/./dangling", true), Some(root.join("nowhere/x")));
        assert_eq!(leads("in/x", true), Some(root.join("dir/x")));
        assert_eq!((leads("circle", true), leads("circle", false)), (None, Some(root.join("circle"))));
    }

    #[test]
    fn a_process_is_started_while_many_files_are_made() {
        let is_started = std::sync::atomic::AtomicBool::new(false);
        let done = thread::scope(|scope| {
            scope.spawn(|| {
                let _forks = forks::allowed();
                is_started.store(true, Ordering::Relaxed);
            });
            each(Path::new(""), u32::MAX, |_| match is_started.load(Ordering::Relaxed) {
                true => Err(io::ErrorKind::Interrupted.into()),
                false => Ok(()),
            })
        });
        assert!(done.is_err(), "it waited for the last of them");
    }

    #[test]
    fn paths_keep_the_spelling_they_were_typed_with() {
        let disk = Disk::new("/tmp/x".into(), None);
        let spelled = |path: &str| disk.spell(Path::new(path)).into_os_string();
        for (typed, expected) in [
            ("temp//x/", "/tmp/x/temp//x/"),
            (".", "/tmp/x/."),
            ("$DIR", "/tmp/x"),
            ("$DIR/a/./b", "/tmp/x/a/./b"),
            ("$DIRECTORY", "/tmp/x/$DIRECTORY"),
            ("/etc/", "/etc/"),
        ] {
            assert_eq!(spelled(typed), expected);
        }
    }

    #[test]
    fn writing_in_place_leaves_exactly_the_text() {
        let (_root, disk) = disk();
        for text in ["first and long", "short"] {
            let operation = FileOperation::Write { path: "a".into(), text: text.into() };
            disk.perform(&operation).expect("the file can be written");
            assert_eq!(fs::read_to_string(disk.directory().join("a")).expect("a file"), text);
        }
    }

    #[test]
    fn a_tree_is_made_copied_and_removed() {
        let (_root, disk) = disk();
        let a = PathBuf::from("a");
        disk.perform(&FileOperation::MakeTree { directory: a.clone(), depth: 2 }).expect("a tree");
        disk.perform(&FileOperation::CopyTree { from: a.clone(), to: "b".into() }).expect("a copy");
        assert!(disk.directory().join("b/directory/directory/file").is_file());
        disk.perform(&FileOperation::RemoveTree(a)).expect("no tree");
        assert_eq!(look(disk.directory(), |_| true), look(disk.directory(), |_| true));
        let Sight::Directory(_, entries) = look(disk.directory(), |_| true) else { panic!("a directory") };
        assert_eq!(entries.into_keys().collect::<Vec<_>>(), ["b"]);
    }

    #[test]
    fn only_an_open_file_can_be_written_and_closed() {
        let (_root, disk) = disk();
        assert!(disk.perform(&FileOperation::Close("a".into())).is_err());
        disk.perform(&FileOperation::MakeFile("a".into())).expect("a file");
        disk.perform(&FileOperation::Open("a".into())).expect("an open file");
        let write = FileOperation::WriteOpen { path: "a".into(), text: b"x".to_vec() };
        disk.perform(&write).expect("a write");
        disk.perform(&FileOperation::Close("a".into())).expect("a close");
        assert!(disk.perform(&write).is_err());
    }
}
