//! Who is told of a path: mostly one, so room for one is kept in place.
//!
//! What is told is left to the engine. Invariant: in the order of their numbers, each once.

use smallvec::SmallVec;

use crate::event::SubscriptionId;

/// Those who have the listing of a path, and those who wait for it.
#[derive(Debug, Default)]
pub(crate) struct Subscribers(SmallVec<[(SubscriptionId, bool); 1]>);

impl Subscribers {
    /// Adds one who waits for the listing.
    pub(crate) fn add(&mut self, id: SubscriptionId) {
        if let Err(at) = self.find(id) {
            self.0.insert(at, (id, false));
        }
    }

    /// Removes one; gives whether there is nobody left.
    pub(crate) fn remove(&mut self, id: SubscriptionId) -> bool {
        if let Ok(at) = self.find(id) {
            self.0.remove(at);
        }
        self.0.is_empty()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Those who have the listing.
    pub(crate) fn listed(&self) -> impl Iterator<Item = SubscriptionId> {
        self.0.iter().filter(|(_, is_listed)| *is_listed).map(|(id, _)| *id)
    }

    /// Gives out the listing: to those who wait for it, whom this tells.
    pub(crate) fn list(&mut self) -> impl Iterator<Item = SubscriptionId> {
        let unlisted = self.0.iter_mut().filter(|(_, is_listed)| !*is_listed);
        unlisted.map(|(id, is_listed)| {
            *is_listed = true;
            *id
        })
    }

    fn find(&self, id: SubscriptionId) -> Result<usize, usize> {
        self.0.binary_search_by_key(&id, |(id, _)| *id)
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
