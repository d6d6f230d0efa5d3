//! A 16550: set up, wrecked, and looked at.

use core::fmt;
use devstate_core::RegisterIo;
use devstate_serial_16550::{SerialState, spec};

/// FIFOs on, trigger level 8. The firmware has to remember it: the register cannot be read.
pub const FCR: u8 = 0x81;

/// 300 baud, so that the receive time-out (146 ms) does not get in the way; eight bits, even parity; and three characters
/// that arrive before anyone reads them.
pub fn set_up(port: &mut impl RegisterIo<u8>) {
    program(port, 384, 0x1b, FCR);
    port.write(spec::SCR, 0x5a);
    loop_back(port, b"abc");
    port.write(spec::MCR, 0x0b);
    port.write(spec::IER, 0x05);
}

/// Another rate, no FIFOs, no interrupts.
pub fn wreck(port: &mut impl RegisterIo<u8>) {
    program(port, 1, 0x00, 0x00);
    port.write(spec::SCR, 0xff);
    port.write(spec::MCR, 0x00);
    port.write(spec::IER, 0x00);
}

/// A state's registers, as text.
#[derive(Debug)]
pub struct Shown<'s>(pub &'s SerialState);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0;
        write!(
            f,
            "divisor {}, lcr {:02x}, fcr {:02x}, ier {:02x}, mcr {:02x}, scr {:02x}, received {:?}",
            state.divisor,
            state.lcr,
            state.fcr,
            state.ier,
            state.mcr,
            state.scr,
            core::str::from_utf8(state.rx.as_slice()),
        )
    }
}

/// What a port gave when it was read.
#[derive(Debug, Default)]
pub struct Received {
    characters: [u8; 16],
    len: usize,
}

/// Reads as many characters as a FIFO can have.
pub fn receive(port: &mut impl RegisterIo<u8>) -> Received {
    let mut received = Received::default();
    for character in &mut received.characters {
        if port.read(spec::LSR) & spec::lsr::DATA_READY == 0 {
            break;
        }
        *character = port.read(spec::RBR);
        received.len += 1;
    }
    received
}

impl fmt::Display for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let characters = self.characters.get(..self.len).unwrap_or_default();
        write!(f, "read {:?}", core::str::from_utf8(characters))
    }
}

/// What the interrupt did as characters came round.
#[derive(Debug)]
pub struct Triggered {
    characters: [u8; 8],
    after_seven: bool,
    after_eight: bool,
}

/// Finds the trigger level, which cannot be read, by sending in a loop.
pub fn trigger(port: &mut impl RegisterIo<u8>) -> Triggered {
    let mcr = port.read(spec::MCR);
    loop_back(port, b"1234567");
    let after_seven = port.read(spec::IIR) & 0x0f == spec::iir::RECEIVED_DATA;
    loop_back(port, b"8");
    let after_eight = port.read(spec::IIR) & 0x0f == spec::iir::RECEIVED_DATA;
    let mut characters = [0; 8];
    characters.fill_with(|| port.read(spec::RBR));
    port.write(spec::MCR, mcr);
    Triggered {
        characters,
        after_seven,
        after_eight,
    }
}

impl fmt::Display for Triggered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "looped back {:?}, interrupt after 7 characters: {}, after 8: {}",
            core::str::from_utf8(&self.characters),
            self.after_seven,
            self.after_eight,
        )
    }
}

fn program(port: &mut impl RegisterIo<u8>, divisor: u16, lcr: u8, fcr: u8) {
    let [low, high] = divisor.to_le_bytes();
    port.write(spec::LCR, lcr | spec::lcr::DLAB);
    port.write(spec::DLL, low);
    port.write(spec::DLM, high);
    port.write(spec::LCR, lcr);
    port.write(spec::FCR, fcr);
}

fn loop_back(port: &mut impl RegisterIo<u8>, characters: &[u8]) {
    port.write(spec::MCR, spec::mcr::LOOP);
    for character in characters {
        port.write(spec::THR, *character);
        while port.read(spec::LSR) & spec::lsr::TRANSMITTER_EMPTY == 0 {}
    }
}
