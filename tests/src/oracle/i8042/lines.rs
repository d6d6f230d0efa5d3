//! The device's wires to the machine, which remember what was done to them.

use crate::oracle::qemu::Edge;
use devstate_core::InterruptLine;
use devstate_i8042::SystemControl;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// IRQ 1 and IRQ 12: their edges, in the order in which they happen.
#[derive(Clone, Debug, Default)]
pub struct Lines(Rc<RefCell<Record>>);

#[derive(Debug, Default)]
struct Record {
    /// Those that are up.
    up: Vec<u16>,
    edges: Vec<Edge>,
}

/// One of them.
#[derive(Clone, Debug)]
pub struct Line {
    number: u16,
    lines: Lines,
}

impl InterruptLine for Line {
    fn set_level(&mut self, asserted: bool) {
        let mut record = self.lines.0.borrow_mut();
        if record.up.contains(&self.number) == asserted {
            return;
        }
        record.up.retain(|line| *line != self.number);
        if asserted {
            record.up.push(self.number);
        }
        let (line, level) = (self.number, asserted);
        record.edges.push(Edge { line, level });
    }
}

impl Lines {
    /// One of them, for the device.
    pub fn line(&self, number: u16) -> Line {
        let lines = self.clone();
        Line { number, lines }
    }

    pub(super) fn is_up(&self, number: u16) -> bool {
        self.0.borrow().up.contains(&number)
    }

    /// The edges since the last call: which line, and its new level.
    pub fn take(&self) -> Vec<(u16, bool)> {
        let edges = self.take_edges().into_iter();
        edges.map(|edge| (edge.line, edge.level)).collect()
    }

    pub(super) fn take_edges(&self) -> Vec<Edge> {
        std::mem::take(&mut self.0.borrow_mut().edges)
    }

    /// The device was put into another state, in which a line has another level: an edge that the device had made on its
    /// way to the old state did not happen, or one that it did not make did.
    pub(super) fn correct(&self, change: impl FnOnce()) {
        let mut edges = self.take_edges();
        change();
        for correction in self.take_edges() {
            let last = edges.iter().rposition(|edge| edge.line == correction.line);
            match last {
                Some(last) if edges[last].level != correction.level => {
                    edges.remove(last);
                }
                _ => edges.push(correction),
            }
        }
        self.0.borrow_mut().edges = edges;
    }
}

/// The reset line.
#[derive(Clone, Debug, Default)]
pub(super) struct Control(Rc<Cell<bool>>);

impl SystemControl for Control {
    fn set_a20(&mut self, _: bool) {}

    fn reset(&mut self) {
        self.0.set(true);
    }
}

impl Control {
    /// Returns `true` if a reset was requested since the last call.
    pub(super) fn take_reset(&self) -> bool {
        self.0.take()
    }
}
