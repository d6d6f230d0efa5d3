//! What came from clients, closed by threads of their own.
//!
//! Closing can wait: a socket lingers over what it has not sent, a file of a user's file system asks a process of that user.
//! The same holds for a client's connection, in whose queue descriptors may lie. So nobody who serves clients closes any.

use core::convert::Infallible;
use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::sync::{Condvar, Mutex, PoisonError};

/// Descriptors that wait to be closed.
#[derive(Debug, Default)]
pub(super) struct Closer {
    queue: Mutex<VecDeque<OwnedFd>>,
    added: Condvar,
}

impl Closer {
    /// Has descriptors closed, at some time, by somebody else.
    pub(super) fn close(&self, descriptors: impl IntoIterator<Item = OwnedFd>) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.extend(descriptors);
        drop(queue);
        self.added.notify_all();
    }

    /// Returns how many descriptors wait.
    pub(super) fn waiting(&self) -> usize {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Closes descriptors for ever.
    pub(super) fn run(&self) -> Infallible {
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
