//! Who needs one directory, and in which role: mostly one watch, for which little room is taken.
//!
//! What a role asks for is left to `need`. Invariant: each is there once, in the order of roles and then of watches.

use std::collections::BTreeSet;

use crate::id::WatchId;
use crate::need::Role;

/// The reasons for a directory, in order, and whose they are. Mostly one, for which little room is taken.
#[derive(Debug, Default)]
#[allow(clippy::box_collection, reason = "a set is rare, and would take the room of three words in each")]
pub(crate) enum Users {
    #[default]
    None,
    Lister(WatchId),
    One(Box<(Role, WatchId)>),
    Many(Box<BTreeSet<(Role, WatchId)>>),
}

impl Users {
    fn one((role, watch): (Role, WatchId)) -> Users {
        match role {
            Role::Listed => Users::Lister(watch),
            Role::Passed | Role::Entry(_) => Users::One(Box::new((role, watch))),
        }
    }

    /// Adds one; gives whether it is new.
    pub(crate) fn insert(&mut self, user: (Role, WatchId)) -> bool {
        let first = match std::mem::take(self) {
            Users::None => {
                *self = Users::one(user);
                return true;
            }
            Users::Lister(watch) => (Role::Listed, watch),
            Users::One(one) => *one,
            Users::Many(mut many) => {
                let is_new = many.insert(user);
                *self = Users::Many(many);
                return is_new;
            }
        };
        let is_new = first != user;
        *self = if is_new { Users::Many(Box::new(BTreeSet::from([first, user]))) } else { Users::one(first) };
        is_new
    }

    /// Removes one; gives whether it was there.
    pub(crate) fn remove(&mut self, user: &(Role, WatchId)) -> bool {
        let is_it = match self {
            Users::None => false,
            Users::Lister(watch) => *user == (Role::Listed, *watch),
            Users::One(one) => **one == *user,
            Users::Many(many) => {
                let removed = many.remove(user);
                if many.is_empty() {
                    *self = Users::None;
                }
                return removed;
            }
        };
        if is_it {
            *self = Users::None;
        }
        is_it
    }

    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Users::None)
    }

    pub(crate) fn last(&self) -> Option<&Role> {
        match self {
            Users::None => None,
            Users::Lister(_) => Some(&Role::Listed),
            Users::One(one) => Some(&one.0),
            Users::Many(many) => many.last().map(|(role, _)| role),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Role, WatchId)> {
        let (one, many) = match self {
            Users::None => (None, None),
            Users::Lister(watch) => (Some((&Role::Listed, *watch)), None),
            Users::One(one) => (Some((&one.0, one.1)), None),
            Users::Many(many) => (None, Some(many.iter())),
        };
        one.into_iter().chain(many.into_iter().flatten().map(|(role, watch)| (role, *watch)))
    }

    /// Those with a role.
    pub(crate) fn with<'a>(&'a self, role: &'a Role) -> impl Iterator<Item = WatchId> + 'a {
        let (one, many) = match self {
            Users::Many(many) => (None, Some(many.range((role.clone(), WatchId(0))..))),
            Users::None | Users::Lister(_) | Users::One(_) => (Some(self.iter()), None),
        };
        let users =
            one.into_iter().flatten().chain(many.into_iter().flatten().map(|(of, watch)| (of, *watch)));
        users
            .skip_while(move |(of, _)| *of != role)
            .take_while(move |(of, _)| *of == role)
            .map(|(_, watch)| watch)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::path::Name;

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
        fn they_are_a_set_in_order_however_few(
            steps in proptest::collection::vec((any::<bool>(), 0_u8..4, 0_u32..3), 1..40),
        ) {
            let (mut users, mut model) = (Users::default(), BTreeSet::new());
            for (comes, number, watch) in steps {
                let user = (role(number), WatchId(watch));
                if comes {
                    prop_assert_eq!(users.insert(user.clone()), model.insert(user));
                } else {
                    prop_assert_eq!(users.remove(&user), model.remove(&user));
                }
                prop_assert!(users.iter().eq(model.iter().map(|(role, watch)| (role, *watch))));
                prop_assert_eq!((users.is_empty(), users.last()), (model.is_empty(), model.last().map(|(role, _)| role)));
                for role in (0..4).map(role) {
                    let with = model.iter().filter(|(of, _)| *of == role).map(|(_, watch)| *watch);
                    prop_assert!(users.with(&role).eq(with));
                }
            }
        }
    }
}
