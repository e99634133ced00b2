//! Which connections there are. A program's structure holds only a number, so that whatever it holds, it does no harm.
//!
//! A process may hold this code twice, as libfam and as libgamin-1, each with a registry of its own, and hand a
//! connection of one to the other. A number is therefore the address of the connection, and what stands there
//! names its registry; it is read with the kernel's help, for there may be nothing.
//! Invariant: a connection is in the registry of the code that opened it from FAMOpen to FAMClose, and is freed when it has left and
//! nobody uses it.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::IoSliceMut;
use std::mem::size_of;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use gamin::Connection;
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::Pid;

/// The connections that this copy of the code has opened.
pub(crate) static REGISTRY: Registry = Registry(Mutex::new(BTreeMap::new()));

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

/// Connections by their address.
#[derive(Debug)]
pub(crate) struct Registry(Mutex<BTreeMap<usize, Arc<Handle>>>);

/// The registry while it is locked.
pub(crate) type Registered = MutexGuard<'static, BTreeMap<usize, Arc<Handle>>>;

/// A connection, where its number says.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Handle {
    /// The seal and the address, while it is in the registry.
    seal: AtomicUsize,
    owner: &'static Registry,
    pub(crate) connection: Connection,
}

impl Handle {
    /// Whether this is its number, and it is still in the registry.
    fn has(&self, number: usize) -> bool {
        self.seal.load(Ordering::Relaxed) == SEAL ^ number
    }
}

thread_local! {
    /// The connection that this thread used last. It does not keep it: whoever closes it frees it.
    static LAST: Cell<Option<Weak<Handle>>> = const { Cell::new(None) };
}

impl Registry {
    /// Takes a connection in; gives its number.
    pub(crate) fn insert(&'static self, connection: Connection) -> usize {
        let handle = Arc::new(Handle { seal: AtomicUsize::new(0), owner: self, connection });
        let number = Arc::as_ptr(&handle).addr();
        // Whoever follows a number looks into memory that holds other things most of the time.
        let exposed = Arc::as_ptr(&handle).expose_provenance();
        handle.seal.store(SEAL ^ exposed, Ordering::Relaxed);
        self.lock().insert(number, handle);
        number
    }

    /// Calls with a connection, if there is one: as a rule the one that this thread used last, which needs no lock.
    pub(crate) fn with<T>(&'static self, number: usize, mut call: impl FnMut(&Connection) -> T) -> Option<T> {
        let done = LAST.try_with(|last| self.with_last(last, number, &mut call));
        // A thread that is ending remembers nothing.
        done.unwrap_or_else(|_| self.with_last(&Cell::new(None), number, &mut call))
    }

    fn with_last<T>(
        &'static self,
        last: &Cell<Option<Weak<Handle>>>,
        number: usize,
        call: &mut impl FnMut(&Connection) -> T,
    ) -> Option<T> {
        let before = last.take();
        if let Some(handle) = before.as_ref().and_then(Weak::upgrade).filter(|handle| handle.has(number)) {
            last.set(before);
            return Some(call(&handle.connection));
        }
        let handle = self.look_up(number)?;
        last.set(Some(Arc::downgrade(&handle)));
        Some(call(&handle.connection))
    }

    fn look_up(&'static self, number: usize) -> Option<Arc<Handle>> {
        if let Some(handle) = self.lock().get(&number) {
            return Some(Arc::clone(handle));
        }
        self.owner_elsewhere(number)?.lock().get(&number).cloned()
    }

    /// Takes a connection out.
    pub(crate) fn remove(&'static self, number: usize) -> Option<Arc<Handle>> {
        let handle = self.lock().remove(&number);
        let handle = handle.or_else(|| self.owner_elsewhere(number)?.lock().remove(&number))?;
        handle.seal.store(0, Ordering::Relaxed);
        Some(handle)
    }

    pub(crate) fn lock(&'static self) -> Registered {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
        // SAFETY: the seal is that of a connection of this very version at this very address, so what follows is its owner, a static of
        // the other copy, of the same type. What it says of the number is true even if the connection is being freed meanwhile.
        unsafe { ptr::with_exposed_provenance::<Registry>(owner).as_ref() }
    }
}
