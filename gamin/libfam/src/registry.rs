//! Which connections there are. A program's structure holds only a number, so that whatever it holds, it does no harm.
//!
//! A process may hold this code twice, as libfam and as libgamin-1, each with a registry of its own, and hand a
//! connection of one to the other. A number is therefore the address of a slot, and what stands there
//! names its registry; it is read with the kernel's help, for there may be nothing.
//!
//! A slot stays for good, whichever connections are in it one after the other: so a number is looked up without a lock, and no call has to
//! keep a connection from being freed. Invariants: a connection is in a slot of the code that opened it from FAMOpen to FAMClose, and used
//! under the slot's lock alone, which nobody holds while waiting; a slot without a seal has none.

use std::collections::BTreeMap;
use std::io::IoSliceMut;
use std::mem::size_of;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use gamin::{Connection, Error, EventRef};
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::Pid;

/// The connections that this copy of the code has opened.
pub(crate) static REGISTRY: Registry = Registry {
    near: [const { Slot::new() }; NEAR],
    far: Mutex::new(Far { next: 0, slots: BTreeMap::new() }),
};

/// How many connections are found by their number alone; more than that, which hardly any program has, by a search.
const NEAR: usize = 64;

/// What tells a connection of this very version from everything else.
const SEAL: usize = seal(concat!("gamin-libfam ", env!("CARGO_PKG_VERSION")).as_bytes());

const fn seal(text: &[u8]) -> usize {
    let mut hash: usize = 0xcbf2_9ce4;
    let mut at = 0;
    while at < text.len() {
        hash = (hash ^ text[at] as usize).wrapping_mul(0x0100_0193).rotate_left(7);
        at += 1;
    }
    hash
}

/// Connections by the addresses of their slots.
#[derive(Debug)]
pub(crate) struct Registry {
    near: [Slot; NEAR],
    far: Mutex<Far>,
}

/// What is behind the registry's lock.
#[derive(Debug)]
pub(crate) struct Far {
    /// Where among the near ones to look for a free slot next, so that a number comes again as late as can be.
    next: usize,
    /// Slots that were made when no other was free.
    slots: BTreeMap<usize, &'static Slot>,
}

/// The registry while it is locked.
pub(crate) type Registered = MutexGuard<'static, Far>;

/// Room for a connection, at the address that is its number.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Slot {
    /// The seal and the address, while a program has the connection.
    seal: AtomicUsize,
    /// The address of the registry then.
    owner: AtomicUsize,
    /// It is the parent's, and its lock may be held by a thread that is not in this process.
    is_inherited: AtomicBool,
    /// Whether it has something to say that was received before. Who holds the lock says so here, for those who only want to know.
    is_ready: AtomicBool,
    tenant: Mutex<Tenant>,
}

/// What is in a slot, behind its lock.
#[derive(Debug)]
struct Tenant {
    /// Once it was closed it stays until nobody waits for its events.
    connection: Option<Box<Connection>>,
    waiting: usize,
}

/// What was left of a connection that was closed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Remains {
    /// Whether its descriptor was still its own.
    pub(crate) had_descriptor: bool,
    /// How many subscriptions it has had.
    pub(crate) subscriptions: usize,
}

impl Registry {
    /// Takes a connection in; gives its number.
    pub(crate) fn insert(&'static self, connection: Connection) -> usize {
        let mut connection = Some(Box::new(connection));
        let mut far = self.lock();
        for at in (far.next..NEAR).chain(0..far.next) {
            if self.near[at].take_in(&mut connection) {
                far.next = (at + 1) % NEAR;
                return self.near[at].open(self);
            }
        }
        if let Some(slot) = far.slots.values().find(|slot| slot.take_in(&mut connection)) {
            return slot.open(self);
        }
        let slot: &Slot = Box::leak(Box::new(Slot::new()));
        slot.take_in(&mut connection);
        let number = slot.open(self);
        far.slots.insert(number, slot);
        number
    }

    /// The slot of a connection, if there is one.
    #[inline]
    pub(crate) fn find(&'static self, number: usize) -> Option<&'static Slot> {
        let offset = number.wrapping_sub(self.near.as_ptr().addr());
        match self.near.get(offset / size_of::<Slot>()) {
            Some(slot) => slot.has(number).then_some(slot),
            None => self.search(number),
        }
    }

    #[cold]
    fn search(&'static self, number: usize) -> Option<&'static Slot> {
        let far = self.lock().slots.get(&number).copied();
        match far {
            Some(slot) => slot.has(number).then_some(slot),
            None => self.owner_elsewhere(number)?.find(number),
        }
    }

    pub(crate) fn lock(&'static self) -> Registered {
        self.far.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says of all connections that they are the parent's: to be called in a child process, with the lock.
    pub(crate) fn inherit(&'static self, far: &Far) {
        for slot in self.near.iter().chain(far.slots.values().copied()) {
            if slot.seal.load(Ordering::Relaxed) != 0 {
                slot.is_inherited.store(true, Ordering::Relaxed);
            }
        }
    }

    /// The registry of the other copy of this code in the process, if that is where the number is from.
    fn owner_elsewhere(&'static self, number: usize) -> Option<&'static Registry> {
        let mut head = [0_u8; 2 * size_of::<usize>()];
        let remote = [RemoteIoVec { base: number, len: head.len() }];
        let count = process_vm_readv(Pid::this(), &mut [IoSliceMut::new(&mut head)], &remote).ok()?;
        let (seal, owner) = head.split_at(size_of::<usize>());
        let word = |bytes: &[u8]| bytes.try_into().map(usize::from_ne_bytes).ok();
        let (seal, owner) = (word(seal)?, word(owner)?);
        if count != head.len() || seal != SEAL ^ number || owner == ptr::from_ref(self).addr() {
            return None;
        }
        // SAFETY: the seal is that of a slot of this very version at this very address, so what follows is its owner, a static of
        // the other copy, of the same type. What it says of the number is true even if the connection is being closed meanwhile.
        unsafe { ptr::with_exposed_provenance::<Registry>(owner).as_ref() }
    }
}

impl Slot {
    const fn new() -> Slot {
        Slot {
            seal: AtomicUsize::new(0),
            owner: AtomicUsize::new(0),
            is_inherited: AtomicBool::new(false),
            is_ready: AtomicBool::new(false),
            tenant: Mutex::new(Tenant { connection: None, waiting: 0 }),
        }
    }

    /// Whether this is its number, and a program has the connection.
    #[inline]
    fn has(&self, number: usize) -> bool {
        self.seal.load(Ordering::Acquire) == SEAL ^ number
    }

    /// Whether its connection is the parent's.
    #[inline]
    pub(crate) fn is_inherited(&self) -> bool {
        self.is_inherited.load(Ordering::Relaxed)
    }

    /// Whether its connection has something to say that was received before.
    #[inline]
    pub(crate) fn is_ready(&self) -> bool {
        self.is_ready.load(Ordering::Relaxed)
    }

    /// Takes a connection in if there is room.
    fn take_in(&self, connection: &mut Option<Box<Connection>>) -> bool {
        // Where a parent's thread holds the lock, it does so for good.
        let Ok(mut tenant) = self.tenant.try_lock() else { return false };
        if self.seal.load(Ordering::Relaxed) != 0 || tenant.connection.is_some() {
            return false;
        }
        tenant.connection = connection.take();
        self.show(&tenant);
        true
    }

    /// Lets a connection be found that was taken in; gives its number.
    fn open(&'static self, owner: &'static Registry) -> usize {
        let number = ptr::from_ref(self).addr();
        self.is_inherited.store(false, Ordering::Relaxed);
        self.owner.store(ptr::from_ref(owner).expose_provenance(), Ordering::Relaxed);
        self.seal.store(SEAL ^ number, Ordering::Release);
        number
    }

    /// Closes its connection, whose number this is; gives `None` if somebody else has done so.
    pub(crate) fn close(&self, number: usize) -> Option<Remains> {
        let tenant = if self.is_inherited() { self.tenant.try_lock().ok() } else { Some(self.lock()) };
        self.seal.compare_exchange(SEAL ^ number, 0, Ordering::AcqRel, Ordering::Relaxed).ok()?;
        let Some(mut tenant) = tenant else {
            return Some(Remains { had_descriptor: true, subscriptions: 0 });
        };
        let connection = tenant.connection.as_deref()?;
        let remains = Remains {
            had_descriptor: connection.has_descriptor(),
            subscriptions: connection.subscriptions(),
        };
        connection.close();
        if self.is_inherited() {
            // Who waits for it is not in this process.
            tenant.waiting = 0;
        }
        self.leave(tenant);
        Some(remains)
    }

    fn lock(&self) -> MutexGuard<'_, Tenant> {
        self.tenant.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says what there is, and frees a connection that was closed when nobody waits any more.
    fn leave(&self, mut tenant: MutexGuard<'_, Tenant>) {
        let is_over = self.seal.load(Ordering::Relaxed) == 0 && tenant.waiting == 0;
        let gone = if is_over { tenant.connection.take() } else { None };
        self.show(&tenant);
        drop(tenant);
        drop(gone);
    }

    #[inline]
    fn show(&self, tenant: &Tenant) {
        let is_ready = tenant.connection.as_deref().is_some_and(Connection::is_ready);
        self.is_ready.store(is_ready, Ordering::Relaxed);
    }

    /// Calls with its connection; gives `None` if that has gone.
    #[inline]
    pub(crate) fn with<T>(&self, call: impl FnOnce(&mut Connection) -> T) -> Option<T> {
        let mut tenant = self.lock();
        let done = call(tenant.connection.as_deref_mut()?);
        self.show(&tenant);
        Some(done)
    }

    /// Has the next event read; waits for it. Gives `None` if the connection has gone.
    #[inline]
    pub(crate) fn read_event(&self, mut read: impl FnMut(EventRef<'_>)) -> Option<Result<(), Error>> {
        match self.with(|connection| connection.read_received(&mut read))? {
            Some(()) => Some(Ok(())),
            None => self.await_event(&mut read),
        }
    }

    #[cold]
    fn await_event(&self, read: &mut dyn FnMut(EventRef<'_>)) -> Option<Result<(), Error>> {
        loop {
            match self.with(|connection| connection.read_event_alone(&mut *read))? {
                Ok(None) => {}
                Ok(Some(())) => return Some(Ok(())),
                Err(why) => return Some(Err(why)),
            }
            if let Err(why) = self.wait()? {
                return Some(Err(why));
            }
        }
    }

    /// Waits until there may be an event, without the lock.
    fn wait(&self) -> Option<Result<(), Error>> {
        let mut tenant = self.lock();
        let wait = match tenant.connection.as_deref_mut()?.begin_wait() {
            Ok(wait) => wait,
            Err(why) => return Some(Err(why)),
        };
        tenant.waiting += 1;
        drop(tenant);
        let waited = wait.wait();
        let mut tenant = self.lock();
        tenant.waiting -= 1;
        let ended = tenant.connection.as_deref_mut()?.end_wait();
        self.leave(tenant);
        Some(ended.and(waited))
    }
}
