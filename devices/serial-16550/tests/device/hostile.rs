//! Hostile states: every byte of every field takes every value. A second description of the chip decides which states are
//! accepted. A refusal names the field, and an accepted state never misbehaves.

use devstate_core::{Clock, Instant, InvalidState};
use devstate_serial_16550::{Serial, SerialState};

use crate::support::{Bench, Counters, KEEPING, Line, Mode, Sink, busy_states};

type Set = Box<dyn Fn(&mut SerialState, u8)>;

/// Each byte of the state, with the names that a refusal may give.
fn bytes() -> Vec<(&'static [&'static str], Set)> {
    let mut bytes: Vec<(&'static [&'static str], Set)> = vec![
        (
            &[],
            Box::new(|state, value| state.divisor = state.divisor & 0xff00 | u16::from(value)),
        ),
        (
            &[],
            Box::new(|state, value| state.divisor = u16::from(value) << 8 | state.divisor & 0xff),
        ),
        (&["ier", "thre_pending"], Box::new(|state, value| state.ier = value)),
        (
            &["fcr", "rx.len", "tx.len", "timeout_remaining"],
            Box::new(|state, value| state.fcr = value),
        ),
        (&[], Box::new(|state, value| state.lcr = value)),
        (&["mcr", "tsr"], Box::new(|state, value| state.mcr = value)),
        (&[], Box::new(|state, value| state.scr = value)),
        (&[], Box::new(|state, value| state.rbr = value)),
        (
            &["rx.len", "rx.bytes", "rx_errors", "timeout_remaining"],
            Box::new(|state, value| state.rx.len = value),
        ),
        (&["lsr_errors"], Box::new(|state, value| state.lsr_errors = value)),
        (
            &["tx.len", "tx.bytes", "thre_pending"],
            Box::new(|state, value| state.tx.len = value),
        ),
        (&["tsr"], Box::new(|state, value| state.tsr = Some(value))),
        (&["tx.len"], Box::new(|state, _| state.tsr = None)),
        (
            &["thre_pending"],
            Box::new(|state, value| state.thre_pending = value & 1 != 0),
        ),
        (&["msr_lines"], Box::new(|state, value| state.msr_lines = value)),
        (&["msr_deltas"], Box::new(|state, value| state.msr_deltas = value)),
    ];
    for index in 0..16 {
        bytes.push((
            &["rx.bytes", "rx_errors"],
            Box::new(move |state, value| state.rx.bytes[index] = value),
        ));
        bytes.push((
            &["rx_errors"],
            Box::new(move |state, value| state.rx_errors[index] = value),
        ));
        bytes.push((
            &["tx.bytes"],
            Box::new(move |state, value| state.tx.bytes[index] = value),
        ));
    }
    for byte in 0..8 {
        bytes.push((
            &["timeout_remaining"],
            Box::new(move |state, value| {
                let mut remaining = state.timeout_remaining.to_le_bytes();
                remaining[byte] = value;
                state.timeout_remaining = u64::from_le_bytes(remaining);
            }),
        ));
        bytes.push((
            &[],
            Box::new(move |state, value| {
                let mut saved_at = state.saved_at.as_nanos().to_le_bytes();
                saved_at[byte] = value;
                state.saved_at = Instant::from_nanos(u64::from_le_bytes(saved_at));
            }),
        ));
    }
    bytes
}

/// What a 16550A can be in, said once more and in another way.
fn possible(state: &SerialState) -> bool {
    let SerialState {
        divisor: _,
        ier,
        fcr,
        lcr: _,
        mcr,
        scr: _,
        rbr: _,
        rx,
        rx_errors,
        lsr_errors,
        timeout_remaining,
        tx,
        tsr,
        thre_pending,
        msr_lines,
        msr_deltas,
        saved_at: _,
    } = *state;
    let fifo = fcr % 2 == 1;
    let places = if fifo { 16 } else { 1 };
    let registers = ier < 16
        && mcr < 32
        && [0x00, 0x01, 0x09].contains(&(fcr & 0x3f))
        && (fcr == 0 || fifo)
        && [msr_lines % 16, msr_deltas / 16, lsr_errors % 2, lsr_errors / 32] == [0; 4];
    let fifos = [rx, tx]
        .into_iter()
        .all(|fifo| usize::from(fifo.len) <= places && fifo.bytes.iter().skip(fifo.len.into()).all(|byte| *byte == 0));
    let errors = (0..16).all(|index| match rx_errors[index] {
        0 => true,
        0x04 | 0x08 | 0x0c => index > 0 && index < usize::from(rx.len),
        0x10 | 0x14 | 0x18 | 0x1c => index > 0 && index < usize::from(rx.len) && rx.bytes[index] == 0,
        _ => false,
    });
    // Four times 12 bits of 16 periods of 65,536 clocks, rounded up.
    let timeout = timeout_remaining == 0
        || fifo && rx.len > 0 && timeout_remaining <= (4 * 12 * 16 * 65_536 * 1_000_000_000_u64).div_ceil(1_843_200);
    let transmitter = (tx.len == 0 || tsr.is_some()) && !(tsr.is_some() && mcr & 0x10 != 0);
    let interrupt = !thre_pending || tx.len == 0 && ier & 2 != 0;
    registers && fifos && errors && timeout && transmitter && interrupt
}

#[test]
fn every_value_of_every_byte_is_accepted_or_refused_by_name() {
    let mut refused = 0;
    for base in busy_states() {
        let (mut device, line) = device_with(&base);
        line.take();
        for (names, set) in bytes() {
            for value in 0..=0xff {
                let mut state = base;
                set(&mut state, value);
                match device.restore(&state, base.saved_at, Clock::Frozen) {
                    Ok(()) => {
                        assert!(possible(&state), "accepted {state:?}");
                        device.restore(&base, base.saved_at, Clock::Frozen).unwrap();
                        line.take();
                    }
                    Err(InvalidState { field, .. }) => {
                        assert!(!possible(&state), "refused {state:?}: {field}");
                        assert!(names.contains(&field), "{names:?} blamed on {field}");
                        assert_eq!(device.state(base.saved_at), base, "touched by a refused {field}");
                        assert_eq!(line.take(), []);
                        refused += 1;
                    }
                }
            }
        }
    }
    assert!(refused > 10_000);
}

#[test]
fn every_accepted_state_survives_every_access() {
    for base in busy_states() {
        for (_, set) in bytes() {
            for value in [
                0, 1, 2, 3, 4, 7, 8, 0x0f, 0x10, 0x1f, 0x20, 0x3f, 0x7f, 0x80, 0xc1, 0xff,
            ] {
                let mut state = base;
                set(&mut state, value);
                if state.validate().is_ok() {
                    for mode in [Mode::Ready, Mode::Busy] {
                        live(&state, mode);
                    }
                }
            }
        }
    }
}

fn live(state: &SerialState, mode: Mode) {
    let (mut device, line) = device_with(state);
    device.output_mut().mode = mode;
    for (now, offset) in (0..9).cycle().take(45).enumerate() {
        let now = now as u64 * 1_000_000_000;
        device.read(offset, Instant::from_nanos(now));
        device.receive_break(Instant::from_nanos(now));
        device.write(offset, 0x95_u8.rotate_left(now as u32 % 7), Instant::from_nanos(now));
        device.drain_output(Instant::from_nanos(now));
        assert_eq!(device.state(Instant::from_nanos(now)).validate(), Ok(()));
        assert_eq!(device.interrupt_level(), line.level());
    }
}

fn device_with(state: &SerialState) -> (Bench, Line) {
    let line = Line::default();
    let device = Serial::from_state(
        state,
        line.clone(),
        Sink::default(),
        Counters::default(),
        KEEPING,
        state.saved_at,
        Clock::Frozen,
    )
    .unwrap();
    (device, line)
}
