//! Capturing a UART as firmware does, and programming another with what was captured. The hardware is the device.

use std::convert::Infallible;

use devstate_core::{Instant, NoInterrupt, RegisterIo};
use devstate_serial_16550::{
    AlwaysReady, CharacterErrors, Config, ModemLines, NoEvents, Serial, SerialState, Unapplied, spec,
};
use embedded_io::{ErrorType, Write};

type Chip = Serial<NoInterrupt, AlwaysReady<Wire>>;

/// What was sent.
#[derive(Default)]
struct Wire(Vec<u8>);

impl ErrorType for Wire {
    type Error = Infallible;
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// A UART behind its registers, at a moment at which nothing happens.
struct Hardware(Chip);

impl Hardware {
    fn new() -> Self {
        let output = AlwaysReady(Wire::default());
        Self(Serial::with_config(NoInterrupt, output, NoEvents, Config::WITH_TIMER))
    }

    fn program(&mut self, writes: &[(u16, u8)]) {
        for (offset, value) in writes {
            self.0.write(*offset, *value, Instant::EPOCH);
        }
    }
}

impl RegisterIo<u8> for Hardware {
    fn read(&mut self, offset: u16) -> u8 {
        self.0.read(offset, Instant::EPOCH)
    }

    fn write(&mut self, offset: u16, value: u8) {
        self.0.write(offset, value, Instant::EPOCH);
    }
}

/// Every register to a value of its own, divisor latch open.
const SET_UP: &[(u16, u8)] = &[
    (3, 0x83),
    (0, 0x34),
    (1, 0x12),
    (3, 0x1b),
    (2, 0x89),
    (4, 0x0b),
    (7, 0xa5),
    (1, 0x0f),
];

#[test]
fn a_capture_is_the_state() {
    let mut hardware = Hardware::new();
    hardware.program(SET_UP);
    assert_eq!(hardware.0.receive(b"hello", Instant::EPOCH), b"hello".len());
    hardware.0.set_modem_lines(
        ModemLines {
            ri: true,
            ..ModemLines::CONNECTED
        },
        Instant::EPOCH,
    );
    let state = hardware.0.state(Instant::EPOCH);
    assert!(state.thre_pending);
    assert_eq!(SerialState::capture(&mut hardware, 0x89, Instant::EPOCH), state);
}

#[test]
fn a_capture_takes_what_reading_takes_and_leaves_the_registers() {
    let mut hardware = Hardware::new();
    hardware.program(SET_UP);
    hardware.program(&[(3, 0x9b)]);
    assert_eq!(hardware.0.receive(b"hello", Instant::EPOCH), b"hello".len());
    let before = hardware.0.state(Instant::EPOCH);
    let captured = SerialState::capture(&mut hardware, 0x89, Instant::EPOCH);
    assert_eq!(captured, before);
    let registers = SerialState {
        rx: SerialState::RESET.rx,
        timeout_remaining: 0,
        thre_pending: false,
        ..before
    };
    assert_eq!(hardware.0.state(Instant::EPOCH), registers);
}

#[test]
fn errors_stay_with_their_characters() {
    let mut hardware = Hardware::new();
    hardware.program(SET_UP);
    hardware
        .0
        .receive_character(b'a', CharacterErrors::FRAMING, Instant::EPOCH);
    hardware
        .0
        .receive_character(b'b', CharacterErrors::NONE, Instant::EPOCH);
    hardware
        .0
        .receive_character(b'c', CharacterErrors::PARITY, Instant::EPOCH);
    hardware.0.receive_character(0, CharacterErrors::BREAK, Instant::EPOCH);
    for _ in 0..13 {
        hardware
            .0
            .receive_character(b'd', CharacterErrors::NONE, Instant::EPOCH);
    }
    let state = hardware.0.state(Instant::EPOCH);
    let captured = SerialState::capture(&mut hardware, 0x89, Instant::EPOCH);
    assert_eq!(captured.validate(), Ok(()));
    assert_eq!(captured, state);

    let left = captured.apply(&mut Hardware::new()).unwrap();
    let errors = spec::lsr::OVERRUN | spec::lsr::FRAMING | spec::lsr::PARITY | spec::lsr::BREAK;
    assert_eq!(left, Unapplied::NONE.with("lsr_errors", errors));
}

/// A character comes in before this access.
struct Receiving {
    hardware: Hardware,
    accesses_before: u32,
}

impl Receiving {
    fn count(&mut self) {
        if self.accesses_before == 0 {
            self.hardware
                .0
                .receive_character(b'!', CharacterErrors::NONE, Instant::EPOCH);
        }
        self.accesses_before = self.accesses_before.wrapping_sub(1);
    }
}

impl RegisterIo<u8> for Receiving {
    fn read(&mut self, offset: u16) -> u8 {
        self.count();
        self.hardware.read(offset)
    }

    fn write(&mut self, offset: u16, value: u8) {
        self.count();
        self.hardware.write(offset, value);
    }
}

#[test]
fn a_character_that_arrives_meanwhile_is_taken_left_or_reported_lost() {
    let mut losses = 0;
    for fcr in [0x00, 0x89] {
        for accesses_before in 0..60 {
            let mut hardware = Hardware::new();
            hardware.program(&[(3, 3), (2, fcr)]);
            let text: &[u8] = if fcr == 0 { b"a" } else { b"0123456789abcdef" };
            assert_eq!(hardware.0.receive(text, Instant::EPOCH), text.len());
            let mut receiving = Receiving {
                hardware,
                accesses_before,
            };
            let captured = SerialState::capture(&mut receiving, fcr, Instant::EPOCH);
            assert_eq!(captured.validate(), Ok(()));
            let came = receiving.accesses_before > 60;
            let left = receiving.hardware.0.state(Instant::EPOCH);
            let all = [captured.rx.as_slice(), left.rx.as_slice()].concat();
            let lost = (captured.lsr_errors | left.lsr_errors) & spec::lsr::OVERRUN != 0;
            assert_eq!(
                all.len() + usize::from(lost),
                text.len() + usize::from(came),
                "FCR {fcr:#x}, before access {accesses_before}"
            );
            losses += u32::from(lost);
        }
    }
    assert!(losses > 4, "{losses}");
}

#[test]
fn an_overrun_is_reported_whenever_it_is_seen() {
    /// After so many looks at it, LSR tells of an overrun once.
    struct Overrun(Hardware, u32);
    impl RegisterIo<u8> for Overrun {
        fn read(&mut self, offset: u16) -> u8 {
            if offset != spec::LSR {
                return self.0.read(offset);
            }
            self.1 = self.1.wrapping_sub(1);
            self.0.read(offset) | if self.1 == u32::MAX { spec::lsr::OVERRUN } else { 0 }
        }
        fn write(&mut self, offset: u16, value: u8) {
            self.0.write(offset, value);
        }
    }

    for looks in 0..=16 {
        let mut hardware = Hardware::new();
        hardware.program(&[(3, 3), (2, 0x89)]);
        assert_eq!(hardware.0.receive(b"0123456789abcdef", Instant::EPOCH), 16);
        let captured = SerialState::capture(&mut Overrun(hardware, looks), 0x89, Instant::EPOCH);
        assert_eq!(captured.lsr_errors, spec::lsr::OVERRUN, "after {looks}");
    }
}

#[test]
fn in_loopback_the_real_inputs_are_captured() {
    let mut hardware = Hardware::new();
    hardware.program(&[(4, 0x10)]);
    RegisterIo::read(&mut hardware, spec::MSR);
    let state = hardware.0.state(Instant::EPOCH);
    assert_eq!(state.msr_lines, 0xb0);
    assert_eq!(SerialState::capture(&mut hardware, 0, Instant::EPOCH), state);
    assert_eq!(hardware.0.state(Instant::EPOCH), state);
}

#[test]
fn the_last_character_of_16450_mode_is_captured() {
    let mut hardware = Hardware::new();
    hardware.program(&[(3, 3)]);
    assert_eq!(hardware.0.receive(b"x", Instant::EPOCH), b"x".len());
    RegisterIo::read(&mut hardware, spec::RBR);
    let state = hardware.0.state(Instant::EPOCH);
    assert_eq!((state.rbr, state.rx.len), (b'x', 0));
    assert_eq!(SerialState::capture(&mut hardware, 0xff, Instant::EPOCH), state);
}

/// It starts anew, so only that it runs is the same.
fn without_timeout(state: SerialState) -> SerialState {
    let timeout_remaining = u64::from(state.timeout_remaining != 0);
    SerialState {
        timeout_remaining,
        ..state
    }
}

/// Every kind of state that registers can hold, applied to a chip that was used for something else.
#[test]
fn applied_is_as_captured() {
    for fcr in [0, 0x01, 0x49, 0xc1] {
        for ier in 0..16 {
            for lcr in [0x03, 0x83, 0x5f, 0x80] {
                for mcr in [0x00, 0x0b, 0x1f] {
                    for received in [&b""[..], b"a", b"0123456789abcdef"] {
                        for served in [false, true] {
                            let mut hardware = Hardware::new();
                            hardware.program(&[
                                (3, 0x80),
                                (0, 7),
                                (3, 3),
                                (2, fcr),
                                (1, ier),
                                (4, mcr & 0x0f),
                                (7, lcr),
                            ]);
                            let _ = hardware.0.receive(received, Instant::EPOCH);
                            if served {
                                RegisterIo::read(&mut hardware, spec::IIR);
                            }
                            hardware.program(&[(4, mcr), (3, lcr)]);
                            RegisterIo::read(&mut hardware, spec::MSR);
                            let state = hardware.0.state(Instant::EPOCH);
                            let captured = SerialState::capture(&mut hardware, fcr, Instant::EPOCH);
                            assert_eq!(without_timeout(captured), without_timeout(state));

                            let mut other = Hardware::new();
                            other.program(&[(3, 0x80), (1, 1), (3, 0), (2, 0xc7), (1, 0x0f), (4, 0x13), (0, 9)]);
                            let left = captured.apply(&mut other).unwrap();
                            let applied = without_timeout(other.0.state(Instant::EPOCH));
                            assert_eq!((left, applied), (Unapplied::NONE, without_timeout(state)));
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn characters_that_waited_are_sent_in_order() {
    let mut state = SerialState {
        fcr: 0x01,
        tsr: Some(b'>'),
        ..SerialState::RESET
    };
    state.tx.bytes = *b"0123456789abcdef";
    state.tx.len = 16;
    let mut hardware = Hardware::new();
    assert_eq!(state.apply(&mut hardware), Ok(Unapplied::NONE));
    assert_eq!(hardware.0.output().0.0, b">0123456789abcdef");
}

#[test]
fn a_chip_that_is_not_there_is_reported_and_not_waited_for() {
    struct Nothing(u8);
    impl RegisterIo<u8> for Nothing {
        fn read(&mut self, _offset: u16) -> u8 {
            self.0
        }
        fn write(&mut self, _offset: u16, _value: u8) {}
    }

    let mut state = SerialState {
        fcr: 0x01,
        tsr: Some(b'>'),
        ..SerialState::RESET
    };
    (state.tx.len, state.rx.len) = (16, 2);
    let left = state.apply(&mut Nothing(0)).unwrap();
    assert_eq!(left, Unapplied::NONE.with("rx", 2).with("tx", 16));
    for value in 0..=u8::MAX {
        let captured = SerialState::capture(&mut Nothing(value), value, Instant::EPOCH);
        assert_eq!(captured.validate(), Ok(()), "with every register at {value:#x}");
    }
}

#[test]
fn an_invalid_state_does_not_reach_the_hardware() {
    struct Untouched;
    impl RegisterIo<u8> for Untouched {
        fn read(&mut self, _offset: u16) -> u8 {
            unreachable!()
        }
        fn write(&mut self, _offset: u16, _value: u8) {
            unreachable!()
        }
    }

    let state = SerialState {
        ier: 0x10,
        ..SerialState::RESET
    };
    assert_eq!(state.apply(&mut Untouched).unwrap_err().field, "ier");
}
