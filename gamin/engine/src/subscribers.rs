//! Who is told of a path: mostly one, so room for one is kept in place.
//!
//! What is told is left to the engine. Invariants: in the order of their numbers, each once; and one more or one less takes about as long
//! however many there are.

use crate::event::SubscriptionId;
use crate::id_map::IdMap;

/// Those who have the listing of a path, and those who wait for it.
#[derive(Debug, Default)]
pub(crate) enum Subscribers {
    #[default]
    Nobody,
    /// With whether it has the listing.
    One(SubscriptionId, bool),
    Many(Box<Many>),
}

#[derive(Debug, Default)]
pub(crate) struct Many {
    listed: IdMap<SubscriptionId, ()>,
    waiting: IdMap<SubscriptionId, ()>,
}

impl Many {
    fn insert(&mut self, id: SubscriptionId, is_listed: bool) {
        if is_listed {
            self.listed.insert(id, ());
        } else if !self.listed.contains_key(&id) {
            self.waiting.insert(id, ());
        }
    }
}

impl Subscribers {
    /// Adds one who waits for the listing.
    pub(crate) fn add(&mut self, id: SubscriptionId) {
        match self {
            Subscribers::Nobody => *self = Subscribers::One(id, false),
            Subscribers::One(one, _) if *one == id => {}
            Subscribers::One(one, is_listed) => {
                let mut many = Many::default();
                many.insert(*one, *is_listed);
                many.insert(id, false);
                *self = Subscribers::Many(Box::new(many));
            }
            Subscribers::Many(many) => many.insert(id, false),
        }
    }

    /// Removes one; gives whether there is nobody left.
    pub(crate) fn remove(&mut self, id: SubscriptionId) -> bool {
        match self {
            Subscribers::Nobody => {}
            Subscribers::One(one, _) if *one != id => {}
            Subscribers::One(..) => *self = Subscribers::Nobody,
            Subscribers::Many(many) => {
                if many.listed.remove(&id).is_none() {
                    many.waiting.remove(&id);
                }
            }
        }
        self.len() == 0
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        match self {
            Subscribers::Nobody => 0,
            Subscribers::One(..) => 1,
            Subscribers::Many(many) => many.listed.len() + many.waiting.len(),
        }
    }

    /// Those who have the listing.
    pub(crate) fn listed(&self) -> impl Iterator<Item = SubscriptionId> {
        self.having(true)
    }

    /// Those who wait for the listing.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = SubscriptionId> {
        self.having(false)
    }

    fn having(&self, has_listing: bool) -> impl Iterator<Item = SubscriptionId> {
        let (one, many) = match self {
            Subscribers::One(id, is_listed) => ((*is_listed == has_listing).then_some(*id), None),
            Subscribers::Nobody => (None, None),
            Subscribers::Many(many) if has_listing => (None, Some(&many.listed)),
            Subscribers::Many(many) => (None, Some(&many.waiting)),
        };
        one.into_iter().chain(many.into_iter().flat_map(IdMap::keys))
    }

    /// Takes note that one who waits for the listing has it; gives whether there was such a one.
    pub(crate) fn list_one(&mut self, id: SubscriptionId) -> bool {
        match self {
            Subscribers::One(one, is_listed) if *one == id => !std::mem::replace(is_listed, true),
            Subscribers::Nobody | Subscribers::One(..) => false,
            Subscribers::Many(many) => {
                let waited = many.waiting.remove(&id).is_some();
                if waited {
                    many.insert(id, true);
                }
                waited
            }
        }
    }

    /// Gives out the listing: to those who wait for it, whom this tells.
    pub(crate) fn list(&mut self) -> impl Iterator<Item = SubscriptionId> {
        let (one, many) = match self {
            Subscribers::One(id, is_listed) => {
                let waits = !std::mem::replace(is_listed, true);
                (waits.then_some(*id), Vec::new())
            }
            Subscribers::Nobody => (None, Vec::new()),
            Subscribers::Many(many) => {
                let waiting: Vec<_> = std::mem::take(&mut many.waiting).keys().collect();
                waiting.iter().for_each(|id| many.insert(*id, true));
                (None, waiting)
            }
        };
        one.into_iter().chain(many)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(ids: impl Iterator<Item = SubscriptionId>) -> Vec<u32> {
        ids.map(|id| id.0).collect()
    }

    #[test]
    fn each_is_listed_once_and_told_in_the_order_of_numbers() {
        let mut subscribers = Subscribers::default();
        for id in [2, 1, 2] {
            subscribers.add(SubscriptionId(id));
        }
        assert_eq!((subscribers.len(), ids(subscribers.listed())), (2, vec![]));
        assert_eq!(ids(subscribers.list()), [1, 2]);
        subscribers.add(SubscriptionId(3));
        assert_eq!(ids(subscribers.listed()), [1, 2]);
        assert_eq!(ids(subscribers.list()), [3]);
        assert!(!subscribers.remove(SubscriptionId(1)) && !subscribers.remove(SubscriptionId(7)));
        assert_eq!(ids(subscribers.listed()), [2, 3]);
        assert!(!subscribers.remove(SubscriptionId(3)) && subscribers.remove(SubscriptionId(2)));
    }

    #[test]
    fn many_are_told_as_few_are() {
        let mut subscribers = Subscribers::default();
        let all = 1..=640_u32;
        for id in all.clone() {
            subscribers.add(SubscriptionId(id));
            subscribers.add(SubscriptionId(id));
            assert_eq!(subscribers.len() as u32, id);
            if id.is_multiple_of(32) {
                assert_eq!(subscribers.list().count(), 32);
            }
            subscribers.add(SubscriptionId(id));
        }
        assert_eq!(ids(subscribers.listed()), all.clone().collect::<Vec<_>>());
        subscribers.add(SubscriptionId(0));
        assert_eq!(ids(subscribers.list()), [0]);
        assert!(all.into_iter().all(|id| !subscribers.remove(SubscriptionId(id))));
        subscribers.add(SubscriptionId(7));
        assert!(!subscribers.remove(SubscriptionId(0)) && subscribers.remove(SubscriptionId(7)));
    }

    #[test]
    fn they_take_two_words() {
        assert!(size_of::<Subscribers>() <= 2 * size_of::<usize>());
    }
}
