//! Real files: the `Calls` that operations are made of, and looking at the disk.
//!
//! Where a scenario's directory lies is given; who is told what about it is left to `live`. Invariant: no call changes the process
//! (no chdir, no umask), and none waits for the other end of a fifo.

use std::collections::{BTreeMap, HashMap};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};
use std::thread;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, RenameFlags};
use nix::sys::stat::{Mode, UtimensatFlags};
use nix::sys::time::TimeSpec;

use crate::calls::{self, Calls, Entry, Keeping, Opening, Times};
use crate::forks;
use crate::sight::{Sight, Stamp};
use testgam_language::action::FileOperation;
use testgam_language::error::STAY_INSIDE;
use testgam_language::transcript::DIRECTORY_PLACEHOLDER;
use testgam_language::words::plain_or_quoted;

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
    is_fenced: bool,
}

impl Disk {
    /// A disk whose relative paths begin at `directory`, and which may put files in `spare` for a moment.
    pub fn new(directory: PathBuf, spare: Option<PathBuf>) -> Disk {
        let (open, held, prepared) = (Mutex::default(), Mutex::default(), AtomicU64::new(0));
        Disk { directory, spare, open, held, prepared, is_fenced: false }
    }

    /// The same disk for one who may touch files below the directory alone: what leads out of it over a link is refused.
    #[must_use]
    pub fn fenced(self) -> Disk {
        Disk { is_fenced: true, ..self }
    }

    /// Whether files are touched below the directory alone.
    pub fn is_fenced(&self) -> bool {
        self.is_fenced
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

    /// Performs an operation, while which no process is started.
    ///
    /// # Errors
    /// The system's, or that it leads over the fence.
    pub fn perform(&self, operation: &FileOperation) -> io::Result<()> {
        if self.is_fenced {
            self.stay_inside(operation)?;
        }
        calls::perform(&mut &*self, operation)
    }

    /// Refuses what leads out of the directory over links, as the language does without them.
    fn stay_inside(&self, operation: &FileOperation) -> io::Result<()> {
        let own = destination(&self.directory, true)?;
        for (path, is_followed) in operation.paths() {
            let end = destination(&self.spell(path), is_followed)?;
            if !end.starts_with(&own) {
                let [path, end] =
                    [path, &end].map(|path| plain_or_quoted(path.as_os_str().as_encoded_bytes()));
                let why = format!("`{path}` leads out of $DIR over a link, to {end}; {STAY_INSIDE}");
                return Err(io::Error::other(why));
            }
        }
        Ok(())
    }

    fn open_files(&self, keeping: Keeping) -> MutexGuard<'_, HashMap<PathBuf, File>> {
        let files = match keeping {
            Keeping::ToWrite => &self.open,
            Keeping::InUse => &self.held,
        };
        // Whoever panics while it holds the lock has put nothing wrong in there.
        files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Several writers use one disk side by side.
impl Calls for &Disk {
    type File = File;

    fn spell(&self, path: &Path) -> PathBuf {
        spell(&self.directory, path)
    }

    fn spare(&mut self) -> io::Result<PathBuf> {
        let spare =
            self.spare.as_ref().ok_or_else(|| io::Error::other("there is no place to prepare the file"))?;
        Ok(spare.join(self.prepared.fetch_add(1, Ordering::Relaxed).to_string()))
    }

    fn undisturbed(&mut self, act: impl FnOnce(&mut Self) -> io::Result<()>) -> io::Result<()> {
        let _no_forks = forks::none();
        act(self)
    }

    fn make_directory(&mut self, path: &Path) -> io::Result<()> {
        fs::DirBuilder::new().mode(0o755).create(path)
    }

    fn remove_directory(&mut self, path: &Path) -> io::Result<()> {
        fs::remove_dir(path)
    }

    fn make_fifo(&mut self, path: &Path) -> io::Result<()> {
        Ok(nix::unistd::mkfifo(path, Mode::from_bits_truncate(0o644))?)
    }

    fn unlink(&mut self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn exchange(&mut self, a: &Path, b: &Path) -> io::Result<()> {
        Ok(nix::fcntl::renameat2(AT_FDCWD, a, AT_FDCWD, b, RenameFlags::RENAME_EXCHANGE)?)
    }

    fn link(&mut self, target: &Path, name: &Path) -> io::Result<()> {
        fs::hard_link(target, name)
    }

    fn symlink(&mut self, target: &Path, name: &Path) -> io::Result<()> {
        std::os::unix::fs::symlink(target, name)
    }

    fn truncate(&mut self, path: &Path, size: u64) -> io::Result<()> {
        Ok(nix::unistd::truncate(path, i64::try_from(size).map_err(io::Error::other)?)?)
    }

    fn set_times(&mut self, path: &Path, times: Times) -> io::Result<()> {
        let (access, modification) = match times {
            Times::Access => (TimeSpec::UTIME_NOW, TimeSpec::UTIME_OMIT),
            Times::Now => (TimeSpec::UTIME_NOW, TimeSpec::UTIME_NOW),
            Times::Seconds(seconds) => (TimeSpec::new(seconds, 0), TimeSpec::new(seconds, 0)),
        };
        let flags = UtimensatFlags::FollowSymlink;
        Ok(nix::sys::stat::utimensat(AT_FDCWD, path, &access, &modification, flags)?)
    }

    fn change_mode(&mut self, path: &Path, mode: u32) -> io::Result<()> {
        fs::set_permissions(path, fs::Permissions::from_mode(mode))
    }

    fn change_owner(&mut self, path: &Path, uid: u32) -> io::Result<()> {
        std::os::unix::fs::lchown(path, Some(uid), None)
    }

    fn open(&mut self, path: &Path, opening: Opening) -> io::Result<File> {
        let mut how = OpenOptions::new();
        // Of a fifo the other end is not waited for.
        how.custom_flags(nix::libc::O_NONBLOCK).mode(0o666);
        match opening {
            Opening::Read => how.read(true),
            Opening::Extend => how.append(true),
            Opening::Append => how.append(true).create(true),
            Opening::Overwrite => how.write(true).create(true).truncate(false),
            Opening::Empty => how.write(true).create(true).truncate(true),
        };
        how.open(path)
    }

    fn write(&mut self, file: &mut File, text: &[u8]) -> io::Result<()> {
        file.write_all(text)
    }

    fn size(&mut self, file: &File) -> io::Result<u64> {
        file.metadata().map(|seen| seen.len())
    }

    fn cut(&mut self, file: &File, size: u64) -> io::Result<()> {
        file.set_len(size)
    }

    fn close(&mut self, file: File) -> io::Result<()> {
        drop(file);
        Ok(())
    }

    fn read(&mut self, path: &Path) -> io::Result<()> {
        if path.is_dir() {
            return fs::read_dir(path)?.try_for_each(|entry| entry.map(drop));
        }
        let file = self.open(path, Opening::Read)?;
        file.take(1 << 20).read_to_end(&mut Vec::new()).map(drop)
    }

    fn entry(&mut self, path: &Path) -> io::Result<Entry> {
        Ok(match fs::symlink_metadata(path)?.file_type() {
            kind if kind.is_dir() => Entry::Directory,
            kind if kind.is_symlink() => Entry::Link(fs::read_link(path)?),
            _ => Entry::File,
        })
    }

    fn names(&mut self, directory: &Path) -> io::Result<Vec<OsString>> {
        let mut names: Vec<_> =
            fs::read_dir(directory)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<_>>()?;
        names.sort();
        Ok(names)
    }

    fn copy(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        fs::copy(from, to).map(drop)
    }

    fn keep(&mut self, path: PathBuf, keeping: Keeping, file: File) -> Option<File> {
        self.open_files(keeping).insert(path, file)
    }

    fn kept(&mut self, path: &Path, keeping: Keeping) -> Option<File> {
        self.open_files(keeping).remove(path)
    }

    fn write_kept(&mut self, path: &Path, text: &[u8]) -> Option<io::Result<()>> {
        Some(self.open_files(Keeping::ToWrite).get_mut(path)?.write_all(text))
    }
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
    fn over_a_link_no_file_is_touched_outside_a_fence() {
        let (root, disk) = disk();
        let disk = disk.fenced();
        let outside = root.path().join("outside");
        fs::create_dir_all(outside.join("sub")).expect("there is room");
        fs::write(outside.join("old"), "precious").expect("there is room");
        for (target, name) in
            [(outside.as_path(), "out"), (&outside.join("old"), "file"), (Path::new("."), "in")]
        {
            std::os::unix::fs::symlink(target, disk.spell(Path::new(name))).expect("there is room");
        }
        use FileOperation as Op;
        let refused = [
            Op::RemoveTree("out/sub".into()),
            Op::Move { from: "out/old".into(), to: "stolen".into() },
            Op::Write { path: "file".into(), text: b"x".to_vec() },
            Op::Append { path: "out/new".into(), text: b"x".to_vec() },
            Op::ChangeMode { path: "file".into(), mode: 0 },
            Op::MakeFiles { directory: "out".into(), count: 1 },
            Op::CopyTree { from: "out".into(), to: "copy".into() },
        ];
        for operation in refused {
            let why = disk.perform(&operation).expect_err("because it leads out").to_string();
            assert!(why.contains("leads out of $DIR over a link, to "), "{operation:?}: {why}");
        }
        assert_eq!(fs::read(outside.join("old")).expect("it is there"), b"precious");
        assert_eq!(fs::read_dir(&outside).expect("it is there").count(), 2);
        for operation in
            [Op::MakeFile("in/a".into()), Op::RemoveFile("out".into()), Op::RemoveFile("file".into())]
        {
            disk.perform(&operation).expect("because it stays inside");
        }
    }

    #[test]
    fn a_process_is_started_while_many_files_are_made() {
        let (_root, disk) = disk();
        let is_started = std::sync::atomic::AtomicBool::new(false);
        let done = thread::scope(|scope| {
            scope.spawn(|| {
                let _forks = forks::allowed();
                is_started.store(true, Ordering::Relaxed);
            });
            let stop = |_: &mut &Disk, _: &Path| match is_started.load(Ordering::Relaxed) {
                true => Err(io::ErrorKind::Interrupted.into()),
                false => Ok(()),
            };
            calls::each(&mut &disk, Path::new(""), u32::MAX, stop)
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
