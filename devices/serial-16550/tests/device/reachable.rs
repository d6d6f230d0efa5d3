//! `validate` accepts nothing that a real device could not be in: for random accepted states, a recipe of accesses
//! brings a new device there.

use devstate_core::Instant;
use devstate_serial_16550::{CharacterErrors, Fifo, ModemLines, SerialState, spec};

use crate::support::{Bench, Dice, Guest, MAX_TIMEOUT, Mode, bench, errors_of};

#[test]
fn every_accepted_state_can_be_reached_through_the_registers() {
    let mut dice = Dice::new(16_550);
    let mut reached = 0;
    for _ in 0..60_000 {
        let state = random_state(&mut dice);
        if state.validate().is_ok() {
            assert_eq!(reach(&state), state);
            reached += 1;
        }
    }
    assert!(reached > 3_000, "{reached}");
}

/// Often possible, often not.
fn random_state(dice: &mut Dice) -> SerialState {
    let fcr = dice.pick(&[0, 0, 1, 0x09, 0x41, 0x81, 0xc1, 0x40, 0x03]);
    let ier = dice.byte() % 18;
    let mcr = dice.byte() % 34;
    let mut rx = random_fifo(dice, fcr);
    let mut rx_errors = [0; 16];
    let filled = rx.bytes.iter_mut().zip(&mut rx_errors).take(rx.len.into());
    for (index, (byte, errors)) in filled.enumerate() {
        if index != 0 || dice.chance(20) {
            *errors = dice.pick(&[0, 0, 0, 4, 8, 16, 0x1c]);
            if *errors & 16 != 0 && !dice.chance(50) {
                *byte = 0;
            }
        }
    }
    let stalled = dice.chance(2);
    let tx = if stalled { random_fifo(dice, fcr) } else { Fifo::EMPTY };
    SerialState {
        divisor: dice.pick(&[0, 1, 12, 0x1234, 0xffff]),
        ier,
        fcr,
        lcr: dice.byte(),
        mcr,
        scr: dice.byte(),
        rbr: dice.byte(),
        rx,
        rx_errors,
        lsr_errors: dice.pick(&[0, 2, 4, 8, 16, 0x1e, 6, 0x1c, 1]),
        timeout_remaining: match dice.roll(5) {
            0 | 1 if fcr & 1 != 0 => 1 + dice.roll(MAX_TIMEOUT),
            2 if dice.chance(10) => MAX_TIMEOUT + 1,
            _ => 0,
        },
        tx,
        tsr: if stalled { Some(dice.byte()) } else { None },
        thre_pending: dice.chance(3),
        msr_lines: dice.byte() & 0xf0,
        msr_deltas: dice.byte() & 0x0f,
        saved_at: Instant::EPOCH,
    }
}

fn random_fifo(dice: &mut Dice, fcr: u8) -> Fifo {
    let len = if fcr == 0 { dice.roll(2) } else { dice.roll(18) } as u8;
    let mut bytes = [0; 16];
    for byte in bytes.iter_mut().take(len.into()) {
        *byte = dice.byte();
    }
    Fifo { bytes, len }
}

/// Brings a new device into `state`, with nothing but what a guest and a host can do.
fn reach(state: &SerialState) -> SerialState {
    let (mut device, _) = bench();
    device.write(spec::LCR, 0x03, Instant::EPOCH);
    let fifo = state.fcr & 1 != 0;

    // What a break, or an error without its character, leaves behind is made before the character that stays in RBR.
    if !fifo {
        leave_errors(&mut device, state.lsr_errors);
    }
    device.receive_character(state.rbr, CharacterErrors::NONE, Instant::EPOCH);
    device.rbr();
    device.write(spec::FCR, state.fcr, Instant::EPOCH);
    if fifo {
        leave_errors(&mut device, state.lsr_errors);
    }

    transmit(&mut device, state);
    let now = receive(&mut device, state);
    connect(&mut device, state);

    device.write(spec::SCR, state.scr, Instant::from_nanos(now));
    device.set_divisor(state.divisor);
    device.write(spec::LCR, state.lcr & !0x80, Instant::from_nanos(now));
    // With `thre_pending` settled, the other interrupts can be enabled.
    device.write(spec::IER, state.ier, Instant::from_nanos(now));
    device.write(spec::LCR, state.lcr, Instant::from_nanos(now));
    SerialState {
        saved_at: Instant::EPOCH,
        ..device.state(Instant::from_nanos(now))
    }
}

/// Latches line status errors, without leaving a character.
fn leave_errors(device: &mut Bench, errors: u8) {
    if errors & 2 != 0 {
        for _ in 0..17 {
            device.receive_character(0, CharacterErrors::NONE, Instant::EPOCH);
        }
        for _ in 0..16 {
            device.rbr();
        }
    }
    if errors & 0x1c != 0 {
        device.receive_character(0, errors_of(u64::from(errors >> 2) & 7), Instant::EPOCH);
        device.rbr();
    }
}

fn transmit(device: &mut Bench, state: &SerialState) {
    device.write(spec::IER, state.ier & 2, Instant::EPOCH);
    device.output_mut().mode = Mode::Busy;
    for character in state.tsr.iter().chain(state.tx.as_slice()) {
        device.thr(*character);
    }
    if !state.thre_pending {
        device.id();
    }
}

/// Receives at the slowest rate, and lets time pass until the time-out has `timeout_remaining` left.
fn receive(device: &mut Bench, state: &SerialState) -> u64 {
    device.write(spec::LCR, 0x0f, Instant::EPOCH);
    device.set_divisor(0);
    for (character, errors) in state.rx.as_slice().iter().zip(state.rx_errors) {
        device.receive_character(*character, errors_of(u64::from(errors >> 2)), Instant::EPOCH);
    }
    let runs = state.fcr & 1 != 0 && state.rx.len != 0;
    let now = if runs { MAX_TIMEOUT - state.timeout_remaining } else { 0 };
    device.advance(Instant::from_nanos(now));
    now
}

/// Toggles the modem's inputs so that the right deltas and no others are set.
fn connect(device: &mut Bench, state: &SerialState) {
    device.set_modem_lines(ModemLines::from_msr(state.msr_lines), Instant::EPOCH);
    let looped = state.mcr & 0x10 != 0;
    let inputs = if looped {
        (state.mcr & 1) << 5 | (state.mcr & 2) << 3 | (state.mcr & 0x0c) << 4
    } else {
        state.msr_lines
    };
    let toggled = inputs ^ (state.msr_deltas & 0x0b) << 4;
    let ring_ends = state.msr_deltas & 4 != 0;
    drive(device, looped, if ring_ends { toggled | 0x40 } else { toggled });
    device.msr();
    if ring_ends {
        drive(device, looped, inputs & !0x40);
    }
    drive(device, looped, inputs);
    if !looped {
        device.write(spec::MCR, state.mcr, Instant::EPOCH);
    }
}

fn drive(device: &mut Bench, looped: bool, inputs: u8) {
    if looped {
        let outputs = (inputs >> 5 & 1) | (inputs >> 3 & 2) | (inputs >> 4 & 0x0c);
        device.write(spec::MCR, 0x10 | outputs, Instant::EPOCH);
    } else {
        device.set_modem_lines(ModemLines::from_msr(inputs), Instant::EPOCH);
    }
}
