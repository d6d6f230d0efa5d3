//! The devices on the buses of `vm-device`.

use devstate_core::{ByteRegisters, InterruptLine, WordRegisters};
use devstate_i8042::{I8042, I8042Events, SystemControl};
use devstate_rtc_pl031::{Rtc, RtcEvents};
use devstate_serial_16550::{Output, Serial, SerialEvents};
use vm_device::bus::{MmioAddress, PioAddress};
use vm_device::{MutDeviceMmio, MutDevicePio};

use crate::OnBus;

/// Eight ports, for example 3f8h to 3ffh.
impl<I: InterruptLine, W: Output, EV: SerialEvents> MutDevicePio for OnBus<Serial<I, W, EV>> {
    fn pio_read(&mut self, _: PioAddress, offset: u16, data: &mut [u8]) {
        self.access(|serial, now| {
            ByteRegisters::PACKED.read(offset.into(), data, |register| serial.read(register, now));
        });
    }

    fn pio_write(&mut self, _: PioAddress, offset: u16, data: &[u8]) {
        self.access(|serial, now| {
            ByteRegisters::PACKED.write(offset.into(), data, |register, value| {
                serial.write(register, value, now);
            });
        });
    }
}

/// Eight bytes of memory, one for each register.
impl<I: InterruptLine, W: Output, EV: SerialEvents> MutDeviceMmio for OnBus<Serial<I, W, EV>> {
    fn mmio_read(&mut self, _: MmioAddress, offset: u64, data: &mut [u8]) {
        self.access(|serial, now| {
            ByteRegisters::PACKED.read(offset, data, |register| serial.read(register, now));
        });
    }

    fn mmio_write(&mut self, _: MmioAddress, offset: u64, data: &[u8]) {
        self.access(|serial, now| {
            ByteRegisters::PACKED.write(offset, data, |register, value| serial.write(register, value, now));
        });
    }
}

/// Two ports: register 60h and 64h, one byte each. 61h, between them, belongs to the speaker.
impl<K: InterruptLine, M: InterruptLine, S: SystemControl, EV: I8042Events> MutDevicePio for OnBus<I8042<K, M, S, EV>> {
    fn pio_read(&mut self, base: PioAddress, offset: u16, data: &mut [u8]) {
        self.access(|i8042, _| ByteRegisters::PACKED.read(i8042_register(base, offset), data, |port| i8042.read(port)));
    }

    fn pio_write(&mut self, base: PioAddress, offset: u16, data: &[u8]) {
        self.access(|i8042, _| {
            ByteRegisters::PACKED.write(i8042_register(base, offset), data, |port, value| {
                i8042.write(port, value);
            });
        });
    }
}

/// The offset of a port from 60h, whatever range it was registered with.
const fn i8042_register(base: PioAddress, offset: u16) -> u64 {
    (base.0.wrapping_add(offset) % 8) as u64
}

/// A page of memory.
impl<I: InterruptLine, EV: RtcEvents> MutDeviceMmio for OnBus<Rtc<I, EV>> {
    fn mmio_read(&mut self, _: MmioAddress, offset: u64, data: &mut [u8]) {
        self.access(|rtc, now| WordRegisters.read(offset, data, |register| rtc.read(register, now)));
    }

    fn mmio_write(&mut self, _: MmioAddress, offset: u64, data: &[u8]) {
        // An access that is no whole register is ignored.
        let _ = self
            .access(|rtc, now| WordRegisters.write(offset, data, |register, value| rtc.write(register, value, now)));
    }
}
