//! The session of a program that turns its host itself: bytes go over by a call, and no socket lies between.
//!
//! When the host is turned, and what wakes the program, is left to that one. Invariant: what such a session is to be told waits in the
//! core, where events are merged, until it is taken.

use std::os::fd::{AsFd, BorrowedFd, IntoRawFd, OwnedFd};
use std::{iter, mem};

use gamin_core::Peer;
use gamin_linux::MountTable;
use tracing::error;

use super::{Host, READ_MAX};
use crate::linux::Linux;

impl Host {
    /// All descriptors that it has at the moment, itself among them. To those that it has it may add others, and none goes.
    pub fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let system = &self.system;
        iter::once(self.as_fd())
            .chain(iter::once(system.threads.bell().as_fd()))
            .chain(system.table.iter().flat_map(MountTable::descriptors))
            .chain(system.notifier.as_ref().map(AsFd::as_fd))
    }

    /// Ends it. Of what it has, descriptors that are not its own any more are left as they are.
    pub fn leave(self, is_ours: impl Fn(BorrowedFd<'_>) -> bool) {
        let Host { system, poll, .. } = self;
        let Linux { notifier, table, threads, .. } = system;
        let table = table.map(MountTable::into_descriptors).into_iter().flatten();
        let own = table.chain(notifier.map(OwnedFd::from)).chain(threads.into_bell());
        for descriptor in own {
            if !is_ours(descriptor.as_fd()) {
                // That it is not closed is what this is for.
                let _ = descriptor.into_raw_fd();
            }
        }
        if !is_ours(poll.registry().as_fd()) {
            // It is nothing but its descriptor, which it does not give out.
            mem::forget(poll);
        }
    }

    /// Takes in the session of the program that turns this host. There is at most one.
    pub fn join(&mut self, peer: Peer) {
        let id = self.free_session();
        self.last_session = id;
        self.own = Some(id);
        let now = self.now();
        self.driver.core_mut().handle_connection(now, id, peer);
    }

    /// Whether that session has not ended.
    pub fn has_own(&self) -> bool {
        self.own.is_some()
    }

    /// Whether bytes of that session are wanted now.
    pub fn accepts_own(&self) -> bool {
        self.own.is_some_and(|id| self.driver.core().accepts_bytes(id))
    }

    /// Takes some of the bytes that the program has for its session, if they are wanted; gives how many. The next turn does what they say.
    pub fn take_own(&mut self, bytes: &[u8]) -> usize {
        let Some(id) = self.own.filter(|_| self.accepts_own()) else { return 0 };
        let bytes = &bytes[..bytes.len().min(READ_MAX)];
        let now = self.now();
        self.driver.handle_bytes(&mut self.system, now, id, bytes);
        self.is_unsettled = true;
        bytes.len()
    }

    /// Gives the program as many of the bytes for its session as there is room for; says how many.
    pub fn give_own(&mut self, room: &mut [u8]) -> usize {
        let Some(id) = self.own else { return 0 };
        let bytes = self.driver.core().transmit(id);
        let count = bytes.len().min(room.len());
        room[..count].copy_from_slice(&bytes[..count]);
        if count > 0 {
            self.driver.core_mut().sent(id, count);
        }
        count
    }

    /// Whether there are bytes for the program's session, or it goes on in the next turn.
    pub fn has_for_own(&self) -> bool {
        let core = self.driver.core();
        self.own.is_some_and(|id| !core.transmit(id).is_empty()) || core.has_turns()
    }

    /// Reads the kernel's queue, whether or not [`Host::wait`] has told of a notice, unless it is read at set times. If there was none,
    /// does what [`Host::turn`] does; otherwise that is left to the next turn, which comes at once if [`Host::timeout`] says so. Gives
    /// whether there was one.
    pub fn turn_at_once(&mut self) -> bool {
        let now = self.now();
        self.follow_mounts(now);
        self.find_notifier();
        let has_noticed = match self.driver.look_at_kernel(&mut self.system, now) {
            Ok(has_noticed) => has_noticed,
            Err(error) => {
                error!(%error, "can't read the kernel's notices");
                false
            }
        };
        if has_noticed {
            self.hear_kernel();
            self.is_unsettled |= self.driver.has_work();
            return true;
        }
        self.read_kernel();
        self.act();
        false
    }
}
