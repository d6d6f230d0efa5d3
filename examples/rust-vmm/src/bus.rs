//! The devices on the buses.

use std::sync::{Arc, Mutex};

use anyhow::Result;
use devstate_core::{ByteRegisters, WordRegisters};
use vm_device::bus::{MmioAddress, MmioRange, PioAddress, PioRange};
use vm_device::device_manager::{IoManager, MmioManager, PioManager};
use vm_device::{MutDeviceMmio, MutDevicePio};
use vmm_sys_util::eventfd::EventFd;

use crate::Devices;

/// The first port of the UART.
pub const COM1: u16 = 0x3f8;
/// The address of the clock.
pub const RTC: u64 = 0x0901_0000;

impl Devices {
    /// Returns the buses with the devices on them, for the threads of the vCPUs.
    ///
    /// # Errors
    ///
    /// None, since no two of these ranges overlap.
    pub fn bus(devices: &Arc<Mutex<Self>>) -> Result<IoManager> {
        let mut bus = IoManager::new();
        // Port 61h between the two ports of the i8042 belongs to the speaker.
        for (base, len) in [(COM1, 8), (0x60, 1), (0x64, 1)] {
            bus.register_pio(PioRange::new(PioAddress(base), len)?, Arc::clone(devices) as _)?;
        }
        bus.register_mmio(MmioRange::new(MmioAddress(RTC), 0x1000)?, Arc::clone(devices) as _)?;
        Ok(bus)
    }

    /// Returns the `eventfd` of each interrupt line, to be registered with the hypervisor (`irqfd`).
    #[must_use]
    pub const fn interrupts(&self) -> [(&'static str, &EventFd); 4] {
        [
            ("UART", &self.serial.interrupt().trigger().0),
            ("keyboard", &self.i8042.keyboard_irq().trigger().0),
            ("mouse", &self.i8042.mouse_irq().trigger().0),
            ("clock", &self.rtc.interrupt().trigger().0),
        ]
    }
}

impl MutDevicePio for Devices {
    fn pio_read(&mut self, base: PioAddress, offset: u16, data: &mut [u8]) {
        let now = self.now();
        match base.0 {
            COM1 => ByteRegisters::PACKED.read(offset.into(), data, |register| self.serial.read(register, now)),
            port => data.fill(self.i8042.read(port - 0x60)),
        }
        self.settle();
    }

    fn pio_write(&mut self, base: PioAddress, offset: u16, data: &[u8]) {
        let now = self.now();
        match base.0 {
            COM1 => ByteRegisters::PACKED.write(offset.into(), data, |register, value| {
                self.serial.write(register, value, now);
            }),
            port => data.iter().for_each(|value| self.i8042.write(port - 0x60, *value)),
        }
        self.settle();
    }
}

impl MutDeviceMmio for Devices {
    fn mmio_read(&mut self, _: MmioAddress, offset: u64, data: &mut [u8]) {
        let now = self.now();
        WordRegisters.read(offset, data, |register| self.rtc.read(register, now));
        self.settle();
    }

    fn mmio_write(&mut self, _: MmioAddress, offset: u64, data: &[u8]) {
        let now = self.now();
        let _ = WordRegisters.write(offset, data, |register, value| self.rtc.write(register, value, now));
        self.settle();
    }
}
