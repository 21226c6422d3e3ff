//! The system calls that a child may make: what reading files, computing on threads and writing one
//! bundle takes, and nothing else.
//!
//! A list of what is allowed, because what a hostile file may find in a kernel is not to be listed.
//! Everything else fails with EPERM, which a library survives and an error message names, and which
//! leaves its child alive to say so. Names differ by architecture: 64-bit ARM has only the newer of each pair.

use std::collections::BTreeMap;
use std::io;

use crate::inference::Device;
use libc::{
    AF_INET, AF_INET6, CLONE_THREAD, ENOSYS, EPERM, F_DUPFD_CLOEXEC, F_GETFD, F_GETFL, F_SETFD, F_SETFL, O_TRUNC,
    PR_GET_NAME, PR_SET_NAME, PROT_EXEC, PROT_WRITE, SOCK_STREAM,
};
use rustix::thread::secure_computing_mode;
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter_all_threads,
};

#[cfg(target_arch = "x86_64")]
const RENAMEAT: libc::c_long = libc::SYS_renameat;
/// `renameat`, whose number libc leaves out where glibc is the C library (asm-generic/unistd.h).
#[cfg(target_arch = "aarch64")]
const RENAMEAT: libc::c_long = 38;

/// The bits of a socket's type that are no flags (linux/net.h, SOCK_TYPE_MASK).
const SOCKET_TYPES: u64 = 0xf;
/// Request of `ioctl` that makes a descriptor wait or not (asm-generic/ioctls.h).
const FIONBIO: u64 = 0x5421;

/// Allowed with any arguments.
const ALLOWED: &[libc::c_long] = &[
    // Files that are open, and memory.
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_pread64,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_pwrite64,
    libc::SYS_lseek,
    libc::SYS_close,
    libc::SYS_fstat,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_ftruncate,
    libc::SYS_fadvise64,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_brk,
    // Files by name: landlock says which.
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_readlinkat,
    libc::SYS_getcwd,
    libc::SYS_getdents64,
    RENAMEAT,
    libc::SYS_renameat2,
    libc::SYS_unlinkat,
    // Threads; clone itself is below, and clone3 fails as if it were unknown.
    libc::SYS_clone3,
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_gettid,
    libc::SYS_getpid,
    // Who one is can't fail, and so callers don't expect it to.
    libc::SYS_getppid,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getegid,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_membarrier,
    // Signals that the process sends itself when it aborts, and their stacks.
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    // Time, chance, and waiting for a pipe.
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_gettimeofday,
    libc::SYS_getrandom,
    libc::SYS_ppoll,
    libc::SYS_sysinfo,
];

/// The older names that only x86 has, and that a C library may still use.
#[cfg(target_arch = "x86_64")]
const ALLOWED_OF_OLD: &[libc::c_long] = &[
    libc::SYS_stat,
    libc::SYS_lstat,
    libc::SYS_access,
    libc::SYS_readlink,
    libc::SYS_rename,
    libc::SYS_unlink,
    libc::SYS_poll,
    libc::SYS_time,
];
#[cfg(not(target_arch = "x86_64"))]
const ALLOWED_OF_OLD: &[libc::c_long] = &[];

/// Allowed beside those with a GPU that is opened already: its driver is spoken to by `ioctl`, and waits in its own threads. Folders are made for its
/// compiled code, where landlock lets them be.
const ALLOWED_WITH_CUDA: &[libc::c_long] = &[
    libc::SYS_ioctl,
    libc::SYS_dup,
    libc::SYS_eventfd2,
    libc::SYS_pipe2,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_flock,
    libc::SYS_get_mempolicy,
    libc::SYS_getrusage,
    libc::SYS_mincore,
    libc::SYS_mkdirat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_mkdir,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_epoll_wait,
    libc::SYS_sched_get_priority_max,
    libc::SYS_sched_get_priority_min,
    libc::SYS_uname,
];

/// Allowed beside those where a connection is to be made; `socket` itself is below, and landlock says to where.
const ALLOWED_WITH_A_CONNECTION: &[libc::c_long] = &[
    libc::SYS_connect,
    libc::SYS_sendto,
    libc::SYS_recvfrom,
    libc::SYS_setsockopt,
    libc::SYS_getsockopt,
    libc::SYS_getpeername,
    libc::SYS_getsockname,
    libc::SYS_shutdown,
];

/// Whether this machine can filter at all.
pub(super) fn available() -> bool {
    // A kernel that can't does not know the question. Nor does an emulator of processors (qemu), which would refuse
    // the filter, whatever the kernel below it says of itself in /proc.
    architecture().is_ok() && secure_computing_mode().is_ok()
}

fn architecture() -> Result<TargetArch, BackendError> {
    std::env::consts::ARCH.try_into()
}

/// Lays the filter on every thread of this process, for good.
pub(super) fn restrict(device: Device, connects: bool) -> io::Result<()> {
    lay_on(device, connects).map_err(io::Error::other)
}

fn lay_on(device: Device, connects: bool) -> Result<(), seccompiler::Error> {
    // Arguments of clone3 lie in memory, where no filter sees them: told that there is none, the C
    // library uses clone. Of two filters the stricter word counts, so this one comes as its own.
    let unknown = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    let unknown =
        SeccompFilter::new(unknown, SeccompAction::Allow, SeccompAction::Errno(ENOSYS as u32), architecture()?)?;
    let allowed = SeccompFilter::new(
        allowed(device, connects)?,
        SeccompAction::Errno(EPERM as u32),
        SeccompAction::Allow,
        architecture()?,
    )?;
    // The second needs the system call that lays it on, which it takes away itself.
    apply_filter_all_threads(&BpfProgram::try_from(unknown)?)?;
    apply_filter_all_threads(&BpfProgram::try_from(allowed)?)
}

/// Each allowed system call, with the arguments under which it is.
fn allowed(device: Device, connects: bool) -> Result<BTreeMap<i64, Vec<SeccompRule>>, BackendError> {
    let with_device = if device == Device::Cuda { ALLOWED_WITH_CUDA } else { &[] };
    let any = ALLOWED.iter().chain(ALLOWED_OF_OLD).chain(with_device).map(|call| (*call, Vec::new()));
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = any.collect();
    if connects {
        rules.extend(ALLOWED_WITH_A_CONNECTION.iter().map(|call| (*call, Vec::new())));
        // TCP, and no other protocol: a stream of the two families of the Internet.
        let streams = [AF_INET, AF_INET6].map(|family| {
            let conditions = [(0, family), (2, 0)].map(|(argument, value)| {
                let value = u64::from(value.unsigned_abs());
                SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)
            });
            let stream = SeccompCondition::new(
                1,
                SeccompCmpArgLen::Dword,
                SeccompCmpOp::MaskedEq(SOCKET_TYPES),
                u64::from(SOCK_STREAM.unsigned_abs()),
            );
            SeccompRule::new(conditions.into_iter().chain([stream]).collect::<Result<_, _>>()?)
        });
        rules.insert(libc::SYS_socket, streams.into_iter().collect::<Result<_, _>>()?);
        // A connection is waited for without blocking, which the standard library asks for by ioctl.
        if device == Device::Cpu {
            rules.insert(libc::SYS_ioctl, vec![equal(1, FIONBIO)?]);
        }
    }
    // No file is emptied by opening it: landlock guards that only from its third version on.
    rules.insert(libc::SYS_openat, vec![without(2, O_TRUNC)?]);
    #[cfg(target_arch = "x86_64")]
    rules.insert(libc::SYS_open, vec![without(1, O_TRUNC)?]);
    // No memory becomes code. Libraries of a GPU are loaded, which are code from the start and never written.
    let mut mapped = vec![without(2, PROT_EXEC)?];
    if device == Device::Cuda {
        mapped.push(without(2, PROT_WRITE)?);
    }
    rules.insert(libc::SYS_mmap, mapped);
    rules.insert(libc::SYS_mprotect, vec![without(2, PROT_EXEC)?]);
    // Threads, no processes.
    rules.insert(libc::SYS_clone, vec![with(0, CLONE_THREAD)?]);
    // A signal to itself, as abort sends it, and to nobody else.
    rules.insert(libc::SYS_tgkill, vec![equal(0, u64::from(std::process::id()))?]);
    rules.insert(libc::SYS_prctl, any_of(0, &[PR_SET_NAME, PR_GET_NAME])?);
    let mut of_open_files = vec![F_GETFD, F_SETFD, F_GETFL, F_DUPFD_CLOEXEC];
    if device == Device::Cuda {
        // The driver makes what its threads wait for non-blocking.
        of_open_files.push(F_SETFL);
    }
    rules.insert(libc::SYS_fcntl, any_of(1, &of_open_files)?);
    // Limits are looked at, by whoever makes a thread, never changed.
    rules.insert(libc::SYS_prlimit64, vec![SeccompRule::new(vec![condition(2, SeccompCmpOp::Eq, 0)?])?]);
    Ok(rules)
}

fn condition(argument: u8, operator: SeccompCmpOp, value: u64) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Qword, operator, value)
}

fn equal(argument: u8, value: u64) -> Result<SeccompRule, BackendError> {
    // Numbers are 32 bits; the upper half of the register may hold anything.
    SeccompRule::new(vec![SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)?])
}

fn any_of(argument: u8, values: &[libc::c_int]) -> Result<Vec<SeccompRule>, BackendError> {
    values.iter().map(|value| equal(argument, u64::from(value.unsigned_abs()))).collect()
}

fn with(argument: u8, flag: libc::c_int) -> Result<SeccompRule, BackendError> {
    let flag = u64::from(flag.unsigned_abs());
    SeccompRule::new(vec![condition(argument, SeccompCmpOp::MaskedEq(flag), flag)?])
}

fn without(argument: u8, flag: libc::c_int) -> Result<SeccompRule, BackendError> {
    let flag = u64::from(flag.unsigned_abs());
    SeccompRule::new(vec![condition(argument, SeccompCmpOp::MaskedEq(flag), 0)?])
}
