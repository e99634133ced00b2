//! What the caller of one request knows of its path, and the events that lead from one such knowledge to
//! another.
//!
//! Invariant: applying the events of [`Told::difference`] to the old knowledge gives the new one, and each
//! is possible where it stands: Created of what is absent, Deleted and Changed of what is present.

use gamin_protocol::{Code, Kind, Presence, Tag};

use super::name_map::NameMap;

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject<N = Vec<u8>> {
    /// The monitored path.
    Root,
    /// An entry of it.
    Entry(N),
}

impl<N: AsRef<[u8]>> Subject<N> {
    /// What a packet's path names. An entry is a bare name. The original writes some events of the root with another spelling.
    pub(super) fn of(path: N) -> Subject<N> {
        if path.as_ref().starts_with(b"/") { Subject::Root } else { Subject::Entry(path) }
    }
}

impl Subject {
    pub(super) fn as_slice(&self) -> Subject<&[u8]> {
        match self {
            Subject::Root => Subject::Root,
            Subject::Entry(name) => Subject::Entry(name),
        }
    }
}

/// An event that is still to be given its request and path.
pub(super) type BareEvent = (Code, Subject);

/// What was told before of what an event is about.
#[derive(Debug)]
pub(super) enum Before {
    /// That it is absent, or nothing.
    Nothing,
    /// That it is present.
    Something,
    /// The entries that a directory had, which is gone, and they with it.
    Entries(NameMap<Version>),
}

impl Before {
    fn of(was_there: bool) -> Before {
        if was_there { Before::Something } else { Before::Nothing }
    }

    /// What was told, as an event of [`Told::complete`] or [`Told::difference`] shows.
    pub(super) fn shown_by(code: Code) -> Before {
        Before::of(matches!(code, Code::Changed | Code::Deleted))
    }
}

/// The state in which something was told, as far as that is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Version {
    /// No tag came with it.
    #[default]
    Unknown,
    /// The bytes of its tag, so that many take no room to be aligned.
    Tagged([u8; 8]),
    /// No tag came with it, but word that it changed.
    Changed,
}

impl Version {
    fn of(code: Code, tag: Option<Tag>) -> Version {
        match tag {
            Some(tag) => Version::Tagged(tag.bits().to_ne_bytes()),
            None if code == Code::Exists => Version::Unknown,
            None => Version::Changed,
        }
    }

    /// Forgets that it changed, as its caller knows.
    fn settle(&mut self) {
        if *self == Version::Changed {
            *self = Version::Unknown;
        }
    }
}

/// The monitored path as it was told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Root {
    /// Nothing was told of it.
    #[default]
    Unknown,
    Absent,
    Present(Version),
}

impl Root {
    fn is_tagged(self) -> bool {
        matches!(self, Root::Present(Version::Tagged(_)))
    }
}

/// What was told.
#[derive(Debug, Clone, Default)]
pub(super) struct Told {
    root: Root,
    /// Looked up with each event, and put in order only for a difference.
    entries: NameMap<Version>,
}

impl Told {
    /// Takes note of an event; gives what was told before.
    #[inline]
    pub(super) fn apply(&mut self, code: Code, subject: Subject<&[u8]>, tag: Option<Tag>) -> Before {
        let Some(presence) = code.presence() else { return Before::Nothing };
        match (presence, subject) {
            (Presence::Absent, Subject::Root) => {
                self.root = Root::Absent;
                Before::Entries(self.take_entries())
            }
            (Presence::Absent, Subject::Entry(name)) => Before::of(self.entries.remove(name)),
            (Presence::Present, Subject::Root) => {
                let before = std::mem::replace(&mut self.root, Root::Present(Version::of(code, tag)));
                Before::of(matches!(before, Root::Present(_)))
            }
            (Presence::Present, Subject::Entry(name)) => {
                Before::of(self.entries.set(name, Version::of(code, tag)))
            }
        }
    }

    /// Its listing is complete: it may stay as it is for long.
    pub(super) fn settle(&mut self) {
        self.entries.settle();
    }

    /// Gives its entries, which are gone with it, without an event each.
    pub(super) fn take_entries(&mut self) -> NameMap<Version> {
        std::mem::take(&mut self.entries)
    }

    /// Whether it was told last that the path is absent.
    pub(super) fn is_absent(&self) -> bool {
        self.root == Root::Absent
    }

    /// The fingerprint of the state in which a subject was told, if one came with it.
    pub(super) fn tag(&self, subject: Subject<&[u8]>) -> Option<Tag> {
        let version = match (subject, self.root) {
            (Subject::Root, Root::Present(version)) => version,
            (Subject::Root, Root::Unknown | Root::Absent) => return None,
            (Subject::Entry(name), _) => self.entries.get(name)?,
        };
        match version {
            Version::Tagged(bytes) => Some(Tag::new(u64::from_ne_bytes(bytes))),
            Version::Unknown | Version::Changed => None,
        }
    }

    /// The names of the entries, in no order.
    pub(super) fn entries(&self) -> impl Iterator<Item = &[u8]> {
        self.entries.names()
    }

    /// The entries in the order in which they are told of.
    fn by_name(&self) -> Vec<(&[u8], Version)> {
        let mut entries: Vec<_> = self.entries.iter().collect();
        entries.sort_unstable_by_key(|(name, _)| *name);
        entries
    }

    /// A copy to which the events are applied that the caller is not told for now.
    pub(super) fn apart(&self) -> Told {
        let mut fresh = self.clone();
        if let Root::Present(version) = &mut fresh.root {
            version.settle();
        }
        fresh.entries.values_mut().for_each(Version::settle);
        fresh
    }

    /// Carries on with a listing that was cut off: adds what it had not yet come to.
    pub(super) fn complete(&mut self, fresh: &Told, news: &mut Vec<BareEvent>) {
        if self.root == Root::Unknown && fresh.root != Root::Unknown {
            self.root = fresh.root;
            let code = if fresh.root == Root::Absent { Code::Deleted } else { Code::Exists };
            news.push((code, Subject::Root));
        }
        if self.root == Root::Absent {
            return;
        }
        for (name, version) in fresh.by_name() {
            if self.entries.get(name).is_none() {
                self.entries.set(name, version);
                news.push((Code::Exists, Subject::Entry(name.to_vec())));
            }
        }
    }

    /// Tells how this became `fresh`; `renewed` says that this was learnt from another listing, and not from events.
    ///
    /// Of an entry that is listed without a tag nothing is known, and it may have changed; but a server that knows no
    /// tags at all, as the root's shows, gives none at either time, and to take that for a change would report every
    /// file there is.
    pub(super) fn difference(&self, fresh: &Told, renewed: bool, kind: Kind, news: &mut Vec<BareEvent>) {
        let doubtful = renewed && (self.root.is_tagged() || fresh.root.is_tagged());
        let differ = |told: Version, version: Version| match version {
            Version::Changed => true,
            Version::Tagged(_) => told != version,
            Version::Unknown => doubtful || matches!(told, Version::Tagged(_)),
        };
        match (self.root, fresh.root) {
            (Root::Absent, Root::Absent) => return,
            (_, Root::Absent) => {
                news.push((Code::Deleted, Subject::Root));
                return;
            }
            (Root::Absent, _) => news.push((Code::Created, Subject::Root)),
            // A directory that is monitored as such has no Changed of itself: its entries say it all.
            (Root::Present(told), Root::Present(version)) if kind == Kind::File && differ(told, version) => {
                news.push((Code::Changed, Subject::Root));
            }
            _ => {}
        }
        for (name, _) in self.by_name() {
            if fresh.entries.get(name).is_none() {
                news.push((Code::Deleted, Subject::Entry(name.to_vec())));
            }
        }
        for (name, version) in fresh.by_name() {
            let code = match self.entries.get(name) {
                None => Code::Created,
                Some(told) if differ(told, version) => Code::Changed,
                Some(_) => continue,
            };
            news.push((code, Subject::Entry(name.to_vec())));
        }
    }
}
