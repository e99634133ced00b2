//! The simulated files and their inotify as the backend asks them: all that a port of the server has to write.
//!
//! The files are left to [`Tree`](super::tree::Tree), what is told of them to [`Notifier`](super::notifier::Notifier), what is made of it to the backend that
//! ships. What the model tells goes through the tables of `gamin-linux`, as what the running kernel tells. Invariant: what
//! changes while a directory is listed is seen as readdir(2) would see it, whole or not at all for each name; and who looks at a mount
//! that hangs sees nothing until it answers.

use std::io;
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use gamin_backend::{
    Access, Extent, FileError, Kernel, Lane, MountId, Mounts, Number, OffLane, Record, scan,
};
use gamin_core::engine::{
    Entries, FileType, Found, Level, Name, Names, Refusal, Scan, ScanRequest, Stamp, Time, TreePath, Unlisted,
};
use gamin_core::{Content, Message, WorkerId};
use gamin_linux::fanotify::meaning::{self, Renames};
use gamin_linux::{BUFFER_BYTES, failure, mask, record, refusal};
use inotify::EventMask;
use nix::sys::inotify::AddWatchFlags as Mask;

use super::faults::Faults;
use super::files::Files;
use super::notifier::{Half, NotifierKind, RawRecord};
use super::tree::{Caller, DentryId, Handle, Passed};
use super::workers::{Work, Workers};
use testgam_language::action::{FileOperation, ScanFault};

/// How long a remote mount takes at most that answers: one that takes longer counts as hung, for which nobody waits.
const ANSWERED_WITHIN: Duration = Duration::from_millis(900);

/// The system under a server, and what goes wrong in it.
pub struct System<'a> {
    /// The time since the world began.
    pub now: Time,
    /// Its files, and its inotify instance.
    pub files: &'a mut Files,
    /// What goes wrong.
    pub faults: &'a mut Faults,
    /// Who makes scans that take long.
    pub workers: &'a mut Workers,
    /// Whose rights the server has.
    pub caller: Caller,
}

impl System<'_> {
    /// The next message of a worker whose time has come, or whom a mount has answered.
    pub fn message(&mut self) -> Option<Message> {
        loop {
            let tree = &self.files.tree;
            let answered = self.workers.take_answered(|mount| tree.hung(mount.0) != Some(true));
            let (worker, lane, work) = match answered {
                // What it waited for is gone.
                Some((mount, (worker, lane, work))) if tree.hung(mount.0).is_none() => {
                    self.files.tree.journal_mut().handle_long_scan(work.path(), true);
                    let found = Found::Unknown(Unlisted::Failed);
                    let scan = Scan { dependencies: Vec::new(), stops_short: true, found };
                    return Some(Message { lane, worker, content: Content::Answer(Ok(scan)) });
                }
                Some((_, ordered)) => ordered,
                None => self.workers.take(self.now)?,
            };
            let (path, answer) = match work {
                Work::Done(path, answer) => (path, answer),
                Work::StillToLook(request, mounts) => match self.look_from(&request, &mounts, &lane) {
                    Ok(answer) => (request.path, answer),
                    Err(mount) => {
                        self.workers.wait(mount, worker, lane, Work::StillToLook(request, mounts));
                        continue;
                    }
                },
            };
            let journal = self.files.tree.journal_mut();
            if answer.is_ok() {
                journal.handle_scan(&path, false);
            }
            journal.handle_long_scan(&path, true);
            return Some(Message { lane, worker, content: Content::Answer(answer) });
        }
    }

    /// Has those look who would look later.
    pub fn hasten(&mut self) {
        for (worker, lane, request, mounts) in self.workers.hasten() {
            match self.look_from(&request, &mounts, &lane) {
                Ok(answer) => self.workers.order(self.now, worker, Work::Done(request.path, answer)),
                Err(mount) => self.workers.wait(mount, worker, lane, Work::StillToLook(request, mounts)),
            }
        }
    }

    /// What a scan has found when it turns out that it takes long: half of the entries.
    fn begin(&mut self, request: &ScanRequest, mounts: &Mounts, lane: &Lane) -> Option<Scan> {
        let mut scan = scan(&mut Eyes::new(self.files, self.caller, &[]), request, mounts, lane).ok()?;
        let Found::Directory { entries: Entries::Listed(listed), .. } = &mut scan.found else { return None };
        listed.truncate(listed.len().div_ceil(2));
        Some(scan)
    }

    /// Whether fanotify tells it of a file that was removed, under a name that another has by now.
    fn is_of_another(&self, event: &RawRecord) -> bool {
        let tree = &self.files.tree;
        let (Some(name), Some(target)) = (&event.name, event.target) else { return false };
        let watched = tree.notifier.as_ref().and_then(|notifier| notifier.watched(event.number));
        let directory = watched.and_then(|(path, _)| tree.look_far(self.caller, path).ok());
        let there = directory.and_then(|directory| tree.look_up_at(self.caller, directory, name).ok());
        let is_another = there.is_some_and(|there| tree.inode_id(there) != target);
        meaning::may_be_of_a_removed_file(event.mask.bits().into()) && is_another
    }

    /// Makes a scan by the worker of a lane; an error is the mount that does not answer.
    fn look_from(
        &mut self,
        request: &ScanRequest,
        mounts: &Mounts,
        lane: &Lane,
    ) -> Result<Result<Scan, OffLane>, MountId> {
        let mut eyes = Eyes::new(self.files, self.caller, &[]);
        eyes.lane = lane.clone();
        let answer = scan(&mut eyes, request, mounts, lane);
        eyes.unanswered.map_or(Ok(answer), Err)
    }
}

impl Kernel for System<'_> {
    type Files<'a>
        = Eyes<'a>
    where
        Self: 'a;

    fn files(&mut self) -> Eyes<'_> {
        Eyes::new(self.files, self.caller, &[])
    }

    fn watch(&mut self, directory: &TreePath, level: Level, extent: Extent) -> Result<Number, Refusal> {
        self.files().ask(directory).map_err(|_| Refusal::Failed)?;
        // Of a directory that is watched already nothing new is asked, and nothing refused.
        if !self.files.tree.is_watched(self.caller, directory)
            && let Some(refusal) = self.faults.on_watch(directory)
        {
            return Err(refusal);
        }
        // Of a directory alone, no link followed: in the model there is nothing else.
        let wanted = Mask::from_bits_truncate(mask(level, extent).bits()) & Mask::IN_ALL_EVENTS;
        let adds = extent == Extent::AtLeast;
        self.files.tree.add_watch(self.caller, directory, wanted, adds).map_err(refusal)
    }

    fn unwatch(&mut self, number: Number) {
        // It fails if the kernel has removed the watch already; that event is on its way.
        let _ = self.files.tree.remove_watch(self.caller, number);
    }

    fn read(&mut self, records: &mut Vec<Record>) -> io::Result<bool> {
        let Some(notifier) = self.files.tree.notifier.as_mut() else { return Ok(false) };
        records.extend(notifier.take_ended().map(Record::Ended));
        let events = notifier.read(BUFFER_BYTES);
        for event in &events {
            let is_of_another = self.is_of_another(event);
            let Some(notifier) = self.files.tree.notifier.as_mut() else { break };
            match notifier.kind {
                NotifierKind::Inotify => {
                    let mask = EventMask::from_bits_truncate(event.mask.bits());
                    records.extend(record(event.number, mask, event.cookie, event.name.as_deref()));
                }
                // No records come of it, but it stands between others.
                NotifierKind::Fanotify if is_of_another => notifier.told_renames.handle(&mut [], 0),
                NotifierKind::Fanotify => tell_packet(event, &mut notifier.told_renames, records),
            }
        }
        Ok(!events.is_empty())
    }
}

/// What was found in a directory.
fn names_in(found: &Found) -> Vec<Name> {
    match found {
        Found::Directory { entries: Entries::Listed(listed), .. } => {
            listed.iter().map(|(name, _)| name.clone()).collect()
        }
        Found::Directory { entries: Entries::Named(names), .. } => names.iter().map(Name::from).collect(),
        _ => Vec::new(),
    }
}

/// Makes records of an event of fanotify, whose bits are those of inotify.
fn tell_packet(event: &RawRecord, renames: &mut Renames, records: &mut Vec<Record>) {
    if event.renamed.iter().any(Option::is_some) {
        let named = |half: &Half| (half.number, half.name.clone());
        return renames.handle_rename(event.renamed.each_ref().map(|half| half.as_ref().map(named)));
    }
    let first = records.len();
    let mask = u64::from(event.mask.bits());
    if event.mask.contains(Mask::IN_Q_OVERFLOW) {
        records.push(Record::Overflow);
    }
    match &event.name {
        None => records.extend(meaning::of_itself(event.number, mask)),
        Some(name) => records.extend(meaning::of_entry(event.number, name, mask)),
    }
    renames.handle(records, first);
}

impl gamin_core::Workers for System<'_> {
    fn start(&mut self, lane: &Lane) -> io::Result<Option<WorkerId>> {
        Ok(Some(self.workers.start(lane)))
    }

    fn order(&mut self, worker: WorkerId, request: &ScanRequest, mounts: &Arc<Mounts>) {
        let Some(lane) = self.workers.lane(worker).cloned() else { return };
        let (mut takes, looks_late) = self.faults.on_order(request);
        if lane.may_hang() {
            takes = takes.min(ANSWERED_WITHIN);
        }
        let still_to_look = || Work::StillToLook(request.clone(), Arc::clone(mounts));
        if looks_late {
            return self.workers.order(self.now + takes, worker, still_to_look());
        }
        match self.look_from(request, mounts, &lane) {
            Ok(answer) => {
                let work = Work::Done(request.path.clone(), answer);
                self.workers.order(self.now + takes, worker, work);
            }
            Err(mount) => self.workers.wait(mount, worker, lane, still_to_look()),
        }
    }

    fn dismiss(&mut self, worker: WorkerId) {
        self.workers.dismiss(worker);
    }
}

impl gamin_core::System for System<'_> {
    fn remounted(&mut self, may_have_moved: bool) -> Option<Arc<Mounts>> {
        // Otherwise the world says so itself, when the server comes to look.
        if !may_have_moved {
            return None;
        }
        if let Some(notifier) = &mut self.files.tree.notifier {
            notifier.handle_mounts();
        }
        Some(Arc::new(Mounts::parse(&self.files.tree.mount_table())))
    }

    fn scan(&mut self, request: &ScanRequest, mounts: &Mounts, lane: &Lane) -> Result<Scan, OffLane> {
        let (mut meanwhile, mut failure) = (Vec::new(), None);
        match self.faults.on_scan() {
            None => {}
            Some(ScanFault::Meanwhile(operations)) => meanwhile = operations,
            Some(ScanFault::Fails(why)) => failure = Some(why),
            Some(ScanFault::Slow { takes, looks_late }) => {
                self.files.tree.journal_mut().handle_long_scan(&request.path, false);
                self.faults.slow_down(request, takes, looks_late);
                return Err(OffLane {
                    lane: Lane::LONG,
                    begun: self.begin(request, mounts, lane).map(Box::new),
                });
            }
        }
        let led_to = self.files.tree.journal().leads_to(&request.path);
        let mut eyes = Eyes::new(self.files, self.caller, &meanwhile);
        let looked = scan(&mut eyes, request, mounts, lane);
        drop(eyes);
        if looked.is_err() {
            self.files.tree.journal_mut().handle_long_scan(&request.path, false);
        }
        let Scan { dependencies, stops_short, found } = looked?;
        if self.files.tree.journal().leads_to(&request.path) != led_to {
            self.files.tree.journal_mut().handle_torn_scan(&request.path, names_in(&found));
        }
        self.files.tree.journal_mut().handle_scan(&request.path, failure.is_some());
        let found = match (failure, found) {
            (None, found) => found,
            (Some(why), Found::Directory { real, stamp, .. }) => {
                Found::Directory { real, stamp, entries: Entries::Unlisted(why) }
            }
            (Some(why), Found::Missing | Found::Unknown(_) | Found::File(_)) => Found::Unknown(why),
        };
        Ok(Scan { dependencies, stops_short, found })
    }
}

/// One look at the files.
pub struct Eyes<'a> {
    files: &'a mut Files,
    caller: Caller,
    /// What is done when half of a directory's names are read.
    meanwhile: &'a [FileOperation],
    open: Vec<Handle>,
    /// What it may wait for.
    lane: Lane,
    /// What it waits for in vain.
    unanswered: Option<MountId>,
}

impl<'a> Eyes<'a> {
    /// Begins to look, as one who must not wait. When half of a directory's names are read, `meanwhile` is done.
    pub fn new(files: &'a mut Files, caller: Caller, meanwhile: &'a [FileOperation]) -> Eyes<'a> {
        Eyes { files, caller, meanwhile, open: Vec::new(), lane: Lane::SHORT, unanswered: None }
    }

    /// Asks the remote mounts on the way along a path.
    fn ask(&mut self, path: &[u8]) -> Result<(), FileError> {
        let mounts = self.files.tree.remote_on(self.caller, path, false);
        self.ask_mounts(&mounts, path)
    }

    fn ask_mounts(&mut self, mounts: &[Passed], path: &[u8]) -> Result<(), FileError> {
        for Passed { id, hangs } in mounts {
            if self.lane.mounts().all(|own| own != MountId(*id)) {
                if self.lane == Lane::SHORT {
                    self.files.trespass.get_or_insert_with(|| path.to_owned());
                }
                // Something was mounted since a worker was sent.
                return Err(FileError::Failed);
            }
            if *hangs {
                self.unanswered.get_or_insert(MountId(*id));
                return Err(FileError::Failed);
            }
        }
        Ok(())
    }
}

/// What was opened is closed when the look ends.
impl Drop for Eyes<'_> {
    fn drop(&mut self) {
        for handle in self.open.drain(..) {
            // It was opened here, and by nobody else closed.
            let _ = self.files.tree.close(handle);
        }
    }
}

impl gamin_backend::Files for Eyes<'_> {
    type Status = Stamp;
    type Directory = DentryId;

    fn look(&mut self, path: &[u8]) -> Result<Stamp, FileError> {
        self.ask(path)?;
        let tree = &self.files.tree;
        tree.look_far(self.caller, path).map(|found| tree.stamp(found)).map_err(failure)
    }

    fn target(&mut self, link: &TreePath) -> Result<Vec<u8>, FileError> {
        self.ask(link)?;
        let tree = &self.files.tree;
        let link = tree.look_far(self.caller, link);
        link.and_then(|link| tree.target(link)).map(<[u8]>::to_vec).map_err(failure)
    }

    fn open(&mut self, directory: &TreePath, access: Access) -> Result<DentryId, FileError> {
        self.ask(directory)?;
        let tree = &mut self.files.tree;
        let found = tree.look_far(self.caller, directory).map_err(failure)?;
        if tree.file_type(found) != FileType::Directory {
            return Err(FileError::NoDirectory);
        }
        if access == Access::List && !tree.may_read(self.caller, found) {
            return Err(FileError::Denied);
        }
        self.open.push(tree.hold(found));
        Ok(found)
    }

    fn look_at(&mut self, open: &DentryId) -> Result<Stamp, FileError> {
        Ok(self.files.tree.stamp(*open))
    }

    fn look_in(&mut self, open: &DentryId, name: &Name) -> Result<Stamp, FileError> {
        let mount = self.files.tree.remote_in(*open, name);
        self.ask_mounts(mount.as_slice(), name)?;
        let tree = &self.files.tree;
        tree.look_up_at(self.caller, *open, name).map(|found| tree.stamp(found)).map_err(failure)
    }

    fn names(&mut self, open: &mut DentryId, max: usize) -> Result<Names, FileError> {
        let mut names: Vec<Name> = self.files.tree.names(*open).cloned().collect();
        if !self.meanwhile.is_empty() {
            names.truncate(names.len() / 2);
            for operation in std::mem::take(&mut self.meanwhile) {
                // What cannot be done any more is not done.
                let _ = self.files.perform(operation);
            }
            let last = names.last().cloned();
            let rest = (last.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
            names.extend(self.files.tree.names_within(*open, rest).cloned());
        }
        Ok(names.iter().take(max.saturating_add(1)).map(|name| &**name).collect())
    }

    fn keeps_times(&mut self, _open: &DentryId) -> bool {
        true
    }

    fn file_type(status: &Stamp) -> FileType {
        status.file_type
    }

    fn stamp(&mut self, status: &Stamp, _directory: &[u8]) -> Stamp {
        *status
    }
}
