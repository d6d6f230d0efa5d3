//! When bytes arrived at a UART, worked out from what its guest read.

use std::collections::VecDeque;

/// An access to the UART.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Access {
    pub(crate) write: bool,
    pub(crate) register: u8,
    pub(crate) value: u8,
}

/// Follows the guest's accesses and says what must have arrived before each: a UART's log tells only of accesses.
#[derive(Debug)]
pub(crate) struct Arrivals {
    /// Every byte that the guest will read, in order.
    to_come: VecDeque<u8>,
    waiting: usize,
    timed_out: bool,
    fcr: u8,
    lcr: u8,
    mcr: u8,
}

const DATA: u8 = 0;
const IIR_FCR: u8 = 2;
const LCR: u8 = 3;
const MCR: u8 = 4;
const LSR: u8 = 5;

impl Arrivals {
    pub(crate) fn new(accesses: impl Iterator<Item = Access>) -> Self {
        let mut lcr = 0;
        let mut data_ready = false;
        let mut to_come = VecDeque::new();
        for access in accesses {
            match access {
                Access {
                    write: true,
                    register: LCR,
                    value,
                } => lcr = value,
                Access {
                    write: false,
                    register: LSR,
                    value,
                } => data_ready = value & 1 != 0,
                Access {
                    write: false,
                    register: IIR_FCR,
                    value,
                } => data_ready |= value & 0x0f != 0 && value & 4 != 0,
                // Guests also read an empty receiver, to clear it; that gives 0.
                Access {
                    write: false,
                    register: DATA,
                    value,
                } if lcr & 0x80 == 0 && (data_ready || value != 0) => {
                    to_come.push_back(value);
                }
                _ => {}
            }
        }
        Self {
            to_come,
            waiting: 0,
            timed_out: false,
            fcr: 0,
            lcr: 0,
            mcr: 0,
        }
    }

    /// What stands in the trace before this access.
    pub(crate) fn before(&mut self, access: Access) -> Vec<String> {
        let mut lines = Vec::new();
        let Access { write, register, value } = access;
        match (write, register) {
            (false, LSR) if value & 1 != 0 => self.wait_for(1, &mut lines),
            (false, IIR_FCR) if value & 0x0f == 0x04 => self.wait_for(self.trigger(), &mut lines),
            (false, IIR_FCR) if value & 0x0f == 0x0c => {
                self.wait_for(1, &mut lines);
                if !std::mem::replace(&mut self.timed_out, true) {
                    lines.push("serial idle".to_owned());
                }
            }
            (false, DATA) if self.lcr & 0x80 == 0 => {
                if value != 0 {
                    self.wait_for(1, &mut lines);
                }
                if self.waiting > 0 {
                    self.waiting -= 1;
                    self.timed_out = false;
                }
            }
            (true, DATA) if self.lcr & 0x80 == 0 && self.mcr & 0x10 != 0 => {
                // It comes back by itself.
                self.to_come.pop_front();
                self.waiting += 1;
            }
            (true, IIR_FCR) => {
                if value & 2 != 0 || (value ^ self.fcr) & 1 != 0 {
                    self.waiting = 0;
                }
                self.fcr = value;
            }
            (true, LCR) => self.lcr = value,
            (true, MCR) => self.mcr = value,
            _ => {}
        }
        lines
    }

    fn wait_for(&mut self, bytes: usize, lines: &mut Vec<String>) {
        while self.waiting < bytes {
            let Some(byte) = self.to_come.pop_front() else { return };
            lines.push(format!("serial rx {byte:02x}"));
            self.waiting += 1;
            self.timed_out = false;
        }
    }

    /// How many bytes make the received-data interrupt.
    fn trigger(&self) -> usize {
        match (self.fcr & 1, self.fcr >> 6) {
            (0, _) | (_, 0) => 1,
            (_, 1) => 4,
            (_, 2) => 8,
            _ => 14,
        }
    }
}
