//! System calls, and how each can fail.

use std::fmt;

/// One call that fails.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    /// The system call.
    pub(crate) call: String,
    /// The how-many-th of its name in a thread, from 1.
    pub(crate) ordinal: usize,
    /// An error's name, or `None` where the program is killed before the call.
    pub(crate) error: Option<&'static str>,
}

impl Fault {
    /// Returns all faults of one call: its errors, and a kill. The short form has one error.
    pub(crate) fn all(call: &str, ordinal: usize, short: bool) -> impl Iterator<Item = Self> {
        let fault = move |error| Self {
            call: call.to_owned(),
            ordinal,
            error,
        };
        let errors = errors(call).iter().take(if short { 1 } else { usize::MAX });
        errors.copied().map(Some).chain([None]).map(fault)
    }

    /// Returns the argument of strace's `-e`.
    pub(crate) fn injection(&self) -> String {
        let what = match self.error {
            Some(error) => format!("error={error}"),
            None => "signal=KILL".to_owned(),
        };
        format!("inject={}:{what}:when={}", self.call, self.ordinal)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = self.error.unwrap_or("kill");
        write!(f, "{} number {}: {what}", self.call, self.ordinal)
    }
}

/// Returns the errors that a call can plausibly fail with, the most plausible first.
///
/// A call that cannot fail where its arguments are right, such as `close` of an open file, has none. Nor has `brk`, which
/// answers with the old end of the heap where there is no memory: glibc takes an error's number for an address.
fn errors(call: &str) -> &'static [&'static str] {
    match call {
        "open" | "openat" | "creat" => &["ENOSPC", "EMFILE", "EACCES", "EIO"],
        "read" | "pread64" | "readv" => &["EIO", "EINTR"],
        "write" | "writev" | "pwrite64" | "sendfile" | "copy_file_range" => &["ENOSPC", "EIO", "EINTR", "EDQUOT"],
        "fsync" | "fdatasync" | "msync" => &["EIO", "ENOSPC", "EINVAL"],
        "rename" | "renameat" | "renameat2" | "link" | "linkat" => &["ENOSPC", "EIO", "EACCES"],
        "unlink" | "unlinkat" | "mkdir" | "mkdirat" | "chmod" | "fchmod" => &["EACCES", "EIO"],
        "ftruncate" | "fallocate" => &["ENOSPC", "EINTR", "EIO"],
        "mmap" | "mremap" | "mprotect" | "madvise" => &["ENOMEM"],
        "memfd_create" | "pipe2" | "eventfd2" | "timerfd_create" | "epoll_create1" => &["EMFILE", "ENOMEM"],
        "socket" | "socketpair" | "accept" | "accept4" => &["EMFILE", "ENOBUFS", "EINTR"],
        "connect" => &["ECONNREFUSED", "EAGAIN", "EINTR"],
        "bind" | "listen" => &["EADDRINUSE", "EACCES"],
        "setsockopt" | "getsockopt" => &["ENOBUFS"],
        "sendmsg" | "sendto" => &["EPIPE", "ENOBUFS", "EINTR"],
        "recvmsg" | "recvfrom" => &["ECONNRESET", "ENOMEM", "EINTR"],
        "fcntl" | "flock" => &["ENOLCK", "EINTR"],
        "clone" | "clone3" | "fork" | "vfork" => &["EAGAIN"],
        "stat" | "fstat" | "lstat" | "newfstatat" | "statx" | "statfs" | "fstatfs" | "getdents64" => &["EIO", "EACCES"],
        "ioctl" | "lseek" | "ftruncate64" => &["EIO"],
        "poll" | "ppoll" | "epoll_wait" | "epoll_pwait" | "nanosleep" | "clock_nanosleep" => &["EINTR"],
        _ => &[],
    }
}
