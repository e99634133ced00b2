//! Who needs which directory, and in which role: mostly one watch that lists it, which is kept with the directory itself.
//!
//! What a role asks for is left to `need`. Invariant: each is there once, whether it is kept here or with the directory.

use std::collections::{BTreeSet, btree_set};
use std::num::NonZeroU32;

use crate::directory_tree::Node;
use crate::id::WatchId;
use crate::need::Role;

/// The watch that lists a directory, or one of them, as it is kept with that: in half a word, since none has the number 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Lister(Option<NonZeroU32>);

impl Lister {
    fn get(self) -> Option<WatchId> {
        self.0.map(|number| WatchId(number.get()))
    }

    fn set(&mut self, watch: Option<WatchId>) {
        self.0 = watch.and_then(|watch| NonZeroU32::new(watch.0));
    }
}

/// Those who are not kept with their directory.
#[derive(Debug, Default)]
pub(crate) struct Users(BTreeSet<(Node, Role, WatchId)>);

impl Users {
    /// Adds one of a directory; gives whether it is new.
    pub(crate) fn insert(&mut self, node: Node, lister: &mut Lister, role: Role, watch: WatchId) -> bool {
        let user = (node, role, watch);
        if user.1 == Role::Listed && lister.get().is_none_or(|lister| lister == watch) {
            let is_new = lister.get().is_none() && !self.0.contains(&user);
            if is_new {
                lister.set(Some(watch));
            }
            return is_new;
        }
        self.0.insert(user)
    }

    /// Removes one of a directory; gives whether it was there.
    pub(crate) fn remove(&mut self, node: Node, lister: &mut Lister, role: Role, watch: WatchId) -> bool {
        let is_lister = role == Role::Listed && lister.get() == Some(watch);
        if is_lister {
            lister.set(None);
        }
        is_lister || self.0.remove(&(node, role, watch))
    }

    fn kept(&self, node: Node) -> btree_set::Range<'_, (Node, Role, WatchId)> {
        self.0.range((node, Role::Passed, WatchId(0))..=(node, Role::Listed, WatchId(u32::MAX)))
    }

    /// The users of a directory, the one that is kept with it last.
    pub(crate) fn of(&self, node: Node, lister: Lister) -> impl Iterator<Item = (&Role, WatchId)> {
        self.kept(node)
            .map(|(_, role, watch)| (role, *watch))
            .chain(lister.get().map(|lister| (&Role::Listed, lister)))
    }

    /// The role in which most is needed of it.
    pub(crate) fn last(&self, node: Node, lister: Lister) -> Option<&Role> {
        lister.get().map(|_| &Role::Listed).or_else(|| self.kept(node).next_back().map(|(_, role, _)| role))
    }

    /// Those with a role.
    pub(crate) fn with(&self, node: Node, lister: Lister, role: &Role) -> impl Iterator<Item = WatchId> {
        let others = self.0.range((node, role.clone(), WatchId(0))..=(node, role.clone(), WatchId(u32::MAX)));
        others.map(|(.., watch)| *watch).chain(lister.get().filter(|_| *role == Role::Listed))
    }

    /// Whether nobody is kept here.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::directory_tree::DirectoryTree;
    use crate::path::{Name, TreePath};

    fn role(number: u8) -> Role {
        match number {
            0 => Role::Passed,
            1 => Role::Entry(Name::from(b"a".as_slice())),
            2 => Role::Entry(Name::from(b"b".as_slice())),
            _ => Role::Listed,
        }
    }

    proptest! {
        #[test]
        fn they_are_a_set_wherever_they_are_kept(
            steps in proptest::collection::vec((any::<bool>(), 0..2_usize, 0_u8..4, 1_u32..4), 1..60),
        ) {
            let mut tree = DirectoryTree::<Lister>::default();
            let nodes = [tree.insert(&TreePath::root().join(b"a")), tree.insert(&TreePath::root())];
            let (mut users, mut models) = (Users::default(), [BTreeSet::new(), BTreeSet::new()]);
            for (comes, which, number, watch) in steps {
                let (node, model) = (nodes[which], &mut models[which]);
                let (role, watch, lister) = (role(number), WatchId(watch), &mut tree[node]);
                if comes {
                    prop_assert_eq!(users.insert(node, lister, role.clone(), watch), model.insert((role, watch)));
                } else {
                    prop_assert_eq!(users.remove(node, lister, role.clone(), watch), model.remove(&(role, watch)));
                }
            }
            for (node, model) in nodes.into_iter().zip(models) {
                let all: Vec<_> = users.of(node, tree[node]).map(|(role, watch)| (role.clone(), watch)).collect();
                prop_assert_eq!(all.len(), model.len());
                prop_assert_eq!(all.into_iter().collect::<BTreeSet<_>>(), model.clone());
                prop_assert_eq!(users.last(node, tree[node]), model.last().map(|(role, _)| role));
                for role in (0..4).map(role) {
                    let with: BTreeSet<_> = users.with(node, tree[node], &role).collect();
                    prop_assert!(model.iter().filter(|(of, _)| *of == role).map(|(_, watch)| *watch).eq(with));
                }
            }
        }
    }
}
