//! The numbers that requests have on the wire, apart from those that the caller sees.
//!
//! Every server understands narrow ones, of 16 bits. Whether the one that is there understands wide ones too, which are for the
//! directories of large trees alone, is found out by [`super::width`].
//! Invariants: a number has one owner at a time, and among the free ones that which has been free longest is
//! taken first, because the original's server may still speak of a number that it has just acknowledged; a server is told no wide number
//! unless it has said that it understands them.

use std::collections::VecDeque;

use gamin_protocol::NARROW_MAX;

use crate::RequestNumber;

/// Who a wire number belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// A request of the caller.
    Request(RequestNumber),
    /// The connection's own question whether the server knows the barrier.
    Probe,
    /// A request that is made for the sake of its Acknowledge.
    Nudge,
}

/// How many narrow numbers trees leave to others: a tree that is too large has a gap anyway, but a program that follows one wants to
/// ask for a few files more on the same connection.
pub(super) const RESERVE: u32 = 64;

/// The largest number that is used: as many directories as the kernel lets a user watch at most, however much memory there is.
pub(super) const WIDE_MAX: u32 = (1 << 20) - 1;

/// Whether the server that is there understands wide numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Width {
    /// It was not asked.
    Unknown,
    /// It was asked, and has not answered.
    Asked,
    /// It does not.
    Narrow,
    /// It does.
    Wide,
}

/// What there is for a directory of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Allocation {
    /// This number.
    Number(u32),
    /// Maybe one when the server has said whether it understands wide ones.
    Later,
    /// None until one is freed.
    Never,
}

/// The wire numbers, 1 to [`NARROW_MAX`] and on to [`WIDE_MAX`].
#[derive(Debug)]
pub(super) struct WireNumbers {
    /// By number.
    owners: Vec<Option<Owner>>,
    narrow: Stretch,
    wide: Stretch,
    pub(super) width: Width,
}

impl Default for WireNumbers {
    fn default() -> WireNumbers {
        WireNumbers {
            owners: Vec::new(),
            narrow: Stretch { last: 0, end: NARROW_MAX, freed: VecDeque::new() },
            wide: Stretch { last: NARROW_MAX, end: WIDE_MAX, freed: VecDeque::new() },
            width: Width::Unknown,
        }
    }
}

impl WireNumbers {
    /// Takes a free narrow number, or gives `None` when there is none.
    pub(super) fn allocate(&mut self, owner: Owner) -> Option<u32> {
        let number = self.narrow.take()?;
        self.own(number, owner);
        Some(number)
    }

    /// Takes a free number for a directory below the root of a tree: a narrow one, unless only the [`RESERVE`] is left.
    pub(super) fn allocate_branch(&mut self, owner: Owner) -> Allocation {
        let number = match self.width {
            _ if self.narrow.left() > RESERVE => self.narrow.take(),
            Width::Unknown | Width::Asked => return Allocation::Later,
            Width::Narrow => None,
            Width::Wide => self.wide.take(),
        };
        let Some(number) = number else { return Allocation::Never };
        self.own(number, owner);
        Allocation::Number(number)
    }

    fn own(&mut self, number: u32, owner: Owner) {
        let place = number as usize;
        self.owners.resize(self.owners.len().max(place + 1), None);
        self.owners[place] = Some(owner);
    }

    /// How many different numbers were taken so far.
    pub(super) fn taken(&self) -> usize {
        self.owners.len()
    }

    /// Whether there is a number for anybody.
    pub(super) fn has_any(&self) -> bool {
        self.narrow.left() > 0
    }

    /// Whether trees may take up another directory.
    pub(super) fn has_room(&self) -> bool {
        self.narrow.left() > RESERVE || self.width == Width::Wide && self.wide.left() > 0
    }

    /// Whether somebody has a wide number.
    pub(super) fn has_wide(&self) -> bool {
        self.wide.left() < WIDE_MAX - NARROW_MAX
    }

    /// Whether the server that is there understands a number, and so knows what has it.
    pub(super) fn is_understood(&self, number: u32) -> bool {
        number <= NARROW_MAX || self.width == Width::Wide
    }

    pub(super) fn free(&mut self, number: u32) {
        if self.owners.get_mut(number as usize).is_some_and(|owner| owner.take().is_some()) {
            let stretch = if number <= NARROW_MAX { &mut self.narrow } else { &mut self.wide };
            stretch.freed.push_back(number);
        }
    }

    pub(super) fn owner(&self, number: u32) -> Option<Owner> {
        *self.owners.get(number as usize)?
    }
}

/// Numbers that follow one another.
#[derive(Debug)]
struct Stretch {
    /// The last one that was ever taken, and the last there is.
    last: u32,
    end: u32,
    freed: VecDeque<u32>,
}

impl Stretch {
    /// How many are free.
    fn left(&self) -> u32 {
        self.end - self.last + self.freed.len() as u32
    }

    fn take(&mut self) -> Option<u32> {
        if self.last == self.end {
            return self.freed.pop_front();
        }
        self.last += 1;
        Some(self.last)
    }
}

#[cfg(test)]
impl WireNumbers {
    /// From now on, of the narrow numbers that were never taken, only these are free, and the reserve.
    pub(super) fn offer_only(&mut self, numbers: std::ops::Range<u16>) {
        let reserve = NARROW_MAX - RESERVE + 1..=NARROW_MAX;
        if self.narrow.last < NARROW_MAX {
            self.narrow.freed.extend(reserve);
        }
        self.narrow.last = NARROW_MAX;
        self.narrow.freed.extend(numbers.map(u32::from));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_used_before_one_is_used_again() {
        let mut numbers = WireNumbers::default();
        for expected in 1..=NARROW_MAX {
            assert_eq!(numbers.allocate(Owner::Probe), Some(expected));
            numbers.free(expected);
        }
        assert_eq!(numbers.allocate(Owner::Probe), Some(1));
    }

    #[test]
    fn the_65536th_is_refused_until_one_is_freed() {
        let mut numbers = WireNumbers::default();
        for _ in 1..=NARROW_MAX {
            assert!(numbers.allocate(Owner::Probe).is_some());
        }
        assert_eq!(numbers.allocate(Owner::Probe), None);
        numbers.free(77);
        numbers.free(77);
        assert_eq!(numbers.allocate(Owner::Probe), Some(77));
        assert_eq!(numbers.allocate(Owner::Probe), None);
    }

    #[test]
    fn a_branch_has_a_wide_number_when_the_server_understands_it_and_the_narrow_ones_are_taken() {
        let mut numbers = WireNumbers::default();
        let branch = Owner::Request(RequestNumber(1));
        for expected in 1..=NARROW_MAX - RESERVE {
            assert_eq!(numbers.allocate_branch(branch), Allocation::Number(expected));
        }
        assert_eq!(numbers.allocate_branch(branch), Allocation::Later);
        numbers.width = Width::Narrow;
        assert_eq!(numbers.allocate_branch(branch), Allocation::Never);
        numbers.width = Width::Wide;
        assert!(!numbers.has_wide());
        for expected in NARROW_MAX + 1..=WIDE_MAX {
            assert_eq!(numbers.allocate_branch(branch), Allocation::Number(expected));
        }
        assert_eq!(numbers.allocate_branch(branch), Allocation::Never);
        numbers.free(WIDE_MAX);
        assert_eq!(numbers.owner(WIDE_MAX), None);
        assert_eq!(numbers.allocate_branch(branch), Allocation::Number(WIDE_MAX));
        assert_eq!(numbers.owner(WIDE_MAX), Some(branch));
        assert!(numbers.has_wide() && !numbers.has_room());
        assert_eq!(
            numbers.allocate(Owner::Probe),
            Some(NARROW_MAX - RESERVE + 1),
            "the reserve is for others"
        );
    }
}
