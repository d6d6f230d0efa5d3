//! The devices' interrupt lines, which remember what was done to them.

use super::qemu::{Edge, Outcome};
use devstate_core::{InterruptLine, InvalidState};
use std::cell::RefCell;
use std::rc::Rc;

/// The lines of a device: their edges, in the order in which they happen. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines(Rc<RefCell<Record>>);

#[derive(Debug, Default)]
struct Record {
    /// Those that are up.
    up: Vec<u16>,
    edges: Vec<Edge>,
}

/// One of them.
#[derive(Clone, Debug)]
pub(crate) struct Line {
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
    pub(crate) fn line(&self, number: u16) -> Line {
        let lines = self.clone();
        Line { number, lines }
    }

    pub(crate) fn is_up(&self, number: u16) -> bool {
        self.0.borrow().up.contains(&number)
    }

    /// A step that gave that value, and made the edges since the last call.
    pub(crate) fn outcome(&self, value: Option<u64>) -> Outcome {
        let edges = self.take_edges();
        Outcome { value, edges }
    }

    /// The edges since the last call.
    pub(crate) fn take_edges(&self) -> Vec<Edge> {
        std::mem::take(&mut self.0.borrow_mut().edges)
    }

    /// The other device let a line fall and rise again.
    pub(crate) fn pulse(&self, line: u16) {
        let edges = [false, true].map(|level| Edge { line, level });
        self.0.borrow_mut().edges.extend(edges);
    }

    /// Forgets that a line fell and rose again since there were `before` edges, and returns whether it did.
    pub(crate) fn forget_pulse(&self, before: usize) -> bool {
        let edges = &mut self.0.borrow_mut().edges;
        let pulsed = matches!(edges.get(before..), Some([fall, rise]) if !fall.level && rise.level);
        if pulsed {
            edges.truncate(before);
        }
        pulsed
    }

    /// How many edges there are to take.
    pub(crate) fn edges(&self) -> usize {
        self.0.borrow().edges.len()
    }

    /// The device is put into another state, in which a line has another level: an edge that the device had made on its
    /// way to the old state did not happen, or one that it did not make did.
    pub(crate) fn correct(&self, restore: impl FnOnce() -> Result<(), InvalidState>) {
        let mut edges = self.take_edges();
        if let Err(error) = restore() {
            unreachable!("a row leads to a state that is refused: {error}");
        }
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
