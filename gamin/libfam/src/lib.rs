//! The C library: FAM's functions over the client library `gamin`, one thin layer of C's manners.
//!
//! What a connection does is left to `gamin`; this knows the shapes of C (`abi`), the error number and its
//! oddities (`errno`), which connections there are (`registry`), that processes fork (`fork`) and how memory
//! goes back to the system (`memory`). The functions stand
//! in `calls`, and what they promise in `include/fam.h` and docs/libfam.md.
//!
//! Invariants: a call with bad arguments gives -1 and touches nothing; no panic crosses the boundary; nothing is printed, and no
//! signal touched, unless GAM_DEBUG asks for it; of a connection nothing is freed while a thread
//! uses it.

#![allow(unsafe_code, reason = "the pointers are C's, and the manifest says so")]

mod abi;
mod calls;
mod errno;
mod fork;
mod memory;
mod registry;

pub use abi::{FAMConnection, FAMEvent, FAMGap, FAMRequest};
pub use calls::{
    FAMCancelMonitor, FAMClose, FAMCollectionGaps, FAMDebugLevel, FAMMonitorCollection, FAMMonitorDirectory,
    FAMMonitorDirectory2, FAMMonitorFile, FAMMonitorFile2, FAMNextEvent, FAMNoExists, FAMOpen, FAMOpen2,
    FAMPending, FAMResumeMonitor, FAMSuspendMonitor,
};
pub use errno::{FAMErrno, FamErrlist};
