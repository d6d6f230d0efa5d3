//! The number of descriptors of clients that a server may have open.

use std::os::fd::OwnedFd;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;

use super::closer::Closer;
use super::socket::{MAX_DESCRIPTORS, PacketError, PacketSocket, Received};

/// How long a packet with descriptors waits for room. The threads that close descriptors take much less, unless all hang.
const WAIT: Duration = Duration::from_millis(50);

/// Limits the descriptors of clients: those that requests came with, and those that wait to be closed.
#[derive(Debug)]
pub(super) struct Room {
    /// The maximum number of descriptors.
    limit: usize,
    /// The number of connections that may wait to be closed in addition.
    connections: usize,
    /// The number of descriptors that are received or used. Those that wait are counted by the closer.
    used: Mutex<usize>,
    closer: Closer,
}

impl Room {
    /// A packet may have [`MAX_DESCRIPTORS`], so there is room for as many.
    pub(super) fn new(limit: usize, connections: usize) -> Self {
        Self {
            limit: limit.max(MAX_DESCRIPTORS),
            connections,
            used: Mutex::new(0),
            closer: Closer::new(),
        }
    }

    pub(super) const fn closer(&self) -> &Closer {
        &self.closer
    }

    fn used(&self) -> MutexGuard<'_, usize> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reserves room for one packet, if there is room soon.
    fn reserve(&self) -> Result<(), PacketError> {
        let start = Instant::now();
        loop {
            let mut used = self.used();
            if *used + self.closer.waiting() + MAX_DESCRIPTORS <= self.limit {
                *used += MAX_DESCRIPTORS;
                return Ok(());
            }
            drop(used);
            if start.elapsed() >= WAIT {
                return Err(PacketError::NoRoom { limit: self.limit });
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Closes a connection. Packets that nobody received can have descriptors, so such a connection is closed by another
    /// thread. If too many wait for that, this call waits too.
    pub(super) fn hang_up<const LEN: usize>(&self, client: PacketSocket<LEN>) {
        if client.is_emptied() {
            return;
        }
        loop {
            let used = self.used();
            if *used + self.closer.waiting() < self.limit + self.connections {
                return self.closer.close([client.into()]);
            }
            drop(used);
            thread::sleep(Duration::from_millis(10));
        }
    }
}

/// The descriptors of one request. They are closed by other threads.
#[derive(Debug)]
pub(super) struct Lent<'r> {
    room: &'r Room,
    pub(super) descriptors: Vec<OwnedFd>,
    counted: usize,
}

impl<'r> Lent<'r> {
    pub(super) const fn new(room: &'r Room) -> Self {
        Self {
            room,
            descriptors: Vec::new(),
            counted: 0,
        }
    }

    /// Receives a request. Without room for its descriptors, it is not received, and the connection is of no use any more.
    pub(super) fn receive<T: DeserializeOwned, const LEN: usize>(
        &mut self,
        client: &PacketSocket<LEN>,
    ) -> Result<T, PacketError> {
        if client.has_descriptors()? {
            self.room.reserve()?;
            self.counted = MAX_DESCRIPTORS;
        }
        let Received { message, descriptors } = client.receive();
        self.descriptors = descriptors;
        self.count(self.descriptors.len());
        message
    }

    fn count(&mut self, number: usize) {
        if self.counted != number {
            let mut used = self.room.used();
            *used = (*used + number).saturating_sub(self.counted);
            self.counted = number;
        }
    }

    /// Gives the descriptors to the threads that close them.
    pub(super) fn give_back(&mut self) {
        if !self.descriptors.is_empty() {
            self.room.closer.close(self.descriptors.drain(..));
        }
        self.count(0);
    }
}

impl Drop for Lent<'_> {
    /// A service that panics keeps no descriptor.
    fn drop(&mut self) {
        self.give_back();
    }
}

#[cfg(test)]
mod tests;
