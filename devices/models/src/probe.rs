//! What is plugged into a device under test: wires that remember, and a count of what was told.

use devstate_core::InterruptLine;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// An interrupt line that keeps every level it was driven to.
#[derive(Clone, Debug, Default)]
pub(super) struct Line(Rc<RefCell<Vec<bool>>>, Rc<Cell<bool>>);

impl Line {
    pub(super) fn level(&self) -> bool {
        self.1.get()
    }

    /// How often it was driven since it was last asked: to changes only, as a device promises outside of a restore.
    pub(super) fn take_changes(&self, most: usize) -> usize {
        let before = self.1.get();
        let driven = self.0.take();
        let mut level = before;
        for next in &driven {
            assert_ne!(*next, level, "driven without a change: {driven:?} from {before}");
            level = *next;
        }
        assert!(driven.len() <= most, "{} edges in one access", driven.len());
        self.1.set(level);
        driven.len()
    }

    /// Driven once, as a device promises after a restore.
    pub(super) fn take_restored(&self) {
        let driven = self.0.take();
        let [level] = driven[..] else {
            panic!("driven to {driven:?} by a restore");
        };
        self.1.set(level);
    }

    pub(super) fn assert_not_driven(&self) {
        assert!(self.0.borrow().is_empty(), "driven");
    }
}

impl InterruptLine for Line {
    fn set_level(&mut self, asserted: bool) {
        self.0.borrow_mut().push(asserted);
    }
}

/// How often something happened.
#[derive(Clone, Debug, Default)]
pub(super) struct Count(Rc<Cell<usize>>);

impl Count {
    pub(super) fn add(&self, count: usize) {
        self.0.set(self.0.get() + count);
    }

    pub(super) fn one(&self) {
        self.add(1);
    }

    pub(super) fn take(&self) -> usize {
        self.0.take()
    }
}
