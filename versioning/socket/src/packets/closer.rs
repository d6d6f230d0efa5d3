//! Closes the descriptors of strangers in separate threads.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::os::fd::OwnedFd;
use std::sync::{Condvar, Mutex, PoisonError};

/// Closes descriptors in separate threads, not in the threads that serve clients.
///
/// Closing a descriptor can take for ever. A socket with `SO_LINGER` waits until its data is sent. A file of a user's
/// own file system (FUSE) waits for a process of that user. Closing a connection can take for ever too, because its
/// queue may have such descriptors. So a server that must not hang gives all descriptors of a client to a `Closer`, and
/// the connection too.
///
/// ```
/// use devstate_socket::packets::Closer;
///
/// static CLOSER: Closer = Closer::new();
/// for _ in 0..2 {
///     std::thread::spawn(|| CLOSER.run());
/// }
/// let (mut reader, writer) = std::io::pipe()?;
/// CLOSER.close([writer.into()]);
/// assert_eq!(std::io::Read::read(&mut reader, &mut [0])?, 0, "it is closed");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Closer {
    queue: Mutex<VecDeque<OwnedFd>>,
    added: Condvar,
}

impl Closer {
    /// Creates a closer. It closes nothing until a thread calls [`run`](Self::run).
    #[must_use]
    pub const fn new() -> Self {
        Self {
            queue: Mutex::new(VecDeque::new()),
            added: Condvar::new(),
        }
    }

    /// Passes the descriptors to another thread, which closes them. Does not wait for it.
    pub fn close(&self, descriptors: impl IntoIterator<Item = OwnedFd>) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let before = queue.len();
        queue.extend(descriptors);
        let added = queue.len() - before;
        drop(queue);
        // Each wakes one thread: a server calls this after every request, and most come without a descriptor.
        (0..added).for_each(|_| self.added.notify_one());
    }

    /// Returns the number of descriptors that wait to be closed.
    pub fn waiting(&self) -> usize {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Closes descriptors for ever, one after the other. Start several threads that call it: each hanging descriptor
    /// blocks one of them.
    pub fn run(&self) -> Infallible {
        loop {
            let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            let descriptor = loop {
                match queue.pop_front() {
                    Some(descriptor) => break descriptor,
                    None => queue = self.added.wait(queue).unwrap_or_else(PoisonError::into_inner),
                }
            };
            drop(queue);
            drop(descriptor);
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
