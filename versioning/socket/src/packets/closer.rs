//! Descriptors that strangers sent, closed by threads of their own.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::os::fd::OwnedFd;
use std::sync::{Condvar, Mutex, PoisonError};

/// Closes descriptors in other threads than those that serve clients.
///
/// To close a descriptor can take for ever: a socket lingers over what it has not sent, and a file of a user's own file system
/// asks a process of that user. A connection is no exception, because descriptors may lie in its queue. So a server that must not
/// hang gives everything that came from a client to a `Closer`, the connection included.
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
    /// Returns a closer that has nothing to close. It closes nothing until a thread calls [`run`](Self::run).
    #[must_use]
    pub const fn new() -> Self {
        Self {
            queue: Mutex::new(VecDeque::new()),
            added: Condvar::new(),
        }
    }

    /// Has the descriptors closed by another thread. Does not wait for it.
    pub fn close(&self, descriptors: impl IntoIterator<Item = OwnedFd>) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let before = queue.len();
        queue.extend(descriptors);
        let added = queue.len() - before;
        drop(queue);
        // Each wakes one thread: a server calls this after every request, and most come without a descriptor.
        (0..added).for_each(|_| self.added.notify_one());
    }

    /// Returns how many descriptors wait for a thread that closes them.
    pub fn waiting(&self) -> usize {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Closes descriptors for ever, one after the other. Call it in as many threads as descriptors may hang at once.
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
