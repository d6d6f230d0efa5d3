//! Saving and restoring: the same device goes on, and its line is driven.

use devstate_core::{Clock, Instant, RisingEdge, Trigger};
use devstate_serial_16550::{NoEvents, Serial, SerialState, spec};

use crate::support::{Bench, Counters, Guest, KEEPING, Line, Mode, Sink, bench, busy_states, fifo_bench};

#[test]
fn a_state_comes_back_as_it_went_in() {
    for state in busy_states() {
        let line = Line::default();
        let device = restored(&state, &line);
        assert_eq!(device.state(state.saved_at), state);
        let mut used = fifo_bench().0;
        assert_eq!(used.receive(b"other", Instant::from_nanos(3)), 5);
        used.restore(&state, state.saved_at, Clock::Wall).unwrap();
        assert_eq!(used.state(state.saved_at), state);
    }
}

#[test]
fn the_line_is_driven_after_every_restore_even_to_where_it_was() {
    for state in busy_states() {
        let line = Line::default();
        let mut device = restored(&state, &line);
        let mut level = line.take();
        assert_eq!(level.len(), 1);
        device.restore(&state, Instant::EPOCH, Clock::Frozen).unwrap();
        assert_eq!(line.take(), level);
        assert_eq!(Some(device.id() != 1), level.pop());
    }
}

#[test]
fn an_interrupt_between_raising_and_serving_is_not_lost() {
    let (mut device, _) = fifo_bench();
    assert_eq!(device.receive(&[0; 16], Instant::EPOCH), 16);
    let line = Line::default();
    let mut device = restored(&device.state(Instant::EPOCH), &line);
    assert_eq!(line.take(), [true], "with a full FIFO, too");
    assert_eq!(device.id(), 0x04);
}

#[test]
fn an_acknowledged_interrupt_does_not_come_back() {
    let (mut device, _) = bench();
    device.write(spec::IER, 0x02, Instant::EPOCH);
    assert_eq!(device.id(), 0x02);
    let line = Line::default();
    let mut device = restored(&device.state(Instant::EPOCH), &line);
    assert_eq!(line.take(), [false]);
    assert_eq!(device.id(), 0x01);
}

#[test]
fn characters_that_the_old_output_did_not_take_go_to_the_new_one() {
    let (mut device, _) = fifo_bench();
    device.output_mut().mode = Mode::Busy;
    for byte in b"abc" {
        device.thr(*byte);
    }
    let mut device = restored(&device.state(Instant::EPOCH), &Line::default());
    assert_eq!(device.output().taken, b"", "not before the host says so");
    assert_eq!(device.drain_output(Instant::EPOCH), 3);
    assert_eq!(device.output().taken, b"abc");
}

#[test]
fn an_open_divisor_latch_stays_open() {
    let (mut device, _) = bench();
    device.write(spec::LCR, 0x80, Instant::EPOCH);
    device.write(spec::DLL, 0x01, Instant::EPOCH);
    let mut device = restored(&device.state(Instant::EPOCH), &Line::default());
    device.write(spec::DLM, 0x00, Instant::EPOCH);
    assert_eq!(device.line_parameters().baud_rate(), 115_200);
}

#[test]
fn a_refused_state_leaves_the_device_and_its_line_as_they_were() {
    let (mut device, line) = fifo_bench();
    assert_eq!(device.receive(&[1; 9], Instant::EPOCH), 9);
    let before = device.state(Instant::from_nanos(5));
    line.take();
    let refused = SerialState {
        mcr: 0x20,
        ..SerialState::RESET
    };
    let error = device.restore(&refused, Instant::EPOCH, Clock::Wall).unwrap_err();
    assert_eq!((error.field, error.value), ("mcr", 0x20));
    assert_eq!(device.state(Instant::from_nanos(5)), before);
    assert_eq!(line.take(), []);
    assert!(
        Serial::from_state(
            &refused,
            Line::default(),
            Sink::default(),
            NoEvents,
            KEEPING,
            Instant::EPOCH,
            Clock::Wall
        )
        .is_err()
    );
}

#[test]
fn the_lines_error_can_be_taken_and_the_output_is_returned() {
    struct Broken;
    impl Trigger for Broken {
        type E = &'static str;
        fn trigger(&self) -> Result<(), Self::E> {
            Err("nobody listens")
        }
    }
    let mut device = Serial::new(RisingEdge::new(Broken), Sink::default());
    device.write(spec::THR, b'x', Instant::EPOCH);
    device.write(spec::IER, 2, Instant::EPOCH);
    assert_eq!(device.interrupt_mut().take_error(), Some("nobody listens"));
    assert_eq!(device.into_output().taken, b"x");
}

#[test]
fn devices_can_be_sent_to_another_thread_and_made_in_a_static() {
    fn send<T: Send>(value: T) -> T {
        value
    }
    static SHARED: std::sync::Mutex<Serial<devstate_core::NoInterrupt, embedded_io_sink::Nowhere>> =
        std::sync::Mutex::new(Serial::new(devstate_core::NoInterrupt, embedded_io_sink::Nowhere));
    send(&SHARED).lock().unwrap().write(spec::THR, b'x', Instant::EPOCH);
    assert_eq!(SHARED.lock().unwrap().read(spec::LSR, Instant::EPOCH), 0x60);
}

mod embedded_io_sink {
    use std::convert::Infallible;

    pub(crate) struct Nowhere;

    impl embedded_io::ErrorType for Nowhere {
        type Error = Infallible;
    }

    impl embedded_io::Write for Nowhere {
        fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
            Ok(bytes.len())
        }

        fn flush(&mut self) -> Result<(), Infallible> {
            Ok(())
        }
    }

    impl embedded_io::WriteReady for Nowhere {
        fn write_ready(&mut self) -> Result<bool, Infallible> {
            Ok(true)
        }
    }
}

fn restored(state: &SerialState, line: &Line) -> Bench {
    Serial::from_state(
        state,
        line.clone(),
        Sink::default(),
        Counters::default(),
        KEEPING,
        state.saved_at,
        Clock::Frozen,
    )
    .unwrap()
}
