//! Who is told of a path: mostly one, so room for one is kept in place.
//!
//! What is told is left to the engine. Invariant: in the order of their numbers, each once.

use crate::event::SubscriptionId;

/// Those who have the listing of a path, and those who wait for it.
#[derive(Debug, Default)]
#[allow(
    clippy::box_collection,
    reason = "more than one is rare, and would take the room of three words in each"
)]
pub(crate) enum Subscribers {
    #[default]
    None,
    One(Subscriber),
    Many(Box<Vec<Subscriber>>),
}

/// One of them, and whether the listing was given out to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Subscriber {
    id: SubscriptionId,
    is_listed: bool,
}

impl Subscribers {
    /// Adds one who waits for the listing.
    pub(crate) fn add(&mut self, id: SubscriptionId) {
        let Err(at) = self.find(id) else { return };
        let newcomer = Subscriber { id, is_listed: false };
        *self = match std::mem::take(self) {
            Subscribers::None => Subscribers::One(newcomer),
            Subscribers::One(other) => {
                let mut many = Box::new(vec![other]);
                many.insert(at, newcomer);
                Subscribers::Many(many)
            }
            Subscribers::Many(mut many) => {
                many.insert(at, newcomer);
                Subscribers::Many(many)
            }
        };
    }

    /// Removes one; gives whether there is nobody left.
    pub(crate) fn remove(&mut self, id: SubscriptionId) -> bool {
        if let Ok(at) = self.find(id) {
            match self {
                Subscribers::None | Subscribers::One(_) => *self = Subscribers::None,
                Subscribers::Many(many) => {
                    many.remove(at);
                    if let [last] = many[..] {
                        *self = Subscribers::One(last);
                    }
                }
            }
        }
        matches!(self, Subscribers::None)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.all().len()
    }

    /// Those who have the listing.
    pub(crate) fn listed(&self) -> impl Iterator<Item = SubscriptionId> {
        self.all().iter().filter(|subscriber| subscriber.is_listed).map(|subscriber| subscriber.id)
    }

    /// Gives out the listing: to those who wait for it, whom this tells.
    pub(crate) fn list(&mut self) -> impl Iterator<Item = SubscriptionId> {
        let all = match self {
            Subscribers::None => &mut [],
            Subscribers::One(one) => std::slice::from_mut(one),
            Subscribers::Many(many) => many,
        };
        let unlisted = all.iter_mut().filter(|subscriber| !subscriber.is_listed);
        unlisted.map(|subscriber| {
            subscriber.is_listed = true;
            subscriber.id
        })
    }

    fn all(&self) -> &[Subscriber] {
        match self {
            Subscribers::None => &[],
            Subscribers::One(one) => std::slice::from_ref(one),
            Subscribers::Many(many) => many,
        }
    }

    fn find(&self, id: SubscriptionId) -> Result<usize, usize> {
        self.all().binary_search_by_key(&id, |subscriber| subscriber.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(ids: impl Iterator<Item = SubscriptionId>) -> Vec<u64> {
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
}
