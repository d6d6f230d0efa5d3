//! Runs a small guest on the devices: it opens the port as a driver does, asks for a name, and echoes what is typed.
//!
//! In a VMM the guest is code on a vCPU. Here it is a thread, so the example needs no hypervisor. Ctrl-D ends it.

use std::fs::File;
use std::io::{stdin, stdout};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex};
use std::thread;

use anyhow::Result;
use devstate_rust_vmm::{COM1, Devices, run};
use vm_device::bus::PioAddress;
use vm_device::device_manager::{IoManager, PioManager};
use vmm_sys_util::terminal::Terminal;

const CTRL_D: u8 = 0x04;

fn main() -> Result<()> {
    let input = File::from(stdin().as_fd().try_clone_to_owned()?);
    let output = File::from(stdout().as_fd().try_clone_to_owned()?);
    let devices = Arc::new(Mutex::new(Devices::new(input, output)?));
    let bus = Devices::bus(&devices)?;
    // Without a terminal there is no mode to set.
    let is_terminal = stdin().lock().set_raw_mode().is_ok();
    thread::spawn(move || guest(&bus));
    let result = run(&devices);
    if is_terminal {
        stdin().lock().set_canon_mode()?;
    }
    result
}

/// A driver that polls.
fn guest(bus: &IoManager) {
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
