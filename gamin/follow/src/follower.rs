//! Follows paths, whatever they are and become.
//!
//! What happens is left to the connection, what is left out to `ignoring`. Invariants: whatever comes at a path that was asked for
//! is followed as what it is; a change is told by the first root that covers it, and by no other; a gap is told before
//! [`News::Listed`], and once until it ends or is another.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use gamin::{Code, Connection, Coverage, Event, MonitorRequest, OpenBarrier, RequestNumber};

use crate::ignoring::{Ignoring, PatternError, Patterns, Rules};
use crate::options::Options;
use crate::root::{Reach, Root, join};
use crate::{Change, Destination, Gap, News, What, Why};

/// Follows paths over a connection. Wait until the connection is readable, then take everything from [`Follower::poll`].
#[derive(Debug)]
pub struct Follower {
    connection: Connection,
    options: Options,
    /// In the order in which they were asked for.
    roots: Vec<(RequestNumber, Root)>,
    /// Files of rules outside the roots, and whether their listing is complete.
    rule_files: BTreeMap<RequestNumber, bool>,
    rule_paths: BTreeSet<PathBuf>,
    news: VecDeque<News>,
    /// Whether it has been said that everything is listed.
    has_said_listed: bool,
    /// How often something was asked for.
    asked: u64,
}

/// A barrier that was begun and is not waited for: [`Follower::begin_barrier`].
#[derive(Debug)]
pub struct Settling {
    barrier: OpenBarrier,
    /// How often something had been asked for when it was begun.
    asked: u64,
}

impl Follower {
    /// Makes one that follows nothing.
    ///
    /// # Errors
    /// Names a pattern that can't be understood.
    pub fn new(connection: Connection, options: Options) -> Result<Follower, PatternError> {
        Patterns::new(&options.ignoring.patterns)?;
        Ok(Follower {
            connection,
            options,
            roots: Vec::new(),
            rule_files: BTreeMap::new(),
            rule_paths: BTreeSet::new(),
            news: VecDeque::new(),
            has_said_listed: false,
            asked: 0,
        })
    }

    /// The connection.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Whether something may be told late or not at all, though nobody asked for that.
    pub fn has_gaps(&self) -> bool {
        self.roots.iter().any(|(_, root)| root.gaps.values().any(|gap| !gap.why.is_wanted()))
    }

    /// Follows a path as well, whatever it is.
    ///
    /// # Errors
    /// As [`Connection::ask`]; [`gamin::Error::BadPath`] also for an empty path.
    pub fn add(&mut self, path: &Path) -> Result<(), gamin::Error> {
        let bad = |_: io::Error| gamin::Error::BadPath(path.to_owned());
        let absolute = std::path::absolute(path).map_err(bad)?;
        let rules = match self.options.ignoring == Ignoring::default() {
            true => None,
            false => Rules::new(&absolute, &self.options.ignoring).ok().map(Arc::new),
        };
        self.has_said_listed = false;
        let root = Root::new(path, absolute, rules);
        for file in root.rules.iter().flat_map(|rules| rules.outer_files()) {
            if self.rule_paths.insert(file.clone()) {
                self.rule_files.insert(self.connection.monitor_file(&file)?, false);
            }
        }
        self.begin(root, self.roots.len())
    }

    /// Follows a path no more, spelled as it was added or with the same components. Says whether it was followed.
    ///
    /// # Errors
    /// As [`Connection::cancel`].
    pub fn remove(&mut self, path: &Path) -> Result<bool, gamin::Error> {
        let mut is_found = false;
        while let Some(place) = self.roots.iter().position(|(_, root)| root.shown == path) {
            let (request, root) = self.roots.remove(place);
            self.news.extend(root.gaps.into_values().map(News::GapEnds));
            self.connection.cancel(request)?;
            is_found = true;
        }
        Ok(is_found)
    }

    /// Gives what there is to tell. Never waits.
    ///
    /// # Errors
    /// As [`Connection::try_next_event`] and [`Connection::ask`].
    pub fn poll(&mut self) -> Result<Option<News>, gamin::Error> {
        loop {
            if let Some(news) = self.news.pop_front() {
                return Ok(Some(news));
            }
            let Some(event) = self.connection.try_next_event()? else { return Ok(None) };
            self.handle_event(event)?;
        }
    }

    /// Waits until everything that happened before the call can be had from [`Follower::poll`].
    ///
    /// # Errors
    /// As [`Connection::barrier`].
    pub fn barrier(&mut self, timeout: Duration) -> Result<(), gamin::Error> {
        let deadline = Instant::now().checked_add(timeout);
        loop {
            let left =
                deadline.map_or(timeout, |deadline| deadline.saturating_duration_since(Instant::now()));
            let asked = self.asked;
            self.connection.barrier(left)?;
            self.handle_events()?;
            // What was asked for meanwhile was not covered.
            if self.asked == asked {
                return Ok(());
            }
        }
    }

    /// Begins a barrier, for who has an event loop and does not wait in a call. Ask [`Follower::poll_barrier`] whenever the connection is
    /// readable, and end with [`Follower::forget_barrier`].
    ///
    /// # Errors
    /// As [`Connection::barrier`].
    pub fn begin_barrier(&mut self) -> Result<Settling, gamin::Error> {
        Ok(Settling { barrier: self.connection.begin_barrier()?, asked: self.asked })
    }

    /// Says whether everything that happened before a barrier was begun can be had from [`Follower::poll`]. Never waits.
    ///
    /// # Errors
    /// As [`Connection::barrier`].
    pub fn poll_barrier(&mut self, settling: &mut Settling) -> Result<bool, gamin::Error> {
        if !self.connection.poll_barrier(&mut settling.barrier)? {
            return Ok(false);
        }
        self.handle_events()?;
        if self.asked == settling.asked {
            return Ok(true);
        }
        // As above: once more.
        let again = self.begin_barrier()?;
        self.forget_barrier(&std::mem::replace(settling, again));
        Ok(false)
    }

    /// Ends a barrier, whatever has become of it.
    pub fn forget_barrier(&self, settling: &Settling) {
        self.connection.forget_barrier(&settling.barrier);
    }

    /// Takes in all that has been told.
    fn handle_events(&mut self) -> Result<(), gamin::Error> {
        while let Some(event) = self.connection.try_next_event()? {
            self.handle_event(event)?;
        }
        Ok(())
    }

    fn begin(&mut self, mut root: Root, place: usize) -> Result<(), gamin::Error> {
        let scope = root.scope(&self.options);
        let path = root.absolute.clone();
        let moves = self.options.moves;
        let request = self.connection.ask(&MonitorRequest {
            coverage: true,
            moves,
            ..MonitorRequest::new(&path, scope)
        })?;
        self.asked += 1;
        self.roots.insert(place, (request, root));
        Ok(())
    }

    /// Asks for a root again, as what it is now.
    fn begin_again(&mut self, place: usize) -> Result<(), gamin::Error> {
        let (request, mut root) = self.roots.remove(place);
        self.connection.cancel(request)?;
        let ended = std::mem::take(&mut root.gaps);
        self.news.extend(ended.into_values().map(News::GapEnds));
        self.begin(root, place)
    }

    fn handle_event(&mut self, event: Event) -> Result<(), gamin::Error> {
        let first = self.news.len();
        let (event, other) = event.halves();
        self.handle_half(&event)?;
        let Some(other) = other else { return Ok(()) };
        let place = self.news.len();
        self.handle_half(&other)?;
        if place > first {
            self.join(place);
        }
        Ok(())
    }

    /// Makes one change of the two halves of a rename, if they stand one before the other behind a place in the news.
    fn join(&mut self, other: usize) {
        let Some(News::Change(to)) = self.news.get(other).cloned() else { return };
        let Some(News::Change(change)) = self.news.get_mut(other - 1) else { return };
        if change.event != What::Deleted || !matches!(to.event, What::Created | What::Changed) {
            return;
        }
        let Change { event, shown, absolute, relative, .. } = to;
        let replaces = event == What::Changed;
        change.event = What::Moved;
        change.moved_to = Some(Box::new(Destination { shown, absolute, relative, replaces }));
        self.news.remove(other);
    }

    /// Takes an event that tells of one path.
    fn handle_half(&mut self, event: &Event) -> Result<(), gamin::Error> {
        if let Some(is_listed) = self.rule_files.get_mut(&event.request) {
            match event.code {
                Code::EndExist => *is_listed = true,
                code if *is_listed && What::of(code).is_some() => self.read_rules_again()?,
                _ => {}
            }
            self.tell_listed();
            return Ok(());
        }
        let Some(place) = self.roots.iter().position(|(request, _)| *request == event.request) else {
            return Ok(());
        };
        self.tell_elsewhere(place);
        let name = if event.path.is_absolute() { Path::new("") } else { &event.path };
        match (event.code, event.coverage) {
            (Code::Coverage, Some(coverage)) => self.handle_gap(place, name, Why::Coverage(coverage)),
            (Code::EndExist, _) => {
                let (_, root) = &mut self.roots[place];
                (root.is_listed, root.was_listed) = (true, true);
                self.tell_bad_rules(place);
                self.tell_listed();
            }
            (code, _) => {
                let Some(what) = What::of(code) else { return Ok(()) };
                match name.as_os_str().is_empty() {
                    true => self.handle_root(place, what)?,
                    false => self.handle_entry(place, what, name)?,
                }
            }
        }
        Ok(())
    }

    /// Something happened to a root itself.
    fn handle_root(&mut self, place: usize, what: What) -> Result<(), gamin::Error> {
        let (_, root) = &mut self.roots[place];
        let was_there = std::mem::replace(&mut root.is_there, what != What::Deleted);
        match (what, was_there) {
            (What::Deleted, false) if !root.was_listed => {
                let shown = root.shown.clone();
                self.news.push_back(News::Missing(shown));
            }
            (What::Deleted, false) | (What::Exists, true) => {}
            (What::Exists, false) if root.was_listed => self.tell(place, What::Created, Path::new("")),
            (what, _) => self.tell(place, what, Path::new("")),
        }
        let (_, root) = &self.roots[place];
        // A directory that has gone may come back as something else, and something else as a directory.
        let is_another = match root.reach {
            Reach::Itself => what != What::Deleted && root.absolute.is_dir(),
            Reach::Entries | Reach::Tree => what == What::Deleted,
        };
        if is_another { self.begin_again(place) } else { Ok(()) }
    }

    /// Something happened to what is below a root.
    fn handle_entry(&mut self, place: usize, what: What, name: &Path) -> Result<(), gamin::Error> {
        let (request, root) = &self.roots[place];
        let is_rule_file = root.rules.as_ref().is_some_and(|rules| rules.is_rule_file(name));
        if is_rule_file
            && root.is_listed
            && let Some(rules) = &root.rules
        {
            rules.forget(name.parent());
            self.revise(*request, place)?;
        } else if root.has_come_home(name) {
            self.handle_gap(place, name, Why::Coverage(Coverage::Kernel));
            self.revise(self.roots[place].0, place)?;
        }
        let (_, root) = &self.roots[place];
        let what = match what {
            // It was there, but was not to be told.
            What::Exists if root.is_listed => return Ok(()),
            What::Exists if root.was_listed => What::Created,
            what => what,
        };
        // A tree leaves out by itself what is to be left out, but for the rules.
        let leaves_out = (root.reach == Reach::Entries || is_rule_file) && root.leaves_out(name);
        if !leaves_out {
            self.tell(place, what, name);
        }
        Ok(())
    }

    /// Tells a change, unless another root does.
    fn tell(&mut self, place: usize, event: What, name: &Path) {
        let (_, root) = &self.roots[place];
        let real = join(&root.real, name);
        if self.roots[..place].iter().any(|(_, other)| other.covers(&real)) {
            return;
        }
        let (shown, absolute) = (root.shown(name), root.absolute(name));
        let relative = name.to_owned();
        self.news.push_back(News::Change(Change { event, shown, absolute, relative, moved_to: None }));
    }

    fn handle_gap(&mut self, place: usize, name: &Path, why: Why) {
        let (_, root) = &mut self.roots[place];
        let gap = Gap { shown: root.shown(name), absolute: root.absolute(name), why };
        let is_gap = !matches!(why, Why::Coverage(coverage) if !coverage.is_gap());
        if !is_gap {
            self.news.extend(root.gaps.remove(name).map(News::GapEnds));
        } else if root.gaps.insert(name.to_owned(), gap.clone()).is_none_or(|before| before != gap) {
            self.news.push_back(News::Gap(gap));
        }
    }

    /// Tells of directories that are left out for their file system.
    fn tell_elsewhere(&mut self, place: usize) {
        for name in self.roots[place].1.take_elsewhere() {
            self.handle_gap(place, &name, Why::OtherFileSystem);
        }
    }

    fn tell_bad_rules(&mut self, place: usize) {
        let bad = self.roots[place].1.rules.iter().flat_map(|rules| rules.take_bad());
        let mut bad: Vec<News> = bad.map(News::BadRule).collect();
        bad.retain(|news| !self.news.contains(news));
        self.news.extend(bad);
    }

    fn tell_listed(&mut self) {
        let is_listed = self.roots.iter().all(|(_, root)| root.is_listed);
        if is_listed && !std::mem::replace(&mut self.has_said_listed, true) {
            self.news.push_back(News::Listed);
        }
    }

    /// Takes up what the rules outside the roots say now.
    fn read_rules_again(&mut self) -> Result<(), gamin::Error> {
        for place in 0..self.roots.len() {
            let (request, root) = &self.roots[place];
            if let Some(rules) = &root.rules {
                rules.forget(None);
                self.revise(*request, place)?;
            }
        }
        Ok(())
    }

    fn revise(&mut self, request: RequestNumber, place: usize) -> Result<(), gamin::Error> {
        if self.roots[place].1.reach == Reach::Tree {
            self.connection.revise(request)?;
            self.asked += 1;
            self.tell_elsewhere(place);
        }
        self.tell_bad_rules(place);
        Ok(())
    }
}
