//! The serial port: set up, wrecked, and looked at.

use crate::println;
use devstate_core::RegisterIo;
use devstate_serial_16550::{SerialState, spec};

/// FIFOs on, trigger level 8. The firmware has to remember it: the register cannot be read.
pub const FCR: u8 = 0x81;

/// 300 baud, so that the receive time-out (146 ms) does not get in the way; eight bits, even parity; and three characters that arrive before anyone reads them.
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

pub fn print(state: &SerialState) {
    println!(
        "  com1: divisor {}, lcr {:02x}, fcr {:02x}, ier {:02x}, mcr {:02x}, scr {:02x}, received {:?}",
        state.divisor,
        state.lcr,
        state.fcr,
        state.ier,
        state.mcr,
        state.scr,
        core::str::from_utf8(state.rx.as_slice()),
    );
}

/// Uses the port: reads what had been received, then finds the trigger level by sending in a loop.
pub fn prove(port: &mut impl RegisterIo<u8>) {
    let mut received = [0; 3];
    received.fill_with(|| port.read(spec::RBR));
    let empty = port.read(spec::LSR) & spec::lsr::DATA_READY == 0;
    println!(
        "  com1: read {:?}, then empty: {empty}",
        core::str::from_utf8(&received)
    );

    let mcr = port.read(spec::MCR);
    loop_back(port, b"1234567");
    let below = port.read(spec::IIR) & 0x0f == spec::iir::RECEIVED_DATA;
    loop_back(port, b"8");
    let at = port.read(spec::IIR) & 0x0f == spec::iir::RECEIVED_DATA;
    let mut echo = [0; 8];
    echo.fill_with(|| port.read(spec::RBR));
    port.write(spec::MCR, mcr);
    println!(
        "  com1: looped back {:?}, interrupt after 7 characters: {below}, after 8: {at}",
        core::str::from_utf8(&echo),
    );
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
