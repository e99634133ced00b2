//! What a notice means for one path, and how it is told.
//!
//! What it comes to for one file is left to `known`, how soon a Changed is told to `pace`, the rescan that may follow to `rescan`.
//! Invariant: what is noticed of entries and attributes while a rescan is under way waits for it, or has it repeated.

use gamin_protocol::{Code, Kind};

use super::Engine;
use crate::churn::Departure;
use crate::event::{Event, Subject};
use crate::file::Reaction;
use crate::id::WatchId;
use crate::known::Telling;
use crate::need::Need;
use crate::notice::{Change, EntryNotice, Seen};
use crate::output::Output;
use crate::pace::Urgency;
use crate::path::Name;
use crate::scan::Detail;
use crate::time::Time;
use crate::watch::{Reliance, WAITING_MAX, Waiting};

impl Engine {
    pub(super) fn note(&mut self, now: Time, id: WatchId, notice: Waiting) {
        let Some(watch) = self.watches.get_mut(&id) else { return };
        if watch.asks_kernel() && watch.churn().is_stormy(now) {
            return self.take_off_kernel(now, id);
        }
        if let Some(rescan) = watch.rescan_mut() {
            rescan.waiting.push_back(notice);
            if rescan.waiting.len() > WAITING_MAX {
                rescan.drop_waiting();
                rescan.again = true;
            }
            if rescan.overdue && rescan.may_lead_elsewhere() {
                self.begin_anew(id);
            }
            return;
        }
        // Where the kernel refuses a part of the way, the path may lead elsewhere by now.
        let is_hearsay = watch.reliance == Reliance::None;
        if is_hearsay || watch.is_about_the_way(&notice) && !watch.churn().admits_rescan(now) {
            return self.note_later(id, &notice);
        }
        match notice {
            Waiting::Dependency(dependency, entry) => self.note_dependency(now, id, &dependency, entry),
            Waiting::Entry(need, name, entry) => self.note_entry(now, id, &need, &name, entry),
            Waiting::Attributes => self.note_attributes(id),
        }
    }

    /// Leaves a notice to a rescan, because the way changes too often, or it says too little.
    fn note_later(&mut self, id: WatchId, notice: &Waiting) {
        let Some(watch) = self.watches.get_mut(&id) else { return };
        let detail = match notice {
            Waiting::Entry(_, name, entry) if watch.kind == Kind::Directory => {
                watch.known.doubt_entry(name, *entry);
                Some(Detail::Names)
            }
            Waiting::Dependency(..) | Waiting::Entry(..) => None,
            Waiting::Attributes => watch.detail_of_attributes(),
        };
        self.postpone(id, detail);
    }

    /// A directory on the path, or at its end, is no longer where it was.
    pub(super) fn note_gone(&mut self, now: Time, id: WatchId) {
        let Some(watch) = self.watches.get_mut(&id) else { return };
        if watch.rescan().is_none() && !watch.churn().admits_rescan(now) {
            return self.postpone(id, None);
        }
        self.root_gone(id);
        self.rescan_anew(id);
    }

    /// Notices have been lost, those that follow others about this path maybe among them.
    pub(super) fn note_overflow(&mut self, id: WatchId) {
        self.rescan_anew(id);
        if let Some(rescan) = self.watches.get_mut(&id).and_then(|watch| watch.rescan_mut()) {
            rescan.doubted = true;
        }
    }

    /// Looks because notices can't tell what is there now. Those that wait for a rescan say less: what followed them may
    /// be lost, or be about something else.
    pub(super) fn rescan_anew(&mut self, id: WatchId) {
        if let Some(rescan) = self.watches.get_mut(&id).and_then(|watch| watch.rescan_mut()) {
            rescan.drop_waiting();
            rescan.doubt_all();
        }
        self.rescan(id, None);
    }

    /// A notice about an entry on which the meaning of the path hangs.
    pub(super) fn note_dependency(&mut self, now: Time, id: WatchId, dependency: &Need, entry: EntryNotice) {
        let Some(watch) = self.watches.get_mut(&id) else { return };
        if !watch.needs().contains(dependency) {
            // The path has come to lead another way since.
            return;
        }
        if watch.is_itself(dependency, entry) {
            let reaction = watch.known.note_root(entry, now);
            // Where a link leads there, what was renamed has another name than the path.
            let cookie = entry.cookie.filter(|_| watch.is_named_by(dependency));
            let entry = EntryNotice { cookie, ..entry };
            return self.react(now, (id, Subject::Root), entry, reaction);
        }
        match entry.change {
            // Two have changed places: what it is by now shows only in a rescan, and a scan may have seen it already.
            Change::MovedFrom if entry.is_last && matches!(entry.seen, Seen::Present(_)) => {
                self.rescan(id, None);
            }
            Change::Deleted | Change::MovedFrom => {
                self.root_gone(id);
                self.rescan(id, None);
            }
            Change::Created | Change::MovedTo => self.rescan(id, None),
            // What is not missing after all: two have changed places, and this one came before the other went.
            Change::Attributes | Change::Modified | Change::Closed | Change::Written => {
                if !watch.known.is_present() {
                    self.rescan(id, None);
                }
            }
        }
    }

    /// A notice about an entry of the directory that the path leads to.
    pub(super) fn note_entry(
        &mut self,
        now: Time,
        id: WatchId,
        need: &Need,
        name: &Name,
        entry: EntryNotice,
    ) {
        let Some(watch) = self.watches.get_mut(&id) else { return };
        if !watch.needs().contains(need) {
            // The path has come to lead to another directory since.
            return;
        }
        match watch.kind {
            Kind::Directory => {
                let reaction = watch.known.note_entry(name, entry, now);
                self.react(now, (id, Subject::Entry(name.clone())), entry, reaction);
            }
            Kind::File => match entry.change {
                Change::Created | Change::Deleted | Change::MovedFrom | Change::MovedTo => {
                    self.rescan(id, None);
                }
                Change::Modified | Change::Closed | Change::Written | Change::Attributes => {}
            },
        }
    }

    /// The attributes of a directory on the path, or at its end, changed: it may have become readable, or no longer be
    /// so.
    pub(super) fn note_attributes(&mut self, id: WatchId) {
        let Some(watch) = self.watches.get(&id) else { return };
        self.rescan(id, watch.detail_of_attributes());
    }

    pub(super) fn root_gone(&mut self, id: WatchId) {
        let Some(watch) = self.watches.get_mut(&id) else { return };
        let mut told = Vec::new();
        watch.known.learn_absent(&mut told);
        self.paces.drop_watch(id);
        for told in told {
            self.tell(id, &told);
        }
    }

    /// Does what a notice comes to. What is told at once is told as a half of the rename that the notice is of.
    fn react(&mut self, now: Time, key: (WatchId, Subject), entry: EntryNotice, reaction: Reaction) {
        self.renaming = entry.cookie;
        self.carry_out(now, key, reaction);
        self.renaming = None;
    }

    fn carry_out(&mut self, now: Time, key: (WatchId, Subject), reaction: Reaction) {
        let id = key.0;
        match reaction {
            Reaction::Nothing => {}
            Reaction::Created => self.arrive(now, key),
            Reaction::Deleted(departure) => self.depart(now, &key, departure),
            Reaction::DeletedRescan(departure) => {
                self.depart(now, &key, departure);
                self.rescan_in_turn(now, id, &key.1);
            }
            Reaction::Rescan => self.rescan_in_turn(now, id, &key.1),
            Reaction::Changed(urgency) => self.change(now, key, urgency),
            Reaction::Closed => {
                if self.paces.close(now, key.clone()) {
                    self.tell_held(id, key.1);
                }
            }
        }
    }

    /// Something has come: it is told at once, unless too much comes only to go.
    fn arrive(&mut self, now: Time, key: (WatchId, Subject)) {
        let Some(watch) = self.watches.get_mut(&key.0) else { return };
        match watch.churn().next_arrival(now) {
            Some(at) => self.paces.hold(key, at),
            None => self.tell_held(key.0, key.1),
        }
    }

    /// Something has gone.
    fn depart(&mut self, now: Time, key: &(WatchId, Subject), departure: Departure) {
        self.paces.drop_held(key);
        let Some(watch) = self.watches.get_mut(&key.0) else { return };
        watch.churn().handle_departure(now, departure);
        if departure != Departure::Untold {
            self.tell_subject(key.0, Code::Deleted, key.1.clone());
        }
    }

    /// Has a watch looked at because of what happened to a subject, if not too often.
    fn rescan_in_turn(&mut self, now: Time, id: WatchId, subject: &Subject) {
        // What has come is found by its name; of what else is in the directory nothing is in doubt.
        let detail = matches!(subject, Subject::Entry(_)).then_some(Detail::Names);
        let Some(watch) = self.watches.get_mut(&id) else { return };
        if watch.churn().admits_rescan(now) { self.rescan(id, detail) } else { self.postpone(id, detail) }
    }

    pub(super) fn change(&mut self, now: Time, key: (WatchId, Subject), urgency: Urgency) {
        if self.paces.change(now, key.clone(), urgency) {
            self.tell_held(key.0, key.1);
        }
    }

    pub(super) fn flush(&mut self, now: Time, id: WatchId) {
        for subject in self.paces.flush(now, id) {
            self.tell_held(id, subject);
        }
    }

    /// Tells of all that has come to a watch.
    pub(super) fn tell_arrivals(&mut self, id: WatchId) {
        for subject in self.paces.subjects_held(id) {
            let Some(watch) = self.watches.get_mut(&id) else { return };
            if watch.known.announce(&subject) {
                self.tell_subject(id, Code::Created, subject.clone());
                self.paces.drop_held(&(id, subject));
            }
        }
    }

    /// Tells what is held of a subject: that it has come, or that it has changed.
    pub(super) fn tell_held(&mut self, id: WatchId, subject: Subject) {
        let Some(watch) = self.watches.get_mut(&id) else { return };
        let code = if watch.known.announce(&subject) { Code::Created } else { Code::Changed };
        self.tell_subject(id, code, subject);
    }

    pub(super) fn tell_subject(&mut self, id: WatchId, code: Code, subject: Subject) {
        let Some(watch) = self.watches.get(&id) else { return };
        let tag = watch.known.tag(&subject);
        self.tell(id, &Telling { code, subject, tag });
    }

    pub(super) fn tell(&mut self, id: WatchId, told: &Telling) {
        let Some(watch) = self.watches.get(&id) else { return };
        for subscription in watch.subscribers.listed() {
            let Telling { code, subject, tag } = told.clone();
            self.outputs.push_back(Output::Event(Event {
                subscription,
                code,
                subject,
                tag,
                cookie: self.renaming,
            }));
        }
    }
}
