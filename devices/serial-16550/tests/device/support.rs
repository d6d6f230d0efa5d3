//! A UART on a bench: its interrupt line is recorded, its output can be made to stall, its events are counted.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use devstate_core::{Instant, InterruptLine};
use devstate_serial_16550::{
    Config, LineParameters, ModemOutputs, OutputPolicy, Serial, SerialEvents, SerialState, spec,
};
use embedded_io::{ErrorKind, ErrorType, Write, WriteReady};

/// A host with a timer that loses nothing.
pub(crate) const KEEPING: Config = Config {
    failed_output: OutputPolicy::Keep,
    ..Config::WITH_TIMER
};

pub(crate) type Bench = Serial<Line, Sink, Counters>;

pub(crate) fn bench() -> (Bench, Line) {
    let line = Line::default();
    let device = Serial::with_config(line.clone(), Sink::default(), Counters::default(), KEEPING);
    (device, line)
}

/// With the FIFOs on, at trigger level 8, 115,200 baud 8N1 and every interrupt enabled but THR-empty.
pub(crate) fn fifo_bench() -> (Bench, Line) {
    let (mut device, line) = bench();
    device.set_divisor(1);
    device.write(spec::LCR, 0x03, Instant::EPOCH);
    device.write(spec::FCR, 0x81, Instant::EPOCH);
    device.write(spec::IER, 0x0d, Instant::EPOCH);
    device.events().clear();
    (device, line)
}

/// Four characters of 8N1 at 115,200 baud, in nanoseconds.
pub(crate) const TIMEOUT: u64 = 347_223;

/// The longest receive time-out, in nanoseconds.
pub(crate) const MAX_TIMEOUT: u64 = SerialState::MAX_TIMEOUT_NANOS;

pub(crate) trait Guest {
    fn set_divisor(&mut self, divisor: u16);
    fn id(&mut self) -> u8;
    fn lsr(&mut self) -> u8;
    fn msr(&mut self) -> u8;
    fn rbr(&mut self) -> u8;
    fn thr(&mut self, byte: u8);
}

impl Guest for Bench {
    fn set_divisor(&mut self, divisor: u16) {
        let lcr = self.read(spec::LCR, Instant::EPOCH);
        self.write(spec::LCR, 0x80, Instant::EPOCH);
        let [low, high] = divisor.to_le_bytes();
        self.write(spec::DLL, low, Instant::EPOCH);
        self.write(spec::DLM, high, Instant::EPOCH);
        self.write(spec::LCR, lcr, Instant::EPOCH);
    }

    /// The interrupt identification without the FIFO bits.
    fn id(&mut self) -> u8 {
        self.read(spec::IIR, Instant::EPOCH) & 0x0f
    }

    fn lsr(&mut self) -> u8 {
        self.read(spec::LSR, Instant::EPOCH)
    }

    fn msr(&mut self) -> u8 {
        self.read(spec::MSR, Instant::EPOCH)
    }

    fn rbr(&mut self) -> u8 {
        self.read(spec::RBR, Instant::EPOCH)
    }

    fn thr(&mut self, byte: u8) {
        self.write(spec::THR, byte, Instant::EPOCH);
    }
}

/// The levels that the device has driven, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Line(Rc<RefCell<Vec<bool>>>);

impl Line {
    pub(crate) fn level(&self) -> bool {
        self.0.borrow().last().copied().unwrap_or(false)
    }

    /// What was driven since this was last asked.
    pub(crate) fn take(&self) -> Vec<bool> {
        self.0.take()
    }
}

impl InterruptLine for Line {
    fn set_level(&mut self, asserted: bool) {
        self.0.borrow_mut().push(asserted);
    }
}

/// A PIC in edge mode: it latches a rise, also while the handler runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pic(Rc<RefCell<PicState>>);

#[derive(Debug, Default)]
struct PicState {
    level: bool,
    latched: bool,
    calls: usize,
}

impl InterruptLine for Pic {
    fn set_level(&mut self, asserted: bool) {
        let mut pic = self.0.borrow_mut();
        pic.latched |= asserted && !pic.level;
        pic.level = asserted;
        pic.calls += 1;
    }
}

impl Pic {
    pub(crate) fn take_interrupt(&self) -> bool {
        std::mem::take(&mut self.0.borrow_mut().latched)
    }

    pub(crate) fn calls(&self) -> usize {
        self.0.borrow().calls
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mode {
    #[default]
    Ready,
    Busy,
    TakesNothing,
    FailsToWrite,
    FailsToSay,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Sink {
    pub(crate) mode: Mode,
    pub(crate) taken: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct Broken;

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the sink is broken")
    }
}

impl std::error::Error for Broken {}

impl embedded_io::Error for Broken {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}

impl ErrorType for Sink {
    type Error = Broken;
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Broken> {
        match self.mode {
            Mode::Ready => {
                self.taken.extend_from_slice(bytes);
                Ok(bytes.len())
            }
            Mode::TakesNothing => Ok(0),
            Mode::FailsToWrite => Err(Broken),
            Mode::Busy | Mode::FailsToSay => panic!("written to without being ready: this would block"),
        }
    }

    fn flush(&mut self) -> Result<(), Broken> {
        panic!("flushing blocks")
    }
}

impl WriteReady for Sink {
    fn write_ready(&mut self) -> Result<bool, Broken> {
        match self.mode {
            Mode::Ready | Mode::TakesNothing | Mode::FailsToWrite => Ok(true),
            Mode::Busy => Ok(false),
            Mode::FailsToSay => Err(Broken),
        }
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Counters(RefCell<BTreeMap<&'static str, usize>>);

impl Counters {
    pub(crate) fn count(&self, event: &str) -> usize {
        self.0.borrow().get(event).copied().unwrap_or(0)
    }

    pub(crate) fn all(&self) -> Vec<(&'static str, usize)> {
        self.0.borrow().iter().map(|(event, count)| (*event, *count)).collect()
    }

    pub(crate) fn clear(&self) {
        self.0.borrow_mut().clear();
    }

    fn add(&self, event: &'static str, count: usize) {
        *self.0.borrow_mut().entry(event).or_default() += count;
    }
}

/// Counts each of these events by its name: once, or as often as the event says.
macro_rules! counted {
    ($($method:ident($($argument:ident: $ty:ty),*) $(times $count:ident)?;)*) => {
        $(fn $method(&self $(, $argument: $ty)*) {
            $(assert_ne!($count, 0);)?
            self.add(stringify!($method), [1 $(, $count)?].into_iter().product());
        })*
    };
}

impl SerialEvents for Counters {
    counted! {
        transmitted();
        output_stalled();
        output_failed();
        output_discarded(count: usize) times count;
        transmit_overrun();
        transmit_discarded(count: usize) times count;
        received();
        received_with_errors();
        receive_overrun();
        receive_disconnected();
        receive_discarded(count: usize) times count;
        receive_ready();
        timed_out();
        modem_outputs_changed(_outputs: ModemOutputs);
        break_changed(_active: bool);
        line_changed(_line: LineParameters);
        invalid_read(_offset: u16);
        invalid_write(_offset: u16, _value: u8);
    }
}

/// Random numbers that are the same on every run.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.roll(256).try_into().unwrap()
    }

    pub(crate) fn chance(&mut self, one_in: u64) -> bool {
        self.roll(one_in) == 0
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.roll(from.len() as u64)).unwrap()]
    }
}

/// States of a device that has been used, for tests that want something in every field.
pub(crate) fn busy_states() -> Vec<SerialState> {
    let (mut fifo, _) = fifo_bench();
    fifo.write(spec::IER, 0x0f, Instant::EPOCH);
    fifo.write(spec::SCR, 0x5a, Instant::EPOCH);
    fifo.output_mut().mode = Mode::Busy;
    for byte in b"waiting" {
        fifo.thr(*byte);
    }
    for (byte, errors) in [(0x41, 0), (0x42, 1), (0x43, 2), (0, 3)] {
        fifo.receive_character(byte, errors_of(errors), Instant::from_nanos(1_000));
    }
    fifo.set_modem_lines(
        devstate_serial_16550::ModemLines::DISCONNECTED,
        Instant::from_nanos(1_000),
    );

    let (mut character, _) = bench();
    character.write(spec::IER, 0x0f, Instant::EPOCH);
    character.output_mut().mode = Mode::Busy;
    character.thr(b'1');
    character.thr(b'2');
    character.receive_character(b'x', errors_of(1), Instant::EPOCH);
    character.receive_character(b'y', errors_of(0), Instant::EPOCH);

    let (mut looped, _) = fifo_bench();
    looped.write(spec::MCR, 0x1b, Instant::EPOCH);
    looped.thr(b'l');

    vec![
        SerialState::RESET,
        fifo.state(Instant::from_nanos(1_001)),
        character.state(Instant::EPOCH),
        looped.state(Instant::from_nanos(9)),
    ]
}

/// Every kind of error by number, 0 to 7.
pub(crate) fn errors_of(number: u64) -> devstate_serial_16550::CharacterErrors {
    use devstate_serial_16550::CharacterErrors as E;
    let mut errors = E::NONE;
    for (bit, error) in [E::PARITY, E::FRAMING, E::BREAK].into_iter().enumerate() {
        if number >> bit & 1 != 0 {
            errors = errors | error;
        }
    }
    errors
}
