//! An interrupt line that remembers what was done to it.

use devstate_core::InterruptLine;
use std::cell::RefCell;
use std::rc::Rc;

/// A line whose edges can be taken away and looked at. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Wire(Rc<RefCell<Record>>);

#[derive(Debug, Default)]
struct Record {
    level: bool,
    edges: Vec<bool>,
}

impl InterruptLine for Wire {
    fn set_level(&mut self, asserted: bool) {
        let mut record = self.0.borrow_mut();
        if record.level != asserted {
            record.level = asserted;
            record.edges.push(asserted);
        }
    }
}

impl Wire {
    /// The edges since the last call.
    #[must_use]
    pub fn take_edges(&self) -> Vec<bool> {
        std::mem::take(&mut self.0.borrow_mut().edges)
    }

    /// The other device let its line fall and rise again.
    pub(crate) fn pulse(&self) {
        self.0.borrow_mut().edges.extend([false, true]);
    }

    /// Forgets that the line fell and rose again since there were `before` edges, and returns whether it did.
    pub(crate) fn forget_pulse(&self, before: usize) -> bool {
        let edges = &mut self.0.borrow_mut().edges;
        let pulsed = edges.get(before..) == Some(&[false, true]);
        if pulsed {
            edges.truncate(before);
        }
        pulsed
    }

    pub(crate) fn edges(&self) -> usize {
        self.0.borrow().edges.len()
    }

    /// The device was put into another state, in which the line has another level: an edge that the device had made on
    /// its way to the old state did not happen, or one that it did not make did.
    pub(crate) fn correct(&self, change: impl FnOnce()) {
        let before = std::mem::take(&mut self.0.borrow_mut().edges);
        change();
        let mut record = self.0.borrow_mut();
        let corrections = std::mem::replace(&mut record.edges, before);
        for level in corrections {
            if record.edges.last() == Some(&!level) {
                record.edges.pop();
            } else {
                record.edges.push(level);
            }
        }
    }
}
