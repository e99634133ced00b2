//! The broker: a process that opens for a confined server what that may no longer open.
//!
//! It is the server's own, forked before there is a thread, and is not confined itself: privileges are separated (as OpenSSH does it). What the
//! server gave up is left to `sandbox`. Invariants: it is asked for things, not for paths, so whoever takes over the server can have of
//! it the text of the configuration and a file of its own, and nothing else; it ends when the server does, however that ends.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::process;
use std::sync::Arc;

use gamin_engine::TreePath;
use gamin_host::{Opener, open_setting};
use gamin_meeting::Remains;
use gamin_trace::new_file;
use nix::errno::Errno;
use nix::sys::prctl;
use nix::unistd::{ForkResult, fork};
use rustix::cmsg_space;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recv, recvmsg, send, sendmsg, socketpair,
};
use tracing::debug;

use crate::detach::close_others;

/// What a server asks for: the configuration file of this number, or ...
type Wanted = u8;
/// ... a new file for a trace.
const TRACE: Wanted = u8::MAX;
/// How many files for traces there are in the life of a server, at most: more than anybody switches on.
const TRACES_MAX: usize = 256;
/// What the threads of this process are listed in.
const THREADS: &str = "/proc/self/task";
/// How long a trace's path may be.
const PATH_BYTES: usize = 4096;

/// The way to the broker.
#[derive(Debug, Clone)]
pub(crate) struct Broker(Arc<OwnedFd>);

impl Broker {
    /// Forks it. It knows these configuration files, and removes what the server leaves behind.
    ///
    /// # Errors
    /// There is no process or descriptor left, or there is another thread.
    pub fn start(settings: &[TreePath], remains: Option<Remains>) -> io::Result<Broker> {
        // Without a procfs nobody says so; then it is known from what the server's program does before.
        if fs::read_dir(THREADS).is_ok_and(|threads| threads.count() > 1) {
            return Err(io::Error::other("the process has other threads"));
        }
        let (ours, theirs) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        // SAFETY: this thread is the only one, so the child finds no lock held by anybody and nothing half done.
        match unsafe { fork() }? {
            ForkResult::Parent { .. } => Ok(Broker(Arc::new(ours))),
            ForkResult::Child => {
                serve(&theirs, settings);
                remains.into_iter().for_each(Remains::remove);
                // What else its parent had is the server's to end.
                process::exit(0);
            }
        }
    }

    /// How configuration files are opened through it.
    pub fn opener(&self, settings: Vec<TreePath>) -> Opener {
        let broker = self.clone();
        Opener::new(move |path| {
            let number = settings.iter().position(|setting| setting == path);
            let number = number.and_then(|number| Wanted::try_from(number).ok()).ok_or(Errno::ENOENT)?;
            broker.ask(number).map(|(file, _)| file)
        })
    }

    /// A new file for a trace, and its path.
    ///
    /// # Errors
    /// It can't be made.
    pub fn trace(&self) -> io::Result<(File, PathBuf)> {
        self.ask(TRACE)
    }

    fn ask(&self, wanted: Wanted) -> io::Result<(File, PathBuf)> {
        send(&self.0, &[wanted], SendFlags::NOSIGNAL)?;
        let mut said = [0; PATH_BYTES];
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
        let mut attached = RecvAncillaryBuffer::new(&mut space);
        let parts = &mut [IoSliceMut::new(&mut said)];
        let answer = recvmsg(&self.0, parts, &mut attached, RecvFlags::CMSG_CLOEXEC)?;
        let file = attached.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next().map(File::from),
            _ => None,
        });
        match (file, said[..answer.bytes].split_first_chunk()) {
            (Some(file), Some((_, path))) => Ok((file, OsString::from_vec(path.to_vec()).into())),
            (None, Some((errno, _))) => Err(io::Error::from_raw_os_error(i32::from_ne_bytes(*errno))),
            (_, None) => Err(io::Error::other("the process that opens files for the server has ended")),
        }
    }
}

/// Does what the server asks for until that ends.
fn serve(channel: &OwnedFd, settings: &[TreePath]) {
    close_others(channel.as_raw_fd());
    // It shows beside its server.
    let _ = prctl::set_name(c"gam_broker");
    let mut traces = 0;
    let mut request = [TRACE];
    // The server's signals are not for it, and no other comes back.
    while recv(channel, &mut request, RecvFlags::empty()).is_ok_and(|(_, count)| count > 0) {
        let opened = match request {
            [TRACE] if traces == TRACES_MAX => Err(Errno::EDQUOT.into()),
            [TRACE] => {
                traces += 1;
                new_file()
            }
            [number] => match settings.get(usize::from(number)) {
                Some(path) => open_setting(path).map(|file| (file, PathBuf::new())),
                None => Err(Errno::EINVAL.into()),
            },
        };
        if let Err(error) = answer(channel, opened) {
            debug!(%error, "the server is not to be answered");
            return;
        }
    }
}

/// Sends what was opened, or why it was not: a number of `errno`, which is 0 for what was, and its path.
fn answer(channel: &OwnedFd, opened: io::Result<(File, PathBuf)>) -> io::Result<()> {
    let errno = opened.as_ref().err().map_or(0, |error| error.raw_os_error().unwrap_or(libc::EIO));
    let (file, path) = opened.ok().unzip();
    let path = path.unwrap_or_default().into_os_string();
    let descriptors: Vec<_> = file.iter().map(File::as_fd).collect();
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
    let mut attached = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() {
        attached.push(SendAncillaryMessage::ScmRights(&descriptors));
    }
    let errno = errno.to_ne_bytes();
    let parts = [IoSlice::new(&errno), IoSlice::new(path.as_bytes())];
    sendmsg(channel, &parts, &mut attached, SendFlags::NOSIGNAL)?;
    Ok(())
}
