//! The 16-bit numbers that requests have on the wire, apart from those that the caller sees.
//!
//! Invariant: a number has one owner at a time, and among the free ones that which has been free longest is
//! taken first, because the original's server may still speak of a number that it has just acknowledged.

use std::collections::VecDeque;

use crate::RequestNumber;

/// Who a wire number belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// A request of the caller.
    Request(RequestNumber),
    /// The connection's own question whether the server knows the barrier.
    Probe,
}

/// How many numbers trees leave to others: a tree that is too large has a gap anyway, but a program that follows one wants to ask
/// for a few files more on the same connection.
pub(super) const RESERVE: usize = 64;

/// The wire numbers, 1 to 65,535.
#[derive(Debug, Default)]
pub(super) struct WireNumbers {
    /// By number.
    owners: Vec<Option<Owner>>,
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
        let place = usize::from(number);
        self.owners.resize(self.owners.len().max(place + 1), None);
        self.owners[place] = Some(owner);
        Some(number)
    }

    /// Takes a free number for a directory below the root of a tree, or gives `None` when only the [`RESERVE`] is left.
    pub(super) fn allocate_branch(&mut self, owner: Owner) -> Option<u16> {
        if self.has_room() { self.allocate(owner) } else { None }
    }

    /// Whether trees may take up another directory.
    pub(super) fn has_room(&self) -> bool {
        usize::from(u16::MAX - self.last) + self.freed.len() > RESERVE
    }

    pub(super) fn free(&mut self, number: u16) {
        if self.owners.get_mut(usize::from(number)).is_some_and(|owner| owner.take().is_some()) {
            self.freed.push_back(number);
        }
    }

    pub(super) fn owner(&self, number: u16) -> Option<Owner> {
        *self.owners.get(usize::from(number))?
    }
}

#[cfg(test)]
impl WireNumbers {
    /// From now on, of the numbers that were never taken, only these are free, and the reserve.
    pub(super) fn offer_only(&mut self, numbers: std::ops::Range<u16>) {
        let reserve = u16::MAX - RESERVE as u16 + 1..=u16::MAX;
        if self.last < u16::MAX {
            self.freed.extend(reserve);
        }
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
