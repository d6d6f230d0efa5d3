//! States of used devices: some hundred random accesses of a guest and its host, then a save.

use devstate_core::{Instant, NoInterrupt};
use devstate_i8042::{I8042, Key, MouseButtons, MouseInput, SystemControl};
use devstate_i8042_ser::I8042StateSer;
use devstate_rtc_pl031::Rtc;
use devstate_rtc_pl031_ser::RtcStateSer;
use devstate_serial_16550::{CharacterErrors, Serial};
use devstate_serial_16550_ser::SerialStateSer;
use devstate_tests::generate::Seeded;

pub(crate) const STATES: u64 = 300;

pub(crate) fn rtcs() -> impl Iterator<Item = RtcStateSer> {
    (0..STATES).map(|seed| {
        let mut random = Seeded(seed);
        let mut rtc = Rtc::new(NoInterrupt);
        let mut now = 0;
        for _ in 0..seed % 40 {
            now += random.number() % 3_000_000_000;
            let offset = (random.number() % 9 * 4) as u16;
            // Values that are small enough for alarms to fall due.
            rtc.write(offset, random.number() as u32 & 0xf, Instant::from_nanos(now));
        }
        RtcStateSer::new(&rtc.state(Instant::from_nanos(now)))
    })
}

pub(crate) fn serials() -> impl Iterator<Item = SerialStateSer> {
    (0..STATES).map(|seed| {
        let mut random = Seeded(seed);
        // It takes some characters and then no more, so that both of the transmitter's places fill.
        let mut room = [0; 20];
        let mut out = Stalling(&mut room);
        let mut serial = Serial::new(NoInterrupt, &mut out);
        let mut now = 0;
        for _ in 0..seed % 60 {
            now += random.number() % 1_000_000;
            let (offset, value) = ((random.number() % 8) as u16, random.number() as u8);
            match random.number() % 6 {
                0 => serial.receive_character(value, CharacterErrors::PARITY, Instant::from_nanos(now)),
                1 => drop(serial.receive(&[value; 3], Instant::from_nanos(now))),
                2 => drop(serial.read(offset, Instant::from_nanos(now))),
                3 => serial.write(2, 1 | value & 0xc8, Instant::from_nanos(now)),
                _ => serial.write(offset, value, Instant::from_nanos(now)),
            }
        }
        SerialStateSer::new(&serial.state(Instant::from_nanos(now)))
    })
}

pub(crate) fn i8042s() -> impl Iterator<Item = I8042StateSer> {
    (0..STATES).map(|seed| {
        let mut random = Seeded(seed);
        let mut device = I8042::new(NoInterrupt, NoInterrupt, NoControl);
        for _ in 0..seed % 60 {
            let value = random.number() as u8;
            match random.number() % 8 {
                0 => drop(device.read(0)),
                1 | 2 => _ = device.key(Key::ALL[usize::from(value) % Key::ALL.len()], value & 1 == 1),
                3 => {
                    let buttons = MouseButtons(value);
                    _ = device.mouse(&MouseInput {
                        dx: i16::from(value),
                        buttons,
                        ..MouseInput::NONE
                    });
                }
                4 => device.write(4, value),
                // To the mouse: report, and most of its other commands.
                5 => {
                    device.write(4, 0xd4);
                    device.write(0, 0xe6 | value);
                }
                _ => device.write(0, value),
            }
        }
        I8042StateSer::new(&device.state())
    })
}

struct NoControl;

impl SystemControl for NoControl {
    fn set_a20(&mut self, _enabled: bool) {}

    fn reset(&mut self) {}
}

struct Stalling<'a>(&'a mut [u8]);

impl embedded_io::ErrorType for Stalling<'_> {
    type Error = core::convert::Infallible;
}

impl embedded_io::Write for Stalling<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> {
        let taken = bytes.len().min(self.0.len());
        self.0 = &mut core::mem::take(&mut self.0)[taken..];
        Ok(taken)
    }

    fn flush(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }
}

impl embedded_io::WriteReady for Stalling<'_> {
    fn write_ready(&mut self) -> Result<bool, Self::Error> {
        Ok(!self.0.is_empty())
    }
}
