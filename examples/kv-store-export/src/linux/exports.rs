//! Exports that are under way. Each makes system calls on its client's memory, which the client can hold up for ever.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::vec::Vec;

/// A bounded number of exports at once, so that those that hang leave workers for everything else.
#[derive(Debug)]
pub(super) struct Exports {
    most: usize,
    /// When each began.
    under_way: Mutex<Vec<Instant>>,
    ended: Condvar,
}

/// One of them, until it is dropped.
#[derive(Debug)]
pub(super) struct UnderWay<'e> {
    exports: &'e Exports,
    began: Instant,
}

impl Exports {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            under_way: Mutex::default(),
            ended: Condvar::new(),
        }
    }

    /// Begins one, as soon as there is a place for it. Returns `None` where there is none for so long.
    pub(super) fn begin(&self, patience: Duration) -> Option<UnderWay<'_>> {
        let under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        let full = |under_way: &mut Vec<_>| under_way.len() >= self.most;
        let waited = self.ended.wait_timeout_while(under_way, patience, full);
        let (mut under_way, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            return None;
        }
        let began = Instant::now();
        under_way.push(began);
        Some(UnderWay { exports: self, began })
    }

    /// Returns how many have taken longer than `limit`.
    pub(super) fn overdue(&self, limit: Duration) -> usize {
        let under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.iter().filter(|began| began.elapsed() > limit).count()
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut under_way = self.exports.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = under_way.iter().position(|began| *began == self.began) {
            under_way.swap_remove(own);
        }
        drop(under_way);
        self.exports.ended.notify_one();
    }
}
