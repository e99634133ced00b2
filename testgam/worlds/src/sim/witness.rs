//! The witness: holds each event against what its name really was.
//!
//! A simulated world keeps a journal of the states that each name had; here it is compared with what was told. Three things are
//! asked of the events about one name: that its states can be laid side by side with them, in order (*no phantom*, *order*); that the
//! fingerprint in an event is that of a state which the name had, and no older one than the event before told of (*order*); and that the
//! last of them is of the state it has in the end (*converged*), or had when a barrier was asked for, or later (*barrier sound*).
//!
//! A state may be told twice: by a rescan, and by the notice that the rescan has overtaken. Invariant: whatever could be due to a scan that
//! failed, or to something that nobody promises to notice, is passed over.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use gamin::{Code, Event, Kind};
use gamin_core::engine::{Name, Tag, TreePath};

use crate::check::{Checker, Complaint};
use crate::sim::journal::{Chronicle, FileSight, FollowedPath, Journal, Life, Moment, State};
use crate::told::tells_presence;

/// How often one state may be told: by a rescan, and by the notice that the rescan has overtaken.
const TELLINGS_MAX: u32 = 2;

/// Where the events about one name have come to in its life.
#[derive(Debug, Clone, Copy, Default)]
struct Thread {
    /// The earliest state that the last event may have told of, and how often it was told.
    state: usize,
    tellings: u32,
    /// The earliest state whose fingerprint the last event may have carried.
    tagged: usize,
    /// What the last event said.
    told: Heard,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Heard {
    #[default]
    Nothing,
    Absent,
    Present(Option<Tag>),
}

/// What one request was told.
#[derive(Debug)]
struct Account {
    subject: FollowedPath,
    /// As it was asked for.
    path: Vec<u8>,
    /// No event can be about what was before.
    began: Moment,
    /// Whether a name of which nothing was told is absent.
    has_listing: bool,
    is_listed: bool,
    /// Whether its events are held back.
    is_suspended: bool,
    root: Option<Thread>,
    entries: BTreeMap<Name, Thread>,
}

/// A barrier that was answered.
#[derive(Debug)]
struct Barrier {
    /// When it was asked for.
    asked: Moment,
    /// The requests of which it says nothing.
    left_out: BTreeSet<i32>,
}

/// What all requests were told. `C` names a client.
#[derive(Debug)]
pub struct Witness<C> {
    accounts: BTreeMap<(C, i32), Account>,
    /// Each client's last barrier, if it was answered and the events before it are still to be read.
    barriers: BTreeMap<C, Barrier>,
    /// Since when the server was at rest at the latest.
    rested: Moment,
}

impl<C> Default for Witness<C> {
    fn default() -> Witness<C> {
        Witness { accounts: BTreeMap::new(), barriers: BTreeMap::new(), rested: 0 }
    }
}

impl<C: Copy + Ord> Witness<C> {
    /// Takes note of a request; what it is about is to be followed from now on.
    pub fn handle_monitor(
        &mut self,
        client: C,
        number: i32,
        kind: Kind,
        path: &Path,
        has_listing: bool,
    ) -> Option<FollowedPath> {
        let path = path.as_os_str().as_bytes().to_vec();
        let subject = (TreePath::new(&path)?, kind);
        let account = Account {
            subject: subject.clone(),
            path,
            began: self.rested,
            has_listing,
            is_listed: !has_listing,
            is_suspended: false,
            root: None,
            entries: BTreeMap::new(),
        };
        self.accounts.insert((client, number), account);
        Some(subject)
    }

    /// Takes note that the events of a request are held back, or no more.
    pub fn handle_suspended(&mut self, client: C, number: i32, is_suspended: bool) {
        if let Some(account) = self.accounts.get_mut(&(client, number)) {
            account.is_suspended = is_suspended;
        }
    }

    /// Takes note that nothing is told of a request any more.
    pub fn handle_cancel(&mut self, client: C, number: i32) {
        self.accounts.remove(&(client, number));
    }

    /// Takes note that a client has left.
    pub fn handle_disconnect(&mut self, client: C) {
        self.accounts.retain(|(of, _), _| *of != client);
        self.barriers.remove(&client);
    }

    /// Takes note that the server has nothing to do, and nothing to hear.
    pub fn handle_rest(&mut self, now: Moment) {
        self.rested = now;
    }

    /// Takes note that a barrier was answered that was asked for at a moment. It did not wait for what was held back then, or did not
    /// answer.
    pub fn handle_barrier(&mut self, client: C, asked: Moment, journal: &Journal) {
        let is_left_out = |account: &Account| {
            journal.chronicle(&account.subject).is_some_and(|chronicle| account.is_excused(chronicle))
        };
        let left_out = { self.accounts.iter() }
            .filter(|((of, _), account)| *of == client && is_left_out(account))
            .map(|((_, number), _)| *number)
            .collect();
        self.barriers.insert(client, Barrier { asked, left_out });
    }

    /// Takes an event that a client reads.
    ///
    /// # Errors
    /// Says why it cannot be true.
    pub fn handle_event(
        &mut self,
        client: C,
        event: &Event,
        tag: Option<Tag>,
        journal: &Journal,
    ) -> Result<(), Complaint> {
        let Some(account) = self.accounts.get_mut(&(client, event.request.0)) else { return Ok(()) };
        let Some(chronicle) = journal.chronicle(&account.subject) else { return Ok(()) };
        account.take(event, tag, chronicle, journal)
    }

    /// Takes note that a client has read all there is.
    ///
    /// # Errors
    /// Says what was not told that happened before its barrier.
    pub fn handle_all_read(&mut self, client: C, journal: &Journal) -> Result<(), Complaint> {
        let Some(Barrier { asked, left_out }) = self.barriers.remove(&client) else { return Ok(()) };
        for ((of, number), account) in &self.accounts {
            let is_meant = *of == client && account.began <= asked && !left_out.contains(number);
            if is_meant && account.is_listed {
                account.compare(journal, asked).map_err(|what| {
                    Complaint::new(
                        Checker::BarrierSound,
                        format!("request {number}: {what} since the barrier was asked for"),
                    )
                })?;
            }
        }
        Ok(())
    }

    /// Compares what was told with what is there now.
    ///
    /// # Errors
    /// The first difference.
    pub fn compare(&self, client: C, journal: &Journal) -> Result<(), Complaint> {
        for ((_, number), account) in self.accounts.iter().filter(|((of, _), _)| *of == client) {
            account
                .compare(journal, journal.now())
                .map_err(|what| Complaint::new(Checker::Converged, format!("request {number}: {what}")))?;
        }
        Ok(())
    }
}

impl Account {
    fn take(
        &mut self,
        event: &Event,
        tag: Option<Tag>,
        chronicle: &Chronicle,
        journal: &Journal,
    ) -> Result<(), Complaint> {
        let name = event.path.as_os_str().as_bytes();
        let is_root = self.subject.1 == Kind::File || name == self.path;
        self.is_listed |= event.code == Code::EndExist;
        let told = match tells_presence(event.code) {
            Some(true) => Heard::Present(tag),
            Some(false) => Heard::Absent,
            None => return Ok(()),
        };
        let absent = Life::new(chronicle.root.states().first().map_or(0, |(began, _)| *began));
        let life = match is_root {
            true => &chronicle.root,
            false => chronicle.entries.get(name).unwrap_or(&absent),
        };
        let began = self.began;
        let fresh = || Thread { state: life.at(began), tagged: life.at(began), ..Thread::default() };
        let thread = match is_root {
            true => self.root.get_or_insert_with(fresh),
            false => self.entries.entry(Name::from(name)).or_insert_with(fresh),
        };
        // Which directory it is, is told once and for all.
        let told = match told {
            Heard::Present(_) if is_root && self.subject.1 == Kind::Directory => Heard::Present(None),
            told => told,
        };
        let taken = match chronicle.is_void() {
            true => Ok(()),
            false => thread.take(told, life, journal, chronicle),
        };
        thread.told = told;
        let at = thread.state;
        if is_root && told == Heard::Absent {
            // Its entries are gone with it, without an event each; what is told of them next is what came afterwards.
            let moment = life.states().get(at).map_or(0, |(moment, _)| *moment);
            for (name, thread) in &mut self.entries {
                if let Some(life) = chronicle.entries.get(name) {
                    thread.state = thread.state.max(life.at(moment));
                }
                (thread.tellings, thread.told) = (0, Heard::Nothing);
            }
        }
        taken.map_err(|(checker, why)| {
            let code = event.code.name().unwrap_or("?");
            Complaint::new(
                checker,
                format!("request {}: {} {code}, but {why}", event.request, name.escape_ascii()),
            )
        })
    }

    /// Whether it need not have been told what is there now: it is held back, or nobody could look.
    fn is_excused(&self, chronicle: &Chronicle) -> bool {
        self.is_suspended || chronicle.is_doubted
    }

    /// Compares what was told with the states that were there at a moment, or later.
    fn compare(&self, journal: &Journal, since: Moment) -> Result<(), String> {
        let Some(chronicle) = journal.chronicle(&self.subject) else { return Ok(()) };
        if chronicle.is_void() || !self.is_listed || self.is_excused(chronicle) {
            return Ok(());
        }
        let path = self.path.escape_ascii();
        let nothing = Thread::default();
        let root = self.root.as_ref().unwrap_or(&nothing);
        if !root.holds(&chronicle.root, since, self.has_listing) {
            return Err(format!("{path} has not been {}", root.told));
        }
        if self.subject.1 == Kind::File || root.told == Heard::Absent || root.told == Heard::Nothing {
            return Ok(());
        }
        for (name, life) in &chronicle.entries {
            let thread = self.entries.get(name).unwrap_or(&nothing);
            if !thread.holds(life, since, self.has_listing) {
                return Err(format!("{} in {path} has not been {}", name.escape_ascii(), thread.told));
            }
        }
        Ok(())
    }
}

impl std::fmt::Display for Heard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Heard::Nothing | Heard::Absent => "absent, as was told,",
            Heard::Present(_) => "what was told",
        })
    }
}

impl Thread {
    /// Lays an event beside the states.
    fn take(
        &mut self,
        told: Heard,
        life: &Life,
        journal: &Journal,
        chronicle: &Chronicle,
    ) -> Result<(), (Checker, &'static str)> {
        let (states, root) = (life.states(), &chronicle.root);
        let fits = |state: &State| match (state, told) {
            (State::Hidden, _) | (State::Absent, Heard::Absent) | (State::Present(_), Heard::Present(_)) => {
                true
            }
            (State::Absent | State::Present(_), _) => false,
        };
        let is_free = |state: &State| matches!(state, State::Hidden);
        // The same state once more, or the next one that fits.
        let stays = states.get(self.state).is_some_and(|(_, state)| {
            fits(state) && (journal.has_coarse_clock || is_free(state) || self.tellings < TELLINGS_MAX)
        });
        if stays {
            self.tellings += 1;
        } else {
            let next = states.iter().enumerate().skip(self.state + 1).find(|(_, (_, state))| fits(state));
            // Without proof that a notice is overtaken, what a rescan has told already is told again.
            let may_be_overtaken = journal.has_coarse_clock && self.state > 0;
            let Some((next, _)) = next else {
                if may_be_overtaken {
                    return Ok(());
                }
                return Err((Checker::NoPhantom, "nothing happened that this could tell of"));
            };
            (self.state, self.tellings) = (next, 1);
        }
        let Heard::Present(Some(tag)) = told else { return Ok(()) };
        let carries = |state: &State| match state {
            State::Present(FileSight { tag: seen, .. }) => *seen == tag,
            State::Hidden => true,
            State::Absent => false,
        };
        // A notice is looked at when it is read: the path may lead elsewhere by then, and the directory where it led live on.
        let since = states.get(self.state).map_or(0, |(moment, _)| *moment);
        let leads_elsewhere =
            root.states().iter().skip(root.at(since)).any(|(_, state)| !matches!(state, State::Present(_)));
        match states.iter().enumerate().skip(self.tagged).find(|(_, (_, state))| carries(state)) {
            Some((tagged, _)) => self.tagged = tagged,
            None if life.is_vague() || leads_elsewhere => {}
            None if life.spans().any(|(span, state)| carries(state) && chronicle.had_long_scan(&span)) => {}
            None if states.iter().any(|(_, state)| carries(state)) => {
                return Err((
                    Checker::Order,
                    "it tells of a state that was over before the last event, or before the request",
                ));
            }
            None => return Err((Checker::NoPhantom, "it tells of a state that never was")),
        }
        Ok(())
    }

    /// Whether the last event told of a state that was there at a moment or later.
    fn holds(&self, life: &Life, since: Moment, is_complete: bool) -> bool {
        let could_be = |(_, state): &(Moment, State)| match (state, self.told) {
            (State::Hidden, _) => true,
            (State::Present(_), Heard::Nothing) => !is_complete,
            (State::Absent, Heard::Nothing | Heard::Absent) => true,
            (State::Present(FileSight { tag, is_vague, .. }), Heard::Present(told)) => {
                *is_vague || told.is_none_or(|told| told == *tag)
            }
            (State::Absent, Heard::Present(_)) | (State::Present(_), Heard::Absent) => false,
        };
        life.states().iter().skip(life.at(since)).any(could_be)
    }
}

#[cfg(test)]
mod tests {
    use gamin::RequestNumber;

    use super::*;
    use crate::sim::journal::Sighting;

    const DIR: &str = "/d";

    /// An event of a name, with its tag unless that is 0.
    type Telling<'a> = (Code, &'a str, u64);

    fn sight(tag: u64) -> State {
        State::Present(FileSight { tag: Tag::new(tag), identity: 1, told: tag, is_vague: false })
    }

    /// A directory whose entry `a` was in these states, the first of them when the request was made, and the witness.
    fn witness(states: &[State]) -> (Witness<u8>, Journal) {
        let mut witness = Witness::default();
        let subject = witness.handle_monitor(1, 1, Kind::Directory, Path::new(DIR), true).expect("a path");
        let sighting = |state: &State| {
            let entries = vec![(Name::from(b"a".as_slice()), *state)];
            let entries = entries.into_iter().filter(|(_, state)| *state != State::Absent).collect();
            Sighting { entries, ..Sighting::of(sight(0)) }
        };
        let mut journal = Journal::new();
        journal.follow(subject, sighting(&states[0]));
        for state in &states[1..] {
            journal.take(|_| sighting(state));
        }
        (witness, journal)
    }

    fn tell(witness: &mut Witness<u8>, journal: &Journal, events: &[Telling<'_>]) -> Option<Checker> {
        let told = events.iter().try_for_each(|(code, name, tag)| {
            let event = Event {
                user_data: 0,
                request: RequestNumber(1),
                code: *code,
                path: name.into(),
                root: Path::new("/").into(),
                coverage: None,
                moved_to: None,
            };
            let tag = (*tag > 0).then_some(Tag::new(*tag));
            witness.handle_event(1, &event, tag, journal)
        });
        told.err().map(|complaint| complaint.checker)
    }

    const LISTING: [Telling<'_>; 2] = [(Code::Exists, DIR, 0), (Code::EndExist, DIR, 0)];

    #[test]
    fn what_happened_is_believed_in_its_order_and_twice_but_not_three_times() {
        let (mut witness, journal) = witness(&[State::Absent, sight(1), sight(2), State::Absent]);
        assert_eq!(tell(&mut witness, &journal, &LISTING), None);
        let life = [
            (Code::Created, "a", 1),
            (Code::Changed, "a", 2),
            (Code::Changed, "a", 2),
            (Code::Deleted, "a", 0),
        ];
        assert_eq!(tell(&mut witness, &journal, &life), None);
        assert_eq!(witness.compare(1, &journal), Ok(()));
        assert_eq!(tell(&mut witness, &journal, &[(Code::Created, "a", 0)]), Some(Checker::NoPhantom));
    }

    #[test]
    fn what_never_was_is_a_phantom() {
        for phantom in [(Code::Created, "b", 0), (Code::Deleted, "a", 0), (Code::Changed, "a", 7)] {
            let (mut witness, journal) = witness(&[sight(1)]);
            assert_eq!(tell(&mut witness, &journal, &[phantom]), Some(Checker::NoPhantom), "{phantom:?}");
        }
    }

    #[test]
    fn a_state_that_was_over_before_the_last_event_is_out_of_order() {
        let (mut witness, journal) = witness(&[sight(1), sight(2)]);
        let back = [(Code::Exists, "a", 2), (Code::Changed, "a", 1)];
        assert_eq!(tell(&mut witness, &journal, &back), Some(Checker::Order));
    }

    #[test]
    fn what_was_told_last_has_to_be_what_is_there() {
        let cases: [(&[State], &[Telling<'_>]); 3] = [
            (&[sight(1), sight(2)], &[(Code::Exists, "a", 1)]),
            (&[sight(1), State::Absent], &[(Code::Exists, "a", 1)]),
            (&[State::Absent, sight(1)], &[]),
        ];
        for (states, events) in cases {
            let (mut witness, journal) = witness(states);
            assert_eq!(tell(&mut witness, &journal, &[&LISTING[..1], events, &LISTING[1..]].concat()), None);
            let complaint = witness.compare(1, &journal).expect_err("it differs");
            assert_eq!(complaint.checker, Checker::Converged, "{complaint}");
        }
    }

    #[test]
    fn what_happened_before_the_barrier_has_to_be_told_when_all_is_read() {
        let (mut witness, mut journal) = witness(&[State::Absent, sight(1)]);
        assert_eq!(tell(&mut witness, &journal, &LISTING), None);
        witness.handle_barrier(1, 0, &journal);
        assert_eq!(witness.handle_all_read(1, &journal), Ok(()));
        witness.handle_barrier(1, journal.now(), &journal);
        let complaint = witness.handle_all_read(1, &journal).expect_err("it was not told");
        assert_eq!(complaint.checker, Checker::BarrierSound);
        // What was held back when it was answered is none of it, whatever has become of that when all is read.
        witness.handle_suspended(1, 1, true);
        witness.handle_barrier(1, journal.now(), &journal);
        witness.handle_suspended(1, 1, false);
        assert_eq!(witness.handle_all_read(1, &journal), Ok(()));
        // A scan that failed excuses it.
        journal.handle_scan(&TreePath::new(DIR.as_bytes()).expect("a path"), true);
        witness.handle_barrier(1, journal.now(), &journal);
        assert_eq!(witness.handle_all_read(1, &journal), Ok(()));
    }
}
