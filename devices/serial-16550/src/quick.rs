//! What follows from the state and every access needs, beside it. It is not saved.

use crate::config::Config;
use crate::deadlines::Timers;
use crate::state::SerialState;

/// What follows from the state and every access needs. No part of the state: `Serial::refresh` computes it anew.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Quick {
    /// The line status register.
    pub(crate) lsr: u8,
    /// A character written at offset 0 goes straight to the output.
    pub(crate) sends_at_once: bool,
    /// The number of reads at offset 0 that only take a character from the FIFO. The character has no error, at least one
    /// stays behind, and the time-out neither starts nor ends: if it runs, it begins anew.
    pub(crate) plain_reads: u8,
    /// The number of received characters from which on the time-out matters. With fewer, the host has no timer, and they
    /// raise no interrupt.
    pub(crate) silent_below: u8,
}

impl Quick {
    pub(crate) const fn of(state: &SerialState, config: Config, timers: &Timers) -> Self {
        let data = !state.divisor_latch_open();
        let silent_below = if config.timer { 0 } else { state.trigger_level() };
        Self {
            lsr: state.lsr(),
            sends_at_once: data && state.tsr.is_none() && !state.looped_back(),
            plain_reads: if state.rx.len > 1 && data && state.fifo_enabled() {
                Self::plain_reads(state, silent_below, timers)
            } else {
                0
            },
            silent_below,
        }
    }

    const fn plain_reads(state: &SerialState, silent_below: u8, timers: &Timers) -> u8 {
        let leave = if state.timeout_remaining == timers.timeout_ns && silent_below > 1 {
            silent_below
        } else if state.timeout_remaining == timers.timeout_ns
            || state.timeout_remaining == 0 && state.rx.len < silent_below
        {
            1
        } else {
            return 0;
        };
        if state.has_hidden_errors() {
            0
        } else {
            state.rx.len.saturating_sub(leave)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errors::CharacterErrors;
    use crate::output::AlwaysReady;
    use crate::{NoEvents, Serial};
    use devstate_core::{Instant, NoInterrupt};

    /// Reads and writes of all registers with values that drivers use, characters, and time.
    fn steps() -> impl Iterator<Item = u32> {
        // The generator of Numerical Recipes; its upper half is random enough.
        core::iter::successors(Some(1u32), |seed| {
            Some(seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223))
        })
        .map(|seed| seed >> 16)
    }

    #[test]
    fn its_values_agree_with_the_state_after_every_access() {
        for config in [Config::DEFAULT, Config::WITH_TIMER] {
            let output = AlwaysReady(&mut [0; 0][..]);
            let mut serial = Serial::with_config(NoInterrupt, output, NoEvents, config);
            let mut now = Instant::EPOCH;
            let mut plain = 0;
            for step in steps().take(200_000) {
                let value = (step >> 4) as u8;
                now = now.saturating_add_nanos(u64::from(step & 0xff) * 1_000);
                plain += u32::from(serial.quick.plain_reads != 0);
                match step % 16 {
                    0 => serial.write(1, value & 0x0f, now),
                    1 => serial.write(2, [0x00, 0x01, 0x81, 0xc1, 0x07][usize::from(value) % 5], now),
                    2 => serial.write(3, [0x03, 0x83, 0x1b, 0x03][usize::from(value) % 4], now),
                    3 => serial.write(4, value & 0x1b, now),
                    4 => serial.write(0, value, now),
                    5 => serial.receive_character(value, CharacterErrors::PARITY, now),
                    6 | 7 => _ = serial.receive(&[value; 9], now),
                    8..=11 => _ = serial.read(0, now),
                    offset => _ = serial.read(offset as u16 - 9, now),
                }
                assert_eq!(
                    serial.quick,
                    Quick::of(&serial.state, config, &serial.timers),
                    "after {step:#x}"
                );
            }
            assert!(plain > 10_000, "{plain}");
        }
    }
}
