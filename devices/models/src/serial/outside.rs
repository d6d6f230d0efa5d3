//! The outside of a UART: an output that stalls and fails on request, and an event handler that counts.

use arbitrary::Arbitrary;
use devstate_serial_16550::{LineParameters, ModemOutputs, Parity, SerialEvents, StopBits};
use embedded_io::{Error, ErrorKind, ErrorType, Write, WriteReady};
use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

/// How the output behaves.
#[derive(Arbitrary, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// It takes every character.
    #[default]
    Ready,
    /// It says that it is not ready.
    Busy,
    /// It says that it is, and takes nothing.
    TakesNothing,
    /// It cannot say.
    FailsToSay,
    /// It says that it is ready, and fails.
    FailsToWrite,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Output(Rc<Sink>);

#[derive(Debug, Default)]
struct Sink {
    mode: Cell<Mode>,
    characters: RefCell<Vec<u8>>,
    calls: Cell<usize>,
}

impl Output {
    pub(super) fn set_mode(&self, mode: Mode) {
        self.0.mode.set(mode);
    }

    pub(super) fn take_characters(&self) -> Vec<u8> {
        self.0.characters.take()
    }

    pub(super) fn take_calls(&self) -> usize {
        self.0.calls.take()
    }

    fn called(&self) -> Mode {
        self.0.calls.set(self.0.calls.get() + 1);
        self.0.mode.get()
    }
}

#[derive(Debug)]
pub(super) struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broken on purpose")
    }
}

impl std::error::Error for Broken {}

impl Error for Broken {
    fn kind(&self) -> ErrorKind {
        ErrorKind::BrokenPipe
    }
}

impl ErrorType for Output {
    type Error = Broken;
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Broken> {
        match self.called() {
            Mode::Busy | Mode::FailsToSay => panic!("written to without asking"),
            Mode::TakesNothing => Ok(0),
            Mode::FailsToWrite => Err(Broken),
            Mode::Ready => {
                self.0.characters.borrow_mut().extend_from_slice(bytes);
                Ok(bytes.len())
            }
        }
    }

    fn flush(&mut self) -> Result<(), Broken> {
        panic!("a flush may block");
    }
}

impl WriteReady for Output {
    fn write_ready(&mut self) -> Result<bool, Broken> {
        match self.called() {
            Mode::Busy => Ok(false),
            Mode::FailsToSay => Err(Broken),
            Mode::Ready | Mode::TakesNothing | Mode::FailsToWrite => Ok(true),
        }
    }
}

/// How often each event was told, or for how many characters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) transmitted: usize,
    pub(super) stalled: usize,
    pub(super) failed: usize,
    pub(super) transmit_overrun: usize,
    pub(super) transmit_discarded: usize,
    pub(super) received: usize,
    pub(super) with_errors: usize,
    pub(super) overrun: usize,
    pub(super) disconnected: usize,
    pub(super) receive_discarded: usize,
    pub(super) ready: usize,
    pub(super) timed_out: usize,
    /// DTR, RTS, OUT1, OUT2 from bit 0.
    pub(super) outputs: Vec<u8>,
    pub(super) breaks: Vec<bool>,
    pub(super) frames: Vec<Frame>,
    pub(super) invalid_reads: Vec<u16>,
    pub(super) invalid_writes: Vec<(u16, u8)>,
}

/// A frame and its speed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) divisor: u16,
    pub(super) word: u8,
    /// Bits 4 and 5 of LCR, if there is a parity bit.
    pub(super) parity: Option<u8>,
    pub(super) stop_halves: u8,
}

/// The event handler.
#[derive(Clone, Debug, Default)]
pub(super) struct Ear(Rc<RefCell<Told>>);

impl Ear {
    pub(super) fn take(&self) -> Told {
        self.0.take()
    }
}

/// Counts each of these events.
macro_rules! counted {
    ($($method:ident => $field:ident;)*) => {
        $(fn $method(&self) {
            self.0.borrow_mut().$field += 1;
        })*
    };
}

impl SerialEvents for Ear {
    counted! {
        transmitted => transmitted;
        output_stalled => stalled;
        output_failed => failed;
        transmit_overrun => transmit_overrun;
        received => received;
        received_with_errors => with_errors;
        receive_overrun => overrun;
        receive_disconnected => disconnected;
        receive_ready => ready;
        timed_out => timed_out;
    }

    fn transmit_discarded(&self, count: usize) {
        self.0.borrow_mut().transmit_discarded += count;
    }

    fn receive_discarded(&self, count: usize) {
        self.0.borrow_mut().receive_discarded += count;
    }

    fn output_discarded(&self, _count: usize) {
        panic!("the policy keeps everything");
    }

    fn modem_outputs_changed(&self, outputs: ModemOutputs) {
        let active = [outputs.dtr, outputs.rts, outputs.out1, outputs.out2];
        let bits = active.into_iter().rev().fold(0, |bits, set| bits << 1 | u8::from(set));
        self.0.borrow_mut().outputs.push(bits);
    }

    fn break_changed(&self, active: bool) {
        self.0.borrow_mut().breaks.push(active);
    }

    fn line_changed(&self, line: LineParameters) {
        self.0.borrow_mut().frames.push(Frame {
            divisor: line.divisor,
            word: line.data_bits,
            parity: match line.parity {
                Parity::None => None,
                Parity::Odd => Some(0),
                Parity::Even => Some(1),
                Parity::Mark => Some(2),
                Parity::Space => Some(3),
            },
            stop_halves: match line.stop_bits {
                StopBits::One => 2,
                StopBits::OneAndHalf => 3,
                StopBits::Two => 4,
            },
        });
    }

    fn invalid_read(&self, offset: u16) {
        self.0.borrow_mut().invalid_reads.push(offset);
    }

    fn invalid_write(&self, offset: u16, value: u8) {
        self.0.borrow_mut().invalid_writes.push((offset, value));
    }
}
