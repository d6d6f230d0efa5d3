//! What vm-superio's tests assert of its UART, one test for each of them.

mod common;

use std::io::{ErrorKind, sink};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use common::Signals;
use devstate_vm_superio::serial::{Error, NoEvents, SerialEvents};
use devstate_vm_superio::{Serial, SerialState, Trigger};

const DATA: u8 = 0;
const IER: u8 = 1;
const IIR: u8 = 2;
const LCR: u8 = 3;
const MCR: u8 = 4;
const LSR: u8 = 5;
const MSR: u8 = 6;
const SCR: u8 = 7;

const RECEIVED: u8 = 0x01;
const THR_EMPTY: u8 = 0x02;
const LOOP: u8 = 0x10;
const DATA_READY: u8 = 0x01;

#[derive(Default)]
struct Counters {
    reads: AtomicU64,
    sent: AtomicU64,
    lost: AtomicU64,
    empty: AtomicU64,
}

impl SerialEvents for Counters {
    fn buffer_read(&self) {
        self.reads.fetch_add(1, Relaxed);
    }

    fn out_byte(&self) {
        self.sent.fetch_add(1, Relaxed);
    }

    fn tx_lost_byte(&self) {
        self.lost.fetch_add(1, Relaxed);
    }

    fn in_buffer_empty(&self) {
        self.empty.fetch_add(1, Relaxed);
    }
}

fn with_signals() -> (Serial<Signals, NoEvents, std::io::Sink>, Signals) {
    let signals = Signals::default();
    (Serial::new(signals.clone(), sink()), signals)
}

#[test]
fn output_goes_to_the_writer() {
    let mut serial = Serial::new(Signals::default(), Vec::new());
    for byte in *b"abc" {
        serial.write(DATA, byte).unwrap();
    }
    assert_eq!(serial.writer(), b"abc");
    serial.writer_mut().clear();
    serial.write(DATA, b'd').unwrap();
    assert_eq!(serial.into_writer(), b"d");
}

#[test]
fn input_is_read_in_order_and_signals_once() {
    let (mut serial, signals) = with_signals();
    serial.write(IER, RECEIVED).unwrap();
    assert_eq!(serial.enqueue_raw_bytes(&[]).unwrap(), 0);
    assert_eq!(signals.take(), 0);
    assert_eq!(serial.read(LSR) & DATA_READY, 0);

    assert_eq!(serial.enqueue_raw_bytes(b"abc").unwrap(), 3);
    assert_eq!(signals.take(), 1);
    for byte in *b"abc" {
        assert_eq!(serial.read(LSR) & DATA_READY, DATA_READY);
        assert_eq!(serial.read(DATA), byte);
    }
    assert_eq!(serial.read(LSR) & DATA_READY, 0);
    assert_eq!(serial.state().interrupt_identification, 1);
}

#[test]
fn differs_the_interrupt_stays_until_the_last_character_is_read() {
    let (mut serial, _) = with_signals();
    serial.write(IER, RECEIVED).unwrap();
    serial.enqueue_raw_bytes(b"ab").unwrap();
    serial.read(DATA);
    // vm-superio's IIR says "none" after the first character.
    assert_eq!(serial.read(IIR) & 0x01, 0);
    serial.read(DATA);
    assert_eq!(serial.read(IIR), 0xc1);
}

#[test]
fn enabling_the_interrupt_signals_for_input_that_waits() {
    let (mut serial, signals) = with_signals();
    serial.write(IER, RECEIVED).unwrap();
    // What the Linux console does around a message.
    let saved = serial.read(IER);
    serial.write(IER, 0).unwrap();
    serial.enqueue_raw_bytes(b"abc").unwrap();
    assert_eq!(serial.read(LSR) & DATA_READY, DATA_READY);
    assert_eq!(signals.take(), 0);
    assert_eq!(serial.state().interrupt_identification, 1);

    serial.write(IER, saved).unwrap();
    assert_eq!(signals.take(), 1);
    let iir = serial.read(IIR);
    assert_eq!((iir & 0x01, iir & 0x04), (0, 0x04));

    // The level is still high: there is no second edge. vm-superio signals again.
    serial.write(IER, saved).unwrap();
    assert_eq!(signals.take(), 0);
    for byte in *b"abc" {
        assert_eq!(serial.read(DATA), byte);
    }
    serial.write(IER, saved).unwrap();
    assert_eq!(signals.take(), 0);
    assert_eq!(serial.state().interrupt_identification, 1);
}

#[test]
fn enabling_the_interrupt_signals_that_thr_is_empty() {
    let (mut serial, signals) = with_signals();
    serial.write(IER, THR_EMPTY).unwrap();
    assert_eq!(signals.take(), 1);
    assert_eq!(serial.read(IIR) & 0x02, 0x02);
    serial.write(IER, RECEIVED).unwrap();
    assert_eq!(signals.take(), 0);
    assert_eq!(serial.state().interrupt_identification, 1);
}

#[test]
fn thr_empty_is_signalled_after_a_character() {
    let (mut serial, signals) = with_signals();
    serial.write(IER, THR_EMPTY).unwrap();
    assert_eq!(serial.state().interrupt_enable, THR_EMPTY);
    // The interrupt that was just enabled is acknowledged.
    assert_eq!((signals.take(), serial.read(IIR)), (1, 0xc2));
    serial.write(DATA, b'a').unwrap();
    assert_eq!(signals.take(), 1);
    assert_eq!(serial.read(IER), THR_EMPTY);
    assert_eq!(serial.read(IIR), 0xc2);
    assert_eq!(serial.state().interrupt_identification, 1);
}

#[test]
fn differs_each_character_signals_while_iir_is_not_read() {
    let (mut serial, signals) = with_signals();
    serial.write(IER, THR_EMPTY).unwrap();
    for _ in 0..3 {
        serial.write(DATA, b'a').unwrap();
    }
    // vm-superio signals once in all.
    assert_eq!(signals.take(), 4);
}

#[test]
fn loopback_receives_what_is_sent() {
    let (mut serial, signals) = with_signals();
    serial.write(MCR, LOOP).unwrap();
    serial.write(IER, RECEIVED).unwrap();
    for value in 0..64 {
        serial.write(DATA, value).unwrap();
        assert_eq!(signals.take(), 1);
        assert_eq!(serial.state().in_buffer, [value]);
        assert_eq!(serial.read(DATA), value);
    }
    assert_eq!(serial.state().line_status & DATA_READY, 0);
    // From outside nothing comes in.
    assert_eq!(serial.enqueue_raw_bytes(b"a").unwrap(), 0);
}

#[test]
fn differs_loopback_has_16_places() {
    let (mut serial, signals) = with_signals();
    serial.write(MCR, LOOP).unwrap();
    serial.write(IER, RECEIVED).unwrap();
    for value in 0..17 {
        serial.write(DATA, value).unwrap();
    }
    assert_eq!(signals.take(), 1);
    assert_eq!(serial.state().in_buffer.len(), 16);
    // vm-superio drops what does not fit without a sign. A 16550A reports the overrun.
    assert_eq!(serial.read(LSR) & 0x03, 0x03);
    for value in 0..16 {
        assert_eq!(serial.read(DATA), value);
    }
    assert_eq!(serial.state().line_status & DATA_READY, 0);
}

#[test]
fn the_divisor_latch_is_behind_dlab() {
    let (mut serial, _) = with_signals();
    serial.write(LCR, 0x80).unwrap();
    serial.write(1, 0x12).unwrap();
    assert_eq!((serial.read(0), serial.read(1)), (12, 0x12));
    serial.write(0, 0x34).unwrap();
    assert_eq!((serial.read(0), serial.read(1)), (0x34, 0x12));
    serial.write(LCR, 0).unwrap();
    assert_ne!(serial.read(0), 0x12);
    assert_ne!(serial.read(1), 0x34);
}

#[test]
fn plain_registers_read_what_was_written() {
    let (mut serial, _) = with_signals();
    for register in [LCR, MCR, SCR] {
        serial.write(register, 0x12).unwrap();
        assert_eq!(serial.read(register), 0x12, "{register}");
    }
}

#[test]
fn offsets_beyond_7_read_0() {
    let (mut serial, _) = with_signals();
    for offset in [8, 255] {
        serial.write(offset, 5).unwrap();
        assert_eq!(serial.read(offset), 0);
    }
}

#[test]
fn differs_the_modem_control_register_has_five_bits() {
    let (mut serial, _) = with_signals();
    serial.write(MCR, 0xef).unwrap();
    // vm-superio reads 0xef.
    assert_eq!(serial.read(MCR), 0x0f);
    // A state that vm-superio saved can have these bits.
    let state = SerialState {
        modem_control: 0xe8,
        ..SerialState::default()
    };
    let serial = Serial::from_state(&state, Signals::default(), NoEvents, sink()).unwrap();
    assert_eq!(serial.state().modem_control, 0x08);
}

#[test]
fn differs_the_modem_status_has_deltas() {
    let (mut serial, _) = with_signals();
    assert_eq!(serial.read(MSR), 0xb0);
    serial.write(MCR, LOOP).unwrap();
    assert_ne!(serial.read(MSR), 0xb0);
    // vm-superio reads the upper half alone. The lower half is what changed since the last read.
    assert_eq!(serial.read(MSR), 0x00);
    for (mcr, msr, deltas) in [(0x08, 0x80, 0x08), (0x04, 0x40, 0x08), (0x03, 0x30, 0x07)] {
        serial.write(MCR, LOOP | mcr).unwrap();
        assert_eq!(serial.read(MSR), msr | deltas, "{mcr:#x}");
        assert_eq!(serial.read(MSR), msr, "{mcr:#x}");
    }
}

#[test]
fn input_has_64_places() {
    let (mut serial, _) = with_signals();
    assert_eq!(serial.fifo_capacity(), 64);
    let many: Vec<u8> = (0..65).collect();
    assert_eq!(serial.enqueue_raw_bytes(&many).unwrap(), 64);
    assert_eq!((serial.fifo_capacity(), serial.state().in_buffer.len()), (0, 64));
    assert_eq!(serial.enqueue_raw_bytes(&[]).unwrap(), 0);
    assert!(matches!(serial.enqueue_raw_bytes(&[1]), Err(Error::FullFifo)));

    assert_eq!(serial.read(DATA), 0);
    assert_eq!(serial.enqueue_raw_bytes(&many[..2]).unwrap(), 1);
    assert_eq!(serial.state().in_buffer.len(), 64);
    for expected in (1..64).chain([0]) {
        assert_eq!(serial.read(DATA), expected);
    }
    assert_eq!(serial.read(LSR) & DATA_READY, 0);
}

#[test]
fn events_are_reported() {
    let mut output = [0; 1];
    let mut serial = Serial::with_events(Signals::default(), Arc::new(Counters::default()), output.as_mut());
    let counts = |serial: &Serial<Signals, Arc<Counters>, &mut [u8]>| {
        let counters = serial.events();
        [&counters.reads, &counters.sent, &counters.lost, &counters.empty].map(|counter| counter.load(Relaxed))
    };
    assert_eq!(counts(&serial), [0, 0, 0, 0]);
    serial.read(DATA);
    assert_eq!(counts(&serial), [1, 0, 0, 1]);
    serial.write(DATA, 1).unwrap();
    assert_eq!(counts(&serial), [1, 1, 0, 1]);
    serial.write(DATA, 1).unwrap_err();
    assert_eq!(counts(&serial), [1, 1, 1, 1]);
    serial.read(DATA);
    assert_eq!(counts(&serial), [2, 1, 1, 2]);
    serial.enqueue_raw_bytes(&[1, 2]).unwrap();
    serial.read(DATA);
    assert_eq!(counts(&serial), [3, 1, 1, 2]);
    serial.read(DATA);
    assert_eq!(counts(&serial), [4, 1, 1, 3]);
}

#[test]
fn an_output_that_fails_does_not_keep_the_interrupt_back() {
    let mut output = [0; 0];
    let mut serial = Serial::new(Signals::default(), output.as_mut());
    serial.write(IER, THR_EMPTY).unwrap();
    serial.read(IIR);
    let error = serial.write(DATA, 5).unwrap_err();
    assert_eq!(serial.read(IIR) & 0x02, 0x02);
    assert!(matches!(error, Error::IOError(error) if error.kind() == ErrorKind::WriteZero));
}

#[test]
fn a_new_uart_has_the_default_state() {
    let serial = Serial::new(Signals::default(), Vec::new());
    assert_eq!(serial.state(), SerialState::default());
}

#[test]
fn a_state_with_too_many_characters_is_refused() {
    let state = SerialState {
        in_buffer: vec![1; 128],
        ..SerialState::default()
    };
    let refused = Serial::from_state(&state, Signals::default(), NoEvents, sink());
    assert!(matches!(refused, Err(Error::FullFifo)));
}

#[test]
fn a_pending_thr_interrupt_is_signalled_again_after_a_restore() {
    let (mut serial, signals) = with_signals();
    serial.write(IER, THR_EMPTY).unwrap();
    serial.write(DATA, b'a').unwrap();
    assert!(signals.take() > 0);
    let mut restored = Serial::from_state(&serial.state(), signals.clone(), NoEvents, sink()).unwrap();
    assert_eq!(restored.read(IER), THR_EMPTY);
    assert_eq!(restored.read(IIR) & 0x02, 0x02);
    assert_eq!(signals.take(), 1);
}

#[test]
fn a_pending_input_interrupt_is_signalled_again_after_a_restore() {
    let (mut serial, signals) = with_signals();
    serial.write(IER, RECEIVED).unwrap();
    serial.enqueue_raw_bytes(b"abc").unwrap();
    assert_eq!(signals.take(), 1);
    let mut restored = Serial::from_state(&serial.state(), signals.clone(), NoEvents, sink()).unwrap();
    assert_eq!(restored.read(IER), RECEIVED);
    assert_eq!(restored.read(IIR) & 0x04, 0x04);
    assert_eq!(signals.take(), 1);
}

// What vm-superio has no test for.

#[test]
fn a_state_with_64_characters_is_restored_whole() {
    let many: Vec<u8> = (0..64).collect();
    let (mut serial, signals) = with_signals();
    serial.enqueue_raw_bytes(&many).unwrap();
    let state = serial.state();
    let mut restored = Serial::from_state(&state, signals, NoEvents, sink()).unwrap();
    assert_eq!(restored.state(), state);
    for expected in many {
        assert_eq!(restored.read(DATA), expected);
    }
}

#[test]
fn differs_a_state_that_contradicts_itself_is_refused() {
    // A pending interrupt, and none.
    let state = SerialState {
        interrupt_identification: 0x03,
        ..SerialState::default()
    };
    let refused = Serial::from_state(&state, Signals::default(), NoEvents, sink());
    assert!(matches!(refused, Err(Error::InvalidState(_))));
}

#[test]
fn errors_of_the_trigger_are_returned_by_what_caused_them() {
    #[derive(Debug)]
    struct Broken;
    impl Trigger for Broken {
        type E = u8;
        fn trigger(&self) -> Result<(), u8> {
            Err(7)
        }
    }
    let mut serial = Serial::new(Broken, sink());
    let error = serial.write(IER, THR_EMPTY).unwrap_err();
    assert!(matches!(error, Error::Trigger(7)));
    serial.write(IER, 0).unwrap();
    serial.write(IER, RECEIVED).unwrap();
    assert!(matches!(serial.enqueue_raw_bytes(b"a"), Err(Error::Trigger(7))));
    let refused = Serial::from_state(&serial.state(), Broken, NoEvents, sink());
    assert!(matches!(refused, Err(Error::Trigger(7))));
}

#[test]
fn the_error_of_a_write_is_not_returned_by_the_next_one() {
    struct Broken;
    impl Trigger for Broken {
        type E = u8;
        fn trigger(&self) -> Result<(), u8> {
            Err(7)
        }
    }

    let mut output = [0; 0];
    let mut serial = Serial::new(Broken, output.as_mut());
    assert!(matches!(serial.write(IER, THR_EMPTY), Err(Error::Trigger(7))));
    serial.read(IIR);
    // The output and the interrupt both fail. As in vm-superio, the error is the interrupt's.
    assert!(matches!(serial.write(DATA, 5), Err(Error::Trigger(7))));
    assert!(serial.write(SCR, 5).is_ok());
}

#[test]
fn clearing_the_fifo_makes_room_for_input() {
    let mut serial = Serial::with_events(Signals::default(), Arc::new(Counters::default()), sink());
    serial.enqueue_raw_bytes(&[b'x'; 64]).unwrap();
    // The guest opens the port. The characters in front of the FIFO move up.
    for cleared in 1..5 {
        serial.write(2, 0x07).unwrap();
        assert_eq!(serial.fifo_capacity(), cleared * 16);
    }
    assert!(serial.events().empty.load(Relaxed) > 0, "the host is not told");
}

#[test]
fn the_interrupt_identification_shows_one_source() {
    let (mut serial, _) = with_signals();
    serial.write(IER, RECEIVED | THR_EMPTY).unwrap();
    serial.enqueue_raw_bytes(b"a").unwrap();
    // vm-superio reads c6.
    assert_eq!(serial.read(IIR), 0xc4);
    serial.read(DATA);
    assert_eq!(serial.read(IIR), 0xc2);
    assert_eq!(serial.read(IIR), 0xc1);
}
