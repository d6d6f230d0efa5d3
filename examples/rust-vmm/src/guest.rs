//! A guest: it opens the port as a driver does, asks for a name, and echoes what is typed.
//!
//! In a VMM the guest is code on a vCPU. Here it is a thread, so the example needs no hypervisor.

use std::thread;

use devstate_rust_vmm_example::COM1;
use vm_device::bus::PioAddress;
use vm_device::device_manager::{IoManager, PioManager};

const CTRL_D: u8 = 0x04;

/// A driver that polls.
pub(crate) fn run(bus: &IoManager) {
    let write = |port, value| drop(bus.pio_write(PioAddress(port), &[value]));
    let read = |port| {
        let mut value = [0];
        let _ = bus.pio_read(PioAddress(port), &mut value);
        value[0]
    };
    let send = |byte| {
        while read(COM1 + 5) & 0x20 == 0 {
            thread::yield_now();
        }
        write(COM1, byte);
    };
    // Clear and enable the FIFOs, then DTR, RTS and OUT2.
    write(COM1 + 2, 0x07);
    write(COM1 + 4, 0x0b);
    b"login: ".iter().for_each(|byte| send(*byte));
    loop {
        if read(COM1 + 5) & 0x01 == 0 {
            thread::yield_now();
            continue;
        }
        match read(COM1) {
            CTRL_D => break,
            byte => send(byte),
        }
    }
    // Pulse the reset line.
    write(0x64, 0xfe);
}
