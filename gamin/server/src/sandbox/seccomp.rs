//! The system calls that a confined server has.
//!
//! Invariant: what is not named here is refused, whatever later kernels bring.

use std::collections::BTreeMap;
use std::env::consts::ARCH;

use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, apply_filter,
};

/// What is not in [`needed`] is refused, as if the kernel did not have it. So of what can't be seen from without, such as what clone3(2) is
/// to do, the C library goes on to what can.
pub fn put_on() -> Result<(), Box<dyn std::error::Error>> {
    let denied = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    let filter = SeccompFilter::new(needed()?, denied, SeccompAction::Allow, ARCH.try_into()?)?;
    Ok(apply_filter(&BpfProgram::try_from(filter)?)?)
}

/// System calls that are needed whatever is to be done with them.
const NEEDED: &[i64] = &[
    // Looking.
    libc::SYS_fstat,
    libc::SYS_fstatfs,
    libc::SYS_getdents64,
    libc::SYS_lseek,
    libc::SYS_newfstatat,
    libc::SYS_readlinkat,
    libc::SYS_statfs,
    libc::SYS_statx,
    libc::SYS_uname,
    // The kernel's notices.
    libc::SYS_fanotify_init,
    libc::SYS_fanotify_mark,
    libc::SYS_inotify_add_watch,
    libc::SYS_inotify_init1,
    libc::SYS_inotify_rm_watch,
    libc::SYS_name_to_handle_at,
    // Clients, and what is open.
    libc::SYS_accept4,
    libc::SYS_close,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_getsockopt,
    libc::SYS_ppoll,
    libc::SYS_read,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_sendmsg,
    libc::SYS_sendto,
    libc::SYS_write,
    libc::SYS_writev,
    // Memory, but for what the processor could run.
    libc::SYS_brk,
    libc::SYS_madvise,
    libc::SYS_mremap,
    libc::SYS_munmap,
    // Threads, time and the end.
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_futex,
    libc::SYS_getpid,
    libc::SYS_getrandom,
    libc::SYS_gettid,
    libc::SYS_restart_syscall,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_set_robust_list,
    libc::SYS_sigaltstack,
    // What later ones replace, where there was something before them.
    #[cfg(target_arch = "x86_64")]
    libc::SYS_epoll_wait,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
];

/// All that a server needs of the system: calls, and of some, what may be done with them.
#[allow(clippy::unnecessary_cast, reason = "not every C library has these numbers as this type")]
fn needed() -> Result<BTreeMap<i64, Vec<SeccompRule>>, BackendError> {
    let whatever = NEEDED.iter().map(|call| (*call, Vec::new()));
    let limited = [
        // To be looked at, or to be listed: nothing is read, written or made.
        (
            libc::SYS_openat,
            vec![
                has(2, libc::O_PATH, libc::O_PATH)?,
                has(
                    2,
                    libc::O_ACCMODE | libc::O_CREAT | libc::O_TRUNC | libc::O_DIRECTORY,
                    libc::O_DIRECTORY,
                )?,
            ],
        ),
        (libc::SYS_mmap, vec![has(2, libc::PROT_EXEC, 0)?]),
        (libc::SYS_mprotect, vec![has(2, libc::PROT_EXEC, 0)?]),
        (
            libc::SYS_clone,
            vec![has(0, libc::CLONE_THREAD | libc::CLONE_VM, libc::CLONE_THREAD | libc::CLONE_VM)?],
        ),
        (libc::SYS_fcntl, one_of(1, [libc::F_DUPFD_CLOEXEC, libc::F_GETFD, libc::F_GETFL])?),
        (libc::SYS_ioctl, vec![is(1, libc::FIONBIO as u64)?, is(1, libc::FIONREAD as u64)?]),
        (libc::SYS_prctl, one_of(0, [libc::PR_SET_NAME])?),
    ];
    Ok(whatever.chain(limited).collect())
}

/// An argument that has these bits, of those in a mask.
fn has(argument: u8, mask: i32, bits: i32) -> Result<SeccompRule, BackendError> {
    let masked = SeccompCmpOp::MaskedEq(bits_of(mask));
    SeccompRule::new(vec![SeccompCondition::new(argument, SeccompCmpArgLen::Dword, masked, bits_of(bits))?])
}

/// An argument of this value.
fn is(argument: u8, value: u64) -> Result<SeccompRule, BackendError> {
    SeccompRule::new(vec![SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)?])
}

/// An argument of one of these values.
fn one_of<const N: usize>(argument: u8, values: [i32; N]) -> Result<Vec<SeccompRule>, BackendError> {
    values.into_iter().map(|value| is(argument, bits_of(value))).collect()
}

fn bits_of(value: i32) -> u64 {
    u64::from(value.cast_unsigned())
}
