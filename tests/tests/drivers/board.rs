//! A board with one UART, whose clock goes on by a microsecond with each access.

use devstate_core::{Clock, Instant, InterruptLine};
use devstate_models::through_bytes;
use devstate_serial_16550::{Config, NoEvents, Serial, SerialState};
use devstate_serial_16550_ser::SerialStateSer;
use embedded_io::{ErrorType, Write, WriteReady};
use std::cell::Cell;
use std::convert::Infallible;
use std::rc::Rc;

pub(crate) struct Board {
    uart: Serial<Irq, Cable, NoEvents>,
    irq: Irq,
    now: u64,
    saves: bool,
}

#[derive(Clone, Default)]
pub(crate) struct Irq(Rc<Cell<bool>>);

impl InterruptLine for Irq {
    fn set_level(&mut self, asserted: bool) {
        self.0.set(asserted);
    }
}

/// What came out of the UART, as long as it is let.
#[derive(Default)]
pub(crate) struct Cable {
    pub(crate) sent: Vec<u8>,
    pub(crate) is_full: bool,
}

impl ErrorType for Cable {
    type Error = Infallible;
}

impl Write for Cable {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        self.sent.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

impl WriteReady for Cable {
    fn write_ready(&mut self) -> Result<bool, Infallible> {
        Ok(!self.is_full)
    }
}

impl Board {
    /// Two boards: one that is left alone, and one whose UART is saved and restored before every access.
    pub(crate) fn both() -> [Self; 2] {
        [false, true].map(|saves| {
            let irq = Irq::default();
            Self {
                uart: Serial::with_config(irq.clone(), Cable::default(), NoEvents, Config::WITH_TIMER),
                irq,
                now: 0,
                saves,
            }
        })
    }

    pub(crate) fn read(&mut self, offset: u16) -> u8 {
        self.between();
        self.uart.read(offset, Instant::from_nanos(self.now))
    }

    pub(crate) fn write(&mut self, offset: u16, value: u8) {
        self.between();
        self.uart.write(offset, value, Instant::from_nanos(self.now));
    }

    fn between(&mut self) {
        self.wait(1_000);
        if self.saves {
            let saved = through_bytes(&SerialStateSer::new(&self.uart.state(Instant::from_nanos(self.now))));
            let state = SerialState::try_from(&saved).unwrap();
            let (irq, cable) = (self.irq.clone(), std::mem::take(self.uart.output_mut()));
            irq.0.set(false);
            self.uart = Serial::from_state(
                &state,
                irq,
                cable,
                NoEvents,
                Config::WITH_TIMER,
                Instant::from_nanos(self.now),
                Clock::Wall,
            )
            .unwrap();
        }
    }

    pub(crate) fn wait(&mut self, nanoseconds: u64) {
        self.now += nanoseconds;
        self.uart.advance(Instant::from_nanos(self.now));
    }

    pub(crate) fn uart(&mut self) -> &mut Serial<Irq, Cable, NoEvents> {
        &mut self.uart
    }

    pub(crate) fn cable(&mut self) -> &mut Cable {
        self.uart.output_mut()
    }

    /// The host sends; gives how much was taken.
    pub(crate) fn receive(&mut self, characters: &[u8]) -> usize {
        self.uart.receive(characters, Instant::from_nanos(self.now))
    }

    pub(crate) fn drain(&mut self) {
        self.uart.drain_output(Instant::from_nanos(self.now));
    }

    pub(crate) fn unplug(&mut self) {
        self.uart.set_modem_lines(
            devstate_serial_16550::ModemLines::DISCONNECTED,
            Instant::from_nanos(self.now),
        );
    }

    pub(crate) fn irq(&self) -> bool {
        self.irq.0.get()
    }
}
