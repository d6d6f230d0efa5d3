//! Converts the state of our UART to QEMU's.

use devstate_core::Instant;
use devstate_qemu_section::{Loss, Losses, Refused};
use devstate_serial_16550::{Fifo, SerialState, spec};

use super::section::{
    SerialFifo, SerialFifoTimeoutTimer, SerialReceiveFifo, SerialSection, SerialThrPending, SerialTimeoutPending,
    SerialTransmitFifo, SerialTsr,
};
use crate::mirror::SerialStateSer;

impl SerialSection {
    /// Converts the state of our device to QEMU's section. `now` is the machine's virtual time. Calls the visitor with
    /// each loss.
    ///
    /// # Errors
    ///
    /// The visitor refused a loss.
    pub fn from_state(
        state: &SerialState,
        now: Instant,
        visit: &mut dyn FnMut(&Loss) -> bool,
    ) -> Result<Self, Refused> {
        let SerialState {
            divisor,
            ier,
            fcr,
            lcr,
            mcr,
            scr,
            rbr,
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
        let mut losses = Losses::new(visit);
        let shown_errors = lsr_errors & (spec::lsr::OVERRUN | spec::lsr::BREAK);
        if shown_errors != lsr_errors {
            losses.lose("lsr_errors", lsr_errors, "QEMU's UART has no parity and framing errors")?;
        }
        let with_errors = rx_errors.iter().filter(|errors| **errors != 0).count();
        if with_errors != 0 {
            losses.lose(
                "rx_errors",
                with_errors as u8,
                "QEMU's UART has no errors after the first character",
            )?;
        }
        let is_looped = mcr & spec::mcr::LOOP != 0;
        if msr_deltas != 0 && is_looped {
            losses.lose("msr_deltas", msr_deltas, "QEMU's UART does not show them in loopback")?;
        }
        let fifos = fcr & spec::fcr::ENABLE != 0;
        let waits = fifos && !rx.is_empty();
        let shown = SerialState {
            lsr_errors: shown_errors,
            msr_deltas: if is_looped { 0 } else { msr_deltas },
            ..*state
        };
        let id = interrupt_id(&shown);
        let thr_is_shown = id == spec::iir::THR_EMPTY;
        let due_at = now.as_nanos().saturating_add(timeout_remaining);
        Ok(Self {
            divider: divisor,
            rbr: if fifos {
                rbr
            } else {
                rx.as_slice().first().copied().unwrap_or(rbr)
            },
            ier,
            iir: id | if fifos { spec::iir::FIFO_ENABLED } else { 0 },
            lcr,
            mcr,
            lsr: line_status(&shown),
            msr: msr_lines | shown.msr_deltas,
            scr,
            fcr_vmstate: fcr,
            thr_ipending: (thre_pending != thr_is_shown).then(|| SerialThrPending {
                thr_ipending: thre_pending.into(),
            }),
            tsr: tsr.map(|tsr| SerialTsr {
                tsr_retry: 1,
                thr: if fifos {
                    0
                } else {
                    tx.as_slice().first().copied().unwrap_or(0)
                },
                tsr,
            }),
            recv_fifo: waits.then(|| SerialReceiveFifo { recv_fifo: fifo(&rx) }),
            xmit_fifo: (fifos && !tx.is_empty()).then(|| SerialTransmitFifo { xmit_fifo: fifo(&tx) }),
            fifo_timeout_timer: (waits && timeout_remaining != 0).then(|| SerialFifoTimeoutTimer {
                fifo_timeout_timer: i64::try_from(due_at).unwrap_or(i64::MAX),
            }),
            timeout_ipending: (waits && timeout_remaining == 0).then_some(SerialTimeoutPending { timeout_ipending: 1 }),
            poll: None,
        })
    }
}

fn fifo(queue: &Fifo) -> SerialFifo {
    SerialFifo {
        data: queue.bytes,
        head: 0,
        num: queue.len.into(),
    }
}

/// The line status register (section 8.4), without the bit that QEMU's does not have.
fn line_status(state: &SerialState) -> u8 {
    let bit = |bit: u8, is_set: bool| if is_set { bit } else { 0 };
    state.lsr_errors
        | bit(spec::lsr::DATA_READY, !state.rx.is_empty())
        | bit(spec::lsr::THR_EMPTY, state.tx.is_empty())
        | bit(spec::lsr::TRANSMITTER_EMPTY, state.tsr.is_none())
}

/// The id of the pending interrupt with the highest priority (section 8.6).
fn interrupt_id(state: &SerialState) -> u8 {
    let enabled = |bit: u8| state.ier & bit != 0;
    let fifos = state.fcr & spec::fcr::ENABLE != 0;
    let trigger = match state.fcr & spec::fcr::TRIGGER {
        0x40 => 4,
        0x80 => 8,
        0xc0 => 14,
        _ => 1,
    };
    if enabled(spec::ier::LINE_STATUS) && state.lsr_errors != 0 {
        spec::iir::LINE_STATUS
    } else if enabled(spec::ier::RECEIVED_DATA) && fifos && !state.rx.is_empty() && state.timeout_remaining == 0 {
        spec::iir::TIMEOUT
    } else if enabled(spec::ier::RECEIVED_DATA) && state.rx.len >= trigger {
        spec::iir::RECEIVED_DATA
    } else if state.thre_pending {
        spec::iir::THR_EMPTY
    } else if enabled(spec::ier::MODEM_STATUS) && state.msr_deltas != 0 {
        spec::iir::MODEM_STATUS
    } else {
        spec::iir::NONE
    }
}

impl TryFrom<(&SerialStateSer, Instant)> for SerialSection {
    type Error = Refused;

    /// Converts a mirror to QEMU's section. The second value is the machine's virtual time.
    ///
    /// # Errors
    ///
    /// A guest could see a loss, or the state is impossible for a device.
    fn try_from((mirror, now): (&SerialStateSer, Instant)) -> Result<Self, Refused> {
        let state = SerialState::try_from(mirror)?;
        Self::from_state(&state, now, &mut |loss| loss.ignorable)
    }
}
