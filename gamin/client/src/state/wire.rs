//! The 16-bit numbers that requests have on the wire, apart from those that the caller sees.
//!
//! Invariant: a number has one owner at a time, and among the free ones that which has been free longest is
//! taken first, because the original's server may still speak of a number that it has just acknowledged.

use std::collections::{BTreeMap, VecDeque};

use crate::RequestNumber;

/// Who a wire number belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// A request of the caller.
    Request(RequestNumber),
    /// The connection's own question whether the server knows the barrier.
    Probe,
}

/// The wire numbers, 1 to 65,535.
#[derive(Debug, Default)]
pub(super) struct WireNumbers {
    owners: BTreeMap<u16, Owner>,
    freed: VecDeque<u16>,
    last: u16,
}

impl WireNumbers {
    /// Takes a free number, or gives `None` when there is none.
    pub(super) fn allocate(&mut self, owner: Owner) -> Option<u16> {
        let number = match self.last.checked_add(1) {
            Some(number) => {
                self.last = number;
                number
            }
            None => self.freed.pop_front()?,
        };
        self.owners.insert(number, owner);
        Some(number)
    }

    /// Whether there is a free one.
    pub(super) fn has_free(&self) -> bool {
        self.last < u16::MAX || !self.freed.is_empty()
    }

    pub(super) fn free(&mut self, number: u16) {
        if self.owners.remove(&number).is_some() {
            self.freed.push_back(number);
        }
    }

    pub(super) fn owner(&self, number: u16) -> Option<Owner> {
        self.owners.get(&number).copied()
    }
}

#[cfg(test)]
impl WireNumbers {
    /// From now on, of the numbers that were never taken, only these are free.
    pub(super) fn offer_only(&mut self, numbers: std::ops::Range<u16>) {
        self.last = u16::MAX;
        self.freed.extend(numbers);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_used_before_one_is_used_again() {
        let mut numbers = WireNumbers::default();
        for expected in 1..=u16::MAX {
            assert_eq!(numbers.allocate(Owner::Probe), Some(expected));
            numbers.free(expected);
        }
        assert_eq!(numbers.allocate(Owner::Probe), Some(1));
    }

    #[test]
    fn the_65536th_is_refused_until_one_is_freed() {
        let mut numbers = WireNumbers::default();
        for _ in 1..=u16::MAX {
            assert!(numbers.allocate(Owner::Probe).is_some());
        }
        assert_eq!(numbers.allocate(Owner::Probe), None);
        numbers.free(77);
        numbers.free(77);
        assert_eq!(numbers.allocate(Owner::Probe), Some(77));
        assert_eq!(numbers.allocate(Owner::Probe), None);
    }
}
