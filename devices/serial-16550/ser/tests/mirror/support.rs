//! A release table, and states with something in every field.

use std::cell::Cell;

use devstate_serial_16550::{CharacterErrors, Clock, Config, Instant, ModemLines, NoEvents, Serial, SerialState};
use devstate_serial_16550_ser::SerialStateSer;
use devstate_versioning::release_table;
use embedded_io::{ErrorType, Write, WriteReady};

release_table! {
    /// The mirror's two versions.
    pub(crate) enum Release { V1 = 1 @ 0xd98d_4789_0fec_7d23, V2 = 2 @ open }
    SerialStateSer => [1, 2],
}

/// Never ready, so that something waits in the transmitter; or a console.
#[derive(Debug, Default)]
pub(crate) struct Sink {
    pub(crate) ready: bool,
    pub(crate) taken: Vec<u8>,
}

impl ErrorType for Sink {
    type Error = std::convert::Infallible;
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> {
        self.taken.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }
}

impl WriteReady for Sink {
    fn write_ready(&mut self) -> Result<bool, Self::Error> {
        Ok(self.ready)
    }
}

pub(crate) type Device<'a> = Serial<&'a Cell<bool>, Sink>;

pub(crate) fn device(line: &Cell<bool>) -> Device<'_> {
    Serial::with_config(line, Sink::default(), NoEvents, Config::WITH_TIMER)
}

pub(crate) fn restored<'a>(state: &SerialState, line: &'a Cell<bool>) -> Device<'a> {
    Serial::from_state(
        state,
        line,
        Sink::default(),
        NoEvents,
        Config::WITH_TIMER,
        Instant::EPOCH,
        Clock::Frozen,
    )
    .unwrap()
}

/// Every field of the state differs from the reset.
pub(crate) fn busy() -> SerialState {
    let line = Cell::new(false);
    let mut device = device(&line);
    for (offset, value) in [(3, 0x80), (0, 0x34), (1, 0x12), (3, 0x1b), (4, 0x0b), (7, 0x5a)] {
        device.write(offset, value, Instant::EPOCH);
    }
    device.receive_character(b'r', CharacterErrors::NONE, Instant::EPOCH);
    assert_eq!(device.read(0, Instant::EPOCH), b'r');
    device.write(2, 0x89, Instant::EPOCH);
    device.write(1, 0x0f, Instant::EPOCH);
    device.write(0, b's', Instant::EPOCH);
    for (byte, errors) in [
        (b'a', CharacterErrors::FRAMING),
        (b'b', CharacterErrors::PARITY | CharacterErrors::FRAMING),
        (0, CharacterErrors::BREAK),
        (b'd', CharacterErrors::NONE),
    ] {
        device.receive_character(byte, errors, Instant::from_nanos(100));
    }
    device.set_modem_lines(ModemLines::DISCONNECTED, Instant::from_nanos(100));
    device.state(Instant::from_nanos(1_000))
}

/// The same, with characters that wait for the shift register.
pub(crate) fn stalled() -> SerialState {
    let line = Cell::new(false);
    let mut device = restored(&busy(), &line);
    for byte in b"ending" {
        device.write(0, *byte, Instant::EPOCH);
    }
    device.state(Instant::EPOCH)
}
