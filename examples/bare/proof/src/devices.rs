//! Each device: in any state, any access at any time.

use core::hint::black_box;
use core::time::Duration;
use devstate_core::{Clock, Instant, NoInterrupt};
use devstate_i8042::{ByteQueue, I8042, I8042State, Key, KeySet, MouseInput, MouseProtocol, NoControl, ScanCodeSet};
use devstate_rtc_pl031::{Rtc, RtcState};
use devstate_serial_16550::{
    AlwaysReady, CharacterErrors, Config, Fifo, ModemLines, OutputPolicy, Serial, SerialState,
};
use embedded_io::{ErrorKind, ErrorType, Read, ReadExactError, Write, WriteReady};

pub fn prove(bytes: &[u8]) {
    let clock = black_box(Clock::Wall);
    prove_rtc(clock);
    prove_serial(clock, bytes);
    prove_always_ready(bytes);
    prove_i8042(bytes);
    prove_queue(bytes);
    prove_keys(bytes);
}

fn prove_rtc(clock: Clock) {
    let state = black_box(RtcState::RESET);
    black_box(state.validate().is_ok());
    black_box((state.advanced(any()), state.resumed(any(), clock)));
    black_box((state.next_alarm(), state.interrupt_level()));
    black_box(RtcState::at_unix_time(black_box(Duration::ZERO), any()));

    let mut rtc = black_box(Rtc::new(NoInterrupt));
    black_box(rtc.restore(&state, any(), clock).is_ok());
    black_box(rtc.read(black_box(0), any()));
    rtc.write(black_box(0), black_box(0), any());
    rtc.advance(any());
    black_box((rtc.next_deadline(), rtc.interrupt_level()));
    rtc.reset(any());
    rtc.soft_reset(any());
    black_box(rtc.state(any()));
    black_box(Rtc::from_state(&state, NoInterrupt, devstate_rtc_pl031::NoEvents, any(), clock).is_ok());
}

fn prove_serial(clock: Clock, bytes: &[u8]) {
    let state = black_box(SerialState::RESET);
    black_box(state.validate().is_ok());
    black_box(SerialState::timeout_nanos(black_box(0), black_box(0)));

    let config = black_box(Config {
        stalled_output: OutputPolicy::DiscardAfter(Duration::ZERO),
        receive_at_line_rate: true,
        ..Config::WITH_TIMER
    });
    let events = devstate_serial_16550::NoEvents;
    let mut serial = black_box(Serial::with_config(NoInterrupt, Anywhere, events, config));
    serial.set_config(config, any());
    black_box(serial.restore(&state, any(), clock).is_ok());
    black_box(serial.read(black_box(0), any()));
    serial.write(black_box(0), black_box(0), any());
    serial.advance(any());
    black_box((
        serial.next_deadline(),
        serial.interrupt_level(),
        serial.receive_capacity(),
    ));
    black_box(serial.receive(bytes, any()));
    serial.receive_character(black_box(0), black_box(CharacterErrors::NONE), any());
    serial.receive_break(any());
    serial.set_modem_lines(black_box(ModemLines::CONNECTED), any());
    let line = serial.line_parameters();
    black_box((line, line.baud_rate(), line.character_time()));
    black_box((serial.modem_outputs(), serial.break_output()));
    black_box((serial.drain_output(any()), serial.output_pending()));
    serial.reset(any());
    black_box(serial.state(any()));
    black_box(
        Serial::from_state(
            &state,
            NoInterrupt,
            Anywhere,
            devstate_serial_16550::NoEvents,
            config,
            any(),
            clock,
        )
        .is_ok(),
    );
}

fn prove_i8042(bytes: &[u8]) {
    let state = black_box(I8042State::RESET);
    black_box(state.validate().is_ok());

    let config = black_box(devstate_i8042::Config::DEFAULT);
    let mut i8042 = black_box(I8042::with_config(
        NoInterrupt,
        NoInterrupt,
        NoControl,
        devstate_i8042::NoEvents,
        config,
    ));
    black_box(i8042.restore(&state).is_ok());
    black_box(i8042.read(black_box(0)));
    i8042.write(black_box(0), black_box(0));
    black_box(i8042.key(black_box(Key::A), black_box(true)));
    black_box(i8042.key_as_sent(black_box(Key::A), black_box(true), bytes));
    black_box(i8042.scan_codes(black_box(Key::A), black_box(true)));
    let input = black_box(MouseInput::NONE);
    black_box((i8042.mouse(&input), i8042.report_mouse(), i8042.mouse_packet(&input)));
    i8042.count_mouse(&input);
    black_box((i8042.leds(), i8042.interrupt_levels()));
    black_box(i8042.release_all());
    i8042.advance(black_box(Instant::EPOCH));
    black_box(i8042.next_deadline());
    i8042.reset();
    black_box(i8042.state());
    let events = devstate_i8042::NoEvents;
    black_box(I8042::from_state(&state, NoInterrupt, NoInterrupt, NoControl, events, config).is_ok());
}

/// An output that is never waited for.
fn prove_always_ready(bytes: &[u8]) {
    let mut output = AlwaysReady(Anywhere);
    black_box((output.write(bytes).is_ok(), output.flush().is_ok()));
    black_box(output.write_ready().is_ok());
    let mut serial = black_box(Serial::new(NoInterrupt, output));
    serial.write(black_box(0), black_box(0), any());
    black_box(serial.drain_output(any()));
    black_box(ModemLines::from_msr(black_box(0)).msr_bits());
    black_box(black_box(CharacterErrors::NONE).lsr_bits());
    black_box(black_box(Fifo::EMPTY).as_slice());
}

fn prove_queue(bytes: &[u8]) {
    black_box(ByteQueue::<16>::from_slice(bytes));
    black_box(ByteQueue::<16>::from_array(black_box([0; 8])));
    let queue = black_box(ByteQueue::<16>::EMPTY);
    black_box((queue.as_slice(), queue.is_empty()));
}

fn prove_keys(bytes: &[u8]) {
    let mut keys = black_box(KeySet::EMPTY);
    let key = black_box(Key::A);
    keys.set(key, black_box(true));
    black_box(keys.contains(key));
    let set = ScanCodeSet::from_number(black_box(1));
    black_box(set.map(ScanCodeSet::number));
    black_box(key.scan_codes(black_box(true), black_box(ScanCodeSet::One), &keys));
    black_box(key.name());
    if let Ok(name) = core::str::from_utf8(bytes) {
        black_box(name.parse::<Key>().is_ok());
    }
    black_box(black_box(MouseProtocol::Standard).id());
}

/// Any moment.
fn any() -> Instant {
    black_box(Instant::EPOCH)
}

/// An output that does anything.
pub struct Anywhere;

#[derive(Debug)]
pub struct Failed;

impl core::fmt::Display for Failed {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("failed")
    }
}

impl core::error::Error for Failed {}

impl embedded_io::Error for Failed {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}

impl ErrorType for Anywhere {
    type Error = Failed;
}

impl Read for Anywhere {
    fn read(&mut self, bytes: &mut [u8]) -> Result<usize, Failed> {
        let bytes = black_box(bytes);
        black_box(Ok(bytes.len()))
    }

    // The trait's own panics where `read` returns more than there is room for.
    fn read_exact(&mut self, bytes: &mut [u8]) -> Result<(), ReadExactError<Failed>> {
        black_box(bytes);
        black_box(Ok(()))
    }
}

impl Write for Anywhere {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Failed> {
        black_box(bytes);
        black_box(Ok(0))
    }

    fn flush(&mut self) -> Result<(), Failed> {
        black_box(Ok(()))
    }
}

impl WriteReady for Anywhere {
    fn write_ready(&mut self) -> Result<bool, Failed> {
        black_box(Ok(true))
    }
}
