//! Reads the kernel's records and makes notices of them.
//!
//! Which kernel watch serves whom is left to `armings`, what a kernel and its files are to `kernel` and `files`.
//! Invariants: what an arming wants to hear becomes notices in the kernel's order, changes of an entry that were read
//! at once merged into the last of them; each says what the entry looked like after all of them; and no arming is
//! heard of after it is [`Notice::Gone`].

use std::io;
use std::sync::Arc;

use gamin_engine::{ArmingId, Change, Cookie, EntryNotice, Level, Name, Notice, Refusal, Seen, TreePath};
use tracing::{trace, warn};

use crate::armings::{Arming, Armings};
use crate::entries::{Inspector, complete};
use crate::kernel::{Kernel, Record};
use crate::mounts::Mounts;

/// How many notices are read before others have their turn: more than a kernel's queue usually holds, so that all that
/// was in it at the beginning has been read.
const NOTICES_MAX: usize = 32 * 1024;

/// For how many notices room is kept when there are none.
const ROOM_KEPT: usize = 4096;

/// Who is told what the kernel noticed.
pub trait Listener {
    /// Whether it matters what is by now at the place of an entry that was removed, of which the kernel will tell too.
    fn wants_look(&self, watch: ArmingId, name: &Name) -> bool;

    /// Takes a notice.
    fn handle_notice(&mut self, notice: Notice);
}

/// Wants to know everything.
impl<F: FnMut(Notice)> Listener for F {
    fn wants_look(&self, _watch: ArmingId, _name: &Name) -> bool {
        true
    }

    fn handle_notice(&mut self, notice: Notice) {
        self(notice);
    }
}

/// The armings of all sessions, on one kernel, which is handed in at each call.
#[derive(Debug)]
pub struct Backend {
    armings: Armings,
    /// Room for what is read, kept from one time to the next.
    records: Vec<Record>,
    notices: Vec<Notice>,
    /// A directory has moved.
    has_moved: bool,
}

impl Backend {
    /// No armings so far.
    pub fn new() -> Backend {
        Backend { armings: Armings::new(), records: Vec::new(), notices: Vec::new(), has_moved: false }
    }

    /// Whether a directory has moved since this was last asked. What is mounted in it has moved with it, of which the kernel says nothing.
    pub fn take_moved(&mut self) -> bool {
        std::mem::take(&mut self.has_moved)
    }

    /// Takes what is mounted by now: no remote mount is touched, and none of its directories armed.
    pub fn set_mounts(&mut self, mounts: Arc<Mounts>) {
        self.armings.set_mounts(mounts);
    }

    /// Asks the kernel about a directory, or with the same id about more or less of it.
    ///
    /// No symbolic link is followed at the end of its path.
    ///
    /// # Errors
    /// Why the kernel refused. The id is not armed then, even if it was before. If the path has come to lead to another directory than
    /// that which was armed under this id, that is [`Refusal::Missing`], and the next call arms the other.
    pub fn arm<K: Kernel>(
        &mut self,
        kernel: &mut K,
        id: ArmingId,
        directory: &TreePath,
        level: Level,
    ) -> Result<(), Refusal> {
        self.armings.arm(kernel, id, directory, level)
    }

    /// Gives an arming back: there will be no more notices for it. After [`Notice::Gone`] it need not be, but may.
    pub fn disarm<K: Kernel>(&mut self, kernel: &mut K, id: ArmingId) {
        self.armings.disarm(kernel, id);
    }

    /// Gives back the room in which notices were read.
    pub fn give_back(&mut self) {
        self.records = Vec::new();
        self.notices = Vec::new();
    }

    /// How many kernel watches are held, of those that the user's limit counts.
    pub fn watches(&self) -> usize {
        self.armings.watches()
    }

    /// How many armings there are; several may share a kernel watch.
    pub fn armings(&self) -> usize {
        self.armings.count()
    }

    /// Reads all that the kernel has noticed by now, gives each notice to `listener`, and tells how many they were.
    ///
    /// # Errors
    /// As [`Backend::read`].
    pub fn drain<K: Kernel>(&mut self, kernel: &mut K, listener: &mut impl Listener) -> io::Result<usize> {
        let mut count = 0;
        let mut notices = std::mem::take(&mut self.notices);
        let drained = loop {
            let more = self.read(kernel, &mut notices, |watch, name| listener.wants_look(watch, name));
            count += notices.len();
            notices.drain(..).for_each(|notice| listener.handle_notice(notice));
            match more {
                Ok(true) if count < NOTICES_MAX => {}
                Ok(_) => break Ok(count),
                Err(error) => break Err(error),
            }
        };
        notices.shrink_to(ROOM_KEPT);
        self.records.shrink_to(ROOM_KEPT);
        self.notices = notices;
        drained
    }

    /// Reads once from the kernel's queue, appends the notices, and tells whether there may be more. Never waits for
    /// a notice, but looks at each entry that it names; at one that was removed last only if that is wanted.
    ///
    /// After [`Notice::Overflow`], which comes at most once in a read, it makes sure of each arming, so that even
    /// then every arming whose directory has left its path is [`Notice::Gone`], or [`Notice::Refused`] if that can't be seen.
    ///
    /// # Errors
    /// The kernel's queue is broken; nothing a caller does brings that about.
    pub fn read<K: Kernel>(
        &mut self,
        kernel: &mut K,
        notices: &mut Vec<Notice>,
        wants_look: impl Fn(ArmingId, &Name) -> bool,
    ) -> io::Result<bool> {
        let more = kernel.read(&mut self.records)?;
        if self.records.is_empty() {
            return Ok(more);
        }
        let first = notices.len();
        let mut overflowed = false;
        for record in self.records.drain(..) {
            self.has_moved |= record.is_of_a_moved_directory();
            match record {
                Record::Overflow => {
                    if !overflowed {
                        warn!("the kernel's queue overflowed");
                        notices.push(Notice::Overflow);
                    }
                    overflowed = true;
                }
                Record::Moved(number) => {
                    notices.extend(self.armings.end_moved(kernel, number, true));
                }
                Record::Ended(number) => {
                    let ended = self.armings.end(kernel, number);
                    notices.extend(ended.into_iter().map(|arming| Notice::Gone { watch: arming.id }));
                }
                Record::Attributes(number) => {
                    // Of a directory that another was renamed over, this is all that is told while somebody holds it open.
                    notices.extend(self.armings.end_moved(kernel, number, false));
                    let armings = self.armings.sharing(number).iter();
                    notices.extend(armings.map(|arming| Notice::Attributes { watch: arming.id }));
                }
                Record::Entry { number, name, change, is_directory, cookie } => {
                    add_entry(notices, self.armings.sharing(number), &name, (change, cookie), is_directory);
                }
                Record::Unordered { number, name, comes, goes, is_directory } => {
                    let armings = self.armings.sharing(number);
                    // What is there by now came last.
                    let is_there = armings.first().is_some_and(|arming| {
                        let seen = Inspector::new(&self.armings, &mut kernel.files()).look(arming.id, &name);
                        !matches!(seen, Seen::Absent)
                    });
                    let changes = if is_there { [goes, comes] } else { [comes, goes] };
                    for change in changes {
                        add_entry(notices, armings, &name, (change, None), is_directory);
                    }
                }
            }
        }
        let mut files = kernel.files();
        let mut inspector = Inspector::new(&self.armings, &mut files);
        complete(notices, first, |watch, name, change| {
            let is_gone = change == Change::Deleted && !wants_look(watch, name);
            if is_gone { Seen::Absent } else { inspector.look(watch, name) }
        });
        drop(files);
        if overflowed {
            notices.extend(self.armings.end_stale(kernel));
        }
        for notice in &notices[first..] {
            trace!(?notice);
        }
        Ok(more)
    }
}

impl Default for Backend {
    fn default() -> Backend {
        Backend::new()
    }
}

/// Makes notices of what happened to an entry, maybe in a rename.
fn add_entry(
    notices: &mut Vec<Notice>,
    armings: &[Arming],
    name: &Name,
    (change, cookie): (Change, Option<Cookie>),
    is_directory: bool,
) {
    let wants = |arming: &&Arming| match arming.level {
        Level::Entries => true,
        Level::Removals => is_directory && change == Change::Deleted,
        Level::Itself => false,
    };
    for Arming { id, .. } in armings.iter().filter(wants) {
        let entry = EntryNotice { change, seen: Seen::Nothing, is_last: false, cookie };
        notices.push(Notice::Entry { watch: *id, name: name.clone(), entry });
    }
}
