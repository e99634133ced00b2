//! By what fanotify(7) names a directory: its file system, and its handle there.
//!
//! Invariant: the bytes are those that stand in the kernel's packets, so that they can be compared.

use std::ffi::{CStr, c_int};
use std::os::fd::{AsRawFd, OwnedFd};

use gamin_backend::MountId;
use gamin_engine::TreePath;
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;
use rustix::fs::fstatvfs;

use super::packet::{FILE_SYSTEM_BYTES, HANDLE_BYTES};
use crate::far::at_end_of;

/// The longest handle (MAX_HANDLE_SZ).
const HANDLE_MAX: usize = 128;
/// A handle that names, and need not open: file systems have it that have no other (Linux 6.5).
const NAMES_ONLY: c_int = 0x200;

/// What the call fills in.
#[repr(C)]
struct Room {
    length: u32,
    kind: i32,
    handle: [u8; HANDLE_MAX],
}

/// Opens a directory as inotify(7) would find it: by the right to read it.
pub(super) fn open(directory: &TreePath) -> nix::Result<OwnedFd> {
    let flags =
        OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    at_end_of(directory, |from, rest| openat(from, rest, flags, Mode::empty()))
}

/// What names an open directory in the kernel's packets, and the mount through which it was opened.
///
/// # Errors
/// Its file system has no handles, or no id.
pub(super) fn place_of(directory: &OwnedFd) -> nix::Result<(Box<[u8]>, MountId)> {
    place_at(directory, c"", libc::AT_EMPTY_PATH)
}

/// What names an entry of an open directory; no link is followed.
///
/// # Errors
/// There is none, or as [`place_of`].
pub(super) fn place_in(directory: &OwnedFd, name: &CStr) -> nix::Result<Box<[u8]>> {
    place_at(directory, name, 0).map(|(place, _)| place)
}

fn place_at(directory: &OwnedFd, name: &CStr, how: c_int) -> nix::Result<(Box<[u8]>, MountId)> {
    let ask = |flags: c_int| {
        let mut room = Room { length: HANDLE_MAX as u32, kind: 0, handle: [0; HANDLE_MAX] };
        let mut mount: c_int = 0;
        // SAFETY: the name is a C string. `room` has the layout of file_handle(3) and says how much room is behind its head, and
        // the call writes no more than that; `mount` is an int of ours. Both outlive the call, which keeps no pointer.
        let done = unsafe {
            libc::name_to_handle_at(
                directory.as_raw_fd(),
                name.as_ptr(),
                (&raw mut room).cast(),
                &raw mut mount,
                how | flags,
            )
        };
        Errno::result(done).map(|_| (room, mount))
    };
    let (room, mount) = ask(NAMES_ONLY).or_else(|_| ask(0))?;
    // The kernel's two words, the first in the lower half.
    let file_system = fstatvfs(directory).map_err(|errno| Errno::from_raw(errno.raw_os_error()))?.f_fsid;
    let length = usize::try_from(room.length).map_or(HANDLE_MAX, |length| length.min(HANDLE_MAX));
    let mut place = Vec::with_capacity(FILE_SYSTEM_BYTES + HANDLE_BYTES + length);
    place.extend((file_system as u32).to_ne_bytes());
    place.extend(((file_system >> 32) as u32).to_ne_bytes());
    place.extend(room.length.to_ne_bytes());
    place.extend(room.kind.to_ne_bytes());
    place.extend(&room.handle[..length]);
    Ok((place.into(), MountId(u64::try_from(mount).unwrap_or_default())))
}
